//! Reads and writes the spreadsheets that people keep words in: CSV in any encoding, xlsx, xls, ods.
//!
//! A cell is text whatever the spreadsheet made of it; what it turned into a date keeps the
//! day beside the text, so that the damage can be seen.

use std::io::Cursor;

use calamine::{Data, Reader as _};
use encoding_rs::GB18030;

use crate::lexicon::{self, TextEncoding};

/// A table of cells, row by row.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    /// The rows with the line each stands in, from 1; comment lines are among them.
    pub rows: Vec<SheetRow>,
    /// What it was read as: an encoding, or the name of a worksheet.
    pub source: String,
}

/// One row.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SheetRow {
    /// Line of the file, from 1.
    pub line: u32,
    /// The cells.
    pub cells: Vec<Cell>,
}

/// One cell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cell {
    /// What a person sees in it.
    pub text: String,
    /// The day, `YYYY-MM-DD`, when the spreadsheet stores a date.
    pub day: Option<String>,
    /// The formula that gives the text, if one does.
    pub formula: Option<String>,
}

impl Cell {
    /// A cell of plain text.
    pub fn text(text: &str) -> Cell {
        Cell { text: text.to_owned(), ..Cell::default() }
    }
}

/// Why a spreadsheet could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The workbook is damaged, or protected by a password.
    #[error("this is no workbook that can be read: {0}; save it as .xlsx or .csv without a password")]
    Workbook(#[from] calamine::Error),
    /// The workbook has no worksheet.
    #[error("the workbook has no worksheet")]
    NoSheet,
    /// There is no worksheet of that name.
    #[error("there is no worksheet `{wanted}`: there are {known}")]
    UnknownSheet {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The workbook could not be made.
    #[error("the workbook cannot be written")]
    Write(#[from] rust_xlsxwriter::XlsxError),
}

/// How a spreadsheet is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SheetFormat {
    /// CSV for spreadsheets: a byte order mark, CRLF.
    Csv(TextEncoding),
    /// An Excel workbook, every cell as text.
    Xlsx,
}

/// Reads the spreadsheet `bytes`. A workbook gives the worksheet called `worksheet`, else its first.
///
/// # Errors
///
/// A workbook that cannot be read or lacks the worksheet. Text is always read, whatever its bytes.
pub fn read(bytes: &[u8], worksheet: Option<&str>) -> Result<Sheet, SheetError> {
    const ZIP: &[u8] = b"PK\x03\x04";
    const OLE: &[u8] = b"\xd0\xcf\x11\xe0";
    if bytes.starts_with(ZIP) || bytes.starts_with(OLE) {
        return read_workbook(bytes, worksheet);
    }
    let (text, encoding) = lexicon::decode(bytes);
    Ok(Sheet { rows: read_csv(&text), source: encoding.name().to_owned() })
}

fn read_workbook(bytes: &[u8], worksheet: Option<&str>) -> Result<Sheet, SheetError> {
    let mut workbook = calamine::open_workbook_auto_from_rs(Cursor::new(bytes))?;
    let names = workbook.sheet_names();
    let name = match worksheet {
        Some(wanted) => names
            .iter()
            .find(|name| *name == wanted)
            .ok_or_else(|| SheetError::UnknownSheet { wanted: wanted.to_owned(), known: names.join(", ") })?,
        None => names.first().ok_or(SheetError::NoSheet)?,
    };
    let range = workbook.worksheet_range(name)?;
    let formulas = workbook.worksheet_formula(name).unwrap_or_default();
    let formula = |row: u32, column: u32| {
        formulas.get_value((row, column)).filter(|formula| !formula.is_empty()).cloned()
    };
    let (first_row, first_column) = range.start().unwrap_or_default();
    let rows = range.rows().zip(first_row..).map(|(cells, row)| {
        let before = std::iter::repeat_n(Cell::default(), first_column as usize);
        let own = cells
            .iter()
            .zip(first_column..)
            .map(|(data, column)| Cell { formula: formula(row, column), ..cell_of(data) });
        SheetRow { line: row + 1, cells: before.chain(own).collect() }
    });
    Ok(Sheet { rows: rows.filter(|row| !row.is_blank()).collect(), source: name.clone() })
}

fn cell_of(data: &Data) -> Cell {
    match data {
        Data::String(text) => Cell::text(text),
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            let text = format!("{month}月{day}日");
            let day = Some(format!("{year:04}-{month:02}-{day:02}"));
            Cell { text, day, ..Cell::default() }
        }
        Data::DateTimeIso(text) => {
            Cell { text: text.clone(), day: text.get(..10).map(str::to_owned), ..Cell::default() }
        }
        Data::Float(number) if number.abs() >= LONG_NUMBER => Cell::text(&exponent(*number)),
        Data::Empty => Cell::default(),
        other => Cell::text(&other.to_string()),
    }
}

/// Numbers from here on are shown with an exponent, as spreadsheets show them: their last digits may be lost.
const LONG_NUMBER: f64 = 1e11;

/// `1.23E+11`
fn exponent(number: f64) -> String {
    let text = format!("{number:.2E}");
    text.replace('E', "E+")
}

impl SheetRow {
    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.text.trim().is_empty())
    }

    /// Returns whether the row is a comment, one that begins with `#`.
    pub fn is_comment(&self) -> bool {
        self.cells.first().is_some_and(|cell| cell.text.starts_with('#'))
    }
}

fn read_csv(text: &str) -> Vec<SheetRow> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let rows = reader.records().filter_map(Result::ok).map(|record| SheetRow {
        line: record.position().map_or(0, |position| position.line() as u32),
        cells: record.iter().map(Cell::text).collect(),
    });
    rows.filter(|row| !row.is_blank()).collect()
}

