//! Takes a colleague's spreadsheet into a term list: what changes, what is damaged, the new file.
//!
//! Nothing is written here. Terms that the sheet does not mention stay, unless it is said to
//! be the whole list; then they are switched off, never removed, since codes are never used again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::diagnostic::{self, Diagnostic, Place};
use crate::language::fold;
use crate::lexicon::{self, column_titles};

use super::sheet::{Cell, Sheet, SheetRow, csv_cell};
use super::term_table::{TermRow, TermTable, column, column_titled};

/// How a sheet is taken in.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The sheet is the whole list: terms it lacks are switched off.
    pub whole: bool,
    /// Category of new terms that name none.
    pub category: Option<String>,
}

/// What an import would do.
#[derive(Clone, Debug, Serialize)]
pub struct Import {
    /// What the sheet was read as: an encoding, or a worksheet.
    pub source: String,
    /// Terms in the sheet.
    pub rows: usize,
    /// What changes, in the order of the sheet.
    pub changes: Vec<Change>,
    /// Terms that are the same in both.
    pub unchanged: usize,
    /// Terms of the list that the sheet does not mention and that stay.
    pub kept: usize,
    /// Titles of columns that mean nothing here; they are left out.
    pub ignored: Vec<String>,
    /// What is wrong, by line and cell of the sheet.
    pub findings: Vec<Diagnostic>,
    /// The new file.
    #[serde(skip)]
    pub text: String,
}

/// A change of one term.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A new term.
    Added {
        /// Its code.
        code: String,
        /// The term.
        term: String,
    },
    /// Cells that differ.
    Changed {
        /// Its code.
        code: String,
        /// The term, as it was.
        term: String,
        /// The cells.
        cells: Vec<CellChange>,
    },
    /// Switched off.
    SwitchedOff {
        /// Its code.
        code: String,
        /// The term.
        term: String,
    },
}

/// A cell that differs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CellChange {
    /// Title of its column.
    pub column: &'static str,
    /// What the list says.
    pub before: String,
    /// What the sheet says.
    pub after: String,
}

impl Import {
    /// Returns whether the sheet can be written as it is: no errors, nothing a spreadsheet damaged.
    pub fn is_sound(&self) -> bool {
        !diagnostic::has_errors(&self.findings) && self.findings.iter().all(|finding| finding.code != "W108")
    }

    /// Returns whether anything changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Works out what taking `sheet`, the file `name`, into the list `existing` would do.
pub fn plan(existing: Option<&str>, name: &str, sheet: &Sheet, options: &ImportOptions) -> Import {
    let mut table = existing.map_or_else(TermTable::empty, TermTable::read);
    let mut findings = Vec::new();
    let reading = Reading::new(name, sheet, &mut findings);
    let mut merge = Merge { table: &mut table, reading: &reading, options, seen: BTreeSet::new() };
    let mut import = Import {
        source: sheet.source.clone(),
        rows: reading.rows.len(),
        changes: Vec::new(),
        unchanged: 0,
        kept: 0,
        ignored: reading.ignored.clone(),
        findings: Vec::new(),
        text: String::new(),
    };
    let rows = merge.run(&mut import, &mut findings);
    findings.extend(lint(&reading, &rows));
    diagnostic::sort(&mut findings);
    findings.dedup();
    import.findings = findings;
    import.text = table.to_text();
    import
}

/// A sheet with its columns found.
struct Reading<'s> {
    name: &'s str,
    /// Place of each column of a term in the sheet.
    columns: BTreeMap<usize, usize>,
    rows: Vec<&'s SheetRow>,
    ignored: Vec<String>,
}

