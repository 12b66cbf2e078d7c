//! Opens state files, reads what their footers say, and picks rows.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_reader::{RowSelection, RowSelectionPolicy};
use parquet::file::metadata::PageIndexPolicy;

use crate::error::Error;

use super::FORMAT;

/// Opens a file with its footer and the index of its pages; `damaged` says that it has none.
pub(super) fn open(path: &Path, damaged: fn(&Path) -> Error) -> Result<(File, ArrowReaderMetadata), Error> {
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = ArrowReaderMetadata::load(&file, options).map_err(|_| damaged(path))?;
    Ok((file, metadata))
}

/// Has the reader give the rows in `rows` alone, which ascend, and decode no page that holds none of them. The reader's
/// own choice, where they lie less than 64 apart, is to decode all between them and to filter.
pub(super) fn only(builder: Builder, rows: impl Iterator<Item = Range<usize>>) -> Builder {
    let n_rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    builder
        .with_row_selection(RowSelection::from_consecutive_ranges(rows, n_rows))
        .with_row_selection_policy(RowSelectionPolicy::Selectors)
}

/// A reader of a state file while it is told what to read.
pub(super) type Builder = ParquetRecordBatchReaderBuilder<File>;

/// Returns what the footer says under `key`.
pub(super) fn value<'m>(metadata: &'m ArrowReaderMetadata, key: &str) -> Option<&'m str> {
    let pairs = metadata.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}

/// Returns whether the file has the mark of its kind, `magic`; its value is the format.
///
/// # Errors
///
/// A format that this version does not read.
pub(super) fn is_marked(metadata: &ArrowReaderMetadata, magic: &str, path: &Path) -> Result<bool, Error> {
    match value(metadata, magic).and_then(|format| format.parse::<u32>().ok()) {
        Some(format) if (1..=FORMAT).contains(&format) => Ok(true),
        Some(format) => Err(Error::state_format(path, format, FORMAT)),
        None => Ok(false),
    }
}
