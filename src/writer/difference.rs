//! What a replay changes: rows computed anew against those that stand in the tables.
//!
//! Rows are compared by their ids, which hold all that they say. A row that no longer holds is
//! written again as it stands, as one that takes it back.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};

use crate::error::Error;
use crate::message::KeyKind;
use crate::rules::RuleSet;
use crate::time::{Day, Timestamp};
use crate::verdict::{Decision, Reason, Row};

use super::alert_digests::TakenBack;
use super::carried::TagOf;
use super::commit::{Staging, Store};
use super::output_id::{correction_id, output_ids};
use super::parquet_file::{self, OutputFile};
use super::record::FileEntry;
use super::table::Table;
use super::tables::in_file_order;
use super::{alerts, kick_decisions, tag_events, words};

/// What a row is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct About<'r> {
    /// When it was decided.
    pub at: Timestamp,
    /// The rule that led to it.
    pub rule: Option<&'r str>,
    /// Whose it is, and the tag it changes; empty when it changes none.
    pub of: TagOf<'r>,
    /// The tag goes because its time ran out.
    pub ran_out: bool,
}

/// How rows computed anew differ from those that stand.
pub struct Difference {
    /// Rows that are missing.
    pub missing: Vec<Row>,
    /// By table: rows that stand and should not.
    wrong: BTreeMap<&'static str, Vec<RecordBatch>>,
}

impl Difference {
    /// Compares `rows` with what the tables of `store` say, as far as `concerns` says that a row is about it.
    ///
    /// # Errors
    ///
    /// Returns an error when a table cannot be read.
    pub fn new(
        store: &Store,
        mut rows: Vec<Row>,
        rules: &RuleSet,
        from: Timestamp,
        concerns: &dyn Fn(&About<'_>) -> bool,
    ) -> Result<Difference, Error> {
        rows.retain(|row| concerns(&about_row(row, rules)));
        let rows = in_file_order(&rows.iter().collect::<Vec<_>>());
        let ids = output_ids(&rows, rules);
        let mut open: HashMap<&str, i64> = HashMap::new();
        ids.iter().for_each(|id| *open.entry(id).or_default() += 1);
        let mut wrong = BTreeMap::new();
        for table in ledgers() {
            let files = standing_files(store, &table, rules.pack.zone.day(from));
            wrong.insert(table.name, compare(&table, &files, concerns, &mut open)?);
        }
        let missing = rows.iter().zip(&ids).filter(|(_, id)| take_one(&mut open, id));
        let missing = missing.map(|(row, _)| (*row).clone()).collect();
        Ok(Difference { missing, wrong })
    }

    /// Returns how many rows are taken back.
    pub fn n_wrong(&self) -> usize {
        self.wrong.values().flatten().map(RecordBatch::num_rows).sum()
    }

    /// Counts the rows that are taken back by the rule that led to them.
    pub fn wrong_by_rule(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for batch in self.wrong.values().flatten() {
            let rules = column(batch, "rule_id");
            for row in 0..batch.num_rows() {
                *counts.entry(text(rules, row).unwrap_or("-").to_owned()).or_default() += 1;
            }
        }
        counts
    }

    /// Returns the alerts that are taken back, as digests count them.
    pub fn alerts_taken_back(&self) -> Vec<TakenBack> {
        let batches = self.wrong.get(alerts::table().name).into_iter().flatten();
        batches.flat_map(|batch| (0..batch.num_rows()).filter_map(|row| alert_line(batch, row))).collect()
    }

    /// Writes the rows that take others back into `staging`, each day of each table into a file.
    ///
    /// # Errors
    ///
    /// Returns an error when a file cannot be written.
    pub fn write_corrections(&self, rules: &RuleSet, staging: &Staging) -> Result<Vec<OutputFile>, Error> {
        let mut files = Vec::new();
        for table in ledgers() {
            let failed = |source: ArrowError| Error::parquet(table.name, source.into());
            let batches = self.wrong.get(table.name).map_or(&[][..], Vec::as_slice);
            let all = concat_batches(&table.schema(), batches).map_err(failed)?;
            let all = taking_back(&all, staging.commit_number())
                .and_then(|all| sorted(&table, &all))
                .map_err(failed)?;
            for (day, rows) in by_day(&all, rules).map_err(failed)? {
                files.push(write_file(&table, day, &rows, staging)?);
            }
        }
        Ok(files)
    }
}

/// Calls `visit` with what each row of `tag_events` is about, whichever commit wrote it.
///
/// # Errors
///
/// Returns an error when a file cannot be read.
pub fn visit_tag_events(store: &Store, mut visit: impl FnMut(&About<'_>)) -> Result<(), Error> {
    let table = tag_events::table();
    for path in standing_files(store, &table, Day(i32::MIN)) {
        for batch in read_columns(&path, &ABOUT)? {
            (0..batch.num_rows()).for_each(|row| visit(&about_line(&batch, row)));
        }
    }
    Ok(())
}

/// The columns that say what a row is about.
const ABOUT: [&str; 9] =
    ["at", "corp", "key_kind", "customer", "staff", "room", "tag_id", "rule_id", "reason"];

fn read_columns(path: &Path, columns: &[&str]) -> Result<Vec<RecordBatch>, Error> {
    let damaged = || Error::damaged(path, "it cannot be read as a table");
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|_| damaged())?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).build().map_err(|_| damaged())?;
    reader.collect::<Result<_, _>>().map_err(|_| damaged())
}

