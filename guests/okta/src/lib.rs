//! Okta: finds the account, changes its password with the old one as proof or with admin rights, and verifies by a
//! sign-in. What each request looks like, and what counts as success, stands in `page.toml`.

use rotabox_guest::{Done, Http, Rotator, log};

rotabox_guest::page!("page.toml");

/// The rotator.
pub struct Okta;

impl Rotator for Okta {
    fn verify(http: &mut Http) -> Done {
        find(http)?;
        let signed_in = http.sign_in()?;
        if http.offers(routes::CANCEL)
            && let Err(problem) = http.cancel()
        {
            log::warn!("the sign-in was left half finished: {problem}");
        }
        signed_in.done()
    }

    fn change(http: &mut Http) -> Done {
        find(http)?;
        http.change_password()?.done()
    }

    fn reconcile(http: &mut Http) -> Done {
        find(http)?;
        http.admin_set()?.done()
    }

    fn finish(http: &mut Http) -> Done {
        find(http)?;
        if http.offers(routes::END_SESSIONS) { http.end_sessions()?.done() } else { Ok(()) }
    }
}

/// Has the broker bind the account's id and its own login, by the first way that finds one. A login with a slash cannot
/// stand in a path: then the first way is not offered.
fn find(http: &mut Http) -> Done {
    if http.offers(routes::FIND_BY_LOGIN) && http.find_by_login()?.accepted_or_passed()?.is_accepted() {
        return Ok(());
    }
    log::info!("no account was found by its login in the path: asking by a filter");
    if http.find_by_filter()?.accepted_or_passed()?.is_accepted() {
        return Ok(());
    }
    log::info!("nor by a filter on the login: asking by e-mail address");
    http.find_by_email()?.done()
}

rotabox_guest::export!(Okta);
