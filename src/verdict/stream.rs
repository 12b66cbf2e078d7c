//! Puts the events of many keys in order and runs one engine over them.
//!
//! Events wait until the watermark (newest time seen, less the lateness) has
//! passed them and then go to their keys in event order. An event older than
//! the watermark is late and handed back: what is decided stays decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::message::Key;
use crate::signal::Event;
use crate::time::{Millis, Timestamp};
use crate::timeline::Scale;

use super::barriers::Barriers;
use super::engine::{Engine, KeyState};
use super::reorder::Reorder;
use super::row::Row;

/// An engine over the events of many keys, in small steps.
#[derive(Clone, Debug)]
pub struct Stream<'e> {
    engine: &'e Engine<'e>,
    waiting: Reorder<(Arc<Key>, Event)>,
    /// Ids that were taken in, until duplicates of them would be late by a day.
    seen: BTreeSet<(Arc<Key>, Box<str>)>,
    seen_by_time: BTreeSet<(Timestamp, Arc<Key>, Box<str>)>,
    barriers: Barriers,
    states: BTreeMap<Arc<Key>, KeyState>,
    /// When to look at a key again although no event of it came.
    wake: BTreeSet<(Timestamp, Arc<Key>)>,
}

/// What became of an event that arrived.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// It waits for its turn or has had it.
    Taken,
    /// Its key has had an event with this id.
    Duplicate,
    /// It is older than the watermark.
    Late(Event),
}

impl<'e> Stream<'e> {
    /// Starts without any key. Events may come up to `lateness` after newer ones.
    pub fn new(engine: &'e Engine<'e>, lateness: Millis) -> Stream<'e> {
        Stream {
            engine,
            waiting: Reorder::new(lateness),
            seen: BTreeSet::new(),
            seen_by_time: BTreeSet::new(),
            barriers: Barriers::default(),
            states: BTreeMap::new(),
            wake: BTreeSet::new(),
        }
    }

    /// Takes in an event and applies all that need not wait any more. Appends to `out`.
    pub fn push(&mut self, key: &Arc<Key>, event: Event, out: &mut Vec<Row>) -> Arrival {
        let id: Box<str> = Box::from(event.id.as_str());
        if self.seen.contains(&(Arc::clone(key), id.clone())) {
            return Arrival::Duplicate;
        }
        if self.waiting.is_late(event.at) {
            return Arrival::Late(event);
        }
        let (at, seq) = (event.at, event.seq);
        self.seen.insert((Arc::clone(key), id.clone()));
        self.seen_by_time.insert((at, Arc::clone(key), id.clone()));
        self.waiting.insert(at, seq, id, (Arc::clone(key), event));
        self.waiting.note(at);
        self.advance_to(self.waiting.reached().expect("a time was noted"), out);
        Arrival::Taken
    }

    /// Raises the watermark: applies the events before it, then the timers due until it.
    /// Does nothing when it is higher already.
    ///
    /// At each barrier of a `rank` rule on the way all keys first come to the barrier.
    pub fn advance_to(&mut self, watermark: Timestamp, out: &mut Vec<Row>) {
        if !self.waiting.raise(watermark) {
            return;
        }
        while let Some(barrier) = self.next_barrier().filter(|barrier| *barrier <= watermark) {
            self.release(barrier, out);
            self.rank(barrier, out);
        }
        self.release(watermark, out);
        self.forget_before(watermark.minus(REMEMBER_IDS));
    }

    /// Applies the events before `to`, then the timers due until it.
    fn release(&mut self, to: Timestamp, out: &mut Vec<Row>) {
        while let Some((at, (key, event))) = self.waiting.pop_before(to) {
            self.barriers.note(at);
            self.with_state(&key, |engine, state| engine.push(state, &key, &event, out));
        }
        while let Some((_, key)) = self.wake.first().filter(|(at, _)| *at <= to).cloned() {
            self.with_state(&key, |engine, state| engine.advance_to(state, &key, to, out));
        }
    }

    /// Returns the next barrier of any `rank` rule; none before the first event.
    fn next_barrier(&self) -> Option<Timestamp> {
        self.barriers.next(self.engine.program(), self.waiting.first())
    }

    /// Applies the `rank` rules whose barrier is `at`: all keys measure, then each finds its bands.
    fn rank(&mut self, at: Timestamp, out: &mut Vec<Row>) {
        let program = self.engine.program();
        for place in Barriers::due(program, at) {
            let Some(ranking) = program.ranking(place) else { continue };
            let measured: Vec<Vec<i64>> =
                self.states.values().filter_map(|state| self.engine.measure(place, state, at)).collect();
            let scale = Scale::new(ranking, measured.iter().map(Vec::as_slice));
            let keys: Vec<Arc<Key>> = self.states.keys().cloned().collect();
            for key in keys {
                self.with_state(&key, |engine, state| {
                    engine.rank(place, state, &key, at, scale.as_ref(), out)
                });
            }
        }
        self.barriers.pass(at);
    }

    /// Returns the key states, in key order.
    pub fn states(&self) -> impl Iterator<Item = (&Arc<Key>, &KeyState)> {
        self.states.iter()
    }

    /// Puts a saved state in place of the key's own.
    pub fn restore(&mut self, key: &Arc<Key>, state: KeyState) {
        self.with_state(key, |_, old| *old = state);
    }

    /// Lets `change` act on the state of `key` and notes when to look at it again.
    fn with_state(&mut self, key: &Arc<Key>, change: impl FnOnce(&Engine<'e>, &mut KeyState)) {
        let state = self.states.entry(Arc::clone(key)).or_default();
        self.wake.remove(&(self.engine.quiet_until(state), Arc::clone(key)));
        change(self.engine, state);
        let wake_at = self.engine.quiet_until(state);
        if wake_at < Timestamp::MAX {
            self.wake.insert((wake_at, Arc::clone(key)));
        }
    }

    fn forget_before(&mut self, oldest: Timestamp) {
        while let Some((at, key, id)) = self.seen_by_time.pop_first() {
            if at >= oldest {
                self.seen_by_time.insert((at, key, id));
                return;
            }
            self.seen.remove(&(key, id));
        }
    }
}

/// How long behind the watermark a second copy is still called a duplicate; after that it is late.
const REMEMBER_IDS: Millis = Millis::DAY;
