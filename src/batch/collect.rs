//! First half of a run: reads and annotates blocks of files, in any order, on all threads.
//!
//! What a block leaves behind: event bytes in the event shards, identities in
//! the identity shards, recalls, unreadable records, counts. No text stays.

use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use super::codec::{self, Address, Arrival, Class, EntryKind};
use super::identity::{Identity, MessageId, PendingRecall};
use super::route::{self, Routes};
use super::shards::{Outbox, Shards};
use super::tally::{Fate, Tally};
use crate::archive::{Block, Read, Record, RecordFault};
use crate::bundle::Bundle;
use crate::business::Aliases;
use crate::error::Error;
use crate::mention::{Mention, Scratch};
use crate::message::{Consent, Flags, Message, MessageKind, NumberField, Origin, Recall, acting_seq};
use crate::model::Label;
use crate::signal::{Event, Sign};
use crate::state::Sent;
use crate::time::Timestamp;
use crate::writer::{MentionRow, MentionedIn};

/// Gathers what all blocks of a night leave behind.
pub struct Collector<'a> {
    pub(super) bundle: &'a Bundle,
    routes: &'a Routes,
    pub(super) settings: Settings,
    /// Ids that mean the same customer.
    pub(super) aliases: &'a Aliases,
    /// Waiting events, by history.
    events: Shards,
    /// Identities of all readable records, by message id.
    identities: Shards,
    gathered: Mutex<Gathered>,
    newest: AtomicI64,
    workers: Mutex<Vec<Worker>>,
}

/// What decides how records are collected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Messages at or after this instant are counted as waiting for a later run.
    pub as_of: Option<Timestamp>,
    /// Keep consent records for the histories.
    pub respect_disagree: bool,
    /// Count the words of messages that their store marks as taken back.
    pub count_recalled: bool,
    /// Keep the bytes of unreadable records.
    pub keep_raw: bool,
    /// Keep every mention.
    pub mentions: bool,
    /// Note every record that has an id, for who settles duplicates record by record.
    pub attend: bool,
}

/// A record that has an id, noted in a stream.
pub struct Noted {
    /// What tells it from others.
    pub identity: Identity,
    /// Its time; `None` for what has none, such as a change of company.
    pub at: Option<Timestamp>,
    /// The company.
    pub corp: Box<str>,
    /// Its own id.
    pub id: Box<str>,
}

/// What a collector that goes on has gathered since it was last asked.
pub struct Batch {
    /// All but events.
    pub gathered: Gathered,
    /// Chunks of encoded entries, in no order.
    pub events: Vec<Vec<u8>>,
}

/// What blocks leave behind besides events and identities.
#[derive(Default)]
pub struct Gathered {
    /// Counts by file number.
    pub tallies: Vec<Tally>,
    /// Recalls, in no order.
    pub recalls: Vec<PendingRecall>,
    /// Unreadable records, in no order.
    pub faults: Vec<Fault>,
    /// Mentions with the message they stand in, in no order; empty unless asked for.
    pub mentions: Vec<(Arrival, MentionRow)>,
    /// Records with an id, in no order; empty unless asked for.
    pub noted: Vec<Noted>,
    failure: Option<Error>,
}

/// An unreadable record.
#[derive(Clone)]
pub struct Fault {
    /// Where it was read.
    pub origin: Origin,
    /// Stable code.
    pub code: &'static str,
    /// What was wrong with it; holds no message text.
    pub detail: String,
    /// Its bytes, cut at [`MAX_RAW`].
    pub raw: Option<Vec<u8>>,
}

/// The buffers one thread reuses from block to block.
pub(super) struct Worker {
    scratch: Scratch,
    mentions: Vec<Mention>,
    pub(super) event: Event,
    /// Where the record at hand went.
    sent: Sent,
    events: Outbox,
    identities: Outbox,
    /// The first thing that went wrong with either.
    failure: Option<Error>,
    pub(super) tally: Tally,
    recalls: Vec<PendingRecall>,
    pub(super) faults: Vec<Fault>,
    rows: Vec<(Arrival, MentionRow)>,
    noted: Vec<Noted>,
}

