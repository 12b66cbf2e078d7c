//! Writes the cells of one row straight into a JSON object: no arrays, no tree of values in between.

use serde::Serialize;

use super::table::{ColumnDef, Kind};

/// A JSON object while the columns of a row are written into it, by name. Null cells are left out.
pub(super) struct Object<'a> {
    columns: std::slice::Iter<'a, ColumnDef>,
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Begins the object of a row with the given columns.
    pub(super) fn begin(columns: &'a [ColumnDef], out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { columns: columns.iter(), out, is_empty: true }
    }

    /// Ends the object.
    ///
    /// # Panics
    ///
    /// When a column got no cell.
    pub(super) fn end(mut self) {
        assert!(self.columns.next().is_none(), "a row fills all of its columns");
        self.out.push(b'}');
    }

    /// Writes a member that is no column.
    pub(super) fn member(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        write(self.out, value);
    }

    /// Writes the cell of the next column.
    pub(super) fn cell(&mut self, value: Option<&impl Serialize>) {
        let column = self.next();
        if let Some(value) = value {
            self.member(column.name, value);
        }
    }

    /// Writes the cell of the next column, a list of objects: `write_items` writes each into the output with the
    /// columns it is given.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write_item: impl FnMut(T, &[ColumnDef], &mut Vec<u8>),
    ) {
        let column = self.next();
        let Kind::Rows(fields) = &column.kind else { panic!("rows put into a column of another type") };
        self.name(column.name);
        self.out.push(b'[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            write_item(item, fields, self.out);
        }
        self.out.push(b']');
    }

    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
        write(self.out, &name);
        self.out.push(b':');
    }

    fn next(&mut self) -> &'a ColumnDef {
        self.columns.next().expect("a row has no more cells than the table has columns")
    }
}

fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).expect("a vector takes every byte");
}
