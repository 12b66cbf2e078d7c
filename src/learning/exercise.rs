//! Reads exercises: invented texts for training, written in a short form.
//!
//! ```text
//! # what this part is about
//! + (快递|包裹)(三天|一周)了还没(到|收到)
//! - (快递|包裹)(几天|什么时候)能到
//! ```
//!
//! A line begins with `+` (has the label) or `-`. `(a|b|)` stands for one of its alternatives and may
//! nest. `<片> = 片|篇|偏` gives alternatives a name; below it, `<片>` stands for one of them. Made up are
//! `<码>`, a code such as KTB372, `<花>`, a code in letters of another style, `<号>`, a long number, `<组>`, one
//! in groups, `<名>`, an account name, and `<符>`, a sign or emoji. A line is written out a few times, with
//! alternatives drawn from a fixed seed; then some texts are joined, since people say several things in one
//! message: one with the label in it has the label.

use std::path::Path;

use crate::error::Error;
use crate::model::Example;

/// A line of an exercise file.
#[derive(Clone, Debug, PartialEq)]
pub struct Exercise {
    /// The texts it stands for have the label.
    pub there: bool,
    /// With its alternatives.
    pattern: String,
}

/// Reads a file of exercises and writes them out, `draws` times as often as they ask for.
///
/// # Errors
///
/// Returns an error when the file cannot be read or a line is no exercise.
pub fn read_exercises(path: &Path, draws: usize) -> Result<Vec<Example>, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
    let exercises = read_lines(&text).map_err(|number| {
        let place = format!("{}:{number}", path.display());
        Error::argument("exercise", &place, "`+ text` or `- text`, alternatives as `(a|b)`, `<name> = a|b`")
    })?;
    Ok(write_out(&exercises, draws))
}

/// Reads the lines of a file; the error is the number of a line that is no exercise.
fn read_lines(text: &str) -> Result<Vec<Exercise>, usize> {
    let (mut names, mut exercises) = (Vec::new(), Vec::new());
    for (number, line) in (1usize..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = with_names(line, &names);
        match definition(&line) {
            Some(name) => names.push(name),
            None => exercises.push(Exercise::read(&line).ok_or(number)?),
        }
    }
    Ok(exercises)
}

/// Reads `<name> = a|b` as the name and what stands for it.
fn definition(line: &str) -> Option<(String, String)> {
    let (name, alternatives) = line.split_once('=')?;
    let name = name.trim();
    let named = name.starts_with('<') && name.ends_with('>');
    named.then(|| (name.to_owned(), format!("({})", alternatives.trim())))
}

/// Puts the alternatives in the place of their names.
fn with_names(line: &str, names: &[(String, String)]) -> String {
    names.iter().fold(line.to_owned(), |line, (name, alternatives)| line.replace(name, alternatives))
}

impl Exercise {
    /// Reads one line; `None` when it is no exercise.
    pub fn read(line: &str) -> Option<Exercise> {
        let there = line.starts_with('+');
        let pattern = line.strip_prefix(['+', '-'])?.trim();
        let mut depth = 0i32;
        for c in pattern.chars() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth < 0 {
                return None;
            }
        }
        (depth == 0 && !pattern.is_empty()).then(|| Exercise { there, pattern: pattern.to_owned() })
    }

    /// Returns one text it stands for.
    fn draw(&self, random: &mut Draw) -> String {
        let mut out = String::new();
        draw_into(&self.pattern, random, &mut out);
        fill(&out, random)
    }

    /// Returns how many texts it is written out to: more when it has more alternatives, many more when names
    /// bring in long lists of them.
    fn repeats(&self) -> usize {
        let bars = self.pattern.matches('|').count();
        ((1 + bars / 2).min(FEW_REPEATS) + bars / BARS_OF_LISTS).min(MOST_REPEATS)
    }
}

/// Appends `pattern` with one alternative drawn for each `(…)`.
fn draw_into(pattern: &str, random: &mut Draw, out: &mut String) {
    let mut rest = pattern;
    while let Some(open) = rest.find('(') {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let close = closing(inner);
        let choices = alternatives(&inner[..close]);
        draw_into(choices[random.below(choices.len())], random, out);
        rest = inner.get(close + 1..).unwrap_or("");
    }
    out.push_str(rest);
}

