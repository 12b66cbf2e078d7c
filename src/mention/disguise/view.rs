//! Reads a folded text as a row of units that sound.
//!
//! A unit is a syllable, a letter or a digit, with the character it was read from and where that stands.
//! Up to three separators between two units are left out; anything more, a comma or the end of a sentence is a
//! break that no term spans.

use std::ops::Range;

use crate::language::{CharFlags, FoldedText, Spellings, Syllable, flags_of, syllable_of};
use crate::lexicon::VariantTables;

/// What a unit was read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The character itself.
    Plain,
    /// Letters that spell a syllable.
    Letters,
    /// A sign that is read as a word.
    Sign,
    /// A Chinese numeral of daily use: 一 to 九.
    Numeral,
    /// A numeral of forms and phone calls: 壹, 幺, 〇.
    FormalNumeral,
    /// Nothing: the end of a stretch.
    Break,
}

/// One unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unit {
    /// The character it was read from; of a sign, the character it is read as.
    pub(super) source: char,
    pub(super) kind: Kind,
    /// How often the character stands there in a row.
    pub(super) run: u16,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Begins, and ends, a run of letters; true for all that are no letters.
    pub(super) opens: bool,
    pub(super) closes: bool,
}

/// A text as units, and the symbols they are looked for by.
#[derive(Clone, Debug, Default)]
pub(in crate::mention) struct View {
    units: Vec<Unit>,
    symbols: String,
    /// Where each unit's symbol begins.
    offsets: Vec<u32>,
}

impl View {
    pub(super) fn symbols(&self) -> &str {
        &self.symbols
    }

    pub(super) fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Returns the units that a stretch of symbols stands for.
    pub(super) fn units_in(&self, symbols: Range<usize>) -> Option<Range<usize>> {
        let first = self.offsets.binary_search(&(symbols.start as u32)).ok()?;
        let past = self.offsets.partition_point(|offset| (*offset as usize) < symbols.end);
        Some(first..past)
    }

    /// Returns the bytes of the folded text from the first of `units` to the last.
    pub(super) fn bytes(&self, units: Range<usize>) -> (u32, u32) {
        (self.units[units.start].start, self.units[units.end - 1].end)
    }

    fn clear(&mut self) {
        self.units.clear();
        self.symbols.clear();
        self.offsets.clear();
    }

    fn push(&mut self, symbol: char, unit: Unit) {
        self.offsets.push(self.symbols.len() as u32);
        self.symbols.push(symbol);
        self.units.push(unit);
    }

    /// Adds a unit, or lengthens the last one when it is the same character again.
    fn push_or_lengthen(&mut self, symbol: char, unit: Unit) {
        match self.units.last_mut() {
            Some(last) if last.source == unit.source && last.kind == unit.kind && goes_on(last, &unit) => {
                last.run = last.run.saturating_add(1);
                last.end = unit.end;
                last.closes = unit.closes;
            }
            _ => self.push(symbol, unit),
        }
    }

    fn push_break(&mut self, at: u32) {
        if self.units.last().is_some_and(|last| last.kind != Kind::Break) {
            let kind = Kind::Break;
            self.push(
                BREAK,
                Unit { source: BREAK, kind, run: 1, start: at, end: at, opens: true, closes: true },
            );
        }
    }
}

/// Returns whether a unit may be the one before it again: letters only within their run.
fn goes_on(last: &Unit, unit: &Unit) -> bool {
    let letters = flags_of(unit.source).intersects(CharFlags::LATIN);
    unit.kind == Kind::Plain && (!letters || last.end == unit.start)
}

/// Reads texts and terms. Built once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    spellings: Spellings,
    tables: VariantTables,
}

impl Reader {
    pub(super) fn new(tables: &VariantTables) -> Reader {
        Reader { tables: tables.clone(), ..Reader::default() }
    }

