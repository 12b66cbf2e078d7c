//! Finds archive files, reads records, decodes every stored shape.
//!
//! [`Plan`] says which files, in path order. [`read_blocks`] reads them in
//! parallel and hands out [`Block`]s; a block lends its records one by one as
//! [`Read`]s. Official plaintext takes one borrowed pass (`fast`), everything
//! else one general path over a JSON value (`general`). A bad record is a
//! [`RecordFault`] and the run goes on; nothing is dropped silently.
//!
//! Compressed files, arrays, pages and pipes are read in order, in bounded
//! pieces; line-delimited files in independent blocks. Memory is bounded by
//! the number of threads times the block size and the longest record.

mod block;
mod business;
mod canonical;
mod compression;
mod container;
mod decrypt;
mod fast;
mod file_hash;
mod flat;
mod general;
mod instant;
mod kind;
mod layers;
mod lines;
mod options;
mod payload;
mod plan;
mod quote;
mod reasons;
mod record;
mod repair;
mod role;
mod roster;
mod rows;
mod scan;
mod sequence;
mod source;
mod splitter;
pub mod table;
mod variant;
mod wording;

pub use block::{Block, decode};
pub use business::{BUSINESS_COLUMNS, BusinessReader, BusinessRow};
pub use compression::Compression;
pub(crate) use compression::unpack;
pub use decrypt::{Decryptor, HookLimits, PrivateKeys};
pub(crate) use lines::starts_record;
pub use options::ReadOptions;
pub use plan::{Plan, PlannedFile};
pub use quote::own_words;
pub use reasons::reason;
pub use record::{Read, Record, RecordFault};
pub use roster::{Roster, RosterEntry};
pub use rows::MESSAGE_COLUMNS;
pub(crate) use sequence::{Chunk, Sequence};
pub use source::{FileReport, Shape, read_blocks};
pub use variant::{Variant, variant_of};

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod table_cases;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../tests/kit/workbook.rs"]
mod workbook;
