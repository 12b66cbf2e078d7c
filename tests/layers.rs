//! The architecture as a test: who may name whom, and what the core never touches.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::{Path, PathBuf};

/// The stages in the order data flows. A stage names only those before it.
const STAGES: &[&str] = &[
    "archive", "language", "lexicon", "mention", "model", "rules", "signal", "timeline", "verdict", "writer",
];

/// From language to verdict: no files, no clock, no threads, no randomness, no logging.
const CORE: &[&str] = &["language", "lexicon", "mention", "model", "rules", "signal", "timeline", "verdict"];

/// Words that would bring the outside world into the core.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "rand::",
    "rayon",
    "tracing",
    "println!",
    "eprintln!",
    "HashMap<",
    "HashSet<",
];

/// Uses that look like a breach and are none, with the reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    // With a fixed seed, and only looked up: their order is never seen.
    ("mention", "search.rs", "HashMap<"),
    ("signal", "saved_ids.rs", "HashMap<"),
];

/// Cross references that are part of the vocabulary of compiled rules and of trees built from them.
const LATER_TYPES: &[(&str, &str)] = &[];

fn sources(stage: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(stage)];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.retain(|path| !is_test_only(path));
    found.sort();
    assert!(!found.is_empty(), "stage {stage} has files");
    found
}

/// Returns whether the module of `path` is declared `#[cfg(test)]`.
fn is_test_only(path: &Path) -> bool {
    let module = path.file_stem().unwrap().to_string_lossy().into_owned();
    let parent = path.with_file_name("mod.rs");
    fs::read_to_string(parent).is_ok_and(|text| text.contains(&format!("#[cfg(test)]\nmod {module};")))
}

/// The lines of code of a file, with their numbers: no comments, nothing from `mod tests` on.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line.to_owned()))
        .collect()
}

#[test]
fn a_stage_names_only_stages_before_it() {
    let mut breaches = Vec::new();
    for (position, stage) in STAGES.iter().enumerate() {
        for path in sources(stage) {
            for (number, line) in code(&path) {
                for later in &STAGES[position + 1..] {
                    let names = line.contains(&format!("crate::{later}::"))
                        || line.contains(&format!("crate::{later};"));
                    if names && !LATER_TYPES.contains(&(stage, later)) {
                        breaches.push(format!("{}:{number}: {stage} names {later}", path.display()));
                    }
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_core_touches_no_files_clock_threads_or_log() {
    let mut breaches = Vec::new();
    for stage in CORE {
        for path in sources(stage) {
            for (number, line) in code(&path) {
                for word in OUTSIDE.iter().filter(|word| line.contains(**word)) {
                    let name = path.file_name().unwrap().to_string_lossy();
                    if !ALLOWED.iter().any(|(s, file, w)| s == stage && *file == name && w == word) {
                        breaches.push(format!("{}:{number}: {word}", path.display()));
                    }
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for path in STAGES.iter().flat_map(|stage| sources(stage)) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no module doc", path.display());
    }
}
