//! The rules of one kind of key over the history of one key.
//!
//! Per event: timers that are due, the end of sessions, a recall if it is one;
//! then the rules it touches, in id order, each with its effects before the
//! next; then one kick decision for all of them. `combine` rules will have their
//! turn between the last two.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::message::{Key, KeyKind};
use crate::rules::{Rule, RuleIdx, RuleSet, Status};
use crate::signal::Event;
use crate::time::Timestamp;
use crate::timeline::{Firing, Program, RuleStates};

use super::kick::Asked;
use super::ledger::{Ledger, StandingTag, Turn};
use super::row::Row;

/// Applies the rules of one kind of key. Built once, shared by all threads.
#[derive(Clone, Debug)]
pub struct Engine<'a> {
    set: &'a RuleSet,
    program: Program<'a>,
}

/// All that is remembered of one key between two events.
///
/// Bounded by the rules, not by the history. A key never heard of is at
/// [`Default`]. Saved states are good for the rule set they were made with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyState {
    rules: RuleStates,
    live: Ledger,
    /// Of experimental rules: their rows show what would stand.
    shadow: Ledger,
}

impl KeyState {
    /// Forgets everything and keeps the buffers, for the next key.
    pub fn reset(&mut self) {
        self.rules.reset();
        self.live.reset();
        self.shadow.reset();
    }
}

impl<'a> Engine<'a> {
    /// Takes the rules of `set` that look at `kind`.
    pub fn new(set: &'a RuleSet, kind: KeyKind) -> Engine<'a> {
        Engine { set, program: Program::new(set, kind) }
    }

    /// Returns the rules it runs.
    pub fn program(&self) -> &Program<'a> {
        &self.program
    }

    /// Advances time to the event, then applies it. Appends to `out`.
    ///
    /// Events of one key come in the order of (time, `seq`, id bytes).
    pub fn push(&self, state: &mut KeyState, key: &Arc<Key>, event: &Event, out: &mut Vec<Row>) {
        self.advance_to(state, key, event.at, out);
        self.program.note_event(&mut state.rules, event.at);
        if !event.recall_of.is_empty() {
            return self.program.recall(&mut state.rules, event);
        }
        let mut asked: [Asked; 2] = Default::default();
        for place in self.program.touched(event) {
            self.take_turn(place, state, key, event, &mut asked, out);
        }
        let [live, shadow] = asked;
        live.decide(event, &mut self.turn(&mut state.live, false, key, out));
        shadow.decide(event, &mut self.turn(&mut state.shadow, true, key, out));
    }

    /// Lets time pass to `to` without an event: what is due until then acts at its own
    /// time, tags that run out before rules that fire. Appends to `out`.
    pub fn advance_to(&self, state: &mut KeyState, key: &Arc<Key>, to: Timestamp, out: &mut Vec<Row>) {
        if self.quiet_until(state) > to {
            return;
        }
        while let Some(due) = self.next_timer(state).filter(|due| *due <= to) {
            self.turn(&mut state.live, false, key, out).expire(due);
            self.turn(&mut state.shadow, true, key, out).expire(due);
            for place in self.program.timers() {
                self.ring(place, state, key, due, out);
            }
        }
        self.program.find_next_timer(&mut state.rules);
    }

    /// Returns when something happens without an event, if ever.
    pub fn next_timer(&self, state: &KeyState) -> Option<Timestamp> {
        let expiry = state.live.next_expiry().min(state.shadow.next_expiry());
        let due = self.program.next_timer(&state.rules).min(expiry);
        (due < Timestamp::MAX).then_some(due)
    }

    /// Returns an instant before which nothing happens without an event: cheaper than
    /// [`Engine::next_timer`], and sometimes too early.
    pub fn quiet_until(&self, state: &KeyState) -> Timestamp {
        state.rules.quiet_until().min(state.live.next_expiry()).min(state.shadow.next_expiry())
    }

    /// Returns the tags that stand, in tag order; those of experimental rules are not among them.
    pub fn standing_tags<'s>(&self, state: &'s KeyState) -> impl Iterator<Item = &'s StandingTag> + use<'s> {
        state.live.tags.iter()
    }

    fn take_turn(
        &self,
        place: usize,
        state: &mut KeyState,
        key: &Arc<Key>,
        event: &Event,
        asked: &mut [Asked; 2],
        out: &mut Vec<Row>,
    ) {
        let (idx, rule) = self.program.rule(place);
        let shadow = rule.status == Status::Experimental;
        let ledger = if shadow { &mut state.shadow } else { &mut state.live };
        let mut turn = self.turn(ledger, shadow, key, out);
        clear_tag(idx, rule, event, &mut turn);
        if let Some(firing) = self.program.evaluate(place, &mut state.rules, event) {
            turn.apply(rule, &firing);
            asked[usize::from(shadow)].note(rule, &firing);
        }
    }

    fn ring(&self, place: usize, state: &mut KeyState, key: &Arc<Key>, due: Timestamp, out: &mut Vec<Row>) {
        let (_, rule) = self.program.rule(place);
        let firing: Option<Firing<'static>> = self.program.ring(place, &mut state.rules, due);
        let shadow = rule.status == Status::Experimental;
        let ledger = if shadow { &mut state.shadow } else { &mut state.live };
        if let Some(firing) = firing {
            self.turn(ledger, shadow, key, out).apply(rule, &firing);
        }
    }

    fn turn<'t>(
        &'t self,
        ledger: &'t mut Ledger,
        shadow: bool,
        key: &'t Arc<Key>,
        out: &'t mut Vec<Row>,
    ) -> Turn<'t> {
        Turn { set: self.set, key, ledger, shadow, out }
    }
}

/// Takes the rule's tag away when its `clear_on` signal is true, before the rule looks at the event.
fn clear_tag(idx: RuleIdx, rule: &Rule, event: &Event, turn: &mut Turn<'_>) {
    if let Some(emit) = &rule.emit
        && emit.clear_on.is_some_and(|signal| event.sign(signal).is_some())
    {
        turn.clear(emit.tag, event.at, idx, &event.id);
    }
}
