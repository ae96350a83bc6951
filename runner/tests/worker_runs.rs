//! Steps in a real worker process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{component, core, loaded, run_alone};
use rotabox::wire::ToBroker;

#[tokio::test]
async fn a_step_that_does_nothing_is_done() {
    let mut link = loaded(&component(&core("", "(i32.const 1024)"))).await;
    assert_eq!(run_alone(&mut link).await, (vec![], ToBroker::Done(Ok(()))));
}
