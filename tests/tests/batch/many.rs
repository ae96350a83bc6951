//! Many lines: the same program that is run by hand with 100,000 of them (`make soak`), at a size for every day.

use rotabox_tests::soak::{Plan, Soak};

/// Memory that does not grow with the lines: the last tenth has little more than the third had.
fn is_flat(kib: &[u64]) {
    let (third, last) = (kib[2], *kib.last().unwrap());
    assert!(last <= third + third / 2 + 16 * 1024, "resident KiB at each tenth: {kib:?}");
}

#[test]
fn every_line_of_many_is_accounted_for_and_memory_stays_flat() {
    let (report, _) = Soak::new(Plan::of(2000)).run();
    assert_eq!(report.exit, 0, "{report:#?}");
    assert_eq!(report.outcomes.get("rotated"), Some(&2000), "{report:#?}");
    assert_eq!(report.requests, 4 * 2000);
    is_flat(&report.broker_kib);
    is_flat(&report.workers_kib);
}

#[test]
fn the_same_with_faults_and_a_second_run_puts_everything_right() {
    let (report, again) = Soak::new(Plan { fault_every: 100, ..Plan::of(2000) }).run();
    assert!(report.exit == 7 && report.outcomes.len() > 1, "{report:#?}");
    assert_eq!(again.unwrap().exit, 0);
}

#[test]
fn the_same_with_the_worker_killed_now_and_then() {
    let plan = Plan { kill_every: 150, workers: Some(2), as_finished: true, ..Plan::of(2000) };
    let (report, _) = Soak::new(plan).run();
    assert!(report.killed > 0, "{report:#?}");
    assert!(report.stderr.contains("a worker failed and was replaced"), "{report:#?}");
    assert!(report.outcomes.get("rotated").is_some_and(|rotated| *rotated > 1000), "{report:#?}");
}
