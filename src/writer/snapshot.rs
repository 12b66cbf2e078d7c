//! Publishes a commit for readers that only know globs.
//!
//! `snapshots/N/<table>/dt=…/` holds hard links to all files that commit `N`
//! shows, and `current` is a symbolic link to the newest one. Both are derived
//! from the log: a missing or incomplete one is made anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

use super::disk::Disk;
use super::record::{CommitRecord, FileEntry};
use super::table::History;
use super::tables::all_tables;

/// Returns the files that the newest of `records` shows, in path order of their commits.
pub(super) fn visible_files(records: &[CommitRecord]) -> Vec<&FileEntry> {
    let Some((newest, older)) = records.split_last() else { return Vec::new() };
    let replaced = replaced_tables();
    let accumulates = |file: &&FileEntry| !replaced.contains(&file.table.as_str());
    let kept = older.iter().flat_map(|record| &record.files).filter(accumulates);
    kept.chain(&newest.files).collect()
}

fn replaced_tables() -> Vec<&'static str> {
    let tables = all_tables().into_iter().filter(|table| table.history == History::Replaced);
    tables.map(|table| table.name).collect()
}

/// Publishes the newest of `records` under `root`; does nothing when that is done already.
///
/// # Errors
///
/// Returns an error when a link cannot be made. The commit itself stands; the next run publishes it.
pub(super) fn publish(root: &Path, records: &[CommitRecord], disk: &Disk) -> Result<(), Error> {
    let Some(newest) = records.last() else { return Ok(()) };
    let files = visible_files(records);
    let relative = PathBuf::from("snapshots").join(newest.n.to_string());
    if !is_whole(&root.join(&relative), &files) {
        link_files(root, &relative, &files, disk)?;
    }
    point_current(root, &relative, disk)
}

fn is_whole(snapshot: &Path, files: &[&FileEntry]) -> bool {
    files.iter().all(|file| snapshot.join(path_in_snapshot(file)).exists())
}

/// Links all files in a scratch directory, which then gets its name in one step.
fn link_files(root: &Path, relative: &Path, files: &[&FileEntry], disk: &Disk) -> Result<(), Error> {
    let scratch = root.join("tmp/snapshot");
    disk.remove_dir(&scratch)?;
    disk.create_dirs(&scratch)?;
    for file in files {
        let link = scratch.join(path_in_snapshot(file));
        disk.create_dirs(link.parent().expect("links stand in a table's directory"))?;
        disk.link(&root.join(&file.path), &link).map_err(|source| Error::write(&link, source))?;
    }
    disk.remove_dir(&root.join(relative))?;
    disk.rename(&scratch, &root.join(relative))
}

fn path_in_snapshot(file: &FileEntry) -> &Path {
    let path = Path::new(&file.path);
    path.strip_prefix("data").unwrap_or(path)
}

fn point_current(root: &Path, relative: &Path, disk: &Disk) -> Result<(), Error> {
    let current = root.join("current");
    if fs::read_link(&current).is_ok_and(|target| target == relative) {
        return Ok(());
    }
    let scratch = root.join("tmp/current");
    if scratch.symlink_metadata().is_ok() {
        disk.remove_file(&scratch)?;
    }
    disk.symlink(relative, &scratch)?;
    disk.rename(&scratch, &current)
}
