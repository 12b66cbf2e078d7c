//! Plays the timelines written in rule files through the real stages and
//! compares what is decided with what is expected, line by line.
//!
//! An edge: it joins mention, signal, timeline and verdict as the drivers do.
//! How lines are written is in `scenario/line.rs`.

mod line;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Place};
use crate::lexicon::Catalog;
use crate::mention::{Annotator, Scratch};
use crate::message::{Key, KeyKind};
use crate::rules::{Exemption, RuleIdx, RuleSet, RuleTest};
use crate::signal::{Evaluator, Event};
use crate::time::{Millis, Timestamp, Zone};
use crate::verdict::{Census, Decision, Engine, KeyState, KickDecision, Measuring, Reason, Row, Scales};
use crate::verdict::{TagChange, TagChangeKind};

use line::{Content, Party, Said};

/// One test of the rule files, ready to run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What people read.
    pub name: String,
    /// The rules that run.
    pub rules: Vec<String>,
    /// A known gap: it is expected to fail.
    pub todo: bool,
    /// Where it is written.
    pub place: Place,
    timeline: Vec<Said>,
    expect: Vec<(Timestamp, String)>,
    as_of: Timestamp,
}

/// How a scenario ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All lines agree.
    Passed,
    /// Some line does not.
    Failed,
    /// Some line does not, as the test itself says (`todo`).
    KnownGap,
    /// All lines agree although the test says they do not (`N204`).
    GapClosed,
}

/// What came of a scenario.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// What people read.
    pub name: String,
    /// The rules that ran.
    pub rules: Vec<String>,
    /// Where the test is written.
    pub place: Place,
    /// How it ended.
    pub status: Status,
    /// The lines expected, in time order.
    pub expected: Vec<String>,
    /// The lines that came, in time order.
    pub actual: Vec<String>,
}

impl Outcome {
    /// Returns whether the test command should fail because of it.
    pub fn is_failure(&self) -> bool {
        self.status == Status::Failed
    }

    /// Returns the note that a known gap is closed (`N204`), if it is.
    pub fn finding(&self) -> Option<Diagnostic> {
        let (zh, en) = (
            format!("已知缺口 “{}” 现在通过了", self.name),
            format!("the known gap `{}` now passes", self.name),
        );
        let finding = Diagnostic::new("N204", self.place.clone(), zh, en);
        (self.status == Status::GapClosed)
            .then(|| finding.with_help("删去 todo = true", "remove `todo = true`"))
    }
}

impl Scenario {
    /// Reads the lines of `test`; local times are those of `zone`. Reports lines that cannot
    /// be read (`E001`) and returns none then.
    pub fn read(test: &RuleTest, zone: &Zone, findings: &mut Vec<Diagnostic>) -> Option<Scenario> {
        let before = findings.len();
        let timeline = line::timeline(&test.timeline, zone, findings);
        let mut expect: Vec<(Timestamp, String)> =
            test.expect.iter().filter_map(|written| line::expected(written, zone, findings)).collect();
        expect.sort_by_key(|(at, _)| *at);
        let last = timeline.iter().map(|said| said.at).max().unwrap_or_default();
        let as_of = test.as_of.as_ref().map_or(Some(last.plus(Millis(1))), |written| {
            let at = zone.parse_local(&written.text);
            if at.is_none() {
                findings.push(line::no_time(written));
            }
            at
        });
        (findings.len() == before).then(|| Scenario {
            name: test.name.clone(),
            rules: test.rules.iter().map(|rule| rule.text.clone()).collect(),
            todo: test.todo,
            place: test.place.clone(),
            timeline,
            expect,
            as_of: as_of.unwrap_or_default(),
        })
    }

    /// Runs the named rules of `rules` over the timeline.
    pub fn run(&self, rules: &RuleSet, catalog: &Catalog, annotator: &Annotator) -> Outcome {
        self.run_with(rules, catalog, annotator, |state| state)
    }

    /// Does the same, and after every line saves what is remembered and reads it back: a run that
    /// stops anywhere and goes on later decides the same.
    pub fn run_in_pieces(&self, rules: &RuleSet, catalog: &Catalog, annotator: &Annotator) -> Outcome {
        self.run_with(rules, catalog, annotator, |state| {
            let saved = serde_json::to_vec(&state).expect("states turn into JSON");
            serde_json::from_slice(&saved).expect("what was saved can be read")
        })
    }

    fn run_with(
        &self,
        rules: &RuleSet,
        catalog: &Catalog,
        annotator: &Annotator,
        after_line: fn(KeyState) -> KeyState,
    ) -> Outcome {
        let rules = only(rules, &self.rules);
        let events = self.events(&rules, catalog, annotator);
        let mut rows: Vec<Row> = Vec::new();
        for kind in KeyKind::ALL {
            play(&rules, kind, &events, self.as_of, after_line, &mut rows);
        }
        rows.sort_by_key(|row| row.at);
        let actual: Vec<(Timestamp, String)> =
            rows.iter().filter_map(|row| Some((row.at, describe(row, &rules)?))).collect();
        self.outcome(&actual, &rules.pack.zone)
    }

