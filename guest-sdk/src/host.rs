//! Who answers a rotator: the broker, or the double of a test.

use crate::http::{Answer, Problem};
use std::rc::Rc;

/// What every rotator can reach; the imports of the WIT world, one to one.
pub(crate) trait Host {
    fn user(&self) -> String;
    fn has_old_password(&self) -> bool;
    fn text(&self, name: &str) -> Option<String>;
    fn routes(&self) -> Vec<String>;
    fn send(&self, route: &str, args: &[(&str, &str)]) -> Result<Answer, Problem>;
    fn log(&self, level: crate::log::Level, text: &str);
    fn now(&self) -> u64;
    fn sleep(&self, milliseconds: u64);
}

/// Inside a component there is one host: the broker.
#[cfg(target_arch = "wasm32")]
pub(crate) fn current() -> Rc<dyn Host> {
    Rc::new(crate::bindings::Broker)
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::current;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub(crate) use native::during;

/// Natively a host exists only while a test's double runs a step, on that thread.
#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::*;
    use std::cell::RefCell;

    thread_local! {
        static CURRENT: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
    }

    pub(crate) fn current() -> Rc<dyn Host> {
        CURRENT.with_borrow(Clone::clone).unwrap_or_else(|| Rc::new(Nobody))
    }

    /// Calls `step` with `host` as the current one.
    #[cfg(feature = "testing")]
    pub(crate) fn during<T>(host: Rc<dyn Host>, step: impl FnOnce() -> T) -> T {
        /// Puts the former host back, also when `step` panics.
        struct Restore(Option<Rc<dyn Host>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(host)));
        step()
    }

    /// The host outside of any run: nothing is known and nothing is sent.
    struct Nobody;

    impl Host for Nobody {
        fn user(&self) -> String {
            String::new()
        }
        fn has_old_password(&self) -> bool {
            false
        }
        fn text(&self, _name: &str) -> Option<String> {
            None
        }
        fn routes(&self) -> Vec<String> {
            Vec::new()
        }
        fn send(&self, _route: &str, _args: &[(&str, &str)]) -> Result<Answer, Problem> {
            Err(Problem::NotSent("no run: use `rotabox_guest::testing`".to_owned()))
        }
        fn log(&self, _level: crate::log::Level, _text: &str) {}
        fn now(&self) -> u64 {
            0
        }
        fn sleep(&self, _milliseconds: u64) {}
    }
}
