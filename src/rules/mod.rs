//! Reads, checks and compiles rules, signals and tags.

mod rule;
mod signal_def;

pub use rule::*;
pub use signal_def::*;
