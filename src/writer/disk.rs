//! Changes the file system, one step at a time.
//!
//! Everything that creates, renames, links or removes goes through [`Disk`], so
//! that a test can stop the program before each single step, as a crash would,
//! and see what the next run makes of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// The file system with a fuse. Clones share the fuse.
#[derive(Clone, Debug)]
pub struct Disk {
    steps_left: Arc<AtomicU64>,
}

impl Default for Disk {
    /// The file system as it is.
    fn default() -> Disk {
        Disk::failing_after(u64::MAX)
    }
}

impl Disk {
    /// A file system that takes `n_steps` changes and then refuses all others, for tests.
    pub fn failing_after(n_steps: u64) -> Disk {
        Disk { steps_left: Arc::new(AtomicU64::new(n_steps)) }
    }

    pub(super) fn create_dirs(&self, path: &Path) -> Result<(), Error> {
        if path.is_dir() {
            return Ok(());
        }
        self.step().and_then(|()| fs::create_dir_all(path)).map_err(|source| Error::write(path, source))
    }

    pub(super) fn create_file(&self, path: &Path) -> Result<File, Error> {
        self.step().and_then(|()| File::create(path)).map_err(|source| Error::write(path, source))
    }

    /// Makes a file's content durable. A failure is final: after a failed fsync the content is unknown.
    pub(super) fn sync_file(&self, file: &File, path: &Path) -> Result<(), Error> {
        self.step().and_then(|()| file.sync_all()).map_err(|source| Error::write(path, source))
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_dir(&self, path: &Path) -> Result<(), Error> {
        let sync = || File::open(path)?.sync_all();
        self.step().and_then(|()| sync()).map_err(|source| Error::write(path, source))
    }

    /// Writes a whole file and makes its content durable.
    pub(super) fn write_file(&self, path: &Path, content: &[u8]) -> Result<(), Error> {
        let mut file = self.create_file(path)?;
        let half = content.len() / 2;
        let write = |file: &mut File| {
            file.write_all(&content[..half])?;
            self.step()?;
            file.write_all(&content[half..])
        };
        write(&mut file).map_err(|source| Error::write(path, source))?;
        self.sync_file(&file, path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        self.step().and_then(|()| fs::rename(from, to)).map_err(|source| Error::write(to, source))
    }

    /// Gives a file a second name. The `io::Error` tells apart a name that is taken.
    pub(super) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::hard_link(from, to)
    }

    pub(super) fn symlink(&self, target: &Path, path: &Path) -> Result<(), Error> {
        let link = || std::os::unix::fs::symlink(target, path);
        self.step().and_then(|()| link()).map_err(|source| Error::write(path, source))
    }

    pub(super) fn remove_file(&self, path: &Path) -> Result<(), Error> {
        self.step().and_then(|()| fs::remove_file(path)).map_err(|source| Error::write(path, source))
    }

    /// Removes a directory with all that is in it; does nothing when there is none.
    pub(super) fn remove_dir(&self, path: &Path) -> Result<(), Error> {
        if !path.exists() {
            return Ok(());
        }
        self.step().and_then(|()| fs::remove_dir_all(path)).map_err(|source| Error::write(path, source))
    }

    fn step(&self) -> io::Result<()> {
        let take = |left: u64| left.checked_sub(1);
        match self.steps_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("stopped by the test's fuse")),
        }
    }
}
