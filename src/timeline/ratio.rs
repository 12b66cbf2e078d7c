//! A share of the events in a window: promoted orders among all orders.
//!
//! State: each denominator event of the window. Evaluated at these events, with
//! whole numbers only. Fires when the share is reached, again with each event
//! that leaves it reached (the tag grows, nothing else happens), and ends when
//! the share falls below.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::rules::{Fraction, RuleIdx, SignalIdx, Window};
use crate::signal::Event;
use crate::time::{Millis, Timestamp, Zone};

use super::firing::{Cause, EVIDENCE_KEPT, Ending, Firing, Kept, Outcome, Over, TermNumbers};
use super::window;

/// A `ratio` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub numerator: SignalIdx,
    pub denominator: SignalIdx,
    pub at_least: Fraction,
    pub min_denominator: u32,
    pub window: Window,
    /// Younger messages can be taken back; zero when the rule ignores recalls.
    pub recallable: Millis,
}

/// What a `ratio` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RatioState {
    /// In event order; `value` is 1 for a numerator event and 0 for the others.
    kept: VecDeque<Kept>,
    /// The last evaluation reached the share.
    above: bool,
}

/// What an evaluation came to.
pub(super) enum Share {
    /// The share is reached: what counts, how large it is, whether it was reached before.
    Reached { cause: Cause<'static>, share: f64, again: bool },
    /// It is no longer reached.
    Lost,
}

impl Share {
    /// Says it as every shape does.
    pub fn outcome(self, rule: RuleIdx, at: Timestamp) -> Outcome<'static> {
        match self {
            Share::Reached { cause, share, again } => {
                Outcome::Fires(Firing { again, score: Some(share), ..Firing::new(rule, at, cause) })
            }
            Share::Lost => Outcome::Ends(Ending { rule, at, why: Over::Below }),
        }
    }
}

impl Ratio {
    /// Takes in an event; says what it changes, if anything.
    pub fn push(&self, state: &mut RatioState, event: &Event, zone: &Zone) -> Option<Share> {
        event.sign(self.denominator)?;
        state.kept.push_back(self.keep(event));
        self.drop_old(state, event.at, zone);
        let (part, of) = state.counts();
        let reached = self.is_reached(part, of);
        let again = std::mem::replace(&mut state.above, reached);
        match (reached, again) {
            (true, _) => {
                Some(Share::Reached { cause: state.evidence(), share: part as f64 / of as f64, again })
            }
            (false, true) => Some(Share::Lost),
            (false, false) => None,
        }
    }

    /// Takes back message `target`, when it is young enough.
    pub fn recall(&self, state: &mut RatioState, target: &str, at: Timestamp) {
        state.kept.retain(|one| *one.message_id != *target || at.since(one.at) >= self.recallable);
    }

    /// Returns whether the share is reached in the window that ends at `at`.
    pub fn holds(&self, state: &RatioState, at: Timestamp, zone: &Zone) -> bool {
        let start = window::start(self.window, at, zone);
        let inside = state.kept.iter().filter(|one| one.at >= start);
        let (part, of) = inside.fold((0, 0), |(part, of), one| (part + u64::from(one.value == 1), of + 1));
        self.is_reached(part, of)
    }

    fn is_reached(&self, part: u64, of: u64) -> bool {
        of >= u64::from(self.min_denominator) && self.at_least.is_reached(part, of)
    }

    fn keep(&self, event: &Event) -> Kept {
        let sign = event.sign(self.numerator);
        let hit = sign.and_then(|sign| event.hits_of(sign).first().cloned());
        let counts = sign.is_some();
        let message_id = event.shared_id();
        let weight = if counts { 1.0 } else { 0.0 };
        Kept { message_id, at: event.at, value: i64::from(counts), weight, counted: false, hit }
    }

    fn drop_old(&self, state: &mut RatioState, now: Timestamp, zone: &Zone) {
        let start = window::start(self.window, now, zone);
        while state.kept.front().is_some_and(|oldest| oldest.at < start) {
            state.kept.pop_front();
        }
    }
}

impl RatioState {
    /// Gives the terms of the hits that are remembered their new numbers.
    pub fn renumber_terms(&mut self, terms: TermNumbers<'_>) {
        terms.put_all(&mut self.kept);
    }

    fn counts(&self) -> (u64, u64) {
        let part = self.kept.iter().filter(|one| one.value == 1).count();
        (part as u64, self.kept.len() as u64)
    }

    /// Lists the newest numerator events, and every fresh one for the last time as such.
    fn evidence(&mut self) -> Cause<'static> {
        let counting = self.kept.iter().filter(|one| one.value == 1);
        let fresh = counting.clone().rev().take_while(|one| !one.counted).count();
        let skip = counting.clone().count().saturating_sub(fresh.max(EVIDENCE_KEPT));
        let kept: Vec<Kept> = counting.skip(skip).cloned().collect();
        let fresh_from = kept.iter().position(|one| !one.counted).unwrap_or(kept.len());
        self.kept.iter_mut().rev().take_while(|one| !one.counted).for_each(|one| one.counted = true);
        Cause::Window { kept: kept.into(), fresh_from }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.above = false;
    }

    /// Returns whether nothing is remembered.
    pub fn is_resting(&self) -> bool {
        self.kept.is_empty() && !self.above
    }
}
