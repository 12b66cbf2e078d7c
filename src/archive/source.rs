//! Reads the files of a plan in parallel and reports on each.
//!
//! Line-delimited files are cut into blocks of a fixed size that are read on
//! their own; all others are read in order, chunks being decoded while the next
//! ones are unpacked. What a block is depends on the file alone, so results do
//! not depend on the number of threads. Every byte of a file is read once, and
//! hashed on the way.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use blake3::hazmat::ChainingValue;
use rayon::prelude::*;
use serde::Serialize;

use crate::archive::lines::LineBlock;
use crate::archive::record::RecordFault;
use crate::archive::rows::{self, Holds, Texts};
use crate::archive::sequence::{Chunk, LOOK_BYTES, Sequence, is_foreign};
use crate::archive::splitter::{Prefix, page_prefix, skip_blank, value_end};
use crate::archive::table::{self, Columns, Input, Limits, Table, TableKind};
use crate::archive::{Block, Compression, Plan, PlannedFile, ReadOptions, compression, file_hash};
use crate::error::Error;
use crate::message::Origin;

/// What was read of one file.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// The file, as planned.
    pub path: PathBuf,
    /// Bytes read, as stored.
    pub bytes: u64,
    /// BLAKE3 of those bytes; zeros when the file could not be read.
    pub blake3: [u8; 32],
    /// Line feeds in the (decompressed) file.
    pub lines: u64,
    /// Records lent, good or bad.
    pub records: u64,
    /// How the file is packed.
    pub compression: Compression,
    /// How records stand in it.
    pub variant: Shape,
    /// Where each block starts, and the line feeds before it.
    pub block_lines: Vec<(u64, u64)>,
}

impl FileReport {
    /// Returns the line on which a record of this file starts, counted from 1.
    pub fn line_of(&self, origin: &Origin) -> u64 {
        let block = self.block_lines.partition_point(|(offset, _)| *offset <= origin.block);
        let before = block.checked_sub(1).map_or(0, |block| self.block_lines[block].1);
        before + u64::from(origin.line_in_block) + 1
    }
}

/// How records stand in a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// There is nothing in it.
    #[default]
    Empty,
    /// One on each line.
    Lines,
    /// In one list.
    List,
    /// In the list of a page.
    Page,
    /// Side by side, or each over many lines.
    Objects,
    /// In the rows of a table.
    Table(TableKind),
    /// Not at all: the code says what the file is.
    Foreign(&'static str),
}

impl Shape {
    /// Returns the shape of a file that starts with `bytes`; `whole` when there is no more of it.
    pub(crate) fn of(bytes: &[u8], whole: bool, columns: &Columns) -> Shape {
        let start = skip_blank(bytes, 0);
        match bytes.get(start) {
            None if whole => Shape::Empty,
            None => Shape::Lines,
            Some(b'[') => Shape::List,
            Some(b'{') => Shape::of_objects(bytes, start),
            Some(_) => Shape::of_strangers(bytes, columns),
        }
    }

    fn of_objects(bytes: &[u8], start: usize) -> Shape {
        if matches!(page_prefix(bytes, start), Prefix::Page(..)) {
            return Shape::Page;
        }
        let second_line = memchr::memchr(b'\n', &bytes[start..]).map(|feed| start + feed + 1);
        if second_line.is_some_and(|line| bytes.get(line) == Some(&b'{')) {
            return Shape::Lines;
        }
        match value_end(bytes, start) {
            Some(end) => Shape::of_first_object(&bytes[start..end], &bytes[end..]),
            None if second_line.is_some_and(|line| is_pretty(&bytes[start..line])) => Shape::Objects,
            None => Shape::Lines,
        }
    }

    /// Objects are side by side when the first spans lines, or another follows on its line.
    fn of_first_object(object: &[u8], rest: &[u8]) -> Shape {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let beside = line.contains(&b'{');
        if beside || is_pretty(object) { Shape::Objects } else { Shape::Lines }
    }

    /// Lines may begin with a damaged one; a picture has no lines of records.
    fn of_strangers(bytes: &[u8], columns: &Columns) -> Shape {
        if let Some(kind) = TableKind::of(bytes, columns) {
            return Shape::Table(kind);
        }
        let records = memchr::memmem::find(bytes, b"\n{\"").is_some() || bytes.starts_with(b"\"{");
        match records && memchr::memchr(0, bytes).is_none() {
            true => Shape::Lines,
            false => Shape::Foreign("format.unknown"),
        }
    }
}

