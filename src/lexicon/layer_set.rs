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

    /// Returns the layer called `name` in pack settings: `exact`, `fold` or `skip`.
    pub fn named(name: &str) -> Option<LayerSet> {
        match name {
            "exact" => Some(LayerSet::EXACT),
            "fold" => Some(LayerSet::FOLDED),
            "skip" => Some(LayerSet::SKIP),
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
