//! What is remembered of one history.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::message::KeyKind;
use crate::signal::saved_ids;
use crate::time::Timestamp;
use crate::verdict::KeyState;

use super::bytes;
use super::layer::StoredHistory;
use super::shard::shard_of;

/// What is remembered of one history between two commits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// How it stood before the first event of the journal.
    pub base: Snapshot,
    /// The newest events in event order, one encoded entry after the other. Those that the head
    /// does not hold yet wait for a later `as_of`.
    #[serde(with = "bytes")]
    pub journal: Vec<u8>,
    /// How it stands after the decided events of the journal; none when that is the base.
    pub head: Option<Snapshot>,
}

/// How the keys of a history stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The keys that were met, in the order in which they were.
    pub keys: Vec<SavedKey>,
    /// Conversations (group, counterpart) whose customer refuses to be recorded.
    pub refused: Vec<(Box<str>, Box<str>)>,
    /// An event from this instant on still acts as if it had come in time; an older one does not:
    /// something that comes after it has acted already.
    pub settled: Timestamp,
}

/// The state of one key of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedKey {
    /// What kind of key.
    pub kind: KeyKind,
    /// The counterpart that tells it from the others: a staff id for `relation`, a member for
    /// `room_member`, else empty.
    pub second: Box<str>,
    /// What its rules remember.
    pub state: KeyState,
}

impl Default for Snapshot {
    /// A history that nothing has happened in.
    fn default() -> Snapshot {
        Snapshot { keys: Vec::new(), refused: Vec::new(), settled: Timestamp::MIN }
    }
}

impl History {
    /// Returns how the history stands now.
    pub fn head(&self) -> &Snapshot {
        self.head.as_ref().unwrap_or(&self.base)
    }

    /// Takes the history apart into its states.
    pub fn into_states(self) -> impl Iterator<Item = (KeyKind, KeyState)> {
        let snapshots = [Some(self.base), self.head].into_iter().flatten();
        snapshots.flat_map(|snapshot| snapshot.keys).map(|key| (key.kind, key.state))
    }

    /// Returns the history as bytes, for a row of a layer.
    pub fn encode(&self) -> Vec<u8> {
        saved_ids::sharing(|| bytes::encode_after(&SHARED_IDS, self))
    }

    /// Reads the history of a row.
    ///
    /// # Errors
    ///
    /// Returns an error when the bytes are no history.
    pub fn decode(row: &StoredHistory) -> Result<History, Error> {
        let path = || PathBuf::from(format!("state/{:02}", shard_of(row.hash)));
        match row.state.strip_prefix(&SHARED_IDS) {
            Some(state) => saved_ids::sharing(|| bytes::decode(state, path)),
            None => bytes::decode(&row.state, path),
        }
    }
}

/// What histories begin with whose ids are written once: a nought, as nobody else writes it. Those of formats 1 and 2
/// begin with the number of the base's keys.
const SHARED_IDS: [u8; 2] = [0x80, 0];
