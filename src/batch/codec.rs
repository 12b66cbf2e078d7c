//! Annotated events as bytes: what waits between annotation and the rules.
//!
//! A run keeps every event of the night until all files are read, so an event
//! costs its ids plus a few bytes per signal: what waits is memory that has to be
//! filled and read again. Integers are LEB128; message ids of the usual form take
//! ten bytes. Events of the newest days stay in the journals of histories (`journal`), with their bodies as
//! they are here: what changes here changes the format of state files.

use crate::lexicon::TermIdx;
use crate::mention::{Layer, Polarity};
pub use crate::message::Class;
use crate::message::{KeyKind, NumberField};
use crate::numbered_id::NumberedId;
use crate::rules::{SignalIdx, TagIdx};
use crate::signal::{Act, Event, Hit, Opinion, Sign};
use crate::state::StoredHistory;
use crate::time::Timestamp;

/// Which record of the night this is: unique, and in reading order.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Arrival {
    /// Number of the file in path order.
    pub file: u32,
    /// Offset of the block it was read in.
    pub block: u64,
    /// Number of the record in the block.
    pub index: u32,
}

/// What kind of entry waits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum EntryKind {
    /// A message of the customer.
    #[default]
    CustomerMessage,
    /// A message of somebody else.
    OtherMessage,
    /// The customer allows this conversation to be used.
    Agree,
    /// The customer refuses.
    Disagree,
    /// The customer goes from the employee `second` to the employee `room` of the address.
    HandOver,
    /// A message of the customer is taken back.
    CustomerRecall,
    /// A message of somebody else is taken back.
    OtherRecall,
}

impl EntryKind {
    pub(super) fn from_u8(byte: u8) -> EntryKind {
        match byte {
            0 => EntryKind::CustomerMessage,
            1 => EntryKind::OtherMessage,
            2 => EntryKind::Agree,
            4 => EntryKind::HandOver,
            5 => EntryKind::CustomerRecall,
            6 => EntryKind::OtherRecall,
            _ => EntryKind::Disagree,
        }
    }

    /// Returns whether a message is taken back.
    pub fn is_recall(self) -> bool {
        matches!(self, EntryKind::CustomerRecall | EntryKind::OtherRecall)
    }

    /// Returns the recall of a message of this kind.
    pub fn recall(self) -> EntryKind {
        if self == EntryKind::CustomerMessage { EntryKind::CustomerRecall } else { EntryKind::OtherRecall }
    }
}

/// Where an entry belongs: its class and the ids that make its keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Address<'a> {
    /// Which histories.
    pub class: Class,
    /// The company.
    pub corp: &'a str,
    /// Customer, room or staff id, by class.
    pub primary: &'a str,
    /// Staff id in a one-to-one chat (class customer), or the member (class room); may be empty.
    pub second: &'a str,
    /// The group a customer's entry comes from, where conversations are told apart.
    pub room: &'a str,
}

/// Whose history it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Whose<'e> {
    /// Which histories.
    pub class: Class,
    /// The company.
    pub corp: &'e str,
    /// Customer, room or staff id, by class.
    pub primary: &'e str,
}

