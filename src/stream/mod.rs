//! Messages as they arrive: decides at once, and answers what a run over the same messages answers.
//!
//! One loop: what has arrived is annotated on all threads (`piece`, with the collectors of a run), put in
//! event order (`decider`), and decided history by history (`histories`, with the engines of a run). Decisions
//! leave at once as JSON lines; at a checkpoint tables, state and input positions are committed together.

mod business;
mod commits;
mod decider;
mod feed;
mod follow;
mod histories;
mod history;
mod ids;
mod lines;
mod metrics;
mod output;
mod parts;
mod piece;
mod session;
mod spread;
mod tail;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

pub use metrics::{Metrics, Numbers};

use crate::archive::{Plan, ReadOptions};
use crate::batch::EventSource;
use crate::batch::business::KnownIds;
use crate::bundle::Bundle;
use crate::business::Aliases;
use crate::error::Error;
use crate::state::Inputs;
use crate::time::Millis;
use crate::writer::TableOptions;
use business::Business;
use commits::{Commits, Pending};
use feed::Feed;
use follow::Follower;
use output::Output;
use parts::{Parts, Resumed};
use session::{Exit, Outside, Session};

/// What a stream is asked to do.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// `-`, or files, directories and globs that are followed.
    pub inputs: Vec<String>,
    /// Read what is there and end.
    pub once: bool,
    /// Where checkpoints go; none: nothing is kept.
    pub out: Option<PathBuf>,
    /// Commit after so long.
    pub checkpoint_every: Duration,
    /// Commit after so many records.
    pub checkpoint_records: u64,
    /// Of its commits at least so many stay readable by number; `None`: all.
    pub keep: Option<usize>,
    /// Where business events come from; files that change are read on.
    pub events: Vec<EventSource>,
    /// Roster, time zone, limits.
    pub read: ReadOptions,
    /// How much later than newer ones a record may come; `None`: what the pack says.
    pub lateness: Option<Millis>,
    /// Most records that wait; beyond it the oldest are decided early.
    pub max_waiting: usize,
    /// Threads; `None`: all cores.
    pub jobs: Option<usize>,
    /// Drop a customer's messages in a conversation after `disagree`.
    pub respect_disagree: bool,
    /// Keep the bytes of unreadable records in the table `quarantine`.
    pub keep_raw: bool,
    /// What decisions show of messages.
    pub tables: TableOptions,
    /// Where to answer questions for metrics.
    pub metrics: Option<SocketAddr>,
}

impl StreamOptions {
    /// Returns whether records come from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.inputs.iter().any(|input| input == "-")
    }
}

/// How a running stream is told what to do; set by signals.
#[derive(Debug, Default)]
pub struct Controls {
    /// End: commit and stop.
    pub stop: Arc<AtomicBool>,
    /// Load the dictionaries anew.
    pub reload: Arc<AtomicBool>,
}

/// What a stream did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StreamReport {
    /// Records by what became of them.
    pub tally: crate::batch::Tally,
    /// Records that came too late.
    pub late: u64,
    /// Copies that say something else than the first.
    pub conflicting_duplicates: u64,
    /// Decisions.
    pub decisions: u64,
}

/// Loads the dictionaries anew, or says why they cannot be used.
pub type Loader<'l> = dyn Fn() -> Result<Bundle, String> + Send + Sync + 'l;

/// Runs a stream to its end: the end of the input, or a signal. Decisions go to `out`.
///
/// # Errors
///
/// Inputs that do not exist, an output that cannot be written, an address that cannot be listened on.
pub fn run(
    bundle: Bundle,
    load: &Loader<'_>,
    options: &StreamOptions,
    controls: &Controls,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Error> {
    let metrics = Arc::new(Metrics::default());
    if let Some(address) = options.metrics {
        let bound = metrics.serve(address).map_err(|error| Error::listen(address, error))?;
        tracing::info!(address = %bound, "metrics");
    }
    let threads = options.jobs.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool
        .map_err(|_| Error::argument("number of threads", &threads.to_string(), "one the system allows"))?;
    pool.install(|| run_here(bundle, load, options, controls, &metrics, out))
}

fn run_here(
    mut bundle: Bundle,
    load: &Loader<'_>,
    options: &StreamOptions,
    controls: &Controls,
    metrics: &Metrics,
    out: &mut (dyn Write + Send),
) -> Result<StreamReport, Error> {
    let (mut outside, mut parts) = begin(&bundle, options, metrics, out)?;
    loop {
        bundle.annotator.warm_up();
        let mut session = Session::new(&bundle, options, parts);
        let exit = session.run(&mut outside, controls)?;
        parts = session.into_parts();
        if exit != Exit::Reload {
            return Ok(outside.report);
        }
        match load() {
            Ok(new) => {
                tracing::info!(
                    pack = new.rules.pack.name,
                    version = new.rules.pack.version,
                    "dictionaries loaded anew"
                );
                metrics.update(|numbers| numbers.reloads[0] += 1);
                parts.adopt(&bundle, &new);
                bundle = new;
            }
            Err(why) => {
                tracing::error!(%why, "the dictionaries cannot be used; going on with those in use");
                metrics.update(|numbers| numbers.reloads[1] += 1);
            }
        }
    }
}

/// Opens inputs and outputs, and goes on where the newest commit stands.
fn begin<'o>(
    bundle: &Bundle,
    options: &StreamOptions,
    metrics: &'o Metrics,
    out: &'o mut (dyn Write + Send),
) -> Result<(Outside<'o>, Parts), Error> {
    let lateness = options.lateness.unwrap_or(bundle.rules.pack.lateness);
    let commits = Commits::open(options)?;
    let read = |commits: &Commits| Resumed::read(bundle, &commits.store, &options.events, lateness);
    let resumed = commits.as_ref().map(read).transpose()?;
    let Resumed { parts, event_ids, aliases, inputs } = resumed.unwrap_or_else(|| Resumed {
        parts: Parts::new(lateness),
        event_ids: KnownIds::default(),
        aliases: Aliases::default(),
        inputs: Inputs::default(),
    });
    let pending = commits.as_ref().map(|commits| Pending::new(options, commits, &inputs));
    let feed = if options.reads_stdin() {
        Feed::stdin(options.read.max_record_bytes)
    } else {
        let mut follower = Follower::new(&options.inputs, options.once, &options.read, inputs.files)?;
        if let Some(commits) = &commits {
            let plan = Plan::new(&options.inputs)?;
            commits.read_by_runs(&plan).iter().for_each(|(path, bytes)| follower.pass(path, *bytes));
        }
        Feed::Files(Box::new(follower))
    };
    let business = Business::new(&options.events, event_ids, aliases);
    let output = Output::new(out);
    let report = StreamReport::default();
    Ok((Outside { feed, output, commits, pending, business, metrics, report }, parts))
}

/// How long to wait for input before looking at signals.
const PATIENCE: Duration = Duration::from_millis(20);
