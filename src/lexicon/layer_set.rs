//! Says how far texts are folded for a lexicon.

/// Layers of folding that a lexicon asks for; a set of bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LayerSet(u8);

impl LayerSet {
    /// Letter by letter; always on.
    pub const EXACT: LayerSet = LayerSet(1);
    /// Width, case, traditional characters; always on.
    pub const FOLDED: LayerSet = LayerSet(1 << 1);
    /// Invisible and separating characters inside a term are skipped.
    pub const SKIP: LayerSet = LayerSet(1 << 2);

    /// Repeated characters count once, in text and term.
    pub const COLLAPSE: LayerSet = LayerSet(1 << 3);
    /// Digits in any style.
    pub const DIGITS: LayerSet = LayerSet(1 << 4);
    /// Other spellings: sound, pinyin, shape, split, emoji, other names, words put between.
    pub const VARIANTS: LayerSet = LayerSet(1 << 5);
    /// A hit that cuts another word in two is none: 口交 in 路口|交通.
    pub const WORDS: LayerSet = LayerSet(1 << 6);
    /// All of them.
    pub const ALL: LayerSet = LayerSet(0b111_1111);

    /// Returns the layer called `name` in pack settings: `exact`, `fold`, `skip`, `repeat`, `digits`, `variant`,
    /// `word`.
    pub fn named(name: &str) -> Option<LayerSet> {
        match name {
            "exact" => Some(LayerSet::EXACT),
            "fold" => Some(LayerSet::FOLDED),
            "skip" => Some(LayerSet::SKIP),
            "repeat" => Some(LayerSet::COLLAPSE),
            "digits" => Some(LayerSet::DIGITS),
            "variant" => Some(LayerSet::VARIANTS),
            "word" => Some(LayerSet::WORDS),
            _ => None,
        }
    }

    /// Returns the layers of both sets.
    #[must_use]
    pub fn with(self, other: LayerSet) -> LayerSet {
        LayerSet(self.0 | other.0)
    }

    /// Returns whether all layers of `other` are on.
    pub fn contains(self, other: LayerSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the bits, for fingerprints.
    pub fn bits(self) -> u8 {
        self.0
    }
}

impl Default for LayerSet {
    fn default() -> LayerSet {
        LayerSet::EXACT.with(LayerSet::FOLDED)
    }
}
