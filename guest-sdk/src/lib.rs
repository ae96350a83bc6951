//! Write a rotator: one provider's logic for changing a password, which never holds a secret.
//!
//! A rotator names routes of its page (`page.toml`) and looks at the broker's verdicts. It cannot name a URL, write a
//! body or read a password, and outcomes come from the answers that the broker saw, never from what a rotator returns.
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
/// Generates one function a route of a page, made at compile time by the runner's own parser. The path is relative to
/// the crate's `Cargo.toml`.
///
/// | on the page | in Rust |
/// | --- | --- |
/// | route `find-by-login` | `http.find_by_login()`, by the trait `Routes` |
/// | its arguments | `http.unlock(args::Unlock { reason })`; `number` is a `u64`, `one-of` an enum, the rest text |
/// | its name, for [`Http::offers`] | `routes::FIND_BY_LOGIN` |
/// | the values it shows | `shown::find_by_login::STATE` |
/// | the page's text, for tests | `PAGE` |
///
/// With `examples/acme.toml` of this crate:
///
/// ```
/// # use rotabox_guest::{Done, Http};
/// rotabox_guest::page!("examples/acme.toml");
///
/// fn change(http: &mut Http) -> Done {
///     let found = http.find()?.accepted()?;
///     if found.shown(shown::find::STATE) == Some("expired") {
///         http.unlock(args::Unlock { reason: args::UnlockReason::Expiry })?.accepted()?;
///     }
///     http.set()?.done()
/// }
/// # fn main() {}
/// ```
///
/// A route that the page does not have does not compile:
///
/// ```compile_fail,E0599
/// # use rotabox_guest::{Done, Http};
/// rotabox_guest::page!("examples/acme.toml");
///
/// fn change(http: &mut Http) -> Done {
///     http.find_user()?.done()
/// }
/// # fn main() {}
/// ```
///
/// Nor does an argument that is missing:
///
/// ```compile_fail,E0061
/// # use rotabox_guest::{Done, Http};
/// rotabox_guest::page!("examples/acme.toml");
///
/// fn change(http: &mut Http) -> Done {
///     http.unlock()?.done()
/// }
/// # fn main() {}
/// ```
///
/// Nor one that the route does not declare:
///
/// ```compile_fail,E0560
/// # use rotabox_guest::{Done, Http};
/// rotabox_guest::page!("examples/acme.toml");
///
/// fn change(http: &mut Http) -> Done {
///     http.unlock(args::Unlock { reason: args::UnlockReason::Expiry, force: true })?.done()
/// }
/// # fn main() {}
/// ```
///
/// Nor a page with a mistake; the compiler then says what the runner would say, with file, line and column:
///
/// ```compile_fail
/// rotabox_guest::page!("examples/wrong.toml");
/// # fn main() {}
/// ```
///
/// ```text
/// error: examples/wrong.toml:7:16: `api.url` is not the URL of a record
///          request = "GET {api.url}/users/{user}"
///                         ^~~~~~~~~
///        hint: the page has none
///  --> src/lib.rs:3:22
///   |
/// 3 | rotabox_guest::page!("examples/wrong.toml");
///   |                      ^^^^^^^^^^^^^^^^^^^^^
/// ```
pub use rotabox_guest_macros::page;
pub use rotator::{Rotator, Step, run};