    fn outcome(&self, actual: &[(Timestamp, String)], zone: &Zone) -> Outcome {
        let agree = self.expect.len() == actual.len()
            && self
                .expect
                .iter()
                .zip(actual)
                .all(|(wanted, came)| wanted.0 == came.0 && agrees(&wanted.1, &came.1));
        let status = match (agree, self.todo) {
            (true, false) => Status::Passed,
            (false, false) => Status::Failed,
            (false, true) => Status::KnownGap,
            (true, true) => Status::GapClosed,
        };
        let write = |lines: &[(Timestamp, String)]| {
            lines.iter().map(|(at, text)| format!("{} {text}", line::short_time(*at, zone))).collect()
        };
        Outcome {
            name: self.name.clone(),
            rules: self.rules.clone(),
            place: self.place.clone(),
            status,
            expected: write(&self.expect),
            actual: write(actual),
        }
    }

    /// Returns what happens, in event order.
    fn events(&self, rules: &RuleSet, catalog: &Catalog, annotator: &Annotator) -> Vec<Happened> {
        let evaluator = Evaluator::new(rules, catalog);
        let (mut scratch, mut mentions) = (Scratch::default(), Vec::new());
        let mut events = Vec::new();
        for said in self.timeline.iter().filter(|said| said.at < self.as_of) {
            let (mut event, mut party) = (Event::default(), said.party());
            let mut transfer = None;
            match &said.content {
                Content::Recall { line } => {
                    event.at = said.at;
                    event.seq = said.seq;
                    event.id.clone_from(&said.id);
                    event.recall_of.clone_from(&self.timeline[*line].id);
                    party = self.timeline[*line].party();
                }
                Content::Business(business) => {
                    evaluator.evaluate_business(business, &mut event);
                    let ends = business.text("from").zip(business.text("to"));
                    transfer = ends.map(|(from, to)| (from.to_owned(), to.to_owned()));
                }
                Content::Message { .. } => {
                    let message = said.message();
                    annotator.annotate(&message, &mut scratch, &mut mentions);
                    evaluator.evaluate(&message, &mentions, catalog, &mut event);
                }
            }
            events.push(Happened { event, party, transfer });
        }
        events.sort_by(|a, b| {
            (a.event.at, a.event.seq, &a.event.id).cmp(&(b.event.at, b.event.seq, &b.event.id))
        });
        events
    }
}

/// One thing that happens in a timeline.
struct Happened {
    event: Event,
    party: Party,
    /// The customer goes from one employee to another.
    transfer: Option<(String, String)>,
}

/// Returns `set` with the rules of these ids only, and the exemptions that concern them.
pub fn only(set: &RuleSet, ids: &[String]) -> RuleSet {
    let kept: Vec<usize> = (0..set.rules.len()).filter(|at| ids.contains(&set.rules[*at].id)).collect();
    let renumbered = |old: &RuleIdx| {
        let at = kept.iter().position(|kept| *kept == usize::from(old.0))?;
        Some(RuleIdx(at as u16))
    };
    let narrowed = |exemption: &Exemption| {
        let rules: Vec<RuleIdx> = exemption.rules.iter().filter_map(renumbered).collect();
        let concerns = exemption.rules.is_empty() || !rules.is_empty();
        concerns.then(|| Exemption { rules, ..exemption.clone() })
    };
    RuleSet {
        rules: kept.iter().map(|at| set.rules[*at].clone()).collect(),
        exemptions: set.exemptions.iter().filter_map(narrowed).collect(),
        ..set.clone()
    }
}

/// Runs the rules of one kind of key over all histories in `events`.
fn play(
    set: &RuleSet,
    kind: KeyKind,
    events: &[Happened],
    as_of: Timestamp,
    after_line: fn(KeyState) -> KeyState,
    out: &mut Vec<Row>,
) {
    let engine = Engine::new(set, kind);
    let scales = census(&engine, kind, events, as_of);
    let mut states: States = BTreeMap::new();
    for happened in events {
        let Some(key) = key_of(&happened.party, kind) else { continue };
        let (key, state) = state_of(key, &mut states);
        engine.push_ranked(&scales, state, &key, &happened.event, out);
        *state = after_line(std::mem::take(state));
        if let (KeyKind::Relation, Some((from, to))) = (kind, &happened.transfer) {
            hand_over(&engine, &happened.event, &key, (from, to), &mut states, out);
        }
    }
    for (key, state) in &mut states {
        engine.advance_ranked(&scales, state, key, as_of, out);
    }
}

type States = BTreeMap<Arc<Key>, KeyState>;

fn state_of(key: Key, states: &mut States) -> (Arc<Key>, &mut KeyState) {
    let key = Arc::new(key);
    (Arc::clone(&key), states.entry(key).or_default())
}

/// Goes through the histories for what they measure at the barriers of `rank` rules.
fn census(engine: &Engine<'_>, kind: KeyKind, events: &[Happened], as_of: Timestamp) -> Scales {
    let mut census = Census::default();
    let mut walks: BTreeMap<Key, Measuring> = BTreeMap::new();
    if !engine.program().ranks().is_empty() {
        for happened in events {
            let Some(key) = key_of(&happened.party, kind) else { continue };
            census.add(engine, walks.entry(key).or_default(), &happened.event);
        }
    }
    walks.values_mut().for_each(|walk| census.pass(engine, walk, as_of));
    census.scales(engine)
}

