//! The rules of one kind of key over the history of one key.
//!
//! Per event: timers that are due, the end of sessions, a recall if it is one (with a note for each
//! tag and alert that rested on the message);
//! then what a person did; then the rules it touches, in id order, each with its
//! effects before the next; then the `combine` rules, parts before the whole;
//! then one kick decision for all of them.
//!
//! Per instant of timers: tags that run out, tags to be reviewed, rules that
//! fire, `combine` rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::message::{Key, KeyKind};
use crate::rules::{Rule, RuleIdx, RuleSet, Status, TagIdx};
use crate::signal::Event;
use crate::time::Timestamp;
use crate::timeline::{Firing, Outcome, Program, Progress, Raised, RuleStates, Scale};

use super::combine;
use super::kick::Asked;
use super::ledger::{Ledger, StandingTag, Turn};
use super::row::{Reason, Row};

/// Applies the rules of one kind of key. Built once, shared by all threads.
#[derive(Clone, Debug)]
pub struct Engine<'a> {
    set: &'a RuleSet,
    program: Program<'a>,
    /// The places of the rules that give each reviewed tag, sorted by tag.
    reviewers: Vec<(TagIdx, usize)>,
    /// Some tag goes when no rule gives it any more.
    retires: bool,
}

/// All that is remembered of one key between two events.
///
/// Bounded by the rules, not by the history. A key never heard of is at
/// [`Default`]. Saved states are good for the rule set they were made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyState {
    pub(super) rules: RuleStates,
    pub(super) live: Ledger,
    /// Of experimental rules: their rows show what would stand.
    pub(super) shadow: Ledger,
    /// The barriers until this have been applied.
    #[serde(default = "never")]
    pub(super) ranked_until: Timestamp,
}

fn never() -> Timestamp {
    Timestamp::MIN
}

impl Default for KeyState {
    fn default() -> KeyState {
        let (rules, live, shadow) = Default::default();
        KeyState { rules, live, shadow, ranked_until: never() }
    }
}

/// Two states are equal when they will act equally.
impl PartialEq for KeyState {
    fn eq(&self, other: &KeyState) -> bool {
        self.rules == other.rules && self.live == other.live && self.shadow == other.shadow
    }
}

impl KeyState {
    /// Forgets everything and keeps the buffers, for the next key.
    pub fn reset(&mut self) {
        self.rules.reset();
        self.live.reset();
        self.shadow.reset();
        self.ranked_until = never();
    }

    pub(super) fn ledger(&mut self, shadow: bool) -> &mut Ledger {
        if shadow { &mut self.shadow } else { &mut self.live }
    }
}

