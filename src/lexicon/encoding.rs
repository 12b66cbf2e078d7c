//! Decides how the bytes of a maintained file encode text.
//!
//! A byte order mark decides; else strict UTF-8; else GB18030, which spreadsheets on
//! Chinese Windows save. GB18030 is not tried first, since more than half of all
//! Chinese words in UTF-8 are valid in it too.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE};

use crate::diagnostic::{Diagnostic, Place};

/// How a file encodes its text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextEncoding {
    /// UTF-8, without a byte order mark.
    Utf8,
    /// UTF-8 with a byte order mark, as spreadsheets need it.
    Utf8Bom,
    /// UTF-16, with a byte order mark.
    Utf16,
    /// GB18030, with GBK and GB2312 in it.
    Gb18030,
}

impl TextEncoding {
    /// Returns the name that people know.
    pub fn name(self) -> &'static str {
        match self {
            TextEncoding::Utf8 => "UTF-8",
            TextEncoding::Utf8Bom => "UTF-8 (BOM)",
            TextEncoding::Utf16 => "UTF-16",
            TextEncoding::Gb18030 => "GB18030",
        }
    }
}

/// Returns the text without its byte order mark, and what encoding was decided on.
/// Bytes that are wrong in it become U+FFFD.
pub fn decode(bytes: &[u8]) -> (Cow<'_, str>, TextEncoding) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling(&bytes[mark..]).0;
        let utf16 = encoding == UTF_16BE || encoding != UTF_8;
        return (text, if utf16 { TextEncoding::Utf16 } else { TextEncoding::Utf8Bom });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), TextEncoding::Utf8),
        Err(_) => (GB18030.decode_without_bom_handling(bytes).0, TextEncoding::Gb18030),
    }
}

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
    fn the_mark_then_utf8_then_gb18030_decides() {
        // (bytes, text, encoding)
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("优惠".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let gb = GB18030.encode("优惠，打折").0.into_owned();
        let cases: [(&[u8], &str, TextEncoding); 5] = [
            (b"", "", TextEncoding::Utf8),
            ("优惠".as_bytes(), "优惠", TextEncoding::Utf8),
            ("\u{feff}优惠".as_bytes(), "优惠", TextEncoding::Utf8Bom),
            (&utf16, "优惠", TextEncoding::Utf16),
            (&gb, "优惠，打折", TextEncoding::Gb18030),
        ];
        for (bytes, text, encoding) in cases {
            assert_eq!(decode(bytes), (Cow::Borrowed(text), encoding), "{text}");
        }
    }

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
