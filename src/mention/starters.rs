//! Tells where in a text a pattern may begin, so that the automaton runs only there.
//!
//! Most characters begin some pattern; few pairs do, and hardly a triple that is none. Three
//! small tables of hashed characters answer while the text is folded anyway: a look-up per
//! character, a second one where a pair is known. A place that is named wrongly costs a
//! few steps of the automaton, so two pairs may share a bit; a place is never missed.

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

    /// Appends to `places` where in `text` a pattern may begin, in order.
    pub(super) fn find(&self, text: &str, places: &mut Vec<u32>) {
        let mut watch = self.watch(places);
        text.char_indices().for_each(|(at, c)| watch.pass(at, c as u32));
        watch.end();
    }

    /// Replaces `places` by where a pattern may begin in a text given as its characters, each with its place, in
    /// order. First it goes through all pairs and notes in `ends`, a buffer, which begin patterns: without a branch,
    /// since no guess is good where they stand. Then it looks closer at those.
    pub(super) fn find_among(&self, characters: &[(u32, u32)], ends: &mut Vec<u32>, places: &mut Vec<u32>) {
        places.clear();
        if ends.len() <= characters.len() {
            ends.resize(characters.len() + 1, 0);
        }
        let (mut n, mut before) = (0, NOTHING);
        for (number, (_, c)) in (0..).zip(characters) {
            ends[n] = number;
            n += usize::from(self.pairs.has(pair(before, *c)));
            before = *c;
        }
        for end in &ends[..n] {
            let end = *end as usize;
            let Some((at, first)) = end.checked_sub(1).map(|first| characters[first]) else { continue };
            let (second, third) = (characters[end].1, characters.get(end + 1).map(|(_, c)| *c));
            let goes_on = |third| self.triples.has(triple(first, second, third));
            if self.whole_pairs.has(pair(first, second)) || third.is_some_and(goes_on) {
                places.push(at);
            }
        }
        if self.has_singles {
            let alone = characters.iter().filter(|(_, c)| self.singles.has(*c));
            places.extend(alone.map(|(at, _)| *at));
            places.sort_unstable();
            places.dedup();
        }
    }

    /// Returns whether a pattern may begin anywhere in `text`.
    pub(super) fn may_begin(&self, text: &str) -> bool {
        let (mut before, mut earlier, mut waits) = (NOTHING, NOTHING, false);
        for c in text.chars().map(u32::from) {
            let pair = pair(before, c);
            let begins = self.pairs.has(pair);
            if self.singles.has(c)
                || begins && self.whole_pairs.has(pair)
                || waits && self.triples.has(triple(earlier, before, c))
            {
                return true;
            }
            (earlier, before, waits) = (before, c, begins);
        }
        false
    }

    /// Notes at which of the last three characters, each with its place, a pattern begins as far as the
    /// tables agree. Apart from [`Watch::pass`], which runs for every character and keeps what it knows in
    /// registers: so this takes values.
    #[inline(never)]
    fn look_closer(&self, last: [(u32, u32); 3], waits: bool, begins: bool, places: &mut Vec<u32>) {
        let [earlier, before, (at, c)] = last;
        if waits && self.triples.has(triple(earlier.1, before.1, c)) {
            places.push(earlier.0);
        }
        if begins && self.whole_pairs.has(pair(before.1, c)) {
            places.push(before.0);
        }
        if self.has_singles && self.singles.has(c) {
            places.push(at);
        }
    }

    /// Starts to watch a text whose characters are shown one by one; `places` is where it
    /// notes what [`Starters::find`] finds.
    pub(super) fn watch<'s>(&'s self, places: &'s mut Vec<u32>) -> Watch<'s> {
        places.clear();
        Watch { starters: self, places, before: (0, NOTHING), earlier: (0, NOTHING), waits: false }
    }
}

/// The way through one text.
pub(super) struct Watch<'s> {
    starters: &'s Starters,
    places: &'s mut Vec<u32>,
    /// The character before the next one, and its place.
    before: (u32, u32),
    /// The one before that.
    earlier: (u32, u32),
    /// These two begin a longer pattern, if the third agrees.
    waits: bool,
}

impl Watch<'_> {
    /// Takes the code point of the text's next character, at byte `at`.
    #[inline(always)]
    pub(super) fn pass(&mut self, at: usize, c: u32) {
        let pair = pair(self.before.1, c);
        let begins = self.starters.pairs.has(pair);
        let single = self.starters.has_singles && self.starters.singles.has(c);
        if self.waits | begins | single {
            let [earlier, before] = [self.earlier, self.before];
            self.starters.look_closer([earlier, before, (at as u32, c)], self.waits, begins, self.places);
        }
        self.waits = begins;
        self.earlier = self.before;
        self.before = (at as u32, c);
    }

    /// Puts the places in order, each once.
    pub(super) fn end(self) {
        if self.places.len() > 1 {
            self.places.sort_unstable();
            self.places.dedup();
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
const NOTHING: u32 = 0;

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
        let mut places = Vec::new();
        for (text, expected) in CASES {
            let characters: Vec<(u32, u32)> =
                text.char_indices().map(|(at, c)| (at as u32, u32::from(c))).collect();
            starters.find_among(&characters, &mut Vec::new(), &mut places);
            assert_eq!(places, *expected, "{text}");
            starters.find(text, &mut places);
            assert_eq!(places, *expected, "{text}");
            assert_eq!(starters.may_begin(text), !places.is_empty(), "{text}");
        }
    }
}
