//! What a module must be, before anything is compiled.
//!
//! Compiling is the largest attack surface that there is here, and upstream does not count its denial of service as a
//! vulnerability. So the bytes are walked once before: a binary component, of the proposals that are on, no larger than anything useful
//! in any dimension, with imports of our world only. Each refusal is a sentence that names the thing and says what to do.
//!
//! | module | what |
//! | --- | --- |
//! | [`caps`] | how large each part may be, and why |
//! | [`names`] | which imports and exports a rotator has |
//! | [`walk`] | one pass over the bytes |

mod caps;
mod names;
mod walk;

pub(super) use names::is_stub;

use crate::wire::{DETAIL_MAX, Description, NAME_MAX, clip};

/// What a walk over the bytes found.
#[derive(Debug, Default)]
struct Findings {
    imports: Vec<Extern>,
    exports: Vec<Extern>,
    producers: Vec<(String, String, String)>,
    core_modules: u32,
    /// Bytes of all linear memories at the start.
    initial_memory: u64,
    /// What is wrong, whatever the policy says.
    faults: Vec<String>,
    /// The walk came to the end of the bytes, so that what was not found is not there.
    whole: bool,
}

/// An import or export of the component.
#[derive(Debug)]
struct Extern {
    name: String,
    is_interface: bool,
}

/// Why this module is not accepted; empty if it is.
pub(super) fn reasons(module: &[u8], inert_wasi: bool, memory_bytes: u64) -> Vec<String> {
    let findings = walk::walk(module);
    let mut reasons = findings.reasons(inert_wasi);
    if findings.initial_memory > memory_bytes {
        reasons.push(format!(
            "it begins with {} bytes of memory, and the policy allows {memory_bytes}: raise the limit, or build it with less",
            findings.initial_memory
        ));
    }
    reasons
}

/// What this module is.
pub(super) fn describe(module: &[u8]) -> Description {
    let findings = walk::walk(module);
    let clipped = |reasons: Vec<String>| super::clipped(reasons);
    let names = |externs: &[Extern]| externs.iter().map(|item| clip(item.name.clone(), NAME_MAX)).collect();
    Description {
        imports: names(&findings.imports),
        exports: names(&findings.exports),
        reasons_without_wasi: clipped(findings.reasons(false)),
        reasons_with_inert_wasi: clipped(findings.reasons(true)),
        producers: findings.producers,
        core_modules: findings.core_modules,
    }
}

impl Findings {
    fn reasons(&self, inert_wasi: bool) -> Vec<String> {
        let mut reasons = self.faults.clone();
        reasons.extend(names::faults_of_imports(&self.imports, inert_wasi));
        if self.whole {
            reasons.extend(names::fault_of_exports(&self.exports));
        }
        reasons
    }
}

/// Text that the module's author wrote, made harmless and short enough for a sentence.
pub(super) fn quoted(text: &str) -> String {
    let plain = |character: char| character == ' ' || character.is_ascii_graphic();
    let mut harmless = String::new();
    for character in text.chars().take(DETAIL_MAX) {
        if plain(character) { harmless.push(character) } else { harmless.extend(character.escape_unicode()) }
    }
    clip(harmless, NAME_MAX)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
