//! Rules and events in few words, and rows as text: what the tests and the bench of the engine share.

#![allow(dead_code, reason = "each test uses its part")]

use std::sync::Arc;

use chattag::diagnostic::Place;
use chattag::lexicon::TermIdx;
use chattag::mention::{Layer, Polarity};
use chattag::message::{Key, KeyKind, NumberField};
use chattag::rules::*;
use chattag::signal::{Act, Event, Hit, Sign};
use chattag::time::{Millis, Timestamp, Zone};
use chattag::verdict::{Decision, Reason, Row, TagChangeKind};

pub const SIGNALS: &[&str] = &[
    "a", "ask", "b", "c", "cmpl", "disc", "lead", "m", "msg", "paid", "price", "rep", "reply", "value", "x",
    "z",
];

pub const TAGS: &[&str] = &[
    "T",
    "lead",
    "paid",
    "care",
    "churned",
    "compare",
    "price",
    "sensitive",
    "U",
    "V",
    "W",
    "f1",
    "f2",
    "m1",
    "m2",
];

pub const HOUR: Millis = Millis::HOUR;
pub const DAY: Millis = Millis::DAY;
pub const MINUTE: Millis = Millis::MINUTE;

pub fn sig(name: &str) -> SignalIdx {
    SignalIdx(SIGNALS.iter().position(|one| *one == name).expect("a signal of the kit") as u16)
}

pub fn tag_idx(name: &str) -> TagIdx {
    TagIdx(TAGS.iter().position(|one| *one == name).expect("a tag of the kit") as u16)
}

pub fn rule(id: &str, shape: Shape) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        title: String::new(),
        status: Status::Stable,
        key: KeyKind::Customer,
        shape,
        recall: RecallPolicy::Retract,
        migrate: Migrate::Replay,
        migrate_is_written: false,
        emit: None,
        untag: Vec::new(),
        alert: None,
        kick: None,
        fingerprint: Fingerprint::default(),
        state_fingerprint: Fingerprint::default(),
        lexicon_fingerprint: Fingerprint::default(),
        place: Place::new("kit.toml", 1, 1),
    }
}

/// Words that change a rule.
pub trait With: Sized {
    fn edit(self, change: impl FnOnce(&mut Rule)) -> Self;

    fn tag(self, name: &str) -> Self {
        self.scored(name, Score::Mass { half_point: 5.0, half_life: None })
    }
    fn scored(self, name: &str, score: Score) -> Self {
        self.edit(|rule| rule.emit = Some(Emit { tag: tag_idx(name), score, clear_on: None }))
    }
    fn clear_on(self, signal: &str) -> Self {
        self.edit(|rule| rule.emit.as_mut().expect("a tag first").clear_on = Some(sig(signal)))
    }
    fn untag(self, name: &str) -> Self {
        self.edit(|rule| rule.untag.push(tag_idx(name)))
    }
    /// An alert of its own.
    fn alert(self, cooldown: Option<Millis>) -> Self {
        self.alert_as("", AlertLevel::High, cooldown)
    }
    /// An alert under an id that other rules may share.
    fn alert_as(self, id: &str, level: AlertLevel, cooldown: Option<Millis>) -> Self {
        self.edit(|rule| {
            let name = if id.is_empty() { rule.id.clone() } else { id.to_owned() };
            let (alert, inhibited_by) = (AlertIdx(0), Vec::new());
            rule.alert = Some(AlertSpec { alert, name, level, cooldown, breaks_through: true, inhibited_by });
        })
    }
    fn never_breaking_through(self) -> Self {
        self.edit(|rule| rule.alert.as_mut().expect("an alert first").breaks_through = false)
    }
    fn kick(self, action: KickAction) -> Self {
        self.edit(|rule| {
            rule.kick = Some(action);
            rule.recall = RecallPolicy::Ignore;
        })
    }
    fn ignoring_recalls(self) -> Self {
        self.edit(|rule| rule.recall = RecallPolicy::Ignore)
    }
    fn experimental(self) -> Self {
        self.edit(|rule| rule.status = Status::Experimental)
    }
    fn hold(self) -> Self {
        self.after_fire(AfterFire::Hold)
    }
    fn every(self) -> Self {
        self.after_fire(AfterFire::Every)
    }
    fn after_fire(self, new: AfterFire) -> Self {
        self.edit(|rule| {
            let Shape::Count { after_fire, .. } = &mut rule.shape else { panic!("a count") };
            *after_fire = new;
        })
    }
    fn measure(self, new: Measure) -> Self {
        self.edit(|rule| {
            let Shape::Count { measure, .. } = &mut rule.shape else { panic!("a count") };
            *measure = new;
        })
    }
    fn cap(self, cap: u32) -> Self {
        self.edit(|rule| {
            let Shape::Count { per_message_cap, .. } = &mut rule.shape else { panic!("a count") };
            *per_message_cap = Some(cap);
        })
    }
    fn without(self, signal: &str) -> Self {
        self.edit(|rule| {
            let Shape::Sequence { without, .. } = &mut rule.shape else { panic!("a sequence") };
            *without = Some(sig(signal));
        })
    }
    fn same_message(self) -> Self {
        self.edit(|rule| {
            let Shape::Sequence { same_message, .. } = &mut rule.shape else { panic!("a sequence") };
            *same_message = true;
        })
    }
    fn cancel(self, signal: &str) -> Self {
        self.edit(|rule| {
            let Shape::Absence { cancel, .. } = &mut rule.shape else { panic!("an absence") };
            *cancel = Some(sig(signal));
        })
    }
    fn first(self) -> Self {
        self.edit(|rule| {
            let Shape::Absence { anchor, .. } = &mut rule.shape else { panic!("an absence") };
            *anchor = Anchor::First;
        })
    }
}

