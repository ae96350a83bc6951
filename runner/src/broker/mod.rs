//! The broker: the process with the secrets and the network.
//!
//! | module | what |
//! | --- | --- |
//! | [`proof`] | a claim is a value: who saw which password work |
//! | [`ledger`] | what was sent, and what came of it |
//! | [`outcome`] | what a run ended in: exit codes, live password |
//! | [`machine`] | the states of a run |
//! | [`session`] | one step: the rotator's calls, decided, placed, sent, judged, redacted |
//! | [`retry`] | when a request that changes nothing is sent again |
//! | [`run`] | a run from the opened files to its outcome |
//! | [`batch`] | many lines, each a run |
//! | [`interrupt`] | Ctrl-C and SIGTERM |
//! | [`code`] | native code from the store, or the module to be compiled |
//! | [`link`] | the pipes to the worker |
//! | [`starting`] | a worker that is started before anybody knows what it will run |
//! | [`launcher`] | starts workers behind the walls of a batch |
//! | [`pool`] | the workers of a batch |
//! | [`seat`] | a worker, as the steps of one run see it |
//! | [`http`] | the capability: dial, read, cookies, redact |

pub mod batch;
pub mod code;
pub mod http;
pub mod interrupt;
pub mod launcher;
pub mod ledger;
pub mod link;
pub mod machine;
pub mod outcome;
pub mod pool;
pub mod proof;
pub mod retry;
pub mod run;
pub mod seat;
pub mod session;
pub mod starting;
