//! Looks for the patterns of `正则` terms, each only where it can match.
//!
//! A match has to begin, or to end, with one of a few literals (`折` for
//! `\d+\s*折`). These are patterns of the automaton that every text goes through
//! anyway; only where one is found does its regex run. Running all of them on all
//! texts would cost more than all other matching together.

use std::cmp::Reverse;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind};

use crate::language::{CharFlags, FoldedText, flags_of, fold_char};
use crate::lexicon::{Catalog, LexiconIdx, LexiconSet, Mode, Term, TermIdx};

use super::candidate::Candidate;

/// The regexes of all enabled `正则` terms, in term order.
pub(super) struct Regexes {
    each: Vec<TermRegex>,
    /// Some run on every text.
    any_always: bool,
}

struct TermRegex {
    regex: Regex,
    lexicon: LexiconIdx,
    term: TermIdx,
    /// No literal announces it: it runs on every text.
    always: bool,
    /// Every match holds a digit: it need not run on a text without any.
    needs_digit: bool,
}

impl Regexes {
    /// Compiles the patterns of `catalog`; those that do not compile are findings of the lexicon check.
    pub(super) fn new(catalog: &Catalog) -> Regexes {
        let mut each = Vec::new();
        let terms = catalog.terms().filter(|(_, term)| term.enabled && term.mode == Mode::Regex);
        for (idx, term) in terms {
            for source in term.spellings().map(fold_pattern) {
                if let Ok(regex) = RegexBuilder::new(&source).case_insensitive(true).build() {
                    let (lexicon, always) = (catalog.lexicon_of(idx), announced_by(&source).is_none());
                    let needs_digit = parsed(&source).is_some_and(|pattern| needs_digit(&pattern));
                    each.push(TermRegex { regex, lexicon, term: idx, always, needs_digit });
                }
            }
        }
        Regexes { any_always: each.iter().any(|regex| regex.always), each }
    }

    /// Appends the matches in the text of the terms in `awake` and of those of wanted
    /// lexicons that no literal announces; matches over a sentence end do not count. Sorts `awake`.
    pub(super) fn collect(
        &self,
        folded: &FoldedText,
        wanted: &LexiconSet,
        awake: &mut [TermIdx],
        candidates: &mut Vec<Candidate>,
    ) {
        if awake.is_empty() && !self.any_always {
            return;
        }
        awake.sort_unstable();
        let (text, has_digit) = (folded.text(), folded.flags().intersects(CharFlags::DIGIT));
        let runs = |each: &&TermRegex| match each.always {
            _ if each.needs_digit && !has_digit => false,
            true => wanted.contains(each.lexicon),
            false => awake.binary_search(&each.term).is_ok(),
        };
        for TermRegex { regex, lexicon, term, .. } in self.each.iter().filter(runs) {
            for found in
                regex.find_iter(text).filter(|found| !found.is_empty() && is_unbroken(found.as_str()))
            {
                let (start, end) = (found.start() as u32, found.end() as u32);
                candidates.push(Candidate {
                    lexicon: *lexicon,
                    term: *term,
                    skipped: false,
                    disguise: None,
                    start,
                    end,
                });
            }
        }
    }
}

/// Returns the literals one of which stands in every text that the regex term matches.
pub(super) fn announcements(term: &Term) -> Vec<String> {
    let literals = term.spellings().filter_map(|spelling| announced_by(&fold_pattern(spelling)));
    literals.flatten().collect()
}

fn parsed(pattern: &str) -> Option<Hir> {
    regex_syntax::ParserBuilder::new().case_insensitive(true).build().parse(pattern).ok()
}

