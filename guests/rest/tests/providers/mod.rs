//! What the providers answer: one case a page. The new password is `N3w"pa$s\w0rd & <é> %41+`.

mod idp;
mod servers;

use rotabox_guest::testing::Reply;

/// A page, and the answers that lead through it.
pub(crate) struct Case {
    /// The page's file.
    pub(crate) page: &'static str,
    /// The account.
    pub(crate) user: &'static str,
    /// The good way through change (and reconcile): route and answer, in order.
    pub(crate) change: Vec<(&'static str, Reply)>,
    /// The route that sets the password.
    pub(crate) sets: &'static str,
    /// What it sends.
    pub(crate) set_line: &'static str,
    /// And its body.
    pub(crate) set_body: &'static str,
    /// The look-up's answer about an account that is not there.
    pub(crate) missing: Option<(&'static str, Reply)>,
    /// The provider's refusal to set it.
    pub(crate) refusal: Option<Reply>,
    /// How a password is tested.
    pub(crate) verify: Option<Verify>,
}

/// A sign-in.
pub(crate) struct Verify {
    /// The route that places the candidate.
    pub(crate) route: &'static str,
    /// The good way: route and answer, in order.
    pub(crate) replies: Vec<(&'static str, Reply)>,
    /// What a wrong password gets.
    pub(crate) refusal: Reply,
}

/// One case a page.
pub(crate) fn cases() -> Vec<Case> {
    servers::cases().into_iter().chain(idp::cases()).collect()
}
