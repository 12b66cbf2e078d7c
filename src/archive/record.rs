//! What reading one record gives, and the last steps every stored shape shares.

use std::borrow::Cow;

use crate::archive::instant::{id_time, is_ahead};
use crate::archive::payload::Content;
use crate::archive::role::{self, Party};
use crate::archive::{ReadOptions, Roster};
use crate::message::{Consent, Flags, Message, MessageKind, Origin, Part, Recall, Role, TextScope};
use crate::time::Timestamp;

/// One logical record: a wrapped page of n messages gives n of these.
#[derive(Debug)]
pub struct Read<'a> {
    /// Where it was read.
    pub origin: Origin,
    /// The bytes of the record; of a message inside a page: its own JSON, written anew.
    pub raw: &'a [u8],
    /// `xxh3_64` of `raw`: two records of one id with different contents are a conflict.
    pub content: u64,
    /// What it says, or why it cannot be used.
    pub record: Result<Record<'a>, RecordFault>,
}

/// What a record says.
#[derive(Clone, Debug)]
pub enum Record<'a> {
    /// A message.
    Message(Message<'a>),
    /// A message was taken back.
    Recall(Recall<'a>),
    /// A customer allowed or refused archiving.
    Consent(Consent<'a>),
    /// An employee changed the active company; no conversation.
    Switch {
        /// The company.
        corp: Cow<'a, str>,
        /// Archival sequence number; 0 when it was lost.
        seq: u64,
        /// The record's id; may be empty.
        id: Cow<'a, str>,
    },
    /// An encrypted envelope; only its owner can read it.
    Encrypted {
        /// Number of the key pair, when the envelope says.
        key_version: Option<u32>,
        /// Archival sequence number; 0 when it was lost.
        seq: u64,
        /// The message id; may be empty.
        id: Cow<'a, str>,
    },
    /// Nothing to read, by a stable reason: `page.empty`, `entry.null`.
    Empty(&'static str),
}

impl<'a> Record<'a> {
    /// Names the company of a record that names none.
    pub(crate) fn fill_corp(&mut self, corp: &'a str) {
        let own = match self {
            Record::Message(message) => &mut message.corp,
            Record::Recall(recall) => &mut recall.corp,
            Record::Consent(consent) => &mut consent.corp,
            Record::Switch { corp, .. } => corp,
            Record::Encrypted { .. } | Record::Empty(_) => return,
        };
        if own.is_empty() {
            *own = Cow::Borrowed(corp);
        }
    }
}

impl Record<'static> {
    /// Returns the same record for a shorter life; small vectors do not let the compiler see that by itself.
    pub(crate) fn lend<'a>(self) -> Record<'a> {
        match self {
            Record::Message(message) => Record::Message(lend_message(message)),
            Record::Recall(recall) => Record::Recall(recall),
            Record::Consent(consent) => Record::Consent(consent),
            Record::Switch { corp, seq, id } => Record::Switch { corp, seq, id },
            Record::Encrypted { key_version, seq, id } => Record::Encrypted { key_version, seq, id },
            Record::Empty(reason) => Record::Empty(reason),
        }
    }
}

#[allow(clippy::map_identity, reason = "it shortens the life of each item")]
fn lend_message<'a>(message: Message<'static>) -> Message<'a> {
    Message {
        corp: message.corp,
        seq: message.seq,
        id: message.id,
        at: message.at,
        kind: message.kind,
        chat: message.chat,
        room: message.room,
        staff: message.staff,
        customer: message.customer,
        speaker: message.speaker,
        role: message.role,
        room_role: message.room_role,
        company: message.company,
        parts: message.parts.into_iter().map(|part| -> Part<'a> { part }).collect(),
        links: message.links.into_iter().map(|link| -> Cow<'a, str> { link }).collect(),
        mini_program: message.mini_program,
        numbers: message.numbers,
        recipients: message.recipients,
        flags: message.flags,
    }
}

/// Why a record cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordFault {
    /// Stable and dotted, such as `json.syntax`.
    pub code: &'static str,
    /// More for people; never message text.
    pub detail: String,
}

impl RecordFault {
    /// A fault with the code `code`.
    pub fn new(code: &'static str, detail: impl Into<String>) -> RecordFault {
        RecordFault { code, detail: detail.into() }
    }
}

/// The fields all messages share, under their official names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head<'a> {
    pub corp: Cow<'a, str>,
    pub seq: u64,
    pub id: Cow<'a, str>,
    pub recall: bool,
    pub from: Cow<'a, str>,
    pub from_role: Option<Role>,
    pub receiver: Option<Cow<'a, str>>,
    pub receiver_role: Option<Role>,
    pub recipients: u32,
    pub room: Option<Cow<'a, str>>,
    pub at: Option<Timestamp>,
    pub kind: Option<MessageKind>,
    pub flags: Flags,
}

