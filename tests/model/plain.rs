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

#[path = "shapes.rs"]
mod shapes;
#[path = "standing.rs"]
mod standing;

use standing::{level, scored};

/// One piece of a firing: message, weight, since when it fades, not added before.
#[derive(Clone)]
struct Piece {
    message: Message,
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

/// Time and id.
type Message = (Timestamp, String);

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
    proof: Message,
    review: Option<Timestamp>,
    newest: String,
    /// The newest evidence, piece by piece.
    evidence: Vec<Message>,
    /// The largest fixed score since it was assigned.
    fixed: f64,
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

/// An alert that holds others back until its cooldown ends.
#[derive(Clone)]
struct Raised {
    alert: AlertIdx,
    at: Timestamp,
    until: Timestamp,
    level: AlertLevel,
}

/// What an alert rests on.
#[derive(Clone)]
struct Note {
    shadow: usize,
    rule: usize,
    at: Timestamp,
    messages: Vec<Message>,
}

#[derive(Default)]
struct Ledger {
    tags: BTreeMap<u16, Tag>,
    /// Every one so far, in order.
    alerts: Vec<Raised>,
    kick: Option<Timestamp>,
    /// Tags that changed since combinations were looked at.
    changed: BTreeSet<u16>,
    /// Combinations that hold, by rule.
    holding: BTreeSet<usize>,
}

/// Returns the rows of one key as text; `events` in order, all before `as_of`.
pub fn rows(set: &RuleSet, events: &[Event], as_of: Timestamp) -> Vec<String> {
    let mut plain = Plain::new(set, events, as_of);
    plain.go_on(as_of);
    plain.out
}

/// A customer who goes from one key to another: when, from, to, the event that says so.
pub type Transfer = (Timestamp, &'static str, &'static str, String);

/// Returns the rows of several keys, some of which hand over to others.
pub fn rows_with_transfers(
    set: &RuleSet,
    histories: &BTreeMap<&'static str, Vec<Event>>,
    transfers: &[Transfer],
    as_of: Timestamp,
) -> BTreeMap<String, Vec<String>> {
    let one = |(name, events): (&&'static str, &Vec<Event>)| (*name, Plain::new(set, events, as_of));
    let mut all: BTreeMap<&str, Plain<'_>> = histories.iter().map(one).collect();
    for (at, from, to, id) in transfers {
        let mut giver = all.remove(from).expect("a key");
        giver.go_on(*at);
        let taker = all.get_mut(to).expect("another key");
        taker.go_on(*at);
        giver.hand_over(taker, *at, id);
        all.insert(from, giver);
    }
    all.values_mut().for_each(|plain| plain.go_on(as_of));
    all.into_iter().map(|(name, plain)| (name.to_owned(), plain.out)).collect()
}

/// Returns the rows of several keys that are ranked together at the start of each month.
pub fn rows_with_ranks(
    set: &RuleSet,
    histories: &BTreeMap<&'static str, Vec<Event>>,
    as_of: Timestamp,
) -> BTreeMap<String, Vec<String>> {
    let one = |(name, events): (&&'static str, &Vec<Event>)| (*name, Plain::new(set, events, as_of));
    let mut all: BTreeMap<&str, Plain<'_>> = histories.iter().map(one).collect();
    let first = histories.values().flatten().map(|event| event.at).min();
    let mut month = first.map_or(as_of, |first| month_after(&set.pack.zone, first));
    while month <= as_of {
        // What happens at the month's first instant without an event comes before the ranking.
        all.values_mut().for_each(|plain| plain.go_on(month));
        for r in 0..set.rules.len() {
            if let Shape::Rank(ranking) = &set.rules[r].shape {
                let measured: BTreeMap<&str, Vec<i64>> = all
                    .iter()
                    .filter_map(|(name, plain)| Some((*name, plain.measured(ranking, month)?)))
                    .collect();
                all.iter_mut().for_each(|(name, plain)| plain.rank(r, ranking, &measured, name, month));
            }
        }
        month = month_after(&set.pack.zone, month);
    }
    all.values_mut().for_each(|plain| plain.go_on(as_of));
    all.into_iter().map(|(name, plain)| (name.to_owned(), plain.out)).collect()
}

struct Plain<'p> {
    set: &'p RuleSet,
    /// What its rules know of: its own events, after those of the key it took over from.
    events: Vec<Event>,
    /// The next of them that has not acted.
    next: usize,
    /// What the rules find, of all events.
    by_event: BTreeMap<(usize, usize), Fire>,
    by_timer: BTreeMap<(Timestamp, usize), Fire>,
    zone: Zone,
    as_of: Timestamp,
    out: Vec<String>,
    /// Live, experimental.
    ledgers: [Ledger; 2],
    /// Alerts that were raised, and what they rest on.
    notes: Vec<Note>,
}

impl<'p> Plain<'p> {
    fn new(set: &'p RuleSet, events: &[Event], as_of: Timestamp) -> Plain<'p> {
        let mut plain = Plain {
            set,
            events: events.to_vec(),
            next: 0,
            by_event: BTreeMap::new(),
            by_timer: BTreeMap::new(),
            zone: set.pack.zone.clone(),
            as_of,
            out: Vec::new(),
            ledgers: Default::default(),
            notes: Vec::new(),
        };
        plain.find_all();
        plain
    }

    /// Finds what each rule says of all events and deadlines.
    fn find_all(&mut self) {
        let (mut by_event, mut by_timer) = (BTreeMap::new(), BTreeMap::new());
        for (r, rule) in self.set.rules.iter().enumerate() {
            let (fires, deadlines) = self.found(rule);
            by_event.extend(fires.into_iter().map(|(j, fire)| ((j, r), fire)));
            by_timer.extend(deadlines.into_iter().map(|fire| ((fire.at, r), fire)));
        }
        (self.by_event, self.by_timer) = (by_event, by_timer);
    }

    fn found(&self, rule: &Rule) -> (Vec<(usize, Fire)>, Vec<Fire>) {
        match rule.shape {
            Shape::Match { signal } => (self.matches(signal), Vec::new()),
            Shape::Streak { .. } => (self.streak_fires(rule), Vec::new()),
            Shape::Ratio { .. } => (self.ratio_fires(rule), Vec::new()),
            Shape::Count { .. } => (self.count_fires(rule), Vec::new()),
            Shape::Sequence { .. } => (self.sequence_fires(rule), Vec::new()),
            Shape::Absence { .. } => (Vec::new(), self.absence_fires(rule, self.as_of)),
            Shape::Cycle { signal, .. } => (self.arrivals(signal), self.cycle_fires(rule, self.as_of)),
            Shape::Rank(_) | Shape::Combine { .. } => Default::default(),
        }
    }

    fn matches(&self, signal: SignalIdx) -> Vec<(usize, Fire)> {
        let events = (0..self.events.len()).filter(|j| self.has(*j, signal));
        let fire = |j: usize| {
            let pieces = self.hits(j, signal).into_iter().map(|(_, weight)| self.piece(j, weight)).collect();
            (j, Fire { at: self.events[j].at, pieces, ..Fire::default() })
        };
        events.map(fire).collect()
    }

    /// What ends a rhythm's waiting.
    fn arrivals(&self, signal: SignalIdx) -> Vec<(usize, Fire)> {
        let events = (0..self.events.len()).filter(|j| self.has(*j, signal));
        let over = Some("cleared");
        events.map(|j| (j, Fire { at: self.events[j].at, over, ..Fire::default() })).collect()
    }

    /// Lets the events before `to` act, and what is due until then.
    fn go_on(&mut self, to: Timestamp) {
        while self.next < self.events.len() && self.events[self.next].at < to {
            let j = self.next;
            self.timers(self.events[j].at);
            self.note_recalls(j);
            self.event(j);
            self.next += 1;
        }
        self.timers(to);
    }

    /// Gives all tags to another key; what the rules know too, when the other knows nothing.
    fn hand_over(&mut self, taker: &mut Plain<'_>, at: Timestamp, id: &str) {
        let future = self.events.split_off(self.next);
        let (known, notes) = (std::mem::take(&mut self.events), std::mem::take(&mut self.notes));
        if taker.is_blank() {
            taker.next = known.len();
            taker.events.splice(0..0, known);
            taker.notes = notes;
            taker.find_all();
            taker.by_timer.retain(|(due, _), _| *due > at);
            for shadow in [0, 1] {
                taker.ledgers[shadow].alerts = std::mem::take(&mut self.ledgers[shadow].alerts);
                taker.ledgers[shadow].holding = std::mem::take(&mut self.ledgers[shadow].holding);
            }
        }
        (self.events, self.next) = (future, 0);
        self.find_all();
        for shadow in [0, 1] {
            self.ledgers[shadow].holding.clear();
            let tags: Vec<(u16, Tag)> =
                self.ledgers[shadow].tags.iter().map(|(tag, known)| (*tag, known.clone())).collect();
            for (tag, given) in tags {
                self.remove_anyway(shadow, tag, at, "transferred", id);
                taker.receive(shadow, tag, given, at);
            }
        }
        self.combinations(at);
        taker.combinations(at);
    }

    fn is_blank(&self) -> bool {
        let bare =
            |ledger: &Ledger| ledger.tags.is_empty() && ledger.alerts.is_empty() && ledger.kick.is_none();
        self.next == 0 && self.ledgers.iter().all(bare)
    }

    fn receive(&mut self, shadow: usize, tag: u16, given: Tag, at: Timestamp) {
        let ids = joined(&given.evidence);
        if self.ledgers[shadow].tags.contains_key(&tag) {
            return;
        }
        if !self.make_room(shadow, TagIdx(tag), given.score, at, &ids) {
            let name = TAGS[usize::from(tag)];
            self.out.push(format!("{} blocked {name}{} {} [{ids}]", at.0, mark(shadow), given.line));
            return;
        }
        let name = TAGS[usize::from(tag)];
        self.out.push(format!("{} assign {name} inherited{} {} [{ids}]", at.0, mark(shadow), given.line));
        self.ledgers[shadow].tags.insert(tag, given);
        self.ledgers[shadow].changed.insert(tag);
    }

    /// What counts for a ranking just before `at`; none when the key is not of its population.
    fn measured(&self, ranking: &Ranking, at: Timestamp) -> Option<Vec<i64>> {
        let Window::Elapsed(length) = ranking.window else { panic!("not in this model") };
        let inside: Vec<usize> = (0..self.events.len())
            .filter(|i| self.events[*i].at < at && at.0 - self.events[*i].at.0 < length.0)
            .collect();
        inside.iter().find(|i| self.has(**i, ranking.population))?;
        let measure = |metric: &Metric| match metric.of {
            MetricOf::Count(signal) => inside.iter().filter(|i| self.has(**i, signal)).count() as i64,
            MetricOf::Sum(field) => {
                let paid = inside.iter().filter(|i| self.has(**i, ranking.population));
                let numbers = paid.flat_map(|i| &self.events[*i].numbers).filter(|(name, _)| *name == field);
                numbers.map(|(_, number)| number).sum()
            }
            MetricOf::DaysSince(signal) => {
                let last = inside.iter().rev().find(|i| self.has(**i, signal));
                last.map_or(i64::MAX, |i| i64::from(self.zone.day(at).0 - self.day(*i)))
            }
        };
        Some(ranking.metrics.iter().map(measure).collect())
    }

    /// Takes the bands that `measured` gives the key `name`, metric by metric.
    fn rank(
        &mut self,
        r: usize,
        ranking: &Ranking,
        measured: &BTreeMap<&str, Vec<i64>>,
        name: &str,
        at: Timestamp,
    ) {
        let shadow = usize::from(self.set.rules[r].status == Status::Experimental);
        let enough = measured.len() >= ranking.min_population as usize;
        let own = measured.get(name).filter(|_| enough);
        for (m, metric) in ranking.metrics.iter().enumerate() {
            let worse = |other: i64, own: i64| if metric.low_is_better { other > own } else { other < own };
            let band = own.map(|own| {
                let below = measured.values().filter(|other| worse(other[m], own[m])).count();
                ranking.bands as usize * below / measured.len()
            });
            let chosen = band.map(|band| metric.tags[band.min(ranking.bands as usize - 1)]);
            for other in metric.tags.iter().filter(|tag| Some(**tag) != chosen) {
                let own = self.ledgers[shadow]
                    .tags
                    .get(&other.0)
                    .is_some_and(|tag| tag.newest == self.set.rules[r].id);
                match chosen {
                    Some(_) => self.remove(shadow, other.0, at, "superseded", ""),
                    None if own => self.remove(shadow, other.0, at, "unranked", ""),
                    None => {}
                }
            }
            let Some(tag) = chosen else { continue };
            let runs_out = self.set.tags[usize::from(tag.0)].ttl.is_some();
            if runs_out || !self.ledgers[shadow].tags.contains_key(&tag.0) {
                let newest = (0..self.events.len())
                    .rev()
                    .find(|i| self.events[*i].at < at && self.has(*i, ranking.population))
                    .expect("it is of the population");
                let pieces = vec![Piece { from: at, ..self.piece(newest, 1.0) }];
                let emit = Emit { tag, score: Score::Fixed(1.0), clear_on: None };
                let evidence = self.messages(&pieces);
                self.assign(shadow, r, &emit, &Fire { at, pieces, ..Fire::default() }, evidence);
            }
        }
        self.combinations(at);
    }

    fn piece(&self, event: usize, weight: f64) -> Piece {
        let at = self.events[event].at;
        Piece { message: (at, self.events[event].id.clone()), weight, from: at, fresh: true }
    }

    fn later(&self, at: Timestamp, span: Span) -> Timestamp {
        match span {
            Span::Elapsed(length) => Timestamp(at.0 + length.0),
            Span::Months(n) => self.zone.plus_months(at, n as i32),
        }
    }

    fn timers(&mut self, to: Timestamp) {
        loop {
            let expiries = self
                .ledgers
                .iter()
                .flat_map(|ledger| ledger.tags.values())
                .flat_map(|tag| [tag.expires, tag.review]);
            let expiries = expiries.flatten();
            let due = self.by_timer.keys().map(|(at, _)| *at).chain(expiries).min();
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
                self.by_timer.keys().filter(|(at, _)| *at == due).map(|(_, rule)| *rule).collect();
            for r in rules {
                let fire = self.by_timer.remove(&(due, r)).expect("listed above");
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
            let hysteresis = self.set.tags[usize::from(id)].hysteresis;
            let next = self.month_after(due);
            let tag = self.ledgers[shadow].tags.get_mut(&id).expect("listed above");
            tag.review = Some(next);
            tag.score = scored(tag, score, due).1;
            tag.level = level(&spec, hysteresis, tag.score, tag.level);
            tag.describe();
            let mark = if shadow == 1 { " shadow" } else { "" };
            self.out.push(format!(
                "{} reviewed {}{mark} {} [{}]",
                due.0,
                TAGS[usize::from(id)],
                tag.line,
                joined(&tag.evidence)
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
        month_after(&self.zone, at)
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
                let mut proofs: Vec<Message> = parts.iter().map(|part| part.proof.clone()).collect();
                proofs.sort();
                let n = proofs.len();
                let piece = |(place, message): (usize, Message)| Piece {
                    message,
                    weight: if place + 1 == n { 1.0 } else { 0.0 },
                    from: at,
                    fresh: true,
                };
                let pieces = proofs.into_iter().enumerate().map(piece).collect();
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

    /// Says what rested on the message that event `j` recalls: tags first, then alerts.
    fn note_recalls(&mut self, j: usize) {
        let (at, target) = (self.events[j].at, self.events[j].recall_of.clone());
        if target.is_empty() {
            return;
        }
        let recalled =
            |message: &Message| message.1 == target && at.0 - message.0.0 < self.set.pack.recall_horizon.0;
        for shadow in [0, 1] {
            for (id, tag) in &self.ledgers[shadow].tags {
                let quotes: Vec<Message> = tag.evidence.iter().filter(|one| recalled(one)).cloned().collect();
                let retracts = |rule: &Rule| rule.id == tag.newest && rule.recall == RecallPolicy::Retract;
                if !quotes.is_empty() && self.set.rules.iter().any(retracts) {
                    let (mark, name, ids) = (mark(shadow), TAGS[usize::from(*id)], joined(&quotes));
                    self.out.push(format!("{} recalledevidence {name}{mark} {} [{ids}]", at.0, tag.line));
                }
            }
        }
        for note in &mut self.notes {
            let rule = &self.set.rules[note.rule];
            let before = note.messages.len();
            note.messages.retain(|message| !recalled(message));
            if note.messages.len() < before && rule.recall == RecallPolicy::Retract {
                let (mark, raised) = (mark(note.shadow), note.at.0);
                self.out.push(format!("{} recalled from {raised}{mark} {} [{target}]", at.0, rule.id));
            }
        }
    }

    fn messages(&self, pieces: &[Piece]) -> Vec<Message> {
        let all = pieces.iter().map(|piece| piece.message.clone());
        all.skip(pieces.len().saturating_sub(32)).collect()
    }

    fn event(&mut self, j: usize) {
        for act in self.events[j].acts.clone() {
            self.act(j, act.tag.0, act.assigned);
        }
        let mut asked: [Vec<(usize, Vec<String>)>; 2] = Default::default();
        for (r, rule) in self.set.rules.iter().enumerate() {
            let shadow = usize::from(rule.status == Status::Experimental);
            if let Some(emit) = &rule.emit
                && emit.clear_on.is_some_and(|signal| self.events[j].sign(signal).is_some())
            {
                let (at, id) = (self.events[j].at, self.events[j].id.clone());
                self.remove(shadow, emit.tag.0, at, "cleared", &id);
            }
            if let Some(fire) = self.by_event.remove(&(j, r)) {
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
}

fn mark(shadow: usize) -> &'static str {
    if shadow == 1 { " shadow" } else { "" }
}

fn month_after(zone: &Zone, at: Timestamp) -> Timestamp {
    let mut day = zone.day(at).plus(1);
    while !day.to_iso().ends_with("-01") {
        day = day.plus(1);
    }
    zone.midnight(day)
}

fn joined(messages: &[Message]) -> String {
    messages.iter().map(|message| message.1.as_str()).collect::<Vec<_>>().join(",")
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
