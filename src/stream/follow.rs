//! Follows files and directories: new lines, new files, files that were renamed or written anew.
//!
//! Several files are read in the order of the time they have come to, so that a year of them takes no more
//! memory than a day.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::piece::Piece;
use super::tail::{Tail, begins};
use crate::archive::{Plan, ReadOptions};
use crate::error::Error;
use crate::state::Position;
use crate::time::{Millis, Timestamp};

/// The files of a stream.
pub struct Follower {
    inputs: Vec<String>,
    /// Read what is there and end.
    once: bool,
    options: ReadOptions,
    tails: Vec<Tail>,
    /// Positions of files that are not followed now: left by an earlier process, or gone.
    known: Vec<Position>,
    scanned: Option<Instant>,
    looked: Option<Instant>,
    /// The file read last.
    current: Option<usize>,
}

impl Follower {
    /// Begins to follow `inputs`, each a file, a directory or a glob, where `known` says they were left.
    ///
    /// # Errors
    ///
    /// An input that matches nothing, a file that cannot be read.
    pub fn new(
        inputs: &[String],
        once: bool,
        options: &ReadOptions,
        known: Vec<Position>,
    ) -> Result<Follower, Error> {
        let mut follower = Follower {
            inputs: inputs.to_vec(),
            once,
            options: options.clone(),
            tails: Vec::new(),
            known,
            scanned: None,
            looked: None,
            current: None,
        };
        let plan = Plan::new(inputs)?;
        follower.take_plan(&plan)?;
        follower.find_renamed()?;
        follower.look()?;
        Ok(follower)
    }

    /// Reads on in the file that has come least far. None when there is nothing to read now.
    ///
    /// # Errors
    ///
    /// A file cannot be read. Going on without it would decide as if its messages had not been sent.
    pub fn next(&mut self) -> Result<Option<Piece>, Error> {
        self.look_around()?;
        while let Some(index) = self.least_far() {
            self.current = Some(index);
            let tail = &mut self.tails[index];
            match tail.read(self.once, &self.options) {
                Ok(None) if self.once => {}
                Ok(piece) => return Ok(piece),
                Err(error) => return self.without(index, error).map(|()| None),
            }
        }
        Ok(None)
    }

    /// Passes over the first `bytes` of a file of which nothing is known: a run has read them.
    pub fn pass(&mut self, path: &Path, bytes: u64) {
        if let Some(tail) = self.tails.iter_mut().find(|tail| tail.is_untouched() && tail.is_at(path)) {
            tail.pass(bytes, &self.options);
        }
    }

    /// Notes that the records of the piece handed out last have come to `newest`.
    pub fn note(&mut self, newest: Option<Timestamp>) {
        if let Some(tail) = self.current.and_then(|index| self.tails.get_mut(index)) {
            tail.clock = tail.clock.max(newest);
        }
    }

    /// Returns from where on nothing may be decided yet: some file that is not read to its end has not come
    /// so far.
    pub fn hold(&self, lateness: Millis) -> Option<Timestamp> {
        let behind = self.tails.iter().filter(|tail| tail.is_behind(self.once));
        behind.map(|tail| tail.clock.unwrap_or(Timestamp::MIN).minus(lateness)).min()
    }

    /// Returns whether all is read and nothing more is to come.
    pub fn has_ended(&self) -> bool {
        self.once && self.tails.iter().all(|tail| !tail.has_more(true))
    }

    /// Says how far each file was read.
    pub fn positions(&self) -> Vec<Position> {
        let gone = self.known.iter().rev().take(MOST_GONE).cloned();
        self.tails.iter().map(Tail::position).chain(gone).collect()
    }

    /// Returns how many files are followed.
    pub fn files(&self) -> usize {
        self.tails.len()
    }

    fn least_far(&self) -> Option<usize> {
        let more = self.tails.iter().enumerate().filter(|(_, tail)| tail.has_more(self.once));
        more.min_by_key(|(_, tail)| tail.clock).map(|(index, _)| index)
    }

