//! Measures terms, lists, signals and rules on an archive, and with gold labels.
//!
//! Coverage, overlap and conflict as Snorkel measures labelling functions: the share of messages
//! that one says something about; where another of its kind speaks too; where they contradict
//! each other. A hit counts where a signal counts it: 优惠 said by an employee is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde::Serialize;
use twox_hash::XxHash3_64;

use crate::batch::{self, Progress, Rehearsal, RehearsalOptions};
use crate::bundle::Bundle;
use crate::diagnostic::{Diagnostic, Place};
use crate::error::Error;
use crate::language::fold;
use crate::lexicon::{Catalog, Mode, TermIdx};
use crate::message::{ChatKind, Message, Role};
use crate::rules::{Exclusive, Rule, RuleSet, Shape, SignalIdx, TagIdx};
use crate::signal::Event;
use crate::time::Millis;
use crate::verdict::{Decision, TagChangeKind};

use super::gold::{Gold, GoldScore};

/// What was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stats {
    /// Messages looked at, those of customers.
    pub messages: u64,
    /// Local days they span.
    pub days: u32,
    /// By term, in lexicon and file order.
    pub terms: Vec<TermStats>,
    /// By list.
    pub lexicons: Vec<NamedMeasure>,
    /// By signal.
    pub signals: Vec<NamedMeasure>,
    /// By rule: messages that carry a signal it waits for.
    pub rules: Vec<NamedMeasure>,
    /// By tag.
    pub tags: Vec<TagStats>,
}

/// Coverage and its parts, in messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Measure {
    /// Messages it says something about.
    pub messages: u64,
    /// Those where nothing else of its kind does.
    pub alone: u64,
    /// Those where something else does too.
    pub overlap: u64,
    /// Those where something else says the opposite.
    pub conflict: u64,
}

/// A measure with its name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NamedMeasure {
    /// The id.
    pub id: String,
    /// What was counted.
    #[serde(flatten)]
    pub measure: Measure,
    /// Right and wrong by the gold labels, where there are any.
    pub gold: Option<GoldScore>,
}

/// What was measured of a term.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TermStats {
    /// The lexicon.
    pub lexicon: String,
    /// The id.
    pub code: String,
    /// The term.
    pub term: String,
    /// What was counted.
    #[serde(flatten)]
    pub measure: Measure,
    /// How often it stood only inside a longer term of its list.
    pub inside_longer: u64,
    /// The longer term that covers it most often.
    pub longer: Option<String>,
    /// Decisions with this term in their evidence.
    pub decisions: u64,
    /// Those with no other evidence.
    pub decisions_alone: u64,
    /// The largest share of a signal's hits that it gives.
    pub share: Option<Share>,
    /// Right and wrong by the gold labels, where there are any.
    pub gold: Option<GoldScore>,
    /// Where it is written.
    pub place: Place,
}

/// A share of the hits of a signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The signal.
    pub signal: String,
    /// From 0 to 1.
    pub of_hits: f64,
}

/// How a tag is used.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TagStats {
    /// The tag.
    pub id: String,
    /// Its path.
    pub path: String,
    /// Assignments.
    pub assigned: u64,
    /// Times it ran out.
    pub expired: u64,
    /// Assignments by local month, `YYYY-MM`.
    pub by_month: BTreeMap<String, u64>,
}

/// Measures `bundle` on the archive that `options` name.
///
/// # Errors
///
/// Unreadable inputs, no room for scratch files, or an interruption.
pub fn measure(
    bundle: &Bundle,
    options: &RehearsalOptions,
    gold: Option<&Gold>,
    progress: &Progress,
) -> Result<Stats, Error> {
    let opposites = Opposites::new(bundle);
    let counters: Vec<Mutex<Counter>> = (0..COUNTERS).map(|_| Mutex::new(Counter::new(bundle))).collect();
    let seen: Vec<Mutex<BTreeSet<u64>>> = (0..COUNTERS).map(|_| Mutex::default()).collect();
    let is_new = |message: &Message<'_>| {
        let hash = XxHash3_64::oneshot(message.id.as_bytes());
        seen[hash as usize % COUNTERS].lock().expect("no thread panics while it looks").insert(hash)
    };
    let observe = |message: &Message<'_>, events: &[&Event]| {
        if message.role == Role::Customer && message.chat != ChatKind::Internal && is_new(message) {
            let at = rayon::current_thread_index().unwrap_or(0) % counters.len();
            let mut counter = counters[at].lock().expect("no thread panics while it counts");
            counter.count(bundle, &opposites, events[0]);
        }
        false
    };
    let rehearsal = batch::rehearse(&[bundle], options, &observe, progress)?;
    let mut all = Counter::new(bundle);
    for counter in counters {
        all.add(counter.into_inner().expect("all threads are done"));
    }
    Ok(all.finish(bundle, &rehearsal, gold))
}

