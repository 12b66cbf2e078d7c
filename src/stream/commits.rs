//! Checkpoints: tables, state and input positions of a stream, committed together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::{Metrics, StreamOptions};
use crate::archive::Plan;
use crate::batch::RunOptions;
use crate::batch::interval::{Interval, Until};
use crate::bundle::Bundle;
use crate::error::Error;
use crate::state::Inputs;
use crate::time::Timestamp;
use crate::writer::Store;

/// Where a stream commits.
pub struct Commits {
    /// The output directory.
    pub store: Store,
    options: RunOptions,
    keep: Option<usize>,
    busy: Arc<AtomicBool>,
}

/// What is to be committed next, and when.
pub struct Pending {
    /// What was taken in since the last commit.
    pub interval: Interval,
    every: Duration,
    records: u64,
    last: Instant,
    reads_stdin: bool,
    /// Records of standard input that were committed or are on their way.
    from_stdin: u64,
    /// A commit is under way.
    busy: Arc<AtomicBool>,
}

/// Work for whoever commits.
pub type Work = (Interval, Until);

impl Commits {
    /// Opens the output directory of a stream, if it has one.
    ///
    /// # Errors
    ///
    /// As those of [`Store::open`].
    pub fn open(options: &StreamOptions) -> Result<Option<Commits>, Error> {
        let Some(out) = &options.out else { return Ok(None) };
        let (store, busy) = (Store::open(out)?, Arc::default());
        Ok(Some(Commits { store, options: run_options(options, out), keep: options.keep, busy }))
    }

    /// Commits whatever comes until nobody sends any more, beside those who decide. Gives itself back, with
    /// what went wrong.
    pub fn serve(
        mut self,
        bundle: &Bundle,
        work: &Receiver<Work>,
        metrics: &Metrics,
    ) -> (Commits, Result<(), Error>) {
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
            let what = "number of threads";
            return (self, Err(Error::argument(what, &threads.to_string(), "one the system allows")));
        };
        for (interval, until) in work {
            let done = pool.install(|| self.commit(bundle, interval, until, metrics));
            self.busy.store(false, Ordering::Relaxed);
            if done.is_err() {
                return (self, done);
            }
        }
        (self, Ok(()))
    }

    fn commit(
        &mut self,
        bundle: &Bundle,
        interval: Interval,
        until: Until,
        metrics: &Metrics,
    ) -> Result<(), Error> {
        let decided = self.store.head().map_or(Timestamp(0), |head| head.run.as_of);
        if interval.records == 0 && until.as_of <= decided {
            return Ok(());
        }
        let report = interval.commit(bundle, &self.options, &mut self.store, until)?;
        metrics.update(|numbers| numbers.commits += 1);
        tracing::info!(commit = report.commit, records = report.tally.read, "checkpoint");
        self.keep.map_or(Ok(()), |keep| self.let_go(keep))
    }

    /// Lets old commits go, many at a time: letting go is a commit too.
    fn let_go(&mut self, keep: usize) -> Result<(), Error> {
        if self.store.log().droppable(keep).len() < keep {
            return Ok(());
        }
        let collected = self.store.collect_garbage(keep)?;
        tracing::info!(commits = collected.dropped.len(), files = collected.files, "let go");
        Ok(())
    }

    /// Returns which of `plan`'s files a run has read, with the number of bytes it read of each.
    pub fn read_by_runs(&self, plan: &Plan) -> Vec<(PathBuf, u64)> {
        let inputs: Vec<_> = self.store.records().iter().flat_map(|record| &record.run.inputs).collect();
        let read = |path: &Path| {
            inputs.iter().filter(|input| Path::new(&input.path) == path).max_by_key(|input| input.bytes)
        };
        let files = plan.files().iter().filter_map(|file| Some((file, read(&file.path)?)));
        let same = files.filter(|(file, input)| begins_with(&file.path, input.bytes, input.blake3));
        same.map(|(file, input)| (file.path.clone(), input.bytes)).collect()
    }
}

impl Pending {
    /// Begins with nothing. `inputs` is what earlier sessions read.
    pub fn new(options: &StreamOptions, commits: &Commits, inputs: &Inputs) -> Pending {
        let reads_stdin = options.reads_stdin();
        Pending {
            interval: empty_interval(reads_stdin),
            reads_stdin,
            every: options.checkpoint_every,
            records: options.checkpoint_records,
            last: Instant::now(),
            from_stdin: inputs.records,
            busy: Arc::clone(&commits.busy),
        }
    }

    /// Returns whether it is time for a commit.
    pub fn is_due(&self) -> bool {
        let any = self.interval.records > 0;
        any && (self.interval.records >= self.records || self.last.elapsed() >= self.every)
    }

    /// Returns whether a commit is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Returns whether so much waits to be committed that nothing more should be taken in.
    pub fn is_full(&self) -> bool {
        self.interval.records >= self.records.saturating_mul(MOST_INTERVALS)
    }

    /// Takes out what is to be committed.
    pub fn take(&mut self, mut until: Until) -> Work {
        let interval = std::mem::replace(&mut self.interval, empty_interval(self.reads_stdin));
        self.last = Instant::now();
        self.busy.store(true, Ordering::Relaxed);
        if self.reads_stdin {
            self.from_stdin += interval.records;
        }
        until.inputs.records = self.from_stdin;
        (interval, until)
    }
}

/// Returns an interval in which nothing was taken in. Standard input is its first file: records of it are numbered
/// before it is known which interval they go to.
fn empty_interval(reads_stdin: bool) -> Interval {
    let mut interval = Interval::default();
    if reads_stdin {
        interval.file(Path::new("-"), 0);
    }
    interval
}

/// While one interval is committed, so many may gather.
const MOST_INTERVALS: u64 = 4;

/// Returns whether the first `bytes` of a file have the given hash.
fn begins_with(path: &Path, bytes: u64, hash: blake3::Hash) -> bool {
    let read = || -> std::io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::io::Read::take(std::fs::File::open(path)?, bytes))?;
        Ok(hasher.finalize())
    };
    read().is_ok_and(|found| found == hash)
}

/// A checkpoint writes what a run with these options would.
fn run_options(options: &StreamOptions, out: &Path) -> RunOptions {
    RunOptions {
        events: options.events.clone(),
        read: options.read.clone(),
        jobs: options.jobs,
        memory: usize::MAX,
        respect_disagree: options.respect_disagree,
        keep_raw: options.keep_raw,
        tables: options.tables,
        ..RunOptions::new(options.inputs.clone(), out)
    }
}
