//! The ids of what was taken in before, for a number of days: what repeats is a duplicate, and a
//! recall finds the histories that its message went to.
//!
//! One file a commit, sorted by the hash of the id, with the number of rows of each of
//! [`N_RANGES`] equal ranges of hashes in its metadata: a reader of one range skips the others. Beside each
//! hash stands its lead ([`lead_of`]), which is all that who looks for ids reads of most of them.
//! Files of one day are folded like layers of a shard.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::array::{ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::Error;
use crate::message::Class;
use crate::prefix_sort::sort_by_prefix;
use crate::time::Day;
use crate::writer::{FileEntry, Finished, StagedFile, Staging, StateFile, take_folded};

use super::FORMAT;
use super::footer::{self, Builder};

/// Where a message went, as far as its recall must follow.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Sent {
    /// By class: the upper half of the history's hash; 0 for none.
    pub histories: [u64; 3],
    /// Hash of the counterpart in its history, as [`Sent::hash_of`] makes it; 0 for none.
    pub second: u32,
}

/// An id that was taken in before.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RememberedId {
    /// Hash of company and id, without the suffix that stores add or lose.
    pub stem: u128,
    /// Number of that suffix; 0 for none.
    pub suffix: u8,
    /// It was taken back.
    pub recalled: bool,
    /// Hash of what stood under the id.
    pub content: u64,
    /// Where it went.
    pub sent: Sent,
}

/// The ids of one kind that a commit remembers.
#[derive(Clone, Debug)]
pub struct IdMemory {
    pub(super) root: PathBuf,
    pub(super) part: &'static str,
    /// The oldest first.
    pub(super) files: Vec<FileEntry>,
}

impl Sent {
    /// Notes a history that the message went to, and its counterpart there, if there is one.
    pub fn note(&mut self, class: Class, hash: u128, second: &str) {
        self.histories[class as usize] = (hash >> 64) as u64;
        if !second.is_empty() {
            self.second = Sent::hash_of(second.as_bytes());
        }
    }

    /// Returns the hash of a counterpart's id.
    pub fn hash_of(second: &[u8]) -> u32 {
        if second.is_empty() { 0 } else { twox_hash::XxHash3_64::oneshot(second) as u32 | 1 }
    }
}

impl IdMemory {
    /// Opens the ids of `part` among the state files `state` under `root`: those of `oldest` and later
    /// days, and those without a day.
    pub fn open(root: &Path, state: &[FileEntry], part: &'static str, oldest: Day) -> IdMemory {
        let oldest = oldest.to_iso();
        let stays = |file: &&FileEntry| {
            file.state_part() == part && (file.dt.is_empty() || file.dt.as_str() >= oldest.as_str())
        };
        let files = state.iter().filter(stays).cloned().collect();
        IdMemory { root: root.to_owned(), part, files }
    }

    /// Calls `visit` with all ids.
    ///
    /// # Errors
    ///
    /// Returns an error when a file cannot be read.
    pub fn scan_all(&self, mut visit: impl FnMut(RememberedId)) -> Result<(), Error> {
        self.paths().try_for_each(|path| scan_file(&path, None, &mut visit))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|file| self.root.join(&file.path))
    }

    /// Adds ids as those of `day` (none: they are remembered for good); `fresh` gives the about `n_fresh`
    /// new ones range by range, in no order. Returns the files that stay and the new one.
    ///
    /// # Errors
    ///
    /// Returns the error of `fresh`, and one when a file cannot be read or written.
    pub fn write(
        mut self,
        mut fresh: impl FnMut(usize) -> Result<Vec<RememberedId>, Error>,
        n_fresh: u64,
        day: Option<Day>,
        staging: &Staging,
    ) -> Result<(Vec<FileEntry>, Option<StateFile>), Error> {
        if n_fresh == 0 {
            return Ok((self.files, None));
        }
        let dt = day.map(|day| day.to_iso()).unwrap_or_default();
        let folded = take_folded(&mut self.files, n_fresh, |file| (file.dt == dt).then_some(file.rows));
        let mut writer = IdWriter::create(staging, self.part)?;
        for range in 0..N_RANGES {
            let mut ids = fresh(range)?;
            for file in &folded {
                scan_file(&self.root.join(&file.path), Some(range), &mut |id| ids.push(id))?;
            }
            sort_by_prefix(&mut ids, |id| (id.stem >> 64) as u64, Ord::cmp);
            ids.dedup();
            writer.write_range(&ids)?;
        }
        Ok((self.files, Some(writer.finish(self.part, day)?)))
    }
}

