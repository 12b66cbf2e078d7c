//! Second half of a run: the histories of one shard, each in time order, through the rules.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::adoption::Adoption;
use super::codec::{self, Address, Entry, EntryKind, Whose};
use super::identity::{EarlierRecall, PendingRecall, Resolution};
use super::journal;
use super::resume::Resumed;
use super::route;
use super::walk::Walk;
use crate::error::Error;
use crate::message::{Key, KeyKind, acting_seq};
use crate::prefix_sort::sort_by_prefix;
use crate::rules::RuleSet;
use crate::signal::Event;
use crate::state::{self, History, Sent, StoredHistory};
use crate::time::Timestamp;
use crate::verdict::{Census, Engine, KeyState, Row, Scales};
use crate::writer::{CurrentTag, LateEvent};

/// What all shards of a night share.
pub struct Night<'a> {
    engines: [Engine<'a>; 5],
    /// By kind of key: the barriers of `rank` rules.
    scales: [Scales; 5],
    resolution: &'a Resolution,
    recalls: &'a [PendingRecall],
    pub(super) as_of: Timestamp,
    /// What was decided before was decided until here.
    pub(super) before: Timestamp,
    /// Events from here on stay in journals.
    pub(super) journal_from: Timestamp,
    /// Buffers between two shards: as many as there are threads.
    benches: Mutex<Vec<Bench>>,
}

/// What the rules decided about the histories of one shard.
#[derive(Default)]
pub struct Decided {
    /// Rows in no particular order; those of one key in the order they were decided.
    pub rows: Vec<Row>,
    /// Rows of earlier runs that no longer hold.
    pub withdrawn: Vec<Row>,
    /// Events that came too late to act.
    pub late: Vec<LateEvent>,
    /// Tags that stand at `as_of`, of the histories that were looked at.
    pub current: Vec<CurrentTag>,
    /// The histories that were looked at, in order of hashes.
    pub looked_at: Vec<u128>,
    /// The histories as they are to be remembered, in order of hashes.
    pub stored: Vec<StoredHistory>,
}

impl Decided {
    /// Returns how many rows were decided or taken back.
    fn n_rows(&self) -> usize {
        self.rows.len() + self.withdrawn.len()
    }
}

/// The buffers one thread reuses from shard to shard.
#[derive(Default)]
pub struct Bench {
    places: Vec<Place>,
    pub(super) event: Event,
    /// States at rest, by kind of key.
    states: [Vec<KeyState>; 5],
}

impl Bench {
    /// Returns a state at rest.
    pub(super) fn state(&mut self, kind: KeyKind) -> KeyState {
        self.states[kind as usize].pop().unwrap_or_default()
    }

    /// Takes a state that is needed no longer. More come back than are handed out: a history that can still be
    /// corrected has each of its states twice.
    pub(super) fn take_back(&mut self, kind: KeyKind, mut state: KeyState) {
        let at_rest = &mut self.states[kind as usize];
        if at_rest.len() < AT_REST {
            state.reset();
            at_rest.push(state);
        }
    }
}

/// Where an entry stands in a shard, and what most comparisons need of it: sorting
/// entries themselves would move four times the bytes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    hash: u128,
    at: Timestamp,
    seq: u64,
    chunk: u32,
    offset: u32,
}

/// What is remembered of the histories of one shard.
#[derive(Clone, Copy)]
pub struct Memory<'s> {
    /// The shard of the state; it may hold more than the shard of events.
    pub shard: &'s state::Shard,
    /// Which histories of it are also in the shard of events.
    pub has: &'s dyn Fn(u128) -> bool,
    /// Rules have changed: all states are looked at.
    pub adoption: Option<&'s Adoption<'s>>,
    /// A barrier of `rank` rules is passed: all ranked states are looked at.
    pub ranks: bool,
}

