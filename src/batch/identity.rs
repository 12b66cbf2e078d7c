//! Finds duplicates and joins recalls with the messages they take back.
//!
//! Every record leaves its identity here while files are read in parallel.
//! Afterwards each partition is sorted, so the answer is the same for any
//! number of threads: of several records with one id the first by
//! (sequence number, reading order) counts. Ids are compared by 128-bit hash.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;

use rayon::prelude::*;
use twox_hash::{XxHash3_64, XxHash3_128};

use super::codec::{self, Arrival, Cursor};
use super::shards::Shards;
use super::tally::Fate;
use crate::error::Error;
use crate::prefix_sort::sort_by_prefix;
use crate::state::{IdLookup, IdMemory, RememberedId, Sent, range_of};
use crate::time::Timestamp;

/// The identity of one record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Identity {
    /// Its message id.
    pub id: MessageId,
    /// Archival sequence number.
    pub seq: u64,
    /// Reading order.
    pub arrival: Arrival,
    /// Hash of the record's bytes.
    pub content: u64,
    /// How the record was counted when it was read.
    pub fate: Fate,
    /// Where it went.
    pub sent: Sent,
}

/// A recall on its way to the message it takes back.
#[derive(Clone, Debug)]
pub struct PendingRecall {
    /// When it was recalled.
    pub at: Timestamp,
    /// Archival sequence number of the recall.
    pub seq: u64,
    /// Id of the recall record.
    pub id: String,
    /// Reading order of the recall record.
    pub arrival: Arrival,
    /// The company of both.
    pub corp: String,
    /// The message it takes back.
    pub target: MessageId,
    /// The id of that message, as the recall names it.
    pub target_id: String,
}

/// A map that is only looked up: its order never shows.
pub type Map<K, V> = std::collections::HashMap<K, V, FixedState>;

/// What the identities of a night add up to.
#[derive(Debug, Default)]
pub struct Resolution {
    /// Records that repeat an earlier one, with how they had been counted.
    pub duplicates: Map<Arrival, Fate>,
    /// Duplicates whose content differs from the first one's.
    pub conflicts: u64,
    /// For each message taken back: index into the recalls, the earliest recall.
    pub recalled: Map<Arrival, usize>,
    /// Recalls of messages of earlier runs, by the upper half of the hash of a history they act in.
    pub earlier: BTreeMap<u64, Vec<EarlierRecall>>,
    /// Messages that are taken back, of this run or earlier ones.
    pub recalled_ids: Vec<RememberedId>,
    /// Indexes into the recalls: their message has not been seen yet.
    pub unknown_recalls: Vec<usize>,
    /// Ids that were not known before.
    pub n_fresh: u64,
}

/// The recall of a message of an earlier run, in one of its histories.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierRecall {
    /// Index into the recalls.
    pub number: usize,
    /// The id of the message.
    pub message_id: String,
    /// Hash of the counterpart in the history, as [`Sent::hash_of`] makes it; 0 for none.
    pub second: u32,
}

/// A message id of a company, as far as it has to be told from others.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId {
    /// Hash of company and id without the suffixes that stores add or lose.
    pub stem: u128,
    /// Which suffix the id has: its place in [`SUFFIXES`] from 1, 0 for none.
    suffix: u8,
}

impl MessageId {
    /// Returns what tells `id` of `corp` from other ids.
    pub fn new(corp: &str, id: &str) -> MessageId {
        let stems = (1..).zip(SUFFIXES).filter_map(|(n, suffix)| Some((n, id.strip_suffix(suffix)?)));
        let (suffix, stem) = stems.take(1).next().unwrap_or((0, id));
        let seed = if corp.is_empty() { 0 } else { XxHash3_64::oneshot(corp.as_bytes()) };
        MessageId { stem: XxHash3_128::oneshot_with_seed(seed, stem.as_bytes()), suffix }
    }

