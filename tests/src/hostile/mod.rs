//! The numbered hostile suite: attacks on the real binary, a file an attack, and what must hold after every one of them.
//!
//! | module | what |
//! | --- | --- |
//! | [`attack`] | a file below `tests/hostile`: what is tried, with what, and what must come of it |
//! | [`guest`] | tiny hostile modules, from text |
//! | [`invariants`] | runs an attack, and asserts the six invariants |
//! | [`kernel`] | the same with either wall taken away, as on an old kernel |
//! | [`table`] | `docs/attacks.md`: a row an attack, and no row without a test |

pub mod attack;
pub mod guest;
pub mod invariants;
pub mod kernel;
pub mod table;
