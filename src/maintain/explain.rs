//! Explains: what each stage makes of a text, and how a key came by its tags and alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::annotate::{Speaker, Text, TextAnnotator};
use crate::batch::{self, Progress as Watch, RehearsalOptions, Said};
use crate::bundle::Bundle;
use crate::error::Error;
use crate::lexicon::{Catalog, LexiconIdx, TermIdx};
use crate::mention::{Layer, Polarity, Refusal};
use crate::message::{Key, KeyKind, Message, Role};
use crate::rules::{Rule, RuleSet, Score, Shape, SignalIdx};
use crate::scenario;
use crate::signal::Event;
use crate::time::{Timestamp, Zone};
use crate::timeline::Progress;
use crate::verdict::{Decision, Engine, KeyState, Row};

use super::affected::narrowed;

/// What each stage makes of a text.
#[derive(Clone, Debug, Serialize)]
pub struct TextExplained {
    /// The text as matching sees it.
    pub folded: String,
    /// Its words.
    pub segments: Vec<String>,
    /// Every place where a term was found.
    pub found: Vec<FindExplained>,
    /// The signals that are true.
    pub signals: Vec<String>,
    /// The rules that wait for one of these signals.
    pub rules: Vec<RuleTouched>,
}

/// A place where a term was found.
#[derive(Clone, Debug, Serialize)]
pub struct FindExplained {
    /// The term's id.
    pub term_id: String,
    /// The term.
    pub term: String,
    /// Its lexicon.
    pub lexicon: String,
    /// The text that matched.
    pub surface: String,
    /// First character in the text.
    pub start: usize,
    /// How far the text was folded.
    pub layer: Layer,
    /// The term's weight.
    pub weight: f64,
    /// It is a mention.
    pub kept: bool,
    /// What the words around it make of it.
    pub polarity: Option<Polarity>,
    /// Negation turned it round.
    pub flipped: bool,
    /// Why it is no mention.
    pub refusal: Option<Refusal>,
    /// What covers it or takes its place, when that is known.
    pub by: Option<String>,
}

/// A rule that a text can move.
#[derive(Clone, Debug, Serialize)]
pub struct RuleTouched {
    /// The rule.
    pub rule: String,
    /// What people read.
    pub title: String,
    /// The signals of the text that it waits for.
    pub signals: Vec<String>,
    /// The tag, alert or action it leads to.
    pub leads_to: String,
    /// The score of its tag when this text alone makes it fire; `None` when it needs more than this text.
    pub score: Option<f64>,
}

/// Explains one text, said by `speaker` at `at`.
pub fn text(bundle: &Bundle, text: &str, speaker: Speaker, at: Timestamp) -> TextExplained {
    let trace = bundle.annotator.trace(text, at);
    let texts = [Text { id: String::new(), text: text.to_owned(), terms: None }];
    let annotated = TextAnnotator::new(bundle, speaker, at).annotate_all(&texts);
    let signals: Vec<String> = annotated.into_iter().flat_map(|one| one.signals).collect();
    let found = trace.found.iter().map(|traced| {
        let term = bundle.catalog.term(traced.term);
        let (polarity, flipped) = traced.verdict.unwrap_or((Polarity::Asserted, false));
        let refusal = traced.verdict.err();
        let taken_by = trace.found.iter().find(|other| {
            other.lexicon == traced.lexicon
                && other.verdict.is_ok()
                && other.bytes.start < traced.bytes.end
                && traced.bytes.start < other.bytes.end
        });
        let by = match refusal {
            Some(Refusal::Overlapped) => taken_by.map(|other| bundle.catalog.term(other.term).text.clone()),
            Some(Refusal::Covered) => covering(bundle, traced.term, &trace.folded),
            _ => None,
        };
        FindExplained {
            term_id: term.code.clone(),
            term: term.text.clone(),
            lexicon: lexicon_id(bundle, traced.lexicon),
            surface: text[traced.bytes.clone()].to_owned(),
            start: text[..traced.bytes.start].chars().count(),
            layer: traced.layer,
            weight: term.weight,
            kept: refusal.is_none(),
            polarity: refusal.is_none().then_some(polarity),
            flipped,
            refusal,
            by,
        }
    });
    let found = found.collect();
    let rules = touched(bundle, &signals);
    TextExplained { folded: trace.folded, segments: trace.segments, found, signals, rules }
}

