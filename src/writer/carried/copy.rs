//! Copies what stays of a file: row groups that are whole as the bytes they are, with a new `as_of`.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use rayon::prelude::*;

use crate::error::Error;

use super::super::staged_file::StagedFile;
use super::Desk;
use super::part::{AS_OF, Group, Part, instants};

/// A row group on its way into the new file.
enum Made<'g> {
    /// Nothing goes from it: its columns are taken over, except for this one.
    Whole { group: &'g Group, as_of: Box<ArrowColumnChunk> },
    /// Written anew.
    Anew(Vec<ArrowColumnChunk>),
}

/// Copies what stays of `part`; returns the file.
pub(super) fn copy(
    part: &Part,
    writer: ArrowWriter<StagedFile>,
    desk: &Desk<'_>,
) -> std::result::Result<StagedFile, Error> {
    let failed = |source| Error::parquet(desk.table.name, source);
    let copier = Copier { part, desk, schema: desk.table.schema() };
    let (from, (mut file, factory)) = (part.file()?, writer.into_serialized_writer().map_err(failed)?);
    let may_splice = part.footer().file_metadata().schema() == file.schema_descr().root_schema();
    for groups in part.groups().chunks(rayon::current_num_threads()) {
        let numbered = groups.par_iter().map(|group| copier.make(group, &factory, may_splice));
        for made in numbered.collect::<std::result::Result<Vec<_>, Error>>()? {
            copier.append(made, &from, &mut file).map_err(failed)?;
        }
    }
    file.into_inner().map_err(failed)
}

struct Copier<'c> {
    part: &'c Part,
    desk: &'c Desk<'c>,
    schema: SchemaRef,
}

impl Copier<'_> {
    fn make<'g>(
        &self,
        group: &'g Group,
        factory: &ArrowRowGroupWriterFactory,
        may_splice: bool,
    ) -> std::result::Result<Made<'g>, Error> {
        let failed = |source| Error::parquet(self.desk.table.name, source);
        if may_splice && group.is_whole() {
            let as_of = Box::new(self.encode_as_of(factory, group.n_rows()).map_err(failed)?);
            return Ok(Made::Whole { group, as_of });
        }
        let mut writers = factory.create_column_writers(0).map_err(failed)?;
        self.part.read(group, self.desk, |batch| write(&batch, &mut writers))?;
        let chunks = writers.into_iter().map(ArrowColumnWriter::close);
        chunks.collect::<Result<_>>().map(Made::Anew).map_err(failed)
    }

    fn encode_as_of(&self, factory: &ArrowRowGroupWriterFactory, n_rows: usize) -> Result<ArrowColumnChunk> {
        let column: ArrayRef = Arc::new(instants(self.desk.as_of, n_rows));
        let field = self.schema.field_with_name(AS_OF)?;
        let mut writer = factory.create_column_writers(0)?.swap_remove(self.as_of_leaf());
        compute_leaves(field, &column)?.iter().try_for_each(|leaf| writer.write(leaf))?;
        writer.close()
    }

    fn append(&self, made: Made<'_>, from: &File, file: &mut SerializedFileWriter<StagedFile>) -> Result<()> {
        let mut to = file.next_row_group()?;
        match made {
            Made::Anew(chunks) => {
                chunks.into_iter().try_for_each(|chunk| chunk.append_to_row_group(&mut to))?;
            }
            Made::Whole { group, as_of } => self.splice(group, *as_of, from, &mut to)?,
        }
        to.close().map(drop)
    }

    fn splice(
        &self,
        group: &Group,
        as_of: ArrowColumnChunk,
        from: &File,
        to: &mut SerializedRowGroupWriter<'_, StagedFile>,
    ) -> Result<()> {
        let (mut as_of, as_of_leaf) = (Some(as_of), self.as_of_leaf());
        for leaf in 0..self.part.footer().row_group(group.number).num_columns() {
            match as_of.take_if(|_| leaf == as_of_leaf) {
                Some(as_of) => as_of.append_to_row_group(to)?,
                None => to.append_column(from, self.column(group, leaf)?)?,
            }
        }
        Ok(())
    }

    /// Describes a column of the old file as if it had just been written.
    fn column(&self, group: &Group, leaf: usize) -> Result<ColumnCloseResult> {
        let footer = self.part.footer();
        let (index, row_group) =
            (footer.page_index_for_row_group(group.number), footer.row_group(group.number));
        let metadata = row_group.column(leaf).clone();
        let counted = |n: i64| u64::try_from(n).map_err(|_| ParquetError::General("a negative size".into()));
        Ok(ColumnCloseResult {
            bytes_written: counted(metadata.compressed_size())?,
            rows_written: counted(row_group.num_rows())?,
            metadata,
            bloom_filter: None,
            column_index: index.column_index(leaf).cloned(),
            offset_index: index.offset_index(leaf).cloned(),
        })
    }

    /// Returns the position of `as_of` among the leaves of a file of today.
    fn as_of_leaf(&self) -> usize {
        self.desk.table.position(AS_OF)
    }
}

fn write(batch: &RecordBatch, writers: &mut [ArrowColumnWriter]) -> Result<()> {
    let mut writers = writers.iter_mut();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        for leaf in compute_leaves(field, column)? {
            writers.next().expect("each leaf has a writer").write(&leaf)?;
        }
    }
    Ok(())
}
