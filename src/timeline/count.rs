//! Enough of something in a window that ends at the event.
//!
//! Evaluated at events with the signal, never by a timer. What is kept is
//! enough for "≥ n" to stay exact when messages younger than the recall horizon
//! are taken back:
//!
//! | measure | kept |
//! |---|---|
//! | hits, messages | all hits a recall can still take, and the newest n older ones |
//! | different terms, days | the same; of the older ones only the newest of each value |
//! | sum | every event of the window (amounts may be negative, so none can be spared) |
//!
//! A firing lists the hits of the window; for different terms or days the newest
//! of each. Cost per event with the signal: the hits that come and go, however
//! many are kept.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::message::NumberField;
use crate::rules::{AfterFire, Measure, SignalIdx, Window};
use crate::signal::{Event, Hit, Sign};
use crate::time::{Millis, Timestamp, Zone};

use super::firing::{Cause, EVIDENCE_KEPT, Kept, TermNumbers};
use super::progress::Progress;
use super::window;

/// A `count` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub signal: SignalIdx,
    pub measure: Measure,
    pub at_least: i64,
    pub window: Window,
    pub after_fire: AfterFire,
    pub per_message_cap: Option<u32>,
    /// Younger messages can be taken back; zero when the rule ignores recalls.
    pub recallable: Millis,
    /// The tag is reviewed: what was consumed is remembered until it leaves the window.
    pub reviewed: bool,
}

/// What a `count` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CountState {
    /// In event order.
    kept: VecDeque<Kept>,
    /// Sum of the values of `kept`; means something only for measures that add up.
    total: i64,
    /// The last evaluation reached the threshold.
    above: bool,
    /// What the rule has consumed, for the review of its tag: (time, value).
    spent: VecDeque<(Timestamp, i64)>,
    /// The values of `kept`, for measures that tell them apart.
    #[serde(skip)]
    values: Values,
}

