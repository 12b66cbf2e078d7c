//! What one message says: the definitions of signals. The `signal` stage evaluates them.

use crate::lexicon::{LexiconIdx, TermIdx};
use crate::mention::Polarity;
use crate::message::{ChatKind, MessageKind};

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
