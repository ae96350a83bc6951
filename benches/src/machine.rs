//! What a figure was taken on: without that it says nothing.

use rotabox_tests::artifacts::root;
use std::fs;
use std::path::Path;
use std::process::Command;

/// One line an item.
pub fn describe(rotabox: &Path, python: Option<&Path>) -> Vec<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches(['\t', ':', ' ']);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory: u64 = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux").trim_matches('"');
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(root()).output().ok();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.lines().next().unwrap_or("unknown").to_owned()
    };
    let git = said("git", &["describe", "--always", "--dirty"]);
    let size = fs::metadata(rotabox).map_or(0, |file| file.len());
    let runner = rotabox.display().to_string();
    let mut lines = vec![
        format!(
            "machine: {model}, {cores} cores, {:.0} GiB, {system}, Linux {}",
            memory as f64 / 1_048_576.0,
            said("uname", &["-r"])
        ),
        format!("load before: {}", load()),
        format!(
            "runner: {} of commit {git}, {} bytes, {}",
            said(&runner, &["--version"]),
            size,
            said("rustc", &["--version"])
        ),
    ];
    if let Some(python) = python.and_then(Path::to_str) {
        let curl = said("curl", &["--version"]);
        let curl: Vec<&str> = curl.split_whitespace().take(2).collect();
        let bash = said("bash", &["-c", "echo bash $BASH_VERSION"]);
        lines.push(format!(
            "beside it: {bash}, {}, {}, {}",
            curl.join(" "),
            said("jq", &["--version"]),
            said(python, &["--version"])
        ));
    }
    lines
}

/// The load of the last minute.
pub fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}