impl<'a> Engine<'a> {
    /// Takes the rules of `set` that look at `kind`.
    pub fn new(set: &'a RuleSet, kind: KeyKind) -> Engine<'a> {
        let program = Program::new(set, kind);
        let reviewers = reviewers(set, &program);
        let retires = set.tags.iter().any(|tag| tag.retires);
        Engine { set, program, reviewers, retires }
    }

    /// Returns the rules, tags and groups it was made of.
    pub fn rules(&self) -> &'a RuleSet {
        self.set
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
            return self.recall(state, key, event, out);
        }
        for act in event.acts.iter().filter(|act| act.key == self.program.kind()) {
            self.turn(&mut state.live, false, key, out).act(act.tag, act.assigned, event.at, &event.id);
        }
        let mut asked: [Asked; 2] = Default::default();
        for place in self.program.touched(event) {
            self.take_turn(place, state, key, event, &mut asked, out);
        }
        combine::settle(self, state, key, event.at, out);
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
            for shadow in [false, true] {
                self.turn(state.ledger(shadow), shadow, key, out).expire(due);
            }
            for shadow in [false, true] {
                self.review(shadow, state, key, due, out);
            }
            for place in self.program.timers() {
                self.ring(place, state, key, due, out);
            }
            combine::settle(self, state, key, due, out);
        }
        self.program.find_next_timer(&mut state.rules);
    }

    /// Returns how far each rule is with a key, in id order.
    pub fn progress(&self, state: &KeyState) -> Vec<(RuleIdx, Progress)> {
        self.program.progress(&state.rules)
    }

    /// Returns when something happens without an event, if ever.
    pub fn next_timer(&self, state: &KeyState) -> Option<Timestamp> {
        let tags = state.live.next_due().min(state.shadow.next_due());
        let due = self.program.next_timer(&state.rules).min(tags);
        (due < Timestamp::MAX).then_some(due)
    }

    /// Returns an instant before which nothing happens without an event: cheaper than
    /// [`Engine::next_timer`], and sometimes too early.
    pub fn quiet_until(&self, state: &KeyState) -> Timestamp {
        state.rules.quiet_until().min(state.live.next_due()).min(state.shadow.next_due())
    }

    /// Returns the tags that stand, in tag order; those of experimental rules are not among them.
    pub fn standing_tags<'s>(&self, state: &'s KeyState) -> impl Iterator<Item = &'s StandingTag> + use<'s> {
        state.live.tags.iter()
    }

    /// Applies a barrier of the `rank` rule at `place`: the key takes the tags of its bands. Appends to `out`.
    ///
    /// `scale` is made of what all keys measure at `at`; none when they are too few to be ranked.
    /// Events at `at` come after it.
    pub fn rank(
        &self,
        place: usize,
        state: &mut KeyState,
        key: &Arc<Key>,
        at: Timestamp,
        scale: Option<&Scale>,
        out: &mut Vec<Row>,
    ) {
        let Some(ranking) = self.program.ranking(place) else { return };
        self.advance_to(state, key, at, out);
        let (idx, rule) = self.program.rule(place);
        let shadow = rule.status == Status::Experimental;
        let measured = self.program.measure(place, &state.rules, at);
        let bands = scale.zip(measured.as_ref()).map(|(scale, measured)| scale.bands(&measured.values));
        let firing = Firing::whole(idx, at, measured.map(|measured| measured.newest).into_iter().collect());
        for (number, metric) in ranking.metrics.iter().enumerate() {
            let band = bands.as_ref().and_then(|bands| bands.get(number)).map(|band| band - 1);
            let chosen = band.and_then(|band| metric.tags.get(band)).copied();
            self.turn(state.ledger(shadow), shadow, key, out).rank(idx, &metric.tags, chosen, &firing);
        }
        combine::settle(self, state, key, at, out);
    }

    /// Returns what a key measures for the `rank` rule at `place` at the barrier `at`; none for a key that is
    /// not of its population.
    pub fn measure(&self, place: usize, state: &KeyState, at: Timestamp) -> Option<Vec<i64>> {
        self.program.measure(place, &state.rules, at).map(|measured| measured.values)
    }

    /// Hands what stands for one key over to another, as when a customer goes from one employee to
    /// another: tags with their history, and what rules remember when the other knows nothing yet.
    /// Appends to `out`.
    ///
    /// `id` is that of the event that says so. A tag that stands for the other already stays as it is.
    pub fn hand_over(
        &self,
        (from_key, from): (&Arc<Key>, &mut KeyState),
        (to_key, to): (&Arc<Key>, &mut KeyState),
        at: Timestamp,
        id: &str,
        out: &mut Vec<Row>,
    ) {
        self.advance_to(from, from_key, at, out);
        self.advance_to(to, to_key, at, out);
        let rules = std::mem::take(&mut from.rules);
        if *to == KeyState::default() {
            to.rules = rules;
            to.live.take_alerts(&mut from.live);
            to.shadow.take_alerts(&mut from.shadow);
        }
        for shadow in [false, true] {
            let tags: Vec<TagIdx> = from.ledger(shadow).tags.iter().map(|one| one.tag).collect();
            for tag in tags {
                let given = self.turn(from.ledger(shadow), shadow, from_key, out).give(tag, at, id);
                let Some(given) = given else { continue };
                self.turn(to.ledger(shadow), shadow, to_key, out).receive(given, at);
            }
        }
        combine::settle(self, from, from_key, at, out);
        combine::settle(self, to, to_key, at, out);
    }

    /// Looks again at the tags whose review is due: they stay while one of their rules still holds.
    fn review(&self, shadow: bool, state: &mut KeyState, key: &Arc<Key>, due: Timestamp, out: &mut Vec<Row>) {
        if self.reviewers.is_empty() && !self.retires {
            return;
        }
        for tag in self.turn(state.ledger(shadow), shadow, key, out).to_review(due) {
            let first = self.reviewers.partition_point(|(known, _)| *known < tag);
            let givers = self.reviewers[first..].iter().take_while(|(known, _)| *known == tag);
            let of_ledger =
                |place: usize| (self.program.rule(place).1.status == Status::Experimental) == shadow;
            let holds = givers
                .map(|(_, place)| *place)
                .any(|place| of_ledger(place) && self.program.holds(place, &state.rules, due));
            let reason = match holds {
                true => None,
                false if self.is_retired(tag, shadow) => Some(Reason::Retired),
                false => Some(Reason::Review),
            };
            self.turn(state.ledger(shadow), shadow, key, out).review(tag, reason, due);
        }
    }

    /// Takes a message back: writes what rested on it, and takes its hits out of what rules remember.
    fn recall(&self, state: &mut KeyState, key: &Arc<Key>, event: &Event, out: &mut Vec<Row>) {
        for shadow in [false, true] {
            self.turn(state.ledger(shadow), shadow, key, out).note_recalled(&event.recall_of, event.at);
        }
        for (place, raised_at, sent_at) in self.program.take_recalled(&mut state.rules, event) {
            let (idx, rule) = self.program.rule(place);
            let shadow = rule.status == Status::Experimental;
            let message = (event.recall_of.as_str(), sent_at);
            self.turn(state.ledger(shadow), shadow, key, out).note_recalled_alert(
                (idx, rule),
                raised_at,
                message,
                event.at,
            );
        }
        self.program.recall(&mut state.rules, event);
    }

    /// Returns whether a tag goes with its last rule, and no rule of this kind of key gives it.
    pub(super) fn is_retired(&self, tag: TagIdx, shadow: bool) -> bool {
        let gives = |place: usize| {
            let rule = self.program.rule(place).1;
            (rule.status == Status::Experimental) == shadow && rule.tags().contains(&tag)
        };
        self.set.tags[usize::from(tag.0)].retires && !(0..self.program.len()).any(gives)
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
        let outcome = self.program.evaluate(place, &mut state.rules, event);
        if let Some(Outcome::Fires(firing)) = &outcome {
            asked[usize::from(shadow)].note(rule, firing, event);
        }
        let raised = self.follow(place, outcome, &mut turn);
        self.note_alert(raised, place, state);
    }

    /// Does what the rule at `place` asks for. Returns what its alert rests on, when one was raised.
    fn follow(&self, place: usize, outcome: Option<Outcome<'_>>, turn: &mut Turn<'_>) -> Option<Raised> {
        match outcome? {
            Outcome::Fires(firing) => self.fire(place, &firing, turn),
            Outcome::Ends(ending) => {
                turn.end(self.program.rule(place).1, &ending);
                None
            }
        }
    }

    /// Does what the rule at `place`, which fired, asks for. Returns what its alert rests on, when one was raised.
    pub(super) fn fire(&self, place: usize, firing: &Firing<'_>, turn: &mut Turn<'_>) -> Option<Raised> {
        let raised = turn.apply(self.program.rule(place).1, firing);
        if raised { self.program.rests_on(place, firing) } else { None }
    }

    /// Remembers what an alert of the rule at `place` rests on, if one was raised.
    pub(super) fn note_alert(&self, raised: Option<Raised>, place: usize, state: &mut KeyState) {
        if let Some(raised) = raised {
            self.program.note_alert(place, &mut state.rules, &raised);
        }
    }

    fn ring(&self, place: usize, state: &mut KeyState, key: &Arc<Key>, due: Timestamp, out: &mut Vec<Row>) {
        let (_, rule) = self.program.rule(place);
        let outcome = self.program.ring(place, &mut state.rules, due);
        let shadow = rule.status == Status::Experimental;
        let mut turn = self.turn(state.ledger(shadow), shadow, key, out);
        let raised = self.follow(place, outcome, &mut turn);
        self.note_alert(raised, place, state);
    }

    pub(super) fn turn<'t>(
        &'t self,
        ledger: &'t mut Ledger,
        shadow: bool,
        key: &'t Arc<Key>,
        out: &'t mut Vec<Row>,
    ) -> Turn<'t> {
        Turn { set: self.set, key, ledger, shadow, out }
    }
}

/// Lists the rules that give each reviewed tag. Those over the whole population decide for
/// themselves at their barriers.
fn reviewers(set: &RuleSet, program: &Program<'_>) -> Vec<(TagIdx, usize)> {
    let gives = |place: usize| program.rule(place).1.tags().into_iter().map(move |tag| (tag, place));
    let mut all: Vec<(TagIdx, usize)> = (0..program.len()).flat_map(gives).collect();
    all.retain(|(tag, _)| set.tags[usize::from(tag.0)].reviewed);
    all.sort_unstable();
    all
}

/// Takes the rule's tag away when its `clear_on` signal is true, before the rule looks at the event.
fn clear_tag(idx: RuleIdx, rule: &Rule, event: &Event, turn: &mut Turn<'_>) {
    if let Some(emit) = &rule.emit
        && emit.clear_on.is_some_and(|signal| event.sign(signal).is_some())
    {
        turn.clear(emit.tag, event.at, idx, &event.id);
    }
}
