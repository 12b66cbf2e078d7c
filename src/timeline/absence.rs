//! Nothing for a while after something.
//!
//! State: the anchor message. Moving the anchor costs no look at the calendar
//! and no allocation: the exact deadline is computed only once it may be due.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rules::{Anchor, SignalIdx, Span};
use crate::signal::{Event, Hit, saved_ids};
use crate::time::{Timestamp, Zone};

use super::firing::{Cause, Kept, TermNumbers};
use super::progress::Progress;
use super::window;

/// An `absence` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absence {
    pub since: SignalIdx,
    pub anchor: Anchor,
    pub cancel: Option<SignalIdx>,
    pub after: Span,
}

/// What an `absence` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct AbsenceState {
    /// The clock is running.
    pending: bool,
    anchor_at: Timestamp,
    #[serde(with = "saved_ids")]
    anchor_id: String,
    anchor_hit: Option<Hit>,
}

impl Absence {
    /// Takes in an event; returns an instant before which the new deadline cannot lie.
    pub fn push(&self, state: &mut AbsenceState, event: &Event) -> Option<Timestamp> {
        if self.cancel.is_some_and(|cancel| event.sign(cancel).is_some()) {
            state.clear();
        }
        let sign = event.sign(self.since)?;
        if state.pending && self.anchor == Anchor::First {
            return None;
        }
        state.pending = true;
        state.anchor_at = event.at;
        state.anchor_id.clone_from(&event.id);
        state.anchor_hit = event.hits_of(sign).first().cloned();
        Some(window::deadline_at_least(self.after, event.at))
    }

    /// Returns when the rule fires unless something comes before.
    pub fn deadline(&self, state: &AbsenceState, zone: &Zone) -> Option<Timestamp> {
        state.pending.then(|| window::deadline(self.after, state.anchor_at, zone))
    }

    /// Returns since when and until when the clock runs.
    pub fn progress(&self, state: &AbsenceState, zone: &Zone) -> Progress {
        self.deadline(state, zone)
            .map_or(Progress::Idle, |until| Progress::Waiting { since: state.anchor_at, until })
    }

    /// Stops the clock; the anchor message is what the firing shows.
    pub fn ring(&self, state: &mut AbsenceState) -> Cause<'static> {
        let anchor = Kept {
            message_id: Arc::from(state.anchor_id.as_str()),
            at: state.anchor_at,
            value: 1,
            weight: 1.0,
            counted: false,
            hit: state.anchor_hit.take(),
        };
        state.clear();
        Cause::Whole(vec![anchor])
    }
}

impl AbsenceState {
    /// Gives the terms of the hits that are remembered their new numbers.
    pub fn renumber_terms(&mut self, terms: TermNumbers<'_>) {
        terms.put(&mut self.anchor_hit);
    }

    /// Stops the clock.
    pub fn clear(&mut self) {
        self.pending = false;
        self.anchor_at = Timestamp::default();
        self.anchor_id.clear();
        self.anchor_hit = None;
    }

    /// Returns whether the clock stands still.
    pub fn is_resting(&self) -> bool {
        !self.pending
    }
}
