//! Reads a term list from CSV.
//!
//! Never fails: what cannot be used is left out and reported, all findings in file
//! order. Lines that begin with `#` are comments.

use std::collections::BTreeMap;

use crate::diagnostic::{self, Diagnostic};

use super::cell::{COLUMNS, Column, MODES, NEGATIONS, Row, STATES, Status};
use super::finding::{at, bad_value, category, regex, shape};
use super::lint::check_list;
use super::{Detector, Lexicon, Mode, Term, Validity, decode};

/// Parses the term list `bytes` of `file`, a path with `/`. The lexicon's id is the
/// file's name without its ending.
///
/// Never fails: what cannot be used is left out and reported.
pub fn parse(file: &str, bytes: &[u8]) -> (Lexicon, Vec<Diagnostic>) {
    let (text, _) = decode(bytes);
    let mut findings = Vec::new();
    let terms = read_terms(file, &text, &mut findings);
    check_list(&terms, &mut findings);
    diagnostic::sort(&mut findings);
    (Lexicon::new(id_of(file), terms), findings)
}

fn id_of(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".csv").unwrap_or(name)
}

fn read_terms(file: &str, text: &str, findings: &mut Vec<Diagnostic>) -> Vec<Term> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok);
    let Some(columns) = records.next().and_then(|header| read_header(file, &header, findings)) else {
        if findings.is_empty() {
            findings.push(missing_header(file));
        }
        return Vec::new();
    };
    let (mut terms, mut lines_of) = (Vec::new(), BTreeMap::new());
    for cells in records {
        let line = cells.position().map_or(0, |position| position.line() as u32);
        let row = Row { file, line, columns: &columns, cells: &cells };
        if let Some(term) = read_row(&row, findings)
            && is_new(&term, &mut lines_of, findings)
        {
            terms.push(term);
        }
    }
    terms
}

fn missing_header(file: &str) -> Diagnostic {
    let titles: Vec<&str> = COLUMNS.iter().map(|(_, zh, _)| *zh).collect();
    shape(at(file, 1, 0), "缺少表头", "the header line is missing").with_help(
        format!("第一行写 `{}`", titles.join(",")),
        "begin with `id,term,variants,category,mode,…`",
    )
}

/// Returns the columns of the header, or `None` when terms cannot be read with it.
fn read_header(
    file: &str,
    header: &csv::StringRecord,
    findings: &mut Vec<Diagnostic>,
) -> Option<Vec<Column>> {
    let line = header.position().map_or(1, |position| position.line() as u32);
    let known = header.iter().filter(|title| Column::titled(title).is_some()).count();
    if known == 0 {
        return None;
    }
    let mut columns = Vec::new();
    for (cell, title) in (1..).zip(header) {
        match Column::titled(title) {
            Some(column) if !columns.contains(&column) => columns.push(column),
            _ => findings.push(odd_title(file, line, cell, title)),
        }
    }
    for (wanted, zh, en) in &COLUMNS[..2] {
        if !columns.contains(wanted) {
            findings.push(shape(
                at(file, line, 0),
                format!("缺少列 `{zh}`"),
                format!("column `{en}` is missing"),
            ));
        }
    }
    diagnostic::has_errors(findings).then_some(()).map_or(Some(columns), |()| None)
}

fn odd_title(file: &str, line: u32, cell: usize, title: &str) -> Diagnostic {
    let zh = format!("未知或重复的列 `{}`", title.trim());
    let en = format!("column `{}` is unknown or given twice", title.trim());
    let titles: Vec<&str> = COLUMNS.iter().map(|(_, zh, _)| *zh).collect();
    let names: Vec<&str> = COLUMNS.iter().map(|(.., en)| *en).collect();
    shape(at(file, line, cell), zh, en)
        .with_help(format!("可用的列：{}", titles.join("、")), format!("columns: {}", names.join(", ")))
}

