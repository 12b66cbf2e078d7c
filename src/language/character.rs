//! Knows every character: what it folds to and what kind it is.
//!
//! A two-stage table: the code point's upper bits choose a page, its lower seven
//! bits an entry of 32 bits (21 bits: the folded character, 0 for "itself"; above
//! them the flags). Pages that are alike are stored once. The table is generated
//! from `unicode-normalization` and `character_converter` by
//! `CHATTAG_BLESS=1 cargo test --lib language::table_source`; the same test compares
//! the committed file with those crates.

use std::ops::{BitOr, BitOrAssign};

/// What kinds of characters something is or holds; a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CharFlags(pub u16);

impl CharFlags {
    /// Invisible: zero-width, variation selectors, combining marks.
    pub const SKIP: CharFlags = CharFlags(1);
    /// Separates without ending anything: spaces, dashes, stars, brackets, emoji.
    pub const SOFT: CharFlags = CharFlags(1 << 1);
    /// Ends a sentence: 。！？；… and line ends.
    pub const HARD: CharFlags = CharFlags(1 << 2);
    /// `0` to `9` after folding.
    pub const DIGIT: CharFlags = CharFlags(1 << 3);
    /// A letter of an alphabet after folding.
    pub const LATIN: CharFlags = CharFlags(1 << 4);
    /// A Chinese character.
    pub const HAN: CharFlags = CharFlags(1 << 5);
    /// White space.
    pub const SPACE: CharFlags = CharFlags(1 << 6);
    /// `[`, which may open an emoji code.
    pub const BRACKET: CharFlags = CharFlags(1 << 7);

    /// Returns whether any bit of `other` is set.
    pub fn intersects(self, other: CharFlags) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for CharFlags {
    type Output = CharFlags;
    fn bitor(self, other: CharFlags) -> CharFlags {
        CharFlags(self.0 | other.0)
    }
}

impl BitOrAssign for CharFlags {
    fn bitor_assign(&mut self, other: CharFlags) {
        self.0 |= other.0;
    }
}

/// Returns the kinds `c` belongs to after folding.
pub fn flags_of(c: char) -> CharFlags {
    entry(c).flags()
}

/// Returns what `c` folds to, when that is one character.
pub fn fold_char(c: char) -> char {
    match entry(c).folded() {
        Folded::Char(folded) => folded,
        Folded::Same | Folded::Text(_) => c,
    }
}

/// One entry of the table.
#[derive(Clone, Copy)]
pub(super) struct Entry(u32);

/// What a character folds to.
#[derive(Clone, Copy)]
pub(super) enum Folded {
    /// Itself.
    Same,
    /// Another character.
    Char(char),
    /// Several characters.
    Text(&'static str),
}

impl Entry {
    /// Returns whether the character folds to itself.
    #[inline(always)]
    pub(super) fn is_same(self) -> bool {
        self.0 & VALUE == 0
    }

    /// Returns the kinds of the character.
    #[inline(always)]
    pub(super) fn flags(self) -> CharFlags {
        CharFlags((self.0 >> FLAG_SHIFT) as u16 & 0xff)
    }

