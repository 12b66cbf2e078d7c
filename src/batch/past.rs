//! What earlier runs left in the output directory.

use std::path::PathBuf;

use super::codec::Arrival;
use super::identity::{MessageId, PendingRecall};
use crate::error::Error;
use crate::rules::Pack;
use crate::state::{INPUTS, IdMemory, Reader, SavedRecall, Shared};
use crate::time::Timestamp;
use crate::writer::{FileEntry, Store};

/// The state of the newest commit.
pub struct Past {
    root: PathBuf,
    state: Vec<FileEntry>,
    /// What histories share; none before the first commit.
    pub shared: Option<Shared>,
    /// The table `current_tags`.
    current: Vec<PathBuf>,
}

impl Past {
    /// Reads what histories share.
    ///
    /// # Errors
    ///
    /// Returns an error when the state cannot be read or was written by another version.
    pub fn read(store: &Store) -> Result<Past, Error> {
        let root = store.root().to_owned();
        let state = store.head().map(|head| head.state.clone()).unwrap_or_default();
        let files = store.shown().into_iter().filter(|file| file.table == "current_tags");
        let current = files.map(|file| root.join(&file.path));
        let (shared, current) = (Shared::read(&root, &state)?, current.collect());
        Ok(Past { root, state, shared, current })
    }

    /// A past in which nothing has happened.
    pub fn none(store: &Store) -> Past {
        Past { root: store.root().to_owned(), state: Vec::new(), shared: None, current: Vec::new() }
    }

    /// Returns the state files that hold neither histories nor what they share.
    pub fn beside_histories(&self) -> impl Iterator<Item = FileEntry> {
        let beside = |file: &&FileEntry| [MESSAGES, EVENTS].contains(&file.state_part());
        self.state.iter().filter(beside).cloned()
    }

    /// Returns the state file that says how far a stream has read its inputs.
    pub fn inputs(&self) -> impl Iterator<Item = FileEntry> {
        self.state.iter().filter(|file| file.state_part() == INPUTS).cloned()
    }

    /// Returns the instant until which all is decided.
    pub fn decided_until(&self) -> Timestamp {
        self.shared.as_ref().map_or(Timestamp::MIN, |shared| shared.as_of)
    }

    /// Returns the files of the table `current_tags`; none when no state goes with them.
    pub fn current_tags(&self) -> Vec<PathBuf> {
        if self.shared.is_some() { self.current.clone() } else { Vec::new() }
    }

    /// Returns the newest message so far.
    pub fn newest(&self) -> Option<Timestamp> {
        self.shared.as_ref()?.newest
    }

    /// Prepares to read the histories.
    pub fn histories(&self) -> Reader {
        Reader::open(&self.root, &self.state)
    }

    /// Returns the ids of messages that a run with the given end remembers.
    pub fn message_ids(&self, as_of: Timestamp, pack: &Pack) -> IdMemory {
        let oldest = pack.zone.day(as_of.minus(pack.remember_ids));
        IdMemory::open(&self.root, &self.state, MESSAGES, oldest)
    }

    /// Returns the ids of messages that the last run left: also of those that this run forgets at its end,
    /// however many days it spans.
    pub fn known_ids(&self, pack: &Pack) -> IdMemory {
        self.message_ids(self.decided_until().max(Timestamp(0)), pack)
    }

    /// Returns the ids of business events: exports repeat them for good.
    pub fn event_ids(&self, pack: &Pack) -> IdMemory {
        IdMemory::open(&self.root, &self.state, EVENTS, pack.zone.day(Timestamp(0)))
    }

    /// Returns the recalls whose message has not been seen yet, after all of the run's own.
    pub fn recalls(&self) -> impl Iterator<Item = PendingRecall> {
        let saved = self.shared.iter().flat_map(|shared| &shared.recalls);
        (0..).zip(saved).map(|(index, recall)| PendingRecall {
            at: recall.at,
            seq: recall.seq,
            id: recall.id.clone(),
            arrival: Arrival { file: u32::MAX, block: 0, index },
            corp: recall.corp.clone(),
            target: MessageId::new(&recall.corp, &recall.target),
            target_id: recall.target.clone(),
        })
    }
}

/// Returns a recall as it is remembered.
pub fn saved_recall(recall: &PendingRecall) -> SavedRecall {
    SavedRecall {
        at: recall.at,
        seq: recall.seq,
        id: recall.id.clone(),
        corp: recall.corp.clone(),
        target: recall.target_id.clone(),
    }
}

/// The part of the state with the ids of messages.
const MESSAGES: &str = "ids";

/// The part of the state with the ids of business events.
const EVENTS: &str = "events";