/// Counters: more than there are threads, as a rule.
const COUNTERS: usize = 64;

/// What contradicts what: signals whose rules assign tags of which a key has at most one.
struct Opposites {
    pairs: BTreeSet<(SignalIdx, SignalIdx)>,
}

impl Opposites {
    fn new(bundle: &Bundle) -> Opposites {
        let set = &bundle.rules;
        let group = |rule: &Rule| {
            let tag = rule.emit.as_ref()?.tag;
            let group = set.tags[usize::from(tag.0)].group?;
            let exclusive = set.groups[usize::from(group.0)].exclusive != Exclusive::None;
            exclusive.then_some((group, tag))
        };
        let mut pairs = BTreeSet::new();
        for one in &set.rules {
            for other in &set.rules {
                let excludes = match (group(one), group(other)) {
                    (Some((group, tag)), Some((same, other))) => group == same && tag != other,
                    _ => false,
                };
                if excludes {
                    let signals = |rule: &Rule| assigning(rule);
                    pairs.extend(
                        signals(one)
                            .into_iter()
                            .flat_map(|a| signals(other).into_iter().map(move |b| (a, b))),
                    );
                }
            }
        }
        Opposites { pairs }
    }

    fn meet(&self, signal: SignalIdx, event: &Event) -> bool {
        event.signals.iter().any(|other| self.pairs.contains(&(signal, other.signal)))
    }
}

/// The signals whose presence makes a rule fire.
fn assigning(rule: &Rule) -> Vec<SignalIdx> {
    match &rule.shape {
        Shape::Absence { .. } => Vec::new(),
        shape => shape.signals(),
    }
}

/// What one thread counts.
struct Counter {
    terms: Vec<Measure>,
    lexicons: Vec<Measure>,
    signals: Vec<Measure>,
    rules: Vec<Measure>,
    /// Hits by signal and term.
    hits: BTreeMap<(SignalIdx, TermIdx), u64>,
    /// Terms by the longer term that stood over them.
    inside: BTreeMap<(TermIdx, TermIdx), u64>,
    contained: BTreeMap<TermIdx, Vec<TermIdx>>,
}

impl Counter {
    fn new(bundle: &Bundle) -> Counter {
        let n = |n: usize| vec![Measure::default(); n];
        Counter {
            terms: n(bundle.catalog.n_terms()),
            lexicons: n(bundle.catalog.lexicons().len()),
            signals: n(bundle.rules.signals.len()),
            rules: n(bundle.rules.rules.len()),
            hits: BTreeMap::new(),
            inside: BTreeMap::new(),
            contained: contained(&bundle.catalog),
        }
    }

    fn count(&mut self, bundle: &Bundle, opposites: &Opposites, event: &Event) {
        let mut terms: BTreeSet<TermIdx> = BTreeSet::new();
        let (mut conflicting, mut signals, mut rules) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for sign in &event.signals {
            signals.insert(usize::from(sign.signal.0));
            let opposed = opposites.meet(sign.signal, event);
            if opposed {
                conflicting.insert(usize::from(sign.signal.0));
            }
            for hit in event.hits_of(sign) {
                terms.insert(hit.term);
                *self.hits.entry((sign.signal, hit.term)).or_default() += 1;
            }
        }
        for (at, rule) in bundle.rules.rules.iter().enumerate() {
            if rule.signals().iter().any(|signal| signals.contains(&usize::from(signal.0))) {
                rules.insert(at);
            }
        }
        for term in &terms {
            for short in self.contained.get(term).into_iter().flatten().filter(|short| !terms.contains(short))
            {
                *self.inside.entry((*short, *term)).or_default() += 1;
            }
        }
        let lexicons: BTreeSet<usize> =
            terms.iter().map(|term| usize::from(bundle.catalog.lexicon_of(*term).0)).collect();
        let any_conflict = !conflicting.is_empty();
        let opposed = |rule: &usize| {
            bundle.rules.rules[*rule]
                .signals()
                .iter()
                .any(|signal| conflicting.contains(&usize::from(signal.0)))
        };
        let rule_conflicts: BTreeSet<usize> = rules.iter().copied().filter(opposed).collect();
        tally(&mut self.terms, &terms.iter().map(|term| term.0 as usize).collect(), |_| any_conflict);
        tally(&mut self.lexicons, &lexicons, |_| any_conflict);
        tally(&mut self.signals, &signals, |signal| conflicting.contains(&signal));
        tally(&mut self.rules, &rules, |rule| rule_conflicts.contains(&rule));
    }

