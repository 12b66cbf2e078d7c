//! A term list as its file has it: comments, order and untouched lines stay as they are.
//!
//! `lexicon::parse` says what a list means; this says how it is written, so that one cell can
//! be changed without touching the rest.

use crate::lexicon;

use super::sheet::csv_cell;

/// A term list, line by line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TermTable {
    /// What comes before the header.
    preface: Vec<String>,
    /// The columns of the header, as places in [`TITLES`]' order.
    columns: Vec<usize>,
    header: String,
    lines: Vec<Line>,
}

/// One line below the header.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Line {
    /// A comment or an empty line, as written.
    Other(String),
    /// A term.
    Term(TermRow),
}

/// A term by columns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TermRow {
    /// The cells in the order of [`lexicon::column_titles`].
    pub cells: Vec<String>,
    /// The line as it was written; `None` once a cell changed.
    written: Option<String>,
}

impl TermRow {
    /// Makes a row of cells in the order of [`lexicon::column_titles`].
    pub fn new(cells: Vec<String>) -> TermRow {
        TermRow { cells, written: None }
    }

    /// Returns a cell without spaces around it and without the `'` that guards formulas.
    pub fn cell(&self, column: usize) -> &str {
        let cell = self.cells.get(column).map_or("", |cell| cell.trim());
        cell.strip_prefix('\'').unwrap_or(cell)
    }

    /// Sets a cell.
    pub fn set(&mut self, column: usize, text: &str) {
        if self.cells.get(column).is_some_and(|cell| cell != text) {
            self.cells[column] = text.to_owned();
            self.written = None;
        }
    }
}

/// Places of columns that tools ask for by name.
pub mod column {
    /// 编号
    pub const CODE: usize = 0;
    /// 词条
    pub const TERM: usize = 1;
    /// 变体
    pub const VARIANTS: usize = 2;
    /// 类别
    pub const CATEGORY: usize = 3;
    /// 方式
    pub const MODE: usize = 4;
    /// 权重
    pub const WEIGHT: usize = 5;
    /// 排除语境
    pub const UNLESS: usize = 6;
    /// 否定
    pub const NEGATION: usize = 8;
    /// 状态
    pub const STATUS: usize = 9;
    /// 生效
    pub const FROM: usize = 10;
    /// 失效
    pub const UNTIL: usize = 11;
    /// 备注
    pub const NOTE: usize = 12;
}

/// Returns the place of the column with this title, in either language.
pub fn column_titled(title: &str) -> Option<usize> {
    let title = title.trim().trim_start_matches('\u{feff}').to_lowercase();
    lexicon::column_titles().position(|(zh, en)| title == zh || title == en)
}

impl TermTable {
    /// Makes an empty list with all columns, titled in Chinese.
    pub fn empty() -> TermTable {
        let titles: Vec<&str> = lexicon::column_titles().map(|(zh, _)| zh).collect();
        let columns = (0..titles.len()).collect();
        TermTable { columns, header: titles.join(","), ..TermTable::default() }
    }

    /// Reads a list. What has no header is an empty list with all columns.
    pub fn read(text: &str) -> TermTable {
        let mut records = records(text).into_iter();
        let mut table = TermTable::empty();
        for record in records.by_ref() {
            if is_other(&record) {
                table.preface.push(record);
                continue;
            }
            table.columns =
                split(&record).iter().map(|title| column_titled(title).unwrap_or(usize::MAX)).collect();
            table.header = record;
            break;
        }
        table.lines = records.map(|record| table.line(record)).collect();
        table
    }

    fn line(&self, record: String) -> Line {
        if is_other(&record) {
            return Line::Other(record);
        }
        let mut cells = vec![String::new(); lexicon::column_titles().len()];
        for (column, cell) in self.columns.iter().zip(split(&record)) {
            if let Some(slot) = cells.get_mut(*column) {
                *slot = cell;
            }
        }
        Line::Term(TermRow { cells, written: Some(record) })
    }

    /// Returns the terms, in order.
    pub fn rows(&self) -> impl Iterator<Item = &TermRow> {
        self.lines.iter().filter_map(|line| match line {
            Line::Term(row) => Some(row),
            Line::Other(_) => None,
        })
    }