impl<'s> Reading<'s> {
    fn new(name: &'s str, sheet: &'s Sheet, findings: &mut Vec<Diagnostic>) -> Reading<'s> {
        let mut rows = sheet.rows.iter().filter(|row| !row.is_comment());
        let mut reading = Reading { name, columns: BTreeMap::new(), rows: Vec::new(), ignored: Vec::new() };
        let Some(first) = rows.next() else {
            findings.push(empty_sheet(name));
            return reading;
        };
        if first.cells.iter().any(|cell| is_no_text(&cell.text)) {
            findings.push(no_table(name));
            return reading;
        }
        for (at, cell) in first.cells.iter().enumerate() {
            match meaning(&cell.text) {
                Some(column) if !reading.columns.contains_key(&column) => {
                    reading.columns.insert(column, at);
                }
                _ if cell.text.trim().is_empty() => {}
                _ => reading.ignored.push(cell.text.trim().to_owned()),
            }
        }
        if reading.columns.is_empty() && first.cells.iter().skip(1).all(|cell| cell.text.is_empty()) {
            // One column of words without a title.
            reading.columns.insert(column::TERM, 0);
            reading.ignored.clear();
            reading.rows.push(first);
        } else if !reading.columns.contains_key(&column::TERM) {
            findings.push(no_term_column(name, first));
        }
        reading.rows.extend(rows);
        if !reading.columns.contains_key(&column::TERM) {
            reading.rows.clear();
        }
        reading
    }

    /// Returns the text of a cell, `None` when the sheet has no such column.
    fn cell(&self, row: &SheetRow, column: usize) -> Option<String> {
        let at = *self.columns.get(&column)?;
        let cell = row.cells.get(at).cloned().unwrap_or_default();
        let is_day = matches!(column, column::FROM | column::UNTIL);
        let Cell { text, day, .. } = cell;
        let text = day.filter(|_| is_day).unwrap_or(text);
        let text = text.trim();
        Some(text.strip_prefix('\'').unwrap_or(text).replace(['\r', '\n'], " "))
    }

    /// Cells with a line break, where only the note may have one.
    fn torn_cells(&self, row: &SheetRow) -> Vec<Diagnostic> {
        let columns = self.columns.iter().filter(|(column, _)| **column != column::NOTE);
        let torn = columns.filter(|(_, at)| row.cells.get(**at).is_some_and(|cell| cell.text.contains('\n')));
        torn.map(|(column, _)| torn_cell(self.place(row, *column))).collect()
    }

    /// Cells whose text is what a formula gives today.
    fn formulas(&self, row: &SheetRow) -> Vec<Diagnostic> {
        let cells = self.columns.iter().filter_map(|(column, at)| Some((*column, row.cells.get(*at)?)));
        let given = cells.filter_map(|(column, cell)| Some((column, &cell.text, cell.formula.as_ref()?)));
        given.map(|(column, text, formula)| by_formula(self.place(row, column), text, formula)).collect()
    }

    fn place(&self, row: &SheetRow, column: usize) -> Place {
        let cell = self.columns.get(&column).map_or(0, |at| *at as u32 + 1);
        Place::new(self.name, row.line, cell)
    }
}

/// Returns the column that a title means, by its own name or one that people use.
fn meaning(title: &str) -> Option<usize> {
    const OTHER_NAMES: &[(usize, &[&str])] = &[
        (column::CODE, &["序号", "id", "词条编号", "no"]),
        (column::TERM, &["词", "词语", "关键词", "敏感词", "词汇", "短语", "keyword", "word"]),
        (column::VARIANTS, &["同义词", "别名", "其他写法", "变体词", "synonyms"]),
        (column::CATEGORY, &["分类", "类型", "标签"]),
        (column::MODE, &["匹配方式"]),
        (column::WEIGHT, &["分值", "分数"]),
        (column::UNLESS, &["排除", "排除词", "白名单语境", "除外"]),
        (column::NOTE, &["说明", "注释", "备 注", "comment"]),
    ];
    let own = column_titled(title);
    let folded = title.trim().trim_start_matches('\u{feff}').to_lowercase();
    own.or_else(|| {
        OTHER_NAMES.iter().find(|(_, names)| names.contains(&folded.as_str())).map(|(column, _)| *column)
    })
}

/// Goes through the sheet and changes the list.
struct Merge<'m, 's> {
    table: &'m mut TermTable,
    reading: &'m Reading<'s>,
    options: &'m ImportOptions,
    /// Codes that the sheet mentions.
    seen: BTreeSet<String>,
}

