//! Builds the Arrow arrays of a table row by row, or the JSON object of one row.
//!
//! A row is filled through [`Cells`], which hands out the columns in order; what fills it does not know which of the
//! two it is.
//! A value of the wrong type or a missing cell is a mistake in this stage's
//! own code and panics; every table's tests fill every column.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, ListArray, StringBuilder,
    StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef};

use crate::time::Timestamp;

use super::json_lines::instant;
use super::json_object::Object;
use super::table::{ColumnDef, Kind, fields_of};

/// The columns of a batch while it is filled.
pub(super) struct Columns(Vec<Column>);

/// One column of a batch.
pub(super) enum Column {
    Text(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Texts { item: FieldRef, lengths: Vec<usize>, values: StringBuilder },
    Rows { item: FieldRef, lengths: Vec<usize>, defs: Vec<ColumnDef>, fields: Columns },
}

impl Columns {
    /// Makes empty columns.
    pub(super) fn new(defs: &[ColumnDef]) -> Columns {
        Columns(defs.iter().map(Column::new).collect())
    }

    /// Adds a row; `fill` must put a value into every column.
    pub(super) fn push_row(&mut self, fill: impl FnOnce(&mut Cells)) {
        let mut cells = Cells::Columns(self.0.iter_mut());
        fill(&mut cells);
        let Cells::Columns(mut rest) = cells else { unreachable!("they were columns before") };
        assert!(rest.next().is_none(), "a row fills all of its columns");
    }

    /// Returns the arrays and leaves the columns empty.
    pub(super) fn finish(&mut self) -> Vec<ArrayRef> {
        self.0.iter_mut().map(Column::finish).collect()
    }
}

impl Column {
    fn new(def: &ColumnDef) -> Column {
        match &def.kind {
            Kind::Text => Column::Text(StringBuilder::new()),
            Kind::Int32 => Column::Int32(Int32Builder::new()),
            Kind::Int64 => Column::Int64(Int64Builder::new()),
            Kind::Float64 => Column::Float64(Float64Builder::new()),
            Kind::Bool => Column::Bool(BooleanBuilder::new()),
            Kind::Time => Column::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Texts => {
                let item = item_field(&def.kind);
                Column::Texts { item, lengths: Vec::new(), values: StringBuilder::new() }
            }
            Kind::Rows(defs) => {
                let (item, fields) = (item_field(&def.kind), Columns::new(defs));
                Column::Rows { item, lengths: Vec::new(), defs: defs.clone(), fields }
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Text(values) => Arc::new(values.finish()),
            Column::Int32(values) => Arc::new(values.finish()),
            Column::Int64(values) => Arc::new(values.finish()),
            Column::Float64(values) => Arc::new(values.finish()),
            Column::Bool(values) => Arc::new(values.finish()),
            Column::Time(values) => Arc::new(values.finish()),
            Column::Texts { item, lengths, values } => list(item, lengths, Arc::new(values.finish())),
            Column::Rows { item, lengths, defs, fields } => {
                let items = StructArray::new(fields_of(defs), fields.finish(), None);
                list(item, lengths, Arc::new(items))
            }
        }
    }
}

fn item_field(kind: &Kind) -> FieldRef {
    match kind.data_type() {
        DataType::List(item) => item,
        _ => unreachable!("only lists have items"),
    }
}

fn list(item: &FieldRef, lengths: &mut Vec<usize>, values: ArrayRef) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(std::mem::take(lengths));
    Arc::new(ListArray::new(item.clone(), offsets, values, None))
}

/// The cells of one row, filled from left to right.
pub(super) enum Cells<'a> {
    /// Of a batch.
    Columns(std::slice::IterMut<'a, Column>),
    /// Of a line.
    Object(Object<'a>),
}

impl Cells<'_> {
    /// Fills the next cell.
    pub(super) fn put(&mut self, value: impl Cell) -> &mut Self {
        match self {
            Cells::Columns(columns) => value.append(next(columns)),
            Cells::Object(object) => value.write(object),
        }
        self
    }

    /// Fills the next cell with text, null when it is empty.
    pub(super) fn put_nonempty(&mut self, value: &str) -> &mut Self {
        self.put((!value.is_empty()).then_some(value))
    }

    /// Fills the next cell with `parts` joined by `/`, in a column without building a string for it.
    pub(super) fn put_path(&mut self, parts: &[String]) -> &mut Self {
        match self {
            Cells::Columns(columns) => append_path(next(columns), parts),
            Cells::Object(object) => object.cell(Some(&parts.join("/"))),
        }
        self
    }

    /// Fills the next cell with a list of texts.
    pub(super) fn put_texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> &mut Self {
        match self {
            Cells::Columns(columns) => append_texts(next(columns), texts),
            Cells::Object(object) => object.cell(Some(&texts.into_iter().collect::<Vec<_>>())),
        }
        self
    }

    /// Fills the next cell with a list of structures.
    pub(super) fn put_rows<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(T, &mut Cells),
    ) -> &mut Self {
        match self {
            Cells::Columns(columns) => append_rows(next(columns), items, fill),
            Cells::Object(object) => object.list(items, |item, fields, out| {
                write_object(Object::begin(fields, out), |cells| fill(item, cells));
            }),
        }
        self
    }
}

