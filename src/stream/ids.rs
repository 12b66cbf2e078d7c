//! Remembers which messages came and where they went: for copies that come again, and for recalls.
//!
//! Bounded by event time and by number; the oldest are forgotten first. A copy of a message that was
//! forgotten is late, so it still changes nothing.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::spread::{PARTS, Spread, part_of};
use crate::batch::identity::MessageId;
use crate::time::{Millis, Timestamp};

/// The messages remembered.
pub struct Ids {
    /// By the id without what stores add to it.
    seen: Spread<SmallVec<[Seen; 1]>>,
    /// Those of each part of `seen` in the order they came.
    order: Vec<VecDeque<(Timestamp, MessageId)>>,
}

impl Default for Ids {
    fn default() -> Ids {
        Ids { seen: Spread::default(), order: vec![VecDeque::new(); PARTS] }
    }
}

/// What is remembered of one message.
pub struct Seen {
    id: MessageId,
    /// Hash of the record's bytes.
    pub content: u64,
    /// Encoded entries, one for each history it went to; none before it went, and after it was taken back.
    went_to: Vec<u8>,
}

impl Ids {
    /// Returns what is remembered of the message `id`.
    pub fn find(&self, id: MessageId) -> Option<&Seen> {
        self.seen.get(id.stem)?.iter().find(|seen| seen.id == id)
    }

    /// Remembers a message that came.
    pub fn insert(&mut self, id: MessageId, at: Timestamp, content: u64) {
        self.seen.get_or_default(id.stem).push(Seen { id, content, went_to: Vec::new() });
        self.order[part_of(id.stem)].push_back((at, id));
    }

    /// Notes where a message went: encoded entries, one for each history.
    pub fn note_route(&mut self, id: MessageId, went_to: &[u8]) {
        let same_stem = self.seen.get_mut(id.stem).into_iter().flatten();
        if let Some(seen) = same_stem.into_iter().find(|seen| seen.id == id) {
            seen.went_to.extend_from_slice(went_to);
        }
    }

    /// Takes back the message that a recall of `target` means, and returns where it went: by its whole id,
    /// else the first that differs from it only in what stores add. Empty when it is not known, went
    /// nowhere, or was taken back before.
    pub fn take_back(&mut self, target: MessageId) -> Vec<u8> {
        let Some(same_stem) = self.seen.get_mut(target.stem) else { return Vec::new() };
        let exact = same_stem.iter().position(|seen| seen.id == target).unwrap_or(0);
        same_stem.get_mut(exact).map(|seen| std::mem::take(&mut seen.went_to)).unwrap_or_default()
    }

    /// Forgets what is a day older than the watermark, and the oldest beyond [`MOST`].
    pub fn forget(&mut self, watermark: Timestamp) {
        let oldest = watermark.minus(WINDOW);
        for part in 0..PARTS {
            while let Some((at, id)) = self.order[part].front().copied()
                && (at < oldest || self.order[part].len() > MOST / PARTS)
            {
                self.order[part].pop_front();
                self.remove(id);
            }
        }
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.order.iter().map(VecDeque::len).sum()
    }

    fn remove(&mut self, id: MessageId) {
        if let Some(same_stem) = self.seen.get_mut(id.stem) {
            same_stem.retain(|seen| seen.id != id);
            if same_stem.is_empty() {
                self.seen.remove(id.stem);
            }
        }
    }
}

/// A recall and a copy sent again come within the day.
pub const WINDOW: Millis = Millis::DAY;

/// About 300 MB.
const MOST: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recall_finds_its_message_by_whole_id_then_without_suffix() {
        let mut ids = Ids::default();
        for (n, id) in ["0", "1", "2"].into_iter().zip(["7_1_external", "7_1", "8_1"]) {
            let id = MessageId::new("", id);
            ids.insert(id, Timestamp(0), 0);
            ids.note_route(id, n.as_bytes());
        }
        let mut taken = |id: &str| String::from_utf8(ids.take_back(MessageId::new("", id))).expect("digits");
        assert_eq!(taken("7_1"), "1");
        assert_eq!(taken("7_1"), "", "it was taken back");
        assert_eq!(taken("8_1_external"), "2");
        assert_eq!(taken("7_1_updown_stream"), "0");
        assert_eq!(taken("9_1"), "");
    }

    #[test]
    fn what_is_a_day_older_than_the_watermark_is_forgotten() {
        let mut ids = Ids::default();
        let id = |id: &str| MessageId::new("", id);
        ids.insert(id("old"), Timestamp(0), 0);
        ids.insert(id("new"), Timestamp(1), 0);
        ids.forget(Timestamp(1).plus(WINDOW));
        assert!(ids.find(id("old")).is_none() && ids.find(id("new")).is_some());
        assert_eq!(ids.len(), 1);
    }
}
