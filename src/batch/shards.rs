//! Byte buffers by shard that move to disk when memory runs short.
//!
//! Writers append whole entries from many threads, each through its [`Outbox`]; when all are
//! done, each shard is read back once. Memory stays near the budget however long the
//! archive: beyond it a shard's chunks are appended to its own scratch file.
//! The order of entries within a shard is not kept; whoever reads one sorts it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;

/// A fixed number of append-only byte buffers.
pub struct Shards {
    shards: Vec<Mutex<Shard>>,
    in_memory: AtomicUsize,
    budget: usize,
    directory: PathBuf,
    name: &'static str,
}

#[derive(Default)]
struct Shard {
    chunks: Vec<Vec<u8>>,
    bytes: usize,
    spilled: Option<File>,
}

impl Shards {
    /// Makes `n` empty shards that spill to files `name-<shard>` in `directory`
    /// (which must exist by then) once they hold more than `budget` bytes together.
    pub fn new(n: usize, budget: usize, directory: &Path, name: &'static str) -> Shards {
        Shards {
            shards: (0..n).map(|_| Mutex::default()).collect(),
            in_memory: AtomicUsize::new(0),
            budget,
            directory: directory.to_owned(),
            name,
        }
    }

    /// Returns the number of shards.
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Appends a chunk of whole entries to shard `index`.
    ///
    /// # Errors
    ///
    /// When the shard had to move to disk and could not.
    pub fn append(&self, index: usize, chunk: Vec<u8>) -> Result<(), Error> {
        let len = chunk.len();
        let mut shard = self.shards[index].lock().expect("no writer panics while it holds a shard");
        shard.bytes += len;
        shard.chunks.push(chunk);
        let held = self.in_memory.fetch_add(len, Ordering::Relaxed) + len;
        if held > self.budget && shard.bytes >= SMALLEST_SPILL {
            let moved = shard.spill(&self.path(index))?;
            self.in_memory.fetch_sub(moved, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Puts back what was taken out of shard `index`.
    ///
    /// # Errors
    ///
    /// As those of [`Shards::append`].
    pub fn put_back(&self, index: usize, chunks: Vec<Vec<u8>>) -> Result<(), Error> {
        chunks.into_iter().try_for_each(|chunk| self.append(index, chunk))
    }

    /// Takes everything out of shard `index`: chunks of whole entries.
    ///
    /// # Errors
    ///
    /// When the scratch file cannot be read.
    pub fn take(&self, index: usize) -> Result<Vec<Vec<u8>>, Error> {
        let mut shard = self.shards[index].lock().expect("no writer panics while it holds a shard");
        let path = self.path(index);
        let mut chunks = std::mem::take(&mut shard.chunks);
        if let Some(mut file) = shard.spilled.take() {
            let mut spilled = Vec::new();
            file.seek(SeekFrom::Start(0)).map_err(|error| Error::read(&path, error))?;
            file.read_to_end(&mut spilled).map_err(|error| Error::read(&path, error))?;
            std::fs::remove_file(&path).map_err(|error| Error::write(&path, error))?;
            chunks.push(spilled);
        }
        self.in_memory.fetch_sub(std::mem::take(&mut shard.bytes), Ordering::Relaxed);
        Ok(chunks)
    }

    fn path(&self, index: usize) -> PathBuf {
        self.directory.join(format!("{}-{index:04}", self.name))
    }
}

impl Shard {
    fn spill(&mut self, path: &Path) -> Result<usize, Error> {
        if self.spilled.is_none() {
            let file = File::options().create(true).truncate(true).read(true).write(true).open(path);
            self.spilled = Some(file.map_err(|error| Error::write(path, error))?);
        }
        let file = self.spilled.as_mut().expect("just opened");
        for chunk in self.chunks.drain(..) {
            file.write_all(&chunk).map_err(|error| Error::write(path, error))?;
        }
        Ok(std::mem::take(&mut self.bytes))
    }
}

/// One writer's way into the shards: it fills chunks by itself and hands over whole ones, so that
/// writers hardly meet and nothing is copied.
pub struct Outbox {
    chunks: Vec<Vec<u8>>,
}

impl Outbox {
    /// Makes an empty outbox for `n` shards.
    pub fn new(n: usize) -> Outbox {
        Outbox { chunks: vec![Vec::new(); n] }
    }

    /// Has `write` append one entry for shard `index`; hands the chunk over when it is full.
    ///
    /// # Errors
    ///
    /// When the shard had to move to disk and could not.
    pub fn put(
        &mut self,
        shards: &Shards,
        index: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        let chunk = &mut self.chunks[index];
        if chunk.capacity() == 0 {
            chunk.reserve_exact(CHUNK);
        }
        write(chunk);
        if chunk.len() < CHUNK - ROOM_FOR_ONE {
            return Ok(());
        }
        shards.append(index, std::mem::take(chunk))
    }

    /// Hands over what is left.
    ///
    /// # Errors
    ///
    /// When a shard had to move to disk and could not.
    pub fn empty(&mut self, shards: &Shards) -> Result<(), Error> {
        let mut left = self.chunks.iter_mut().enumerate().filter(|(_, chunk)| !chunk.is_empty());
        left.try_for_each(|(index, chunk)| shards.append(index, std::mem::take(chunk)))
    }
}

/// Size of a chunk in bytes. Each writer holds one for each shard.
const CHUNK: usize = 16 << 10;

/// A chunk with less room than this is full: most entries are smaller, and a larger one makes its
/// chunk grow.
const ROOM_FOR_ONE: usize = 512;

/// Fewer bytes than this are not worth a write.
const SMALLEST_SPILL: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(chunks: Vec<Vec<u8>>) -> Vec<u8> {
        let mut bytes = chunks.concat();
        bytes.sort_unstable();
        bytes
    }

    #[test]
    fn what_is_appended_is_taken_whether_it_spilled_or_not() {
        for budget in [usize::MAX, 0] {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let shards = Shards::new(2, budget, directory.path(), "test");
            let (mut outbox, mut expected) = (Outbox::new(2), Vec::new());
            for i in 0..40_u8 {
                let piece = vec![i; if i % 2 == 0 { 40_000 } else { 300 }];
                outbox.put(&shards, 1, |chunk| chunk.extend_from_slice(&piece)).expect("space");
                expected.extend_from_slice(&piece);
            }
            outbox.empty(&shards).expect("space");
            let spilled = std::fs::read_dir(directory.path()).expect("a directory").count();
            assert_eq!(spilled, usize::from(budget == 0));
            assert_eq!(sorted(shards.take(1).expect("readable")), expected);
            assert!(shards.take(1).expect("readable").is_empty());
            assert!(shards.take(0).expect("readable").is_empty());
            assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
        }
    }
}
