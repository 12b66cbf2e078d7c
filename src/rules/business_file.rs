//! Compiles signals about business events: their kinds and the conditions of `where`.

use super::reader::{Reader, Text, meant_en, meant_zh};
use super::signal_def::{Business, Test};
use super::tree::{Entry, Node, Value};
use crate::business::{self, BusinessKind, FieldValue};
use crate::diagnostic::Diagnostic;

/// Reads `kind` and `where`; none when the signal is about messages.
pub fn conditions(reader: &Reader<'_>) -> Option<Business> {
    let words = reader.texts("kind");
    if words.iter().all(|word| word.text == "message") {
        return None;
    }
    let mut kinds: Vec<BusinessKind> = words.into_iter().filter_map(|word| kind(word, reader)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let table = reader.table("where");
    let mut tests: Vec<(String, Test)> = table
        .iter()
        .flat_map(|table| &table.entries)
        .flat_map(|entry| field(entry, &kinds, reader))
        .collect();
    tests.sort_by(|a, b| a.0.cmp(&b.0));
    Some(Business { kinds, tests })
}

fn kind(word: Text<'_>, reader: &Reader<'_>) -> Option<BusinessKind> {
    let known = BusinessKind::named(word.text);
    if known.is_none() {
        let words: Vec<&str> = business::KINDS.iter().map(|doc| doc.word).collect();
        let zh = format!("不认识的事件 “{}”{}", word.text, meant_zh(word.text, &words));
        let en = format!("unknown kind of event `{}`{}", word.text, meant_en(word.text, &words));
        let all = words.join(" | ");
        let finding = Diagnostic::new("E001", word.place.clone(), zh, en);
        reader
            .findings
            .add(finding.with_help(format!("可选: message | {all}"), format!("one of: message | {all}")));
    }
    known
}

/// Reads the conditions on one field: `amount_fen = { gt = 3000000 }`.
fn field(entry: &Entry, kinds: &[BusinessKind], reader: &Reader<'_>) -> Vec<(String, Test)> {
    if !kinds.iter().any(|kind| business::is_field(*kind, &entry.key)) && !kinds.is_empty() {
        report_field(entry, kinds, reader);
        return Vec::new();
    }
    let Value::Table(table) = &entry.node.value else {
        report::<()>(&entry.node, reader);
        return Vec::new();
    };
    let tests = table.entries.iter().filter_map(|entry| test(entry, reader));
    tests.map(|test| (entry.key.clone(), test)).collect()
}

fn report_field(entry: &Entry, kinds: &[BusinessKind], reader: &Reader<'_>) {
    let known: Vec<&str> = kinds.iter().flat_map(|kind| kind.doc().fields).map(|(name, ..)| *name).collect();
    let zh = format!("这类事件没有字段 `{}`{}", entry.key, meant_zh(&entry.key, &known));
    let en = format!("these events have no field `{}`{}", entry.key, meant_en(&entry.key, &known));
    let finding = Diagnostic::new("E001", entry.place.clone(), zh, en);
    let all = known.join(" ");
    reader.findings.add(finding.with_help(
        format!("可用: {all}；自己的字段以 x_ 开头"),
        format!("known: {all}; fields of your own begin with x_"),
    ));
}

fn test(entry: &Entry, reader: &Reader<'_>) -> Option<Test> {
    let node = &entry.node;
    let number = || number(node).or_else(|| report(node, reader));
    let value = || value(node).or_else(|| report(node, reader));
    match entry.key.as_str() {
        "eq" => value().map(Test::Eq),
        "ne" => value().map(Test::Ne),
        "gt" => number().map(Test::Gt),
        "ge" => number().map(Test::Ge),
        "lt" => number().map(Test::Lt),
        "le" => number().map(Test::Le),
        "in" => list(node, reader).map(Test::In),
        "exists" => match node.value {
            Value::Bool(there) => Some(Test::Exists(there)),
            _ => report(node, reader),
        },
        other => {
            let (zh, en) = (format!("不认识的比较 `{other}`"), format!("unknown comparison `{other}`"));
            let finding = Diagnostic::new("E001", entry.place.clone(), zh, en);
            let all = "eq ne gt ge lt le in exists";
            reader.findings.add(finding.with_help(format!("可选: {all}"), format!("one of: {all}")));
            None
        }
    }
}

fn list(node: &Node, reader: &Reader<'_>) -> Option<Vec<FieldValue>> {
    let Value::List(items) = &node.value else { return report(node, reader) };
    let mut values: Vec<FieldValue> = items.iter().filter_map(value).collect();
    if values.len() != items.len() {
        return report(node, reader);
    }
    values.sort();
    Some(values)
}

fn value(node: &Node) -> Option<FieldValue> {
    match &node.value {
        Value::Text(text) => Some(FieldValue::Text(text.as_str().into())),
        _ => number(node).map(FieldValue::Number),
    }
}

fn number(node: &Node) -> Option<i64> {
    if let Value::Int(number) = node.value { Some(number) } else { None }
}

fn report<T>(node: &Node, reader: &Reader<'_>) -> Option<T> {
    let (zh, en) = ("`where` 的条件写错了", "a condition of `where` is malformed");
    let finding = Diagnostic::new("E001", node.place.clone(), zh, en);
    reader.findings.add(finding.with_help(
        "例如 where = { status = { eq = \"paid\" }, amount_fen = { gt = 3000000 } }，金额是整数分",
        "such as where = { status = { eq = \"paid\" }, amount_fen = { gt = 3000000 } }, money in whole fen",
    ));
    None
}
