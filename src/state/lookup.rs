//! Finds ids among those that are remembered without reading most of them.
//!
//! A night asks for the ids it has read, nearly all of which are new. Four bytes of each remembered one tell that
//! of all but a few; only of these is read what stands beside them.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use parquet::errors::ParquetError;

use crate::error::Error;

use super::footer::{self, Builder};
use super::ids::{BATCH_ROWS, IdMemory, LEAD, RememberedId, STEM, damaged, id_of, lead_of, open};

/// The ids of one kind that a commit remembers, open for questions.
#[derive(Debug, Default)]
pub struct IdLookup {
    files: Vec<IdFile>,
}

/// A file of ids, open for questions.
#[derive(Debug)]
struct IdFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// Of each range of hashes: its rows.
    ranges: Vec<Range<usize>>,
}

impl IdMemory {
    /// Opens all files.
    ///
    /// # Errors
    ///
    /// Returns an error when one cannot be read.
    pub fn lookup(&self) -> Result<IdLookup, Error> {
        let files = self.paths().map(|path| IdFile::open(&path)).collect::<Result<_, Error>>()?;
        Ok(IdLookup { files })
    }
}

impl IdLookup {
    /// Returns whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Calls `visit` with what is remembered under `stems`, which are sorted and of one range of hashes.
    ///
    /// # Errors
    ///
    /// Returns an error when a file cannot be read.
    pub fn find(
        &self,
        range: usize,
        stems: &[u128],
        mut visit: impl FnMut(RememberedId),
    ) -> Result<(), Error> {
        self.files
            .iter()
            .try_for_each(|file| file.find(range, stems, &mut visit).map_err(|_| damaged(&file.path)))
    }
}

impl IdFile {
    fn open(path: &Path) -> Result<IdFile, Error> {
        let (_, metadata, counts) = open(path)?;
        let mut start = 0;
        let ranges = counts.iter().map(|count| {
            start += count;
            start - count..start
        });
        Ok(IdFile { path: path.to_owned(), metadata, ranges: ranges.collect() })
    }

    fn find(
        &self,
        range: usize,
        stems: &[u128],
        visit: &mut dyn FnMut(RememberedId),
    ) -> Result<(), ParquetError> {
        let rows = self.likely(self.ranges[range].clone(), stems)?;
        if rows.is_empty() {
            return Ok(());
        }
        for batch in self.reader(&rows, None)? {
            let batch = batch?;
            let ids = (0..batch.num_rows()).map(|row| id_of(&batch, row));
            ids.filter(|id| stems.binary_search(&id.stem).is_ok()).for_each(&mut *visit);
        }
        Ok(())
    }

    /// Returns those of `rows`, of one range of hashes, that may hold one of `stems`, which are sorted.
    fn likely(&self, rows: Range<usize>, stems: &[u128]) -> Result<Vec<Range<usize>>, ParquetError> {
        if rows.is_empty() || stems.is_empty() {
            return Ok(Vec::new());
        }
        let has_leads = self.metadata.schema().column_with_name(LEAD).is_some();
        let (mut likely, mut row) = (Vec::new(), rows.start);
        let mut leads = stems.iter().map(|stem| lead_of(*stem)).peekable();
        for batch in self.reader(&[rows], Some(if has_leads { LEAD } else { STEM }))? {
            let column = batch?.column(0).to_owned();
            let mut note = |known: u32| {
                while leads.next_if(|wanted| *wanted < known).is_some() {}
                likely.extend((leads.peek() == Some(&known)).then_some(row..row + 1));
                row += 1;
            };
            match has_leads {
                true => {
                    column.as_primitive::<Int32Type>().values().iter().for_each(|lead| note(*lead as u32))
                }
                false => column.as_fixed_size_binary().iter().flatten().for_each(|stem| {
                    let stem = stem.try_into().expect("the column is 16 bytes wide");
                    note(lead_of(u128::from_be_bytes(stem)));
                }),
            }
        }
        Ok(likely)
    }

    /// Reads some rows: one of the columns, or all.
    fn reader(
        &self,
        rows: &[Range<usize>],
        column: Option<&str>,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let metadata = self.metadata.clone();
        let mask = match column {
            None => ProjectionMask::all(),
            Some(column) => ProjectionMask::columns(metadata.parquet_schema(), [column]),
        };
        let builder = Builder::new_with_metadata(File::open(&self.path)?, metadata);
        footer::only(builder, rows.iter().cloned()).with_projection(mask).with_batch_size(BATCH_ROWS).build()
    }
}