/// Returns the range that a hash belongs to.
pub fn range_of(stem: u128) -> usize {
    (stem >> (128 - N_RANGES.ilog2())) as usize
}

/// Calls `visit` with the ids of a file, or of one range of it.
pub(super) fn scan_file(
    path: &Path,
    range: Option<usize>,
    visit: &mut dyn FnMut(RememberedId),
) -> Result<(), Error> {
    let (file, metadata, counts) = open(path)?;
    let mut builder = Builder::new_with_metadata(file, metadata);
    if let Some(range) = range {
        let start: usize = counts[..range].iter().sum();
        builder = footer::only(builder, std::iter::once(start..start + counts[range]));
    }
    for batch in builder.build().map_err(|_| damaged(path))? {
        let batch = batch.map_err(|_| damaged(path))?;
        (0..batch.num_rows()).for_each(|row| visit(id_of(&batch, row)));
    }
    Ok(())
}

/// Opens a file of ids; returns it, what its footer says, and the number of rows of each range.
pub(super) fn open(path: &Path) -> Result<(File, ArrowReaderMetadata, Vec<usize>), Error> {
    let (file, metadata) = footer::open(path, damaged)?;
    let counts = counts_of(&metadata, path)?;
    Ok((file, metadata, counts))
}

pub(super) fn damaged(path: &Path) -> Error {
    Error::damaged(path, "it cannot be read as a file of ids")
}

/// Reads the number of rows of each range.
fn counts_of(metadata: &ArrowReaderMetadata, path: &Path) -> Result<Vec<usize>, Error> {
    if !footer::is_marked(metadata, MAGIC, path)? {
        return Err(Error::damaged(path, "it is no file of ids"));
    }
    let counts: Option<Vec<usize>> = footer::value(metadata, RANGES)
        .and_then(|counts| counts.split(' ').map(|count| count.parse().ok()).collect());
    counts
        .filter(|counts| counts.len() == N_RANGES)
        .ok_or_else(|| Error::damaged(path, "it does not say how its ids are divided"))
}

/// Returns the bits of a hash behind those that say its range. Within a range leads ascend with hashes.
pub(super) fn lead_of(stem: u128) -> u32 {
    (stem >> (128 - N_RANGES.ilog2() - u32::BITS)) as u32
}

pub(super) fn id_of(batch: &RecordBatch, row: usize) -> RememberedId {
    let number = |column: usize| batch.column(column).as_primitive::<Int64Type>().value(row) as u64;
    let small = |column: usize| batch.column(column).as_primitive::<Int32Type>().value(row);
    let stem = batch.column(0).as_fixed_size_binary().value(row);
    RememberedId {
        stem: u128::from_be_bytes(stem.try_into().expect("the column is 16 bytes wide")),
        suffix: u8::try_from(small(1)).unwrap_or_default(),
        recalled: batch.column(2).as_boolean().value(row),
        content: number(3),
        sent: Sent { histories: [number(4), number(5), number(6)], second: small(7) as u32 },
    }
}

/// Writes a file of ids, range by range.
struct IdWriter {
    writer: ArrowWriter<StagedFile>,
    counts: Vec<u64>,
}

impl IdWriter {
    fn create(staging: &Staging, part: &str) -> Result<IdWriter, Error> {
        let sink = StagedFile::create(staging, &format!("state-{part}.parquet"))?;
        let writer = properties().and_then(|known| ArrowWriter::try_new(sink, schema(), Some(known)));
        Ok(IdWriter { writer: writer.map_err(failed)?, counts: Vec::new() })
    }

