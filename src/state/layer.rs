//! One state file: histories sorted by hash.
//!
//! | column | what |
//! |---|---|
//! | `hash` | the history's hash, 16 bytes, big end first |
//! | `wake_at` | the next instant (ms) at which something happens without an event; null: none |
//! | `ranked` | a rule over the whole population remembers something of it |
//! | `class`, `corp`, `primary` | whose history it is |
//! | `state` | a [`History`](super::History), encoded |
//!
//! Pages are small and have an index: reading a few states reads little beside them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Int32Builder};
use arrow::array::{Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::Error;
use crate::message::Class;
use crate::time::Timestamp;
use crate::writer::{Finished, StagedFile, Staging, StateFile};

use super::FORMAT;
use super::footer::{self, Builder};
use super::index::Index;

/// A history as a row of a layer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredHistory {
    /// The history's hash.
    pub hash: u128,
    /// Which histories it is one of.
    pub class: Class,
    /// The company.
    pub corp: Box<str>,
    /// Customer, room or staff id, by class.
    pub primary: Box<str>,
    /// When something happens in it without an event.
    pub wake_at: Option<Timestamp>,
    /// A rule over the whole population remembers something of it.
    pub ranked: bool,
    /// The encoded [`History`](super::History).
    pub state: Vec<u8>,
}

/// A state file, open for reading.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl Layer {
    /// Opens a state file.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read, is no state file, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Layer, Error> {
        let (_, metadata) = footer::open(path, unreadable)?;
        match footer::is_marked(&metadata, MAGIC, path)? {
            true => Ok(Layer { path: path.to_owned(), metadata }),
            false => Err(Error::damaged(path, "it is no state file")),
        }
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of its rows.
    pub fn n_rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Reads what tells which rows are wanted.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read.
    pub fn index(&self) -> Result<Index, Error> {
        let builder = self.builder(&["hash", "wake_at", "ranked"])?.with_batch_size(self.n_rows().max(1));
        let reader = builder.build().map_err(|_| unreadable(&self.path))?;
        Index::of(reader).map_err(|_| unreadable(&self.path))
    }

    /// Reads the rows with the given numbers, which ascend.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read.
    pub fn read(&self, rows: &[u32]) -> Result<Rows, Error> {
        let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
        self.rows(footer::only(self.builder(&COLUMNS)?, ranges))
    }

    /// Reads all rows.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read.
    pub fn scan(&self) -> Result<Rows, Error> {
        self.rows(self.builder(&COLUMNS)?)
    }

    fn rows(&self, builder: Builder) -> Result<Rows, Error> {
        let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|_| unreadable(&self.path))?;
        Ok(Rows { path: self.path.clone(), reader, batch: None, next: 0 })
    }

    fn builder(&self, columns: &[&str]) -> Result<Builder, Error> {
        let file = File::open(&self.path).map_err(|source| Error::read(&self.path, source))?;
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), columns.iter().copied());
        Ok(Builder::new_with_metadata(file, self.metadata.clone()).with_projection(mask))
    }
}

/// Rows of a layer, in order of their hashes.
pub(super) struct Rows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    next: usize,
}

impl Rows {
    fn next_row(&mut self) -> Result<Option<StoredHistory>, ArrowError> {
        while self.batch.as_ref().is_none_or(|batch| self.next == batch.num_rows()) {
            let Some(batch) = self.reader.next().transpose()? else { return Ok(None) };
            (self.batch, self.next) = (Some(batch), 0);
        }
        let row = self.batch.as_ref().map(|batch| row_of(batch, self.next));
        self.next += 1;
        Ok(row)
    }
}

impl Iterator for Rows {
    type Item = Result<StoredHistory, Error>;

    fn next(&mut self) -> Option<Result<StoredHistory, Error>> {
        self.next_row().map_err(|_| unreadable(&self.path)).transpose()
    }
}

fn row_of(batch: &RecordBatch, row: usize) -> StoredHistory {
    let dues = batch.column(1).as_primitive::<Int64Type>();
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row).into();
    let class = batch.column(3).as_primitive::<Int32Type>().value(row);
    StoredHistory {
        hash: hash_of(batch.column(0).as_fixed_size_binary().value(row)),
        class: Class::from_u8(u8::try_from(class).unwrap_or_default()),
        corp: text(4),
        primary: text(5),
        wake_at: dues.is_valid(row).then(|| Timestamp(dues.value(row))),
        ranked: batch.column(2).as_boolean().value(row),
        state: batch.column(6).as_binary::<i32>().value(row).to_vec(),
    }
}

fn hash_of(bytes: &[u8]) -> u128 {
    u128::from_be_bytes(bytes.try_into().expect("the column is 16 bytes wide"))
}

fn unreadable(path: &Path) -> Error {
    Error::damaged(path, "it cannot be read as a state file")
}

