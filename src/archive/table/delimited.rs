//! Text tables: comma, tab, semicolon or bar; UTF-8, UTF-16 or GB18030.
//!
//! The delimiter and the header are those that make the most columns known among
//! the first rows, so a title above the header does no harm.

use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;

use csv::StringRecord;
use serde_json::Value;

use super::{Columns, Limits, Row, Sheet, Visit, damaged};
use crate::archive::record::RecordFault;
use crate::encoding::{TextEncoding, Transcoder};

type Text<'r> = Transcoder<Box<dyn Read + Send + 'r>>;

/// An open text table.
pub struct Delimited<'r> {
    reader: Option<csv::Reader<Metered<'r>>>,
    dialect: Dialect,
    /// Lines before the first one of `reader`.
    lines_before: u64,
    /// How often a quotation mark was left open.
    n_open_quotes: usize,
    limits: Limits,
}

/// How rows and cells stand in the text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Dialect {
    delimiter: u8,
    /// What ends a row: only very old programs write carriage returns alone.
    terminator: u8,
    /// Rows before the header.
    titles: usize,
}

impl<'r> Delimited<'r> {
    /// Opens a text and finds its header.
    pub fn open(
        source: Box<dyn Read + Send + 'r>,
        columns: &Columns,
        limits: Limits,
    ) -> Result<(Sheet, Delimited<'r>), RecordFault> {
        let mut text = Transcoder::new(source);
        let mut sample = Vec::new();
        (&mut text).take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(|error| damaged(error.kind()))?;
        let dialect = Dialect::of(&sample, columns).unwrap_or(Dialect::new(b',', &sample));
        let metered = Metered {
            sample: Cursor::new(sample),
            text,
            since_row: 0,
            ends_line: true,
            held: Vec::new(),
            held_from: 0,
            limits,
        };
        let mut reader = dialect.reader_of(metered);
        let mut header = StringRecord::new();
        for _ in 0..=dialect.titles {
            reader.read_record(&mut header).map_err(|_| damaged("its header is not text"))?;
            reader.get_mut().since_row = 0;
        }
        let line = first_line(&reader, &header);
        let header: Vec<String> = header.iter().map(|cell| cell.trim().to_owned()).collect();
        let fields = columns.fields_of(&header);
        let sheet = Sheet { name: String::new(), header, fields, header_row: line };
        Ok((sheet, Delimited { reader: Some(reader), dialect, lines_before: 0, n_open_quotes: 0, limits }))
    }

    /// Returns how the text is encoded, as far as it was read.
    pub fn encoding(&self) -> TextEncoding {
        self.reader.as_ref().map(|reader| reader.get_ref().text.encoding()).unwrap_or_default()
    }

    /// Reads the rows below the header.
    pub fn read(&mut self, sheet: &Sheet, visit: &mut Visit<'_>) -> Result<(), RecordFault> {
        let mut record = StringRecord::new();
        loop {
            let Some(reader) = &mut self.reader else { return Ok(()) };
            let begun = self.lines_before + reader.position().line();
            let read = match reader.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true)
                    if self.n_open_quotes < MOST_OPEN_QUOTES
                        && swallows_rows(sheet, self.dialect, &record) =>
                {
                    let number = self.lines_before + first_line(reader, &record);
                    Err((number, self.reopen_behind_first_line(&record)))
                }
                Ok(true) => Ok(row(sheet, &record, self.lines_before + first_line(reader, &record))),
                Err(error) if is_too_long(&error) => Err((begun, self.pass_long_row())),
                Err(_) => return Err(damaged("it cannot be read on")),
            };
            if let Some(reader) = &mut self.reader {
                let done = reader.position().byte();
                reader.get_mut().end_row(done);
            }
            if let ControlFlow::Break(()) = visit(read) {
                return Ok(());
            }
        }
    }

    /// A cell that begins with a quotation mark of its writer's goes on to the next one, rows away: reading begins
    /// anew on the line behind the one it stands in.
    fn reopen_behind_first_line(&mut self, record: &StringRecord) -> RecordFault {
        self.n_open_quotes += 1;
        if let Some(reader) = self.reader.take() {
            self.lines_before += first_line(&reader, record);
            let begun = record.position().map_or(0, csv::Position::byte);
            let mut metered = reader.into_inner();
            metered.go_back_behind_line(begun);
            self.reader = Some(self.dialect.reader_of(metered));
        }
        RecordFault::new("table.quote_open", "a quotation mark is open: the cell holds the rows that follow")
    }

    /// A quotation mark that nothing closes makes one row of all that follows: the reading begins anew
    /// behind what was read of it.
    fn pass_long_row(&mut self) -> RecordFault {
        if let Some(reader) = self.reader.take() {
            self.lines_before += reader.position().line();
            let mut metered = reader.into_inner();
            metered.begin_anew();
            metered.pass_line();
            self.reader = Some(self.dialect.reader_of(metered));
        }
        let limit = self.limits.row_bytes;
        RecordFault::new("record.too_long", format!("more than {limit} bytes; a quotation mark may be open"))
    }
}

