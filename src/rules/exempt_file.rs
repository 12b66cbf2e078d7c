//! Compiles `[[exempt]]`: who is never kicked.
//!
//! Rows of a member list that end on different days become exemptions of their
//! own under the same id.

use std::collections::BTreeMap;

use super::compile::Context;
use super::reader::{Reader, Text};
use super::rule::{ExemptRole, Exemption, RuleIdx};
use super::tree::{Table, Value};
use crate::diagnostic::{Diagnostic, Place};
use crate::time::Day;

/// Compiles one table.
pub fn exemptions(table: &Table, context: &Context<'_>) -> Vec<Exemption> {
    let reader = Reader::new(table, context.findings);
    let id = reader.required("id");
    let reason = reader.required("reason");
    let roles = reader.choices("roles", ROLES);
    let members = members(&reader, context);
    let rules = rules(&reader, context);
    let only_disabled = rules.is_empty() && reader.node("rules").is_some();
    let until = until(&reader);
    reader.text("by");
    reader.text("note");
    if roles.is_empty() == (reader.node("members").is_none()) {
        let (zh, en) =
            ("豁免要么按 roles，要么按 members", "an exemption is either by `roles` or by `members`");
        context.findings.report("E001", reader.place(), zh, en);
    }
    let place = reader.place().clone();
    reader.finish();
    let (Some(id), Some(reason), false) = (id, reason, only_disabled) else { return Vec::new() };
    if roles.is_empty() {
        warn_about_end(id, &members, until, &place, context);
    }
    let make = |members, until| Exemption {
        id: id.text.to_owned(),
        reason: reason.text.to_owned(),
        roles: roles.clone(),
        members,
        rules: rules.clone(),
        until,
    };
    if !roles.is_empty() {
        return vec![make(Vec::new(), until)];
    }
    by_end(members, until).into_iter().map(|(until, members)| make(members, until)).collect()
}

/// Groups members by the day on which their exemption ends: their own or that of all, the earlier.
fn by_end(members: Vec<Member>, until: Option<Day>) -> BTreeMap<Option<Day>, Vec<String>> {
    let mut ends: BTreeMap<Option<Day>, Vec<String>> = BTreeMap::new();
    for member in members {
        let end = [member.until, until].into_iter().flatten().min();
        ends.entry(end).or_default().push(member.id);
    }
    for members in ends.values_mut() {
        members.sort();
        members.dedup();
    }
    ends
}

struct Member {
    id: String,
    until: Option<Day>,
}

/// Reads `members`: the name of a list, or ids.
fn members(reader: &Reader<'_>, context: &Context<'_>) -> Vec<Member> {
    let texts = reader.texts("members");
    let named = |text: &Text<'_>| text.text.starts_with("allow:") || text.text.starts_with("deny:");
    let mut members = Vec::new();
    for text in texts {
        if named(&text) {
            let rows = context.list(text).map(|list| list.rows.as_slice()).unwrap_or_default();
            members.extend(rows.iter().map(|row| Member { id: row.value.clone(), until: row.until }));
        } else {
            members.push(Member { id: text.text.to_owned(), until: None });
        }
    }
    members
}

fn rules(reader: &Reader<'_>, context: &Context<'_>) -> Vec<RuleIdx> {
    let named = reader.texts("rules").into_iter().filter(|name| !context.disabled.contains(name.text));
    let mut rules: Vec<RuleIdx> = named
        .filter_map(|name| context.rules.find(name, context.findings))
        .map(|at| RuleIdx(at as u16))
        .collect();
    rules.sort();
    rules.dedup();
    rules
}

fn until(reader: &Reader<'_>) -> Option<Day> {
    let node = reader.node("until")?;
    let (Value::Text(text) | Value::Date(text)) = &node.value else {
        return not_a_day(reader, &node.place);
    };
    Day::parse(text).or_else(|| not_a_day(reader, &node.place))
}

fn not_a_day(reader: &Reader<'_>, place: &Place) -> Option<Day> {
    let finding = Diagnostic::new("E007", place.clone(), "`until` 不是日期", "`until` is no date");
    reader.findings.add(finding.with_help("例如 2025-06-30", "such as 2025-06-30"));
    None
}

fn warn_about_end(
    id: Text<'_>,
    members: &[Member],
    until: Option<Day>,
    place: &Place,
    context: &Context<'_>,
) {
    let endless = until.is_none() && members.iter().any(|member| member.until.is_none());
    if endless {
        let finding = Diagnostic::new(
            "W115",
            place.clone(),
            format!("豁免 “{}” 没有截止日期", id.text),
            format!("exemption `{}` has no end date", id.text),
        );
        context
            .findings
            .add(finding.with_help("加一行 until = \"2025-06-30\"", "add a line until = \"2025-06-30\""));
    }
    let past = |day: &Day| context.today.is_some_and(|today| *day <= today);
    if until.iter().chain(members.iter().filter_map(|member| member.until.as_ref())).any(past) {
        let finding = Diagnostic::new(
            "W115",
            place.clone(),
            format!("豁免 “{}” 已经（部分）到期", id.text),
            format!("exemption `{}` has ended, in part or in whole", id.text),
        );
        context.findings.add(finding.with_help("删去它，或写上新的日期", "remove it, or write a new date"));
    }
}

const ROLES: &[(&str, ExemptRole)] = &[
    ("owner", ExemptRole::Owner),
    ("admin", ExemptRole::Admin),
    ("staff", ExemptRole::Staff),
    ("bot", ExemptRole::Bot),
];
