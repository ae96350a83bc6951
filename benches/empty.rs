//! The floor: a Rust process that does nothing. Compiled twice by the benchmark, dynamic and static.
fn main() {}
