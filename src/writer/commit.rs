//! The output directory: one run at a time, committed whole or not at all.
//!
//! ```text
//! OUT/
//!   LOCK                                   held while a run is at work
//!   log/00000000000000000042.json          the truth, one small record per commit
//!   tmp/                                   scratch, emptied at every start
//!   data/<table>/dt=2026-01-31/000042-<hash>.parquet
//!   state/<part>/000042-<hash>.parquet     what is remembered for the next run
//!   reports/42.json                        durations; not part of the commit
//!   data/<table>/_delta_log/               derived: version N is commit N
//!   snapshots/42/<table>/dt=…/             derived: hard links, for plain globs
//!   current -> snapshots/42                derived
//! ```
//!
//! Files are written in `tmp/`, made durable, checked, and renamed to their
//! content-hash names; then **one hard link of the record into `log/` is the
//! commit**. Before it nothing is visible, after it everything is; the derived
//! views follow and are made anew when they are missing. Opening reads the
//! whole log: about 1,000 commits take well under a second.

use std::collections::{BTreeSet, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;

use super::disk::Disk;
use super::lock::{self, Lock};
use super::log::{CommitLog, record_path};
use super::parquet_file::OutputFile;
use super::record::{Action, CommitRecord, FORMAT, FileEntry, RunRecord, Versions};
use super::state_file::{StateFile, StateFiles};
use super::{recovery, snapshot};

/// An output directory, held by this process until the value is dropped.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    disk: Disk,
    log: CommitLog,
    consumed: HashSet<blake3::Hash>,
    lock: Lock,
}

/// Scratch space for the files of the next commit. What is left of it after a crash goes at the next start.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    n: u64,
    disk: Disk,
    /// The tables of which the commits before show a file.
    shown: BTreeSet<String>,
}

impl Store {
    /// Opens an output directory, makes it when there is none, and mends what an interrupted run left.
    ///
    /// # Errors
    ///
    /// Returns an error that [`Error::is_locked`] when another process is at work in the directory, and
    /// others when it cannot be read or written, when a record of the log is damaged, or when a
    /// file that the newest commit shows is missing.
    pub fn open(out: &Path) -> Result<Store, Error> {
        Store::open_on(out, Disk::default())
    }

