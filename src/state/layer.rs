//! One state file: histories sorted by hash.
//!
//! | column | what |
//! |---|---|
//! | `hash` | the history's hash, 16 bytes, big end first |
//! | `wake_at` | the next instant (ms) at which something happens without an event; null: none |
//! | `ranked` | a rule over the whole population remembers something of it |
//! | `history` | whose history it is: class, company and id; behind it a [`History`](super::History), encoded |
//!
//! Pages are small and have an index: reading a few histories reads one column and little beside them. In formats
//! 1 and 2 there were columns `class`, `corp`, `primary` and `state` instead of `history`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder};
use arrow::array::{Int64Builder, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
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
use super::bytes;
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

    /// Reads the rows with the given numbers, which ascend. What `index`, which is this layer's, knows of them is not
    /// read once more.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read.
    pub fn read<'l>(&self, rows: &'l [u32], index: &'l Index) -> Result<Rows<'l>, Error> {
        let ranges = rows.iter().map(|row| *row as usize..*row as usize + 1);
        let builder = footer::only(self.builder(&HISTORY)?, ranges);
        self.rows(builder, Box::new(rows.iter().map(|row| index.head(*row as usize))))
    }

    /// Reads all rows.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read.
    pub fn scan(&self) -> Result<Rows<'static>, Error> {
        let index = self.index()?;
        let heads = (0..self.n_rows()).map(move |row| index.head(row));
        self.rows(self.builder(&HISTORY)?, Box::new(heads))
    }

    fn rows<'l>(
        &self,
        builder: Builder,
        heads: Box<dyn Iterator<Item = Head> + 'l>,
    ) -> Result<Rows<'l>, Error> {
        let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|_| unreadable(&self.path))?;
        Ok(Rows { path: self.path.clone(), reader, heads, batch: None, next: 0 })
    }

    fn builder(&self, columns: &[&str]) -> Result<Builder, Error> {
        let file = File::open(&self.path).map_err(|source| Error::read(&self.path, source))?;
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), columns.iter().copied());
        Ok(Builder::new_with_metadata(file, self.metadata.clone()).with_projection(mask))
    }
}

/// What is known of a row without decoding its history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub hash: u128,
    pub wake_at: Option<Timestamp>,
    pub ranked: bool,
}

/// Rows of a layer, in order of their hashes.
pub(super) struct Rows<'l> {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    heads: Box<dyn Iterator<Item = Head> + 'l>,
    batch: Option<RecordBatch>,
    next: usize,
}

impl Rows<'_> {
    fn next_row(&mut self) -> Result<Option<StoredHistory>, Error> {
        let damaged = || unreadable(&self.path);
        let Some(head) = self.heads.next() else { return Ok(None) };
        while self.batch.as_ref().is_none_or(|batch| self.next == batch.num_rows()) {
            let batch = self.reader.next().ok_or_else(damaged)?.map_err(|_| damaged())?;
            (self.batch, self.next) = (Some(batch), 0);
        }
        let row = self.batch.as_ref().and_then(|batch| row_of(head, batch, self.next));
        self.next += 1;
        row.ok_or_else(damaged).map(Some)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<StoredHistory, Error>;

    fn next(&mut self) -> Option<Result<StoredHistory, Error>> {
        self.next_row().transpose()
    }
}

fn row_of(head: Head, batch: &RecordBatch, row: usize) -> Option<StoredHistory> {
    let Head { hash, wake_at, ranked } = head;
    if let Some(history) = batch.column_by_name("history") {
        let (whose, state) = bytes::split(history.as_binary::<i32>().value(row))?;
        let (class, corp, primary): (u8, Box<str>, Box<str>) = whose;
        let (class, state) = (Class::from_u8(class), state.to_vec());
        return Some(StoredHistory { hash, class, corp, primary, wake_at, ranked, state });
    }
    let text = |column: usize| batch.column(column).as_string::<i32>().value(row).into();
    let class = batch.column(0).as_primitive::<Int32Type>().value(row);
    Some(StoredHistory {
        hash,
        class: Class::from_u8(u8::try_from(class).ok()?),
        corp: text(1),
        primary: text(2),
        wake_at,
        ranked,
        state: batch.column(3).as_binary::<i32>().value(row).to_vec(),
    })
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
    history: BinaryBuilder,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns {
            hash: FixedSizeBinaryBuilder::new(16),
            wake_at: Int64Builder::new(),
            ranked: BooleanBuilder::new(),
            history: BinaryBuilder::new(),
        }
    }
}

impl Columns {
    fn push(&mut self, row: &StoredHistory) {
        self.hash.append_value(row.hash.to_be_bytes()).expect("16 bytes are 16 bytes");
        self.wake_at.append_option(row.wake_at.map(|at| at.0));
        self.ranked.append_value(row.ranked);
        let whose = bytes::encode(&(row.class as u8, &row.corp, &row.primary));
        let parts = [&whose, &row.state];
        parts
            .into_iter()
            .try_for_each(|part| self.history.write_all(part))
            .expect("writing to memory succeeds");
        self.history.append_value(b"");
    }

    fn finish(&mut self) -> Result<RecordBatch, ParquetError> {
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(self.hash.finish()),
            Arc::new(self.wake_at.finish()),
            Arc::new(self.ranked.finish()),
            Arc::new(self.history.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("hash", DataType::FixedSizeBinary(16), false),
        Field::new("wake_at", DataType::Int64, true),
        Field::new("ranked", DataType::Boolean, false),
        Field::new("history", DataType::Binary, false),
    ]))
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let pair = KeyValue::new(MAGIC.to_owned(), FORMAT.to_string());
    let mut builder = WriterProperties::builder();
    // Hashes do not get smaller, and there is little of the other: a reader is spared a decompressor for each. Pages of
    // histories are small: zstd would spend its time on tables, for a tenth fewer bytes.
    for column in ["hash", "ranked"] {
        builder = builder.set_column_compression(ColumnPath::from(column), Compression::UNCOMPRESSED);
    }
    Ok(builder
        .set_created_by(concat!("chattag version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_column_compression(ColumnPath::from("history"), Compression::LZ4_RAW)
        .set_column_data_page_row_count_limit(ColumnPath::from("history"), HISTORY_PAGE_ROWS)
        .set_write_batch_size(HISTORY_PAGE_ROWS)
        .set_key_value_metadata(Some(vec![pair]))
        .build())
}

/// The columns of a history as it is remembered: the one of this format, and those of older ones.
const HISTORY: [&str; 5] = ["history", "class", "corp", "primary", "state"];

/// What marks a state file; its value is the format.
const MAGIC: &str = "chattag.state";

/// Rows of a page of histories, which are large: one that is wanted costs the decoding of so many.
const HISTORY_PAGE_ROWS: usize = 4;

/// Rows of a page of the columns that a night reads whole.
const PAGE_ROWS: usize = 512;

/// Rows handed to the encoder, or by the decoder, at a time.
const BATCH_ROWS: usize = 1_024;