impl With for Rule {
    fn edit(mut self, change: impl FnOnce(&mut Rule)) -> Rule {
        change(&mut self);
        self
    }
}

pub fn matching(signal: &str) -> Shape {
    Shape::Match { signal: sig(signal) }
}

/// Hits, consumed after firing.
pub fn count(signal: &str, at_least: i64, window: Window) -> Shape {
    let (measure, after_fire) = (Measure::Hits, AfterFire::Consume);
    Shape::Count { signal: sig(signal), measure, at_least, window, after_fire, per_message_cap: None }
}

pub fn sequence(steps: &[&str], within: Millis) -> Shape {
    let steps = steps.iter().map(|step| sig(step)).collect();
    Shape::Sequence { steps, within, without: None, same_message: false }
}

pub fn absence(since: &str, after: Span) -> Shape {
    Shape::Absence { since: sig(since), anchor: Anchor::Last, cancel: None, after }
}

pub fn streak(signal: &str, days: u32) -> Shape {
    Shape::Streak { signal: sig(signal), days }
}

/// Three of ten, at least so many of them.
pub fn ratio(numerator: &str, denominator: &str, min_denominator: u32, window: Window) -> Shape {
    let (numerator, denominator) = (sig(numerator), sig(denominator));
    let at_least = Fraction { part: 3, of: 10 };
    Shape::Ratio { numerator, denominator, at_least, min_denominator, window }
}

/// Overdue from 0.8 to 1.5 cycles, by two to five intervals.
pub fn cycle(signal: &str) -> Shape {
    let (open, close) = (Fraction { part: 8, of: 10 }, Fraction { part: 15, of: 10 });
    Shape::Cycle { signal: sig(signal), last: 5, min_intervals: 2, open, close }
}

pub fn combine(all: &[&str], any: &[&str], none: &[&str], hold: Hold) -> Shape {
    let tags = |names: &[&str]| names.iter().map(|name| tag_idx(name)).collect();
    Shape::Combine { all: tags(all), any: tags(any), none: tags(none), hold }
}

/// By number of events and amount, monthly, into two bands each.
pub fn rank(population: &str, bands: [[&str; 2]; 2]) -> Shape {
    let metric = |id: &str, of, tags: [&str; 2]| Metric {
        id: id.to_owned(),
        of,
        low_is_better: false,
        tags: tags.map(tag_idx).to_vec(),
    };
    let metrics = vec![
        metric("F", MetricOf::Count(sig(population)), bands[0]),
        metric("M", MetricOf::Sum(NumberField::AmountFen), bands[1]),
    ];
    let (population, window) = (sig(population), Window::Elapsed(DAY.times(60)));
    Shape::Rank(Box::new(Ranking { months: 1, population, window, min_population: 2, bands: 2, metrics }))
}

pub fn elapsed(length: Millis) -> Window {
    Window::Elapsed(length)
}

/// A rule set of these rules over the kit's tags. Recalls come within a day.
pub fn set(mut rules: Vec<Rule>) -> RuleSet {
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    let mut alerts: Vec<String> =
        rules.iter().flat_map(|rule| &rule.alert).map(|spec| spec.name.clone()).collect();
    alerts.sort_unstable();
    alerts.dedup();
    for spec in rules.iter_mut().filter_map(|rule| rule.alert.as_mut()) {
        spec.alert = alert_idx(&alerts, &spec.name);
    }
    let tag = |id: &&str| Tag {
        id: (*id).to_owned(),
        path: vec![(*id).to_owned()],
        group: None,
        ttl: None,
        reviewed: false,
        levels: Vec::new(),
        hysteresis: 0.0,
        rules_may_remove: false,
        retires: false,
    };
    let pack = Pack {
        name: "kit".to_owned(),
        version: "1.0.0".to_owned(),
        zone: Zone::shanghai(),
        lateness: Millis(0),
        recall_horizon: DAY,
        reconcile: DAY,
        remember_ids: DAY,
        fingerprint: Fingerprint::default(),
    };
    let tags = TAGS.iter().map(tag).collect();
    RuleSet { pack, rules, signals: Vec::new(), tags, groups: Vec::new(), exemptions: Vec::new(), alerts }
}

