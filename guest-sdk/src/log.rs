//! Lines for the operator. They are escaped, capped and marked as the rotator's words.
//!
//! ```
//! rotabox_guest::log::info!("found {} groups", 3);
//! ```

use crate::host;
use std::fmt;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For authors.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warn,
    /// Why the step fails.
    Error,
}

/// Writes one line; the macros of this module are shorter.
pub fn write(level: Level, text: fmt::Arguments<'_>) {
    host::current().log(level, &text.to_string());
}

#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::std::format_args!($($text)+)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Info, ::std::format_args!($($text)+)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::std::format_args!($($text)+)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($text:tt)+) => { $crate::log::write($crate::log::Level::Error, ::std::format_args!($($text)+)) };
}

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};