impl<'a> Night<'a> {
    /// Prepares the rules for a night that ends at `as_of`.
    pub fn new(
        rules: &'a RuleSet,
        resolution: &'a Resolution,
        recalls: &'a [PendingRecall],
        as_of: Timestamp,
    ) -> Night<'a> {
        let engines = KeyKind::ALL.map(|kind| Engine::new(rules, kind));
        let journal_from = as_of.minus(rules.pack.reconcile);
        let (scales, benches) = Default::default();
        Night { engines, scales, resolution, recalls, as_of, before: Timestamp::MIN, journal_from, benches }
    }

    /// Lets the night follow one that ended at `before`, whose barriers had `scales`.
    pub fn following(self, before: Timestamp, scales: [Scales; 5]) -> Night<'a> {
        Night { before, scales, ..self }
    }

    /// Returns whether some rule ranks the whole population: then `census` goes before `decide`.
    pub fn ranks(&self) -> bool {
        self.engines.iter().any(|engine| !engine.program().ranks().is_empty())
    }

    /// Returns whether a barrier of some rule lies between the last night and this one.
    pub fn passes_barrier(&self) -> bool {
        let passes = |engine: &Engine<'_>| {
            let program = engine.program();
            program.ranks().iter().any(|place| program.next_barrier(*place, self.before) <= self.as_of)
        };
        self.engines.iter().any(passes)
    }

    /// Makes the barriers of what all shards measured.
    pub fn take_census(&mut self, parts: impl Iterator<Item = [Census; 5]>) {
        let mut all: [Census; 5] = Default::default();
        for part in parts {
            all.iter_mut().zip(part).for_each(|(all, part)| all.merge(part));
        }
        for ((scales, census), engine) in self.scales.iter_mut().zip(&all).zip(&self.engines) {
            scales.extend(census.scales(engine));
        }
    }

    /// Applies the rules to all histories of one shard, as if nothing had been before, and keeps
    /// nothing but what is decided.
    pub fn decide_alone(&self, chunks: &[Vec<u8>]) -> Decided {
        self.with_bench(|bench| {
            let mut decided = Decided::default();
            let shard = Entries::new(self, chunks, bench);
            for history in shard.histories() {
                let entries = shard.entries(history);
                let mut walk = Walk::new(self, shard.whose(None, history), bench);
                for entry in entries.take_while(|entry| entry.at < self.as_of) {
                    walk.step(&entry, bench, &mut decided.rows);
                }
                walk.advance(self.as_of, &mut decided.rows);
                walk.list_standing(None, &mut decided.current);
                walk.dismiss(bench);
            }
            shard.leave(bench);
            decided
        })
    }

    /// Applies the rules to the histories of one shard: those with events tonight, and those of the
    /// memory in which something is due.
    ///
    /// # Errors
    ///
    /// Returns an error when a state cannot be read.
    pub fn decide(&self, chunks: &[Vec<u8>], memory: Memory<'_>) -> Result<Decided, Error> {
        self.with_bench(|bench| {
            let mut decided = Decided::default();
            let shard = Entries::new(self, chunks, bench);
            for (remembered, tonight) in shard.with_memory(self, memory)? {
                self.take_up(&shard, remembered, tonight, memory.adoption, bench, &mut decided)?;
            }
            shard.leave(bench);
            Ok(decided)
        })
    }

    /// Takes up one history where the state left it, or begins it.
    fn take_up(
        &self,
        shard: &Entries<'_>,
        remembered: Option<StoredHistory>,
        tonight: &[Place],
        adoption: Option<&Adoption<'_>>,
        bench: &mut Bench,
        decided: &mut Decided,
    ) -> Result<(), Error> {
        let mut known = remembered.as_ref().map(History::decode).transpose()?.unwrap_or_default();
        let whose = shard.whose(remembered.as_ref(), tonight);
        if let Some(adoption) = adoption {
            known = adoption.history(whose, known);
        }
        let hash = remembered.as_ref().map_or_else(|| tonight[0].hash, |row| row.hash);
        let journal = std::mem::take(&mut known.journal);
        let recalls = self.recalls_of_earlier(hash, &known, &journal, whose);
        let mut fresh: Vec<Entry<'_>> = shard.entries(tonight).chain(codec::entries(&recalls)).collect();
        if !recalls.is_empty() {
            fresh.sort_by(event_order);
        }
        let (n_rows, n_current, nothing_new) = (decided.n_rows(), decided.current.len(), fresh.is_empty());
        let Resumed { history, wake_at, ranked } = self.resume(whose, known, &journal, fresh, bench, decided);
        let was_due = remembered.as_ref().is_some_and(|row| row.wake_at.is_some_and(|at| at <= self.as_of));
        match nothing_new && !was_due && decided.n_rows() == n_rows {
            // Its tags stand as they did: they are copied, not written anew.
            true => decided.current.truncate(n_current),
            false => decided.looked_at.push(hash),
        }
        let (class, corp, primary) = (whose.class, whose.corp.into(), whose.primary.into());
        let state = history.encode();
        history.into_states().for_each(|(kind, state)| bench.take_back(kind, state));
        decided.stored.push(StoredHistory { hash, class, corp, primary, wake_at, ranked, state });
        Ok(())
    }

    /// Returns, as entries, the recalls of messages that earlier nights brought to a history.
    fn recalls_of_earlier(&self, hash: u128, known: &History, journal: &[u8], whose: Whose<'_>) -> Vec<u8> {
        let (mut made, mut event) = (Vec::new(), Event::default());
        let recalls = self.resolution.earlier.get(&((hash >> 64) as u64)).into_iter().flatten();
        for EarlierRecall { number, message_id, second } in recalls {
            let recall = &self.recalls[*number];
            let message = journal::entries(journal, whose)
                .find(|entry| !entry.kind.is_recall() && entry.has_id(message_id));
            let (address, kind) = match &message {
                Some(entry) => (entry.address(), entry.kind.recall()),
                None => (whose.address(counterpart(known, *second)), EntryKind::OtherRecall),
            };
            put_recall(&mut made, address, kind, recall, message_id, &mut event);
        }
        made
    }

    /// Calls `visit` with what happens to each key of one shard, in event order, without rules.
    pub fn unfold(&self, chunks: &[Vec<u8>], mut visit: impl FnMut(Key, &Event)) {
        let mut bench = Bench::default();
        let shard = Entries::new(self, chunks, &mut bench);
        let entries = shard.histories().flat_map(|history| shard.entries(history));
        for entry in entries.filter(|entry| entry.at < self.as_of) {
            entry.decode_into(&mut bench.event);
            let kinds = KeyKind::ALL.into_iter().filter(|kind| route::class_of(*kind) == entry.class);
            kinds
                .filter_map(|kind| route::key(&entry.address(), kind))
                .for_each(|key| visit(key, &bench.event));
        }
    }

    pub(super) fn engine(&self, kind: KeyKind) -> &Engine<'a> {
        &self.engines[kind as usize]
    }

    pub(super) fn scales(&self, kind: KeyKind) -> &Scales {
        &self.scales[kind as usize]
    }

    fn with_bench<T>(&self, work: impl FnOnce(&mut Bench) -> T) -> T {
        let idle = self.benches.lock().expect("no thread panics while it holds the pool").pop();
        let mut bench = idle.unwrap_or_default();
        let done = work(&mut bench);
        self.benches.lock().expect("no thread panics while it holds the pool").push(bench);
        done
    }
}

