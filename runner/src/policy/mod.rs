//! The operator's files, and what they and the page allow together.
//!
//! | module | what |
//! | --- | --- |
//! | [`file`] | `okta-prod.toml`: which module, records, hosts, accounts, options, limits |
//! | [`host`] | `rotabox.toml`: what is true for this host: proxy, CA, address openings, ceilings |
//! | [`hosts`], [`pattern`] | exact hosts; patterns of logins |
//! | [`find`] | the policy folder: by name, or by a module's digest; who owns it |
//! | [`tls`] | pins, and client certificates from a record |
//! | [`approved`] | who approved which module, and when |
//! | [`signers`] | whose signatures of modules count |
//! | [`fit`] | does a policy fit its page, before any params are there |
//! | [`mod@bind`] | page + policy + params -> [`Bound`]; each name resolved, or an error listing those that exist |
//! | [`mod@decide`] | the one decision |
//! | [`trusted`] | a file that is believed because of who could have written it |
//! | [`which`] | which route can have produced a request |
//! | [`explain`] | a decision in words |

pub mod approved;
mod base_url;
pub mod bind;
pub mod decide;
pub mod explain;
pub mod file;
pub mod find;
pub mod fit;
mod guard;
pub mod host;
pub mod hosts;
pub mod pattern;
pub mod signers;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod trusted;
pub mod which;

pub use bind::{Bound, bind};
pub use decide::{Ask, Decision, decide};
pub use file::Policy;
pub use host::HostFile;
