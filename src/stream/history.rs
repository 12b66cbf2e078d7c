//! One history in memory: the keys of a customer, a group or an employee, each with its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batch::adoption::Adoption;
use crate::batch::codec::{Address, Entry, EntryKind, Whose};
use crate::batch::route;
use crate::batch::walk::kinds_of;
use crate::message::{Key, KeyKind};
use crate::signal::Event;
use crate::state::Snapshot;
use crate::time::Timestamp;
use crate::verdict::{Engine, KeyState, Row};

/// The engines of all kinds of key, by kind.
pub type Engines<'r> = [Engine<'r>; 5];

/// What is remembered of one history.
#[derive(Clone, Debug)]
pub struct History {
    /// In the order they came up.
    keys: Vec<(Arc<Key>, KeyState)>,
    /// The place of the whole history's key; none until it came up, or when no rule looks at it.
    whole: Option<usize>,
    /// The places of the keys of counterparts.
    parts: BTreeMap<Box<str>, usize>,
    /// Conversations whose customer refuses; by room and staff id.
    refused: BTreeMap<(Box<str>, Box<str>), bool>,
    /// Nothing happens before this without an event.
    pub wake_at: Timestamp,
}

impl Default for History {
    /// A history that nothing has happened in.
    fn default() -> History {
        let (keys, parts, refused) = Default::default();
        History { keys, whole: None, parts, refused, wake_at: Timestamp::MAX }
    }
}

impl History {
    /// Goes on where `snapshot` stands.
    pub fn resume(whose: Whose<'_>, snapshot: Snapshot) -> History {
        let mut history = History { wake_at: Timestamp::MIN, ..History::default() };
        for saved in snapshot.keys {
            let Some(key) = route::key(&whose.address(&saved.second), saved.kind) else { continue };
            let place = history.keys.len();
            if saved.kind == kinds_of(whose.class).0 {
                history.whole = Some(place);
            } else {
                history.parts.insert(saved.second, place);
            }
            history.keys.push((Arc::new(key), saved.state));
        }
        history.refused = snapshot.refused.into_iter().map(|conversation| (conversation, true)).collect();
        history
    }

    /// Takes all states into use with other rules.
    pub fn adopt(&mut self, adoption: &Adoption<'_>) {
        for (key, state) in &mut self.keys {
            *state = adoption.state(key.kind, state);
        }
        self.wake_at = Timestamp::MIN;
    }

    /// Applies what an entry says. `event` is that of the entry, or the recall of its message.
    pub fn push(&mut self, engines: &Engines<'_>, entry: &Entry<'_>, event: &Event, out: &mut Vec<Row>) {
        let address = entry.address();
        match entry.kind {
            EntryKind::Agree | EntryKind::Disagree => {
                self.refused.insert(conversation(&address), entry.kind == EntryKind::Disagree);
            }
            EntryKind::CustomerMessage | EntryKind::CustomerRecall if self.is_refused(&address) => {}
            EntryKind::HandOver => self.hand_over(engines, entry, event, out),
            _ => self.apply(engines, &address, event, out),
        }
    }

    /// Lets time pass to `to` for all keys.
    pub fn advance_to(&mut self, engines: &Engines<'_>, to: Timestamp, out: &mut Vec<Row>) {
        self.wake_at = Timestamp::MAX;
        for (key, state) in &mut self.keys {
            let engine = &engines[key.kind as usize];
            engine.advance_to(state, key, to, out);
            self.wake_at = self.wake_at.min(engine.quiet_until(state));
        }
    }

    /// Returns the keys with their states, in the order they came up.
    pub fn keys(&self) -> &[(Arc<Key>, KeyState)] {
        &self.keys
    }

    /// Lets `change` act on the states of all keys of `kind`.
    pub fn change_keys(
        &mut self,
        engine: &Engine<'_>,
        kind: KeyKind,
        mut change: impl FnMut(&Arc<Key>, &mut KeyState),
    ) {
        for (key, state) in self.keys.iter_mut().filter(|(key, _)| key.kind == kind) {
            change(key, state);
            self.wake_at = self.wake_at.min(engine.quiet_until(state));
        }
    }

    fn apply(&mut self, engines: &Engines<'_>, address: &Address<'_>, event: &Event, out: &mut Vec<Row>) {
        let (whole, part) = (self.whole_of(engines, address), self.part_of(engines, address));
        for place in whole.into_iter().chain(part) {
            let (key, state) = &mut self.keys[place];
            let engine = &engines[key.kind as usize];
            engine.push(state, key, event, out);
            self.wake_at = self.wake_at.min(engine.quiet_until(state));
        }
    }

    /// The customer goes over from the employee `second` to the employee `room` of the address.
    fn hand_over(&mut self, engines: &Engines<'_>, entry: &Entry<'_>, event: &Event, out: &mut Vec<Row>) {
        let address = entry.address();
        let from = self.part_of(engines, &address);
        let to = self.part_of(engines, &Address { second: address.room, ..address });
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == to {
            return;
        }
        let (giver, taker) = (self.keys[from].0.clone(), self.keys[to].0.clone());
        let engine = &engines[giver.kind as usize];
        let mut given = std::mem::take(&mut self.keys[from].1);
        engine.hand_over((&giver, &mut given), (&taker, &mut self.keys[to].1), event.at, &event.id, out);
        self.keys[from].1 = given;
        let quiet = |place: usize| engine.quiet_until(&self.keys[place].1);
        self.wake_at = self.wake_at.min(quiet(from)).min(quiet(to));
    }

    fn whole_of(&mut self, engines: &Engines<'_>, address: &Address<'_>) -> Option<usize> {
        if self.whole.is_none() {
            self.whole = self.start(engines, address, kinds_of(address.class).0);
        }
        self.whole
    }

    fn part_of(&mut self, engines: &Engines<'_>, address: &Address<'_>) -> Option<usize> {
        let kind = kinds_of(address.class).1?;
        if let Some(known) = self.parts.get(address.second) {
            return Some(*known);
        }
        let place = self.start(engines, address, kind)?;
        self.parts.insert(address.second.into(), place);
        Some(place)
    }

    /// Starts a key, when there are rules for it; returns its place.
    fn start(&mut self, engines: &Engines<'_>, address: &Address<'_>, kind: KeyKind) -> Option<usize> {
        if engines[kind as usize].program().is_empty() {
            return None;
        }
        let key = route::key(address, kind)?;
        self.keys.push((Arc::new(key), KeyState::default()));
        Some(self.keys.len() - 1)
    }

    fn is_refused(&self, address: &Address<'_>) -> bool {
        !self.refused.is_empty() && self.refused.get(&conversation(address)).copied().unwrap_or(false)
    }
}

/// The conversation an entry belongs to, within its history.
fn conversation(address: &Address<'_>) -> (Box<str>, Box<str>) {
    (address.room.into(), address.second.into())
}

/// Returns the hash of the history that `entry` belongs to.
pub fn hash_of(entry: &Entry<'_>) -> u128 {
    route::history_hash(entry.class, entry.corp, entry.primary)
}
