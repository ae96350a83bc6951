//! What a rotator may know of the account. Never a password.

use crate::host;

/// The user name, as the gateway sent it.
pub fn user() -> String {
    host::current().user()
}

/// Whether the gateway sent an old password.
pub fn has_old_password() -> bool {
    host::current().has_old_password()
}

/// A record field that the page declares under `text`, by the page's name for it (`app.tenant`); none if the page
/// declares no such field.
pub fn text(name: &str) -> Option<String> {
    host::current().text(name)
}