fn lexicon_id(bundle: &Bundle, lexicon: LexiconIdx) -> String {
    bundle.catalog.lexicon(lexicon).id.clone()
}

/// The context of `term` that stands in the folded text.
fn covering(bundle: &Bundle, term: TermIdx, folded: &str) -> Option<String> {
    let contexts = &bundle.catalog.term(term).contexts;
    contexts.iter().find(|context| folded.contains(&crate::language::fold(context))).cloned()
}

fn touched(bundle: &Bundle, signals: &[String]) -> Vec<RuleTouched> {
    let set = &bundle.rules;
    let id = |signal: &SignalIdx| set.signals[usize::from(signal.0)].id.clone();
    let touched = |rule: &Rule| {
        let waits: BTreeSet<String> =
            rule.signals().iter().map(id).filter(|id| signals.contains(id)).collect();
        let touched = RuleTouched {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            signals: waits.into_iter().collect(),
            leads_to: leads_to(rule, set),
            score: score_alone(rule),
        };
        (!touched.signals.is_empty()).then_some(touched)
    };
    set.rules.iter().filter_map(touched).collect()
}

fn leads_to(rule: &Rule, set: &RuleSet) -> String {
    let mut parts = Vec::new();
    parts.extend(rule.emit.as_ref().map(|emit| format!("tag {}", set.tags[usize::from(emit.tag.0)].id)));
    parts.extend(rule.untag.iter().map(|tag| format!("untag {}", set.tags[usize::from(tag.0)].id)));
    parts.extend(rule.alert.as_ref().map(|alert| format!("alert {}", alert.name)));
    parts.extend(rule.kick.map(|action| serde_json::json!(action).as_str().unwrap_or_default().to_owned()));
    parts.join(" + ")
}

/// The score that one hit of weight 1 gives, for rules that one message can make fire.
fn score_alone(rule: &Rule) -> Option<f64> {
    let fires = match &rule.shape {
        Shape::Match { .. } => true,
        Shape::Count { at_least, .. } => *at_least <= 1,
        _ => false,
    };
    let score = match rule.emit.as_ref()?.score {
        Score::Fixed(score) => score,
        Score::Mass { half_point, .. } => 1.0 - (-1.0 / half_point).exp2(),
        Score::Given => return None,
    };
    fires.then_some((score * 1e6).round() / 1e6)
}

/// What is asked about a key.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The customer, or the member of a group.
    pub customer: String,
    /// Only the rules that have to do with this tag.
    pub tag: Option<String>,
    /// Only this rule.
    pub rule: Option<String>,
    /// Only what happened up to this instant.
    pub until: Option<Timestamp>,
}

/// How a key came to stand as it does.
#[derive(Clone, Debug, Serialize)]
pub struct KeyExplained {
    /// Whose history: customer, staff, group as far as the rules look.
    pub key: Key,
    /// The rules that are explained, in id order.
    pub rules: Vec<RuleExplained>,
    /// Everything that moved one of them, in time order.
    pub steps: Vec<Step>,
}

/// A rule that is explained.
#[derive(Clone, Debug, Serialize)]
pub struct RuleExplained {
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: u32,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The fingerprint of its lexicons.
    pub lexicon_fingerprint: String,
}

/// One instant at which something moved.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Local time.
    pub at: String,
    /// The message; empty when a timer acted.
    pub message: String,
    /// The sender.
    pub speaker: String,
    /// The words.
    pub text: String,
    /// Signals that these rules wait for.
    pub signals: Vec<StepSignal>,
    /// Rules that moved.
    pub moves: Vec<Move>,
    /// What was decided.
    pub decisions: Vec<Decided>,
}

/// A signal that was true.
#[derive(Clone, Debug, Serialize)]
pub struct StepSignal {
    /// The signal.
    pub signal: String,
    /// The text that made it true, piece by piece.
    pub found: Vec<String>,
}

/// How far one rule moved.
#[derive(Clone, Debug, Serialize)]
pub struct Move {
    /// The rule.
    pub rule: String,
    /// How far it was.
    pub before: Progress,
    /// How far it is.
    pub after: Progress,
}