/// The tables of decisions.
fn ledgers() -> [Table; 3] {
    [alerts::table(), kick_decisions::table(), tag_events::table()]
}

fn about_row<'r>(row: &'r Row, rules: &'r RuleSet) -> About<'r> {
    let change = match &row.decision {
        Decision::Tag(change) => Some(change),
        Decision::Alert(_) | Decision::Kick(_) => None,
    };
    About {
        at: row.at,
        rule: row.rule.map(|rule| rules.rules[usize::from(rule.0)].id.as_str()),
        of: TagOf {
            corp: &row.key.corp,
            customer: &row.key.customer,
            staff: &row.key.staff,
            room: &row.key.room,
            kind: row.key.kind,
            tag: change.map_or("", |change| rules.tags[usize::from(change.tag.0)].id.as_str()),
        },
        ran_out: change.is_some_and(|change| change.reason == Some(Reason::Expired)),
    }
}

/// Returns the files of a table that are shown, with rows of `first` and later days, the oldest commit first.
fn standing_files(store: &Store, table: &Table, first: Day) -> Vec<std::path::PathBuf> {
    let first = first.to_iso();
    let wanted = |file: &&FileEntry| file.table == table.name && file.dt.as_str() >= first.as_str();
    store.shown().into_iter().filter(wanted).map(|file| store.root().join(&file.path)).collect()
}

/// Returns the rows of a table that stand, concern us and are not among the `open` ids. Ids that stand
/// are open no longer.
fn compare(
    table: &Table,
    files: &[std::path::PathBuf],
    concerns: &dyn Fn(&About<'_>) -> bool,
    open: &mut HashMap<&str, i64>,
) -> Result<Vec<RecordBatch>, Error> {
    let batches: Vec<RecordBatch> =
        files.iter().map(|path| read_file(table, path)).collect::<Result<Vec<_>, Error>>()?.concat();
    let mut taken_back: HashMap<&str, i64> = HashMap::new();
    for batch in &batches {
        let corrects = column(batch, "corrects");
        (0..batch.num_rows()).filter_map(|row| text(corrects, row)).for_each(|id| {
            *taken_back.entry(id).or_default() += 1;
        });
    }
    let mut is_wrong = |batch: &RecordBatch, row: usize| {
        let (id, corrects) = (text(column(batch, "output_id"), row), text(column(batch, "corrects"), row));
        let id = id.filter(|_| corrects.is_none() && concerns(&about_line(batch, row)));
        let stands = id.filter(|id| !take_one(&mut taken_back, id));
        stands.is_some_and(|id| !take_one(open, id))
    };
    let wrong = batches.iter().map(|batch| {
        let wrong: BooleanArray = (0..batch.num_rows()).map(|row| Some(is_wrong(batch, row))).collect();
        filter_record_batch(batch, &wrong).map_err(|source| Error::parquet(table.name, source.into()))
    });
    wrong.collect()
}

/// Takes one of what is counted under `id`; returns whether there was one.
fn take_one(counts: &mut HashMap<&str, i64>, id: &str) -> bool {
    match counts.get_mut(id) {
        Some(n) if *n > 0 => {
            *n -= 1;
            true
        }
        _ => false,
    }
}

/// Reads a file of a table, with the columns of today.
fn read_file(table: &Table, path: &Path) -> Result<Vec<RecordBatch>, Error> {
    let damaged = || Error::damaged(path, "it cannot be read as a table");
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    let today = |batch: Result<RecordBatch, ArrowError>| conformed(&batch?, &table.schema());
    reader.map_err(|_| damaged())?.map(today).collect::<Result<_, _>>().map_err(|_| damaged())
}

/// Returns `batch` with the columns of `schema`; those it does not have are null.
pub(super) fn conformed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let known = |field: &arrow::datatypes::FieldRef| {
        let column = batch.column_by_name(field.name()).cloned();
        column.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    };
    RecordBatch::try_new(Arc::clone(schema), schema.fields().iter().map(known).collect())
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> &'b StringArray {
    batch.column_by_name(name).expect("tables of decisions have it").as_string()
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

fn at_of(batch: &RecordBatch, row: usize) -> Timestamp {
    let at = batch.column_by_name("at").expect("tables of decisions have it");
    Timestamp(at.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000))
}

