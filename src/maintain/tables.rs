//! Reads the tables of an output directory back, for tools that look at what runs decided.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use walkdir::WalkDir;

use crate::error::Error;
use crate::time::Timestamp;

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A file could not be opened.
    #[error(transparent)]
    File(#[from] Error),
    /// A file is no Parquet file.
    #[error("`{path}` cannot be read as Parquet")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A batch could not be read or made.
    #[error("a batch of rows cannot be read")]
    Arrow(#[from] arrow::error::ArrowError),
    /// There is no such table.
    #[error("there is no table `{table}` in `{out}`: is it the output directory of `chattag run`?")]
    NoTable {
        /// The table.
        table: String,
        /// The directory.
        out: PathBuf,
    },
    /// No run writes such a table.
    #[error("there is no table `{table}`: there are {known}")]
    UnknownTable {
        /// What was asked for.
        table: String,
        /// What there is.
        known: String,
    },
    /// The table has no such column.
    #[error("table `{table}` has no column `{column}`: there are {known}")]
    NoColumn {
        /// The table.
        table: String,
        /// What was asked for.
        column: String,
        /// What there is.
        known: String,
    },
}

/// Returns the batches of `table` in the view `view` of the output directory `out`: `current`, or
/// `snapshots/N`. In path order.
///
/// # Errors
///
/// There is no such table, or a file cannot be read.
pub fn read(out: &Path, view: &str, table: &str) -> Result<Vec<RecordBatch>, TableError> {
    let root = out.join(view).join(table);
    if !root.exists() {
        return Err(TableError::NoTable { table: table.to_owned(), out: out.to_owned() });
    }
    let mut batches = Vec::new();
    for entry in WalkDir::new(&root).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::read(&root, error.into()))?;
        if entry.path().extension().is_some_and(|extension| extension == "parquet") {
            read_file(entry.path(), &mut batches)?;
        }
    }
    Ok(batches)
}

fn read_file(path: &Path, batches: &mut Vec<RecordBatch>) -> Result<(), TableError> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let no_parquet = |source| TableError::Parquet { path: path.to_owned(), source };
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(no_parquet)?;
    for batch in reader.build().map_err(no_parquet)? {
        batches.push(batch?);
    }
    Ok(())
}

/// One batch, looked at row by row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'b>(pub &'b RecordBatch);

impl<'b> Rows<'b> {
    /// Returns the text in `column` of `row`; empty when it is null or there is no such column.
    pub fn text(&self, column: &str, row: usize) -> &'b str {
        let column = self.0.column_by_name(column).and_then(|column| column.as_string_opt::<i32>());
        column.filter(|column| !column.is_null(row)).map_or("", |column| column.value(row))
    }

    /// Returns the instant in `column` of `row`.
    pub fn time(&self, column: &str, row: usize) -> Option<Timestamp> {
        let column = self.0.column_by_name(column)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        (!column.is_null(row)).then(|| Timestamp(column.value(row).div_euclid(1000)))
    }

    /// Returns the flag in `column` of `row`; false when it is null or there is no such column.
    pub fn flag(&self, column: &str, row: usize) -> bool {
        let column = self.0.column_by_name(column).and_then(|column| column.as_boolean_opt());
        column.is_some_and(|column| !column.is_null(row) && column.value(row))
    }
}