    fn add(&mut self, other: Counter) {
        let lists = [
            (&mut self.terms, other.terms),
            (&mut self.lexicons, other.lexicons),
            (&mut self.signals, other.signals),
            (&mut self.rules, other.rules),
        ];
        for (mine, theirs) in lists {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.add(theirs));
        }
        other.hits.into_iter().for_each(|(key, n)| *self.hits.entry(key).or_default() += n);
        other.inside.into_iter().for_each(|(key, n)| *self.inside.entry(key).or_default() += n);
    }

    fn finish(self, bundle: &Bundle, rehearsal: &Rehearsal, gold: Option<&Gold>) -> Stats {
        let set = &bundle.rules;
        let evidence = Evidence::of(rehearsal);
        let judged = gold.map(|gold| gold.judge(bundle, rehearsal.as_of.minus(Millis(1))));
        let named = |ids: Vec<&str>, measures: &[Measure]| -> Vec<NamedMeasure> {
            ids.iter()
                .zip(measures)
                .map(|(id, measure)| NamedMeasure { id: (*id).to_owned(), measure: *measure, gold: None })
                .collect()
        };
        let mut signals = named(set.signals.iter().map(|signal| signal.id.as_str()).collect(), &self.signals);
        if let Some(judged) = &judged {
            for signal in &mut signals {
                signal.gold = judged.signals.get(&signal.id).copied();
            }
        }
        let lexicons = bundle.catalog.lexicons().iter().map(|lexicon| lexicon.id.as_str()).collect();
        let rules = set.rules.iter().map(|rule| rule.id.as_str()).collect();
        Stats {
            messages: rehearsal.tally.processed,
            days: days(rehearsal, set),
            lexicons: named(lexicons, &self.lexicons),
            rules: named(rules, &self.rules),
            signals,
            tags: tags(rehearsal, set),
            terms: bundle
                .catalog
                .terms()
                .filter(|(idx, term)| term.enabled && is_measured(&bundle.catalog, *idx))
                .map(|(idx, _)| {
                    let mut stats = self.term(bundle, idx, &evidence);
                    stats.gold = judged.as_ref().and_then(|judged| judged.terms.get(&idx).copied());
                    stats
                })
                .collect(),
        }
    }

    fn term(&self, bundle: &Bundle, idx: TermIdx, evidence: &Evidence) -> TermStats {
        let term = bundle.catalog.term(idx);
        let longer = self.inside.range((idx, TermIdx(0))..=(idx, TermIdx(u32::MAX)));
        let inside_longer = longer.clone().map(|(_, n)| n).sum();
        let most =
            longer.max_by_key(|(_, n)| **n).map(|((_, longer), _)| bundle.catalog.term(*longer).text.clone());
        let of = |counts: &BTreeMap<TermIdx, u64>| counts.get(&idx).copied().unwrap_or(0);
        TermStats {
            lexicon: bundle.catalog.lexicon(bundle.catalog.lexicon_of(idx)).id.clone(),
            code: term.code.clone(),
            term: term.text.clone(),
            measure: self.terms[idx.0 as usize],
            inside_longer,
            longer: most,
            decisions: of(&evidence.with),
            decisions_alone: of(&evidence.alone),
            share: self.share(bundle, idx),
            gold: None,
            place: term.place.clone(),
        }
    }

    /// The largest share of a signal's hits that the term gives, among signals with enough of them.
    fn share(&self, bundle: &Bundle, idx: TermIdx) -> Option<Share> {
        let mut largest: Option<Share> = None;
        for (at, signal) in (0..).map(SignalIdx).zip(&bundle.rules.signals) {
            let hits = self.hits.range((at, TermIdx(0))..=(at, TermIdx(u32::MAX)));
            let (total, n_terms) = (hits.clone().map(|(_, n)| *n).sum::<u64>(), hits.count());
            let own = self.hits.get(&(at, idx)).copied().unwrap_or(0);
            let share = own as f64 / total.max(1) as f64;
            let enough = total >= MIN_HITS && n_terms >= MIN_TERMS;
            if enough && largest.as_ref().is_none_or(|most| share > most.of_hits) && own > 0 {
                largest = Some(Share { signal: signal.id.clone(), of_hits: share });
            }
        }
        largest
    }
}