/// Reads one line; `None` when it cannot be used.
fn read_row(row: &Row<'_>, findings: &mut Vec<Diagnostic>) -> Option<Term> {
    if row.cells.len() != row.columns.len() {
        findings.push(wrong_length(row));
        return None;
    }
    let before = findings.len();
    let term = Term {
        code: row.text(Column::Id).to_owned(),
        text: row.text(Column::Term).to_owned(),
        variants: row.list(Column::Variants),
        category: read_category(row, findings),
        mode: row.choice(Column::Mode, MODES, findings),
        weight: row.weight(findings),
        contexts: row.list(Column::Unless),
        companions: row.list(Column::Requires),
        negation: row.choice(Column::Negation, NEGATIONS, findings),
        enabled: row.choice(Column::Status, STATES, findings) == Status::On,
        valid: Validity { from: row.day(Column::From, findings), until: row.day(Column::Until, findings) },
        note: row.raw(Column::Note).trim().to_owned(),
        place: at(row.file, row.line, row.cell_of(Column::Term)),
    };
    check_needed(row, &term, findings);
    super::lint::check_cells(row, &term, findings);
    let usable = !diagnostic::has_errors(findings.get(before..).unwrap_or(&[]));
    usable.then_some(term)
}

fn wrong_length(row: &Row<'_>) -> Diagnostic {
    let (has, wants) = (row.cells.len(), row.columns.len());
    shape(
        at(row.file, row.line, 0),
        format!("有 {has} 个单元格，表头有 {wants} 个"),
        format!("{has} cells, the header has {wants}"),
    )
    .with_help("含逗号的单元格加双引号", "put cells that hold commas in double quotes")
}

fn read_category(row: &Row<'_>, findings: &mut Vec<Diagnostic>) -> Vec<String> {
    let text = row.text(Column::Category);
    if text.is_empty() {
        return Vec::new();
    }
    let levels: Vec<String> = text.split('/').map(|level| level.trim().to_owned()).collect();
    if levels.len() > MAX_LEVELS || levels.iter().any(String::is_empty) {
        findings.push(category(at(row.file, row.line, row.cell_of(Column::Category)), text));
    }
    levels
}

fn check_needed(row: &Row<'_>, term: &Term, findings: &mut Vec<Diagnostic>) {
    for (column, text, title) in [(Column::Id, &term.code, "编号"), (Column::Term, &term.text, "词条")] {
        if text.is_empty() {
            let place = at(row.file, row.line, row.cell_of(column));
            findings.push(bad_value(place, title, "", "内容", "something"));
        }
    }
    if let (Some(from), Some(until)) = (term.valid.from, term.valid.until)
        && from >= until
    {
        let place = at(row.file, row.line, row.cell_of(Column::Until));
        let text = row.text(Column::Until);
        findings.push(bad_value(place, "失效", text, "晚于“生效”的日期", "a day after `from`"));
    }
    if term.mode == Mode::Regex {
        check_patterns(row, term, findings);
    }
    if term.mode == Mode::Detector && Detector::named(&term.text).is_none() {
        let place = at(row.file, row.line, row.cell_of(Column::Term));
        let zh = Detector::names().collect::<Vec<_>>().join("、");
        findings.push(bad_value(place, "词条", &term.text, &zh, "the name of a detector, such as `phone`"));
    }
}

fn check_patterns(row: &Row<'_>, term: &Term, findings: &mut Vec<Diagnostic>) {
    for pattern in term.spellings() {
        if let Err(error) = regex::Regex::new(pattern) {
            let place = at(row.file, row.line, row.cell_of(Column::Term));
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_owned();
            findings.push(regex(place, pattern, &reason));
        }
    }
}

/// Returns whether the term's code was not seen before; reports it otherwise.
fn is_new(term: &Term, lines_of: &mut BTreeMap<String, u32>, findings: &mut Vec<Diagnostic>) -> bool {
    let Some(line) = lines_of.insert(term.code.clone(), term.place.line) else { return true };
    let place = crate::diagnostic::Place { column: 1, ..term.place.clone() };
    findings.push(
        shape(
            place,
            format!("编号 `{}` 与第 {line} 行重复", term.code),
            format!("id `{}` is that of line {line} too", term.code),
        )
        .with_help("换一个新编号", "give it a new id"),
    );
    false
}

/// Levels a category may have, as tags in WeCom have.
const MAX_LEVELS: usize = 3;