impl Count {
    /// Takes in an event; says what made the rule fire, if it does.
    pub fn push<'s>(&self, state: &'s mut CountState, event: &Event, zone: &Zone) -> Option<Cause<'s>> {
        let sign = event.sign(self.signal)?;
        if !self.add(state, event, sign, zone) {
            return None;
        }
        state.drop_before(window::start(self.window, event.at, zone));
        self.bound(state, event.at);
        self.decide(state)
    }

    /// Takes back the hits of message `target`, when it is young enough.
    pub fn recall(&self, state: &mut CountState, target: &str, at: Timestamp) {
        state.kept.retain(|one| *one.message_id != *target || at.since(one.at) >= self.recallable);
        state.total = state.kept.iter().map(|one| one.value).sum();
        state.values = Values::default();
    }

    /// Gives terms that are told apart as values their new numbers; those that are gone stay different.
    pub fn renumber_values(&self, state: &mut CountState, terms: TermNumbers<'_>) {
        if self.measure != Measure::DistinctTerms {
            return;
        }
        let new = |value: &mut i64| {
            if let Ok(old) = u32::try_from(*value) {
                *value = terms.of(old).map_or(-2 - i64::from(old), |term| i64::from(term.0));
            }
        };
        state.kept.iter_mut().for_each(|kept| new(&mut kept.value));
        state.spent.iter_mut().for_each(|(_, value)| new(value));
        state.values = Values::default();
    }

    /// Returns the silence that ends a session, for a session window.
    pub fn session_gap(&self) -> Option<Millis> {
        if let Window::Session { gap } = self.window { Some(gap) } else { None }
    }

    /// Returns how much is counted, as of the last event with the signal.
    pub fn progress(&self, state: &CountState) -> Progress {
        let mut seen = Seen::default();
        let total = match self.is_distinct() {
            true => state.kept.iter().filter(|one| seen.is_new(one.value)).count() as i64,
            false => state.total,
        };
        Progress::Counting { total, at_least: self.at_least }
    }

    /// Keeps what the event adds; says whether it adds anything.
    fn add(&self, state: &mut CountState, event: &Event, sign: &Sign, zone: &Zone) -> bool {
        let hits = event.hits_of(sign);
        let before = state.kept.len();
        let mut keep = Keep { state, at: event.at, id: event.shared_id() };
        match self.measure {
            Measure::Hits => hits.iter().take(self.cap()).for_each(|hit| keep.hit(1, Some(hit))),
            Measure::DistinctTerms => self.add_terms(&mut keep, hits),
            Measure::DistinctDays => keep.hit(i64::from(zone.day(event.at).0), hits.first()),
            Measure::Messages => keep.hit(1, hits.first()),
            Measure::Sum(field) => keep.amount(amount(event, field)),
        }
        if hits.is_empty() && matches!(self.measure, Measure::Hits | Measure::DistinctTerms) {
            keep.hit(self.value_of_message(), None);
        }
        state.kept.len() > before
    }

    fn add_terms(&self, keep: &mut Keep<'_>, hits: &[Hit]) {
        let mut seen: SmallVec<[u32; 16]> = SmallVec::new();
        for hit in hits {
            if seen.len() < self.cap() && !seen.contains(&hit.term.0) {
                seen.push(hit.term.0);
                keep.hit(i64::from(hit.term.0), Some(hit));
            }
        }
    }

    /// A message whose signal needs no mention counts one; among terms it is none of them.
    fn value_of_message(&self) -> i64 {
        if self.is_distinct() { -1 } else { 1 }
    }

    fn cap(&self) -> usize {
        self.per_message_cap.map_or(usize::MAX, |cap| usize::try_from(cap).unwrap_or(usize::MAX))
    }

    fn decide<'s>(&self, state: &'s mut CountState) -> Option<Cause<'s>> {
        let reached = self.reached(state);
        let was_above = mem::replace(&mut state.above, reached);
        let fires = reached && !(was_above && self.after_fire == AfterFire::Hold);
        fires.then(|| self.contributing(state))
    }

    fn reached(&self, state: &mut CountState) -> bool {
        match self.is_distinct() {
            true => state.values.number(&state.kept) >= self.threshold(),
            false => state.total >= self.at_least,
        }
    }

    /// Lists the hits of the window, each fresh one for the last time as such.
    fn contributing<'s>(&self, state: &'s mut CountState) -> Cause<'s> {
        if self.is_distinct() {
            let kept = newest_of_each(state.kept.make_contiguous());
            let fresh_from = first_fresh(kept.iter());
            let _ = self.spend(state);
            return Cause::Window { kept: Cow::Owned(kept), fresh_from };
        }
        let fresh_from = first_fresh(state.kept.iter());
        Cause::Window { kept: self.spend(state), fresh_from }
    }

    /// Marks the hits as counted; forgets them when the rule consumes.
    fn spend<'s>(&self, state: &'s mut CountState) -> Cow<'s, [Kept]> {
        if self.after_fire == AfterFire::Consume {
            state.total = 0;
            state.values = Values::default();
            let taken = Vec::from(mem::take(&mut state.kept));
            if self.reviewed {
                self.remember(&mut state.spent, &taken);
            }
            return Cow::Owned(taken);
        }
        let fresh = state.kept.iter_mut().rev().take_while(|one| !one.counted);
        fresh.for_each(|one| one.counted = true);
        Cow::Borrowed(state.kept.make_contiguous())
    }

    /// Keeps of what is consumed as much as a review can ask for.
    fn remember(&self, spent: &mut VecDeque<(Timestamp, i64)>, taken: &[Kept]) {
        spent.extend(taken.iter().map(|one| (one.at, one.value)));
        let sums = matches!(self.measure, Measure::Sum(_));
        let keep = if sums { MOST_SPENT } else { self.threshold().max(taken.len()) };
        spent.drain(..spent.len().saturating_sub(keep));
    }

    /// Returns whether the window that ends at `at` holds enough, consumed or not. A session
    /// ends with the silence after `last_event`.
    pub fn holds(
        &self,
        state: &CountState,
        at: Timestamp,
        last_event: Option<Timestamp>,
        zone: &Zone,
    ) -> bool {
        if let (Window::Session { gap }, Some(last)) = (self.window, last_event)
            && at.since(last) >= gap
        {
            return false;
        }
        let start = window::start(self.window, at, zone);
        let kept = state.kept.iter().map(|one| (one.at, one.value));
        let inside = state.spent.iter().copied().chain(kept).filter(|(at, _)| *at >= start);
        if !self.is_distinct() {
            return inside.map(|(_, value)| value).sum::<i64>() >= self.at_least;
        }
        let mut seen = Seen::default();
        inside.filter(|(_, value)| seen.is_new(*value)).count() >= self.threshold()
    }

    fn bound(&self, state: &mut CountState, now: Timestamp) {
        let keep = self.threshold().max(EVIDENCE_KEPT);
        if matches!(self.measure, Measure::Sum(_)) || self.settled(state, now) <= keep {
            return;
        }
        if self.is_distinct() {
            state.keep_newest_of_each(self.settled(state, now));
        }
        for _ in keep..self.settled(state, now) {
            state.drop_oldest();
        }
    }

    /// Returns how many of the oldest hits no recall can take any more.
    fn settled(&self, state: &CountState, now: Timestamp) -> usize {
        state.kept.partition_point(|one| now.since(one.at) >= self.recallable)
    }

    fn is_distinct(&self) -> bool {
        matches!(self.measure, Measure::DistinctTerms | Measure::DistinctDays)
    }

    fn threshold(&self) -> usize {
        usize::try_from(self.at_least).unwrap_or(0)
    }
}