impl<'e> Whose<'e> {
    /// Says whose history a row of the state is.
    pub fn of(row: &'e StoredHistory) -> Whose<'e> {
        Whose { class: row.class, corp: &row.corp, primary: &row.primary }
    }

    /// Says whose history an entry at `address` belongs to.
    pub fn at(address: Address<'e>) -> Whose<'e> {
        let Address { class, corp, primary, .. } = address;
        Whose { class, corp, primary }
    }

    /// Returns the address of what happens with `second` in the history.
    pub fn address(self, second: &'e str) -> Address<'e> {
        let Whose { class, corp, primary } = self;
        Address { class, corp, primary, second, room: "" }
    }
}

/// One waiting entry, read back. The address as text and the event are decoded on demand: ids
/// are compared as bytes, and only the first entry of a key needs them as text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry<'a> {
    /// When.
    pub at: Timestamp,
    /// Archival sequence number.
    pub seq: u64,
    /// Message id.
    pub id: PackedId<'a>,
    /// Which histories it belongs to.
    pub class: Class,
    /// The company, as in [`Address::corp`].
    pub corp: &'a [u8],
    /// Whose history, as in [`Address::primary`].
    pub primary: &'a [u8],
    /// The counterpart in the history, as in [`Address::second`].
    pub second: &'a [u8],
    /// The group, as in [`Address::room`].
    pub room: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// Which record it was; the first of all for one of a journal.
    pub arrival: Arrival,
    /// The whole entry, as it was written.
    pub bytes: &'a [u8],
    /// What follows the address.
    pub(super) body: &'a [u8],
}

/// Appends an entry for `event` to `out`. Only signals that `keep` accepts are written.
pub fn encode(
    out: &mut Vec<u8>,
    address: Address<'_>,
    kind: EntryKind,
    arrival: Arrival,
    event: &Event,
    keep: impl Fn(&Sign) -> bool,
) {
    put_framed(out, |out| {
        let Address { class, corp, primary, second, room } = address;
        put_head(
            out,
            (event.at, event.seq, PackedId::of(&event.id)),
            class as u8 | (kind as u8) << KIND_SHIFT,
        );
        [corp, primary, second, room].into_iter().for_each(|id| put_str(out, id));
        put_arrival(out, arrival);
        if kind.is_recall() {
            put_str(out, &event.recall_of);
        } else {
            put_body(out, event, keep);
        }
    });
}

/// Appends what every entry begins with.
fn put_head(out: &mut Vec<u8>, (at, seq, id): (Timestamp, u64, PackedId<'_>), what: u8) {
    out.extend_from_slice(&at.0.to_le_bytes());
    put(out, seq);
    id.put(out, at);
    out.push(what);
}

/// Appends what `write` appends, behind its length.
fn put_framed(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - start - 4)
        .expect("an entry is smaller than a record, which is below 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Reads the entry at the beginning of `bytes`; returns it and what follows it.
///
/// `None` at the end of `bytes`.
pub fn next_entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    next_entry_of(bytes, NOBODY)
}

/// Reads the entry at the beginning of `bytes` as one of the history `owner`, unless it says another itself.
///
/// `None` at the end of `bytes`.
fn next_entry_of<'a>(bytes: &'a [u8], owner: Whose<'a>) -> Option<(Entry<'a>, &'a [u8])> {
    let (length, behind) = bytes.split_first_chunk::<4>()?;
    let (entry, rest) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let mut cursor = Cursor { bytes: entry };
    let at = Timestamp(i64::from_le_bytes(cursor.array()?));
    let seq = cursor.number()?;
    let id = cursor.id(at)?;
    let what = cursor.byte()?;
    let class = Class::from_u8(what & ((1 << KIND_SHIFT) - 1));
    let kind = EntryKind::from_u8((what & !OWNED) >> KIND_SHIFT);
    let is_owned = what & OWNED != 0;
    let (corp, primary) = match is_owned {
        true => (owner.corp.as_bytes(), owner.primary.as_bytes()),
        false => (cursor.text()?, cursor.text()?),
    };
    let (second, room) = (cursor.text()?, cursor.text()?);
    let arrival = if is_owned { Arrival::default() } else { cursor.arrival()? };
    let (body, bytes) = (cursor.bytes, &bytes[..bytes.len() - rest.len()]);
    Some((Entry { at, seq, id, class, corp, primary, second, room, kind, arrival, bytes, body }, rest))
}

/// Reads the entries of `bytes` one after the other.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    entries_of(bytes, NOBODY).map(|(_, entry)| entry)
}

/// Reads the entries of `bytes`, each with its place in them.
pub fn entries_with_offsets(bytes: &[u8]) -> impl Iterator<Item = (u32, Entry<'_>)> {
    entries_of(bytes, NOBODY)
}

/// Reads the entries of `bytes`, each with its place in them, as those of the history `owner`.
pub(super) fn entries_of<'a>(bytes: &'a [u8], owner: Whose<'a>) -> impl Iterator<Item = (u32, Entry<'a>)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let offset = (bytes.len() - rest.len()) as u32;
        let (entry, behind) = next_entry_of(rest, owner)?;
        rest = behind;
        Some((offset, entry))
    })
}

