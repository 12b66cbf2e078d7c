//! Finds duplicates and joins recalls with the messages they take back.
//!
//! Every record leaves its identity here while files are read in parallel.
//! Afterwards each partition is sorted, so the answer is the same for any
//! number of threads: of several records with one id the first by
//! (sequence number, reading order) counts. Ids are compared by 128-bit hash.

use foldhash::fast::FixedState;

use rayon::prelude::*;
use twox_hash::{XxHash3_64, XxHash3_128};

use super::codec::{self, Arrival, Cursor};
use super::shards::Shards;
use super::tally::Fate;
use crate::error::Error;
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
    /// The message it takes back.
    pub target: MessageId,
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
    /// Recalls whose message is not in the input.
    pub unknown_recalls: u64,
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

    /// Returns its partition among `n`: one for all suffixes.
    pub fn partition(self, n: usize) -> usize {
        (self.stem >> 96) as usize % n
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
        *bytes = cursor.bytes;
        Some(Identity {
            id: MessageId { stem: u128::from_le_bytes(*stem), suffix: marks & ((1 << FATE_SHIFT) - 1) },
            seq,
            arrival,
            content: u64::from_le_bytes(*content),
            fate: Fate::from_u8(marks >> FATE_SHIFT),
        })
    }
}

/// Bytes of an identity that are no small numbers: stem, content, and a byte of suffix and fate.
const FIXED_BYTES: usize = 16 + 8 + 1;

/// The suffix takes the bits below, the fate those from here on.
const FATE_SHIFT: u32 = 2;

/// Finds all duplicates among the identities in `shards`, and the targets of `recalls`.
///
/// A recall that is itself a duplicate has no effect. A target is matched by
/// its whole id first, then without suffixes on both sides.
///
/// # Errors
///
/// When spilled identities cannot be read back.
pub fn resolve(shards: &Shards, recalls: &[PendingRecall]) -> Result<Resolution, Error> {
    let index = RecallIndex::new(recalls);
    let parts: Vec<Partition> = (0..shards.len())
        .into_par_iter()
        .map(|shard| Ok(Partition::resolve(&shards.take(shard)?, &index)))
        .collect::<Result<_, Error>>()?;
    Ok(merge(parts, recalls))
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
    exact: Vec<(usize, Arrival)>,
    by_stem: Vec<(usize, Arrival)>,
}

impl Partition {
    fn resolve(chunks: &[Vec<u8>], recalls: &RecallIndex) -> Partition {
        let of_chunk = |mut rest| std::iter::from_fn(move || Identity::take_from(&mut rest));
        let mut identities: Vec<Identity> = chunks.iter().map(Vec::as_slice).flat_map(of_chunk).collect();
        identities.sort_unstable();
        let mut found = Partition::default();
        for same in identities.chunk_by(|a, b| a.id == b.id) {
            found.add(same, recalls);
        }
        found
    }

    fn add(&mut self, same: &[Identity], recalls: &RecallIndex) {
        let (first, repeats) = same.split_first().expect("a chunk is never empty");
        for repeat in repeats {
            self.duplicates.push((repeat.arrival, repeat.fate));
            self.conflicts += u64::from(repeat.content != first.content);
        }
        let exact = recalls.by_id.get(&first.id).into_iter().flatten();
        self.exact.extend(exact.map(|&number| (number, first.arrival)));
        let by_stem = recalls.by_stem.get(&first.id.stem).into_iter().flatten();
        self.by_stem.extend(by_stem.map(|&number| (number, first.arrival)));
    }
}

fn merge(parts: Vec<Partition>, recalls: &[PendingRecall]) -> Resolution {
    let mut all = Resolution::default();
    let mut target: Vec<Option<(bool, Arrival)>> = vec![None; recalls.len()];
    for part in parts {
        all.duplicates.extend(part.duplicates);
        all.conflicts += part.conflicts;
        for (number, arrival) in part.exact {
            target[number] = Some((true, arrival));
        }
        for (number, arrival) in part.by_stem {
            let slot = &mut target[number];
            if slot.is_none_or(|(exact, before)| !exact && arrival < before) {
                *slot = Some((false, arrival));
            }
        }
    }
    for (number, recall) in recalls.iter().enumerate() {
        if !all.duplicates.contains_key(&recall.arrival) {
            all.take_back(target[number].map(|(_, arrival)| arrival), number, recalls);
        }
    }
    all
}

impl Resolution {
    fn take_back(&mut self, target: Option<Arrival>, number: usize, recalls: &[PendingRecall]) {
        let Some(arrival) = target else {
            self.unknown_recalls += 1;
            return;
        };
        let order = |number: usize| (recalls[number].at, recalls[number].seq, &recalls[number].id);
        let earliest = self.recalled.entry(arrival).or_insert(number);
        if order(number) < order(*earliest) {
            *earliest = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shards::Outbox;
    use super::*;

    fn identity(id: &str, seq: u64, file: u32, content: u64) -> Identity {
        Identity {
            id: MessageId::new("", id),
            seq,
            arrival: Arrival { file, block: 0, index: 0 },
            content,
            fate: Fate::Processed,
        }
    }

    fn recall(target: &str, at: i64, file: u32) -> PendingRecall {
        PendingRecall {
            at: Timestamp(at),
            seq: 0,
            id: format!("r{file}"),
            arrival: Arrival { file, block: 0, index: 0 },
            target: MessageId::new("", target),
        }
    }

    fn resolved(identities: &[Identity], recalls: &[PendingRecall]) -> Resolution {
        let shards = Shards::new(4, usize::MAX, std::path::Path::new("unused"), "identity");
        let mut outbox = Outbox::new(4);
        for identity in identities {
            let shard = identity.id.partition(4);
            outbox.put(&shards, shard, |out| identity.write_to(out)).expect("in memory");
        }
        outbox.empty(&shards).expect("in memory");
        resolve(&shards, recalls).expect("in memory")
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
        assert_eq!(found.unknown_recalls, 1);
    }
}
