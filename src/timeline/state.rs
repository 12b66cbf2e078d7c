//! What the rules of a program remember of one key.
//!
//! One slot per rule, in rule order, used again from key to key. Slots at rest
//! take no room when the state is saved.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

use super::absence::AbsenceState;
use super::count::CountState;
use super::sequence::SequenceState;

/// What the rules of one program remember of one key. Rests at [`Default`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleStates {
    #[serde(serialize_with = "write_slots", deserialize_with = "read_slots")]
    pub(super) slots: Vec<Slot>,
    /// The key's newest event; sessions end by silence after it.
    pub(super) last_event: Option<Timestamp>,
    /// No timer is due before this. May be too early, never too late; a state that
    /// was just read looks for itself.
    #[serde(skip, default = "unknown")]
    pub(super) quiet_until: Timestamp,
}

fn unknown() -> Timestamp {
    Timestamp::MIN
}

impl Default for RuleStates {
    fn default() -> RuleStates {
        RuleStates { slots: Vec::new(), last_event: None, quiet_until: unknown() }
    }
}

/// What one rule remembers.
#[derive(Clone, Debug, Default)]
pub(super) enum Slot {
    /// Nothing yet.
    #[default]
    Idle,
    Count(CountState),
    Sequence(SequenceState),
    Absence(AbsenceState),
}

impl RuleStates {
    /// Forgets everything and keeps the buffers.
    pub fn reset(&mut self) {
        self.slots.iter_mut().for_each(Slot::clear);
        self.last_event = None;
        self.quiet_until = unknown();
    }

    /// Returns an instant before which no timer is due.
    pub fn quiet_until(&self) -> Timestamp {
        self.quiet_until
    }

    pub(super) fn fit(&mut self, n_rules: usize) {
        if self.slots.len() != n_rules {
            self.slots.resize_with(n_rules, Slot::default);
        }
    }
}

/// Two states are equal when their rules will act equally.
impl PartialEq for RuleStates {
    fn eq(&self, other: &RuleStates) -> bool {
        let slots = self.slots.len().max(other.slots.len());
        let same = |i: usize| match (self.slots.get(i), other.slots.get(i)) {
            (Some(one), Some(other)) => one == other,
            (one, other) => one.or(other).is_none_or(Slot::is_resting),
        };
        self.last_event == other.last_event && (0..slots).all(same)
    }
}

impl Slot {
    /// Returns the slot as a count's, making it one.
    pub fn count(&mut self) -> &mut CountState {
        if !matches!(self, Slot::Count(_)) {
            *self = Slot::Count(CountState::default());
        }
        let Slot::Count(state) = self else { unreachable!("made a count above") };
        state
    }

    /// Returns the slot as a sequence's, making it one.
    pub fn sequence(&mut self) -> &mut SequenceState {
        if !matches!(self, Slot::Sequence(_)) {
            *self = Slot::Sequence(SequenceState::default());
        }
        let Slot::Sequence(state) = self else { unreachable!("made a sequence above") };
        state
    }

    /// Returns the slot as an absence's, making it one.
    pub fn absence(&mut self) -> &mut AbsenceState {
        if !matches!(self, Slot::Absence(_)) {
            *self = Slot::Absence(AbsenceState::default());
        }
        let Slot::Absence(state) = self else { unreachable!("made an absence above") };
        state
    }

    /// Returns what an absence remembers, if this is one's slot.
    pub fn as_absence(&self) -> Option<&AbsenceState> {
        if let Slot::Absence(state) = self { Some(state) } else { None }
    }

    fn clear(&mut self) {
        match self {
            Slot::Idle => {}
            Slot::Count(state) => state.clear(),
            Slot::Sequence(state) => state.clear(),
            Slot::Absence(state) => state.clear(),
        }
    }

    fn is_resting(&self) -> bool {
        match self {
            Slot::Idle => true,
            Slot::Count(state) => state.is_resting(),
            Slot::Sequence(state) => state.is_resting(),
            Slot::Absence(state) => state.is_resting(),
        }
    }

    fn to_saved(&self) -> Option<SavedRef<'_>> {
        match self {
            _ if self.is_resting() => None,
            Slot::Idle => None,
            Slot::Count(state) => Some(SavedRef::Count(state)),
            Slot::Sequence(state) => Some(SavedRef::Sequence(state)),
            Slot::Absence(state) => Some(SavedRef::Absence(state)),
        }
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Slot) -> bool {
        match (self, other) {
            _ if self.is_resting() || other.is_resting() => self.is_resting() && other.is_resting(),
            (Slot::Count(one), Slot::Count(other)) => one == other,
            (Slot::Sequence(one), Slot::Sequence(other)) => one == other,
            (Slot::Absence(one), Slot::Absence(other)) => one == other,
            _ => false,
        }
    }
}

/// A slot that remembers something, as it is saved.
#[derive(Serialize)]
#[serde(rename = "Saved")]
enum SavedRef<'s> {
    Count(&'s CountState),
    Sequence(&'s SequenceState),
    Absence(&'s AbsenceState),
}

/// A slot that remembers something, as it is read back.
#[derive(Deserialize)]
enum Saved {
    Count(CountState),
    Sequence(SequenceState),
    Absence(AbsenceState),
}

fn write_slots<S: Serializer>(slots: &[Slot], serializer: S) -> Result<S::Ok, S::Error> {
    let saved = slots.iter().enumerate().filter_map(|(i, slot)| Some((i, slot.to_saved()?)));
    serializer.collect_seq(saved.collect::<Vec<_>>())
}

fn read_slots<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Slot>, D::Error> {
    let saved: Vec<(u16, Saved)> = Deserialize::deserialize(deserializer)?;
    let len = saved.iter().map(|(i, _)| usize::from(*i) + 1).max().unwrap_or(0);
    let mut slots = Vec::new();
    slots.resize_with(len, Slot::default);
    for (i, saved) in saved {
        slots[usize::from(i)] = match saved {
            Saved::Count(state) => Slot::Count(state),
            Saved::Sequence(state) => Slot::Sequence(state),
            Saved::Absence(state) => Slot::Absence(state),
        };
    }
    Ok(slots)
}
