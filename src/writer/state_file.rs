//! State files, as a commit sees them: named bytes. What is in them is the business of who writes them.

use std::path::PathBuf;

use crate::time::Day;

use super::record::FileEntry;

/// A finished state file in the staging area.
#[derive(Clone, Debug)]
pub struct StateFile {
    /// Its part of the state: a directory below `state/`.
    pub part: String,
    /// The local day it speaks of, where it is kept for a number of days only.
    pub day: Option<Day>,
    /// Size in bytes.
    pub bytes: u64,
    /// Content hash.
    pub blake3: blake3::Hash,
    /// Number of rows.
    pub rows: u64,
    /// Where it waits to be committed.
    pub path: PathBuf,
}

/// All state of a commit: what is carried over from earlier ones, and what is new.
#[derive(Clone, Debug, Default)]
pub struct StateFiles {
    /// Files of earlier commits that still belong to the state, the older of a part before the newer.
    pub carried: Vec<FileEntry>,
    /// Files of this commit; each is newer than all carried ones of its part.
    pub written: Vec<StateFile>,
}