fn alert_idx(alerts: &[String], name: &str) -> AlertIdx {
    AlertIdx(alerts.iter().position(|one| one == name).expect("an alert of the set") as u16)
}

/// Words that change a rule set.
pub trait WithTags {
    fn ttl(self, tag: &str, ttl: Span) -> Self;
    fn levels(self, tag: &str, levels: &[(&str, f64)]) -> Self;
    fn group(self, exclusive: Exclusive, order: &[&str]) -> Self;
    fn reviewed(self, tag: &str) -> Self;
    fn hysteresis(self, tag: &str, width: f64) -> Self;
    fn rules_may_remove(self, tag: &str) -> Self;
    fn retires(self, tag: &str) -> Self;
    /// The alerts of `rule` are muted while the alert `by` is in its cooldown.
    fn inhibited(self, rule: &str, by: &str) -> Self;
}

impl WithTags for RuleSet {
    fn reviewed(mut self, tag: &str) -> RuleSet {
        self.tags[usize::from(tag_idx(tag).0)].reviewed = true;
        self
    }
    fn hysteresis(mut self, tag: &str, width: f64) -> RuleSet {
        self.tags[usize::from(tag_idx(tag).0)].hysteresis = width;
        self
    }
    fn retires(mut self, tag: &str) -> RuleSet {
        self.tags[usize::from(tag_idx(tag).0)].retires = true;
        self
    }
    fn rules_may_remove(mut self, tag: &str) -> RuleSet {
        self.tags[usize::from(tag_idx(tag).0)].rules_may_remove = true;
        self
    }
    fn inhibited(mut self, rule: &str, by: &str) -> RuleSet {
        let by = alert_idx(&self.alerts, by);
        let spec = self.rules.iter_mut().find(|one| one.id == rule).and_then(|rule| rule.alert.as_mut());
        spec.expect("a rule with an alert").inhibited_by.push(by);
        self
    }
    fn ttl(mut self, tag: &str, ttl: Span) -> RuleSet {
        self.tags[usize::from(tag_idx(tag).0)].ttl = Some(ttl);
        self
    }
    fn levels(mut self, tag: &str, levels: &[(&str, f64)]) -> RuleSet {
        let levels = levels.iter().map(|(name, cut)| ((*name).to_owned(), *cut)).collect();
        self.tags[usize::from(tag_idx(tag).0)].levels = levels;
        self
    }
    fn group(mut self, exclusive: Exclusive, order: &[&str]) -> RuleSet {
        let idx = GroupIdx(self.groups.len() as u16);
        let order: Vec<TagIdx> = order.iter().map(|name| tag_idx(name)).collect();
        order.iter().for_each(|tag| self.tags[usize::from(tag.0)].group = Some(idx));
        self.groups.push(Group { id: format!("g{}", idx.0), title: String::new(), exclusive, order });
        self
    }
}

pub fn key(name: &str) -> Arc<Key> {
    let (corp, staff, room) = (Box::from("corp"), Box::from(""), Box::from(""));
    Arc::new(Key { corp, kind: KeyKind::Customer, customer: Box::from(name), staff, room })
}

/// An event with these signals, each with so many hits; zero hits: true without a mention.
pub fn event(id: &str, seq: u64, at: Timestamp, signals: &[(&str, u16)]) -> Event {
    let mut event = Event { id: id.to_owned(), seq, at, ..Event::default() };
    let mut signals = signals.to_vec();
    signals.sort_unstable();
    for (name, n_hits) in signals {
        let first_hit = event.hits.len() as u16;
        event.signals.push(Sign { signal: sig(name), first_hit, n_hits });
        event.hits.extend((0..n_hits).map(|i| hit(u32::from(sig(name).0), u32::from(first_hit + i))));
    }
    event
}

pub fn hit(term: u32, start: u32) -> Hit {
    let (layer, polarity) = (Layer::Exact, Polarity::Asserted);
    Hit { term: TermIdx(term), part: 0, start, end: start + 1, layer, polarity, weight: 1.0, surface: None }
}