    /// Returns the id that is remembered.
    pub fn of(remembered: &RememberedId) -> MessageId {
        MessageId { stem: remembered.stem, suffix: remembered.suffix }
    }

    /// Returns its partition: one for all suffixes, and the range of the ids that are remembered.
    pub fn partition(self) -> usize {
        range_of(self.stem)
    }

    /// Returns `named`, the id of a message as its recall names it, as the message itself has it.
    fn written_as(self, named: &str) -> String {
        let without = SUFFIXES.iter().find_map(|suffix| named.strip_suffix(suffix)).unwrap_or(named);
        let suffix = usize::from(self.suffix).checked_sub(1).and_then(|at| SUFFIXES.get(at));
        format!("{without}{}", suffix.copied().unwrap_or_default())
    }
}

/// What stores add to ids and lose again.
const SUFFIXES: [&str; 2] = ["_external", "_updown_stream"];

impl Identity {
    /// Appends the identity to a shard buffer. Most numbers are small, and what waits is memory to be filled.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut fixed = [0; FIXED_BYTES];
        fixed[0..16].copy_from_slice(&self.id.stem.to_le_bytes());
        fixed[16..24].copy_from_slice(&self.content.to_le_bytes());
        fixed[24] = self.id.suffix | (self.fate as u8) << FATE_SHIFT;
        out.extend_from_slice(&fixed);
        codec::put(out, self.seq);
        codec::put(out, u64::from(self.arrival.file));
        codec::put(out, self.arrival.block);
        codec::put(out, u64::from(self.arrival.index));
        self.write_sent(out);
    }

    /// Takes the next identity off the front of `bytes`; `None` at their end.
    fn take_from(bytes: &mut &[u8]) -> Option<Identity> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let (stem, tail) = fixed.split_first_chunk()?;
        let (content, tail) = tail.split_first_chunk()?;
        let marks = *tail.first()?;
        let mut cursor = Cursor { bytes: rest };
        let seq = cursor.number()?;
        let arrival = Arrival { file: cursor.small()?, block: cursor.number()?, index: cursor.small()? };
        let sent = take_sent(&mut cursor)?;
        *bytes = cursor.bytes;
        Some(Identity {
            id: MessageId { stem: u128::from_le_bytes(*stem), suffix: marks & ((1 << FATE_SHIFT) - 1) },
            seq,
            arrival,
            content: u64::from_le_bytes(*content),
            fate: Fate::from_u8(marks >> FATE_SHIFT),
            sent,
        })
    }

    /// Appends a byte that says which histories follow, these, and the counterpart.
    fn write_sent(&self, out: &mut Vec<u8>) {
        let Sent { histories, second } = self.sent;
        let known = (0..).zip(histories).filter(|(_, history)| *history != 0);
        out.push(known.clone().fold(0, |marks, (class, _)| marks | 1 << class) | u8::from(second != 0) << 3);
        known.for_each(|(_, history)| out.extend_from_slice(&history.to_le_bytes()));
        if second != 0 {
            out.extend_from_slice(&second.to_le_bytes());
        }
    }

    fn remembered(&self) -> RememberedId {
        let MessageId { stem, suffix } = self.id;
        RememberedId { stem, suffix, recalled: false, content: self.content, sent: self.sent }
    }
}

/// Reads back what `write_sent` wrote.
fn take_sent(cursor: &mut Cursor<'_>) -> Option<Sent> {
    let (marks, mut sent) = (cursor.byte()?, Sent::default());
    for (class, history) in (0..).zip(&mut sent.histories) {
        if marks & 1 << class != 0 {
            *history = u64::from_le_bytes(cursor.array()?);
        }
    }
    if marks & 1 << 3 != 0 {
        sent.second = u32::from_le_bytes(cursor.array()?);
    }
    Some(sent)
}

/// Bytes of an identity that are no small numbers: stem, content, and a byte of suffix and fate.
const FIXED_BYTES: usize = 16 + 8 + 1;

