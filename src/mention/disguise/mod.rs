//! Finds terms in disguise: split by signs, repeated, spelled by sound, in letters, with look-alikes.
//!
//! The text is read as units that sound ([`View`]): a Chinese character is its syllable, and so is a run of
//! letters that spells one; separators are left out, repeats count once. The terms and the spellings made for
//! them ([`VariantTables`]) are read the same way and looked for by one automaton over these symbols. What it
//! finds is then compared character by character ([`verify`]), and what would cut a word in two is none
//! ([`words`]). A table look-up per character and one pass; only finds cost more.

mod glance;
mod verify;
mod view;
mod words;

use std::collections::BTreeMap;

use crate::language::{FoldedText, Segmenter, fold};
use crate::lexicon::{LayerSet, LexiconIdx, Mode, Term, TermIdx, VariantTables};

use super::Layer;
use super::search::{Found, Search};
use super::starters::{Beginning, Starters};
use glance::may_hold;
use verify::{Pattern, verify};
use view::Reader;
pub(super) use view::View;
pub(super) use words::{WordCheck, cuts_a_word};

/// A term found in disguise, in bytes of the folded text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Disguise {
    pub(super) lexicon: LexiconIdx,
    pub(super) term: TermIdx,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The farthest layer it took.
    pub(super) layer: Layer,
}

/// All terms that are looked for in disguise, compiled.
#[derive(Default)]
pub(super) struct Disguises {
    search: Option<Search>,
    reader: Reader,
    patterns: Vec<Pattern>,
    /// The patterns of each string of symbols.
    of_symbols: Vec<Vec<u32>>,
    /// Length of each string in bytes.
    lengths: Vec<u32>,
    /// How strings of symbols begin: most texts hold nothing that does, so few are read as units.
    starters: Starters,
    /// The lexicons whose terms are looked for, in order.
    lexicons: Vec<LexiconIdx>,
}

/// The buffers one thread reuses from text to text.
#[derive(Default)]
pub(super) struct Buffers {
    view: View,
    pairs: Vec<u32>,
    beginnings: Vec<Beginning>,
    hits: Vec<Found>,
    check: WordCheck,
    seen: Vec<(u32, u32, TermIdx)>,
}

impl Buffers {
    /// Returns the buffers of the check for words.
    pub(super) fn check(&mut self) -> &mut WordCheck {
        &mut self.check
    }
}

impl Disguises {
    /// Compiles the enabled literal terms of those given, each with its lexicon's layers.
    pub(super) fn new<'t>(
        terms: impl Iterator<Item = (LexiconIdx, TermIdx, &'t Term, LayerSet)>,
    ) -> Disguises {
        let tables = VariantTables::default();
        let mut made = Disguises { reader: Reader::new(&tables), ..Disguises::default() };
        let mut index: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let literal = |mode| matches!(mode, Mode::Contains | Mode::Pinyin | Mode::Word);
        for (lexicon, idx, term, layers) in terms.filter(|(.., term, _)| term.enabled && literal(term.mode)) {
            for spelling in term.spellings() {
                made.add(&fold(spelling), (lexicon, idx, layers), &tables, &mut index);
            }
        }
        let (symbols, of_symbols): (Vec<String>, Vec<Vec<u32>>) = index.into_iter().unzip();
        made.of_symbols = of_symbols;
        made.lengths = symbols.iter().map(|symbols| symbols.len() as u32).collect();
        made.starters = Starters::new(&symbols);
        made.lexicons = made.patterns.iter().map(|pattern| pattern.lexicon).collect();
        made.lexicons.sort_unstable();
        made.lexicons.dedup();
        made.search = Search::new(&symbols);
        made
    }

    /// Returns the lexicons whose terms are looked for, in order.
    pub(super) fn lexicons(&self) -> &[LexiconIdx] {
        &self.lexicons
    }

    fn add(
        &mut self,
        spelling: &str,
        of: (LexiconIdx, TermIdx, LayerSet),
        tables: &VariantTables,
        index: &mut BTreeMap<String, Vec<u32>>,
    ) {
        let variants = match of.2.contains(LayerSet::VARIANTS) {
            true => tables.spellings(spelling),
            false => tables.spellings(spelling).into_iter().take(1).collect(),
        };
        for variant in variants {
            let mut view = View::default();
            self.reader.read_term(&variant.text, &mut view);
            let Some(pattern) = Pattern::new(&view, &variant, of) else { continue };
            index.entry(view.symbols().to_owned()).or_default().push(self.patterns.len() as u32);
            self.patterns.push(pattern);
        }
    }

    /// Appends the terms that stand in the text in disguise; those that stand there plainly are left out.
    pub(super) fn find(
        &self,
        folded: &FoldedText,
        segmenter: &Segmenter,
        buffers: &mut Buffers,
        out: &mut Vec<Disguise>,
    ) {
        let Some(search) = &self.search else { return };
        let Buffers { view, pairs, beginnings, hits, check, seen } = buffers;
        if !may_hold(folded, &self.reader, &self.starters) {
            return;
        }
        self.reader.read(folded, view);
        self.starters.find(view.symbols(), pairs, beginnings);
        hits.clear();
        search.find(view.symbols(), beginnings, hits);
        check.clear();
        seen.clear();
        for found in hits {
            let (end, len) = (found.end as usize, self.lengths[found.pattern as usize] as usize);
            let Some(units) = view.units_in(end - len..end) else { continue };
            for number in &self.of_symbols[found.pattern as usize] {
                let pattern = &self.patterns[*number as usize];
                let Some(layer) = verify(pattern, view, units.clone(), folded.text()) else { continue };
                let (start, end) = view.bytes(units.clone());
                if seen.contains(&(start, end, pattern.term))
                    || !check.allows(pattern, view, units.clone(), segmenter)
                {
                    continue;
                }
                seen.push((start, end, pattern.term));
                out.push(Disguise { lexicon: pattern.lexicon, term: pattern.term, start, end, layer });
            }
        }
    }
}