/// Returns whether every match of a pattern holds one of the digits 0 to 9.
fn needs_digit(pattern: &Hir) -> bool {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(u8::is_ascii_digit),
        HirKind::Class(class) => {
            let is_digits = |range: &ClassUnicodeRange| range.start().is_ascii_digit() && range.end() <= '9';
            matches!(class, Class::Unicode(class) if class.iter().all(is_digits))
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && needs_digit(&repetition.sub),
        HirKind::Capture(capture) => needs_digit(&capture.sub),
        HirKind::Concat(parts) => parts.iter().any(needs_digit),
        HirKind::Alternation(parts) => parts.iter().all(needs_digit),
    }
}

/// Returns the literals that begin, or that end, every match of `pattern`; `None` when there is
/// no short list of them.
fn announced_by(pattern: &str) -> Option<Vec<String>> {
    let hir = parsed(pattern)?;
    let lists = [ExtractKind::Prefix, ExtractKind::Suffix].map(|kind| literals(&hir, kind));
    let rarest_first = |list: &Vec<String>| (Reverse(list.iter().map(String::len).min()), list.len());
    lists.into_iter().flatten().min_by_key(rarest_first)
}

fn literals(hir: &Hir, kind: ExtractKind) -> Option<Vec<String>> {
    let seq: Seq = Extractor::new().kind(kind).extract(hir);
    let texts =
        seq.literals()?.iter().map(|literal| std::str::from_utf8(literal.as_bytes()).map(str::to_owned));
    let texts: Vec<String> = texts.collect::<Result<_, _>>().ok()?;
    let usable = !texts.is_empty() && texts.iter().all(|text| !text.is_empty());
    usable.then(|| without_redundant(&texts))
}

/// Leaves out texts that hold another of them: that one announces them too.
fn without_redundant(texts: &[String]) -> Vec<String> {
    let holds_another =
        |text: &String| texts.iter().any(|other| other != text && text.contains(other.as_str()));
    texts.iter().filter(|text| !holds_another(text)).cloned().collect()
}

/// Folds the Chinese characters of a pattern; its ASCII letters may be classes such as `\D`.
fn fold_pattern(pattern: &str) -> String {
    pattern.chars().map(|c| if c.is_ascii() { c } else { fold_char(c) }).collect()
}

/// Returns whether no sentence ends before the last character of a match.
fn is_unbroken(found: &str) -> bool {
    let mut chars = found.chars();
    chars.next_back();
    !chars.any(|c| flags_of(c).intersects(CharFlags::HARD))
}

#[cfg(test)]
mod tests {
    use super::*;

    // (pattern, the literals that announce it)
    const CASES: &[(&str, Option<&[&str]>)] = &[
        ("\\d+\\s*折", Some(&["折"])),
        ("满\\d+(?:减|送)", Some(&["满"])),
        ("[一二]折", Some(&["一折", "二折"])),
        ("\\?", Some(&["?"])),
        ("(?:吗|么)(?:[。!]|$)", Some(&["么", "吗"])),
        ("q", Some(&["Q", "q"])),
        ("\\d{3,}", None),
        ("折?", None),
    ];

    #[test]
    fn a_regex_needs_a_digit_when_no_match_is_without_one() {
        // (pattern, needs a digit)
        const CASES: &[(&str, bool)] = &[
            ("[1-9]\\d{3}", true),
            ("\\d+折", false),
            ("[0-9]+折", true),
            ("满(?:[0-9]减|送5)", true),
            ("满(?:[0-9]减|送)", false),
            ("折[0-9]*", false),
            ("折(?:[0-9])?", false),
            ("(买[1-3])+", true),
            ("[0-9a-f]{4}", false),
            ("3折", true),
        ];
        for (pattern, needs) in CASES {
            let pattern = parsed(pattern).expect("a pattern");
            assert_eq!(needs_digit(&pattern), *needs, "{pattern}");
        }
    }

    #[test]
    fn a_regex_is_announced_by_the_literals_at_one_of_its_ends() {
        for (pattern, expected) in CASES {
            let found = announced_by(pattern).map(|mut list| {
                list.sort();
                list
            });
            let found: Option<Vec<&str>> =
                found.as_ref().map(|list| list.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), *expected, "{pattern}");
        }
    }
}
