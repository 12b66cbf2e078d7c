//! One file that may still grow: knows it again under another name, and what of it was read.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::lines::LineBuffer;
use super::piece::Piece;
use crate::archive::{self, Chunk, Compression, ReadOptions, Record, RecordFault, Sequence, Shape};
use crate::state::{FileIdentity, Position};
use crate::time::Timestamp;

/// A file that is followed.
pub struct Tail {
    path: Arc<Path>,
    identity: FileIdentity,
    /// Open while it is written to, so that what is renamed or removed is read to its end.
    file: Option<File>,
    content: Content,
    /// Its size and the time it was written when it was looked at last, and since when they are the same.
    size: u64,
    written: Option<SystemTime>,
    since: Instant,
    /// How far its records have come; before the first was read, where they begin.
    pub clock: Option<Timestamp>,
}

enum Content {
    /// It grows by lines.
    Lines(LineBuffer),
    /// It is read when it is finished.
    Whole { taken: u64, lines: u64, sequence: Option<Box<Sequence<'static>>>, done: bool },
}

impl Tail {
    /// Begins to follow the file at `path`, where `known` says it was left. None while it is empty: what it
    /// is cannot be told yet.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open(path: &Path, known: Option<&Position>, options: &ReadOptions) -> io::Result<Option<Tail>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut start = vec![0; LOOK_BYTES.min(metadata.len() as usize)];
        let look = read_at(&file, &mut start, 0)?;
        start.truncate(look);
        if start.is_empty() {
            return Ok(None);
        }
        let identity = identity_of(&file, &metadata)?;
        let (offset, lines) = known.map_or((0, 0), |known| (known.offset, known.lines));
        let is_whole = look as u64 == metadata.len();
        let content = match is_lines(&start, is_whole, options) {
            true => Content::Lines(LineBuffer::new(offset, lines, options.max_record_bytes)),
            false => Content::Whole { taken: offset, lines, sequence: None, done: false },
        };
        let clock = first_time(&start, options);
        let (path, file) = (path.into(), Some(file));
        Ok(Some(Tail { path, identity, file, content, size: 0, written: None, since: Instant::now(), clock }))
    }

    /// Looks whether there is more. Returns false when the file was cut or written anew: what it holds now is
    /// another file.
    ///
    /// # Errors
    ///
    /// The file cannot be looked at.
    pub fn look(&mut self) -> io::Result<bool> {
        let metadata = match &self.file {
            Some(file) => file.metadata()?,
            None => std::fs::metadata(&self.path)?,
        };
        let (size, written) = (metadata.len(), metadata.modified().ok());
        if (size, written) == (self.size, self.written) {
            return Ok(true);
        }
        (self.size, self.written, self.since) = (size, written, Instant::now());
        if size < self.read_to() {
            return Ok(false);
        }
        let identity = self.identity.clone();
        begins(&identity, self.open_file()?)
    }

    /// Gives the file back to the system until it grows, when all of it was read.
    pub fn rest(&mut self) {
        if self.is_read() {
            self.file = None;
        }
    }

    /// Returns whether all that is there was read.
    pub fn is_read(&self) -> bool {
        match &self.content {
            Content::Lines(buffer) => buffer.read_to() >= self.size,
            Content::Whole { done, .. } => *done,
        }
    }

    fn open_file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.path)?);
        }
        Ok(self.file.as_ref().expect("just opened"))
    }

    /// Returns whether there is something to read now. `ended`: nobody writes any more.
    pub fn has_more(&self, ended: bool) -> bool {
        match &self.content {
            Content::Lines(buffer) => {
                self.size > buffer.read_to() || (ended && buffer.given_to().0 < buffer.read_to())
            }
            Content::Whole { done, sequence, .. } => {
                !done && (ended || self.since.elapsed() >= SETTLES_IN || sequence.is_some())
            }
        }
    }

    /// Returns whether there are records of it that wait to be read: what others say meanwhile must wait, too.
    pub fn is_behind(&self, ended: bool) -> bool {
        match &self.content {
            Content::Lines(_) => self.has_more(ended),
            Content::Whole { done, .. } => !done,
        }
    }

    /// Returns whether nobody writes to it any more, as far as can be told.
    fn is_given_up(&self) -> bool {
        self.written.and_then(|written| written.elapsed().ok()).is_some_and(|since| since >= GIVES_UP_IN)
    }

    /// Reads on. None when nothing whole was read.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read(&mut self, ended: bool, options: &ReadOptions) -> io::Result<Option<Piece>> {
        let path = Arc::clone(&self.path);
        let finished = ended || self.is_given_up();
        self.open_file()?;
        match (&mut self.content, &self.file) {
            (Content::Lines(buffer), Some(file)) => {
                let mut bytes = vec![0; READ_BYTES];
                let read = read_at(file, &mut bytes, buffer.read_to())?;
                buffer.push(&bytes[..read]);
                let at_end = ended && buffer.read_to() >= self.size;
                Ok(buffer.take(at_end).map(|lines| Piece::of_lines(path, lines)))
            }
            (Content::Lines(_), None) => Ok(None),
            (Content::Whole { taken, lines, sequence, done }, _) => {
                if sequence.is_none() {
                    *sequence = open_whole(&self.path, finished, options)?.map(Box::new);
                    self.since = Instant::now();
                }
                let Some(open) = sequence else { return Ok(None) };
                let next = if let Shape::Table(_) = open.shape() { None } else { next_chunk(open, *taken) };
                let Some(chunk) = next.or_else(|| refuse_table(open, taken)) else {
                    (*sequence, *done) = (None, true);
                    return Ok(None);
                };
                let piece = Piece::of_chunk(path, *lines, chunk);
                *taken = piece.end();
                *lines += piece.line_feeds();
                Ok(Some(piece))
            }
        }
    }

    /// Says how far the file was read.
    pub fn position(&self) -> Position {
        let (offset, lines) = match &self.content {
            Content::Lines(buffer) => buffer.given_to(),
            Content::Whole { taken, lines, .. } => (*taken, *lines),
        };
        Position { path: self.path.to_path_buf(), file: self.identity.clone(), offset, lines }
    }

    /// Returns whether nothing of it was read.
    pub fn is_untouched(&self) -> bool {
        self.position().offset == 0
    }

    /// Returns whether it is found at `path`.
    pub fn is_at(&self, path: &Path) -> bool {
        &*self.path == path
    }

    /// Passes over its first `bytes`, as stored.
    pub fn pass(&mut self, bytes: u64, options: &ReadOptions) {
        match &mut self.content {
            Content::Lines(buffer) => *buffer = LineBuffer::new(bytes, 0, options.max_record_bytes),
            Content::Whole { done, .. } => *done = true,
        }
    }

    /// Returns which file it is.
    pub fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// Notes under which name the file is found now.
    pub fn rename(&mut self, path: &Path) {
        if &*self.path != path {
            self.path = path.into();
        }
    }

    fn read_to(&self) -> u64 {
        match &self.content {
            Content::Lines(buffer) => buffer.read_to(),
            Content::Whole { .. } => 0,
        }
    }
}