impl<'a> Entry<'a> {
    /// Returns where the entry belongs.
    pub fn address(&self) -> Address<'a> {
        Address {
            class: self.class,
            corp: written_text(self.corp),
            primary: written_text(self.primary),
            second: written_text(self.second),
            room: written_text(self.room),
        }
    }

    /// Appends the entry with all that it says.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_framed(out, |out| {
            let what = self.class as u8 | (self.kind as u8) << KIND_SHIFT;
            put_head(out, (self.at, self.seq, self.id), what);
            [self.corp, self.primary, self.second, self.room].into_iter().for_each(|id| put_bytes(out, id));
            put_arrival(out, self.arrival);
            out.extend_from_slice(self.body);
        });
    }

    /// Returns the id as text.
    pub fn id_text(&self) -> String {
        let mut id = String::new();
        self.id.push_to(&mut id);
        id
    }

    /// Returns whether the id is `id`.
    pub fn has_id(&self, id: &str) -> bool {
        PackedId::of(id) == self.id
    }

    /// Fills `event` with the entry's event, reusing its buffers.
    pub fn decode_into(&self, event: &mut Event) {
        event.clear();
        event.at = self.at;
        event.seq = self.seq;
        self.id.push_to(&mut event.id);
        let mut cursor = Cursor { bytes: self.body };
        let complete = match self.kind.is_recall() {
            true => cursor.text().map(|target| event.recall_of.push_str(written_text(target))),
            false => take_body(&mut cursor, event),
        };
        complete.expect("the entry was written by `encode`");
    }
}

/// A message id that takes little room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PackedId<'a> {
    /// As it is.
    Text(&'a [u8]),
    /// An id of the usual form.
    Numbered(NumberedId),
}

impl<'a> PackedId<'a> {
    fn of(id: &'a str) -> PackedId<'a> {
        NumberedId::of(id).map_or(PackedId::Text(id.as_bytes()), PackedId::Numbered)
    }

    /// Appends it; `at` is the time of its message, which is close to the time in the id.
    pub(super) fn put(self, out: &mut Vec<u8>, at: Timestamp) {
        match self {
            PackedId::Text(text) => {
                out.push(0);
                put_bytes(out, text);
            }
            PackedId::Numbered(NumberedId { number, millis, external }) => {
                out.push(1 + u8::from(external));
                out.extend_from_slice(&number.to_le_bytes());
                put_signed(out, millis.wrapping_sub(at.0));
            }
        }
    }

    /// Appends the id as it was.
    pub fn push_to(&self, out: &mut String) {
        match self {
            PackedId::Text(text) => out.push_str(written_text(text)),
            PackedId::Numbered(id) => id.push_to(out),
        }
    }
}

/// The class takes the bits below, the kind those from here on.
pub(super) const KIND_SHIFT: u32 = 2;

/// Entries that wait say themselves whose they are.
const NOBODY: Whose<'static> = Whose { class: Class::Customer, corp: "", primary: "" };

/// Marks an entry that leaves out whose it is and which record it was, in journals of state format 2.
const OWNED: u8 = 1 << 7;

/// Reads back text that [`put_str`] wrote.
fn written_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it was text when it was written")
}

fn put_arrival(out: &mut Vec<u8>, arrival: Arrival) {
    put(out, u64::from(arrival.file));
    put(out, arrival.block);
    put(out, u64::from(arrival.index));
}

fn put_body(out: &mut Vec<u8>, event: &Event, keep: impl Fn(&Sign) -> bool) {
    put(out, event.exemptions);
    put_opinion(out, event.advertises);
    put(out, event.numbers.len() as u64);
    for (field, value) in &event.numbers {
        out.push(*field as u8);
        out.extend_from_slice(&value.to_le_bytes());
    }
    put(out, event.acts.len() as u64);
    for act in &event.acts {
        put(out, u64::from(act.tag.0));
        out.push(u8::from(act.assigned));
        out.push(act.key as u8);
    }
    let kept = event.signals.iter().filter(|sign| keep(sign));
    put(out, kept.clone().count() as u64);
    for sign in kept {
        put(out, u64::from(sign.signal.0));
        put(out, u64::from(sign.n_hits));
        for hit in event.hits_of(sign) {
            put_hit(out, hit);
        }
    }
}

fn put_opinion(out: &mut Vec<u8>, opinion: Option<Opinion>) {
    let Some(Opinion { score, holds }) = opinion else { return out.push(0) };
    out.push(1 + u8::from(holds));
    out.extend_from_slice(&score.to_le_bytes());
}

fn take_opinion(cursor: &mut Cursor<'_>) -> Option<Option<Opinion>> {
    match cursor.byte()? {
        0 => Some(None),
        known => Some(Some(Opinion { score: f32::from_le_bytes(cursor.array()?), holds: known == 2 })),
    }
}

fn put_hit(out: &mut Vec<u8>, hit: &Hit) {
    put(out, u64::from(hit.term.0));
    put(out, u64::from(hit.part));
    put(out, u64::from(hit.start));
    put(out, u64::from(hit.end));
    out.push(hit.layer as u8);
    out.push(hit.polarity as u8);
    out.extend_from_slice(&hit.weight.to_le_bytes());
    match &hit.surface {
        None => out.push(0),
        Some(surface) => {
            out.push(1);
            put_str(out, surface);
        }
    }
}

