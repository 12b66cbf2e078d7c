//! What is read at once of one input: whole records, and where they stand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::lines::Lines;
use crate::archive::{Block, Chunk, FileReport, PlannedFile, ReadOptions};
use crate::batch::collect::{Batch, Collector};
use crate::error::Error;

/// Records that were read together, annotated and not yet decided.
pub struct Annotated {
    /// The records.
    pub piece: Piece,
    /// The number of their input.
    pub number: u32,
    /// Where its lines begin, for faults.
    pub file: FileReport,
    /// What the records say.
    pub batch: Batch,
}

/// Records that were read together.
pub struct Piece {
    /// The input; `-` is standard input.
    pub path: Arc<Path>,
    /// Line feeds in the input before the piece.
    lines: u64,
    chunk: Chunk,
}

impl Piece {
    /// A piece of lines.
    pub fn of_lines(path: Arc<Path>, lines: Lines) -> Piece {
        let Lines { offset, before, bytes } = lines;
        Piece { path, lines: before, chunk: Chunk { offset, bytes, ranges: None, page: None, fault: None } }
    }

    /// A piece of a file that is read whole.
    pub fn of_chunk(path: Arc<Path>, lines: u64, chunk: Chunk) -> Piece {
        Piece { path, lines, chunk }
    }

    /// Returns where the input goes on behind the piece. Even an empty piece has passed something.
    pub fn end(&self) -> u64 {
        self.chunk.offset + self.chunk.bytes.len().max(1) as u64
    }

    /// Returns the line feeds in the piece.
    pub fn line_feeds(&self) -> u64 {
        line_feeds(&self.chunk.bytes)
    }

    /// Returns its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.chunk.bytes
    }

    /// Returns where the piece begins in its input.
    pub fn offset(&self) -> u64 {
        self.chunk.offset
    }

    /// Annotates the records as those of file `number`, on all threads when there are many.
    ///
    /// # Errors
    ///
    /// The first error of `collector`.
    pub fn annotate(
        self,
        collector: &mut Collector<'_>,
        options: &ReadOptions,
        number: u32,
    ) -> Result<Annotated, Error> {
        let file = self.collect(collector, options, number);
        let batch = collector.drain()?;
        Ok(Annotated { piece: self, number, file, batch })
    }

    fn collect(&self, collector: &Collector<'_>, options: &ReadOptions, number: u32) -> FileReport {
        let planned = PlannedFile { path: self.path.to_path_buf(), bytes: 0 };
        let parts = self.parts();
        let collect = |(offset, bytes): &(u64, &[u8])| {
            let mut block = self.block((number, *offset), bytes, options);
            block.set_corp(planned.corp());
            collector.collect(&mut block);
        };
        match parts.as_slice() {
            [one] => collect(one),
            _ => parts.par_iter().for_each(collect),
        }
        let mut lines = self.lines;
        let block_lines = parts.iter().map(|(offset, bytes)| {
            let before = lines;
            lines += line_feeds(bytes);
            (*offset, before)
        });
        FileReport {
            block_lines: block_lines.collect(),
            path: PathBuf::from(&*self.path),
            ..FileReport::default()
        }
    }

    fn block<'b>(&'b self, place: (u32, u64), bytes: &'b [u8], options: &'b ReadOptions) -> Block<'b> {
        let mut block = match &self.chunk.ranges {
            None => Block::of_lines(place, bytes, 0, options),
            Some(ranges) => Block::of_values(place, bytes, ranges, self.chunk.page.as_deref(), options),
        };
        if let Some(fault) = &self.chunk.fault {
            block.push_fault(0, fault.clone());
        }
        block
    }

    /// Cuts many lines into parts that are decoded on their own.
    fn parts(&self) -> Vec<(u64, &[u8])> {
        let mut rest = self.chunk.bytes.as_slice();
        let mut offset = self.chunk.offset;
        let mut parts = Vec::new();
        while self.chunk.ranges.is_none() && rest.len() > PART_BYTES {
            let Some(cut) = memchr::memmem::find(&rest[PART_BYTES..], b"\n{") else { break };
            let (part, behind) = rest.split_at(PART_BYTES + cut + 1);
            parts.push((offset, part));
            offset += part.len() as u64;
            rest = behind;
        }
        parts.push((offset, rest));
        parts
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Fewer bytes than this are not worth another thread.
const PART_BYTES: usize = 32 << 10;
