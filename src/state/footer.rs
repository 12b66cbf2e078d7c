//! Opens state files and reads what their footers say.

use std::fs::File;
use std::path::Path;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
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
