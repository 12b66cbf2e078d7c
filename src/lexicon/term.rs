//! Holds a term list: its terms, its layers, its fingerprint.

use std::fmt::Write as _;

use crate::diagnostic::Place;
use crate::time::Day;

use super::LayerSet;

/// One line of a term list.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Stable id within the list (编号).
    pub code: String,
    /// The term as written (词条).
    pub text: String,
    /// Other spellings (变体), as written.
    pub variants: Vec<String>,
    /// The category from top to bottom, at most three levels (类别).
    pub category: Vec<String>,
    /// How the term is looked for (方式).
    pub mode: Mode,
    /// How much a mention counts (权重).
    pub weight: f64,
    /// Longer texts that make a hit inside them no hit (排除语境).
    pub contexts: Vec<String>,
    /// One of these must stand within eight characters (必须共现); empty: nothing must.
    pub companions: Vec<String>,
    /// What becomes of a negated hit (否定).
    pub negation: NegationPolicy,
    /// The term is in use (状态).
    pub enabled: bool,
    /// The days on which it counts (生效, 失效).
    pub valid: Validity,
    /// For people (备注).
    pub note: String,
    /// Where it is written.
    pub place: Place,
}

impl Term {
    /// Makes a term that is contained anywhere, with weight 1 and nothing else said.
    pub fn plain(code: &str, text: &str) -> Term {
        Term {
            code: code.to_owned(),
            text: text.to_owned(),
            variants: Vec::new(),
            category: Vec::new(),
            mode: Mode::Contains,
            weight: 1.0,
            contexts: Vec::new(),
            companions: Vec::new(),
            negation: NegationPolicy::Ignore,
            enabled: true,
            valid: Validity::default(),
            note: String::new(),
            place: Place::default(),
        }
    }

    /// Returns the term and its variants, as written.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.variants.iter().map(String::as_str))
    }
}

/// How a term is looked for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Mode {
    /// 包含: anywhere in the text.
    #[default]
    Contains,
    /// 整句: the trimmed text of the whole part.
    Whole,
    /// 正则: a regular expression over the folded text, in linear time.
    Regex,
    /// 拼音: homophones too. Until variants are made from sounds, the term and its
    /// listed variants are looked for as written.
    Pinyin,
    /// 整词: both ends lie on word boundaries.
    Word,
    /// 识别: what has the form that the term names ([`super::Detector`]); its contexts are values that are no hits.
    Detector,
}

impl Mode {
    /// Returns whether the term is looked for as it is written.
    pub fn is_literal(self) -> bool {
        !matches!(self, Mode::Regex | Mode::Detector)
    }
}

/// What becomes of a hit that is negated.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NegationPolicy {
    /// 忽略: it counts all the same.
    #[default]
    Ignore,
    /// 丢弃: it is no hit.
    Drop,
    /// 反转: it counts as the opposite.
    Flip,
}

/// The local days on which a term counts: from `from`, before `until`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Validity {
    /// First day (生效); `None`: always was.
    pub from: Option<Day>,
    /// First day on which it counts no more (失效); `None`: never ends.
    pub until: Option<Day>,
}

impl Validity {
    /// Returns whether the term counts on `day`.
    pub fn contains(self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// Returns whether the term counts on every day.
    pub fn is_always(self) -> bool {
        self == Validity::default()
    }
}

/// A term list.
#[derive(Clone, Debug)]
pub struct Lexicon {
    /// Stable id: the file's name without its ending.
    pub id: String,
    /// The terms, in file order.
    terms: Vec<Term>,
    /// How far texts are folded for it.
    layers: LayerSet,
    /// Of the terms and layers; kept in step by the constructors and `set_layers`.
    fingerprint: [u8; 16],
}

impl Lexicon {
    /// Makes a lexicon of `terms`, in this order.
    pub fn new(id: &str, terms: Vec<Term>) -> Lexicon {
        let layers = LayerSet::default();
        let fingerprint = fingerprint(&terms, layers);
        Lexicon { id: id.to_owned(), terms, layers, fingerprint }
    }

