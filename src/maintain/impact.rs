//! Compares what two versions of the dictionaries decide about one archive.
//!
//! The archive is read once and annotated under both; only rules that can decide differently
//! run. Cost: about one run and a half at most, a half when few rules are affected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::archive::Plan;
use crate::batch::{self, Progress, Rehearsal, RehearsalOptions};
use crate::bundle::Bundle;
use crate::error::Error;
use crate::message::{Key, Message};
use crate::rules::{KickAction, RuleSet, SignalIdx};
use crate::signal::Event;
use crate::time::{Day, Timestamp, Zone};
use crate::verdict::{Decision, Row, TagChangeKind};

use super::affected::{affected, narrowed};

/// What a change of the dictionaries leads to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Impact {
    /// Pack name and version before and after.
    pub packs: [String; 2],
    /// Messages looked at.
    pub messages: u64,
    /// Local days they span.
    pub days: u32,
    /// Rules that can decide differently; the others were not run.
    pub affected: usize,
    /// Rules whose decisions are the same by construction.
    pub unaffected: usize,
    /// The affected rules, in id order.
    pub rules: Vec<RuleImpact>,
    /// Every removal from a group that the change adds.
    pub new_kicks: Vec<KickImpact>,
    /// Every removal that it takes away.
    pub lost_kicks: Vec<KickImpact>,
}

/// What a change does to one rule.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RuleImpact {
    /// The rule.
    pub rule: String,
    /// `added`, `removed`, `changed`, or `linked` (it shares a tag or a decision with one that changed).
    pub how: &'static str,
    /// Decisions before and after: tags assigned, alerts raised, kicks.
    pub decisions: [u64; 2],
    /// Customers (or members) that have a decision only after the change.
    pub gained: u64,
    /// Those that have one only before.
    pub lost: u64,
    /// Those that have decisions at other times.
    pub moved: u64,
    /// Alerts a day, the median and the 95th percentile, before and after; `None` without alerts.
    pub alerts_per_day: Option<[[u64; 2]; 2]>,
}

/// A removal from a group.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KickImpact {
    /// Local time.
    pub at: String,
    /// The group.
    pub room: String,
    /// The member.
    pub member: String,
    /// The message.
    pub message: String,
    /// `kick` or `kick_block`.
    pub action: &'static str,
    /// The rules that asked for it.
    pub rules: Vec<String>,
    /// The terms found.
    pub terms: Vec<String>,
    /// The words of the message.
    pub text: String,
}

/// Thresholds for publishing; `None` is no threshold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gate {
    /// Most removals that a change may add.
    pub max_new_kicks: Option<u64>,
    /// Largest share by which the decisions of a rule may grow or shrink, such as 0.2.
    pub max_change: Option<f64>,
}

/// A threshold that a change passes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Breach {
    /// The option that sets it.
    pub gate: &'static str,
    /// The rule it concerns; `None`: all together.
    pub rule: Option<String>,
    /// What there is.
    pub value: String,
}

impl Gate {
    /// Returns what is beyond the thresholds.
    pub fn breaches(&self, impact: &Impact) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let n = impact.new_kicks.len() as u64;
        if self.max_new_kicks.is_some_and(|most| n > most) {
            breaches.push(Breach { gate: "--max-new-kicks", rule: None, value: n.to_string() });
        }
        for rule in &impact.rules {
            let [before, after] = rule.decisions;
            let change = before.abs_diff(after) as f64 / before.max(1) as f64;
            if self.max_change.is_some_and(|most| change > most) {
                let value = format!("{:.0}%", change * 100.0);
                breaches.push(Breach { gate: "--max-change", rule: Some(rule.rule.clone()), value });
            }
        }
        breaches
    }
}

/// Works out what replacing `old` by `new` does on the archive that `options` name.
///
/// # Errors
///
/// Unreadable inputs, no room for scratch files, or an interruption.
pub fn preview(
    old: Bundle,
    new: Bundle,
    options: &RehearsalOptions,
    progress: &Progress,
) -> Result<Impact, Error> {
    let affected = affected(&old, &new);
    let all: BTreeSet<&String> =
        old.rules.rules.iter().chain(&new.rules.rules).map(|rule| &rule.id).collect();
    let impact = Impact {
        packs: [&old, &new].map(|bundle| format!("{} {}", bundle.rules.pack.name, bundle.rules.pack.version)),
        affected: affected.len(),
        unaffected: all.len() - affected.len(),
        ..Impact::default()
    };
    if affected.is_empty() {
        // Nothing is read; an archive that is not there is still an error.
        return Plan::new(&options.archives).map(|_| impact);
    }
    let how = affected.iter().map(|rule| how(rule, &old.rules, &new.rules)).collect();
    let bundles = [narrowed(old, &affected), narrowed(new, &affected)];
    let bits = bundles.each_ref().map(|bundle| KickBits::new(&bundle.rules));
    let keep = |_: &Message<'_>, events: &[&Event]| bits[0].of(events[0]) != bits[1].of(events[1]);
    let rehearsal = batch::rehearse(&[&bundles[0], &bundles[1]], options, &keep, progress)?;
    Comparison { bundles: &bundles, rehearsal: &rehearsal, how }.fill(impact, &affected, options, progress)
}

