//! The journal of a history: its newest events, as they are remembered.
//!
//! Its entries leave out whose history it is and which records they were, which is half of their bytes, and say
//! only what differs from the entry before: the time since then, and with whom and where when it is somebody else.
//! Journals of older versions have whole entries; they are read, and written anew when something happens.

use super::codec::{self, Arrival, Class, Cursor, Entry, EntryKind, KIND_SHIFT, Whose};
use crate::time::Timestamp;

/// Reads the entries of the journal of a history.
pub fn entries<'e>(journal: &'e [u8], whose: Whose<'e>) -> impl Iterator<Item = Entry<'e>> {
    let short = journal.strip_prefix(&SHORT);
    let whole = short.is_none().then(|| codec::entries_of(journal, whose));
    let short = short.map(|bytes| Short { bytes, whose, at: START, second: b"", room: b"" });
    whole.into_iter().flatten().map(|(_, entry)| entry).chain(short.into_iter().flatten())
}

/// Returns entries as the journal of the history that all of them belong to.
pub fn of<'e>(entries: impl IntoIterator<Item = Entry<'e>>) -> Vec<u8> {
    let entries = entries.into_iter();
    let (mut journal, mut one) = (Vec::with_capacity(entries.size_hint().0 * USUAL), Vec::new());
    let (mut at, mut place): (_, (&[u8], &[u8])) = (START, (b"", b""));
    for entry in entries {
        if journal.is_empty() {
            journal.extend_from_slice(&SHORT);
        }
        one.clear();
        put_short(&mut one, &entry, at, place);
        codec::put(&mut journal, one.len() as u64);
        journal.extend_from_slice(&one);
        (at, place) = (entry.at, (entry.second, entry.room));
    }
    journal
}

/// Appends an entry that follows one of the instant `at` with the counterpart and the group `place`.
fn put_short(out: &mut Vec<u8>, entry: &Entry<'_>, at: Timestamp, place: (&[u8], &[u8])) {
    codec::put_signed(out, entry.at.0.wrapping_sub(at.0));
    codec::put(out, entry.seq);
    entry.id.put(out, entry.at);
    let same = if place == (entry.second, entry.room) { SAME_PLACE } else { 0 };
    out.push(entry.class as u8 | (entry.kind as u8) << KIND_SHIFT | same);
    if same == 0 {
        codec::put_bytes(out, entry.second);
        codec::put_bytes(out, entry.room);
    }
    out.extend_from_slice(entry.body);
}

/// The entries of a journal whose [`SHORT`] has been read.
struct Short<'e> {
    bytes: &'e [u8],
    whose: Whose<'e>,
    /// Of the last entry.
    at: Timestamp,
    second: &'e [u8],
    room: &'e [u8],
}

impl<'e> Iterator for Short<'e> {
    type Item = Entry<'e>;

    fn next(&mut self) -> Option<Entry<'e>> {
        let mut cursor = Cursor { bytes: self.bytes };
        let bytes = cursor.text()?;
        self.bytes = cursor.bytes;
        let mut cursor = Cursor { bytes };
        self.at = Timestamp(self.at.0.wrapping_add(cursor.signed()?));
        let (seq, id, what) = (cursor.number()?, cursor.id(self.at)?, cursor.byte()?);
        if what & SAME_PLACE == 0 {
            (self.second, self.room) = (cursor.text()?, cursor.text()?);
        }
        let Whose { corp, primary, .. } = self.whose;
        Some(Entry {
            at: self.at,
            seq,
            id,
            class: Class::from_u8(what & ((1 << KIND_SHIFT) - 1)),
            corp: corp.as_bytes(),
            primary: primary.as_bytes(),
            second: self.second,
            room: self.room,
            kind: EntryKind::from_u8((what & !SAME_PLACE) >> KIND_SHIFT),
            arrival: Arrival::default(),
            bytes,
            body: cursor.bytes,
        })
    }
}

/// How a journal of this kind begins. Older ones begin with the length of an entry, which is none.
const SHORT: [u8; 4] = [0; 4];

/// Marks an entry with the counterpart and the group of the one before it.
const SAME_PLACE: u8 = 1 << 7;

/// Most entries take no more bytes.
const USUAL: usize = 64;

/// Before the first entry.
const START: Timestamp = Timestamp(0);

#[cfg(test)]
mod tests {
    use super::super::codec::Address;
    use super::*;
    use crate::signal::Event;

    /// Entries as they wait: (time, counterpart, group, kind).
    fn waiting(entries: &[(i64, &str, &str, EntryKind)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, second, room, kind) in entries {
            let address = Address { class: Class::Customer, corp: "wwA", primary: "wm1", second, room };
            let (id, recall_of) = (format!("7_{at}"), "6_5_external".to_owned());
            let event = Event { at: Timestamp(*at), seq: 3, id, recall_of, ..Event::default() };
            codec::encode(&mut bytes, address, *kind, Arrival::default(), &event, |_| true);
        }
        bytes
    }

    #[test]
    fn a_journal_says_all_but_its_owner_and_the_records() {
        use EntryKind::{Agree, CustomerMessage, OtherMessage, OtherRecall};
        let bytes = waiting(&[
            (1_900_000_000_123, "s1", "", CustomerMessage),
            (1_900_000_000_123, "s1", "", OtherMessage),
            (1_900_000_001_000, "s1", "wr1", CustomerMessage),
            (-5, "", "", OtherRecall),
            (i64::MAX, "s2", "", Agree),
            (i64::MIN, "s2", "", CustomerMessage),
        ]);
        let whose = Whose { class: Class::Customer, corp: "wwA", primary: "wm1" };
        let journal = of(codec::entries(&bytes));
        let known: Vec<Entry<'_>> =
            codec::entries(&bytes).map(|entry| Entry { bytes: b"", ..entry }).collect();
        let back: Vec<Entry<'_>> =
            entries(&journal, whose).map(|entry| Entry { bytes: b"", ..entry }).collect();
        assert_eq!(back, known);
        assert_eq!(of(entries(&journal, whose)), journal);
        assert!(journal.len() < bytes.len());
        assert!(of([]).is_empty());
    }
}
