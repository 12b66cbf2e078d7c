//! Looks for all spellings of all lexicons in one pass.
//!
//! One automaton over every term, variant, covering context and companion; each
//! pattern is stored once and lists its uses. A DFA while it fits under
//! [`MAX_DFA_BYTES`], else a contiguous NFA, which is slower and much smaller. Prefilters are off: they never help Chinese sets.

use std::collections::BTreeMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::{contiguous, noncontiguous};
use aho_corasick::{Anchored, MatchKind, dfa};

use crate::language::{fold, without_separators};
use crate::lexicon::{Catalog, LayerSet, LexiconIdx, Mode, Term, TermIdx};

use super::regexes::announcements;

/// What a pattern stands for by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Use {
    pub(super) lexicon: LexiconIdx,
    pub(super) term: TermIdx,
    pub(super) role: PatternRole,
    pub(super) views: Views,
}

/// What an occurrence of a pattern says about its term.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PatternRole {
    /// The term is there.
    Spelling,
    /// The term is a regex that may match.
    Announcement,
}

/// What a pattern says about a term that stands near it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Bearing {
    /// The term inside it is no hit.
    Context,
    /// The term close by may be a hit.
    Companion,
}

/// In which views of a text a pattern is looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Views {
    /// The folded text.
    Folded,
    /// The folded text without separators.
    Skipped,
    /// Either.
    Both,
}

/// A pattern found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its number.
    pub(super) pattern: u32,
    /// Where it ends, in bytes of the text that was searched.
    end: u32,
}

/// All patterns and the automaton that finds them.
pub(super) struct PatternSet {
    automaton: AnyAutomaton,
    starters: Starters,
    /// Length of each pattern in bytes.
    lengths: Vec<u32>,
    /// Uses of all patterns, pattern by pattern.
    uses: Vec<Use>,
    /// Where the uses of each pattern begin; one more than there are patterns.
    first_use: Vec<u32>,
    /// Which patterns bear on which terms, sorted. Common words bear on many terms, so this
    /// is asked for each hit, not told by each occurrence.
    bearings: Vec<(TermIdx, Bearing, u32)>,
    /// Whether each pattern bears on any term.
    bears: Vec<bool>,
    /// Most bytes of a text, separators and all, between the ends of a covering context.
    reach: u32,
}

enum AnyAutomaton {
    Empty,
    Dfa(dfa::DFA),
    Nfa(contiguous::NFA),
}

impl PatternSet {
    /// Compiles the enabled literal terms of `catalog`, leaving out the lexicon `scope`.
    pub(super) fn new(catalog: &Catalog, scope: Option<LexiconIdx>) -> PatternSet {
        let mut uses_of = Collected::default();
        for (idx, term) in catalog.terms() {
            let lexicon = catalog.lexicon_of(idx);
            if term.enabled && Some(lexicon) != scope {
                let skips = catalog.lexicon(lexicon).layers().contains(LayerSet::SKIP);
                uses_of.add_term(term, lexicon, idx, skips);
            }
        }
        uses_of.compile()
    }

    /// Appends every occurrence of every pattern in `text` to `found`, by end.
    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        match &self.automaton {
            AnyAutomaton::Empty => {}
            AnyAutomaton::Dfa(dfa) => walk(dfa, &self.starters, text.as_bytes(), found),
            AnyAutomaton::Nfa(nfa) => walk(nfa, &self.starters, text.as_bytes(), found),
        }
    }

    /// Returns the bytes of an occurrence, and what it says.
    pub(super) fn uses(&self, found: Found) -> (std::ops::Range<usize>, &[Use]) {
        let pattern = found.pattern as usize;
        let end = found.end as usize;
        let uses = self.first_use[pattern] as usize..self.first_use[pattern + 1] as usize;
        (end - self.lengths[pattern] as usize..end, &self.uses[uses])
    }

    /// Returns whether the pattern is a context or a companion of any term.
    pub(super) fn bears(&self, pattern: u32) -> bool {
        self.bears[pattern as usize]
    }

    /// Returns whether the pattern has this bearing on `term`.
    pub(super) fn bears_on(&self, term: TermIdx, bearing: Bearing, pattern: u32) -> bool {
        self.bearings.binary_search(&(term, bearing, pattern)).is_ok()
    }

    /// Returns the most bytes between the ends of an occurrence of a covering context.
    pub(super) fn reach(&self) -> u32 {
        self.reach
    }

    /// Returns the name of the automaton's kind and its memory in bytes.
    pub(super) fn kind(&self) -> (&'static str, usize) {
        match &self.automaton {
            AnyAutomaton::Empty => ("empty", 0),
            AnyAutomaton::Dfa(dfa) => ("dfa", dfa.memory_usage()),
            AnyAutomaton::Nfa(nfa) => ("contiguous nfa", nfa.memory_usage()),
        }
    }
}

