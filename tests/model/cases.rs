//! Tables of small cases: rules, a timeline, the rows it leads to.

use chattag::message::KeyKind;
use chattag::rules::RuleSet;
use chattag::verdict::{Engine, Row, Stream};

use super::kit::*;

/// Id, rules, events, the rows they lead to.
pub type Case = (&'static str, fn() -> RuleSet, &'static [&'static str], &'static [&'static str]);

/// Runs a timeline; a last line `as_of …` says until when.
pub fn rows(set: &RuleSet, timeline: &[&str]) -> Vec<Row> {
    let engine = Engine::new(set, KeyKind::Customer);
    let mut stream = Stream::new(&engine, DAY.times(1_000));
    let (mut out, mut as_of) = (Vec::new(), instant("2034-01-01 00:00"));
    for (line, number) in timeline.iter().zip(1..) {
        if let Some(text) = line.strip_prefix("as_of ") {
            as_of = instant(text);
        } else {
            let (name, event) = read_event(line, number);
            stream.push(&key(&name), event, &mut out);
        }
    }
    stream.advance_to(as_of, &mut out);
    out
}

/// Runs all cases and reports those that go wrong together.
pub fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for (id, rules, timeline, expected) in cases {
        let set = rules();
        let found: Vec<String> = rows(&set, timeline).iter().map(|row| text(&set, row)).collect();
        if found != *expected {
            wrong.push(format!("{id}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
