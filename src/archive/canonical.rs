//! Reads canonical messages back: the lines that `chattag inspect --to jsonl` writes.
//!
//! Everything was decided when they were written, but for the roster, which may know more now.
//! `docs/canonical-jsonl.md` is the form.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::archive::record::{Record, RecordFault};
use crate::archive::roster::Roster;
use crate::message::{
    ChatKind, Consent, Flags, Message, MessageKind, NumberField, Part, Recall, Role, TextScope,
};
use crate::time::Timestamp;

/// Returns whether `map` is a canonical record.
pub(crate) fn is_canonical(map: &Map<String, Value>) -> bool {
    map.get("record").is_some_and(Value::is_string) && map.contains_key("id") && !map.contains_key("msgid")
}

/// Decodes a canonical record.
///
/// # Errors
///
/// `record.not_canonical`: a field is missing or says what no such line says.
pub(crate) fn decode(map: &Map<String, Value>, roster: &Roster) -> Result<Record<'static>, RecordFault> {
    let line: Line = serde_json::from_value(Value::Object(map.clone()))
        .map_err(|_| RecordFault::new("record.not_canonical", "a field is missing or has another type"))?;
    Ok(match line {
        Line::Message(message) => Record::Message(message.into_message(roster)),
        Line::Recall { corp, seq, id, at, target } => Record::Recall(Recall {
            corp: corp.into(),
            seq,
            id: id.into(),
            at: Timestamp(at),
            target: target.into(),
        }),
        Line::Consent { corp, seq, id, at, customer, staff, room, agreed } => Record::Consent(Consent {
            corp: corp.into(),
            seq,
            id: id.into(),
            at: Timestamp(at),
            customer: customer.into(),
            staff: staff.map(Cow::Owned),
            room: room.map(Cow::Owned),
            agreed,
        }),
        Line::Switch { corp, seq, id } => Record::Switch { corp: corp.into(), seq, id: id.into() },
    })
}

#[derive(Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Line {
    Message(Box<MessageLine>),
    Recall {
        corp: String,
        seq: u64,
        id: String,
        at: i64,
        target: String,
    },
    Consent {
        corp: String,
        seq: u64,
        id: String,
        at: i64,
        customer: String,
        staff: Option<String>,
        room: Option<String>,
        agreed: bool,
    },
    Switch {
        corp: String,
        seq: u64,
        id: String,
    },
}

#[derive(Deserialize)]
struct MessageLine {
    corp: String,
    seq: u64,
    id: String,
    at: i64,
    #[serde(rename = "type")]
    kind: MessageKind,
    chat: ChatKind,
    room: Option<String>,
    staff: Option<String>,
    customer: Option<String>,
    speaker: String,
    role: Role,
    parts: Vec<PartLine>,
    links: Vec<String>,
    mini_program: Option<String>,
    numbers: std::collections::BTreeMap<NumberField, i64>,
    recipients: u32,
    flags: Vec<String>,
}

#[derive(Deserialize)]
struct PartLine {
    scope: TextScope,
    text: String,
    base_chars: u32,
}

impl MessageLine {
    fn into_message(self, roster: &Roster) -> Message<'static> {
        let member = roster.member(&self.speaker);
        let parts = self.parts.into_iter().map(|part| Part {
            scope: part.scope,
            text: Cow::Owned(part.text),
            base_chars: part.base_chars,
        });
        Message {
            room_role: self
                .room
                .as_deref()
                .map(|room| roster.room_role(room, &self.speaker))
                .unwrap_or_default(),
            company: member.and_then(|member| member.company.clone()),
            corp: self.corp.into(),
            seq: self.seq,
            id: self.id.into(),
            at: Timestamp(self.at),
            kind: self.kind,
            chat: self.chat,
            room: self.room.map(Cow::Owned),
            staff: self.staff.map(Cow::Owned),
            customer: self.customer.map(Cow::Owned),
            role: member.and_then(|member| member.role).unwrap_or(self.role),
            speaker: self.speaker.into(),
            parts: parts.collect(),
            links: self.links.into_iter().map(Cow::Owned).collect(),
            mini_program: self.mini_program.map(Cow::Owned),
            numbers: self.numbers.into_iter().collect(),
            recipients: self.recipients,
            flags: Flags::of_names(self.flags.iter().map(String::as_str)),
        }
    }
}
