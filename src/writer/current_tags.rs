//! The table `current_tags`: the tags that hold at the end of a run. Analysts start here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::Error;
use crate::message::Key;
use crate::rules::{RuleIdx, TagIdx};
use crate::time::Timestamp;
use crate::verdict::{Evidence, Standing};

use super::column::Cells;
use super::common;
use super::parquet_file::BATCH_ROWS;
use super::table::{ColumnDef, History, Kind, Table};
use super::tables::{Context, key_order};
use super::tag_events::{
    put_source, put_standing, put_tag, source_column, standing_columns, tag_columns, tag_of,
};

/// A tag that holds at the end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct CurrentTag {
    /// Whose.
    pub key: Arc<Key>,
    /// The tag.
    pub tag: TagIdx,
    /// How it stands.
    pub standing: Standing,
    /// The rule whose evidence came last.
    pub rule: Option<RuleIdx>,
    /// From an experimental rule: written, without effect.
    pub shadow: bool,
    /// The newest evidence, in event order.
    pub evidence: Vec<Evidence>,
    /// When something happens in its history without an event. Not written: it says which rows lie together.
    pub due: Option<Timestamp>,
}

/// Describes the table.
pub(super) fn table() -> Table {
    let mut columns = common::key_columns();
    columns.extend(tag_columns());
    columns.push(ColumnDef::new("since", Kind::Time, "when the tag was assigned"));
    columns.extend(standing_columns());
    columns.push(ColumnDef::new("as_of", Kind::Time, "the instant the row speaks of"));
    columns.extend(common::origin_columns());
    columns.push(common::evidence_column());
    columns.push(source_column());
    Table {
        name: "current_tags",
        doc: "one tag that a key has at `as_of`",
        columns,
        sorted_by: &["corp", "customer"],
        bloom: &[],
        partition: "last local day before `as_of`",
        history: History::Replaced,
    }
}

/// The full order of rows.
pub(super) fn order(a: &CurrentTag, b: &CurrentTag) -> Ordering {
    key_order(&a.key, &b.key).then((a.tag, a.shadow).cmp(&(b.tag, b.shadow)))
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, row: &CurrentTag, as_of: Timestamp, context: &Context) {
    let tag = tag_of(context.rules, row.tag);
    common::put_key(cells, &row.key);
    put_tag(cells, tag);
    cells.put(row.standing.since);
    put_standing(cells, &row.standing, tag);
    cells.put(as_of);
    common::put_origin(cells, row.rule, row.shadow, context.rules);
    common::put_evidence(cells, &row.evidence, context);
    put_source(cells, &row.standing);
}

/// Counts the rows of a file of `current_tags` by the path of their tag; those of experimental rules are left out.
///
/// # Errors
///
/// Returns an error when the file cannot be read.
pub fn standing_by_path(path: &Path) -> Result<BTreeMap<String, u64>, Error> {
    let damaged = |_| damaged(path);
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["tag_path", "shadow"]);
    let mut counts = BTreeMap::new();
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(damaged)? {
        count_standing(&batch.map_err(|error| damaged(error.into()))?, &mut counts);
    }
    Ok(counts)
}

/// Says that the file at `path` is no file of this table.
pub(super) fn damaged(path: &Path) -> Error {
    Error::damaged(path, "it cannot be read as the table of current tags")
}

fn count_standing(batch: &RecordBatch, counts: &mut BTreeMap<String, u64>) {
    let (paths, shadow) = (batch.column(0).as_string::<i32>(), batch.column(1).as_boolean());
    for row in (0..batch.num_rows()).filter(|row| !shadow.value(*row)) {
        match counts.get_mut(paths.value(row)) {
            Some(n) => *n += 1,
            None => drop(counts.insert(paths.value(row).to_owned(), 1)),
        }
    }
}
