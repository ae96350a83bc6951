//! Limits of one store.

use wasmtime::ResourceLimiter;

/// Core instances, tables and memories of one store. A component of one language has one or two of each; the Python and
/// JavaScript ones bundle some twenty-five modules.
const INSTANCES: usize = 100;
/// See [`INSTANCES`].
const TABLES: usize = 100;
/// See [`INSTANCES`]. All but one are empty adapters.
const MEMORIES: usize = 20;
/// Elements of all tables together: function pointers, eight bytes each. Python has some 15 000.
pub(super) const TABLE_ELEMENTS: usize = 100_000;

/// Sums all linear memories and all tables of a store: the engine's own limiter counts each alone.
#[derive(Debug)]
pub(super) struct Meter {
    memory_left: usize,
    elements_left: usize,
    /// A growth was refused. Guests answer that with an abort, which looks like any other.
    pub(super) refused_memory: bool,
}

impl Meter {
    pub(super) fn new(memory_bytes: u64) -> Meter {
        let memory_left = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        Meter { memory_left, elements_left: TABLE_ELEMENTS, refused_memory: false }
    }
}

/// Takes the growth from what is left, if there is enough and the item itself may have that size.
fn take(left: &mut usize, current: usize, desired: usize, maximum: Option<usize>) -> bool {
    if maximum.is_some_and(|maximum| desired > maximum) {
        return false;
    }
    match left.checked_sub(desired.saturating_sub(current)) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = take(&mut self.memory_left, current, desired, maximum);
        self.refused_memory |= !granted;
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(take(&mut self.elements_left, current, desired, maximum))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
