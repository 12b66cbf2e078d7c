//! Carries the tags of customers that nothing happened to from one commit to the next.
//!
//! The rows are copied as columns, in order, and none of them is taken apart: a tag that stands
//! costs a few microseconds a night, and no state is read for it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::errors::ParquetError;

use crate::error::Error;
use crate::message::KeyKind;
use crate::time::{Day, Timestamp};

use super::column::Columns;
use super::commit::Staging;
use super::current_tags::{self, CurrentTag};
use super::difference::conformed;
use super::parquet_file::{self, OutputFile};
use super::staged_file::{Finished, StagedFile};
use super::table::Table;
use super::tables::Context;
use super::words;

/// The tags that stood at the end of the last commit.
pub struct Earlier<'a> {
    /// The files of the table `current_tags`.
    pub files: Vec<PathBuf>,
    /// Says whether a row stays: nothing has happened in its history.
    pub stays: &'a (dyn Fn(&TagOf<'_>) -> bool + Sync),
}

/// Whose tag a row of `current_tags` is, as it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TagOf<'r> {
    /// The company.
    pub corp: &'r str,
    /// The customer or member; may be empty.
    pub customer: &'r str,
    /// The employee; may be empty.
    pub staff: &'r str,
    /// The group; may be empty.
    pub room: &'r str,
    /// The kind of key.
    pub kind: KeyKind,
    /// The tag's id.
    pub tag: &'r str,
}

/// Writes `rows`, which are in file order, together with those of earlier commits that stay.
pub(super) fn write_file(
    staging: &Staging,
    day: Day,
    rows: &[CurrentTag],
    earlier: &Earlier<'_>,
    as_of: Timestamp,
    context: &Context<'_>,
) -> Result<OutputFile, Error> {
    let table = current_tags::table();
    let failed = |source| Error::parquet(table.name, source);
    let sink = StagedFile::create(staging, &format!("{}-{}.parquet", table.name, day.to_iso()))?;
    let properties = parquet_file::properties(&table).map_err(failed)?;
    let mut writer = ArrowWriter::try_new(sink, table.schema(), Some(properties)).map_err(failed)?;
    let mut merge = Merge { table: &table, schema: table.schema(), rows, as_of, context, n_rows: 0 };
    for path in &earlier.files {
        merge.copy(path, earlier, &mut writer)?;
    }
    merge.finish(&mut writer).map_err(failed)?;
    let rows = merge.n_rows;
    let Finished { path, bytes, blake3 } = writer.into_inner().map_err(failed)?.finish()?;
    Ok(OutputFile { table: table.name, day, bytes, blake3, rows, path })
}

/// New rows on their way between old ones.
struct Merge<'m> {
    table: &'m Table,
    schema: SchemaRef,
    /// Those that are not written yet.
    rows: &'m [CurrentTag],
    as_of: Timestamp,
    context: &'m Context<'m>,
    n_rows: u64,
}

