//! How large each part of a module may be. The parser's own limits are far too generous here (a million functions); these
//! are about three times what the largest useful component has, Python's interpreter with its standard library. The module as a
//! whole is capped by its frame ([`crate::wire::kind::MODULE_MAX`]).

/// Functions of all core modules. Python has some 20 000; each costs a tenth of a millisecond to compile, also an empty one: as many as
/// there may be take 6 seconds and 560 MB.
pub(super) const FUNCTIONS: u64 = 100_000;
/// Bytes of one function's body. Time to compile grows faster than the size. The largest interpreter loops have 250 KB.
pub(super) const BODY_BYTES: u64 = 1024 * 1024;
/// Bytes of all bodies. Straight code of that size takes half a minute and 75 MB in functions of 100 KB, and more than that in larger ones:
/// `compile` in `[limits]` is what bounds it then.
pub(super) const CODE_BYTES: u64 = 24 * 1024 * 1024;
/// Locals of one function. They are written as (count, type), so that a large count costs an attacker nothing. Unoptimised builds
/// of large functions have a few thousand.
pub(super) const LOCALS: u64 = 10_000;
/// Locals of all functions.
pub(super) const ALL_LOCALS: u64 = 3_000_000;
/// Targets of one `br_table`: a `match` or `switch` with that many cases.
pub(super) const BRANCHES: u64 = 10_000;
/// Targets of all of them.
pub(super) const ALL_BRANCHES: u64 = 1_000_000;
/// Blocks inside each other. A `switch` is one block a case.
pub(super) const NESTING: u64 = 10_000;
/// Core modules inside. Python has some 25.
pub(super) const CORE_MODULES: u64 = 100;
/// Nested components. One an exported interface.
pub(super) const COMPONENTS: u64 = 20;
/// Imports, and likewise exports, of the component.
pub(super) const EXTERNS: u64 = 200;
/// Bytes of all custom sections: names, debugging information, the sealed page.
pub(super) const CUSTOM_BYTES: u64 = 16 * 1024 * 1024;
/// Lines of the producers sections. Only shown to people.
pub(super) const PRODUCERS: usize = 100;

/// Adds to a count and says if it passes its cap.
#[derive(Debug, Default)]
pub(super) struct Count(u64);

impl Count {
    /// `Err` is the sentence, in the form "it has more than 100 `what`: `hint`".
    pub(super) fn add(&mut self, more: u64, cap: u64, what: &str, hint: &str) -> Result<(), String> {
        self.0 = self.0.saturating_add(more);
        within(self.0, cap, what, hint)
    }
}

/// One number against its cap.
pub(super) fn within(number: u64, cap: u64, what: &str, hint: &str) -> Result<(), String> {
    if number > cap { Err(format!("it has more than {cap} {what}: {hint}")) } else { Ok(()) }
}