/// Replaces `<码>`, `<花>`, `<号>`, `<组>`, `<名>` and `<符>` by something made up.
fn fill(text: &str, random: &mut Draw) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let known = MADE_UP.iter().find(|name| rest.starts_with(**name));
        match known {
            Some(name) => {
                out.push_str(&made_up(name, random));
                rest = &rest[name.len()..];
            }
            None => {
                out.push('<');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn made_up(name: &str, random: &mut Draw) -> String {
    match name {
        "<码>" => random.letters(3, b'A') + &random.digits(3),
        "<花>" => random.styled_code(),
        "<号>" => format!("1{}", random.digits(8)),
        "<组>" => random.groups(),
        "<名>" => random.letters(5, b'a') + &random.digits(3),
        _ => SIGNS[random.below(SIGNS.len())].to_owned(),
    }
}

/// Returns where the parenthesis that opened before `inner` closes.
fn closing(inner: &str) -> usize {
    let mut depth = 1;
    let closes = |(_, c): &(usize, char)| {
        depth += i32::from(*c == '(') - i32::from(*c == ')');
        depth == 0
    };
    inner.char_indices().find(closes).map_or(inner.len(), |(at, _)| at)
}

/// Splits at the bars outside inner parentheses.
fn alternatives(inner: &str) -> Vec<&str> {
    let (mut depth, mut from, mut all) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == '|' && depth == 0 {
            all.push(&inner[from..at]);
            from = at + 1;
        }
    }
    all.push(&inner[from..]);
    all
}

/// Writes all exercises out, then joins some of the texts.
fn write_out(exercises: &[Exercise], draws: usize) -> Vec<Example> {
    let mut random = Draw(0xc4a7);
    let mut texts: Vec<(String, bool)> = Vec::new();
    for exercise in exercises {
        let repeats = draws * exercise.repeats();
        let mut own: Vec<String> = (0..repeats).map(|_| exercise.draw(&mut random)).collect();
        own.sort();
        own.dedup();
        texts.extend(own.into_iter().map(|text| (text, exercise.there)));
    }
    let plain = texts.len();
    for _ in 0..plain / JOINED_SHARE {
        let n = 2 + random.below(3);
        let chosen: Vec<usize> = (0..n).map(|_| random.below(plain)).collect();
        let marks = ["，", "。", " ", "！", "\n"];
        let mark = marks[random.below(marks.len())];
        let joined: Vec<&str> = chosen.iter().map(|at| texts[*at].0.as_str()).collect();
        let there = chosen.iter().any(|at| texts[*at].1);
        texts.push((joined.join(mark), there));
    }
    let example = |(text, there)| Example { text, target: if there { 0.98 } else { 0.02 }, weight: 1.0 };
    texts.into_iter().map(example).collect()
}

/// Numbers that look random and are the same everywhere (Knuth's MMIX generator).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    fn letters(&mut self, n: usize, from: u8) -> String {
        (0..n).map(|_| char::from(from + self.below(26) as u8)).collect()
    }

    fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    /// Three letters of one style, and three digits of it or plain ones.
    fn styled_code(&mut self) -> String {
        let (letter_a, digit_0) = STYLES[self.below(STYLES.len())];
        let styled = |from: u32, by: usize| char::from_u32(from + by as u32).unwrap_or('x');
        let letters: String = (0..3).map(|_| styled(letter_a, self.below(26))).collect();
        let digit_0 = if self.below(2) == 0 { digit_0 } else { u32::from(b'0') };
        (0..3).fold(letters, |code, _| code + styled(digit_0, self.below(10)).encode_utf8(&mut [0; 4]))
    }

    /// Two or three groups of digits, eight or more together.
    fn groups(&mut self) -> String {
        let first = 1 + self.below(9);
        match self.below(3) {
            0 => format!("{first}{} {}", self.digits(3), self.digits(4)),
            1 => format!("{first}{} {}", self.digits(4), self.digits(5)),
            _ => format!("1{} {} {}", self.digits(2), self.digits(4), self.digits(4)),
        }
    }
}

