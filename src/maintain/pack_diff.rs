//! Compares two versions of the dictionaries part by part and says which version number follows.
//!
//! Patch: terms, notes, titles, weights. Minor: something new, or a rule that finds more or other
//! things. Major: something others may rely on is gone or stricter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde::Serialize;

use crate::bundle::Bundle;
use crate::lexicon::{Lexicon, LexiconIdx, Term};
use crate::rules::{Fingerprint, Fraction, Rule, RuleSet, Shape, Status, Window};

/// How much of a version number a change asks for.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing changed.
    #[default]
    None,
    /// `1.2.3` → `1.2.4`
    Patch,
    /// `1.2.3` → `1.3.0`
    Minor,
    /// `1.2.3` → `2.0.0`
    Major,
}

/// One difference.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct PackChange {
    /// What it asks for.
    pub step: Step,
    /// `lexicon`, `signal`, `rule`, `tag`, `group`, `exemption` or `pack`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What happened to it, in Chinese.
    pub zh: String,
    /// What happened to it, in English.
    pub en: String,
}

/// What differs between two versions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PackDiff {
    /// Version before and after, as written.
    pub versions: [String; 2],
    /// The differences, the weightiest first.
    pub changes: Vec<PackChange>,
    /// The largest step asked for.
    pub step: Step,
    /// The version that the new one should have.
    pub advice: String,
    /// The version written is not lower than that.
    pub version_is_enough: bool,
}

/// Compares `old` with `new`.
pub fn diff(old: &Bundle, new: &Bundle) -> PackDiff {
    let mut changes = Vec::new();
    let sides = (&*old.rules, &*new.rules);
    lexicons(old, new, &mut changes);
    named("signal", ("信号", "signal"), &signals(old), &signals(new), &mut changes);
    rules(sides.0, sides.1, &mut changes);
    named("tag", ("标签", "tag"), &tags(sides.0), &tags(sides.1), &mut changes);
    named("group", ("标签组", "group"), &groups(sides.0), &groups(sides.1), &mut changes);
    named("exemption", ("豁免", "exemption"), &exemptions(sides.0), &exemptions(sides.1), &mut changes);
    pack(sides.0, sides.1, &mut changes);
    changes.sort_by(|a, b| b.step.cmp(&a.step).then_with(|| a.cmp(b)));
    let step = changes.iter().map(|change| change.step).max().unwrap_or_default();
    let versions = [old, new].map(|bundle| bundle.rules.pack.version.clone());
    let advice = after(&versions[0], step);
    let version_is_enough = numbers(&versions[1]) >= numbers(&advice);
    PackDiff { versions, changes, step, advice, version_is_enough }
}

/// Returns the version that follows `version` by `step`.
pub fn after(version: &str, step: Step) -> String {
    let [major, minor, patch] = numbers(version);
    match step {
        Step::None => format!("{major}.{minor}.{patch}"),
        Step::Patch => format!("{major}.{minor}.{}", patch + 1),
        Step::Minor => format!("{major}.{}.0", minor + 1),
        Step::Major => format!("{}.0.0", major + 1),
    }
}

/// Returns the numbers of `1.2.3`; what is none counts as zero.
pub fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.trim().parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

fn change(
    step: Step,
    kind: &'static str,
    id: &str,
    zh: impl Into<String>,
    en: impl Into<String>,
) -> PackChange {
    PackChange { step, kind, id: id.to_owned(), zh: zh.into(), en: en.into() }
}

/// Whatever has an id and a form: new, gone, or different.
fn named(
    kind: &'static str,
    (zh, en): (&str, &str),
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    changes: &mut Vec<PackChange>,
) {
    for id in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let found = match (old.get(id), new.get(id)) {
            (None, _) => change(Step::Minor, kind, id, format!("新{zh}"), format!("new {en}")),
            (_, None) => change(Step::Major, kind, id, format!("{zh}删除"), format!("{en} removed")),
            (Some(before), Some(after)) if before == after => continue,
            _ => {
                let step = if kind == "group" { Step::Major } else { Step::Minor };
                change(step, kind, id, format!("{zh}修改"), format!("{en} changed"))
            }
        };
        changes.push(found);
    }
}