impl Merge<'_, '_> {
    /// Returns the sheet's rows as the list will have them, each with its line.
    fn run(&mut self, import: &mut Import, findings: &mut Vec<Diagnostic>) -> Vec<(u32, TermRow)> {
        let mut rows = Vec::new();
        for row in &self.reading.rows {
            findings.extend(self.reading.torn_cells(row));
            findings.extend(self.reading.formulas(row));
            let code = self.code_of(row, findings);
            let known = self.table.rows().find(|known| known.cell(column::CODE) == code).cloned();
            if !self.seen.insert(code.clone()) {
                findings.push(twice(self.reading.place(row, column::CODE), &code));
                continue;
            }
            let merged = match known {
                Some(known) => self.change(row, known, import),
                None => self.add(row, &code, import),
            };
            rows.push((row.line, merged));
        }
        self.rest(import);
        rows
    }

    /// The code the row names; else that of the same term in the list; else a new one.
    fn code_of(&self, row: &SheetRow, findings: &mut Vec<Diagnostic>) -> String {
        let named = self.reading.cell(row, column::CODE).unwrap_or_default();
        let codes = || self.table.rows().map(|known| known.cell(column::CODE));
        if !named.is_empty() {
            let padded = codes().find(|known| *known != named && known.trim_start_matches('0') == named);
            if let Some(known) = padded.filter(|_| named.chars().all(|c| c.is_ascii_digit())) {
                findings.push(lost_zeros(self.reading.place(row, column::CODE), &named, known));
                return known.to_owned();
            }
            return named;
        }
        let term = fold(&self.reading.cell(row, column::TERM).unwrap_or_default());
        let same = self.table.rows().find(|known| fold(known.cell(column::TERM)) == term);
        same.map_or_else(|| self.table.free_code(), |known| known.cell(column::CODE).to_owned())
    }

    fn change(&mut self, row: &SheetRow, known: TermRow, import: &mut Import) -> TermRow {
        let mut cells = Vec::new();
        let mut merged = known.clone();
        for (place, (title, _)) in column_titles().enumerate().skip(1) {
            let Some(after) = self.reading.cell(row, place) else { continue };
            let before = known.cell(place).to_owned();
            if !same_cell(place, &before, &after) {
                merged.set(place, &guard(&after));
                cells.push(CellChange { column: title, before, after });
            }
        }
        if cells.is_empty() {
            import.unchanged += 1;
            return known;
        }
        if cells.iter().any(|cell| column_titled(cell.column).is_some_and(|place| !self.table.has(place))) {
            self.table.widen();
        }
        let (code, term) = (known.cell(column::CODE).to_owned(), known.cell(column::TERM).to_owned());
        import.changes.push(Change::Changed { code: code.clone(), term, cells });
        for row in self.table.rows_mut().filter(|row| row.cell(column::CODE) == code) {
            (0..merged.cells.len()).for_each(|place| row.set(place, &merged.cells[place]));
        }
        merged
    }

    fn add(&mut self, row: &SheetRow, code: &str, import: &mut Import) -> TermRow {
        let mut cells: Vec<String> = (0..column_titles().len())
            .map(|place| guard(&self.reading.cell(row, place).unwrap_or_default()))
            .collect();
        cells[column::CODE] = code.to_owned();
        self.fill_defaults(&mut cells);
        let given = |place: usize| !cells[place].is_empty() && !self.table.has(place);
        if (0..cells.len()).any(given) {
            self.table.widen();
        }
        let added = TermRow::new(cells);
        let term = added.cell(column::TERM).to_owned();
        import.changes.push(Change::Added { code: code.to_owned(), term });
        self.table.push(added.clone());
        added
    }

    /// A new term that says nothing else is contained anywhere, weighs 1 and is in use.
    fn fill_defaults(&self, cells: &mut [String]) {
        let first = self.table.rows().next().map(|row| row.cell(column::CATEGORY).to_owned());
        let category = self.options.category.clone().or(first).unwrap_or_default();
        let defaults = [
            (column::CATEGORY, category.as_str()),
            (column::MODE, "包含"),
            (column::WEIGHT, "1"),
            (column::NEGATION, "忽略"),
            (column::STATUS, "启用"),
        ];
        for (place, default) in defaults {
            if cells[place].is_empty() && self.table.has(place) {
                cells[place] = default.to_owned();
            }
        }
    }

