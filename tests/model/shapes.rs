//! What the shapes of the plain engine find: each asks the whole history anew.

use std::collections::{BTreeMap, BTreeSet};

use chattag::rules::*;
use chattag::time::Timestamp;

use super::{Fire, Piece, Plain};

impl Plain<'_> {
    /// Terms and weights; a signal without a mention is one hit of no term.
    pub(super) fn hits(&self, j: usize, signal: SignalIdx) -> Vec<(i64, f64)> {
        let event = &self.events[j];
        let sign = event.sign(signal).expect("asked only where true");
        let hits = event.hits_of(sign);
        if hits.is_empty() {
            vec![(-1, 1.0)]
        } else {
            hits.iter().map(|hit| (i64::from(hit.term.0), hit.weight)).collect()
        }
    }

    pub(super) fn recalled(&self, rule: &Rule, i: usize, by: usize) -> bool {
        rule.recall == RecallPolicy::Retract
            && (i + 1..=by).any(|r| {
                let recall = &self.events[r];
                recall.recall_of == self.events[i].id
                    && recall.at.0 - self.events[i].at.0 < self.set.pack.recall_horizon.0
            })
    }

    pub(super) fn unbroken(&self, window: Window, i: usize, j: usize) -> bool {
        let Window::Session { gap } = window else { return true };
        (i + 1..=j).all(|k| self.events[k].at.0 - self.events[k - 1].at.0 < gap.0)
    }

    pub(super) fn inside(&self, window: Window, i: usize, j: usize) -> bool {
        let (old, new) = (self.events[i].at, self.events[j].at);
        let (day, today) = (i64::from(self.zone.day(old).0), i64::from(self.zone.day(new).0));
        match window {
            Window::Elapsed(length) => new.0 - old.0 < length.0,
            Window::NaturalDays(n) => today - day < i64::from(n),
            Window::NaturalWeeks(n) => (today + 3).div_euclid(7) - (day + 3).div_euclid(7) < i64::from(n),
            Window::NaturalMonths(n) => self.month(new) - self.month(old) < i64::from(n),
            Window::Session { .. } => self.unbroken(window, i, j),
        }
    }

    pub(super) fn month(&self, at: Timestamp) -> i64 {
        let text = self.zone.day(at).to_iso();
        text[..4].parse::<i64>().expect("a year") * 12 + text[5..7].parse::<i64>().expect("a month")
    }

    /// What message `i` adds: (value, weight).
    pub(super) fn adds(&self, rule: &Rule, i: usize) -> Vec<(i64, f64)> {
        let Shape::Count { signal, measure, per_message_cap, .. } = &rule.shape else { return Vec::new() };
        if self.events[i].sign(*signal).is_none() {
            return Vec::new();
        }
        let hits = self.hits(i, *signal);
        let cap = per_message_cap.map_or(usize::MAX, |cap| cap as usize);
        match measure {
            Measure::Hits => hits.iter().take(cap).map(|(_, weight)| (1, *weight)).collect(),
            Measure::Messages => vec![(1, hits[0].1)],
            Measure::DistinctDays => vec![(i64::from(self.zone.day(self.events[i].at).0), hits[0].1)],
            Measure::DistinctTerms => {
                let mut terms = BTreeSet::new();
                hits.into_iter().filter(|(term, _)| terms.insert(*term)).take(cap).collect()
            }
            Measure::Sum(field) => {
                let numbers = self.events[i].numbers.iter().filter(|(name, _)| name == field);
                let sum: i64 = numbers.map(|(_, number)| number).sum();
                if sum == 0 { Vec::new() } else { vec![(sum, sum as f64)] }
            }
        }
    }

    pub(super) fn count_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
        let Shape::Count { measure, at_least, window, after_fire, .. } = rule.shape.clone() else {
            return Vec::new();
        };
        let distinct = matches!(measure, Measure::DistinctDays | Measure::DistinctTerms);
        let (mut fires, mut spent): (Vec<(usize, Fire)>, BTreeSet<usize>) = Default::default();
        let (mut consumed_until, mut last_evaluation) = (0, None);
        for j in 0..self.events.len() {
            if self.adds(rule, j).is_empty() {
                continue;
            }
            let counts = |i: &usize| self.inside(window, *i, j) && !self.recalled(rule, *i, j);
            let messages: Vec<usize> = (consumed_until..=j).filter(counts).collect();
            let hits: Vec<(usize, i64, f64)> = messages
                .iter()
                .flat_map(|i| self.adds(rule, *i).into_iter().map(|(value, weight)| (*i, value, weight)))
                .collect();
            let values: BTreeSet<i64> = hits.iter().map(|hit| hit.1).collect();
            let total = if distinct { values.len() as i64 } else { hits.iter().map(|hit| hit.1).sum() };
            let reached = total >= at_least;
            let was_above = last_evaluation.is_some_and(|(p, above)| above && self.unbroken(window, p, j));
            last_evaluation = Some((j, reached));
            if !reached || (was_above && after_fire == AfterFire::Hold) {
                continue;
            }
            let newest = |place: usize| hits[place + 1..].iter().all(|later| later.1 != hits[place].1);
            let shown = (0..hits.len()).filter(|place| !distinct || newest(*place));
            let pieces = shown.map(|place| {
                let (i, _, weight) = hits[place];
                Piece { fresh: !spent.contains(&i), ..self.piece(i, weight) }
            });
            fires.push((j, Fire { at: self.events[j].at, pieces: pieces.collect(), ..Fire::default() }));
            spent.extend(messages);
            if after_fire == AfterFire::Consume {
                consumed_until = j + 1;
            }
        }
        fires
    }

    pub(super) fn sequence_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
        let Shape::Sequence { steps, within, without, .. } = &rule.shape else { return Vec::new() };
        let mut fires = Vec::new();
        let mut from = 0;
        for j in 0..self.events.len() {
            if without.is_some_and(|without| self.events[j].sign(without).is_some()) {
                from = j;
            }
            let usable = |i: usize, step: usize| {
                self.events[i].sign(steps[step]).is_some() && !self.recalled(rule, i, j)
            };
            if !usable(j, steps.len() - 1) {
                continue;
            }
            let in_time = |i: usize| self.events[j].at.0 - self.events[i].at.0 < within.0;
            if let Some(tuple) = latest(steps.len() - 1, j, from, &usable, &in_time) {
                let piece =
                    |(n, i): (usize, &usize)| self.piece(*i, if n + 1 == steps.len() { 1.0 } else { 0.0 });
                let pieces = tuple.iter().chain([&j]).enumerate().map(piece).collect();
                fires.push((j, Fire { at: self.events[j].at, pieces, ..Fire::default() }));
                from = j + 1;
            }
        }
        fires
    }

    pub(super) fn absence_fires(&self, rule: &Rule, as_of: Timestamp) -> Vec<Fire> {
        let Shape::Absence { since, anchor, cancel, after } = &rule.shape else { return Vec::new() };
        let mut fires = Vec::new();
        let mut pending: Option<usize> = None;
        for j in 0..=self.events.len() {
            let now = self.events.get(j).map_or(as_of, |event| event.at);
            if let Some(due) =
                pending.map(|i| (self.later(self.events[i].at, *after), i)).filter(|due| due.0 <= now)
            {
                let piece = Piece { from: due.0, ..self.piece(due.1, 1.0) };
                fires.push(Fire { at: due.0, pieces: vec![piece], ..Fire::default() });
                pending = None;
            }
            let Some(event) = self.events.get(j) else { break };
            if cancel.is_some_and(|cancel| event.sign(cancel).is_some()) {
                pending = None;
            }
            if event.sign(*since).is_some() && (*anchor == Anchor::Last || pending.is_none()) {
                pending = Some(j);
            }
        }
        fires
    }

    pub(super) fn has(&self, i: usize, signal: SignalIdx) -> bool {
        self.events[i].sign(signal).is_some()
    }

    pub(super) fn day(&self, i: usize) -> i32 {
        self.zone.day(self.events[i].at).0
    }

    /// The first event of each day with the signal, up to event `j`.
    pub(super) fn days(&self, signal: SignalIdx, j: usize) -> BTreeMap<i32, usize> {
        let mut days = BTreeMap::new();
        for i in (0..=j).filter(|i| self.has(*i, signal)) {
            days.entry(self.day(i)).or_insert(i);
        }
        days
    }

    pub(super) fn streak_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
        let Shape::Streak { signal, days: n } = rule.shape else { return Vec::new() };
        let mut fires = Vec::new();
        for j in (0..self.events.len()).filter(|j| self.has(*j, signal)) {
            let (days, today, n) = (self.days(signal, j), self.day(j), n as i32);
            let run: Vec<usize> = (today - n + 1..=today).filter_map(|day| days.get(&day).copied()).collect();
            if run.last() == Some(&j) && run.len() == n as usize && !days.contains_key(&(today - n)) {
                let at = self.events[j].at;
                let piece = |i: &usize| Piece { from: at, ..self.piece(*i, if *i == j { 1.0 } else { 0.0 }) };
                fires.push((j, Fire { at, pieces: run.iter().map(piece).collect(), ..Fire::default() }));
            }
        }
        fires
    }

    pub(super) fn ratio_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
        let Shape::Ratio { numerator, denominator, at_least, min_denominator, window } = rule.shape else {
            return Vec::new();
        };
        let (mut fires, mut spent, mut again) = (Vec::new(), BTreeSet::new(), false);
        for j in (0..self.events.len()).filter(|j| self.has(*j, denominator)) {
            let counts = |i: &usize| {
                self.has(*i, denominator) && self.inside(window, *i, j) && !self.recalled(rule, *i, j)
            };
            let all: Vec<usize> = (0..=j).filter(counts).collect();
            let part: Vec<usize> = all.iter().copied().filter(|i| self.has(*i, numerator)).collect();
            let (share, wanted) =
                (part.len() as f64 / all.len() as f64, f64::from(at_least.part) / f64::from(at_least.of));
            let reached = all.len() >= min_denominator as usize && share >= wanted - 1e-12;
            let at = self.events[j].at;
            if reached {
                let piece = |i: &usize| Piece { fresh: !spent.contains(i), ..self.piece(*i, 1.0) };
                let n_fresh = part.iter().filter(|i| !spent.contains(*i)).count();
                let shown = &part[part.len().saturating_sub(n_fresh.max(32))..];
                let pieces = shown.iter().map(piece).collect();
                fires.push((j, Fire { at, pieces, again, score: Some(share), over: None }));
                spent.extend(all);
            } else if again {
                fires.push((j, Fire { at, over: Some("below"), ..Fire::default() }));
            }
            again = reached;
        }
        fires
    }

    /// What a customer's rhythm does without an event of it: opens and closes.
    pub(super) fn cycle_fires(&self, rule: &Rule, as_of: Timestamp) -> Vec<Fire> {
        let Shape::Cycle { signal, last, min_intervals, open, close } = rule.shape else { return Vec::new() };
        let events: Vec<usize> = (0..self.events.len()).filter(|i| self.has(*i, signal)).collect();
        let mut fires = Vec::new();
        for (n, j) in events.iter().enumerate() {
            let days: Vec<i32> = self.days(signal, *j).into_keys().collect();
            let mut gaps: Vec<i32> = days.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps.drain(..gaps.len().saturating_sub(last as usize));
            if gaps.len() < min_intervals as usize {
                continue;
            }
            gaps.sort_unstable();
            let cycle = f64::from(gaps[(gaps.len() - 1) / 2]);
            let until = events.get(n + 1).map_or(as_of, |next| self.events[*next].at);
            let after = |share: Fraction| {
                let days = (cycle * f64::from(share.part) / f64::from(share.of) - 1e-9).ceil() as i32;
                self.zone.midnight(chattag::time::Day(self.day(*j) + days))
            };
            if after(open) <= until {
                let (at, piece) = (after(open), Piece { from: after(open), ..self.piece(*j, 1.0) });
                fires.push(Fire { at, pieces: vec![piece], ..Fire::default() });
            }
            if after(close) <= until {
                fires.push(Fire { at: after(close), over: Some("passed"), ..Fire::default() });
            }
        }
        fires
    }
}

/// Finds events for the steps before `step`, each before the next, the latest ones first.
fn latest(
    step: usize,
    before: usize,
    from: usize,
    usable: &dyn Fn(usize, usize) -> bool,
    in_time: &dyn Fn(usize) -> bool,
) -> Option<Vec<usize>> {
    if step == 0 {
        return Some(Vec::new());
    }
    (from..before).rev().filter(|i| in_time(*i) && usable(*i, step - 1)).find_map(|i| {
        let mut found = latest(step - 1, i, from, usable, in_time)?;
        found.push(i);
        Some(found)
    })
}
