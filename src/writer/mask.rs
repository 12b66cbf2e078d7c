//! Masks telephone, e-mail, identity-card and bank-card numbers in a text.
//!
//! Every masked character becomes one `*`, so that offsets into the text stay
//! right. Digits count in any dress (full width, circled, Chinese) and may be
//! parted by one space, hyphen or dot, as people write numbers. What is masked
//! is decided by the count of digits, not by check digits: a number with a
//! typing error is as private as a right one.

use std::borrow::Cow;
use std::ops::Range;

/// Returns `text` with private numbers and addresses masked.
///
/// Of numbers with 11 digits or more the first three and the last four stay, of e-mail addresses the
/// first character and the domain: enough to recognise a known one.
///
/// # Examples
///
/// ```
/// assert_eq!(chattag::writer::mask("打我电话13800138000"), "打我电话138****8000");
/// assert_eq!(chattag::writer::mask("价格3000元"), "价格3000元");
/// ```
pub fn mask(text: &str) -> Cow<'_, str> {
    let chars: Vec<char> = text.chars().collect();
    let mut hidden = numbers(&chars);
    hidden.extend(addresses(&chars));
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = chars;
    for position in hidden {
        masked[position] = '*';
    }
    Cow::Owned(masked.into_iter().collect())
}

/// Returns the positions to hide in numbers.
fn numbers(chars: &[char]) -> Vec<usize> {
    let mut hidden = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let digits = digit_run(chars, at);
        let Some(&last) = digits.last() else {
            at += 1;
            continue;
        };
        if is_private(chars, &digits) {
            let (head, tail) = if digits.len() >= 11 { (3, 4) } else { (0, 2) };
            hidden.extend(&digits[head..digits.len() - tail]);
        }
        at = last + 1;
    }
    hidden
}

/// Returns the positions of the digits of the number that begins at `start`; empty when none does.
/// A final `X` of an identity-card number is one of its digits.
fn digit_run(chars: &[char], start: usize) -> Vec<usize> {
    let mut digits = Vec::new();
    let mut at = start;
    while at < chars.len() {
        if digit(chars[at]).is_some() || (digits.len() == 17 && matches!(chars[at], 'x' | 'X' | 'Ｘ' | 'ｘ'))
        {
            digits.push(at);
        } else if digits.last() != at.checked_sub(1).as_ref() || !SEPARATORS.contains(&chars[at]) {
            break;
        }
        at += 1;
    }
    digits
}

/// Decides by the count of digits: mobile 11 (13 with 86), land line 10 to 12, service line 10,
/// identity card 15 or 18, bank card 12 to 19. Instants in milliseconds (13 digits from 1) are none of them.
fn is_private(chars: &[char], digits: &[usize]) -> bool {
    let first = digit(chars[digits[0]]);
    match digits.len() {
        0..=9 => false,
        10 => matches!(first, Some(0 | 4 | 8)),
        13 => first != Some(1),
        _ => true,
    }
}

fn digit(char: char) -> Option<u32> {
    let code = u32::from(char);
    match char {
        '0'..='9' => Some(code - u32::from('0')),
        '０'..='９' => Some(code - u32::from('０')),
        '①'..='⑨' => Some(code - u32::from('①') + 1),
        '❶'..='❾' => Some(code - u32::from('❶') + 1),
        '⓪' => Some(0),
        _ => numeral(char),
    }
}

/// Returns the digit of a numeral that is used to write telephone numbers past a filter.
fn numeral(char: char) -> Option<u32> {
    let value = match char {
        '零' | '〇' => 0,
        '一' | '壹' | '幺' => 1,
        '二' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    };
    Some(value)
}

/// Returns the positions to hide in e-mail addresses: the local part after its first character.
fn addresses(chars: &[char]) -> Vec<usize> {
    let ats = (0..chars.len()).filter(|&at| matches!(chars[at], '@' | '＠'));
    ats.filter(|&at| has_domain(chars, at)).flat_map(|at| local_part(chars, at).skip(1)).collect()
}

fn has_domain(chars: &[char], at: usize) -> bool {
    let domain: String = chars[at + 1..].iter().take_while(|char| is_address_char(**char)).collect();
    domain.trim_end_matches('.').contains('.')
}

fn local_part(chars: &[char], at: usize) -> Range<usize> {
    let length = chars[..at].iter().rev().take_while(|char| is_address_char(**char)).count();
    at - length..at
}

fn is_address_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "._%+-．".contains(char) || ('０'..='ｚ').contains(&char)
}

const SEPARATORS: &[char] = &[' ', '-', '.', '－', '—', '·', '\u{3000}'];

#[cfg(test)]
mod tests {
    use super::*;

    // (what it is, text, masked)
    const CASES: &[(&str, &str, &str)] = &[
        ("nothing", "", ""),
        ("plain words", "你好，有优惠吗", "你好，有优惠吗"),
        ("a price", "3000000元", "3000000元"),
        ("a day and a time", "2024-03-01 10:00", "2024-03-01 10:00"),
        ("an instant in milliseconds", "1709258400000", "1709258400000"),
        ("an instant in seconds", "1709258400", "1709258400"),
        ("mobile", "电话13800138000。", "电话138****8000。"),
        ("mobile, parted", "138-0013-8000", "138-****-8000"),
        ("mobile, parted by spaces", "138 0013 8000", "138 **** 8000"),
        ("mobile with country", "+8613800138000", "+861******8000"),
        ("mobile, full width", "１３８００１３８０００", "１３８****８０００"),
        ("mobile, Chinese digits", "加一三八零零一三八零零零", "加一三八****八零零零"),
        ("mobile, circled digits", "①③⑧00①③⑧000", "①③⑧****⑧000"),
        ("land line", "010-62345678", "010-****5678"),
        ("service line", "400-810-8888", "***-***-**88"),
        ("identity card", "110101199003070011", "110***********0011"),
        ("identity card with X", "11010119900307001X", "110***********001X"),
        ("old identity card", "110101900307001", "110********7001"),
        ("bank card", "6222021234567890123", "622************0123"),
        ("bank card, parted", "6222 0212 3456 7890", "622* **** **** 7890"),
        ("two numbers", "13800138000，13900139000", "138****8000，139****9000"),
        ("two parted words", "1380013  8000", "1380013  8000"),
        ("e-mail", "写到zhang.san@example.com吧", "写到z********@example.com吧"),
        ("e-mail, one letter", "a@b.cn", "a@b.cn"),
        ("a mention of a person", "@张三 在吗", "@张三 在吗"),
        ("no domain", "a1234@b", "a1234@b"),
    ];

    #[test]
    fn private_numbers_are_masked_and_others_stay() {
        for (what, text, masked) in CASES {
            assert_eq!(mask(text), *masked, "{what}");
        }
    }

    #[test]
    fn a_masked_text_has_as_many_characters_as_before() {
        for (what, text, _) in CASES {
            assert_eq!(mask(text).chars().count(), text.chars().count(), "{what}");
        }
    }
}