/// Returns whether the first line of an object ends between its fields.
fn is_pretty(object: &[u8]) -> bool {
    let Some(feed) = memchr::memchr(b'\n', object) else { return false };
    let line = object[..feed].trim_ascii_end();
    matches!(line.last(), Some(b'{' | b',' | b'[' | b':'))
}

/// Reads all files of `plan` on the current rayon pool.
///
/// `visit` is called once for each block, from many threads and in any order.
/// `progress` counts the bytes read, as stored. When `stop` becomes true,
/// reading ends at the next block.
///
/// # Errors
///
/// Fails only when stopped: a file that cannot be read is a fault in a block
/// of its own.
pub fn read_blocks(
    plan: &Plan,
    options: &ReadOptions,
    progress: &AtomicU64,
    stop: &AtomicBool,
    visit: &(dyn Fn(&mut Block<'_>) + Sync),
) -> Result<Vec<FileReport>, Error> {
    let reading = Reading { plan, options, progress, stop, visit, buffers: Mutex::new(Vec::new()) };
    let files = 0..u32::try_from(plan.files().len()).unwrap_or(u32::MAX);
    let mut tasks: Vec<Task> = files.into_par_iter().flat_map_iter(|file| reading.survey(file)).collect();
    reading.join_tables(&mut tasks);
    tasks.sort_by_key(|task| matches!(task, Task::Block { .. }));
    let outcomes = tasks.par_iter().with_max_len(1).flat_map_iter(|task| reading.read(task)).collect();
    if stop.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    Ok(reports(plan, outcomes))
}

/// A piece of work that does not depend on others.
enum Task {
    /// A file to be read in order.
    Sequence { file: u32 },
    /// Tables that list messages, and tables of one folder that hold the texts of these.
    Joined { lists: Vec<u32>, texts: Vec<u32> },
    /// A block of a line-delimited file.
    Block { file: u32, start: u64 },
    /// A file that cannot be read.
    Unreadable { file: u32, why: io::ErrorKind },
}

/// What a task read.
#[derive(Default)]
struct Outcome {
    file: u32,
    bytes: u64,
    records: u64,
    variant: Shape,
    compression: Compression,
    /// Where each block starts, and the line feeds in it.
    blocks: Vec<(u64, u64)>,
    hash: Hash,
}

/// The hash of what a task read.
#[derive(Default)]
enum Hash {
    #[default]
    Unknown,
    File([u8; 32]),
    Block(ChainingValue),
}

struct Reading<'r> {
    plan: &'r Plan,
    options: &'r ReadOptions,
    progress: &'r AtomicU64,
    stop: &'r AtomicBool,
    visit: &'r (dyn Fn(&mut Block<'_>) + Sync),
    /// Buffers between two uses: as many as there are threads.
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Reading<'_> {
    fn planned(&self, file: u32) -> &PlannedFile {
        &self.plan.files()[file as usize]
    }

    /// Hands a block to the visitor; what names no company is of the one that the file is named after.
    fn hand_out<'b>(&'b self, block: &mut Block<'b>) {
        block.set_corp(self.planned(block.file).corp());
        (self.visit)(block);
    }

    /// Looks at the start of a file and says what there is to do.
    fn survey(&self, file: u32) -> Vec<Task> {
        match self.shape_of(self.planned(file)) {
            Ok(Some(Shape::Lines)) => self.blocks_of(file),
            Ok(_) => vec![Task::Sequence { file }],
            Err(error) => vec![Task::Unreadable { file, why: error.kind() }],
        }
    }

    /// Returns the shape of a file; `None` when it must be unpacked to tell.
    fn shape_of(&self, planned: &PlannedFile) -> io::Result<Option<Shape>> {
        if planned.is_stdin() {
            return Ok(None);
        }
        let look = usize::try_from(planned.bytes).unwrap_or(usize::MAX).min(LOOK_BYTES);
        let mut start = vec![0; look];
        File::open(&planned.path)?.read_exact_at(&mut start, 0)?;
        let packed = Compression::of(&start) != Compression::None;
        let plain = !packed && !is_foreign(&start, &self.options.columns);
        Ok(plain.then(|| Shape::of(&start, look as u64 == planned.bytes, &self.options.columns)))
    }

    fn blocks_of(&self, file: u32) -> Vec<Task> {
        let starts = (0..self.planned(file).bytes).step_by(self.options.block_bytes);
        starts.map(|start| Task::Block { file, start }).collect()
    }

    fn read(&self, task: &Task) -> Vec<Outcome> {
        let (file, outcome) = match task {
            _ if self.stop.load(Ordering::Relaxed) => return Vec::new(),
            Task::Joined { lists, texts } => return self.read_joined(lists, texts),
            Task::Sequence { file } => (*file, self.read_sequence(*file)),
            Task::Block { file, start } => (*file, self.read_block(*file, *start)),
            Task::Unreadable { file, why } => (*file, Err((*why).into())),
        };
        vec![outcome.unwrap_or_else(|error| self.report_unreadable(file, task, &error))]
    }

    fn report_unreadable(&self, file: u32, task: &Task, error: &io::Error) -> Outcome {
        let offset = if let Task::Block { start, .. } = task { *start } else { 0 };
        let mut block = Block::of_lines((file, offset), &[], 0, self.options);
        block.push_fault(0, RecordFault::new("file.unreadable", error.kind().to_string()));
        self.hand_out(&mut block);
        let variant = Shape::Foreign("file.unreadable");
        Outcome { file, records: block.records(), variant, blocks: vec![(offset, 0)], ..Outcome::default() }
    }

    fn read_block(&self, file: u32, start: u64) -> io::Result<Outcome> {
        let mut buffer =
            self.buffers.lock().map_or_else(|_| Vec::new(), |mut buffers| buffers.pop().unwrap_or_default());
        let outcome = self.read_block_into(file, start, &mut buffer);
        if let Ok(mut buffers) = self.buffers.lock() {
            buffers.push(buffer);
        }
        outcome
    }

    fn read_block_into(&self, file: u32, start: u64, buffer: &mut Vec<u8>) -> io::Result<Outcome> {
        let planned = self.planned(file);
        let opened = File::open(&planned.path)?;
        let (block_bytes, max_record_bytes) = (self.options.block_bytes, self.options.max_record_bytes);
        let block = LineBlock { file: &opened, size: planned.bytes, start, block_bytes, max_record_bytes };
        let loaded = block.load(buffer)?;
        let bytes = &buffer[loaded.lead..];
        let own = &bytes[..loaded.own];
        self.progress.fetch_add(own.len() as u64, Ordering::Relaxed);
        let mut block = Block::of_lines(
            (file, start),
            &bytes[..loaded.end.max(loaded.first)],
            loaded.first,
            self.options,
        );
        self.hand_out(&mut block);
        Ok(Outcome {
            file,
            bytes: own.len() as u64,
            records: block.records(),
            variant: Shape::Lines,
            compression: Compression::None,
            blocks: vec![(start, line_feeds(own))],
            hash: self.hash_block(planned.bytes, start, own),
        })
    }

    fn hash_block(&self, size: u64, start: u64, own: &[u8]) -> Hash {
        if size <= self.options.block_bytes as u64 {
            Hash::File(*blake3::hash(own).as_bytes())
        } else {
            Hash::Block(file_hash::of_block(start, own))
        }
    }

    fn read_sequence(&self, file: u32) -> io::Result<Outcome> {
        self.read_through(file, |sequence, outcome| match sequence.shape() {
            Shape::Table(_) => {
                let mut texts = Texts::default();
                self.read_table(sequence, &mut texts, outcome);
                self.report_last(texts.left_over(), outcome);
            }
            _ => self.read_chunks(sequence, outcome),
        })
    }

    /// Unpacks, counts and hashes a file on its way to `read`.
    fn read_through(&self, file: u32, read: impl FnOnce(Sequence<'_>, &mut Outcome)) -> io::Result<Outcome> {
        let planned = self.planned(file);
        let source: Box<dyn io::Read + Send> = if planned.is_stdin() {
            Box::new(io::stdin())
        } else {
            Box::new(io::Read::take(File::open(&planned.path)?, planned.bytes))
        };
        let mut counted =
            Counted { source, hasher: blake3::Hasher::new(), bytes: 0, progress: self.progress };
        let mut outcome = Outcome { file, ..Outcome::default() };
        let (compression, unpacked) = compression::unpack(&mut counted)?;
        outcome.compression = compression;
        read(Sequence::new(unpacked, self.options), &mut outcome);
        counted.drain(self.stop);
        outcome.bytes = counted.bytes;
        outcome.hash = Hash::File(*counted.hasher.finalize().as_bytes());
        Ok(outcome)
    }

    /// Decodes chunks on all threads while the next ones are read and unpacked on one of them.
    fn read_chunks(&self, mut sequence: Sequence<'_>, outcome: &mut Outcome) {
        outcome.variant = sequence.shape();
        let together = rayon::current_num_threads();
        let mut read_on = || std::iter::from_fn(|| sequence.next_chunk()).take(together).collect::<Vec<_>>();
        let mut chunks = read_on();
        while !chunks.is_empty() {
            let (flow, following) = rayon::join(|| self.visit_chunks(&chunks, outcome), &mut read_on);
            if flow.is_break() {
                return;
            }
            chunks = following;
        }
    }

    /// Decodes chunks that were read together, on all threads.
    fn visit_chunks(&self, chunks: &[Chunk], outcome: &mut Outcome) -> ControlFlow<()> {
        let file = outcome.file;
        let records: u64 = chunks.par_iter().with_max_len(1).map(|chunk| self.visit_chunk(file, chunk)).sum();
        outcome.records += records;
        outcome.blocks.extend(chunks.iter().map(|chunk| (chunk.offset, line_feeds(&chunk.bytes))));
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn visit_chunk(&self, file: u32, chunk: &Chunk) -> u64 {
        let place = (file, chunk.offset);
        let mut block = match &chunk.ranges {
            None => Block::of_lines(place, &chunk.bytes, 0, self.options),
            Some(ranges) => {
                Block::of_values(place, &chunk.bytes, ranges, chunk.page.as_deref(), self.options)
            }
        };
        if let Some(fault) = &chunk.fault {
            block.push_fault(0, fault.clone());
        }
        self.hand_out(&mut block);
        block.records()
    }
}

/// Tables are read by their rows.
impl Reading<'_> {
    /// Puts tables that list messages together with the tables of their folder that hold the texts.
    fn join_tables(&self, tasks: &mut Vec<Task>) {
        let mut folders: BTreeMap<&Path, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for file in tasks
            .iter()
            .filter_map(|task| if let Task::Sequence { file } = task { Some(*file) } else { None })
        {
            let planned = self.planned(file);
            let folder = folders.entry(planned.path.parent().unwrap_or(&planned.path)).or_default();
            match self.holds(planned) {
                Some(Holds::List) => folder.0.push(file),
                Some(Holds::Texts) => folder.1.push(file),
                _ => {}
            }
        }
        for (lists, texts) in
            folders.into_values().filter(|(lists, texts)| !lists.is_empty() && !texts.is_empty())
        {
            let joined = |file: &u32| lists.contains(file) || texts.contains(file);
            tasks.retain(|task| !matches!(task, Task::Sequence { file } if joined(file)));
            tasks.push(Task::Joined { lists, texts });
        }
    }

    /// Returns what the rows of a file are; `None` for what is no table, and for workbooks, which hold their
    /// texts themselves.
    fn holds(&self, planned: &PlannedFile) -> Option<Holds> {
        let packed = || planned.path.to_string_lossy().to_ascii_lowercase().contains(".csv");
        match self.shape_of(planned).ok()? {
            Some(Shape::Table(TableKind::Workbook)) => return None,
            Some(Shape::Table(_)) => {}
            None if packed() && !planned.is_stdin() => {}
            _ => return None,
        }
        let table = Table::open_path(&planned.path, &self.options.columns, self.limits()).ok()?;
        table.sheets().first().map(Holds::of)
    }

    fn read_joined(&self, lists: &[u32], texts: &[u32]) -> Vec<Outcome> {
        let mut joined = Texts::default();
        let mut outcomes = Vec::new();
        for file in texts {
            let outcome = self.read_through(*file, |sequence, outcome| {
                let read =
                    self.open_table(sequence, outcome).and_then(|mut table| joined.read(&mut table, 0));
                self.report_last(read.err(), outcome);
            });
            outcomes.push((*file, outcome));
        }
        for file in lists {
            let read =
                self.read_through(*file, |sequence, outcome| self.read_table(sequence, &mut joined, outcome));
            outcomes.push((*file, read));
        }
        let report = |(file, outcome): (u32, io::Result<Outcome>)| {
            outcome.unwrap_or_else(|error| self.report_unreadable(file, &Task::Sequence { file }, &error))
        };
        let mut outcomes: Vec<Outcome> = outcomes.into_iter().map(report).collect();
        self.report_last(joined.left_over(), &mut outcomes[0]);
        outcomes
    }

    fn read_table(&self, sequence: Sequence<'_>, texts: &mut Texts, outcome: &mut Outcome) {
        let read = self.open_table(sequence, outcome).and_then(|mut table| {
            rows::read(&mut table, texts, &mut |chunks| self.visit_chunks(&chunks, outcome))
        });
        self.report_last(read.err(), outcome);
    }

    /// Reports what is wrong with a table as a whole, behind its rows.
    fn report_last(&self, fault: Option<RecordFault>, outcome: &mut Outcome) {
        let Some(fault) = fault else { return };
        let end = outcome.blocks.iter().map(|(start, _)| *start + 1).max().unwrap_or(0);
        let last = Chunk { offset: end, bytes: Vec::new(), ranges: None, page: None, fault: Some(fault) };
        let _ = self.visit_chunks(&[last], outcome);
    }

    /// A workbook or a columnar file is read from any place, so it needs a file of its own or memory.
    fn open_table<'s>(
        &self,
        sequence: Sequence<'s>,
        outcome: &mut Outcome,
    ) -> Result<Table<'s>, RecordFault> {
        outcome.variant = sequence.shape();
        let Shape::Table(kind) = outcome.variant else {
            return Err(RecordFault::new("table.damaged", "it changed while it was read"));
        };
        let planned = self.planned(outcome.file);
        let (start, rest) = sequence.into_reader();
        let input = match (kind, outcome.compression) {
            (TableKind::Csv, _) => Input::Stream(Box::new(io::Read::chain(io::Cursor::new(start), rest))),
            (_, Compression::None) if !planned.is_stdin() => {
                let opened = File::open(&planned.path);
                Input::File(
                    opened.map_err(|error| RecordFault::new("file.unreadable", error.kind().to_string()))?,
                )
            }
            _ => Input::Memory(table::in_memory(start, rest, self.limits())?),
        };
        Table::open(kind, input, &self.options.columns, self.limits())
    }

    fn limits(&self) -> Limits {
        Limits { row_bytes: self.options.max_record_bytes, ..Limits::default() }
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// A source whose bytes are counted and hashed as they pass.
struct Counted<'p> {
    source: Box<dyn io::Read + Send>,
    hasher: blake3::Hasher,
    bytes: u64,
    progress: &'p AtomicU64,
}

