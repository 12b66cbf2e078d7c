//! Evaluates signals on annotated messages.

mod event;

pub use event::*;
