//! Folds text: width, case, traditional characters, look-alike letters.
//!
//! One table look-up per character; stretches that stay as they are get copied
//! whole. The way back to original offsets keeps only the characters whose length
//! changed, so ordinary text costs no memory there.

use std::ops::Range;

use super::character::{CharFlags, Folded, Han, entry, flags_of};
use super::offsets::OffsetMap;

/// A folded text, its kinds of characters, and the way back.
#[derive(Clone, Debug, Default)]
pub struct FoldedText {
    text: String,
    map: OffsetMap,
    flags: CharFlags,
    /// Emoji codes such as `[微笑]`, in order, as byte ranges of `text`.
    atoms: Vec<Range<u32>>,
}

impl FoldedText {
    /// Returns the folded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the kinds of characters in the text.
    pub fn flags(&self) -> CharFlags {
        self.flags
    }

    /// Returns where emoji codes such as `[微笑]` stand: one to six letters or Chinese
    /// characters in square brackets.
    pub fn atoms(&self) -> &[Range<u32>] {
        &self.atoms
    }

    /// Returns the bytes of the original text that `folded` came from.
    pub fn original(&self, folded: Range<usize>) -> Range<usize> {
        self.map.range(folded)
    }

    fn clear(&mut self) {
        self.text.clear();
        self.map.clear();
        self.atoms.clear();
        self.flags = CharFlags::default();
    }

    /// Appends what a character of `from_len` bytes ending at `from_end` folds to.
    fn push(&mut self, folded: Folded, from_end: usize, from_len: usize) {
        let before = self.text.len();
        match folded {
            Folded::Char(c) => self.text.push(c),
            Folded::Text(text) => self.text.push_str(text),
            Folded::Same => {}
        }
        let len = self.text.len() - before;
        if len != from_len || matches!(folded, Folded::Text(_)) {
            self.map.shift(self.text.len(), from_end, len, from_len);
        }
    }

    fn mark_atoms(&mut self) {
        let mut from = 0;
        while let Some(open) = self.text[from..].find('[') {
            let start = from + open;
            from = start + 1;
            if let Some(len) = atom_len(&self.text[from..]) {
                from += len;
                self.atoms.push(start as u32..from as u32);
            }
        }
    }
}

/// Replaces `out` by the folded `text`.
pub fn fold_into(text: &str, out: &mut FoldedText) {
    fold_before(text, out, &mut ());
}

/// Replaces `out` by the folded `text` and shows its characters to `witness` on the way.
#[inline]
pub fn fold_before(text: &str, out: &mut FoldedText, witness: &mut impl Witness) {
    out.clear();
    let (bytes, mut at, mut copied) = (text.as_bytes(), 0, 0);
    let mut flags = CharFlags::default();
    loop {
        let run = Han::before_others(&bytes[at..]);
        if !run.is_empty() {
            witness.han(out.text.len() + (at - copied), run);
            flags |= CharFlags::HAN;
            at += 3 * run.len();
        }
        let Some(c) = text[at..].chars().next() else { break };
        let (entry, end) = (entry(c), at + c.len_utf8());
        flags |= entry.flags();
        if entry.is_same() {
            witness.character(out.text.len() + (at - copied), c as u32);
        } else {
            out.text.push_str(&text[copied..at]);
            let from = out.text.len();
            let folded = entry.folded();
            out.push(folded, end, end - at);
            match folded {
                Folded::Char(c) => witness.character(from, c as u32),
                Folded::Text(text) => {
                    text.char_indices().for_each(|(at, c)| witness.character(from + at, c as u32))
                }
                Folded::Same => {}
            }
            copied = end;
        }
        at = end;
    }
    out.text.push_str(&text[copied..]);
    out.flags = flags;
    if flags.intersects(CharFlags::BRACKET) {
        out.mark_atoms();
    }
}

