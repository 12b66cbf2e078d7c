//! Something on N local days running.
//!
//! State: the newest day, the length of the run, and of its newest days the
//! event that made each. A recall changes nothing: a message that was taken back
//! was still an interaction of its day.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::rules::SignalIdx;
use crate::signal::Event;
use crate::time::{Day, Timestamp, Zone};

use super::firing::{Cause, EVIDENCE_KEPT, Kept, TermNumbers};

/// A `streak` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streak {
    pub signal: SignalIdx,
    pub days: u32,
}

/// What a `streak` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StreakState {
    newest: Day,
    /// Days running; 0 before the first event.
    run: u32,
    /// The first event of each of the newest days.
    days: VecDeque<Kept>,
}

impl Streak {
    /// Takes in an event; says what made the rule fire: the event that completes the last day.
    pub fn push(&self, state: &mut StreakState, event: &Event, zone: &Zone) -> Option<Cause<'static>> {
        let sign = event.sign(self.signal)?;
        let day = zone.day(event.at);
        if state.run > 0 && state.newest == day {
            return None;
        }
        if state.run == 0 || state.newest.plus(1) != day {
            state.clear();
        }
        state.newest = day;
        state.run = state.run.saturating_add(1);
        state.days.push_back(day_of(event, event.hits_of(sign).first()));
        if state.days.len() > self.kept() {
            state.days.pop_front();
        }
        (state.run == self.days).then(|| Cause::Whole(self.evidence(state)))
    }

    /// Returns whether the run is long enough and has not ended at `at`.
    pub fn holds(&self, state: &StreakState, at: Timestamp, zone: &Zone) -> bool {
        state.run >= self.days && state.newest.plus(1) >= zone.day(at)
    }

    /// Most days whose event is remembered.
    pub fn kept(&self) -> usize {
        EVIDENCE_KEPT.min(usize::try_from(self.days).unwrap_or(EVIDENCE_KEPT))
    }

    /// The run is one piece of evidence of weight 1, carried by its last day.
    fn evidence(&self, state: &StreakState) -> Vec<Kept> {
        let mut days: Vec<Kept> = state.days.iter().cloned().collect();
        if let Some(last) = days.last_mut() {
            last.weight = 1.0;
        }
        days
    }
}

fn day_of(event: &Event, hit: Option<&crate::signal::Hit>) -> Kept {
    let message_id = event.shared_id();
    Kept { message_id, at: event.at, value: 1, weight: 0.0, counted: false, hit: hit.cloned() }
}

impl StreakState {
    /// Gives the terms of the hits that are remembered their new numbers.
    pub fn renumber_terms(&mut self, terms: TermNumbers<'_>) {
        terms.put_all(&mut self.days);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.newest = Day::default();
        self.run = 0;
        self.days.clear();
    }

    /// Returns whether nothing is remembered.
    pub fn is_resting(&self) -> bool {
        self.run == 0
    }
}
