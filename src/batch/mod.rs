//! A night's archive: reads it, applies the rules, writes the tables, commits once.
//!
//! Two parallel halves with one barrier between them. The first goes through
//! blocks of files in any order and leaves annotated events in shards
//! (`collect`); then duplicates and recalls are settled (`identity`); the
//! second sorts each shard by key and time and runs the rules (`night`), each history
//! from where the last run left it (`resume`), and leaves a new state (`remember`).

pub(crate) mod adoption;
pub(crate) mod business;
pub(crate) mod codec;
pub(crate) mod collect;
pub(crate) mod identity;
pub(crate) mod interval;
pub(crate) mod journal;
mod measure;
pub(crate) mod night;
pub(crate) mod past;
mod rehearse;
pub(crate) mod remember;
mod replay;
pub(crate) mod report;
mod resume;
pub(crate) mod route;
mod row_counts;
pub(crate) mod shards;
mod sources;
pub(crate) mod tally;
pub(crate) mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use rehearse::{Rehearsal, RehearsalOptions, Said, histories, rehearse};
pub use replay::{ReplayOptions, ReplayReport, Which, replay};
pub use report::{Counted, RunReport};
pub use sources::{EventSource, event_sources};
pub use tally::{Fate, Tally};

use crate::archive::{self, FileReport, Plan, ReadOptions};
use crate::bundle::Bundle;
use crate::business::Aliases;
use crate::error::Error;
use crate::rules::{RuleSet, Shape, SignalIdx};
use crate::state::{Inputs, N_RANGES, N_SHARDS, RememberedId};
use crate::time::Timestamp;
use crate::writer::{Disk, Staging, Store, TableOptions, hash_of_file};
use collect::{Collector, Gathered, Settings};
use identity::Resolution;
use past::Past;
use route::Routes;
use shards::Shards;

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Files, directories, globs, or `-`.
    pub archives: Vec<String>,
    /// Where business events come from.
    pub events: Vec<EventSource>,
    /// The output directory.
    pub out: PathBuf,
    /// Roster, time zone, limits.
    pub read: ReadOptions,
    /// Decide as of this instant; `None`: the end of the newest message's local day.
    pub as_of: Option<Timestamp>,
    /// Threads; `None`: all cores.
    pub jobs: Option<usize>,
    /// Bytes of waiting events kept in memory.
    pub memory: usize,
    /// Also write the table `mentions`.
    pub mentions: bool,
    /// Drop a customer's messages in a conversation after `disagree`.
    pub respect_disagree: bool,
    /// Count the words of messages that were taken back, as if they had not been; for all nights or for none.
    pub count_recalled: bool,
    /// Keep the bytes of unreadable records.
    pub keep_raw: bool,
    /// What the tables hold.
    pub tables: TableOptions,
}

impl RunOptions {
    /// A run over `archives` into `out` on all cores, with nothing else asked for.
    pub fn new(archives: Vec<String>, out: &Path) -> RunOptions {
        RunOptions {
            archives,
            events: Vec::new(),
            out: out.to_owned(),
            read: ReadOptions::default(),
            as_of: None,
            jobs: None,
            memory: MEMORY,
            mentions: false,
            respect_disagree: false,
            count_recalled: false,
            keep_raw: false,
            tables: TableOptions::default(),
        }
    }

    /// Returns the options that change what is decided or written, by name, for the commit record.
    fn that_change_output(&self) -> BTreeMap<String, String> {
        let options = [
            ("mentions", self.mentions),
            ("respect_disagree", self.respect_disagree),
            ("count_recalled", self.count_recalled),
            ("keep_raw", self.keep_raw),
            ("no_text", self.tables.no_text),
            ("unmasked", self.tables.unmasked),
        ];
        options.into_iter().map(|(name, on)| (name.to_owned(), on.to_string())).collect()
    }
}

/// How far a run is; read by whoever watches, while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all files of the plan; 0 until it is made.
    pub total_bytes: AtomicU64,
    /// Files of the plan.
    pub files: AtomicU64,
    /// Bytes read so far.
    pub bytes: AtomicU64,
    /// Messages read so far.
    pub records: AtomicU64,
    /// Set by the watcher to stop the run; nothing is committed then.
    pub stop: AtomicBool,
}

/// Runs one night.
///
/// # Errors
///
/// Unreadable inputs named by the caller, an output directory that is locked
/// or cannot be written, or an interruption. Nothing is visible in the output
/// directory then.
pub fn run(bundle: &Bundle, options: &RunOptions, progress: &Progress) -> Result<RunReport, Error> {
    run_on(bundle, options, progress, &Disk::default())
}

/// Runs one night on a given file system, for tests.
///
/// # Errors
///
/// As [`run`].
pub fn run_on(
    bundle: &Bundle,
    options: &RunOptions,
    progress: &Progress,
    disk: &Disk,
) -> Result<RunReport, Error> {
    in_pool(options.jobs, || run_here(bundle, options, progress, disk))
}

