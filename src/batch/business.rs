//! Business events of a night: reads them twice, first for what must be known before anything else
//! (ids that changed, how far each source has come), then for the histories.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::codec::{Address, Arrival, Class, EntryKind};
use super::collect::{Collector, Fault, Worker};
use super::sources::EventSource;
use super::tally::{Fate, Tally};
use crate::archive::{BusinessReader, FileReport, RecordFault};
use crate::business::{Aliases, BusinessEvent, BusinessKind};
use crate::error::Error;
use crate::message::Origin;
use crate::state::{IdMemory, RememberedId, Sent};
use crate::time::{Timestamp, Zone};
use crate::verdict::Watermark;

/// What is known of business events before the histories are gathered.
#[derive(Debug, Default)]
pub struct Survey {
    /// Ids that mean the same customer.
    pub aliases: Aliases,
    /// Events and messages from here on wait: some source may still send earlier ones.
    pub watermark: Option<Timestamp>,
}

/// Goes through all sources for ids that changed and for how far each has come.
///
/// # Errors
///
/// A file that cannot be opened.
pub fn survey(sources: &[EventSource], zone: &Zone) -> Result<Survey, Error> {
    let (mut survey, mut watermark) = (Survey::default(), Watermark::default());
    for source in sources {
        watermark.add_source(&source.name, source.lateness);
        for path in &source.files {
            File::open(path).map_err(|error| Error::read(path, error))?;
            // What is wrong with the file is told when its events are gathered.
            let _ = reader(source, zone).read(path, &mut |(_, row)| {
                let Ok(event) = row else { return };
                watermark.note(&source.name, event.at);
                if let (BusinessKind::Alias, Some(old)) = (event.kind, event.text("old")) {
                    survey.aliases.add(&event.corp, &event.customer, old, event.at);
                }
            });
        }
        if source.complete {
            watermark.end(&source.name);
        }
    }
    survey.watermark = watermark.instant();
    Ok(survey)
}

fn reader<'z>(source: &EventSource, zone: &'z Zone) -> BusinessReader<'z> {
    BusinessReader { columns: source.columns.clone(), kind: source.kind, zone }
}

/// Brings the events of all sources on their way to the histories.
///
/// `first_file` is the number of the first file of events; those of the archive come before.
///
/// # Errors
///
/// A file that cannot be read, a shard that cannot move to disk.
pub fn gather(
    collector: &Collector<'_>,
    sources: &[EventSource],
    ids: &mut KnownIds,
    zone: &Zone,
    first_file: usize,
) -> Result<Vec<(FileReport, Tally)>, Error> {
    let mut reports = Vec::new();
    for (source, path) in
        sources.iter().flat_map(|source| source.files.iter().map(move |path| (source, path)))
    {
        let file = u32::try_from(first_file + reports.len()).unwrap_or(u32::MAX);
        let (tally, _) = gather_file(collector, (source, path), zone, file, 0, ids);
        reports.push((report_of(path, &tally)?, tally));
    }
    Ok(reports)
}

/// Brings the events of one file on their way to the histories, but for its first `known` rows.
/// Returns what became of them and how many rows the file has.
pub fn gather_file(
    collector: &Collector<'_>,
    (source, path): (&EventSource, &Path),
    zone: &Zone,
    file: u32,
    known: u32,
    ids: &mut KnownIds,
) -> (Tally, u32) {
    let mut worker = collector.hire();
    let mut index = 0;
    let end = reader(source, zone).read(path, &mut |(line, row)| {
        let origin = Origin {
            file,
            line_in_block: u32::try_from(line).unwrap_or(u32::MAX).saturating_sub(1),
            ..Origin::default()
        };
        let arrival = Arrival { file, block: 0, index };
        index += 1;
        if arrival.index < known {
            return;
        }
        match row.and_then(|event| collector.business(&mut worker, arrival, event, ids)) {
            Ok(fate) => count(&mut worker.tally, fate),
            Err(fault) => lay_aside(&mut worker, origin, fault),
        }
    });
    if let Err(fault) = end {
        lay_aside(&mut worker, Origin { file, ..Origin::default() }, fault);
    }
    let tally = std::mem::take(&mut worker.tally);
    collector.gather_faults(worker);
    (tally, index)
}

/// What became of one event; none for a duplicate.
fn count(tally: &mut Tally, fate: Option<Fate>) {
    tally.count(fate.unwrap_or(Fate::Processed));
    if fate.is_none() {
        tally.move_to_duplicates(Fate::Processed);
    }
}

fn lay_aside(worker: &mut Worker, origin: Origin, fault: RecordFault) {
    worker.tally.quarantine(fault.code);
    worker.faults.push(Fault { origin, code: fault.code, detail: fault.detail, raw: None });
}

