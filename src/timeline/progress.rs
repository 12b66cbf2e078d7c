//! Says in numbers how far a rule is with one key, for explanations.

use serde::Serialize;

use crate::time::Timestamp;

/// How far a rule is.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Progress {
    /// It remembers nothing.
    #[default]
    Idle,
    /// It has counted so much of what it needs.
    Counting {
        /// The measure in the window, as of the rule's last event.
        total: i64,
        /// It fires at this.
        at_least: i64,
    },
    /// Its first steps were found.
    Steps {
        /// How many.
        found: usize,
        /// Of how many.
        of: usize,
        /// When the first of them was.
        since: Timestamp,
    },
    /// Its clock is running.
    Waiting {
        /// What started it.
        since: Timestamp,
        /// It fires then.
        until: Timestamp,
    },
    /// It remembers something that has no short form.
    Busy,
}