/// Walks the automaton by hand, without the set-up per call of the crate's iterators. In
/// its start state it jumps to the next character that begins a pattern: these tests do
/// not wait for one another as the automaton's steps do. `annotate_plain` in
/// `benches/language.rs` shows what it gains.
fn walk<A: Automaton>(automaton: &A, starters: &Starters, text: &[u8], found: &mut Vec<Found>) {
    let Ok(start) = automaton.start_state(Anchored::No) else { return };
    let (mut state, mut at) = (start, 0);
    loop {
        if state == start {
            at = starters.next(text, at);
        }
        let Some(byte) = text.get(at) else { return };
        state = automaton.next_state(Anchored::No, state, *byte);
        at += 1;
        if automaton.is_special(state) && automaton.is_match(state) {
            let patterns = (0..automaton.match_len(state)).map(|i| automaton.match_pattern(state, i));
            found.extend(patterns.map(|id| Found { pattern: id.as_u32(), end: at as u32 }));
        }
    }
}

/// How patterns begin: a bit per hash of their first two characters (of up to three bytes), and
/// one per character that is a pattern by itself. Most characters begin some pattern; few pairs
/// do, so the test is nearly always false, and cheap. Characters of four bytes always count.
struct Starters {
    pairs: Vec<u64>,
    whole: Vec<u64>,
}

impl Starters {
    fn new(patterns: &[String]) -> Starters {
        let mut starters = Starters { pairs: vec![0; PAIR_BITS / 64], whole: vec![0; 0x1_0000 / 64] };
        for pattern in patterns {
            let mut chars = pattern.chars().map(|c| c as usize);
            match (chars.next(), chars.next()) {
                (Some(first), Some(second)) => set(&mut starters.pairs, pair(first, second)),
                (Some(first), None) => set(&mut starters.whole, first),
                (None, _) => {}
            }
        }
        starters
    }

    /// Returns the first place at or after `at` where a pattern may begin, or the end.
    fn next(&self, text: &[u8], mut at: usize) -> usize {
        if at >= text.len() {
            return text.len();
        }
        let (mut first, mut len) = char_at(text, at);
        while at + len < text.len() {
            let (second, second_len) = char_at(text, at + len);
            let begins = has(&self.pairs, pair(first, second)) | has(&self.whole, first);
            if begins || first == BEYOND || second == BEYOND {
                return at;
            }
            at += len;
            (first, len) = (second, second_len);
        }
        if first == BEYOND || has(&self.whole, first) { at } else { text.len() }
    }
}

fn set(table: &mut [u64], bit: usize) {
    if let Some(word) = table.get_mut(bit / 64) {
        *word |= 1 << (bit % 64);
    }
}

fn has(table: &[u64], bit: usize) -> bool {
    table.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
}

/// Returns the bit of a pair of characters: two of them may share one.
fn pair(first: usize, second: usize) -> usize {
    (first.wrapping_mul(0x9e37) ^ second.wrapping_mul(0x85eb)) & (PAIR_BITS - 1)
}

