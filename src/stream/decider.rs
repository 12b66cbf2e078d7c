//! Puts records in event order and decides: the rules see exactly what a run over the same records would
//! show them.
//!
//! Everything before the watermark is decided. A record older than it is late: it is laid aside and
//! changes nothing. Decisions never depend on how the input was cut or on the wall clock.

use super::histories::Histories;
use super::ids::Ids;
use super::parts::Parts;
use crate::batch::Tally;
use crate::batch::codec::{self, Arrival};
use crate::batch::collect::{Batch, Noted};
use crate::batch::identity::{Identity, MessageId, PendingRecall};
use crate::batch::interval::Interval;
use crate::batch::tally::Fate;
use crate::message::acting_seq;
use crate::rules::RuleSet;
use crate::signal::Event;
use crate::time::{Millis, Timestamp};
use crate::verdict::{Reorder, Row};

/// The ordered half of a stream.
pub struct Decider<'r> {
    /// All histories.
    pub histories: Histories<'r>,
    ids: Ids,
    waiting: Reorder<Waiting>,
    lateness: Millis,
    /// Most records that wait.
    max_waiting: usize,
    /// The newest message.
    newest_message: Option<Timestamp>,
    event: Event,
}

/// What waits until the watermark has passed it.
pub enum Waiting {
    /// Encoded entries of one record, one for each history it goes to.
    Entries(Option<MessageId>, Box<[u8]>),
    /// The recall of a message.
    Recall(Box<PendingRecall>),
}

/// A record that came after all of its time was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// Its time.
    pub at: Timestamp,
    /// The company.
    pub corp: Box<str>,
    /// Its id.
    pub id: Box<str>,
    /// What was decided when it came: all before this.
    pub watermark: Timestamp,
}

/// What came of a batch of records.
#[derive(Default)]
pub struct Taken {
    /// Counts.
    pub tally: Tally,
    /// Copies that say something else than the first.
    pub conflicts: u64,
    /// Records that came too late.
    pub late: Vec<Late>,
    /// Time of the newest record.
    pub newest: Option<Timestamp>,
}

