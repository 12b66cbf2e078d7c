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
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::WalkDir;

use crate::error::Error;

use super::disk::Disk;
use super::parquet_file::OutputFile;
use super::record::{CommitRecord, FORMAT, FileEntry, RunRecord, STATE, Versions};
use super::snapshot;
use super::state_file::{StateFile, StateFiles};

/// An output directory, held by this process until the value is dropped.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    disk: Disk,
    /// All commits, in order; record `n` stands at index `n`.
    records: Vec<CommitRecord>,
    /// Checksum of the last record.
    head_sum: Option<String>,
    consumed: HashSet<blake3::Hash>,
    _lock: File,
}

/// Scratch space for the files of the next commit. What is left of it after a crash goes at the next start.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    n: u64,
    disk: Disk,
}

impl Store {
    /// Opens an output directory, makes it when there is none, and mends what an interrupted run left.
    ///
    /// # Errors
    ///
    /// Returns an error that [`Error::is_locked`] when another process is at work in the directory, and
    /// others when it cannot be read or written, when a record of the log is damaged, or when a
    /// file that the log names is missing.
    pub fn open(out: &Path) -> Result<Store, Error> {
        Store::open_on(out, Disk::default())
    }

    /// Opens an output directory on a given file system, for tests.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(out: &Path, disk: Disk) -> Result<Store, Error> {
        create_layout(out, &disk)?;
        let lock = hold(&out.join("LOCK"))?;
        let (records, head_sum) = read_log(&out.join("log"))?;
        let consumed =
            records.iter().flat_map(|record| &record.run.inputs).map(|input| input.blake3).collect();
        let store = Store { root: out.to_owned(), disk, records, head_sum, consumed, _lock: lock };
        store.recover()?;
        Ok(store)
    }

    /// Returns the output directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the newest commit.
    pub fn head(&self) -> Option<&CommitRecord> {
        self.records.last()
    }

    /// Returns all commits, the oldest first.
    pub fn records(&self) -> &[CommitRecord] {
        &self.records
    }

    /// Returns whether a commit has read a file with this content, whatever its name was.
    pub fn is_consumed(&self, content: &blake3::Hash) -> bool {
        self.consumed.contains(content)
    }

    /// Makes scratch space for the next commit.
    ///
    /// # Errors
    ///
    /// Returns an error when the directory cannot be made.
    pub fn begin(&self) -> Result<Staging, Error> {
        let n = self.records.len() as u64;
        let path = self.root.join("tmp").join(format!("run-{n}"));
        self.disk.remove_dir(&path)?;
        self.disk.create_dirs(&path)?;
        Ok(Staging { path, n, disk: self.disk.clone() })
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
        let (run_id, prev) = (run.id(n, &versions), self.head_sum.clone());
        let record = CommitRecord {
            format: FORMAT,
            n,
            run_id,
            prev,
            run,
            versions,
            files: entries,
            state: [state.carried, written].concat(),
        };
        self.link_record(&staging, record)?;
        self.disk.sync_dir(&self.root.join("log"))?;
        snapshot::publish(&self.root, &self.records, &self.disk)?;
        self.disk.remove_dir(&staging.path)?;
        Ok(n)
    }

    /// Writes what is worth knowing about how commit `n` was made, such as durations. No reader depends on it.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be written.
    pub fn write_report(&self, n: u64, report: &impl Serialize) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(report).expect("reports turn into JSON");
        let scratch = self.root.join("tmp/report.json");
        self.disk.write_file(&scratch, &json)?;
        self.disk.rename(&scratch, &self.root.join(format!("reports/{n}.json")))
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
        self.consumed.extend(record.run.inputs.iter().map(|input| input.blake3));
        self.records.push(record);
        self.head_sum = Some(sum);
        Ok(())
    }

    /// Brings the directory to the state of its newest commit. [`Store::open`] does it; it may be
    /// interrupted and repeated.
    ///
    /// # Errors
    ///
    /// As [`Store::open`], but for the lock.
    pub fn recover(&self) -> Result<(), Error> {
        self.check_log_is_whole()?;
        self.disk.sync_dir(&self.root.join("log"))?;
        self.clear_scratch()?;
        self.remove_uncommitted()?;
        let state = self.head().into_iter().flat_map(|head| &head.state);
        snapshot::visible_files(&self.records)
            .into_iter()
            .chain(state)
            .try_for_each(|file| self.check_file(file))?;
        snapshot::publish(&self.root, &self.records, &self.disk)
    }

    /// Refuses a log that lost its end: a commit is published only after its record is durable, so a
    /// published one without a record means that somebody removed the record. Going on would remove its files.
    fn check_log_is_whole(&self) -> Result<(), Error> {
        let published = fs::read_link(self.root.join("current")).ok();
        let n = published
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str()?.parse::<usize>().ok());
        match n {
            Some(n) if n >= self.records.len() => {
                Err(Error::damaged(&self.root.join("log"), "the record of the published commit is missing"))
            }
            _ => Ok(()),
        }
    }

    fn clear_scratch(&self) -> Result<(), Error> {
        let tmp = self.root.join("tmp");
        for entry in fs::read_dir(&tmp).map_err(|source| Error::read(&tmp, source))? {
            let path = entry.map_err(|source| Error::read(&tmp, source))?.path();
            let is_dir = path.symlink_metadata().is_ok_and(|kind| kind.is_dir());
            if is_dir { self.disk.remove_dir(&path)? } else { self.disk.remove_file(&path)? }
        }
        Ok(())
    }

    /// Removes data files with the number of a commit that never came to be.
    fn remove_uncommitted(&self) -> Result<(), Error> {
        let n_commits = self.records.len() as u64;
        let below = |dir: &str, depth| WalkDir::new(self.root.join(dir)).min_depth(depth).into_iter();
        let files = below("data", 3).chain(below(STATE, 2)).filter_map(Result::ok);
        let uncommitted = files.filter(|file| commit_of_name(file.path()).is_some_and(|n| n >= n_commits));
        for file in uncommitted {
            self.disk.remove_file(file.path())?;
        }
        Ok(())
    }

    fn check_file(&self, file: &FileEntry) -> Result<(), Error> {
        let path = self.root.join(&file.path);
        match fs::metadata(&path) {
            Ok(found) if found.len() == file.bytes => Ok(()),
            Ok(_) => Err(Error::damaged(&path, "its size is not what the log says")),
            Err(source) => Err(Error::read(&path, source)),
        }
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

    /// Gives up the commit and frees the space at once.
    ///
    /// # Errors
    ///
    /// Returns an error when the directory cannot be removed.
    pub fn discard(self) -> Result<(), Error> {
        self.disk.remove_dir(&self.path)
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }
}

