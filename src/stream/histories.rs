//! All histories in memory: finds one by its hash, wakes those whose time has come, ranks them all.

use std::collections::BTreeSet;

use super::history::{Engines, History, hash_of};
use super::spread::Spread;
use crate::batch::codec::Entry;
use crate::message::KeyKind;
use crate::rules::RuleSet;
use crate::signal::Event;
use crate::time::Timestamp;
use crate::timeline::Scale;
use crate::verdict::{Barriers, Engine, Row};

/// The histories of a stream.
pub struct Histories<'r> {
    engines: Engines<'r>,
    known: Known,
    /// When to look at a history again although no event of it came.
    wake: BTreeSet<(Timestamp, u128)>,
}

/// What is known of histories, apart from the rules.
#[derive(Default)]
pub struct Known {
    /// By hash.
    pub histories: Spread<History>,
    /// By kind of key.
    pub barriers: [Barriers; 5],
}

impl<'r> Histories<'r> {
    /// Takes what is known into use with `rules`.
    pub fn new(rules: &'r RuleSet, known: Known) -> Histories<'r> {
        let wakes = known.histories.iter().filter(|(_, history)| history.wake_at < Timestamp::MAX);
        let wake = wakes.map(|(hash, history)| (history.wake_at, hash)).collect();
        Histories { engines: KeyKind::ALL.map(|kind| Engine::new(rules, kind)), known, wake }
    }

    /// Returns what is known.
    pub fn into_known(self) -> Known {
        self.known
    }

    /// Applies an entry to its history. `event` is that of the entry, or the recall of its message.
    pub fn push(&mut self, entry: &Entry<'_>, event: &Event, out: &mut Vec<Row>) {
        self.known.barriers.iter_mut().for_each(|barriers| barriers.note(event.at));
        self.with_history(hash_of(entry), |engines, history| history.push(engines, entry, event, out));
    }

    /// Lets what is due until `through` happen; the events until then have been applied.
    pub fn advance_through(&mut self, through: Timestamp, out: &mut Vec<Row>) {
        while let Some((_, hash)) = self.wake.first().filter(|(at, _)| *at <= through).copied() {
            self.with_history(hash, |engines, history| history.advance_to(engines, through, out));
        }
    }

    /// Returns the next barrier of any rule over the whole population; `first` is the time of the first
    /// event that waits.
    pub fn next_barrier(&self, first: Option<Timestamp>) -> Option<Timestamp> {
        let next = |(barriers, engine): (&Barriers, &Engine<'_>)| barriers.next(engine.program(), first);
        self.known.barriers.iter().zip(&self.engines).filter_map(next).min()
    }

    /// Applies the barrier at `at`: all keys measure, then each finds its bands.
    pub fn rank(&mut self, at: Timestamp, out: &mut Vec<Row>) {
        for kind in KeyKind::ALL {
            let due: Vec<usize> = Barriers::due(self.engines[kind as usize].program(), at).collect();
            due.into_iter().for_each(|place| self.rank_by(kind, place, at, out));
            self.known.barriers[kind as usize].pass(at);
        }
    }

    fn rank_by(&mut self, kind: KeyKind, place: usize, at: Timestamp, out: &mut Vec<Row>) {
        let engine = &self.engines[kind as usize];
        let Some(ranking) = engine.program().ranking(place) else { return };
        let keys = self
            .known
            .histories
            .iter()
            .flat_map(|(_, history)| history.keys())
            .filter(|(key, _)| key.kind == kind);
        let measured: Vec<Vec<i64>> =
            keys.filter_map(|(_, state)| engine.measure(place, state, at)).collect();
        let scale = Scale::new(ranking, measured.iter().map(Vec::as_slice));
        let mut hashes: Vec<u128> = self.known.histories.iter().map(|(hash, _)| hash).collect();
        hashes.sort_unstable();
        for hash in hashes {
            self.with_history(hash, |engines, history| {
                let engine = &engines[kind as usize];
                history.change_keys(engine, kind, |key, state| {
                    engine.rank(place, state, key, at, scale.as_ref(), out);
                });
            });
        }
    }

    /// Returns how many histories there are.
    pub fn len(&self) -> usize {
        self.known.histories.len()
    }

    /// Lets `change` act on a history and notes when to look at it again.
    fn with_history(&mut self, hash: u128, change: impl FnOnce(&Engines<'r>, &mut History)) {
        let history = self.known.histories.get_or_default(hash);
        let before = history.wake_at;
        change(&self.engines, history);
        if history.wake_at != before {
            self.wake.remove(&(before, hash));
            if history.wake_at < Timestamp::MAX {
                self.wake.insert((history.wake_at, hash));
            }
        }
    }
}