impl<'a> Collector<'a> {
    /// Makes a collector for `n_files` files that puts events and identities into the given shards.
    pub fn new(
        bundle: &'a Bundle,
        routes: &'a Routes,
        settings: Settings,
        aliases: &'a Aliases,
        n_files: usize,
        events: Shards,
        identities: Shards,
    ) -> Collector<'a> {
        let gathered = Gathered { tallies: vec![Tally::default(); n_files], ..Gathered::default() };
        Collector {
            bundle,
            routes,
            settings,
            aliases,
            events,
            identities,
            gathered: Mutex::new(gathered),
            newest: AtomicI64::new(i64::MIN),
            workers: Mutex::default(),
        }
    }

    /// Reads all records of one block and returns how many there were.
    pub fn collect(&self, block: &mut Block<'_>) -> u64 {
        let mut worker = self.hire();
        let mut arrival = Arrival { file: block.file, block: block.offset, index: 0 };
        while let Some(read) = block.next_record() {
            self.record(&mut worker, arrival, &read);
            arrival.index += 1;
        }
        self.dismiss(worker, block.file);
        u64::from(arrival.index)
    }

    /// Returns the newest message time so far; `None` before the first message.
    pub fn newest(&self) -> Option<Timestamp> {
        let newest = self.newest.load(Ordering::Relaxed);
        (newest != i64::MIN).then_some(Timestamp(newest))
    }

    /// Returns what was gathered, sorted so that it does not depend on threads, and the event and
    /// identity shards.
    ///
    /// # Errors
    ///
    /// The first error a block met.
    pub fn finish(self) -> Result<(Gathered, Shards, Shards), Error> {
        let mut gathered = self.gathered.into_inner().expect("all blocks are done");
        for mut worker in self.workers.into_inner().expect("all blocks are done") {
            worker.events.empty(&self.events)?;
            worker.identities.empty(&self.identities)?;
        }
        if let Some(failure) = gathered.failure {
            return Err(failure);
        }
        gathered.recalls.sort_unstable_by_key(|recall| recall.arrival);
        gathered.faults.sort_by_key(|fault| fault.origin);
        Ok((gathered, self.events, self.identities))
    }

    /// Returns what was gathered since the last call, and goes on. Only for a single event shard.
    ///
    /// # Errors
    ///
    /// The first error a block met.
    pub fn drain(&mut self) -> Result<Batch, Error> {
        for worker in self.workers.get_mut().expect("no thread panics while it holds the pool") {
            worker.events.empty(&self.events)?;
        }
        let gathered = self.gathered.get_mut().expect("all blocks are done");
        let fresh =
            Gathered { tallies: vec![Tally::default(); gathered.tallies.len()], ..Gathered::default() };
        let gathered = std::mem::replace(gathered, fresh);
        match gathered.failure {
            Some(failure) => Err(failure),
            None => Ok(Batch { gathered, events: self.events.take(0)? }),
        }
    }

    /// Gathers what the worker left of a block of `file` and takes its buffers back.
    pub(super) fn dismiss(&self, mut worker: Worker, file: u32) {
        self.gather(&mut worker, file);
        self.workers.lock().expect("no thread panics while it holds the pool").push(worker);
    }

    /// Returns buffers for one block.
    pub(super) fn hire(&self) -> Worker {
        let idle = self.workers.lock().expect("no thread panics while it holds the pool").pop();
        idle.unwrap_or_else(|| Worker::new(self.events.len(), self.identities.len()))
    }

    /// Takes in one record. Without identity shards nothing is noted for the search for duplicates.
    pub(super) fn record(&self, worker: &mut Worker, arrival: Arrival, read: &Read<'_>) {
        let record = match &read.record {
            Ok(record) => record,
            Err(fault) => return worker.lay_aside(read, fault, self.settings.keep_raw),
        };
        worker.sent = Sent::default();
        let fate = self.fate(record, arrival, worker);
        worker.tally.count(fate);
        let (corp, seq, own_id) = record_id(record);
        if own_id.is_empty() {
            return;
        }
        let call = call_id(record);
        let id = call.unwrap_or_else(|| MessageId::new(corp, own_id));
        // What the copies of a call say of themselves differs.
        let content = call.map_or(read.content, |call| call.stem as u64);
        let identity = Identity { id, seq, arrival, content, fate, sent: worker.sent };
        if self.identities.len() > 0 {
            let stored =
                worker.identities.put(&self.identities, id.partition(), |out| identity.write_to(out));
            worker.note_failure(stored);
        }
        if self.settings.attend {
            let at = record_time(record);
            worker.noted.push(Noted { identity, at, corp: corp.into(), id: own_id.into() });
        }
    }

    fn fate(&self, record: &Record<'_>, arrival: Arrival, worker: &mut Worker) -> Fate {
        match record {
            Record::Message(message) => self.message(worker, arrival, message),
            Record::Recall(recall) => worker.recall(arrival, recall),
            Record::Consent(consent) => self.consent(worker, arrival, consent),
            Record::Switch { .. } => Fate::Switch,
            Record::Encrypted { key_version, .. } => worker.encrypted(*key_version),
            Record::Empty("entry.null") => Fate::EmptyEntry,
            Record::Empty(_) => Fate::EmptyPage,
        }
    }

    fn message(&self, worker: &mut Worker, arrival: Arrival, message: &Message<'_>) -> Fate {
        self.newest.fetch_max(message.at.0, Ordering::Relaxed);
        worker.note(message.flags);
        self.annotate(worker, message);
        self.bundle.evaluator.evaluate(message, &worker.mentions, &self.bundle.catalog, &mut worker.event);
        if self.settings.mentions && !worker.mentions.is_empty() {
            worker.keep_mentions(arrival, message, self.bundle);
        }
        for class in Class::ALL {
            if let Some(address) = route::address(message, class) {
                let address = self.first_known(address, message.at);
                let recalled = message.flags.contains(Flags::RECALLED)
                    && class != Class::Room
                    && !self.settings.count_recalled;
                self.enqueue(worker, arrival, address, route::entry_kind(message), recalled);
            }
        }
        match message.flags.contains(Flags::EMPTY_PAYLOAD) {
            _ if self.settings.as_of.is_some_and(|as_of| message.at >= as_of) => Fate::AfterAsOf,
            true => Fate::EmptyPayload,
            false => Fate::Processed,
        }
    }

    /// Finds the mentions that somebody asks for: all of them for the table `mentions`, else those
    /// that can make a signal true.
    fn annotate(&self, worker: &mut Worker, message: &Message<'_>) {
        let (annotator, scratch) = (&self.bundle.annotator, &mut worker.scratch);
        if self.settings.mentions {
            annotator.annotate(message, scratch, &mut worker.mentions);
        } else {
            let wanted = self.bundle.evaluator.wanted(message);
            annotator.annotate_wanted(message, wanted, scratch, &mut worker.mentions);
        }
    }

    /// Returns the address under the first id that its customer had.
    fn first_known<'m>(&'m self, mut address: Address<'m>, at: Timestamp) -> Address<'m> {
        if self.aliases.is_empty() {
            return address;
        }
        match address.class {
            Class::Customer => address.primary = self.aliases.resolve(address.corp, address.primary, at),
            Class::Room => address.second = self.aliases.resolve(address.corp, address.second, at),
            Class::Staff => {}
        }
        address
    }

    /// Puts the worker's event on its way to the histories at `address`.
    ///
    /// A message that its store marks as recalled is still an interaction, but
    /// its words count for nothing except kicks.
    pub(super) fn enqueue(
        &self,
        worker: &mut Worker,
        arrival: Arrival,
        address: Address<'_>,
        kind: EntryKind,
        recalled: bool,
    ) {
        let class = address.class;
        let keep = |sign: &Sign| self.routes.uses(class, sign.signal) && !(recalled && sign.n_hits > 0);
        let matters = !worker.event.acts.is_empty() || worker.event.signals.iter().any(keep);
        if !self.routes.keeps_sessions(class) && !matters {
            return;
        }
        self.store(worker, arrival, address, kind, keep);
    }

    /// Puts the worker's event on its way whatever it says.
    pub(super) fn enqueue_always(
        &self,
        worker: &mut Worker,
        arrival: Arrival,
        address: Address<'_>,
        kind: EntryKind,
    ) {
        self.store(worker, arrival, address, kind, |_| true);
    }

    fn store(
        &self,
        worker: &mut Worker,
        arrival: Arrival,
        mut address: Address<'_>,
        kind: EntryKind,
        keep: impl Fn(&Sign) -> bool,
    ) {
        if !self.settings.respect_disagree && kind != EntryKind::HandOver {
            address.room = "";
        }
        let hash = route::history_hash(address.class, address.corp.as_bytes(), address.primary.as_bytes());
        let shard = route::shard_of(hash, self.events.len());
        worker.sent.note(address.class, hash, address.second);
        let event = &worker.event;
        let stored = worker.events.put(&self.events, shard, |out| {
            codec::encode(out, address, kind, arrival, event, keep);
        });
        worker.note_failure(stored);
    }

    fn consent(&self, worker: &mut Worker, arrival: Arrival, consent: &Consent<'_>) -> Fate {
        let (kind, fate) = match consent.agreed {
            true => (EntryKind::Agree, Fate::Agree),
            false => (EntryKind::Disagree, Fate::Disagree),
        };
        if self.settings.respect_disagree {
            worker.event.clear();
            worker.event.at = consent.at;
            worker.event.seq = acting_seq(consent.seq);
            worker.event.id.push_str(&consent.id);
            for class in Class::ALL.into_iter().filter(|class| self.routes.serves(*class)) {
                if let Some(address) = route::consent_address(consent, class) {
                    self.store(worker, arrival, address, kind, |_| true);
                }
            }
        }
        fate
    }

    /// Takes over what could not be used, and gives the worker back.
    pub(super) fn gather_faults(&self, mut worker: Worker) {
        let mut gathered = self.gathered.lock().expect("no thread panics while it gathers");
        gathered.faults.append(&mut worker.faults);
        if let Some(failure) = worker.failure.take() {
            gathered.failure.get_or_insert(failure);
        }
        drop(gathered);
        self.workers.lock().expect("no thread panics while it holds the pool").push(worker);
    }

    fn gather(&self, worker: &mut Worker, file: u32) {
        let mut gathered = self.gathered.lock().expect("no thread panics while it gathers");
        // In a stream files come one by one, and a batch is of one file.
        let place = if self.settings.attend { 0 } else { file as usize };
        if let Some(tally) = gathered.tallies.get_mut(place) {
            tally.add(&std::mem::take(&mut worker.tally));
        }
        gathered.recalls.append(&mut worker.recalls);
        gathered.faults.append(&mut worker.faults);
        gathered.mentions.append(&mut worker.rows);
        gathered.noted.append(&mut worker.noted);
        if let Some(failure) = worker.failure.take() {
            gathered.failure.get_or_insert(failure);
        }
    }
}

