//! One history while events act on it.
//!
//! A walk starts where a snapshot of the history stands, or at nothing, and takes events in order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::codec::{Class, Entry, EntryKind, Whose};
use super::night::{Bench, Night};
use super::route;
use crate::message::{Key, KeyKind};
use crate::state::{SavedKey, Snapshot};
use crate::time::{Millis, Timestamp};
use crate::verdict::{KeyState, Row, StandingTag};
use crate::writer::CurrentTag;

/// The keys of one history: one for the whole of it, and one for each counterpart in it.
pub struct Walk<'n, 'e> {
    night: &'n Night<'n>,
    whose: Whose<'e>,
    keys: Vec<(Arc<Key>, KeyState)>,
    /// The whole history's place in `keys`; `None`: no rule looks at it.
    whole: Option<usize>,
    /// The places of the counterparts.
    parts: BTreeMap<Cow<'e, [u8]>, Option<usize>>,
    /// Conversations whose customer refuses; by group and counterpart.
    refused: BTreeMap<Conversation<'e>, bool>,
    settled: Timestamp,
}

type Conversation<'e> = (Cow<'e, [u8]>, Cow<'e, [u8]>);

impl<'n, 'e> Walk<'n, 'e> {
    /// Starts a history in which nothing has happened.
    pub fn new(night: &'n Night<'n>, whose: Whose<'e>, bench: &mut Bench) -> Walk<'n, 'e> {
        let (keys, parts, refused) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut walk = Walk { night, whose, keys, whole: None, parts, refused, settled: Timestamp::MIN };
        walk.whole = walk.start(b"", kinds_of(whose.class).0, bench);
        walk
    }

    /// Goes on where `snapshot` stands.
    pub fn resume(
        night: &'n Night<'n>,
        whose: Whose<'e>,
        snapshot: Snapshot,
        bench: &mut Bench,
    ) -> Walk<'n, 'e> {
        let mut walk = Walk::new(night, whose, bench);
        walk.settled = snapshot.settled;
        for saved in snapshot.keys {
            walk.restore(saved, bench);
        }
        for (room, second) in snapshot.refused {
            walk.refused.insert((owned(&room), owned(&second)), true);
        }
        walk
    }

    fn restore(&mut self, saved: SavedKey, bench: &mut Bench) {
        let (whole_kind, _) = kinds_of(self.whose.class);
        if saved.kind == whole_kind {
            if let Some(place) = self.whole {
                self.keys[place].1 = saved.state;
            }
            return;
        }
        let place = self.start(saved.second.as_bytes(), saved.kind, bench);
        if let Some(place) = place {
            self.keys[place].1 = saved.state;
        }
        self.parts.insert(owned(&saved.second), place);
    }

    /// Starts a key, when there are rules for it; returns its place.
    fn start(&mut self, second: &[u8], kind: KeyKind, bench: &mut Bench) -> Option<usize> {
        if self.night.engine(kind).program().is_empty() {
            return None;
        }
        let second = std::str::from_utf8(second).expect("ids are text");
        let key = route::key(&self.whose.address(second), kind)?;
        self.keys.push((Arc::new(key), bench.state(kind)));
        Some(self.keys.len() - 1)
    }

    /// Lets an entry act. Entries come in event order. Appends to `rows`.
    pub fn step(&mut self, entry: &Entry<'e>, bench: &mut Bench, rows: &mut Vec<Row>) {
        self.settled = self.settled.max(entry.at.plus(Millis(1)));
        match entry.kind {
            EntryKind::Agree => drop(self.refused.insert(conversation(entry), false)),
            EntryKind::Disagree => drop(self.refused.insert(conversation(entry), true)),
            EntryKind::CustomerMessage | EntryKind::CustomerRecall if self.is_refused(entry) => {}
            EntryKind::HandOver => self.hand_over(entry, bench, rows),
            _ => self.push(entry, bench, rows),
        }
    }

    fn is_refused(&self, entry: &Entry<'e>) -> bool {
        !self.refused.is_empty() && self.refused.get(&conversation(entry)).copied().unwrap_or(false)
    }

    fn push(&mut self, entry: &Entry<'e>, bench: &mut Bench, rows: &mut Vec<Row>) {
        entry.decode_into(&mut bench.event);
        let part = self.part(entry.second, bench);
        for place in self.whole.into_iter().chain(part) {
            let (key, state) = &mut self.keys[place];
            let scales = self.night.scales(key.kind);
            self.night.engine(key.kind).push_ranked(scales, state, key, &bench.event, rows);
        }
    }

    /// The customer goes over from one employee to another.
    fn hand_over(&mut self, entry: &Entry<'e>, bench: &mut Bench, rows: &mut Vec<Row>) {
        let (from, to) = (self.part(entry.second, bench), self.part(entry.room, bench));
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == to {
            return;
        }
        let id = entry.id_text();
        let (giver, taker) = (self.keys[from].0.clone(), self.keys[to].0.clone());
        let engine = self.night.engine(giver.kind);
        let mut given = std::mem::take(&mut self.keys[from].1);
        engine.hand_over((&giver, &mut given), (&taker, &mut self.keys[to].1), entry.at, &id, rows);
        self.keys[from].1 = given;
    }

