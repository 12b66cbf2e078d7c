//! Asks of each candidate whether anything stands against it: the same questions for `annotate`,
//! which keeps those without a refusal, and for `trace`, which shows the refusal.

use std::ops::Range;

use serde::Serialize;

use crate::language::{CharFlags, FoldedText, Segmenter, flags_of};
use crate::lexicon::Mode;
use crate::time::{Day, Timestamp};

use super::Annotator;
use super::candidate::{Candidate, Surroundings};
use super::disguise;

/// Why a find is no mention.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The term does not count on that day.
    NotInForce,
    /// It is a part of a longer run of letters or digits, of an emoji code, or not the whole text.
    NotAlone,
    /// A longer phrase of the term's contexts covers it.
    Covered,
    /// None of the words it needs stands close by.
    WithoutCompany,
    /// Its ends are no word boundaries.
    InsideWord,
    /// A longer or an earlier term of the same lexicon took its place.
    Overlapped,
    /// A longer word with another sense covers it.
    OtherSense,
    /// It is denied, and the term asks to drop it then.
    Denied,
    /// The speaker wants nothing of it.
    Refused,
}

/// What is asked about the candidates of one text.
pub(super) struct Sieve<'a> {
    pub(super) annotator: &'a Annotator,
    pub(super) folded: &'a FoldedText,
    pub(super) surroundings: Surroundings<'a>,
    pub(super) words: WordEnds<'a>,
    pub(super) disguise: &'a mut disguise::Buffers,
    /// When it was said.
    pub(super) at: Timestamp,
    /// The local day of that, worked out once a term asks.
    pub(super) day: Option<Day>,
    /// Disguised spellings are looked for, and skipped separators are one of them.
    pub(super) looks_through: bool,
}

impl Sieve<'_> {
    /// Returns the first reason against `hit`; what costs least is asked first.
    #[inline]
    pub(super) fn refusal(&mut self, hit: &Candidate) -> Option<Refusal> {
        let (annotator, text) = (self.annotator, self.folded.text());
        let term = annotator.term(hit.term);
        let plain = hit.disguise.is_none();
        if self.looks_through && hit.skipped && plain {
            Some(Refusal::Overlapped)
        } else if !term.is_on(|| *self.day.get_or_insert_with(|| annotator.zone.day(self.at))) {
            Some(Refusal::NotInForce)
        } else if plain && !stands_alone(self.folded, hit, term.mode) {
            Some(Refusal::NotAlone)
        } else if term.has_contexts && self.surroundings.cover(hit) {
            Some(Refusal::Covered)
        } else if term.needs_companion && !self.surroundings.keep_company(hit, text) {
            Some(Refusal::WithoutCompany)
        } else if (term.mode == Mode::Word && !self.words.bound(hit, text))
            || (term.keeps_words && plain && annotator.cuts(text, hit, self.disguise))
        {
            Some(Refusal::InsideWord)
        } else {
            None
        }
    }
}

/// Returns whether the hit is a hit where it stands: a whole run of letters or digits, not part of an
/// emoji code, and the whole text when the term asks for that.
fn stands_alone(folded: &FoldedText, hit: &Candidate, mode: Mode) -> bool {
    let (text, start, end) = (folded.text(), hit.start as usize, hit.end as usize);
    match mode {
        Mode::Regex | Mode::Detector => is_outside_atoms(folded, hit),
        Mode::Whole => text[..start].trim().is_empty() && text[end..].trim().is_empty(),
        _ => !joins(text, start) && !joins(text, end) && !adds(text, start) && is_outside_atoms(folded, hit),
    }
}

/// Returns whether a plus sign at `at` joins what stands before it to what follows: u+v is no +v.
fn adds(text: &str, at: usize) -> bool {
    let letters = CharFlags::LATIN | CharFlags::DIGIT;
    text[at..].starts_with('+')
        && text[..at].chars().next_back().is_some_and(|c| flags_of(c).intersects(letters))
}

/// Returns whether letters, or digits, stand on both sides of `at`.
fn joins(text: &str, at: usize) -> bool {
    if text.as_bytes().get(at).is_some_and(|byte| HAN_BYTES.contains(byte)) {
        return false;
    }
    let (Some(before), Some(after)) = (text[..at].chars().next_back(), text[at..].chars().next()) else {
        return false;
    };
    let (before, after) = (flags_of(before), flags_of(after));
    [CharFlags::LATIN, CharFlags::DIGIT].iter().any(|run| before.intersects(*run) && after.intersects(*run))
}

/// First bytes of U+4000 to U+9FFF, Chinese characters all but a few signs: no letters and no digits.
const HAN_BYTES: std::ops::RangeInclusive<u8> = 0xe4..=0xe9;

/// Returns whether the hit lies outside every emoji code, or holds the code with its brackets.
fn is_outside_atoms(folded: &FoldedText, hit: &Candidate) -> bool {
    let atoms = folded.atoms();
    let first = atoms.partition_point(|atom| atom.end <= hit.start);
    let mut touched = atoms[first..].iter().take_while(|atom| atom.start < hit.end);
    touched.all(|atom| hit.start <= atom.start && atom.end <= hit.end)
}

/// Word boundaries of a stretch of one text, made when they are asked for.
pub(super) struct WordEnds<'a> {
    pub(super) segmenter: &'a Segmenter,
    pub(super) ends: &'a mut Vec<u32>,
    /// The stretch.
    pub(super) within: Range<usize>,
}

impl WordEnds<'_> {
    /// Returns whether both ends of `hit` lie on word boundaries.
    pub(super) fn bound(&mut self, hit: &Candidate, text: &str) -> bool {
        let (start, end) = (hit.start as usize, hit.end as usize);
        if start < self.within.start || self.within.end < end {
            self.within = self.segmenter.word_ends_around(text, start..end, self.ends);
        }
        let is_end = |at: u32| at as usize == self.within.start || self.ends.binary_search(&at).is_ok();
        is_end(hit.start) && is_end(hit.end)
    }
}
