//! One test a folder of `tests/cases`; see `rotabox_tests::case` for what stands in one.

use libtest_mimic::{Arguments, Trial};
use rotabox_tests::{artifacts, case};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let cases = artifacts::root().join("tests/cases");
    let trials = case::all(&cases).into_iter().map(|folder| {
        let name = folder.strip_prefix(&cases).unwrap_or(&folder).display().to_string().replace('/', "::");
        let cases = cases.clone();
        Trial::test(name, move || {
            case::check(&cases, &folder);
            Ok(())
        })
    });
    libtest_mimic::run(&args, trials.collect()).exit_code()
}