    /// Opens an output directory on a given file system, for tests.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(out: &Path, disk: Disk) -> Result<Store, Error> {
        let store = Store::hold(out, disk)?;
        store.recover()?;
        Ok(store)
    }

    /// Takes the lock and reads the log; mends nothing yet.
    pub(super) fn hold(out: &Path, disk: Disk) -> Result<Store, Error> {
        recovery::create_layout(out, &disk)?;
        let lock = lock::hold(&out.join("LOCK"))?;
        let log = CommitLog::read(out)?;
        let consumed = log.inputs().map(|input| input.blake3).collect();
        Ok(Store { root: out.to_owned(), disk, log, consumed, lock })
    }

    /// Brings the directory to the state of its newest commit. [`Store::open`] does it; it may be
    /// interrupted and repeated.
    ///
    /// # Errors
    ///
    /// As [`Store::open`], but for the lock.
    pub fn recover(&self) -> Result<(), Error> {
        recovery::recover(&self.root, &self.log, &self.disk)?;
        if self.lock.same_boot { Ok(()) } else { snapshot::mend_older(&self.root, &self.log, &self.disk) }
    }

    /// Returns the output directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the commits.
    pub fn log(&self) -> &CommitLog {
        &self.log
    }

    /// Returns the newest commit.
    pub fn head(&self) -> Option<&CommitRecord> {
        self.log.head()
    }

    /// Returns all commits, the oldest first.
    pub fn records(&self) -> &[CommitRecord] {
        self.log.records()
    }

    /// Returns the files of all tables that the newest commit shows, those of earlier commits among them.
    pub fn shown(&self) -> Vec<&FileEntry> {
        self.head().map(|head| self.log.view(head.n)).unwrap_or_default()
    }

    /// Returns whether what the newest commit shows comes from a file with this content, whatever its
    /// name was.
    pub fn is_consumed(&self, content: &blake3::Hash) -> bool {
        self.consumed.contains(content)
    }

    /// Makes scratch space for the next commit.
    ///
    /// # Errors
    ///
    /// Returns an error when the directory cannot be made.
    pub fn begin(&self) -> Result<Staging, Error> {
        let n = self.log.next();
        let path = self.root.join("tmp").join(format!("run-{n}"));
        self.disk.remove_all(&path)?;
        self.disk.create_dirs(&path)?;
        let shown = self.shown().into_iter().map(|file| file.table.clone()).collect();
        Ok(Staging { path, n, disk: self.disk.clone(), shown })
    }

    /// Makes `files`, the state and the record of the run visible in one step, and returns the commit's number.
    ///
    /// # Errors
    ///
    /// When an error comes before the step, nothing is visible. When it comes after it (a view could
    /// not be published), the commit stands and the next [`Store::open`] publishes it; [`Store::head`]
    /// tells which.
    pub fn commit(
        &mut self,
        staging: Staging,
        files: &[OutputFile],
        state: StateFiles,
        run: RunRecord,
        versions: Versions,
    ) -> Result<u64, Error> {
        let n = staging.n;
        let place = |file: &OutputFile| (FileEntry::new(n, file), file.path.clone());
        let entries = self.place_files(files.iter().map(place).collect())?;
        let place = |file: &StateFile| (FileEntry::of_state(n, file), file.path.clone());
        let written = self.place_files(state.written.iter().map(place).collect())?;
        let record = CommitRecord {
            format: FORMAT,
            n,
            action: Action::Run,
            run_id: run.id(n, &versions),
            prev: self.log.head_sum().map(str::to_owned),
            run,
            versions,
            files: entries,
            state: [state.carried, written].concat(),
        };
        self.append(staging, record)?;
        Ok(n)
    }

    /// Commits a record whose files are in place, and publishes what it shows.
    pub(super) fn append(&mut self, staging: Staging, record: CommitRecord) -> Result<(), Error> {
        self.link_record(&staging, record)?;
        self.disk.sync_dir(&self.root.join("log"))?;
        recovery::publish(&self.root, &self.log, &self.disk)?;
        staging.discard()
    }

    /// Writes what is worth knowing about how commit `n` was made, such as durations. No reader depends on it.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be written.
    pub fn write_report(&self, n: u64, report: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(report).expect("reports turn into JSON");
        let path = self.root.join(format!("reports/{n}.json"));
        self.disk.replace_file(&self.root.join("tmp/report.json"), &path, &json)
    }

    /// Moves the files to their content-hash names and makes the names durable.
    fn place_files(&self, files: Vec<(FileEntry, PathBuf)>) -> Result<Vec<FileEntry>, Error> {
        let mut dirs = BTreeSet::new();
        let mut entries = Vec::with_capacity(files.len());
        for (entry, scratch) in files {
            let path = self.root.join(&entry.path);
            let dir = path.parent().expect("files stand in a partition or a part");
            self.disk.create_dirs(dir)?;
            self.disk.rename(&scratch, &path)?;
            dirs.extend(dir.ancestors().take_while(|dir| *dir != self.root).map(Path::to_owned));
            entries.push(entry);
        }
        dirs.iter().rev().try_for_each(|dir| self.disk.sync_dir(dir))?;
        Ok(entries)
    }

    /// The commit itself.
    fn link_record(&mut self, staging: &Staging, record: CommitRecord) -> Result<(), Error> {
        let (file, sum) = record.encode();
        let scratch = staging.path.join("record.json");
        self.disk.write_file(&scratch, file.as_bytes())?;
        let name = record_path(&self.root.join("log"), record.n);
        self.disk.link(&scratch, &name).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Error::locked(&name, "it committed first"),
            _ => Error::write(&name, source),
        })?;
        self.log.push(record, sum);
        self.consumed = self.log.inputs().map(|input| input.blake3).collect();
        Ok(())
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }
}

impl Staging {
    /// Returns the scratch directory. Whatever is put there goes when the commit is done or given up.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number the commit will have.
    pub fn commit_number(&self) -> u64 {
        self.n
    }

    /// Returns whether a reader finds a file of the table already.
    pub(super) fn shows(&self, table: &str) -> bool {
        self.shown.contains(table)
    }

    /// Gives up the commit and frees the space at once.
    ///
    /// # Errors
    ///
    /// Returns an error when the directory cannot be removed.
    pub fn discard(self) -> Result<(), Error> {
        self.disk.remove_all(&self.path)
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }
}
