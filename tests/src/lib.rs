//! Stand-in providers, the harness around the real binary, and what the suites share.
//!
//! | module | what |
//! | --- | --- |
//! | [`ca`] | a private certificate authority |
//! | [`http`], [`server`], [`fault`] | HTTP/1.1 over TLS on loopback, every request recorded, faults by script |
//! | [`okta`] | a stand-in Okta, written from the vendor's document |
//! | [`rest`] | a stand-in for the published REST example |
//! | [`script`] | a provider that says what it was told to say |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test library: a panic is a failed test"
)]

pub mod ca;
pub mod fault;
pub mod http;
pub mod okta;
pub mod rest;
pub mod script;
pub mod server;
