//! A state file with one row: a value that stands for a whole commit, not for a history.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::message::Class;
use crate::writer::{FileEntry, Staging, StateFile};

use super::bytes;
use super::layer::{self, Layer, StoredHistory};

/// Reads the newest value of `part` among the state files `state` under `root`; none when there is no file of it.
///
/// # Errors
///
/// Returns an error when the file cannot be read or was written by a newer version.
pub(super) fn read<T: DeserializeOwned>(
    root: &Path,
    state: &[FileEntry],
    part: &str,
) -> Result<Option<T>, Error> {
    let Some(file) = state.iter().rev().find(|file| file.state_part() == part) else { return Ok(None) };
    let layer = Layer::open(&root.join(&file.path))?;
    match layer.scan()?.next() {
        Some(row) => bytes::decode(&row?.state, || layer.path().to_owned()).map(Some),
        None => Err(Error::damaged(layer.path(), "it has no row")),
    }
}

/// Writes `value` as the file of `part` into the staging area.
///
/// # Errors
///
/// Returns an error when the file cannot be written.
pub(super) fn write(value: &impl Serialize, staging: &Staging, part: &str) -> Result<StateFile, Error> {
    let row = StoredHistory {
        hash: 0,
        class: Class::Customer,
        corp: Box::default(),
        primary: Box::default(),
        wake_at: None,
        ranked: false,
        state: bytes::encode(value),
    };
    layer::write_layer(staging, part, std::iter::once(Ok(row)))
}
