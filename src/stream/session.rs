//! The loop of a stream with one set of dictionaries.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::business::Business;
use super::commits::{Commits, Pending, Work};
use super::decider::{Decider, Late, Taken};
use super::feed::{Annotator, Feed, Next};
use super::metrics::Metrics;
use super::output::Output;
use super::parts::Parts;
use super::piece::Annotated;
use super::{Controls, PATIENCE, StreamOptions, StreamReport};
use crate::archive::FileReport;
use crate::batch::Tally;
use crate::batch::collect::{Collector, Fault, Settings};
use crate::batch::interval::{Interval, Until};
use crate::batch::route::Routes;
use crate::batch::shards::Shards;
use crate::bundle::Bundle;
use crate::error::Error;
use crate::rules::RuleIdx;
use crate::state::Inputs;
use crate::time::{Millis, Timestamp};
use crate::verdict::{Decision, Row};
use crate::writer::Context;

/// What a stream has whatever its dictionaries are.
pub struct Outside<'o> {
    /// Where records come from.
    pub feed: Feed,
    /// Where decisions go.
    pub output: Output<'o>,
    /// Where checkpoints go.
    pub commits: Option<Commits>,
    /// What goes to the next one.
    pub pending: Option<Pending>,
    /// Business events.
    pub business: Business,
    /// Numbers for whoever asks.
    pub metrics: &'o Metrics,
    /// Numbers for the end.
    pub report: StreamReport,
}

/// A stream with one set of dictionaries.
pub struct Session<'b> {
    bundle: &'b Bundle,
    options: &'b StreamOptions,
    lateness: Millis,
    decider: Decider<'b>,
    /// Decided and not yet written.
    rows: Vec<Row>,
}

/// Why a loop ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// The input is at its end: all is decided.
    Ended,
    /// Somebody asked to stop: what waits still waits.
    Stopped,
    /// Somebody asked for other dictionaries.
    Reload,
}