/// Writes rows, which ascend by hash, as a state file of `part`.
///
/// # Errors
///
/// Returns the error of a row that cannot be had, and one when the file cannot be written.
pub(super) fn write_layer(
    staging: &Staging,
    part: &str,
    rows: impl Iterator<Item = Result<StoredHistory, Error>>,
) -> Result<StateFile, Error> {
    let failed = |source| Error::parquet("state", source);
    let sink = StagedFile::create(staging, &format!("state-{part}.parquet"))?;
    let properties = properties().map_err(failed)?;
    let mut writer = ArrowWriter::try_new(sink, schema(), Some(properties)).map_err(failed)?;
    let (mut columns, mut n_rows) = (Columns::default(), 0_u64);
    for row in rows {
        columns.push(&row?);
        n_rows += 1;
        if n_rows.is_multiple_of(BATCH_ROWS as u64) {
            columns.finish().and_then(|batch| writer.write(&batch)).map_err(failed)?;
        }
    }
    columns.finish().and_then(|batch| writer.write(&batch)).map_err(failed)?;
    let Finished { path, bytes, blake3 } = writer.into_inner().map_err(failed)?.finish()?;
    Ok(StateFile { part: part.to_owned(), day: None, bytes, blake3, rows: n_rows, path })
}

/// A batch while it is filled.
struct Columns {
    hash: FixedSizeBinaryBuilder,
    wake_at: Int64Builder,
    ranked: BooleanBuilder,
    class: Int32Builder,
    corp: StringBuilder,
    primary: StringBuilder,
    state: BinaryBuilder,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns {
            hash: FixedSizeBinaryBuilder::new(16),
            wake_at: Int64Builder::new(),
            ranked: BooleanBuilder::new(),
            class: Int32Builder::new(),
            corp: StringBuilder::new(),
            primary: StringBuilder::new(),
            state: BinaryBuilder::new(),
        }
    }
}

impl Columns {
    fn push(&mut self, row: &StoredHistory) {
        self.hash.append_value(row.hash.to_be_bytes()).expect("16 bytes are 16 bytes");
        self.wake_at.append_option(row.wake_at.map(|at| at.0));
        self.ranked.append_value(row.ranked);
        self.class.append_value(row.class as i32);
        self.corp.append_value(&row.corp);
        self.primary.append_value(&row.primary);
        self.state.append_value(&row.state);
    }

    fn finish(&mut self) -> Result<RecordBatch, ParquetError> {
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(self.hash.finish()),
            Arc::new(self.wake_at.finish()),
            Arc::new(self.ranked.finish()),
            Arc::new(self.class.finish()),
            Arc::new(self.corp.finish()),
            Arc::new(self.primary.finish()),
            Arc::new(self.state.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

fn schema() -> SchemaRef {
    let kinds = [
        DataType::FixedSizeBinary(16),
        DataType::Int64,
        DataType::Boolean,
        DataType::Int32,
        DataType::Utf8,
        DataType::Utf8,
        DataType::Binary,
    ];
    let field = |(name, kind): (&&str, DataType)| Field::new(*name, kind, *name == "wake_at");
    Arc::new(Schema::new(COLUMNS.iter().zip(kinds).map(field).collect::<Vec<_>>()))
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let pair = KeyValue::new(MAGIC.to_owned(), FORMAT.to_string());
    let mut builder = WriterProperties::builder();
    for column in ["class", "corp", "primary"] {
        builder = builder.set_column_data_page_row_count_limit(ColumnPath::from(column), ID_PAGE_ROWS);
    }
    // Hashes do not get smaller, and of the others there is little: a reader is spared a decompressor for each.
    for column in ["hash", "ranked", "corp"] {
        builder = builder.set_column_compression(ColumnPath::from(column), Compression::UNCOMPRESSED);
    }
    Ok(builder
        .set_created_by(concat!("chattag version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_column_dictionary_enabled(ColumnPath::from("corp"), true)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_column_data_page_row_count_limit(ColumnPath::from("state"), STATE_PAGE_ROWS)
        .set_write_batch_size(STATE_PAGE_ROWS)
        .set_key_value_metadata(Some(vec![pair]))
        .build())
}

const COLUMNS: [&str; 7] = ["hash", "wake_at", "ranked", "class", "corp", "primary", "state"];

/// What marks a state file; its value is the format.
const MAGIC: &str = "chattag.state";

/// Rows of a page of encoded states, which are large: one that is wanted costs the decoding of so many.
const STATE_PAGE_ROWS: usize = 4;

/// Rows of a page of ids, which are read with the state.
const ID_PAGE_ROWS: usize = 64;

/// Rows of a page of the columns that a night reads whole.
const PAGE_ROWS: usize = 512;

/// Rows handed to the encoder, or by the decoder, at a time.
const BATCH_ROWS: usize = 1_024;