/// Fewer hits or terms say nothing about shares.
const MIN_HITS: u64 = 50;
const MIN_TERMS: usize = 5;

/// Scope words are no terms that count.
fn is_measured(catalog: &Catalog, idx: TermIdx) -> bool {
    catalog.lexicon(catalog.lexicon_of(idx)).id != "negation"
}

impl Measure {
    fn add(&mut self, other: Measure) {
        self.messages += other.messages;
        self.alone += other.alone;
        self.overlap += other.overlap;
        self.conflict += other.conflict;
    }
}

fn tally(measures: &mut [Measure], speaking: &BTreeSet<usize>, conflicts: impl Fn(usize) -> bool) {
    for at in speaking {
        let measure = &mut measures[*at];
        measure.messages += 1;
        measure.alone += u64::from(speaking.len() == 1);
        measure.overlap += u64::from(speaking.len() > 1);
        measure.conflict += u64::from(conflicts(*at));
    }
}

/// For each term, the terms of its list that stand inside it.
fn contained(catalog: &Catalog) -> BTreeMap<TermIdx, Vec<TermIdx>> {
    let mut contained: BTreeMap<TermIdx, Vec<TermIdx>> = BTreeMap::new();
    for lexicon in (0..catalog.lexicons().len()).map(|at| crate::lexicon::LexiconIdx(at as u16)) {
        let terms: Vec<(TermIdx, Vec<String>)> = catalog
            .select(lexicon, &[])
            .into_iter()
            .filter(|idx| catalog.term(*idx).enabled && catalog.term(*idx).mode != Mode::Regex)
            .map(|idx| (idx, catalog.term(idx).spellings().map(fold).collect()))
            .collect();
        for (long, spellings) in &terms {
            let is_inside = |short: &[String]| {
                short.iter().all(|short| {
                    spellings.iter().any(|long| long.len() > short.len() && long.contains(short.as_str()))
                })
            };
            let inside = terms.iter().filter(|(short, words)| short != long && is_inside(words));
            let inside: Vec<TermIdx> = inside.map(|(short, _)| *short).collect();
            if !inside.is_empty() {
                contained.insert(*long, inside);
            }
        }
    }
    contained
}

/// In how many decisions a term is evidence, and in how many the only one.
#[derive(Default)]
struct Evidence {
    with: BTreeMap<TermIdx, u64>,
    alone: BTreeMap<TermIdx, u64>,
}

impl Evidence {
    fn of(rehearsal: &Rehearsal) -> Evidence {
        let mut evidence = Evidence::default();
        for row in rehearsal.rows.iter().flatten() {
            let marks = row.evidence.iter().filter_map(|evidence| evidence.mark.as_ref());
            let terms: BTreeSet<TermIdx> = marks.map(|mark| mark.term).collect();
            for term in &terms {
                *evidence.with.entry(*term).or_default() += 1;
                *evidence.alone.entry(*term).or_default() += u64::from(terms.len() == 1);
            }
        }
        evidence
    }
}

fn days(rehearsal: &Rehearsal, set: &RuleSet) -> u32 {
    let (Some(first), Some(last)) = (rehearsal.oldest, rehearsal.newest) else { return 0 };
    let zone = &set.pack.zone;
    u32::try_from(zone.day(last).0 - zone.day(first).0 + 1).unwrap_or(0)
}

fn tags(rehearsal: &Rehearsal, set: &RuleSet) -> Vec<TagStats> {
    let mut tags: Vec<TagStats> = set
        .tags
        .iter()
        .map(|tag| TagStats { id: tag.id.clone(), path: tag.path.join("/"), ..TagStats::default() })
        .collect();
    for row in rehearsal.rows.iter().flatten() {
        let Decision::Tag(change) = &row.decision else { continue };
        let TagIdx(at) = change.tag;
        let stats = &mut tags[usize::from(at)];
        match change.kind {
            TagChangeKind::Assign => {
                stats.assigned += 1;
                let month = set.pack.zone.day(row.at).to_iso();
                *stats.by_month.entry(month[..7].to_owned()).or_default() += 1;
            }
            TagChangeKind::Remove => {
                stats.expired += u64::from(change.reason == Some(crate::verdict::Reason::Expired));
            }
            _ => {}
        }
    }
    tags
}

