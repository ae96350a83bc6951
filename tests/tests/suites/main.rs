//! What needs more than a folder: tables, matrices of faults, looks at the running processes.
//!
//! | module | what |
//! | --- | --- |
//! | `gateway` | the line on stdin, in every form and every wrong form |
//! | `passwords` | awkward passwords arrive as they are |
//! | `torture` | each request of a rotation fails in each way, once and for good |
//! | `processes` | what another process can see; signals; a worker that dies; a closed stdout |
//! | `modules` | files that are no rotator |
//! | `native` | machine code from the store, and poisoned entries |
//! | `finding` | a policy by name or by a module's digest |
//! | `addresses` | where nothing may be dialled |
//! | `cassettes` | recorded runs: free of secrets, the same bytes each time, replayed without a network |
//! | `stand_in` | the stand-ins themselves |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod addresses;
mod cassettes;
mod finding;
mod gateway;
mod modules;
mod native;
mod passwords;
mod processes;
mod stand_in;
mod torture;

const RUN: [&str; 2] = ["run", "prod"];
