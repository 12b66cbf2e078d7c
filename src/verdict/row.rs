//! What is decided, row by row, before names are put to the numbers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lexicon::TermIdx;
use crate::mention::{Layer, Polarity};
use crate::message::Key;
use crate::rules::{AlertIdx, AlertLevel, KickAction, RuleIdx, TagIdx};
use crate::signal::saved_ids;
use crate::time::Timestamp;

/// One decision about one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Whose.
    pub key: Arc<Key>,
    /// When: the event's time or the timer's deadline.
    pub at: Timestamp,
    /// The rule that led to it; `None` when no rule did (a tag ran out).
    pub rule: Option<RuleIdx>,
    /// What.
    pub decision: Decision,
    /// What caused it, in event order, at most [`MAX_EVIDENCE`] items (the newest).
    pub evidence: Vec<Evidence>,
    /// From an experimental rule: computed and written, without effect.
    pub shadow: bool,
    /// Of a change of a tag: how many changes of the same key came before at the same instant (those of
    /// experimental rules are counted apart).
    pub ordinal: u32,
}

impl Row {
    /// Returns whether two rows say the same, wherever they stand at their instant.
    pub fn says_the_same(&self, other: &Row) -> bool {
        let what = |row: &Row| (row.at, row.rule, row.shadow);
        what(self) == what(other)
            && self.key == other.key
            && self.decision == other.decision
            && self.evidence == other.evidence
    }
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Decision {
    /// A tag comes, goes or changes.
    Tag(TagChange),
    /// Somebody should look.
    Alert(Alert),
    /// A message in a group has consequences for its sender.
    Kick(KickDecision),
}

/// A change of one tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagChange {
    /// Which tag.
    pub tag: TagIdx,
    /// What happens to it.
    pub kind: TagChangeKind,
    /// Why it goes or is blocked.
    pub reason: Option<Reason>,
    /// The tag after the change (before it, when it goes).
    pub standing: Standing,
}

/// How a tag stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// When it was assigned.
    pub since: Timestamp,
    /// When it runs out; `None` when it does not.
    pub expires_at: Option<Timestamp>,
    /// Evidence score, 0 to 1, six decimals.
    pub score: f64,
    /// Index of the level in the tag's `levels`, the highest whose cut is reached.
    pub level: Option<u8>,
    /// Decayed sum of weights at the time of the last evidence.
    pub mass: f64,
    /// Hits so far.
    pub n_hits: u64,
    /// First evidence.
    pub first_at: Timestamp,
    /// Last evidence.
    pub last_at: Timestamp,
    /// A person assigned it.
    pub manual: bool,
}

/// What happens to a tag.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagChangeKind {
    /// It comes.
    Assign,
    /// More evidence, same level.
    Refresh,
    /// More evidence, another level.
    Level,
    /// It goes.
    Remove,
    /// It would come, but its group does not allow it.
    Blocked,
    /// It was looked at again and stays.
    Reviewed,
    /// A message that its evidence quotes was recalled. It stays.
    RecalledEvidence,
}

/// Why a tag goes or is blocked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its time ran out.
    Expired,
    /// Its `clear_on` signal came.
    Cleared,
    /// A rule takes it away.
    Rule,
    /// Another tag of its group took its place.
    Superseded(TagIdx),
    /// Blocked by another tag of its group.
    Outranked(TagIdx),
    /// The share that gave it fell below.
    Below,
    /// The window that gave it closed.
    Passed,
    /// A part of the combination went.
    Part,
    /// The monthly review found its condition no longer met.
    Review,
    /// No rule gives it any more.
    Retired,
    /// The barrier ranks its key no longer.
    Unranked,
    /// A person assigned it or took it away.
    Manual,
    /// Its customer went over to another employee.
    Transferred,
    /// It came with its customer from another employee.
    Inherited,
}

/// An alert, what would have been one, or a note about one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// How urgent.
    pub level: AlertLevel,
    /// The time of the alert that holds this one back: an earlier one of the same id, or the inhibitor.
    pub suppressed_by: Option<Timestamp>,
    /// The alert that mutes this one while it is in its own cooldown.
    pub inhibited_by: Option<AlertIdx>,
    /// The time of the alert that this row is a note about: a message it rested on was recalled.
    pub recalled_from: Option<Timestamp>,
}

impl Alert {
    /// Returns whether somebody is to look: it is neither held back nor a note about another.
    pub fn is_raised(&self) -> bool {
        self.suppressed_by.is_none() && self.recalled_from.is_none()
    }
}

/// The decision about one message of a group member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KickDecision {
    /// The message.
    pub message_id: Box<str>,
    /// What is to be done; `None`: nothing, see the next two.
    pub action: Option<KickAction>,
    /// All rules that asked for something, in id order.
    pub rules: Vec<RuleIdx>,
    /// Index of the exemption that protects the member.
    pub exemption: Option<u16>,
    /// The time of the kick after which further decisions are held.
    pub held_by: Option<Timestamp>,
    /// What the model for advertising says, from 0 to 1, where it was asked: only other spellings of terms were found.
    pub model_score: Option<f32>,
}

/// One piece of what caused a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The message.
    #[serde(with = "saved_ids")]
    pub message_id: Box<str>,
    /// Its time.
    pub at: Timestamp,
    /// What in it; `None` when the message itself counts.
    pub mark: Option<Mark>,
    /// What it adds to the mass.
    pub weight: f64,
}

/// The characters of a message that count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The term.
    pub term: TermIdx,
    /// Index of the message part.
    pub part: u16,
    /// First character in the stored string.
    pub start: u32,
    /// One past the last character.
    pub end: u32,
    /// How far the text was folded.
    pub layer: Layer,
    /// Said, denied, asked, supposed or told.
    pub polarity: Polarity,
    /// The original text when it differs from the term.
    pub surface: Option<Box<str>>,
}

impl Mark {
    /// Returns the mark with the new number of its term, which `terms` has by the old ones; none when it is gone.
    pub(super) fn renumbered(self, terms: &[Option<TermIdx>]) -> Option<Mark> {
        let term = terms.get(self.term.0 as usize).copied().flatten()?;
        Some(Mark { term, ..self })
    }
}

/// Most pieces of evidence in one row: enough to check it by eye; `n_hits` counts them all.
pub const MAX_EVIDENCE: usize = 32;
