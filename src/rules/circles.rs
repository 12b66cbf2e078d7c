//! The order in which `combine` rules are evaluated: parts before the whole.
//!
//! A rule that can change a tag comes before each rule that looks at it. A tag
//! changes when it is assigned, taken away by `untag`, or pushed out by another
//! tag of its exclusive group. Where that leads back to itself there is no
//! order (`E004`).

use std::collections::BTreeSet;

use super::findings::Findings;
use super::rule::{Exclusive, Rule, RuleIdx, RuleSet, Shape, TagIdx};
use crate::diagnostic::Diagnostic;
use crate::message::KeyKind;

/// Returns the `combine` rules for keys of `kind`, parts before the whole, in id order where that is free.
pub fn combines_in_order(set: &RuleSet, kind: KeyKind) -> Vec<RuleIdx> {
    order(&combines(set, Some(kind)), set).unwrap_or_else(|(placed, _)| placed)
}

/// Reports `combine` rules that depend on each other (`E004`) and parts for another kind of key (`E013`).
pub(super) fn check(set: &RuleSet, findings: &Findings) {
    if let Err((_, circle)) = order(&combines(set, None), set)
        && let Some(first) = circle.first()
    {
        let ids: Vec<&str> = circle.iter().map(|rule| rule_of(set, *rule).id.as_str()).collect();
        let finding = Diagnostic::new(
            "E004",
            rule_of(set, *first).place.clone(),
            format!("combine 规则互相依赖: {}", ids.join(" → ")),
            format!("combine rules depend on each other: {}", ids.join(" → ")),
        );
        findings.add(finding.with_help(
            "去掉其中一条对另一条标签（或同一互斥组标签）的引用",
            "let one of them no longer look at the other's tag, or at a tag of its exclusive group",
        ));
    }
    for rule in set.rules.iter().filter(|rule| matches!(rule.shape, Shape::Combine { .. })) {
        part_keys(rule, set, findings);
    }
}

/// A part is a tag of the same kind of key: nothing else is known where the rule runs.
fn part_keys(rule: &Rule, set: &RuleSet, findings: &Findings) {
    let foreign = |tag: &TagIdx| {
        let mut givers = set.rules.iter().filter(|giver| giver.tags().contains(tag)).peekable();
        givers.peek().is_some() && givers.all(|giver| giver.key != rule.key)
    };
    if let Some(tag) = parts(rule).into_iter().find(foreign) {
        let tag = &set.tags[usize::from(tag.0)].id;
        let finding = Diagnostic::new(
            "E013",
            rule.place.clone(),
            format!("combine 规则 “{}” 的标签 “{tag}” 属于另一种 key", rule.id),
            format!("tag `{tag}` of combine rule `{}` belongs to another kind of key", rule.id),
        );
        findings.add(finding.with_help("统一 key", "give both rules one key"));
    }
}

fn combines(set: &RuleSet, kind: Option<KeyKind>) -> Vec<RuleIdx> {
    let wanted =
        |rule: &Rule| matches!(rule.shape, Shape::Combine { .. }) && kind.is_none_or(|kind| rule.key == kind);
    let numbered = (0_u16..).map(RuleIdx).zip(&set.rules);
    numbered.filter(|(_, rule)| wanted(rule)).map(|(idx, _)| idx).collect()
}

/// Returns the rules in order; when there is none, those that could be placed and the others.
fn order(rules: &[RuleIdx], set: &RuleSet) -> Result<Vec<RuleIdx>, (Vec<RuleIdx>, Vec<RuleIdx>)> {
    let (mut placed, mut open) = (Vec::new(), rules.to_vec());
    while !open.is_empty() {
        let free = |rule: &&RuleIdx| !open.iter().any(|other| comes_before(*other, **rule, set));
        let Some(next) = open.iter().find(free).copied() else { return Err((placed, open)) };
        open.retain(|rule| *rule != next);
        placed.push(next);
    }
    Ok(placed)
}

/// Returns whether `first` can change a tag that `second` looks at.
fn comes_before(first: RuleIdx, second: RuleIdx, set: &RuleSet) -> bool {
    let looked_at = parts(rule_of(set, second));
    changed(rule_of(set, first), set).iter().any(|tag| looked_at.contains(tag))
}

fn changed(rule: &Rule, set: &RuleSet) -> BTreeSet<TagIdx> {
    let mut tags: BTreeSet<TagIdx> = rule.untag.iter().copied().collect();
    for tag in rule.tags() {
        tags.insert(tag);
        let Some(group) = set.tags[usize::from(tag.0)].group else { continue };
        if set.groups[usize::from(group.0)].exclusive != Exclusive::None {
            let members = (0_u16..).map(TagIdx).zip(&set.tags);
            tags.extend(members.filter(|(_, other)| other.group == Some(group)).map(|(idx, _)| idx));
        }
    }
    tags
}

fn parts(rule: &Rule) -> Vec<TagIdx> {
    let Shape::Combine { all, any, none, .. } = &rule.shape else {
        return Vec::new();
    };
    all.iter().chain(any).chain(none).copied().collect()
}

fn rule_of(set: &RuleSet, rule: RuleIdx) -> &Rule {
    &set.rules[usize::from(rule.0)]
}
