//! Turns firings into tags, alerts and kick decisions.
//!
//! [`Engine`] runs the rules of one kind of key over the history of one key at
//! a time; [`KeyState`] is all it remembers between two events. [`Stream`] puts
//! messages in order and keeps the states of many keys.
//!
//! Batch, stream and nightly increments make the same calls (`push`,
//! `advance_to`) and so cannot disagree.

mod adopt;
mod barriers;
mod census;
mod combine;
mod engine;
mod graft;
mod kick;
mod ledger;
mod reorder;
mod row;
mod score;
mod stream;
mod watermark;

pub use adopt::{Adopted, Manifest};
pub use barriers::Barriers;
pub use census::{Census, Measuring, Scales};
pub use engine::{Engine, KeyState};
pub use ledger::StandingTag;
pub use reorder::Reorder;
pub use row::*;
pub use stream::{Arrival, Stream};
pub use watermark::Watermark;
