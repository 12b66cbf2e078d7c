//! Second half of a run: the histories of one shard, each in time order, through the rules.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::Arc;

use super::codec::{self, Class, Entry, EntryKind};
use super::identity::{PendingRecall, Resolution};
use super::route;
use crate::message::{Key, KeyKind};
use crate::rules::RuleSet;
use crate::signal::Event;
use crate::time::Timestamp;
use crate::verdict::{Engine, KeyState, Row, StandingTag};
use crate::writer::CurrentTag;

/// What all shards of a night share.
pub struct Night<'a> {
    engines: [Engine<'a>; 5],
    resolution: &'a Resolution,
    recalls: &'a [PendingRecall],
    as_of: Timestamp,
}

/// What the rules decided about the histories of one shard.
#[derive(Default)]
pub struct Decided {
    /// Rows in no particular order.
    pub rows: Vec<Row>,
    /// Tags that stand at `as_of`.
    pub current: Vec<CurrentTag>,
}

/// One thing that happens in a history: a message, a consent, or the recall of a message.
struct Occurrence<'e> {
    at: Timestamp,
    seq: u64,
    id: &'e str,
    entry: Entry<'e>,
    is_recall: bool,
}

impl<'a> Night<'a> {
    /// Prepares the rules for a night that ends at `as_of`.
    pub fn new(
        rules: &'a RuleSet,
        resolution: &'a Resolution,
        recalls: &'a [PendingRecall],
        as_of: Timestamp,
    ) -> Night<'a> {
        Night { engines: KeyKind::ALL.map(|kind| Engine::new(rules, kind)), resolution, recalls, as_of }
    }

    /// Applies the rules to all histories of one shard.
    pub fn decide(&self, chunks: &[Vec<u8>]) -> Decided {
        let mut occurrences = Vec::new();
        chunks.iter().for_each(|chunk| self.collect(chunk, &mut occurrences));
        let order = in_order(&occurrences);
        let mut decided = Decided::default();
        let mut event = Event::default();
        let entry = |place: &Place| &occurrences[place.index as usize].entry;
        for places in order.chunk_by(|a, b| a.hash == b.hash) {
            let history = places.iter().map(|place| &occurrences[place.index as usize]);
            History::new(self, entry(&places[0])).run(history, &mut event, &mut decided);
        }
        decided
    }

    /// Reads all entries of a chunk but duplicates, and adds the recalls.
    fn collect<'e>(&'e self, mut bytes: &'e [u8], occurrences: &mut Vec<Occurrence<'e>>) {
        while let Some((entry, rest)) = codec::next_entry(bytes) {
            bytes = rest;
            if self.resolution.duplicates.contains_key(&entry.arrival) {
                continue;
            }
            if let Some(&number) = self.resolution.recalled.get(&entry.arrival) {
                let recall = &self.recalls[number];
                let (at, seq, id) = (recall.at, recall.seq, recall.id.as_str());
                occurrences.push(Occurrence { at, seq, id, entry, is_recall: true });
            }
            let Entry { at, seq, id, .. } = entry;
            occurrences.push(Occurrence { at, seq, id, entry, is_recall: false });
        }
    }

    fn engine(&self, kind: KeyKind) -> &Engine<'a> {
        &self.engines[kind as usize]
    }
}

/// What most comparisons need of an occurrence: sorting these moves a fifth of the bytes.
struct Place {
    hash: u128,
    at: Timestamp,
    seq: u64,
    index: u32,
}

