//! The rules that look at one kind of key, indexed by the signals they wait for.

use smallvec::SmallVec;

use crate::message::KeyKind;
use crate::rules::{RecallPolicy, Rule, RuleIdx, RuleSet, Shape, SignalIdx};
use crate::signal::Event;
use crate::time::{Millis, Timestamp, Zone};

use super::absence::Absence;
use super::count::Count;
use super::firing::{Cause, Firing};
use super::sequence::Sequence;
use super::state::RuleStates;

/// The rules of one kind of key. Built once, shared by all threads.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    lines: Vec<Line<'a>>,
    zone: &'a Zone,
    /// Words of one row of `waiting`.
    words: usize,
    /// Per signal a set of bits: the rules it can change.
    waiting: Vec<u64>,
    /// The rules with session windows and their gaps.
    sessions: Vec<(Millis, usize)>,
    /// The shortest of these gaps.
    shortest_gap: Option<Millis>,
    /// The rules that fire by timer.
    timers: Vec<usize>,
    /// Some rule takes hits back when their message is recalled.
    retracts: bool,
}

/// One rule, by its place in the program.
#[derive(Clone, Debug)]
struct Line<'a> {
    idx: RuleIdx,
    rule: &'a Rule,
    shape: Ready<'a>,
}

/// A rule's shape, as the engine wants it. `streak`, `ratio` and `cycle` have
/// their place here; `combine` runs after all of these, `rank` over all keys.
#[derive(Clone, Debug)]
enum Ready<'a> {
    Match(SignalIdx),
    Count(Count),
    Sequence(Sequence<'a>),
    Absence(Absence),
}

/// The rules an event can change, by their places in the program, in id order.
#[derive(Clone, Debug)]
pub struct Touched(SmallVec<[u64; 4]>);

impl<'a> Program<'a> {
    /// Takes the rules of `set` that look at `kind`.
    pub fn new(set: &'a RuleSet, kind: KeyKind) -> Program<'a> {
        let lines: Vec<Line<'a>> = lines(set, kind).collect();
        let sessions: Vec<(Millis, usize)> = sessions(&lines).collect();
        let timers = lines.iter().enumerate().filter(|(_, line)| matches!(line.shape, Ready::Absence(_)));
        let words = lines.len().div_ceil(64);
        Program {
            zone: &set.pack.zone,
            words,
            waiting: waiting(&lines, words),
            shortest_gap: sessions.iter().map(|(gap, _)| *gap).min(),
            sessions,
            timers: timers.map(|(place, _)| place).collect(),
            retracts: lines.iter().any(Line::retracts),
            lines,
        }
    }

    /// Returns whether no rule looks at this kind of key.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns whether the event can change anything; when not, it need not be kept.
    ///
    /// With a session rule every event does: any message keeps a session open.
    pub fn concerns(&self, event: &Event) -> bool {
        let waits = || event.signals.iter().any(|sign| self.row(sign.signal).iter().any(|word| *word != 0));
        !self.sessions.is_empty() || waits() || (self.retracts && !event.recall_of.is_empty())
    }

    /// Returns the rule at `place`.
    pub fn rule(&self, place: usize) -> (RuleIdx, &'a Rule) {
        let line = &self.lines[place];
        (line.idx, line.rule)
    }

    /// Returns the rules that the event can change.
    pub fn touched(&self, event: &Event) -> Touched {
        let mut touched = SmallVec::from_elem(0_u64, self.words);
        for sign in &event.signals {
            touched.iter_mut().zip(self.row(sign.signal)).for_each(|(word, row)| *word |= row);
        }
        Touched(touched)
    }

    /// Ends the sessions that were silent for too long before `at`, and notes an event at `at`.
    pub fn note_event(&self, states: &mut RuleStates, at: Timestamp) {
        states.fit(self.lines.len());
        let Some(shortest_gap) = self.shortest_gap else { return };
        let silence = states.last_event.replace(at).map_or(Millis(0), |last| at.since(last));
        if silence >= shortest_gap {
            let ended = self.sessions.iter().filter(|(gap, _)| silence >= *gap);
            ended.for_each(|(_, place)| states.slots[*place].count().clear());
        }
    }

    /// Takes back the hits of the message that `event` recalls, where the rule says so.
    pub fn recall(&self, states: &mut RuleStates, event: &Event) {
        let lines = self.lines.iter().zip(&mut states.slots);
        for (line, slot) in lines.filter(|(line, _)| line.retracts()) {
            match &line.shape {
                Ready::Count(count) => count.recall(slot.count(), &event.recall_of, event.at),
                Ready::Sequence(sequence) => sequence.recall(slot.sequence(), &event.recall_of, event.at),
                Ready::Match(_) | Ready::Absence(_) => {}
            }
        }
    }

    /// Lets the rule at `place` take in an event.
    pub fn evaluate<'s>(
        &self,
        place: usize,
        states: &'s mut RuleStates,
        event: &'s Event,
    ) -> Option<Firing<'s>> {
        let line = &self.lines[place];
        let slot = &mut states.slots[place];
        let cause = match &line.shape {
            Ready::Match(signal) => Cause::Event(event, *event.sign(*signal)?),
            Ready::Count(count) => count.push(slot.count(), event, self.zone)?,
            Ready::Sequence(sequence) => sequence.push(slot.sequence(), event)?,
            Ready::Absence(absence) => {
                let due = absence.push(slot.absence(), event)?;
                states.quiet_until = states.quiet_until.min(due);
                return None;
            }
        };
        Some(Firing { rule: line.idx, at: event.at, cause })
    }

    /// Returns when the next timer is due; [`Timestamp::MAX`] when none is set.
    pub fn next_timer(&self, states: &RuleStates) -> Timestamp {
        let due = self.timers.iter().filter_map(|place| self.deadline(*place, states));
        due.min().unwrap_or(Timestamp::MAX)
    }

    /// Looks when the next timer is due and notes it in the state.
    pub fn find_next_timer(&self, states: &mut RuleStates) -> Timestamp {
        states.quiet_until = self.next_timer(states);
        states.quiet_until
    }

    /// Returns the rules that fire by timer, by their places, in id order.
    pub fn timers(&self) -> impl Iterator<Item = usize> {
        self.timers.iter().copied()
    }

    /// Lets the timer of the rule at `place` act when its deadline is `at`.
    pub fn ring(&self, place: usize, states: &mut RuleStates, at: Timestamp) -> Option<Firing<'static>> {
        if self.deadline(place, states) != Some(at) {
            return None;
        }
        let Ready::Absence(absence) = &self.lines[place].shape else { return None };
        let cause = absence.ring(states.slots[place].absence());
        Some(Firing { rule: self.lines[place].idx, at, cause })
    }

    fn deadline(&self, place: usize, states: &RuleStates) -> Option<Timestamp> {
        let Ready::Absence(absence) = &self.lines[place].shape else { return None };
        absence.deadline(states.slots.get(place)?.as_absence()?, self.zone)
    }

    /// Returns the rules that wait for `signal`; nothing for a signal no rule waits for.
    fn row(&self, signal: SignalIdx) -> &[u64] {
        let first = usize::from(signal.0) * self.words;
        self.waiting.get(first..first + self.words).unwrap_or(&[])
    }
}