/// One decision.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// As timelines in rule files write it: `tag price_sensitive`.
    pub what: String,
    /// The rule.
    pub rule: Option<String>,
    /// The score, for tags.
    pub score: Option<f64>,
    /// The level, for tags that have levels.
    pub level: Option<String>,
    /// When the tag runs out.
    pub expires_at: Option<String>,
}

/// Explains how the keys of a customer came by what they have, from an archive.
///
/// # Errors
///
/// Unreadable inputs, or an interruption.
pub fn key(
    bundle: Bundle,
    question: &Question,
    options: &RehearsalOptions,
    watch: &Watch,
) -> Result<Vec<KeyExplained>, Error> {
    let wanted = |message: &Message<'_>| {
        let ids = [message.customer.as_deref(), message.staff.as_deref(), Some(&*message.speaker)];
        ids.contains(&Some(question.customer.as_str()))
    };
    let asked = asked(&bundle, question);
    let bundle = narrowed(bundle, &asked);
    let rules = &bundle.rules;
    let (histories, rehearsal) = batch::histories(&bundle, options, &wanted, watch)?;
    let wrote = rehearsal.said.values().find(|said| *said.speaker == *question.customer);
    let until = question.until.map_or(rehearsal.as_of, |until| until.min(rehearsal.as_of));
    let mut explained = Vec::new();
    let is_meant = |key: &Key| {
        *key.customer == *question.customer
            || (key.kind == KeyKind::Staff && *key.staff == *question.customer)
    };
    for (key, events) in histories.into_iter().filter(|(key, _)| is_meant(key)) {
        let of_key = rules.rules.iter().filter(|rule| rule.key == key.kind).map(rule_explained);
        let rules_of_key: Vec<RuleExplained> = of_key.collect();
        if rules_of_key.is_empty() {
            continue;
        }
        let steps =
            Replay { set: rules, catalog: &bundle.catalog, said: &rehearsal.said }.run(&key, &events, until);
        explained.push(KeyExplained { key, rules: rules_of_key, steps });
    }
    if let Some(said) = wrote.filter(|_| explained.is_empty()) {
        explained.extend(unmoved(said, rules));
    }
    Ok(explained)
}

/// A sender whose messages say nothing to any of the rules: a customer, or an employee, whom few rules look at.
fn unmoved(said: &Said, set: &RuleSet) -> Option<KeyExplained> {
    let (nobody, somebody): (Box<str>, Box<str>) = ("".into(), said.speaker.clone());
    let (kind, customer, staff) = match said.role {
        Role::Staff => (KeyKind::Staff, nobody.clone(), somebody),
        _ => (set.rules.first()?.key, somebody, nobody.clone()),
    };
    let key = Key { corp: nobody.clone(), kind, customer, staff, room: nobody };
    let rules = set.rules.iter().filter(|rule| rule.key == kind).map(rule_explained).collect();
    Some(KeyExplained { key, rules, steps: Vec::new() })
}

/// The ids of the rules asked for: all, one, or those that assign, take away or compete with a tag.
fn asked(bundle: &Bundle, question: &Question) -> BTreeSet<String> {
    let set = &bundle.rules;
    let group = |tag: &str| set.tags.iter().find(|known| known.id == tag).and_then(|tag| tag.group);
    let concerns = |rule: &Rule, wanted: &str| {
        let mut tags = rule.emit.iter().map(|emit| emit.tag).chain(rule.untag.iter().copied());
        tags.any(|tag| {
            let tag = &set.tags[usize::from(tag.0)];
            tag.id == wanted || (tag.group.is_some() && tag.group == group(wanted))
        })
    };
    let asked = |rule: &&Rule| {
        question.rule.as_ref().is_none_or(|id| *id == rule.id)
            && question.tag.as_ref().is_none_or(|tag| concerns(rule, tag))
    };
    set.rules.iter().filter(asked).map(|rule| rule.id.clone()).collect()
}

fn rule_explained(rule: &Rule) -> RuleExplained {
    RuleExplained {
        rule: rule.id.clone(),
        version: rule.version,
        fingerprint: rule.fingerprint.to_hex(),
        lexicon_fingerprint: rule.lexicon_fingerprint.to_hex(),
    }
}

/// Plays one key's history again and notes what moves.
struct Replay<'r> {
    set: &'r RuleSet,
    catalog: &'r Catalog,
    said: &'r BTreeMap<Box<str>, Said>,
}

