//! Mends the byte damage that real archives hold, and parses what is left.
//!
//! Only records that do not parse come here, so cost does not matter.

use serde_json::Value;

use crate::archive::record::RecordFault;
use crate::message::Flags;

/// The values of one stretch of bytes, and what was mended.
pub(crate) struct Parsed {
    /// Usually one; several when objects stand side by side.
    pub values: Vec<Result<Value, RecordFault>>,
    /// What was replaced.
    pub flags: Flags,
}

/// Parses `bytes` as one JSON value or several side by side, mending what can be mended.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mut flags = Flags::default();
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        flags.insert(Flags::LOSSY_UTF8);
    }
    match serde_json::from_str(&text) {
        Ok(value) => Parsed { values: vec![Ok(value)], flags },
        Err(_) => parse_mended(&text, flags),
    }
}

fn parse_mended(text: &str, mut flags: Flags) -> Parsed {
    let (mended, changed) = mend(text);
    if changed {
        flags.insert(Flags::SANITIZED);
    }
    let values = serde_json::Deserializer::from_str(&mended).into_iter::<Value>();
    let mut found: Vec<_> = values.map(|value| value.map_err(|error| fault_of(&error))).collect();
    if found.is_empty() {
        found.push(Err(RecordFault::new("json.syntax", "there is no JSON value")));
    }
    Parsed { values: found, flags }
}

/// Returns the fault that a JSON error is; its text names a place, never the bytes.
fn fault_of(error: &serde_json::Error) -> RecordFault {
    let place = format!("column {}", error.column());
    if error.is_eof() {
        return RecordFault::new("json.truncated", place);
    }
    if error.to_string().starts_with("recursion limit") {
        return RecordFault::new("json.depth", place);
    }
    RecordFault::new("json.syntax", place)
}

/// Returns whether a fault can be that of a record with a raw line feed inside a string.
pub(crate) fn may_continue(parsed: &Parsed) -> bool {
    matches!(parsed.values.last(), Some(Err(fault)) if fault.code == "json.truncated")
}

/// Replaces raw control bytes inside strings and escapes of lone surrogates.
fn mend(text: &str) -> (String, bool) {
    let mut mended = String::with_capacity(text.len() + 16);
    let (mut in_string, mut changed) = (false, false);
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let width = match letter {
            '\\' if in_string => push_escape(&text[at..], &mut mended, &mut changed),
            '"' => {
                in_string = !in_string;
                mended.push(letter);
                1
            }
            '\0'..='\x1f' if in_string || !matches!(letter, '\t' | '\n' | '\r') => {
                changed = true;
                mended.push_str(if in_string { visible(letter) } else { " " });
                1
            }
            _ => {
                mended.push(letter);
                letter.len_utf8()
            }
        };
        at += width;
    }
    (mended, changed)
}

/// White space keeps its meaning; other control bytes are noise.
fn visible(control: char) -> &'static str {
    match control {
        '\n' => "\\n",
        '\t' => "\\t",
        '\r' => "\\r",
        _ => "\u{FFFD}",
    }
}

/// Copies the escape at the start of `text` and returns its length; a lone surrogate becomes U+FFFD.
fn push_escape(text: &str, mended: &mut String, changed: &mut bool) -> usize {
    let width = match surrogate(text) {
        Some(0xD800..=0xDBFF) if matches!(text.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) => 12,
        Some(0xD800..=0xDFFF) => {
            *changed = true;
            mended.push('\u{FFFD}');
            return 6;
        }
        _ => text.chars().take(2).map(char::len_utf8).sum(),
    };
    mended.push_str(&text[..width]);
    width
}

/// Returns the code unit of a `\uXXXX` escape at the start of `text`.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn damaged_strings_parse_after_mending() {
        let (clean, lossy, mended) = (Flags::default(), Flags::LOSSY_UTF8, Flags::SANITIZED);
        let cases: &[(&[u8], Value, Flags)] = &[
            (b"{\"a\":\"x\x12y\"}", json!({"a": "x\u{FFFD}y"}), mended), // case 63
            (b"{\"a\":\"x\ny\"}", json!({"a": "x\ny"}), mended),
            (br#"{"a":"\ud83d"}"#, json!({"a": "\u{FFFD}"}), mended), // case 64
            (br#"{"a":"\ude00x\ud83d"}"#, json!({"a": "\u{FFFD}x\u{FFFD}"}), mended),
            (br#"{"a":"\ud83d\ude00\ud83d"}"#, json!({"a": "😀\u{FFFD}"}), mended),
            (br#"{"a":"\ud83d\ude00"}"#, json!({"a": "😀"}), clean),
            (b"{\"a\":\"\xff\xfe\"}", json!({"a": "\u{FFFD}\u{FFFD}"}), lossy), // case 65
            (br#"{"a":"\u0000"}"#, json!({"a": "\0"}), clean),                  // case 66
            (br#"{"a":1,"a":2}"#, json!({"a": 2}), clean),                      // case 70
            (br#"{"a":18446744073709551615}"#, json!({"a": u64::MAX}), clean),  // case 69
        ];
        for (bytes, value, flags) in cases {
            let parsed = parse(bytes);
            assert_eq!(parsed.values, [Ok(value.clone())], "{}", String::from_utf8_lossy(bytes));
            assert_eq!(parsed.flags, *flags, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn faults_have_stable_codes() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200)); // case 71
        for (text, code) in [
            ("{\"a\":", "json.truncated"),
            ("{a}", "json.syntax"),
            (deep.as_str(), "json.depth"),
            ("", "json.syntax"),
        ] {
            let parsed = parse(text.as_bytes());
            let codes: Vec<_> =
                parsed.values.iter().map(|value| value.as_ref().err().map(|fault| fault.code)).collect();
            assert_eq!(codes.last(), Some(&Some(code)), "{text}");
        }
    }
}