/// Returns the line on which the record read last begins: a line has ended behind it, and others in its cells.
fn first_line<R: Read>(reader: &csv::Reader<R>, record: &StringRecord) -> u64 {
    let inside = memchr::memchr_iter(b'\n', record.as_slice().as_bytes()).count() as u64;
    reader.position().line().saturating_sub(1 + inside).max(1)
}

/// Returns whether a cell holds whole rows: lines with as many cells as the header, and a time where times stand.
fn swallows_rows(sheet: &Sheet, dialect: Dialect, record: &StringRecord) -> bool {
    let (width, delimiter) = (sheet.header.len(), char::from(dialect.delimiter));
    let Some(time) = sheet.fields.iter().position(|field| *field == Some("msgtime")) else { return false };
    let is_row = |line: &str| {
        let is_time =
            |cell: &str| cell.len() >= SHORTEST_TIME && cell.starts_with(|c: char| c.is_ascii_digit());
        line.matches(delimiter).count() + 1 == width && line.split(delimiter).nth(time).is_some_and(is_time)
    };
    width >= FEWEST_CELLS
        && memchr::memchr(b'\n', record.as_slice().as_bytes()).is_some()
        && record.iter().any(|cell| cell.lines().skip(1).any(is_row))
}

fn row(sheet: &Sheet, record: &StringRecord, number: u64) -> Row {
    let mut cells: Vec<Value> = record.iter().take(sheet.header.len()).map(value_of).collect();
    cells.resize(sheet.header.len(), Value::Null);
    Row { number, cells }
}

/// Lines end with a line feed alone, so the last cell of a line may hold the carriage return.
fn value_of(cell: &str) -> Value {
    let cell = cell.strip_suffix('\r').unwrap_or(cell);
    if cell.is_empty() { Value::Null } else { Value::String(cell.to_owned()) }
}

impl Dialect {
    fn new(delimiter: u8, sample: &[u8]) -> Dialect {
        let old = memchr::memchr(b'\n', sample).is_none() && memchr::memchr(b'\r', sample).is_some();
        Dialect { delimiter, terminator: if old { b'\r' } else { b'\n' }, titles: 0 }
    }

    fn reader_of<R: Read>(self, source: R) -> csv::Reader<R> {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.delimiter);
        builder.terminator(csv::Terminator::Any(self.terminator)).from_reader(source)
    }

    fn first_rows(self, sample: &[u8]) -> Vec<Vec<String>> {
        let rows = self.reader_of(sample).into_records().take(ROWS_LOOKED_AT).map_while(Result::ok);
        rows.map(|row| row.iter().map(|cell| cell.trim_end_matches('\r').to_owned()).collect()).collect()
    }

    /// Returns the dialect in which a row among the first is a header; `None` when there is none.
    fn of(sample: &[u8], columns: &Columns) -> Option<Dialect> {
        let mut best: Option<(usize, Dialect)> = None;
        for delimiter in DELIMITERS {
            let dialect = Dialect::new(delimiter, sample);
            let rows = dialect.first_rows(sample);
            for (titles, row) in rows.iter().enumerate().filter(|(_, row)| columns.is_header(row)) {
                let known = columns.n_known(row);
                if best.is_none_or(|(most, _)| known > most) {
                    best = Some((known, Dialect { titles, ..dialect }));
                }
            }
        }
        best.map(|(_, dialect)| dialect)
    }
}