/// Returns the character at `at` and its length; [`BEYOND`] for one of four bytes. The bytes
/// are those of a text, and `at` is within it; inside a character it tells the way out of it.
fn char_at(text: &[u8], at: usize) -> (usize, usize) {
    match text[at..] {
        [a @ ..0x80, ..] => (usize::from(a), 1),
        [0x80..0xc0, ..] => (0, 1),
        [a @ 0xe0..0xf0, b, c, ..] => {
            (usize::from(a & 0xf) << 12 | usize::from(b & 0x3f) << 6 | usize::from(c & 0x3f), 3)
        }
        [a @ 0xc0..0xe0, b, ..] => (usize::from(a & 0x1f) << 6 | usize::from(b & 0x3f), 2),
        _ => (BEYOND, 4),
    }
}

/// Bits of the table of pairs: it fits into the nearest cache beside the text.
const PAIR_BITS: usize = 1 << 17;

/// Stands for every character of four bytes.
const BEYOND: usize = usize::MAX;

/// Patterns in the order they came, each with its uses.
#[derive(Default)]
struct Collected {
    index: BTreeMap<String, usize>,
    patterns: Vec<String>,
    uses: Vec<Vec<Use>>,
    bearings: Vec<(TermIdx, Bearing, u32)>,
}

impl Collected {
    fn add_term(&mut self, term: &Term, lexicon: LexiconIdx, idx: TermIdx, skips: bool) {
        let part = |role, views| Use { lexicon, term: idx, role, views };
        let views = if skips { Views::Both } else { Views::Folded };
        let literal = term.mode != Mode::Regex;
        for spelling in term.spellings().filter(|_| literal) {
            let folded = fold(spelling);
            let bare = without_separators(&folded);
            if bare == folded {
                self.add(folded, part(PatternRole::Spelling, views));
                continue;
            }
            self.add(folded, part(PatternRole::Spelling, Views::Folded));
            if skips && bare.chars().nth(1).is_some() {
                self.add(bare, part(PatternRole::Spelling, Views::Skipped));
            }
        }
        for context in &term.contexts {
            self.add_bearing(fold(context), idx, Bearing::Context);
        }
        if !literal {
            for announcement in announcements(term) {
                self.add(announcement, part(PatternRole::Announcement, Views::Folded));
            }
        }
        for companion in &term.companions {
            self.add_bearing(fold(companion), idx, Bearing::Companion);
        }
    }

    fn add(&mut self, pattern: String, of: Use) {
        if let Some(at) = self.number(pattern)
            && !self.uses[at].contains(&of)
        {
            self.uses[at].push(of);
        }
    }

    fn add_bearing(&mut self, pattern: String, term: TermIdx, bearing: Bearing) {
        if let Some(at) = self.number(pattern) {
            self.bearings.push((term, bearing, at as u32));
        }
    }

    /// Returns the number of the pattern, new or not; an empty one has none.
    fn number(&mut self, pattern: String) -> Option<usize> {
        if pattern.is_empty() {
            return None;
        }
        let at = *self.index.entry(pattern.clone()).or_insert_with(|| {
            self.patterns.push(pattern);
            self.uses.push(Vec::new());
            self.patterns.len() - 1
        });
        Some(at)
    }

    fn compile(mut self) -> PatternSet {
        self.bearings.sort_unstable();
        self.bearings.dedup();
        let mut bears = vec![false; self.patterns.len()];
        self.bearings.iter().for_each(|(_, _, pattern)| bears[*pattern as usize] = true);
        let contexts = self.bearings.iter().filter(|(_, bearing, _)| *bearing == Bearing::Context);
        let longest = contexts.map(|(_, _, pattern)| self.patterns[*pattern as usize].chars().count()).max();
        let mut first_use = vec![0];
        for uses in &self.uses {
            first_use.push(first_use.last().map_or(0, |last| last + uses.len() as u32));
        }
        PatternSet {
            automaton: build(&self.patterns),
            starters: Starters::new(&self.patterns),
            lengths: self.patterns.iter().map(|pattern| pattern.len() as u32).collect(),
            uses: self.uses.concat(),
            first_use,
            bearings: self.bearings,
            bears,
            reach: longest.unwrap_or(0) as u32 * MAX_CHAR_BYTES,
        }
    }
}