/// What is remembered of a history, and its events of tonight.
type Pair<'s> = (Option<StoredHistory>, &'s [Place]);

/// The entries of one shard of events: whole histories, each in event order.
pub(super) struct Entries<'n> {
    chunks: &'n [Vec<u8>],
    /// Entries for the recalls of messages among the chunks.
    made: Vec<u8>,
    /// Sorted by history, each history in event order.
    places: Vec<Place>,
}

impl<'n> Entries<'n> {
    /// Finds all entries but duplicates, and adds the recalls.
    pub(super) fn new(night: &Night<'_>, chunks: &'n [Vec<u8>], bench: &mut Bench) -> Entries<'n> {
        let mut places = std::mem::take(&mut bench.places);
        places.clear();
        let mut entries = Entries { chunks, made: Vec::new(), places };
        for (chunk, bytes) in (0..).zip(chunks) {
            for (offset, entry) in codec::entries_with_offsets(bytes) {
                entries.take_in(night, chunk, offset, &entry, &mut bench.event);
            }
        }
        entries.add_made();
        entries.sort();
        entries
    }

    fn take_in(&mut self, night: &Night<'_>, chunk: u32, offset: u32, entry: &Entry<'_>, event: &mut Event) {
        let resolution = night.resolution;
        if resolution.duplicates.contains_key(&entry.arrival) {
            return;
        }
        self.places.push(place_of(entry, chunk, offset));
        if let Some(&number) = resolution.recalled.get(&entry.arrival) {
            let mut target = String::new();
            entry.id.push_to(&mut target);
            put_recall(
                &mut self.made,
                entry.address(),
                entry.kind.recall(),
                &night.recalls[number],
                &target,
                event,
            );
        }
    }

    fn add_made(&mut self) {
        let chunk = self.chunks.len() as u32;
        let made = codec::entries_with_offsets(&self.made);
        self.places.extend(made.map(|(offset, entry)| place_of(&entry, chunk, offset)));
    }

    fn sort(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        let order = |a: &Place, b: &Place| {
            let by_time = (a.hash, a.at, a.seq).cmp(&(b.hash, b.at, b.seq));
            by_time.then_with(|| tie(&self.entry(a), &self.entry(b)))
        };
        sort_by_prefix(&mut places, |place| (place.hash >> 64) as u64, order);
        self.places = places;
    }

    fn entry(&self, place: &Place) -> Entry<'_> {
        let chunk = self.chunks.get(place.chunk as usize).unwrap_or(&self.made);
        codec::next_entry(&chunk[place.offset as usize..]).expect("an entry was read here before").0
    }

    pub(super) fn histories(&self) -> impl Iterator<Item = &[Place]> {
        self.places.chunk_by(|a, b| a.hash == b.hash)
    }

    pub(super) fn entries<'s>(&'s self, places: &'s [Place]) -> impl Iterator<Item = Entry<'s>> {
        places.iter().map(|place| self.entry(place))
    }

    /// Returns whose history it is: that of `remembered`, or else of `places`, which are not empty then.
    pub(super) fn whose<'s>(&'s self, remembered: Option<&'s StoredHistory>, places: &[Place]) -> Whose<'s> {
        remembered.map_or_else(|| Whose::at(self.entry(&places[0]).address()), Whose::of)
    }

    /// Pairs the histories of the shard with what is remembered of them, and adds those that are due;
    /// in order of hashes.
    pub(super) fn with_memory(&self, night: &Night<'_>, memory: Memory<'_>) -> Result<Vec<Pair<'_>>, Error> {
        let mut tonight: BTreeMap<u128, &[Place]> =
            self.histories().map(|places| (places[0].hash, places)).collect();
        for hash in memory.wanted(night) {
            tonight.entry(hash).or_default();
        }
        let hashes: Vec<u128> = tonight.keys().copied().collect();
        let mut remembered = memory.shard.load(&hashes)?.into_iter().peekable();
        let pair = |(hash, places)| (remembered.next_if(|row| row.hash == hash), places);
        Ok(tonight.into_iter().map(pair).collect())
    }

    fn leave(self, bench: &mut Bench) {
        bench.places = self.places;
    }
}

