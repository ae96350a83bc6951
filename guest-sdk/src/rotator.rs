//! The trait that a rotator implements, and how a step reaches it.

use crate::failure::{Done, Failure};
use crate::http::Http;

/// One provider's rotation logic: a method a step. Each step runs in a fresh instance: what one step learned, the next
/// does not know. A step that is not written answers `unsupported`.
pub trait Rotator {
    /// Tests the password under verification, which stands behind `{candidate}` on the page. The broker judges by the
    /// answers it saw, never by what this returns; an error only says why.
    fn verify(http: &mut Http) -> Done {
        let _ = http;
        Err(unwritten(&Step::Verify))
    }

    /// Changes the password, with the old one as proof if the provider wants one.
    fn change(http: &mut Http) -> Done {
        let _ = http;
        Err(unwritten(&Step::Change))
    }

    /// Resets the password with admin rights, when the old one is refused or unknown and the operator allows it.
    fn reconcile(http: &mut Http) -> Done {
        let _ = http;
        Err(unwritten(&Step::Reconcile))
    }

    /// What is left to do once the new password was seen to work, such as ending sessions.
    fn finish(http: &mut Http) -> Done {
        let _ = http;
        Err(unwritten(&Step::Finish))
    }
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Test a password.
    Verify,
    /// Change it.
    Change,
    /// Reset it with admin rights.
    Reconcile,
    /// Tidy up.
    Finish,
    /// A step of a later version.
    Other(String),
}

impl Step {
    /// The word used in pages and messages.
    pub fn as_str(&self) -> &str {
        match self {
            Step::Verify => "verify",
            Step::Change => "change",
            Step::Reconcile => "reconcile",
            Step::Finish => "finish",
            Step::Other(word) => word,
        }
    }
}

/// Does one step of `R`. [`export!`](crate::export) and the test double call it.
pub fn run<R: Rotator>(step: &Step) -> Done {
    let http = &mut Http::new();
    match step {
        Step::Verify => R::verify(http),
        Step::Change => R::change(http),
        Step::Reconcile => R::reconcile(http),
        Step::Finish => R::finish(http),
        Step::Other(_) => Err(unwritten(step)),
    }
}

fn unwritten(step: &Step) -> Failure {
    Failure::unsupported(format!("this rotator has no step `{}`", step.as_str()))
}

/// Makes a type the rotator of this crate: the component's one export. Natively it is nothing, so that the crate
/// also builds and tests without wasm.
#[macro_export]
macro_rules! export {
    ($rotator:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the component's export is a function with a C signature")]
        const _: () = {
            struct Component;
            impl $crate::bindings::exports::rotabox::rotator::rotation::Guest for Component {
                fn run(
                    step: $crate::bindings::exports::rotabox::rotator::rotation::Step,
                ) -> ::std::result::Result<(), $crate::bindings::exports::rotabox::rotator::rotation::Failure> {
                    $crate::bindings::run::<$rotator>(step)
                }
            }
    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = || {
            fn is_a_rotator<R: $crate::Rotator>() {}
            is_a_rotator::<$rotator>();
        };
    };
}
