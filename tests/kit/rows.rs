//! Reads the tables of an output directory, row by row, as text.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A row by column name.
pub type Row = BTreeMap<String, String>;

/// Returns all rows of `table` that `out` shows, sorted.
pub fn rows(out: &Path, table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in files_below(&out.join("current").join(table)) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            rows.extend((0..batch.num_rows()).map(|row| row_of(&batch, row)));
        }
    }
    rows.sort();
    rows
}

/// Returns the rows of `table` that still hold: those that are not taken back.
pub fn standing_rows(out: &Path, table: &str) -> Vec<Row> {
    let mut rows = rows(out, table);
    let corrections: Vec<Row> = rows.extract_if(.., |row| !row["corrects"].is_empty()).collect();
    for correction in corrections {
        let taken_back = rows.iter().position(|row| row["output_id"] == correction["corrects"]);
        rows.remove(taken_back.expect("a row that is taken back was written"));
    }
    rows
}

/// Every file below `directory`, sorted.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn row_of(batch: &RecordBatch, row: usize) -> Row {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns());
    cells.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
}

/// Reads a cell: empty for null, microseconds for an instant, all of it for a list.
fn cell(column: &dyn Array, row: usize) -> String {
    match column.data_type() {
        _ if column.is_null(row) => String::new(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(row);
            (0..list.len()).map(|item| cell(&list, item)).collect::<Vec<_>>().join("; ")
        }
        DataType::Struct(_) => {
            let fields = column.as_struct().columns();
            fields.iter().map(|field| cell(field, row)).collect::<Vec<_>>().join(",")
        }
        _ => array_value_to_string(column, row).unwrap(),
    }
}
