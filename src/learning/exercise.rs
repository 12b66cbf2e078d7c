//! Reads exercises: invented texts for training, written in a short form.
//!
//! ```text
//! # what this part is about
//! + (快递|包裹)(三天|一周)了还没(到|收到)
//! - (快递|包裹)(几天|什么时候)能到
//! ```
//!
//! A line begins with `+` (has the label) or `-`. `(a|b|)` stands for one of its alternatives and may
//! nest. `<码>` is a made-up code such as KTB372, `<号>` a long number, `<名>` an account name, `<符>` a
//! sign or emoji. A line is written out a few times, with alternatives drawn from a fixed seed; then some texts
//! are joined, since people say several things in one message: one with the label in it has the label.

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

/// Reads a file of exercises and writes them out.
///
/// # Errors
///
/// Returns an error when the file cannot be read or a line is no exercise.
pub fn read_exercises(path: &Path) -> Result<Vec<Example>, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
    let mut exercises = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let exercise = Exercise::read(line).ok_or_else(|| {
            let place = format!("{}:{number}", path.display());
            Error::argument("exercise", &place, "`+ text` or `- text`, alternatives as `(a|b)`")
        })?;
        exercises.push(exercise);
    }
    Ok(write_out(&exercises))
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

    /// Returns how many texts it is written out to: more when it has more alternatives.
    fn repeats(&self) -> usize {
        let bars = self.pattern.matches('|').count();
        (1 + bars / 2).min(MOST_REPEATS)
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

/// Replaces `<码>`, `<号>`, `<名>` and `<符>` by something made up.
fn fill(text: &str, random: &mut Draw) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let known = ["<码>", "<号>", "<名>", "<符>"].iter().find(|name| rest.starts_with(**name));
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
    let mut letters = |n: usize, from: u8| -> String {
        (0..n).map(|_| char::from(from + random.below(26) as u8)).collect()
    };
    let (capitals, small) = (letters(3, b'A'), letters(5, b'a'));
    let mut digits =
        |n: usize| -> String { (0..n).map(|_| char::from(b'0' + random.below(10) as u8)).collect() };
    match name {
        "<码>" => format!("{capitals}{}", digits(3)),
        "<号>" => format!("1{}", digits(8)),
        "<名>" => format!("{small}{}", digits(3)),
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
fn write_out(exercises: &[Exercise]) -> Vec<Example> {
    let mut random = Draw(0xc4a7);
    let mut texts: Vec<(String, bool)> = Vec::new();
    for exercise in exercises {
        let mut own: Vec<String> = (0..exercise.repeats()).map(|_| exercise.draw(&mut random)).collect();
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
}

/// Signs that decorate disguised texts.
const SIGNS: [&str; 12] = ["❤", "☀", "★", "☎", "✨", "♥", "➕", "~", "…", "💋", "🔥", "ღ"];
/// A line is written out at most so often.
const MOST_REPEATS: usize = 12;
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
        let examples = write_out(&exercises);
        assert_eq!(examples.len(), 80);
        for example in &examples {
            assert_eq!(example.target > 0.5, example.text.contains('差'), "{}", example.text);
        }
    }
}