/// The suffix takes the bits below, the fate those from here on.
const FATE_SHIFT: u32 = 2;

/// Finds all duplicates among the identities in `shards` and those of earlier runs, and the targets of
/// `recalls`. The identities stay in the shards.
///
/// A recall that is itself a duplicate has no effect. A target is matched by
/// its whole id first, then without suffixes on both sides.
///
/// # Errors
///
/// When spilled identities, or those of earlier runs, cannot be read back.
pub fn resolve(
    shards: &Shards,
    recalls: &[PendingRecall],
    memory: Option<&IdMemory>,
) -> Result<Resolution, Error> {
    let index = RecallIndex::new(recalls);
    let memory = memory.map(IdMemory::lookup).transpose()?.unwrap_or_default();
    let parts: Vec<Partition> = (0..shards.len())
        .into_par_iter()
        .map_init(Vec::new, |identities, shard| {
            let chunks = shards.take(shard)?;
            identities.clear();
            identities.extend(all(&chunks));
            sort_by_prefix(identities, |identity| (identity.id.stem >> 64) as u64, Ord::cmp);
            let known = known(&memory, shard, identities, &index)?;
            let part = Partition::resolve(identities, &known, &index);
            shards.put_back(shard, chunks)?;
            Ok(part)
        })
        .collect::<Result<_, Error>>()?;
    Ok(merge(parts, recalls))
}

/// Takes out the identities of one shard: those that are new, as `resolution` says.
///
/// # Errors
///
/// When spilled identities cannot be read back.
pub fn take_fresh(
    shards: &Shards,
    shard: usize,
    resolution: &Resolution,
) -> Result<Vec<RememberedId>, Error> {
    let is_new = |identity: &Identity| !resolution.duplicates.contains_key(&identity.arrival);
    Ok(all(&shards.take(shard)?).filter(is_new).map(|identity| identity.remembered()).collect())
}

/// Reads identities, in no order.
fn all(chunks: &[Vec<u8>]) -> impl Iterator<Item = Identity> {
    let of_chunk = |mut rest| std::iter::from_fn(move || Identity::take_from(&mut rest));
    chunks.iter().map(Vec::as_slice).flat_map(of_chunk)
}

/// Reads what earlier runs know of the ids of a partition and of the messages that are recalled.
fn known(
    memory: &IdLookup,
    partition: usize,
    identities: &[Identity],
    recalls: &RecallIndex,
) -> Result<Map<MessageId, Known>, Error> {
    let mut found: Map<MessageId, Known> = Map::default();
    if memory.is_empty() {
        return Ok(found);
    }
    let recalled = recalls.by_stem.keys().copied().filter(|stem| range_of(*stem) == partition);
    let mut stems: Vec<u128> = identities.iter().map(|identity| identity.id.stem).chain(recalled).collect();
    stems.sort_unstable();
    stems.dedup();
    memory.find(partition, &stems, |id| {
        let known = found.entry(MessageId { stem: id.stem, suffix: id.suffix }).or_default();
        known.recalled |= id.recalled;
        if !id.recalled {
            known.first.get_or_insert(id);
        }
    })?;
    Ok(found)
}

/// What earlier runs know of an id.
#[derive(Default)]
struct Known {
    first: Option<RememberedId>,
    recalled: bool,
}

/// Recalls by target.
struct RecallIndex {
    by_id: Map<MessageId, Vec<usize>>,
    by_stem: Map<u128, Vec<usize>>,
}

impl RecallIndex {
    fn new(recalls: &[PendingRecall]) -> RecallIndex {
        let mut index = RecallIndex { by_id: Map::default(), by_stem: Map::default() };
        for (number, recall) in recalls.iter().enumerate() {
            index.by_id.entry(recall.target).or_default().push(number);
            index.by_stem.entry(recall.target.stem).or_default().push(number);
        }
        index
    }
}

