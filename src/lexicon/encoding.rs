//! Holds files of the repository to clean UTF-8; [`crate::encoding`] decides what any other file is in.

use crate::diagnostic::{Diagnostic, Place};

/// Checks that a file of the repository is UTF-8 without control characters (E014).
pub fn check_bytes(file: &str, bytes: &[u8]) -> Vec<Diagnostic> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.lines().zip(1..).filter_map(|(line, n)| control_in(file, line, n)).collect(),
        Err(error) => vec![not_utf8(file, &bytes[..error.valid_up_to()])],
    }
}

fn not_utf8(file: &str, valid: &[u8]) -> Diagnostic {
    let line = 1 + memchr::memchr_iter(b'\n', valid).count() as u32;
    Diagnostic::new("E014", Place::new(file, line, 0), "文件不是 UTF-8 编码", "the file is not UTF-8")
        .with_help("用 `chattag import` 导入，或另存为 UTF-8", "use `chattag import`, or save as UTF-8")
}

fn control_in(file: &str, line: &str, n: u32) -> Option<Diagnostic> {
    let at = line.chars().position(is_refused)?;
    let code = line.chars().nth(at).map_or(0, u32::from);
    let place = Place::new(file, n, at as u32 + 1);
    let zh = format!("第 {} 个字符是控制字符 U+{code:04X}", at + 1);
    let en = format!("character {} is the control character U+{code:04X}", at + 1);
    Some(Diagnostic::new("E014", place, zh, en).with_help("删除它", "delete it"))
}

/// Control characters, and those that turn the direction of writing.
fn is_refused(c: char) -> bool {
    let direction = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    direction || c.is_control() && c != '\t' && c != '\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_repository_are_clean_utf8() {
        // (bytes, line:column of the finding)
        const CASES: &[(&[u8], Option<&str>)] = &[
            ("编号,词条\r\na,\u{4f18}\n".as_bytes(), None),
            (b"a\nb\xff", Some("f.csv:2")),
            (b"a\nbc\0", Some("f.csv:2:3")),
            ("优\u{202e}惠".as_bytes(), Some("f.csv:1:2")),
        ];
        for (bytes, place) in CASES {
            let found = check_bytes("f.csv", bytes);
            assert_eq!(found.first().map(|finding| finding.place.to_string()).as_deref(), *place);
        }
    }
}
