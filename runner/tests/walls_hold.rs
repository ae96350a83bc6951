//! The walls of the worker, seen from outside by the kernel's own words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![cfg(target_os = "linux")]

mod common;

use common::{component, core, loaded};

#[tokio::test]
async fn the_kernel_says_that_the_worker_is_filtered_twice_and_gains_nothing() {
    let link = loaded(&component(&core("", "(i32.const 1024)"))).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", link.process().unwrap())).unwrap();
    let line =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or("").to_owned();
    assert_eq!(line("Seccomp:"), "2", "{status}");
    assert_eq!(line("Seccomp_filters:"), "2", "{status}");
    assert_eq!(line("NoNewPrivs:"), "1", "{status}");
    assert_eq!(line("Threads:"), "1", "{status}");
}
