//! Results in the order of the input, whatever the order in which lines finish; written by a thread of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// Writes that wait for the writer, each of all results that were there at one time.
const AHEAD: usize = 4;
/// Bytes of results after which they are handed over, though there are more.
pub const AT_ONCE: usize = 32 * 1024;

/// Puts results into the order in which their lines were begun.
#[derive(Debug)]
pub struct Order {
    /// Lines begun, and results handed out.
    begun: u64,
    out: u64,
    waiting: BTreeMap<u64, String>,
    /// Most lines that may be begun beyond the first one whose result is missing; none if order does not matter.
    window: Option<u64>,
}

impl Order {
    /// In order, at most `window` results waiting; or, without one, as they finish.
    pub fn new(window: Option<u64>) -> Order {
        Order { begun: 0, out: 0, waiting: BTreeMap::new(), window }
    }

    /// Whether one more line may begin.
    pub fn has_room(&self) -> bool {
        self.window.is_none_or(|window| self.begun - self.out < window)
    }

    /// A line begins: its place.
    pub fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun - 1
    }

    /// A line has finished; appends the results that can be written now.
    pub fn finish(&mut self, place: u64, result: String, ready: &mut String) {
        if self.window.is_none() || place == self.out {
            ready.push_str(&result);
            self.out += 1;
        } else {
            self.waiting.insert(place, result);
        }
        while let Some(result) = self.waiting.remove(&self.out) {
            ready.push_str(&result);
            self.out += 1;
        }
    }
}

/// Writes results, so that a reader who takes its time holds nothing up but the next line.
#[derive(Debug)]
pub struct Printer {
    results: mpsc::Sender<String>,
    thread: JoinHandle<()>,
}

/// Nobody reads the results any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed;

impl Printer {
    /// Writes to `stdout`.
    pub fn start(stdout: impl Write + Send + 'static) -> std::io::Result<Printer> {
        let (results, mut taken) = mpsc::channel::<String>(AHEAD);
        let thread = std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            let mut stdout = stdout;
            while let Some(results) = taken.blocking_recv() {
                // One write, flushed: what stdout is may keep a buffer of its own.
                if stdout.write_all(results.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Printer { results, thread })
    }

    /// Hands results over; waits while the reader is behind.
    pub async fn print(&self, results: String) -> Result<(), Closed> {
        self.results.send(results).await.map_err(|_| Closed)
    }

    /// Waits until everything is written.
    pub fn end(self) {
        drop(self.results);
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_the_order_of_the_ends_results_come_in_that_of_the_input(order in Just((0..20_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut results = Order::new(Some(20));
            for place in 0..20 {
                prop_assert!(results.has_room());
                prop_assert_eq!(results.begin(), place);
            }
            prop_assert!(!results.has_room());
            let mut out = String::new();
            order.into_iter().for_each(|place| results.finish(place, format!("{place} "), &mut out));
            prop_assert_eq!(out, (0..20).map(|place| format!("{place} ")).collect::<String>());
            prop_assert!(results.has_room() && results.waiting.is_empty());
        }
    }

    #[test]
    fn as_they_finish_nothing_waits() {
        let mut results = Order::new(None);
        let (first, second) = (results.begin(), results.begin());
        let mut out = String::new();
        results.finish(second, "b".to_owned(), &mut out);
        assert_eq!(out, "b");
        results.finish(first, "a".to_owned(), &mut out);
        assert_eq!(out, "ba");
        assert!(results.has_room());
    }
}