/// What one partition found: pairs of a recall and the message it names.
#[derive(Default)]
struct Partition {
    duplicates: Vec<(Arrival, Fate)>,
    conflicts: u64,
    n_fresh: u64,
    /// With whether the whole id is the same.
    targets: Vec<(usize, bool, Target)>,
}

/// The message a recall names. Those of earlier runs come first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Target {
    /// It was taken back in an earlier run.
    Gone,
    Earlier(RememberedId),
    Tonight(Arrival, MessageId),
}

impl Partition {
    /// Goes through sorted identities.
    fn resolve(identities: &[Identity], known: &Map<MessageId, Known>, recalls: &RecallIndex) -> Partition {
        let mut found = Partition::default();
        for (id, known) in known {
            if let Some(first) = known.first {
                found.name(*id, if known.recalled { Target::Gone } else { Target::Earlier(first) }, recalls);
            }
        }
        for same in identities.chunk_by(|a, b| a.id == b.id) {
            let known = known.get(&same[0].id).and_then(|known| known.first);
            if known.is_none() {
                found.n_fresh += 1;
                found.name(same[0].id, Target::Tonight(same[0].arrival, same[0].id), recalls);
            }
            found.note_repeats(same, known);
        }
        found
    }

    fn note_repeats(&mut self, same: &[Identity], known: Option<RememberedId>) {
        let content = known.map_or(same[0].content, |known| known.content);
        for repeat in &same[usize::from(known.is_none())..] {
            self.duplicates.push((repeat.arrival, repeat.fate));
            self.conflicts += u64::from(repeat.content != content);
        }
    }

    /// Notes the recalls that name a message.
    fn name(&mut self, id: MessageId, target: Target, recalls: &RecallIndex) {
        let exact = recalls.by_id.get(&id).into_iter().flatten();
        self.targets.extend(exact.map(|&number| (number, true, target)));
        let by_stem = recalls.by_stem.get(&id.stem).into_iter().flatten();
        self.targets.extend(by_stem.map(|&number| (number, false, target)));
    }
}

fn merge(parts: Vec<Partition>, recalls: &[PendingRecall]) -> Resolution {
    let mut all = Resolution::default();
    let mut target: Vec<Option<(bool, Target)>> = vec![None; recalls.len()];
    for part in parts {
        all.duplicates.extend(part.duplicates);
        all.conflicts += part.conflicts;
        all.n_fresh += part.n_fresh;
        for (number, is_exact, found) in part.targets {
            let better = |(exact, before): (bool, Target)| (!is_exact, found) < (!exact, before);
            if target[number].is_none_or(better) {
                target[number] = Some((is_exact, found));
            }
        }
    }
    for (number, recall) in recalls.iter().enumerate() {
        if !all.duplicates.contains_key(&recall.arrival) {
            all.take_back(target[number].map(|(_, found)| found), number, recalls);
        }
    }
    all
}

impl Resolution {
    fn take_back(&mut self, target: Option<Target>, number: usize, recalls: &[PendingRecall]) {
        match target {
            Some(Target::Tonight(arrival, id)) => self.take_back_tonight(arrival, id, number, recalls),
            Some(Target::Earlier(id)) => self.take_back_earlier(id, number, recalls),
            Some(Target::Gone) => {}
            None => self.unknown_recalls.push(number),
        }
    }

    fn take_back_tonight(
        &mut self,
        arrival: Arrival,
        id: MessageId,
        number: usize,
        recalls: &[PendingRecall],
    ) {
        let MessageId { stem, suffix } = id;
        let sent = Sent::default();
        self.recalled_ids.push(RememberedId { stem, suffix, recalled: true, content: 0, sent });
        let earliest = self.recalled.entry(arrival).or_insert(number);
        if order(number, recalls) < order(*earliest, recalls) {
            *earliest = number;
        }
    }

