//! Writes the rows of one day of one table into one Parquet file.
//!
//! Rows go to the encoder in small batches and on into a [`StagedFile`].

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::Error;
use crate::time::Day;

use super::column::{Cells, Columns};
use super::commit::Staging;
use super::staged_file::{Finished, StagedFile};
use super::table::{ColumnDef, History, ITEM, Kind, Table};

/// A finished file in the staging area.
#[derive(Clone, Debug)]
pub struct OutputFile {
    /// Its table.
    pub table: &'static str,
    /// The local day of its partition.
    pub day: Day,
    /// Size in bytes.
    pub bytes: u64,
    /// Content hash.
    pub blake3: blake3::Hash,
    /// Number of rows.
    pub rows: u64,
    /// Where it waits to be committed.
    pub path: PathBuf,
}

/// Writes `rows` in the given order, makes them durable and checks the result.
pub(super) fn write_file<T: Sync>(
    staging: &Staging,
    table: &Table,
    day: Day,
    rows: &[&T],
    fill: impl Fn(&T, &mut Cells) + Sync,
) -> Result<OutputFile, Error> {
    stage(staging, table, day, "", |sink| {
        let sink = encode(sink, table, rows, fill).map_err(|source| Error::parquet(table.name, source))?;
        Ok((sink, rows.len() as u64))
    })
}

/// Stages a file of `table`, whose name ends in `suffix`: `fill` returns it with the number of its rows.
pub(super) fn stage(
    staging: &Staging,
    table: &Table,
    day: Day,
    suffix: &str,
    fill: impl FnOnce(StagedFile) -> Result<(StagedFile, u64), Error>,
) -> Result<OutputFile, Error> {
    let name = format!("{}-{}{suffix}.parquet", table.name, day.to_iso());
    let (sink, rows) = fill(StagedFile::create(staging, &name)?)?;
    let Finished { path, bytes, blake3 } = sink.finish()?;
    Ok(OutputFile { table: table.name, day, bytes, blake3, rows, path })
}

fn encode<T: Sync>(
    sink: StagedFile,
    table: &Table,
    rows: &[&T],
    fill: impl Fn(&T, &mut Cells) + Sync,
) -> Result<StagedFile, ParquetError> {
    let schema = table.schema();
    let mut writer = ArrowWriter::try_new(sink, Arc::clone(&schema), Some(properties(table, None)?))?;
    let mut columns = Columns::new(&table.columns);
    let mut make = |rows: &[&T]| {
        rows.iter().for_each(|row| columns.push_row(|cells| fill(row, cells)));
        finish_batch(&schema, &mut columns)
    };
    let mut rest = rows.chunks(BATCH_ROWS);
    let mut made = rest.next().map(&mut make).transpose()?;
    while let Some(batch) = made {
        // The next batch is filled while this one is encoded: a day's largest table is one file.
        let (written, next) = rayon::join(|| writer.write(&batch), || rest.next().map(&mut make).transpose());
        written?;
        made = next?;
    }
    writer.into_inner()
}

fn finish_batch(schema: &SchemaRef, columns: &mut Columns) -> Result<RecordBatch, ParquetError> {
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.finish())?)
}

/// Returns how the files of a table are written; their footers also say `pair`.
pub(super) fn properties(table: &Table, pair: Option<KeyValue>) -> Result<WriterProperties, ParquetError> {
    let name = KeyValue::new("chattag.table".to_owned(), table.name.to_owned());
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level(table))?))
        .set_max_row_group_row_count(Some(row_group_rows(table)))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(sorting_columns(table))
        .set_key_value_metadata(Some([name].into_iter().chain(pair).collect()));
    for (path, column) in leaves(&table.columns) {
        if matches!(column.kind, Kind::Time) || DISTINCT.contains(&column.name) {
            // A dictionary would hold nearly every value.
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
        }
        if path.parts().len() > 1 {
            // No reader skips anything by what lists of structures hold.
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    for column in table.bloom {
        builder = builder.set_column_bloom_filter_enabled(ColumnPath::from(*column), true);
    }
    Ok(builder.build())
}

fn row_group_rows(table: &Table) -> usize {
    match table.history {
        History::Replaced => CARRIED_GROUP_ROWS,
        _ => ROW_GROUP_ROWS,
    }
}

/// Returns the columns and, in the place of lists of structures, their fields, each with its path in the file.
fn leaves(columns: &[ColumnDef]) -> Vec<(ColumnPath, &ColumnDef)> {
    let path = |names: &[&str]| ColumnPath::new(names.iter().map(|name| (*name).to_owned()).collect());
    let mut leaves = Vec::new();
    for column in columns {
        match &column.kind {
            Kind::Rows(fields) => {
                let inner = |field: &ColumnDef| path(&[column.name, "list", ITEM, field.name]);
                leaves.extend(fields.iter().map(|field| (inner(field), field)));
            }
            _ => leaves.push((path(&[column.name]), column)),
        }
    }
    leaves
}

/// Says by which columns the rows are sorted. They stand before any nested column, so that their
/// position among the columns is their position among Parquet's leaves.
fn sorting_columns(table: &Table) -> Option<Vec<SortingColumn>> {
    let sorting = |name: &&str| SortingColumn {
        column_idx: i32::try_from(table.position(name)).expect("tables have few columns"),
        descending: false,
        nulls_first: true,
    };
    (!table.sorted_by.is_empty()).then(|| table.sorted_by.iter().map(sorting).collect())
}

/// Columns of ids; instants are as different.
const DISTINCT: [&str; 2] = ["output_id", "msgid"];

/// Rows handed to the encoder at a time: enough to be fast, few enough to stay in the cache.
pub(super) const BATCH_ROWS: usize = 4_096;

/// Rows per row group: what DuckDB itself writes and scans by.
const ROW_GROUP_ROWS: usize = 122_880;

/// Rows of a row group of what is copied from commit to commit, so that all cores have a part in it.
const CARRIED_GROUP_ROWS: usize = 30_720;

/// zstd's own default for what stays: higher levels cost more time than they save space on these tables. What is
/// written anew every night is only half as worth the time.
fn zstd_level(table: &Table) -> i32 {
    match table.history {
        History::Accumulates => 3,
        History::Replaced => 1,
    }
}

/// Constant, so that equal rows give equal bytes.
const CREATED_BY: &str = concat!("chattag version ", env!("CARGO_PKG_VERSION"));