fn about_line(batch: &RecordBatch, row: usize) -> About<'_> {
    let word = |name: &str| batch.column_by_name(name).and_then(|column| text(column.as_string(), row));
    let ran_out = batch.column_by_name("tag_id").is_some() && word("reason") == Some("expired");
    let known = |name: &str| word(name).unwrap_or_default();
    let of = TagOf {
        corp: known("corp"),
        customer: known("customer"),
        staff: known("staff"),
        room: known("room"),
        kind: words::key_kind_of(known("key_kind")).unwrap_or(KeyKind::Customer),
        tag: known("tag_id"),
    };
    About { at: at_of(batch, row), rule: word("rule_id"), of, ran_out }
}

/// Reads what digests count of a row of `alerts`.
fn alert_line(batch: &RecordBatch, row: usize) -> Option<TakenBack> {
    let word = |name: &str| text(column(batch, name), row).unwrap_or_default();
    let shadow = batch.column_by_name("shadow").is_some_and(|column| column.as_boolean().value(row));
    let level = words::alert_level_of(word("level"))?;
    let kind = word("kind");
    (!shadow && ["alert", "suppressed"].contains(&kind)).then(|| TakenBack {
        corp: word("corp").into(),
        staff: word("staff").into(),
        customer: word("customer").into(),
        at: at_of(batch, row),
        level,
        suppressed: kind == "suppressed",
        name: word("alert").into(),
    })
}

/// Turns rows into those that take them back in commit `commit`.
fn taking_back(batch: &RecordBatch, commit: u64) -> Result<RecordBatch, ArrowError> {
    let ids = column(batch, "output_id").clone();
    let own: StringArray = ids.iter().map(|id| id.map(|id| correction_id(id, commit))).collect();
    let words: StringArray = (0..batch.num_rows()).map(|_| Some("corrects")).collect();
    let replaced = |(field, column): (&arrow::datatypes::FieldRef, &ArrayRef)| -> ArrayRef {
        match field.name().as_str() {
            "output_id" => Arc::new(own.clone()),
            "corrects" => Arc::new(ids.clone()),
            "kind" => Arc::new(words.clone()),
            _ => Arc::clone(column),
        }
    };
    let schema = batch.schema();
    RecordBatch::try_new(
        Arc::clone(&schema),
        schema.fields().iter().zip(batch.columns()).map(replaced).collect(),
    )
}

fn sorted(table: &Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let key = |name: &&str| SortColumn {
        values: Arc::clone(batch.column(table.position(name))),
        options: Some(arrow::compute::SortOptions { descending: false, nulls_first: true }),
    };
    let mut keys: Vec<SortColumn> = table.sorted_by.iter().map(key).collect();
    keys.push(key(&"output_id"));
    take_record_batch(batch, &lexsort_to_indices(&keys, None)?)
}

fn by_day(batch: &RecordBatch, rules: &RuleSet) -> Result<BTreeMap<Day, RecordBatch>, ArrowError> {
    let days: Vec<Day> = (0..batch.num_rows()).map(|row| rules.pack.zone.day(at_of(batch, row))).collect();
    let mut parts = BTreeMap::new();
    for day in &days {
        if !parts.contains_key(day) {
            let of_day: BooleanArray = days.iter().map(|other| Some(other == day)).collect();
            parts.insert(*day, filter_record_batch(batch, &of_day)?);
        }
    }
    Ok(parts)
}

fn write_file(table: &Table, day: Day, rows: &RecordBatch, staging: &Staging) -> Result<OutputFile, Error> {
    let failed = |source| Error::parquet(table.name, source);
    parquet_file::stage(staging, table, day, "-corrects", |sink| {
        let properties = parquet_file::properties(table, None).map_err(failed)?;
        let mut writer = ArrowWriter::try_new(sink, table.schema(), Some(properties)).map_err(failed)?;
        writer.write(rows).map_err(failed)?;
        Ok((writer.into_inner().map_err(failed)?, rows.num_rows() as u64))
    })
}