impl Worker {
    /// Returns what the last message taken in says.
    pub(super) fn event(&self) -> &Event {
        &self.event
    }

    fn new(n_events: usize, n_identities: usize) -> Worker {
        Worker {
            scratch: Scratch::default(),
            mentions: Vec::new(),
            event: Event::default(),
            sent: Sent::default(),
            events: Outbox::new(n_events),
            identities: Outbox::new(n_identities),
            failure: None,
            tally: Tally::default(),
            recalls: Vec::new(),
            faults: Vec::new(),
            rows: Vec::new(),
            noted: Vec::new(),
        }
    }

    fn note_failure(&mut self, stored: Result<(), Error>) {
        if let Err(failure) = stored {
            self.failure.get_or_insert(failure);
        }
    }

    fn lay_aside(&mut self, read: &Read<'_>, fault: &RecordFault, keep_raw: bool) {
        self.tally.quarantine(fault.code);
        let raw = keep_raw.then(|| read.raw[..read.raw.len().min(MAX_RAW)].to_vec());
        self.faults.push(Fault { origin: read.origin, code: fault.code, detail: fault.detail.clone(), raw });
    }

    fn keep_mentions(&mut self, arrival: Arrival, message: &Message<'_>, bundle: &Bundle) {
        let scores =
            Label::ALL.map(|label| bundle.evaluator.opinion(label, message).map(|opinion| opinion.score));
        let text = |id: &Option<Cow<'_, str>>| id.as_deref().unwrap_or_default().into();
        let kept = Arc::new(MentionedIn {
            corp: message.corp.as_ref().into(),
            customer: text(&message.customer),
            at: message.at,
            message_id: message.id.as_ref().into(),
            staff: text(&message.staff),
            room: text(&message.room),
            speaker: message.speaker.as_ref().into(),
        });
        self.rows.extend(self.mentions.iter().map(|mention| {
            let weight = bundle.catalog.term(mention.term).weight;
            (arrival, MentionRow { message: Arc::clone(&kept), mention: mention.clone(), weight, scores })
        }));
    }