impl Replay<'_> {
    fn run(&self, key: &Key, events: &[Event], until: Timestamp) -> Vec<Step> {
        let engine = Engine::new(self.set, key.kind);
        let (key, mut state, mut steps) = (Arc::new(key.clone()), KeyState::default(), Vec::new());
        for event in events.iter().filter(|event| event.at <= until) {
            self.let_time_pass(&engine, &mut state, &key, event.at, &mut steps);
            let before = engine.progress(&state);
            let mut rows = Vec::new();
            engine.push(&mut state, &key, event, &mut rows);
            let moves = self.moves(&before, &engine.progress(&state));
            if !moves.is_empty() || !rows.is_empty() {
                steps.push(self.step(event, moves, &rows));
            }
        }
        self.let_time_pass(&engine, &mut state, &key, until, &mut steps);
        steps
    }

    /// Lets timers act until `to`, each at its own time.
    fn let_time_pass(
        &self,
        engine: &Engine<'_>,
        state: &mut KeyState,
        key: &Arc<Key>,
        to: Timestamp,
        steps: &mut Vec<Step>,
    ) {
        while let Some(due) = engine.next_timer(state).filter(|due| *due <= to) {
            let before = engine.progress(state);
            let mut rows = Vec::new();
            engine.advance_to(state, key, due, &mut rows);
            let moves = self.moves(&before, &engine.progress(state));
            let event = Event { at: due, ..Event::default() };
            steps.push(self.step(&event, moves, &rows));
        }
    }

    fn moves(
        &self,
        before: &[(crate::rules::RuleIdx, Progress)],
        after: &[(crate::rules::RuleIdx, Progress)],
    ) -> Vec<Move> {
        let was = |rule| before.iter().find(|(known, _)| *known == rule).map(|(_, was)| was.clone());
        let moves = after.iter().filter_map(|(rule, is)| {
            let was = was(*rule).unwrap_or_default();
            let rule = self.set.rules[usize::from(rule.0)].id.clone();
            (was != *is).then(|| Move { rule, before: was, after: is.clone() })
        });
        moves.collect()
    }

    fn step(&self, event: &Event, moves: Vec<Move>, rows: &[Row]) -> Step {
        let of = if event.recall_of.is_empty() { &event.id } else { &event.recall_of };
        let said = self.said.get(of.as_str());
        Step {
            at: self.zone().format(event.at),
            message: event.id.clone(),
            speaker: said.map(|said| said.speaker.to_string()).unwrap_or_default(),
            text: said.map(|said| said.text.clone()).unwrap_or_default(),
            signals: self.signals(event),
            moves,
            decisions: rows.iter().filter_map(|row| self.decided(row)).collect(),
        }
    }

    fn zone(&self) -> &Zone {
        &self.set.pack.zone
    }

    /// The signals that the explained rules wait for.
    fn signals(&self, event: &Event) -> Vec<StepSignal> {
        let waited: BTreeSet<SignalIdx> = self.set.rules.iter().flat_map(Rule::signals).collect();
        let signs = event.signals.iter().filter(|sign| waited.contains(&sign.signal));
        signs
            .map(|sign| {
                let terms = event.hits_of(sign).iter().map(|hit| {
                    let term = || self.catalog.term(hit.term).text.clone();
                    hit.surface.as_deref().map_or_else(term, str::to_owned)
                });
                let signal = self.set.signals[usize::from(sign.signal.0)].id.clone();
                StepSignal { signal, found: terms.collect() }
            })
            .collect()
    }

    fn decided(&self, row: &Row) -> Option<Decided> {
        let rule = row.rule.map(|rule| self.set.rules[usize::from(rule.0)].id.clone());
        let mut decided = Decided { what: String::new(), rule, score: None, level: None, expires_at: None };
        decided.what = scenario::describe(row, self.set).unwrap_or_default();
        if let Decision::Tag(change) = &row.decision {
            let tag = &self.set.tags[usize::from(change.tag.0)];
            let level = change.standing.level.and_then(|level| tag.levels.get(usize::from(level)));
            decided.score = Some(change.standing.score);
            decided.level = level.map(|(name, _)| name.clone());
            decided.expires_at = change.standing.expires_at.map(|at| self.zone().format(at));
            if decided.what.is_empty() {
                decided.what = format!("refresh {}", tag.id);
            }
        }
        Some(decided)
    }
}
