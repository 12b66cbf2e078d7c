//! The sample archive, read back from its tables, against the answers written beside it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use chattag::archive::{ReadOptions, Roster};
use chattag::batch::{self, Progress, RunOptions, RunReport};
use chattag::bundle::{Bundle, Options};
use chattag::rules::Status;
use chattag::time::{Timestamp, Zone};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// A row by column name; times are local.
type Row = BTreeMap<String, String>;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples")
}

fn bundle() -> Bundle {
    Bundle::embedded(&Options::default()).0.expect("the shipped dictionaries have no errors")
}

/// One run over the samples, in a directory of its own.
struct Answered {
    place: TempDir,
    report: RunReport,
}

impl Answered {
    fn new(bundle: &Bundle, inputs: &[PathBuf]) -> Answered {
        let place = tempfile::tempdir().unwrap();
        let sources = samples().join("events/sources.toml").to_str().unwrap().to_owned();
        let events: Vec<String> =
            (!inputs[0].ends_with("encrypted")).then_some(sources).into_iter().collect();
        let roster = Roster::read(&samples().join("roster.csv")).unwrap();
        let options = RunOptions {
            events: batch::event_sources(&events).unwrap(),
            read: ReadOptions { roster, ..ReadOptions::default() },
            jobs: Some(2),
            memory: 64 << 20,
            ..RunOptions::new(
                inputs.iter().map(|input| input.to_str().unwrap().to_owned()).collect(),
                &place.path().join("out"),
            )
        };
        let report = batch::run(bundle, &options, &Progress::default()).unwrap();
        Answered { place, report }
    }

    /// Returns all rows of `table`, in no order.
    fn table(&self, table: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        for path in files_below(&self.place.path().join("out/current").join(table)) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                rows.extend((0..batch.num_rows()).map(|row| read_row(&batch, row)));
            }
        }
        rows
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn read_row(batch: &RecordBatch, row: usize) -> Row {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns());
    cells.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
}

