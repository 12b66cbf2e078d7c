//! Looks for all spellings of all lexicons in one pass.
//!
//! One automaton over every term, variant, covering context and companion; each
//! pattern is stored once and lists its uses. It runs only from places where a pattern may
//! begin ([`Starters`]), so its kind hardly matters for speed: the contiguous NFA, which
//! stays in the cache whatever the number of terms (a DFA over the shipped lexicons is fifty
//! times larger). Prefilters are off: they never help Chinese sets.

use std::collections::BTreeMap;

use crate::language::{fold, without_separators};
use crate::lexicon::{Catalog, LayerSet, LexiconIdx, Mode, Term, TermIdx};

use super::regexes::announcements;
use super::search::{Found, Search};
use super::starters::Starters;

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

/// All patterns and the automaton that finds them.
pub(super) struct PatternSet {
    /// `None`: there are no patterns.
    search: Option<Search>,
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

    /// Returns where patterns may begin.
    pub(super) fn starters(&self) -> &Starters {
        &self.starters
    }

    /// Appends every occurrence in `text` of every pattern to `found`. It begins at one of `places`,
    /// which are those that [`Starters`] found in `text`.
    pub(super) fn find(&self, text: &str, places: &[u32], found: &mut Vec<Found>) {
        if let Some(search) = &self.search {
            search.find(text, places, found);
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

    /// Returns the automaton's memory in bytes.
    pub(super) fn memory(&self) -> usize {
        self.search.as_ref().map_or(0, Search::memory)
    }
}

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
        let literal = term.mode.is_literal();
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
        for context in term.contexts.iter().filter(|_| term.mode != Mode::Detector) {
            self.add_bearing(fold(context), idx, Bearing::Context);
        }
        if term.mode == Mode::Regex {
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
            search: Search::new(&self.patterns),
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

/// A character of at most four bytes, and the three separators that may be skipped after it.
const MAX_CHAR_BYTES: u32 = 16;

#[cfg(test)]
mod tests {
    use crate::lexicon::Lexicon;

    use super::*;

    #[test]
    fn one_text_in_two_lexicons_is_one_pattern_with_two_uses() {
        let list = |id| Lexicon::from_terms(id, [("优惠".to_owned(), Vec::new())].into_iter());
        let set = PatternSet::new(&Catalog::new(vec![list("a"), list("b")]), None);
        assert_eq!((set.lengths.len(), set.uses.len()), (1, 2));
    }
}
