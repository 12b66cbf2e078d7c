//! Follows an automaton from places where a pattern may begin.

use std::collections::HashMap;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use foldhash::fast::FixedState;

use super::starters::{Beginning, NOTHING};

/// A pattern found in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its number.
    pub(super) pattern: u32,
    /// Where it ends, in bytes of the text that was searched.
    pub(super) end: u32,
}

/// Finds the patterns that begin at given places: without the set-up per call of the crate's iterators, without
/// the steps through the characters that [`Starters`](super::starters::Starters) has looked at already, and without any
/// for patterns of one or two characters. `annotate_plain` in `benches/language.rs` shows what it gains.
pub(super) struct Search {
    automaton: NFA,
    /// The state after the first three characters of patterns, by [`name_of`] these.
    after_triple: HashMap<u64, StateID, FixedState>,
    /// The patterns of one and two characters with their numbers.
    short: HashMap<u64, u32, FixedState>,
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
        let mut search = Search { automaton, after_triple: HashMap::default(), short: HashMap::default() };
        for (number, pattern) in (0..).zip(patterns) {
            let codes = first_three(pattern);
            if codes[2] == NOTHING {
                search.short.insert(name_of(codes), number);
            } else {
                let state = search.state_after(start, &pattern.as_bytes()[..length_of(&codes)]);
                search.after_triple.insert(name_of(codes), state);
            }
        }
        Some(search)
    }

    /// Appends every occurrence of every pattern that begins at one of `beginnings`, which are those of `text`.
    pub(super) fn find(&self, text: &str, beginnings: &[Beginning], found: &mut Vec<Found>) {
        for Beginning { at, codes: [first, second, third], single, pair, triple } in
            beginnings.iter().copied()
        {
            if single {
                self.find_short(at, [first, NOTHING, NOTHING], found);
            }
            if pair {
                self.find_short(at, [first, second, NOTHING], found);
            }
            let codes = [first, second, third];
            if triple && let Some(state) = self.after_triple.get(&name_of(codes)) {
                let from = at as usize;
                self.follow(text.as_bytes(), *state, from, from + length_of(&codes), found);
            }
        }
    }

    /// Appends the pattern that is these characters, if there is one.
    fn find_short(&self, at: u32, codes: [u32; 3], found: &mut Vec<Found>) {
        if let Some(pattern) = self.short.get(&name_of(codes)) {
            found.push(Found { pattern: *pattern, end: at + length_of(&codes) as u32 });
        }
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

/// Returns the first three characters of a text; [`NOTHING`] where there are no more.
fn first_three(text: &str) -> [u32; 3] {
    let mut chars = text.chars().map(u32::from);
    [(); 3].map(|()| chars.next().unwrap_or(NOTHING))
}

/// Returns how many bytes the characters take.
fn length_of(codes: &[u32; 3]) -> usize {
    let chars = codes.iter().filter(|code| **code != NOTHING).filter_map(|code| char::from_u32(*code));
    chars.map(char::len_utf8).sum()
}

/// Returns one number for three characters: none has more than 21 bits.
fn name_of([first, second, third]: [u32; 3]) -> u64 {
    u64::from(first) << 42 | u64::from(second) << 21 | u64::from(third)
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
            let beginning = |at: &u32| {
                let codes = first_three(&text[*at as usize..]);
                Beginning {
                    at: *at,
                    codes,
                    single: true,
                    pair: codes[1] != NOTHING,
                    triple: codes[2] != NOTHING,
                }
            };
            let beginnings: Vec<Beginning> = places.iter().map(beginning).collect();
            search.find(text, &beginnings, &mut found);
            let found: Vec<(u32, u32)> = found.iter().map(|found| (found.pattern, found.end)).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }
}
