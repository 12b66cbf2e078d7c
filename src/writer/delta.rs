//! Publishes every commit as a version of a Delta table, for readers by version.
//!
//! `data/<table>/_delta_log/<N>.json` says which files of the table commit `N`
//! adds and which it no longer shows, so Delta version `N` is commit `N` in
//! every table. The files follow from the commit log alone, hold no wall-clock
//! time, and are made anew when they are missing. Only chattag writes here:
//! a writer of another program would change what the commit log does not know.
//!
//! Source: <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>, reader
//! version 1, writer version 2.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::Error;

use super::disk::Disk;
use super::log::{CommitLog, is_record_name, names_in, record_path};
use super::record::{Action, CommitRecord, FileEntry};
use super::table::{ColumnDef, Kind, Table};
use super::tables::all_tables;

/// Writes the versions that are missing, of every table that has a file in some commit.
///
/// # Errors
///
/// Returns an error when a version cannot be written. The commit itself stands; the next run publishes it.
pub(super) fn publish(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    let missing = missing_versions(root, log)?;
    for (n, tables) in &missing {
        let change = Change::of(log, *n);
        for table in tables {
            let dir = log_dir(root, table.name);
            disk.create_dirs(&dir)?;
            let actions = change.actions(table);
            disk.replace_file(&root.join("tmp/delta.json"), &record_path(&dir, *n), actions.as_bytes())?;
        }
    }
    Ok(())
}

/// Removes versions of commits that are not in the log, as a copy of the directory may have them.
pub(super) fn remove_uncommitted(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    for table in tables_of(log) {
        let dir = log_dir(root, table.name);
        for n in versions_in(&dir).into_iter().filter(|n| *n >= log.next()) {
            disk.remove_file(&record_path(&dir, n))?;
        }
    }
    Ok(())
}

/// Returns the versions that are missing or say something else than the log, with their paths.
pub(super) fn faults(root: &Path, log: &CommitLog) -> Vec<PathBuf> {
    let mut faults = Vec::new();
    for n in 0..log.next() {
        let change = Change::of(log, n);
        for table in tables_of(log) {
            let path = record_path(&log_dir(root, table.name), n);
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            if files_said(&found) != files_said(&change.actions(&table)) {
                faults.push(path);
            }
        }
    }
    faults
}

/// The lines of a version that speak of files; how a table is described may differ from version to version.
fn files_said(version: &str) -> Option<Vec<&str>> {
    let lines =
        version.lines().filter(|line| line.starts_with("{\"add\"") || line.starts_with("{\"remove\""));
    version.contains("{\"txn\"").then(|| lines.collect())
}

fn missing_versions(root: &Path, log: &CommitLog) -> Result<BTreeMap<u64, Vec<Table>>, Error> {
    let mut missing: BTreeMap<u64, Vec<Table>> = BTreeMap::new();
    for table in tables_of(log) {
        let present = versions_in(&log_dir(root, table.name));
        for n in (0..log.next()).filter(|n| !present.contains(n)) {
            missing.entry(n).or_default().push(table.clone());
        }
    }
    Ok(missing)
}

/// The tables that have a file in some commit.
fn tables_of(log: &CommitLog) -> Vec<Table> {
    let files = log.records().iter().flat_map(|record| &record.files);
    let names: BTreeSet<&str> = files.map(|file| file.table.as_str()).collect();
    all_tables().into_iter().filter(|table| names.contains(table.name)).collect()
}

fn log_dir(root: &Path, table: &str) -> PathBuf {
    root.join("data").join(table).join("_delta_log")
}

fn versions_in(dir: &Path) -> BTreeSet<u64> {
    let names = names_in(dir).unwrap_or_default();
    names.iter().filter(|name| is_record_name(name)).filter_map(|name| name[..20].parse().ok()).collect()
}

/// What one commit changes in the view of the one before it.
struct Change<'l> {
    record: &'l CommitRecord,
    /// Names the table towards Delta readers; the same in all versions.
    origin: &'l CommitRecord,
    describes: bool,
    removed: Vec<&'l FileEntry>,
    added: Vec<&'l FileEntry>,
}

