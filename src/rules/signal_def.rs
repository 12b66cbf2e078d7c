//! What one message says: the definitions of signals. The `signal` stage evaluates them.

use serde::Serialize;

use crate::business::{BusinessKind, FieldValue};
use crate::lexicon::{LexiconIdx, TermIdx};
use crate::mention::Polarity;
use crate::message::{ChatKind, MessageKind};
use crate::model::Label;

use super::Fingerprint;

/// A condition on one message, true or not, whatever came before.
///
/// All fields must hold. An empty list is no condition.
#[derive(Clone, Debug)]
pub struct SignalDef {
    /// Stable id.
    pub id: String,
    /// What people read.
    pub title: String,
    /// It is about business events, and about no message; the fields below up to the fingerprint
    /// are then at rest.
    pub business: Option<Business>,
    /// Who must have sent it.
    pub from: Speaker,
    /// In which conversations.
    pub chats: Vec<ChatKind>,
    /// Which message types.
    pub kinds: Vec<MessageKind>,
    /// Whose words are looked at.
    pub words: Words,
    /// One of these must be mentioned; empty: no mention needed.
    pub any: Vec<Selector>,
    /// Scores one of which makes it true without a mention.
    pub models: Vec<ModelScore>,
    /// Which polarities count; empty: each mention that the term's own policy kept.
    pub polarity: Vec<Polarity>,
    /// A mention does not count when one of these is mentioned in the same part.
    pub unless_any: Vec<Selector>,
    /// A mention counts only with one of these close by.
    pub near: Option<Near>,
    /// A link whose host is not on this list (nor a sub-domain of one on it) must be there.
    pub host_not_in: Option<Vec<String>>,
    /// A mini program that is not on this list must be there.
    pub mini_program_not_in: Option<Vec<String>>,
    /// The speaker must be on this list.
    pub member_in: Option<Vec<String>>,
    /// The speaker's company must be on this list.
    pub company_in: Option<Vec<String>>,
    /// Canonical form and the fingerprints of its lexicons.
    pub fingerprint: Fingerprint,
}

/// A condition on a business event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Business {
    /// One of these kinds.
    pub kinds: Vec<BusinessKind>,
    /// All of these hold.
    pub tests: Vec<(String, Test)>,
}

/// A condition on one field. A field that is not there meets none but `Exists(false)` and `Ne`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Equal.
    Eq(FieldValue),
    /// Not equal, or not there.
    Ne(FieldValue),
    /// Greater.
    Gt(i64),
    /// Greater or equal.
    Ge(i64),
    /// Less.
    Lt(i64),
    /// Less or equal.
    Le(i64),
    /// One of these.
    In(Vec<FieldValue>),
    /// There, or not there.
    Exists(bool),
}

impl Test {
    /// Returns whether the field's value meets it.
    pub fn holds(&self, value: Option<&FieldValue>) -> bool {
        let number = match value {
            Some(FieldValue::Number(number)) => Some(*number),
            _ => None,
        };
        match self {
            Test::Eq(wanted) => value == Some(wanted),
            Test::Ne(other) => value != Some(other),
            Test::Gt(bound) => number.is_some_and(|number| number > *bound),
            Test::Ge(bound) => number.is_some_and(|number| number >= *bound),
            Test::Lt(bound) => number.is_some_and(|number| number < *bound),
            Test::Le(bound) => number.is_some_and(|number| number <= *bound),
            Test::In(all) => value.is_some_and(|value| all.contains(value)),
            Test::Exists(there) => value.is_some() == *there,
        }
    }
}

/// A model's score that is high enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelScore {
    /// The model's label.
    pub label: Label,
    /// From 0 to 1.
    pub at_least: f64,
}

/// Who sent a message, as signals ask for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaker {
    /// Anybody.
    Anyone,
    /// Someone outside the company.
    Customer,
    /// An employee.
    Staff,
    /// A robot.
    Bot,
    /// Someone outside the company, in a group.
    ExternalMember,
}

/// Whose words a signal looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Words {
    /// Typed by the sender.
    Own,
    /// Typed or passed on by the sender.
    OwnAndShared,
}

/// A choice of terms: a lexicon, or one category of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selector {
    /// The lexicon.
    pub lexicon: LexiconIdx,
    /// The terms, sorted.
    pub terms: Vec<TermIdx>,
    /// Takes the mentions that negation turned round, instead of the others.
    pub flipped: bool,
}

/// Another mention that must stand close by, in the same part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Near {
    /// The other mention.
    pub selector: Selector,
    /// Most characters between the two.
    pub chars: u32,
}
