//! Folds text with a way back to the original, marks clauses, and segments lazily.
//!
//! Folding is one table look-up per character ([`fold_into`]); the same code folds
//! texts and lexicons, so the two always agree. Word boundaries ([`Segmenter`]) are
//! dear and made only for the texts that need them.

mod character;
mod clause;
mod fold;
mod offsets;
mod segment;
mod skip;
mod sound;
#[cfg(test)]
mod sound_source;
#[cfg(test)]
mod table_source;

pub use character::{CharFlags, Han, flags_of, fold_char};
pub use clause::{Clause, clause_around};
pub use fold::{FoldedText, Witness, fold, fold_before, fold_into};
pub use offsets::OffsetMap;
pub use segment::{Segmenter, load_dictionary};
pub use skip::{SkippedText, skip_into, without_separators};
pub use sound::{N_SYLLABLES, Spellings, Syllable, spelling_of, syllable_of};
