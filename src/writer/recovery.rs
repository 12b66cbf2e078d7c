//! Brings an output directory to what its log says, whatever interrupted the process before.
//!
//! Every step may be interrupted and repeated: scratch goes, files of commits
//! that never came to be or are kept no longer go, and views that are derived
//! from the log are made where they are missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use crate::error::Error;

use super::disk::Disk;
use super::log::{CommitLog, names_in};
use super::record::{FileEntry, STATE};
use super::{delta, snapshot};

/// Makes the directories of an output directory, and their names durable.
pub(super) fn create_layout(out: &Path, disk: &Disk) -> Result<(), Error> {
    ["log", "tmp", "data", STATE, "snapshots", "reports"]
        .iter()
        .try_for_each(|dir| disk.create_dirs(&out.join(dir)))?;
    disk.sync_dir(out)
}

/// Makes the name of the output directory durable, and those above it that this process may open. Done
/// until there is a commit, as nobody knows who made them.
fn sync_place(root: &Path, disk: &Disk) -> Result<(), Error> {
    let place = root.canonicalize().map_err(|source| Error::read(root, source))?;
    let above = place.ancestors().skip(1).filter(|dir| fs::read_dir(dir).is_ok());
    above.into_iter().try_for_each(|dir| disk.sync_dir(dir))
}

/// Brings the directory to the state of the newest commit of `log`.
pub(super) fn recover(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    check_log_is_whole(root, log)?;
    disk.sync_dir(&root.join("log"))?;
    if log.head().is_none() {
        sync_place(root, disk)?;
    }
    clear_scratch(root, disk)?;
    check_head(root, log)?;
    delta::remove_uncommitted(root, log, disk)?;
    publish(root, log, disk)?;
    remove_unneeded(root, log, disk)
}

/// Publishes the newest commit: first what is read by version, then what `current` shows.
pub(super) fn publish(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    delta::publish(root, log, disk)?;
    snapshot::publish(root, log, disk)
}

/// Refuses a log that lost its end: a commit is published only after its record is durable, so a
/// published one without a record means that somebody removed the record. Going on would remove its files.
pub(super) fn check_log_is_whole(root: &Path, log: &CommitLog) -> Result<(), Error> {
    match snapshot::published(root) {
        Some(n) if n >= log.next() => {
            Err(Error::damaged(&root.join("log"), "the record of the published commit is missing"))
        }
        _ => Ok(()),
    }
}

pub(super) fn clear_scratch(root: &Path, disk: &Disk) -> Result<(), Error> {
    let tmp = root.join("tmp");
    names_in(&tmp)?.iter().try_for_each(|name| disk.remove_all(&tmp.join(name)))
}

fn check_head(root: &Path, log: &CommitLog) -> Result<(), Error> {
    let Some(head) = log.head() else { return Ok(()) };
    check_commit(root, log, head.n)
}

/// Checks that all files are there that commit `n` shows and continues from.
pub(super) fn check_commit(root: &Path, log: &CommitLog, n: u64) -> Result<(), Error> {
    let state = &log.records()[n as usize].state;
    log.view(n).into_iter().chain(state).try_for_each(|file| check_file(root, file))
}

fn check_file(root: &Path, file: &FileEntry) -> Result<(), Error> {
    let path = root.join(&file.path);
    match fs::metadata(&path) {
        Ok(found) if found.len() == file.bytes => Ok(()),
        Ok(_) => Err(Error::damaged(&path, "its size is not what the log says")),
        Err(source) => Err(Error::read(&path, source)),
    }
}

/// Removes files and snapshots that no kept commit names: what a commit that never came to be left, and
/// what garbage collection let go. Files with other names than ours stay.
pub(super) fn remove_unneeded(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    for n in snapshot::numbers(root).into_iter().filter(|n| !log.is_kept(*n)) {
        snapshot::remove(root, n, disk)?;
    }
    unneeded(root, &log.needed()).iter().try_for_each(|file| disk.remove_file(file.path()))
}

/// Returns the files of commits that are not among those `needed`, in path order.
pub(super) fn unneeded(root: &Path, needed: &BTreeMap<&str, &FileEntry>) -> Vec<DirEntry> {
    let walks = ["data", STATE].map(|dir| WalkDir::new(root.join(dir)).sort_by_file_name());
    let files =
        walks.into_iter().flatten().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    let name = |file: &DirEntry| file.path().strip_prefix(root).ok()?.to_str().map(str::to_owned);
    let is_needed = |file: &DirEntry| name(file).is_some_and(|name| needed.contains_key(name.as_str()));
    files.filter(|file| is_ours(file.path()) && !is_needed(file)).collect()
}

/// Returns whether a file is named as commits name theirs: number and hash.
fn is_ours(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let parts = stem.and_then(|stem| stem.split_once('-'));
    parts.is_some_and(|(n, hash)| n.parse::<u64>().is_ok() && u64::from_str_radix(hash, 16).is_ok())
}
