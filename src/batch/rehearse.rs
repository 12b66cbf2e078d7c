//! Decides without writing: what an archive would lead to, under one or several dictionaries.
//!
//! The archive is read once, and each message is annotated once per bundle; duplicates and
//! recalls are settled once for all. Nothing is left on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rayon::prelude::*;

use super::codec::Arrival;
use super::collect::{Collector, Settings};
use super::identity::{self, Resolution};
use super::night::{Decided, Night};
use super::route::Routes;
use super::shards::Shards;
use super::{
    Gathered, MOST_EVENT_SHARDS, N_IDENTITY_SHARDS, Progress, Tally, check_stop, end_of_day, in_pool,
    settle_duplicates,
};
use crate::archive::{self, Block, Plan, ReadOptions, Record};
use crate::bundle::Bundle;
use crate::business::Aliases;
use crate::error::Error;
use crate::message::{Key, Message, Role};
use crate::signal::Event;
use crate::time::{Millis, Timestamp};
use crate::verdict::Row;

/// What a rehearsal is asked to do.
#[derive(Clone, Debug)]
pub struct RehearsalOptions {
    /// Files, directories, globs, or `-`.
    pub archives: Vec<String>,
    /// Roster, time zone, limits.
    pub read: ReadOptions,
    /// Decide as of this instant; `None`: the end of the newest message's local day.
    pub as_of: Option<Timestamp>,
    /// Threads; `None`: all cores.
    pub jobs: Option<usize>,
    /// Bytes of waiting events kept in memory, for all bundles together.
    pub memory: usize,
}

/// What an archive would lead to.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// The rows of each bundle, in order of key, time and rule.
    pub rows: Vec<Vec<Row>>,
    /// Records by what became of them.
    pub tally: Tally,
    /// Time of the oldest message.
    pub oldest: Option<Timestamp>,
    /// Time of the newest message.
    pub newest: Option<Timestamp>,
    /// The instant decided as of.
    pub as_of: Timestamp,
    /// Messages whose words were asked for, by message id.
    pub said: BTreeMap<Box<str>, Said>,
}

/// Who said what in a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// The sender.
    pub speaker: Box<str>,
    /// What the sender is.
    pub role: Role,
    /// The words, cut at 300 characters.
    pub text: String,
}

