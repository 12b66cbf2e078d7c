//! Reads and checks term lists.

use serde::{Deserialize, Serialize};

/// Number of a term over all lexicons of a pack.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct TermIdx(pub u32);

/// Number of a lexicon: its place among all lexicons in id order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct LexiconIdx(pub u16);