    /// What the sheet does not mention stays, or is switched off when the sheet is the whole list.
    fn rest(&mut self, import: &mut Import) {
        let absent: Vec<String> = self
            .table
            .rows()
            .filter(|row| !self.seen.contains(row.cell(column::CODE)))
            .map(|row| row.cell(column::CODE).to_owned())
            .collect();
        if !self.options.whole {
            import.kept = absent.len();
            return;
        }
        if !absent.is_empty() && !self.table.has(column::STATUS) {
            self.table.widen();
        }
        for row in self.table.rows_mut() {
            let is_off = matches!(row.cell(column::STATUS), "停用" | "off");
            if is_off || !absent.iter().any(|code| code == row.cell(column::CODE)) {
                continue;
            }
            row.set(column::STATUS, "停用");
            let (code, term) = (row.cell(column::CODE).to_owned(), row.cell(column::TERM).to_owned());
            import.changes.push(Change::SwitchedOff { code, term });
        }
    }
}

/// Returns whether two cells say the same: `1.0` weighs as much as `1`, an empty mode is the default.
fn same_cell(place: usize, before: &str, after: &str) -> bool {
    const DEFAULTS: &[(usize, &str)] = &[
        (column::MODE, "包含"),
        (column::WEIGHT, "1"),
        (column::NEGATION, "忽略"),
        (column::STATUS, "启用"),
    ];
    let default = DEFAULTS.iter().find(|(column, _)| *column == place).map_or("", |(_, default)| default);
    let or_default = |text: &'_ str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
    let (before, after) = (or_default(before), or_default(after));
    match (place, before.parse::<f64>(), after.parse::<f64>()) {
        (column::WEIGHT, Ok(before), Ok(after)) => before == after,
        (column::FROM | column::UNTIL, ..) => before.replace('/', "-") == after.replace('/', "-"),
        _ => before == after,
    }
}

/// Keeps the `'` before formulas in the file: it is opened in a spreadsheet again.
fn guard(cell: &str) -> String {
    super::sheet::guarded(cell)
}

/// Checks rows as `lexicon::parse` would in a file whose lines and cells are those of the sheet.
fn lint(reading: &Reading<'_>, rows: &[(u32, TermRow)]) -> Vec<Diagnostic> {
    let titles: Vec<&str> = column_titles().map(|(zh, _)| zh).collect();
    let mut text = titles.join(",") + "\n";
    // A sheet without a header has a term in line 1, where the header is here.
    let shift = u32::from(rows.first().is_some_and(|(line, _)| *line < 2));
    let mut next_line = 2;
    for (line, row) in rows {
        let blank = (line + shift).saturating_sub(next_line);
        text.extend(std::iter::repeat_n('\n', blank as usize));
        let cells: Vec<String> = row.cells.iter().map(|cell| csv_cell(cell)).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
        next_line = line + shift + 1;
    }
    let (_, mut findings) = lexicon::parse(reading.name, text.as_bytes());
    for finding in &mut findings {
        let place = &mut finding.place;
        place.line = place.line.saturating_sub(shift);
        let column = (place.column as usize).checked_sub(1);
        place.column = column.and_then(|column| reading.columns.get(&column)).map_or(0, |at| *at as u32 + 1);
    }
    findings
}

/// A table of words has no control characters; a picture or an archive does.
fn is_no_text(text: &str) -> bool {
    text.contains(|c: char| (c.is_control() && !c.is_whitespace()) || c == '\u{fffd}')
}

fn no_table(name: &str) -> Diagnostic {
    let (zh, en) = ("这个文件不是表格：里面有控制字符", "this file is no table: it holds control characters");
    Diagnostic::new("E014", Place::new(name, 1, 0), zh, en).with_help(
        "用表格软件打开，另存为 .xlsx 或 .csv",
        "open it in a spreadsheet and save it as .xlsx or .csv",
    )
}

