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
use crate::message::{ChatKind, Key, KeyKind, Message};
use crate::rules::{Exemption, RuleIdx, RuleSet, RuleTest};
use crate::signal::{Evaluator, Event};
use crate::time::{Millis, Timestamp, Zone};
use crate::verdict::{Decision, Engine, KeyState, KickDecision, Reason, Row, TagChange, TagChangeKind};

use line::{Content, Said};

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
        let rules = only(rules, &self.rules);
        let events = self.events(&rules, catalog, annotator);
        let mut rows: Vec<Row> = Vec::new();
        for kind in KeyKind::ALL {
            play(&rules, kind, &events, self.as_of, &mut rows);
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

    /// Returns what happens, in event order, each with the message that says whose it is.
    fn events<'s>(
        &'s self,
        rules: &RuleSet,
        catalog: &Catalog,
        annotator: &Annotator,
    ) -> Vec<(Event, Message<'s>)> {
        let evaluator = Evaluator::new(rules, catalog);
        let (mut scratch, mut mentions) = (Scratch::default(), Vec::new());
        let mut events = Vec::new();
        for said in self.timeline.iter().filter(|said| said.at < self.as_of) {
            let mut event = Event::default();
            let message = match said.content {
                Content::Recall { line } => {
                    event.at = said.at;
                    event.seq = said.seq;
                    event.id.clone_from(&said.id);
                    event.recall_of.clone_from(&self.timeline[line].id);
                    self.timeline[line].message()
                }
                _ => {
                    let message = said.message();
                    annotator.annotate(&message, &mut scratch, &mut mentions);
                    evaluator.evaluate(&message, &mentions, catalog, &mut event);
                    message
                }
            };
            events.push((event, message));
        }
        events.sort_by_key(|(event, _)| (event.at, event.seq));
        events
    }
}

/// Returns `set` with the rules of these ids only, and the exemptions that concern them.
fn only(set: &RuleSet, ids: &[String]) -> RuleSet {
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
fn play(set: &RuleSet, kind: KeyKind, events: &[(Event, Message<'_>)], as_of: Timestamp, out: &mut Vec<Row>) {
    let engine = Engine::new(set, kind);
    let mut states: BTreeMap<String, (Arc<Key>, KeyState)> = BTreeMap::new();
    for (event, message) in events {
        let Some(key) = key_of(message, kind) else { continue };
        let name = format!("{}\0{}\0{}", key.customer, key.staff, key.room);
        let (key, state) = states.entry(name).or_insert_with(|| (Arc::new(key), KeyState::default()));
        engine.push(state, key, event, out);
    }
    for (key, state) in states.values_mut() {
        engine.advance_to(state, key, as_of, out);
    }
}

/// Returns the key of `kind` that a message belongs to.
fn key_of(message: &Message<'_>, kind: KeyKind) -> Option<Key> {
    let group = message.chat == ChatKind::Group;
    let (customer, staff, room) = match kind {
        KeyKind::Customer => (message.customer.as_deref()?, "", ""),
        KeyKind::Relation if group => return None,
        KeyKind::Relation => (message.customer.as_deref()?, message.staff.as_deref()?, ""),
        KeyKind::Room => ("", "", message.room.as_deref()?),
        KeyKind::RoomMember => (message.speaker.as_ref(), "", message.room.as_deref()?),
        KeyKind::Staff => ("", message.staff.as_deref()?, ""),
    };
    Some(Key { corp: "".into(), kind, customer: customer.into(), staff: staff.into(), room: room.into() })
}

/// Returns the line of a row, without its time; `None` for rows that are not listed.
fn describe(row: &Row, set: &RuleSet) -> Option<String> {
    let alert_name = || {
        let rule = row.rule.and_then(|rule| set.rules.get(usize::from(rule.0)));
        rule.and_then(|rule| rule.alert.as_ref()).map_or("", |alert| alert.name.as_str())
    };
    match &row.decision {
        Decision::Tag(change) => describe_tag(change, set),
        Decision::Alert(alert) if alert.suppressed_by.is_some() => {
            Some(format!("suppressed {}", alert_name()))
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
    }
}

fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "expired",
        Reason::Cleared => "cleared",
        Reason::Rule => "rule",
        Reason::Superseded(_) => "superseded",
        Reason::Outranked(_) => "outranked",
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
