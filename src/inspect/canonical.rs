//! Writes any archive out as canonical messages: one JSON object a line, whatever the stored shape was.
//!
//! `docs/canonical-jsonl.md` is the form. Records come in the order in which one
//! thread reads them, so memory holds one chunk and the same input gives the same bytes.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::survey::{role_word, word};
use crate::archive::{Block, Plan, ReadOptions, Record, read_blocks};
use crate::error::Error;
use crate::message::{Consent, Message, Recall};

/// How many records were written and how many could not be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Written {
    /// Messages, recalls, consents and switches.
    pub records: u64,
    /// Records that cannot be read.
    pub unreadable: u64,
    /// Records that are encrypted.
    pub encrypted: u64,
}

/// Writes all readable records of `plan` to `out`.
///
/// # Errors
///
/// Fails when `out` does, or when stopped.
pub fn write_jsonl(
    plan: &Plan,
    options: &ReadOptions,
    out: &mut (dyn Write + Send),
    progress: &AtomicU64,
    stop: &AtomicBool,
) -> Result<Written, Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|_| Error::argument("number of threads", "1", "one the system allows"))?;
    let state = Mutex::new((out, Written::default(), None));
    let visit = |block: &mut Block<'_>| {
        let Ok(mut state) = state.lock() else { return };
        let (out, written, failure) = &mut *state;
        let path = &plan.files()[block.file as usize].path;
        if let Err(error) = write_block(block, path, out, written) {
            failure.get_or_insert(error);
            stop.store(true, Ordering::Relaxed);
        }
    };
    let read = pool.install(|| read_blocks(plan, options, progress, stop, &visit));
    let (out, written, failure) = state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = failure.or_else(|| out.flush().err()) {
        return Err(Error::write(Path::new("-"), error));
    }
    read.map(|_| written)
}

fn write_block(
    block: &mut Block<'_>,
    path: &Path,
    out: &mut dyn Write,
    written: &mut Written,
) -> io::Result<()> {
    while let Some(read) = block.next_record() {
        let mut line = match &read.record {
            Ok(Record::Encrypted { .. }) => {
                written.encrypted += 1;
                continue;
            }
            Ok(record) => match object(record) {
                Some(line) => line,
                None => continue,
            },
            Err(_) => {
                written.unreadable += 1;
                continue;
            }
        };
        line.insert("file".into(), path.to_string_lossy().into());
        line.insert("byte_offset".into(), read.origin.offset.into());
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
        written.records += 1;
    }
    Ok(())
}

fn object(record: &Record<'_>) -> Option<Map<String, Value>> {
    let value = match record {
        Record::Message(message) => of_message(message),
        Record::Recall(recall) => of_recall(recall),
        Record::Consent(consent) => of_consent(consent),
        Record::Switch { corp, seq, id } => json!({"record": "switch", "corp": corp, "seq": seq, "id": id}),
        Record::Encrypted { .. } | Record::Empty(_) => return None,
    };
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

fn of_message(message: &Message<'_>) -> Value {
    let parts: Vec<Value> = message
        .parts
        .iter()
        .map(|part| json!({"scope": word(part.scope), "text": part.text, "base_chars": part.base_chars}))
        .collect();
    let numbers: Map<String, Value> =
        message.numbers.iter().map(|(field, value)| (word(field), Value::from(*value))).collect();
    json!({
        "record": "message",
        "corp": message.corp,
        "seq": message.seq,
        "id": message.id,
        "at": message.at.0,
        "type": word(message.kind),
        "chat": word(message.chat),
        "room": message.room,
        "staff": message.staff,
        "customer": message.customer,
        "speaker": message.speaker,
        "role": role_word(message.role),
        "parts": parts,
        "links": message.links.as_slice(),
        "mini_program": message.mini_program,
        "numbers": numbers,
        "recipients": message.recipients,
        "flags": message.flags.names().collect::<Vec<_>>(),
    })
}

fn of_recall(recall: &Recall<'_>) -> Value {
    json!({"record": "recall", "corp": recall.corp, "seq": recall.seq, "id": recall.id, "at": recall.at.0, "target": recall.target})
}

fn of_consent(consent: &Consent<'_>) -> Value {
    json!({"record": "consent", "corp": consent.corp, "seq": consent.seq, "id": consent.id, "at": consent.at.0,
        "customer": consent.customer, "staff": consent.staff, "room": consent.room, "agreed": consent.agreed})
}
