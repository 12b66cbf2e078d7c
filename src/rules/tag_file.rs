//! Compiles `tags.toml`: groups and tags.

use super::compile::Context;
use super::duration::Duration;
use super::findings::Findings;
use super::reader::{Reader, Text};
use super::rule::{Exclusive, Group, GroupIdx, Span, Tag, TagIdx};
use super::tree::{Table, Value};
use crate::diagnostic::Diagnostic;

/// Compiles one group.
pub fn group(table: &Table, context: &Context<'_>) -> Option<Group> {
    let reader = Reader::new(table, context.findings);
    let id = reader.required("id");
    let title = reader.text("title");
    let exclusive = reader.choice("exclusive", EXCLUSIVE);
    if reader.node("exclusive").is_none() {
        reader.missing("exclusive");
    }
    let order: Vec<TagIdx> = reader
        .texts("order")
        .into_iter()
        .filter_map(|name| context.tags.resolve(name, context.findings))
        .map(|at| TagIdx(at as u16))
        .collect();
    if order.is_empty() && matches!(exclusive, Some(Exclusive::Forward | Exclusive::Priority)) {
        reader.missing("order");
    }
    reader.text("note");
    reader.finish();
    let id = id?.text.to_owned();
    let title = title.map_or_else(|| id.clone(), |title| title.text.to_owned());
    Some(Group { id, title, exclusive: exclusive.unwrap_or(Exclusive::None), order })
}

/// Compiles one tag.
pub fn tag(table: &Table, context: &Context<'_>) -> Option<Tag> {
    let reader = Reader::new(table, context.findings);
    let id = reader.required("id");
    let path = reader.required("path").map(|path| levels_of_path(path, context.findings));
    let group = reader.text("group").and_then(|name| context.groups.find(name, context.findings));
    let ttl = span(&reader, "ttl");
    let levels = reader.table("levels").map_or_else(Vec::new, |table| score_levels(table, context.findings));
    let reviewed = reader.choice("review", REVIEWS).unwrap_or(false);
    let hysteresis = hysteresis(&reader, &levels);
    let rules_may_remove = reader.flag("rules_may_remove").unwrap_or(false);
    let retires = reader.choice("retire", RETIRES).unwrap_or(false);
    reader.text("note");
    reader.finish();
    Some(Tag {
        id: id?.text.to_owned(),
        path: path.unwrap_or_default(),
        group: group.map(|at| GroupIdx(at as u16)),
        ttl,
        reviewed,
        levels,
        hysteresis,
        rules_may_remove,
        retires,
    })
}

/// Reads a span until a deadline: elapsed or calendar (`E007` otherwise).
pub fn span(reader: &Reader<'_>, key: &'static str) -> Option<Span> {
    match reader.duration(key)? {
        (Duration::Elapsed(span), _) => Some(Span::Elapsed(span)),
        (Duration::Months(months), _) => Some(Span::Months(months)),
        (_, place) => {
            let (zh, en) = (
                format!("`{key}` 不能用自然日、自然周、自然月"),
                format!("`{key}` cannot be natural days, weeks or months"),
            );
            let finding = Diagnostic::new("E007", place.clone(), zh, en);
            reader.findings.add(finding.with_help("例如 24h 30d 3mo 1y", "such as 24h 30d 3mo 1y"));
            None
        }
    }
}

fn levels_of_path(path: Text<'_>, findings: &Findings) -> Vec<String> {
    let levels: Vec<String> = path.text.split('/').map(|level| level.trim().to_owned()).collect();
    if levels.len() > 3 || levels.iter().any(String::is_empty) {
        let (zh, en) = (
            format!("标签路径 “{}” 应为一到三级，每级不为空", path.text),
            format!("tag path `{}` must have one to three levels, none empty", path.text),
        );
        let finding = Diagnostic::new("E005", path.place.clone(), zh, en);
        findings.add(finding.with_help("例如 偏好/价格/价格敏感型", "such as 偏好/价格/价格敏感型"));
    }
    levels
}

fn score_levels(table: &Table, findings: &Findings) -> Vec<(String, f64)> {
    let mut levels: Vec<(String, f64)> = Vec::new();
    for entry in &table.entries {
        let cut = match entry.node.value {
            Value::Float(cut) => cut,
            Value::Int(cut) => cut as f64,
            _ => f64::NAN,
        };
        let above = levels.last().map_or(0.0, |(_, last)| *last);
        if !(cut > above || levels.is_empty() && cut == 0.0) || cut > 1.0 {
            let finding = Diagnostic::new(
                "E012",
                entry.place.clone(),
                format!("等级 “{}” 的分数线必须递增，并在 0 到 1 之间", entry.key),
                format!("the cut of level `{}` must lie above the one before it, and from 0 to 1", entry.key),
            );
            findings.add(finding.with_help(
                "例如 levels = { mid = 0.5, high = 0.8 }",
                "such as levels = { mid = 0.5, high = 0.8 }",
            ));
        } else {
            levels.push((entry.key.clone(), cut));
        }
    }
    levels
}

/// Reads how far below its cut a level is left: less than the lowest cut.
fn hysteresis(reader: &Reader<'_>, levels: &[(String, f64)]) -> f64 {
    let Some(width) = reader.number("hysteresis") else { return 0.0 };
    let lowest = levels.first().map_or(0.0, |(_, cut)| *cut);
    if (0.0..lowest).contains(&width) {
        return width;
    }
    let (zh, en) = (
        "`hysteresis` 应不小于 0，并小于最低的等级分数线",
        "`hysteresis` must lie from 0 to below the lowest cut of `levels`",
    );
    let finding = Diagnostic::new("E012", reader.place_of("hysteresis").clone(), zh, en);
    reader.findings.add(finding.with_help("例如 hysteresis = 0.05", "such as hysteresis = 0.05"));
    0.0
}

const REVIEWS: &[(&str, bool)] = &[("monthly", true)];

/// What becomes of the tag when no rule gives it any more.
const RETIRES: &[(&str, bool)] = &[("keep", false), ("remove", true)];

const EXCLUSIVE: &[(&str, Exclusive)] = &[
    ("none", Exclusive::None),
    ("latest", Exclusive::Latest),
    ("priority", Exclusive::Priority),
    ("score", Exclusive::Score),
    ("forward", Exclusive::Forward),
];