impl Merge<'_> {
    /// Copies what stays of a file of an earlier commit, with new rows at their places.
    fn copy(
        &mut self,
        path: &Path,
        earlier: &Earlier<'_>,
        writer: &mut ArrowWriter<StagedFile>,
    ) -> Result<(), Error> {
        let damaged = || Error::damaged(path, "it cannot be read as the table of current tags");
        let file = File::open(path).map_err(|source| Error::read(path, source))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(parquet_file::BATCH_ROWS).build());
        for batch in reader.map_err(|_| damaged())? {
            let batch = batch.and_then(|batch| self.renewed(&batch)).map_err(|_| damaged())?;
            let merged = self.merged(&batch, earlier).and_then(|batch| writer.write(&batch));
            merged.map_err(|source| Error::parquet(self.table.name, source))?;
        }
        Ok(())
    }

    /// Returns rows with the columns of today and the new `as_of`.
    fn renewed(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let n_rows = batch.num_rows();
        let batch = conformed(batch, &self.schema)?;
        let mut columns = batch.columns().to_vec();
        let as_of = vec![super::column::micros(self.as_of); n_rows];
        columns[self.table.position("as_of")] =
            Arc::new(TimestampMicrosecondArray::from(as_of).with_timezone("UTC"));
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    /// Returns what stays of `old`, with the new rows that come before its last row. Runs of rows are copied,
    /// not single ones: nearly all stay.
    fn merged(&mut self, old: &RecordBatch, earlier: &Earlier<'_>) -> Result<RecordBatch, ParquetError> {
        let (names, mut runs, mut start) = (Names::of(old), Vec::new(), 0);
        for row in 0..old.num_rows() {
            let tag = names.tag_of(row);
            let n_new = self.rows.iter().take_while(|new| key_order(new, &tag) == Ordering::Less).count();
            let stays = (earlier.stays)(&tag);
            if n_new == 0 && stays {
                continue;
            }
            runs.push(old.slice(start, row - start));
            let (new, rest) = self.rows.split_at(n_new);
            runs.push(self.batch_of(new)?);
            self.rows = rest;
            start = row + usize::from(!stays);
        }
        runs.push(old.slice(start, old.num_rows() - start));
        let merged = concat_batches(&self.schema, &runs)?;
        self.n_rows += merged.num_rows() as u64;
        Ok(merged)
    }

    /// Writes the new rows that are left.
    fn finish(&mut self, writer: &mut ArrowWriter<StagedFile>) -> Result<(), ParquetError> {
        self.n_rows += self.rows.len() as u64;
        let mut batches = self.rows.chunks(parquet_file::BATCH_ROWS).map(|rows| self.batch_of(rows));
        batches.try_for_each(|batch| writer.write(&batch?))
    }

    fn batch_of(&self, rows: &[CurrentTag]) -> Result<RecordBatch, ParquetError> {
        let mut columns = Columns::new(&self.table.columns);
        for row in rows {
            columns.push_row(|cells| current_tags::fill(cells, row, self.as_of, self.context));
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns.finish())?)
    }
}

fn key_order(new: &CurrentTag, old: &TagOf<'_>) -> Ordering {
    let key = &new.key;
    let parts: [&str; 4] = [&key.corp, &key.customer, &key.staff, &key.room];
    parts.cmp(&[old.corp, old.customer, old.staff, old.room]).then(key.kind.cmp(&old.kind))
}

/// The columns that say whose tag a row is.
struct Names<'b> {
    columns: [&'b StringArray; 6],
}

impl<'b> Names<'b> {
    fn of(batch: &'b RecordBatch) -> Names<'b> {
        let column = |name: &str| batch.column_by_name(name).expect("the table has it").as_string::<i32>();
        Names { columns: ["corp", "customer", "staff", "room", "key_kind", "tag_id"].map(column) }
    }

    fn tag_of(&self, row: usize) -> TagOf<'b> {
        let text = |column: usize| {
            let column = self.columns[column];
            if column.is_null(row) { "" } else { column.value(row) }
        };
        TagOf {
            corp: text(0),
            customer: text(1),
            staff: text(2),
            room: text(3),
            kind: words::key_kind_of(text(4)).unwrap_or(KeyKind::Customer),
            tag: text(5),
        }
    }
}

/// Counts the rows of a file of `current_tags` by the path of their tag; those of experimental rules are left out.
///
/// # Errors
///
/// Returns an error when the file cannot be read.
pub fn standing_by_path(path: &Path) -> Result<BTreeMap<String, u64>, Error> {
    let damaged = |_| Error::damaged(path, "it cannot be read as the table of current tags");
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["tag_path", "shadow"]);
    let mut counts = BTreeMap::new();
    for batch in builder.with_projection(mask).build().map_err(damaged)? {
        let batch = batch.map_err(|error| damaged(error.into()))?;
        let (paths, shadow) = (batch.column(0).as_string::<i32>(), batch.column(1).as_boolean());
        let live = (0..batch.num_rows()).filter(|row| !shadow.value(*row));
        live.for_each(|row| *counts.entry(paths.value(row).to_owned()).or_default() += 1);
    }
    Ok(counts)
}
