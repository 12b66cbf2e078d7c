//! Finds mentions of lexicon terms in one message.
//!
//! [`Annotator`] is compiled once from a catalog and shared; a thread brings its own
//! [`Scratch`]. What the words around a hit make of it (denied, asked, supposed, told) is
//! decided by the scope words, which are data.

mod annotator;
mod candidate;
#[cfg(test)]
mod cases;
mod detect;
mod disguise;
#[cfg(test)]
mod disguise_suite;
mod patterns;
mod regexes;
mod scope;
#[cfg(test)]
mod scope_suite;
mod search;
mod sieve;
mod starters;
mod trace;
mod wanted;

use std::ops::Range;

pub use annotator::{Annotator, Scratch};
pub use sieve::Refusal;
pub use trace::{Trace, Traced};
pub use wanted::Wanted;

use serde::{Deserialize, Serialize};

use crate::lexicon::{LexiconIdx, TermIdx};
use crate::message::TextScope;

/// One term found in one message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mention {
    /// The term.
    pub term: TermIdx,
    /// Its lexicon.
    pub lexicon: LexiconIdx,
    /// Index of the part it stands in.
    pub part: u16,
    /// Whose words.
    pub scope: TextScope,
    /// Where, in bytes of the part's original text.
    pub bytes: Range<u32>,
    /// Where, in characters of the stored string the part was cut from.
    pub chars: Range<u32>,
    /// How far the text had to be folded for the term to appear.
    pub layer: Layer,
    /// Said, denied, asked, supposed or told.
    pub polarity: Polarity,
    /// Negation turned it round (`不满意` for `满意`): it counts as the opposite.
    pub flipped: bool,
}

/// How far a text had to be folded for a term to appear in it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Letter by letter.
    Exact,
    /// Width, case, traditional characters.
    Folded,
    /// Invisible or separating characters skipped.
    Skipped,
    /// Repeated characters collapsed.
    Collapsed,
    /// Digit styles.
    Digits,
    /// A spelling made when the lexicon was compiled: pinyin, homophone, shape, split.
    Variant,
}

/// Whether the writer means it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// Said.
    Asserted,
    /// Denied.
    Negated,
    /// Asked.
    Questioned,
    /// Supposed.
    Hypothetical,
    /// Told of others.
    Reported,
}
