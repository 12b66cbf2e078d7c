//! The journal of a history: its newest events, as they are remembered.
//!
//! Its entries leave out whose history it is, which is half of their bytes. Those that an older version
//! wrote say it; both are read.

use super::codec::{self, Entry, Whose};

/// Reads the entries of the journal of a history.
pub fn entries<'e>(journal: &'e [u8], whose: Whose<'e>) -> impl Iterator<Item = Entry<'e>> {
    codec::entries_of(journal, whose).map(|(_, entry)| entry)
}

/// Returns entries as the journal of the history that all of them belong to.
pub fn of<'e>(entries: impl IntoIterator<Item = Entry<'e>>) -> Vec<u8> {
    let mut journal = Vec::new();
    entries.into_iter().for_each(|entry| entry.put_owned(&mut journal));
    journal
}
