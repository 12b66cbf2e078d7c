//! Points at what looks wrong in a single term list.
//!
//! Cell by cell while the file is read (W104, W106–W110), then over the whole list
//! (W101). Terms are compared as texts are: folded.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place};
use crate::language::{CharFlags, Syllable, flags_of, fold, syllable_of};

use super::cell::{Column, Row};
use super::finding::{at, warn};
use super::{Mode, Term, VariantTables};

/// Checks the cells of one line. Appends to `findings`.
pub(super) fn check_cells(row: &Row<'_>, term: &Term, findings: &mut Vec<Diagnostic>) {
    let place = |column| at(row.file, row.line, row.cell_of(column));
    for column in [Column::Id, Column::Term, Column::Variants, Column::Unless, Column::Requires] {
        check_spreadsheet(row.raw(column), place(column), findings);
    }
    for column in [Column::Category, Column::Note] {
        check_formula(row.raw(column), place(column), findings);
    }
    check_code(&term.code, place(Column::Id), findings);
    if !term.mode.is_literal() {
        return;
    }
    check_edges(row.raw(Column::Term), place(Column::Term), findings);
    if matches!(term.mode, Mode::Contains | Mode::Pinyin) {
        check_breadth(term, place(Column::Term), findings);
    }
    check_variants(row, term, findings);
    check_contexts(term, place(Column::Unless), findings);
}

/// W108 and W109: what a spreadsheet made of a cell, and what it would make of it.
fn check_spreadsheet(cell: &str, place: Place, findings: &mut Vec<Diagnostic>) {
    check_formula(cell, place.clone(), findings);
    for text in cell.split('|').map(str::trim).filter(|text| is_mangled(text)) {
        findings.push(warn(
            "W108",
            place.clone(),
            [
                format!("`{text}` 像是被表格软件改过"),
                format!("`{text}` looks as if a spreadsheet had changed it"),
            ],
            ["恢复原文，并把该列设为“文本”格式", "restore it, and format the column as text"],
        ));
    }
}

/// W116: ids stand in tables, commands and lists separated by spaces or bars.
fn check_code(code: &str, place: Place, findings: &mut Vec<Diagnostic>) {
    if code.contains(|c: char| c.is_whitespace() || c.is_control() || "|,，".contains(c)) {
        findings.push(warn(
            "W116",
            place,
            [
                format!("编号 `{code}` 含空格、逗号或竖线"),
                format!("id `{code}` holds a space, a comma or a bar"),
            ],
            ["只用字母、数字、下划线、短横", "use letters, digits, underscores and dashes"],
        ));
    }
}

fn check_formula(cell: &str, place: Place, findings: &mut Vec<Diagnostic>) {
    if cell.trim_start().starts_with(['=', '+', '-', '@']) {
        findings.push(warn(
            "W109",
            place,
            [format!("`{cell}` 会被表格软件当作公式"), format!("a spreadsheet reads `{cell}` as a formula")],
            ["在前面加一个 `'`", "put a `'` before it"],
        ));
    }
}

/// Dates, numbers in exponent form and error values.
fn is_mangled(text: &str) -> bool {
    let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let date = starts_with_digit
        && text.ends_with('日')
        && text.contains('月')
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '年' | '月' | '日'));
    let error = ["#NAME?", "#REF!", "#VALUE!", "#N/A", "#DIV/0!", "#NUM!", "#NULL!"].contains(&text);
    let exponent = starts_with_digit && text.contains("E+") && text.parse::<f64>().is_ok();
    date || error || exponent || is_short_date(text)
}

/// `3-8`, `3/8`, `8-Mar`: what spreadsheets make of numbers with a dash.
fn is_short_date(text: &str) -> bool {
    let Some((left, right)) = text.split_once(['-', '/']) else { return false };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = left.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day));
    day && MONTHS.contains(&right)
}

/// W110: spaces, quotes or full-width marks around the whole term.
fn check_edges(cell: &str, place: Place, findings: &mut Vec<Diagnostic>) {
    const OPENING: [char; 10] = ['“', '"', '‘', '「', '『', '《', '（', '【', '，', '、'];
    const CLOSING: [char; 14] =
        ['”', '"', '’', '」', '』', '》', '）', '】', '，', '。', '、', '；', '！', '？'];
    let spaced = cell != cell.trim();
    let marked = cell.trim().starts_with(OPENING) || cell.trim().ends_with(CLOSING);
    if spaced || marked {
        findings.push(warn(
            "W110",
            place,
            [
                format!("词条 `{cell}` 首尾有空格、引号或标点"),
                format!("term `{cell}` has spaces, quotes or punctuation around it"),
            ],
            ["只写词本身", "write the word only"],
        ));
    }
}

