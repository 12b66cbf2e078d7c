//! Tidies the files of a dictionary directory; comments stay, and nothing that decides changes.
//!
//! Term lists: cells trimmed, no empty alternatives, terms sorted within each section.
//! TOML: spaces around `=`, no spaces at line ends, one empty line between tables.

use toml_edit::{DocumentMut, Item, Table};

use crate::lexicon;
use crate::rules::SourceFile;

use super::term_table::TermTable;

/// Returns the files that tidying would change, with their new contents. Files that cannot be read
/// are left alone: `check` says what is wrong with them.
pub fn tidy(files: &[SourceFile]) -> Vec<SourceFile> {
    files.iter().filter_map(tidy_file).collect()
}

fn tidy_file(file: &SourceFile) -> Option<SourceFile> {
    let (text, _) = lexicon::decode(&file.bytes);
    let in_lexicons = file.path.starts_with("lexicons/") || file.path.contains("/lexicons/");
    let tidied = match file.path.rsplit('.').next()? {
        "csv" if in_lexicons => tidy_list(&file.path, &text)?,
        "toml" => tidy_toml(&text)?,
        _ => return None,
    };
    let bytes = tidied.into_bytes();
    (bytes != file.bytes).then(|| SourceFile { path: file.path.clone(), bytes })
}

fn tidy_list(path: &str, text: &str) -> Option<String> {
    let (before, findings) = lexicon::parse(path, text.as_bytes());
    if crate::diagnostic::has_errors(&findings) {
        return None;
    }
    let mut table = TermTable::read(text);
    table.tidy();
    table.sort_sections();
    let tidied = table.to_text();
    // What tidying must not change, it does not.
    let after = lexicon::parse(path, tidied.as_bytes()).0;
    (before.fingerprint() == after.fingerprint()).then_some(tidied)
}

fn tidy_toml(text: &str) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    tidy_table(document.as_table_mut());
    Some(tidy_lines(&document.to_string()))
}

fn tidy_table(table: &mut Table) {
    for (mut key, item) in table.iter_mut() {
        match item {
            Item::Value(value) => {
                key.leaf_decor_mut().set_suffix(" ");
                let suffix =
                    value.decor().suffix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
                value.decor_mut().set_prefix(" ");
                value.decor_mut().set_suffix(suffix);
            }
            Item::Table(inner) => tidy_table(inner),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(tidy_table),
            Item::None => {}
        }
    }
}

/// No spaces at line ends, at most one empty line in a row, one before each table, one line feed at the end.
fn tidy_lines(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut in_text = false;
    for line in text.lines() {
        let quotes = line.matches("\"\"\"").count() + line.matches("'''").count();
        let kept = if in_text { line } else { line.trim_end() };
        let is_table = !in_text && kept.starts_with('[');
        in_text ^= quotes % 2 == 1;
        let last_is_empty = lines.last().is_none_or(|last| last.is_empty());
        if kept.is_empty() && last_is_empty && !in_text {
            continue;
        }
        let after_comment = lines.last().is_some_and(|last| last.starts_with('#'));
        if is_table && !last_is_empty && !after_comment {
            lines.push("");
        }
        lines.push(kept);
    }
    lines.join("\n").trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{self, Bundle, Options};

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn comments_stay_and_spaces_go() {
        let untidy = "# 说明  \nid=\"a\"   # 行尾注释\n\n\n\n[[rule]]\nid    =   'x'\nlist = [ 1,\n  2 ]\n[rule.alert]\nlevel=\"low\"\n\n\n";
        let tidied = tidy(&[file("rules/x.toml", untidy)]);
        let wanted = "# 说明\nid = \"a\"   # 行尾注释\n\n[[rule]]\nid = 'x'\nlist = [ 1,\n  2 ]\n\n[rule.alert]\nlevel = \"low\"\n";
        assert_eq!(String::from_utf8_lossy(&tidied[0].bytes), wanted);
        assert!(tidy(&tidied).is_empty(), "tidying again changes nothing");
    }

    #[test]
    fn a_list_is_sorted_within_its_sections() {
        let untidy = "编号,词条,变体\nd2,打折, 折扣||\nd1,优惠,\n# 券\nd4,领券,\nd3,优惠券,\n";
        let tidied = tidy(&[file("lexicons/x.csv", untidy)]);
        let wanted = "编号,词条,变体\nd1,优惠,\nd2,打折,折扣\n# 券\nd3,优惠券,\nd4,领券,\n";
        assert_eq!(String::from_utf8_lossy(&tidied[0].bytes), wanted);
    }

    #[test]
    fn broken_files_are_left_alone() {
        let broken = [
            file("rules/x.toml", "a = \n"),
            file("lexicons/x.csv", "词,编\n"),
            file("gold/a.csv", "a , b\n"),
        ];
        assert!(tidy(&broken).is_empty());
    }

    #[test]
    fn tidying_the_shipped_dictionaries_changes_no_decision() {
        let mut files = bundle::embedded_files();
        let before = Bundle::from_files(&files, &Options::default()).0.unwrap().fingerprint;
        for tidied in tidy(&files) {
            let place = files.iter_mut().find(|file| file.path == tidied.path).unwrap();
            place.bytes = tidied.bytes;
        }
        assert!(tidy(&files).is_empty());
        assert_eq!(Bundle::from_files(&files, &Options::default()).0.unwrap().fingerprint, before);
    }
}