    fn recall(&mut self, arrival: Arrival, recall: &Recall<'_>) -> Fate {
        self.recalls.push(PendingRecall {
            at: recall.at,
            seq: recall.seq,
            id: recall.id.to_string(),
            arrival,
            corp: recall.corp.to_string(),
            target: MessageId::new(&recall.corp, &recall.target),
            target_id: recall.target.to_string(),
        });
        Fate::Recall
    }

    fn encrypted(&mut self, key_version: Option<u32>) -> Fate {
        match key_version {
            Some(version) => self.tally.note(&format!("encrypted.key_version_{version}"), 1),
            None => self.tally.note("encrypted.key_version_unknown", 1),
        }
        Fate::Encrypted
    }

    fn note(&mut self, flags: Flags) {
        if flags == Flags::default() {
            return;
        }
        // Messages without payload are counted by their fate.
        for name in flags.names().filter(|name| *name != "empty_payload") {
            self.tally.note(name, 1);
        }
    }
}

/// Returns company, sequence number and id; the id is empty for records that have none of their own.
fn record_id<'r>(record: &'r Record<'_>) -> (&'r str, u64, &'r str) {
    match record {
        Record::Message(message) => (&message.corp, message.seq, &message.id),
        Record::Recall(recall) => (&recall.corp, recall.seq, &recall.id),
        Record::Consent(consent) => (&consent.corp, consent.seq, &consent.id),
        Record::Switch { corp, seq, id } => (corp, *seq, id),
        Record::Encrypted { seq, id, .. } => ("", *seq, id),
        Record::Empty(_) => ("", 0, ""),
    }
}

/// Returns what tells a call from others, for a call between known people: each who took part has a copy of it
/// with an id of its own, and they are one interaction.
fn call_id(record: &Record<'_>) -> Option<MessageId> {
    let Record::Message(message) = record else { return None };
    if message.kind != MessageKind::Voiptext {
        return None;
    }
    // In a group nobody is named: each copy names another as its sender.
    let (one, other) = match &message.room {
        Some(room) => (room.as_ref(), ""),
        None => (message.customer.as_deref()?, message.staff.as_deref()?),
    };
    let seconds = message.numbers.iter().find(|(field, _)| *field == NumberField::Seconds);
    let seconds = seconds.map_or(-1, |(_, seconds)| *seconds);
    Some(MessageId::new(&message.corp, &format!("call {one} {other} {} {seconds}", message.at.0)))
}

fn record_time(record: &Record<'_>) -> Option<Timestamp> {
    match record {
        Record::Message(message) => Some(message.at),
        Record::Recall(recall) => Some(recall.at),
        Record::Consent(consent) => Some(consent.at),
        Record::Switch { .. } | Record::Encrypted { .. } | Record::Empty(_) => None,
    }
}

/// Bytes of an unreadable record that are kept.
const MAX_RAW: usize = 16 << 10;
