//! Workbooks (`.xlsx`), sheet by sheet and cell by cell.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use calamine::{DataRef, Reader, Xlsx};
use serde_json::Value;
use zip::ZipArchive;

use super::{Columns, Input, Limits, Row, Sheet, Visit, cell, damaged, too_large};
use crate::archive::record::RecordFault;

/// An open workbook.
pub struct Workbook {
    book: Xlsx<BufReader<Bytes>>,
}

/// The bytes of a workbook, read from any place.
enum Bytes {
    File(File),
    Memory(Cursor<Vec<u8>>),
}

impl Workbook {
    /// Opens a workbook and finds the header of each sheet; sheets without rows are left out.
    pub fn open(
        input: Input<'_>,
        columns: &Columns,
        limits: Limits,
    ) -> Result<(Vec<Sheet>, Workbook), RecordFault> {
        let mut bytes = match input {
            Input::File(file) => Bytes::File(file),
            Input::Memory(bytes) => Bytes::Memory(Cursor::new(bytes)),
            Input::Stream(stream) => {
                Bytes::Memory(Cursor::new(super::in_memory(Vec::new(), stream, limits)?))
            }
        };
        check_size(&mut bytes, limits)?;
        bytes.rewind().map_err(|error| damaged(error.kind()))?;
        let book = Xlsx::new(BufReader::new(bytes)).map_err(|_| damaged("it is no workbook"))?;
        let mut book = Workbook { book };
        let mut sheets = Vec::new();
        for name in book.book.sheet_names() {
            sheets.extend(book.header_of(name, columns)?);
        }
        Ok((sheets, book))
    }

    /// Looks at the first rows of a sheet: the header is the one that makes most columns known, else the first.
    fn header_of(&mut self, name: String, columns: &Columns) -> Result<Option<Sheet>, RecordFault> {
        let mut rows: Vec<(u64, Vec<String>)> = Vec::new();
        self.each_row(&name, MOST_COLUMNS, &mut |row| {
            let words = row.cells.iter().map(|cell| cell.as_str().unwrap_or_default().trim().to_owned());
            rows.push((row.number, words.collect()));
            if rows.len() == ROWS_LOOKED_AT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let known =
            |row: &(u64, Vec<String>)| if columns.is_header(&row.1) { columns.n_known(&row.1) } else { 0 };
        let best = rows.iter().map(known).max().unwrap_or(0);
        let header = rows.into_iter().find(|row| known(row) == best);
        Ok(header.map(|(header_row, header)| {
            let fields = columns.fields_of(&header);
            Sheet { name, header, fields, header_row }
        }))
    }

    /// Reads the rows below the header of `sheet`.
    pub fn read(&mut self, sheet: &Sheet, visit: &mut Visit<'_>) -> Result<(), RecordFault> {
        self.each_row(&sheet.name, sheet.header.len(), &mut |mut row| {
            if row.number <= sheet.header_row {
                return ControlFlow::Continue(());
            }
            row.cells.resize(sheet.header.len(), Value::Null);
            visit(Ok(row))
        })
    }

    /// Visits the rows that hold anything in their first `width` columns.
    fn each_row(
        &mut self,
        sheet: &str,
        width: usize,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), RecordFault> {
        let mut reader =
            self.book.worksheet_cells_reader(sheet).map_err(|_| damaged("a sheet cannot be read"))?;
        let mut row = Row { number: 0, cells: Vec::new() };
        while let Some(next) = reader.next_cell().map_err(|_| damaged("a cell cannot be read"))? {
            let (at, column) = next.get_position();
            let number = u64::from(at) + 1;
            if number != row.number {
                let done = std::mem::replace(&mut row, Row { number, cells: Vec::new() });
                if !done.is_blank() && visit(done).is_break() {
                    return Ok(());
                }
            }
            put(&mut row.cells, column as usize, width, value_of(next.get_value()));
        }
        if !row.is_blank() {
            let _ = visit(row);
        }
        Ok(())
    }
}

fn put(cells: &mut Vec<Value>, column: usize, width: usize, value: Value) {
    if column < width && !value.is_null() {
        cells.resize(cells.len().max(column + 1), Value::Null);
        cells[column] = value;
    }
}

fn value_of(cell: &DataRef<'_>) -> Value {
    match cell {
        DataRef::Int(number) => Value::from(*number),
        DataRef::Float(number) => cell::number(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => cell::text(text),
        DataRef::SharedString(text) => cell::text(text),
        DataRef::Bool(truth) => Value::from(*truth),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
            Value::String(if milli == 0 { date } else { format!("{date}.{milli:03}") })
        }
        DataRef::Error(_) | DataRef::Empty => Value::Null,
    }
}

/// Unpacks every part of the file to nowhere: what a part claims to be large may be a lie, and the library
/// that reads workbooks keeps the shared strings in memory.
fn check_size(bytes: &mut Bytes, limits: Limits) -> Result<(), RecordFault> {
    let mut zip = ZipArchive::new(BufReader::new(bytes)).map_err(|_| damaged("it is no zip file"))?;
    let mut left = limits.unpacked_bytes;
    for part in 0..zip.len() {
        let part = zip.by_index(part).map_err(|_| damaged("a part of the zip file cannot be read"))?;
        let unpacked =
            io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|error| damaged(error.kind()))?;
        left = left.checked_sub(unpacked).ok_or_else(|| too_large(limits))?;
    }
    Ok(())
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Bytes::File(file) => file.read(buffer),
            Bytes::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Bytes::File(file) => file.seek(to),
            Bytes::Memory(bytes) => bytes.seek(to),
        }
    }
}

/// Titles above a header are few.
const ROWS_LOOKED_AT: usize = 10;

/// Wider sheets are no lists of records.
const MOST_COLUMNS: usize = 1_024;
