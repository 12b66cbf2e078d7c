//! Reads tables: CSV, workbooks, Parquet, Arrow IPC; one row is one record.
//!
//! Knows nothing of messages: a [`Schema`] says which fields are looked for, and a
//! [`Table`] hands out rows of JSON values, from any format in the same spelling:
//! an empty cell is null, a date without a zone is text such as `2026-03-02 10:00:00`,
//! an instant is a number of milliseconds. Memory holds one row (one batch of a
//! columnar file, the shared strings of a workbook), never the table.

mod cell;
mod columnar;
mod columns;
mod delimited;
mod workbook;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

pub use columns::{Columns, Field, Schema};

use crate::archive::record::RecordFault;
use crate::archive::{Compression, compression};
use crate::encoding::{TextEncoding, is_utf16};

/// The format of a table.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// Text with a delimiter: comma, tab, semicolon or bar.
    Csv,
    /// An Excel workbook, `.xlsx`.
    Workbook,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file or stream; also called Feather.
    Arrow,
}

impl TableKind {
    /// Returns the format that the first bytes of a file announce; text announces nothing.
    pub fn announced_by(bytes: &[u8]) -> Option<TableKind> {
        match bytes {
            [b'P', b'K', 3, 4, ..] => Some(TableKind::Workbook),
            [b'P', b'A', b'R', b'1', ..] => Some(TableKind::Parquet),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(TableKind::Arrow),
            // A stream begins with a continuation mark and the length of its schema.
            [0xFF, 0xFF, 0xFF, 0xFF, _, _, 0, 0, ..] => Some(TableKind::Arrow),
            _ => None,
        }
    }

    /// Returns the format of a table that begins with `bytes`: announced, or text whose header `columns` knows.
    pub fn of(bytes: &[u8], columns: &Columns) -> Option<TableKind> {
        let announced = TableKind::announced_by(bytes);
        announced.or_else(|| delimited::is_table(bytes, columns).then_some(TableKind::Csv))
    }
}

/// Returns whether `bytes` look like rows of text, whatever their columns are called.
pub(crate) fn is_delimited(bytes: &[u8]) -> bool {
    delimited::is_regular(bytes)
}

/// Where a table comes from.
pub enum Input<'r> {
    /// Read once, front to back: text only.
    Stream(Box<dyn Read + Send + 'r>),
    /// A file on disk.
    File(File),
    /// All bytes of a table.
    Memory(Vec<u8>),
}

/// A part of a table with a header of its own: the whole of it, but for workbooks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    /// Its name in a workbook, else empty.
    pub name: String,
    /// The names of the columns, as written.
    pub header: Vec<String>,
    /// The field that each column holds, where it is known.
    pub fields: Vec<Option<&'static str>>,
    /// The row the header stands in, counted from 1; 0 when the names stand apart from the rows.
    pub header_row: u64,
}

impl Sheet {
    /// Returns whether a column holds `field`.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains(&Some(field))
    }

    /// Returns the row as an object: fields under their names, other columns under theirs; without nulls.
    pub fn object(&self, cells: Vec<Value>) -> Map<String, Value> {
        let mut object = Map::new();
        for (at, cell) in cells.into_iter().enumerate().filter(|(_, cell)| !cell.is_null()) {
            match (self.fields.get(at), self.header.get(at)) {
                (Some(Some(field)), _) => drop(object.insert((*field).to_owned(), cell)),
                (_, Some(name)) if !name.is_empty() && !self.has(name) => {
                    object.entry(name.as_str()).or_insert(cell);
                }
                _ => {}
            }
        }
        object
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands: the line of a text, the row of a sheet, both counted from 1.
    pub number: u64,
    /// As many cells as the header has.
    pub cells: Vec<Value>,
}

impl Row {
    /// Returns whether there is nothing in it; exporters separate dialogues this way.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(Value::is_null)
    }
}

/// What is done with rows; [`ControlFlow::Break`] ends reading. A row that cannot be used is its number and a fault.
pub type Visit<'v> = dyn FnMut(Result<Row, (u64, RecordFault)>) -> ControlFlow<()> + 'v;

/// An open table.
pub struct Table<'r> {
    sheets: Vec<Sheet>,
    source: Source<'r>,
}

enum Source<'r> {
    Delimited(Box<delimited::Delimited<'r>>),
    Workbook(Box<workbook::Workbook>),
    Columnar(columnar::Columnar),
}

