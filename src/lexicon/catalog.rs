//! Numbers all lexicons of a pack and their terms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{self, Diagnostic};
use crate::language::fold;

use super::finding::warn;
use super::{Lexicon, LexiconIdx, NegationPolicy, Term, TermIdx};

/// All lexicons of a pack, in id order, with one numbering of their terms.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    lexicons: Vec<Lexicon>,
    /// Number of each lexicon's first term; as long as `lexicons`.
    first_terms: Vec<u32>,
}

impl Catalog {
    /// Makes a catalog; of two lexicons with one id, both stay and the first is found.
    pub fn new(mut lexicons: Vec<Lexicon>) -> Catalog {
        lexicons.sort_by(|a, b| a.id.cmp(&b.id));
        let mut next = 0;
        let mut first_terms = Vec::with_capacity(lexicons.len());
        for lexicon in &lexicons {
            first_terms.push(next);
            next += lexicon.terms().len() as u32;
        }
        Catalog { lexicons, first_terms }
    }

    /// Returns the lexicons, in id order.
    pub fn lexicons(&self) -> &[Lexicon] {
        &self.lexicons
    }

    /// Returns the number of terms.
    pub fn n_terms(&self) -> usize {
        self.lexicons.iter().map(|lexicon| lexicon.terms().len()).sum()
    }

    /// Returns the terms with their numbers, in order.
    pub fn terms(&self) -> impl Iterator<Item = (TermIdx, &Term)> {
        let terms = self.lexicons.iter().flat_map(Lexicon::terms);
        (0..).map(TermIdx).zip(terms)
    }

    /// Returns a term.
    ///
    /// # Panics
    ///
    /// Panics when `term` is not a number of this catalog.
    pub fn term(&self, term: TermIdx) -> &Term {
        let lexicon = self.lexicon_of(term);
        let first = self.first_terms[lexicon.0 as usize];
        &self.lexicon(lexicon).terms()[(term.0 - first) as usize]
    }

    /// Returns a lexicon.
    ///
    /// # Panics
    ///
    /// Panics when `lexicon` is not a number of this catalog.
    pub fn lexicon(&self, lexicon: LexiconIdx) -> &Lexicon {
        &self.lexicons[lexicon.0 as usize]
    }

    /// Returns the lexicon a term belongs to.
    pub fn lexicon_of(&self, term: TermIdx) -> LexiconIdx {
        let after = self.first_terms.partition_point(|first| *first <= term.0);
        LexiconIdx(after.saturating_sub(1) as u16)
    }

    /// Returns the lexicon with the id `id`.
    pub fn find(&self, id: &str) -> Option<LexiconIdx> {
        self.lexicons.iter().position(|lexicon| lexicon.id == id).map(|at| LexiconIdx(at as u16))
    }

    /// Returns the terms of `lexicon` whose category begins with `category`, sorted.
    pub fn select(&self, lexicon: LexiconIdx, category: &[&str]) -> Vec<TermIdx> {
        let first = self.first_terms[lexicon.0 as usize];
        let begins = |term: &Term| {
            let levels = term.category.iter().map(String::as_str);
            term.category.len() >= category.len() && levels.zip(category).all(|(has, wants)| has == *wants)
        };
        let terms = (first..).map(TermIdx).zip(self.lexicon(lexicon).terms());
        terms.filter(|(_, term)| begins(term)).map(|(idx, _)| idx).collect()
    }
}

/// What the numbers of the terms of a catalog mean: the lexicons in order, each with the codes of its terms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TermNumbers(Vec<(String, Vec<String>)>);

impl TermNumbers {
    /// Says what the numbers of `catalog` mean.
    pub fn of(catalog: &Catalog) -> TermNumbers {
        let codes = |lexicon: &Lexicon| lexicon.terms().iter().map(|term| term.code.clone()).collect();
        TermNumbers(catalog.lexicons.iter().map(|lexicon| (lexicon.id.clone(), codes(lexicon))).collect())
    }

