//! Finds mentions of lexicon terms in one message.
//!
//! Per part: fold, one pass that tells where the automaton runs, and only where something was found
//! the rest: a second view without separators, contexts, companions, overlaps, word
//! boundaries, scope. Cost is linear in the text, whatever the lexicons' size; nothing is
//! allocated once the buffers have grown.

use std::ops::Range;

use crate::language::{FoldedText, Segmenter, SkippedText, fold, fold_before, skip_into};
use crate::lexicon::{
    Catalog, LayerSet, LexiconIdx, LexiconSet, Mode, NegationPolicy, Term, TermIdx, Validity,
};
use crate::message::{Message, Part};
use crate::time::{Day, Timestamp, Zone};

use super::candidate::{Candidate, Nearby, Surroundings, resolve};
use super::detect::{self, Detected, Detectors};
use super::disguise::{self, Disguise, Disguises, cuts_a_word};
use super::patterns::{PatternRole, PatternSet, Views};
use super::regexes::Regexes;
use super::scope::{Judgement, Scene, ScopeWord, ScopeWords};
use super::search::Found;
use super::sieve::{Sieve, WordEnds};
use super::starters::Beginning;
use super::{Layer, Mention, Polarity, Wanted};

/// Finds mentions. Built once, shared by all threads.
pub struct Annotator {
    pub(super) patterns: PatternSet,
    regexes: Regexes,
    disguises: Disguises,
    detectors: Detectors,
    pub(super) scope: ScopeWords,
    pub(super) segmenter: Segmenter,
    /// What is needed of each term, by its number.
    terms: Vec<CompiledTerm>,
    /// The lexicons that ask for separators to be skipped.
    skipping: Vec<LexiconIdx>,
    /// All lexicons.
    pub(super) all: Wanted,
    pub(super) zone: Zone,
}

/// The buffers one thread reuses from message to message.
#[derive(Default)]
pub struct Scratch {
    pub(super) folded: FoldedText,
    skipped: SkippedText,
    /// Whether `skipped` is a view of the text at hand.
    has_skipped: bool,
    /// Where characters stand with which a pattern may have begun.
    noted: Vec<u32>,
    beginnings: Vec<Beginning>,
    found: Vec<Found>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) nearby: Vec<Nearby>,
    /// Regex terms that may match, and where the literal begins that says so.
    awake: Vec<(TermIdx, u32)>,
    pub(super) hits: Vec<Candidate>,
    pub(super) words: Vec<ScopeWord>,
    pub(super) word_ends: Vec<u32>,
    pub(super) disguise: disguise::Buffers,
    disguised: Vec<Disguise>,
    detect: detect::Buffers,
    detected: Vec<Detected>,
}

/// What is needed of a term while matching.
pub(super) struct CompiledTerm {
    pub(super) mode: Mode,
    pub(super) negation: NegationPolicy,
    valid: Validity,
    pub(super) has_contexts: bool,
    pub(super) needs_companion: bool,
    /// A hit must not cut another word in two.
    pub(super) keeps_words: bool,
    /// A longer word with another sense may contain it.
    pub(super) coverable: bool,
    /// As written, to tell exact hits.
    spellings: Vec<Box<str>>,
}

impl Annotator {
    /// Compiles the enabled terms of `catalog`. The lexicon `negation` gives the scope words
    /// and no mentions. Days are those of `zone`.
    pub fn new(catalog: &Catalog, zone: &Zone) -> Annotator {
        Annotator::sharing(catalog, zone, Segmenter::new(words_of(catalog)))
    }

    /// Compiles as [`Annotator::new`] does, with the words of another annotator: for a few terms beside a pack.
    pub fn beside(&self, catalog: &Catalog, zone: &Zone) -> Annotator {
        Annotator::sharing(catalog, zone, self.segmenter.clone())
    }

