//! The chain of commit records, and what it says is shown, needed and read.
//!
//! A commit of a run shows what the commit before it showed and its own files;
//! a rollback shows what an earlier commit showed; a garbage collection shows
//! what was shown before. So the view of every commit follows from the records
//! alone, and nothing else has to be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

use super::record::{Action, CommitRecord, FileEntry, InputFile};
use super::table::History;
use super::tables::all_tables;

/// All commits of an output directory.
#[derive(Clone, Debug, Default)]
pub struct CommitLog {
    /// Record `n` stands at index `n`.
    records: Vec<CommitRecord>,
    /// Checksum of the last record.
    head_sum: Option<String>,
    /// Commits whose files are kept no longer.
    dropped: BTreeSet<u64>,
}

impl CommitLog {
    /// Reads the log of an output directory; no lock is needed, as a record is never changed.
    ///
    /// # Errors
    ///
    /// Returns an error when a record cannot be read, is damaged, or does not follow the one before it.
    pub fn read(out: &Path) -> Result<CommitLog, Error> {
        let dir = out.join("log");
        let mut log = CommitLog::default();
        (0..count_records(&dir)?).try_for_each(|n| log.read_record(&dir, n))?;
        Ok(log)
    }

    /// Reads the log as far as that goes; also returns why it does not go further.
    pub(super) fn read_prefix(out: &Path) -> (CommitLog, Option<Error>) {
        let dir = out.join("log");
        let mut log = CommitLog::default();
        let read = count_records(&dir).and_then(|n| (0..n).try_for_each(|n| log.read_record(&dir, n)));
        (log, read.err())
    }

    fn read_record(&mut self, dir: &Path, n: u64) -> Result<(), Error> {
        let path = record_path(dir, n);
        let file = fs::read_to_string(&path).map_err(|source| Error::read(&path, source))?;
        let decoded = CommitRecord::decode(&file, n, self.head_sum());
        let (record, sum) = decoded.map_err(|what| Error::damaged(&path, what))?;
        self.push(record, sum);
        Ok(())
    }

    /// Adds a record that is in the log now, with its checksum.
    pub(super) fn push(&mut self, record: CommitRecord, sum: String) {
        if let Action::Gc { drops } = &record.action {
            self.dropped.extend(drops);
        }
        self.records.push(record);
        self.head_sum = Some(sum);
    }

    pub(super) fn head_sum(&self) -> Option<&str> {
        self.head_sum.as_deref()
    }

    /// Returns all commits, the oldest first.
    pub fn records(&self) -> &[CommitRecord] {
        &self.records
    }

    /// Returns the newest commit.
    pub fn head(&self) -> Option<&CommitRecord> {
        self.records.last()
    }

    /// Returns the number the next commit gets.
    pub fn next(&self) -> u64 {
        self.records.len() as u64
    }

    /// Returns the commits that can still be read, the oldest first.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = &CommitRecord> {
        self.records.iter().filter(|record| !self.dropped.contains(&record.n))
    }

    /// Returns whether commit `n` is there and can still be read.
    pub fn is_kept(&self, n: u64) -> bool {
        n < self.next() && !self.dropped.contains(&n)
    }

    /// Returns the runs whose files make up what commit `n` shows, the oldest first.
    pub fn lineage(&self, n: u64) -> Vec<u64> {
        let mut runs = Vec::new();
        let mut at = Some(n);
        while let Some(record) = at.and_then(|n| self.records.get(n as usize)) {
            at = match record.action {
                Action::Run => {
                    runs.push(record.n);
                    record.n.checked_sub(1)
                }
                Action::Rollback { to } => Some(to),
                Action::Gc { .. } => record.n.checked_sub(1),
            };
        }
        runs.reverse();
        runs
    }

    /// Returns the files of all tables that commit `n` shows, in the order of their commits.
    pub fn view(&self, n: u64) -> Vec<&FileEntry> {
        let runs = self.lineage(n);
        let newest = runs.last().copied();
        self.files_of(&runs.into_iter().collect(), &newest.into_iter().collect())
    }

    /// Returns the files that some kept commit shows or continues from, by path.
    pub fn needed(&self) -> BTreeMap<&str, &FileEntry> {
        let (mut runs, mut newest) = (BTreeSet::new(), BTreeSet::new());
        for record in self.kept() {
            let lineage = self.lineage(record.n);
            newest.extend(lineage.last());
            runs.extend(lineage);
        }
        let state = self.kept().flat_map(|record| &record.state);
        let files = self.files_of(&runs, &newest).into_iter().chain(state);
        files.map(|file| (file.path.as_str(), file)).collect()
    }

    /// Returns the files of `runs`; of tables that every run writes whole, those of the runs in `newest`.
    fn files_of(&self, runs: &BTreeSet<u64>, newest: &BTreeSet<u64>) -> Vec<&FileEntry> {
        let replaced = replaced_tables();
        let shows =
            |run: u64, file: &FileEntry| newest.contains(&run) || !replaced.contains(&file.table.as_str());
        let files = |run: &u64| {
            let run = *run;
            self.records[run as usize].files.iter().filter(move |file| shows(run, file))
        };
        runs.iter().flat_map(files).collect()
    }

    /// Returns the inputs that the newest commit has read; those of commits that were rolled back are not among them.
    pub fn inputs(&self) -> impl Iterator<Item = &InputFile> {
        let runs = self.head().map(|head| self.lineage(head.n)).unwrap_or_default();
        runs.into_iter().flat_map(|run| &self.records[run as usize].run.inputs)
    }

    /// Returns this log as it would be without the files of `dropped`.
    pub(super) fn without(&self, dropped: &[u64]) -> CommitLog {
        let mut log = self.clone();
        log.dropped.extend(dropped);
        log
    }

    /// Returns which commits go when the `keep` newest runs and rollbacks stay; the newest commit always stays.
    pub fn droppable(&self, keep: usize) -> Vec<u64> {
        let is_night = |record: &&CommitRecord| !matches!(record.action, Action::Gc { .. });
        let stay: BTreeSet<u64> =
            self.kept().rev().filter(is_night).take(keep).map(|record| record.n).collect();
        let head = self.head().map(|head| head.n);
        let goes = |n: &u64| !stay.contains(n) && Some(*n) != head;
        self.kept().map(|record| record.n).filter(goes).collect()
    }
}

/// Tables of which every run writes all rows.
fn replaced_tables() -> Vec<&'static str> {
    let tables = all_tables().into_iter().filter(|table| table.history == History::Replaced);
    tables.map(|table| table.name).collect()
}

fn count_records(dir: &Path) -> Result<u64, Error> {
    Ok(names_in(dir)?.iter().filter(|name| is_record_name(name)).count() as u64)
}

/// Returns the path of record `n` in the directory `log`.
pub(super) fn record_path(log: &Path, n: u64) -> PathBuf {
    log.join(format!("{n:020}.json"))
}

/// Returns whether `name` is that of a record; other files in the directory are not ours.
pub(super) fn is_record_name(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|n| n.len() == 20 && n.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Returns the names in a directory, sorted.
pub(super) fn names_in(dir: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |source| Error::read(dir, source);
    let entries = fs::read_dir(dir).map_err(unreadable)?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(unreadable)
    };
    let mut names = entries.map(name).collect::<Result<Vec<_>, Error>>()?;
    names.sort();
    Ok(names)
}