    /// Returns, by number, the number each term has in `catalog`; none where its code is gone.
    pub fn renumbered(&self, catalog: &Catalog) -> Vec<Option<TermIdx>> {
        let mut numbers = Vec::new();
        for (id, codes) in &self.0 {
            let lexicon = catalog.find(id);
            let terms = lexicon.map_or_else(Vec::new, |lexicon| catalog.select(lexicon, &[]));
            let known: BTreeMap<&str, TermIdx> =
                terms.into_iter().map(|term| (catalog.term(term).code.as_str(), term)).collect();
            numbers.extend(codes.iter().map(|code| known.get(code.as_str()).copied()));
        }
        numbers
    }
}

/// Checks what only all lists together show: a spelling whose negation turns it round
/// in one list and not in another, or whose weights have opposite signs (W103).
pub fn check(catalog: &Catalog) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, (&str, &Term)> = BTreeMap::new();
    let mut findings = Vec::new();
    for lexicon in catalog.lexicons() {
        for term in lexicon.terms().iter().filter(|term| term.enabled && term.mode.is_literal()) {
            for spelling in term.spellings() {
                let known = *first.entry(fold(spelling)).or_insert((&lexicon.id, term));
                if known.0 != lexicon.id && is_opposite(known.1, term) {
                    findings.push(opposite(spelling, term, known.1));
                }
            }
        }
    }
    diagnostic::sort(&mut findings);
    findings
}

fn is_opposite(a: &Term, b: &Term) -> bool {
    let flips = |term: &Term| term.negation == NegationPolicy::Flip;
    flips(a) != flips(b) || a.weight * b.weight < 0.0
}

fn opposite(spelling: &str, term: &Term, known: &Term) -> Diagnostic {
    let place = &known.place;
    warn(
        "W103",
        term.place.clone(),
        [
            format!("`{spelling}` 在 {place} 的褒贬与此处相反"),
            format!("`{spelling}` means the opposite at {place}"),
        ],
        [
            "只在一个词表里保留它，或统一“否定”与权重的符号",
            "keep it in one list, or agree on `negation` and the sign of the weight",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn catalog() -> Catalog {
        let b = "编号,词条,类别,否定\nb1,满意,服务/态度,丢弃\nb2,优惠,价格,\n";
        let a = "编号,词条,类别,否定\na1,滿意,服务,反转\na2,打折,价格/优惠,\na3,满减,价格/优惠/满减,\n";
        let lexicons = [("b.csv", b), ("a.csv", a)].map(|(file, text)| parse(file, text.as_bytes()).0);
        Catalog::new(lexicons.into())
    }

    #[test]
    fn terms_are_numbered_through_in_id_order() {
        let catalog = catalog();
        let codes: Vec<&str> = catalog.terms().map(|(idx, _)| catalog.term(idx).code.as_str()).collect();
        assert_eq!(codes, ["a1", "a2", "a3", "b1", "b2"]);
        let lexicons: Vec<u16> = catalog.terms().map(|(idx, _)| catalog.lexicon_of(idx).0).collect();
        assert_eq!(lexicons, [0, 0, 0, 1, 1]);
        assert_eq!((catalog.find("b"), catalog.find("c")), (Some(LexiconIdx(1)), None));
    }

    #[test]
    fn selection_is_by_whole_levels() {
        // (category, terms)
        const CASES: &[(&[&str], &[u32])] =
            &[(&[], &[0, 1, 2]), (&["价格"], &[1, 2]), (&["价格", "优惠", "满减"], &[2]), (&["价"], &[])];
        let catalog = catalog();
        for (category, want) in CASES {
            let found: Vec<u32> = catalog.select(LexiconIdx(0), category).iter().map(|idx| idx.0).collect();
            assert_eq!(found, *want, "{category:?}");
        }
    }

    #[test]
    fn a_word_of_two_minds_is_reported() {
        let found: Vec<String> =
            check(&catalog()).iter().map(|f| format!("{} {}", f.code, f.place)).collect();
        assert_eq!(found, ["W103 b.csv:2:2"]);
    }
}