    /// Returns the terms to change them, in order.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut TermRow> {
        self.lines.iter_mut().filter_map(|line| match line {
            Line::Term(row) => Some(row),
            Line::Other(_) => None,
        })
    }

    /// Adds a term at the end.
    pub fn push(&mut self, row: TermRow) {
        self.lines.push(Line::Term(row));
    }

    /// Returns whether the list has the column at this place.
    pub fn has(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }

    /// Adds the columns that the list lacks; every line is written anew.
    pub fn widen(&mut self) {
        let titles: Vec<&str> = lexicon::column_titles().map(|(zh, _)| zh).collect();
        if self.columns.len() == titles.len() && (0..titles.len()).all(|column| self.has(column)) {
            return;
        }
        self.columns = (0..titles.len()).collect();
        self.header = titles.join(",");
        self.rows_mut().for_each(|row| row.written = None);
    }

    /// Sorts the terms of each section by code. Comments and empty lines part sections and stay.
    pub fn sort_sections(&mut self) {
        let is_other = |line: &Line| matches!(line, Line::Other(_));
        for section in self.lines.chunk_by_mut(|a, b| !is_other(a) && !is_other(b)) {
            section.sort_by_cached_key(|line| match line {
                Line::Term(row) => natural(row.cell(column::CODE)),
                Line::Other(_) => Vec::new(),
            });
        }
    }

    /// Trims the cells and the alternatives between `|`; drops empty alternatives.
    pub fn tidy(&mut self) {
        const LISTS: [usize; 3] = [column::VARIANTS, column::UNLESS, column::UNLESS + 1];
        for row in self.rows_mut() {
            for place in 0..row.cells.len() {
                let cell = row.cells[place].trim().to_owned();
                let cell = if LISTS.contains(&place) { tidy_list(&cell) } else { cell };
                row.set(place, &cell);
            }
        }
    }

    /// Returns the list as a file. Untouched lines are as they were.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for line in self.preface.iter().chain([&self.header]) {
            push_line(&mut text, line);
        }
        for line in &self.lines {
            match line {
                Line::Other(other) => push_line(&mut text, other),
                Line::Term(row) => push_line(&mut text, &self.write(row)),
            }
        }
        text
    }

    fn write(&self, row: &TermRow) -> String {
        row.written.clone().unwrap_or_else(|| {
            let cell = |column: &usize| csv_cell(row.cells.get(*column).map_or("", String::as_str));
            self.columns.iter().map(cell).collect::<Vec<_>>().join(",")
        })
    }

    /// Returns the rows of a spreadsheet: the header, then terms and comments in order.
    pub fn to_sheet(&self) -> Vec<Vec<String>> {
        let titles: Vec<&str> = lexicon::column_titles().map(|(zh, _)| zh).collect();
        let columns: Vec<usize> = self.columns.iter().copied().filter(|at| *at < titles.len()).collect();
        let head = columns.iter().map(|column| titles[*column].to_owned()).collect();
        let comment = |text: &String| text.starts_with('#').then(|| vec![text.clone()]);
        let line = |line: &Line| match line {
            Line::Other(text) => comment(text),
            Line::Term(row) => Some(columns.iter().map(|column| row.cell(*column).to_owned()).collect()),
        };
        let rows = self.preface.iter().filter_map(comment).chain(self.lines.iter().filter_map(line));
        std::iter::once(head).chain(rows).collect()
    }

    /// Returns a code that no term has: the prefix and width of the last one, one higher.
    pub fn free_code(&self) -> String {
        let codes: Vec<&str> = self.rows().map(|row| row.cell(column::CODE)).collect();
        let last = codes.iter().rev().find(|code| code.ends_with(|c: char| c.is_ascii_digit()));
        let prefix = last.map_or("t", |code| code.trim_end_matches(|c: char| c.is_ascii_digit()));
        let numbers = codes.iter().filter_map(|code| code.strip_prefix(prefix)?.parse::<u64>().ok());
        let width = last.map_or(3, |code| code.len() - prefix.len());
        format!("{prefix}{:0width$}", numbers.max().unwrap_or(0) + 1)
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn tidy_list(cell: &str) -> String {
    let kept: Vec<&str> = cell.split('|').map(str::trim).filter(|text| !text.is_empty()).collect();
    kept.join("|")
}

/// A key that sorts `d2` before `d10`.
fn natural(code: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = code;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(digits);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        parts.push((word.to_owned(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

/// Comments and empty lines.
fn is_other(record: &str) -> bool {
    record.starts_with('#') || record.trim().is_empty()
}

/// Cuts a file into records; a quoted cell may hold line feeds.
fn records(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match records.last_mut() {
            Some(last) if open => {
                last.push('\n');
                last.push_str(line);
            }
            _ => records.push(line.to_owned()),
        }
        let is_comment = !open && line.starts_with('#');
        open ^= !is_comment && line.matches('"').count() % 2 == 1;
    }
    records
}

fn split(record: &str) -> Vec<String> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record.as_bytes());
    let first = reader.records().next().and_then(Result::ok);
    first.map_or_else(Vec::new, |record| record.iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str =
        "# 优惠类\n编号,词条,变体,备注\nd2,优惠, 特惠 ||,\"含,逗号\"\n\n# 大促\nd010,秒杀,,\nd09,满减,,\n";

    #[test]
    fn an_untouched_list_is_written_as_it_was_read() {
        assert_eq!(TermTable::read(LIST).to_text(), LIST);
        let quoted = "编号,词条,备注\na,b,\"两\n行\"\n";
        assert_eq!(TermTable::read(quoted).to_text(), quoted);
    }

    #[test]
    fn one_changed_cell_changes_one_line() {
        let mut table = TermTable::read(LIST);
        table.rows_mut().nth(1).unwrap().set(column::NOTE, "限时,一天");
        assert_eq!(table.to_text(), LIST.replace("d010,秒杀,,", "d010,秒杀,,\"限时,一天\""));
    }

    #[test]
    fn sections_are_sorted_on_their_own_and_cells_trimmed() {
        let mut table = TermTable::read(LIST);
        table.tidy();
        table.sort_sections();
        let wanted =
            "# 优惠类\n编号,词条,变体,备注\nd2,优惠,特惠,\"含,逗号\"\n\n# 大促\nd09,满减,,\nd010,秒杀,,\n";
        assert_eq!(table.to_text(), wanted);
        assert_eq!(table.free_code(), "d011");
    }

    #[test]
    fn free_codes_follow_the_last_one() {
        // (codes, the next)
        const CASES: &[(&[&str], &str)] = &[
            (&[], "t001"),
            (&["d001", "d214"], "d215"),
            (&["kd1", "kd9"], "kd10"),
            (&["甲"], "t001"),
            (&["a007", "a003"], "a008"),
        ];
        for (codes, next) in CASES {
            let text: String = codes.iter().map(|code| format!("{code},x\n")).collect();
            assert_eq!(TermTable::read(&format!("编号,词条\n{text}")).free_code(), *next, "{codes:?}");
        }
    }
}
