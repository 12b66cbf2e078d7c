//! Message ids in what is remembered of a history: the first time as they are, then by number.
//!
//! Several rules keep the same messages, and a history is saved with two of its states, so an id stands in it
//! several times. Fields with ids are marked `#[serde(with = "saved_ids")]`; [`sharing`] gives the ids that are met
//! within it numbers. Elsewhere they are plain text, as in the state files of older versions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::{Deref, Range};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::numbered_id::NumberedId;

thread_local! {
    /// The ids met so far; none where they are not shared.
    static MET: RefCell<Option<Met>> = const { RefCell::new(None) };
    /// Buffers for the next value.
    static IDLE: RefCell<Met> = RefCell::default();
}

/// The ids that a value held so far.
#[derive(Default)]
struct Met {
    /// While a value is read: in the order in which they came.
    ids: Vec<Arc<str>>,
    /// While one is written: the same, one behind the other.
    text: String,
    places: Vec<Range<usize>>,
    /// By hash; of two ids with one hash the first.
    numbers: HashMap<u64, u32, FixedState>,
}

/// Does `work`, which writes or reads one value with serde, and lets its ids be shared.
pub fn sharing<T>(work: impl FnOnce() -> T) -> T {
    let outer = MET.replace(Some(IDLE.take()));
    let done = work();
    if let Some(met) = MET.replace(outer) {
        IDLE.set(met.emptied());
    }
    done
}

/// An id in whatever its owner keeps it.
pub trait SavedId: Deref<Target = str> {
    /// Takes over an id that others may share.
    fn take(id: &Arc<str>) -> Self;
}

impl SavedId for Arc<str> {
    fn take(id: &Arc<str>) -> Arc<str> {
        Arc::clone(id)
    }
}

impl SavedId for Box<str> {
    fn take(id: &Arc<str>) -> Box<str> {
        Box::from(&**id)
    }
}

impl SavedId for String {
    fn take(id: &Arc<str>) -> String {
        String::from(&**id)
    }
}

/// Writes an id.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(id: &impl SavedId, to: S) -> Result<S::Ok, S::Error> {
    match MET.with_borrow_mut(|met| met.as_mut().map(|met| met.number_of(id))) {
        None => to.serialize_str(id),
        Some(Some(number)) => to.serialize_u32(FIRST_NUMBER + number),
        Some(None) => match NumberedId::of(id) {
            Some(NumberedId { number, millis, external }) => {
                let form = if external { EXTERNAL } else { NUMBERED };
                let mut parts = to.serialize_tuple(3)?;
                parts.serialize_element(&form)?;
                parts.serialize_element(&number)?;
                parts.serialize_element(&millis)?;
                parts.end()
            }
            None => (TEXT, &**id).serialize(to),
        },
    }
}

/// Reads an id.
///
/// # Errors
///
/// Those of the deserializer, and one when a number stands for no id.
pub fn deserialize<'de, D: Deserializer<'de>, I: SavedId>(from: D) -> Result<I, D::Error> {
    if MET.with_borrow(Option::is_some) {
        return from.deserialize_tuple(3, Form).map(|id| I::take(&id));
    }
    <Box<str>>::deserialize(from).map(|id| I::take(&Arc::from(id)))
}

impl Met {
    /// Returns the number of an id that was met before; gives a new one the next number.
    fn number_of(&mut self, id: &str) -> Option<u32> {
        let hash = self.numbers.hasher().hash_one(id);
        let known = self.numbers.get(&hash).copied();
        if known.is_some_and(|number| self.text[self.places[number as usize].clone()] == *id) {
            return known;
        }
        self.numbers.entry(hash).or_insert(self.places.len() as u32);
        self.places.push(self.text.len()..self.text.len() + id.len());
        self.text.push_str(id);
        None
    }

    /// Returns the buffers without what is in them, unless they have grown large.
    fn emptied(mut self) -> Met {
        if self.places.len().max(self.ids.len()) > MANY {
            return Met::default();
        }
        self.ids.clear();
        self.text.clear();
        self.places.clear();
        self.numbers.clear();
        self
    }
}

