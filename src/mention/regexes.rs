//! Looks for the patterns of `正则` terms, each only where it can match.
//!
//! A match has to begin, or to end, with one of a few literals (`折` for
//! `\d+\s*折`). These are patterns of the automaton that every text goes through
//! anyway; only where one is found does its regex run: from there, when every match begins
//! with a literal, else over the whole text. Running all of them on all
//! texts would cost more than all other matching together.

use std::cmp::Reverse;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind, Look};

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
    /// The same at the beginning of what it is given: every match begins with a literal that announces it, and does not
    /// ask what stands before.
    here: Option<Regex>,
}

impl Regexes {
    /// Compiles the patterns of `catalog`; those that do not compile are findings of the lexicon check.
    pub(super) fn new(catalog: &Catalog) -> Regexes {
        let mut each = Vec::new();
        let terms = catalog.terms().filter(|(_, term)| term.enabled && term.mode == Mode::Regex);
        for (idx, term) in terms {
            for source in term.spellings().map(fold_pattern) {
                let (Ok(regex), Some(pattern)) = (compiled(&source), parsed(&source)) else { continue };
                let announced = announced_by(&pattern);
                let begins =
                    announced.as_ref().is_some_and(|announced| begins_announced(&pattern, announced));
                each.push(TermRegex {
                    regex,
                    lexicon: catalog.lexicon_of(idx),
                    term: idx,
                    always: announced.is_none(),
                    needs_digit: needs_digit(&pattern),
                    here: begins.then(|| compiled(&format!("\\A(?:{source})")).ok()).flatten(),
                });
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
        awake: &mut [(TermIdx, u32)],
        candidates: &mut Vec<Candidate>,
    ) {
        if awake.is_empty() && !self.any_always {
            return;
        }
        awake.sort_unstable();
        let (text, has_digit) = (folded.text(), folded.flags().intersects(CharFlags::DIGIT));
        for each in self.each.iter().filter(|each| has_digit || !each.needs_digit) {
            let first = awake.partition_point(|(term, _)| *term < each.term);
            let announced = &awake[first..];
            let announced = &announced[..announced.partition_point(|(term, _)| *term == each.term)];
            match &each.here {
                Some(here) => each.push_announced(here, text, announced, candidates),
                None if !announced.is_empty() || each.always && wanted.contains(each.lexicon) => {
                    each.push_all(text, candidates);
                }
                None => {}
            }
        }
    }
}

impl TermRegex {
    /// Appends the matches in `text`.
    fn push_all(&self, text: &str, candidates: &mut Vec<Candidate>) {
        let found = self.regex.find_iter(text).filter(|found| !found.is_empty());
        found.for_each(|found| self.push(text, found.range(), candidates));
    }

    /// Appends the matches, which begin where they are `announced`, given what matches at the beginning of a text: as
    /// [`TermRegex::push_all`] does, without a search through the whole text.
    fn push_announced(
        &self,
        here: &Regex,
        text: &str,
        announced: &[(TermIdx, u32)],
        candidates: &mut Vec<Candidate>,
    ) {
        let mut free_from = 0;
        for start in announced.iter().map(|(_, start)| *start as usize) {
            if start < free_from {
                continue;
            }
            if let Some(found) = here.find(&text[start..]) {
                free_from = start + found.end();
                self.push(text, start..free_from, candidates);
            }
        }
    }

    fn push(&self, text: &str, range: Range<usize>, candidates: &mut Vec<Candidate>) {
        if !is_unbroken(&text[range.clone()]) {
            return;
        }
        candidates.push(Candidate {
            lexicon: self.lexicon,
            term: self.term,
            skipped: false,
            disguise: None,
            start: range.start as u32,
            end: range.end as u32,
        });
    }
}

fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).build()
}

/// Returns the literals one of which stands in every text that the regex term matches.
pub(super) fn announcements(term: &Term) -> Vec<String> {
    let literals = term.spellings().filter_map(|spelling| announced_by(&parsed(&fold_pattern(spelling))?));
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
fn announced_by(pattern: &Hir) -> Option<Vec<String>> {
    let lists = [ExtractKind::Prefix, ExtractKind::Suffix].map(|kind| literals(pattern, kind));
    let lists = lists.into_iter().flatten().map(|texts| without_redundant(&texts));
    let rarest_first = |list: &Vec<String>| (Reverse(list.iter().map(String::len).min()), list.len());
    lists.min_by_key(rarest_first)
}

/// Returns whether every match of `pattern` begins where one of the literals of [`announced_by`] begins, and may be told
/// without what stands before it.
fn begins_announced(pattern: &Hir, announced: &[String]) -> bool {
    let is_announced = |text: &String| announced.iter().any(|literal| text.starts_with(literal.as_str()));
    let mut asks = pattern.properties().look_set().iter();
    literals(pattern, ExtractKind::Prefix).is_some_and(|begins| begins.iter().all(is_announced))
        && asks.all(|look| matches!(look, Look::End | Look::EndLF | Look::EndCRLF))
}

fn literals(hir: &Hir, kind: ExtractKind) -> Option<Vec<String>> {
    let seq: Seq = Extractor::new().kind(kind).extract(hir);
    let texts =
        seq.literals()?.iter().map(|literal| std::str::from_utf8(literal.as_bytes()).map(str::to_owned));
    let texts: Vec<String> = texts.collect::<Result<_, _>>().ok()?;
    let usable = !texts.is_empty() && texts.iter().all(|text| !text.is_empty());
    usable.then_some(texts)
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
    fn a_match_that_begins_announced_is_found_from_there() {
        // (pattern, whether it is looked for only where it is announced)
        const CASES: &[(&str, bool)] = &[
            ("\\?|[吗么嘛呢](?:[。!~…]|$)|(?:没有|不)$", true),
            ("满\\d+(?:减|送)", true),
            ("(?:没有|有)货", false),
            ("(?:没有货|有)", false),
            ("\\d+折", false),
            ("^满\\d", false),
            ("满\\b", false),
        ];
        let texts = ["没有么?", "满20减?满3送", "没有没有货呢", "有不", "不不", "么。么…满5减满6减"];
        for (pattern, expected) in CASES {
            let parsed = parsed(pattern).expect("a pattern");
            let literals = announced_by(&parsed);
            let begins = literals.as_ref().is_some_and(|literals| begins_announced(&parsed, literals));
            assert_eq!(begins, *expected, "{pattern}");
            let here = compiled(&format!("\\A(?:{pattern})")).expect("a pattern");
            let each = TermRegex {
                regex: compiled(pattern).expect("a pattern"),
                lexicon: LexiconIdx(0),
                term: TermIdx(0),
                always: false,
                needs_digit: false,
                here: None,
            };
            for text in texts.iter().filter(|_| *expected) {
                let places =
                    literals.iter().flatten().flat_map(|literal| text.match_indices(literal.as_str()));
                let mut announced: Vec<_> = places.map(|(at, _)| (TermIdx(0), at as u32)).collect();
                announced.sort_unstable();
                let (mut all, mut found) = (Vec::new(), Vec::new());
                each.push_all(text, &mut all);
                each.push_announced(&here, text, &announced, &mut found);
                assert_eq!(all, found, "{pattern} in {text}");
            }
        }
    }

    #[test]
    fn a_regex_is_announced_by_the_literals_at_one_of_its_ends() {
        for (pattern, expected) in CASES {
            let found = announced_by(&parsed(pattern).expect("a pattern")).map(|mut list| {
                list.sort();
                list
            });
            let found: Option<Vec<&str>> =
                found.as_ref().map(|list| list.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), *expected, "{pattern}");
        }
    }
}