/// Does `work` on threads of its own: as many as asked for, or one for each core.
fn in_pool<T: Send>(jobs: Option<usize>, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    let threads = jobs.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool
        .map_err(|_| Error::argument("number of threads", &threads.to_string(), "one the system allows"))?;
    pool.install(work)
}

fn run_here(
    bundle: &Bundle,
    options: &RunOptions,
    progress: &Progress,
    disk: &Disk,
) -> Result<RunReport, Error> {
    let plan = Plan::new(&options.archives)?;
    let mut store = Store::open_on(&options.out, disk.clone())?;
    let plan = without_consumed(plan, &store)?;
    let events = unread_events(&options.events, &store)?;
    let past = Past::read(&store)?;
    check_end(bundle, options, &past)?;
    let waits_longer =
        past.shared.is_some() && options.as_of.is_some_and(|as_of| as_of > past.decided_until());
    if plan.files().is_empty() && events.iter().all(|source| source.files.is_empty()) && !waits_longer {
        return Ok(RunReport::nothing_new(&store, &options.out));
    }
    progress.total_bytes.store(plan.total_bytes(), Ordering::Relaxed);
    progress.files.store(plan.files().len() as u64, Ordering::Relaxed);
    tracing::info!(files = plan.files().len(), bytes = plan.total_bytes(), "reading");
    let staging = store.begin()?;
    let night = read(bundle, options, progress, Given { plan: &plan, events: &events, past }, &staging)?;
    check_stop(progress)?;
    disk.reach("read")?;
    let outcome = remember::decide(bundle, &night, options.memory, &staging)?;
    check_stop(progress)?;
    disk.reach("decided")?;
    report::publish(bundle, options, &mut store, staging, night, outcome)
}

/// What a run is given, less what earlier ones have read.
struct Given<'g> {
    plan: &'g Plan,
    events: &'g [EventSource],
    past: Past,
}

/// Leaves out files that an earlier commit has read, whatever their names were.
///
/// Only files of a known size are hashed, so a night of new files costs nothing here.
fn without_consumed(mut plan: Plan, store: &Store) -> Result<Plan, Error> {
    let known: BTreeSet<u64> =
        store.records().iter().flat_map(|record| &record.run.inputs).map(|input| input.bytes).collect();
    let mut consumed = BTreeSet::new();
    for file in plan.files().iter().filter(|file| known.contains(&file.bytes)) {
        if store.is_consumed(&hash_of_file(&file.path)?) {
            consumed.insert(file.path.clone());
        }
    }
    plan.leave_out(&consumed, "consumed");
    Ok(plan)
}

/// Leaves out files of events that an earlier commit has read.
fn unread_events(sources: &[EventSource], store: &Store) -> Result<Vec<EventSource>, Error> {
    let mut unread = sources.to_vec();
    for source in &mut unread {
        let mut files = Vec::new();
        for path in std::mem::take(&mut source.files) {
            if !store.is_consumed(&hash_of_file(&path)?) {
                files.push(path);
            }
        }
        source.files = files;
    }
    Ok(unread)
}

