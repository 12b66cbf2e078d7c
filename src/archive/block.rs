//! A stretch of a file, lending its records one by one.

use std::collections::VecDeque;
use std::ops::Range;

use memchr::memchr;
use serde_json::{Map, Value};
use twox_hash::XxHash3_64;

use crate::archive::decrypt::Envelope;
use crate::archive::general::{self, Decoded};
use crate::archive::layers::Layers;
use crate::archive::record::{Read, Record, RecordFault};
use crate::archive::repair::{self, Parsed};
use crate::archive::{ReadOptions, fast};
use crate::message::{Flags, Origin};

/// Records that were read together. Blocks of a run come from many threads, in any order.
pub struct Block<'a> {
    /// Number of the file in the plan.
    pub file: u32,
    /// Where the block starts in the (decompressed) file.
    pub offset: u64,
    bytes: &'a [u8],
    options: &'a ReadOptions,
    cut: Cut<'a>,
    /// The page around the values, when it says something that its messages inherit.
    page: Option<&'a Map<String, Value>>,
    /// The company of records that name none.
    corp: Option<&'a str>,
    cursor: usize,
    /// Line feeds in `bytes[..cursor]`, while records are lines.
    lines_passed: u32,
    /// Line feeds in `bytes[..counted]`.
    lines: u32,
    counted: usize,
    pending: VecDeque<Pending>,
    /// The bytes of the record lent last, when they are not those of the block.
    lent: Vec<u8>,
    records: u64,
}

/// Where records begin and end.
enum Cut<'a> {
    /// At line feeds.
    Lines,
    /// Where the splitter found them.
    Values(std::slice::Iter<'a, Range<usize>>),
}

/// A record that the general path decoded and nobody asked for yet.
struct Pending {
    origin: Origin,
    raw: Raw,
    record: Result<Record<'static>, RecordFault>,
}

enum Raw {
    InBlock(Range<usize>),
    Apart(Vec<u8>),
}

