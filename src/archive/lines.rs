//! Loads blocks of a line-delimited file: each alone, in any order.
//!
//! A block owns the records that start in it. A line that does not begin with
//! `{` may be the rest of the record before it (a raw line feed inside a
//! string), so it goes with that record's block, at most to the end of the
//! block after. Which block owns a line depends on the file alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memchr::memchr;

use crate::archive::block::line_at;

/// One block of a file with a fixed size.
pub(crate) struct LineBlock<'f> {
    pub file: &'f File,
    /// Size of the file when the plan was made.
    pub size: u64,
    /// Where the block starts: a multiple of `block_bytes`.
    pub start: u64,
    pub block_bytes: usize,
    pub max_record_bytes: usize,
}

/// Where a loaded block's bytes stand in the buffer.
pub(crate) struct Loaded {
    /// Bytes in the buffer before the block.
    pub lead: usize,
    /// Length of the block itself.
    pub own: usize,
    /// End of what the block's records need: past `own` when the last one goes on.
    pub end: usize,
    /// Where the first record that the block owns starts; `end` when there is none.
    pub first: usize,
}

impl LineBlock<'_> {
    /// Reads the block and what its last record needs into `buffer`.
    pub fn load(&self, buffer: &mut Vec<u8>) -> io::Result<Loaded> {
        let own = self.own_len();
        let lead = usize::from(self.start > 0);
        // Not emptied first: only what the buffer grows by has to be filled with zeros.
        buffer.resize(lead + own, 0);
        self.file.read_exact_at(buffer, self.start - lead as u64)?;
        let own_lines = first_line(buffer, lead);
        let (first, owns_tail) = self.ownership(&buffer[lead..], own_lines)?;
        let end = if first < own { self.extend(buffer, lead, own, owns_tail)? } else { first };
        Ok(Loaded { lead, own, end, first })
    }

    fn own_len(&self) -> usize {
        let left = self.size.saturating_sub(self.start);
        usize::try_from(left).unwrap_or(usize::MAX).min(self.block_bytes)
    }

    /// Appends `len` bytes of the file, fewer at its end.
    fn append(&self, buffer: &mut Vec<u8>, from: u64, len: usize) -> io::Result<()> {
        let len = usize::try_from(self.size.saturating_sub(from)).unwrap_or(usize::MAX).min(len);
        let at = buffer.len();
        buffer.resize(at + len, 0);
        self.file.read_exact_at(&mut buffer[at..], from)
    }

    /// Returns the first line the block owns and whether lines behind the block can be its own too.
    fn ownership(&self, own: &[u8], first: usize) -> io::Result<(usize, bool)> {
        let start = next_start(own, first);
        let stray = stray_line(own, first, start.unwrap_or(own.len()));
        let first = match stray {
            Some(stray) if !self.block_before_has_start()? => stray,
            _ => start.unwrap_or(own.len()),
        };
        Ok((first, start.is_some()))
    }

    /// Looks at the block before; needed only where a block begins in the middle of strange lines.
    fn block_before_has_start(&self) -> io::Result<bool> {
        let Some(start) = self.start.checked_sub(self.block_bytes as u64) else { return Ok(false) };
        let lead = usize::from(start > 0);
        let mut before = Vec::new();
        self.append(&mut before, start - lead as u64, lead + self.block_bytes)?;
        let first = first_line(&before, lead);
        Ok(next_start(&before[lead..], first).is_some())
    }

    /// Reads past the block: the end of its last line, and the lines that may continue its last record.
    fn extend(&self, buffer: &mut Vec<u8>, lead: usize, own: usize, owns_tail: bool) -> io::Result<usize> {
        let mut end = self.line_end(buffer, lead, own)?;
        let limit = own + self.block_bytes;
        while owns_tail && end < limit && self.continues(buffer, lead, end)? {
            end = self.line_end(buffer, lead, end + 1)?;
        }
        Ok(end)
    }

    /// Returns the end of the line that byte `at - 1` of the block is in, with its line feed.
    fn line_end(&self, buffer: &mut Vec<u8>, lead: usize, at: usize) -> io::Result<usize> {
        let mut from = lead + at - 1;
        let most = from + self.max_record_bytes.max(2 * self.block_bytes) + 1;
        loop {
            if let Some(feed) = memchr(b'\n', &buffer[from..]) {
                return Ok(from + feed + 1 - lead);
            }
            from = buffer.len();
            if from >= most || !self.read_on(buffer, lead)? {
                return Ok(buffer.len() - lead);
            }
        }
    }

    /// Returns whether the line at `at` is there and does not start a record.
    fn continues(&self, buffer: &mut Vec<u8>, lead: usize, at: usize) -> io::Result<bool> {
        loop {
            let rest = &buffer[lead + at..];
            if let Some(byte) = rest.iter().find(|byte| !is_blank(**byte)) {
                return Ok(*byte != b'{');
            }
            if !self.read_on(buffer, lead)? {
                return Ok(false);
            }
        }
    }

    /// Appends the next piece of the file; `false` at its end.
    fn read_on(&self, buffer: &mut Vec<u8>, lead: usize) -> io::Result<bool> {
        let from = self.start + (buffer.len() - lead) as u64;
        if from >= self.size {
            return Ok(false);
        }
        self.append(buffer, from, PEEK_BYTES)?;
        Ok(true)
    }
}

/// Returns where the first line that starts in the block starts, in bytes of the block.
fn first_line(buffer: &[u8], lead: usize) -> usize {
    match memchr(b'\n', buffer) {
        _ if lead == 0 => 0,
        Some(feed) => feed + 1 - lead,
        None => buffer.len() - lead,
    }
}

/// Returns the first line at or after `at` that starts a record.
fn next_start(own: &[u8], mut at: usize) -> Option<usize> {
    while let Some(line) = line_at(own, at) {
        if starts_record(&own[line.start..]) {
            return Some(line.start);
        }
        at = line.end + 1;
    }
    None
}

/// Returns the first line from `at` to `end` that is not blank.
fn stray_line(own: &[u8], mut at: usize, end: usize) -> Option<usize> {
    while let Some(line) = line_at(&own[..end], at) {
        if !own[line.clone()].iter().all(|byte| is_blank(*byte)) {
            return Some(line.start);
        }
        at = line.end + 1;
    }
    None
}

/// Returns whether the line at the start of `rest` begins with `{`. A blank rest may go on with one.
pub(crate) fn starts_record(rest: &[u8]) -> bool {
    let letter = rest.iter().find(|byte| !is_blank(**byte));
    letter.is_none_or(|byte| *byte == b'{')
}

/// White space within a line, NUL, and the bytes of a byte order mark.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0 | 0xEF | 0xBB | 0xBF)
}

/// Usually the rest of one record.
const PEEK_BYTES: usize = 64 << 10;
