//! Native code: a store of modules that were compiled before, for this machine and this build of the runner.
//!
//! Compiling takes a hundred times as long as everything else that a run does before its first request. So an operator does it once,
//! with `rotabox compile`, and a run maps what is there. Native code is believed, not checked: whoever writes it decides what the
//! worker executes. Hence these rules.
//!
//! | rule | how |
//! | --- | --- |
//! | only root, or the owner of the policy, can have written it | [`crate::policy::trusted`]: owners and modes of the file and every folder above it, no link, one name |
//! | it is that module's | the label names the module's sha256, which the policy pins |
//! | it is this build's | the label names the [`build`] id; the engine compares no more than its major version and what changes the code's interface |
//! | it is whole | the label is hashed, and, by the worker, the code too, up to [`HASHED_BYTES`] |
//! | what is checked is what is run | one descriptor: opened, judged, and handed to the worker, which maps it, closes it, and hashes what it has mapped |
//! | it runs behind the same walls | the worker maps it behind the first wall, and the second comes before its first instruction |
//! | nothing in a run writes it | only the verb `compile` has code for that |
//!
//! Whatever does not hold, the module is compiled as if there were no store, and the result says so. So a bad entry costs time, and
//! nothing else.
//!
//! | module | what |
//! | --- | --- |
//! | [`build`] | which build this is |
//! | [`label`] | what stands behind the code in a file of the store |
//! | [`store`] | looking an entry up, and putting one there |

pub mod build;
pub mod label;
pub mod store;

pub use store::{Refusal, Stored, look_up};

use serde::{Deserialize, Serialize};

/// Where native code is kept unless the host file says otherwise.
pub const DEFAULT_STORE: &str = "/var/lib/rotabox/native";
/// Code up to this size is hashed in every run: rotators in Rust have a tenth of it, and 4 MiB take some 2 ms. Above it, hashing would
/// cost more than everything else together (36 MB: 20 ms), so that a file is believed for its owner's sake, as every program on
/// the machine is.
pub const HASHED_BYTES: u64 = 4 * 1024 * 1024;

/// Where a run's machine code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Native {
    /// From the store.
    Stored,
    /// The store has none for this module: the worker compiled it.
    Compiled,
    /// The store has some that was not used: the worker compiled the module, and a warning says why.
    Ignored,
}
