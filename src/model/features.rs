//! Turns a text into hashed character n-grams.
//!
//! The text is folded first. Runs of digits are one character, since 1980 and 2050 say the
//! same about what is meant, and long ones another, since they call or pay somebody; so are codes of
//! letters and digits, names after `@` and addresses of pages. A character repeated more than twice
//! counts twice. Cost: one multiplication per n-gram.
//!
//! Two readings exist, since models are stored. The second also takes groups of digits (`3071 9925`) for
//! one long number, and marks a text with letters from alphabets of mathematics, zero-width or
//! overlaid characters: nobody types them by accident.

use crate::language::{CharFlags, FoldedText, flags_of, fold_into};

/// The buffers one thread reuses from text to text.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    folded: FoldedText,
    chars: Vec<u32>,
}

impl Buffers {
    /// Replaces the contents by the characters of `text` that n-grams are made of, between marks of its ends.
    fn read(&mut self, text: &str, reading: Reading) {
        fold_into(text, &mut self.folded);
        self.chars.clear();
        self.chars.push(EDGE);
        if reading == Reading::Disguises && text.chars().any(is_styled) {
            self.chars.push(STYLED);
        }
        let mut rest = self.folded.text();
        while let Some(c) = rest.chars().next() {
            let (unit, len) = unit(rest, c, reading);
            rest = &rest[len..];
            let again = self.chars.ends_with(&[unit, unit]) || unit == BLANK && self.chars.ends_with(&[unit]);
            if unit != 0 && !again {
                self.chars.push(unit);
            }
        }
        self.chars.push(EDGE);
    }
}

/// How a text is turned into characters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Reading {
    /// Of models in files of version 1.
    Plain,
    /// Sees groups of digits and styled letters.
    #[default]
    Disguises,
}

/// Returns what `rest`, which begins with `c`, begins with, and its length in bytes; 0 for nothing.
fn unit(rest: &str, c: char, reading: Reading) -> (u32, usize) {
    let flags = flags_of(c);
    if reading == Reading::Disguises
        && c.is_ascii_digit()
        && let Some(len) = grouped_number(rest)
    {
        return (LONG, len);
    }
    if flags.intersects(CharFlags::DIGIT) || c.is_ascii_alphabetic() && !rest.starts_with("http") {
        number_or_code(rest, c)
    } else if c == '@' {
        (NAME, c.len_utf8() + run(&rest[1..], is_name))
    } else if rest.starts_with("http") {
        (ADDRESS, run(rest, |c| c.is_ascii_graphic()))
    } else if flags.intersects(CharFlags::SPACE) {
        (BLANK, c.len_utf8())
    } else if flags.intersects(CharFlags::SKIP) {
        (0, c.len_utf8())
    } else {
        (c as u32, c.len_utf8())
    }
}

/// Returns a run of letters and digits as a number, a long number, a code, or its first letter.
fn number_or_code(rest: &str, c: char) -> (u32, usize) {
    let len = run(rest, |c| c.is_ascii_alphanumeric() || c == '_');
    let digits = rest[..len].bytes().filter(u8::is_ascii_digit).count();
    match (digits, len) {
        (0, _) => (c as u32, c.len_utf8()),
        (digits, len) if digits == len && len >= LONG_NUMBER => (LONG, len),
        (digits, len) if digits < len && len >= SHORTEST_CODE => (CODE, len),
        _ if c.is_ascii_digit() => (NUMBER, run(rest, |c| flags_of(c).intersects(CharFlags::DIGIT))),
        _ => (c as u32, c.len_utf8()),
    }
}

/// Returns the length in bytes of a long number in groups of three digits or more.
fn grouped_number(rest: &str) -> Option<usize> {
    let (mut end, mut digits, mut groups) = (0, 0, 0);
    loop {
        let gap = if end == 0 { 0 } else { run(&rest[end..], |c| c == ' ').min(MAX_GAP) };
        let group = run(&rest[end + gap..], |c| c.is_ascii_digit());
        if group < SHORTEST_GROUP || gap == 0 && end > 0 {
            break;
        }
        (end, digits, groups) = (end + gap + group, digits + group, groups + 1);
    }
    let ends = !rest[end..].starts_with(|c: char| c.is_ascii_alphanumeric());
    (groups > 1 && digits >= LONG_NUMBER && ends).then_some(end)
}

/// Returns whether `c` is a letter or digit of another style, invisible, or laid over another character.
/// Joiners, selectors and frames that belong to emoji are not, nor are circled numbers of lists.
fn is_styled(c: char) -> bool {
    matches!(c,
        '\u{1d400}'..='\u{1d7ff}' | '\u{24b6}'..='\u{24e9}' | '\u{1f110}'..='\u{1f189}'
        | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}'
        | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{20d0}'..='\u{20dc}'
        | 'ℂ' | 'ℊ'..='ℍ' | 'ℐ'..='ℓ' | 'ℕ' | 'ℙ'..='ℝ' | 'ℤ' | 'ℨ' | 'ℬ'..='ℭ' | 'ℯ'..='ℱ' | 'ℳ')
}