fn by_formula(place: Place, text: &str, formula: &str) -> Diagnostic {
    let (zh, en) = (
        format!("这一格是公式 ={formula}，取的是它现在的结果 `{text}`"),
        format!("this cell is the formula ={formula}; what it gives now, `{text}`, is taken"),
    );
    Diagnostic::new("W109", place, zh, en)
        .with_help("复制后“选择性粘贴”为数值", "copy it and paste its value")
}

fn torn_cell(place: Place) -> Diagnostic {
    let (zh, en) = (
        "这一格里有换行：多半是引号没有配对，后面的行都被并了进来",
        "a line break in this cell: likely a quote without its partner took in the lines that follow",
    );
    Diagnostic::new("E015", place, zh, en).with_help(
        "删去多余的引号；几个说法写在一格里，用 | 隔开",
        "delete the spare quote; part several wordings in one cell by `|`",
    )
}

fn empty_sheet(name: &str) -> Diagnostic {
    Diagnostic::new("E015", Place::new(name, 1, 0), "表格是空的", "the sheet is empty").with_help(
        "第一行写 编号,词条,变体,类别,…，下面一行一个词",
        "begin with id,term,variants,category,…, then one term a line",
    )
}

fn no_term_column(name: &str, row: &SheetRow) -> Diagnostic {
    Diagnostic::new("E015", Place::new(name, row.line, 0), "没有“词条”这一列", "there is no column `term`")
        .with_help("把写词的那一列的表头改成 词条", "title the column that holds the words `term`")
}

fn twice(place: Place, code: &str) -> Diagnostic {
    let (zh, en) =
        (format!("编号 `{code}` 在表格里出现两次"), format!("id `{code}` stands in the sheet twice"));
    Diagnostic::new("E015", place, zh, en).with_help("只留一行", "keep one line")
}

fn lost_zeros(place: Place, written: &str, known: &str) -> Diagnostic {
    let (zh, en) = (
        format!("编号 `{written}` 原来是 `{known}`，前面的零被表格软件去掉了"),
        format!("id `{written}` was `{known}`: a spreadsheet dropped its leading zeros"),
    );
    Diagnostic::new("W108", place, zh, en)
        .with_help("恢复原来的编号，并把该列设为“文本”格式", "restore it, and format the column as text")
}

#[cfg(test)]
mod tests {
    use super::super::sheet;
    use super::*;

    const LIST: &str = "# 优惠\n编号,词条,变体,类别,方式,权重,排除语境,必须共现,否定,状态,生效,失效,备注\n\
        d001,优惠,,价格/优惠,包含,1,,,忽略,启用,,,\n# 券\nd002,打折,折扣,价格/优惠,包含,1,,,忽略,启用,,,旧\n";

    fn import(sheet_text: &str, whole: bool) -> Import {
        let sheet = sheet::read(sheet_text.as_bytes(), None).unwrap();
        plan(Some(LIST), "同事.csv", &sheet, &ImportOptions { whole, category: None })
    }

    fn said(import: &Import) -> Vec<String> {
        let say = |change: &Change| match change {
            Change::Added { code, term } => format!("+{code} {term}"),
            Change::Changed { code, cells, .. } => format!("~{code} {}", cells.len()),
            Change::SwitchedOff { code, .. } => format!("-{code}"),
        };
        import.changes.iter().map(say).collect()
    }

