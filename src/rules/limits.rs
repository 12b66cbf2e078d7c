//! Checks compiled rules and tags against what can be: WeCom's limits (W117), windows shorter than
//! the lateness of messages (W113), levels that no score reaches (W118).

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::names::Names;
use super::rule::{Rule, RuleSet, Score, Shape, Tag, TagIdx, Window};
use crate::diagnostic::{Diagnostic, Place};

/// Checks all rules and tags; `tags` says where the tags are written.
pub fn check(set: &RuleSet, tags: &Names, findings: &Findings) {
    set.rules.iter().for_each(|rule| window(rule, set, findings));
    for (idx, tag) in (0..).map(TagIdx).zip(&set.tags) {
        let place = tags.place_of(usize::from(idx.0));
        names(tag, place, findings);
        levels(idx, tag, set, place, findings);
    }
    counts(set, tags, findings);
}

/// A window shorter than the lateness sees messages of a stream only after it has moved on.
fn window(rule: &Rule, set: &RuleSet, findings: &Findings) {
    let span = match &rule.shape {
        Shape::Count { window: Window::Elapsed(span), .. } => *span,
        Shape::Sequence { within, .. } => *within,
        _ => return,
    };
    if span >= set.pack.lateness || rule.kick.is_some() {
        return;
    }
    let finding = Diagnostic::new(
        "W113",
        rule.place.clone(),
        format!("规则 “{}” 的窗口比 pack.toml 的 lateness 还短", rule.id),
        format!("the window of rule `{}` is shorter than `lateness` in pack.toml", rule.id),
    );
    findings
        .add(finding.with_help("加长 within，或缩短 lateness", "lengthen `within`, or shorten `lateness`"));
}

/// W117: names that WeCom does not take.
fn names(tag: &Tag, place: &Place, findings: &Findings) {
    let name = tag.path.last().map_or("", String::as_str);
    let group = tag.path.first().filter(|_| tag.path.len() > 1);
    let too_long = |text: &str, most: usize| text.chars().count() > most;
    if too_long(name, MAX_TAG_CHARS) {
        let (zh, en) = (
            format!("标签名 “{name}” 超过企业微信的 {MAX_TAG_CHARS} 个字"),
            format!("tag name `{name}` is longer than WeCom's {MAX_TAG_CHARS} characters"),
        );
        report(place, zh, en, findings);
    }
    if let Some(group) = group.filter(|group| too_long(group, MAX_GROUP_CHARS)) {
        let (zh, en) = (
            format!("标签组名 “{group}” 超过企业微信的 {MAX_GROUP_CHARS} 个字"),
            format!("group name `{group}` is longer than WeCom's {MAX_GROUP_CHARS} characters"),
        );
        report(place, zh, en, findings);
    }
}

fn report(place: &Place, zh: String, en: String, findings: &Findings) {
    let finding = Diagnostic::new("W117", place.clone(), zh, en);
    findings.add(finding.with_help("缩短它；导出时不会替你截断", "shorten it; nothing is cut on export"));
}

/// W117: more tags than a company may have, more children than one parent should.
fn counts(set: &RuleSet, tags: &Names, findings: &Findings) {
    if set.tags.len() > MAX_TAGS {
        let (zh, en) = (
            format!("标签 {} 个，企业微信上限 {MAX_TAGS}", set.tags.len()),
            format!("{} tags; WeCom takes {MAX_TAGS}", set.tags.len()),
        );
        report(&Place::new("tags.toml", 0, 0), zh, en, findings);
    }
    let mut children: BTreeMap<&[String], BTreeSet<&String>> = BTreeMap::new();
    for (at, tag) in set.tags.iter().enumerate() {
        for depth in 1..tag.path.len() {
            let siblings = children.entry(&tag.path[..depth]).or_default();
            siblings.insert(&tag.path[depth]);
            if siblings.len() == MAX_CHILDREN + 1 {
                let parent = tag.path[..depth].join("/");
                let (zh, en) = (
                    format!("“{parent}” 下面超过 {MAX_CHILDREN} 个"),
                    format!("`{parent}` has more than {MAX_CHILDREN} children"),
                );
                report(tags.place_of(at), zh, en, findings);
            }
        }
    }
}

/// W118: a cut above the largest score that any rule can give.
fn levels(idx: TagIdx, tag: &Tag, set: &RuleSet, place: &Place, findings: &Findings) {
    let emits = set.rules.iter().filter_map(|rule| rule.emit.as_ref()).filter(|emit| emit.tag == idx);
    let scores: Vec<Score> = emits.map(|emit| emit.score).collect();
    let highest = scores.iter().map(|score| match score {
        Score::Fixed(fixed) => *fixed,
        // A mass can be as large as one likes; its score comes close to one and is rounded to it.
        _ => 1.0,
    });
    let Some(highest) = highest.reduce(f64::max) else { return };
    for (name, cut) in tag.levels.iter().filter(|(_, cut)| *cut > highest) {
        let finding = Diagnostic::new(
            "W118",
            place.clone(),
            format!("标签 “{}” 的等级 “{name}” 永远达不到：分数最高 {highest}，分数线 {cut}", tag.id),
            format!(
                "level `{name}` of tag `{}` is never reached: scores go to {highest}, the cut is {cut}",
                tag.id
            ),
        );
        findings.add(
            finding.with_help("降低分数线，或改规则的 score", "lower the cut, or change the rules' `score`"),
        );
    }
}

/// Characters of a tag's name that WeCom takes.
const MAX_TAG_CHARS: usize = 30;
/// Characters of a tag group's name that WeCom takes.
const MAX_GROUP_CHARS: usize = 15;
/// Tags of a company.
const MAX_TAGS: usize = 3_000;
/// Children of one parent; more cannot be told apart by those who pick them.
const MAX_CHILDREN: usize = 10;