impl Line<'_> {
    /// Returns whether a recall can take something from what the rule remembers.
    fn retracts(&self) -> bool {
        let keeps_hits = matches!(self.shape, Ready::Count(_) | Ready::Sequence(_));
        keeps_hits && self.rule.recall == RecallPolicy::Retract
    }
}

impl Iterator for Touched {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.iter().position(|word| *word != 0)?;
        let bit = self.0[place].trailing_zeros();
        self.0[place] &= self.0[place] - 1;
        Some(place * 64 + bit as usize)
    }
}

fn lines(set: &RuleSet, kind: KeyKind) -> impl Iterator<Item = Line<'_>> {
    let numbered = (0_u16..).map(RuleIdx).zip(&set.rules);
    let horizon = set.pack.recall_horizon;
    numbered.filter(move |(_, rule)| rule.key == kind).map(move |(idx, rule)| {
        let recallable = if rule.recall == RecallPolicy::Retract { horizon } else { Millis(0) };
        Line { idx, rule, shape: ready(&rule.shape, recallable) }
    })
}

fn ready(shape: &Shape, recallable: Millis) -> Ready<'_> {
    match shape {
        Shape::Match { signal } => Ready::Match(*signal),
        Shape::Count { signal, measure, at_least, window, after_fire, per_message_cap } => {
            let (signal, measure, at_least, window) = (*signal, *measure, *at_least, *window);
            let (after_fire, per_message_cap) = (*after_fire, *per_message_cap);
            Ready::Count(Count { signal, measure, at_least, window, after_fire, per_message_cap, recallable })
        }
        Shape::Sequence { steps, within, without, same_message } => Ready::Sequence(Sequence {
            steps,
            within: *within,
            without: *without,
            same_message: *same_message,
            recallable,
        }),
        &Shape::Absence { since, anchor, cancel, after } => {
            Ready::Absence(Absence { since, anchor, cancel, after })
        }
    }
}

fn sessions(lines: &[Line<'_>]) -> impl Iterator<Item = (Millis, usize)> {
    lines.iter().enumerate().filter_map(|(place, line)| match &line.shape {
        Ready::Count(count) => count.session_gap().map(|gap| (gap, place)),
        _ => None,
    })
}

fn waiting(lines: &[Line<'_>], words: usize) -> Vec<u64> {
    let n_signals =
        lines.iter().flat_map(|line| line.rule.signals()).map(|signal| usize::from(signal.0) + 1).max();
    let mut waiting = vec![0_u64; n_signals.unwrap_or(0) * words];
    for (place, line) in lines.iter().enumerate() {
        for signal in line.rule.signals() {
            waiting[usize::from(signal.0) * words + place / 64] |= 1 << (place % 64);
        }
    }
    waiting
}
