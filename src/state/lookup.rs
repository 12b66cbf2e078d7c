//! Finds ids among those that are remembered without reading most of them.
//!
//! A night asks for the ids it has read, nearly all of which are new. The filter of a row group says so of all
//! but one in ten thousand; only for the rest are ids read, and only of those that are there what stands
//! beside them.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;

use crate::error::Error;

use super::footer::{self, Builder};
use super::ids::{BATCH_ROWS, IdMemory, RememberedId, STEM, damaged, id_of, open};

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
    groups: Vec<Group>,
}

/// A row group.
#[derive(Debug)]
struct Group {
    rows: Range<usize>,
    /// What it may hold; none: anything.
    filter: Option<Sbbf>,
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
        let (file, metadata, counts) = open(path)?;
        let mut start = 0;
        let ranges = counts.iter().map(|count| {
            start += count;
            start - count..start
        });
        let ranges = ranges.collect();
        let mut opened = IdFile { path: path.to_owned(), metadata, ranges, groups: Vec::new() };
        opened.groups = opened.read_groups(file).map_err(|_| damaged(path))?;
        Ok(opened)
    }

    fn read_groups(&self, file: File) -> Result<Vec<Group>, ParquetError> {
        let reader = Builder::new_with_metadata(file, self.metadata.clone());
        let (mut start, mut groups) = (0, Vec::new());
        for (number, group) in self.metadata.metadata().row_groups().iter().enumerate() {
            let rows = start..start + usize::try_from(group.num_rows()).unwrap_or(0);
            start = rows.end;
            groups.push(Group { rows, filter: reader.get_row_group_column_bloom_filter(number, STEM)? });
        }
        Ok(groups)
    }

    fn find(
        &self,
        range: usize,
        stems: &[u128],
        visit: &mut dyn FnMut(RememberedId),
    ) -> Result<(), ParquetError> {
        for group in &self.groups {
            let rows = overlap(&group.rows, &self.ranges[range]);
            if rows.is_empty() {
                continue;
            }
            let likely: Vec<u128> = stems.iter().copied().filter(|stem| group.may_hold(*stem)).collect();
            if !likely.is_empty() {
                self.find_in(rows, &likely, visit)?;
            }
        }
        Ok(())
    }

    /// Looks for sorted `stems` in sorted `rows`.
    fn find_in(
        &self,
        rows: Range<usize>,
        stems: &[u128],
        visit: &mut dyn FnMut(RememberedId),
    ) -> Result<(), ParquetError> {
        let (mut found, mut row, mut stems) = (Vec::new(), rows.start, stems.iter().copied().peekable());
        for batch in self.reader(&[rows], &[STEM])? {
            let batch = batch?;
            for stem in batch.column(0).as_fixed_size_binary().iter().flatten() {
                let stem = u128::from_be_bytes(stem.try_into().expect("the column is 16 bytes wide"));
                while stems.next_if(|wanted| *wanted < stem).is_some() {}
                if stems.peek() == Some(&stem) {
                    found.push(row..row + 1);
                }
                row += 1;
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        for batch in self.reader(&found, &[])? {
            let batch = batch?;
            (0..batch.num_rows()).for_each(|row| visit(id_of(&batch, row)));
        }
        Ok(())
    }

    /// Reads some rows: some of the columns, or all when none is named.
    fn reader(
        &self,
        rows: &[Range<usize>],
        columns: &[usize],
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let metadata = self.metadata.clone();
        let mask = match columns {
            [] => ProjectionMask::all(),
            some => ProjectionMask::leaves(metadata.parquet_schema(), some.iter().copied()),
        };
        let builder = Builder::new_with_metadata(File::open(&self.path)?, metadata);
        footer::only(builder, rows.iter().cloned()).with_projection(mask).with_batch_size(BATCH_ROWS).build()
    }
}

impl Group {
    fn may_hold(&self, stem: u128) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.check(&stem.to_be_bytes()[..]))
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.max(other.start)..one.end.min(other.end)
}
