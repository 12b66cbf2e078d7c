//! Finds which rules can decide differently under another version of the dictionaries.
//!
//! A rule whose fingerprint is the same finds the same. It can still decide differently when it
//! shares something with one that changed: a tag, a tag's group, the one decision about a message.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bundle::Bundle;
use crate::lexicon::Catalog;
use crate::rules::{Exemption, Group, Rule, RuleSet, Shape, Tag, TagIdx};
use crate::scenario;
use crate::signal::Evaluator;

/// Returns the ids of the rules of either bundle that can decide differently under the other.
pub fn affected(old: &Bundle, new: &Bundle) -> BTreeSet<String> {
    let all = || old.rules.rules.iter().chain(&new.rules.rules);
    if shared_ground(old) != shared_ground(new) {
        return all().map(|rule| rule.id.clone()).collect();
    }
    let changed =
        all().filter(|rule| is_changed(rule, &old.rules, &new.rules)).map(|rule| rule.id.clone()).collect();
    with_companions(changed, &[&old.rules, &new.rules])
}

/// Returns the rules of `sets` with the ids `changed`, and all that share something with one of them: a tag, a
/// group of tags, an alert, the one decision about a message.
pub fn with_companions(mut changed: BTreeSet<String>, sets: &[&RuleSet]) -> BTreeSet<String> {
    loop {
        let touched: BTreeSet<Shared> = sets
            .iter()
            .flat_map(|set| {
                set.rules.iter().filter(|rule| changed.contains(&rule.id)).map(move |rule| (set, rule))
            })
            .flat_map(|(set, rule)| shared(rule, set))
            .collect();
        let before = changed.len();
        for set in sets {
            let meets = |rule: &&Rule| shared(rule, set).iter().any(|one| touched.contains(one));
            changed.extend(set.rules.iter().filter(meets).map(|rule| rule.id.clone()));
        }
        if changed.len() == before {
            return changed;
        }
    }
}

/// Returns the bundle with these rules only; its terms stay.
pub fn narrowed(mut bundle: Bundle, rules: &BTreeSet<String>) -> Bundle {
    let ids: Vec<String> = rules.iter().cloned().collect();
    bundle.rules = Arc::new(scenario::only(&bundle.rules, &ids));
    bundle.evaluator = Evaluator::new(&bundle.rules, &bundle.catalog);
    bundle
}

/// What every rule stands on: the time zone, how recalls reach back, the words of denial.
fn shared_ground(bundle: &Bundle) -> (String, i64, Option<[u8; 16]>) {
    let pack = &bundle.rules.pack;
    (pack.zone.name().to_owned(), pack.recall_horizon.0, scope_words(&bundle.catalog))
}

fn scope_words(catalog: &Catalog) -> Option<[u8; 16]> {
    catalog.find("negation").map(|index| catalog.lexicon(index).fingerprint())
}

fn is_changed(rule: &Rule, old: &RuleSet, new: &RuleSet) -> bool {
    let find = |set: &'_ RuleSet| set.rules.iter().position(|known| known.id == rule.id);
    let (Some(before), Some(after)) = (find(old), find(new)) else { return true };
    let (before, after) = (&old.rules[before], &new.rules[after]);
    before.fingerprint != after.fingerprint
        || tags(before, old).map(|tag| tag_form(tag, old)).ne(tags(after, new).map(|tag| tag_form(tag, new)))
        || (rule.kick.is_some() && exemptions(old) != exemptions(new))
}

/// The tags a rule assigns, takes away or looks at.
fn tags<'s>(rule: &'s Rule, set: &'s RuleSet) -> impl Iterator<Item = &'s Tag> {
    tag_numbers(rule).map(|tag| &set.tags[usize::from(tag.0)])
}

fn tag_numbers(rule: &Rule) -> impl Iterator<Item = TagIdx> {
    let mut tags = rule.tags();
    tags.extend(&rule.untag);
    if let Shape::Combine { all, any, none, .. } = &rule.shape {
        tags.extend(all.iter().chain(any).chain(none));
    }
    tags.into_iter()
}

/// Everything about a tag that decides, with names in place of numbers.
fn tag_form(tag: &Tag, set: &RuleSet) -> String {
    let group = tag.group.map(|group| group_form(&set.groups[usize::from(group.0)], set));
    format!(
        "{:?}",
        (&tag.id, &tag.path, tag.ttl, &tag.levels, tag.hysteresis, tag.reviewed, tag.rules_may_remove, group)
    )
}

fn group_form(group: &Group, set: &RuleSet) -> String {
    let order: Vec<&str> = group.order.iter().map(|tag| set.tags[usize::from(tag.0)].id.as_str()).collect();
    format!("{:?}", (&group.id, group.exclusive, order))
}

fn exemptions(set: &RuleSet) -> Vec<String> {
    let form = |exemption: &Exemption| {
        let rules: Vec<&str> =
            exemption.rules.iter().map(|rule| set.rules[usize::from(rule.0)].id.as_str()).collect();
        format!("{:?}", (&exemption.id, &exemption.roles, &exemption.members, rules, exemption.until))
    };
    set.exemptions.iter().map(form).collect()
}

/// What several rules can meet in.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Shared {
    /// A tag.
    Tag(String),
    /// A group of tags.
    Group(String),
    /// An alert that several rules raise, or that holds others back.
    Alert(String),
    /// The one decision about a message in a group.
    Kick,
}

fn shared(rule: &Rule, set: &RuleSet) -> Vec<Shared> {
    let mut all = Vec::new();
    for tag in tags(rule, set) {
        all.push(Shared::Tag(tag.id.clone()));
        all.extend(tag.group.map(|group| Shared::Group(set.groups[usize::from(group.0)].id.clone())));
    }
    let alerts = rule.alert.iter().flat_map(|alert| alert.inhibited_by.iter().chain([&alert.alert]));
    all.extend(alerts.map(|alert| Shared::Alert(set.alerts[usize::from(alert.0)].clone())));
    all.extend(rule.kick.map(|_| Shared::Kick));
    all
}
