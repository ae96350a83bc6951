//! The HTTP capability: the only code that opens a socket.
//!
//! | module | what |
//! | --- | --- |
//! | [`addresses`] | which addresses may be dialled |
//! | [`resolve`] | one resolution, vetted, which is then dialled |
//! | [`client`] | TLS, roots, proxy, time limits |
//! | `connector` | whether a connection was ready, and one that is opened ahead |
//! | `chains` | the check of a server's certificates, made once and not for each connection |
//! | [`identity`] | pinned keys, certificates of our own |
//! | [`dial`] | sends one placed request |
//! | [`common`] | what the lines of a batch share |
//! | `request` | what stands on the wire: URL and headers |
//! | [`failure`] | why there is no answer, and whether bytes left |
//! | `read` | reads the answer under caps |
//! | [`cookies`] | a jar for one step |
//! | [`redact`] | cuts every secret in play out of whatever leaves the broker |

pub mod addresses;
mod chains;
pub mod client;
pub mod common;
mod connector;
pub mod cookies;
pub mod dial;
pub mod failure;
pub mod identity;
mod read;
pub mod redact;
mod request;
pub mod resolve;
