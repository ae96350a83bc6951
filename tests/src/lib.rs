//! Stand-in providers, the harness around the real binary, and what the suites share.
//!
//! | module | what |
//! | --- | --- |
//! | [`ca`] | a private certificate authority |
//! | [`http`], [`server`], [`fault`], [`gate`] | HTTP/1.1 over TLS on loopback, every request recorded, faults by script, requests held |
//! | [`okta`] | a stand-in Okta, written from the vendor's document |
//! | [`rest`] | a stand-in for the published REST example |
//! | [`script`] | a provider that says what it was told to say |
//! | [`params`] | the gateway's line, in all its forms |
//! | [`artifacts`] | the binary and the guests, built once |
//! | [`run`] | runs the binary, asserts what must always hold |
//! | [`fuzz`] | bytes from strangers, thrown at every reader |
//! | [`leak`] | secrets in every encoding |
//! | [`case`] | a folder a case |
//! | [`soak`] | many lines through `rotabox batch`, every one accounted for |
//! | [`hostile`] | the numbered hostile suite |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test library: a panic is a failed test"
)]

pub mod artifacts;
pub mod ca;
pub mod case;
pub mod fault;
pub mod fuzz;
pub mod gate;
pub mod hostile;
pub mod http;
pub mod leak;
pub mod okta;
pub mod params;
pub mod rest;
pub mod run;
pub mod script;
pub mod server;
pub mod soak;