/// Returns what the measures say against terms: dead (N201), shadowed (W102), broad (N203),
/// redundant (N202), too common (W105).
pub fn findings(stats: &Stats, options: &Thresholds) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for term in &stats.terms {
        let Measure { messages, .. } = term.measure;
        if messages == 0 && term.inside_longer > 0 {
            findings.push(shadowed(term));
        } else if messages == 0 {
            findings.push(dead(term, stats));
        } else if term.decisions > 0 && term.decisions_alone == 0 && term.decisions >= options.min_decisions {
            findings.push(redundant(term));
        }
        if messages as f64 > options.common * stats.messages as f64 && stats.messages >= MIN_MESSAGES {
            findings.push(common(term, stats));
        }
        if let Some(share) = term.share.as_ref().filter(|share| share.of_hits > options.broad) {
            findings.push(broad(term, share.of_hits, &share.signal));
        }
    }
    crate::diagnostic::sort(&mut findings);
    findings
}

/// From where on a measure is a finding.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Share of messages that make a term too common (W105).
    pub common: f64,
    /// Share of a signal's hits that makes a term broad (N203).
    pub broad: f64,
    /// Decisions from which on it means something that a term is never alone (N202).
    pub min_decisions: u64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { common: 0.05, broad: 0.3, min_decisions: 5 }
    }
}

/// A share of fewer messages says nothing.
const MIN_MESSAGES: u64 = 200;

fn dead(term: &TermStats, stats: &Stats) -> Diagnostic {
    let (days, n) = (stats.days, stats.messages);
    let (zh, en) = (
        format!("“{}” 在样本的 {days} 天、{n} 条消息里没有命中", term.term),
        format!("`{}` has no hit in the sample's {days} days and {n} messages", term.term),
    );
    Diagnostic::new("N201", term.place.clone(), zh, en)
        .with_help("不再需要就把状态改成 停用", "switch it off when nobody needs it")
}

fn shadowed(term: &TermStats) -> Diagnostic {
    let longer = term.longer.clone().unwrap_or_default();
    let (zh, en) = (
        format!("“{}” 在样本中总被更长的词 “{longer}” 覆盖（{} 次）", term.term, term.inside_longer),
        format!(
            "`{}` is always covered by the longer `{longer}` in the sample ({} times)",
            term.term, term.inside_longer
        ),
    );
    Diagnostic::new("W102", term.place.clone(), zh, en).with_help(
        "删去它，或核对两个词的类别是否应当相同",
        "remove it, or see whether both should have one category",
    )
}

fn redundant(term: &TermStats) -> Diagnostic {
    let (zh, en) = (
        format!("“{}” 参与了 {} 个结果，但从来不是唯一的证据", term.term, term.decisions),
        format!("`{}` is evidence in {} decisions and never the only one", term.term, term.decisions),
    );
    Diagnostic::new("N202", term.place.clone(), zh, en).with_help(
        "可以留着；要精简词表时先停用这类词",
        "it may stay; when the list is to shrink, begin here",
    )
}

fn common(term: &TermStats, stats: &Stats) -> Diagnostic {
    let share = 100.0 * term.measure.messages as f64 / stats.messages.max(1) as f64;
    let (zh, en) = (
        format!("“{}” 太常见：样本中 {share:.1}% 的消息都有它", term.term),
        format!("`{}` is too common: {share:.1}% of the sample's messages hold it", term.term),
    );
    Diagnostic::new("W105", term.place.clone(), zh, en)
        .with_help("写长一些，或加“必须共现”“排除语境”", "lengthen it, or add companions or contexts")
}

fn broad(term: &TermStats, share: f64, signal: &str) -> Diagnostic {
    let share = share * 100.0;
    let (zh, en) = (
        format!("信号 “{signal}” 的命中有 {share:.0}% 来自 “{}”", term.term),
        format!("{share:.0}% of the hits of signal `{signal}` are of `{}`", term.term),
    );
    Diagnostic::new("N203", term.place.clone(), zh, en).with_help(
        "用 chattag stats --gold 看看它准不准",
        "look at its precision with `chattag stats --gold`",
    )
}
