//! Reads a file in order, in bounded chunks that end between records.
//!
//! For all that cannot be read in independent blocks: compressed files, lists
//! and pages, objects side by side, pipes.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use memchr::{memchr, memrchr_iter};
use serde_json::{Map, Value};

use crate::archive::ReadOptions;
use crate::archive::lines::starts_record;
use crate::archive::record::RecordFault;
use crate::archive::source::Shape;
use crate::archive::splitter::{Splitter, Step};
use crate::archive::table::{Columns, TableKind, unknown_columns};
use crate::encoding::{Transcoder, is_gb18030, is_utf16};

/// Returns whether what begins with `start` is JSON or plain lines in another encoding than UTF-8. Tables are read
/// in the encoding they have.
pub(crate) fn is_foreign(start: &[u8], columns: &Columns) -> bool {
    (is_utf16(start) || is_gb18030(start)) && TableKind::of(start, columns).is_none()
}

/// A file that is being read in order.
pub(crate) struct Sequence<'r> {
    reader: Box<dyn Read + Send + 'r>,
    shape: Shape,
    splitter: Splitter,
    page: Option<Arc<Map<String, Value>>>,
    max_record_bytes: usize,
    buffer: Vec<u8>,
    /// Offset of the buffer in the decompressed file.
    offset: u64,
    ended: bool,
    damage: Option<io::ErrorKind>,
    /// The start of a line that is too long was given out; the rest of it is passed over.
    inside_long_line: bool,
    fault: Option<RecordFault>,
}

/// Whole records.
pub(crate) struct Chunk {
    pub offset: u64,
    pub bytes: Vec<u8>,
    /// The records; `None` means lines.
    pub ranges: Option<Vec<Range<usize>>>,
    pub page: Option<Arc<Map<String, Value>>>,
    /// What is wrong behind the last record.
    pub fault: Option<RecordFault>,
}

