//! Reads a TOML file into a tree in which every key and value knows its place.
//!
//! Reading never fails: what cannot be read is reported and left out. Entries
//! of a table stand in the order they are written.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::Findings;
use crate::diagnostic::{Diagnostic, Place};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What is written.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text in quotes.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
    /// A date, a time, or both, as TOML writes them.
    Date(String),
}

/// Keys and values in the order they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Where the table begins.
    pub place: Place,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// One line of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is written.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Table {
    /// Returns the entry of `key`.
    pub fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Sets `entry.key`, in place of an entry of the same key.
    pub fn set(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|old| old.key == entry.key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// Returns the text of `key`, when it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.find(key)?.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads `text`, the contents of `file`. Syntax errors become `E001`.
pub fn parse(file: &str, text: &str, findings: &Findings) -> Table {
    let lines = Lines::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = lines.place(error.span().unwrap_or_default().start);
        let finding = Diagnostic::new(
            "E001",
            place,
            "这里不符合 TOML 语法",
            format!("this is not TOML: {}", error.message().trim()),
        );
        findings.add(finding.with_help(
            "检查引号、括号和等号；文字要放在英文双引号里，列表用 [ ]",
            "look at quotes, brackets and equal signs; text stands in double quotes, lists in [ ]",
        ));
    }
    lines.table(table.get_ref(), table.span())
}

/// Finds line and column of byte offsets in one file.
struct Lines<'a> {
    file: &'a str,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(file: &'a str, text: &'a str) -> Lines<'a> {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Lines { file, text, starts: std::iter::once(0).chain(ends).collect() }
    }

    fn place(&self, byte: usize) -> Place {
        let byte = byte.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= byte) - 1;
        let head = self.text.get(self.starts[line]..byte).unwrap_or_default();
        Place::new(self.file, line as u32 + 1, head.chars().count() as u32 + 1)
    }

    fn table(&self, table: &DeTable<'_>, span: Range<usize>) -> Table {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entries = entries.into_iter().map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: self.place(key.span().start),
            node: self.node(value),
        });
        Table { place: self.place(span.start), entries: entries.collect() }
    }

    fn node(&self, written: &Spanned<DeValue<'_>>) -> Node {
        let value = match written.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                let digits = number.as_str();
                i64::from_str_radix(digits, number.radix()).map_or(Value::Date(digits.to_owned()), Value::Int)
            }
            DeValue::Float(number) => {
                number.as_str().parse().map_or(Value::Date(number.as_str().to_owned()), Value::Float)
            }
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table, written.span())),
        };
        Node { value, place: self.place(written.span().start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_know_their_line_and_column_in_characters() {
        let text = "标题 = 1\n\"优惠\" = { b = 2, a = \"x\" }\n[[rule]]\nid = 'r'\n";
        let text = text.replace("标题", "title");
        let table = parse("rules/x.toml", &text, &Findings::default());
        let entry = table.find("优惠").unwrap();
        assert_eq!((entry.place.line, entry.place.column), (2, 1));
        let Value::Table(inner) = &entry.node.value else { panic!("a table") };
        let places: Vec<_> = inner.entries.iter().map(|e| (e.key.as_str(), e.node.place.column)).collect();
        assert_eq!(places, [("b", 14), ("a", 21)]);
    }

    #[test]
    fn a_broken_line_is_reported_and_the_rest_is_read() {
        let findings = Findings::default();
        let table = parse("rules/x.toml", "a = \nb = 2\n", &findings);
        assert_eq!(table.find("b").map(|entry| &entry.node.value), Some(&Value::Int(2)));
        let findings = findings.into_sorted();
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].code, findings[0].place.line), ("E001", 1));
    }
}
