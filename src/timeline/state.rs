//! What the rules of a program remember of one key.
//!
//! One slot per rule, in rule order, used again from key to key. Slots at rest
//! take no room when the state is saved. Beside them stands what the newest alerts
//! rested on, as long as a recall can take it back.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::signal::saved_ids;
use crate::time::Timestamp;

use super::absence::AbsenceState;
use super::count::CountState;
use super::cycle::CycleState;
use super::firing::TermNumbers;
use super::rank::RankState;
use super::ratio::RatioState;
use super::sequence::SequenceState;
use super::streak::StreakState;

/// What the rules of one program remember of one key. Rests at [`Default`].
#[derive(Clone, Debug)]
pub struct RuleStates {
    pub(super) slots: Vec<Slot>,
    /// By place of the rule: what its newest alerts rested on, in the order they were raised.
    pub(super) alerted: Vec<(u16, Alerted)>,
    /// The key's newest event; sessions end by silence after it.
    pub(super) last_event: Option<Timestamp>,
    /// No timer is due before this. May be too early, never too late; a state that
    /// was just read looks for itself, and none is saved.
    pub(super) quiet_until: Timestamp,
}

/// What an alert rested on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Alerted {
    /// When it was raised.
    pub at: Timestamp,
    /// The messages, in event order.
    pub messages: Vec<RestsOn>,
}

/// A message that an alert rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RestsOn {
    /// Its time.
    pub at: Timestamp,
    /// Its id.
    #[serde(with = "saved_ids")]
    pub id: Arc<str>,
}

fn unknown() -> Timestamp {
    Timestamp::MIN
}

impl Default for RuleStates {
    fn default() -> RuleStates {
        RuleStates { slots: Vec::new(), alerted: Vec::new(), last_event: None, quiet_until: unknown() }
    }
}

/// The variants of [`Slot`] with the states they hold, in one place.
macro_rules! slots {
    ($($variant:ident($state:ty) $name:ident,)*) => {
        /// What one rule remembers.
        #[derive(Clone, Debug, Default)]
        pub(super) enum Slot {
            /// Nothing yet.
            #[default]
            Idle,
            $($variant($state),)*
        }

        impl Slot {
            $(
                #[doc = concat!("Returns the slot as that of a `", stringify!($name), "`, making it one.")]
                pub fn $name(&mut self) -> &mut $state {
                    if !matches!(self, Slot::$variant(_)) {
                        *self = Slot::$variant(<$state>::default());
                    }
                    let Slot::$variant(state) = self else { unreachable!("made one above") };
                    state
                }
            )*

            fn clear(&mut self) {
                match self {
                    Slot::Idle => {}
                    $(Slot::$variant(state) => state.clear(),)*
                }
            }

            /// Gives the terms of the hits that are remembered their new numbers.
            pub fn renumber_terms(&mut self, terms: TermNumbers<'_>) {
                match self {
                    Slot::Idle => {}
                    $(Slot::$variant(state) => state.renumber_terms(terms),)*
                }
            }

            /// Returns whether nothing is remembered.
            pub fn is_resting(&self) -> bool {
                match self {
                    Slot::Idle => true,
                    $(Slot::$variant(state) => state.is_resting(),)*
                }
            }

            fn to_saved(&self) -> Option<SavedRef<'_>> {
                match self {
                    _ if self.is_resting() => None,
                    Slot::Idle => None,
                    $(Slot::$variant(state) => Some(SavedRef::$variant(state)),)*
                }
            }
        }

        impl PartialEq for Slot {
            fn eq(&self, other: &Slot) -> bool {
                match (self, other) {
                    _ if self.is_resting() || other.is_resting() => self.is_resting() && other.is_resting(),
                    $((Slot::$variant(one), Slot::$variant(other)) => one == other,)*
                    _ => false,
                }
            }
        }

        /// A slot that remembers something, as it is saved.
        #[derive(Serialize)]
        #[serde(rename = "Saved")]
        enum SavedRef<'s> {
            $($variant(&'s $state),)*
            Alerted(&'s Alerted),
        }

        /// A slot that remembers something, as it is read back.
        #[derive(Deserialize)]
        enum Saved {
            $($variant($state),)*
            Alerted(Alerted),
        }

        impl RuleStates {
            /// Puts what was saved of the rule at `place` where it belongs.
            fn put_back(&mut self, place: u16, saved: Saved) {
                let slot = match saved {
                    $(Saved::$variant(state) => Slot::$variant(state),)*
                    Saved::Alerted(alerted) => return self.alerted.push((place, alerted)),
                };
                let at = usize::from(place);
                if self.slots.len() <= at {
                    self.slots.resize_with(at + 1, Slot::default);
                }
                self.slots[at] = slot;
            }
        }
    };
}

slots! {
    Count(CountState) count,
    Sequence(SequenceState) sequence,
    Absence(AbsenceState) absence,
    Streak(StreakState) streak,
    Ratio(RatioState) ratio,
    Cycle(CycleState) cycle,
    Rank(RankState) rank,
    Combine(CombineState) combine,
}

/// What a `combine` rule remembers of one key: whether its condition held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CombineState {
    pub holds: bool,
}