/// Says whether the words of a message are to be kept, given its event under each bundle.
type Keep<'k> = &'k (dyn Fn(&Message<'_>, &[&Event]) -> bool + Sync);

/// Says whether a message is to be looked at.
type Wanted<'w> = &'w (dyn Fn(&Message<'_>) -> bool + Sync);

/// Decides about an archive under each of `bundles`; keeps the words of the messages that `keep` names.
///
/// # Errors
///
/// Unreadable inputs, no room for scratch files, or an interruption.
pub fn rehearse(
    bundles: &[&Bundle],
    options: &RehearsalOptions,
    keep: Keep<'_>,
    progress: &Progress,
) -> Result<Rehearsal, Error> {
    in_pool(options.jobs, || {
        let read = read(bundles, options, &|_| true, keep, progress)?;
        let mut rehearsal = Rehearsal::default();
        for (bundle, events) in bundles.iter().zip(&read.events) {
            let night = Night::new(&bundle.rules, &read.resolution, &read.gathered.recalls, read.as_of);
            rehearsal.rows.push(sorted(decide(&night, events)?));
        }
        check_stop(progress)?;
        Ok(Rehearsal { rows: rehearsal.rows, ..read.into_rehearsal() })
    })
}

/// Returns the histories of the keys of all messages that are `wanted`, as events in their order,
/// with the words of the messages; no rule is applied.
///
/// # Errors
///
/// As [`rehearse`].
pub fn histories(
    bundle: &Bundle,
    options: &RehearsalOptions,
    wanted: Wanted<'_>,
    progress: &Progress,
) -> Result<(BTreeMap<Key, Vec<Event>>, Rehearsal), Error> {
    in_pool(options.jobs, || {
        let read = read(&[bundle], options, wanted, &|_, _| true, progress)?;
        let night = Night::new(&bundle.rules, &read.resolution, &read.gathered.recalls, read.as_of);
        let mut histories: BTreeMap<Key, Vec<Event>> = BTreeMap::new();
        for shard in 0..read.events[0].len() {
            night.unfold(&read.events[0].take(shard)?, |key, event| {
                histories.entry(key).or_default().push(event.clone());
            });
        }
        Ok((histories, read.into_rehearsal()))
    })
}

/// What reading leaves.
struct Reading {
    events: Vec<Shards>,
    gathered: Gathered,
    resolution: Resolution,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    as_of: Timestamp,
    said: BTreeMap<Box<str>, Said>,
    _scratch: Scratch,
}

impl Reading {
    fn into_rehearsal(self) -> Rehearsal {
        let mut tally = Tally::default();
        self.gathered.tallies.iter().for_each(|file| tally.add(file));
        let Reading { oldest, newest, as_of, said, .. } = self;
        Rehearsal { rows: Vec::new(), tally, oldest, newest, as_of, said }
    }
}

fn read(
    bundles: &[&Bundle],
    options: &RehearsalOptions,
    wanted: Wanted<'_>,
    keep: Keep<'_>,
    progress: &Progress,
) -> Result<Reading, Error> {
    let plan = Plan::new(&options.archives)?;
    progress.total_bytes.store(plan.total_bytes(), Ordering::Relaxed);
    progress.files.store(plan.files().len() as u64, Ordering::Relaxed);
    let scratch = Scratch::new(bundles.len())?;
    let routes: Vec<Routes> = bundles.iter().map(|bundle| Routes::new(&bundle.rules)).collect();
    let aliases = Aliases::default();
    let collectors = collectors(bundles, &routes, &aliases, options, plan.files().len(), &scratch.0);
    let watch = Watch::default();
    archive::read_blocks(&plan, &options.read, &progress.bytes, &progress.stop, &|block| {
        let n = collect(&collectors, block, wanted, keep, &watch);
        progress.records.fetch_add(n, Ordering::Relaxed);
    })?;
    settle(bundles, collectors, watch, options.as_of, scratch)
}

fn settle(
    bundles: &[&Bundle],
    collectors: Vec<Collector<'_>>,
    watch: Watch,
    as_of: Option<Timestamp>,
    scratch: Scratch,
) -> Result<Reading, Error> {
    let newest = collectors.first().and_then(Collector::newest);
    let as_of = as_of.unwrap_or_else(|| bundles.first().map_or(Timestamp(0), |one| end_of_day(one, newest)));
    let newest = newest.map(|newest| newest.min(as_of.minus(Millis(1))));
    let (mut first, mut events) = (None, Vec::new());
    for collector in collectors {
        let (gathered, waiting, identities) = collector.finish()?;
        first.get_or_insert((gathered, identities));
        events.push(waiting);
    }
    let (mut gathered, identities) = first.expect("there is at least one bundle");
    let resolution = identity::resolve(&identities, &gathered.recalls, None)?;
    settle_duplicates(&mut gathered, &resolution);
    let oldest = watch.oldest.into_inner();
    let said = watch.said.into_inner().expect("all blocks are done");
    let oldest = newest.is_some().then_some(Timestamp(oldest));
    Ok(Reading { events, gathered, resolution, oldest, newest, as_of, said, _scratch: scratch })
}

/// One collector a bundle. Identities do not depend on bundles: only the first collects them.
fn collectors<'a>(
    bundles: &[&'a Bundle],
    routes: &'a [Routes],
    aliases: &'a Aliases,
    options: &RehearsalOptions,
    n_files: usize,
    scratch: &Path,
) -> Vec<Collector<'a>> {
    let settings = Settings { as_of: options.as_of, ..Settings::default() };
    let memory = options.memory / bundles.len().max(1);
    let collector = |(at, (bundle, routes)): (usize, (&&'a Bundle, &'a Routes))| {
        let events = Shards::new(MOST_EVENT_SHARDS, memory, &scratch.join(at.to_string()), "events");
        let n_identities = if at == 0 { N_IDENTITY_SHARDS } else { 0 };
        let identities = Shards::new(n_identities, options.memory / 2, scratch, "identities");
        Collector::new(bundle, routes, settings, aliases, n_files, events, identities)
    };
    bundles.iter().zip(routes).enumerate().map(collector).collect()
}

/// What is noted beside the collectors.
struct Watch {
    oldest: AtomicI64,
    said: Mutex<BTreeMap<Box<str>, Said>>,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { oldest: AtomicI64::new(i64::MAX), said: Mutex::default() }
    }
}

fn collect(
    collectors: &[Collector<'_>],
    block: &mut Block<'_>,
    wanted: Wanted<'_>,
    keep: Keep<'_>,
    watch: &Watch,
) -> u64 {
    let mut workers: Vec<_> = collectors.iter().map(Collector::hire).collect();
    let mut arrival = Arrival { file: block.file, block: block.offset, index: 0 };
    let (mut oldest, mut said) = (i64::MAX, Vec::new());
    while let Some(read) = block.next_record() {
        arrival.index += 1;
        let message = match &read.record {
            Ok(Record::Message(message)) => Some(message),
            _ => None,
        };
        if message.is_some_and(|message| !wanted(message)) {
            continue;
        }
        for (collector, worker) in collectors.iter().zip(&mut workers) {
            collector.record(worker, arrival, &read);
        }
        let Some(message) = message else { continue };
        oldest = oldest.min(message.at.0);
        let events: Vec<&Event> = workers.iter().map(super::collect::Worker::event).collect();
        if keep(message, &events) {
            said.push((message.id.as_ref().into(), words_of(message)));
        }
    }
    watch.oldest.fetch_min(oldest, Ordering::Relaxed);
    watch.said.lock().expect("no thread panics while it holds the words").extend(said);
    for (collector, worker) in collectors.iter().zip(workers) {
        collector.dismiss(worker, block.file);
    }
    u64::from(arrival.index)
}

fn words_of(message: &Message<'_>) -> Said {
    let texts: Vec<&str> = message.parts.iter().map(|part| part.text.as_ref()).collect();
    Said {
        speaker: message.speaker.as_ref().into(),
        role: message.role,
        text: texts.join(" ").chars().take(MAX_TEXT_CHARS).collect(),
    }
}

/// Characters of a message that are kept for people to read.
pub const MAX_TEXT_CHARS: usize = 300;

fn decide(night: &Night<'_>, events: &Shards) -> Result<Vec<Row>, Error> {
    let parts: Vec<Decided> = (0..events.len())
        .into_par_iter()
        .with_max_len(1)
        .map(|shard| Ok(night.decide_alone(&events.take(shard)?)))
        .collect::<Result<_, Error>>()?;
    Ok(parts.into_iter().flat_map(|part| part.rows).collect())
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.par_sort_by(|a, b| (&a.key, a.at, a.rule).cmp(&(&b.key, b.at, b.rule)));
    rows
}

/// A directory for what does not fit into memory; removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes one with room for `n` bundles.
    fn new(n: usize) -> Result<Scratch, Error> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("chattag-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        for bundle in 0..n {
            let path = path.join(bundle.to_string());
            std::fs::create_dir_all(&path).map_err(|error| Error::write(&path, error))?;
        }
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans the system's temporary files.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
