//! Carries the tags of customers that nothing happened to from one commit to the next.
//!
//! The table lies in parts, as the state lies in layers: a run writes the tags of the histories it looked
//! at into a new part, with those of older parts that are not much larger, and takes them out of the other ones.
//! A row group from which nothing goes is copied as the bytes it is, except for `as_of`: who is not heard
//! of costs next to nothing, however many they are.

mod copy;
mod merged;
mod part;

use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use rayon::prelude::*;

use crate::error::Error;
use crate::message::KeyKind;
use crate::time::{Day, Timestamp};

use self::part::Part;
use super::commit::Staging;
use super::current_tags::{self, CurrentTag};
use super::parquet_file::OutputFile;
use super::staged_file::{Finished, StagedFile};
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
    let mut parts: Vec<Part> = earlier.files.par_iter().map(open).collect::<Result<_, Error>>()?;
    parts.retain(|part| part.n_rows() > 0);
    parts.sort_by_key(|part| std::cmp::Reverse(part.n_rows()));
    let folded = split_folded(&mut parts, rows.len());
    let desk = Desk { table: &table, staging, day, as_of, context };
    let copy = |(number, part): (usize, &Part)| desk.write(number, |sink| copy::copy(part, sink, &desk));
    let is_new = parts.is_empty() || !rows.is_empty();
    let merge = || desk.write(parts.len(), |sink| merged::write(&folded, rows, sink, &desk));
    let (copied, merged) = rayon::join(
        || parts.par_iter().enumerate().map(|(n, part)| copy((n, part))).collect::<Result<Vec<_>, Error>>(),
        || is_new.then(merge).transpose(),
    );
    Ok(copied?.into_iter().chain(merged?).collect())
}

/// Takes off the smallest parts that are at most [`FOLD`] times as large as all that is newer.
fn split_folded(parts: &mut Vec<Part>, n_new: usize) -> Vec<Part> {
    let (mut n_rows, mut keep) = (n_new, parts.len());
    while let Some(next) = keep.checked_sub(1).filter(|next| parts[*next].n_rows() <= n_rows * FOLD) {
        n_rows += parts[next].n_rows();
        keep = next;
    }
    parts.split_off(keep)
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
    /// Writes one part: `fill` returns the file and the number of its rows.
    fn write(
        &self,
        number: usize,
        fill: impl FnOnce(StagedFile) -> Result<(StagedFile, u64), Error>,
    ) -> Result<OutputFile, Error> {
        let (table, day) = (self.table.name, self.day);
        let sink = StagedFile::create(self.staging, &format!("{table}-{}-{number}.parquet", day.to_iso()))?;
        let (sink, rows) = fill(sink)?;
        let Finished { path, bytes, blake3 } = sink.finish()?;
        Ok(OutputFile { table, day, bytes, blake3, rows, path })
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

/// With 2, n rows lie in about log2(n) parts at most, and a row is merged about as often.
const FOLD: usize = 2;