/// Everything the first half of a run leaves for the second.
struct NightRead {
    files: Vec<FileReport>,
    skipped: Vec<(PathBuf, &'static str)>,
    gathered: Gathered,
    resolution: Resolution,
    events: Shards,
    /// Identities of all records.
    identities: Shards,
    /// Ids of business events that are new.
    event_ids: Vec<RememberedId>,
    aliases: Aliases,
    past: Past,
    as_of: Timestamp,
    /// The newest message so far, in any run.
    newest: Option<Timestamp>,
    /// Something was read that a rule over the whole population looks at.
    may_rank: bool,
    /// How far a stream has read its inputs; none: they stand as they did.
    inputs: Option<Inputs>,
}

fn read(
    bundle: &Bundle,
    options: &RunOptions,
    progress: &Progress,
    Given { plan, events: sources, past }: Given<'_>,
    staging: &Staging,
) -> Result<NightRead, Error> {
    let (routes, zone) = (Routes::new(&bundle.rules), &bundle.rules.pack.zone);
    let mut survey = business::survey(&options.events, zone)?;
    survey.aliases.extend(past.shared.iter().map(|shared| &shared.aliases));
    let held = options.as_of.into_iter().chain(survey.watermark).min();
    let held = held.map(|held| held.max(past.decided_until()));
    let settings = Settings {
        as_of: held,
        respect_disagree: options.respect_disagree,
        count_recalled: options.count_recalled,
        keep_raw: options.keep_raw,
        mentions: options.mentions,
        attend: false,
    };
    let n_event_shards = n_event_shards(plan);
    let events = Shards::new(n_event_shards, options.memory, staging.path(), "events");
    let identities = Shards::new(N_IDENTITY_SHARDS, options.memory / 2, staging.path(), "identities");
    let collector =
        Collector::new(bundle, &routes, settings, &survey.aliases, plan.files().len(), events, identities);
    let mut files = archive::read_blocks(plan, &options.read, &progress.bytes, &progress.stop, &|block| {
        progress.records.fetch_add(collector.collect(block), Ordering::Relaxed);
    })?;
    let newest = collector.newest().max(past.newest());
    let mut ids = business::KnownIds::read(sources, &past.event_ids(&bundle.rules.pack))?;
    let business = business::gather(&collector, sources, &mut ids, zone, files.len())?;
    let (mut gathered, events, identities) = collector.finish()?;
    for (file, tally) in business {
        files.push(file);
        gathered.tallies.push(tally);
    }
    let end = options.as_of.unwrap_or_else(|| end_of_day(bundle, newest));
    let as_of = end.min(held.unwrap_or(Timestamp::MAX)).max(past.decided_until());
    if options.count_recalled {
        gathered.recalls.clear();
    }
    let resolution = settle(bundle, &mut gathered, &identities, &past)?;
    let may_rank = !options.events.is_empty() || ranks_messages(&bundle.rules);
    let (skipped, event_ids, aliases) = (plan.skipped().to_vec(), ids.into_fresh(), survey.aliases);
    Ok(NightRead {
        files,
        skipped,
        gathered,
        resolution,
        events,
        identities,
        event_ids,
        aliases,
        past,
        as_of,
        newest,
        may_rank,
        inputs: None,
    })
}

/// Finds duplicates and the targets of recalls, those that wait from earlier runs among them.
fn settle(
    bundle: &Bundle,
    gathered: &mut Gathered,
    identities: &Shards,
    past: &Past,
) -> Result<Resolution, Error> {
    gathered.recalls.extend(past.recalls());
    let memory = past.known_ids(&bundle.rules.pack);
    let resolution = identity::resolve(identities, &gathered.recalls, Some(&memory))?;
    settle_duplicates(gathered, &resolution);
    let (duplicates, recalls) = (resolution.duplicates.len(), gathered.recalls.len());
    tracing::info!(duplicates, recalls, segmented = bundle.annotator.segmented(), "read");
    Ok(resolution)
}

/// Refuses to decide as of an instant before the end of the last run: what is decided stays decided.
fn check_end(bundle: &Bundle, options: &RunOptions, past: &Past) -> Result<(), Error> {
    match options.as_of.filter(|asked| *asked < past.decided_until()) {
        None => Ok(()),
        Some(asked) => Err(Error::argument(
            "instant to decide as of",
            &bundle.rules.pack.zone.format(asked),
            "one that is not before the `as_of` of the last commit: what is decided stays decided",
        )),
    }
}

/// Returns whether some rule over the whole population looks at messages.
fn ranks_messages(rules: &RuleSet) -> bool {
    let of_messages = |signal: &SignalIdx| rules.signals[usize::from(signal.0)].business.is_none();
    let ranks = rules.rules.iter().filter(|rule| matches!(rule.shape, Shape::Rank(_)));
    ranks.flat_map(|rule| rule.signals()).any(|signal| of_messages(&signal))
}

/// Moves duplicates from the fate they were counted under.
fn settle_duplicates(gathered: &mut Gathered, resolution: &Resolution) {
    for (arrival, fate) in &resolution.duplicates {
        if let Some(tally) = gathered.tallies.get_mut(arrival.file as usize) {
            tally.move_to_duplicates(*fate);
        }
    }
}

/// Returns the local midnight that ends the day of `newest`; the epoch when there is no message.
fn end_of_day(bundle: &Bundle, newest: Option<Timestamp>) -> Timestamp {
    let zone = &bundle.rules.pack.zone;
    newest.map_or(Timestamp(0), |newest| zone.midnight(zone.day(newest).plus(1)))
}

fn check_stop(progress: &Progress) -> Result<(), Error> {
    if progress.stop.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) }
}

/// Returns into how many shards the events of `plan` go: few when it is small, since each looks into the state by
/// itself.
fn n_event_shards(plan: &archive::Plan) -> usize {
    match plan.files().iter().any(archive::PlannedFile::is_stdin) {
        true => MOST_EVENT_SHARDS,
        false => event_shards_for(plan.total_bytes() / EVENT_SHARD_BYTES),
    }
}

/// Returns a number of event shards, about `n`: a power of two, so that each belongs to one shard of the state.
fn event_shards_for(n: u64) -> usize {
    let n = usize::try_from(n).unwrap_or(MOST_EVENT_SHARDS).clamp(N_SHARDS, MOST_EVENT_SHARDS);
    n.next_power_of_two()
}

/// Event shards at most: enough that one shard of a hundred million messages fits in memory, and one of a
/// million in a core's own cache.
const MOST_EVENT_SHARDS: usize = 256;

/// Bytes of waiting events that a run keeps in memory unless told otherwise.
const MEMORY: usize = 256 << 20;

/// How much of an archive makes one event shard.
const EVENT_SHARD_BYTES: u64 = 2 << 20;

/// Identity shards: as many as the ids that are remembered have ranges.
const N_IDENTITY_SHARDS: usize = N_RANGES;