/// Lets `fill` write the cells of a row into `object`, and ends it.
pub(super) fn write_object(object: Object<'_>, fill: impl FnOnce(&mut Cells)) {
    let mut cells = Cells::Object(object);
    fill(&mut cells);
    let Cells::Object(object) = cells else { unreachable!("it was an object before") };
    object.end();
}

fn next<'c>(columns: &mut std::slice::IterMut<'c, Column>) -> &'c mut Column {
    columns.next().expect("a row has no more cells than the table has columns")
}

fn append_path(column: &mut Column, parts: &[String]) {
    let Column::Text(values) = column else { wrong_type("a path") };
    for (i, part) in parts.iter().enumerate() {
        let slash = if i == 0 { "" } else { "/" };
        write!(values, "{slash}{part}").expect("writing to memory succeeds");
    }
    values.append_value("");
}

fn append_texts<'t>(column: &mut Column, texts: impl IntoIterator<Item = &'t str>) {
    let Column::Texts { lengths, values, .. } = column else { wrong_type("texts") };
    let before = arrow::array::ArrayBuilder::len(values);
    texts.into_iter().for_each(|text| values.append_value(text));
    lengths.push(arrow::array::ArrayBuilder::len(values) - before);
}

fn append_rows<T>(
    column: &mut Column,
    items: impl IntoIterator<Item = T>,
    mut fill: impl FnMut(T, &mut Cells),
) {
    let Column::Rows { lengths, fields, .. } = column else { wrong_type("rows") };
    let mut n_items = 0;
    for item in items {
        fields.push_row(|cells| fill(item, cells));
        n_items += 1;
    }
    lengths.push(n_items);
}

/// A value that fills one cell.
pub(super) trait Cell {
    /// Appends the value to its column.
    fn append(self, column: &mut Column);

    /// Writes the value as the next cell of an object.
    fn write(self, object: &mut Object<'_>);
}

/// Fills a cell of a nullable column; `None` is null. The value is converted one way for a column, another for an object.
macro_rules! cell {
    ($value:ty, $variant:ident, |$it:ident| $column:expr, $object:expr) => {
        impl Cell for Option<$value> {
            fn append(self, column: &mut Column) {
                let Column::$variant(values) = column else { wrong_type(stringify!($variant)) };
                values.append_option(self.map(|$it| $column));
            }

            fn write(self, object: &mut Object<'_>) {
                object.cell(self.map(|$it| $object).as_ref());
            }
        }
        impl Cell for $value {
            fn append(self, column: &mut Column) {
                Some(self).append(column);
            }

            fn write(self, object: &mut Object<'_>) {
                Some(self).write(object);
            }
        }
    };
}

cell!(&str, Text, |text| text, text);
cell!(i32, Int32, |number| number, number);
cell!(i64, Int64, |number| number, number);
cell!(f64, Float64, |number| number, number);
cell!(bool, Bool, |truth| truth, truth);
cell!(Timestamp, Time, |at| micros(at), instant(presentable(at)));

fn wrong_type(given: &str) -> ! {
    panic!("{given} put into a column of another type")
}

/// Returns microseconds since the epoch.
pub(super) fn micros(at: Timestamp) -> i64 {
    presentable(at).0 * 1_000
}

/// Returns `at`, kept within the years 1 to 9999: beyond them the date types of many readers fail on
/// the whole column.
pub(super) fn presentable(at: Timestamp) -> Timestamp {
    Timestamp(at.0.clamp(YEAR_1, YEAR_9999_END))
}

/// 0001-01-01T00:00:00Z in milliseconds.
const YEAR_1: i64 = -62_135_596_800_000;

/// 9999-12-31T23:59:59.999Z in milliseconds.
const YEAR_9999_END: i64 = 253_402_300_799_999;

/// Returns `number` as a signed column value; what does not fit becomes the largest.
pub(super) fn int32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Returns `number` as a signed column value; what does not fit becomes the largest.
pub(super) fn int64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_beyond_what_readers_know_are_kept_at_the_border() {
        let cases =
            [(i64::MIN, YEAR_1), (i64::MAX, YEAR_9999_END), (-1, -1), (1_709_517_600_123, 1_709_517_600_123)];
        for (given, kept) in cases {
            assert_eq!(micros(Timestamp(given)), kept * 1_000);
        }
    }

    #[test]
    #[should_panic(expected = "a row fills all of its columns")]
    fn a_row_with_a_missing_cell_is_refused() {
        let defs = [ColumnDef::new("a", Kind::Int32, ""), ColumnDef::new("b", Kind::Int32, "")];
        Columns::new(&defs).push_row(|cells| {
            cells.put(1);
        });
    }
}