impl<'b> Session<'b> {
    /// Takes what is known into use with the dictionaries of `bundle`.
    pub fn new(bundle: &'b Bundle, options: &'b StreamOptions, parts: Parts) -> Session<'b> {
        let lateness = options.lateness.unwrap_or(bundle.rules.pack.lateness);
        let decider = Decider::new(&bundle.rules, parts, lateness, options.max_waiting);
        Session { bundle, options, lateness, decider, rows: Vec::new() }
    }

    /// Returns what is known.
    pub fn into_parts(self) -> Parts {
        self.decider.into_parts()
    }

    /// Runs until the input ends or a signal comes; then all that was taken in is committed.
    ///
    /// # Errors
    ///
    /// Input that cannot be read, an output that cannot be written.
    pub fn run(&mut self, outside: &mut Outside<'_>, controls: &Controls) -> Result<Exit, Error> {
        let Some(commits) = outside.commits.take() else { return self.run_with(None, outside, controls) };
        let (bundle, metrics) = (self.bundle, outside.metrics);
        let (sender, work) = sync_channel(1);
        std::thread::scope(|scope| {
            let committer = scope.spawn(move || commits.serve(bundle, &work, metrics));
            let exit = self.run_with(Some(sender), outside, controls);
            let (commits, served) = committer.join().expect("errors are returned, not thrown");
            outside.commits = Some(commits);
            served.and(exit)
        })
    }

    /// Runs with somebody who commits what is sent.
    fn run_with(
        &mut self,
        committer: Option<SyncSender<Work>>,
        outside: &mut Outside<'_>,
        controls: &Controls,
    ) -> Result<Exit, Error> {
        let routes = Routes::new(&self.bundle.rules);
        loop {
            outside.business.look(&self.bundle.rules.pack.zone)?;
            let aliases = outside.business.aliases();
            let settings = Settings {
                respect_disagree: self.options.respect_disagree,
                keep_raw: self.options.keep_raw,
                attend: true,
                ..Settings::default()
            };
            let shards = |n, name| Shards::new(n, usize::MAX, Path::new(""), name);
            let (events, identities) = (shards(1, "events"), shards(0, "identities"));
            let mut collector =
                Collector::new(self.bundle, &routes, settings, &aliases, 1, events, identities);
            self.read_business(&mut collector, outside)?;
            if let Some(exit) = self.read(&mut collector, committer.as_ref(), outside, controls)? {
                if let Some(committer) = &committer {
                    self.commit(committer, true, outside);
                }
                return Ok(exit);
            }
        }
    }

    /// Reads and decides until there is a reason to end, or business events came (none). Standard input is annotated
    /// by a thread of its own meanwhile.
    fn read(
        &mut self,
        collector: &mut Collector<'_>,
        committer: Option<&SyncSender<Work>>,
        outside: &mut Outside<'_>,
        controls: &Controls,
    ) -> Result<Option<Exit>, Error> {
        let Feed::Stdin(pieces) = &mut outside.feed else {
            return self.pump(Some(collector), committer, outside, controls);
        };
        let mut pieces = std::mem::replace(pieces, Feed::nothing());
        let (annotator, ahead) = Annotator::of(&mut pieces);
        let options = &self.options.read;
        let left = std::thread::scope(|scope| {
            scope.spawn(move || annotator.run(collector, options));
            outside.feed = ahead;
            let reading = Reading(outside);
            self.pump(None, committer, reading.0, controls)
        });
        outside.feed = Feed::Stdin(pieces);
        left
    }

    /// Reads and decides until there is a reason to end, or business events came (none). `collector` annotates what
    /// is not annotated when it comes.
    fn pump(
        &mut self,
        mut collector: Option<&mut Collector<'_>>,
        committer: Option<&SyncSender<Work>>,
        outside: &mut Outside<'_>,
        controls: &Controls,
    ) -> Result<Option<Exit>, Error> {
        let mut leaves = None;
        loop {
            if leaves.is_none() {
                leaves = reason_to_leave(outside, controls);
                if let Some(why) = leaves.filter(|_| !outside.feed.halt()) {
                    return Ok(why);
                }
            }
            match outside.feed.next(PATIENCE)? {
                Next::Piece(piece) => {
                    let collector =
                        collector.as_deref_mut().expect("pieces come where nobody annotates ahead");
                    let number =
                        outside.interval().map_or(0, |interval| interval.file(&piece.path, piece.offset()));
                    self.take(piece.annotate(collector, &self.options.read, number)?, outside)?;
                }
                Next::Annotated(annotated) => self.take(*annotated, outside)?,
                Next::Idle => self.decide(outside)?,
                Next::Ended => {
                    if let Some(why) = leaves {
                        return Ok(why);
                    }
                    self.finish(outside)?;
                    return Ok(Some(Exit::Ended));
                }
            }
            let due = outside.pending.as_ref().is_some_and(Pending::is_due);
            if let Some(committer) = committer.filter(|_| due)
                && !self.commit(committer, false, outside)
            {
                return Ok(Some(Exit::Stopped));
            }
        }
    }

    fn take(&mut self, annotated: Annotated, outside: &mut Outside<'_>) -> Result<(), Error> {
        let Annotated { piece, number, file, mut batch } = annotated;
        outside.feed.note(batch.gathered.noted.iter().filter_map(|noted| noted.at).max());
        let hold = hold(outside, self.lateness);
        let faults = std::mem::take(&mut batch.gathered.faults);
        let mut interval = outside.interval();
        let taken = self.decider.take(batch, hold, interval.as_deref_mut());
        if let Some(interval) = interval {
            interval.add_piece(number, piece.bytes(), &file, &taken.tally);
            interval.add_faults(&faults);
        }
        outside.metrics.update(|numbers| numbers.bytes += piece.bytes().len() as u64);
        outside.lay_aside(&taken, faults, &file);
        self.decide(outside)
    }

    fn read_business(
        &mut self,
        collector: &mut Collector<'_>,
        outside: &mut Outside<'_>,
    ) -> Result<(), Error> {
        let zone = &self.bundle.rules.pack.zone;
        while let Some(mut read) = {
            let mut interval = outside.pending.as_mut().map(|pending| &mut pending.interval);
            let number = |path: &Path| interval.as_deref_mut().map_or(0, |interval| interval.file(path, 0));
            outside.business.read_next(collector, zone, number)?
        } {
            let faults = std::mem::take(&mut read.batch.gathered.faults);
            let mut interval = outside.interval();
            let mut taken = self.decider.take_business(&read.batch, interval.as_deref_mut());
            taken.tally.add(&read.tally);
            if let Some(interval) = interval {
                interval.add_piece(read.number, &read.bytes, &read.file, &taken.tally);
                interval.add_faults(&faults);
            }
            outside.lay_aside(&taken, faults, &read.file);
        }
        Ok(())
    }

    /// Decides what need not wait any more and sends it off.
    fn decide(&mut self, outside: &mut Outside<'_>) -> Result<(), Error> {
        self.decider.advance(hold(outside, self.lateness), &mut self.rows);
        let hurried = self.decider.relieve(&mut self.rows);
        if hurried > 0 {
            tracing::warn!(
                hurried,
                "more records wait than --max-waiting allows: the oldest are decided early"
            );
            outside.metrics.update(|numbers| numbers.hurried += hurried);
        }
        self.emit(outside)
    }

    /// The input is at its end: decides as a run does, as of the end of the newest message's day.
    fn finish(&mut self, outside: &mut Outside<'_>) -> Result<(), Error> {
        let (zone, hold) = (&self.bundle.rules.pack.zone, outside.business.hold());
        if let Some(newest) = self.decider.newest_message(hold) {
            let as_of = zone.midnight(zone.day(newest).plus(1)).min(hold.unwrap_or(Timestamp::MAX));
            self.decider.finish(as_of, &mut self.rows);
        }
        self.emit(outside)
    }

    /// Sends off what was decided.
    fn emit(&mut self, outside: &mut Outside<'_>) -> Result<(), Error> {
        let (names, rules, options) = (self.bundle, &*self.bundle.rules, self.options.tables);
        outside.output.decisions(&mut self.rows, &Context { names, rules, options });
        self.count_decisions(outside);
        self.rows.clear();
        outside.output.flush(self.decider.watermark()).map_err(|error| Error::write(Path::new("-"), error))
    }

    /// Sends what was taken in since the last time to be committed. While the one before is under way more
    /// gathers, unless there is no next time or too much has gathered. Returns false when nobody commits any
    /// more: something went wrong.
    fn commit(&mut self, committer: &SyncSender<Work>, is_last: bool, outside: &mut Outside<'_>) -> bool {
        let Some(pending) = &mut outside.pending else { return true };
        if pending.is_busy() && !is_last && !pending.is_full() {
            return true;
        }
        let files = match &outside.feed {
            Feed::Files(follower) => follower.positions(),
            Feed::Stdin(_) | Feed::Ahead(_) => Vec::new(),
        };
        let until = Until {
            as_of: self.decider.watermark().unwrap_or(Timestamp(0)),
            newest: self.decider.newest_message(None),
            aliases: outside.business.aliases(),
            event_ids: outside.business.take_fresh(),
            inputs: Inputs { files, records: 0 },
        };
        committer.send(pending.take(until)).is_ok()
    }

    fn count_decisions(&self, outside: &mut Outside<'_>) {
        outside.report.decisions += self.rows.len() as u64;
        let rule = |rule: Option<RuleIdx>| {
            rule.map_or_else(String::new, |rule| self.bundle.rules.rules[usize::from(rule.0)].id.clone())
        };
        let files = if let Feed::Files(follower) = &outside.feed { follower.files() } else { 0 };
        outside.metrics.update(|numbers| {
            for row in &self.rows {
                *numbers.decisions.entry((table_of(row), rule(row.rule))).or_default() += 1;
            }
            numbers.watermark = self.decider.watermark().map(|at| at.0);
            numbers.newest = self.decider.newest().map(|at| at.0);
            numbers.waiting = self.decider.waiting() as u64;
            numbers.histories = self.decider.histories.len() as u64;
            numbers.ids = self.decider.ids() as u64;
            numbers.files = files as u64;
        });
    }
}