    fn sharing(catalog: &Catalog, zone: &Zone, segmenter: Segmenter) -> Annotator {
        let scope_idx = catalog.find(SCOPE_LEXICON);
        let scope = ScopeWords::new(scope_idx.map(|idx| catalog.lexicon(idx)));
        Annotator {
            patterns: PatternSet::new(catalog, scope_idx),
            regexes: Regexes::new(catalog),
            terms: compile_terms(catalog, &scope),
            scope,
            disguises: Disguises::new(disguisable(catalog, scope_idx)),
            detectors: Detectors::new(catalog),
            segmenter,
            skipping: skipping(catalog),
            all: Wanted::all(catalog.lexicons().len()),
            zone: zone.clone(),
        }
    }

    /// Loads now what is otherwise loaded at the first text that needs it.
    pub fn warm_up(&self) {
        self.segmenter.warm_up();
    }

    /// Replaces the contents of `out` with the mentions in `message`, in text order. Parts
    /// that somebody else or a machine wrote are not searched.
    pub fn annotate(&self, message: &Message<'_>, scratch: &mut Scratch, out: &mut Vec<Mention>) {
        self.annotate_wanted(message, &self.all, scratch, out);
    }

    /// Does what [`Annotator::annotate`] does, and leaves out all lexicons that are not wanted.
    pub fn annotate_wanted(
        &self,
        message: &Message<'_>,
        wanted: &Wanted,
        scratch: &mut Scratch,
        out: &mut Vec<Mention>,
    ) {
        out.clear();
        for (part, idx) in message.parts.iter().zip(0u16..) {
            if let Some(lexicons) = wanted.within(part.scope) {
                self.annotate_part(part, idx, message.at, lexicons, scratch, out);
            }
        }
    }

    /// Returns how many texts had to be segmented so far.
    pub fn segmented(&self) -> u64 {
        self.segmenter.segmented()
    }

    /// Returns the memory of the automata in bytes.
    pub fn automaton_memory(&self) -> usize {
        self.patterns.memory()
    }

    fn annotate_part(
        &self,
        part: &Part<'_>,
        idx: u16,
        at: Timestamp,
        wanted: &LexiconSet,
        scratch: &mut Scratch,
        out: &mut Vec<Mention>,
    ) {
        self.look(&part.text, wanted, scratch);
        if scratch.candidates.is_empty() {
            return;
        }
        self.keep_hits(at, self.looks_through(wanted), scratch);
        if !scratch.hits.is_empty() {
            self.emit(part, idx, scratch, out);
        }
    }

    /// Folds a text and collects its candidates.
    pub(super) fn look(&self, text: &str, wanted: &LexiconSet, scratch: &mut Scratch) {
        let (Scratch { folded, noted, beginnings, .. }, starters) =
            (&mut *scratch, self.patterns.terms().starters());
        let mut watch = starters.watch(noted);
        fold_before(text, folded, &mut watch);
        starters.look_closer(folded.text(), watch.end(), beginnings);
        self.collect(wanted, scratch);
        if self.looks_through(wanted) {
            self.collect_disguised(wanted, scratch);
        }
        self.collect_detected(wanted, scratch);
    }

    /// Returns whether disguised spellings are looked for.
    pub(super) fn looks_through(&self, wanted: &LexiconSet) -> bool {
        self.disguises.lexicons().iter().any(|lexicon| wanted.contains(*lexicon))
    }

    /// Collects candidates from both views of the text.
    fn collect(&self, wanted: &LexiconSet, scratch: &mut Scratch) {
        scratch.candidates.clear();
        scratch.awake.clear();
        self.collect_view(false, wanted, scratch);
        let skips = self.skipping.iter().any(|lexicon| wanted.contains(*lexicon));
        scratch.has_skipped = skips && skip_into(&scratch.folded, &mut scratch.skipped);
        if scratch.has_skipped {
            let Scratch { skipped, noted, beginnings, .. } = &mut *scratch;
            self.patterns.terms().starters().find(skipped.text(), noted, beginnings);
            self.collect_view(true, wanted, scratch);
        }
        self.regexes.collect(&scratch.folded, wanted, &mut scratch.awake, &mut scratch.candidates);
    }

