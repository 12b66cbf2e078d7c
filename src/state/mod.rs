//! What is remembered of histories between commits.
//!
//! A [`History`] is all that happens to one customer, one group or one employee. Of each the
//! state keeps a base, a journal of the newest events and the head they lead to, so that a
//! message that comes late is put in its place and what it changes is known.
//!
//! Histories lie in [`N_SHARDS`] shards by the top bits of their hash. A shard is a stack of
//! Parquet files, its layers, each sorted by hash; of one history the newest layer's row counts.
//! A commit writes what changed as one more layer, and folds older layers into it once they are
//! not much larger, so that a shard has few layers and each row is rewritten few times. Who looks
//! for the histories that changed or are due reads 25 bytes of each and decodes those alone.
//!
//! Beside the histories: the ids of the newest messages ([`IdMemory`]), and one row of what all
//! histories share ([`Shared`]).

mod bytes;
mod footer;
mod history;
mod ids;
mod index;
mod inputs;
mod layer;
mod lookup;
mod shard;
mod shared;
mod single;
#[cfg(test)]
mod tests;

pub use history::{History, SavedKey, Snapshot};
pub use ids::{IdMemory, N_RANGES, RememberedId, Sent, range_of};
pub use inputs::{FileIdentity, INPUTS, Inputs, Position};
pub use layer::StoredHistory;
pub use lookup::IdLookup;
pub use shard::{Reader, Shard, shard_of, write_shard};
pub use shared::{SHARED, SavedRecall, Shared};

/// Shards of the state: the four top bits of a history's hash say which.
pub const N_SHARDS: usize = 16;

/// Layout of the state files that this version writes. Readers take it and all older ones: in 3, ids had filters
/// instead of leads; in 2, histories had columns of their own for whose they are, wrote each message id as often as it
/// stood in them, and had whole entries in their journals; in 1, those entries said whose they are, ids had no filter,
/// and states did not say what alerts rested on.
pub const FORMAT: u32 = 4;
