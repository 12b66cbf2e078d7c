//! What all histories of a commit share: one row of one state file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::business::Aliases;
use crate::error::Error;
use crate::lexicon::TermNumbers;
use crate::time::Timestamp;
use crate::verdict::{Manifest, Scales};
use crate::writer::{FileEntry, Staging, StateFile};

use super::single;

/// What all histories share.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shared {
    /// What is decided is decided until here.
    pub as_of: Timestamp,
    /// The newest message so far, whether decided or waiting.
    pub newest: Option<Timestamp>,
    /// By kind of key: what the numbers in states mean.
    pub manifests: Vec<Manifest>,
    /// What the numbers of terms mean.
    pub terms: TermNumbers,
    /// Ids that mean the same customer.
    pub aliases: Aliases,
    /// By kind of key: the scales of all barriers so far.
    pub scales: Vec<Scales>,
    /// Ids of rules that have changed and were not computed anew since.
    pub to_replay: Vec<String>,
    /// Recalls whose message has not been seen yet.
    pub recalls: Vec<SavedRecall>,
}

/// A recall that waits for its message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedRecall {
    /// When it was recalled.
    pub at: Timestamp,
    /// Archival sequence number of the recall.
    pub seq: u64,
    /// Id of the recall record.
    pub id: String,
    /// The company of both.
    pub corp: String,
    /// Id of the message it takes back.
    pub target: String,
}

impl Shared {
    /// Reads what the commit with the state files `state` under `root` shares; none when it has no state.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read or was written by a newer version.
    pub fn read(root: &Path, state: &[FileEntry]) -> Result<Option<Shared>, Error> {
        single::read(root, state, SHARED)
    }

    /// Writes it into the staging area.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be written.
    pub fn write(&self, staging: &Staging) -> Result<StateFile, Error> {
        single::write(self, staging, SHARED)
    }
}

/// The directory of the file, which every commit writes anew.
pub const SHARED: &str = "shared";