    #[test]
    fn terms_are_added_changed_and_kept() {
        // (sheet, whole, changes, unchanged, kept)
        type Case = (&'static str, bool, &'static [&'static str], usize, usize);
        const CASES: &[Case] = &[
            ("编号,词条\nd001,优惠\n", false, &[], 1, 1),
            ("编号,词条,权重\nd001,优惠,1.5\n,骨折价,\n", false, &["~d001 1", "+d003 骨折价"], 0, 1),
            ("关键词,说明\n打折,新\n", false, &["~d002 1"], 0, 1),
            ("骨折价\n白菜价\n", false, &["+d003 骨折价", "+d004 白菜价"], 0, 2),
            ("编号,词条\nd002,打折\n", true, &["-d001"], 1, 0),
            ("编号,词条,权重\nd001,优惠,1.0\nd002,打折,\n", true, &[], 2, 0),
        ];
        for (text, whole, changes, unchanged, kept) in CASES {
            let import = import(text, *whole);
            assert_eq!(said(&import), *changes, "{text}");
            assert_eq!((import.unchanged, import.kept), (*unchanged, *kept), "{text}");
            assert!(import.is_sound(), "{text}: {:?}", import.findings);
        }
    }

    #[test]
    fn comments_order_and_untouched_lines_stay() {
        let import = import("编号,词条,备注\nd002,打折,\"新,的\"\nd009,骨折价,\n", false);
        let wanted = LIST.replace(",旧\n", ",\"新,的\"\n") + "d009,骨折价,,价格/优惠,包含,1,,,忽略,启用,,,\n";
        assert_eq!(import.text, wanted);
    }

    #[test]
    fn damage_is_found_in_its_cell_and_stops_the_import() {
        // (sheet, code line:cell)
        const CASES: &[(&str, &str)] = &[
            ("编号,词条\nd009,3月8日\n", "W108 2:2"),
            ("编号,词条\nd009,1.23E+11\n", "W108 2:2"),
            ("编号,词条\nd001,优惠\nd001,打折\n", "E015 3:1"),
            ("编号,颜色\nd001,红\n", "E015 1:0"),
            ("编号,词条\nd009,\"骨折价\nd010,白菜价\n", "E015 2:2"),
            ("\u{1}\u{2},词条\nd009,骨折价\n", "E014 1:0"),
            ("编号,词条,变体\nd009,骨折价,\"甲\n乙\"\n", "E015 2:3"),
            ("", "E015 1:0"),
            ("编号,词条,权重\nd009,骨折价,重\n", "E001 2:3"),
            ("编号,备注,词条\nd009,,“骨折价”\nd010,,3月8日\n", "W108 3:3"),
        ];
        for (text, wanted) in CASES {
            let import = import(text, false);
            let found = import
                .findings
                .iter()
                .map(|finding| format!("{} {}:{}", finding.code, finding.place.line, finding.place.column));
            assert!(found.clone().any(|found| found == *wanted), "{text}: {:?}", found.collect::<Vec<_>>());
            assert!(!import.is_sound(), "{text}");
        }
    }

    #[test]
    fn what_a_formula_gives_is_taken_and_said() {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet.write_row(0, 0, ["编号", "词条"]).unwrap();
        sheet.write_string(1, 0, "d009").unwrap();
        let formula = rust_xlsxwriter::Formula::new("=CONCATENATE(\"骨折\",\"价\")").set_result("骨折价");
        sheet.write_formula(1, 1, formula).unwrap();
        let read = sheet::read(&workbook.save_to_buffer().unwrap(), None).unwrap();
        let import = plan(Some(LIST), "x.xlsx", &read, &ImportOptions::default());
        assert_eq!(said(&import), ["+d009 骨折价"]);
        let found = &import.findings[0];
        assert_eq!((found.code, found.place.to_string().as_str()), ("W109", "x.xlsx:2:2"));
        assert!(found.en.contains("=CONCATENATE") && import.is_sound(), "{found:?}");
    }

    #[test]
    fn leading_zeros_that_a_spreadsheet_dropped_are_noticed() {
        let list = "编号,词条\n001,优惠\n";
        let sheet = sheet::read("编号,词条\n1,优惠价\n".as_bytes(), None).unwrap();
        let import = plan(Some(list), "x.csv", &sheet, &ImportOptions::default());
        assert_eq!(import.findings[0].code, "W108");
        assert_eq!(said(&import), ["~001 1"]);
    }

    #[test]
    fn what_is_exported_and_imported_again_changes_nothing() {
        for format in
            [sheet::SheetFormat::Xlsx, sheet::SheetFormat::Csv(crate::lexicon::TextEncoding::Gb18030)]
        {
            let bytes = sheet::write(&TermTable::read(LIST).to_sheet(), format).unwrap();
            let sheet = sheet::read(&bytes, None).unwrap();
            let import = plan(Some(LIST), "x", &sheet, &ImportOptions { whole: true, category: None });
            assert!(import.is_empty() && import.is_sound(), "{import:#?}");
            assert_eq!(import.text, LIST);
        }
    }
}