    /// Returns the place of the key of a counterpart.
    fn part(&mut self, second: &'e [u8], bench: &mut Bench) -> Option<usize> {
        let kind = kinds_of(self.whose.class).1?;
        if let Some(known) = self.parts.get(second) {
            return *known;
        }
        let place = self.start(second, kind, bench);
        self.parts.insert(Cow::Borrowed(second), place);
        place
    }

    /// Lets time pass to `to`. Appends to `rows`.
    pub fn advance(&mut self, to: Timestamp, rows: &mut Vec<Row>) {
        for (key, state) in &mut self.keys {
            let (engine, scales) = (self.night.engine(key.kind), self.night.scales(key.kind));
            while let Some(due) = engine.next_act(scales, state, to) {
                engine.advance_ranked(scales, state, key, due, rows);
                self.settled = self.settled.max(due);
            }
            engine.advance_ranked(scales, state, key, to, rows);
        }
    }

    /// Returns whether something happens until `to` without an event.
    pub fn acts_until(&self, to: Timestamp) -> bool {
        let acts = |(key, state): &(Arc<Key>, KeyState)| {
            self.night.engine(key.kind).next_act(self.night.scales(key.kind), state, to).is_some()
        };
        self.keys.iter().any(acts)
    }

    /// Returns how the history stands.
    pub fn snapshot(&self) -> Snapshot {
        if self.settled == Timestamp::MIN {
            return Snapshot::default();
        }
        let saved = |(key, state): &(Arc<Key>, KeyState)| SavedKey {
            kind: key.kind,
            second: second_of(key).into(),
            state: state.clone(),
        };
        let keys = self.keys.iter().map(saved).collect();
        Snapshot { keys, refused: self.refused(), settled: self.settled }
    }

    /// Returns how the history stands, and ends the walk.
    pub fn into_snapshot(self) -> Snapshot {
        let refused = self.refused();
        let saved = |(key, state): (Arc<Key>, KeyState)| SavedKey {
            kind: key.kind,
            second: second_of(&key).into(),
            state,
        };
        Snapshot { keys: self.keys.into_iter().map(saved).collect(), refused, settled: self.settled }
    }

    fn refused(&self) -> Vec<(Box<str>, Box<str>)> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("ids are text").into();
        let refused = self.refused.iter().filter(|(_, refuses)| **refuses);
        refused.map(|((room, second), _)| (text(room), text(second))).collect()
    }

    /// Returns when something happens without an event, if ever.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.keys.iter().filter_map(|(key, state)| self.night.engine(key.kind).next_timer(state)).min()
    }

    /// Returns whether a rule over the whole population remembers something of it.
    pub fn is_ranked(&self) -> bool {
        self.keys.iter().any(|(key, state)| self.night.engine(key.kind).is_ranked(state))
    }

    /// Lists the tags that stand; something is `due` in the history then.
    pub fn list_standing(&self, due: Option<Timestamp>, current: &mut Vec<CurrentTag>) {
        for (key, state) in &self.keys {
            let standing = self.night.engine(key.kind).standing_tags(state);
            current.extend(standing.map(|standing| current_tag(key, standing, due)));
        }
    }

    /// Ends the walk and leaves its buffers for the next.
    pub fn dismiss(self, bench: &mut Bench) {
        self.keys.into_iter().for_each(|(key, state)| bench.take_back(key.kind, state));
    }
}

/// Returns the kind of key that a whole history is about, and the kind of its parts.
pub fn kinds_of(class: Class) -> (KeyKind, Option<KeyKind>) {
    match class {
        Class::Customer => (KeyKind::Customer, Some(KeyKind::Relation)),
        Class::Room => (KeyKind::Room, Some(KeyKind::RoomMember)),
        Class::Staff => (KeyKind::Staff, None),
    }
}

/// Returns the counterpart that tells a key of a history from the others.
fn second_of(key: &Key) -> &str {
    match key.kind {
        KeyKind::Relation => &key.staff,
        KeyKind::RoomMember => &key.customer,
        KeyKind::Customer | KeyKind::Room | KeyKind::Staff => "",
    }
}

/// The conversation an entry belongs to, within its history.
fn conversation<'e>(entry: &Entry<'e>) -> Conversation<'e> {
    (Cow::Borrowed(entry.room), Cow::Borrowed(entry.second))
}

fn owned<'e>(text: &str) -> Cow<'e, [u8]> {
    Cow::Owned(text.as_bytes().to_vec())
}

fn current_tag(key: &Arc<Key>, standing: &StandingTag, due: Option<Timestamp>) -> CurrentTag {
    CurrentTag {
        key: Arc::clone(key),
        tag: standing.tag,
        standing: standing.standing.clone(),
        rule: standing.rule,
        shadow: false,
        evidence: standing.evidence.clone(),
        due,
    }
}
