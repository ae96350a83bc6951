//! What is fixed about each frame: its tag, its name, how large it may be, and whose it is.

/// What is fixed about a frame by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The tag in the header.
    pub tag: u8,
    /// The name in messages.
    pub name: &'static str,
    /// The most bytes that its payload may have.
    pub cap: u32,
    /// It belongs to a run; else to the worker itself, run 0.
    pub of_run: bool,
}

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

/// The most bytes of a module. The largest useful ones hold a Python interpreter and have 19 MB.
pub const MODULE_MAX: u32 = 32 * MIB;

/// The most bytes of machine code. It is two to three times as large as its module.
const NATIVE_MAX: u32 = 256 * MIB;

const fn kind(tag: u8, name: &'static str, cap: u32, of_run: bool) -> Kind {
    Kind { tag, name, cap, of_run }
}

// Texts may grow sixfold as JSON (`\u0000`), so the caps of frames are about six times those of the texts inside.
pub(super) const MODULE: Kind = kind(1, "module", MODULE_MAX, false);
pub(super) const LOAD: Kind = kind(2, "load", KIB, false);
pub(super) const DESCRIBE: Kind = kind(3, "describe", 0, false);
pub(super) const START: Kind = kind(4, "start", 8 * MIB, true); // facts of one record: the line on stdin has at most 1 MiB
pub(super) const REPLY: Kind = kind(5, "reply", 8 * MIB, true); // what a page shows of one answer
pub(super) const COMPILE: Kind = kind(6, "compile", KIB, false);
pub(super) const LOAD_NATIVE: Kind = kind(7, "load-native", KIB, false);
pub(super) const LEAVE: Kind = kind(8, "leave", 0, true);
pub(super) const OFFER: Kind = kind(9, "offer", 512 * KIB, true); // names of a page's routes
pub(super) const READY: Kind = kind(129, "ready", 4 * KIB, false);
pub(super) const REJECTED: Kind = kind(130, "rejected", 512 * KIB, false);
pub(super) const DESCRIBED: Kind = kind(131, "described", 2 * MIB, false);
pub(super) const CALL: Kind = kind(132, "call", 2 * MIB, true);
pub(super) const LOG: Kind = kind(133, "log", 8 * KIB, true);
pub(super) const DONE: Kind = kind(134, "done", 8 * KIB, true);
pub(super) const TRAPPED: Kind = kind(135, "trapped", 8 * KIB, true);
pub(super) const NATIVE_REFUSED: Kind = kind(136, "native-refused", 8 * KIB, false);
pub(super) const COMPILED: Kind = kind(137, "compiled", NATIVE_MAX, false); // never of a worker that runs a rotator
pub(super) const LEFT: Kind = kind(138, "left", 0, true);