impl CountState {
    /// Gives the terms of the hits that are remembered their new numbers.
    pub fn renumber_terms(&mut self, terms: TermNumbers<'_>) {
        terms.put_all(&mut self.kept);
    }

    /// Forgets everything, as at the start of a session.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.spent.clear();
        self.total = 0;
        self.above = false;
        self.values = Values::default();
    }

    /// Returns whether nothing is remembered.
    pub fn is_resting(&self) -> bool {
        self.kept.is_empty() && !self.above
    }

    fn drop_before(&mut self, start: Timestamp) {
        while self.kept.front().is_some_and(|oldest| oldest.at < start) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.total -= oldest.value;
            self.values.remove(oldest.value);
        }
    }

    /// Drops, of the oldest `n`, all that have a newer one of the same value among them.
    fn keep_newest_of_each(&mut self, n: usize) {
        let mut seen = Seen::default();
        let oldest: Vec<Kept> = self.kept.drain(..n).collect();
        for one in oldest.into_iter().rev() {
            if seen.is_new(one.value) {
                self.kept.push_front(one);
            } else {
                self.total -= one.value;
                self.values.remove(one.value);
            }
        }
    }
}

/// Which values are kept, and how many of each, sorted by value; unknown until somebody asks, and not part of what a
/// state says.
#[derive(Clone, Debug, Default)]
struct Values(Option<Vec<(i64, u32)>>);

impl Values {
    /// Returns how many different values `kept` has.
    fn number(&mut self, kept: &VecDeque<Kept>) -> usize {
        if self.0.is_none() {
            self.0 = Some(Vec::new());
            kept.iter().for_each(|one| self.add(one.value));
        }
        self.0.as_ref().map_or(0, Vec::len)
    }

    fn add(&mut self, value: i64) {
        let Some(values) = &mut self.0 else { return };
        match values.binary_search_by_key(&value, |(value, _)| *value) {
            Ok(place) => values[place].1 += 1,
            Err(place) => values.insert(place, (value, 1)),
        }
    }

    fn remove(&mut self, value: i64) {
        let Some(values) = &mut self.0 else { return };
        if let Ok(place) = values.binary_search_by_key(&value, |(value, _)| *value) {
            values[place].1 -= 1;
            if values[place].1 == 0 {
                values.remove(place);
            }
        }
    }
}

impl PartialEq for Values {
    fn eq(&self, _: &Values) -> bool {
        true
    }
}

/// Where the hits of one event go.
struct Keep<'k> {
    state: &'k mut CountState,
    at: Timestamp,
    id: Arc<str>,
}

impl Keep<'_> {
    fn hit(&mut self, value: i64, hit: Option<&Hit>) {
        self.one(value, hit.map_or(1.0, |hit| hit.weight), hit.cloned());
    }

    /// Nothing to add is no evaluation either.
    fn amount(&mut self, amount: i64) {
        if amount != 0 {
            self.one(amount, amount as f64, None);
        }
    }

    fn one(&mut self, value: i64, weight: f64, hit: Option<Hit>) {
        let message_id = Arc::clone(&self.id);
        self.state.kept.push_back(Kept { message_id, at: self.at, value, weight, counted: false, hit });
        self.state.total += value;
        self.state.values.add(value);
    }
}

/// The values met so far, sorted.
#[derive(Default)]
struct Seen(SmallVec<[i64; 16]>);

impl Seen {
    fn is_new(&mut self, value: i64) -> bool {
        let place = self.0.binary_search(&value);
        if let Err(place) = place {
            self.0.insert(place, value);
        }
        place.is_err()
    }
}

/// Returns the place of the first that was not counted yet: those come last.
fn first_fresh<'k>(kept: impl DoubleEndedIterator<Item = &'k Kept> + ExactSizeIterator) -> usize {
    let n = kept.len();
    n - kept.rev().take_while(|one| !one.counted).count()
}

fn newest_of_each(kept: &[Kept]) -> Vec<Kept> {
    let mut seen = Seen::default();
    let mut newest: Vec<Kept> = kept.iter().rev().filter(|one| seen.is_new(one.value)).cloned().collect();
    newest.reverse();
    newest
}

fn amount(event: &Event, field: NumberField) -> i64 {
    let numbers = event.numbers.iter().filter(|(name, _)| *name == field);
    let sum = numbers.fold(0_i64, |sum, (_, number)| sum.saturating_add(*number));
    sum.clamp(-LARGEST_AMOUNT, LARGEST_AMOUNT)
}

/// Most amounts that are remembered after they were consumed.
const MOST_SPENT: usize = 4_096;

/// Most that one message adds to a sum, so that nine million of them cannot overflow:
/// ten thousand million yuan in fen.
const LARGEST_AMOUNT: i64 = 1_000_000_000_000;