impl Memory<'_> {
    /// Returns the histories that are looked at although nothing came for them tonight.
    fn wanted(&self, night: &Night<'_>) -> Vec<u128> {
        let mut wanted: Vec<u128> = match self.adoption {
            Some(_) => self.shard.hashes(),
            None => self.shard.due(night.as_of),
        };
        if self.ranks {
            wanted.extend(self.shard.ranked());
        }
        let recalled = night.resolution.earlier.keys();
        wanted.extend(recalled.filter_map(|upper| self.shard.with_upper_half(*upper)));
        wanted.retain(|hash| (self.has)(*hash));
        wanted
    }
}

fn place_of(entry: &Entry<'_>, chunk: u32, offset: u32) -> Place {
    let hash = route::history_hash(entry.class, entry.corp, entry.primary);
    Place { hash, at: entry.at, seq: entry.seq, chunk, offset }
}

/// The order in which the events of one history act.
pub(super) fn event_order(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    (a.at, a.seq).cmp(&(b.at, b.seq)).then_with(|| tie(a, b))
}

/// Orders entries of one instant and sequence number.
fn tie(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    let place = |entry: &Entry<'_>| (entry.id_text(), entry.kind.is_recall(), entry.arrival);
    place(a).cmp(&place(b))
}

/// Appends the entry that takes the message `target` back.
fn put_recall(
    out: &mut Vec<u8>,
    address: Address<'_>,
    kind: EntryKind,
    recall: &PendingRecall,
    target: &str,
    event: &mut Event,
) {
    event.clear();
    (event.at, event.seq) = (recall.at, acting_seq(recall.seq));
    event.id.push_str(&recall.id);
    event.recall_of.push_str(target);
    codec::encode(out, address, kind, recall.arrival, event, |_| true);
}

/// Finds the counterpart of a history with the given hash; empty when there is none.
fn counterpart(known: &History, second: u32) -> &str {
    let mut keys = known.head().keys.iter().map(|key| &*key.second);
    keys.find(|name| second != 0 && Sent::hash_of(name.as_bytes()) == second).unwrap_or_default()
}

/// States that a thread keeps for the next histories, of each kind of key: most have fewer keys.
const AT_REST: usize = 256;
