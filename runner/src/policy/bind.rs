//! Page + policy + params become [`Bound`]: every name resolved, every rule about hosts and accounts checked.

use super::file::Policy;
use crate::gateway::Params;
use crate::page::place::Records;
use crate::page::{Page, Secret};

/// All that a run may do, with the values it does it with.
#[derive(Debug)]
pub struct Bound {
    /// The author's page.
    pub page: Page,
    /// The operator's policy.
    pub policy: Policy,
    /// The account's user name; allowed by the policy.
    pub user: String,
    /// The old password.
    pub old_password: Option<Secret>,
    /// The new password; obeys the page's password rules.
    pub new_password: Option<Secret>,
    /// Values of the records that the page declares. Every other record has been dropped.
    pub records: Records,
    /// Host names of the provider, for the result: those of the records' URLs and literal origins.
    pub hosts: Vec<String>,
}

/// Why page, policy and params do not go together. Nothing has been tried (exit 2).
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    // PageRecordMissing{record, policy line}, NoRecord{select, titles}, SeveralRecords{..}, FieldMissing{record,label,have}, BadUrl{..}, HostNotAllowed{host, allowed, line}, AccountNotAllowed{user, line}, LiteralHost{..}, NewPassword(..rules..), OffUnknown{..}, OffNotRemovable{..}, AllowRequired{..}, ...
    /// A policy that does not fit the page.
    #[error("{0}")]
    Misfit(#[from] Box<crate::page::diagnostic::Diagnostic>),
}

/// Checks a policy against its page without params (for `approve`, `doctor`, and before stdin is read).
pub fn fit(_page: &Page, _policy: &Policy) -> Result<(), BindError> {
    todo!()
}

/// Binds. Records that the policy does not name are dropped here.
pub fn bind(_page: Page, _policy: Policy, _params: Params) -> Result<Bound, BindError> {
    todo!()
}

impl Bound {
    /// Is this login (bound by the page as the account's own) allowed too? `allow` and `except` match it like the user.
    pub fn login_allowed(&self, _login: &str) -> bool {
        todo!()
    }
}