    /// Collects the terms that stand in the text in disguise.
    fn collect_disguised(&self, wanted: &LexiconSet, scratch: &mut Scratch) {
        let Scratch { folded, disguise, disguised, candidates, .. } = scratch;
        disguised.clear();
        self.disguises.find(folded, &self.segmenter, disguise, disguised);
        let found = disguised.iter().filter(|found| wanted.contains(found.lexicon));
        candidates.extend(found.map(|found| Candidate {
            lexicon: found.lexicon,
            term: found.term,
            skipped: true,
            disguise: Some(found.layer),
            start: found.start,
            end: found.end,
        }));
    }

    /// Collects from one view of the text, where patterns may begin at `scratch.beginnings`.
    fn collect_view(&self, skipped: bool, wanted: &LexiconSet, scratch: &mut Scratch) {
        let Scratch { folded, skipped: bare, beginnings, found, candidates, awake, .. } = scratch;
        let view = if skipped { View::Skipped(bare) } else { View::Folded(folded) };
        let terms = self.patterns.terms();
        terms.find(view.text(), beginnings, found);
        let wrong_view = if skipped { Views::Folded } else { Views::Skipped };
        for found in found.iter() {
            let uses = self.patterns.uses(found.pattern).iter();
            for of in uses.filter(|of| of.views != wrong_view && wanted.contains(of.lexicon)) {
                let Some((start, end)) = view.range(terms.bytes(*found)) else { break };
                let (lexicon, term, disguise) = (of.lexicon, of.term, None);
                match of.role {
                    PatternRole::Spelling => {
                        candidates.push(Candidate { lexicon, term, skipped, disguise, start, end });
                    }
                    PatternRole::Announcement => awake.push((term, start)),
                }
            }
        }
    }

    /// Collects what stands around the candidates in both views of the text, if any of them asks.
    fn collect_nearby(&self, scratch: &mut Scratch) {
        let Scratch { folded, skipped, noted, beginnings, found, candidates, nearby, .. } = scratch;
        nearby.clear();
        if !candidates.iter().any(|hit| self.term(hit.term).asks_around()) {
            return;
        }
        let around = self.patterns.around();
        let skipped = scratch.has_skipped.then_some(View::Skipped(skipped));
        for view in [View::Folded(folded)].into_iter().chain(skipped) {
            around.starters().find(view.text(), noted, beginnings);
            around.find(view.text(), beginnings, found);
            nearby.extend(found.iter().filter_map(|found| {
                let (start, end) = view.range(around.bytes(*found))?;
                Some(Nearby { start, end, pattern: found.pattern })
            }));
        }
    }

    /// Collects numbers to call, ids and addresses.
    fn collect_detected(&self, wanted: &LexiconSet, scratch: &mut Scratch) {
        let Scratch { folded, detect, detected, candidates, .. } = scratch;
        detected.clear();
        self.detectors.find(folded, wanted, detect, detected);
        candidates.extend(detected.iter().map(|found| Candidate {
            lexicon: found.lexicon,
            term: found.term,
            skipped: false,
            disguise: None,
            start: found.start,
            end: found.end,
        }));
    }

    /// Turns candidates into hits.
    fn keep_hits(&self, at: Timestamp, looks_through: bool, scratch: &mut Scratch) {
        let (mut sieve, candidates) = self.sieve(at, looks_through, scratch);
        candidates.retain(|hit| sieve.refusal(hit).is_none());
        resolve(&mut scratch.candidates, &mut scratch.hits);
        let folded = scratch.folded.text();
        scratch.hits.retain(|hit| !self.term(hit.term).coverable || !self.scope.cover(folded, hit));
    }

