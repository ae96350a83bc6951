//! The broker: the process with the secrets and the network.
//!
//! | module | what |
//! | --- | --- |
//! | [`link`] | the pipes to the worker |
//! | [`http`] | the capability: dial, read, cookies, redact |

pub mod http;
pub mod link;
