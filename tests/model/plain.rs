//! A plain second engine that re-reads the whole history for every question.
//!
//! It shares no code with the crate's stages: no kept state, no timers, no folding.
//! A count asks each message of the past whether it still counts; a sequence
//! tries tuples of events; a mass is summed from all that was ever added.

use std::collections::{BTreeMap, BTreeSet};

use chattag::rules::*;
use chattag::signal::Event;
use chattag::time::{Millis, Timestamp, Zone};

use super::kit::TAGS;

/// One piece of a firing: event, hit, weight, since when it fades, not added before.
#[derive(Clone)]
struct Piece {
    event: usize,
    weight: f64,
    from: Timestamp,
    fresh: bool,
}

#[derive(Clone, Default)]
struct Fire {
    at: Timestamp,
    pieces: Vec<Piece>,
    /// It held before: the tag only.
    again: bool,
    /// The score the shape gives.
    score: Option<f64>,
    /// What was found is over.
    over: Option<&'static str>,
}

#[derive(Clone)]
struct Tag {
    since: Timestamp,
    expires: Option<Timestamp>,
    added: Vec<(Timestamp, f64)>,
    first: Timestamp,
    last: Timestamp,
    level: Option<usize>,
    /// A person's word is worth 1 and stays so.
    manual: bool,
    score: f64,
    /// As it was when evidence last came.
    mass: f64,
    /// More than the pieces that carry mass.
    n_by_hand: usize,
    /// The event that showed it last.
    proof: usize,
    review: Option<Timestamp>,
    newest: String,
    /// Of the messages of its newest evidence.
    ids: String,
    line: String,
}

impl Tag {
    fn describe(&mut self) {
        self.line = format!(
            "{:.5} {:.5} n={} {:?} {} {} {} {:?}",
            self.score,
            self.mass,
            self.added.len() + self.n_by_hand,
            self.level,
            self.since.0,
            self.first.0,
            self.last.0,
            self.expires.map(|at| at.0),
        );
    }
}

#[derive(Default)]
struct Ledger {
    tags: BTreeMap<u16, Tag>,
    alerts: BTreeMap<usize, Timestamp>,
    kick: Option<Timestamp>,
    /// Tags that changed since combinations were looked at.
    changed: BTreeSet<u16>,
    /// Combinations that hold, by rule.
    holding: BTreeSet<usize>,
}

/// Returns the rows of one key as text; `events` in order, all before `as_of`.
pub fn rows(set: &RuleSet, events: &[Event], as_of: Timestamp) -> Vec<String> {
    let mut plain =
        Plain { set, events, zone: Zone::shanghai(), out: Vec::new(), ledgers: Default::default() };
    let mut by_event: BTreeMap<(usize, usize), Fire> = BTreeMap::new();
    plain.zone = set.pack.zone.clone();
    let mut by_timer: BTreeMap<(Timestamp, usize), Fire> = BTreeMap::new();
    for (r, rule) in set.rules.iter().enumerate() {
        match &rule.shape {
            Shape::Match { signal } => {
                for (j, event) in events.iter().enumerate().filter(|(_, event)| event.sign(*signal).is_some())
                {
                    let pieces = plain.hits(j, *signal).into_iter().map(|(_, weight)| plain.piece(j, weight));
                    by_event
                        .insert((j, r), Fire { at: event.at, pieces: pieces.collect(), ..Fire::default() });
                }
            }
            Shape::Streak { .. } => {
                let fires = plain.streak_fires(rule);
                by_event.extend(fires.into_iter().map(|(j, fire)| ((j, r), fire)));
            }
            Shape::Ratio { .. } => {
                let fires = plain.ratio_fires(rule);
                by_event.extend(fires.into_iter().map(|(j, fire)| ((j, r), fire)));
            }
            Shape::Cycle { signal, .. } => {
                for (j, event) in events.iter().enumerate().filter(|(_, event)| event.sign(*signal).is_some())
                {
                    by_event.insert((j, r), Fire { at: event.at, over: Some("cleared"), ..Fire::default() });
                }
                let fires = plain.cycle_fires(rule, as_of);
                by_timer.extend(fires.into_iter().map(|fire| ((fire.at, r), fire)));
            }
            Shape::Rank(_) => panic!("ranks are not in this model"),
            Shape::Combine { .. } => {}
            Shape::Count { .. } => {
                let fires = plain.count_fires(rule);
                by_event.extend(fires.into_iter().map(|(j, fire)| ((j, r), fire)));
            }
            Shape::Sequence { .. } => {
                let fires = plain.sequence_fires(rule);
                by_event.extend(fires.into_iter().map(|(j, fire)| ((j, r), fire)));
            }
            Shape::Absence { .. } => {
                let fires = plain.absence_fires(rule, as_of);
                by_timer.extend(fires.into_iter().map(|fire| ((fire.at, r), fire)));
            }
        }
    }
    for (j, event) in events.iter().enumerate() {
        plain.timers(&mut by_timer, event.at);
        plain.event(j, &mut by_event);
    }
    plain.timers(&mut by_timer, as_of);
    plain.out
}

