//! Drives any page in its order: sends the first route that could be sent now, until none is left or one is neither
//! accepted nor passed.
//!
//! It has an open page: no page is sealed in. The policy names a page file and pins its digest, so that one module
//! serves many targets. Everything that makes a provider special stands on the page.

use rotabox_guest::{Done, Failure, Http, Rotator};

/// The rotator.
pub struct Rest;

impl Rotator for Rest {
    fn verify(http: &mut Http) -> Done {
        drive(http)
    }

    fn change(http: &mut Http) -> Done {
        drive(http)
    }

    fn reconcile(http: &mut Http) -> Done {
        drive(http)
    }

    fn finish(http: &mut Http) -> Done {
        drive(http)
    }
}

fn drive(http: &mut Http) -> Done {
    let mut next = http.offered().into_iter().next();
    if next.is_none() {
        return Err(Failure::unsupported("the page has no route that could be sent in this step"));
    }
    while let Some(route) = next {
        http.call(&route, &[])?.accepted_or_passed()?;
        next = http.offered().into_iter().next();
    }
    Ok(())
}

rotabox_guest::export!(Rest);
