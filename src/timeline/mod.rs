//! Applies rules to one key's history in event time.
//!
//! [`Program`] is the part of a rule set that looks at one kind of key;
//! [`RuleStates`] is what its rules remember of one key. An event touches only
//! the rules whose signals it carries; each says at most one [`Firing`]. What
//! a firing leads to is decided by the `verdict` stage, rule by rule, so that a
//! later rule of the same event sees the effect of an earlier one.
//!
//! Everything is a function of the events' own times. A span is half-open
//! (`newer − older < d`), and at one instant timers act before events.
//! State is bounded: see the table in each shape's file.

mod absence;
mod count;
mod firing;
mod program;
mod sequence;
mod state;
mod window;

pub use firing::{EVIDENCE_KEPT, Firing, Kept, Piece};
pub use program::{Program, Touched};
pub use state::RuleStates;
pub use window::deadline;
