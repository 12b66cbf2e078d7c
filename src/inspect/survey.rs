//! Counts what blocks hold, on all threads, and adds it up in an order that does not depend on them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use serde::Serialize;
use twox_hash::XxHash3_64;

use super::{Contents, Example, FileInspection, Inspection, advice};
use crate::archive::table::{Limits, Table};
use crate::archive::{
    Block, Compression, FileReport, Plan, Read, ReadOptions, Record, Shape, read_blocks, variant_of,
};
use crate::error::Error;
use crate::message::{Message, Origin, Role};
use crate::time::Timestamp;

/// Reads all files of `plan`, which `inputs` named, and says what is in them.
///
/// # Errors
///
/// Fails only when stopped.
pub fn inspect(
    inputs: &[String],
    plan: &Plan,
    options: &ReadOptions,
    progress: &AtomicU64,
    stop: &AtomicBool,
) -> Result<Inspection, Error> {
    let survey = Survey { files: plan.files().iter().map(|_| Mutex::default()).collect() };
    let reports = read_blocks(plan, options, progress, stop, &|block| survey.visit(block))?;
    let counts: Vec<Counted> =
        survey.files.into_iter().map(|file| file.into_inner().unwrap_or_default()).collect();
    let mut inspection = add_up(plan, options, &reports, counts);
    advice::add(&mut inspection, inputs, options);
    Ok(inspection)
}

struct Survey {
    files: Vec<Mutex<Counted>>,
}

/// What was counted in a file, or in a block of it.
#[derive(Default)]
struct Counted {
    contents: Contents,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Hashes of ids and of what the records say.
    ids: Vec<(u64, u64)>,
    speakers: BTreeSet<(u8, u64)>,
    rooms: BTreeSet<u64>,
    corps: BTreeSet<String>,
    faults: Vec<(&'static str, Origin, String)>,
}

impl Survey {
    fn visit(&self, block: &mut Block<'_>) {
        let mut counted = Counted::default();
        let file = block.file as usize;
        while let Some(read) = block.next_record() {
            counted.count(&read);
        }
        if let Ok(mut whole) = self.files[file].lock() {
            whole.add(counted);
        }
    }
}

impl Counted {
    fn count(&mut self, read: &Read<'_>) {
        let contents = &mut self.contents;
        contents.records += 1;
        let (corp, id) = match &read.record {
            Ok(Record::Message(message)) => {
                *contents.variants.entry(variant_of(read.raw).name()).or_default() += 1;
                self.message(message);
                (&message.corp, &message.id)
            }
            Ok(Record::Recall(recall)) => {
                contents.recalls += 1;
                (&recall.corp, &recall.id)
            }
            Ok(Record::Consent(consent)) => {
                contents.consents += 1;
                (&consent.corp, &consent.id)
            }
            Ok(Record::Switch { corp, id, .. }) => {
                contents.switches += 1;
                (corp, id)
            }
            Ok(Record::Encrypted { key_version, .. }) => {
                contents.encrypted += 1;
                *contents.key_versions.entry(key_version.unwrap_or(0)).or_default() += 1;
                return;
            }
            Ok(Record::Empty(_)) => {
                contents.empty += 1;
                return;
            }
            Err(fault) => {
                contents.unreadable += 1;
                *contents.faults.entry(fault.code).or_default() += 1;
                return self.example(fault.code, read.origin, &fault.detail);
            }
        };
        let id = XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(corp.as_bytes()), id.as_bytes());
        self.ids.push((id, read.content));
        if !corp.is_empty() && !self.corps.contains(corp.as_ref()) {
            self.corps.insert(corp.to_string());
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let contents = &mut self.contents;
        contents.messages += 1;
        *contents.types.entry(word(message.kind)).or_default() += 1;
        *contents.roles.entry(role_word(message.role)).or_default() += 1;
        *contents.chats.entry(chat_word(message)).or_default() += 1;
        for name in message.flags.names() {
            *contents.notes.entry(name).or_default() += 1;
        }
        self.first = Some(self.first.map_or(message.at, |first| first.min(message.at)));
        self.last = Some(self.last.map_or(message.at, |last| last.max(message.at)));
        self.speakers.insert((message.role as u8, XxHash3_64::oneshot(message.speaker.as_bytes())));
        self.rooms.extend(message.room.as_ref().map(|room| XxHash3_64::oneshot(room.as_bytes())));
    }

    /// Keeps the first few of each kind.
    fn example(&mut self, code: &'static str, origin: Origin, detail: &str) {
        self.faults.push((code, origin, detail.to_owned()));
        if self.faults.len() > MOST_WAITING {
            self.keep_first();
        }
    }

    fn keep_first(&mut self) {
        self.faults.sort_unstable();
        let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
        self.faults.retain(|(code, ..)| {
            let n = seen.entry(code).or_default();
            *n += 1;
            *n <= EXAMPLES
        });
    }

