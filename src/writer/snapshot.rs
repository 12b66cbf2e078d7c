//! Publishes a commit for readers that only know globs.
//!
//! `snapshots/N/<table>/dt=…/` holds hard links to all files that commit `N`
//! shows, and `current` is a symbolic link to the newest one. Both are derived
//! from the log: a missing or incomplete one is made anew. A snapshot appears
//! and goes in one step, so that no reader lists half of one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

use super::disk::Disk;
use super::log::{CommitLog, names_in};
use super::record::FileEntry;

/// Publishes the newest commit under `root`; does nothing when that is done already.
///
/// # Errors
///
/// Returns an error when a link cannot be made. The commit itself stands; the next run publishes it.
pub(super) fn publish(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    let Some(newest) = log.head() else { return Ok(()) };
    link_view(root, newest.n, &log.view(newest.n), disk)?;
    point_current(root, newest.n, disk)
}

/// Makes the snapshots of older kept commits anew where a power cut took parts of them: their names are
/// not made durable one by one, which would cost more than a night's tables. One whose files are damaged
/// stays as it is; `doctor` reports those.
pub(super) fn mend_older(root: &Path, log: &CommitLog, disk: &Disk) -> Result<(), Error> {
    for record in log.kept() {
        let files = log.view(record.n);
        let can_be_made = || files.iter().all(|file| root.join(&file.path).exists());
        if !is_whole(root, record.n, &files) && can_be_made() {
            link_view(root, record.n, &files, disk)?;
        }
    }
    Ok(())
}

/// Returns the number of the commit that `current` shows.
pub(super) fn published(root: &Path) -> Option<u64> {
    fs::read_link(root.join("current")).ok()?.file_name()?.to_str()?.parse().ok()
}

/// Returns the numbers of all snapshots.
pub(super) fn numbers(root: &Path) -> Vec<u64> {
    let names = names_in(&root.join("snapshots")).unwrap_or_default();
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Returns whether the snapshot of commit `n` has all of `files`.
pub(super) fn is_whole(root: &Path, n: u64, files: &[&FileEntry]) -> bool {
    let snapshot = root.join(relative(n));
    snapshot.is_dir() && files.iter().all(|file| snapshot.join(path_in_snapshot(file)).exists())
}

/// Removes the snapshot of commit `n`.
pub(super) fn remove(root: &Path, n: u64, disk: &Disk) -> Result<(), Error> {
    let aside = root.join("tmp/snapshot-gone");
    disk.remove_all(&aside)?;
    disk.rename(&root.join(relative(n)), &aside)?;
    disk.remove_all(&aside)
}

/// Links all files in a scratch directory, which then gets its name in one step.
fn link_view(root: &Path, n: u64, files: &[&FileEntry], disk: &Disk) -> Result<(), Error> {
    if is_whole(root, n, files) {
        return Ok(());
    }
    let scratch = root.join("tmp/snapshot");
    disk.remove_all(&scratch)?;
    disk.create_dirs(&scratch)?;
    let mut made = BTreeSet::new();
    for file in files {
        let link = scratch.join(path_in_snapshot(file));
        let directory = link.parent().expect("links stand in a table's directory");
        if made.insert(directory.to_owned()) {
            disk.create_dirs(directory)?;
        }
        disk.link(&root.join(&file.path), &link).map_err(|source| Error::write(&link, source))?;
    }
    if root.join(relative(n)).exists() {
        remove(root, n, disk)?;
    }
    disk.rename(&scratch, &root.join(relative(n)))
}

fn relative(n: u64) -> PathBuf {
    PathBuf::from("snapshots").join(n.to_string())
}

fn path_in_snapshot(file: &FileEntry) -> &Path {
    let path = Path::new(&file.path);
    path.strip_prefix("data").unwrap_or(path)
}

fn point_current(root: &Path, n: u64, disk: &Disk) -> Result<(), Error> {
    if published(root) == Some(n) {
        return Ok(());
    }
    let scratch = root.join("tmp/current");
    disk.remove_all(&scratch)?;
    disk.symlink(&relative(n), &scratch)?;
    disk.rename(&scratch, &root.join("current"))
}
