//! Knows the columns of a term list and reads their cells.

use crate::diagnostic::Diagnostic;
use crate::time::Day;

use super::finding::{at, bad_value};
use super::{Mode, NegationPolicy};

/// A column of a term list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Column {
    Id,
    Term,
    Variants,
    Category,
    Mode,
    Weight,
    Unless,
    Requires,
    Negation,
    Status,
    From,
    Until,
    Note,
}

/// Every column with its Chinese and its English title, in the order they are written.
pub(super) const COLUMNS: [(Column, &str, &str); 13] = [
    (Column::Id, "编号", "id"),
    (Column::Term, "词条", "term"),
    (Column::Variants, "变体", "variants"),
    (Column::Category, "类别", "category"),
    (Column::Mode, "方式", "mode"),
    (Column::Weight, "权重", "weight"),
    (Column::Unless, "排除语境", "unless"),
    (Column::Requires, "必须共现", "requires"),
    (Column::Negation, "否定", "negation"),
    (Column::Status, "状态", "status"),
    (Column::From, "生效", "from"),
    (Column::Until, "失效", "until"),
    (Column::Note, "备注", "note"),
];

/// Returns the titles of all columns, Chinese and English, in the order they are written.
pub fn column_titles() -> impl ExactSizeIterator<Item = (&'static str, &'static str)> {
    COLUMNS.iter().map(|(_, zh, en)| (*zh, *en))
}

impl Column {
    /// Returns the column with this title, in either language.
    pub(super) fn titled(title: &str) -> Option<Column> {
        let title = title.trim();
        COLUMNS.iter().find(|(_, zh, en)| *zh == title || *en == title).map(|(column, ..)| *column)
    }

    fn zh(self) -> &'static str {
        COLUMNS.iter().find(|(column, ..)| *column == self).map_or("", |(_, zh, _)| zh)
    }
}

/// One line of the file with its columns.
pub(super) struct Row<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) columns: &'a [Column],
    pub(super) cells: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    /// Returns the number of the cell of `column`, counted from 1; 0 when there is no such column.
    pub(super) fn cell_of(&self, column: Column) -> usize {
        self.columns.iter().position(|known| *known == column).map_or(0, |at| at + 1)
    }

    /// Returns the cell as written; empty when there is no such column.
    pub(super) fn raw(&self, column: Column) -> &'a str {
        self.cell_of(column).checked_sub(1).and_then(|at| self.cells.get(at)).unwrap_or("")
    }

    /// Returns the cell without spaces around it and without the `'` that keeps
    /// spreadsheets from reading a formula.
    pub(super) fn text(&self, column: Column) -> &'a str {
        let cell = self.raw(column).trim();
        cell.strip_prefix('\'').unwrap_or(cell).trim_start()
    }

    /// Returns the alternatives between `|`, without empty ones.
    pub(super) fn list(&self, column: Column) -> Vec<String> {
        let alternatives = self.text(column).split('|').map(str::trim);
        alternatives.filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    /// Reads a cell that holds one of few words. An empty one is the default.
    pub(super) fn choice<T: Copy + Default>(
        &self,
        column: Column,
        choices: &[(&str, &str, T)],
        findings: &mut Vec<Diagnostic>,
    ) -> T {
        let text = self.text(column);
        if text.is_empty() {
            return T::default();
        }
        if let Some((.., value)) = choices.iter().find(|(zh, en, _)| *zh == text || *en == text) {
            return *value;
        }
        let zh: Vec<&str> = choices.iter().map(|(zh, ..)| *zh).collect();
        let en: Vec<&str> = choices.iter().map(|(_, en, _)| *en).collect();
        self.refuse(column, text, &zh.join("、"), &en.join(", "), findings);
        T::default()
    }

    /// Reads a weight: a finite number; empty is 1.
    pub(super) fn weight(&self, findings: &mut Vec<Diagnostic>) -> f64 {
        let text = self.text(Column::Weight);
        if text.is_empty() {
            return 1.0;
        }
        let weight = text.parse::<f64>().ok().filter(|weight| weight.is_finite());
        weight.unwrap_or_else(|| {
            self.refuse(Column::Weight, text, "数字，如 `1.5`", "a number such as `1.5`", findings);
            1.0
        })
    }

    /// Reads a day as `2024-10-20` or, as spreadsheets write it, `2024/10/20`.
    pub(super) fn day(&self, column: Column, findings: &mut Vec<Diagnostic>) -> Option<Day> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        let day = parse_day(text);
        if day.is_none() {
            self.refuse(column, text, "日期，如 `2024-10-20`", "a day such as `2024-10-20`", findings);
        }
        day
    }

    fn refuse(&self, column: Column, text: &str, zh: &str, en: &str, findings: &mut Vec<Diagnostic>) {
        let place = at(self.file, self.line, self.cell_of(column));
        findings.push(bad_value(place, column.zh(), text, zh, en));
    }
}

fn parse_day(text: &str) -> Option<Day> {
    let mut numbers = text.split(['-', '/']);
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    if numbers.next().is_some() || year.len() != 4 {
        return None;
    }
    Day::parse(&format!("{year}-{month:0>2}-{day:0>2}"))
}

/// The words for how a term is looked for.
pub(super) const MODES: &[(&str, &str, Mode)] = &[
    ("包含", "contains", Mode::Contains),
    ("整句", "whole", Mode::Whole),
    ("正则", "regex", Mode::Regex),
    ("拼音", "pinyin", Mode::Pinyin),
    ("整词", "word", Mode::Word),
    ("识别", "detector", Mode::Detector),
];

/// The words for what becomes of a negated hit.
pub(super) const NEGATIONS: &[(&str, &str, NegationPolicy)] = &[
    ("忽略", "ignore", NegationPolicy::Ignore),
    ("丢弃", "drop", NegationPolicy::Drop),
    ("反转", "flip", NegationPolicy::Flip),
];

/// The words for whether a term is in use.
pub(super) const STATES: &[(&str, &str, Status)] =
    &[("启用", "on", Status::On), ("停用", "off", Status::Off)];

/// Whether a term is in use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Status {
    #[default]
    On,
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_with_dashes_or_slashes() {
        // (text, day)
        const CASES: &[(&str, Option<&str>)] = &[
            ("2024-10-20", Some("2024-10-20")),
            ("2024/1/5", Some("2024-01-05")),
            ("10/20/2024", None),
            ("2024-02-30", None),
            ("2024-10", None),
        ];
        for (text, day) in CASES {
            assert_eq!(parse_day(text).map(Day::to_iso).as_deref(), *day, "{text}");
        }
    }
}