impl Counted<'_> {
    /// Reads what a damaged file still holds, so that its hash is that of the whole file.
    fn drain(&mut self, stop: &AtomicBool) {
        let mut rest = vec![0; LOOK_BYTES];
        while !stop.load(Ordering::Relaxed) && matches!(io::Read::read(self, &mut rest), Ok(1..)) {}
    }
}

impl io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        self.progress.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Adds up what the tasks of each file read.
fn reports(plan: &Plan, outcomes: Vec<Outcome>) -> Vec<FileReport> {
    let named = |file: &PlannedFile| FileReport { path: file.path.clone(), ..FileReport::default() };
    let mut reports: Vec<FileReport> = plan.files().iter().map(named).collect();
    let mut blocks: Vec<Vec<(u64, ChainingValue)>> = vec![Vec::new(); reports.len()];
    for outcome in outcomes {
        let file = outcome.file as usize;
        let report = &mut reports[file];
        report.bytes += outcome.bytes;
        report.records += outcome.records;
        report.compression = outcome.compression;
        report.variant = outcome.variant;
        match outcome.hash {
            Hash::Unknown => {}
            Hash::File(hash) => report.blake3 = hash,
            Hash::Block(value) => blocks[file].push((outcome.blocks[0].0, value)),
        }
        report.block_lines.extend(outcome.blocks);
    }
    for (report, blocks) in reports.iter_mut().zip(blocks) {
        finish_report(report, blocks);
    }
    reports
}

fn finish_report(report: &mut FileReport, mut blocks: Vec<(u64, ChainingValue)>) {
    blocks.sort_unstable_by_key(|(start, _)| *start);
    let values: Vec<ChainingValue> = blocks.into_iter().map(|(_, value)| value).collect();
    if values.len() > 1 {
        report.blake3 = file_hash::of_blocks(&values);
    }
    report.block_lines.sort_unstable();
    for (_, lines) in &mut report.block_lines {
        let before = report.lines;
        report.lines += *lines;
        *lines = before;
    }
}
