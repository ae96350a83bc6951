//! Time, by the broker's clock. (`std::time` has no clock on this target: `SystemTime::now` panics there.)

use crate::host;
use std::time::Duration;

/// The time since 1970-01-01 UTC, in milliseconds.
pub fn now() -> Duration {
    Duration::from_millis(host::current().now())
}

/// Waits. It counts against the deadline of the run. Less than a millisecond is rounded up.
pub fn sleep(time: Duration) {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    host::current().sleep(u64::try_from(milliseconds).unwrap_or(u64::MAX));
}
