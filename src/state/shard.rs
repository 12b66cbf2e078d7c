//! The shards of a commit: stacks of layers of which the newest row counts.

use std::iter::Peekable;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::time::Timestamp;
use crate::writer::{FileEntry, Staging, StateFile, take_folded};

use super::N_SHARDS;
use super::index::Index;
use super::layer::{Layer, StoredHistory, write_layer};

/// Reads the histories of one commit.
#[derive(Clone, Debug)]
pub struct Reader {
    root: PathBuf,
    /// By shard: its layers, the oldest first.
    layers: Vec<Vec<FileEntry>>,
}

/// One shard, open for reading: its layers, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    layers: Vec<(Layer, Index)>,
}

/// Returns the shard that a history belongs to.
pub fn shard_of(hash: u128) -> usize {
    (hash >> (128 - N_SHARDS.ilog2())) as usize
}

impl Reader {
    /// Prepares to read the commit with the state files `state` under the output directory `root`.
    pub fn open(root: &Path, state: &[FileEntry]) -> Reader {
        let of =
            |shard: usize| state.iter().filter(|file| file.state_part() == part(shard)).cloned().collect();
        Reader { root: root.to_owned(), layers: (0..N_SHARDS).map(of).collect() }
    }

    /// Returns the layers of a shard, the oldest first.
    pub fn layers(&self, shard: usize) -> &[FileEntry] {
        &self.layers[shard]
    }

    /// Opens a shard: reads hash and dues of its histories.
    ///
    /// # Errors
    ///
    /// Returns an error when a layer cannot be read.
    pub fn shard(&self, shard: usize) -> Result<Shard, Error> {
        let open = |file: &FileEntry| {
            let layer = Layer::open(&self.root.join(&file.path))?;
            layer.index().map(|index| (layer, index))
        };
        Ok(Shard { layers: self.layers[shard].iter().map(open).collect::<Result<_, _>>()? })
    }

    /// Returns one history.
    ///
    /// # Errors
    ///
    /// Returns an error when a layer cannot be read.
    pub fn find(&self, hash: u128) -> Result<Option<StoredHistory>, Error> {
        Ok(self.shard(shard_of(hash))?.load(&[hash])?.pop())
    }
}

impl Shard {
    /// Returns the hashes of all histories, in order.
    pub fn hashes(&self) -> Vec<u128> {
        let mut all: Vec<u128> = self.layers.iter().flat_map(|(_, index)| index.all()).collect();
        // Each layer is in order: a stable sort merges them.
        all.sort();
        all.dedup();
        all
    }

    /// Returns the histories in which something happens until `to` without an event, in order of hashes.
    pub fn due(&self, to: Timestamp) -> Vec<u128> {
        self.newest(|index| index.due(to))
    }

    /// Returns the histories that a rule over the whole population remembers, in order of hashes.
    pub fn ranked(&self) -> Vec<u128> {
        self.newest(|index| index.ranked())
    }

    /// Returns the hash of the history that has `upper` for the upper half of it.
    pub fn with_upper_half(&self, upper: u64) -> Option<u128> {
        let found =
            self.layers.iter().filter_map(|(_, index)| index.at_or_after(u128::from(upper) << 64)).min()?;
        ((found >> 64) as u64 == upper).then_some(found)
    }

    /// Returns, in order, those that `choose` takes from each layer where no newer layer has the history.
    fn newest<'s, I: Iterator<Item = u128>>(&'s self, choose: impl Fn(&'s Index) -> I) -> Vec<u128> {
        let mut chosen = Vec::new();
        for (number, (_, index)) in self.layers.iter().enumerate() {
            let newer = &self.layers[number + 1..];
            let counts = |hash: &u128| newer.iter().all(|(_, index)| index.row_of(*hash).is_none());
            chosen.extend(choose(index).filter(counts));
        }
        chosen.sort_unstable();
        chosen
    }

    /// Reads the histories with the given hashes, which ascend; what is not there is left out.
    ///
    /// # Errors
    ///
    /// Returns an error when a layer cannot be read.
    pub fn load(&self, hashes: &[u128]) -> Result<Vec<StoredHistory>, Error> {
        let mut wanted: Vec<Vec<u32>> = vec![Vec::new(); self.layers.len()];
        for hash in hashes {
            // The newest layer that has it counts.
            let found = self.layers.iter().map(|(_, index)| index.row_of(*hash)).enumerate();
            if let Some((layer, row)) = found.rev().find_map(|(layer, row)| Some((layer, row?))) {
                wanted[layer].push(row);
            }
        }
        let mut found = Vec::with_capacity(hashes.len());
        for ((layer, index), rows) in self.layers.iter().zip(wanted).filter(|(_, rows)| !rows.is_empty()) {
            for row in layer.read(&rows, index)? {
                found.push(row?);
            }
        }
        found.sort_unstable_by_key(|row| row.hash);
        Ok(found)
    }
}

/// Writes the histories of a shard that changed, in order of hashes, as its newest layer; folds in
/// the layers that are not much larger. Returns the layers that stay and the new one.
///
/// # Errors
///
/// Returns an error when a layer cannot be read or the file cannot be written.
pub fn write_shard(
    reader: &Reader,
    shard: usize,
    changed: Vec<StoredHistory>,
    staging: &Staging,
) -> Result<(Vec<FileEntry>, Option<StateFile>), Error> {
    let mut stay = reader.layers(shard).to_vec();
    if changed.is_empty() {
        return Ok((stay, None));
    }
    let folded = take_folded(&mut stay, changed.len() as u64, |file| Some(file.rows));
    let mut sources: Vec<Source> = vec![(Box::new(changed.into_iter().map(Ok)) as Rows).peekable()];
    for file in folded.iter().rev() {
        let rows: Rows = Box::new(Layer::open(&reader.root.join(&file.path))?.scan()?);
        sources.push(rows.peekable());
    }
    let file = write_layer(staging, &part(shard), Merge { sources })?;
    Ok((stay, Some(file)))
}

type Rows = Box<dyn Iterator<Item = Result<StoredHistory, Error>>>;
type Source = Peekable<Rows>;

/// Rows of several layers in order of hashes, of equal ones the first source's.
struct Merge {
    /// The newest first.
    sources: Vec<Source>,
}

impl Iterator for Merge {
    type Item = Result<StoredHistory, Error>;

    fn next(&mut self) -> Option<Result<StoredHistory, Error>> {
        let mut lowest = None;
        for source in &mut self.sources {
            match source.peek() {
                Some(Ok(row)) => lowest = Some(lowest.map_or(row.hash, |known: u128| known.min(row.hash))),
                Some(Err(_)) => return source.next(),
                None => {}
            }
        }
        let hash = lowest?;
        let mut rows = self
            .sources
            .iter_mut()
            .filter_map(|source| source.next_if(|row| row.as_ref().is_ok_and(|row| row.hash == hash)));
        let newest = rows.next();
        rows.for_each(drop);
        newest
    }
}

/// The directory of a shard.
fn part(shard: usize) -> String {
    format!("{shard:02}")
}
