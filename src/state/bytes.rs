//! Serde of byte strings in one piece, and of whole values as bytes.

use std::fmt;
use std::path::PathBuf;

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserializer, Serialize, Serializer};

use crate::error::Error;

/// Returns `value` in the encoding of state files.
pub fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("every state has an encoding")
}

/// Returns `start` and `value` in the encoding of state files.
pub fn encode_after(start: &[u8], value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.extend_from_slice(start);
    postcard::to_extend(value, bytes).expect("every state has an encoding")
}

/// Reads back what [`encode`] wrote into the file at `path`, which is asked for when there is something to say.
///
/// # Errors
///
/// Returns an error when the bytes are no such value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], path: impl Fn() -> PathBuf) -> Result<T, Error> {
    let damaged = || Error::damaged(&path(), "a state in it cannot be read");
    let (value, rest) = split(bytes).ok_or_else(damaged)?;
    if rest.is_empty() { Ok(value) } else { Err(damaged()) }
}

/// Reads back the value that `bytes` begin with; also returns what follows it. None when they begin with no such value.
pub fn split<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    postcard::take_from_bytes(bytes).ok()
}

/// Writes bytes in one piece.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

/// Reads bytes in one piece.
///
/// # Errors
///
/// Those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    from.deserialize_bytes(Bytes)
}

/// Most histories take no more bytes.
const USUAL: usize = 1_024;

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}