/// Turns the fields and the content of one record into what it says.
#[inline]
pub(crate) fn finish<'a>(
    mut head: Head<'a>,
    content: Content<'a>,
    options: &ReadOptions,
) -> Result<Record<'a>, RecordFault> {
    if head.id.is_empty() {
        return Err(RecordFault::new("id.missing", "`msgid` is missing"));
    }
    if head.from.is_empty() {
        return Err(RecordFault::new("from.missing", "`from` is missing"));
    }
    let at = time_of(&mut head, &content)?;
    match head.kind {
        _ if head.recall => recall(head, content, at),
        Some(MessageKind::Revoke) => recall(head, content, at),
        Some(MessageKind::Agree) => Ok(Record::Consent(consent(head, content, at, true))),
        Some(MessageKind::Disagree) => Ok(Record::Consent(consent(head, content, at, false))),
        _ => message(head, content, at, &options.roster).map(Record::Message),
    }
}

/// Returns the record's own time, else the time in its id.
fn time_of(head: &mut Head<'_>, content: &Content<'_>) -> Result<Timestamp, RecordFault> {
    let of_id = id_time(&head.id);
    match (head.at.or(content.at), of_id) {
        (Some(at), Some(written)) if is_ahead(at, written) => Err(RecordFault::new(
            "time.ahead_of_id",
            "`msgtime` is more than 24 hours after the time in `msgid`",
        )),
        (Some(at), _) => Ok(at),
        (None, Some(written)) => {
            head.flags.insert(Flags::TIME_FROM_ID);
            Ok(written)
        }
        (None, None) => Err(RecordFault::new("time.missing", "neither `msgtime` nor `msgid` holds a time")),
    }
}

fn recall<'a>(head: Head<'a>, content: Content<'a>, at: Timestamp) -> Result<Record<'a>, RecordFault> {
    let target = content.target.filter(|target| !target.is_empty());
    let target =
        target.ok_or_else(|| RecordFault::new("recall.no_target", "`revoke.pre_msgid` is missing"))?;
    Ok(Record::Recall(Recall { corp: head.corp, seq: head.seq, id: head.id, at, target }))
}

fn consent<'a>(head: Head<'a>, content: Content<'a>, at: Timestamp, agreed: bool) -> Consent<'a> {
    let staff = if head.room.is_some() { None } else { head.receiver };
    let customer = content.member.unwrap_or(head.from);
    Consent { corp: head.corp, seq: head.seq, id: head.id, at, customer, staff, room: head.room, agreed }
}

fn message<'a>(
    head: Head<'a>,
    mut content: Content<'a>,
    at: Timestamp,
    roster: &Roster,
) -> Result<Message<'a>, RecordFault> {
    let kind = head.kind.unwrap_or(MessageKind::Unknown);
    let speaker = Party { id: &head.from, explicit: head.from_role };
    let role = role::speaker(&speaker, kind, roster);
    let seat = role::seat(&head, role, roster)?;
    let mut flags = head.flags;
    flags.insert(content.flags);
    flags.insert(seat.flags);
    if role == Role::Bot {
        content.attribute_to_machine();
    }
    let member = roster.member(&head.from);
    Ok(Message {
        room_role: head.room.as_deref().map(|room| roster.room_role(room, &head.from)).unwrap_or_default(),
        company: member.and_then(|member| member.company.clone()),
        corp: head.corp,
        seq: head.seq,
        id: head.id,
        at,
        kind,
        chat: seat.chat,
        staff: seat.staff,
        customer: seat.customer,
        room: head.room,
        speaker: head.from,
        role,
        parts: content.parts,
        links: content.links,
        mini_program: content.mini_program,
        numbers: content.numbers,
        recipients: head.recipients,
        flags,
    })
}

impl Content<'_> {
    /// A bot types nothing: its texts are the machine's.
    fn attribute_to_machine(&mut self) {
        for part in self.parts.iter_mut().filter(|part| part.scope == TextScope::Own) {
            part.scope = TextScope::Machine;
        }
    }
}
