//! Carries the tags of customers that nothing happened to from one commit to the next.
//!
//! The table lies in parts, as the state lies in layers: a run writes the tags of the histories it looked
//! at into new parts, with those of older parts that are not much larger, and takes them out of the other ones.
//! A row group from which nothing goes is copied as the bytes it is, except for `as_of`: who is not heard
//! of costs next to nothing, however many they are. Histories in which something is due soon have parts of their
//! own: else a few of them would touch every row group of those at rest, night by night.

mod copy;
mod merged;
mod part;

use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use rayon::prelude::*;

use crate::error::Error;
use crate::message::KeyKind;
use crate::time::{Day, Millis, Timestamp};

use self::part::Part;
use super::commit::Staging;
use super::current_tags::{self, CurrentTag};
use super::folding::take_folded;
use super::parquet_file::{self, OutputFile};
use super::staged_file::StagedFile;
use super::table::Table;
use super::tables::Context;
use super::words;

/// The tags that stood at the end of the last commit.
pub struct Earlier<'a> {
    /// The files of the table `current_tags`.
    pub files: Vec<PathBuf>,
    /// Says whether a row stays: nothing has happened in its history.
    pub stays: &'a (dyn Fn(&TagOf<'_>) -> bool + Sync),
}

/// Whose tag a row of `current_tags` is, as it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TagOf<'r> {
    /// The company.
    pub corp: &'r str,
    /// The customer or member; may be empty.
    pub customer: &'r str,
    /// The employee; may be empty.
    pub staff: &'r str,
    /// The group; may be empty.
    pub room: &'r str,
    /// The kind of key.
    pub kind: KeyKind,
    /// The tag's id.
    pub tag: &'r str,
}

/// Writes `rows`, which are in file order, and those of earlier commits that stay.
pub(super) fn write_files(
    staging: &Staging,
    day: Day,
    rows: &[CurrentTag],
    earlier: &Earlier<'_>,
    as_of: Timestamp,
    context: &Context<'_>,
) -> Result<Vec<OutputFile>, Error> {
    let (table, open) = (current_tags::table(), |path: &PathBuf| Part::open(path, earlier));
    let parts: Vec<Part> = earlier.files.par_iter().map(open).collect::<Result<_, Error>>()?;
    let parts = parts.into_iter().filter(|part| part.n_rows() > 0).collect();
    let desk = Desk { table: &table, staging, day, as_of, context };
    let works = works(parts, rows, as_of);
    works.par_iter().enumerate().map(|(number, work)| desk.write(number, work)).collect()
}

/// Whether something is due in a history before long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Awake,
    AtRest,
}

impl Stage {
    fn of(row: &CurrentTag, as_of: Timestamp) -> Stage {
        let is_due = row.due.is_some_and(|due| due <= as_of.plus(SOON));
        if is_due { Stage::Awake } else { Stage::AtRest }
    }

    /// What the footer of a file says under [`STAGE`].
    fn name(self) -> &'static str {
        match self {
            Stage::Awake => "awake",
            Stage::AtRest => "at_rest",
        }
    }
}

/// One file to be written: a part that is copied, or several that are merged with new rows.
struct Work<'r> {
    stage: Stage,
    parts: Vec<Part>,
    rows: Vec<&'r CurrentTag>,
}

/// Says what is written: one file at least.
fn works(mut parts: Vec<Part>, rows: &[CurrentTag], as_of: Timestamp) -> Vec<Work<'_>> {
    let mut works = Vec::new();
    // The largest is the oldest.
    parts.sort_by_key(|part| std::cmp::Reverse(part.n_rows()));
    for stage in [Stage::Awake, Stage::AtRest] {
        let mut parts: Vec<Part> = parts.extract_if(.., |part| part.stage() == stage).collect();
        let rows: Vec<&CurrentTag> = rows.iter().filter(|row| Stage::of(row, as_of) == stage).collect();
        let folded = take_folded(&mut parts, rows.len() as u64, |part| Some(part.n_rows() as u64));
        works.extend(parts.into_iter().map(|part| Work { stage, parts: vec![part], rows: Vec::new() }));
        if !rows.is_empty() {
            works.push(Work { stage, parts: folded, rows });
        }
    }
    if works.is_empty() {
        works.push(Work { stage: Stage::AtRest, parts: Vec::new(), rows: Vec::new() });
    }
    works
}

/// What all parts are written with.
struct Desk<'d> {
    table: &'d Table,
    staging: &'d Staging,
    day: Day,
    as_of: Timestamp,
    context: &'d Context<'d>,
}

impl Desk<'_> {
    fn write(&self, number: usize, work: &Work<'_>) -> Result<OutputFile, Error> {
        parquet_file::stage(self.staging, self.table, self.day, &format!("-{number}"), |sink| {
            let writer = self.writer(sink, work.stage);
            let writer = writer.map_err(|source| Error::parquet(self.table.name, source))?;
            let sink = match &work.parts[..] {
                [part] if work.rows.is_empty() => copy::copy(part, writer, self)?,
                parts => merged::write(parts, &work.rows, writer, self)?,
            };
            let rows = work.parts.iter().map(Part::n_rows).sum::<usize>() + work.rows.len();
            Ok((sink, rows as u64))
        })
    }

    fn writer(&self, sink: StagedFile, stage: Stage) -> Result<ArrowWriter<StagedFile>, ParquetError> {
        let stage = KeyValue::new(STAGE.to_owned(), stage.name().to_owned());
        let properties = parquet_file::properties(self.table, Some(stage))?;
        ArrowWriter::try_new(sink, self.table.schema(), Some(properties))
    }
}

/// The columns that say whose tag a row is.
struct Names<'b> {
    columns: [&'b StringArray; 6],
}

impl<'b> Names<'b> {
    const COLUMNS: [&'static str; 6] = ["corp", "customer", "staff", "room", "key_kind", "tag_id"];

    fn of(batch: &'b RecordBatch) -> Names<'b> {
        let column = |name: &str| batch.column_by_name(name).expect("the table has it").as_string::<i32>();
        Names { columns: Names::COLUMNS.map(column) }
    }

    fn tag_of(&self, row: usize) -> TagOf<'b> {
        let text = |column: usize| {
            let column = self.columns[column];
            if column.is_null(row) { "" } else { column.value(row) }
        };
        TagOf {
            corp: text(0),
            customer: text(1),
            staff: text(2),
            room: text(3),
            kind: words::key_kind_of(text(4)).unwrap_or(KeyKind::Customer),
            tag: text(5),
        }
    }
}

/// The key under which a file's footer says its stage.
const STAGE: &str = "chattag.stage";

/// What is due within two days is due in one of the next two nights.
const SOON: Millis = Millis(2 * Millis::DAY.0);