/// Reads `03-04 10:00 x2 a id=m1 seq=3 key=k recall=m0 fen=500 exempt=1`; the year is 2024 unless given.
/// Plain `a` is a signal with one hit, `a0` one without a mention; `+T` and `-T` are tags given and
/// taken away by hand.
pub fn read_event(line: &str, number: u64) -> (String, Event) {
    let mut words = line.split(' ');
    let (day, time) = (words.next().expect("a day"), words.next().expect("a time"));
    let mut event = event(&format!("e{number:03}"), number, instant(&format!("{day} {time}")), &[]);
    let (mut key, mut signals) = ("k".to_owned(), Vec::new());
    let mut at_places: Vec<(&str, u32)> = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some(("id", id)) => event.id = id.to_owned(),
            Some(("seq", seq)) => event.seq = seq.parse().expect("a number"),
            Some(("key", name)) => key = name.to_owned(),
            Some(("recall", id)) => event.recall_of = id.to_owned(),
            Some(("fen", fen)) => event.numbers.push((NumberField::AmountFen, fen.parse().expect("fen"))),
            Some(("exempt", bits)) => event.exemptions = bits.parse().expect("bits"),
            None if word.starts_with(['+', '-']) => {
                event.acts.push(Act {
                    tag: tag_idx(&word[1..]),
                    assigned: word.starts_with('+'),
                    key: KeyKind::Customer,
                });
            }
            Some((signal, place)) => at_places.push((signal, place.parse().expect("a place"))),
            None => signals.push(read_signal(word)),
        }
    }
    let made = self::event(&event.id, event.seq, event.at, &signals);
    event.signals = made.signals;
    event.hits = made.hits;
    for (signal, place) in at_places {
        let first_hit = event.hits.len() as u16;
        event.signals.push(Sign { signal: sig(signal), first_hit, n_hits: 1 });
        event.hits.push(hit(u32::from(sig(signal).0), place));
    }
    event.signals.sort_by_key(|sign| sign.signal);
    (key, event)
}

fn read_signal(word: &str) -> (&str, u16) {
    let digits = word.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let name = &word[..word.len() - digits.len()];
    (name, if digits.is_empty() { 1 } else { digits.parse().expect("a count") })
}

/// Reads a local time; the year is 2024 unless given.
pub fn instant(text: &str) -> Timestamp {
    let with_year = format!("2024-{text}");
    let text = if text.find('-') == Some(2) { &with_year } else { text };
    Zone::shanghai().parse_local(text).unwrap_or_else(|| panic!("no time: {text}"))
}

/// Writes a row as `03-04 10:00:00 assign T`; only a year other than 2024 is written.
pub fn text(set: &RuleSet, row: &Row) -> String {
    let zone = Zone::shanghai();
    let short = |at: Timestamp| zone.format(at).trim_start_matches("2024-").to_owned();
    let what = match &row.decision {
        Decision::Tag(change) => {
            let name = |tag: TagIdx| TAGS[usize::from(tag.0)];
            let kind = match change.kind {
                TagChangeKind::Assign => "assign",
                TagChangeKind::Refresh => "refresh",
                TagChangeKind::Level => "level",
                TagChangeKind::Remove => "remove",
                TagChangeKind::Blocked => "blocked",
                TagChangeKind::Reviewed => "reviewed",
                TagChangeKind::RecalledEvidence => "recalled",
            };
            let reason = match change.reason {
                None => String::new(),
                Some(Reason::Expired) => " expired".to_owned(),
                Some(Reason::Cleared) => " cleared".to_owned(),
                Some(Reason::Rule) => " rule".to_owned(),
                Some(Reason::Superseded(by)) => format!(" superseded by {}", name(by)),
                Some(Reason::Outranked(by)) => format!(" outranked by {}", name(by)),
                Some(other) => format!(" {}", format!("{other:?}").to_lowercase()),
            };
            format!("{kind} {}{reason}", name(change.tag))
        }
        Decision::Alert(chattag::verdict::Alert { recalled_from: Some(raised), .. }) => {
            format!("recalled from alert of {}", short(*raised))
        }
        Decision::Alert(alert) => match alert.suppressed_by {
            None => "alert".to_owned(),
            Some(by) if alert.inhibited_by.is_some() => format!("inhibited by {}", short(by)),
            Some(by) => format!("suppressed by {}", short(by)),
        },
        Decision::Kick(kick) => {
            let rules: Vec<&str> =
                kick.rules.iter().map(|rule| set.rules[usize::from(rule.0)].id.as_str()).collect();
            let action = kick.action.map_or("none".to_owned(), |action| format!("{action:?}").to_lowercase());
            let exemption = kick.exemption.map_or(String::new(), |i| format!(" exempt {i}"));
            let held = kick.held_by.map_or(String::new(), |by| format!(" held by {}", short(by)));
            format!("{action} {}{exemption}{held}", rules.join("+"))
        }
    };
    let shadow = if row.shadow { " shadow" } else { "" };
    format!("{} {what}{shadow}", short(row.at))
}
