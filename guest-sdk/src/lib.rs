//! Write a rotator: one provider's logic for changing a password, which never holds a secret.
//!
//! A rotator names routes of its page (`page.toml`) and looks at the broker's verdicts. It cannot name a URL, write a
//! body or read a password, and its word can only make an outcome worse.
//!
//! ```
//! use rotabox_guest::{Done, Http, Rotator};
//!
//! struct Acme;
//!
//! impl Rotator for Acme {
//!     fn verify(http: &mut Http) -> Done {
//!         http.call("sign-in", &[])?.accepted()?;
//!         Ok(())
//!     }
//!
//!     fn change(http: &mut Http) -> Done {
//!         http.call("find", &[])?.accepted()?;
//!         http.call("set", &[])?.accepted()?;
//!         Ok(())
//!     }
//! }
//!
//! rotabox_guest::export!(Acme);
//! ```
//!
//! With [`page!`] the calls become functions (`http.find()`), made from the page at compile time: a misspelt route
//! or a missing argument is then a compile error, and so is a mistake in the page.
//!
//! | module | what |
//! | --- | --- |
//! | [`Rotator`] | a method a step |
//! | [`Http`] | requests, by route name |
//! | [`account`] | what may be known of the account |
//! | [`log`], [`time`] | lines for the operator; the broker's clock |
//! | [`Failure`], [`Code`] | why a step failed |
//! | `testing` | a scripted double that judges with the real page code (feature `testing`) |

pub mod account;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
mod failure;
mod host;
mod http;
pub mod log;
mod rotator;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;
pub mod time;

pub use failure::{Code, Done, Failure};
pub use http::{Answer, Http, Judged, Problem};
pub use rotabox_guest_macros::page;
pub use rotator::{Rotator, Step, run};
