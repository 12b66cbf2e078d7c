//! Makes the ids of output rows: the same decision has the same id in every run.
//!
//! An id is a hash of the rule with its fingerprint, the key, the instant, what
//! was decided and the first and the last piece of evidence. Rows of one key
//! and instant that agree in all of these are told apart by their count.

use rayon::prelude::*;
use smallvec::SmallVec;

use crate::message::Key;
use crate::rules::RuleSet;
use crate::verdict::{Decision, Evidence, Row};

use super::words;

/// Returns the id of each row: 128 bits as 32 hexadecimal digits.
///
/// `rows` are sorted by key and time, those of one key and instant side by side.
pub(super) fn output_ids(rows: &[&Row], rules: &RuleSet) -> Vec<String> {
    let same_moment = |a: &&Row, b: &&Row| a.at == b.at && a.key == b.key;
    rows.par_chunk_by(same_moment).flat_map_iter(|moment| ids_of_moment(moment, rules)).collect()
}

fn ids_of_moment<'a>(moment: &'a [&'a Row], rules: &'a RuleSet) -> impl Iterator<Item = String> + 'a {
    let mut told: SmallVec<[blake3::Hash; 4]> = SmallVec::new();
    let mut bytes = Vec::new();
    moment.iter().map(move |row| {
        bytes.clear();
        tell(row, rules, &mut bytes);
        let hash = blake3::hash(&bytes);
        let n_before = told.iter().filter(|other| **other == hash).count() as u64;
        told.push(hash);
        if n_before == 0 {
            return id_of(hash);
        }
        bytes.extend_from_slice(&n_before.to_le_bytes());
        id_of(blake3::hash(&bytes))
    })
}

fn id_of(hash: blake3::Hash) -> String {
    hash.to_hex()[..ID_DIGITS].to_owned()
}

/// Appends what makes the row different from others.
fn tell(row: &Row, rules: &RuleSet, out: &mut Vec<u8>) {
    if let Some(rule) = row.rule.map(|rule| &rules.rules[usize::from(rule.0)]) {
        text(out, &rule.id);
        out.extend_from_slice(&rule.fingerprint.0);
    }
    key(out, &row.key);
    out.extend_from_slice(&row.at.0.to_le_bytes());
    decision(out, &row.decision, rules);
    let ends = [row.evidence.first(), row.evidence.last()];
    ends.into_iter().flatten().for_each(|evidence| piece(out, evidence));
}

fn key(out: &mut Vec<u8>, key: &Key) {
    let parts = [&*key.corp, words::key_kind(key.kind), &key.customer, &key.staff, &key.room];
    parts.iter().for_each(|part| text(out, part));
}

fn decision(out: &mut Vec<u8>, decision: &Decision, rules: &RuleSet) {
    match decision {
        Decision::Tag(change) => {
            text(out, words::change_kind(change.kind));
            text(out, &rules.tags[usize::from(change.tag.0)].id);
            text(out, change.reason.map_or("", |reason| words::reason(reason).0));
        }
        Decision::Alert(alert) => {
            text(out, if alert.suppressed_by.is_some() { "suppressed" } else { "alert" });
            text(out, words::alert_level(alert.level));
        }
        Decision::Kick(kick) => {
            text(out, words::kick_action(kick.action));
            text(out, &kick.message_id);
        }
    }
}

fn piece(out: &mut Vec<u8>, evidence: &Evidence) {
    text(out, &evidence.message_id);
    if let Some(mark) = &evidence.mark {
        [u32::from(mark.part), mark.start, mark.end].iter().for_each(|number| {
            out.extend_from_slice(&number.to_le_bytes());
        });
    }
}

/// Adds a text with its length, so that two texts never run together.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// 128 bits: no two of 10^15 rows meet by chance.
const ID_DIGITS: usize = 32;