impl CombineState {
    /// Does nothing: no hit is remembered.
    fn renumber_terms(self, _: TermNumbers<'_>) {}

    fn clear(&mut self) {
        self.holds = false;
    }

    fn is_resting(self) -> bool {
        !self.holds
    }
}

impl RuleStates {
    /// Forgets everything and keeps the buffers.
    pub fn reset(&mut self) {
        self.slots.iter_mut().for_each(Slot::clear);
        self.alerted.clear();
        self.last_event = None;
        self.quiet_until = unknown();
    }

    /// Returns an instant before which no timer is due.
    pub fn quiet_until(&self) -> Timestamp {
        self.quiet_until
    }

    /// Returns whether the rule at `place` remembers something.
    pub fn remembers(&self, place: usize) -> bool {
        self.slots.get(place).is_some_and(|slot| !slot.is_resting())
    }

    /// Takes over what `fresh` remembers at some places of a program of `n_rules` rules.
    pub fn graft(&mut self, fresh: &RuleStates, places: impl Iterator<Item = usize>, n_rules: usize) {
        self.fit(n_rules);
        for place in places {
            self.slots[place] = fresh.slots.get(place).cloned().unwrap_or_default();
            self.alerted.retain(|(known, _)| usize::from(*known) != place);
            self.alerted.extend(fresh.alerted.iter().filter(|(new, _)| usize::from(*new) == place).cloned());
        }
        self.alerted.sort_by_key(|(place, alerted)| (alerted.at, *place));
        self.last_event = self.last_event.max(fresh.last_event);
        self.quiet_until = unknown();
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
        self.last_event == other.last_event && self.alerted == other.alerted && (0..slots).all(same)
    }
}

/// States as they are written.
#[derive(Serialize)]
#[serde(rename = "RuleStates")]
struct Saving<'s> {
    slots: Vec<(usize, SavedRef<'s>)>,
    last_event: Option<Timestamp>,
}

/// States as they are read back. A rule has one entry for its shape at most, and one for each alert.
#[derive(Deserialize)]
#[serde(rename = "RuleStates")]
struct Reading {
    slots: Vec<(u16, Saved)>,
    last_event: Option<Timestamp>,
}

impl Serialize for RuleStates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots = self.slots.iter().enumerate().filter_map(|(place, slot)| Some((place, slot.to_saved()?)));
        let alerted =
            self.alerted.iter().map(|(place, alerted)| (usize::from(*place), SavedRef::Alerted(alerted)));
        Saving { slots: slots.chain(alerted).collect(), last_event: self.last_event }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RuleStates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleStates, D::Error> {
        let Reading { slots, last_event } = Reading::deserialize(deserializer)?;
        let mut states = RuleStates { last_event, ..RuleStates::default() };
        slots.into_iter().for_each(|(place, saved)| states.put_back(place, saved));
        Ok(states)
    }
}
