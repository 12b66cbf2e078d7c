//! A file of the table as an earlier commit left it, and what stays of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData};
use rayon::prelude::*;

use crate::error::Error;
use crate::time::Timestamp;

use super::super::column::micros;
use super::super::current_tags::damaged;
use super::super::difference::conformed;
use super::super::parquet_file;
use super::{Desk, Earlier, Names, STAGE, Stage};

/// A file of an earlier commit.
pub(super) struct Part {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    groups: Vec<Group>,
}

/// A row group of which something stays.
pub(super) struct Group {
    /// Its number in the file.
    pub number: usize,
    /// By row.
    stays: BooleanArray,
}

impl Part {
    /// Opens a file and asks of each of its rows whether it stays.
    pub fn open(path: &Path, earlier: &Earlier<'_>) -> Result<Part, Error> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&open(path)?, options).map_err(|_| damaged(path))?;
        let mut part = Part { path: path.to_owned(), metadata, groups: Vec::new() };
        let numbers = (0..part.footer().num_row_groups()).into_par_iter();
        let groups = numbers.map(|number| part.group(number, earlier)).collect::<Result<Vec<_>, Error>>()?;
        part.groups = groups.into_iter().filter(|group| group.n_rows() > 0).collect();
        Ok(part)
    }

    fn group(&self, number: usize, earlier: &Earlier<'_>) -> Result<Group, Error> {
        let n_rows = self.footer().row_group(number).num_rows();
        let mut stays = Vec::with_capacity(usize::try_from(n_rows).unwrap_or(0));
        for batch in self.reader(number, Some(&Names::COLUMNS))? {
            let batch = batch.map_err(|_| self.damaged())?;
            let names = Names::of(&batch);
            stays.extend((0..batch.num_rows()).map(|row| (earlier.stays)(&names.tag_of(row))));
        }
        Ok(Group { number, stays: BooleanArray::from(stays) })
    }

    /// Returns its stage; parts of older versions are at rest.
    pub fn stage(&self) -> Stage {
        let pairs = self.footer().file_metadata().key_value_metadata().into_iter().flatten();
        let is_awake =
            |pair: &KeyValue| pair.key == STAGE && pair.value.as_deref() == Some(Stage::Awake.name());
        if pairs.into_iter().any(is_awake) { Stage::Awake } else { Stage::AtRest }
    }

    /// Returns the row groups of which something stays.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns how many rows stay.
    pub fn n_rows(&self) -> usize {
        self.groups.iter().map(Group::n_rows).sum()
    }

    /// Returns what is known of the file.
    pub fn footer(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// Opens the file.
    pub fn file(&self) -> Result<File, Error> {
        open(&self.path)
    }

    fn damaged(&self) -> Error {
        damaged(&self.path)
    }

    /// Calls `visit` with what stays of a row group, with the columns of today and the new `as_of`.
    pub fn read(
        &self,
        group: &Group,
        desk: &Desk<'_>,
        mut visit: impl FnMut(RecordBatch) -> Result<(), ParquetError>,
    ) -> Result<(), Error> {
        let (mut start, schema) = (0, desk.table.schema());
        for batch in self.reader(group.number, None)? {
            let renewed = batch.and_then(|batch| {
                let stays = group.stays.slice(start, batch.num_rows());
                start += batch.num_rows();
                renewed(&filter_record_batch(&batch, &stays)?, &schema, desk.as_of)
            });
            let renewed = renewed.map_err(|_| self.damaged())?;
            visit(renewed).map_err(|source| Error::parquet(desk.table.name, source))?;
        }
        Ok(())
    }

    fn reader(&self, group: usize, columns: Option<&[&str]>) -> Result<ParquetRecordBatchReader, Error> {
        let metadata = self.metadata.clone();
        let mask = columns.map_or_else(ProjectionMask::all, |columns| {
            ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied())
        });
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file()?, metadata)
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(parquet_file::BATCH_ROWS);
        builder.build().map_err(|_: ParquetError| self.damaged())
    }
}

impl Group {
    /// Returns how many of its rows stay.
    pub fn n_rows(&self) -> usize {
        self.stays.true_count()
    }

    /// Returns whether all of its rows stay.
    pub fn is_whole(&self) -> bool {
        self.n_rows() == self.stays.len()
    }
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::read(path, source))
}

fn renewed(batch: &RecordBatch, schema: &SchemaRef, as_of: Timestamp) -> Result<RecordBatch, ArrowError> {
    let batch = conformed(batch, schema)?;
    let mut columns = batch.columns().to_vec();
    columns[schema.index_of(AS_OF)?] = Arc::new(instants(as_of, batch.num_rows()));
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Returns a column of one instant.
pub(super) fn instants(at: Timestamp, n_rows: usize) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(vec![micros(at); n_rows]).with_timezone("UTC")
}

/// The column that differs in every commit.
pub(super) const AS_OF: &str = "as_of";