/// Returns the length in bytes of the longest beginning of `text` whose characters are all `wanted`.
fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.chars().take(MAX_RUN_CHARS).take_while(|c| wanted(*c)).map(char::len_utf8).sum()
}

fn is_name(c: char) -> bool {
    c == '_' || c == '-' || flags_of(c).intersects(CharFlags::HAN | CharFlags::LATIN | CharFlags::DIGIT)
}

/// Calls `each` with the hash of every n-gram of up to `longest` characters; returns how many there are.
#[inline]
pub(super) fn for_each(
    text: &str,
    (reading, longest): (Reading, usize),
    buffers: &mut Buffers,
    mut each: impl FnMut(u32),
) -> u32 {
    buffers.read(text, reading);
    let mut n = 0;
    for start in 0..buffers.chars.len() {
        let mut hash = SEED;
        for unit in buffers.chars[start..].iter().take(longest) {
            hash = (hash ^ unit).wrapping_mul(MULTIPLIER).rotate_left(15);
            each(hash.wrapping_mul(FINISHER));
            n += 1;
        }
    }
    n
}

/// Marks the ends of a text.
const EDGE: u32 = 1;
/// Stands for a run of digits.
const NUMBER: u32 = '0' as u32;
/// Stands for a long run of digits.
const LONG: u32 = '9' as u32;
/// Stands for letters and digits mixed.
const CODE: u32 = 3;
/// Digits of a number that calls or pays somebody.
const LONG_NUMBER: usize = 7;
/// Digits in each group of a long number, and spaces between two.
const SHORTEST_GROUP: usize = 3;
const MAX_GAP: usize = 2;
/// Letters and digits of a code; shorter ones are 5g and 4k.
const SHORTEST_CODE: usize = 4;
/// Stands for a name after `@`.
const NAME: u32 = '@' as u32;
/// Stands for the address of a page.
const ADDRESS: u32 = 2;
/// Stands before a text with styled letters.
const STYLED: u32 = 4;
/// Stands for white space.
const BLANK: u32 = ' ' as u32;
/// Longest number, name or address taken for one, in characters.
const MAX_RUN_CHARS: usize = 64;
const SEED: u32 = 0x811c_9dc5;
const MULTIPLIER: u32 = 0x9e37_79b1;
const FINISHER: u32 = 0x85eb_ca6b;

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, reading: Reading) -> String {
        let mut buffers = Buffers::default();
        buffers.read(text, reading);
        let inner = &buffers.chars[1..buffers.chars.len() - 1];
        inner
            .iter()
            .map(|unit| match *unit {
                ADDRESS => '§',
                CODE => '¤',
                STYLED => '^',
                unit => char::from_u32(unit).unwrap(),
            })
            .collect()
    }

    #[test]
    fn numbers_names_and_addresses_are_one_character_each() {
        // (text, units)
        const CASES: &[(&str, &str)] = &[
            ("", ""),
            ("这套1980万", "这套0万"),
            ("３.５能谈吗？？？？", "0.0能谈吗??"),
            ("@某某客服 快递  呢", "@ 快递 呢"),
            ("看https://example.com/a?b=1这里", "看§这里"),
            ("哈哈哈哈哈", "哈哈"),
            ("加\u{200b}微", "加微"),
            ("打13800001111", "打9"),
            ("5g套餐", "0g套餐"),
            ("加abc_123看", "加¤看"),
        ];
        for (text, want) in CASES {
            assert_eq!(units(text, Reading::Plain), *want, "{text}");
        }
    }

    #[test]
    fn the_second_reading_sees_grouped_numbers_and_styled_letters() {
        // (text, units)
        const CASES: &[(&str, &str)] = &[
            ("看 3071 9925", "看 9"),
            ("138 0000 1111 口", "9 口"),
            ("3071 9925ab", "0 ¤"),
            ("12 3071", "0 0"),
            ("300 200", "0 0"),
            ("2022-12-10", "0-0-0"),
            ("𝐀𝐁５５１ 好", "^¤ 好"),
            ("加\u{200b}微", "^加微"),
            ("❤️👨‍👩‍👧①", "❤👨👩👧0"),
        ];
        for (text, want) in CASES {
            assert_eq!(units(text, Reading::Disguises), *want, "{text}");
        }
    }

    #[test]
    fn every_stretch_of_up_to_three_characters_is_a_feature() {
        let mut hashes = Vec::new();
        let n = for_each("多少钱", (Reading::Plain, 3), &mut Buffers::default(), |hash| hashes.push(hash));
        assert_eq!((n, hashes.len()), (12, 12));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 11, "the two ends are one feature");
    }

    #[test]
    fn hashes_never_change_since_models_are_stored() {
        let mut hashes = Vec::new();
        for_each("贵", (Reading::Plain, 2), &mut Buffers::default(), |hash| hashes.push(hash));
        assert_eq!(hashes, GOLDEN);
    }

    const GOLDEN: [u32; 5] = [3_747_136_169, 3_633_469_304, 100_972_628, 1_275_680_720, 3_747_136_169];
}
