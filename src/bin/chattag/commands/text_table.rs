//! Lines up columns of text that mixes Chinese and Latin letters.

use unicode_width::UnicodeWidthStr;

/// Rows of cells; the first row is the header.
#[derive(Default)]
pub struct TextTable(Vec<Vec<String>>);

impl TextTable {
    /// Starts with a header.
    pub fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> TextTable {
        TextTable(vec![header.into_iter().map(str::to_owned).collect()])
    }

    /// Adds a row.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }

    /// Returns whether there is nothing below the header.
    pub fn is_empty(&self) -> bool {
        self.0.len() <= 1
    }

    /// Returns the lines; the first column is left-aligned, numbers are right-aligned.
    pub fn render(&self) -> String {
        let n_columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..n_columns)
            .map(|at| self.0.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0))
            .collect();
        let is_number = |at: usize| {
            self.0[1..]
                .iter()
                .filter_map(|row| row.get(at))
                .all(|cell| cell.chars().all(|c| c.is_ascii_digit() || " ,.%+-−–→/~".contains(c)))
        };
        let right: Vec<bool> = (0..n_columns).map(is_number).collect();
        self.0.iter().map(|row| line(row, &widths, &right)).collect()
    }
}

fn line(row: &[String], widths: &[usize], right: &[bool]) -> String {
    let cells = row.iter().zip(widths).zip(right).map(|((cell, width), right)| {
        let room = " ".repeat(width.saturating_sub(cell.width()));
        if *right { format!("{room}{cell}") } else { format!("{cell}{room}") }
    });
    let line = cells.collect::<Vec<_>>().join("  ");
    line.trim_end().to_owned() + "\n"
}
