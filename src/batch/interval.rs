//! What a stream has taken in since its last checkpoint, committed as a run commits its night.
//!
//! The stream decides at once and by itself; here the same events go through the second half of a run, so
//! that tables, state, journals and ids are those that a run would have left.

use std::path::Path;

use super::codec::{self, Whose};
use super::collect::{Fault, Gathered};
use super::identity::{self, Identity, PendingRecall};
use super::past::Past;
use super::remember;
use super::resume::late_event;
use super::shards::{Outbox, Shards};
use super::{
    N_IDENTITY_SHARDS, NightRead, RunOptions, RunReport, Tally, event_shards_for, ranks_messages, report,
    route,
};
use crate::archive::FileReport;
use crate::bundle::Bundle;
use crate::business::Aliases;
use crate::error::Error;
use crate::state::{Inputs, RememberedId};
use crate::time::Timestamp;
use crate::writer::{LateEvent, Store};

/// What was taken in since the last checkpoint.
#[derive(Default)]
pub struct Interval {
    files: Vec<FileReport>,
    hashes: Vec<blake3::Hasher>,
    gathered: Gathered,
    identities: Vec<Identity>,
    /// Encoded entries, one after the other.
    entries: Vec<u8>,
    late: Vec<LateEvent>,
    /// Records taken in.
    pub records: u64,
}

/// How far the stream has come.
pub struct Until {
    /// All before this is decided.
    pub as_of: Timestamp,
    /// The newest message.
    pub newest: Option<Timestamp>,
    /// Ids that mean the same customer.
    pub aliases: Aliases,
    /// Ids of business events that are new.
    pub event_ids: Vec<RememberedId>,
    /// How far the inputs were read.
    pub inputs: Inputs,
}

impl Interval {
    /// Returns the number of the file at `path` of which a piece that begins at `offset` was read.
    pub fn file(&mut self, path: &Path, offset: u64) -> u32 {
        let goes_on = |file: &FileReport| {
            file.path == path && file.block_lines.last().is_none_or(|(start, _)| *start <= offset)
        };
        let known = self.files.iter().rposition(goes_on);
        let number = known.unwrap_or_else(|| {
            self.files.push(FileReport { path: path.to_owned(), ..FileReport::default() });
            self.hashes.push(blake3::Hasher::new());
            self.gathered.tallies.push(Tally::default());
            self.files.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Adds what became of a piece of file `number`.
    pub fn add_piece(&mut self, number: u32, bytes: &[u8], lines: &FileReport, tally: &Tally) {
        let number = number as usize;
        let file = &mut self.files[number];
        file.bytes += bytes.len() as u64;
        file.records += tally.read;
        file.block_lines.extend(&lines.block_lines);
        self.hashes[number].update(bytes);
        self.gathered.tallies[number].add(tally);
        self.records += tally.read;
    }

    /// Adds unreadable records.
    pub fn add_faults(&mut self, faults: &[Fault]) {
        self.gathered.faults.extend(faults.iter().cloned());
    }

    /// Adds a record that was accepted, with its encoded entries.
    pub fn add_record<'e>(
        &mut self,
        identity: Option<Identity>,
        recall: Option<&PendingRecall>,
        entries: impl Iterator<Item = &'e [u8]>,
    ) {
        self.identities.extend(identity);
        self.gathered.recalls.extend(recall.cloned());
        entries.for_each(|bytes| self.entries.extend_from_slice(bytes));
    }

    /// Adds a record that came too late: everything before `settled` is decided.
    pub fn add_late<'e>(&mut self, entries: impl Iterator<Item = &'e [u8]>, settled: Timestamp) {
        for (entry, _) in entries.filter_map(codec::next_entry) {
            self.late.extend(late_event(Whose::at(entry.address()), &entry, settled));
        }
    }

    /// Commits it to `store`. A stream's decisions before `until.as_of` are then in the tables.
    ///
    /// # Errors
    ///
    /// As those of a run: nothing is visible then.
    pub fn commit(
        self,
        bundle: &Bundle,
        options: &RunOptions,
        store: &mut Store,
        until: Until,
    ) -> Result<RunReport, Error> {
        let staging = store.begin()?;
        let past = Past::read(store)?;
        let Interval { mut files, hashes, mut gathered, identities, entries, late, .. } = self;
        for (file, hash) in files.iter_mut().zip(hashes) {
            file.blake3 = *hash.finalize().as_bytes();
        }
        let n_event_shards = event_shards_for(entries.len() as u64 / ENTRIES_BYTES);
        let events = Shards::new(n_event_shards, usize::MAX, staging.path(), "events");
        put_entries(&entries, &events)?;
        let identities = put_identities(&identities, staging.path())?;
        gathered.recalls.sort_unstable_by_key(|recall| recall.arrival);
        gathered.recalls.extend(past.recalls());
        gathered.faults.sort_by_key(|fault| fault.origin);
        let as_of = until.as_of.max(past.decided_until());
        let memory = past.known_ids(&bundle.rules.pack);
        let resolution = identity::resolve(&identities, &gathered.recalls, Some(&memory))?;
        let night = NightRead {
            files,
            skipped: Vec::new(),
            gathered,
            resolution,
            events,
            identities,
            event_ids: until.event_ids,
            aliases: until.aliases,
            newest: until.newest.max(past.newest()),
            past,
            as_of,
            may_rank: !options.events.is_empty() || ranks_messages(&bundle.rules),
            inputs: Some(until.inputs),
        };
        let mut outcome = remember::decide(bundle, &night, options.memory, &staging)?;
        outcome.decided.late.extend(late);
        report::publish(bundle, options, store, staging, night, outcome)
    }
}

fn put_entries(entries: &[u8], shards: &Shards) -> Result<(), Error> {
    let mut outbox = Outbox::new(shards.len());
    for entry in codec::entries(entries) {
        let hash = route::history_hash(entry.class, entry.corp, entry.primary);
        let shard = route::shard_of(hash, shards.len());
        outbox.put(shards, shard, |out| out.extend_from_slice(entry.bytes))?;
    }
    outbox.empty(shards)
}

fn put_identities(identities: &[Identity], scratch: &Path) -> Result<Shards, Error> {
    let shards = Shards::new(N_IDENTITY_SHARDS, usize::MAX, scratch, "identities");
    let mut outbox = Outbox::new(shards.len());
    for identity in identities {
        outbox.put(&shards, identity.id.partition(), |out| identity.write_to(out))?;
    }
    outbox.empty(&shards)?;
    Ok(shards)
}

/// How many bytes of entries make one event shard.
const ENTRIES_BYTES: u64 = 512 << 10;