/// The form of each signal without terms, which are compared list by list, and with the names of lists,
/// whose numbers move.
fn signals(bundle: &Bundle) -> BTreeMap<String, String> {
    let open = bundle.rules.signals.iter().filter(|signal| !signal.id.starts_with("rule:"));
    open.map(|signal| {
        let mut bare = signal.clone();
        bare.fingerprint = Fingerprint::default();
        let mut lists = Vec::new();
        let near = bare.near.iter_mut().map(|near| &mut near.selector);
        for selector in bare.any.iter_mut().chain(&mut bare.unless_any).chain(near) {
            lists.push(bundle.catalog.lexicon(selector.lexicon).id.as_str());
            selector.terms.clear();
            selector.lexicon = LexiconIdx(0);
        }
        (signal.id.clone(), form(&(lists, &bare)))
    })
    .collect()
}

fn tags(set: &RuleSet) -> BTreeMap<String, String> {
    let group = |tag: &crate::rules::Tag| tag.group.map(|group| &set.groups[usize::from(group.0)].id);
    set.tags
        .iter()
        .map(|tag| (tag.id.clone(), form(&(&tag.path, group(tag), tag.ttl, &tag.levels))))
        .collect()
}

fn groups(set: &RuleSet) -> BTreeMap<String, String> {
    let order = |group: &crate::rules::Group| -> Vec<String> {
        group.order.iter().map(|tag| set.tags[usize::from(tag.0)].id.clone()).collect()
    };
    set.groups.iter().map(|group| (group.id.clone(), form(&(group.exclusive, order(group))))).collect()
}

fn exemptions(set: &RuleSet) -> BTreeMap<String, String> {
    let mut forms: BTreeMap<String, String> = BTreeMap::new();
    for exemption in &set.exemptions {
        let rules: Vec<&str> =
            exemption.rules.iter().map(|rule| set.rules[usize::from(rule.0)].id.as_str()).collect();
        let one = form(&(&exemption.roles, &exemption.members, rules, exemption.until));
        forms.entry(exemption.id.clone()).or_default().push_str(&one);
    }
    forms
}

fn form(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn pack(old: &RuleSet, new: &RuleSet, changes: &mut Vec<PackChange>) {
    let ground =
        |set: &RuleSet| (set.pack.zone.name().to_owned(), set.pack.lateness, set.pack.recall_horizon);
    if ground(old) != ground(new) {
        let (zh, en) =
            ("时区、lateness 或 recall_horizon 修改", "time zone, lateness or recall horizon changed");
        changes.push(change(Step::Major, "pack", &new.pack.name, zh, en));
    }
}

fn rules(old: &RuleSet, new: &RuleSet, changes: &mut Vec<PackChange>) {
    let by_id = |set: &'_ RuleSet| -> BTreeMap<String, Rule> {
        set.rules.iter().map(|rule| (rule.id.clone(), rule.clone())).collect()
    };
    let (old_rules, new_rules) = (by_id(old), by_id(new));
    for id in old_rules.keys().chain(new_rules.keys()).collect::<BTreeSet<_>>() {
        match (old_rules.get(id), new_rules.get(id)) {
            (None, _) => changes.push(change(Step::Minor, "rule", id, "新规则", "new rule")),
            (_, None) => {
                let (zh, en) = (
                    "规则删除或停用：它的标签会保留到过期",
                    "rule removed or disabled: its tags stay until they expire",
                );
                changes.push(change(Step::Major, "rule", id, zh, en));
            }
            (Some(before), Some(after)) => changes.extend(rule(before, after)),
        }
    }
}

fn rule(before: &Rule, after: &Rule) -> Option<PackChange> {
    let one = |step, zh: &str, en: &str| Some(change(step, "rule", &before.id, zh, en));
    if before.key != after.key
        || std::mem::discriminant(&before.shape) != std::mem::discriminant(&after.shape)
    {
        return one(
            Step::Major,
            "key 或形状改变：旧状态不再适用",
            "key or shape changed: what was remembered is of no use",
        );
    }
    if is_tighter(&before.shape, &after.shape) {
        return one(
            Step::Major,
            "门槛收紧：以前算的现在不算",
            "threshold tightened: what counted before may not",
        );
    }
    if before.fingerprint != after.fingerprint && before.lexicon_fingerprint == after.lexicon_fingerprint {
        return one(
            Step::Minor,
            "规则修改：窗口里的计数会重新开始",
            "rule changed: what was counted starts anew",
        );
    }
    if before.fingerprint != after.fingerprint {
        return one(
            Step::Patch,
            "词表变化影响到它：窗口里的计数会重新开始",
            "its words changed: what was counted starts anew",
        );
    }
    let said = |rule: &Rule| (rule.title.clone(), rule.version, rule.status == Status::Deprecated);
    let (zh, en) = ("标题、版本或状态修改", "title, version or status changed");
    if said(before) == said(after) { None } else { one(Step::Patch, zh, en) }
}