    /// Looks at the files followed every few milliseconds, less often when there are many, and for new ones
    /// every second.
    fn look_around(&mut self) -> Result<(), Error> {
        let pause = LOOK_EVERY + COST_OF_LOOK * u32::try_from(self.tails.len()).unwrap_or(u32::MAX);
        if self.once || self.looked.is_some_and(|looked| looked.elapsed() < pause) {
            return Ok(());
        }
        if self.scanned.is_none_or(|scanned| scanned.elapsed() >= SCAN_EVERY) {
            // An input that matches nothing for the moment is one that was just renamed.
            if let Ok(plan) = Plan::new(&self.inputs) {
                self.take_plan(&plan)?;
            }
        }
        self.look()
    }

    fn look(&mut self) -> Result<(), Error> {
        self.looked = Some(Instant::now());
        for index in (0..self.tails.len()).rev() {
            match self.tails[index].look() {
                Ok(true) => {}
                Ok(false) => self.begin_anew(index)?,
                Err(error) => self.without(index, error)?,
            }
        }
        if self.tails.len() > MOST_OPEN {
            self.tails.iter_mut().for_each(Tail::rest);
        }
        Ok(())
    }

    /// Begins to follow what is new and finds again what was renamed.
    fn take_plan(&mut self, plan: &Plan) -> Result<(), Error> {
        self.scanned = Some(Instant::now());
        let followed = self.tails.iter().enumerate().map(|(index, tail)| (tail.identity().node, index));
        let mut missing: BTreeMap<Node, usize> = followed.collect();
        let mut fresh = Vec::new();
        // What could not be looked at is tried once more: its messages may not be missing.
        let unreadable = plan.skipped().iter().filter(|(_, why)| *why == "unreadable").map(|(path, _)| path);
        let files = plan.files().iter().filter(|file| !file.is_stdin()).map(|file| &file.path);
        for path in files.chain(unreadable) {
            let Some(node) = if_there(path, node_of(path))? else { continue };
            match missing.remove(&node) {
                Some(index) => self.tails[index].rename(path),
                None => fresh.push(path),
            }
        }
        let mut gone: Vec<usize> =
            missing.into_values().filter(|index| self.tails[*index].is_read()).collect();
        gone.sort_unstable_by_key(|index| std::cmp::Reverse(*index));
        gone.into_iter().for_each(|index| self.let_go(index));
        fresh.into_iter().try_for_each(|path| self.begin(path))
    }

    /// Begins to follow a file, unless it is gone by now or empty.
    fn begin(&mut self, path: &Path) -> Result<(), Error> {
        let known = if_there(path, self.position_of(path))?.flatten();
        let tail = if_there(path, Tail::open(path, known.as_ref(), &self.options))?.flatten();
        self.tails.extend(tail);
        Ok(())
    }

    /// The file was cut, or another one was written in its place.
    fn begin_anew(&mut self, index: usize) -> Result<(), Error> {
        let tail = self.tails.remove(index);
        let path = tail.position().path;
        tracing::warn!(path = %path.display(), "was written anew; reading it from its beginning");
        match if_there(&path, Tail::open(&path, None, &self.options))?.flatten() {
            Some(mut tail) => {
                if_there(&path, tail.look())?;
                self.tails.push(tail);
            }
            None => self.scanned = None,
        }
        self.current = None;
        Ok(())
    }

    fn let_go(&mut self, index: usize) {
        let tail = self.tails.remove(index);
        self.known.push(tail.position());
        self.current = None;
    }

    /// Goes on without a file that was removed after it was read, when nobody holds it open; else that it cannot be
    /// read is an error.
    fn without(&mut self, index: usize, error: io::Error) -> Result<(), Error> {
        let path = self.tails[index].position().path;
        if_there::<()>(&path, Err(error))?;
        self.let_go(index);
        Ok(())
    }

