//! Cuts bytes that keep coming into whole lines.
//!
//! What ends without a line feed waits for the rest. So does a last line that is not closed: a raw line
//! feed inside a string cuts a record in two, and its rest comes next.

use memchr::{memchr, memrchr};

use crate::archive::starts_record;

/// Bytes of one input that were not given out yet.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Where `bytes` begins in the input.
    offset: u64,
    /// Line feeds before `bytes`.
    lines: u64,
    longest: usize,
    /// The start of a line that is too long was given out; the rest of it is passed over.
    inside_long_line: bool,
}

/// Whole lines.
#[derive(Debug, Eq, PartialEq)]
pub struct Lines {
    /// Where they begin in the input.
    pub offset: u64,
    /// Line feeds before them.
    pub before: u64,
    /// The lines.
    pub bytes: Vec<u8>,
}

impl LineBuffer {
    /// Begins at `offset`, before which there are `lines` line feeds. A line of more than `longest` bytes
    /// is given out cut.
    pub fn new(offset: u64, lines: u64, longest: usize) -> LineBuffer {
        LineBuffer { bytes: Vec::new(), offset, lines, longest, inside_long_line: false }
    }

    /// Adds what was read next.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.inside_long_line {
            return self.bytes.extend_from_slice(bytes);
        }
        let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
        self.inside_long_line = end == bytes.len();
        self.offset += end as u64;
        self.bytes.extend_from_slice(&bytes[end..]);
    }

    /// Returns the lines that are whole; at the end of the input, all there is.
    pub fn take(&mut self, ended: bool) -> Option<Lines> {
        let end = match memrchr(b'\n', &self.bytes) {
            _ if ended => self.bytes.len(),
            Some(feed) => self.closed(feed + 1),
            None if self.bytes.len() > self.longest => {
                self.inside_long_line = true;
                self.bytes.len()
            }
            None => 0,
        };
        (end > 0).then(|| self.give_out(end))
    }

    /// Returns where the next byte that is read belongs in the input.
    pub fn read_to(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Returns where what was given out ends, and the line feeds before.
    pub fn given_to(&self) -> (u64, u64) {
        (self.offset, self.lines)
    }

    /// Leaves a last record open when its line does not end like one.
    fn closed(&self, end: usize) -> usize {
        let lines = &self.bytes[..end];
        let feeds = memchr::memchr_iter(b'\n', &lines[..end - 1]).rev();
        let mut starts = feeds.map(|feed| feed + 1).chain([0]);
        let last = starts.find(|start| starts_record(&lines[*start..])).unwrap_or(0);
        let record = lines[last..].trim_ascii_end();
        let open = record.first() == Some(&b'{') && !matches!(record.last(), Some(b'}' | b',' | b']' | 0));
        let is_bounded =
            record.len() <= self.longest && memchr::memchr_iter(b'\n', record).count() < MOST_JOINED;
        if open && is_bounded { last } else { end }
    }

    fn give_out(&mut self, end: usize) -> Lines {
        let rest = self.bytes.split_off(end);
        let bytes = std::mem::replace(&mut self.bytes, rest);
        let lines = Lines { offset: self.offset, before: self.lines, bytes };
        self.offset += end as u64;
        self.lines += memchr::memchr_iter(b'\n', &lines.bytes).count() as u64;
        lines
    }
}

/// A text has few line feeds; more lines than this are no one record.
const MOST_JOINED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(pieces: &[&str], longest: usize) -> Vec<String> {
        let mut buffer = LineBuffer::new(0, 0, longest);
        let mut out = Vec::new();
        for piece in pieces {
            buffer.push(piece.as_bytes());
            out.extend(buffer.take(false));
        }
        out.extend(buffer.take(true));
        out.into_iter()
            .map(|lines| format!("{}:{}", lines.before, String::from_utf8_lossy(&lines.bytes)))
            .collect()
    }

    // (pieces that arrive, what is given out, each with the lines before it)
    const CASES: &[(&[&str], &[&str])] = &[
        (&["{1}\n{2", "}\n{3}\n"], &["0:{1}\n", "1:{2}\n{3}\n"]),
        (&["{1}\n{\"a\n", "b\"}\n"], &["0:{1}\n", "1:{\"a\nb\"}\n"]),
        (&["{\"torn\n", "{2}\n"], &["0:{\"torn\n{2}\n"]),
        (&["{1}"], &["0:{1}"]),
        (&["\n\n", "x\n"], &["0:\n\n", "2:x\n"]),
        (&[""], &[]),
    ];

    #[test]
    fn whole_lines_are_given_out_and_the_rest_waits() {
        for (pieces, expected) in CASES {
            assert_eq!(fed(pieces, 100), *expected, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_given_out_cut_and_its_rest_is_passed_over() {
        assert_eq!(fed(&["{12345", "6789", "0}\n{1}\n"], 5), ["0:{12345", "0:\n{1}\n"]);
    }
}
