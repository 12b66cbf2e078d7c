//! How far a stream has read its inputs: one row of one state file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::writer::{FileEntry, Staging, StateFile};

use super::single;

/// How far the inputs were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// Files that are followed, and files that are gone and may come back.
    pub files: Vec<Position>,
    /// Records of standard input, over all commits.
    pub records: u64,
}

/// How far a file was read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Where it was found last.
    pub path: PathBuf,
    /// Which file it is.
    pub file: FileIdentity,
    /// Bytes of it that were taken in; of a packed file, bytes of what is packed in it.
    pub offset: u64,
    /// Line feeds in these bytes.
    pub lines: u64,
}

/// A file, whatever it is called: where it lies and how it begins.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Device and inode.
    pub node: (u64, u64),
    /// Length of the beginning that `head` is the hash of.
    pub head_bytes: u64,
    /// Hash of the file's beginning.
    pub head: String,
}

impl Inputs {
    /// Reads what the commit with the state files `state` under `root` knows; nothing when no stream made it
    /// or one before it.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read or was written by a newer version.
    pub fn read(root: &Path, state: &[FileEntry]) -> Result<Inputs, Error> {
        Ok(single::read(root, state, INPUTS)?.unwrap_or_default())
    }

    /// Writes it into the staging area.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be written.
    pub fn write(&self, staging: &Staging) -> Result<StateFile, Error> {
        single::write(self, staging, INPUTS)
    }
}

/// The directory of the file, which every checkpoint of a stream writes anew and a run passes on.
pub const INPUTS: &str = "inputs";