fn report_of(path: &Path, tally: &Tally) -> Result<FileReport, Error> {
    let unreadable = |error| Error::read(path, error);
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        let n = file.read(&mut buffer).map_err(unreadable)?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        bytes += n as u64;
    }
    let blake3 = *hasher.finalize().as_bytes();
    Ok(FileReport { path: path.to_owned(), bytes, blake3, records: tally.read, ..FileReport::default() })
}

impl Collector<'_> {
    /// Brings one event on its way; none when it repeats an earlier one.
    fn business(
        &self,
        worker: &mut Worker,
        arrival: Arrival,
        event: BusinessEvent,
        ids: &mut KnownIds,
    ) -> Result<Option<Fate>, RecordFault> {
        if event.kind == BusinessKind::Tag
            && event.text("tag").is_none_or(|tag| self.bundle.evaluator.tag(tag).is_none())
        {
            return Err(RecordFault::new("event.unknown_tag", "`tag` is no registered tag"));
        }
        let content = content_of(&event);
        if let Some(first) = ids.note(id_of(&event), content) {
            worker.tally.note("event.conflicting_duplicate", u64::from(first != content));
            return Ok(None);
        }
        self.bundle.evaluator.evaluate_business(&event, &mut worker.event);
        let customer = self.aliases.resolve(&event.corp, &event.customer, event.at);
        for address in addresses(&event, customer) {
            self.enqueue(worker, arrival, address, EntryKind::OtherMessage, false);
        }
        if let (BusinessKind::Transfer, Some(from), Some(to)) =
            (event.kind, event.text("from"), event.text("to"))
        {
            worker.event.signals.clear();
            let (class, corp) = (Class::Customer, &*event.corp);
            let address = Address { class, corp, primary: customer, second: from, room: to };
            // After the event itself, whatever order shards are read in.
            let arrival = Arrival { block: arrival.block + 1, ..arrival };
            self.enqueue_always(worker, arrival, address, EntryKind::HandOver);
        }
        let waits = self.settings.as_of.is_some_and(|as_of| event.at >= as_of);
        Ok(Some(if waits { Fate::AfterAsOf } else { Fate::Processed }))
    }
}

/// The ids of events that are known.
#[derive(Default)]
pub struct KnownIds {
    /// By hash of the id: hash of what the event says.
    contents: HashMap<u128, u64>,
    fresh: Vec<RememberedId>,
}

impl KnownIds {
    /// Reads the ids that earlier runs have met; none when `sources` have no files.
    ///
    /// # Errors
    ///
    /// Returns an error when they cannot be read.
    pub fn read(sources: &[EventSource], memory: &IdMemory) -> Result<KnownIds, Error> {
        let mut known = KnownIds::default();
        if sources.iter().all(|source| source.files.is_empty()) {
            return Ok(known);
        }
        memory.scan_all(|id| {
            known.contents.insert(id.stem, id.content);
        })?;
        Ok(known)
    }

    /// Returns the ids that were not known before.
    pub fn into_fresh(self) -> Vec<RememberedId> {
        self.fresh
    }

    /// Takes the ids that were not known when they were taken last.
    pub fn take_fresh(&mut self) -> Vec<RememberedId> {
        std::mem::take(&mut self.fresh)
    }

    /// Notes an id; returns the content it has had before.
    fn note(&mut self, id: u128, content: u64) -> Option<u64> {
        if let Some(known) = self.contents.get(&id) {
            return Some(*known);
        }
        self.contents.insert(id, content);
        let sent = Sent::default();
        self.fresh.push(RememberedId { stem: id, suffix: 0, recalled: false, content, sent });
        None
    }
}

/// Returns the histories an event belongs to.
fn addresses<'e>(event: &'e BusinessEvent, customer: &'e str) -> Vec<Address<'e>> {
    let (corp, staff, room) = (&*event.corp, &*event.staff, &*event.room);
    let address = |class, primary, second, room| Address { class, corp, primary, second, room };
    let mut all = vec![address(Class::Customer, customer, staff, "")];
    if !room.is_empty() {
        all.push(address(Class::Room, room, customer, room));
    }
    if !staff.is_empty() {
        all.push(address(Class::Staff, staff, "", ""));
    }
    all
}

/// Returns a hash of company and id: no two of 10^15 events meet by chance.
fn id_of(event: &BusinessEvent) -> u128 {
    twox_hash::XxHash3_128::oneshot(format!("{}\0{}", event.corp, event.id).as_bytes())
}

/// Returns a hash of what the event says.
fn content_of(event: &BusinessEvent) -> u64 {
    twox_hash::XxHash3_64::oneshot(format!("{event:?}").as_bytes())
}