fn hand_over(
    engine: &Engine<'_>,
    event: &Event,
    key: &Key,
    (from, to): (&str, &str),
    states: &mut States,
    out: &mut Vec<Row>,
) {
    let of = |staff: &str| Arc::new(Key { staff: staff.into(), ..key.clone() });
    let (from, to) = (of(from), of(to));
    let mut giver = states.remove(&from).unwrap_or_default();
    let taker = states.entry(Arc::clone(&to)).or_default();
    engine.hand_over((&from, &mut giver), (&to, taker), event.at, &event.id, out);
    states.insert(from, giver);
}

/// Returns the key of `kind` that something belongs to.
fn key_of(party: &Party, kind: KeyKind) -> Option<Key> {
    let text = |part: &Option<String>| part.as_deref().map(Box::<str>::from);
    let none = Box::<str>::default;
    let (customer, staff, room) = match kind {
        KeyKind::Customer => (text(&party.customer)?, none(), none()),
        KeyKind::Relation if party.room.is_some() => return None,
        KeyKind::Relation => (text(&party.customer)?, text(&party.staff)?, none()),
        KeyKind::Room => (none(), none(), text(&party.room)?),
        KeyKind::RoomMember => (text(&party.member)?, none(), text(&party.room)?),
        KeyKind::Staff => (none(), text(&party.staff)?, none()),
    };
    Some(Key { corp: "".into(), kind, customer, staff, room })
}

/// Returns the line of a row, without its time; `None` for rows that are not listed.
pub fn describe(row: &Row, set: &RuleSet) -> Option<String> {
    let alert_name = || {
        let rule = row.rule.and_then(|rule| set.rules.get(usize::from(rule.0)));
        rule.and_then(|rule| rule.alert.as_ref()).map_or("", |alert| alert.name.as_str())
    };
    match &row.decision {
        Decision::Tag(change) => describe_tag(change, set),
        Decision::Alert(alert) if alert.suppressed_by.is_some() => {
            Some(format!("suppressed {}", alert_name()))
        }
        Decision::Alert(alert) if alert.recalled_from.is_some() => {
            Some(format!("recalled_evidence {}", alert_name()))
        }
        Decision::Alert(_) => Some(format!("alert {}", alert_name())),
        Decision::Kick(kick) => Some(describe_kick(kick, set)),
    }
}

fn describe_tag(change: &TagChange, set: &RuleSet) -> Option<String> {
    let tag = &set.tags[usize::from(change.tag.0)];
    match change.kind {
        TagChangeKind::Assign => Some(format!("tag {}", tag.id)),
        TagChangeKind::Refresh => None,
        TagChangeKind::Level => {
            let level = change.standing.level.and_then(|level| tag.levels.get(usize::from(level)));
            Some(format!("level {} {}", tag.id, level.map_or("-", |(name, _)| name)))
        }
        TagChangeKind::Remove => {
            let reason =
                change.reason.map_or(String::new(), |reason| format!("{REASON}{}", reason_word(reason)));
            Some(format!("untag {}{reason}", tag.id))
        }
        TagChangeKind::Blocked => Some(format!("blocked {}", tag.id)),
        TagChangeKind::Reviewed => Some(format!("reviewed {}", tag.id)),
        TagChangeKind::RecalledEvidence => Some(format!("recalled_evidence {}", tag.id)),
    }
}

fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "expired",
        Reason::Cleared => "cleared",
        Reason::Rule => "rule",
        Reason::Superseded(_) => "superseded",
        Reason::Outranked(_) => "outranked",
        Reason::Below => "below",
        Reason::Passed => "passed",
        Reason::Part => "part",
        Reason::Review => "review",
        Reason::Retired => "retired",
        Reason::Unranked => "unranked",
        Reason::Manual => "manual",
        Reason::Transferred => "transferred",
        Reason::Inherited => "inherited",
    }
}

fn describe_kick(kick: &KickDecision, set: &RuleSet) -> String {
    if let Some(exemption) = kick.exemption {
        let id = set.exemptions.get(usize::from(exemption)).map_or("", |exemption| exemption.id.as_str());
        return format!("exempt {id}");
    }
    if kick.held_by.is_some() {
        return "held".to_owned();
    }
    let rules: Vec<&str> = kick.rules.iter().map(|rule| set.rules[usize::from(rule.0)].id.as_str()).collect();
    let action = kick.action.map_or("none", line::action_word);
    format!("{action} {}", rules.join("+"))
}

/// Returns whether a line says what is wanted; a reason that is not asked for does not matter.
fn agrees(wanted: &str, came: &str) -> bool {
    let came = if wanted.contains(REASON) { came } else { came.split(REASON).next().unwrap_or(came) };
    wanted == came
}

/// What stands before the reason of a removal.
const REASON: &str = " reason=";
