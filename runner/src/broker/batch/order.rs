//! Results in the order of the input, whatever the order in which lines finish; written by a thread of its own.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// Results that wait for the writer.
const AHEAD: usize = 64;

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

    /// A line has finished; answers with the results that can be written now.
    pub fn finish(&mut self, place: u64, result: String) -> Vec<String> {
        if self.window.is_none() {
            return vec![result];
        }
        self.waiting.insert(place, result);
        let mut ready = Vec::new();
        while let Some(result) = self.waiting.remove(&self.out) {
            ready.push(result);
            self.out += 1;
        }
        ready
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
            let mut stdout = BufWriter::with_capacity(64 * 1024, stdout);
            while let Some(result) = taken.blocking_recv() {
                let written = stdout.write_all(result.as_bytes());
                let flushed = if taken.is_empty() { stdout.flush() } else { Ok(()) };
                if written.and(flushed).is_err() {
                    return;
                }
            }
            let _ = stdout.flush();
        })?;
        Ok(Printer { results, thread })
    }

    /// Hands a result over; waits while the reader is behind.
    pub async fn print(&self, result: String) -> Result<(), Closed> {
        self.results.send(result).await.map_err(|_| Closed)
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
            let out: Vec<String> = order.into_iter().flat_map(|place| results.finish(place, place.to_string())).collect();
            prop_assert_eq!(out, (0..20).map(|place| place.to_string()).collect::<Vec<_>>());
            prop_assert!(results.has_room() && results.waiting.is_empty());
        }
    }

    #[test]
    fn as_they_finish_nothing_waits() {
        let mut results = Order::new(None);
        let (first, second) = (results.begin(), results.begin());
        assert_eq!(results.finish(second, "b".to_owned()), ["b"]);
        assert_eq!(results.finish(first, "a".to_owned()), ["a"]);
        assert!(results.has_room());
    }
}
