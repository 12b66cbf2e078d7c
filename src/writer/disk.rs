//! Changes the file system, one step at a time.
//!
//! Everything that creates, writes, renames, links or removes goes through
//! [`Disk`], so that a test can watch every single step: refuse it, stop the
//! program before it as a crash would, or keep account of what a power cut at
//! that moment would leave (`tests/faults`).

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;

/// The file system. Clones share the watcher.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    watcher: Option<Arc<dyn Watcher>>,
}

/// One change of the file system.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A directory is made.
    CreateDir(&'a Path),
    /// A file is made, or emptied when there is one.
    CreateFile(&'a Path),
    /// Bytes are added to a file.
    Write(&'a Path),
    /// The content of a file is made durable.
    SyncFile(&'a Path),
    /// The names in a directory are made durable.
    SyncDir(&'a Path),
    /// A file or directory takes another name; a file that had it goes.
    Rename {
        /// The old name.
        from: &'a Path,
        /// The new name.
        to: &'a Path,
    },
    /// A file gets a second name.
    Link {
        /// The name it has.
        from: &'a Path,
        /// The name it gets.
        to: &'a Path,
    },
    /// A symbolic link is made.
    Symlink {
        /// Where it points.
        target: &'a Path,
        /// Its name.
        path: &'a Path,
    },
    /// A name of a file is removed.
    RemoveFile(&'a Path),
    /// An empty directory is removed.
    RemoveDir(&'a Path),
    /// Nothing changes: a stage of the run has come to its end.
    Reached(&'static str),
}

/// Sees every step of a [`Disk`]; for tests.
pub trait Watcher: Debug + Send + Sync {
    /// Is called before a step is taken, and may refuse it.
    ///
    /// # Errors
    ///
    /// The error is what the step then ends with.
    fn before(&self, step: Step) -> io::Result<()>;

    /// Is called after a step that went well.
    fn after(&self, step: Step);
}

/// A file that is being written.
#[derive(Debug)]
pub struct DiskFile {
    file: File,
    path: PathBuf,
    disk: Disk,
}

impl Disk {
    /// The file system under the eyes of `watcher`.
    pub fn watched(watcher: Arc<dyn Watcher>) -> Disk {
        Disk { watcher: Some(watcher) }
    }

    /// Makes a directory and those above it.
    pub(super) fn create_dirs(&self, path: &Path) -> Result<(), Error> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.create_dirs(parent)?;
        }
        let made = self.step(Step::CreateDir(path), || fs::create_dir(path));
        made.map_err(|source| Error::write(path, source))
    }

    pub(crate) fn create_file(&self, path: &Path) -> Result<DiskFile, Error> {
        let file = self.step(Step::CreateFile(path), || File::create(path));
        let file = file.map_err(|source| Error::write(path, source))?;
        Ok(DiskFile { file, path: path.to_owned(), disk: self.clone() })
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_dir(&self, path: &Path) -> Result<(), Error> {
        let synced = self.step(Step::SyncDir(path), || File::open(path)?.sync_all());
        synced.map_err(|source| Error::write(path, source))
    }

    /// Writes a whole file and makes its content durable.
    pub(super) fn write_file(&self, path: &Path, content: &[u8]) -> Result<(), Error> {
        let mut file = self.create_file(path)?;
        file.write_all(content).map_err(|source| Error::write(path, source))?;
        file.sync()
    }

    /// Writes a whole file beside its place and moves it there, so that it is never seen half written.
    pub(super) fn replace_file(&self, scratch: &Path, path: &Path, content: &[u8]) -> Result<(), Error> {
        self.write_file(scratch, content)?;
        self.rename(scratch, path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let renamed = self.step(Step::Rename { from, to }, || fs::rename(from, to));
        renamed.map_err(|source| Error::write(to, source))
    }

    /// Gives a file a second name. The `io::Error` tells apart a name that is taken.
    pub(super) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Step::Link { from, to }, || fs::hard_link(from, to))
    }

    pub(super) fn symlink(&self, target: &Path, path: &Path) -> Result<(), Error> {
        let step = Step::Symlink { target, path };
        let linked = self.step(step, || std::os::unix::fs::symlink(target, path));
        linked.map_err(|source| Error::write(path, source))
    }

    pub(super) fn remove_file(&self, path: &Path) -> Result<(), Error> {
        let removed = self.step(Step::RemoveFile(path), || fs::remove_file(path));
        removed.map_err(|source| Error::write(path, source))
    }

    /// Removes a file or a directory with all that is in it; does nothing when there is none.
    pub(super) fn remove_all(&self, path: &Path) -> Result<(), Error> {
        let Ok(kind) = path.symlink_metadata() else { return Ok(()) };
        if !kind.is_dir() {
            return self.remove_file(path);
        }
        for entry in fs::read_dir(path).map_err(|source| Error::read(path, source))? {
            self.remove_all(&entry.map_err(|source| Error::read(path, source))?.path())?;
        }
        let removed = self.step(Step::RemoveDir(path), || fs::remove_dir(path));
        removed.map_err(|source| Error::write(path, source))
    }

    /// Lets a test stop the run at the end of one of its stages.
    pub(crate) fn reach(&self, stage: &'static str) -> Result<(), Error> {
        self.step(Step::Reached(stage), || Ok(())).map_err(|source| Error::write(Path::new(stage), source))
    }

    fn step<T>(&self, step: Step, take: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(watcher) = &self.watcher else { return take() };
        watcher.before(step)?;
        let taken = take()?;
        watcher.after(step);
        Ok(taken)
    }
}

impl DiskFile {
    /// Makes the content durable. A failure is final: after a failed fsync the content is unknown.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let synced = self.disk.step(Step::SyncFile(&self.path), || self.file.sync_all());
        synced.map_err(|source| Error::write(&self.path, source))
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = &mut self.file;
        self.disk.step(Step::Write(&self.path), || file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
