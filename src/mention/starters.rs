//! Tells where in a text a pattern may begin, so that the automaton runs only there.
//!
//! Most characters begin some pattern; few pairs do, and hardly a triple that is none. Three
//! small tables of hashed characters answer while the text is folded anyway: a look-up per
//! character, a second one where a pair is known. A place that is named wrongly costs a
//! few steps of the automaton, so two pairs may share a bit; a place is never missed.

use crate::language::{Han, Witness};

/// Where patterns may begin, and the characters that say so: whoever follows them need not look again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Beginning {
    /// In bytes of the text.
    pub(super) at: u32,
    /// The first three characters; [`NOTHING`] behind the end of the text, and behind a pattern of one character.
    pub(super) codes: [u32; 3],
    /// A pattern of one character may stand here.
    pub(super) single: bool,
    /// A pattern of two characters may.
    pub(super) pair: bool,
    /// A longer one may begin.
    pub(super) triple: bool,
}

/// How patterns begin. Built once, shared by all threads.
#[derive(Default)]
pub(super) struct Starters {
    /// The first two characters of patterns.
    pairs: Bits<PAIR_WORDS>,
    /// Patterns of two characters.
    whole_pairs: Bits<PAIR_WORDS>,
    /// The first three characters of longer patterns.
    triples: Bits<TRIPLE_WORDS>,
    /// Patterns of one character.
    singles: Bits<SINGLE_WORDS>,
    /// Whether there are any of those: most lexicons have none.
    has_singles: bool,
}

impl Starters {
    /// Notes how each pattern begins.
    pub(super) fn new(patterns: &[String]) -> Starters {
        let mut starters = Starters::default();
        for pattern in patterns {
            let mut chars = pattern.chars();
            match (chars.next(), chars.next(), chars.next()) {
                (Some(a), Some(b), Some(c)) => {
                    starters.pairs.set(pair(a as u32, b as u32));
                    starters.triples.set(triple(a as u32, b as u32, c as u32));
                }
                (Some(a), Some(b), None) => {
                    starters.pairs.set(pair(a as u32, b as u32));
                    starters.whole_pairs.set(pair(a as u32, b as u32));
                }
                (Some(a), ..) => {
                    starters.singles.set(a as u32);
                    starters.has_singles = true;
                }
                (None, ..) => {}
            }
        }
        starters
    }

    /// Replaces `beginnings` by where in `text` a pattern may begin, in order. `noted` is a buffer.
    pub(super) fn find(&self, text: &str, noted: &mut Vec<u32>, beginnings: &mut Vec<Beginning>) {
        let mut watch = self.watch(noted);
        text.char_indices().for_each(|(at, c)| watch.character(at, c as u32));
        self.look_closer(text, watch.end(), beginnings);
    }

    /// Starts to watch a text that is being folded; `noted` is where it notes characters to look at.
    pub(super) fn watch<'s>(&'s self, noted: &'s mut Vec<u32>) -> PairWatch<'s> {
        PairWatch { starters: self, noted, n: 0, before: NOTHING }
    }

    /// Replaces `beginnings` by where in `text` a pattern may begin, in order, given where the characters stand that a
    /// watch has noted.
    pub(super) fn look_closer(&self, text: &str, noted: &[u32], beginnings: &mut Vec<Beginning>) {
        beginnings.clear();
        for at in noted {
            let (before, rest) = text.split_at(*at as usize);
            let mut rest = rest.chars();
            let Some(second) = rest.next().map(u32::from).filter(|code| *code != NOTHING) else { continue };
            if let Some(first) = before.chars().next_back() {
                let (at, first) = (at - first.len_utf8() as u32, first as u32);
                let third = rest.next().map_or(NOTHING, u32::from);
                let whole = self.whole_pairs.has(pair(first, second));
                let triple = self.triples.has(triple(first, second, third));
                if whole | triple {
                    let codes = [first, second, third];
                    beginnings.push(Beginning { at, codes, single: false, pair: whole, triple });
                }
            }
            if self.singles.has(second) {
                let codes = [second, NOTHING, NOTHING];
                beginnings.push(Beginning { at: *at, codes, single: true, pair: false, triple: false });
            }
        }
    }

    /// Returns where in `text` no pattern has begun yet, when one may begin there or soon after; none when none may
    /// begin anywhere.
    pub(super) fn first(&self, text: &str) -> Option<usize> {
        let (mut lookout, mut before, mut earlier) = (self.lookout(), 0, 0);
        for (at, c) in text.char_indices() {
            if lookout.sees(c as u32) {
                return Some(earlier);
            }
            (earlier, before) = (before, at);
        }
        None
    }

    /// Begins to look out for the first pattern.
    pub(super) fn lookout(&self) -> Lookout<'_> {
        Lookout { starters: self, before: NOTHING, earlier: NOTHING, waits: false }
    }
}

/// Tells of characters that are shown one by one whether they may be the beginning of a pattern.
pub(super) struct Lookout<'s> {
    starters: &'s Starters,
    /// The character before the next one.
    before: u32,
    /// The one before that.
    earlier: u32,
    /// These two begin a longer pattern, if the third agrees.
    waits: bool,
}