/// What is made up anew each time.
const MADE_UP: [&str; 6] = ["<码>", "<花>", "<号>", "<组>", "<名>", "<符>"];
/// `A` and `0` of alphabets that spell codes past filters: bold, italic and so on, and full width.
const STYLES: [(u32, u32); 6] = [
    (0x1d400, 0x1d7ce),
    (0x1d4d0, 0x1d7ce),
    (0x1d5a0, 0x1d7e2),
    (0x1d5d4, 0x1d7ec),
    (0x1d670, 0x1d7f6),
    (0xff21, 0xff10),
];

/// Signs that decorate disguised texts.
const SIGNS: [&str; 16] =
    ["❤", "☀", "★", "☎", "✨", "♥", "➕", "~", "…", "💋", "🔥", "ღ", "✷", "❀", "♡", "➽"];
/// A line without named lists is written out about so often at most.
const FEW_REPEATS: usize = 12;
/// Once more for so many alternatives.
const BARS_OF_LISTS: usize = 8;
/// A line is written out at most so often.
const MOST_REPEATS: usize = 48;
/// One joined text for so many plain ones.
const JOINED_SHARE: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_sign_and_balanced_alternatives() {
        // (line, reads)
        const CASES: &[(&str, bool)] = &[
            ("+ 太差", true),
            ("-(好|)的", true),
            ("好的", false),
            ("+", false),
            ("+ (好", false),
            ("+ 好)(的", false),
        ];
        for (line, reads) in CASES {
            assert_eq!(Exercise::read(line).is_some(), *reads, "{line}");
        }
    }

    #[test]
    fn every_alternative_is_drawn_and_nothing_else() {
        let exercise = Exercise::read("+ (快(递|件)|包裹)没到(|呢)").unwrap();
        let mut random = Draw(1);
        let mut seen: Vec<String> = (0..200).map(|_| exercise.draw(&mut random)).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["包裹没到", "包裹没到呢", "快件没到", "快件没到呢", "快递没到", "快递没到呢"]);
    }

    #[test]
    fn names_stand_for_their_alternatives_also_in_other_names() {
        let lines = "<片> = 片|篇\n<看> = 看<片>|瞧\n+ <看>(吗|)\n- 好";
        let exercises = read_lines(lines).unwrap();
        assert_eq!(exercises[0].pattern, "(看(片|篇)|瞧)(吗|)");
        assert_eq!(exercises.len(), 2);
        assert_eq!(read_lines("+ 好\n<片> 片"), Err(2));
    }

    #[test]
    fn codes_in_other_letters_fold_to_codes_and_groups_hold_eight_digits() {
        let mut random = Draw(3);
        for _ in 0..50 {
            let code = crate::language::fold(&made_up("<花>", &mut random));
            assert!(code.len() == 6 && code.chars().all(|c| c.is_ascii_alphanumeric()), "{code}");
            let groups = made_up("<组>", &mut random);
            assert!(
                groups.contains(' ') && groups.bytes().filter(u8::is_ascii_digit).count() >= 8,
                "{groups}"
            );
        }
    }

    #[test]
    fn made_up_parts_differ_from_text_to_text() {
        let exercise = Exercise::read("+ 看<名> 加<码><符>").unwrap();
        let mut random = Draw(7);
        let (one, other) = (exercise.draw(&mut random), exercise.draw(&mut random));
        assert_ne!(one, other);
        assert!(!one.contains('<') && one.starts_with('看'), "{one}");
    }

    #[test]
    fn joined_texts_have_the_label_when_one_of_them_has() {
        let exercises: Vec<Exercise> = (0..30)
            .flat_map(|i| [format!("+ 差{i}"), format!("- 好{i}")])
            .map(|line| Exercise::read(&line).unwrap())
            .collect();
        let examples = write_out(&exercises, 1);
        assert_eq!(examples.len(), 80);
        assert_eq!(write_out(&exercises, 3).len(), 80, "nothing else can be drawn");
        for example in &examples {
            assert_eq!(example.target > 0.5, example.text.contains('差'), "{}", example.text);
        }
    }
}
