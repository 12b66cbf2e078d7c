//! Makes the ids of output rows: the same decision has the same id in every run.
//!
//! An id is a hash of the rule with its fingerprint, the key, the instant, what
//! was decided and the evidence: a decision that comes out otherwise has another id, so
//! that taking one back leaves no doubt which. Rows of one key and instant that agree in
//! all of these are told apart by their count.

use std::collections::HashMap;

use rayon::prelude::*;
use smallvec::SmallVec;

use crate::message::Key;
use crate::rules::RuleSet;
use crate::time::Timestamp;
use crate::verdict::{Decision, Evidence, Row, Standing};

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

/// Gives ids to rows as they are decided.
#[derive(Debug, Default)]
pub struct OutputIds {
    /// By hash: how many rows had it, and their instant.
    told: HashMap<blake3::Hash, (Timestamp, u64)>,
    bytes: Vec<u8>,
}

impl OutputIds {
    /// Returns the id of the next row. The rows of one key come in the order they were decided.
    pub fn next(&mut self, row: &Row, rules: &RuleSet) -> String {
        self.bytes.clear();
        tell(row, rules, &mut self.bytes);
        let hash = blake3::hash(&self.bytes);
        let (_, n_before) = self.told.entry(hash).or_insert((row.at, 0));
        *n_before += 1;
        if *n_before == 1 {
            return id_of(hash);
        }
        self.bytes.extend_from_slice(&(*n_before - 1).to_le_bytes());
        id_of(blake3::hash(&self.bytes))
    }

    /// Forgets the instants before `watermark`, of which no more rows come.
    pub fn forget_before(&mut self, watermark: Timestamp) {
        self.told.retain(|_, (at, _)| *at >= watermark);
    }
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
    row.evidence.iter().for_each(|evidence| piece(out, evidence));
}

/// Returns the id of the row of commit `commit` that takes back the row with the id `wrong`.
pub(super) fn correction_id(wrong: &str, commit: u64) -> String {
    let mut bytes = Vec::new();
    text(&mut bytes, wrong);
    bytes.extend_from_slice(&commit.to_le_bytes());
    id_of(blake3::hash(&bytes))
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
            standing(out, &change.standing);
        }
        Decision::Alert(alert) => {
            text(out, words::alert_kind(alert));
            text(out, words::alert_level(alert.level));
            if let Some(raised_at) = alert.recalled_from {
                out.extend_from_slice(&raised_at.0.to_le_bytes());
            }
        }
        Decision::Kick(kick) => {
            text(out, words::kick_action(kick.action));
            text(out, &kick.message_id);
        }
    }
}

fn standing(out: &mut Vec<u8>, standing: &Standing) {
    let instants =
        [Some(standing.since), standing.expires_at, Some(standing.first_at), Some(standing.last_at)];
    for at in instants {
        out.extend_from_slice(&at.unwrap_or(Timestamp::MIN).0.to_le_bytes());
    }
    for number in [standing.score, standing.mass] {
        out.extend_from_slice(&number.to_bits().to_le_bytes());
    }
    out.extend_from_slice(&standing.n_hits.to_le_bytes());
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
