//! The rules that look at one kind of key, indexed by the signals they wait for.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::lexicon::TermIdx;
use crate::message::KeyKind;
use crate::rules::{Ranking, RecallPolicy, Rule, RuleIdx, RuleSet, Shape, SignalIdx, combines_in_order};
use crate::signal::Event;
use crate::time::{Millis, Timestamp, Zone};

use super::absence::Absence;
use super::count::Count;
use super::cycle::{Cycle, Turn};
use super::firing::{Cause, EVIDENCE_KEPT, Ending, Firing, Outcome, Over, TermNumbers};
use super::progress::Progress;
use super::rank::{Measured, Rank};
use super::ratio::Ratio;
use super::sequence::Sequence;
use super::state::{Alerted, RestsOn, RuleStates, Slot};
use super::streak::Streak;

/// The rules of one kind of key. Built once, shared by all threads.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    kind: KeyKind,
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
    /// The rules over tags, parts before the whole.
    combines: Vec<usize>,
    /// The rules over the whole population.
    ranks: Vec<usize>,
    /// Some rule takes hits back when their message is recalled, or notes that its tag or alert rested on it.
    retracts: bool,
    /// How old a message can be that is taken back.
    recall_horizon: Millis,
}

/// One rule, by its place in the program.
#[derive(Clone, Debug)]
struct Line<'a> {
    idx: RuleIdx,
    rule: &'a Rule,
    shape: Ready<'a>,
}

