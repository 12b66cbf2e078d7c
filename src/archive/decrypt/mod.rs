//! Decrypts envelopes: the RSA step here, the rest by a command of the user's.
//!
//! The vendor's `DecryptData` is closed and its library may not be passed on, so the
//! user names a command that wraps it. The command gets one envelope a line and
//! answers with one line each, in order: the plaintext, or `{"error": CODE}`.
//! `docs/decryption.md` has the protocol. Neither keys nor plaintext reach a log: faults
//! carry codes and their meaning only, and what the command writes to its standard
//! error is thrown away.

mod hook;
mod keys;

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use rayon::prelude::*;
use serde_json::{Map, Value};

pub use keys::PrivateKeys;

use crate::archive::container::meaning;
use crate::archive::layers::{find_in, integer, names, text_of};
use crate::archive::record::RecordFault;
use hook::{Answer, Hook, Question, is_object};

/// Decrypts envelopes; shared by all threads, each of which has a command of its own.
pub struct Decryptor {
    keys: PrivateKeys,
    /// `None`: keys are tried and nothing is decrypted.
    command: Option<String>,
    limits: HookLimits,
    idle: Mutex<Vec<Hook>>,
}

/// How long a command may take, and how much it may answer.
#[derive(Clone, Copy, Debug)]
pub struct HookLimits {
    /// For one envelope.
    pub timeout: Duration,
    /// Longest answer in bytes.
    pub answer_bytes: usize,
}

/// An encrypted message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Envelope {
    /// What the plaintext inherits: sequence number, id, company.
    pub outer: Map<String, Value>,
    pub key_version: Option<u32>,
    pub random_key: String,
    pub message: String,
}

impl Decryptor {
    /// A decryptor that opens random keys with `keys`, if there are any, and runs `command` for the rest.
    pub fn new(keys: PrivateKeys, command: Option<String>, limits: HookLimits) -> Decryptor {
        Decryptor { keys, command, limits, idle: Mutex::default() }
    }

    /// Returns whether there is a command; without one, keys are only tried.
    pub fn decrypts(&self) -> bool {
        self.command.is_some()
    }

    /// Returns the plaintext of each envelope, or why there is none; `Ok(None)` when its key opens and there
    /// is no command.
    pub(crate) fn decrypt(&self, envelopes: &[Envelope]) -> Vec<Result<Option<String>, RecordFault>> {
        let prepared: Vec<_> = envelopes.par_iter().map(|envelope| self.line_for(envelope)).collect();
        let Some(command) = &self.command else {
            return prepared.into_iter().map(|line| line.map(|_| None)).collect();
        };
        let lines: Vec<&Question> = prepared.iter().flatten().collect();
        let mut answers = self.ask(command, &lines).into_iter();
        let answer_to = |line: Result<Question, RecordFault>| {
            line.and_then(|_| answers.next().unwrap_or_else(|| Err(gone("it answered too little"))).map(Some))
        };
        prepared.into_iter().map(answer_to).collect()
    }

    /// Writes the line that the command gets.
    fn line_for(&self, envelope: &Envelope) -> Result<Question, RecordFault> {
        let mut line = envelope.outer.clone();
        if !self.keys.is_empty() {
            let opened = self.keys.open(envelope.key_version, &envelope.random_key)?;
            line.insert("random_key".into(), opened.into());
        }
        line.insert("publickey_ver".into(), envelope.key_version.into());
        line.insert("encrypt_random_key".into(), envelope.random_key.as_str().into());
        line.insert("encrypt_chat_msg".into(), envelope.message.as_str().into());
        let id = line.get("msgid").and_then(text_of).unwrap_or_default().into_owned();
        Ok(Question { id, line: Value::Object(line).to_string() })
    }

    /// Asks for all lines; once more for those whose trouble passes, says the vendor.
    fn ask(&self, command: &str, lines: &[&Question]) -> Vec<Result<String, RecordFault>> {
        let mut told = self.ask_once(command, lines);
        for pause in RETRY_PAUSES {
            let again: Vec<usize> = (0..lines.len()).filter(|at| is_passing(&told[*at])).collect();
            if again.is_empty() {
                break;
            }
            std::thread::sleep(pause);
            let lines: Vec<&Question> = again.iter().map(|at| lines[*at]).collect();
            for (at, answer) in again.into_iter().zip(self.ask_once(command, &lines)) {
                told[at] = answer;
            }
        }
        told.into_iter().map(read_answer).collect()
    }

    fn ask_once(&self, command: &str, lines: &[&Question]) -> Vec<Answer> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut hook = idle.unwrap_or_else(|| Hook::new(command, self.limits));
        let answers = hook.ask(lines);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(hook);
        }
        answers
    }
}

/// Network, parsing, system: the SDK says to try again.
fn is_passing(answer: &Answer) -> bool {
    let Ok(line) = answer else { return false };
    matches!(error_code(line), Some(10_001..=10_003))
}

/// Returns the code in an answer that is an error; 0 when it has none.
fn error_code(line: &str) -> Option<i64> {
    let answer: Map<String, Value> = serde_json::from_str(line).ok()?;
    let message = ["msgid", "msgtype", "action"].iter().any(|key| answer.contains_key(*key));
    let error = answer.get("error").or_else(|| answer.get("errcode")).filter(|_| !message)?;
    Some(integer(error).unwrap_or(0))
}

/// Returns the message id in an answer.
fn id_in(line: &str) -> Option<String> {
    let answer: Map<String, Value> = serde_json::from_str(line).ok()?;
    find_in(&answer, names::ID).and_then(text_of).map(std::borrow::Cow::into_owned)
}

fn read_answer(answer: Answer) -> Result<String, RecordFault> {
    let line = answer?;
    match error_code(&line) {
        Some(0) => Err(RecordFault::new("decrypt.failed", "the decryptor reports an error without a code")),
        Some(code) => Err(RecordFault::new("decrypt.failed", format!("error {code}: {}", meaning(code)))),
        None if is_object(&line) => Ok(line),
        None => Err(RecordFault::new(
            "decrypt.not_json",
            "the answer is no JSON object: standard output is for answers only, one line for each envelope",
        )),
    }
}

fn gone(why: &str) -> RecordFault {
    RecordFault::new("decrypt.gone", format!("the decryptor does not work: {why}"))
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor")
            .field("keys", &self.keys)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Pauses before asking again.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

#[cfg(test)]
mod tests;
