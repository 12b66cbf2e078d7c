//! Reads, checks and compiles rules, signals and tags.
//!
//! [`read`] gathers the files of a pack with its overlays, [`compile`] resolves
//! names, fills in defaults and checks. Neither fails: what is wrong becomes a
//! finding, all of them in one go.

mod business_file;
mod check;
mod circles;
mod compile;
mod draft;
mod duration;
mod exempt_file;
mod findings;
mod fingerprint;
mod limits;
mod list;
mod names;
mod overlay;
mod pack_file;
mod rank_file;
mod reader;
mod rule;
mod rule_file;
mod shape_file;
mod signal_def;
mod signal_file;
mod spelling;
mod tag_file;
mod test_def;
mod tree;

pub use circles::combines_in_order;
pub use compile::compile;
pub use draft::{Draft, LayerChoice, SourceFile, lexicon_files, read};
pub use duration::elapsed_span;
pub use names::{is_plain, is_plain_word};
pub use overlay::{TermChange, TermEdit};
pub use rule::*;
pub use signal_def::*;
pub use test_def::{Line, RuleTest};