    fn add(&mut self, other: Counted) {
        self.contents.add(&other.contents);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = [self.last, other.last].into_iter().flatten().max();
        self.ids.extend(other.ids);
        self.speakers.extend(other.speakers);
        self.rooms.extend(other.rooms);
        self.corps.extend(other.corps);
        self.faults.extend(other.faults);
        self.keep_first();
    }
}

impl Contents {
    fn add(&mut self, other: &Contents) {
        self.records += other.records;
        self.messages += other.messages;
        self.recalls += other.recalls;
        self.consents += other.consents;
        self.switches += other.switches;
        self.encrypted += other.encrypted;
        self.empty += other.empty;
        self.unreadable += other.unreadable;
        add(&mut self.variants, &other.variants);
        add(&mut self.types, &other.types);
        add(&mut self.roles, &other.roles);
        add(&mut self.chats, &other.chats);
        add(&mut self.notes, &other.notes);
        add(&mut self.key_versions, &other.key_versions);
        add(&mut self.faults, &other.faults);
    }
}

fn add<K: Clone + Ord>(counts: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
    for (key, n) in other {
        *counts.entry(key.clone()).or_default() += n;
    }
}

/// Returns the name that a value has in JSON.
pub(super) fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("unknown").to_owned()
}

pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Staff => "staff",
        Role::Bot => "bot",
    }
}

fn chat_word(message: &Message<'_>) -> &'static str {
    use crate::message::ChatKind;
    match message.chat {
        ChatKind::OneToOne => "one_to_one",
        ChatKind::Group => "group",
        ChatKind::Internal => "internal",
    }
}

fn add_up(plan: &Plan, options: &ReadOptions, reports: &[FileReport], counts: Vec<Counted>) -> Inspection {
    let mut whole = Counted::default();
    let mut inspection = Inspection { version: 1, ..Inspection::default() };
    for (report, mut counted) in reports.iter().zip(counts) {
        counted.contents.span = span(&counted, options);
        let file = FileInspection {
            path: report.path.clone(),
            bytes: report.bytes,
            compression: packing(report.compression),
            container: container(report.variant),
            columns: columns(report, options),
            contents: counted.contents.clone(),
        };
        inspection.files.push(file);
        whole.add(counted);
    }
    inspection.skipped_files =
        plan.skipped().iter().map(|(path, why)| (path.clone(), (*why).to_owned())).collect();
    (inspection.duplicates, inspection.conflicting_duplicates) = duplicates(&mut whole.ids);
    for (role, _) in &whole.speakers {
        let role = [Role::Customer, Role::Staff, Role::Bot].into_iter().find(|known| *known as u8 == *role);
        *inspection.speakers.entry(role.map_or("unknown", role_word)).or_default() += 1;
    }
    inspection.rooms = whole.rooms.len() as u64;
    inspection.corps = whole.corps.iter().cloned().collect();
    inspection.examples = whole.faults.iter().map(|fault| example(fault, reports)).collect();
    whole.contents.span = span(&whole, options);
    inspection.total = whole.contents;
    inspection
}

fn example((code, origin, detail): &(&'static str, Origin, String), reports: &[FileReport]) -> Example {
    let report = &reports[origin.file as usize];
    Example { code, path: report.path.clone(), line: report.line_of(origin), detail: detail.clone() }
}

fn span(counted: &Counted, options: &ReadOptions) -> Option<(String, String)> {
    let format = |at: Timestamp| options.zone.format(at);
    Some((format(counted.first?), format(counted.last?)))
}

/// Returns how many records repeat an id, and how many of these say something else.
fn duplicates(ids: &mut [(u64, u64)]) -> (u64, u64) {
    ids.sort_unstable();
    let same = ids.array_windows().filter(|[a, b]| a.0 == b.0).count();
    let other = ids.array_windows().filter(|[a, b]| a.0 == b.0 && a.1 != b.1).count();
    (same as u64, other as u64)
}

fn packing(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

fn container(shape: Shape) -> String {
    match shape {
        Shape::Table(kind) => word(kind),
        Shape::Foreign(code) => code.to_owned(),
        other => word(other),
    }
}

/// Returns the columns of a table that has any known one: a first row without any may be talk.
fn columns(report: &FileReport, options: &ReadOptions) -> Vec<(String, Option<&'static str>)> {
    if !matches!(report.variant, Shape::Table(_)) || report.path == Path::new("-") {
        return Vec::new();
    }
    let Ok(table) = Table::open_path(&report.path, &options.columns, Limits::default()) else {
        return Vec::new();
    };
    let known = table.sheets().iter().filter(|sheet| sheet.fields.iter().any(Option::is_some));
    known.flat_map(|sheet| sheet.header.iter().cloned().zip(sheet.fields.iter().copied())).collect()
}

/// Examples of each kind that are shown.
const EXAMPLES: usize = 3;

/// Examples kept until they are sorted.
const MOST_WAITING: usize = 4_096;
