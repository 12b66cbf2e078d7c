//! Reads and checks term lists.
//!
//! A list is a CSV file that a spreadsheet opens and saves safely ([`parse`]). All
//! lists of a pack together are a [`Catalog`], which numbers lexicons and terms.
//! Texts are folded by the stage before; matching is the stage after.

mod catalog;
mod cell;
mod detector;
mod encoding;
mod finding;
mod layer_set;
mod lexicon_set;
mod lint;
mod parse;
mod term;
mod variant;

use serde::{Deserialize, Serialize};

pub use crate::encoding::{TextEncoding, decode};
pub use catalog::{Catalog, TermNumbers, check};
pub use cell::column_titles;
pub use detector::Detector;
pub use encoding::check_bytes;
pub use layer_set::LayerSet;
pub use lexicon_set::LexiconSet;
pub use lint::check_context;
pub use parse::parse;
pub use term::{Lexicon, Mode, NegationPolicy, Term, Validity};
pub use variant::{Variant, VariantKind, VariantTables};

/// Number of a term over all lexicons of a pack.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct TermIdx(pub u32);

/// Number of a lexicon: its place among all lexicons in id order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct LexiconIdx(pub u16);
