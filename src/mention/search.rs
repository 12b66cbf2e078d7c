//! Follows an automaton from places where a pattern may begin.

use std::collections::HashMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use foldhash::fast::FixedState;

/// A pattern found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its number.
    pub(super) pattern: u32,
    /// Where it ends, in bytes of the text that was searched.
    pub(super) end: u32,
}

/// Finds the patterns that begin at given places: without the set-up per call of the crate's iterators, without
/// the steps through the first two characters, which [`Starters`](super::starters::Starters) has looked at already, and
/// without any for patterns of one character.
/// `annotate_plain` in `benches/language.rs` shows what it gains.
pub(super) struct Search {
    automaton: NFA,
    /// The state after the first two characters of patterns.
    after_pair: HashMap<(char, char), StateID, FixedState>,
    /// The patterns of one character with their numbers, in order of characters.
    singles: Vec<(char, u32)>,
    /// A bit for each of them by its code point; two may share one.
    may_be_single: u64,
}

impl Search {
    /// Compiles `patterns`; none for no patterns.
    pub(super) fn new(patterns: &[String]) -> Option<Search> {
        if patterns.is_empty() {
            return None;
        }
        let automaton = NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(patterns);
        let Ok(automaton) = automaton else {
            unreachable!("a lexicon is far smaller than the automaton's limit of two thousand million states")
        };
        let start = automaton.start_state(Anchored::Yes).expect("it was built for both kinds of search");
        let mut search =
            Search { automaton, after_pair: HashMap::default(), singles: Vec::new(), may_be_single: 0 };
        for (number, pattern) in (0..).zip(patterns) {
            match first_two(pattern) {
                Some((pair, length)) => {
                    let state = search.state_after(start, &pattern.as_bytes()[..length]);
                    search.after_pair.insert(pair, state);
                }
                None => search.singles.extend(pattern.chars().map(|c| (c, number))),
            }
        }
        search.singles.sort_unstable();
        search.may_be_single = search.singles.iter().fold(0, |all, (c, _)| all | 1 << (*c as u32 % 64));
        Some(search)
    }

    /// Appends every occurrence of every pattern that begins at one of `places`.
    pub(super) fn find(&self, text: &str, places: &[u32], found: &mut Vec<Found>) {
        for place in places {
            let from = *place as usize;
            let rest = &text[from..];
            let Some(first) = rest.chars().next() else { continue };
            if let Some(pattern) = self.single(first) {
                found.push(Found { pattern, end: (from + first.len_utf8()) as u32 });
            }
            let Some((pair, length)) = first_two(rest) else { continue };
            if let Some(state) = self.after_pair.get(&pair) {
                self.follow(text.as_bytes(), *state, from, from + length, found);
            }
        }
    }

    /// Returns the pattern that is this one character.
    fn single(&self, c: char) -> Option<u32> {
        if self.may_be_single >> (c as u32 % 64) & 1 == 0 {
            return None;
        }
        let at = self.singles.binary_search_by_key(&c, |(single, _)| *single).ok()?;
        Some(self.singles[at].1)
    }

    /// Goes on from `state`, which what stands in `from..at` led to, while a pattern goes on.
    fn follow(&self, text: &[u8], mut state: StateID, from: usize, mut at: usize, found: &mut Vec<Found>) {
        loop {
            if self.automaton.is_special(state) {
                if self.automaton.is_dead(state) {
                    return;
                }
                self.report(state, from, at, found);
            }
            let Some(byte) = text.get(at) else { return };
            state = self.automaton.next_state(Anchored::Yes, state, *byte);
            at += 1;
        }
    }

    /// Appends the patterns that `from..at` is; those that end there and begin later have a place of their own.
    fn report(&self, state: StateID, from: usize, at: usize, found: &mut Vec<Found>) {
        let n_matches = if self.automaton.is_match(state) { self.automaton.match_len(state) } else { 0 };
        for idx in 0..n_matches {
            let pattern = self.automaton.match_pattern(state, idx);
            if self.automaton.pattern_len(pattern) == at - from {
                found.push(Found { pattern: pattern.as_u32(), end: at as u32 });
            }
        }
    }

    /// Returns the automaton's memory in bytes.
    pub(super) fn memory(&self) -> usize {
        self.automaton.memory_usage()
    }

    fn state_after(&self, start: StateID, bytes: &[u8]) -> StateID {
        let step = |state, byte: &u8| self.automaton.next_state(Anchored::Yes, state, *byte);
        bytes.iter().fold(start, step)
    }
}

/// Returns the first two characters, and how many bytes they take.
fn first_two(text: &str) -> Option<((char, char), usize)> {
    let mut chars = text.chars();
    let (first, second) = (chars.next()?, chars.next()?);
    Some(((first, second), first.len_utf8() + second.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_at_a_place_is_found_and_nothing_else() {
        // (patterns, text, places, found as (pattern, end))
        type Case = (&'static [&'static str], &'static str, &'static [u32], &'static [(u32, u32)]);
        const CASES: &[Case] = &[
            (&["优惠", "优惠券", "惠券"], "有优惠券吗", &[3], &[(0, 9), (1, 12)]),
            (&["优惠", "优惠券", "惠券"], "有优惠券吗", &[3, 6], &[(0, 9), (1, 12), (2, 12)]),
            (&["优惠券"], "优惠", &[0], &[]),
            (&["优惠券"], "优点优惠券", &[0, 6], &[(0, 15)]),
            (&["贵", "贵了"], "太贵了", &[3], &[(0, 6), (1, 9)]),
            (&["贵", "贵了"], "太贵", &[3], &[(0, 6)]),
            (&["v信"], "加v信", &[3], &[(0, 7)]),
        ];
        for (patterns, text, places, expected) in CASES {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let (search, mut found) = (Search::new(&patterns).expect("there are patterns"), Vec::new());
            search.find(text, places, &mut found);
            let found: Vec<(u32, u32)> = found.iter().map(|found| (found.pattern, found.end)).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }
}