impl<'a> Block<'a> {
    /// A block of lines; those before `first` belong to another block.
    pub(crate) fn of_lines(
        (file, offset): (u32, u64),
        bytes: &'a [u8],
        first: usize,
        options: &'a ReadOptions,
    ) -> Block<'a> {
        Block {
            file,
            offset,
            bytes,
            options,
            cut: Cut::Lines,
            page: None,
            corp: None,
            cursor: first,
            lines_passed: line_feeds(&bytes[..first]),
            lines: 0,
            counted: 0,
            pending: VecDeque::new(),
            lent: Vec::new(),
            records: 0,
        }
    }

    /// A block of values that stand at `ranges`, in a page that says `page`.
    pub(crate) fn of_values(
        place: (u32, u64),
        bytes: &'a [u8],
        ranges: &'a [Range<usize>],
        page: Option<&'a Map<String, Value>>,
        options: &'a ReadOptions,
    ) -> Block<'a> {
        let page = page.filter(|page| general::is_inherited(page));
        Block { cut: Cut::Values(ranges.iter()), page, ..Block::of_lines(place, bytes, 0, options) }
    }

    /// Says whose archive this is, for records that do not.
    pub(crate) fn set_corp(&mut self, corp: Option<&'a str>) {
        self.corp = corp;
    }

    /// Adds a fault at byte `at`; it comes before the records not lent yet.
    pub(crate) fn push_fault(&mut self, at: usize, fault: RecordFault) {
        let origin = self.origin(at);
        self.pending.push_back(Pending { origin, raw: Raw::InBlock(at..at), record: Err(fault) });
    }

    /// Returns how many records were lent.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Lends the next record, in file order; `None` at the end of the block.
    pub fn next_record(&mut self) -> Option<Read<'_>> {
        loop {
            if let Some(pending) = self.pending.pop_front() {
                self.records += 1;
                return Some(self.lend(pending));
            }
            let range = self.next_range()?;
            let raw: &'a [u8] = &self.bytes[range.clone()];
            if raw.len() > self.options.max_record_bytes {
                self.refuse(range);
                continue;
            }
            let quick = if self.page.is_none() { fast::decode(raw, self.options) } else { None };
            let Some(mut record) = quick else {
                self.decode_in_general(range);
                continue;
            };
            if let (Some(corp), Ok(record)) = (self.corp, &mut record) {
                record.fill_corp(corp);
            }
            self.records += 1;
            let origin = self.origin(range.start);
            return Some(Read { origin, raw, content: XxHash3_64::oneshot(raw), record });
        }
    }

    fn lend(&mut self, pending: Pending) -> Read<'_> {
        let raw: &[u8] = match pending.raw {
            Raw::InBlock(range) => &self.bytes[range],
            Raw::Apart(bytes) => {
                self.lent = bytes;
                &self.lent
            }
        };
        Read {
            origin: pending.origin,
            raw,
            content: XxHash3_64::oneshot(raw),
            record: pending.record.map(|record| {
                let mut record = record.lend();
                if let Some(corp) = self.corp {
                    record.fill_corp(corp);
                }
                record
            }),
        }
    }

    /// Returns where the next record stands, without the white space around it.
    fn next_range(&mut self) -> Option<Range<usize>> {
        match &mut self.cut {
            Cut::Values(ranges) => ranges.next().cloned(),
            Cut::Lines => loop {
                let line = line_at(self.bytes, self.cursor)?;
                // Counted as they pass: counting the bytes again costs as much as hashing them.
                (self.lines, self.counted) = (self.lines_passed, line.start);
                self.cursor = line.end + 1;
                self.lines_passed += 1;
                let range = trim(self.bytes, line);
                if !range.is_empty() {
                    return Some(range);
                }
            },
        }
    }

    fn refuse(&mut self, range: Range<usize>) {
        let fault =
            RecordFault::new("record.too_long", format!("more than {} bytes", self.options.max_record_bytes));
        let shown = range.start..range.end.min(range.start + SHOWN_OF_LONG);
        let origin = self.origin(range.start);
        self.pending.push_back(Pending { origin, raw: Raw::InBlock(shown), record: Err(fault) });
    }

    fn decode_in_general(&mut self, range: Range<usize>) {
        let parsed = repair::parse(&self.bytes[range.clone()]);
        let joined = if repair::may_continue(&parsed) { self.join(&range) } else { None };
        let (range, parsed) = joined.unwrap_or((range, parsed));
        let origin = self.origin(range.start);
        let several = parsed.values.len() > 1;
        for value in &parsed.values {
            for decoded in self.decode_value(value, &parsed) {
                let own = several
                    .then(|| value.as_ref().ok().map(|value| value.to_string().into_bytes()))
                    .flatten();
                let raw = decoded.raw.or(own).map_or(Raw::InBlock(range.clone()), Raw::Apart);
                self.pending.push_back(Pending { origin, raw, record: decoded.record });
            }
        }
    }

    fn decode_value(&self, value: &Result<Value, RecordFault>, parsed: &Parsed) -> Vec<Decoded> {
        let mut out = Vec::new();
        match value {
            Ok(value) => {
                let page = self.page.map(|map| Layers { map, outer: None });
                general::decode(value, page.as_ref(), parsed.flags, self.options, &mut out);
            }
            Err(fault) => out.push(Decoded { record: Err(fault.clone()), raw: None, envelope: None }),
        }
        self.decrypt(out, parsed.flags)
    }

    /// Puts plaintext in the place of envelopes, where there is a decryptor.
    fn decrypt(&self, decoded: Vec<Decoded>, flags: Flags) -> Vec<Decoded> {
        let mut decoded = decoded;
        let envelopes: Vec<Envelope> =
            decoded.iter_mut().filter_map(|one| one.envelope.take().map(|envelope| *envelope)).collect();
        let Some(decryptor) = self.options.decryptor.as_ref().filter(|_| !envelopes.is_empty()) else {
            return decoded;
        };
        let mut opened = envelopes.iter().zip(decryptor.decrypt(&envelopes));
        let mut out = Vec::with_capacity(decoded.len());
        for one in decoded {
            match one.record {
                Ok(Record::Encrypted { .. }) => {
                    let Some((envelope, answer)) = opened.next() else { continue };
                    self.decode_plaintext(one, envelope, answer, flags, &mut out);
                }
                _ => out.push(one),
            }
        }
        out
    }

    fn decode_plaintext(
        &self,
        one: Decoded,
        envelope: &Envelope,
        answer: Result<Option<String>, RecordFault>,
        flags: Flags,
        out: &mut Vec<Decoded>,
    ) {
        let text = match answer {
            Ok(Some(text)) => text,
            Ok(None) => return out.push(one),
            Err(fault) => return out.push(Decoded { record: Err(fault), ..one }),
        };
        let outer = Layers { map: &envelope.outer, outer: None };
        let mut parsed = repair::parse(text.as_bytes());
        parsed.flags.insert(flags);
        for value in &parsed.values {
            let before = out.len();
            match value {
                Ok(value) => general::decode(value, Some(&outer), parsed.flags, self.options, out),
                Err(fault) => out.push(Decoded { record: Err(fault.clone()), raw: None, envelope: None }),
            }
            for decoded in &mut out[before..] {
                decoded.raw.get_or_insert_with(|| text.clone().into_bytes());
            }
        }
    }

    /// Joins a line with those after it when a raw line feed inside a string cut it in pieces.
    fn join(&mut self, first: &Range<usize>) -> Option<(Range<usize>, Parsed)> {
        if !matches!(self.cut, Cut::Lines) || self.bytes[first.start] != b'{' {
            return None;
        }
        let mut cursor = self.cursor;
        for joined in 1..=MOST_JOINED {
            let line = line_at(self.bytes, cursor)?;
            cursor = line.end + 1;
            let piece = trim(self.bytes, line);
            if self.bytes[piece.clone()].first() == Some(&b'{') {
                return None;
            }
            let whole = first.start..piece.end.max(first.end);
            let parsed = repair::parse(&self.bytes[whole.clone()]);
            if parsed.values.iter().all(Result::is_ok) {
                self.cursor = cursor;
                self.lines_passed += joined;
                return Some((whole, parsed));
            }
        }
        None
    }

    fn origin(&mut self, at: usize) -> Origin {
        if at > self.counted {
            self.lines += line_feeds(&self.bytes[self.counted..at]);
            self.counted = at;
        }
        let offset = self.offset + at as u64;
        Origin { file: self.file, offset, line_in_block: self.lines, block: self.offset }
    }
}

