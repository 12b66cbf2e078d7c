//! Barriers of `rank` rules over many keys: all measure, then each finds its bands.
//!
//! A batch goes through the histories twice. The first pass asks each key what
//! it measures at every barrier ([`Census::add`]); what comes of it, a scale per
//! barrier ([`Scales`]), goes with the second ([`Engine::push_ranked`]). The
//! order of keys does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::message::Key;
use crate::signal::Event;
use crate::time::Timestamp;
use crate::timeline::{RuleStates, Scale};

use super::engine::{Engine, KeyState};
use super::row::Row;

/// What the keys of a population measure, barrier by barrier.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// By barrier and place of the rule: one list of values per key that belongs to the population.
    measured: BTreeMap<(Timestamp, usize), Vec<Vec<i64>>>,
}

/// The scale of each barrier; none where the population was too small.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scales(BTreeMap<(Timestamp, usize), Option<Scale>>);

/// One key's walk through the first pass.
#[derive(Clone, Debug)]
pub struct Measuring {
    states: RuleStates,
    /// By place of the rule: the next barrier; none while nothing is to be measured.
    next: BTreeMap<usize, Timestamp>,
    /// Barriers until this were passed before.
    after: Timestamp,
}

impl Default for Measuring {
    /// A key that nothing is known of, before the first barrier.
    fn default() -> Measuring {
        Measuring::after(Timestamp::MIN)
    }
}

impl Measuring {
    /// Starts a key that nothing is known of; barriers until `after` were passed before.
    pub fn after(after: Timestamp) -> Measuring {
        Measuring { states: RuleStates::default(), next: BTreeMap::new(), after }
    }

    /// Goes on with a key whose state was saved; barriers until `after` were passed before.
    pub fn resume(engine: &Engine<'_>, state: &KeyState, after: Timestamp) -> Measuring {
        let program = engine.program();
        let remembering = program.ranks().iter().filter(|place| state.rules.remembers(**place));
        let next = remembering.map(|place| (*place, program.next_barrier(*place, after))).collect();
        Measuring { states: state.rules.clone(), next, after }
    }
}

impl Scales {
    /// Adds the barriers of `other`.
    pub fn extend(&mut self, other: Scales) {
        self.0.extend(other.0);
    }

    /// Returns the first barrier after `after`.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let from = (Timestamp(after.0.saturating_add(1)), 0);
        self.0.range(from..).next().map(|((at, _), _)| *at)
    }

    /// Returns the scales with the rules at other places: place `i` takes those of `places[i]`.
    pub(super) fn rearranged(&self, places: &[Option<usize>]) -> Scales {
        let new = |old: usize| places.iter().position(|place| *place == Some(old));
        let moved = self.0.iter().filter_map(|((at, old), scale)| Some(((*at, new(*old)?), scale.clone())));
        Scales(moved.collect())
    }
}

impl Census {
    /// Takes in the next event of a key; `walk` begins at its default with the key's first.
    pub fn add(&mut self, engine: &Engine<'_>, walk: &mut Measuring, event: &Event) {
        self.pass(engine, walk, event.at);
        let program = engine.program();
        program.note_ranks(&mut walk.states, event);
        let from = event.at.max(walk.after);
        for place in program.ranks() {
            let asked = program.rule(*place).1.signals();
            if asked.iter().any(|signal| event.sign(*signal).is_some()) {
                walk.next.entry(*place).or_insert_with(|| program.next_barrier(*place, from));
            }
        }
    }

    /// Lets time pass to `to`: measures at the barriers until then, until the key leaves the population.
    pub fn pass(&mut self, engine: &Engine<'_>, walk: &mut Measuring, to: Timestamp) {
        let program = engine.program();
        walk.next.retain(|place, next| {
            while *next <= to {
                let measured = program.measure(*place, &walk.states, *next);
                let left = measured.is_none();
                let at_barrier = self.measured.entry((*next, *place)).or_default();
                at_barrier.extend(measured.map(|measured| measured.values));
                if left {
                    return false;
                }
                *next = program.next_barrier(*place, *next);
            }
            true
        });
    }

    /// Adds what other keys measured.
    pub fn merge(&mut self, other: Census) {
        for (barrier, mut values) in other.measured {
            self.measured.entry(barrier).or_default().append(&mut values);
        }
    }

    /// Makes the scales.
    pub fn scales(&self, engine: &Engine<'_>) -> Scales {
        let scale = |(barrier, values): (&(Timestamp, usize), &Vec<Vec<i64>>)| {
            let ranking = engine.program().ranking(barrier.1)?;
            Some((*barrier, Scale::new(ranking, values.iter().map(Vec::as_slice))))
        };
        Scales(self.measured.iter().filter_map(scale).collect())
    }
}

impl Engine<'_> {
    /// Like [`Engine::push`], with the barriers up to the event before it.
    pub fn push_ranked(
        &self,
        scales: &Scales,
        state: &mut KeyState,
        key: &Arc<Key>,
        event: &Event,
        out: &mut Vec<Row>,
    ) {
        self.pass_barriers(scales, state, key, event.at, out);
        self.push(state, key, event, out);
    }

    /// Like [`Engine::advance_to`], with the barriers on the way.
    pub fn advance_ranked(
        &self,
        scales: &Scales,
        state: &mut KeyState,
        key: &Arc<Key>,
        to: Timestamp,
        out: &mut Vec<Row>,
    ) {
        self.pass_barriers(scales, state, key, to, out);
        self.advance_to(state, key, to, out);
    }

    /// Returns the next instant until `to` at which something happens to the key without an event: a timer,
    /// or a barrier when a rule over the whole population remembers something of it.
    pub fn next_act(&self, scales: &Scales, state: &KeyState, to: Timestamp) -> Option<Timestamp> {
        let timer = (self.quiet_until(state) <= to).then(|| self.next_timer(state)).flatten();
        let barrier = scales.next_after(state.ranked_until).filter(|_| self.is_ranked(state));
        timer.into_iter().chain(barrier).min().filter(|at| *at <= to)
    }

    /// Returns whether a rule over the whole population remembers something of the key or has given it a tag.
    pub fn is_ranked(&self, state: &KeyState) -> bool {
        let program = self.program();
        program.ranks().iter().any(|place| {
            let bands = program.rule(*place).1.tags();
            let stands = |tag| state.live.standing(tag).or_else(|| state.shadow.standing(tag)).is_some();
            state.rules.remembers(*place) || bands.into_iter().any(stands)
        })
    }

    fn pass_barriers(
        &self,
        scales: &Scales,
        state: &mut KeyState,
        key: &Arc<Key>,
        to: Timestamp,
        out: &mut Vec<Row>,
    ) {
        if scales.0.is_empty() || state.ranked_until >= to {
            return;
        }
        let from = (Timestamp(state.ranked_until.0.saturating_add(1)), 0);
        for ((at, place), scale) in scales.0.range(from..=(to, usize::MAX)) {
            self.rank(*place, state, key, *at, scale.as_ref(), out);
        }
        state.ranked_until = to;
    }
}
