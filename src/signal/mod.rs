//! Evaluates signals on annotated messages.

mod evaluate;
mod event;
mod host;
pub mod saved_ids;

pub use evaluate::Evaluator;
pub use event::*;