/// Is shown the characters of a text while it is folded: whoever looks at all of them need not decode it once more.
pub trait Witness {
    /// Takes a folded character's code point and its byte offset in the folded text.
    fn character(&mut self, at: usize, code: u32);

    /// Takes a run of Chinese characters and its byte offset.
    fn han(&mut self, at: usize, run: Han<'_>);
}

/// Whoever wants to see nothing.
impl Witness for () {
    fn character(&mut self, _: usize, _: u32) {}

    fn han(&mut self, _: usize, _: Han<'_>) {}
}

/// Returns the folded `text`, for lexicons and other small things.
pub fn fold(text: &str) -> String {
    let mut folded = FoldedText::default();
    fold_into(text, &mut folded);
    folded.text
}

/// Returns the bytes up to and with `]` when `text` begins like the inside of an emoji code.
fn atom_len(text: &str) -> Option<usize> {
    let mut len = 0;
    for (n, c) in text.chars().enumerate().take(MAX_ATOM_CHARS + 1) {
        len += c.len_utf8();
        if c == ']' {
            return (n > 0).then_some(len);
        }
        if !flags_of(c).intersects(CharFlags::HAN | CharFlags::LATIN) {
            return None;
        }
    }
    None
}

/// Longest name of an emoji code, in characters. The longest ones of WeChat have four.
const MAX_ATOM_CHARS: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn width_case_script_and_lookalikes_fold() {
        // (original, folded)
        const CASES: &[(&str, &str)] = &[
            ("", ""),
            ("多少钱", "多少钱"),
            ("ＶＩＰ多少錢？", "vip多少钱?"),
            ("優惠券", "优惠券"),
            ("㎏", "kg"),
            ("⼝⽔", "口水"),
            ("➕Ⓥ", "加v"),
            ("vх", "vx"),
            ("wēixìn", "weixin"),
            ("①②❸", "123"),
            ("好的…", "好的…"),
        ];
        for (original, folded) in CASES {
            assert_eq!(fold(original), *folded, "{original}");
        }
    }

    #[test]
    fn emoji_codes_are_marked() {
        // (original, marked)
        const CASES: &[(&str, &[&str])] = &[
            ("[微笑]好[OK]", &["[微笑]", "[ok]"]),
            ("[]", &[]),
            ("[一二三四五六七]", &[]),
            ("[12]", &[]),
            ("[[强]", &["[强]"]),
            ("[坏", &[]),
            ("［坏笑］", &["[坏笑]"]),
        ];
        let mut folded = FoldedText::default();
        for (original, marked) in CASES {
            fold_into(original, &mut folded);
            let found: Vec<&str> = folded
                .atoms()
                .iter()
                .map(|atom| &folded.text()[atom.start as usize..atom.end as usize])
                .collect();
            assert_eq!(found, *marked, "{original}");
        }
    }

    #[test]
    fn a_part_of_an_expanded_character_leads_back_to_the_whole() {
        let mut folded = FoldedText::default();
        fold_into("重㎏Ａ加", &mut folded);
        assert_eq!(folded.text(), "重kga加");
        // (folded range, original range)
        let cases = [(3..4, 3..6), (4..5, 3..6), (5..6, 6..9), (3..6, 3..9), (6..9, 9..12), (0..9, 0..12)];
        for (to, from) in cases {
            assert_eq!(folded.original(to.clone()), from, "{to:?}");
        }
    }

    proptest! {
        #[test]
        fn every_folded_character_leads_back_to_what_it_was_folded_from(text in "\\PC{0,40}|[a-zA-ZＡ-Ｚ優惠加微信㎏①\\[\\]]{0,30}") {
            let mut folded = FoldedText::default();
            fold_into(&text, &mut folded);
            for (at, c) in folded.text().char_indices() {
                let original = folded.original(at..at + c.len_utf8());
                let slice = text.get(original).expect("on character boundaries");
                prop_assert!(fold(slice).contains(c));
                prop_assert_eq!(slice.chars().count(), 1);
            }
        }
    }
}