/// Reads a cell: empty for null, local time for an instant, the `rule_id`s of a list of rules.
fn cell(column: &dyn Array, row: usize) -> String {
    match column.data_type() {
        _ if column.is_null(row) => String::new(),
        DataType::Timestamp(..) => local(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::List(_) => rule_ids(&column.as_list::<i32>().value(row)),
        _ => array_value_to_string(column, row).unwrap(),
    }
}

/// Writes microseconds since the epoch as the expected answers do, with milliseconds.
fn local(micros: i64) -> String {
    let text = Zone::shanghai().format(Timestamp(micros.div_euclid(1000)));
    if text.contains('.') { text } else { format!("{text}.000") }
}

fn rule_ids(list: &dyn Array) -> String {
    let ids = list.as_struct_opt().and_then(|rows| rows.column_by_name("rule_id"));
    let Some(ids) = ids else { return String::new() };
    let ids: Vec<&str> = ids.as_string::<i32>().iter().flatten().collect();
    ids.join(";")
}

/// Reads `expected/<name>.csv`.
fn expected(name: &str) -> Vec<Row> {
    let mut reader =
        csv::Reader::from_path(samples().join("expected").join(name).with_extension("csv")).unwrap();
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

/// Picks columns, in the order they are named.
fn picked(rows: &[Row], columns: &[&str]) -> Vec<Vec<String>> {
    rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect()).collect()
}

/// Compares row by row and prints what is missing and what is too much.
#[track_caller]
fn assert_same(table: &str, expected: &[Vec<String>], actual: &[Vec<String>]) {
    let less = |a: &[Vec<String>], b: &[Vec<String>]| -> Vec<Vec<String>> {
        let mut left = b.to_vec();
        let has = |row: &&Vec<String>| match left.iter().position(|other| other == *row) {
            Some(place) => {
                left.swap_remove(place);
                false
            }
            None => true,
        };
        a.iter().filter(has).cloned().collect()
    };
    let (missing, extra) = (less(expected, actual), less(actual, expected));
    assert!(missing.is_empty() && extra.is_empty(), "{table}: missing {missing:#?}, too much {extra:#?}");
    assert!(!expected.is_empty(), "{table}: nothing is expected");
}

#[test]
fn the_samples_give_the_answers_written_beside_them() {
    let answered = Answered::new(&bundle(), &[samples().join("archive")]);
    let columns = ["customer", "staff", "kind", "tag_id", "at", "rule_id", "reason"];
    assert_same(
        "tag_events",
        &picked(&expected("tag_events"), &columns),
        &picked(&answered.table("tag_events"), &columns),
    );
    let columns = ["customer", "staff", "tag_id", "since", "rule_id"];
    assert_same(
        "current_tags",
        &picked(&expected("current_tags"), &columns),
        &picked(&answered.table("current_tags"), &columns),
    );
    assert_same(
        "alerts",
        &picked(&expected("alerts"), &["customer", "staff", "name", "kind", "level", "at", "rule_id"]),
        &picked(&answered.table("alerts"), &["customer", "staff", "alert", "kind", "level", "at", "rule_id"]),
    );
    assert_same(
        "kick_decisions",
        &picked(
            &expected("kick_decisions"),
            &["room", "member", "msgid", "at", "action", "reason", "rule_ids", "exemption"],
        ),
        &picked(
            &answered.table("kick_decisions"),
            &["room", "customer", "msgid", "at", "action", "reason", "rules", "exemption_id"],
        ),
    );
}

#[test]
fn every_record_of_the_samples_is_counted_once_under_its_reason() {
    let answered = Answered::new(&bundle(), &[samples().join("archive")]);
    let (report, tally) = (&answered.report, &answered.report.tally);
    assert!(tally.adds_up());
    let outcomes = [
        ("read", tally.read),
        ("processed", tally.processed),
        ("duplicate", tally.duplicate),
        ("control", tally.control),
        ("skipped", tally.skipped),
        ("quarantined", tally.quarantined),
        ("note.conflicting_duplicates", report.conflicting_duplicates),
        ("note.unknown_recalls", report.unknown_recalls),
    ];
    let mut counted: BTreeMap<String, u64> =
        outcomes.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    counted.extend(tally.reasons.iter().map(|(reason, n)| (reason.clone(), *n)));
    counted.extend(tally.notes.iter().map(|(note, n)| (format!("note.{note}"), *n)));
    let expected =
        expected("counts").into_iter().map(|row| (row["reason"].clone(), row["count"].parse().unwrap()));
    assert_eq!(counted, expected.collect());
    let refused = answered.table("quarantine");
    assert_eq!(refused.len() as u64, tally.quarantined);
}

#[test]
fn every_shipped_rule_fires_in_the_samples_and_spares_somebody() {
    let bundle = bundle();
    let shipped: BTreeSet<&str> = bundle
        .rules
        .rules
        .iter()
        .filter(|rule| rule.status != Status::Experimental)
        .map(|rule| rule.id.as_str())
        .collect();
    let answers = ["tag_events", "alerts", "kick_decisions"].map(expected).concat();
    let named = answers.iter().flat_map(|row| row.get("rule_id").or(row.get("rule_ids")).unwrap().split(';'));
    let firing: BTreeSet<&str> = named.filter(|rule| !rule.is_empty()).collect();
    let spared = expected("near_misses");
    let sparing: BTreeSet<&str> = spared.iter().map(|row| row["rule_id"].as_str()).collect();
    assert_eq!(firing, shipped, "rules that fire");
    assert_eq!(sparing, shipped, "rules that spare somebody");
}

#[test]
fn nobody_who_only_comes_close_is_touched() {
    let answered = Answered::new(&bundle(), &[samples().join("archive")]);
    let mut touched: BTreeSet<(String, String)> = BTreeSet::new();
    for (table, rules) in [("tag_events", "rule_id"), ("alerts", "rule_id"), ("kick_decisions", "rules")] {
        for row in answered.table(table) {
            touched.extend(row[rules].split(';').map(|rule| (rule.to_owned(), row["customer"].clone())));
        }
    }
    for row in expected("near_misses") {
        let near = (row["rule_id"].clone(), row["customer"].clone());
        assert!(!touched.contains(&near), "{} and {}: {}", near.0, row["who"], row["why"]);
    }
}

#[test]
fn the_files_of_the_samples_may_come_in_any_order() {
    let bundle = bundle();
    let whole = Answered::new(&bundle, &[samples().join("archive")]);
    let mut files = files_below(&samples().join("archive"));
    files.retain(|file| !file.file_name().unwrap().to_str().unwrap().starts_with('_'));
    files.reverse();
    let pieces = Answered::new(&bundle, &files);
    for table in ["tag_events", "current_tags", "alerts", "kick_decisions"] {
        assert_eq!(whole.table(table), pieces.table(table), "{table}");
    }
}

#[test]
fn encrypted_envelopes_are_counted_by_key_version_and_nothing_is_decided() {
    let answered = Answered::new(&bundle(), &[samples().join("encrypted")]);
    let tally = &answered.report.tally;
    assert_eq!((tally.read, tally.skipped, tally.reasons["skipped.encrypted"]), (3, 3, 3));
    assert_eq!((tally.notes["encrypted.key_version_3"], tally.notes["encrypted.key_version_4"]), (2, 1));
    assert!(answered.report.tags.is_empty() && answered.report.alerts.is_empty());
}