    /// Of several recalls of one message the earliest acts, as tonight's do.
    fn take_back_earlier(&mut self, id: RememberedId, number: usize, recalls: &[PendingRecall]) {
        let message = MessageId { stem: id.stem, suffix: id.suffix };
        let message_id = message.written_as(&recalls[number].target_id);
        self.recalled_ids.push(RememberedId { recalled: true, ..id });
        let [customer, room, staff] = id.sent.histories;
        // A counterpart belongs to the group where there is one, else to the customer.
        let of_customer = if room == 0 { id.sent.second } else { 0 };
        for (history, second) in [(customer, of_customer), (room, id.sent.second), (staff, 0)] {
            if history == 0 {
                continue;
            }
            let recalls_there = self.earlier.entry(history).or_default();
            let recall = EarlierRecall { number, message_id: message_id.clone(), second };
            match recalls_there.iter_mut().find(|known| known.message_id == message_id) {
                Some(known) if order(number, recalls) < order(known.number, recalls) => *known = recall,
                Some(_) => {}
                None => recalls_there.push(recall),
            }
        }
    }
}

fn order(number: usize, recalls: &[PendingRecall]) -> (Timestamp, u64, &str) {
    (recalls[number].at, recalls[number].seq, &recalls[number].id)
}

#[cfg(test)]
mod tests {
    use super::super::shards::Outbox;
    use super::*;
    use crate::state::N_RANGES;

    fn identity(id: &str, seq: u64, file: u32, content: u64) -> Identity {
        Identity {
            id: MessageId::new("", id),
            seq,
            arrival: Arrival { file, block: 0, index: 0 },
            content,
            fate: Fate::Processed,
            sent: Sent::default(),
        }
    }

    fn recall(target: &str, at: i64, file: u32) -> PendingRecall {
        PendingRecall {
            at: Timestamp(at),
            seq: 0,
            id: format!("r{file}"),
            arrival: Arrival { file, block: 0, index: 0 },
            corp: String::new(),
            target: MessageId::new("", target),
            target_id: target.to_owned(),
        }
    }

    fn resolved(identities: &[Identity], recalls: &[PendingRecall]) -> Resolution {
        let shards = Shards::new(N_RANGES, usize::MAX, std::path::Path::new("unused"), "identity");
        let mut outbox = Outbox::new(N_RANGES);
        for identity in identities {
            let shard = identity.id.partition();
            outbox.put(&shards, shard, |out| identity.write_to(out)).expect("in memory");
        }
        outbox.empty(&shards).expect("in memory");
        resolve(&shards, recalls, None).expect("in memory")
    }

    fn files(found: &Resolution) -> Vec<u32> {
        let mut files: Vec<u32> = found.duplicates.keys().map(|arrival| arrival.file).collect();
        files.sort_unstable();
        files
    }

    #[test]
    fn the_first_by_sequence_then_reading_order_counts() {
        let found = resolved(
            &[identity("a", 5, 1, 0), identity("a", 4, 2, 0), identity("b", 0, 3, 0), identity("b", 0, 4, 9)],
            &[],
        );
        assert_eq!((files(&found), found.conflicts), (vec![1, 4], 1));
    }

    #[test]
    fn one_id_in_two_companies_is_two_messages() {
        assert_ne!(MessageId::new("wwA", "a").stem, MessageId::new("wwB", "a").stem);
    }

    #[test]
    fn a_recall_finds_its_message_by_whole_id_then_without_suffix() {
        let messages =
            [identity("7_1_external", 0, 1, 0), identity("7_1", 0, 2, 0), identity("8_1", 0, 3, 0)];
        let recalls =
            [recall("7_1", 9, 4), recall("8_1_external", 9, 5), recall("9_1", 9, 6), recall("8_1", 8, 7)];
        let found = resolved(&messages, &recalls);
        let mut pairs: Vec<_> =
            found.recalled.iter().map(|(arrival, number)| (arrival.file, *number)).collect();
        pairs.sort_unstable();
        assert_eq!(pairs, [(2, 0), (3, 3)], "the earlier of two recalls of one message stands");
        assert_eq!(found.unknown_recalls, [2]);
    }
}