    /// Makes a lexicon of texts with the longer texts that cover them, coded `1`, `2` and so on.
    pub fn from_terms(id: &str, texts: impl Iterator<Item = (String, Vec<String>)>) -> Lexicon {
        let terms = texts
            .zip(1..)
            .map(|((text, unless), n)| Term { contexts: unless, ..Term::plain(&format!("{n}"), &text) });
        Lexicon::new(id, terms.collect())
    }

    /// Returns the terms, in file order.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Returns how far texts are folded for this lexicon.
    pub fn layers(&self) -> LayerSet {
        self.layers
    }

    /// Adds to how far texts are folded for this lexicon; exact and folded are always on.
    pub fn set_layers(&mut self, layers: LayerSet) {
        self.layers = LayerSet::default().with(layers);
        self.fingerprint = fingerprint(&self.terms, self.layers);
    }

    /// Returns the hash of everything that can change a decision. The order of lines,
    /// notes and places do not.
    pub fn fingerprint(&self) -> [u8; 16] {
        self.fingerprint
    }
}

fn fingerprint(terms: &[Term], layers: LayerSet) -> [u8; 16] {
    let mut lines: Vec<String> = terms.iter().map(canonical_line).collect();
    lines.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[layers.bits()]);
    for line in &lines {
        hasher.update(&(line.len() as u64).to_le_bytes());
        hasher.update(line.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    first
}

/// Writes a term's fields with separators that a cell cannot hold.
fn canonical_line(term: &Term) -> String {
    let mut line = String::new();
    for list in [&term.variants, &term.category, &term.contexts, &term.companions] {
        let mut sorted: Vec<&str> = list.iter().map(String::as_str).collect();
        if !std::ptr::eq(list, &term.category) {
            sorted.sort_unstable();
        }
        line.push_str(&sorted.join("\x1e"));
        line.push('\x1f');
    }
    let written = write!(
        line,
        "{}\x1f{}\x1f{:?}\x1f{:x}\x1f{:?}\x1f{}\x1f{:?}",
        term.code,
        term.text,
        term.mode,
        term.weight.to_bits(),
        term.negation,
        term.enabled,
        term.valid
    );
    written.expect("writing to a string does not fail");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(terms: &[&Term]) -> [u8; 16] {
        Lexicon::new("x", terms.iter().map(|term| (*term).clone()).collect()).fingerprint()
    }

    #[test]
    fn the_fingerprint_follows_what_decides_and_nothing_else() {
        let (a, b) = (Term::plain("a", "优惠"), Term::plain("b", "打折"));
        let noted = Term { note: "说明".into(), place: Place::new("f", 9, 1), ..a.clone() };
        assert_eq!(print(&[&a, &b]), print(&[&b, &noted]));
        let heavier = Term { weight: 2.0, ..a.clone() };
        let spelled = Term { variants: vec!["惠".into()], ..a.clone() };
        let covered = Term { contexts: vec!["惠".into()], ..a.clone() };
        let off = Term { enabled: false, ..a.clone() };
        let prints = [&a, &heavier, &spelled, &covered, &off].map(|term| print(&[term]));
        for (i, print) in prints.iter().enumerate() {
            assert!(!prints[..i].contains(print), "{i}");
        }
    }

    #[test]
    fn layers_belong_to_the_fingerprint() {
        let mut lexicon = Lexicon::new("x", vec![Term::plain("a", "加微信")]);
        let before = lexicon.fingerprint();
        lexicon.set_layers(LayerSet::SKIP);
        assert_ne!(lexicon.fingerprint(), before);
        lexicon.set_layers(LayerSet::EXACT);
        assert_eq!(lexicon.fingerprint(), before);
    }

    #[test]
    fn validity_begins_on_its_first_day_and_ends_before_its_last() {
        let valid = Validity { from: Some(Day(10)), until: Some(Day(12)) };
        let on: Vec<bool> = (9..13).map(|day| valid.contains(Day(day))).collect();
        assert_eq!(on, [false, true, true, false]);
    }
}
