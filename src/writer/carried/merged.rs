//! Merges small parts with the rows of tonight.

use std::cmp::Ordering;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use rayon::prelude::*;

use crate::error::Error;

use super::super::column::Columns;
use super::super::current_tags::{self, CurrentTag};
use super::super::parquet_file::BATCH_ROWS;
use super::super::staged_file::StagedFile;
use super::part::Part;
use super::{Desk, Names, TagOf};

/// Writes `rows` and what stays of `parts` in file order; returns the file.
pub(super) fn write(
    parts: &[Part],
    rows: &[&CurrentTag],
    writer: ArrowWriter<StagedFile>,
    desk: &Desk<'_>,
) -> Result<StagedFile, Error> {
    let failed = |source| Error::parquet(desk.table.name, source);
    let new = rows.par_chunks(BATCH_ROWS).map(|rows| batch_of(rows, desk));
    let mut batches = new.collect::<Result<Vec<_>, ParquetError>>().map_err(failed)?;
    for part in parts {
        let read = |group| {
            let mut batches = Vec::new();
            part.read(group, desk, |batch| {
                batches.push(batch);
                Ok(())
            })?;
            Ok(batches)
        };
        let groups = part.groups().par_iter().map(read);
        batches.extend(groups.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten());
    }
    encode(&batches, writer).map_err(failed)
}

fn batch_of(rows: &[&CurrentTag], desk: &Desk<'_>) -> Result<RecordBatch, ParquetError> {
    let mut columns = Columns::new(&desk.table.columns);
    for row in rows {
        columns.push_row(|cells| current_tags::fill(cells, row, desk.as_of, desk.context));
    }
    Ok(RecordBatch::try_new(desk.table.schema(), columns.finish())?)
}

fn encode(batches: &[RecordBatch], mut writer: ArrowWriter<StagedFile>) -> Result<StagedFile, ParquetError> {
    let (places, batches): (_, Vec<&RecordBatch>) = (in_file_order(batches), batches.iter().collect());
    for places in places.chunks(BATCH_ROWS) {
        writer.write(&interleave_record_batch(&batches, places)?)?;
    }
    writer.into_inner()
}

/// Returns the places of all rows (batch, row) in file order. The tags of one key stand in one batch or in
/// neighbouring ones, already in order.
fn in_file_order(batches: &[RecordBatch]) -> Vec<(usize, usize)> {
    let names: Vec<Names<'_>> = batches.iter().map(Names::of).collect();
    let mut tags: Vec<(TagOf<'_>, (usize, usize))> = Vec::new();
    for (number, (batch, names)) in batches.iter().zip(&names).enumerate() {
        tags.extend((0..batch.num_rows()).map(|row| (names.tag_of(row), (number, row))));
    }
    tags.par_sort_by(|a, b| key_order(&a.0, &b.0));
    tags.into_iter().map(|(_, place)| place).collect()
}

fn key_order(a: &TagOf<'_>, b: &TagOf<'_>) -> Ordering {
    let names = [a.corp, a.customer, a.staff, a.room].cmp(&[b.corp, b.customer, b.staff, b.room]);
    names.then(a.kind.cmp(&b.kind))
}
