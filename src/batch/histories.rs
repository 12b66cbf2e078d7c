//! Second half of a run: the histories of one shard, each in time order, through the rules.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::codec::{self, Class, Entry, EntryKind};
use super::identity::{PendingRecall, Resolution};
use super::route;
use crate::message::{Key, KeyKind};
use crate::rules::RuleSet;
use crate::signal::Event;
use crate::time::Timestamp;
use crate::verdict::{Census, Engine, KeyState, Measuring, Row, Scales, StandingTag};
use crate::writer::CurrentTag;

/// What all shards of a night share.
pub struct Night<'a> {
    engines: [Engine<'a>; 5],
    /// By kind of key: the barriers of `rank` rules.
    scales: [Scales; 5],
    resolution: &'a Resolution,
    recalls: &'a [PendingRecall],
    as_of: Timestamp,
    /// Buffers between two shards: as many as there are threads.
    benches: Mutex<Vec<Bench>>,
}

/// What the rules decided about the histories of one shard.
#[derive(Default)]
pub struct Decided {
    /// Rows in no particular order.
    pub rows: Vec<Row>,
    /// Tags that stand at `as_of`.
    pub current: Vec<CurrentTag>,
}

/// The buffers one thread reuses from shard to shard.
#[derive(Default)]
struct Bench {
    places: Vec<Place>,
    event: Event,
    /// States at rest, by kind of key.
    states: [Vec<KeyState>; 5],
}

/// Where an occurrence stands in a shard, and what most comparisons need of it: sorting
/// occurrences themselves would move four times the bytes.
#[derive(Clone, Copy)]
struct Place {
    hash: u128,
    at: Timestamp,
    seq: u64,
    chunk: u32,
    offset: u32,
    /// Number of the recall, from 1, when this is the recall of the message that stands here.
    recall: u32,
}

/// One thing that happens in a history: a message, a consent, or the recall of a message.
struct Occurrence<'e> {
    at: Timestamp,
    entry: Entry<'e>,
    /// Present: the message is taken back.
    recall: Option<&'e PendingRecall>,
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
        let scales = Default::default();
        Night { engines, scales, resolution, recalls, as_of, benches: Mutex::default() }
    }

    /// Returns whether some rule ranks the whole population: then `census` goes before `decide`.
    pub fn ranks(&self) -> bool {
        self.engines.iter().any(|engine| !engine.program().ranks().is_empty())
    }

    /// Goes through the histories of one shard for what they measure at the barriers.
    pub fn census(&self, chunks: &[Vec<u8>]) -> [Census; 5] {
        Shard { night: self, chunks }.census()
    }

    /// Makes the barriers of what all shards measured.
    pub fn take_census(&mut self, parts: impl Iterator<Item = [Census; 5]>) {
        let mut all: [Census; 5] = Default::default();
        for part in parts {
            all.iter_mut().zip(part).for_each(|(all, part)| all.merge(part));
        }
        for ((scales, census), engine) in self.scales.iter_mut().zip(&all).zip(&self.engines) {
            *scales = census.scales(engine);
        }
    }

    /// Applies the rules to all histories of one shard.
    pub fn decide(&self, chunks: &[Vec<u8>]) -> Decided {
        let idle = self.benches.lock().expect("no thread panics while it holds the pool").pop();
        let mut bench = idle.unwrap_or_default();
        let decided = Shard { night: self, chunks }.decide(&mut bench);
        self.benches.lock().expect("no thread panics while it holds the pool").push(bench);
        decided
    }

    /// Calls `visit` with what happens to each key of one shard, in event order, without rules.
    pub fn unfold(&self, chunks: &[Vec<u8>], mut visit: impl FnMut(Key, &Event)) {
        let shard = Shard { night: self, chunks };
        let (mut places, mut event) = (Vec::new(), Event::default());
        shard.collect(&mut places);
        shard.sort(&mut places);
        let occurrences = places.iter().map(|place| shard.occurrence(place));
        for occurrence in occurrences.filter(|occurrence| occurrence.at < self.as_of) {
            occurrence.fill(&mut event);
            let entry = &occurrence.entry;
            let kinds = KeyKind::ALL.into_iter().filter(|kind| route::class_of(*kind) == entry.class);
            kinds.filter_map(|kind| route::key(&entry.address(), kind)).for_each(|key| visit(key, &event));
        }
    }

    fn engine(&self, kind: KeyKind) -> &Engine<'a> {
        &self.engines[kind as usize]
    }
}

/// One shard: whole histories in no order.
struct Shard<'n> {
    night: &'n Night<'n>,
    chunks: &'n [Vec<u8>],
}

impl<'n> Shard<'n> {
    fn decide(&self, bench: &mut Bench) -> Decided {
        let mut decided = Decided::default();
        let mut places = std::mem::take(&mut bench.places);
        places.clear();
        self.collect(&mut places);
        self.sort(&mut places);
        for history in places.chunk_by(|a, b| a.hash == b.hash) {
            let occurrences = history.iter().map(|place| self.occurrence(place));
            History::new(self.night, &self.entry(&history[0]), bench).run(occurrences, bench, &mut decided);
        }
        bench.places = places;
        decided
    }

