//! Business events beside a stream: read when it begins, and read on when their files grow.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::archive::FileReport;
use crate::batch::business::{self, KnownIds, Survey};
use crate::batch::collect::{Batch, Collector};
use crate::batch::{EventSource, Tally};
use crate::business::Aliases;
use crate::error::Error;
use crate::state::RememberedId;
use crate::time::{Timestamp, Zone};

/// The sources of business events.
pub struct Business {
    sources: Vec<EventSource>,
    /// One for each file of each source.
    files: Vec<Known>,
    ids: KnownIds,
    survey: Survey,
    /// Aliases of earlier sessions.
    earlier: Aliases,
    looked: Option<Instant>,
}

/// What was read of one file.
#[derive(Default)]
struct Known {
    source: usize,
    path: PathBuf,
    stamp: Option<(u64, SystemTime)>,
    rows: u32,
}

impl Business {
    /// Begins with `sources`, of which nothing was read but the events with the given ids. `aliases` are
    /// known from earlier sessions.
    pub fn new(sources: &[EventSource], ids: KnownIds, aliases: Aliases) -> Business {
        let of_source = |(source, files): (usize, &EventSource)| {
            let known = move |path: &PathBuf| Known { source, path: path.clone(), ..Known::default() };
            files.files.iter().map(known).collect::<Vec<_>>()
        };
        Business {
            files: sources.iter().enumerate().flat_map(of_source).collect(),
            sources: sources.to_vec(),
            ids,
            survey: Survey { aliases: aliases.clone(), watermark: None },
            earlier: aliases,
            looked: None,
        }
    }

    /// Returns the ids that mean the same customer, as far as they are known.
    pub fn aliases(&self) -> Aliases {
        self.survey.aliases.clone()
    }

    /// Returns from where on nothing may be decided yet, because some source has not come so far.
    pub fn hold(&self) -> Option<Timestamp> {
        self.survey.watermark
    }

    /// Returns the ids of events that were read since this was asked last.
    pub fn take_fresh(&mut self) -> Vec<RememberedId> {
        self.ids.take_fresh()
    }

    /// Returns whether files have changed; looks every second.
    pub fn has_changed(&mut self) -> bool {
        if self.files.is_empty() || self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return false;
        }
        self.looked = Some(Instant::now());
        self.any_changed()
    }

    /// Learns how far each source has come and which ids changed, when files have changed.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened.
    pub fn look(&mut self, zone: &Zone) -> Result<(), Error> {
        if self.any_changed() {
            self.survey = business::survey(&self.sources, zone)?;
            self.survey.aliases.extend(std::iter::once(&self.earlier));
        }
        Ok(())
    }

    fn any_changed(&self) -> bool {
        self.files.iter().any(|file| stamp(file) != file.stamp)
    }

    /// Reads what is new in one of the files that have changed; none when all is read. `number` says which
    /// number a file has.
    ///
    /// # Errors
    ///
    /// Events that cannot be kept.
    pub fn read_next(
        &mut self,
        collector: &mut Collector<'_>,
        zone: &Zone,
        mut number: impl FnMut(&Path) -> u32,
    ) -> Result<Option<ReadFile>, Error> {
        let Some(file) = self.files.iter_mut().find(|file| stamp(file) != file.stamp) else {
            return Ok(None);
        };
        let now = stamp(file);
        let shrank = now.zip(file.stamp).is_some_and(|((now, _), (then, _))| now < then);
        let known = if shrank { 0 } else { file.rows };
        let (source, number) = (&self.sources[file.source], number(&file.path));
        let (tally, rows) =
            business::gather_file(collector, (source, &file.path), zone, number, known, &mut self.ids);
        (file.stamp, file.rows) = (now, rows);
        let bytes = fs::read(&file.path).map_err(|error| Error::read(&file.path, error))?;
        let file = FileReport { path: file.path.clone(), block_lines: vec![(0, 0)], ..FileReport::default() };
        Ok(Some(ReadFile { batch: collector.drain()?, tally, number, bytes, file }))
    }
}

/// What was read of one file.
pub struct ReadFile {
    /// Events.
    pub batch: Batch,
    /// What became of its rows.
    pub tally: Tally,
    /// The number its events have.
    pub number: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Where its lines begin.
    pub file: FileReport,
}

fn stamp(file: &Known) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(&file.path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// A new event is read within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