fn build(patterns: &[String]) -> AnyAutomaton {
    if patterns.is_empty() {
        return AnyAutomaton::Empty;
    }
    let built =
        noncontiguous::Builder::new().match_kind(MatchKind::Standard).prefilter(false).build(patterns);
    let Ok(trie) = built else {
        unreachable!("a lexicon is far smaller than the automaton's limit of two thousand million states")
    };
    if dfa_bytes(patterns) <= MAX_DFA_BYTES
        && let Ok(dfa) = dfa::Builder::new().prefilter(false).build_from_noncontiguous(&trie)
    {
        return AnyAutomaton::Dfa(dfa);
    }
    match contiguous::Builder::new().prefilter(false).build_from_noncontiguous(&trie) {
        Ok(nfa) => AnyAutomaton::Nfa(nfa),
        Err(_) => unreachable!("it is smaller than the automaton it is built from"),
    }
}

/// Estimates the memory of a DFA from above: a state per byte of every pattern, and per
/// state a row over all byte classes, rounded up to a power of two.
fn dfa_bytes(patterns: &[String]) -> usize {
    let mut seen = [false; 256];
    let mut states = 2;
    for byte in patterns.iter().flat_map(|pattern| pattern.bytes()) {
        seen[byte as usize] = true;
        states += 1;
    }
    let classes = 1 + seen.iter().filter(|seen| **seen).count();
    states * classes.next_power_of_two() * 4
}

/// A character of at most four bytes, and the three separators that may be skipped after it.
const MAX_CHAR_BYTES: u32 = 16;

/// Most memory for a DFA, by the estimate above. A larger one falls out of the cache and waits
/// for memory at nearly every step: over the shipped lexicons the contiguous NFA took 3 % less
/// time for a whole run of one million messages (`benches/peers/compare.py`, 2026-11-24).
const MAX_DFA_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use crate::lexicon::Lexicon;

    use super::*;

    fn set_of(n: u32) -> PatternSet {
        let han = |n: u32| char::from_u32(0x4e00 + n).unwrap();
        let texts =
            (0..n).map(|i| (format!("{}{}{}甲乙", han(i % 997), han(i / 7), han(i % 3163)), Vec::new()));
        PatternSet::new(&Catalog::new(vec![Lexicon::from_terms("x", texts)]), None)
    }

    #[test]
    fn small_sets_are_a_dfa_and_huge_ones_a_contiguous_nfa() {
        // (terms, kind)
        const CASES: &[(u32, &str)] = &[(0, "empty"), (3, "dfa"), (200, "dfa"), (20_000, "contiguous nfa")];
        for (terms, kind) in CASES {
            let (found, bytes) = set_of(*terms).kind();
            assert_eq!(found, *kind, "{terms}");
            assert!(bytes <= MAX_DFA_BYTES, "{terms}: {bytes}");
        }
    }

    #[test]
    fn the_start_state_jumps_to_where_a_pattern_may_begin() {
        let starters = Starters::new(&["优惠".to_owned(), "v信".to_owned(), "é".to_owned()]);
        // (text, where from, where to)
        const CASES: &[(&str, usize, usize)] = &[
            ("", 0, 0),
            ("好v信", 0, 3),
            ("好优惠", 0, 3),
            ("好优惠", 1, 3),
            ("优点", 0, 6),
            ("优", 0, 3),
            ("优😀", 0, 0),
            ("àé", 0, 2),
            ("éa", 0, 0),
            ("a😀", 0, 0),
            ("好的", 0, 6),
        ];
        for (text, from, to) in CASES {
            assert_eq!(starters.next(text.as_bytes(), *from), *to, "{text}");
        }
    }

    #[test]
    fn one_text_in_two_lexicons_is_one_pattern_with_two_uses() {
        let list = |id| Lexicon::from_terms(id, [("优惠".to_owned(), Vec::new())].into_iter());
        let set = PatternSet::new(&Catalog::new(vec![list("a"), list("b")]), None);
        assert_eq!((set.lengths.len(), set.uses.len()), (1, 2));
    }
}
