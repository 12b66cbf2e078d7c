//! Writes what came of failing tests into their rule files; comments stay.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, Value};

use crate::rules::SourceFile;
use crate::scenario::Outcome;

/// Returns the rule files with `expect` of the failing tests replaced by what came. Tests of files
/// that cannot be read, or whose name stands twice in a file, are left alone.
pub fn update(files: &[SourceFile], outcomes: &[Outcome]) -> Vec<SourceFile> {
    let mut by_file: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.is_failure()) {
        by_file.entry(outcome.place.file.as_str()).or_default().push(outcome);
    }
    by_file.iter().filter_map(|(path, failed)| update_file(files, path, failed)).collect()
}

fn update_file(files: &[SourceFile], path: &str, failed: &[&Outcome]) -> Option<SourceFile> {
    let file = files.iter().find(|file| file.path == path)?;
    let mut document: DocumentMut = std::str::from_utf8(&file.bytes).ok()?.parse().ok()?;
    for outcome in failed {
        let tests = document.get_mut("test")?.as_array_of_tables_mut()?;
        let is_named = |test: &toml_edit::Table| {
            test.get("name").and_then(|name| name.as_str()) == Some(outcome.name.as_str())
        };
        if tests.iter().filter(|test| is_named(test)).count() == 1 {
            let test = tests.iter_mut().find(|test| is_named(test))?;
            test.insert("expect", toml_edit::Item::Value(lines(&outcome.actual)));
        }
    }
    let bytes = document.to_string().into_bytes();
    (bytes != file.bytes).then(|| SourceFile { path: path.to_owned(), bytes })
}

/// An array, one line of text each where there are several.
fn lines(texts: &[String]) -> Value {
    let mut array: Array = texts.iter().map(String::as_str).collect();
    if texts.len() > 1 {
        array.iter_mut().for_each(|value| value.decor_mut().set_prefix("\n  "));
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    Value::Array(array)
}