    /// Replaces `view` by the units of a folded text.
    pub(super) fn read(&self, folded: &FoldedText, view: &mut View) {
        let atoms = folded.atoms();
        let mut reading = Reading { reader: self, text: folded.text(), at: 0, gap: 0, view };
        reading.view.clear();
        while let Some(c) = reading.text[reading.at..].chars().next() {
            let atom = atoms.binary_search_by_key(&(reading.at as u32), |atom| atom.start).ok();
            match atom {
                Some(atom) => reading.skip(atoms[atom].len()),
                None => reading.step(c),
            }
        }
    }

    /// Returns whether a sign may be read as something else: a word, or a digit.
    pub(super) fn reads_otherwise(&self, sign: char) -> bool {
        sign == '+' || circled(sign).is_some() || self.tables.reading_of(sign).is_some()
    }

    /// Replaces `view` by the units of a folded term.
    pub(super) fn read_term(&self, term: &str, view: &mut View) {
        let mut reading = Reading { reader: self, text: term, at: 0, gap: 0, view };
        reading.view.clear();
        while let Some(c) = reading.text[reading.at..].chars().next() {
            reading.step(c);
        }
    }
}

/// A text half read.
struct Reading<'a> {
    reader: &'a Reader,
    text: &'a str,
    at: usize,
    /// Separators since the last unit.
    gap: u32,
    view: &'a mut View,
}

