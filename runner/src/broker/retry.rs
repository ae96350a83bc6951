//! When a request that changes nothing is sent again, and after how long. A request that changes something never is.
//!
//! | seen | again | after |
//! | --- | --- | --- |
//! | 429 or 503 | up to [`MOST_BUSY`] times | what the provider says, else a doubling pause |
//! | no connection, no whole answer | up to [`MOST_BROKEN`] times | a doubling pause |
//!
//! An address that is refused or a certificate that is not trusted stays so: neither is tried again.
//!
//! What providers say: `Retry-After` in seconds or as a date (RFC 9110), and `X-Rate-Limit-Reset` or `X-RateLimit-Reset`, which is an
//! epoch second with some (Okta, Auth0, GitHub) and seconds left with others (Datadog): a value above 10^9 is an epoch
//! second, taken against the answer's own `Date` where there is one. A sign-in is never repeated after a lost answer: it
//! may have counted as a failed one; nor after an answer that the page judges: it did. For the same reason a busy answer that
//! names no pause ([`may_count`]) is repeated only as often as sign-ins may fail.

use crate::page::answer::Answer;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most repeats after 429 or 503.
pub const MOST_BUSY: u32 = 5;
/// Most repeats after a lost connection or answer.
pub const MOST_BROKEN: u32 = 2;
/// The first pause where the provider names none.
const FIRST: Duration = Duration::from_millis(250);
/// The longest pause that is taken; a longer one is left to the next run.
const LONGEST: Duration = Duration::from_secs(300);

/// The pause before repeat number `done + 1` after a 429 or 503; `None` if it is not worth it.
pub fn after_busy(answer: &Answer, done: u32, now: SystemTime, jitter: f64) -> Option<Duration> {
    if !matches!(answer.status, 429 | 503) || done >= MOST_BUSY {
        return None;
    }
    let pause = asked_for(answer, now).unwrap_or_else(|| doubling(done, jitter));
    (pause <= LONGEST).then_some(pause)
}

/// How long a batch leaves the provider in peace after this answer: what a 429 asks for, or a 503 that names a time; at most
/// [`LONGEST`], so that a wrong clock does not stop it for good.
pub fn for_all(answer: &Answer, now: SystemTime) -> Option<Duration> {
    match (answer.status, asked_for(answer, now)) {
        (429 | 503, Some(pause)) => Some(pause.min(LONGEST)),
        (429, None) => Some(FIRST),
        _ => None,
    }
}

/// Whether a sign-in that got this answer may have counted as a failed one: a 503 that names no pause can come from a proxy in
/// front of a provider that has seen the password. One that names a pause says that nothing was looked at; so does 429.
pub fn may_count(answer: &Answer) -> bool {
    answer.status == 503 && !answer.headers.iter().any(|(name, _)| name == "retry-after")
}

/// The pause before repeat number `done + 1` after a lost connection or answer.
pub fn after_broken(done: u32, jitter: f64) -> Option<Duration> {
    (done < MOST_BROKEN).then(|| doubling(done, jitter))
}

/// `FIRST * 2^done`, times 0.5 to 1.5 by `jitter` (0 to 1).
fn doubling(done: u32, jitter: f64) -> Duration {
    FIRST.saturating_mul(1 << done.min(8)).mul_f64(0.5 + jitter.clamp(0.0, 1.0))
}

/// How long the provider asks to wait.
fn asked_for(answer: &Answer, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| answer.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
    let date = header("date").and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    if let Some(retry_after) = header("retry-after") {
        return match retry_after.parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => httpdate::parse_http_date(retry_after).ok().map(|at| at.duration_since(date).unwrap_or_default()),
        };
    }
    let reset: u64 = header("x-rate-limit-reset").or_else(|| header("x-ratelimit-reset"))?.parse().ok()?;
    if reset < 1_000_000_000 {
        return Some(Duration::from_secs(reset));
    }
    // The bucket refills at that second; one more, since the header has no fractions.
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(reset.checked_add(1)?))?;
    Some(at.duration_since(date).unwrap_or_default())
}

/// A number from 0 to 1 that is different each time; 0.5 without randomness.
pub fn jitter() -> f64 {
    let mut byte = [128_u8];
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        Answer {
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn the_provider_says_how_long() {
        let now = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let seconds = |n| Some(Duration::from_secs(n));
        for (headers, wanted) in [
            (&[("retry-after", "7")][..], seconds(7)),
            (
                &[("retry-after", "Wed, 18 May 2033 03:33:30 GMT"), ("date", "Wed, 18 May 2033 03:33:20 GMT")],
                seconds(10),
            ),
            (
                &[("retry-after", "Wed, 18 May 2033 03:33:10 GMT"), ("date", "Wed, 18 May 2033 03:33:20 GMT")],
                seconds(0),
            ),
            (&[("x-rate-limit-reset", "2000000005")], seconds(6)),
            (&[("x-rate-limit-reset", "2000000005"), ("date", "Wed, 18 May 2033 03:33:15 GMT")], seconds(11)),
            (&[("x-ratelimit-reset", "12")], seconds(12)),
            (&[("retry-after", "soon")], seconds(0).map(|_| Duration::from_millis(250))),
            (&[("retry-after", "1000000000")], None),
            (&[("x-rate-limit-reset", "18446744073709551615")], Some(Duration::from_millis(250))),
        ] {
            assert_eq!(after_busy(&answer(429, headers), 0, now, 0.5), wanted, "{headers:?}");
        }
    }

    #[test]
    fn only_busy_answers_are_repeated_and_not_for_ever() {
        let now = UNIX_EPOCH;
        assert!(after_busy(&answer(503, &[]), 0, now, 0.0).is_some());
        for status in [200, 400, 401, 403, 404, 409, 500, 502, 504] {
            assert_eq!(after_busy(&answer(status, &[("retry-after", "1")]), 0, now, 0.0), None, "{status}");
        }
        assert_eq!(after_busy(&answer(429, &[]), MOST_BUSY, now, 0.0), None);
        assert_eq!(after_broken(MOST_BROKEN, 0.0), None);
    }

    #[test]
    fn everybody_waits_for_what_a_busy_provider_asks_and_not_for_ever() {
        let now = UNIX_EPOCH;
        for (status, headers, wanted) in [
            (429, &[("retry-after", "7")][..], Some(Duration::from_secs(7))),
            (429, &[], Some(FIRST)),
            (429, &[("retry-after", "86400")], Some(LONGEST)),
            (503, &[("retry-after", "7")], Some(Duration::from_secs(7))),
            (503, &[], None),
            (200, &[("retry-after", "7"), ("x-rate-limit-reset", "7")], None),
        ] {
            assert_eq!(for_all(&answer(status, headers), now), wanted, "{status} {headers:?}");
        }
    }

    #[test]
    fn pauses_double_and_jitter_stays_in_its_bounds() {
        assert_eq!(after_broken(0, 0.0), Some(Duration::from_millis(125)));
        assert_eq!(after_broken(1, 1.0), Some(Duration::from_millis(750)));
        assert!((0.0..=1.0).contains(&jitter()));
    }
}
