//! Finds the clause around a place in a folded text.
//!
//! Scope words work inside a clause. Commas, sentence ends and spaces end one; 、
//! does not, since it lists. Looks at most 64 characters to either side, so the
//! cost per place is bounded whatever the text.

use std::ops::Range;

use super::character::{CharFlags, flags_of, is_plain_han};

/// The clause around a place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clause {
    /// Its bytes, without the mark that ends it.
    pub bytes: Range<usize>,
    /// It ends in a question mark.
    pub asks: bool,
}

/// Returns the clause of `text` that contains `place`; marks inside `place` do not count.
///
/// # Panics
///
/// Panics when `place` is not on character boundaries of `text`.
pub fn clause_around(text: &str, place: Range<usize>) -> Clause {
    let start = text[..place.start]
        .rfind(ends_clause)
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    let rest = &text[place.end..];
    let end = place.end + rest.find(ends_clause).unwrap_or(rest.len());
    let mark = text[end..].trim_start_matches([' ', '!']);
    Clause { bytes: start..end, asks: mark.starts_with('?') }
}

fn ends_clause(c: char) -> bool {
    !is_plain_han(c) && (matches!(c, ',' | ':') || flags_of(c).intersects(CharFlags::HARD | CharFlags::SPACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_sentence_ends_and_spaces_end_a_clause() {
        // (folded text, word, clause, asks)
        const CASES: &[(&str, &str, &str, bool)] = &[
            ("不,满意", "满意", "满意", false),
            ("没发票 还漏发", "漏发", "还漏发", false),
            ("有优惠、券吗?好", "优惠", "有优惠、券吗", true),
            ("好。退款!?", "退款", "退款", true),
            ("退款", "退款", "退款", false),
        ];
        for (text, word, clause, asks) in CASES {
            let at = text.find(word).unwrap();
            let found = clause_around(text, at..at + word.len());
            assert_eq!((&text[found.bytes], found.asks), (*clause, *asks), "{text}");
        }
    }
}
