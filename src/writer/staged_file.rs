//! A file of the next commit while it is written.
//!
//! The content hash is computed on the way out; the finished file is made durable, read back
//! and compared before it counts.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

use super::commit::Staging;
use super::disk::DiskFile;

/// A file in the staging area, open for writing. It counts and hashes what is written.
#[derive(Debug)]
pub struct StagedFile {
    path: PathBuf,
    file: BufWriter<DiskFile>,
    hash: blake3::Hasher,
    bytes: u64,
}

/// A file that is durable and was read back.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Where it waits to be committed.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Content hash.
    pub blake3: blake3::Hash,
}

impl StagedFile {
    /// Creates the file `name` in the staging area.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be made.
    pub fn create(staging: &Staging, name: &str) -> Result<StagedFile, Error> {
        let path = staging.path().join(name);
        let file = BufWriter::new(staging.disk().create_file(&path)?);
        Ok(StagedFile { path, file, hash: blake3::Hasher::new(), bytes: 0 })
    }

    /// Makes the content durable and checks it.
    ///
    /// # Errors
    ///
    /// Returns an error when the content cannot be written or does not read back as it was written.
    pub fn finish(self) -> Result<Finished, Error> {
        let StagedFile { path, file, hash, bytes } = self;
        file.into_inner().map_err(|error| Error::write(&path, error.into_error()))?.sync()?;
        let blake3 = hash.finalize();
        if hash_of_file(&path)? != blake3 {
            return Err(Error::damaged(&path, "it does not read back as it was written"));
        }
        Ok(Finished { path, bytes, blake3 })
    }
}

impl Write for StagedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n_written = self.file.write(buffer)?;
        self.hash.update(&buffer[..n_written]);
        self.bytes += n_written as u64;
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns the content hash of a file.
///
/// # Errors
///
/// Returns an error when the file cannot be read.
pub fn hash_of_file(path: &Path) -> Result<blake3::Hash, Error> {
    let read = || -> io::Result<blake3::Hash> {
        let mut hash = blake3::Hasher::new();
        hash.update_reader(File::open(path)?)?;
        Ok(hash.finalize())
    };
    read().map_err(|source| Error::read(path, source))
}
