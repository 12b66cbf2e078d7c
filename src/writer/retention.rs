//! Goes back to an earlier commit, and lets old commits go.
//!
//! Both are commits themselves: a rollback appends a record that shows what an
//! earlier commit showed, and deletes nothing; a garbage collection appends a
//! record that drops commits, and only when that is durable removes the files
//! that no kept commit names. Interrupted, either is finished by the next
//! process that opens the directory.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::error::Error;

use super::commit::Store;
use super::disk::Disk;
use super::log::CommitLog;
use super::record::{Action, CommitRecord, FORMAT, FileEntry, RunRecord};
use super::recovery;

/// What a garbage collection lets go.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Collected {
    /// Number of its commit; `None` when there was nothing to drop.
    pub commit: Option<u64>,
    /// The commits that can be read no longer.
    pub dropped: Vec<u64>,
    /// Files removed.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Store {
    /// Makes what commit `to` showed the newest again, with its state; the inputs of the commits after it may
    /// be read again. Returns the number of the new commit, `None` when nothing would change.
    ///
    /// Works also where the newest commit is damaged: only the files of commit `to` have to be there.
    ///
    /// # Errors
    ///
    /// As [`Store::open`]; also when there is no commit `to`, or it was dropped.
    pub fn roll_back(out: &Path, to: u64, disk: Disk) -> Result<Option<u64>, Error> {
        let mut store = Store::hold(out, disk)?;
        let head = store.head().map(|head| head.n);
        check_is_kept(store.log(), to)?;
        recovery::check_log_is_whole(out, store.log())?;
        recovery::check_commit(out, store.log(), to)?;
        if head.is_some_and(|head| store.log().lineage(head) == store.log().lineage(to)) {
            store.recover()?;
            return Ok(None);
        }
        recovery::clear_scratch(out, store.disk())?;
        let record = rollback_record(store.log(), to);
        let n = record.n;
        store.append(store.begin()?, record)?;
        store.recover()?;
        Ok(Some(n))
    }

    /// Keeps the `keep` newest runs and rollbacks, at least the newest, and removes what only older ones
    /// need. Tables lose no row.
    ///
    /// # Errors
    ///
    /// Returns an error when the record cannot be committed or a file not removed; the next
    /// [`Store::open`] finishes what was committed.
    pub fn collect_garbage(&mut self, keep: usize) -> Result<Collected, Error> {
        let collected = Collected { commit: Some(self.log().next()), ..self.garbage(keep) };
        let Some(head) = self.head().filter(|_| !collected.dropped.is_empty()) else {
            return Ok(Collected::default());
        };
        let record = CommitRecord {
            run: RunRecord { as_of: head.run.as_of, ..RunRecord::default() },
            state: head.state.clone(),
            ..follow_up(self.log(), head, Action::Gc { drops: collected.dropped.clone() })
        };
        self.append(self.begin()?, record)?;
        recovery::remove_unneeded(self.root(), self.log(), self.disk())?;
        Ok(collected)
    }

    /// Returns what [`Store::collect_garbage`] would let go.
    pub fn garbage(&self, keep: usize) -> Collected {
        garbage(self.log(), keep)
    }
}

/// Returns what keeping the `keep` newest runs and rollbacks of `log` lets go.
pub fn garbage(log: &CommitLog, keep: usize) -> Collected {
    let dropped = log.droppable(keep.max(1));
    let after = log.without(&dropped);
    let needed = after.needed();
    let freed: BTreeMap<&str, &FileEntry> =
        log.needed().into_iter().filter(|(path, _)| !needed.contains_key(path)).collect();
    let bytes = freed.values().map(|file| file.bytes).sum();
    Collected { commit: None, files: freed.len() as u64, bytes, dropped }
}

fn check_is_kept(log: &CommitLog, n: u64) -> Result<(), Error> {
    if log.is_kept(n) {
        return Ok(());
    }
    let kept: Vec<String> = log.kept().map(|record| record.n.to_string()).collect();
    let newest = &kept[kept.len().saturating_sub(SHOWN)..];
    let known: Vec<&str> = newest.iter().map(String::as_str).collect();
    Err(Error::argument_one_of("commit that can be read", &n.to_string(), &known))
}

fn rollback_record(log: &CommitLog, to: u64) -> CommitRecord {
    let target = &log.records()[to as usize];
    CommitRecord {
        run: RunRecord { as_of: target.run.as_of, ..RunRecord::default() },
        state: target.state.clone(),
        ..follow_up(log, target, Action::Rollback { to })
    }
}

/// A record that reads and writes nothing, decided by what decided `like`.
fn follow_up(log: &CommitLog, like: &CommitRecord, action: Action) -> CommitRecord {
    let n = log.next();
    CommitRecord {
        format: FORMAT,
        n,
        run_id: action.id(n),
        action,
        prev: log.head_sum().map(str::to_owned),
        run: RunRecord::default(),
        versions: like.versions.clone(),
        files: Vec::new(),
        state: Vec::new(),
    }
}

/// Commits named in a refusal.
const SHOWN: usize = 12;