impl Reading<'_> {
    fn step(&mut self, c: char) {
        let flags = flags_of(c);
        if let Some(digit) = circled(c) {
            self.unit(digit, Kind::Plain, digit, c.len_utf8(), true, true);
        } else if flags.intersects(CharFlags::HAN) && c != '丨' {
            self.han(c);
        } else if flags.intersects(CharFlags::LATIN) && !SOFT_HERE.contains(&c) {
            self.letters();
        } else if flags.intersects(CharFlags::DIGIT) {
            self.unit(c, Kind::Plain, c, c.len_utf8(), true, true);
        } else if flags.intersects(CharFlags::SKIP) {
            self.at += c.len_utf8();
            self.attach(c);
        } else if let Some(reading) = self.reader.tables.reading_of(c) {
            self.sign(c, reading);
        } else if c == '+' && self.opens_a_contact() {
            self.unit('加', Kind::Sign, symbol_of('加'), c.len_utf8(), true, true);
        } else if flags.intersects(CharFlags::SOFT) || SOFT_HERE.contains(&c) || c == '\n' && self.runs_down()
        {
            self.skip(c.len_utf8());
        } else {
            self.view.push_break(self.at as u32);
            self.gap = 0;
            self.at += c.len_utf8();
        }
    }

    /// Counts what is drawn around a digit to its unit.
    fn attach(&mut self, c: char) {
        let drawn = ENCLOSING.contains(&c) && self.gap == 0;
        if let Some(last) = self.view.units.last_mut().filter(|last| drawn && last.source.is_ascii_digit()) {
            last.end = self.at as u32;
        }
    }

    /// Leaves out a separator of `len` bytes; one too many ends the stretch.
    fn skip(&mut self, len: usize) {
        self.gap += 1;
        if self.gap == MOST_SKIPPED + 1 {
            self.view.push_break(self.at as u32);
        }
        self.at += len;
    }

    fn unit(&mut self, source: char, kind: Kind, symbol: char, len: usize, opens: bool, closes: bool) {
        let (start, end) = (self.at as u32, (self.at + len) as u32);
        let unit = Unit { source, kind, run: 1, start, end, opens, closes };
        let digit = flags_of(source).intersects(CharFlags::DIGIT);
        if digit {
            self.view.push(symbol, unit)
        } else {
            self.view.push_or_lengthen(symbol, unit)
        }
        self.at += len;
        self.gap = 0;
    }

    fn han(&mut self, c: char) {
        let kind = match numeral(c) {
            Some((_, true)) => Kind::FormalNumeral,
            Some((_, false)) => Kind::Numeral,
            None => Kind::Plain,
        };
        self.unit(c, kind, symbol_of_han(c), c.len_utf8(), true, true);
    }

    fn sign(&mut self, sign: char, reading: &str) {
        let start = self.at;
        for c in reading.chars() {
            self.at = start;
            self.unit(c, Kind::Sign, symbol_of(c), sign.len_utf8(), true, true);
        }
    }

    /// Reads a run of letters: as syllables when it spells some, with a tone's digit, else letter by letter.
    fn letters(&mut self) {
        let rest = &self.text[self.at..];
        let is_letter = |c: &char| flags_of(*c).intersects(CharFlags::LATIN) && !SOFT_HERE.contains(c);
        let run: &str = &rest[..rest.chars().take_while(is_letter).map(char::len_utf8).sum::<usize>()];
        let mut syllables = Vec::new();
        if run.len() > 1 && run.len() <= LONGEST_RUN && self.reader.spellings.split(run, &mut syllables) {
            let last = syllables.len() - 1;
            for (n, (syllable, len)) in syllables.into_iter().enumerate() {
                let symbol = symbol_of_syllable(syllable);
                self.unit(symbol, Kind::Letters, symbol, len, n == 0, n == last);
            }
            return self.tone();
        }
        let mut letters = run.chars().peekable();
        let mut first = true;
        while let Some(c) = letters.next() {
            self.unit(c, Kind::Plain, c, c.len_utf8(), first, letters.peek().is_none());
            first = false;
        }
    }

    /// Takes the digit of a tone to the syllable before it.
    fn tone(&mut self) {
        let mut rest = self.text[self.at..].chars();
        let tone = rest.next().filter(|c| ('1'..='5').contains(c));
        let alone = rest.next().is_none_or(|c| !flags_of(c).intersects(CharFlags::DIGIT));
        if let (Some(_), true, Some(last)) = (tone, alone, self.view.units.last_mut()) {
            self.at += 1;
            last.end = self.at as u32;
        }
    }

    /// Returns whether the line ends here belong to a word written down the page: a character per line.
    fn runs_down(&self) -> bool {
        let (before, after) = (&self.text[..self.at], &self.text[self.at..]);
        let last = before.trim_end_matches('\n').rsplit('\n').next().unwrap_or("");
        let next = after.trim_start_matches('\n').split('\n').next().unwrap_or("");
        let one = |line: &str| line.chars().count() == 1;
        one(last) && one(next)
    }

    /// Returns whether the plus sign here is read 加: before a name for WeChat or QQ, not within a sum.
    fn opens_a_contact(&self) -> bool {
        let before = self.text[..self.at].chars().next_back();
        let joined = before.is_some_and(|c| flags_of(c).intersects(CharFlags::LATIN | CharFlags::DIGIT));
        let mut after = self.text[self.at + 1..].chars().skip_while(|c| *c == ' ');
        !joined && after.next().is_some_and(|c| CONTACTS.contains(c))
    }
}

/// Returns the digit in a double circle, which Unicode does not fold.
fn circled(c: char) -> Option<char> {
    let digit = u32::from(c).checked_sub(0x24f4).filter(|digit| (1..=9).contains(digit))?;
    char::from_digit(digit, 10)
}

/// Returns the symbol that stands for a Chinese character: the digit of a numeral, else what it sounds like.
pub(super) fn symbol_of_han(c: char) -> char {
    numeral(c).map_or_else(|| symbol_of(c), |(digit, _)| digit)
}

/// Returns whether a character is a separator here though it ends or joins elsewhere.
pub(super) fn is_soft_here(c: char) -> bool {
    SOFT_HERE.contains(&c)
}

/// Returns the symbol that stands for a character: that of its syllable, else itself.
fn symbol_of(c: char) -> char {
    syllable_of(c).map_or(c, symbol_of_syllable)
}