/// Returns why to leave the loop, if there is a reason: a signal, or business events (none).
fn reason_to_leave(outside: &mut Outside<'_>, controls: &Controls) -> Option<Option<Exit>> {
    if controls.stop.load(Ordering::Relaxed) {
        Some(Some(Exit::Stopped))
    } else if controls.reload.swap(false, Ordering::Relaxed) {
        Some(Some(Exit::Reload))
    } else {
        outside.business.has_changed().then_some(None)
    }
}

/// Returns from where on nothing may be decided yet.
fn hold(outside: &Outside<'_>, lateness: Millis) -> Option<Timestamp> {
    outside.feed.hold(lateness).into_iter().chain(outside.business.hold()).min()
}

impl Outside<'_> {
    /// Returns what is to be committed next, when anything is.
    fn interval(&mut self) -> Option<&mut Interval> {
        self.pending.as_mut().map(|pending| &mut pending.interval)
    }

    /// Counts what became of records, and writes those that were laid aside.
    fn lay_aside(&mut self, taken: &Taken, mut faults: Vec<Fault>, file: &FileReport) {
        faults.sort_by_key(|fault| fault.origin);
        let late: &[Late] = &taken.late;
        self.output.late(late, file);
        self.output.quarantine(&faults, file);
        self.report.tally.add(&taken.tally);
        self.report.late += late.len() as u64;
        self.report.conflicting_duplicates += taken.conflicts;
        self.metrics.update(|numbers| {
            numbers.late += late.len() as u64;
            for (fate, n) in fates(&taken.tally) {
                *numbers.records.entry(fate).or_default() += n;
            }
            for (reason, n) in &taken.tally.reasons {
                if let Some(code) = reason.strip_prefix("quarantined.") {
                    *numbers.quarantined.entry(code.to_owned()).or_default() += n;
                }
            }
        });
    }
}

/// Standard input while it is annotated ahead: that ends with this, also when deciding panics.
struct Reading<'f, 'o>(&'f mut Outside<'o>);

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        self.0.feed.halt();
        self.0.feed = Feed::Stdin(Feed::nothing());
    }
}

fn table_of(row: &Row) -> &'static str {
    match row.decision {
        Decision::Tag(_) => "tag_events",
        Decision::Alert(_) => "alerts",
        Decision::Kick(_) => "kick_decisions",
    }
}

fn fates(tally: &Tally) -> [(&'static str, u64); 5] {
    [
        ("processed", tally.processed),
        ("duplicate", tally.duplicate),
        ("control", tally.control),
        ("skipped", tally.skipped),
        ("quarantined", tally.quarantined),
    ]
}