/// Decodes the records in `bytes`, one or more on lines of their own, and hands each to `visit`.
///
/// Outside bytes never fail: what cannot be used is a [`RecordFault`].
pub fn decode(bytes: &[u8], options: &ReadOptions, visit: &mut dyn FnMut(Read<'_>)) {
    let mut block = Block::of_lines((0, 0), bytes, 0, options);
    while let Some(read) = block.next_record() {
        visit(read);
    }
}

fn line_feeds(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

/// Returns the line that starts at `at`, without its line feed.
pub(crate) fn line_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    Some(at..memchr(b'\n', rest).map_or(bytes.len(), |end| at + end))
}

/// Leaves out white space, NUL, a byte order mark before and a comma after the record in `range`.
fn trim(bytes: &[u8], mut range: Range<usize>) -> Range<usize> {
    loop {
        match &bytes[range.clone()] {
            [b' ' | b'\t' | b'\r' | 0, ..] => range.start += 1,
            [0xEF, 0xBB, 0xBF, ..] => range.start += 3,
            [.., b' ' | b'\t' | b'\r' | b',' | 0] => range.end -= 1,
            _ => return range,
        }
    }
}

/// How much of a record that is too long is kept to look at.
const SHOWN_OF_LONG: usize = 4 << 10;

/// A text has few line feeds; more lines than this are no one record.
const MOST_JOINED: u32 = 16;
