//! Decides which occurrences are hits: contexts, companions, overlaps.
//!
//! A covering context beats the longest term, the longest beats the first in the list.
//! Everything is sorted once and looked up by binary search, so a long text full of
//! hits stays cheap.

use std::cmp::Reverse;
use std::ops::Range;

use crate::lexicon::{LexiconIdx, TermIdx};

/// An occurrence of a term, in bytes of the folded text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Candidate {
    pub(super) lexicon: LexiconIdx,
    pub(super) term: TermIdx,
    /// Separators inside it were skipped.
    pub(super) skipped: bool,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// An occurrence of a term's context or companion, in bytes of the folded text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nearby {
    pub(super) term: TermIdx,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Occurrences of contexts, ready to be asked.
pub(super) struct Covers<'a>(&'a [Nearby]);

impl Covers<'_> {
    /// Sorts `contexts` and lets each reach as far as the furthest one that begins before it.
    pub(super) fn prepare(contexts: &mut [Nearby]) -> Covers<'_> {
        contexts.sort_unstable_by_key(|context| (context.term, context.start));
        for i in 1..contexts.len() {
            if contexts[i].term == contexts[i - 1].term {
                contexts[i].end = contexts[i].end.max(contexts[i - 1].end);
            }
        }
        Covers(contexts)
    }

    /// Returns whether one context of the term contains all of `hit`.
    pub(super) fn contain(&self, hit: &Candidate) -> bool {
        let after = self.0.partition_point(|context| (context.term, context.start) <= (hit.term, hit.start));
        let last = after.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|context| context.term == hit.term && context.end >= hit.end)
    }
}

/// Occurrences of companions, ready to be asked.
pub(super) struct Companions<'a>(&'a [Nearby]);

impl Companions<'_> {
    /// Sorts `companions` and notes for each the nearest end of those from it on.
    pub(super) fn prepare(companions: &mut [Nearby]) -> Companions<'_> {
        companions.sort_unstable_by_key(|companion| (companion.term, companion.start));
        for i in (1..companions.len()).rev() {
            if companions[i].term == companions[i - 1].term {
                companions[i - 1].end = companions[i - 1].end.min(companions[i].end);
            }
        }
        Companions(companions)
    }

    /// Returns whether one companion of the term lies in the [`COMPANION_CHARS`] characters
    /// to either side of `hit` in `text`.
    pub(super) fn stand_by(&self, hit: &Candidate, text: &str) -> bool {
        let before = text[..hit.start as usize].chars().rev().take(COMPANION_CHARS);
        let from = hit.start - before.map(char::len_utf8).sum::<usize>() as u32;
        let after = text[hit.end as usize..].chars().take(COMPANION_CHARS);
        let to = hit.end + after.map(char::len_utf8).sum::<usize>() as u32;
        let first = self.0.partition_point(|other| (other.term, other.start) < (hit.term, from));
        self.0.get(first).is_some_and(|other| other.term == hit.term && other.end <= to)
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