impl<'r> Table<'r> {
    /// Opens the file at `path`, packed or not.
    ///
    /// # Errors
    ///
    /// `file.unreadable`, and those of [`Table::open`].
    pub fn open_path(path: &Path, columns: &Columns, limits: Limits) -> Result<Table<'r>, RecordFault> {
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let (compression, mut unpacked) = compression::unpack(file).map_err(|error| unreadable(&error))?;
        let mut start = Vec::new();
        (&mut unpacked).take(LOOK_BYTES).read_to_end(&mut start).map_err(|error| unreadable(&error))?;
        let kind = TableKind::of(&start, columns).ok_or_else(|| unknown_columns(&start))?;
        let input = match (kind, compression) {
            (TableKind::Csv, _) => Input::Stream(Box::new(Cursor::new(start).chain(unpacked))),
            (_, Compression::None) => Input::File(File::open(path).map_err(|error| unreadable(&error))?),
            _ => Input::Memory(in_memory(start, unpacked, limits)?),
        };
        Table::open(kind, input, columns, limits)
    }

    /// Opens a table and reads its headers.
    ///
    /// # Errors
    ///
    /// `table.damaged`: it is not what it seems; `table.too_large`: a workbook or a packed table that
    /// would unpack beyond the limit.
    pub fn open(
        kind: TableKind,
        input: Input<'r>,
        columns: &Columns,
        limits: Limits,
    ) -> Result<Table<'r>, RecordFault> {
        guarded(|| {
            let (sheets, source) = match kind {
                TableKind::Csv => {
                    let (sheet, text) = delimited::Delimited::open(input.into_reader(), columns, limits)?;
                    (vec![sheet], Source::Delimited(Box::new(text)))
                }
                TableKind::Workbook => {
                    let (sheets, book) = workbook::Workbook::open(input, columns, limits)?;
                    (sheets, Source::Workbook(Box::new(book)))
                }
                TableKind::Parquet | TableKind::Arrow => {
                    let (sheet, table) = columnar::Columnar::open(kind, input, columns)?;
                    (vec![sheet], Source::Columnar(table))
                }
            };
            Ok(Table { sheets, source })
        })
    }

    /// Returns the sheets; all tables but workbooks have one.
    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    /// Returns how a text is encoded, as far as it was read; `None` for other formats.
    pub fn encoding(&self) -> Option<TextEncoding> {
        match &self.source {
            Source::Delimited(text) => Some(text.encoding()),
            _ => None,
        }
    }

    /// Reads the rows below the header of `sheet`, blank ones too. A table other than a workbook is read once.
    ///
    /// # Errors
    ///
    /// `table.damaged`: the rows before the damage were visited.
    pub fn read(&mut self, sheet: usize, visit: &mut Visit<'_>) -> Result<(), RecordFault> {
        let about = &self.sheets[sheet];
        guarded(|| match &mut self.source {
            Source::Delimited(text) => text.read(about, visit),
            Source::Workbook(book) => book.read(about, visit),
            Source::Columnar(table) => table.read(about, visit),
        })
    }
}

/// How large things may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest row of a text, in bytes.
    pub row_bytes: usize,
    /// Most bytes that a workbook, or a packed table that cannot be read front to back, may unpack to.
    pub unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { row_bytes: 16 << 20, unpacked_bytes: 2 << 30 }
    }
}

impl<'r> Input<'r> {
    fn into_reader(self) -> Box<dyn Read + Send + 'r> {
        match self {
            Input::Stream(stream) => stream,
            Input::File(file) => Box::new(file),
            Input::Memory(bytes) => Box::new(Cursor::new(bytes)),
        }
    }
}

/// Reads the rest of a table into memory.
pub(crate) fn in_memory(start: Vec<u8>, rest: impl Read, limits: Limits) -> Result<Vec<u8>, RecordFault> {
    let mut bytes = start;
    rest.take(limits.unpacked_bytes).read_to_end(&mut bytes).map_err(|error| damaged(error.kind()))?;
    if bytes.len() as u64 > limits.unpacked_bytes {
        return Err(too_large(limits));
    }
    Ok(bytes)
}

/// The libraries that read foreign formats are written by others: should one panic on damaged bytes, this
/// file is damaged and the run goes on.
fn guarded<T>(read: impl FnOnce() -> Result<T, RecordFault>) -> Result<T, RecordFault> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged("its reader gave up")))
}

/// The table is not what its first bytes promise; `why` must hold no text of the table.
fn damaged(why: impl std::fmt::Display) -> RecordFault {
    RecordFault::new("table.damaged", format!("reading stopped here: {why}"))
}

fn unreadable(error: &io::Error) -> RecordFault {
    RecordFault::new("file.unreadable", error.kind().to_string())
}

fn too_large(limits: Limits) -> RecordFault {
    let limit = limits.unpacked_bytes >> 20;
    RecordFault::new(
        "table.too_large",
        format!("more than {limit} MiB when unpacked: save it as CSV or Parquet"),
    )
}

/// A table whose columns nobody knows, or no table at all. Names no cell: the first row may be talk.
pub(crate) fn unknown_columns(start: &[u8]) -> RecordFault {
    match is_delimited(start) || is_utf16(start) {
        true => RecordFault::new(
            "table.columns_unknown",
            "no known column names: say which is which with --columns",
        ),
        false => RecordFault::new("format.unknown", "neither JSON records nor a table"),
    }
}

/// Enough of a file to know it by.
const LOOK_BYTES: u64 = 256 << 10;

#[cfg(test)]
mod tests;
