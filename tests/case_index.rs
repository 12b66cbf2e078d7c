//! The numbered cases of the input specification: each stands in the name of a test, or beside the row of a
//! table that is it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

/// How many cases there are.
const CASES: u32 = 80;

fn sources(at: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("case_index.rs")
        {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// The numbers after `case` or `cases`, in a name or a comment: `case_52_53`, `// cases 1, 2`, `// 69`. Each is
/// written out: a range would hide the one that nobody thought of.
fn named(line: &str, mention: &Regex, numbers: &Regex) -> Vec<u32> {
    let Some(found) = mention.captures(line) else { return Vec::new() };
    let list = found.get(1).or(found.get(2)).map_or("", |list| list.as_str());
    numbers.find_iter(list).filter_map(|number| number.as_str().parse().ok()).collect()
}

#[test]
fn every_case_of_the_specification_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    sources(&root.join("src"), &mut texts);
    sources(&root.join("tests"), &mut texts);
    let mention = Regex::new(r"(?://.*?\b|fn )cases?[ _](.*)|// (\d\d)$").unwrap();
    let numbers = Regex::new(r"\d+").unwrap();
    let lines = texts.iter().flat_map(|text| text.lines());
    let tested: BTreeSet<u32> = lines.flat_map(|line| named(line, &mention, &numbers)).collect();
    let missing: Vec<u32> = (1..=CASES).filter(|case| !tested.contains(case)).collect();
    assert_eq!(missing, [0; 0]);
}