impl<'l> Change<'l> {
    fn of(log: &'l CommitLog, n: u64) -> Change<'l> {
        let records = log.records();
        let record = &records[n as usize];
        let before = n.checked_sub(1);
        let old = before.map(|before| log.view(before)).unwrap_or_default();
        let new = log.view(n);
        // A newer engine may have more columns.
        let engine = before.map(|before| &records[before as usize].versions.engine);
        Change {
            record,
            origin: &records[0],
            describes: engine != Some(&record.versions.engine),
            removed: without(&old, &new),
            added: without(&new, &old),
        }
    }

    /// Returns the version of one table, one action a line.
    fn actions(&self, table: &Table) -> String {
        let is_of_table = |file: &&&FileEntry| file.table == table.name;
        let mut actions = vec![self.commit_info()];
        if self.record.n == 0 {
            actions.push(json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}));
        }
        if self.describes {
            actions.push(self.metadata(table));
        }
        actions.push(json!({"txn": {"appId": "chattag", "version": self.record.n}}));
        actions.extend(self.removed.iter().filter(is_of_table).map(|file| self.remove(file)));
        actions.extend(self.added.iter().filter(is_of_table).map(|file| self.add(file)));
        actions.iter().map(|action| format!("{action}\n")).collect()
    }

    fn commit_info(&self) -> Value {
        let operation = match self.record.action {
            Action::Run => "RUN",
            Action::Rollback { .. } => "ROLLBACK",
            Action::Gc { .. } => "GC",
        };
        json!({"commitInfo": {"timestamp": self.record.run.as_of.0, "operation": operation,
                              "engineInfo": format!("chattag {}", self.record.versions.engine),
                              "runId": self.record.run_id}})
    }

    fn metadata(&self, table: &Table) -> Value {
        json!({"metaData": {"id": self.table_id(table), "name": table.name, "description": table.doc,
                            "format": {"provider": "parquet", "options": {}},
                            "schemaString": schema(table).to_string(), "partitionColumns": ["dt"],
                            "configuration": {}, "createdTime": self.origin.run.as_of.0}})
    }

    /// A UUID (version 8) from the first commit and the table's name.
    fn table_id(&self, table: &Table) -> String {
        let hash = blake3::hash(format!("{}/{}", self.origin.run_id, table.name).as_bytes()).to_hex();
        format!("{}-{}-8{}-8{}-{}", &hash[..8], &hash[8..12], &hash[12..15], &hash[15..18], &hash[18..30])
    }

    fn add(&self, file: &FileEntry) -> Value {
        json!({"add": {"path": path_in_table(file), "partitionValues": {"dt": file.dt}, "size": file.bytes,
                       "modificationTime": self.record.run.as_of.0, "dataChange": true,
                       "stats": json!({"numRecords": file.rows}).to_string()}})
    }

    fn remove(&self, file: &FileEntry) -> Value {
        json!({"remove": {"path": path_in_table(file), "deletionTimestamp": self.record.run.as_of.0,
                          "dataChange": true, "extendedFileMetadata": true,
                          "partitionValues": {"dt": file.dt}, "size": file.bytes}})
    }
}

/// Returns the files of `these` that are not among `those`.
fn without<'l>(these: &[&'l FileEntry], those: &[&'l FileEntry]) -> Vec<&'l FileEntry> {
    let known: BTreeSet<&str> = those.iter().map(|file| file.path.as_str()).collect();
    these.iter().filter(|file| !known.contains(file.path.as_str())).copied().collect()
}

fn path_in_table(file: &FileEntry) -> &str {
    let within = file.path.strip_prefix("data/").and_then(|path| path.strip_prefix(file.table.as_str()));
    within.map_or(file.path.as_str(), |path| path.trim_start_matches('/'))
}

/// Returns the columns in Delta's notation; the partition's day is the last one.
fn schema(table: &Table) -> Value {
    let day =
        json!({"name": "dt", "type": "date", "nullable": true, "metadata": {"comment": table.partition}});
    let fields = table.columns.iter().map(field).chain([day]);
    json!({"type": "struct", "fields": fields.collect::<Vec<_>>()})
}

fn field(column: &ColumnDef) -> Value {
    json!({"name": column.name, "type": kind(&column.kind), "nullable": column.nullable,
           "metadata": {"comment": column.doc}})
}

fn kind(kind: &Kind) -> Value {
    let list = |of: Value| json!({"type": "array", "elementType": of, "containsNull": false});
    match kind {
        Kind::Text => json!("string"),
        Kind::Int32 => json!("integer"),
        Kind::Int64 => json!("long"),
        Kind::Float64 => json!("double"),
        Kind::Bool => json!("boolean"),
        Kind::Time => json!("timestamp"),
        Kind::Texts => list(json!("string")),
        Kind::Rows(fields) => {
            let fields: Vec<Value> = fields.iter().map(field).collect();
            list(json!({"type": "struct", "fields": fields}))
        }
    }
}