    fn census(&self) -> [Census; 5] {
        let mut taken: [Census; 5] = Default::default();
        let (mut places, mut event) = (Vec::new(), Event::default());
        self.collect(&mut places);
        self.sort(&mut places);
        for history in places.chunk_by(|a, b| a.hash == b.hash) {
            self.measure(history, &mut event, &mut taken);
        }
        taken
    }

    /// Lets the keys of one history measure.
    fn measure(&self, history: &[Place], event: &mut Event, taken: &mut [Census; 5]) {
        let mut walks: BTreeMap<(KeyKind, &[u8]), Measuring> = BTreeMap::new();
        let counts = |place: &&Place| place.at < self.night.as_of && place.recall == 0;
        for occurrence in history.iter().filter(counts).map(|place| self.occurrence(place)) {
            occurrence.fill(event);
            let entry = occurrence.entry;
            let (whole, part) = kinds_of(entry.class);
            let keys = [Some((whole, &b""[..])), part.map(|part| (part, entry.second))];
            for (kind, name) in keys.into_iter().flatten() {
                let engine = self.night.engine(kind);
                if !engine.program().ranks().is_empty() && route::key(&entry.address(), kind).is_some() {
                    taken[kind as usize].add(engine, walks.entry((kind, name)).or_default(), event);
                }
            }
        }
        for ((kind, _), walk) in &mut walks {
            taken[*kind as usize].pass(self.night.engine(*kind), walk, self.night.as_of);
        }
    }

    /// Finds all entries but duplicates, and adds the recalls.
    fn collect(&self, places: &mut Vec<Place>) {
        for (chunk, bytes) in (0..).zip(self.chunks) {
            let mut rest = bytes.as_slice();
            while let Some((entry, behind)) = codec::next_entry(rest) {
                let offset = (bytes.len() - rest.len()) as u32;
                rest = behind;
                self.place(&entry, chunk, offset, places);
            }
        }
    }

    fn place(&self, entry: &Entry<'_>, chunk: u32, offset: u32, places: &mut Vec<Place>) {
        let resolution = self.night.resolution;
        if resolution.duplicates.contains_key(&entry.arrival) {
            return;
        }
        let Entry { at, seq, .. } = *entry;
        let hash = route::history_hash(entry.class, entry.corp, entry.primary);
        if let Some(&number) = resolution.recalled.get(&entry.arrival) {
            let PendingRecall { at, seq, .. } = self.night.recalls[number];
            places.push(Place { hash, at, seq, chunk, offset, recall: number as u32 + 1 });
        }
        places.push(Place { hash, at, seq, chunk, offset, recall: 0 });
    }

    /// Sorts by history, each history by (time, sequence number, id).
    fn sort(&self, places: &mut [Place]) {
        places.sort_unstable_by(|a, b| {
            (a.hash, a.at, a.seq).cmp(&(b.hash, b.at, b.seq)).then_with(|| self.tie(a, b))
        });
    }

    /// Orders occurrences of one instant and sequence number.
    fn tie(&self, a: &Place, b: &Place) -> Ordering {
        let (a, b) = (self.occurrence(a), self.occurrence(b));
        (a.id(), a.recall.is_some(), a.entry.arrival).cmp(&(b.id(), b.recall.is_some(), b.entry.arrival))
    }

    fn entry(&self, place: &Place) -> Entry<'n> {
        let bytes = &self.chunks[place.chunk as usize][place.offset as usize..];
        codec::next_entry(bytes).expect("an entry was read here before").0
    }

    fn occurrence(&self, place: &Place) -> Occurrence<'n> {
        let recall = place.recall.checked_sub(1).map(|number| &self.night.recalls[number as usize]);
        Occurrence { at: place.at, entry: self.entry(place), recall }
    }
}

impl<'e> Occurrence<'e> {
    /// Returns the id of the message, or of the record that takes it back.
    fn id(&self) -> String {
        self.recall.map_or_else(|| self.message_id(), |recall| recall.id.clone())
    }

    fn message_id(&self) -> String {
        let mut id = String::new();
        self.entry.id.push_to(&mut id);
        id
    }

    fn fill(&self, event: &mut Event) {
        let Some(recall) = self.recall else { return self.entry.decode_into(event) };
        event.clear();
        event.at = recall.at;
        event.seq = recall.seq;
        event.id.push_str(&recall.id);
        self.entry.id.push_to(&mut event.recall_of);
    }
}

/// The keys of one history: one for the whole of it, and one for each counterpart in it.
struct History<'n, 'e> {
    night: &'n Night<'n>,
    part_kind: Option<KeyKind>,
    keys: Vec<(Arc<Key>, KeyState)>,
    /// The whole history's place in `keys`; `None`: no rule looks at it.
    whole: Option<usize>,
    /// The places of the counterparts.
    parts: BTreeMap<&'e [u8], Option<usize>>,
    /// Conversations whose customer refuses; by staff id or room.
    refused: BTreeMap<(&'e [u8], &'e [u8]), bool>,
}