fn create_layout(out: &Path, disk: &Disk) -> Result<(), Error> {
    ["log", "tmp", "data", STATE, "snapshots", "reports"]
        .iter()
        .try_for_each(|dir| disk.create_dirs(&out.join(dir)))?;
    disk.sync_dir(out)
}

/// Takes the lock, which lasts until the file is closed, and writes who holds it.
fn hold(path: &Path) -> Result<File, Error> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open().map_err(|source| Error::write(path, source))?;
    match file.try_lock() {
        Ok(()) => sign(&mut file).map_err(|source| Error::write(path, source)).map(|()| file),
        Err(TryLockError::WouldBlock) => Err(Error::locked(path, &holder(&mut file))),
        Err(TryLockError::Error(source)) => Err(Error::write(path, source)),
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "pid {}, since {}", std::process::id(), now_utc())
}

fn now_utc() -> String {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = jiff::Timestamp::UNIX_EPOCH.saturating_add(since_epoch).unwrap_or(jiff::Timestamp::MAX);
    now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Without the name the refusal still stands.
    let _ = file.take(200).read_to_string(&mut text);
    text.trim().to_owned()
}

/// Reads the chain of records and the checksum of its end.
fn read_log(log: &Path) -> Result<(Vec<CommitRecord>, Option<String>), Error> {
    let (mut records, mut sum) = (Vec::new(), None);
    let n_files = fs::read_dir(log).map_err(|source| Error::read(log, source))?.count();
    for n in 0..n_files as u64 {
        let path = record_path(log, n);
        let file = fs::read_to_string(&path).map_err(|source| Error::read(&path, source))?;
        let (record, next_sum) =
            CommitRecord::decode(&file, n, sum.as_deref()).map_err(|what| Error::damaged(&path, what))?;
        records.push(record);
        sum = Some(next_sum);
    }
    Ok((records, sum))
}

fn record_path(log: &Path, n: u64) -> PathBuf {
    log.join(format!("{n:020}.json"))
}

/// Returns the number of the commit in a data file's name.
fn commit_of_name(path: &Path) -> Option<u64> {
    let (number, _) = path.file_name()?.to_str()?.split_once('-')?;
    number.parse().ok()
}
