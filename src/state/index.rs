//! What is known of a layer's histories without decoding them.

use arrow::array::{Array, AsArray, BooleanArray, FixedSizeBinaryArray, Int64Array, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;

use crate::time::Timestamp;

use super::layer::Head;

/// Hashes and dues of the rows of one layer, in order of hashes.
#[derive(Clone, Debug)]
pub(super) struct Index {
    hashes: FixedSizeBinaryArray,
    wake_at: Int64Array,
    ranked: BooleanArray,
}

impl Index {
    /// Reads the columns `hash`, `wake_at` and `ranked`.
    ///
    /// # Errors
    ///
    /// Returns the reader's error.
    pub fn of(reader: impl RecordBatchReader) -> Result<Index, ArrowError> {
        let schema = reader.schema();
        let all = concat_batches(&schema, &reader.collect::<Result<Vec<_>, _>>()?)?;
        Ok(Index {
            hashes: all.column(0).as_fixed_size_binary().clone(),
            wake_at: all.column(1).as_primitive::<Int64Type>().clone(),
            ranked: all.column(2).as_boolean().clone(),
        })
    }

    /// Returns the row of a history.
    pub fn row_of(&self, hash: u128) -> Option<u32> {
        self.hashes().binary_search(&hash.to_be_bytes()).ok().map(|row| row as u32)
    }

    /// Returns the first hash that is not smaller than `hash`.
    pub fn at_or_after(&self, hash: u128) -> Option<u128> {
        let row = self.hashes().partition_point(|known| *known < hash.to_be_bytes());
        self.hashes().get(row).map(|hash| u128::from_be_bytes(*hash))
    }

    /// Returns the hashes of all rows.
    pub fn all(&self) -> impl Iterator<Item = u128> {
        self.hashes().iter().map(|hash| u128::from_be_bytes(*hash))
    }

    /// Returns the hashes of the rows in which something happens until `to` without an event.
    pub fn due(&self, to: Timestamp) -> impl Iterator<Item = u128> {
        let rows = self.wake_at.values().iter().enumerate().filter(move |(_, at)| **at <= to.0);
        rows.filter(|(row, _)| self.wake_at.is_valid(*row)).map(|(row, _)| self.hash(row))
    }

    /// Returns the hashes of the rows that a rule over the whole population remembers.
    pub fn ranked(&self) -> impl Iterator<Item = u128> {
        self.ranked.values().set_indices().map(|row| self.hash(row))
    }

    /// Returns what is known of a row.
    pub fn head(&self, row: usize) -> Head {
        let wake_at = self.wake_at.is_valid(row).then(|| Timestamp(self.wake_at.value(row)));
        Head { hash: self.hash(row), wake_at, ranked: self.ranked.value(row) }
    }

    fn hash(&self, row: usize) -> u128 {
        u128::from_be_bytes(self.hashes()[row])
    }

    /// The hashes with the big end first, so that they stand in the order of their bytes.
    fn hashes(&self) -> &[[u8; 16]] {
        self.hashes.value_data().as_chunks().0
    }
}