impl<'n, 'e> History<'n, 'e> {
    fn new(night: &'n Night<'n>, first: &Entry<'e>, bench: &mut Bench) -> History<'n, 'e> {
        let (whole_kind, part_kind) = kinds_of(first.class);
        let (keys, parts, refused) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut history = History { night, part_kind, keys, whole: None, parts, refused };
        history.whole = history.start(first, whole_kind, bench);
        history
    }

    /// Starts a key, when there are rules for it; returns its place.
    fn start(&mut self, entry: &Entry<'e>, kind: KeyKind, bench: &mut Bench) -> Option<usize> {
        if self.night.engine(kind).program().is_empty() {
            return None;
        }
        let key = route::key(&entry.address(), kind)?;
        self.keys.push((Arc::new(key), bench.states[kind as usize].pop().unwrap_or_default()));
        Some(self.keys.len() - 1)
    }

    fn run(
        mut self,
        history: impl Iterator<Item = Occurrence<'e>>,
        bench: &mut Bench,
        decided: &mut Decided,
    ) {
        for occurrence in history {
            match occurrence.entry.kind {
                EntryKind::Agree => drop(self.refused.insert(conversation(&occurrence.entry), false)),
                EntryKind::Disagree => drop(self.refused.insert(conversation(&occurrence.entry), true)),
                EntryKind::CustomerMessage if self.is_refused(&occurrence.entry) => {}
                _ if occurrence.at >= self.night.as_of => {}
                EntryKind::HandOver => self.hand_over(&occurrence, bench, &mut decided.rows),
                _ => self.push(&occurrence, bench, &mut decided.rows),
            }
        }
        self.finish(bench, decided);
    }

    fn is_refused(&self, entry: &Entry<'e>) -> bool {
        !self.refused.is_empty() && self.refused.get(&conversation(entry)).copied().unwrap_or(false)
    }

    fn push(&mut self, occurrence: &Occurrence<'e>, bench: &mut Bench, rows: &mut Vec<Row>) {
        occurrence.fill(&mut bench.event);
        let part = self.part(&occurrence.entry, bench);
        for place in self.whole.into_iter().chain(part) {
            let (key, state) = &mut self.keys[place];
            let scales = &self.night.scales[key.kind as usize];
            self.night.engine(key.kind).push_ranked(scales, state, key, &bench.event, rows);
        }
    }

    /// The customer goes over from one employee to another.
    fn hand_over(&mut self, occurrence: &Occurrence<'e>, bench: &mut Bench, rows: &mut Vec<Row>) {
        let entry = occurrence.entry;
        let from = self.part(&entry.with_counterpart(entry.second), bench);
        let to = self.part(&entry.with_counterpart(entry.room), bench);
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == to {
            return;
        }
        let id = occurrence.message_id();
        let (giver, taker) = (self.keys[from].0.clone(), self.keys[to].0.clone());
        let engine = self.night.engine(giver.kind);
        let mut given = std::mem::take(&mut self.keys[from].1);
        engine.hand_over((&giver, &mut given), (&taker, &mut self.keys[to].1), occurrence.at, &id, rows);
        self.keys[from].1 = given;
    }

    /// Returns the place of the key of the entry's counterpart.
    fn part(&mut self, entry: &Entry<'e>, bench: &mut Bench) -> Option<usize> {
        let kind = self.part_kind?;
        if let Some(known) = self.parts.get(entry.second) {
            return *known;
        }
        let place = self.start(entry, kind, bench);
        self.parts.insert(entry.second, place);
        place
    }

    fn finish(self, bench: &mut Bench, decided: &mut Decided) {
        for (key, mut state) in self.keys {
            let engine = self.night.engine(key.kind);
            let scales = &self.night.scales[key.kind as usize];
            engine.advance_ranked(scales, &mut state, &key, self.night.as_of, &mut decided.rows);
            for standing in engine.standing_tags(&state) {
                decided.current.push(current_tag(&key, standing));
            }
            state.reset();
            bench.states[key.kind as usize].push(state);
        }
    }
}

/// Returns the kind of key that a whole history is about, and the kind of its parts.
fn kinds_of(class: Class) -> (KeyKind, Option<KeyKind>) {
    match class {
        Class::Customer => (KeyKind::Customer, Some(KeyKind::Relation)),
        Class::Room => (KeyKind::Room, Some(KeyKind::RoomMember)),
        Class::Staff => (KeyKind::Staff, None),
    }
}

/// The conversation an entry belongs to, within its history.
fn conversation<'e>(entry: &Entry<'e>) -> (&'e [u8], &'e [u8]) {
    (entry.room, entry.second)
}

fn current_tag(key: &Arc<Key>, standing: &StandingTag) -> CurrentTag {
    CurrentTag {
        key: Arc::clone(key),
        tag: standing.tag,
        standing: standing.standing.clone(),
        rule: standing.rule,
        shadow: false,
        evidence: standing.evidence.clone(),
    }
}
