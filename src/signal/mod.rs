//! Evaluates signals on annotated messages.

mod evaluate;
mod event;
mod host;

pub use evaluate::Evaluator;
pub use event::*;