/// A rule's shape, as the engine wants it.
#[derive(Clone, Debug)]
enum Ready<'a> {
    Match(SignalIdx),
    Count(Count),
    Sequence(Sequence<'a>),
    Absence(Absence),
    Streak(Streak),
    Ratio(Ratio),
    Cycle(Cycle),
    /// Decided at barriers, from what all keys measure.
    Rank(Rank<'a>),
    /// Decided after all others, from the tags that stand.
    Combine,
}

/// An alert that was raised, and the messages it rests on, in event order.
#[derive(Clone, Debug)]
pub struct Raised {
    at: Timestamp,
    messages: Vec<RestsOn>,
}

/// The rules an event can change, by their places in the program, in id order.
#[derive(Clone, Debug)]
pub struct Touched(SmallVec<[u64; 4]>);

impl<'a> Program<'a> {
    /// Takes the rules of `set` that look at `kind`.
    pub fn new(set: &'a RuleSet, kind: KeyKind) -> Program<'a> {
        let lines: Vec<Line<'a>> = lines(set, kind).collect();
        let sessions: Vec<(Millis, usize)> = sessions(&lines).collect();
        let places = |wanted: fn(&Ready<'_>) -> bool| -> Vec<usize> {
            let wanted = |(_, line): &(usize, &Line<'_>)| wanted(&line.shape);
            lines.iter().enumerate().filter(wanted).map(|(place, _)| place).collect()
        };
        let combines = combines_in_order(set, kind).into_iter();
        let words = lines.len().div_ceil(64);
        Program {
            kind,
            zone: &set.pack.zone,
            words,
            waiting: waiting(&lines, words),
            shortest_gap: sessions.iter().map(|(gap, _)| *gap).min(),
            sessions,
            timers: places(|shape| matches!(shape, Ready::Absence(_) | Ready::Cycle(_))),
            ranks: places(|shape| matches!(shape, Ready::Rank(_))),
            combines: combines.filter_map(|rule| lines.iter().position(|line| line.idx == rule)).collect(),
            retracts: lines.iter().any(|line| line.retracts() || line.notes_recalls()),
            recall_horizon: set.pack.recall_horizon,
            lines,
        }
    }

    /// Returns the kind of key its rules look at.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns whether no rule looks at this kind of key.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns how many rules it has; their places are the numbers below it.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns whether the event can change anything; when not, it need not be kept.
    ///
    /// With a session rule every event does: any message keeps a session open.
    pub fn concerns(&self, event: &Event) -> bool {
        let acts = || event.acts.iter().any(|act| act.key == self.kind);
        let waits = || event.signals.iter().any(|sign| self.row(sign.signal).iter().any(|word| *word != 0));
        !self.sessions.is_empty() || waits() || acts() || (self.retracts && !event.recall_of.is_empty())
    }

    /// Returns the rule at `place`.
    pub fn rule(&self, place: usize) -> (RuleIdx, &'a Rule) {
        let line = &self.lines[place];
        (line.idx, line.rule)
    }

    /// Returns how far each rule is with the key that `states` remembers, in id order.
    pub fn progress(&self, states: &RuleStates) -> Vec<(RuleIdx, Progress)> {
        let of_line = |(line, slot): (&Line<'a>, &Slot)| (line.idx, line.progress(slot, self.zone));
        self.lines.iter().zip(&states.slots).map(of_line).collect()
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
                Ready::Ratio(ratio) => ratio.recall(slot.ratio(), &event.recall_of, event.at),
                _ => {}
            }
        }
    }

    /// Remembers what an alert of the rule at `place` rests on, for as long as a recall can take it back.
    pub fn note_alert(&self, place: usize, states: &mut RuleStates, firing: &Raised) {
        let (Ok(place), horizon) = (u16::try_from(place), self.recall_horizon) else { return };
        let now = firing.at;
        states.alerted.retain(|(_, known)| known.messages.iter().any(|one| now.since(one.at) < horizon));
        let young = firing.messages.iter().filter(|one| now.since(one.at) < horizon).cloned();
        let alerted = Alerted { at: now, messages: young.collect() };
        if !alerted.messages.is_empty() {
            states.alerted.push((place, alerted));
        }
    }

    /// Returns what an alert of the rule at `place` rests on, when a recall of it is to be noted.
    pub fn rests_on(&self, place: usize, firing: &Firing<'_>) -> Option<Raised> {
        if !self.lines[place].notes_recalls() {
            return None;
        }
        let mut messages: Vec<RestsOn> = Vec::new();
        firing.for_each_piece(|piece| {
            if messages.last().is_none_or(|last| *last.id != *piece.message_id) {
                messages.push(RestsOn { at: piece.at, id: Arc::from(piece.message_id) });
            }
        });
        messages.drain(..messages.len().saturating_sub(EVIDENCE_KEPT));
        Some(Raised { at: firing.at, messages })
    }

    /// Takes the message that `event` recalls out of what alerts rested on. Returns, for each such alert, the place
    /// of its rule, its time and that of the message.
    pub fn take_recalled(
        &self,
        states: &mut RuleStates,
        event: &Event,
    ) -> SmallVec<[(usize, Timestamp, Timestamp); 2]> {
        let mut found = SmallVec::new();
        for (place, alerted) in &mut states.alerted {
            let recalled =
                |one: &RestsOn| *one.id == *event.recall_of && event.at.since(one.at) < self.recall_horizon;
            if let Some(message) = alerted.messages.iter().position(recalled) {
                found.push((usize::from(*place), alerted.at, alerted.messages.remove(message).at));
            }
        }
        states.alerted.retain(|(_, alerted)| !alerted.messages.is_empty());
        found
    }

    /// Lets the rule at `place` take in an event.
    pub fn evaluate<'s>(
        &self,
        place: usize,
        states: &'s mut RuleStates,
        event: &'s Event,
    ) -> Option<Outcome<'s>> {
        let line = &self.lines[place];
        let slot = &mut states.slots[place];
        let (rule, at) = (line.idx, event.at);
        let cause = match &line.shape {
            Ready::Match(signal) => Cause::Event(event, *event.sign(*signal)?),
            Ready::Count(count) => count.push(slot.count(), event, self.zone)?,
            Ready::Sequence(sequence) => sequence.push(slot.sequence(), event)?,
            Ready::Streak(streak) => streak.push(slot.streak(), event, self.zone)?,
            Ready::Ratio(ratio) => {
                return ratio.push(slot.ratio(), event, self.zone).map(|share| share.outcome(rule, at));
            }
            Ready::Absence(absence) => {
                let due = absence.push(slot.absence(), event)?;
                states.quiet_until = states.quiet_until.min(due);
                return None;
            }
            Ready::Cycle(cycle) => {
                let state = slot.cycle();
                let came = cycle.push(state, event, self.zone);
                let due = cycle.deadline(state).unwrap_or(Timestamp::MAX);
                states.quiet_until = states.quiet_until.min(due);
                return came.then_some(Outcome::Ends(Ending { rule, at, why: Over::Came }));
            }
            Ready::Rank(rank) => {
                rank.push(slot.rank(), event, self.zone);
                return None;
            }
            Ready::Combine => return None,
        };
        Some(Outcome::Fires(Firing::new(rule, at, cause)))
    }

    /// Returns whether what the rule at `place` looks for still holds at `at`, for the review of its tag.
    ///
    /// A match, and a rank between two barriers, hold for good.
    pub fn holds(&self, place: usize, states: &RuleStates, at: Timestamp) -> bool {
        let Some(slot) = states.slots.get(place) else { return false };
        match (&self.lines[place].shape, slot) {
            (Ready::Match(_) | Ready::Rank(_), _) => true,
            (Ready::Count(count), Slot::Count(state)) => count.holds(state, at, states.last_event, self.zone),
            (Ready::Sequence(sequence), Slot::Sequence(state)) => sequence.holds(state, at),
            (Ready::Absence(_), slot) => !matches!(slot, Slot::Absence(state) if !state.is_resting()),
            (Ready::Streak(streak), Slot::Streak(state)) => streak.holds(state, at, self.zone),
            (Ready::Ratio(ratio), Slot::Ratio(state)) => ratio.holds(state, at, self.zone),
            (Ready::Cycle(cycle), Slot::Cycle(state)) => cycle.holds(state),
            (Ready::Combine, Slot::Combine(state)) => state.holds,
            _ => false,
        }
    }

    /// Returns what other places remember, put where it now belongs: place `i` takes it from `places[i]`.
    /// What is of another shape is not used.
    pub fn rearranged(&self, old: &RuleStates, places: &[Option<usize>]) -> RuleStates {
        let slot = |(line, from): (&Line<'_>, &Option<usize>)| {
            let slot = from.and_then(|from| old.slots.get(from)).cloned().unwrap_or_default();
            if line.shape.takes(&slot) { slot } else { Slot::Idle }
        };
        let slots = self.lines.iter().zip(places).map(slot).collect();
        let new = |from: u16| places.iter().position(|place| *place == Some(usize::from(from)));
        let moved =
            |(from, alerted): &(u16, Alerted)| Some((u16::try_from(new(*from)?).ok()?, alerted.clone()));
        let alerted = old.alerted.iter().filter_map(moved).collect();
        RuleStates { slots, alerted, last_event: old.last_event, ..RuleStates::default() }
    }

    /// Gives the terms in states their new numbers, which `terms` has by the old ones. A hit of a term that
    /// is gone still counts, and shows the message alone.
    pub fn renumber_terms(&self, states: &mut RuleStates, terms: &[Option<TermIdx>]) {
        let numbers = TermNumbers(terms);
        for (line, slot) in self.lines.iter().zip(&mut states.slots) {
            slot.renumber_terms(numbers);
            if let (Ready::Count(count), Slot::Count(state)) = (&line.shape, slot) {
                count.renumber_values(state, numbers);
            }
        }
    }

    /// Returns the rules over tags by their places, parts before the whole.
    pub fn combines(&self) -> &[usize] {
        &self.combines
    }

    /// Notes whether the condition of the `combine` rule at `place` holds; returns whether it did before.
    pub fn note_combined(&self, place: usize, states: &mut RuleStates, holds: bool) -> bool {
        states.fit(self.lines.len());
        std::mem::replace(&mut states.slots[place].combine().holds, holds)
    }

    /// Returns the rules over the whole population, by their places.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// Returns the ranking of the rule at `place`, if it is one.
    pub fn ranking(&self, place: usize) -> Option<&'a Ranking> {
        if let Ready::Rank(rank) = &self.lines[place].shape { Some(rank.ranking) } else { None }
    }

    /// Lets only the rules over the whole population take in an event, as the first of two passes does.
    pub fn note_ranks(&self, states: &mut RuleStates, event: &Event) {
        states.fit(self.lines.len());
        for place in &self.ranks {
            let _ = self.evaluate(*place, states, event);
        }
    }

    /// Returns what the key measures for the `rank` rule at `place` at the barrier `at`; none when it
    /// does not belong to the population.
    pub fn measure(&self, place: usize, states: &RuleStates, at: Timestamp) -> Option<Measured> {
        let Ready::Rank(rank) = &self.lines[place].shape else { return None };
        let Slot::Rank(state) = states.slots.get(place)? else { return None };
        rank.measure(state, at, self.zone)
    }

    /// Returns the first barrier of the `rank` rule at `place` after `after`.
    pub fn next_barrier(&self, place: usize, after: Timestamp) -> Timestamp {
        match &self.lines[place].shape {
            Ready::Rank(rank) => rank.next_barrier(after, self.zone),
            _ => Timestamp::MAX,
        }
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
    pub fn ring(&self, place: usize, states: &mut RuleStates, at: Timestamp) -> Option<Outcome<'static>> {
        if self.deadline(place, states) != Some(at) {
            return None;
        }
        let (rule, slot) = (self.lines[place].idx, &mut states.slots[place]);
        let cause = match &self.lines[place].shape {
            Ready::Absence(absence) => absence.ring(slot.absence()),
            Ready::Cycle(cycle) => match cycle.ring(slot.cycle()) {
                Turn::Opens(cause) => cause,
                Turn::Closes => return Some(Outcome::Ends(Ending { rule, at, why: Over::Passed })),
            },
            _ => return None,
        };
        Some(Outcome::Fires(Firing::new(rule, at, cause)))
    }

    fn deadline(&self, place: usize, states: &RuleStates) -> Option<Timestamp> {
        match (&self.lines[place].shape, states.slots.get(place)?) {
            (Ready::Absence(absence), Slot::Absence(state)) => absence.deadline(state, self.zone),
            (Ready::Cycle(cycle), Slot::Cycle(state)) => cycle.deadline(state),
            _ => None,
        }
    }

    /// Returns the rules that wait for `signal`; nothing for a signal no rule waits for.
    fn row(&self, signal: SignalIdx) -> &[u64] {
        let first = usize::from(signal.0) * self.words;
        self.waiting.get(first..first + self.words).unwrap_or(&[])
    }
}

