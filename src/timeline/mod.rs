//! Applies rules to one key's history in event time.
//!
//! [`Program`] is the part of a rule set that looks at one kind of key;
//! [`RuleStates`] is what its rules remember of one key. An event touches only
//! the rules whose signals it carries; each says at most one [`Outcome`]. What
//! it leads to is decided by the `verdict` stage, rule by rule, so that a
//! later rule of the same event sees the effect of an earlier one.
//!
//! Everything is a function of the events' own times. A span is half-open
//! (`newer − older < d`), and at one instant timers act before events.
//! State is bounded: see the table in each shape's file.

mod absence;
mod bound;
mod count;
mod cycle;
mod firing;
mod program;
mod progress;
mod rank;
mod ratio;
mod sequence;
mod state;
mod streak;
mod window;

pub use bound::{Bound, bound};
pub use firing::{EVIDENCE_KEPT, Ending, Firing, Kept, Outcome, Over, Piece};
pub use program::{Program, Raised, Touched};
pub use progress::Progress;
pub use rank::{Measured, Scale};
pub use state::RuleStates;
pub use window::deadline;
