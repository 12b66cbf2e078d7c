//! Measures the scope words on 318 hand-made sentences.
//!
//! Each sentence brings its own terms and says whether it should count. A quoted head is cut off
//! first, as the archive stage does. `cargo test --lib mention::scope_suite -- --nocapture` prints
//! the figures per category and what goes wrong.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lexicon::{Catalog, Lexicon, NegationPolicy, Term, parse};
use crate::time::Zone;

use super::cases::{mentions_of, message};
use super::{Annotator, Mention, Polarity, Scratch};

const SUITE: &str = include_str!("testdata/scope_dev.jsonl");

fn negation() -> Lexicon {
    parse("lexicons/negation.csv", include_bytes!("../../dictionaries/lexicons/negation.csv")).0
}

/// The negation lexicon without the words of one category.
fn negation_without(category: &str) -> Lexicon {
    let whole = negation();
    let terms = whole.terms().iter().filter(|term| term.category.first().is_none_or(|own| own != category));
    Lexicon::new("negation", terms.cloned().collect())
}

fn terms_of(case: &Value) -> Vec<Term> {
    let terms = case["terms"].as_array().unwrap();
    let policy = |term: &Value| match (term["neg"].as_str(), case["signal"].as_str()) {
        (Some("flip"), _) => NegationPolicy::Flip,
        (_, Some("complaint")) => NegationPolicy::Drop,
        _ => NegationPolicy::Ignore,
    };
    let make =
        |term: &Value| Term { negation: policy(term), ..Term::plain("t", term["term"].as_str().unwrap()) };
    terms.iter().map(make).collect()
}

fn counts(case: &Value, mention: &Mention, term: &Term) -> bool {
    let complaint = case["signal"] == "complaint";
    let price = !complaint && mention.polarity != Polarity::Reported;
    let wanted = mention.flipped == (term.negation == NegationPolicy::Flip);
    wanted && (price || complaint && mention.polarity == Polarity::Asserted)
}

/// The sentence without a quoted head.
fn own_words(text: &str) -> &str {
    let quoted = text.starts_with('「') || text.starts_with("这是一条引用");
    match text.rsplit_once("\n- - -").or_else(|| text.rsplit_once("\n---")) {
        Some((_, rest)) if quoted => rest.trim_start_matches(['-', ' ', '\n']),
        _ => text,
    }
}

/// The cases that are not debatable.
fn cases() -> Vec<Value> {
    let cases = SUITE.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    cases.filter(|case| case["debatable"] != true).collect()
}

/// Every case as a lexicon of its own, beside the scope words. Lexicons do not see one another.
fn catalog(cases: &[Value], scope: &Lexicon) -> Catalog {
    let id = |case: &Value| case["id"].as_str().unwrap().to_owned();
    let lexicons = cases.iter().map(|case| Lexicon::new(&id(case), terms_of(case)));
    Catalog::new(lexicons.chain([scope.clone()]).collect())
}

/// The mentions of a case's own terms.
fn mentions_in(case: &Value, catalog: &Catalog, annotator: &Annotator) -> Vec<Mention> {
    let text = own_words(case["text"].as_str().unwrap());
    let mut mentions = Vec::new();
    annotator.annotate(&message(&[text]), &mut Scratch::default(), &mut mentions);
    let own = catalog.find(case["id"].as_str().unwrap()).unwrap();
    mentions.retain(|mention| mention.lexicon == own);
    mentions
}

/// Right answers and cases.
type Score = (usize, usize);

/// Scores by category of what counts, and the score of how it is meant (`expect`); debatable
/// cases are left out.
fn measure(scope: &Lexicon, print: bool) -> (BTreeMap<String, Score>, Score) {
    let mut by_category: BTreeMap<String, Score> = BTreeMap::new();
    let mut meaning = (0, 0);
    let cases = cases();
    let catalog = catalog(&cases, scope);
    let annotator = Annotator::new(&catalog, &Zone::shanghai());
    for case in &cases {
        let mentions = mentions_in(case, &catalog, &annotator);
        let counted = mentions.iter().any(|mention| counts(case, mention, catalog.term(mention.term)));
        let right = case["counts"] == counted;
        let entry = by_category.entry(case["category"].as_str().unwrap().to_owned()).or_default();
        *entry = (entry.0 + usize::from(right), entry.1 + 1);
        if let Some(meant) = meant(case) {
            meaning = (meaning.0 + usize::from(meant == meaning_of(&mentions)), meaning.1 + 1);
        }
        if print && !right {
            let found: Vec<_> = mentions.iter().map(|mention| (mention.polarity, mention.flipped)).collect();
            show(&format!("{} {} want {} {found:?}", case["category"], case["text"], case["expect"]));
        }
    }
    (by_category, meaning)
}

/// What the case says the writer means, where a scope word can tell.
fn meant(case: &Value) -> Option<Polarity> {
    match case["expect"].as_str() {
        Some("asserted") => Some(Polarity::Asserted),
        Some("negated") => Some(Polarity::Negated),
        Some("questioned") => Some(Polarity::Questioned),
        Some("hypothetical") => Some(Polarity::Hypothetical),
        Some("reported") => Some(Polarity::Reported),
        _ => None,
    }
}

fn meaning_of(mentions: &[Mention]) -> Polarity {
    mentions.first().map_or(Polarity::Negated, |mention| mention.polarity)
}

fn accuracy(by_category: &BTreeMap<String, Score>) -> f64 {
    let (right, all) = by_category.values().fold((0, 0), |sum, (right, all)| (sum.0 + right, sum.1 + all));
    right as f64 / all as f64
}

#[allow(clippy::print_stdout, reason = "figures for a person who asks for them")]
fn show(line: &str) {
    println!("{line}");
}

#[test]
fn the_scope_words_decide_most_sentences_rightly() {
    let (by_category, meaning) = measure(&negation(), true);
    for (category, (right, all)) in &by_category {
        show(&format!("{category:20} {right:3} of {all:3}"));
    }
    let accuracy = accuracy(&by_category);
    show(&format!("accuracy {accuracy:.3}; meaning {} of {}", meaning.0, meaning.1));
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn every_kind_of_scope_word_earns_its_place() {
    let (whole, meaning) = measure(&negation(), false);
    let words = negation();
    let mut categories: Vec<&str> = words.terms().iter().map(|term| term.category[0].as_str()).collect();
    categories.dedup();
    for category in categories {
        let (without, meaning_without) = measure(&negation_without(category), false);
        let points = (accuracy(&whole) - accuracy(&without)) * 100.0;
        let meant = meaning.0 as i64 - meaning_without.0 as i64;
        show(&format!("{category} {points:+.1} points, meaning {meant:+}"));
        assert!(points >= 0.0 && (points > 0.0 || meant > 0), "{category}: {points:+.1} points, {meant:+}");
    }
}

#[test]
fn the_list_of_scope_words_is_clean() {
    let (_, findings) = parse("negation.csv", include_bytes!("../../dictionaries/lexicons/negation.csv"));
    let serious: Vec<_> = findings.iter().filter(|finding| finding.code != "W104").collect();
    assert!(serious.is_empty(), "{serious:#?}");
}

#[test]
fn plain_denials_are_mentions_of_nothing() {
    let (terms, scope) = ([Term::plain("t", "不满意")], negation());
    assert_eq!(mentions_of(&terms, Some(&scope), "不是不满意，没有不要").len(), 1);
}
