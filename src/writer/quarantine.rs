//! The table `quarantine`: records that were refused, with where they stand.

use std::borrow::Cow;

use super::column::{Cells, int64};
use super::table::{ColumnDef, History, Kind, Table};
use super::tables::Context;

/// One refused record.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Quarantined {
    /// The file, as the plan names it.
    pub path: String,
    /// Line, counted from 1; 0 when the format has no lines.
    pub line: u64,
    /// Byte offset of the record in the (decompressed) file.
    pub offset: u64,
    /// Stable reason code.
    pub code: String,
    /// What exactly; free of message text.
    pub detail: String,
    /// The record's bytes, when they are to be kept.
    pub raw: Option<Vec<u8>>,
}

/// Describes the table.
pub(super) fn table() -> Table {
    Table {
        name: "quarantine",
        doc: "one refused record",
        columns: vec![
            ColumnDef::new("file", Kind::Text, "archive file"),
            ColumnDef::new("line", Kind::Int64, "line, from 1; 0 when the format has no lines"),
            ColumnDef::new("byte_offset", Kind::Int64, "first byte of the record in the decompressed file"),
            ColumnDef::new("code", Kind::Text, "reason code"),
            ColumnDef::new("detail", Kind::Text, "what exactly, without message text"),
            ColumnDef::nullable(
                "raw",
                Kind::Text,
                "the record, its first 4,096 bytes, masked, broken UTF-8 replaced; null when not asked for and with --no-text",
            ),
        ],
        sorted_by: &["file", "byte_offset"],
        bloom: &[],
        partition: "last local day before the run's `as_of`",
        history: History::Accumulates,
    }
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, row: &Quarantined, context: &Context) {
    cells.put(row.path.as_str()).put(int64(row.line)).put(int64(row.offset));
    cells.put(row.code.as_str()).put(row.detail.as_str());
    let raw = row.raw.as_deref().filter(|_| !context.options.no_text).map(head);
    cells.put(raw.as_deref().map(|raw| context.options.shown(raw)).as_deref());
}

/// Returns the beginning of a record as text.
fn head(raw: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&raw[..raw.len().min(MAX_RAW_BYTES)])
}

/// Most bytes of a refused record that are kept: enough to see what it is; line and offset find the rest.
const MAX_RAW_BYTES: usize = 4_096;