    /// Takes out the position at which the file at `path` was left, under this name or another.
    fn position_of(&mut self, path: &Path) -> io::Result<Option<Position>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let node = (metadata.dev(), metadata.ino());
        let may_be = |known: &Position| {
            known.file.node == node && known.offset <= metadata.len() || known.path == path
        };
        let mut same: Option<&Position> = None;
        for known in self.known.iter().filter(|known| may_be(known)) {
            if begins(&known.file, &file)?
                && same.is_none_or(|same| same.file.node != node || known.file.node == node)
            {
                same = Some(known);
            }
        }
        let same = same.cloned();
        self.known.retain(|known| Some(known) != same.as_ref());
        Ok(same)
    }

    /// Finds files that were renamed while nobody followed them, beside where they were.
    fn find_renamed(&mut self) -> Result<(), Error> {
        let mut listed: BTreeMap<PathBuf, BTreeMap<Node, PathBuf>> = BTreeMap::new();
        for known in self.known.clone() {
            let directory = directory_of(&known.path).to_owned();
            if !listed.contains_key(&directory) {
                let nodes = if_there(&directory, nodes_in(&directory))?.unwrap_or_default();
                listed.insert(directory.clone(), nodes);
            }
            let Some(path) = listed[&directory].get(&known.file.node) else { continue };
            let metadata = if_there(path, fs::metadata(path))?;
            if metadata.is_some_and(|metadata| metadata.len() > known.offset) {
                self.begin(&path.clone())?;
            }
        }
        Ok(())
    }
}

/// Device and inode.
type Node = (u64, u64);

/// Returns none when there is no file at `path` any more: it is found again under its new name, if it has one.
fn if_there<T>(path: &Path, found: io::Result<T>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(path, error)),
    }
}

fn node_of(path: &Path) -> io::Result<Node> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn nodes_in(directory: &Path) -> io::Result<BTreeMap<Node, PathBuf>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    // What was removed or points nowhere has no number.
    let nodes = entries.iter().filter_map(|entry| Some((node_of(&entry.path()).ok()?, entry.path())));
    Ok(nodes.collect())
}

/// A line that was written is read within this time.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looking at one file takes less.
const COST_OF_LOOK: Duration = Duration::from_micros(20);

/// A new file is found within this time.
const SCAN_EVERY: Duration = Duration::from_secs(1);

/// Files kept open although all of them was read.
const MOST_OPEN: usize = 256;

/// Positions of files that are gone and may come back.
const MOST_GONE: usize = 1_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests stop at the first surprise")]

    use super::*;

    /// A directory cannot be read as a file: an error such as a disk reports.
    fn unreadable(place: &Path) -> PathBuf {
        let path = place.join("unreadable");
        fs::create_dir(&path).unwrap();
        path
    }

    fn follow(path: &Path) -> Follower {
        fs::write(path, "{}\n").unwrap();
        let inputs = [path.to_str().unwrap().to_owned()];
        Follower::new(&inputs, true, &ReadOptions::default(), Vec::new()).unwrap()
    }

    #[test]
    fn a_file_that_cannot_be_opened_stops_a_stream_and_one_that_is_gone_does_not() {
        let place = tempfile::tempdir().unwrap();
        let mut follower = follow(&place.path().join("a.jsonl"));
        assert!(follower.begin(&unreadable(place.path())).is_err());
        assert!(follower.begin(&place.path().join("gone")).is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_read_on_stops_a_stream_and_one_that_is_gone_does_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.jsonl");
        for (n_left, instead) in [(1, unreadable(place.path())), (0, place.path().join("gone"))] {
            let mut follower = follow(&path);
            assert!(follower.next().unwrap().is_some());
            follower.tails[0].rest();
            follower.tails[0].rename(&instead);
            assert_eq!(follower.look().is_err(), n_left == 1);
            assert_eq!(follower.tails.len(), n_left);
        }
    }
}
