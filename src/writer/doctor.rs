//! Examines an output directory without changing it.
//!
//! Damage is what the commit log promises and the disk does not hold: it stops
//! the next run, or would mislead a reader. Everything else that is out of
//! order (scratch, files of interrupted runs, views that are missing) is mended
//! by the next process that opens the directory for writing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::error::Error;

use super::log::{CommitLog, is_record_name, names_in, record_path};
use super::record::FileEntry;
use super::staged_file::hash_of_file;
use super::{delta, lock, recovery, snapshot};

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// Their sizes.
    Sizes,
    /// Their sizes and hashes: reads every byte.
    Hashes,
}

/// What an examination found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checkup {
    /// Who is at work in the directory; only what is committed was looked at then.
    pub holder: Option<String>,
    /// Records of the log that could be read.
    pub commits: u64,
    /// Commits that can be read by number.
    pub kept: u64,
    /// Files that kept commits need.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The newest kept commit whose files are all whole.
    pub newest_whole: Option<u64>,
    /// What is out of order, damage first.
    pub findings: Vec<Finding>,
}

/// Something that is out of order. Paths are relative to the output directory.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// The log cannot be read beyond the records before this one.
    Log {
        /// The record, or the directory.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file that commits need is gone.
    Missing {
        /// The file.
        path: PathBuf,
        /// The commits.
        commits: Vec<u64>,
    },
    /// A file that commits need is not what was written.
    Changed {
        /// The file.
        path: PathBuf,
        /// The commits.
        commits: Vec<u64>,
    },
    /// A view that is derived from the log is missing or incomplete.
    View {
        /// The snapshot, the Delta version, or `current`.
        path: PathBuf,
    },
    /// What an interrupted run or garbage collection left.
    Leftover {
        /// The file or directory.
        path: PathBuf,
    },
    /// A file in `log/` that is no record; nobody reads it.
    Stranger {
        /// The file.
        path: PathBuf,
    },
}

impl Finding {
    /// Returns whether the next run does not mend it.
    pub fn is_damage(&self) -> bool {
        matches!(self, Finding::Log { .. } | Finding::Missing { .. } | Finding::Changed { .. })
    }
}

/// Examines the output directory `out`. Reads every byte of its tables and states with [`Depth::Hashes`].
pub fn examine(out: &Path, depth: Depth) -> Checkup {
    let holder = lock::holder(out);
    let (log, broken) = CommitLog::read_prefix(out);
    let damaged = damaged_files(out, &log, depth);
    let needed = log.needed();
    let mut findings: Vec<Finding> = broken.iter().map(|error| log_finding(&log, error)).collect();
    let is_whole = findings.is_empty();
    findings.extend(damage_findings(&log, &damaged));
    if holder.is_none() && is_whole {
        findings.extend(disorder(out, &log));
    }
    findings.extend(strangers(out));
    findings.sort();
    Checkup {
        holder,
        commits: log.next(),
        kept: log.kept().count() as u64,
        files: needed.len() as u64,
        bytes: needed.values().map(|file| file.bytes).sum(),
        newest_whole: newest_whole(&log, &damaged),
        findings,
    }
}

fn log_finding(log: &CommitLog, error: &Error) -> Finding {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let what = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Finding::Log { path: record_path(Path::new("log"), log.next()), what }
}

/// Files that are not as the log says, by path; the value says whether they are there at all.
type Damaged = BTreeMap<String, bool>;

fn damaged_files(out: &Path, log: &CommitLog, depth: Depth) -> Damaged {
    let needed: Vec<&FileEntry> = log.needed().into_values().collect();
    let examined = needed.into_par_iter().filter_map(|file| {
        let path = out.join(&file.path);
        let Ok(found) = path.metadata() else { return Some((file.path.clone(), false)) };
        let is_same = || depth == Depth::Sizes || hash_of_file(&path).is_ok_and(|hash| hash == file.blake3);
        (found.len() != file.bytes || !is_same()).then(|| (file.path.clone(), true))
    });
    examined.collect()
}

fn damage_findings(log: &CommitLog, damaged: &Damaged) -> Vec<Finding> {
    let finding = |(path, is_there): (&String, &bool)| {
        let needs = |n: &u64| files_of(log, *n).any(|file| file.path == *path);
        let commits = log.kept().map(|record| record.n).filter(needs).collect();
        match is_there {
            true => Finding::Changed { path: path.into(), commits },
            false => Finding::Missing { path: path.into(), commits },
        }
    };
    damaged.iter().map(finding).collect()
}

fn files_of(log: &CommitLog, n: u64) -> impl Iterator<Item = &FileEntry> {
    log.view(n).into_iter().chain(&log.records()[n as usize].state)
}

fn newest_whole(log: &CommitLog, damaged: &Damaged) -> Option<u64> {
    let is_whole = |n: &u64| !files_of(log, *n).any(|file| damaged.contains_key(&file.path));
    log.kept().rev().map(|record| record.n).find(is_whole)
}

/// What the next process that opens the directory puts in order.
fn disorder(out: &Path, log: &CommitLog) -> Vec<Finding> {
    let view = |path: PathBuf| Finding::View { path: relative(out, &path) };
    let leftover = |path: PathBuf| Finding::Leftover { path: relative(out, &path) };
    let scratch = names_in(&out.join("tmp")).unwrap_or_default();
    let gone = snapshot::numbers(out).into_iter().filter(|n| !log.is_kept(*n));
    let unneeded = recovery::unneeded(out, &log.needed());
    let leftovers = scratch.iter().map(|name| out.join("tmp").join(name));
    let leftovers = leftovers.chain(gone.map(|n| out.join("snapshots").join(n.to_string())));
    let leftovers = leftovers.chain(unneeded.into_iter().map(walkdir::DirEntry::into_path));
    missing_views(out, log).into_iter().map(view).chain(leftovers.map(leftover)).collect()
}

fn missing_views(out: &Path, log: &CommitLog) -> Vec<PathBuf> {
    let is_missing = |n: &u64| !snapshot::is_whole(out, *n, &log.view(*n));
    let snapshots = log.kept().map(|record| record.n).filter(is_missing);
    let mut missing: Vec<PathBuf> = snapshots.map(|n| out.join("snapshots").join(n.to_string())).collect();
    if snapshot::published(out) != log.head().map(|head| head.n) {
        missing.push(out.join("current"));
    }
    missing.extend(delta::faults(out, log));
    missing
}

fn strangers(out: &Path) -> Vec<Finding> {
    let names = names_in(&out.join("log")).unwrap_or_default();
    let strangers = names.into_iter().filter(|name| !is_record_name(name));
    strangers.map(|name| Finding::Stranger { path: Path::new("log").join(name) }).collect()
}

fn relative(out: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(out).unwrap_or(path).to_owned()
}