/// Commas; tabs or semicolons when the first line has them and no comma ("Unicode text" of Excel).
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    match (first.contains(','), first.contains('\t'), first.contains(';')) {
        (false, true, _) => b'\t',
        (false, false, true) => b';',
        _ => b',',
    }
}

/// Writes rows for a spreadsheet. Cells that it would read as a formula get a `'` in CSV; a
/// workbook stores each as text and needs none.
///
/// # Errors
///
/// A workbook beyond the limits of the format.
pub fn write(rows: &[Vec<String>], format: SheetFormat) -> Result<Vec<u8>, SheetError> {
    match format {
        SheetFormat::Csv(encoding) => encode(&csv_text(rows), encoding),
        SheetFormat::Xlsx => xlsx(rows),
    }
}

fn csv_text(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| csv_cell(&guarded(cell))).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Puts a `'` before what a spreadsheet would read as a formula.
pub fn guarded(cell: &str) -> String {
    let formula = cell.trim_start().starts_with(['=', '+', '-', '@']);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

/// Quotes a cell when it has to be.
pub fn csv_cell(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn encode(text: &str, encoding: TextEncoding) -> Result<Vec<u8>, SheetError> {
    match encoding {
        TextEncoding::Utf8 => Ok(text.as_bytes().to_vec()),
        TextEncoding::Utf8Bom => Ok([b"\xef\xbb\xbf", text.as_bytes()].concat()),
        TextEncoding::Utf16 => {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            Ok(units.flat_map(u16::to_le_bytes).collect())
        }
        TextEncoding::Gb18030 => Ok(GB18030.encode(text).0.into_owned()),
    }
}

fn xlsx(rows: &[Vec<String>]) -> Result<Vec<u8>, SheetError> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let epoch = rust_xlsxwriter::ExcelDateTime::from_ymd(2024, 1, 1)?;
    workbook.set_properties(&rust_xlsxwriter::DocProperties::new().set_creation_datetime(&epoch));
    let text = rust_xlsxwriter::Format::new().set_num_format("@");
    let head = rust_xlsxwriter::Format::new().set_num_format("@").set_bold();
    let worksheet = workbook.add_worksheet();
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    for column in 0..u16::try_from(width).unwrap_or(u16::MAX) {
        worksheet.set_column_format(column, &text)?;
        worksheet.set_column_width(column, COLUMN_CHARS)?;
    }
    for (row, line) in rows.iter().zip(0..) {
        for (cell, column) in row.iter().zip(0..) {
            let format = if line == 0 { &head } else { &text };
            worksheet.write_string_with_format(line, column, cell, format)?;
        }
    }
    worksheet.set_freeze_panes(1, 0)?;
    Ok(workbook.save_to_buffer()?)
}

/// Width of the columns of a workbook, in characters.
const COLUMN_CHARS: f64 = 14.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sheet: &Sheet) -> Vec<Vec<&str>> {
        sheet.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_str()).collect()).collect()
    }

    #[test]
    fn what_is_written_is_read_back_in_every_format() {
        let rows: Vec<Vec<String>> = [
            vec!["编号", "词条", "备注"],
            vec!["# 说明", "", ""],
            vec!["007", "优惠,打折", "他说“好”\"\n第二行"],
            vec!["d2", "=1+1", "2024-03-08"],
        ]
        .iter()
        .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
        .collect();
        let csv = |encoding| SheetFormat::Csv(encoding);
        use TextEncoding::{Gb18030, Utf8, Utf8Bom, Utf16};
        for format in [csv(Utf8), csv(Utf8Bom), csv(Gb18030), csv(Utf16), SheetFormat::Xlsx] {
            let bytes = write(&rows, format).unwrap();
            let sheet = read(&bytes, None).unwrap();
            let mut wanted = rows.clone();
            if format != SheetFormat::Xlsx {
                wanted[3][1] = "'=1+1".to_owned();
            }
            assert_eq!(texts(&sheet), wanted, "{format:?}");
            assert_eq!(write(&rows, format).unwrap(), bytes, "{format:?} gives the same bytes again");
        }
    }

    #[test]
    fn what_a_workbook_turned_into_dates_and_numbers_shows() {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let worksheet = workbook.add_worksheet();
        let date = rust_xlsxwriter::ExcelDateTime::from_ymd(2024, 3, 8).unwrap();
        let format = rust_xlsxwriter::Format::new().set_num_format("m月d日");
        worksheet.write_datetime_with_format(1, 1, &date, &format).unwrap();
        worksheet.write_number(2, 1, 123_000_000_000.0).unwrap();
        worksheet.write_number(3, 1, 1.5).unwrap();
        let sheet = read(&workbook.save_to_buffer().unwrap(), None).unwrap();
        assert_eq!(sheet.rows[0].cells[1].text, "3月8日");
        assert_eq!((sheet.rows[0].line, sheet.rows[0].cells[1].day.as_deref()), (2, Some("2024-03-08")));
        assert_eq!(sheet.rows[1].cells[1].text, "1.23E+11");
        assert_eq!(sheet.rows[2].cells[1].text, "1.5");
    }

    #[test]
    fn tabs_and_semicolons_part_cells_where_no_comma_does() {
        for text in ["编号\t词条\na\t优惠\n", "编号;词条\na;优惠\n", "编号,词条\na,优惠\n"]
        {
            let sheet = read(text.as_bytes(), None).unwrap();
            assert_eq!(texts(&sheet), [["编号", "词条"], ["a", "优惠"]], "{text}");
        }
    }

    #[test]
    fn a_damaged_workbook_is_an_error_with_advice() {
        let error = read(b"PK\x03\x04 not a workbook", None).unwrap_err();
        assert!(error.to_string().contains("save it as .xlsx or .csv"), "{error}");
    }
}
