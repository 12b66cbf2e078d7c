//! Finds numbers by their digits: mobile numbers, bank cards, identity cards.

use std::ops::Range;

use crate::language::{CharFlags, flags_of};

/// The digits of a text in a row, with where they stand.
#[derive(Default)]
pub(super) struct Row {
    digits: Vec<Digit>,
}

#[derive(Clone, Copy)]
struct Digit {
    value: u8,
    start: usize,
    end: usize,
    /// Separators stand before it.
    gap: bool,
    /// Something else stands before it: a new number begins.
    opens: bool,
}

impl Row {
    /// Replaces the row by the digits of `text`.
    pub(super) fn read(&mut self, text: &str) {
        self.digits.clear();
        let (mut gap, mut opens) = (0, true);
        for (start, c) in text.char_indices() {
            if let Some(value) = value_of(c) {
                self.digits.push(Digit { value, start, end: start + c.len_utf8(), gap: gap > 0, opens });
                (gap, opens) = (0, false);
            } else if SEPARATORS.contains(&c) && gap < MOST_SEPARATORS {
                gap += 1;
            } else {
                (gap, opens) = (0, true);
            }
        }
    }

    /// Returns the numbers: digits with at most separators between.
    fn numbers(&self) -> impl Iterator<Item = &[Digit]> {
        self.digits.chunk_by(|_, next| !next.opens)
    }
}

fn value_of(c: char) -> Option<u8> {
    if flags_of(c).intersects(CharFlags::DIGIT) {
        return c.to_digit(10).map(|value| value as u8);
    }
    numeral(c)
}

/// Returns the digit that a numeral is read out as.
fn numeral(c: char) -> Option<u8> {
    let value = match c {
        '零' | '〇' | '○' | '洞' => 0,
        '一' | '壹' | '幺' | '么' => 1,
        '二' | '贰' | '两' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' | '拐' => 7,
        '八' | '捌' => 8,
        '九' | '玖' | '勾' => 9,
        _ => return None,
    };
    Some(value)
}

/// Returns the stretches of `number` between separators that add up to one of `lengths`: all of it, all after the
/// country's prefix, or one stretch by itself.
fn candidates<'a>(number: &'a [Digit], lengths: &'a [usize]) -> impl Iterator<Item = &'a [Digit]> {
    let fits = |part: &&[Digit]| lengths.contains(&part.len());
    let whole = std::iter::once(number).filter(fits);
    let alone =
        number.chunk_by(|_, next| !next.gap).filter(move |part| fits(part) && part.len() < number.len());
    whole.chain(alone)
}

/// Returns whether no letter touches the number.
fn is_free(text: &str, part: &[Digit]) -> bool {
    let letter = |c: char| flags_of(c).intersects(CharFlags::LATIN) || c == '_' || c == '*';
    let before = text[..part[0].start].chars().next_back();
    let after = text[part[part.len() - 1].end..].chars().next();
    !before.is_some_and(letter) && !after.is_some_and(letter)
}

/// Appends the mobile numbers of the mainland.
pub(super) fn phones(text: &str, row: &Row, out: &mut Vec<Range<usize>>) {
    for number in row.numbers() {
        let (prefix, number) = without_country(text, number);
        for part in candidates(number, &[MOBILE_DIGITS]) {
            let mobile = part[0].value == 1 && part[1].value >= 3;
            if mobile && is_free(text, part) {
                let start = if part.len() == number.len() { prefix } else { part[0].start };
                out.push(start..part[MOBILE_DIGITS - 1].end);
                break;
            }
        }
    }
}

/// Splits off 86 or 0086 with its plus sign; returns where that begins.
fn without_country<'a>(text: &str, number: &'a [Digit]) -> (usize, &'a [Digit]) {
    let begins = |prefix: &[u8]| {
        number.len() == prefix.len() + MOBILE_DIGITS
            && number.iter().zip(prefix).all(|(digit, value)| digit.value == *value)
    };
    let start = number[0].start;
    for prefix in [&[8, 6][..], &[0, 0, 8, 6]] {
        if begins(prefix) {
            let plus = text[..start].ends_with('+');
            return (start - usize::from(plus), &number[prefix.len()..]);
        }
    }
    (start, number)
}

/// Appends the bank card numbers: 16 to 19 digits, an issuer's first digit, Luhn's check digit.
pub(super) fn bank_cards(text: &str, row: &Row, out: &mut Vec<Range<usize>>) {
    for number in row.numbers() {
        for part in candidates(number, &[16, 17, 18, 19]) {
            let issued = (3..=6).contains(&part[0].value);
            if issued && luhn(part) && is_free(text, part) {
                out.push(part[0].start..part[part.len() - 1].end);
                break;
            }
        }
    }
}

fn luhn(part: &[Digit]) -> bool {
    let doubled = |value: u8| if value > 4 { 2 * value - 9 } else { 2 * value };
    let each = part.iter().rev().enumerate();
    let sum: u32 =
        each.map(|(at, digit)| u32::from(if at % 2 == 1 { doubled(digit.value) } else { digit.value })).sum();
    sum.is_multiple_of(10)
}

/// Appends the identity card numbers: 17 digits with a date in them, and the check digit of GB 11643.
pub(super) fn id_cards(text: &str, row: &Row, out: &mut Vec<Range<usize>>) {
    for number in row.numbers() {
        let end = number[number.len() - 1].end;
        let x = number.len() == 17 && text[end..].starts_with('x');
        if number.len() != 18 && !x {
            continue;
        }
        let check = if x { 10 } else { number[17].value };
        let end = end + usize::from(x);
        let letter_after = text[end..]
            .chars()
            .next()
            .is_some_and(|c| flags_of(c).intersects(CharFlags::LATIN | CharFlags::DIGIT));
        if has_date(number) && check_digit(number) == check && !letter_after {
            out.push(number[0].start..end);
        }
    }
}

fn has_date(number: &[Digit]) -> bool {
    let read =
        |range: Range<usize>| number[range].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit.value));
    (1900..2100).contains(&read(6..10))
        && (1..=12).contains(&read(10..12))
        && (1..=31).contains(&read(12..14))
}

fn check_digit(number: &[Digit]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = number.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit.value) * weight).sum();
    ((12 - sum % 11) % 11) as u8
}

/// What people put between digits; a comma, a colon and a star are something else.
const SEPARATORS: [char; 11] = [' ', '-', '/', '.', '·', '~', '_', '—', '–', '|', '•'];
const MOST_SEPARATORS: usize = 3;
/// Digits of a mobile number of the mainland.
pub(super) const MOBILE_DIGITS: usize = 11;
