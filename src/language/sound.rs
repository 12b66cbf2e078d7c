//! Knows how characters sound: one toneless syllable of Mandarin per character.
//!
//! A character that is read in several ways has its commonest syllable. The table is
//! generated from the crate `pinyin` by `CHATTAG_BLESS=1 cargo test --lib language::sound_source`;
//! the same test compares the committed file with it.

/// A toneless syllable, as a number below [`N_SYLLABLES`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Syllable(pub u16);

/// Returns the syllable of a Chinese character.
pub fn syllable_of(c: char) -> Option<Syllable> {
    let at = (c as usize).checked_sub(FIRST)?;
    SOUNDS.get(at).filter(|sound| **sound != NONE).map(|sound| Syllable(*sound))
}

/// Returns the spelling of a syllable, `v` for ü.
pub fn spelling_of(syllable: Syllable) -> &'static str {
    spellings().nth(usize::from(syllable.0)).unwrap_or("")
}

/// Spellings of syllables, to read what is written in letters. Built once.
#[derive(Clone, Debug)]
pub struct Spellings {
    /// Packed, in alphabetic order: a comparison of numbers each.
    sorted: Vec<u32>,
}

impl Default for Spellings {
    fn default() -> Spellings {
        Spellings { sorted: spellings().map(|spelling| packed(spelling.as_bytes())).collect() }
    }
}

impl Spellings {
    /// Splits lower-case `letters` into syllables, the longest first; `None` when they are no syllables.
    /// Appends each syllable with the length of its spelling in bytes.
    pub fn split(&self, letters: &str, out: &mut Vec<(Syllable, usize)>) -> bool {
        let before = out.len();
        if letters.is_empty() || !letters.is_ascii() || self.split_from(letters, out) {
            return !letters.is_empty() && out.len() > before;
        }
        out.truncate(before);
        false
    }

    fn split_from(&self, letters: &str, out: &mut Vec<(Syllable, usize)>) -> bool {
        if letters.is_empty() {
            return true;
        }
        let word = packed(&letters.as_bytes()[..letters.len().min(LONGEST_SPELLING)]);
        for len in (1..=letters.len().min(LONGEST_SPELLING)).rev() {
            let start = word & !0 << (LETTER_BITS * (LONGEST_SPELLING - len));
            let Ok(at) = self.sorted.binary_search(&start) else { continue };
            out.push((Syllable(at as u16), len));
            if out.len() <= MOST_SYLLABLES && self.split_from(&letters[len..], out) {
                return true;
            }
            out.pop();
        }
        false
    }
}

/// Returns up to six letters as a number that orders as they do. A byte that is no small letter is none of a
/// spelling's: it gives a number that no spelling has.
fn packed(letters: &[u8]) -> u32 {
    let bits = |at: usize| match letters.get(at) {
        None => 0,
        Some(letter @ b'a'..=b'z') => u32::from(letter - b'a') + 1,
        Some(_) => NO_LETTER,
    };
    (0..LONGEST_SPELLING).fold(0, |packed, at| packed << LETTER_BITS | bits(at))
}

fn spellings() -> impl Iterator<Item = &'static str> {
    std::str::from_utf8(TABLE.split_at(TEXT_AT).1).unwrap_or("").split_ascii_whitespace()
}

/// The committed table: a number (u16, little-endian) per character from [`FIRST`], then the
/// spellings in alphabetic order, separated by spaces.
pub(super) const TABLE: &[u8] = include_bytes!("sound_table.bin");
/// The first character of the table, `一`.
pub(super) const FIRST: usize = 0x4e00;
/// Characters of the table.
pub(super) const N_CHARS: usize = 0x5200;
/// Stands for a character without a syllable.
pub(super) const NONE: u16 = u16::MAX;
const TEXT_AT: usize = 2 * N_CHARS;
static SOUNDS: [u16; N_CHARS] = read_sounds();
/// Letters of the longest spelling, `zhuang`.
const LONGEST_SPELLING: usize = 6;
/// Bits of a packed letter, and what stands for a byte that is none.
const LETTER_BITS: usize = 5;
const NO_LETTER: u32 = 31;
/// Longer runs of letters are no disguise.
const MOST_SYLLABLES: usize = 8;
/// There are fewer syllables than this.
pub const N_SYLLABLES: usize = 512;

const fn read_sounds() -> [u16; N_CHARS] {
    let mut sounds = [NONE; N_CHARS];
    let mut i = 0;
    while i < N_CHARS && 2 * i + 1 < TABLE.len() {
        sounds[i] = u16::from_le_bytes([TABLE[2 * i], TABLE[2 * i + 1]]);
        i += 1;
    }
    sounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_sound_alike_share_a_syllable() {
        // (character, spelling)
        const CASES: &[(char, &str)] =
            &[('微', "wei"), ('薇', "wei"), ('信', "xin"), ('女', "nv"), ('一', "yi"), ('庄', "zhuang")];
        for (c, spelling) in CASES {
            assert_eq!(syllable_of(*c).map(spelling_of), Some(*spelling), "{c}");
        }
        assert_eq!(syllable_of('a'), None);
        assert_eq!(syllable_of('\u{2a6d6}'), None);
    }

    #[test]
    fn letters_are_split_into_the_longest_syllables_that_leave_nothing_over() {
        // (letters, syllables)
        const CASES: &[(&str, &str)] = &[
            ("weixin", "wei xin"),
            ("jianzhi", "jian zhi"),
            ("xian", "xian"),
            ("erweima", "er wei ma"),
            ("fangan", "fang an"),
            ("vx", ""),
            ("app", ""),
            ("standard", ""),
            ("", ""),
        ];
        for (letters, want) in CASES {
            let mut found = Vec::new();
            Spellings::default().split(letters, &mut found);
            let words: Vec<&str> = found.iter().map(|(syllable, _)| spelling_of(*syllable)).collect();
            assert_eq!(words.join(" "), *want, "{letters}");
        }
    }
}