fn how(rule: &str, old: &RuleSet, new: &RuleSet) -> &'static str {
    let find = |set: &'_ RuleSet| {
        set.rules.iter().find(|known| known.id == rule).map(|rule| (rule.fingerprint, rule.status))
    };
    match (find(old), find(new)) {
        (None, _) => "added",
        (_, None) => "removed",
        (before, after) if before != after => "changed",
        _ => "linked",
    }
}

/// Tells apart which kick rules a message concerns, whatever their numbers are.
struct KickBits {
    /// A bit for each signal of a kick rule, by the rule's id.
    of_signal: BTreeMap<SignalIdx, u128>,
}

impl KickBits {
    fn new(set: &RuleSet) -> KickBits {
        let mut of_signal = BTreeMap::new();
        for rule in set.rules.iter().filter(|rule| rule.kick.is_some()) {
            let hash = blake3::hash(rule.id.as_bytes());
            for signal in rule.signals() {
                *of_signal.entry(signal).or_default() |= 1 << (hash.as_bytes()[0] % 128);
            }
        }
        KickBits { of_signal }
    }

    fn of(&self, event: &Event) -> u128 {
        event.signals.iter().filter_map(|sign| self.of_signal.get(&sign.signal)).fold(0, |all, bit| all | bit)
    }
}

/// A kick is the same when the same member's same message leads to it.
type KickKey = (Box<str>, Box<str>, Box<str>);

/// Both sides of a rehearsal.
struct Comparison<'c> {
    bundles: &'c [Bundle; 2],
    rehearsal: &'c Rehearsal,
    how: Vec<&'static str>,
}

