//! A second view of a folded text, without what separates characters.
//!
//! Up to three invisible or separating characters in a row are left out, so that
//! `加-v-信` reads `加v信`; an emoji code counts as one. Longer runs, and
//! everything that ends a sentence, stay. Built only for texts that hold such characters.

use std::ops::Range;

use super::character::{CharFlags, flags_of};
use super::fold::FoldedText;
use super::offsets::OffsetMap;

/// A folded text without separators, and the way back to the folded text.
#[derive(Clone, Debug, Default)]
pub struct SkippedText {
    text: String,
    map: OffsetMap,
}

impl SkippedText {
    /// Returns the text without separators.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the bytes of the folded text that `skipped` stands for: from its first to
    /// its last character, with what was left out between.
    pub fn folded(&self, skipped: Range<usize>) -> Range<usize> {
        self.map.range(skipped)
    }
}

/// Replaces `out` by `folded` without separators. Returns whether anything was left out;
/// when nothing was, `out` may be empty and is not to be read.
pub fn skip_into(folded: &FoldedText, out: &mut SkippedText) -> bool {
    out.text.clear();
    out.map.clear();
    if !folded.flags().intersects(CharFlags::SKIP | CharFlags::SOFT) {
        return false;
    }
    let (text, mut copied) = (folded.text(), 0);
    while let Some(run) = next_run(folded, copied) {
        let keep_to = if run.units > MAX_SKIPPED { run.bytes.end } else { run.bytes.start };
        out.text.push_str(&text[copied..keep_to]);
        if keep_to < run.bytes.end {
            out.map.shift(out.text.len(), run.bytes.end, 0, run.bytes.len());
        }
        copied = run.bytes.end;
    }
    out.text.push_str(&text[copied..]);
    out.text.len() < text.len()
}

/// Returns a folded term without the characters that texts are read without.
pub fn without_separators(term: &str) -> String {
    term.chars().filter(|c| !flags_of(*c).intersects(CharFlags::SKIP | CharFlags::SOFT)).collect()
}

/// A run of separators.
struct Run {
    bytes: Range<usize>,
    /// How many there are; an emoji code is one, and invisible ones are none.
    units: usize,
}

/// Finds the first run of separators at or after `from`.
fn next_run(folded: &FoldedText, from: usize) -> Option<Run> {
    let text = folded.text();
    let mut run: Option<Run> = None;
    let mut at = from;
    while let Some(c) = text[at..].chars().next() {
        let atom_end = if c == '[' { atom_at(folded, at) } else { None };
        let flags = flags_of(c);
        let end = atom_end.unwrap_or(at + c.len_utf8());
        if flags.intersects(CharFlags::SKIP | CharFlags::SOFT) {
            let unit = usize::from(!flags.intersects(CharFlags::SKIP));
            let run = run.get_or_insert(Run { bytes: at..at, units: 0 });
            run.bytes.end = end;
            run.units += unit;
        } else if run.is_some() {
            break;
        }
        at = end;
    }
    run
}

fn atom_at(folded: &FoldedText, at: usize) -> Option<usize> {
    let atom = folded.atoms().binary_search_by_key(&(at as u32), |atom| atom.start).ok()?;
    Some(folded.atoms()[atom].end as usize)
}

/// Most separators left out in a row. More of them are a gap, not a disguise.
const MAX_SKIPPED: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::fold::fold_into;
    use super::*;

    #[test]
    fn up_to_three_separators_are_left_out() {
        // (original, without separators)
        const CASES: &[(&str, &str)] = &[
            ("加-V-信", "加v信"),
            ("加 · 微", "加微"),
            ("加 - - 微", "加 - - 微"),
            ("加\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}微", "加微"),
            ("加。微", "加。微"),
            ("加\n微", "加\n微"),
            ("加[玫瑰]微-信", "加微信"),
            ("--加微--", "加微"),
            ("加，微 信", "加,微信"),
        ];
        let (mut folded, mut skipped) = (FoldedText::default(), SkippedText::default());
        for (original, want) in CASES {
            fold_into(original, &mut folded);
            let left_out = skip_into(&folded, &mut skipped);
            assert_eq!(if left_out { skipped.text() } else { folded.text() }, *want, "{original}");
        }
    }

    #[test]
    fn offsets_lead_to_what_lies_between_and_not_outside() {
        let (mut folded, mut skipped) = (FoldedText::default(), SkippedText::default());
        fold_into("-加-v-信-", &mut folded);
        assert!(skip_into(&folded, &mut skipped));
        assert_eq!(skipped.text(), "加v信");
        assert_eq!(skipped.folded(0..7), 1..10);
        assert_eq!(skipped.folded(0..3), 1..4);
        assert_eq!(skipped.folded(3..4), 5..6);
    }
}