impl Ready<'_> {
    /// Returns whether `slot` is what the shape remembers.
    fn takes(&self, slot: &Slot) -> bool {
        matches!(
            (self, slot),
            (_, Slot::Idle)
                | (Ready::Count(_), Slot::Count(_))
                | (Ready::Sequence(_), Slot::Sequence(_))
                | (Ready::Absence(_), Slot::Absence(_))
                | (Ready::Streak(_), Slot::Streak(_))
                | (Ready::Ratio(_), Slot::Ratio(_))
                | (Ready::Cycle(_), Slot::Cycle(_))
                | (Ready::Rank(_), Slot::Rank(_))
                | (Ready::Combine, Slot::Combine(_))
        )
    }
}

impl Line<'_> {
    fn progress(&self, slot: &Slot, zone: &Zone) -> Progress {
        match (&self.shape, slot) {
            (_, slot) if slot.is_resting() => Progress::Idle,
            (Ready::Count(count), Slot::Count(state)) => count.progress(state),
            (Ready::Sequence(sequence), Slot::Sequence(state)) => sequence.progress(state),
            (Ready::Absence(absence), Slot::Absence(state)) => absence.progress(state, zone),
            _ => Progress::Busy,
        }
    }

    /// Returns whether a recall can take something from what the rule remembers.
    fn retracts(&self) -> bool {
        let keeps_hits = matches!(self.shape, Ready::Count(_) | Ready::Sequence(_) | Ready::Ratio(_));
        keeps_hits && self.rule.recall == RecallPolicy::Retract
    }

    /// Returns whether a row says so when its tag or alert rested on a message that is recalled.
    fn notes_recalls(&self) -> bool {
        self.rule.recall == RecallPolicy::Retract && (self.rule.emit.is_some() || self.rule.alert.is_some())
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
        let reviewed = rule.emit.as_ref().is_some_and(|emit| set.tags[usize::from(emit.tag.0)].reviewed);
        Line { idx, rule, shape: ready(&rule.shape, recallable, reviewed) }
    })
}

