//! An annotated message: what is left of it once its text is dropped.

use std::cell::RefCell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::lexicon::TermIdx;
use crate::mention::{Layer, Polarity};
use crate::message::{KeyKind, NumberField};
use crate::rules::{SignalIdx, TagIdx};
use crate::time::Timestamp;

/// What happened at one instant in the history of a key. Buffers are reused from event to event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Breaks ties of `at`; 0 when the archive lost it.
    pub seq: u64,
    /// The message id; breaks ties of `seq`, byte by byte.
    pub id: String,
    /// Non-empty: this is the recall of that message, and nothing else.
    pub recall_of: String,
    /// The signals that are true, in order.
    pub signals: Vec<Sign>,
    /// The hits of all signals; [`Sign`] says which are whose.
    pub hits: Vec<Hit>,
    /// Numbers that rules may sum.
    pub numbers: SmallVec<[(NumberField, i64); 1]>,
    /// What a person did to the tags of the key.
    pub acts: Vec<Act>,
    /// Bit `i`: exemption `i` of the rule set holds for the speaker now.
    pub exemptions: u64,
    /// What the model for advertising says; asked only about messages with a hit in another spelling.
    pub advertises: Option<Opinion>,
    /// The id as rules keep it, once one has asked for it.
    pub shared_id: SharedId,
}

/// A message id that all rules share which keep it. Part of no comparison: it says nothing that the id does not.
#[derive(Clone, Debug, Default)]
pub struct SharedId(RefCell<Option<Arc<str>>>);

impl PartialEq for SharedId {
    fn eq(&self, _: &SharedId) -> bool {
        true
    }
}

/// What a model says of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    /// How likely the message has the model's label, from 0 to 1.
    pub score: f32,
    /// The score reaches the model's threshold.
    pub holds: bool,
}

/// A person assigns a tag or takes it away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Act {
    /// Which tag.
    pub tag: TagIdx,
    /// `true`: it comes; `false`: it goes.
    pub assigned: bool,
    /// The kind of key the tag belongs to.
    pub key: KeyKind,
}

/// A signal that is true for an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sign {
    /// Which.
    pub signal: SignalIdx,
    /// Its first hit in [`Event::hits`].
    pub first_hit: u16,
    /// Number of hits; 0 for a signal that needs no mention.
    pub n_hits: u16,
}

/// One mention that made a signal true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
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
    /// The term's weight.
    pub weight: f64,
    /// The original text when it differs from the term as written in the lexicon.
    pub surface: Option<Box<str>>,
}

impl Event {
    /// Returns the sign of `signal` when it is true.
    pub fn sign(&self, signal: SignalIdx) -> Option<&Sign> {
        self.signals.iter().find(|sign| sign.signal == signal)
    }

    /// Returns the hits of a sign; empty for a signal that needs no mention.
    pub fn hits_of(&self, sign: &Sign) -> &[Hit] {
        let first = usize::from(sign.first_hit);
        &self.hits[first..first + usize::from(sign.n_hits)]
    }

    /// Returns the message id, to be kept.
    pub fn shared_id(&self) -> Arc<str> {
        let mut shared = self.shared_id.0.borrow_mut();
        match shared.as_ref().filter(|shared| ***shared == *self.id) {
            Some(shared) => Arc::clone(shared),
            None => Arc::clone(shared.insert(Arc::from(self.id.as_str()))),
        }
    }

    /// Empties the event for reuse.
    pub fn clear(&mut self) {
        self.id.clear();
        self.recall_of.clear();
        self.signals.clear();
        self.hits.clear();
        self.numbers.clear();
        self.acts.clear();
        self.exemptions = 0;
        self.advertises = None;
    }
}