fn take_body(cursor: &mut Cursor<'_>, event: &mut Event) -> Option<()> {
    event.exemptions = cursor.number()?;
    event.advertises = take_opinion(cursor)?;
    for _ in 0..cursor.number()? {
        let field = if cursor.byte()? == 0 { NumberField::AmountFen } else { NumberField::Seconds };
        event.numbers.push((field, i64::from_le_bytes(cursor.array()?)));
    }
    for _ in 0..cursor.number()? {
        let tag = TagIdx(u16::try_from(cursor.number()?).ok()?);
        let assigned = cursor.byte()? == 1;
        let key = *KeyKind::ALL.get(usize::from(cursor.byte()?))?;
        event.acts.push(Act { tag, assigned, key });
    }
    for _ in 0..cursor.number()? {
        let signal = SignalIdx(u16::try_from(cursor.number()?).ok()?);
        let n_hits = u16::try_from(cursor.number()?).ok()?;
        event.signals.push(Sign { signal, first_hit: u16::try_from(event.hits.len()).ok()?, n_hits });
        for _ in 0..n_hits {
            let hit = take_hit(cursor)?;
            event.hits.push(hit);
        }
    }
    Some(())
}

fn take_hit(cursor: &mut Cursor<'_>) -> Option<Hit> {
    Some(Hit {
        term: TermIdx(cursor.small()?),
        part: u16::try_from(cursor.number()?).ok()?,
        start: cursor.small()?,
        end: cursor.small()?,
        layer: LAYERS[usize::from(cursor.byte()?).min(LAYERS.len() - 1)],
        polarity: POLARITIES[usize::from(cursor.byte()?).min(POLARITIES.len() - 1)],
        weight: f64::from_le_bytes(cursor.array()?),
        surface: if cursor.byte()? == 0 { None } else { Some(written_text(cursor.text()?).into()) },
    })
}

const LAYERS: [Layer; 6] =
    [Layer::Exact, Layer::Folded, Layer::Skipped, Layer::Collapsed, Layer::Digits, Layer::Variant];

const POLARITIES: [Polarity; 5] =
    [Polarity::Asserted, Polarity::Negated, Polarity::Questioned, Polarity::Hypothetical, Polarity::Reported];

