//! rotabox: runs a password rotation from a sealed component that holds no secret and reaches one provider only.
//!
//! Data flows down this list:
//!
//! | module | what |
//! | --- | --- |
//! | [`gateway`] | the line on stdin becomes [`gateway::Params`] |
//! | [`vault`] | vault records, and picking the one a policy names |
//! | [`page`] | the author's file (its own crate, shared with the SDK) |
//! | [`policy`] | the operator's files; page + policy + params become [`policy::Bound`]; the one [`policy::decide()`] |
//! | [`compare`] | what a new page can do that the old one could not |
//! | [`lint`] | what in a page, a policy or the host file is worth a thought |
//! | [`signature`] | detached signatures of modules |
//! | [`broker`] | the ledger, the state machine and the HTTP capability |
//! | [`wire`] | the frames between broker and worker |
//! | [`cassette`] | recorded runs: record, replay |
//! | [`worker`] | scan, engine, limits, bindings, run |
//! | [`native`] | the store of compiled modules |
//! | [`confine`] | what a process gives up before it reads anything |
//! | [`pack`] | a core module becomes a component with its page sealed in |
//! | [`audit`] | events, hash chain, file and system log; `audit verify` |
//! | [`report`] | results as JSON and text; escaping of untrusted text |
//! | [`cli`] | one small file a verb |

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests say so when they fail"
    )
)]

pub mod audit;
pub mod broker;
pub mod cassette;
pub mod cli;
pub mod compare;
pub mod confine;
pub mod gateway;
pub mod lint;
pub mod native;
pub mod pack;
pub mod policy;
pub mod report;
pub mod signature;
pub mod vault;
pub mod wire;
pub mod worker;

pub use rotabox_page as page;