    fn write_range(&mut self, ids: &[RememberedId]) -> Result<(), Error> {
        self.counts.push(ids.len() as u64);
        let mut batches = ids.chunks(BATCH_ROWS).map(batch_of);
        batches.try_for_each(|batch| self.writer.write(&batch?)).map_err(failed)
    }

    fn finish(mut self, part: &str, day: Option<Day>) -> Result<StateFile, Error> {
        let counts: Vec<String> = self.counts.iter().map(ToString::to_string).collect();
        self.writer.append_key_value_metadata(KeyValue::new(RANGES.to_owned(), counts.join(" ")));
        let rows = self.counts.iter().sum();
        let Finished { path, bytes, blake3 } = self.writer.into_inner().map_err(failed)?.finish()?;
        Ok(StateFile { part: part.to_owned(), day, bytes, blake3, rows, path })
    }
}

fn failed(source: ParquetError) -> Error {
    Error::parquet("state", source)
}

fn batch_of(ids: &[RememberedId]) -> Result<RecordBatch, ParquetError> {
    let small =
        |of: fn(&RememberedId) -> i32| Arc::new(ids.iter().map(of).collect::<Int32Array>()) as ArrayRef;
    let number = |of: &dyn Fn(&RememberedId) -> u64| {
        Arc::new(ids.iter().map(|id| of(id) as i64).collect::<Int64Array>()) as ArrayRef
    };
    let stems = FixedSizeBinaryArray::try_from_iter(ids.iter().map(|id| id.stem.to_be_bytes()))?;
    let recalled: BooleanArray = ids.iter().map(|id| Some(id.recalled)).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(stems), small(|id| i32::from(id.suffix))];
    columns.push(Arc::new(recalled));
    columns.push(number(&|id| id.content));
    (0..3).for_each(|class: usize| columns.push(number(&|id| id.sent.histories[class])));
    columns.push(small(|id| id.sent.second as i32));
    columns.push(small(|id| lead_of(id.stem) as i32));
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn schema() -> SchemaRef {
    let kinds = [
        (STEM, DataType::FixedSizeBinary(16)),
        ("suffix", DataType::Int32),
        ("recalled", DataType::Boolean),
        ("content", DataType::Int64),
        ("customer", DataType::Int64),
        ("room", DataType::Int64),
        ("staff", DataType::Int64),
        ("second", DataType::Int32),
        (LEAD, DataType::Int32),
    ];
    let field = |(name, kind): (&str, DataType)| Field::new(name, kind, false);
    Arc::new(Schema::new(kinds.into_iter().map(field).collect::<Vec<_>>()))
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let mut builder = WriterProperties::builder();
    // Hashes do not shrink.
    for column in [STEM, "content", "customer", "second", LEAD] {
        builder = builder.set_column_compression(ColumnPath::from(column), Compression::UNCOMPRESSED);
    }
    Ok(builder
        .set_created_by(concat!("chattag version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(BATCH_ROWS)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_key_value_metadata(Some(vec![KeyValue::new(MAGIC.to_owned(), FORMAT.to_string())]))
        .build())
}

/// Ranges of hashes: as many as a run has partitions of ids.
pub const N_RANGES: usize = 64;

/// What marks a file of ids; its value is the format.
const MAGIC: &str = "chattag.ids";

/// The metadata with the number of rows of each range.
const RANGES: &str = "chattag.ids.ranges";

/// Rows handed to the encoder, and rows of a page.
pub(super) const BATCH_ROWS: usize = 4_096;

/// Rows of a row group, which is kept in memory until it is full.
const GROUP_ROWS: usize = 1 << 16;

/// The column of stems.
pub(super) const STEM: &str = "stem";

/// The column of leads; older formats have none.
pub(super) const LEAD: &str = "lead";