impl Lookout<'_> {
    /// Takes the next character; returns whether it and those before it may begin a pattern.
    #[inline(always)]
    pub(super) fn sees(&mut self, code: u32) -> bool {
        let (starters, pair) = (self.starters, pair(self.before, code));
        let begins = starters.pairs.has(pair);
        let single = starters.has_singles && starters.singles.has(code);
        let seen = (single | begins | self.waits)
            && (single
                || begins && starters.whole_pairs.has(pair)
                || self.waits && starters.triples.has(triple(self.earlier, self.before, code)));
        (self.earlier, self.before, self.waits) = (self.before, code, begins);
        seen
    }
}

/// Notes which pairs of a text's characters, and which characters by themselves, begin patterns, while the text is folded.
/// It does so without a branch, since no guess is good where such pairs stand; [`Starters::look_closer`] goes on from there.
pub(super) struct PairWatch<'s> {
    starters: &'s Starters,
    /// Where the second characters of such pairs stand, and such characters, in bytes: the first `n`. The rest is what
    /// earlier texts left.
    noted: &'s mut Vec<u32>,
    n: usize,
    /// The character before the next one.
    before: u32,
}

impl<'s> PairWatch<'s> {
    /// Returns what was noted.
    pub(super) fn end(self) -> &'s [u32] {
        &self.noted[..self.n]
    }

    #[inline(always)]
    fn make_room(&mut self, n: usize) {
        if self.noted.len() < self.n + n {
            self.noted.resize(self.n + n, 0);
        }
    }

    /// Notes the characters of a run of which `takes_note` is told the one before each, and the character.
    #[inline(always)]
    fn note(&mut self, at: usize, run: Han<'_>, takes_note: impl Fn(&Starters, u32, u32) -> bool) {
        self.make_room(run.len());
        let (noted, mut n, mut before) = (&mut self.noted[self.n..], 0, self.before);
        for (at, code) in (at as u32..).step_by(3).zip(run.codes()) {
            noted[n] = at;
            n += usize::from(takes_note(self.starters, before, code));
            before = code;
        }
        (self.n, self.before) = (self.n + n, before);
    }
}

impl Witness for PairWatch<'_> {
    #[inline(always)]
    fn character(&mut self, at: usize, code: u32) {
        self.make_room(1);
        self.noted[self.n] = at as u32;
        let (starters, begins) = (self.starters, pair(self.before, code));
        self.n += usize::from(starters.pairs.has(begins) | starters.singles.has(code));
        self.before = code;
    }

    #[inline(always)]
    fn han(&mut self, at: usize, run: Han<'_>) {
        // Most lexicons are spared a look-up for each character.
        match self.starters.has_singles {
            true => self.note(at, run, |starters, before, code| {
                starters.pairs.has(pair(before, code)) | starters.singles.has(code)
            }),
            false => self.note(at, run, |starters, before, code| starters.pairs.has(pair(before, code))),
        }
    }
}

/// A set of hashes; equal ones share a bit.
struct Bits<const WORDS: usize>(Box<[u64; WORDS]>);

impl<const WORDS: usize> Default for Bits<WORDS> {
    fn default() -> Bits<WORDS> {
        Bits(Box::new([0; WORDS]))
    }
}

impl<const WORDS: usize> Bits<WORDS> {
    fn set(&mut self, hash: u32) {
        self.0[hash as usize / 64 % WORDS] |= 1 << (hash % 64);
    }

    #[inline(always)]
    fn has(&self, hash: u32) -> bool {
        self.0[hash as usize / 64 % WORDS] >> (hash % 64) & 1 == 1
    }
}

#[inline(always)]
fn pair(first: u32, second: u32) -> u32 {
    first.wrapping_mul(0x9e37) ^ second.wrapping_mul(0x85eb)
}

#[inline(always)]
fn triple(first: u32, second: u32, third: u32) -> u32 {
    pair(first, second) ^ third.wrapping_mul(0xc2b3)
}

/// Before the first character of a text: no pattern holds it.
pub(super) const NOTHING: u32 = 0;

/// Size of the tables of pairs in words of 64 bits: with the text they fit into the nearest cache.
const PAIR_WORDS: usize = (1 << 16) / 64;

/// Size of the table of triples; it is asked rarely.
const TRIPLE_WORDS: usize = (1 << 17) / 64;

/// Size of the table of single characters, which are few.
const SINGLE_WORDS: usize = (1 << 12) / 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automaton_runs_where_a_pattern_may_begin() {
        let patterns = ["优惠", "优惠券", "v信", "é", "加微信", "😀好"].map(str::to_owned);
        let starters = Starters::new(&patterns);
        // (text, places)
        const CASES: &[(&str, &[u32])] = &[
            ("", &[]),
            ("好的", &[]),
            ("好v信", &[3]),
            ("优惠", &[0]),
            ("有优惠券吗", &[3]),
            ("优点", &[]),
            ("加微", &[]),
            ("加微博加微信", &[9]),
            ("àéé", &[2, 4]),
            ("a😀好", &[1]),
        ];
        let (mut pairs, mut beginnings) = (Vec::new(), Vec::new());
        for (text, expected) in CASES {
            starters.find(text, &mut pairs, &mut beginnings);
            let places: Vec<u32> = beginnings.iter().map(|beginning| beginning.at).collect();
            assert_eq!(places, *expected, "{text}");
            let first = starters.first(text);
            assert_eq!(first.is_some(), !places.is_empty(), "{text}");
            assert!(
                first.zip(places.first()).is_none_or(|(first, place)| first <= *place as usize),
                "{text}"
            );
        }
    }
}