    /// Returns what asks the candidates of the text in `scratch`, and the candidates.
    pub(super) fn sieve<'s>(
        &'s self,
        at: Timestamp,
        looks_through: bool,
        scratch: &'s mut Scratch,
    ) -> (Sieve<'s>, &'s mut Vec<Candidate>) {
        self.collect_nearby(scratch);
        let Scratch { folded, nearby, disguise, word_ends, candidates, .. } = scratch;
        let sieve = Sieve {
            annotator: self,
            folded,
            surroundings: Surroundings::new(&self.patterns, nearby),
            words: WordEnds { segmenter: &self.segmenter, ends: word_ends, within: 0..0 },
            disguise,
            at,
            day: None,
            looks_through,
        };
        (sieve, candidates)
    }

    fn emit(&self, part: &Part<'_>, idx: u16, scratch: &mut Scratch, out: &mut Vec<Mention>) {
        let scene = Scene { scope: &self.scope, text: scratch.folded.text(), hits: &scratch.hits };
        let mut chars = CharCount { text: &part.text, bytes: 0, chars: part.base_chars };
        for hit in &scratch.hits {
            let term = self.term(hit.term);
            let Some((polarity, flipped)) = term.negation.apply(scene.judge(hit, &mut scratch.words)) else {
                continue;
            };
            let bytes = scratch.folded.original(hit.start as usize..hit.end as usize);
            let original = &part.text[bytes.clone()];
            let start = chars.up_to(bytes.start);
            out.push(Mention {
                term: hit.term,
                lexicon: hit.lexicon,
                part: idx,
                scope: part.scope,
                bytes: bytes.start as u32..bytes.end as u32,
                chars: start..start + original.chars().count() as u32,
                layer: term.layer(hit, original, scene.text),
                polarity,
                flipped,
            });
        }
    }

    /// Returns whether the hit begins or ends within another word.
    pub(super) fn cuts(&self, text: &str, hit: &Candidate, buffers: &mut disguise::Buffers) -> bool {
        cuts_a_word(text, hit.start as usize..hit.end as usize, &self.segmenter, buffers.check())
    }

    pub(super) fn term(&self, term: TermIdx) -> &CompiledTerm {
        &self.terms[term.0 as usize]
    }
}

/// The lexicons of `catalog` that ask for separators to be skipped.
fn skipping(catalog: &Catalog) -> Vec<LexiconIdx> {
    let numbered = (0..).map(LexiconIdx).zip(catalog.lexicons());
    let asking = numbered.filter(|(_, lexicon)| lexicon.layers().contains(LayerSet::SKIP));
    asking.map(|(idx, _)| idx).collect()
}

fn compile_terms(catalog: &Catalog, scope: &ScopeWords) -> Vec<CompiledTerm> {
    let layers = |idx| catalog.lexicon(catalog.lexicon_of(idx)).layers();
    catalog.terms().map(|(idx, term)| CompiledTerm::new(term, layers(idx), scope)).collect()
}

/// The terms of the lexicons that look through disguises, with their lexicons' layers.
fn disguisable(
    catalog: &Catalog,
    scope: Option<LexiconIdx>,
) -> impl Iterator<Item = (LexiconIdx, TermIdx, &Term, LayerSet)> {
    let plain = LayerSet::default();
    let with_layers = move |(idx, term)| {
        let lexicon = catalog.lexicon_of(idx);
        (lexicon, idx, term, catalog.lexicon(lexicon).layers())
    };
    let all = catalog.terms().map(with_layers);
    all.filter(move |(lexicon, .., layers)| Some(*lexicon) != scope && !plain.contains(*layers))
}

/// The folded spellings of the terms that must stand on word boundaries.
fn words_of(catalog: &Catalog) -> Vec<String> {
    let terms = catalog.terms().map(|(_, term)| term).filter(|term| term.enabled && term.mode == Mode::Word);
    terms.flat_map(|term| term.spellings().map(fold).collect::<Vec<_>>()).collect()
}

