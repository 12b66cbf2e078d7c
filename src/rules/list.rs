//! Reads allow and deny lists: `allow/*.csv`, `deny/*.csv`.
//!
//! Each row is an exception, so each has a reason; it may have an end.

use std::collections::BTreeSet;

use super::draft::{self, SourceFile};
use super::findings::Findings;
use crate::diagnostic::{Diagnostic, Place};
use crate::time::Day;

/// One list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Its rows, in file order.
    pub rows: Vec<ListRow>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRow {
    /// The host, id or name.
    pub value: String,
    /// The first local day on which the row no longer holds.
    pub until: Option<Day>,
    /// Where it is written.
    pub place: Place,
}

/// Reads the list in `source`. Rows that cannot be used are reported (`E015`).
pub fn parse(source: &SourceFile, findings: &Findings) -> List {
    let (file, text) = (source.path.as_str(), draft::text(source, findings));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = reader.records();
    let header = match rows.next() {
        Some(Ok(header)) => header,
        _ => return unusable(file, findings),
    };
    let Some(columns) = Columns::find(file, &header, findings) else { return List::default() };
    let (mut list, mut seen) = (List::default(), BTreeSet::new());
    for row in rows {
        match row {
            Ok(row) => list.rows.extend(columns.read(file, &row, &mut seen, findings)),
            Err(_) => {
                findings.report("E015", &Place::new(file, 0, 0), "有一行读不出", "a row cannot be read")
            }
        }
    }
    list
}

fn unusable(file: &str, findings: &Findings) -> List {
    let finding = Diagnostic::new("E015", Place::new(file, 1, 0), "缺少表头", "the header is missing");
    findings.add(finding.with_help(HEADER_HELP.0, HEADER_HELP.1));
    List::default()
}

/// The columns of one file.
struct Columns {
    width: usize,
    value: usize,
    reason: usize,
    until: Option<usize>,
}

impl Columns {
    fn find(file: &str, header: &csv::StringRecord, findings: &Findings) -> Option<Columns> {
        for (at, name) in header.iter().enumerate().filter(|(_, name)| column_name(name).is_none()) {
            let place = Place::new(file, 1, at as u32 + 1);
            let (zh, en) = (format!("不认识的列 “{name}”"), format!("unknown column `{name}`"));
            findings.add(Diagnostic::new("E015", place, zh, en).with_help(HEADER_HELP.0, HEADER_HELP.1));
        }
        let at = |wanted| header.iter().position(|name| column_name(name) == Some(wanted));
        let (Some(value), Some(reason)) = (at("value"), at("reason")) else {
            unusable(file, findings);
            return None;
        };
        Some(Columns { width: header.len(), value, reason, until: at("until") })
    }

    fn read(
        &self,
        file: &str,
        row: &csv::StringRecord,
        seen: &mut BTreeSet<String>,
        findings: &Findings,
    ) -> Option<ListRow> {
        let line = row.position().map_or(0, |position| position.line() as u32);
        let cell = |at: usize| row.get(at).unwrap_or_default().trim();
        let place = |at: usize| Place::new(file, line, at as u32 + 1);
        let refuse = |at: usize, zh: &str, en: &str| findings.report("E015", &place(at), zh, en);
        if row.len() != self.width {
            refuse(0, "这一行的格数和表头不同", "this row has not as many cells as the header");
            return None;
        }
        let value = cell(self.value).to_owned();
        if value.is_empty() {
            refuse(self.value, "名称不能为空", "the value is empty");
            return None;
        }
        if cell(self.reason).is_empty() {
            refuse(self.reason, "每个例外都要写原因", "every exception needs a reason");
        }
        if !seen.insert(value.clone()) {
            refuse(self.value, "名称重复", "the value stands here twice");
            return None;
        }
        let until = self.until.map(cell).unwrap_or_default();
        let day = Day::parse(until);
        if day.is_none() && !until.is_empty() {
            refuse(
                self.until.unwrap_or_default(),
                "截止不是日期，写成 2025-06-30",
                "no date; write 2025-06-30",
            );
        }
        Some(ListRow { value, until: day, place: place(self.value) })
    }
}

fn column_name(written: &str) -> Option<&'static str> {
    let written = written.trim().to_lowercase();
    let known = COLUMNS.iter().find(|(zh, en)| written == *zh || written == *en);
    known.map(|(_, en)| *en)
}

const COLUMNS: &[(&str, &str)] =
    &[("名称", "value"), ("原因", "reason"), ("截止", "until"), ("登记人", "by"), ("备注", "note")];

const HEADER_HELP: (&str, &str) =
    ("表头写成: 名称,原因,截止,登记人,备注", "write the header: value,reason,until,by,note");

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> SourceFile {
        SourceFile { path: "allow/x.csv".into(), bytes: bytes.to_vec() }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn codes(text: &str) -> (Vec<String>, Vec<(u32, u32)>) {
        let findings = Findings::default();
        let list = parse(&source(text.as_bytes()), &findings);
        let places = findings.into_sorted().into_iter().map(|f| (f.place.line, f.place.column));
        (list.rows.into_iter().map(|row| row.value).collect(), places.collect())
    }

    // (file, values, places of E015)
    #[test]
    fn rows_are_read_and_what_is_wrong_is_placed_in_its_cell() {
        type Case = (&'static str, &'static [&'static str], &'static [(u32, u32)]);
        let cases: &[Case] = &[
            ("名称,原因,截止,登记人,备注\na.cn,官网,,,\nb.cn,合作,2025-06-30,li,\n", &["a.cn", "b.cn"], &[]),
            ("value,reason\na.cn,own site\n", &["a.cn"], &[]),
            ("名称,原因,截止\na.cn,,2025/6/31\n", &["a.cn"], &[(2, 2), (2, 3)]),
            ("名称,原因\na.cn,官网\na.cn,官网\n,空\n", &["a.cn"], &[(3, 1), (4, 1)]),
            ("名称,原因,颜色\na.cn,官网,红\nb.cn,官网\n", &["a.cn"], &[(1, 3), (3, 1)]),
            ("名称\na.cn\n", &[], &[(1, 0)]),
            ("", &[], &[(1, 0)]),
        ];
        for (text, values, places) in cases {
            let (found, at) = codes(text);
            assert_eq!((found.as_slice(), at.as_slice()), (&owned(values)[..], *places), "{text}");
        }
    }

    #[test]
    fn a_list_saved_by_a_spreadsheet_in_gb18030_is_read() {
        let (bytes, _, _) = encoding_rs::GB18030.encode("名称,原因\n群友甲,讲师\n");
        let list = parse(&source(&bytes), &Findings::default());
        assert_eq!(list.rows[0].value, "群友甲");
    }
}