/// W104: terms so short that they stand in too many texts.
fn check_breadth(term: &Term, place: Place, findings: &mut Vec<Diagnostic>) {
    if place.file.ends_with(SCOPE_LIST) {
        return;
    }
    for text in term.spellings().filter(|text| is_broad(text)) {
        findings.push(warn(
            "W104",
            place.clone(),
            [
                format!("`{text}` 只有一个字，或全是数字标点，包含方式下命中过多"),
                format!("`{text}` is one character, or only digits and marks: too many texts contain it"),
            ],
            [
                "写长一些，或改用“整句”“整词”，或加排除语境",
                "lengthen it, use `whole` or `word`, or add contexts",
            ],
        ));
    }
}

/// The list of scope words: its words of one character are what it is for.
const SCOPE_LIST: &str = "lexicons/negation.csv";

fn is_broad(text: &str) -> bool {
    let folded = fold(text);
    let letters = CharFlags::LATIN | CharFlags::HAN;
    let bare = !folded.is_empty() && !folded.chars().any(|c| flags_of(c).intersects(letters));
    bare || folded.chars().count() == 1
}

/// W107: variants that say nothing new, empty alternatives.
fn check_variants(row: &Row<'_>, term: &Term, findings: &mut Vec<Diagnostic>) {
    let place = at(row.file, row.line, row.cell_of(Column::Variants));
    let own = fold(&term.text);
    for variant in term.variants.iter().filter(|variant| fold(variant) == own) {
        findings.push(warn(
            "W107",
            place.clone(),
            [format!("变体 `{variant}` 与词条相同"), format!("variant `{variant}` is the term itself")],
            ["删除这个变体", "delete this variant"],
        ));
    }
    for column in [Column::Variants, Column::Unless, Column::Requires] {
        let cell = row.text(column);
        if !cell.is_empty() && cell.split('|').any(|text| text.trim().is_empty()) {
            findings.push(warn(
                "W107",
                at(row.file, row.line, row.cell_of(column)),
                ["`|` 之间有空项".to_owned(), "an alternative between `|` is empty".to_owned()],
                ["删除多余的 `|`", "delete the spare `|`"],
            ));
        }
    }
}

/// W106: contexts that cover no spelling of the term.
fn check_contexts(term: &Term, place: Place, findings: &mut Vec<Diagnostic>) {
    findings.extend(check_context(term, &term.contexts, &place));
}

/// Returns a finding (`W106`), at `place`, for each of `contexts` that covers no spelling of `term`.
pub fn check_context(term: &Term, contexts: &[String], place: &Place) -> Vec<Diagnostic> {
    let spellings: Vec<String> = term.spellings().map(fold).collect();
    let idle = contexts.iter().filter(|context| {
        let folded = fold(context);
        let vetoes = || spellings.iter().any(|spelling| is_disguise_of(&folded, spelling));
        !spellings.iter().any(|spelling| folded.contains(spelling.as_str())) && !vetoes()
    });
    let finding = |context: &String| {
        let texts = [
            format!("排除语境 `{context}` 不含词条 `{}`，不起作用", term.text),
            format!("context `{context}` does not contain `{}`: it never acts", term.text),
        ];
        let help = ["写出包含该词条的更长文字", "write the longer text that contains the term"];
        warn("W106", place.clone(), texts, help)
    };
    idle.map(finding).collect()
}

/// Returns whether `text` holds something that sounds like the term or is a spelling made for it: such a context is a
/// veto against that spelling.
fn is_disguise_of(text: &str, term: &str) -> bool {
    let sound = |text: &str| -> Vec<Option<Syllable>> { text.chars().map(syllable_of).collect() };
    let (own, all) = (sound(term), sound(text));
    let sounds = own.iter().all(Option::is_some) && all.windows(own.len().max(1)).any(|part| *part == own);
    sounds || VariantTables::default().spellings(term).iter().any(|made| text.contains(made.text.as_str()))
}

/// W101: spellings that are the same after folding, in different lines of the list.
pub(super) fn check_list(terms: &[Term], findings: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<String, &Term> = BTreeMap::new();
    for term in terms.iter().filter(|term| term.enabled && term.mode.is_literal()) {
        for spelling in term.spellings() {
            let known = *first.entry(fold(spelling)).or_insert(term);
            if known.code != term.code {
                findings.push(duplicate(spelling, term, known));
            }
        }
    }
}

