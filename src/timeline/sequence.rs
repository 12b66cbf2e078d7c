//! Signals in order, whatever lies between.
//!
//! Per step the partial match with the latest start is enough: whatever an
//! older start could still complete, a later one completes too. A recall can
//! take back the message that made a start, so the events of the recall
//! horizon are kept besides and played again without it.
//!
//! A completed match is one piece of evidence of weight 1, carried by the
//! message that completes it; the earlier steps are conditions and weigh 0.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rules::SignalIdx;
use crate::signal::{Event, Hit, saved_ids};
use crate::time::{Millis, Timestamp};

use super::firing::{Cause, Kept, TermNumbers};
use super::progress::Progress;

/// A `sequence` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence<'a> {
    pub steps: &'a [SignalIdx],
    pub within: Millis,
    pub without: Option<SignalIdx>,
    pub same_message: bool,
    /// Younger messages can be taken back; zero when the rule ignores recalls.
    pub recallable: Millis,
    /// The tag is reviewed: the last match is remembered.
    pub reviewed: bool,
}

/// What a `sequence` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SequenceState {
    /// Place `i`: the best match of steps `0..=i`.
    partials: Vec<Option<Partial>>,
    /// The same, without the events in `recent`. Empty when nothing can be taken back.
    settled: Vec<Option<Partial>>,
    /// What a recall can still take, in event order.
    recent: VecDeque<Moment>,
    /// When the last match began, for the review of its tag.
    matched: Option<Timestamp>,
}

/// The first steps, found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Partial {
    start: Timestamp,
    found: Vec<Kept>,
}

/// A message, or one place in it, that serves some step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Moment {
    at: Timestamp,
    #[serde(with = "saved_ids")]
    message_id: Arc<str>,
    /// The steps it can serve, last first, each with the mention that does.
    serves: Vec<(u16, Option<Hit>)>,
}

