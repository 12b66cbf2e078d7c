//! A set of lexicons.

use super::LexiconIdx;

/// Some of the lexicons of a catalog; a bit for each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LexiconSet(Vec<u64>);

impl LexiconSet {
    /// Returns the set of the first `n` lexicons.
    pub fn first(n: usize) -> LexiconSet {
        let mut set = LexiconSet::default();
        (0..n).for_each(|idx| set.insert(LexiconIdx(idx as u16)));
        set
    }

    /// Adds `lexicon`.
    pub fn insert(&mut self, lexicon: LexiconIdx) {
        let word = usize::from(lexicon.0 / 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (lexicon.0 % 64);
    }

    /// Returns whether `lexicon` is in the set.
    pub fn contains(&self, lexicon: LexiconIdx) -> bool {
        self.0.get(usize::from(lexicon.0 / 64)).is_some_and(|word| word >> (lexicon.0 % 64) & 1 == 1)
    }

    /// Returns whether no lexicon is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = LexiconSet::default();
        assert!(set.is_empty() && !set.contains(LexiconIdx(3)));
        set.insert(LexiconIdx(3));
        set.insert(LexiconIdx(130));
        let found: Vec<u16> = (0..200).filter(|idx| set.contains(LexiconIdx(*idx))).collect();
        assert_eq!(found, [3, 130]);
        assert!(LexiconSet::first(65).contains(LexiconIdx(64)) && LexiconSet::first(0).is_empty());
    }
}