/// Returns the identity of an open file.
///
/// # Errors
///
/// The file cannot be read.
fn identity_of(file: &File, metadata: &Metadata) -> io::Result<FileIdentity> {
    let mut head = vec![0; HEAD_BYTES];
    let read = read_at(file, &mut head, 0)?;
    let head = blake3::hash(&head[..read]).to_hex()[..HEAD_DIGITS].to_owned();
    Ok(FileIdentity { node: (metadata.dev(), metadata.ino()), head_bytes: read as u64, head })
}

/// Returns whether `file` begins as the one with the given identity did.
///
/// # Errors
///
/// The file cannot be read.
pub fn begins(identity: &FileIdentity, file: &File) -> io::Result<bool> {
    let mut head = vec![0; HEAD_BYTES.min(identity.head_bytes as usize)];
    let read = read_at(file, &mut head, 0)?;
    Ok(read == head.len() && blake3::hash(&head).to_hex()[..HEAD_DIGITS] == *identity.head)
}

/// Lines of records that are not packed grow; all else is read when it is finished.
fn is_lines(start: &[u8], whole: bool, options: &ReadOptions) -> bool {
    Compression::of(start) == Compression::None
        && !crate::encoding::is_utf16(start)
        && matches!(Shape::of(start, whole, &options.columns), Shape::Lines | Shape::Empty)
}

/// Returns the time of the first record among the first bytes of a file.
fn first_time(start: &[u8], options: &ReadOptions) -> Option<Timestamp> {
    let mut unpacked = Vec::new();
    let (_, reader) = archive::unpack(start).ok()?;
    // A start of a packed file unpacks to a start of its content and ends in an error.
    let _ = reader.take(LOOK_BYTES as u64).read_to_end(&mut unpacked);
    let line = unpacked.split_inclusive(|byte| *byte == b'\n').next()?;
    let mut first = None;
    archive::decode(line, options, &mut |read| {
        let at = match read.record {
            Ok(Record::Message(message)) => Some(message.at),
            Ok(Record::Recall(recall)) => Some(recall.at),
            Ok(Record::Consent(consent)) => Some(consent.at),
            _ => None,
        };
        first = first.or(at);
    });
    first
}

/// Opens a finished file. None when it is packed and its end is not there yet.
fn open_whole(path: &Path, ended: bool, options: &ReadOptions) -> io::Result<Option<Sequence<'static>>> {
    let (compression, mut packed) = archive::unpack(File::open(path)?)?;
    if compression != Compression::None && !ended && io::copy(&mut packed, &mut io::sink()).is_err() {
        return Ok(None);
    }
    let (_, unpacked) = archive::unpack(File::open(path)?)?;
    Ok(Some(Sequence::new(unpacked, options)))
}

/// Returns the next chunk behind what was taken in before.
fn next_chunk(sequence: &mut Sequence<'static>, taken: u64) -> Option<Chunk> {
    std::iter::from_fn(|| sequence.next_chunk()).find(|chunk| chunk.offset >= taken)
}

/// Says once that a table is not for a stream.
fn refuse_table(sequence: &Sequence<'static>, taken: &mut u64) -> Option<Chunk> {
    let is_table = matches!(sequence.shape(), Shape::Table(_)) && *taken == 0;
    is_table.then(|| {
        *taken = 1;
        let fault = RecordFault::new("stream.table", "a table is read whole: give it to `chattag run`");
        Chunk { offset: 0, bytes: Vec::new(), ranges: Some(Vec::new()), page: None, fault: Some(fault) }
    })
}

/// Reads as much as there is, up to the length of `bytes`.
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], offset + read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    Ok(read)
}

/// A beginning of a file tells it from others.
const HEAD_BYTES: usize = 1 << 10;

/// 128 bits.
const HEAD_DIGITS: usize = 32;

/// Enough to recognise a file by.
const LOOK_BYTES: usize = 16 << 10;

/// A file that is not read by lines is finished when it has not grown for so long.
const SETTLES_IN: Duration = Duration::from_secs(2);

/// A packed file without an end that was not written to for so long is damaged.
const GIVES_UP_IN: Duration = Duration::from_secs(60);

/// What is read at once: enough to decode on all threads, little enough to take turns between files.
const READ_BYTES: usize = 256 << 10;