    /// Returns what the character folds to.
    pub(super) fn folded(self) -> Folded {
        let value = self.0 & VALUE;
        if value == 0 {
            return Folded::Same;
        }
        if self.0 & EXPANDS == 0 {
            return char::from_u32(value).map_or(Folded::Same, Folded::Char);
        }
        let (from, len) = ((value >> 5) as usize, (value & 31) as usize);
        EXPANSIONS.get(from..from + len).map_or(Folded::Same, Folded::Text)
    }
}

/// Returns the entry of `c`.
#[inline(always)]
pub(super) fn entry(c: char) -> Entry {
    let code = c as usize;
    let page = INDEX[code >> PAGE_BITS] as usize;
    Entry(PAGES[(page << PAGE_BITS) | (code & PAGE_MASK)])
}

/// Returns whether `c` is a Chinese character that folds to itself, as most characters are: one look-up in a
/// table that stays in the nearest cache, where [`entry`] takes two in a larger one.
#[inline(always)]
pub(super) fn is_plain_han(c: char) -> bool {
    is_plain(c as usize)
}

/// Answers [`is_plain_han`] for a code point.
#[inline(always)]
fn is_plain(code: usize) -> bool {
    PLAIN_HAN.get(code / 64).is_some_and(|bits| bits >> (code % 64) & 1 == 1)
}

/// A run of Chinese characters that fold to themselves: three bytes each, decoded without the questions that any
/// character asks.
#[derive(Clone, Copy, Debug)]
pub struct Han<'t>(&'t [[u8; 3]]);

impl<'t> Han<'t> {
    /// Returns the run that `bytes`, which are UTF-8, begin with.
    #[inline(always)]
    pub(super) fn before_others(bytes: &'t [u8]) -> Han<'t> {
        let (characters, _) = bytes.as_chunks();
        let belongs =
            |character: &&[u8; 3]| character[0] & 0xf0 == 0xe0 && is_plain(code_of(**character) as usize);
        Han(&characters[..characters.iter().take_while(belongs).count()])
    }

    /// Returns whether there are none.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of characters.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Returns the code points of the characters.
    #[inline(always)]
    pub fn codes(self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|character| code_of(*character))
    }
}

/// Returns the code point of a character of three bytes.
#[inline(always)]
fn code_of([a, b, c]: [u8; 3]) -> u32 {
    (u32::from(a) & 0x0f) << 12 | (u32::from(b) & 0x3f) << 6 | u32::from(c) & 0x3f
}

/// Bits of the folded character, or of the place and length of an expansion.
pub(super) const VALUE: u32 = (1 << 21) - 1;
/// First bit of the flags.
pub(super) const FLAG_SHIFT: u32 = 21;
/// Set when the value is an expansion: place in the text pool × 32 + length in bytes.
pub(super) const EXPANDS: u32 = 1 << 31;
/// Bits of a code point that choose the entry within a page.
pub(super) const PAGE_BITS: usize = 7;
const PAGE_MASK: usize = (1 << PAGE_BITS) - 1;
/// Entries of the first stage.
pub(super) const INDEX_LEN: usize = 0x11_0000 >> PAGE_BITS;

/// The committed table: the number of pages (u32), the first stage (u16 each), the pages
/// (u32 each), the text pool; all little-endian.
pub(super) const TABLE: &[u8] = include_bytes!("fold_table.bin");
const PAGES_LEN: usize = (read_u32(0) as usize) << PAGE_BITS;
const INDEX_AT: usize = 4;
const PAGES_AT: usize = INDEX_AT + 2 * INDEX_LEN;
static INDEX: [u16; INDEX_LEN] = read_index();
static PAGES: [u32; PAGES_LEN] = read_pages();
static EXPANSIONS: &str = match std::str::from_utf8(TABLE.split_at(PAGES_AT + 4 * PAGES_LEN).1) {
    Ok(text) => text,
    Err(_) => panic!("the committed table ends in UTF-8 text"),
};

/// Code points below 0x1_0000 that are Chinese characters, fold to themselves and are nothing else, a bit each.
static PLAIN_HAN: [u64; 0x1_0000 / 64] = plain_han();

const fn plain_han() -> [u64; 0x1_0000 / 64] {
    let mut bits = [0; 0x1_0000 / 64];
    let mut code = 0;
    while code < 0x1_0000 {
        let page = INDEX[code >> PAGE_BITS] as usize;
        if PAGES[(page << PAGE_BITS) | (code & PAGE_MASK)] == (CharFlags::HAN.0 as u32) << FLAG_SHIFT {
            bits[code / 64] |= 1 << (code % 64);
        }
        code += 1;
    }
    bits
}

const fn read_u32(at: usize) -> u32 {
    u32::from_le_bytes([TABLE[at], TABLE[at + 1], TABLE[at + 2], TABLE[at + 3]])
}

const fn read_index() -> [u16; INDEX_LEN] {
    let mut index = [0; INDEX_LEN];
    let mut i = 0;
    while i < INDEX_LEN {
        index[i] = u16::from_le_bytes([TABLE[INDEX_AT + 2 * i], TABLE[INDEX_AT + 2 * i + 1]]);
        i += 1;
    }
    index
}

const fn read_pages() -> [u32; PAGES_LEN] {
    let mut pages = [0; PAGES_LEN];
    let mut i = 0;
    while i < PAGES_LEN {
        pages[i] = read_u32(PAGES_AT + 4 * i);
        i += 1;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_the_kinds_people_expect() {
        const CASES: &[(char, CharFlags)] = &[
            ('优', CharFlags::HAN),
            ('V', CharFlags::LATIN),
            ('Ｖ', CharFlags::LATIN),
            ('７', CharFlags::DIGIT),
            ('①', CharFlags::DIGIT),
            ('。', CharFlags::HARD),
            ('！', CharFlags::HARD),
            ('\n', CharFlags(CharFlags::HARD.0 | CharFlags::SPACE.0)),
            ('…', CharFlags::HARD),
            ('\u{200b}', CharFlags::SKIP),
            ('\u{fe0f}', CharFlags::SKIP),
            ('·', CharFlags::SOFT),
            ('★', CharFlags::SOFT),
            ('😀', CharFlags::SOFT),
            ('，', CharFlags(0)),
        ];
        for (c, flags) in CASES {
            assert_eq!(flags_of(*c), *flags, "{c:?}");
        }
    }
}
