//! The customer's own rhythm: overdue for the next purchase.
//!
//! Intervals are counted in local days between days with the event; a second
//! event of the same day makes none. The cycle is the lower median of the newest
//! intervals. The rule fires at the midnight at which `open` cycles have passed
//! and ends at the one at which `close` have, or with the next event.
//!
//! State: the newest intervals, the newest day, one or two deadlines.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rules::{Fraction, SignalIdx};
use crate::signal::{Event, saved_ids};
use crate::time::{Day, Timestamp, Zone};

use super::firing::{Cause, Kept, TermNumbers};

/// A `cycle` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cycle {
    pub signal: SignalIdx,
    pub last: u32,
    pub min_intervals: u32,
    pub open: Fraction,
    pub close: Fraction,
}

/// What a `cycle` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CycleState {
    /// Days between the newest days, oldest first.
    intervals: VecDeque<u32>,
    newest: Option<Day>,
    newest_at: Timestamp,
    #[serde(with = "saved_ids")]
    newest_id: String,
    opens: Option<Timestamp>,
    closes: Option<Timestamp>,
}

/// What a deadline means.
pub(super) enum Turn {
    /// The customer is overdue.
    Opens(Cause<'static>),
    /// So long overdue that it is no longer about the rhythm.
    Closes,
}

impl Cycle {
    /// Takes in an event; returns whether it is one of those that repeat.
    pub fn push(&self, state: &mut CycleState, event: &Event, zone: &Zone) -> bool {
        if event.sign(self.signal).is_none() {
            return false;
        }
        let day = zone.day(event.at);
        let days = state.newest.map_or(0, |newest| day.0.saturating_sub(newest.0));
        if let Some(days) = u32::try_from(days).ok().filter(|days| *days > 0) {
            state.intervals.push_back(days);
        }
        if state.intervals.len() > self.last as usize {
            state.intervals.pop_front();
        }
        state.newest = Some(day);
        state.newest_at = event.at;
        state.newest_id.clone_from(&event.id);
        let deadlines = self.cycle(state).map(|cycle| self.deadlines(day, cycle, zone));
        (state.opens, state.closes) = deadlines.unzip();
        true
    }

    /// Returns when something happens unless an event comes before.
    pub fn deadline(&self, state: &CycleState) -> Option<Timestamp> {
        state.opens.or(state.closes)
    }

    /// Lets the deadline act.
    pub fn ring(&self, state: &mut CycleState) -> Turn {
        if state.opens.take().is_none() {
            state.closes = None;
            return Turn::Closes;
        }
        let message_id = Arc::from(state.newest_id.as_str());
        let at = state.newest_at;
        let last = Kept { message_id, at, value: 1, weight: 1.0, counted: false, hit: None };
        Turn::Opens(Cause::Whole(vec![last]))
    }

    /// Returns whether the customer is overdue.
    pub fn holds(&self, state: &CycleState) -> bool {
        state.opens.is_none() && state.closes.is_some()
    }

    /// Returns the lower median of the intervals, when there are enough.
    fn cycle(&self, state: &CycleState) -> Option<u32> {
        let mut sorted: Vec<u32> = state.intervals.iter().copied().collect();
        sorted.sort_unstable();
        let enough = sorted.len() >= self.min_intervals as usize;
        enough.then(|| sorted.get(sorted.len().saturating_sub(1) / 2).copied()).flatten()
    }

    fn deadlines(&self, newest: Day, cycle: u32, zone: &Zone) -> (Timestamp, Timestamp) {
        let after = |cycles: Fraction| {
            let days = i32::try_from(cycles.of_up(cycle)).unwrap_or(i32::MAX);
            zone.midnight(newest.plus(days))
        };
        (after(self.open), after(self.close))
    }
}

impl CycleState {
    /// Does nothing: no hit is remembered.
    pub fn renumber_terms(&mut self, _: TermNumbers<'_>) {}

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.intervals.clear();
        self.newest = None;
        self.newest_at = Timestamp::default();
        self.newest_id.clear();
        (self.opens, self.closes) = (None, None);
    }

    /// Returns whether nothing is remembered.
    pub fn is_resting(&self) -> bool {
        self.newest.is_none()
    }
}
