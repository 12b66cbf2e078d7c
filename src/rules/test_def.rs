//! Reads the `[[test]]` tables of rule files. `scenario` plays them.

use super::findings::Findings;
use super::reader::{Reader, Text};
use super::tree::Table;
use crate::diagnostic::Place;

/// A timeline with what must come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTest {
    /// What people read.
    pub name: String,
    /// The rules that run.
    pub rules: Vec<Line>,
    /// What happens, line by line.
    pub timeline: Vec<Line>,
    /// The decisions, all of them, line by line.
    pub expect: Vec<Line>,
    /// Until when time passes after the last line.
    pub as_of: Option<Line>,
    /// A known gap: it is expected to fail.
    pub todo: bool,
    /// Where it is written.
    pub place: Place,
}

/// One text of a test, and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What is written.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// Reads one test; reports what is missing.
pub fn read(table: &Table, findings: &Findings) -> Option<RuleTest> {
    let reader = Reader::new(table, findings);
    let name = reader.required("name");
    let mut rules = lines(reader.text("rule").into_iter());
    rules.extend(lines(reader.texts("rules").into_iter()));
    if rules.is_empty() {
        reader.missing("rule");
    }
    if reader.node("timeline").is_none() {
        reader.missing("timeline");
    }
    if reader.node("expect").is_none() {
        reader.missing("expect");
    }
    let test = RuleTest {
        name: name.map_or_else(String::new, |name| name.text.to_owned()),
        rules,
        timeline: lines(reader.texts("timeline").into_iter()),
        expect: lines(reader.texts("expect").into_iter()),
        as_of: reader.text("as_of").map(Line::from),
        todo: reader.flag("todo").unwrap_or(false),
        place: reader.place().clone(),
    };
    reader.text("note");
    reader.finish();
    (!test.rules.is_empty()).then_some(test)
}

fn lines<'a>(texts: impl Iterator<Item = Text<'a>>) -> Vec<Line> {
    texts.map(Line::from).collect()
}

impl From<Text<'_>> for Line {
    fn from(text: Text<'_>) -> Line {
        Line { text: text.text.to_owned(), place: text.place.clone() }
    }
}
