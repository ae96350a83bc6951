//! Bytes from strangers, thrown at every reader: what `make fuzz` does for as long as you like, and `make test` for a moment.
//!
//! A target is a function of bytes that panics where something does not hold. It is given the committed corpus
//! (`tests/fuzz/<target>/`), and changed copies of it: bytes flipped, cut, repeated, and words of the target's language put in.
//! Two drivers share targets, corpora and words:
//!
//! | driver | what it is for |
//! | --- | --- |
//! | [`Target::attack`] | every target, in every build: `make fuzz`, `make test`. Seeded, so that a run can be had again |
//! | libFuzzer (`src/bin/guided.rs`) | one target for hours, led by what of our own code an input reaches: `make fuzz-guided` |
//!
//! An input that fails is written to `target/fuzz/`; put it into the corpus once the cause is mended.

mod mutate;
mod targets;

pub use mutate::Source;
pub use targets::TARGETS;

use crate::artifacts;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// One thing that reads what strangers write.
pub struct Target {
    /// The folder of its corpus.
    pub name: &'static str,
    /// Panics if something does not hold.
    pub run: fn(&[u8]),
    /// Words of its language.
    pub words: &'static [&'static str],
    /// Inputs of a brief run: fewer where each takes long.
    pub brief: u64,
}

/// Longest that one input may take. None takes a tenth of that on a busy machine.
const SLOW: Duration = Duration::from_secs(30);

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// That many inputs.
    Inputs(u64),
    /// That long.
    Passed(Duration),
}

impl Target {
    /// The committed corpus, by file name.
    pub fn corpus(&self) -> Vec<Vec<u8>> {
        let folder = artifacts::root().join("tests/fuzz").join(self.name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
    }

    /// Runs the corpus, then changed copies of it. Answers how many inputs were tried.
    pub fn attack(&self, seed: u64, until: Until) -> u64 {
        let mut pool = self.corpus();
        assert!(!pool.is_empty(), "{} has no corpus", self.name);
        pool.iter().for_each(|input| self.attempt(input));
        let began = Instant::now();
        let mut source = Source::new(seed);
        let mut count = 0;
        while match until {
            Until::Inputs(most) => count < most,
            Until::Passed(time) => began.elapsed() < time,
        } {
            let input = mutate::changed(&pool, self.words, &mut source);
            self.attempt(&input);
            count += 1;
            // What was changed once may be changed again: a walk, not a circle around the corpus.
            if pool.len() < 512 && source.one_in(8) {
                pool.push(input);
            }
        }
        count
    }

    /// The input, changed as [`Target::attack`] changes it.
    pub fn changed(&self, input: &[u8], seed: u64) -> Vec<u8> {
        mutate::changed(&[input.to_vec()], self.words, &mut Source::new(seed))
    }

    fn attempt(&self, input: &[u8]) {
        let began = Instant::now();
        let run = || {
            (self.run)(input);
            assert!(began.elapsed() < SLOW, "it takes {:?}", began.elapsed());
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let folder = artifacts::target().join("fuzz");
            let name = format!("{}-{}", self.name, &artifacts::sha256(input)[..16]);
            let path = folder.join(name);
            drop(fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input)));
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panics");
            panic!("{}: an input of {} bytes fails (it is in {}): {said}", self.name, input.len(), path.display());
        }
    }
}