fn ready(shape: &Shape, recallable: Millis, reviewed: bool) -> Ready<'_> {
    match shape {
        Shape::Match { signal } => Ready::Match(*signal),
        Shape::Count { signal, measure, at_least, window, after_fire, per_message_cap } => {
            let (signal, measure, at_least, window) = (*signal, *measure, *at_least, *window);
            let (after_fire, per_message_cap) = (*after_fire, *per_message_cap);
            Ready::Count(Count {
                signal,
                measure,
                at_least,
                window,
                after_fire,
                per_message_cap,
                recallable,
                reviewed,
            })
        }
        Shape::Sequence { steps, within, without, same_message } => Ready::Sequence(Sequence {
            steps,
            within: *within,
            without: *without,
            same_message: *same_message,
            recallable,
            reviewed,
        }),
        &Shape::Absence { since, anchor, cancel, after } => {
            Ready::Absence(Absence { since, anchor, cancel, after })
        }
        &Shape::Streak { signal, days } => Ready::Streak(Streak { signal, days }),
        &Shape::Ratio { numerator, denominator, at_least, min_denominator, window } => {
            Ready::Ratio(Ratio { numerator, denominator, at_least, min_denominator, window, recallable })
        }
        &Shape::Cycle { signal, last, min_intervals, open, close } => {
            Ready::Cycle(Cycle { signal, last, min_intervals, open, close })
        }
        Shape::Rank(ranking) => Ready::Rank(Rank { ranking }),
        Shape::Combine { .. } => Ready::Combine,
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
