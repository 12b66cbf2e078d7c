//! Looks for all spellings of all lexicons in one pass.
//!
//! One automaton over every term and variant, and what announces regexes; each pattern is stored once
//! and lists its uses. A second one over covering contexts and companions, which are common words and
//! single characters for the most part: only texts with a candidate that asks for them go through it.
//! Both run only from places where a pattern may
//! begin ([`Starters`]), so their kind hardly matters for speed: the contiguous NFA, which
//! stays in the cache whatever the number of terms (a DFA over the shipped lexicons is fifty
//! times larger). Prefilters are off: they never help Chinese sets.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::language::{fold, without_separators};
use crate::lexicon::{Catalog, LayerSet, LexiconIdx, Mode, Term, TermIdx};

use super::regexes::announcements;
use super::search::{Found, Search};
use super::starters::{Beginning, Starters};

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

/// All patterns and what finds them.
pub(super) struct PatternSet {
    /// Finds terms and what announces them.
    terms: Finder,
    /// Uses of all patterns of `terms`, pattern by pattern.
    uses: Vec<Use>,
    /// Where the uses of each pattern begin; one more than there are patterns.
    first_use: Vec<u32>,
    /// Finds contexts and companions.
    around: Finder,
    /// Which patterns of `around` bear on which terms, sorted. Common words bear on many terms, so this
    /// is asked for each hit, not told by each occurrence.
    bearings: Vec<(TermIdx, Bearing, u32)>,
    /// Most bytes of a text, separators and all, between the ends of a covering context.
    reach: u32,
}

/// Finds patterns in texts.
pub(super) struct Finder {
    /// `None`: there are no patterns.
    search: Option<Search>,
    starters: Starters,
    /// Length of each pattern in bytes.
    lengths: Vec<u32>,
}

impl Finder {
    fn new(patterns: &[String]) -> Finder {
        Finder {
            search: Search::new(patterns),
            starters: Starters::new(patterns),
            lengths: patterns.iter().map(|pattern| pattern.len() as u32).collect(),
        }
    }

    /// Returns where patterns may begin.
    pub(super) fn starters(&self) -> &Starters {
        &self.starters
    }

    /// Replaces `found` by every occurrence in `text` of every pattern. It begins at one of `beginnings`,
    /// which are those that [`Starters`] found in `text`.
    pub(super) fn find(&self, text: &str, beginnings: &[Beginning], found: &mut Vec<Found>) {
        found.clear();
        if let Some(search) = &self.search {
            search.find(text, beginnings, found);
        }
    }

    /// Returns the bytes of an occurrence.
    pub(super) fn bytes(&self, found: Found) -> Range<usize> {
        let end = found.end as usize;
        end - self.lengths[found.pattern as usize] as usize..end
    }

    fn memory(&self) -> usize {
        self.search.as_ref().map_or(0, Search::memory)
    }
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

    /// Returns what finds terms and what announces them.
    pub(super) fn terms(&self) -> &Finder {
        &self.terms
    }

    /// Returns what finds contexts and companions.
    pub(super) fn around(&self) -> &Finder {
        &self.around
    }

    /// Returns what a pattern of [`PatternSet::terms`] says.
    pub(super) fn uses(&self, pattern: u32) -> &[Use] {
        let pattern = pattern as usize;
        &self.uses[self.first_use[pattern] as usize..self.first_use[pattern + 1] as usize]
    }

    /// Returns whether the pattern of [`PatternSet::around`] has this bearing on `term`.
    pub(super) fn bears_on(&self, term: TermIdx, bearing: Bearing, pattern: u32) -> bool {
        self.bearings.binary_search(&(term, bearing, pattern)).is_ok()
    }

    /// Returns the most bytes between the ends of an occurrence of a covering context.
    pub(super) fn reach(&self) -> u32 {
        self.reach
    }

    /// Returns the memory of both automata in bytes.
    pub(super) fn memory(&self) -> usize {
        self.terms.memory() + self.around.memory()
    }
}

/// Patterns in the order they came, each with its uses or with what it bears on.
#[derive(Default)]
struct Collected {
    terms: Numbered,
    uses: Vec<Vec<Use>>,
    around: Numbered,
    bearings: Vec<(TermIdx, Bearing, u32)>,
}

/// Texts, each once, in the order they came.
#[derive(Default)]
struct Numbered {
    index: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl Numbered {
    /// Returns the number of a text, new or not; an empty one has none.
    fn number(&mut self, text: String) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        let at = *self.index.entry(text.clone()).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        Some(at)
    }
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
        let Some(at) = self.terms.number(pattern) else { return };
        if self.uses.len() == at {
            self.uses.push(Vec::new());
        }
        if !self.uses[at].contains(&of) {
            self.uses[at].push(of);
        }
    }

    fn add_bearing(&mut self, pattern: String, term: TermIdx, bearing: Bearing) {
        let number = self.around.number(pattern);
        self.bearings.extend(number.map(|at| (term, bearing, at as u32)));
    }

    fn compile(mut self) -> PatternSet {
        self.bearings.sort_unstable();
        self.bearings.dedup();
        let contexts = self.bearings.iter().filter(|(_, bearing, _)| *bearing == Bearing::Context);
        let longest =
            contexts.map(|(.., pattern)| self.around.texts[*pattern as usize].chars().count()).max();
        let mut first_use = vec![0];
        for uses in &self.uses {
            first_use.push(first_use.last().map_or(0, |last| last + uses.len() as u32));
        }
        PatternSet {
            terms: Finder::new(&self.terms.texts),
            uses: self.uses.concat(),
            first_use,
            around: Finder::new(&self.around.texts),
            bearings: self.bearings,
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
        assert_eq!((set.terms.lengths.len(), set.uses.len()), (1, 2));
    }

    #[test]
    fn what_only_bears_on_terms_is_found_by_itself() {
        let term = Term {
            contexts: vec!["太贵了".to_owned(), "贵".to_owned()],
            companions: vec!["价".to_owned()],
            ..Term::plain("1", "贵")
        };
        let catalog = Catalog::new(vec![Lexicon::new("a", vec![term])]);
        let set = PatternSet::new(&catalog, None);
        assert_eq!((set.terms.lengths.len(), set.around.lengths.len()), (1, 3));
    }
}