/// Returns the occurrences by history, each history by (time, sequence number, id).
fn in_order(occurrences: &[Occurrence<'_>]) -> Vec<Place> {
    let place = |(index, occurrence): (usize, &Occurrence<'_>)| Place {
        hash: occurrence.entry.hash,
        at: occurrence.at,
        seq: occurrence.seq,
        index: u32::try_from(index).expect("a shard holds fewer than four billion entries"),
    };
    let mut order: Vec<Place> = occurrences.iter().enumerate().map(place).collect();
    let occurrence = |place: &Place| &occurrences[place.index as usize];
    order.sort_unstable_by(|a, b| {
        (a.hash, a.at, a.seq).cmp(&(b.hash, b.at, b.seq)).then_with(|| tie(occurrence(a), occurrence(b)))
    });
    order
}

/// Orders occurrences of one instant and sequence number.
fn tie(a: &Occurrence<'_>, b: &Occurrence<'_>) -> std::cmp::Ordering {
    (a.id, a.is_recall, a.entry.arrival).cmp(&(b.id, b.is_recall, b.entry.arrival))
}

/// The keys of one history: one for the whole of it, and one for each counterpart in it.
struct History<'n, 'e> {
    night: &'n Night<'n>,
    whole_kind: KeyKind,
    part_kind: Option<KeyKind>,
    whole: Option<(Arc<Key>, KeyState)>,
    parts: BTreeMap<&'e str, Option<(Arc<Key>, KeyState)>>,
    /// Conversations whose customer refuses; by staff id or room.
    refused: BTreeMap<(&'e str, &'e str), bool>,
}

impl<'n, 'e> History<'n, 'e> {
    fn new(night: &'n Night<'n>, first: &Entry<'e>) -> History<'n, 'e> {
        let (whole_kind, part_kind) = match first.address.class {
            Class::Customer => (KeyKind::Customer, Some(KeyKind::Relation)),
            Class::Room => (KeyKind::Room, Some(KeyKind::RoomMember)),
            Class::Staff => (KeyKind::Staff, None),
        };
        let whole = night.start(&first.address, whole_kind);
        History { night, whole_kind, part_kind, whole, parts: BTreeMap::new(), refused: BTreeMap::new() }
    }

    fn run<'o>(
        mut self,
        history: impl Iterator<Item = &'o Occurrence<'e>>,
        event: &mut Event,
        decided: &mut Decided,
    ) where
        'e: 'o,
    {
        for occurrence in history {
            match occurrence.entry.kind {
                EntryKind::Agree => drop(self.refused.insert(conversation(&occurrence.entry), false)),
                EntryKind::Disagree => drop(self.refused.insert(conversation(&occurrence.entry), true)),
                EntryKind::CustomerMessage if self.is_refused(&occurrence.entry) => {}
                _ if occurrence.at >= self.night.as_of => {}
                _ => self.push(occurrence, event, &mut decided.rows),
            }
        }
        self.finish(decided);
    }

    fn is_refused(&self, entry: &Entry<'e>) -> bool {
        !self.refused.is_empty() && self.refused.get(&conversation(entry)).copied().unwrap_or(false)
    }

    fn push(&mut self, occurrence: &Occurrence<'e>, event: &mut Event, rows: &mut Vec<Row>) {
        fill(event, occurrence);
        if let Some((key, state)) = &mut self.whole {
            self.night.engine(self.whole_kind).push(state, key, event, rows);
        }
        let Some(part_kind) = self.part_kind else { return };
        let part = match self.parts.entry(occurrence.entry.address.second) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => slot.insert(self.night.start(&occurrence.entry.address, part_kind)),
        };
        if let Some((key, state)) = part {
            self.night.engine(part_kind).push(state, key, event, rows);
        }
    }

    fn finish(self, decided: &mut Decided) {
        let parts = self.parts.into_values().flatten();
        for (key, mut state) in self.whole.into_iter().chain(parts) {
            let engine = self.night.engine(key.kind);
            engine.advance_to(&mut state, &key, self.night.as_of, &mut decided.rows);
            for standing in engine.standing_tags(&state) {
                decided.current.push(current_tag(&key, standing));
            }
        }
    }
}

impl Night<'_> {
    /// Starts a key, when there are rules for it.
    fn start(&self, address: &codec::Address<'_>, kind: KeyKind) -> Option<(Arc<Key>, KeyState)> {
        if self.engine(kind).program().is_empty() {
            return None;
        }
        route::key(address, kind).map(|key| (Arc::new(key), KeyState::default()))
    }
}

/// The conversation an entry belongs to, within its history.
fn conversation<'e>(entry: &Entry<'e>) -> (&'e str, &'e str) {
    (entry.address.room, entry.address.second)
}

fn fill(event: &mut Event, occurrence: &Occurrence<'_>) {
    if !occurrence.is_recall {
        return occurrence.entry.decode_into(event);
    }
    event.clear();
    event.at = occurrence.at;
    event.seq = occurrence.seq;
    event.id.push_str(occurrence.id);
    event.recall_of.push_str(occurrence.entry.id);
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