/// Appends `value` as LEB128: small numbers take little room.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends `value` as [`put`] does, the sign last.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value << 1 ^ value >> 63) as u64);
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what `put` and its companions wrote; `None` past the end.
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&array, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(array)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        self.number().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn arrival(&mut self) -> Option<Arrival> {
        Some(Arrival { file: self.small()?, block: self.number()?, index: self.small()? })
    }

    pub(super) fn id(&mut self, at: Timestamp) -> Option<PackedId<'a>> {
        let form = self.byte()?;
        if form == 0 {
            return self.text().map(PackedId::Text);
        }
        let number = u64::from_le_bytes(self.array()?);
        let millis = at.0.wrapping_add(self.signed()?);
        Some(PackedId::Numbered(NumberedId { number, millis, external: form == 2 }))
    }

    /// The bytes of a text.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    fn event() -> Event {
        let hit = |term, surface: Option<&str>| Hit {
            term: TermIdx(term),
            part: 1,
            start: 300,
            end: 304,
            layer: Layer::Skipped,
            polarity: Polarity::Questioned,
            weight: 1.5,
            surface: surface.map(Into::into),
        };
        Event {
            at: Timestamp(1_900_000_000_123),
            seq: u64::MAX,
            id: "7_1900000000123_external".into(),
            recall_of: String::new(),
            signals: vec![
                Sign { signal: SignalIdx(2), first_hit: 0, n_hits: 2 },
                Sign { signal: SignalIdx(9), first_hit: 2, n_hits: 0 },
                Sign { signal: SignalIdx(300), first_hit: 2, n_hits: 1 },
            ],
            hits: vec![hit(7, None), hit(70_000, Some("加 微·信")), hit(1, None)],
            numbers: smallvec![(NumberField::AmountFen, -5), (NumberField::Seconds, i64::MAX)],
            acts: vec![Act { tag: TagIdx(300), assigned: true, key: KeyKind::Relation }],
            exemptions: 0b1001,
            advertises: Some(Opinion { score: 0.75, holds: true }),
            shared_id: Default::default(),
        }
    }

    const ADDRESS: Address<'static> =
        Address { class: Class::Room, corp: "企业", primary: "wr1", second: "wm1", room: "wr1" };

    #[test]
    fn an_entry_comes_back_as_it_was_written() {
        let arrival = Arrival { file: 3, block: 1 << 40, index: 77 };
        let mut bytes = Vec::new();
        encode(&mut bytes, ADDRESS, EntryKind::OtherMessage, arrival, &event(), |_| true);
        encode(&mut bytes, ADDRESS, EntryKind::Agree, Arrival::default(), &Event::default(), |_| true);
        let (entry, rest) = next_entry(&bytes).expect("two entries");
        assert_eq!((entry.address(), entry.arrival), (ADDRESS, arrival));
        assert_eq!((entry.kind, entry.at, entry.seq), (EntryKind::OtherMessage, event().at, u64::MAX));
        let mut decoded = Event::default();
        entry.decode_into(&mut decoded);
        assert_eq!(decoded, event());
        let (second, rest) = next_entry(rest).expect("one more entry");
        assert_eq!(second.kind, EntryKind::Agree);
        assert!(next_entry(rest).is_none());
    }

    #[test]
    fn an_entry_of_format_2_says_all_but_its_owner_and_its_record() {
        let arrival = Arrival { file: 3, block: 1 << 40, index: 77 };
        let (mut full, mut owned, mut again) = (Vec::new(), Vec::new(), Vec::new());
        encode(&mut full, ADDRESS, EntryKind::OtherMessage, arrival, &event(), |_| true);
        let (entry, _) = next_entry(&full).expect("an entry");
        entry.put(&mut again);
        assert_eq!(again, full);
        put_framed(&mut owned, |out| {
            let what = entry.class as u8 | (entry.kind as u8) << KIND_SHIFT | OWNED;
            put_head(out, (entry.at, entry.seq, entry.id), what);
            [entry.second, entry.room].into_iter().for_each(|id| put_bytes(out, id));
            out.extend_from_slice(entry.body);
        });
        let owner = Whose { class: ADDRESS.class, corp: ADDRESS.corp, primary: ADDRESS.primary };
        let (back, rest) = next_entry_of(&owned, owner).expect("an entry");
        assert_eq!((back.address(), back.arrival, rest.len()), (ADDRESS, Arrival::default(), 0));
        assert_eq!(Entry { arrival, bytes: &[], ..back }, Entry { bytes: &[], ..entry });
    }

    #[test]
    fn an_entry_that_says_its_owner_keeps_it() {
        let mut full = Vec::new();
        encode(&mut full, ADDRESS, EntryKind::Agree, Arrival::default(), &event(), |_| true);
        let (entry, _) =
            next_entry_of(&full, Whose { class: ADDRESS.class, corp: "x", primary: "y" }).expect("an entry");
        assert_eq!(entry.address(), ADDRESS);
    }

    #[test]
    fn ids_come_back_letter_by_letter_in_little_room() {
        // (id, bytes)
        const CASES: &[(&str, usize)] = &[
            ("7_1900000000123_external", 10),
            ("7000000000000000001_1900000000120", 10),
            ("9999999999999999999_1_external", 15),
            ("0_0", 15),
            ("", 2),
            ("07_1900000000123", 18),
            ("7_01900000000123", 18),
            ("7_1900000000123_updown_stream", 31),
            ("17000000000000000001_1900000000123", 36),
            ("CAQQ9onJxgYY2+==", 18),
            ("7_", 4),
            ("_external", 11),
            ("7_1900000000123_external_external", 35),
        ];
        let at = Timestamp(1_900_000_000_123);
        for (id, bytes) in CASES {
            let mut packed = Vec::new();
            PackedId::of(id).put(&mut packed, at);
            assert_eq!(packed.len(), *bytes, "{id}");
            let mut cursor = Cursor { bytes: &packed };
            let mut back = String::new();
            cursor.id(at).expect("an id").push_to(&mut back);
            assert_eq!((back.as_str(), cursor.bytes.len()), (*id, 0));
        }
    }

    #[test]
    fn signals_that_are_not_kept_leave_no_hits_behind() {
        let mut bytes = Vec::new();
        let keep = |sign: &Sign| sign.signal == SignalIdx(300);
        encode(&mut bytes, ADDRESS, EntryKind::CustomerMessage, Arrival::default(), &event(), keep);
        let mut decoded = Event::default();
        next_entry(&bytes).expect("an entry").0.decode_into(&mut decoded);
        assert_eq!(decoded.signals, [Sign { signal: SignalIdx(300), first_hit: 0, n_hits: 1 }]);
        assert_eq!(decoded.hits, event().hits[2..]);
    }
}