impl CompiledTerm {
    fn new(term: &Term, layers: LayerSet, scope: &ScopeWords) -> CompiledTerm {
        CompiledTerm {
            mode: term.mode,
            negation: term.negation,
            valid: term.valid,
            has_contexts: !term.contexts.is_empty() && term.mode != Mode::Detector,
            needs_companion: !term.companions.is_empty(),
            keeps_words: term.mode == Mode::Contains && layers.contains(LayerSet::WORDS),
            coverable: !term.mode.is_literal()
                || term.spellings().any(|spelling| scope.may_cover(&fold(spelling))),
            spellings: term.spellings().map(Box::from).collect(),
        }
    }

    /// Returns whether it matters what stands around the term.
    fn asks_around(&self) -> bool {
        self.has_contexts || self.needs_companion
    }

    /// Returns whether the term counts on the message's day, which is asked for only when it matters.
    pub(super) fn is_on(&self, day: impl FnOnce() -> Day) -> bool {
        self.valid.is_always() || self.valid.contains(day())
    }

    pub(super) fn layer(&self, hit: &Candidate, original: &str, folded: &str) -> Layer {
        let as_found =
            !self.mode.is_literal() && folded.get(hit.start as usize..hit.end as usize) == Some(original);
        if let Some(layer) = hit.disguise {
            layer
        } else if hit.skipped {
            Layer::Skipped
        } else if as_found || self.spellings.iter().any(|spelling| &**spelling == original) {
            Layer::Exact
        } else {
            Layer::Folded
        }
    }
}

impl NegationPolicy {
    /// Returns the polarity of a judged hit and whether it is flipped; `None` when it is no hit.
    ///
    /// A refusal (不用给我发优惠) is no denial of the term, so it drops the hit also where
    /// denials are ignored. A question weighs more than an ignored denial: 没有优惠吗 asks.
    pub(super) fn apply(self, judged: Judgement) -> Option<(Polarity, bool)> {
        match self {
            NegationPolicy::Flip => Some((judged.polarity, judged.negated || judged.refused)),
            _ if judged.refused => None,
            NegationPolicy::Drop if judged.negated => None,
            _ if judged.negated && judged.polarity == Polarity::Asserted => Some((Polarity::Negated, false)),
            _ => Some((judged.polarity, false)),
        }
    }
}

/// A view of a text in which patterns are looked for.
#[derive(Clone, Copy)]
enum View<'t> {
    Folded(&'t FoldedText),
    /// Without separators.
    Skipped(&'t SkippedText),
}

impl<'t> View<'t> {
    fn text(self) -> &'t str {
        match self {
            View::Folded(folded) => folded.text(),
            View::Skipped(skipped) => skipped.text(),
        }
    }

    /// Returns where in the folded text `bytes` of the view stand; `None` where nothing was left out of them, since the
    /// folded text itself shows that.
    fn range(self, bytes: Range<usize>) -> Option<(u32, u32)> {
        let of_folded = match self {
            View::Folded(_) => bytes,
            View::Skipped(skipped) => {
                let range = skipped.folded(bytes.clone());
                (range.len() > bytes.len()).then_some(range)?
            }
        };
        Some((of_folded.start as u32, of_folded.end as u32))
    }
}

/// Counts characters from left to right, each once.
struct CharCount<'a> {
    text: &'a str,
    bytes: usize,
    chars: u32,
}

impl CharCount<'_> {
    /// Returns the number of characters before byte `at`; calls go from left to right.
    fn up_to(&mut self, at: usize) -> u32 {
        self.chars += self.text[self.bytes..at].chars().count() as u32;
        self.bytes = at;
        self.chars
    }
}

/// The lexicon of scope words.
const SCOPE_LEXICON: &str = "negation";
