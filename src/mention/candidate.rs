//! Decides which occurrences are hits: contexts, companions, overlaps.
//!
//! A covering context beats the longest term, the longest beats the first in the list.
//! Everything is sorted once and looked up by binary search within the reach of a hit, so a
//! long text full of hits stays cheap.

use std::cmp::Reverse;
use std::ops::Range;

use crate::lexicon::{LexiconIdx, TermIdx};

use super::Layer;
use super::patterns::{Bearing, PatternSet};

/// An occurrence of a term, in bytes of the folded text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Candidate {
    pub(super) lexicon: LexiconIdx,
    pub(super) term: TermIdx,
    /// Separators inside it were skipped, or it stands there in disguise.
    pub(super) skipped: bool,
    /// What it took to see it in disguise.
    pub(super) disguise: Option<Layer>,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// An occurrence of a pattern that bears on terms, in bytes of the folded text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nearby {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) pattern: u32,
}

/// The surroundings of the hits of one text: what covers them, what keeps them company.
pub(super) struct Surroundings<'a> {
    patterns: &'a PatternSet,
    /// By start.
    nearby: &'a [Nearby],
}

impl<'a> Surroundings<'a> {
    /// Sorts `nearby`.
    pub(super) fn new(patterns: &'a PatternSet, nearby: &'a mut [Nearby]) -> Surroundings<'a> {
        nearby.sort_unstable_by_key(|nearby| nearby.start);
        Surroundings { patterns, nearby }
    }

    /// Returns whether one context of the term contains all of `hit`.
    pub(super) fn cover(&self, hit: &Candidate) -> bool {
        let from = hit.end.saturating_sub(self.patterns.reach());
        self.any(hit.term, Bearing::Context, from..hit.start + 1, |nearby| nearby.end >= hit.end)
    }

    /// Returns whether one companion of the term lies in the [`COMPANION_CHARS`] characters
    /// to either side of `hit` in `text`.
    pub(super) fn keep_company(&self, hit: &Candidate, text: &str) -> bool {
        let before = text[..hit.start as usize].chars().rev().take(COMPANION_CHARS);
        let from = hit.start - before.map(char::len_utf8).sum::<usize>() as u32;
        let after = text[hit.end as usize..].chars().take(COMPANION_CHARS);
        let to = hit.end + after.map(char::len_utf8).sum::<usize>() as u32;
        self.any(hit.term, Bearing::Companion, from..to, |nearby| nearby.end <= to)
    }

    /// Returns whether any pattern with this bearing on `term` starts in `starts` and ends as it should.
    fn any(
        &self,
        term: TermIdx,
        bearing: Bearing,
        starts: Range<u32>,
        ends: impl Fn(&Nearby) -> bool,
    ) -> bool {
        let first = self.nearby.partition_point(|nearby| nearby.start < starts.start);
        let within = self.nearby[first..].iter().take_while(|nearby| nearby.start < starts.end);
        within
            .filter(|nearby| ends(nearby))
            .any(|nearby| self.patterns.bears_on(term, bearing, nearby.pattern))
    }
}

/// Replaces `hits` by the leftmost-longest candidates of each lexicon that do not overlap,
/// in text order. One whose separators were skipped stays only where no other hit of its
/// lexicon overlaps it. Sorts `candidates`.
pub(super) fn resolve(candidates: &mut [Candidate], hits: &mut Vec<Candidate>) {
    hits.clear();
    candidates.sort_unstable_by_key(|hit| (hit.lexicon, hit.skipped, hit.start, Reverse(hit.end), hit.term));
    for of_lexicon in candidates.chunk_by(|a, b| a.lexicon == b.lexicon) {
        let (plain, skipped) = of_lexicon.split_at(of_lexicon.partition_point(|hit| !hit.skipped));
        let first = hits.len();
        keep_free(plain, hits, first..first);
        let taken = first..hits.len();
        keep_free(skipped, hits, taken);
    }
    hits.sort_unstable_by_key(|hit| (hit.start, hit.end, hit.lexicon, hit.term));
}

/// Appends the candidates that overlap neither one another nor the hits in `taken`.
fn keep_free(candidates: &[Candidate], hits: &mut Vec<Candidate>, taken: Range<usize>) {
    let mut free_from = 0;
    for hit in candidates {
        let after = hits[taken.clone()].partition_point(|other| other.end <= hit.start);
        let overlaps = hits[taken.clone()].get(after).is_some_and(|other| other.start < hit.end);
        if hit.start >= free_from && !overlaps {
            free_from = hit.end;
            hits.push(*hit);
        }
    }
}

/// How close a companion must stand.
const COMPANION_CHARS: usize = 8;