impl<'r> Decider<'r> {
    /// Takes what is known into use with `rules`. Records may come up to `lateness` after newer ones; at most
    /// `max_waiting` of them wait.
    pub fn new(rules: &'r RuleSet, parts: Parts, lateness: Millis, max_waiting: usize) -> Decider<'r> {
        let Parts { known, ids, waiting, newest_message } = parts;
        let (histories, waiting) = (Histories::new(rules, known), waiting.with_lateness(lateness));
        let event = Event::default();
        Decider { histories, ids, waiting, lateness, max_waiting, newest_message, event }
    }

    /// Returns what is known.
    pub fn into_parts(self) -> Parts {
        let Decider { histories, ids, waiting, newest_message, .. } = self;
        Parts { known: histories.into_known(), ids, waiting, newest_message }
    }

    /// Takes in the records of a batch, in reading order. `hold`: nothing from there on is decided yet,
    /// because other sources have not come so far.
    ///
    /// What is accepted goes to `interval`, too.
    pub fn take(
        &mut self,
        mut batch: Batch,
        hold: Option<Timestamp>,
        mut interval: Option<&mut Interval>,
    ) -> Taken {
        let mut taken = Taken::default();
        batch.gathered.tallies.iter().for_each(|tally| taken.tally.add(tally));
        let mut noted = std::mem::take(&mut batch.gathered.noted);
        noted.sort_unstable_by_key(|noted| noted.identity.arrival);
        let mut recalls = std::mem::take(&mut batch.gathered.recalls);
        recalls.sort_unstable_by_key(|recall| recall.arrival);
        let entries = entries_by_arrival(&batch.events);
        let mut entries = entries.as_slice();
        let mut recalls = recalls.into_iter().peekable();
        for record in noted {
            let arrival = record.identity.arrival;
            let own = entries.partition_point(|(of, _)| *of <= arrival);
            let (of_record, rest) = entries.split_at(own);
            entries = rest;
            let recall = recalls.next_if(|recall| recall.arrival == arrival);
            self.take_record(record, of_record, recall, &mut taken, interval.as_deref_mut());
            // The rest of the batch may be as late as any record of its file.
            let own = taken.newest.map(|newest| newest.minus(self.lateness));
            self.raise(hold.into_iter().chain(own).min());
        }
        taken
    }

    /// Takes in business events, which wait for the archive to come to their time.
    pub fn take_business(&mut self, batch: &Batch, mut interval: Option<&mut Interval>) -> Taken {
        let mut taken = Taken::default();
        for same in entries_by_arrival(&batch.events).chunk_by(|(a, _), (b, _)| a == b) {
            let (entry, _) = codec::next_entry(same[0].1).expect("an entry was read here before");
            let mut id = String::new();
            entry.id.push_to(&mut id);
            let bytes = same.iter().map(|(_, bytes)| *bytes);
            if self.waiting.is_late(entry.at) {
                let late = self.late(entry.at, entry.address().corp.into(), id.into());
                if let Some(interval) = interval.as_deref_mut() {
                    interval.add_late(bytes, late.watermark);
                }
                taken.late.push(late);
            } else {
                if let Some(interval) = interval.as_deref_mut() {
                    interval.add_record(None, None, bytes);
                }
                let what = Waiting::Entries(None, joined(same));
                self.waiting.insert(entry.at, entry.seq, id.into(), what);
            }
        }
        taken
    }

    fn take_record(
        &mut self,
        record: Noted,
        entries: &[(Arrival, &[u8])],
        recall: Option<PendingRecall>,
        taken: &mut Taken,
        interval: Option<&mut Interval>,
    ) {
        let Identity { id, seq, content, fate, .. } = record.identity;
        if let Some(first) = self.ids.find(id) {
            taken.conflicts += u64::from(first.content != content);
            taken.tally.move_to_duplicates(fate);
            return;
        }
        let now = self.waiting.watermark().unwrap_or(Timestamp::MIN);
        self.ids.insert(id, record.at.unwrap_or(now), content);
        let bytes = entries.iter().map(|(_, bytes)| *bytes);
        let at = record.at.unwrap_or(now);
        if self.waiting.is_late(at) {
            taken.tally.note("late", 1);
            if let Some(interval) = interval {
                interval.add_late(bytes, now);
            }
            return taken.late.push(self.late(at, record.corp, record.id));
        }
        if let Some(interval) = interval {
            interval.add_record(Some(record.identity), recall.as_ref(), bytes);
        }
        if record.at.is_none() {
            return;
        }
        taken.newest = taken.newest.max(Some(at));
        self.waiting.note(at);
        if matches!(fate, Fate::Processed | Fate::EmptyPayload) {
            self.newest_message = self.newest_message.max(Some(at));
        }
        if let Some(recall) = recall {
            self.waiting.insert(at, seq, record.id, Waiting::Recall(Box::new(recall)));
        } else if !entries.is_empty() {
            self.waiting.insert(at, seq, record.id, Waiting::Entries(Some(id), joined(entries)));
        }
    }

    fn late(&self, at: Timestamp, corp: Box<str>, id: Box<str>) -> Late {
        let watermark = self.waiting.watermark().unwrap_or(Timestamp::MIN);
        Late { at, corp, id, watermark }
    }

    fn raise(&mut self, hold: Option<Timestamp>) {
        if let Some(reached) = self.waiting.reached() {
            self.waiting.raise(reached.min(hold.unwrap_or(Timestamp::MAX)));
        }
    }

    /// Decides all that need not wait any more. Appends to `out`.
    ///
    /// Without lateness a record does not wait for the next one, so those of one instant are taken
    /// in the order they come.
    pub fn advance(&mut self, hold: Option<Timestamp>, out: &mut Vec<Row>) {
        self.raise(hold);
        let Some(watermark) = self.waiting.watermark() else { return };
        let held = hold.is_some_and(|hold| hold <= watermark);
        let at_once = self.lateness == Millis(0) && !held;
        let bound = if at_once { watermark.plus(Millis(1)) } else { watermark };
        self.release(bound, bound.minus(Millis(1)), out);
        self.ids.forget(watermark);
    }

    /// Decides the oldest of what waits, early, until no more than the limit wait. Returns how many
    /// records were not given the full lateness.
    pub fn relieve(&mut self, out: &mut Vec<Row>) -> u64 {
        let before = self.waiting.len();
        while self.waiting.len() > self.max_waiting
            && let Some(first) = self.waiting.first().filter(|first| Some(*first) <= self.waiting.newest())
        {
            let bound = first.plus(Millis(1));
            self.waiting.raise(bound);
            self.release(bound, first, out);
        }
        (before - self.waiting.len()) as u64
    }

    /// Decides as a run does as of `as_of`: the events before it, the timers until it. What waits behind it
    /// stays.
    pub fn finish(&mut self, as_of: Timestamp, out: &mut Vec<Row>) {
        self.waiting.raise(as_of);
        self.release(as_of, as_of, out);
    }

    /// Applies the events before `to`, then the timers until `through`, with the barriers on the way.
    fn release(&mut self, to: Timestamp, through: Timestamp, out: &mut Vec<Row>) {
        let due = |barrier: &Timestamp| *barrier <= through;
        while let Some(barrier) = self.histories.next_barrier(self.waiting.first()).filter(due) {
            self.apply_before(barrier, out);
            self.histories.advance_through(barrier, out);
            self.histories.rank(barrier, out);
        }
        self.apply_before(to, out);
        self.histories.advance_through(through, out);
    }

    fn apply_before(&mut self, to: Timestamp, out: &mut Vec<Row>) {
        while let Some((_, waiting)) = self.waiting.pop_before(to) {
            match waiting {
                Waiting::Entries(id, bytes) => self.apply(id, &bytes, out),
                Waiting::Recall(recall) => self.recall(&recall, out),
            }
        }
    }

    fn apply(&mut self, id: Option<MessageId>, bytes: &[u8], out: &mut Vec<Row>) {
        for entry in codec::entries(bytes) {
            entry.decode_into(&mut self.event);
            self.histories.push(&entry, &self.event, out);
        }
        if let Some(id) = id {
            self.ids.note_route(id, bytes);
        }
    }

    /// Takes back a message in the histories it went to. Of several recalls of one message the first counts.
    fn recall(&mut self, recall: &PendingRecall, out: &mut Vec<Row>) {
        let bytes = self.ids.take_back(recall.target);
        for entry in codec::entries(&bytes) {
            self.event.clear();
            self.event.at = recall.at;
            self.event.seq = acting_seq(recall.seq);
            self.event.id.push_str(&recall.id);
            entry.id.push_to(&mut self.event.recall_of);
            self.histories.push(&entry, &self.event, out);
        }
    }

    /// Returns the newest message before `hold`, for who ends the stream at the end of its day.
    pub fn newest_message(&self, hold: Option<Timestamp>) -> Option<Timestamp> {
        self.newest_message.map(|newest| hold.map_or(newest, |hold| newest.min(hold.minus(Millis(1)))))
    }

    /// Returns the watermark: all before it is decided.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.waiting.watermark()
    }

    /// Returns the time of the newest record.
    pub fn newest(&self) -> Option<Timestamp> {
        self.waiting.newest()
    }

    /// Returns how many records wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many message ids are remembered.
    pub fn ids(&self) -> usize {
        self.ids.len()
    }
}

/// Returns the encoded entries in `chunks` by the record they came of.
fn entries_by_arrival(chunks: &[Vec<u8>]) -> Vec<(Arrival, &[u8])> {
    let mut entries: Vec<(Arrival, &[u8])> = chunks
        .iter()
        .flat_map(|chunk| codec::entries(chunk))
        .map(|entry| (entry.arrival, entry.bytes))
        .collect();
    entries.sort_by_key(|(arrival, _)| *arrival);
    entries
}

fn joined(entries: &[(Arrival, &[u8])]) -> Box<[u8]> {
    entries.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
}