struct Plain<'p> {
    set: &'p RuleSet,
    events: &'p [Event],
    zone: Zone,
    out: Vec<String>,
    /// Live, experimental.
    ledgers: [Ledger; 2],
}

impl Plain<'_> {
    fn piece(&self, event: usize, weight: f64) -> Piece {
        Piece { event, weight, from: self.events[event].at, fresh: true }
    }

    /// Terms and weights; a signal without a mention is one hit of no term.
    fn hits(&self, j: usize, signal: SignalIdx) -> Vec<(i64, f64)> {
        let event = &self.events[j];
        let sign = event.sign(signal).expect("asked only where true");
        let hits = event.hits_of(sign);
        if hits.is_empty() {
            vec![(-1, 1.0)]
        } else {
            hits.iter().map(|hit| (i64::from(hit.term.0), hit.weight)).collect()
        }
    }

    fn recalled(&self, rule: &Rule, i: usize, by: usize) -> bool {
        rule.recall == RecallPolicy::Retract
            && (i + 1..=by).any(|r| {
                let recall = &self.events[r];
                recall.recall_of == self.events[i].id
                    && recall.at.0 - self.events[i].at.0 < self.set.pack.recall_horizon.0
            })
    }

    fn unbroken(&self, window: Window, i: usize, j: usize) -> bool {
        let Window::Session { gap } = window else { return true };
        (i + 1..=j).all(|k| self.events[k].at.0 - self.events[k - 1].at.0 < gap.0)
    }

    fn inside(&self, window: Window, i: usize, j: usize) -> bool {
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

    fn month(&self, at: Timestamp) -> i64 {
        let text = self.zone.day(at).to_iso();
        text[..4].parse::<i64>().expect("a year") * 12 + text[5..7].parse::<i64>().expect("a month")
    }

    /// What message `i` adds: (value, weight).
    fn adds(&self, rule: &Rule, i: usize) -> Vec<(i64, f64)> {
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

    fn count_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
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

    fn sequence_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
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

    fn absence_fires(&self, rule: &Rule, as_of: Timestamp) -> Vec<Fire> {
        let Shape::Absence { since, anchor, cancel, after } = &rule.shape else { return Vec::new() };
        let mut fires = Vec::new();
        let mut pending: Option<usize> = None;
        for j in 0..=self.events.len() {
            let now = self.events.get(j).map_or(as_of, |event| event.at);
            if let Some(due) =
                pending.map(|i| (self.later(self.events[i].at, *after), i)).filter(|due| due.0 <= now)
            {
                let piece = Piece { event: due.1, weight: 1.0, from: due.0, fresh: true };
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

    fn has(&self, i: usize, signal: SignalIdx) -> bool {
        self.events[i].sign(signal).is_some()
    }

    fn day(&self, i: usize) -> i32 {
        self.zone.day(self.events[i].at).0
    }

    /// The first event of each day with the signal, up to event `j`.
    fn days(&self, signal: SignalIdx, j: usize) -> BTreeMap<i32, usize> {
        let mut days = BTreeMap::new();
        for i in (0..=j).filter(|i| self.has(*i, signal)) {
            days.entry(self.day(i)).or_insert(i);
        }
        days
    }

    fn streak_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
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

    fn ratio_fires(&self, rule: &Rule) -> Vec<(usize, Fire)> {
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
    fn cycle_fires(&self, rule: &Rule, as_of: Timestamp) -> Vec<Fire> {
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

    fn later(&self, at: Timestamp, span: Span) -> Timestamp {
        match span {
            Span::Elapsed(length) => Timestamp(at.0 + length.0),
            Span::Months(n) => self.zone.plus_months(at, n as i32),
        }
    }

    fn timers(&mut self, by_timer: &mut BTreeMap<(Timestamp, usize), Fire>, to: Timestamp) {
        loop {
            let expiries = self
                .ledgers
                .iter()
                .flat_map(|ledger| ledger.tags.values())
                .flat_map(|tag| [tag.expires, tag.review]);
            let expiries = expiries.flatten();
            let due = by_timer.keys().map(|(at, _)| *at).chain(expiries).min();
            let Some(due) = due.filter(|due| *due <= to) else { return };
            for shadow in [0, 1] {
                let gone: Vec<u16> = self.ledgers[shadow]
                    .tags
                    .iter()
                    .filter(|(_, tag)| tag.expires == Some(due))
                    .map(|(id, _)| *id)
                    .collect();
                gone.into_iter().for_each(|id| self.remove(shadow, id, due, "expired", ""));
            }
            for shadow in [0, 1] {
                self.reviews(shadow, due);
            }
            let rules: Vec<usize> =
                by_timer.keys().filter(|(at, _)| *at == due).map(|(_, rule)| *rule).collect();
            for r in rules {
                let fire = by_timer.remove(&(due, r)).expect("listed above");
                self.effects(r, &fire);
            }
            self.combinations(due);
        }
    }

    fn reviews(&mut self, shadow: usize, due: Timestamp) {
        let reviewed: Vec<u16> = self.ledgers[shadow]
            .tags
            .iter()
            .filter(|(_, tag)| tag.review == Some(due))
            .map(|(id, _)| *id)
            .collect();
        for id in reviewed {
            let gives = |rule: &&Rule| {
                rule.emit.as_ref().is_some_and(|emit| emit.tag.0 == id)
                    && usize::from(rule.status == Status::Experimental) == shadow
            };
            if !self.set.rules.iter().filter(gives).any(|rule| self.still_holds(rule, due)) {
                self.remove(shadow, id, due, "review", "");
                continue;
            }
            let giver = self.ledgers[shadow].tags[&id].newest.clone();
            let score =
                self.set.rules.iter().find(|rule| rule.id == giver).and_then(|rule| rule.emit.as_ref());
            let score = score.expect("a rule gave it").score;
            let spec = self.set.tags[usize::from(id)].levels.clone();
            let next = self.month_after(due);
            let tag = self.ledgers[shadow].tags.get_mut(&id).expect("listed above");
            tag.review = Some(next);
            tag.score = scored(tag, score, due).1;
            tag.level = spec.iter().rposition(|(_, cut)| tag.score >= *cut);
            tag.describe();
            let mark = if shadow == 1 { " shadow" } else { "" };
            self.out.push(format!(
                "{} reviewed {}{mark} {} [{}]",
                due.0,
                TAGS[usize::from(id)],
                tag.line,
                tag.ids
            ));
            self.ledgers[shadow].changed.insert(id);
        }
    }

    /// Whether the rule's own window still holds enough; the rules of reviewed tags ignore recalls and
    /// consume nothing.
    fn still_holds(&self, rule: &Rule, at: Timestamp) -> bool {
        let before: Vec<usize> = (0..self.events.len()).filter(|i| self.events[*i].at < at).collect();
        match rule.shape {
            Shape::Count { signal, at_least, window: Window::Elapsed(length), .. } => {
                let inside = before.iter().filter(|i| at.0 - self.events[**i].at.0 < length.0);
                let hits =
                    inside.filter(|i| self.has(**i, signal)).map(|i| self.hits(*i, signal).len() as i64);
                hits.sum::<i64>() >= at_least
            }
            Shape::Streak { signal, days } => {
                let Some(last) = before.last() else { return false };
                let met = self.days(signal, *last);
                let today = self.zone.day(at).0;
                [today, today - 1]
                    .iter()
                    .any(|end| (end - days as i32 + 1..=*end).all(|day| met.contains_key(&day)))
            }
            _ => panic!("no review of this shape in the model"),
        }
    }

    fn month_after(&self, at: Timestamp) -> Timestamp {
        let mut day = self.zone.day(at).plus(1);
        while !day.to_iso().ends_with("-01") {
            day = day.plus(1);
        }
        self.zone.midnight(day)
    }

    /// Looks at the combinations until none of them changes anything.
    fn combinations(&mut self, at: Timestamp) {
        for (r, rule) in self.set.rules.iter().enumerate() {
            let Shape::Combine { all, any, none, hold } = &rule.shape else { continue };
            let tags = &self.ledgers[0].tags;
            let stands = |tag: &&TagIdx| tags.contains_key(&tag.0);
            let holds = all.iter().all(|tag| stands(&tag))
                && (any.is_empty() || any.iter().any(|tag| stands(&tag)))
                && !none.iter().any(|tag| stands(&tag));
            let touched =
                all.iter().chain(any).chain(none).any(|tag| self.ledgers[0].changed.contains(&tag.0));
            let held = self.ledgers[0].holding.contains(&r);
            if holds && touched {
                let parts: Vec<&Tag> = all.iter().chain(any).filter_map(|tag| tags.get(&tag.0)).collect();
                let score = parts.iter().map(|part| part.score).fold(f64::INFINITY, f64::min);
                let mut proofs: Vec<usize> = parts.iter().map(|part| part.proof).collect();
                proofs.sort_by_key(|i| (self.events[*i].at, &self.events[*i].id));
                let n = proofs.len();
                let piece = |(place, i): (usize, &usize)| Piece {
                    from: at,
                    ..self.piece(*i, if place + 1 == n { 1.0 } else { 0.0 })
                };
                let pieces = proofs.iter().enumerate().map(piece).collect();
                self.effects(r, &Fire { at, pieces, again: held, score: Some(score), over: None });
            } else if held && !holds && *hold == Hold::While {
                let emit = rule.emit.as_ref().expect("combinations give tags");
                self.remove(0, emit.tag.0, at, "part", "");
            }
            if holds {
                self.ledgers[0].holding.insert(r);
            } else {
                self.ledgers[0].holding.remove(&r);
            }
        }
        self.ledgers.iter_mut().for_each(|ledger| ledger.changed.clear());
    }

    fn event(&mut self, j: usize, by_event: &mut BTreeMap<(usize, usize), Fire>) {
        for act in self.events[j].acts.clone() {
            self.act(j, act.tag.0, act.assigned);
        }
        let mut asked: [Vec<(usize, Vec<String>)>; 2] = Default::default();
        for (r, rule) in self.set.rules.iter().enumerate() {
            let shadow = usize::from(rule.status == Status::Experimental);
            if let Some(emit) = &rule.emit
                && emit.clear_on.is_some_and(|signal| self.events[j].sign(signal).is_some())
            {
                self.remove(shadow, emit.tag.0, self.events[j].at, "cleared", &self.events[j].id);
            }
            if let Some(fire) = by_event.remove(&(j, r)) {
                self.effects(r, &fire);
                if rule.kick.is_some() {
                    asked[shadow].push((r, Vec::new()));
                }
            }
        }
        self.combinations(self.events[j].at);
        for (shadow, asked) in asked.into_iter().enumerate() {
            let rules: Vec<usize> = asked.into_iter().map(|(r, _)| r).collect();
            self.kick(j, shadow, &rules);
        }
    }

    fn kick(&mut self, j: usize, shadow: usize, asked: &[usize]) {
        let event = &self.events[j];
        let protects = |e: usize, r: usize| {
            let only = &self.set.exemptions[e].rules;
            event.exemptions & (1 << e) != 0
                && (only.is_empty() || only.iter().any(|rule| usize::from(rule.0) == r))
        };
        let exemption = |r: usize| (0..self.set.exemptions.len()).find(|e| protects(*e, r));
        let open: Vec<usize> = asked.iter().copied().filter(|r| exemption(*r).is_none()).collect();
        let names = |rules: &[usize]| {
            rules.iter().map(|r| self.set.rules[*r].id.as_str()).collect::<Vec<_>>().join("+")
        };
        let mark = if shadow == 1 { " shadow" } else { "" };
        let held = self.ledgers[shadow].kick.filter(|kick| event.at.0 - kick.0 < 86_400_000);
        let line = match (asked.first(), held) {
            (None, _) => return,
            (Some(first), _) if open.is_empty() => {
                format!("none {} exempt {}", names(asked), exemption(*first).expect("not open"))
            }
            (_, Some(kick)) => format!("none {} held by {}", names(&open), kick.0),
            _ => {
                let strongest =
                    open.iter().filter_map(|r| self.set.rules[*r].kick).max().expect("kick rules");
                let line = format!("{strongest:?} {}", names(&open)).to_lowercase();
                if strongest >= KickAction::Kick {
                    self.ledgers[shadow].kick = Some(event.at);
                }
                line
            }
        };
        self.out.push(format!("{} {line}{mark}", event.at.0));
    }

    fn effects(&mut self, r: usize, fire: &Fire) {
        let rule = &self.set.rules[r];
        let shadow = usize::from(rule.status == Status::Experimental);
        let mark = if shadow == 1 { " shadow" } else { "" };
        let ids: Vec<&str> = fire.pieces.iter().map(|piece| self.events[piece.event].id.as_str()).collect();
        let ids = ids[ids.len().saturating_sub(32)..].join(",");
        if let Some(reason) = fire.over {
            if let Some(emit) = &rule.emit {
                self.remove(shadow, emit.tag.0, fire.at, reason, "");
            }
            return;
        }
        if let Some(emit) = &rule.emit {
            self.assign(shadow, r, emit, fire, &ids);
        }
        if fire.again {
            return;
        }
        for tag in &rule.untag {
            self.remove(shadow, tag.0, fire.at, "rule", &ids);
        }
        if let Some(alert) = &rule.alert {
            let last = self.ledgers[shadow].alerts.get(&r).copied();
            let held =
                last.filter(|last| alert.cooldown.is_some_and(|cooldown| fire.at.0 - last.0 < cooldown.0));
            let what = held.map_or("alert".to_owned(), |by| format!("suppressed by {}", by.0));
            if held.is_none() {
                self.ledgers[shadow].alerts.insert(r, fire.at);
            }
            self.out.push(format!("{} {what}{mark} {} [{ids}]", fire.at.0, rule.id));
        }
    }

    fn assign(&mut self, shadow: usize, r: usize, emit: &Emit, fire: &Fire, ids: &str) {
        let known = self.ledgers[shadow].tags.get(&emit.tag.0).cloned();
        let was = known.as_ref().map(|tag| tag.level);
        let fresh: Vec<&Piece> = fire.pieces.iter().filter(|piece| piece.fresh).collect();
        let newest = fire.pieces[fire.pieces.len() - 1].event;
        let first = self.events[fresh.first().map_or(newest, |piece| piece.event)].at;
        let mut tag = known.unwrap_or_else(|| self.new_tag(fire.at, first));
        tag.added.extend(fresh.iter().map(|piece| (piece.from, piece.weight)));
        tag.last = fresh.last().map_or(tag.last, |piece| self.events[piece.event].at);
        tag.proof = newest;
        tag.newest.clone_from(&self.set.rules[r].id);
        ids.clone_into(&mut tag.ids);
        let (mass, score) = scored(&tag, emit.score, fire.at);
        (tag.mass, tag.score) = ((mass * 1e6).round() / 1e6, score);
        if let (Score::Given, Some(given)) = (emit.score, fire.score) {
            tag.score = if tag.manual { 1.0 } else { (given * 1e6).round() / 1e6 };
        }
        let spec = &self.set.tags[usize::from(emit.tag.0)];
        tag.level = spec.levels.iter().rposition(|(_, cut)| tag.score >= *cut);
        tag.expires = spec.ttl.filter(|_| !tag.manual).map(|ttl| self.later(fire.at, ttl));
        tag.review = (spec.reviewed && !tag.manual).then(|| self.month_after(fire.at));
        tag.describe();
        let kind = match was {
            None if !self.make_room(shadow, emit.tag, fire.at, ids) => "blocked",
            None => "assign",
            Some(level) if level == tag.level => "refresh",
            Some(_) => "level",
        };
        let mark = if shadow == 1 { " shadow" } else { "" };
        let name = TAGS[usize::from(emit.tag.0)];
        self.out.push(format!("{} {kind} {name}{mark} {} [{ids}]", fire.at.0, tag.line));
        if kind != "blocked" {
            self.ledgers[shadow].tags.insert(emit.tag.0, tag);
            self.ledgers[shadow].changed.insert(emit.tag.0);
        }
    }

    fn new_tag(&self, at: Timestamp, first: Timestamp) -> Tag {
        Tag {
            since: at,
            expires: None,
            added: vec![],
            first,
            last: first,
            level: None,
            manual: false,
            score: 0.0,
            mass: 0.0,
            n_by_hand: 0,
            proof: 0,
            review: None,
            newest: String::new(),
            ids: String::new(),
            line: String::new(),
        }
    }

    /// What a person does: nothing keeps it from happening.
    fn act(&mut self, j: usize, id: u16, assigned: bool) {
        let (at, message) = (self.events[j].at, self.events[j].id.clone());
        if !assigned {
            return self.remove_anyway(0, id, at, "manual", &message);
        }
        let known = self.ledgers[0].tags.get(&id).cloned();
        let kind = if known.is_none() { "assign" } else { "refresh" };
        if known.is_none() {
            for other in self.rivals(0, id) {
                self.remove_anyway(0, other, at, "superseded", &message);
            }
        }
        let mut tag = known.unwrap_or_else(|| self.new_tag(at, at));
        (tag.manual, tag.score, tag.last, tag.proof) = (true, 1.0, at, j);
        (tag.expires, tag.review) = (None, None);
        tag.n_by_hand += 1;
        tag.level = self.set.tags[usize::from(id)].levels.len().checked_sub(1);
        tag.describe();
        let name = TAGS[usize::from(id)];
        self.out.push(format!("{} {kind} {name} manual {} [{message}]", at.0, tag.line));
        self.ledgers[0].tags.insert(id, tag);
        self.ledgers[0].changed.insert(id);
    }

    fn rivals(&self, shadow: usize, id: u16) -> Vec<u16> {
        let Some(group) = self.set.tags[usize::from(id)].group else { return Vec::new() };
        let group = &self.set.groups[usize::from(group.0)];
        let in_group = |other: &u16| *other != id && group.order.iter().any(|one| one.0 == *other);
        if group.exclusive == Exclusive::None {
            return Vec::new();
        }
        self.ledgers[shadow].tags.keys().copied().filter(in_group).collect()
    }

    fn make_room(&mut self, shadow: usize, tag: TagIdx, at: Timestamp, ids: &str) -> bool {
        let Some(group) = self.set.tags[usize::from(tag.0)].group else { return true };
        let group = &self.set.groups[usize::from(group.0)];
        let rank = |id: u16| group.order.iter().position(|one| one.0 == id);
        let standing =
            self.ledgers[shadow].tags.keys().copied().find(|id| *id != tag.0 && rank(*id).is_some());
        let Some(other) = standing else { return true };
        let by_hand = group.exclusive != Exclusive::None && self.ledgers[shadow].tags[&other].manual;
        let blocked = by_hand
            || match group.exclusive {
                Exclusive::Forward => rank(other) > rank(tag.0),
                Exclusive::Priority => rank(other) < rank(tag.0),
                Exclusive::Latest => false,
                Exclusive::None => return true,
                Exclusive::Score => panic!("not in this model"),
            };
        if !blocked {
            self.remove(shadow, other, at, "superseded", ids);
        }
        !blocked
    }

    /// As a rule asks for: not what a person gave.
    fn remove(&mut self, shadow: usize, id: u16, at: Timestamp, reason: &str, ids: &str) {
        if self.ledgers[shadow].tags.get(&id).is_some_and(|tag| !tag.manual) {
            self.remove_anyway(shadow, id, at, reason, ids);
        }
    }

    fn remove_anyway(&mut self, shadow: usize, id: u16, at: Timestamp, reason: &str, ids: &str) {
        if let Some(tag) = self.ledgers[shadow].tags.remove(&id) {
            self.ledgers[shadow].changed.insert(id);
            let mark = if shadow == 1 { " shadow" } else { "" };
            let name = TAGS[usize::from(id)];
            self.out.push(format!("{} remove {name} {reason}{mark} {} [{ids}]", at.0, tag.line));
        }
    }
}

/// Mass and score of a tag at an instant, from all that was ever added.
fn scored(tag: &Tag, score: Score, at: Timestamp) -> (f64, f64) {
    let half = match score {
        Score::Mass { half_life, .. } => half_life,
        Score::Given => None,
        Score::Fixed(_) => panic!("masses only"),
    };
    let faded =
        |from: Timestamp| half.map_or(1.0, |half| 2f64.powf(-((at.0 - from.0) as f64) / half.0 as f64));
    let mass = tag.added.iter().fold(0.0, |mass, (from, weight)| mass + weight * faded(*from));
    let Score::Mass { half_point, .. } = score else { return (mass, tag.score) };
    let score = ((1.0 - 2f64.powf(-mass.max(0.0) / half_point)) * 1e6).round() / 1e6;
    (mass, if tag.manual { 1.0 } else { score })
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

/// Whole numbers from a seed; the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub fn span(&mut self, length: Millis) -> Millis {
        Millis(self.below(length.0.max(1) as u64) as i64)
    }
}