/// Syllables are characters of a private area.
fn symbol_of_syllable(syllable: Syllable) -> char {
    char::from_u32(0xe000 + u32::from(syllable.0)).unwrap_or(BREAK)
}

/// Returns the digit a Chinese numeral stands for, and whether it is one of forms and phone calls. 幺 is folded to 么.
pub(super) fn numeral(c: char) -> Option<(char, bool)> {
    let (digit, is_formal) = match c {
        '一' => ('1', false),
        '二' => ('2', false),
        '三' => ('3', false),
        '四' => ('4', false),
        '五' => ('5', false),
        '六' => ('6', false),
        '七' => ('7', false),
        '八' => ('8', false),
        '九' => ('9', false),
        '零' | '〇' | '○' => ('0', true),
        '壹' | '幺' | '么' | '弌' => ('1', true),
        '贰' => ('2', true),
        '叁' | '仨' => ('3', true),
        '肆' => ('4', true),
        '伍' => ('5', true),
        '陆' => ('6', true),
        '柒' => ('7', true),
        '捌' => ('8', true),
        '玖' => ('9', true),
        _ => return None,
    };
    Some((digit, is_formal))
}

/// Ends a stretch; no term holds it.
pub(super) const BREAK: char = '\n';
/// Separators here though they end or join elsewhere.
const SOFT_HERE: [char; 4] = ['…', '丨', 'の', 'ـ'];
/// What is drawn around or over the character before it.
const ENCLOSING: [char; 2] = ['\u{fe0f}', '\u{20e3}'];
/// How names of WeChat and QQ begin after a plus sign.
const CONTACTS: &str = "vwq微薇威维扣";
/// Most separators left out in a row.
const MOST_SKIPPED: u32 = 3;
/// Longer runs of letters are words or codes.
const LONGEST_RUN: usize = 24;

#[cfg(test)]
mod tests {
    use crate::language::{fold_into, spelling_of};

    use super::*;

    /// Units as text: syllables in letters, `/` for a break, `²` for a run of two.
    fn read(text: &str) -> String {
        let (mut folded, mut view) = (FoldedText::default(), View::default());
        fold_into(text, &mut folded);
        Reader::new(&VariantTables::default()).read(&folded, &mut view);
        let word = |(symbol, unit): (char, &Unit)| {
            let word = match u32::from(symbol).checked_sub(0xe000).filter(|n| *n < 512) {
                Some(number) => spelling_of(Syllable(number as u16)).to_owned(),
                None => symbol.to_string().replace(BREAK, "/"),
            };
            if unit.run > 1 { format!("{word}×{}", unit.run) } else { word }
        };
        view.symbols.chars().zip(&view.units).map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_are_read_by_sound() {
        // (text, units)
        const CASES: &[(&str, &str)] = &[
            ("加薇信", "jia wei xin"),
            ("加·微--信", "jia wei xin"),
            ("JIA wei1xin4", "jia wei xin"),
            ("加vvvxx", "jia v×3 x×2"),
            ("壹二⓷", "1 2 3"),
            ("赚💰", "zhuan qian"),
            ("优🌟惠", "you hui"),
            ("+v", "jia v"),
            ("5v+vcc", "5 v v c×2"),
            ("退。款", "tui / kuan"),
            ("退    款", "tui / kuan"),
            ("好[微笑]的", "hao de"),
            ("piano", "pian o"),
        ];
        for (text, units) in CASES {
            assert_eq!(read(text), *units, "{text}");
        }
    }

    #[test]
    fn a_unit_knows_where_it_stands() {
        let (mut folded, mut view) = (FoldedText::default(), View::default());
        fold_into("加·薇薇信", &mut folded);
        Reader::new(&VariantTables::default()).read(&folded, &mut view);
        assert_eq!(view.bytes(0..3), (0, 14));
        assert_eq!(view.bytes(1..2), (5, 11));
        assert_eq!(view.units_in(3..9), Some(1..3));
    }
}