fn duplicate(spelling: &str, term: &Term, known: &Term) -> Diagnostic {
    let (code, line) = (&known.code, known.place.line);
    warn(
        "W101",
        term.place.clone(),
        [
            format!("`{spelling}` 归一后与第 {line} 行 `{code}` 重复"),
            format!("`{spelling}` is, once folded, the same as `{code}` in line {line}"),
        ],
        ["删除其中一个", "delete one of them"],
    )
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    /// (lines after the header, `code line:cell` of the findings)
    const CASES: &[(&str, &[&str])] = &[
        ("a,优惠,优惠券|特惠,价格/优惠,包含,1,优惠率,,忽略,启用,,,", &[]),
        ("a,优惠,,,包含,1,,,,,,,\nb,優惠,,,包含,1,,,,,,,", &["W101 3:2"]),
        ("a,贵,,,包含,1,,,,,,,", &["W104 2:2"]),
        ("a,12315,,,包含,1,,,,,,,", &["W104 2:2"]),
        ("a,贵,,,整词,1,,,,,,,", &[]),
        ("a,投诉,,,包含,1,举报率,,,,,,", &["W106 2:7"]),
        ("a,客服,,,包含,1,克服,,,,,,", &[]),
        ("a,贷款,,,包含,1,货款,,,,,,", &[]),
        ("a,投诉,投訴|,,包含,1,,,,,,,", &["W107 2:3", "W107 2:3"]),
        ("a,3月8日,1.23E+11|#NAME?,,包含,1,,,,,,,", &["W108 2:2", "W108 2:3", "W108 2:3"]),
        ("a,三八节,,,包含,1,,,,,,,=1+1", &["W109 2:13"]),
        ("a,“优惠”,,,包含,1,,,,,,,", &["W110 2:2"]),
        ("a, 优惠,,,包含,1,,,,,,,", &["W110 2:2"]),
        ("a,优惠,,,模糊,1,,,,,,,", &["E001 2:5"]),
        ("a,优惠,,,包含,重,,,留着,半开,10/20/2024,,", &["E001 2:6", "E001 2:9", "E001 2:10", "E001 2:11"]),
        ("a,优惠,,,包含,1,,,,,2024-05-02,2024-05-02,", &["E001 2:12"]),
        ("a,,,,包含,1,,,,,,,", &["E001 2:2"]),
        ("a b,优惠,,,包含,1,,,,,,,", &["W116 2:1"]),
        ("a,优惠,,甲/乙/丙/丁,包含,1,,,,,,,", &["E005 2:4"]),
        ("a,优惠,,甲//丙,包含,1,,,,,,,", &["E005 2:4"]),
        ("a,(?=折),,,正则,1,,,,,,,", &["E008 2:2"]),
        ("a,'\\d+\\s*折,,,正则,1,,,,,,,", &[]),
        ("a,优惠,,", &["E015 2"]),
        ("# 说明\na,优惠,,,包含,1,,,,,,,\na,打折,,,包含,1,,,,,,,", &["E015 4:1"]),
    ];

    #[test]
    fn every_finding_names_its_cell() {
        for (lines, want) in CASES {
            let text = format!(
                "编号,词条,变体,类别,方式,权重,排除语境,必须共现,否定,状态,生效,失效,备注\n{lines}\n"
            );
            let (_, findings) = parse("l.csv", text.as_bytes());
            let found: Vec<String> = findings
                .iter()
                .map(|finding| {
                    format!("{} {}", finding.code, finding.place.to_string().trim_start_matches("l.csv:"))
                })
                .collect();
            assert_eq!(found, *want, "{lines}");
        }
    }

    #[test]
    fn scope_words_may_be_of_one_character() {
        // (file, findings)
        const CASES: &[(&str, &[&str])] =
            &[("lexicons/negation.csv", &[]), ("lexicons/other.csv", &["W104"])];
        for (file, want) in CASES {
            let (_, findings) = parse(file, "编号,词条\na,不\n".as_bytes());
            let found: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
            assert_eq!(found, *want, "{file}");
        }
    }

    #[test]
    fn headers_are_read_in_both_languages_and_in_any_order() {
        // (file, findings, terms)
        const CASES: &[(&str, &[&str], usize)] = &[
            ("term,id\n优惠,a\n", &[], 1),
            ("编号,词条\na,优惠\nb,打折\n", &[], 2),
            ("", &["E015"], 0),
            ("优惠,打折\n", &["E015"], 0),
            ("编号,词条,颜色\na,优惠,红\n", &["E015"], 0),
            ("编号,备注\na,优惠\n", &["E015"], 0),
        ];
        for (text, codes, terms) in CASES {
            let (lexicon, findings) = parse("lexicons/price.csv", text.as_bytes());
            let found: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
            assert_eq!((found.as_slice(), lexicon.terms().len()), (*codes, *terms), "{text}");
            assert_eq!(lexicon.id, "price");
        }
    }
}
