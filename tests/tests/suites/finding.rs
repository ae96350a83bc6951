//! A policy is found by its name, or by a module that exactly one policy lists.

use rotabox_tests::artifacts;
use rotabox_tests::case::Setup;
use std::fs;

fn policy_text(setup: &Setup) -> String {
    fs::read_to_string(setup.bench.policies().join("prod.toml")).unwrap()
}

#[test]
fn a_module_under_any_name_finds_the_one_policy_that_lists_its_digest() {
    let setup = Setup::of("rest");
    let copy = setup.bench.folder().join("9f3a-uploaded-script");
    fs::copy(artifacts::guest("rest").path, copy.with_extension("wasm")).unwrap();
    let ran = setup.run(&["run", copy.with_extension("wasm").to_str().unwrap()]);
    assert_eq!((ran.exit, ran.result["policy"].as_str()), (0, Some("prod")), "{ran:?}");
}

#[test]
fn two_policies_for_one_module_are_listed_and_nothing_runs() {
    let setup = Setup::of("rest");
    setup.bench.policy("test", &policy_text(&setup));
    let ran = setup.run(&["run", artifacts::guest("rest").path.to_str().unwrap()]);
    assert_eq!(ran.exit, 2);
    assert!(ran.stderr.contains("prod") && ran.stderr.contains("test"), "{}", ran.stderr);
    assert_eq!(setup.server.connections(), 0);
}

#[test]
fn a_module_that_no_policy_lists_is_refused() {
    let setup = Setup::of("rest");
    let ran = setup.run(&["run", artifacts::guest("puppet").path.to_str().unwrap()]);
    assert_eq!(ran.exit, 2);
    assert!(ran.stderr.contains(&artifacts::guest("puppet").sha256), "the digest is not said: {}", ran.stderr);
}

#[test]
fn a_misspelt_policy_is_answered_with_the_nearest_one() {
    let setup = Setup::of("rest");
    for name in ["prodd", "../policies/prod", "prod.toml"] {
        let ran = setup.run(&["run", name]);
        assert_eq!(ran.exit, 2, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("prod"), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_policy_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::of("rest");
    let path = setup.bench.policies().join("prod.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = setup.run(&crate::RUN);
    assert_eq!(ran.exit, 2, "{}", ran.stderr);
    assert_eq!(setup.server.connections(), 0);
}

#[test]
fn several_digests_may_be_listed_while_a_new_version_is_rolled_out() {
    let setup = Setup::of("rest");
    let digest = format!("\"{}\"", artifacts::guest("rest").sha256);
    let text = policy_text(&setup).replacen(&digest, &format!("\"{}\", {digest}", "0".repeat(64)), 1);
    setup.bench.policy("prod", &text);
    assert_eq!(setup.run(&crate::RUN).exit, 0);
}