impl<'r> Sequence<'r> {
    /// Starts to read; looks at the first bytes to learn the shape.
    pub fn new(reader: Box<dyn Read + Send + 'r>, options: &ReadOptions) -> Sequence<'r> {
        let mut sequence = Sequence {
            reader,
            shape: Shape::Empty,
            splitter: Splitter::default(),
            page: None,
            max_record_bytes: options.max_record_bytes,
            buffer: Vec::new(),
            offset: 0,
            ended: false,
            damage: None,
            inside_long_line: false,
            fault: None,
        };
        sequence.fill(LOOK_BYTES);
        if is_foreign(&sequence.buffer, &options.columns) {
            sequence.transcode();
        }
        sequence.shape = Shape::of(&sequence.buffer, sequence.ended, &options.columns);
        sequence
    }

    /// Reads on as UTF-8 what is written otherwise.
    fn transcode(&mut self) {
        let reader = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        let start = std::mem::take(&mut self.buffer);
        self.reader = Box::new(Transcoder::new(io::Cursor::new(start).chain(reader)));
        self.ended = false;
        self.fill(LOOK_BYTES);
    }

    /// Returns the bytes from the beginning, for a reader of another kind.
    pub fn into_reader(self) -> (Vec<u8>, Box<dyn Read + Send + 'r>) {
        (self.buffer, self.reader)
    }

    /// Returns how the records stand in the file.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Reads on to the next chunk; `None` at the end.
    pub fn next_chunk(&mut self) -> Option<Chunk> {
        let chunk = match self.shape {
            Shape::Foreign(code) => self.refuse(code),
            Shape::Lines | Shape::Empty => self.next_lines(),
            Shape::List | Shape::Page | Shape::Objects => self.next_values(),
            // The rows of a table are read by `rows`.
            Shape::Table(_) => None,
        };
        chunk.or_else(|| self.last_fault())
    }

    /// Gives one fault for a file that is no archive.
    fn refuse(&mut self, code: &'static str) -> Option<Chunk> {
        if self.buffer.is_empty() {
            return None;
        }
        self.fault = Some(match code {
            "format.unknown" => unknown_columns(&self.buffer),
            _ => RecordFault::new(code, "neither JSON records nor a table"),
        });
        self.damage = None;
        self.buffer.clear();
        self.ended = true;
        self.shape = Shape::Empty;
        None
    }

    /// Reports damage once, at the place where it begins.
    fn last_fault(&mut self) -> Option<Chunk> {
        let damaged = self.damage.take().map(|kind| RecordFault::new("file.damaged", damage_text(kind)));
        let fault = self.fault.take().or(damaged)?;
        let page = None;
        Some(Chunk {
            offset: self.offset,
            bytes: Vec::new(),
            ranges: Some(Vec::new()),
            page,
            fault: Some(fault),
        })
    }

    /// Reads until the buffer holds `bytes`, or the file ends.
    fn fill(&mut self, bytes: usize) {
        let wanted = bytes.saturating_sub(self.buffer.len());
        if self.ended || wanted == 0 {
            return;
        }
        match (&mut self.reader).take(wanted as u64).read_to_end(&mut self.buffer) {
            Ok(read) => self.ended = read < wanted,
            Err(error) => {
                self.damage = Some(error.kind());
                self.ended = true;
            }
        }
    }

    fn next_lines(&mut self) -> Option<Chunk> {
        let mut wanted = CHUNK_BYTES;
        loop {
            self.fill(wanted);
            self.pass_long_line();
            if self.buffer.is_empty() && self.ended {
                return None;
            }
            match self.line_cut(wanted) {
                Some(end) => return (end > 0).then(|| self.take(end, None)),
                None => wanted = wanted.saturating_mul(2),
            }
        }
    }

    /// Returns where the buffer can be cut: before the last line that starts a record.
    fn line_cut(&mut self, wanted: usize) -> Option<usize> {
        if self.ended {
            return Some(self.end_of_lines());
        }
        let last =
            memrchr_iter(b'\n', &self.buffer).map(|at| at + 1).find(|at| starts_record(&self.buffer[*at..]));
        match last {
            Some(end) => Some(end),
            None if wanted > self.max_record_bytes.max(CHUNK_BYTES) => Some(self.forced_cut()),
            None => None,
        }
    }

    /// At the end all is taken; of a damaged file all whole lines.
    fn end_of_lines(&mut self) -> usize {
        match self.damage {
            Some(_) => {
                let end = memchr::memrchr(b'\n', &self.buffer).map_or(0, |at| at + 1);
                self.buffer.truncate(end);
                end
            }
            None => self.buffer.len(),
        }
    }

    /// Without a place to cut there is a record too long, or no record at all.
    fn forced_cut(&mut self) -> usize {
        let line_end = memchr::memrchr(b'\n', &self.buffer).map(|at| at + 1);
        self.inside_long_line = line_end.is_none();
        line_end.unwrap_or(self.buffer.len())
    }

    fn pass_long_line(&mut self) {
        while self.inside_long_line && !self.buffer.is_empty() {
            let end = memchr(b'\n', &self.buffer);
            self.inside_long_line = end.is_none() && !self.ended;
            self.drop_front(end.unwrap_or(self.buffer.len()));
            self.fill(CHUNK_BYTES);
        }
    }

    fn drop_front(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
        self.offset += bytes as u64;
    }

    /// Gives out the first `end` bytes and keeps the rest.
    fn take(&mut self, end: usize, ranges: Option<Vec<Range<usize>>>) -> Chunk {
        let rest = self.buffer.split_off(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let offset = self.offset;
        self.offset += end as u64;
        Chunk { offset, bytes, ranges, page: self.page.clone(), fault: None }
    }

    fn next_values(&mut self) -> Option<Chunk> {
        let (mut at, mut ranges, mut wanted) = (0, Vec::new(), CHUNK_BYTES);
        self.fill(wanted);
        while at < CHUNK_BYTES {
            match self.splitter.next(&self.buffer, at) {
                Step::Value(range) => {
                    at = range.end;
                    ranges.push(range);
                }
                Step::Passed(to) => at = to,
                Step::Page(..) if !ranges.is_empty() => break,
                Step::Page(head, depth) => at = self.enter_page(head, depth),
                Step::PageEnd(to) => return Some(self.leave_page(to, ranges)),
                Step::End | Step::Incomplete if !self.ended && self.buffer.len() <= self.longest() => {
                    wanted = wanted.max(self.buffer.len()).saturating_mul(2);
                    self.fill(wanted);
                }
                Step::End => {
                    at = self.buffer.len();
                    self.note_open_list();
                    break;
                }
                Step::Incomplete => {
                    at = self.end_inside_value(at, &mut ranges);
                    break;
                }
            }
        }
        (at > 0).then(|| self.take(at, Some(ranges)))
    }

    fn longest(&self) -> usize {
        self.max_record_bytes.saturating_add(CHUNK_BYTES)
    }

    fn enter_page(&mut self, head: Range<usize>, depth: usize) -> usize {
        let mut closed = self.buffer[head.clone()].to_vec();
        closed.push(b']');
        closed.resize(closed.len() + depth, b'}');
        self.page = serde_json::from_slice(&closed).ok().map(Arc::new);
        self.splitter.enter_page(depth);
        head.end
    }

    fn leave_page(&mut self, end: usize, ranges: Vec<Range<usize>>) -> Chunk {
        let chunk = self.take(end, Some(ranges));
        self.page = None;
        chunk
    }

    fn note_open_list(&mut self) {
        if self.ended && self.damage.is_none() && self.splitter.is_inside() {
            self.fault = Some(RecordFault::new("json.truncated", "the list is not closed"));
            self.splitter = Splitter::default();
        }
    }

    /// The file ends inside a value, or the value is too long: the rest is one record for the decoder to
    /// judge, and reading goes on at the next line that starts a record.
    fn end_inside_value(&mut self, at: usize, ranges: &mut Vec<Range<usize>>) -> usize {
        if self.damage.is_some() {
            self.buffer.truncate(at);
            return at;
        }
        let end = if self.ended { self.buffer.len() } else { resume(&self.buffer, at) };
        let start = crate::archive::splitter::skip_blank(&self.buffer, at);
        if start < end {
            ranges.push(start..end);
        }
        if self.ended {
            self.splitter = Splitter::default();
        }
        end
    }
}

/// Returns the next line that starts a record, or the end.
fn resume(buffer: &[u8], at: usize) -> usize {
    let lines = memchr::memchr_iter(b'\n', &buffer[at..]).map(|end| at + end + 1);
    lines.into_iter().find(|start| starts_record(&buffer[*start..])).unwrap_or(buffer.len())
}

fn damage_text(kind: io::ErrorKind) -> String {
    format!("reading stopped here: {kind}")
}

/// Enough to recognise a file by.
pub(crate) const LOOK_BYTES: usize = 256 << 10;

/// One chunk is decoded while the next is read.
const CHUNK_BYTES: usize = 1 << 20;