impl Sequence<'_> {
    /// Returns how many steps were found.
    pub fn progress(&self, state: &SequenceState) -> Progress {
        let furthest =
            state.partials.iter().enumerate().rev().find_map(|(at, one)| Some((at, one.as_ref()?)));
        furthest.map_or(Progress::Idle, |(at, partial)| Progress::Steps {
            found: at + 1,
            of: self.steps.len(),
            since: partial.start,
        })
    }

    /// Takes in an event; says what made the rule fire, if it does.
    ///
    /// With `same_message`, the places of its hits are taken one after another;
    /// after a match the rest of the message is not looked at.
    pub fn push(&self, state: &mut SequenceState, event: &Event) -> Option<Cause<'static>> {
        if self.without.is_some_and(|without| event.sign(without).is_some()) {
            state.start_over();
        }
        if !self.could_serve(state, event) {
            return None;
        }
        self.settle(state, event.at);
        let found = self.moments(event).into_iter().find_map(|moment| self.take(state, moment))?;
        state.clear();
        state.matched = self.reviewed.then(|| found.first().map(|first| first.at)).flatten();
        Some(Cause::Whole(found))
    }

    /// Takes message `target` back, when it is young enough.
    pub fn recall(&self, state: &mut SequenceState, target: &str, at: Timestamp) {
        self.settle(state, at);
        let before = state.recent.len();
        state.recent.retain(|moment| *moment.message_id != *target);
        if state.recent.len() < before {
            state.partials.clone_from(&state.settled);
            for moment in &state.recent {
                self.advance(&mut state.partials, moment);
            }
        }
    }

    /// Returns whether the last match began within the rule's span before `at`.
    pub fn holds(&self, state: &SequenceState, at: Timestamp) -> bool {
        state.matched.is_some_and(|began| at.since(began) < self.within)
    }

    /// Returns whether the event can start or lengthen a match.
    fn could_serve(&self, state: &SequenceState, event: &Event) -> bool {
        let known = |step: usize| state.partials.get(step).is_some_and(Option::is_some);
        let begun = |step: usize| step == 0 || self.same_message || known(step - 1);
        self.steps.iter().enumerate().any(|(step, signal)| begun(step) && event.sign(*signal).is_some())
    }

    fn take(&self, state: &mut SequenceState, moment: Moment) -> Option<Vec<Kept>> {
        if !self.advance(&mut state.partials, &moment) {
            return None;
        }
        if let Some(full) = state.partials.get_mut(self.steps.len() - 1).and_then(mem::take) {
            return Some(full.found);
        }
        if self.recallable > Millis(0) {
            state.recent.push_back(moment);
        }
        None
    }

    /// Moves what no recall can take any more from `recent` to `settled`.
    fn settle(&self, state: &mut SequenceState, now: Timestamp) {
        while let Some(oldest) = state.recent.front()
            && now.since(oldest.at) >= self.recallable
        {
            self.advance(&mut state.settled, oldest);
            state.recent.pop_front();
        }
    }

    /// Lets `moment` serve the steps it can; says whether it changed anything.
    /// Last step first: one moment serves a match once.
    fn advance(&self, partials: &mut Vec<Option<Partial>>, moment: &Moment) -> bool {
        partials.resize(self.steps.len(), None);
        let mut changed = false;
        for (step, hit) in &moment.serves {
            let step = usize::from(*step);
            if let Some(longer) = self.lengthened(partials, step, moment, hit.as_ref()) {
                partials[step] = Some(longer);
                changed = true;
            }
        }
        changed
    }

    fn lengthened(
        &self,
        partials: &[Option<Partial>],
        step: usize,
        moment: &Moment,
        hit: Option<&Hit>,
    ) -> Option<Partial> {
        let last = step + 1 == self.steps.len();
        let kept = moment.kept(hit, if last { 1.0 } else { 0.0 });
        if step == 0 {
            return Some(Partial { start: moment.at, found: vec![kept] });
        }
        let shorter = partials[step - 1].as_ref()?;
        let in_time = moment.at.since(shorter.start) < self.within;
        let better = partials[step].as_ref().is_none_or(|known| known.start <= shorter.start);
        (in_time && better).then(|| shorter.with(kept))
    }

    /// Returns what of the event serves steps: the message as one, or place by place.
    fn moments(&self, event: &Event) -> Vec<Moment> {
        if self.same_message {
            return self.places(event);
        }
        let steps = self.steps.iter().enumerate().rev();
        let serves = steps.filter_map(|(step, signal)| {
            let sign = event.sign(*signal)?;
            Some((number(step), event.hits_of(sign).first().cloned()))
        });
        vec![Moment { at: event.at, message_id: event.shared_id(), serves: serves.collect() }]
    }

    /// Returns the places of the event's hits in text order. A signal that needs
    /// no mention stands before the first character.
    fn places(&self, event: &Event) -> Vec<Moment> {
        let mut serves: Vec<(u16, Option<Hit>)> = Vec::new();
        for (step, signal) in self.steps.iter().enumerate().rev() {
            let Some(sign) = event.sign(*signal) else { continue };
            match event.hits_of(sign) {
                [] => serves.push((number(step), None)),
                hits => serves.extend(hits.iter().map(|hit| (number(step), Some(hit.clone())))),
            }
        }
        serves.sort_by_key(|(_, hit)| place_of(hit));
        let message_id: Arc<str> = event.shared_id();
        let same_place = serves.chunk_by(|(_, one), (_, other)| place_of(one) == place_of(other));
        let moment = |serves: &[_]| Moment {
            at: event.at,
            message_id: Arc::clone(&message_id),
            serves: serves.to_vec(),
        };
        same_place.map(moment).collect()
    }
}

impl SequenceState {
    /// Gives the terms of the hits that are remembered their new numbers.
    pub fn renumber_terms(&mut self, terms: TermNumbers<'_>) {
        for partial in self.partials.iter_mut().chain(&mut self.settled).flatten() {
            terms.put_all(&mut partial.found);
        }
        for (_, hit) in self.recent.iter_mut().flat_map(|moment| &mut moment.serves) {
            terms.put(hit);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.start_over();
        self.matched = None;
    }

    fn start_over(&mut self) {
        self.partials.clear();
        self.settled.clear();
        self.recent.clear();
    }

    /// Returns whether nothing is remembered.
    pub fn is_resting(&self) -> bool {
        self.partials.iter().all(Option::is_none) && self.recent.is_empty() && self.matched.is_none()
    }
}

impl Partial {
    fn with(&self, kept: Kept) -> Partial {
        let mut found = self.found.clone();
        found.push(kept);
        Partial { start: self.start, found }
    }
}

impl Moment {
    fn kept(&self, hit: Option<&Hit>, weight: f64) -> Kept {
        let message_id = Arc::clone(&self.message_id);
        Kept { message_id, at: self.at, value: 1, weight, counted: false, hit: hit.cloned() }
    }
}

fn place_of(hit: &Option<Hit>) -> (u16, u32) {
    hit.as_ref().map_or((0, 0), |hit| (hit.part, hit.start))
}

fn number(step: usize) -> u16 {
    u16::try_from(step).unwrap_or(u16::MAX)
}
