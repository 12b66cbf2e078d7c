//! What a reader has to know besides the bytes.

use std::sync::Arc;

use crate::archive::Roster;
use crate::archive::decrypt::Decryptor;
use crate::archive::rows::MESSAGE_COLUMNS;
use crate::archive::table::Columns;
use crate::time::Zone;

/// How archives are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Zone of date-times that name none.
    pub zone: Zone,
    /// Who is staff, bot, owner or administrator.
    pub roster: Roster,
    /// Which column of a table holds which field.
    pub columns: Columns,
    /// Who opens encrypted records; `None`: they are counted and laid aside.
    pub decryptor: Option<Arc<Decryptor>>,
    /// Longest record in bytes; a longer one is a fault.
    pub max_record_bytes: usize,
    /// Bytes of a line-delimited file that are read as one block: a power of two, at least 1,024.
    pub block_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            zone: Zone::shanghai(),
            roster: Roster::default(),
            columns: Columns::automatic(MESSAGE_COLUMNS),
            decryptor: None,
            max_record_bytes: MAX_RECORD_BYTES,
            block_bytes: BLOCK_BYTES,
        }
    }
}

/// A forwarded record with hundreds of items stays far below this.
const MAX_RECORD_BYTES: usize = 16 << 20;

/// Large enough that the cost of a block (open, peek past its end) vanishes, small enough that its
/// bytes, which are looked at several times, stay in a core's own cache.
const BLOCK_BYTES: usize = 512 << 10;
