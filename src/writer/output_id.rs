//! Makes the ids of output rows: the same decision has the same id in every run.
//!
//! An id is a hash of the rule with its fingerprint, the key, the instant, what
//! was decided and the first and the last piece of evidence. Rows of one key
//! and instant that agree in all of these are told apart by their count.

use std::collections::HashMap;

use crate::message::Key;
use crate::rules::RuleSet;
use crate::verdict::{Decision, Evidence, Row};

use super::words;

/// Returns the id of each row: 128 bits as 32 hexadecimal digits.
///
/// `rows` are sorted by key and time, those of one key and instant side by side.
pub(super) fn output_ids(rows: &[Row], rules: &RuleSet) -> Vec<String> {
    let same_moment = |a: &Row, b: &Row| a.at == b.at && a.key == b.key;
    rows.chunk_by(same_moment).flat_map(|moment| ids_of_moment(moment, rules)).collect()
}

fn ids_of_moment<'a>(moment: &'a [Row], rules: &'a RuleSet) -> impl Iterator<Item = String> + 'a {
    let mut seen: HashMap<[u8; 32], u64> = HashMap::new();
    moment.iter().map(move |row| {
        let mut hash = hash_of(row, rules);
        let n_before = seen.entry(*hash.finalize().as_bytes()).or_default();
        if *n_before > 0 {
            hash.update(&n_before.to_le_bytes());
        }
        *n_before += 1;
        hash.finalize().to_hex()[..ID_DIGITS].to_owned()
    })
}

fn hash_of(row: &Row, rules: &RuleSet) -> blake3::Hasher {
    let mut hash = blake3::Hasher::new();
    if let Some(rule) = row.rule.map(|rule| &rules.rules[usize::from(rule.0)]) {
        text(&mut hash, &rule.id);
        hash.update(&rule.fingerprint.0);
    }
    key(&mut hash, &row.key);
    hash.update(&row.at.0.to_le_bytes());
    decision(&mut hash, &row.decision, rules);
    let ends = [row.evidence.first(), row.evidence.last()];
    ends.into_iter().flatten().for_each(|evidence| piece(&mut hash, evidence));
    hash
}

fn key(hash: &mut blake3::Hasher, key: &Key) {
    let parts = [&*key.corp, words::key_kind(key.kind), &key.customer, &key.staff, &key.room];
    parts.iter().for_each(|part| text(hash, part));
}

fn decision(hash: &mut blake3::Hasher, decision: &Decision, rules: &RuleSet) {
    match decision {
        Decision::Tag(change) => {
            text(hash, words::change_kind(change.kind));
            text(hash, &rules.tags[usize::from(change.tag.0)].id);
            text(hash, change.reason.map_or("", |reason| words::reason(reason).0));
        }
        Decision::Alert(alert) => {
            text(hash, if alert.suppressed_by.is_some() { "suppressed" } else { "alert" });
            text(hash, words::alert_level(alert.level));
        }
        Decision::Kick(kick) => {
            text(hash, words::kick_action(kick.action));
            text(hash, &kick.message_id);
        }
    }
}

fn piece(hash: &mut blake3::Hasher, evidence: &Evidence) {
    text(hash, &evidence.message_id);
    if let Some(mark) = &evidence.mark {
        [u32::from(mark.part), mark.start, mark.end].iter().for_each(|number| {
            hash.update(&number.to_le_bytes());
        });
    }
}

/// Adds a text with its length, so that two texts never run together.
fn text(hash: &mut blake3::Hasher, text: &str) {
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

/// 128 bits: no two of 10^15 rows meet by chance.
const ID_DIGITS: usize = 32;
