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
    /// An input that matches nothing.
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
        follower.take_plan(&plan);
        follower.find_renamed();
        follower.look();
        Ok(follower)
    }

    /// Reads on in the file that has come least far. None when there is nothing to read now.
    pub fn next(&mut self) -> Option<Piece> {
        self.look_around();
        while let Some(index) = self.least_far() {
            self.current = Some(index);
            let tail = &mut self.tails[index];
            match tail.read(self.once, &self.options) {
                Ok(Some(piece)) => return Some(piece),
                Ok(None) if !self.once => return None,
                Ok(None) => {}
                Err(error) => self.give_up(index, &error),
            }
        }
        None
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
    fn look_around(&mut self) {
        let pause = LOOK_EVERY + COST_OF_LOOK * u32::try_from(self.tails.len()).unwrap_or(u32::MAX);
        if self.once || self.looked.is_some_and(|looked| looked.elapsed() < pause) {
            return;
        }
        if self.scanned.is_none_or(|scanned| scanned.elapsed() >= SCAN_EVERY) {
            // An input that matches nothing for the moment is one that was just renamed.
            if let Ok(plan) = Plan::new(&self.inputs) {
                self.take_plan(&plan);
            }
        }
        self.look();
    }

    fn look(&mut self) {
        self.looked = Some(Instant::now());
        for index in (0..self.tails.len()).rev() {
            match self.tails[index].look() {
                Ok(true) => {}
                Ok(false) => self.begin_anew(index),
                // Removed after it was read, and nobody holds it open.
                Err(_) => self.let_go(index),
            }
        }
        if self.tails.len() > MOST_OPEN {
            self.tails.iter_mut().for_each(Tail::rest);
        }
    }

    /// Begins to follow what is new and finds again what was renamed.
    fn take_plan(&mut self, plan: &Plan) {
        self.scanned = Some(Instant::now());
        let followed = self.tails.iter().enumerate().map(|(index, tail)| (tail.identity().node, index));
        let mut missing: BTreeMap<Node, usize> = followed.collect();
        let mut fresh = Vec::new();
        for file in plan.files().iter().filter(|file| !file.is_stdin()) {
            match node_of(&file.path).map(|node| missing.remove(&node)) {
                Some(Some(index)) => self.tails[index].rename(&file.path),
                Some(None) => fresh.push(&file.path),
                None => {}
            }
        }
        let mut gone: Vec<usize> =
            missing.into_values().filter(|index| self.tails[*index].is_read()).collect();
        gone.sort_unstable_by_key(|index| std::cmp::Reverse(*index));
        gone.into_iter().for_each(|index| self.let_go(index));
        fresh.into_iter().for_each(|path| self.begin(path));
    }

    fn begin(&mut self, path: &Path) {
        let known = self.position_of(path);
        match Tail::open(path, known.as_ref(), &self.options) {
            Ok(Some(tail)) => self.tails.push(tail),
            Ok(None) => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot be read"),
        }
    }

    /// The file was cut, or another one was written in its place.
    fn begin_anew(&mut self, index: usize) {
        let tail = self.tails.remove(index);
        let path = tail.position().path;
        tracing::warn!(path = %path.display(), "was written anew; reading it from its beginning");
        match Tail::open(&path, None, &self.options) {
            Ok(Some(mut tail)) => {
                let _ = tail.look();
                self.tails.push(tail);
            }
            _ => self.scanned = None,
        }
        self.current = None;
    }

    fn let_go(&mut self, index: usize) {
        let tail = self.tails.remove(index);
        self.known.push(tail.position());
        self.current = None;
    }

    fn give_up(&mut self, index: usize, error: &io::Error) {
        let position = self.tails[index].position();
        tracing::error!(path = %position.path.display(), %error, "cannot be read on");
        self.let_go(index);
    }

    /// Takes out the position at which the file at `path` was left, under this name or another.
    fn position_of(&mut self, path: &Path) -> Option<Position> {
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        let node = (metadata.dev(), metadata.ino());
        let is_same = |known: &&Position| {
            (known.file.node == node && known.offset <= metadata.len() || known.path == path)
                && begins(&known.file, &file).unwrap_or(false)
        };
        let same = self.known.iter().filter(is_same).max_by_key(|known| known.file.node == node).cloned()?;
        self.known.retain(|known| *known != same);
        Some(same)
    }

    /// Finds files that were renamed while nobody followed them, beside where they were.
    fn find_renamed(&mut self) {
        let mut listed: BTreeMap<PathBuf, BTreeMap<Node, PathBuf>> = BTreeMap::new();
        for known in self.known.clone() {
            let directory = directory_of(&known.path).to_owned();
            let files = listed.entry(directory).or_insert_with_key(|directory| nodes_in(directory));
            let Some(path) = files.get(&known.file.node) else { continue };
            if fs::metadata(path).is_ok_and(|metadata| metadata.len() > known.offset) {
                self.begin(path);
            }
        }
    }
}

/// Device and inode.
type Node = (u64, u64);

fn node_of(path: &Path) -> Option<Node> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn nodes_in(directory: &Path) -> BTreeMap<Node, PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((node_of(&entry.path())?, entry.path()))).collect()
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