/// An id as it is saved where ids are shared.
struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = Arc<str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a message id or the number of one")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Arc<str>, A::Error> {
        let id: Arc<str> = match next(&mut parts)? {
            TEXT => Arc::from(next::<&str, A>(&mut parts)?),
            form @ (NUMBERED | EXTERNAL) => {
                let (number, millis) = (next(&mut parts)?, next(&mut parts)?);
                let mut text = String::new();
                NumberedId { number, millis, external: form == EXTERNAL }.push_to(&mut text);
                Arc::from(text)
            }
            number => return known(number - FIRST_NUMBER).ok_or_else(|| A::Error::custom("no such id")),
        };
        MET.with_borrow_mut(|met| met.as_mut().map(|met| met.ids.push(Arc::clone(&id))));
        Ok(id)
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
    parts.next_element()?.ok_or_else(|| A::Error::custom("an id ends early"))
}

fn known(number: u32) -> Option<Arc<str>> {
    MET.with_borrow(|met| met.as_ref()?.ids.get(number as usize).cloned())
}

/// Buffers for so many ids are kept.
const MANY: usize = 1_024;
/// A text follows.
const TEXT: u32 = 0;
/// A number and milliseconds follow.
const NUMBERED: u32 = 1;
/// The same, and the id ends with `_external`.
const EXTERNAL: u32 = 2;
/// The first id has this number.
const FIRST_NUMBER: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Ids {
        #[serde(with = "super")]
        one: Arc<str>,
        #[serde(with = "super")]
        two: Box<str>,
        #[serde(with = "super")]
        three: String,
    }

    fn ids(one: &str, two: &str, three: &str) -> Ids {
        Ids { one: one.into(), two: two.into(), three: three.to_owned() }
    }

    fn bytes(ids: &Ids) -> Vec<u8> {
        sharing(|| postcard::to_allocvec(ids).expect("ids have an encoding"))
    }

    #[test]
    fn ids_come_back_and_take_one_byte_the_second_time() {
        // (ids, bytes)
        let cases = [
            (ids("7_1900000000123_external", "7_1900000000123_external", "7_1900000000123_external"), 10),
            (ids("7_1900000000123", "07_1900000000123", "7_1900000000123"), 8 + 18 + 1),
            (ids("", "", "x"), 2 + 1 + 3),
        ];
        for (ids, length) in cases {
            let bytes = bytes(&ids);
            assert_eq!(bytes.len(), length, "{ids:?}");
            let back = sharing(|| postcard::from_bytes::<Ids>(&bytes));
            assert_eq!(back.expect("ids"), ids);
        }
    }

    #[test]
    fn ids_that_are_not_shared_are_plain_text() {
        let ids = ids("7_1900000000123", "7_1900000000123", "");
        let bytes = postcard::to_allocvec(&ids).expect("ids have an encoding");
        assert_eq!(bytes.len(), 16 + 16 + 1);
        assert_eq!(postcard::from_bytes::<Ids>(&bytes).expect("ids"), ids);
        assert_eq!(bytes, b"\x0f7_1900000000123\x0f7_1900000000123\0");
    }

    #[test]
    fn what_was_saved_once_is_read_for_good() {
        let saved = b"\x02\x07\xf6\xe1\x99\x8d\xcc\x6e\x00\x01\x61\x03";
        let expected = ids("7_1900000000123_external", "a", "7_1900000000123_external");
        assert_eq!(sharing(|| postcard::from_bytes::<Ids>(saved)).expect("ids"), expected);
        assert_eq!(bytes(&expected), saved);
    }

    #[test]
    fn damage_is_an_error() {
        let good = bytes(&ids("7_1900000000123", "a", "7_1900000000123"));
        let damaged = |at: usize, byte| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            sharing(|| postcard::from_bytes::<Ids>(&bytes)).is_err()
        };
        assert!(damaged(good.len() - 1, 9), "a number that stands for nothing");
        assert!(damaged(8, 200), "a text longer than what is left");
        assert!(sharing(|| postcard::from_bytes::<Ids>(&good[..good.len() - 1])).is_err());
    }
}