impl Comparison<'_> {
    fn fill(
        &self,
        mut impact: Impact,
        affected: &BTreeSet<String>,
        options: &RehearsalOptions,
        progress: &Progress,
    ) -> Result<Impact, Error> {
        impact.messages = self.rehearsal.tally.processed;
        let days = self.days();
        impact.days = days.len() as u32;
        impact.rules =
            affected.iter().zip(&self.how).map(|(rule, how)| self.rule(rule, how, &days)).collect();
        let kicks = [self.kicks(0), self.kicks(1)];
        let only_in = |here: usize, there: usize| -> Vec<&KickKey> {
            kicks[here].keys().filter(|key| !kicks[there].contains_key(*key)).collect()
        };
        let (gained, lost) = (only_in(1, 0), only_in(0, 1));
        let words = self.words(gained.iter().chain(&lost).copied(), options, progress)?;
        let describe = |side: usize, keys: &[&KickKey]| {
            let text = |key: &KickKey| words.get(&key.2).map_or("", |said| said.text.as_str());
            let mut all: Vec<KickImpact> =
                keys.iter().map(|key| self.describe(side, kicks[side][*key], text(key))).collect();
            all.sort();
            all
        };
        impact.new_kicks = describe(1, &gained);
        impact.lost_kicks = describe(0, &lost);
        Ok(impact)
    }

    fn zone(&self, side: usize) -> &Zone {
        &self.bundles[side].rules.pack.zone
    }

    /// The local days that the messages span.
    fn days(&self) -> Vec<Day> {
        let (Some(first), Some(last)) = (self.rehearsal.oldest, self.rehearsal.newest) else {
            return Vec::new();
        };
        let (first, last) = (self.zone(1).day(first).0, self.zone(1).day(last).0);
        (first..=last).take(MAX_DAYS).map(Day).collect()
    }

    fn rule(&self, rule: &str, how: &'static str, days: &[Day]) -> RuleImpact {
        let [before, after] = [0, 1].map(|side| self.decisions(side, rule));
        let count = |decisions: &Decisions<'_>| decisions.values().map(|times| times.len() as u64).sum();
        let only_in = |here: &Decisions<'_>, there: &Decisions<'_>| {
            here.keys().filter(|key| !there.contains_key(*key)).count() as u64
        };
        let moved =
            before.iter().filter(|(key, times)| after.get(*key).is_some_and(|other| other != *times)).count();
        RuleImpact {
            rule: rule.to_owned(),
            how,
            decisions: [count(&before), count(&after)],
            gained: only_in(&after, &before),
            lost: only_in(&before, &after),
            moved: moved as u64,
            alerts_per_day: self.alerts_per_day(rule, days),
        }
    }

    /// The times at which a rule decided something about each key.
    fn decisions(&self, side: usize, rule: &str) -> Decisions<'_> {
        let mut decisions: Decisions<'_> = BTreeMap::new();
        for row in self.rows_of(side, rule).filter(|row| is_decision(row)) {
            decisions.entry(&row.key).or_default().push(row.at);
        }
        decisions
    }

    fn rows_of<'r>(&'r self, side: usize, rule: &str) -> impl Iterator<Item = &'r Row> + use<'r> {
        let set = &self.bundles[side].rules;
        let number = set.rules.iter().position(|known| known.id == rule);
        let is_of = move |row: &&Row| {
            let asked = |number: usize| match &row.decision {
                Decision::Kick(kick) => kick.rules.iter().any(|rule| usize::from(rule.0) == number),
                _ => row.rule.is_some_and(|rule| usize::from(rule.0) == number),
            };
            number.is_some_and(asked)
        };
        self.rehearsal.rows[side].iter().filter(is_of)
    }

    fn alerts_per_day(&self, rule: &str, days: &[Day]) -> Option<[[u64; 2]; 2]> {
        let sides = [0, 1].map(|side| {
            let mut per_day: BTreeMap<Day, u64> = days.iter().map(|day| (*day, 0)).collect();
            for row in self.rows_of(side, rule).filter(|row| is_alert(row)) {
                *per_day.entry(self.zone(side).day(row.at)).or_default() += 1;
            }
            let mut counts: Vec<u64> = per_day.into_values().collect();
            counts.sort_unstable();
            counts
        });
        let any = sides.iter().flatten().any(|n| *n > 0);
        any.then(|| sides.map(|counts| [quantile(&counts, 50), quantile(&counts, 95)]))
    }

    /// The removals of one side, by member and message.
    fn kicks(&self, side: usize) -> BTreeMap<KickKey, &Row> {
        let rows = self.rehearsal.rows[side].iter().filter(|row| !row.shadow);
        rows.filter_map(|row| match &row.decision {
            Decision::Kick(kick) if kick.action.is_some_and(|action| action >= KickAction::Kick) => {
                Some(((row.key.room.clone(), row.key.customer.clone(), kick.message_id.clone()), row))
            }
            _ => None,
        })
        .collect()
    }

    /// The words of these messages; those that were not kept are read again.
    fn words<'k>(
        &self,
        keys: impl Iterator<Item = &'k KickKey>,
        options: &RehearsalOptions,
        progress: &Progress,
    ) -> Result<BTreeMap<Box<str>, batch::Said>, Error> {
        let ids: BTreeSet<Box<str>> = keys.map(|(.., id)| id.clone()).collect();
        let kept = ids.iter().filter_map(|id| Some((id.clone(), self.rehearsal.said.get(id)?.clone())));
        let mut words: BTreeMap<Box<str>, batch::Said> = kept.collect();
        if words.len() < ids.len() {
            let wanted = |message: &Message<'_>| ids.contains(message.id.as_ref());
            words.extend(batch::histories(&self.bundles[1], options, &wanted, progress)?.1.said);
        }
        Ok(words)
    }

    fn describe(&self, side: usize, row: &Row, text: &str) -> KickImpact {
        let Bundle { rules, catalog, .. } = &self.bundles[side];
        let Decision::Kick(kick) = &row.decision else { unreachable!("only kicks are described") };
        let marks = row.evidence.iter().filter_map(|evidence| evidence.mark.as_ref());
        let terms: BTreeSet<String> = marks.map(|mark| catalog.term(mark.term).text.clone()).collect();
        let id = |rule: &crate::rules::RuleIdx| rules.rules[usize::from(rule.0)].id.clone();
        KickImpact {
            at: rules.pack.zone.format(row.at),
            room: row.key.room.to_string(),
            member: row.key.customer.to_string(),
            message: kick.message_id.to_string(),
            action: if kick.action == Some(KickAction::KickBlock) { "kick_block" } else { "kick" },
            rules: kick.rules.iter().map(id).collect(),
            terms: terms.into_iter().collect(),
            text: text.to_owned(),
        }
    }
}

type Decisions<'r> = BTreeMap<&'r Key, Vec<Timestamp>>;

/// Tags that come, alerts that are raised, messages with consequences.
fn is_decision(row: &Row) -> bool {
    match &row.decision {
        Decision::Tag(change) => change.kind == TagChangeKind::Assign,
        Decision::Alert(_) => is_alert(row),
        Decision::Kick(kick) => kick.action.is_some(),
    }
}

fn is_alert(row: &Row) -> bool {
    matches!(&row.decision, Decision::Alert(alert) if alert.is_raised())
}

/// The smallest value that at least `percent` of the sorted `counts` do not pass.
fn quantile(counts: &[u64], percent: usize) -> u64 {
    let rank = (counts.len() * percent).div_ceil(100).max(1);
    counts.get(rank - 1).copied().unwrap_or(0)
}

/// Days that are listed one by one: a century. A clock that is wrong by more makes no longer list.
const MAX_DAYS: usize = 36_525;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_days() {
        // (alerts a day, percent, value)
        const CASES: &[(&[u64], usize, u64)] = &[
            (&[], 50, 0),
            (&[3], 95, 3),
            (&[0, 0, 1, 9], 50, 0),
            (&[0, 0, 1, 9], 95, 9),
            (&[1, 2, 3], 50, 2),
        ];
        for (counts, percent, value) in CASES {
            assert_eq!(quantile(counts, *percent), *value, "{counts:?} {percent}");
        }
    }
}