/// Returns whether `bytes` begin a text table whose header `columns` knows.
pub fn is_table(bytes: &[u8], columns: &Columns) -> bool {
    sample_of(bytes).is_some_and(|sample| Dialect::of(&sample, columns).is_some())
}

/// Returns whether the first rows of `bytes` have the same number of cells, more than one.
pub fn is_regular(bytes: &[u8]) -> bool {
    let Some(sample) = sample_of(bytes) else { return false };
    DELIMITERS.into_iter().any(|delimiter| {
        let rows = Dialect::new(delimiter, &sample).first_rows(&sample);
        let width = rows.first().map_or(0, Vec::len);
        width > 1 && rows.len() > 1 && rows.iter().all(|row| row.len() == width)
    })
}

/// Returns the beginning as UTF-8 text; `None` when it is no text.
fn sample_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut sample = Vec::new();
    Transcoder::new(&bytes[..bytes.len().min(SAMPLE_BYTES as usize)]).read_to_end(&mut sample).ok()?;
    memchr::memchr(0, &sample).is_none().then_some(sample)
}

/// The text, from its beginning, that ends where a row grows too long.
struct Metered<'r> {
    sample: Cursor<Vec<u8>>,
    text: Text<'r>,
    /// Bytes handed out since the last row was complete.
    since_row: usize,
    /// The last byte handed out ended a line; the last line of a text ends too.
    ends_line: bool,
    /// What was handed out since the row begun last, or a little before it.
    held: Vec<u8>,
    /// Where that begins, in bytes handed out.
    held_from: u64,
    limits: Limits,
}

impl Metered<'_> {
    /// The bytes before `at` will not be asked for again.
    fn end_row(&mut self, at: u64) {
        self.since_row = 0;
        if self.held.len() > HELD_BYTES {
            let passed = usize::try_from(at.saturating_sub(self.held_from)).unwrap_or(usize::MAX);
            self.held.drain(..passed.min(self.held.len()));
            self.held_from = at;
        }
    }

    /// Hands out again what stands behind the first line of the row that begins at `at`.
    fn go_back_behind_line(&mut self, at: u64) {
        let mut from =
            usize::try_from(at.saturating_sub(self.held_from)).unwrap_or(usize::MAX).min(self.held.len());
        from += self.held[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let line_end =
            memchr::memchr(b'\n', &self.held[from..]).map_or(self.held.len(), |end| from + end + 1);
        let mut again = self.held.split_off(line_end);
        let unread = usize::try_from(self.sample.position()).unwrap_or(usize::MAX);
        again.extend_from_slice(self.sample.get_ref().get(unread..).unwrap_or_default());
        self.sample = Cursor::new(again);
        self.ends_line = true;
        self.begin_anew();
    }

    /// A reader begins anew with what comes next.
    fn begin_anew(&mut self) {
        self.held.clear();
        (self.held_from, self.since_row) = (0, 0);
    }

    /// Passes over the rest of a line.
    fn pass_line(&mut self) {
        let mut byte = [0];
        while matches!(self.fill(&mut byte), Ok(1)) && byte[0] != b'\n' {}
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.sample.read(buffer)? {
            0 => self.text.read(buffer)?,
            read => read,
        };
        if read == 0 && !self.ends_line && !buffer.is_empty() {
            self.ends_line = true;
            buffer[0] = b'\n';
            return Ok(1);
        }
        self.ends_line = buffer[..read].last().map_or(self.ends_line, |byte| *byte == b'\n');
        Ok(read)
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > self.limits.row_bytes {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the row is too long"));
        }
        let read = self.fill(buffer)?;
        self.since_row += read;
        self.held.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

fn is_too_long(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Io(io) if io.kind() == io::ErrorKind::FileTooLarge)
}

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Kept of rows that are done, so that not each of them moves bytes.
const HELD_BYTES: usize = 1 << 20;

/// Lines of talk may hold a comma or two.
const FEWEST_CELLS: usize = 4;

/// Shorter numbers are no times.
const SHORTEST_TIME: usize = 8;

/// A table with more of them is read as it stands: each may cost a look at the longest row.
const MOST_OPEN_QUOTES: usize = 1_000;

/// Titles above a header are few.
const ROWS_LOOKED_AT: usize = 10;

/// Holds the first rows, with room for long texts among them.
const SAMPLE_BYTES: u64 = 64 << 10;