/// Returns whether less fires than before: a higher threshold, more days or steps, or a shorter window.
fn is_tighter(before: &Shape, after: &Shape) -> bool {
    match (before, after) {
        (
            Shape::Count { at_least: low, window: wide, .. },
            Shape::Count { at_least: high, window: narrow, .. },
        ) => high > low || is_narrower(*wide, *narrow),
        (
            Shape::Sequence { within: wide, steps: few, .. },
            Shape::Sequence { within: narrow, steps: many, .. },
        ) => narrow < wide || many.len() > few.len(),
        (Shape::Streak { days: few, .. }, Shape::Streak { days: many, .. }) => many > few,
        (
            Shape::Ratio { at_least: low, min_denominator: few, window: wide, .. },
            Shape::Ratio { at_least: high, min_denominator: many, window: narrow, .. },
        ) => is_larger(*high, *low) || many > few || is_narrower(*wide, *narrow),
        (Shape::Cycle { min_intervals: few, .. }, Shape::Cycle { min_intervals: many, .. }) => many > few,
        _ => false,
    }
}

fn is_larger(one: Fraction, other: Fraction) -> bool {
    u64::from(one.part) * u64::from(other.of) > u64::from(other.part) * u64::from(one.of)
}

fn is_narrower(wide: Window, narrow: Window) -> bool {
    match (wide, narrow) {
        (Window::Elapsed(wide), Window::Elapsed(narrow)) => narrow < wide,
        (Window::NaturalDays(wide), Window::NaturalDays(narrow))
        | (Window::NaturalWeeks(wide), Window::NaturalWeeks(narrow))
        | (Window::NaturalMonths(wide), Window::NaturalMonths(narrow)) => narrow < wide,
        (Window::Session { gap: wide }, Window::Session { gap: narrow }) => narrow < wide,
        _ => false,
    }
}

fn lexicons(old: &Bundle, new: &Bundle, changes: &mut Vec<PackChange>) {
    let by_id = |bundle: &'_ Bundle| -> BTreeMap<String, Lexicon> {
        bundle.catalog.lexicons().iter().map(|one| (one.id.clone(), one.clone())).collect()
    };
    let (before, after) = (by_id(old), by_id(new));
    for id in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        match (before.get(id), after.get(id)) {
            (None, _) => changes.push(change(Step::Minor, "lexicon", id, "新词表", "new lexicon")),
            (_, None) => changes.push(change(Step::Major, "lexicon", id, "词表删除", "lexicon removed")),
            (Some(before), Some(after)) => changes.extend(lexicon(before, after)),
        }
    }
}

fn lexicon(before: &Lexicon, after: &Lexicon) -> Option<PackChange> {
    if before.fingerprint() == after.fingerprint() {
        return None;
    }
    let by_code = |lexicon: &'_ Lexicon| -> BTreeMap<String, Term> {
        lexicon.terms().iter().map(|term| (term.code.clone(), term.clone())).collect()
    };
    let (old, new) = (by_code(before), by_code(after));
    let in_force =
        |terms: &BTreeMap<String, Term>, code: &str| terms.get(code).is_some_and(|term| term.enabled);
    let codes: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for code in codes {
        match (in_force(&old, code), in_force(&new, code)) {
            (false, true) => added += 1,
            (true, false) => removed += 1,
            (true, true) if differs(&old[code], &new[code]) => changed += 1,
            _ => {}
        }
    }
    let mut parts = vec![format!("+{added} −{removed} ~{changed}")];
    if before.layers() != after.layers() {
        parts.push("layers".to_owned());
    }
    let parts = parts.join(" ");
    Some(change(Step::Patch, "lexicon", &before.id, format!("词表 {parts}"), format!("terms {parts}")))
}

fn differs(before: &Term, after: &Term) -> bool {
    let form = |term: &Term| Term { note: String::new(), place: Default::default(), ..term.clone() };
    form(before) != form(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_raises_its_number_and_clears_the_rest() {
        let all = [Step::None, Step::Patch, Step::Minor, Step::Major].map(|step| after("1.2.3", step));
        assert_eq!(all, ["1.2.3", "1.2.4", "1.3.0", "2.0.0"]);
        assert_eq!(numbers("1.10"), [1, 10, 0]);
    }
}
