//! Measures the disguises on 396 hand-made sentences, 140 of them traps.
//!
//! Each sentence brings its own terms. `cargo test --lib mention::disguise_suite -- --nocapture` prints what is
//! missed and what is found wrongly.

use serde_json::Value;

use crate::lexicon::{Catalog, Detector, LayerSet, Lexicon, Mode, Term};
use crate::time::Zone;

use super::cases::message;
use super::{Annotator, Mention, Scratch};

const SUITE: &str = include_str!("testdata/obfuscation_dev.jsonl");

fn term(spec: &Value) -> Term {
    let text = spec["term"].as_str().unwrap();
    let unless = spec["unless"].as_array().into_iter().flatten();
    let contexts = unless.map(|phrase| phrase.as_str().unwrap().to_owned()).collect();
    let detects = spec["detector"].as_str().is_some_and(|name| Detector::named(name).is_some());
    let mode = if detects { Mode::Detector } else { Mode::Contains };
    Term { contexts, mode, ..Term::plain("t", text) }
}

/// Every case as a lexicon of its own. Lexicons do not see one another.
fn catalog(cases: &[Value]) -> Catalog {
    let lexicon = |case: &Value| {
        let terms = case["terms"].as_array().unwrap().iter().map(term).collect();
        let mut lexicon = Lexicon::new(case["id"].as_str().unwrap(), terms);
        lexicon.set_layers(LayerSet::ALL);
        lexicon
    };
    Catalog::new(cases.iter().map(lexicon).collect())
}

/// What the case's own terms find, each with the term's text.
fn found(case: &Value, catalog: &Catalog, annotator: &Annotator) -> Vec<(String, Mention)> {
    let parts: Vec<&str> = match case["parts"].as_array() {
        Some(parts) => parts.iter().map(|part| part.as_str().unwrap()).collect(),
        None => vec![case["text"].as_str().unwrap()],
    };
    let mut mentions = Vec::new();
    annotator.annotate(&message(&parts), &mut Scratch::default(), &mut mentions);
    let own = catalog.find(case["id"].as_str().unwrap()).unwrap();
    let own = mentions.into_iter().filter(|mention| mention.lexicon == own);
    own.map(|mention| (catalog.term(mention.term).text.clone(), mention)).collect()
}

/// Returns whether some find of the expected term overlaps the expected place.
fn is_found(expected: &Value, found: &[(String, Mention)]) -> bool {
    let start = expected["start"].as_u64().unwrap() as u32;
    let end = start + expected["span_text"].as_str().unwrap().chars().count() as u32;
    found.iter().any(|(term, mention)| {
        expected["term"] == **term && mention.chars.start < end && start < mention.chars.end
    })
}

#[allow(clippy::print_stdout, reason = "figures for a person who asks for them")]
fn show(line: &str) {
    println!("{line}");
}

#[test]
fn disguises_are_seen_through_and_traps_are_not() {
    let cases: Vec<Value> = SUITE.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cases: Vec<Value> = cases.into_iter().filter(|case| case["debatable"] != true).collect();
    let catalog = catalog(&cases);
    let zone = Zone::shanghai();
    let annotator = Annotator::new(&Catalog::default(), &zone).beside(&catalog, &zone);
    let (mut must, mut seen, mut traps, mut sprung) = (0, 0, 0, 0);
    for case in &cases {
        let finds = found(case, &catalog, &annotator);
        let expected = case["expect"].as_array().unwrap();
        if expected.is_empty() {
            traps += 1;
            sprung += usize::from(!finds.is_empty());
            if !finds.is_empty() {
                show(&format!("trap {} {}", case["category"], case["text"]));
            }
        } else if case["level"] == "must" {
            must += expected.len();
            seen += expected.iter().filter(|one| is_found(one, &finds)).count();
            for one in expected.iter().filter(|one| !is_found(one, &finds)) {
                show(&format!("missed {} {} in {}", case["category"], one["term"], case["text"]));
            }
        }
    }
    show(&format!("must be found: {seen} of {must}; traps: {sprung} of {traps}"));
    assert!(seen * 100 >= must * 95, "{seen} of {must}");
    assert!(sprung * 100 <= traps * 5, "{sprung} of {traps}");
}
