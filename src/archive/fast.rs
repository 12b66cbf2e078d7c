//! The fast path: official plaintext, one borrowed pass.
//!
//! Reads exactly the official shape and refuses everything else, so that one
//! general path decides all odd cases; a record that both read says the same.
//! Receivers of groups are counted and not kept; payloads without text are
//! passed over. Longer than it would have to be if speed did not matter;
//! `benches/reading.rs` shows what it gains.

use std::borrow::Cow;

use crate::archive::general::without_key;
use crate::archive::payload::{self, Content};
use crate::archive::record::{Head, Record, RecordFault, finish};
use crate::archive::scan::Scanner;
use crate::archive::{ReadOptions, flat, instant, kind};
use crate::message::MessageKind;

/// Decodes `bytes` when they are one official plaintext message; `None` sends them to the general path.
pub(crate) fn decode<'a>(bytes: &'a [u8], options: &ReadOptions) -> Option<Result<Record<'a>, RecordFault>> {
    Row::scan(bytes)?.decode(options)
}

/// The official fields as they stand.
#[derive(Default)]
struct Row<'a> {
    seq: u64,
    corp: Cow<'a, str>,
    id: Cow<'a, str>,
    recall: bool,
    from: Cow<'a, str>,
    receiver: Option<Cow<'a, str>>,
    recipients: u32,
    room: Cow<'a, str>,
    at: i64,
    kind: Option<MessageKind>,
    /// `text.content`; other payloads stay as they are until the type is known.
    text: Option<Cow<'a, str>>,
    payload: Option<Payload<'a>>,
    /// Which fields were read, a bit each: of a field that stands twice the last one counts,
    /// which is the general path's to know.
    seen: u64,
}

/// A payload that is not text, unparsed.
#[derive(Clone, Copy)]
struct Payload<'a> {
    key: &'static str,
    json: &'a str,
}

impl<'a> Row<'a> {
    fn scan(bytes: &'a [u8]) -> Option<Row<'a>> {
        let mut scanner = Scanner::new(bytes)?;
        let mut row = Row::default();
        if row.read_usual_head(&mut scanner).is_none() {
            row = Row::default();
            scanner.restart();
            scanner.pass(b"{")?;
            row.read_any_field(&mut scanner)?;
        }
        while scanner.goes_on(b'}')? {
            row.read_any_field(&mut scanner)?;
        }
        scanner.is_at_end().then_some(row)
    }

    /// Reads the fields before the payload in the order of the SDK, comparing whole stretches at once.
    fn read_usual_head(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        scanner.pass(b"{\"msgid\":")?;
        self.id = scanner.string()?;
        scanner.pass(b",\"action\":\"send\",\"from\":")?;
        self.from = scanner.id()?;
        scanner.pass(b",\"tolist\":")?;
        (self.receiver, self.recipients) = scanner.ids()?;
        scanner.pass(b",\"roomid\":")?;
        self.room = scanner.id()?;
        scanner.pass(b",\"msgtime\":")?;
        self.at = i64::try_from(scanner.unsigned()?).ok()?;
        scanner.pass(b",\"msgtype\":")?;
        self.kind = Some(read_kind(scanner)?);
        self.seen = (1 << USUAL_FIELDS) - 1;
        Some(())
    }

    fn read_any_field(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        if self.seen & TEXT_BIT == 0 && scanner.passes(b"\"text\":") {
            self.seen |= TEXT_BIT;
            return self.read_text(scanner);
        }
        let key = scanner.key()?;
        let field = FIELDS.iter().position(|known| *known == key)?;
        let bit = 1 << field;
        if self.seen & bit != 0 {
            return None;
        }
        self.seen |= bit;
        self.read_field(FIELDS[field], scanner)
    }

    fn read_field(&mut self, field: &'static str, scanner: &mut Scanner<'a>) -> Option<()> {
        match field {
            "msgid" => self.id = scanner.string()?,
            "action" => self.recall = is_recall(&scanner.string()?)?,
            "from" => self.from = scanner.id()?,
            "tolist" => (self.receiver, self.recipients) = scanner.ids()?,
            "roomid" => self.room = scanner.id()?,
            "msgtime" => self.at = i64::try_from(scanner.unsigned()?).ok()?,
            "msgtype" => self.kind = Some(read_kind(scanner)?),
            "text" => self.read_text(scanner)?,
            "seq" => self.seq = scanner.unsigned()?,
            "corpid" => self.corp = scanner.string()?,
            "voiceid" | "voipid" => scanner.string().map(drop)?,
            payload => self.read_payload(payload, scanner)?,
        }
        Some(())
    }

    /// Reads `{"content": …}` and nothing else.
    fn read_text(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        if scanner.passes(b"null") {
            return Some(());
        }
        scanner.pass(b"{\"content\":")?;
        self.text = Some(scanner.string()?);
        scanner.pass(b"}")
    }

    fn read_payload(&mut self, key: &'static str, scanner: &mut Scanner<'a>) -> Option<()> {
        if scanner.passes(b"null") {
            return Some(());
        }
        let payload = Payload { key, json: scanner.object()? };
        self.payload.replace(payload).is_none().then_some(())
    }

    fn decode(self, options: &ReadOptions) -> Option<Result<Record<'a>, RecordFault>> {
        let kind = self.kind?;
        // A recall of another type, a sender with a role written before the id: not official.
        if (self.recall && kind != MessageKind::Revoke) || !self.from.is_ascii() {
            return None;
        }
        let content = content(kind, self.text, self.payload)?;
        let head = Head {
            corp: self.corp,
            seq: self.seq,
            id: self.id,
            recall: self.recall,
            from: self.from,
            receiver: self.receiver,
            recipients: self.recipients,
            room: room(self.room)?,
            at: instant::of_number(self.at),
            kind: Some(kind),
            ..Head::default()
        };
        Some(finish(head, content, options))
    }
}

/// Returns the group; `None` when it is written in a way that only the general path knows.
fn room(room: Cow<'_, str>) -> Option<Option<Cow<'_, str>>> {
    match room.as_ref() {
        "" | "0" => Some(None),
        written => (!matches!(written.trim(), "" | "0" | "null")).then_some(Some(room)),
    }
}

/// Reads the one payload; none at all is for the general path to judge, which knows other places.
fn content<'a>(
    kind: MessageKind,
    text: Option<Cow<'a, str>>,
    payload: Option<Payload<'a>>,
) -> Option<Content<'a>> {
    match (kind, text, payload) {
        (MessageKind::Text, Some(text), None) => {
            let mut content = Content::default();
            content.push_own(text);
            Some(content)
        }
        (MessageKind::Text, ..) => None,
        (_, None, Some(payload)) => payload.read(kind),
        _ => None,
    }
}

impl<'a> Payload<'a> {
    fn read(self, kind: MessageKind) -> Option<Content<'a>> {
        let keys = kind::payload_keys(kind);
        if !keys.contains(&self.key) {
            return None;
        }
        if let Some(content) = flat::read(kind, self.json) {
            return Some(content);
        }
        let fields = serde_json::from_str(self.json).ok()?;
        Some(payload::read(kind, without_key(keys, &fields)))
    }
}

fn read_kind(scanner: &mut Scanner<'_>) -> Option<MessageKind> {
    if scanner.passes(b"\"text\"") {
        return Some(MessageKind::Text);
    }
    kind::official(&scanner.string()?)
}

fn is_recall(action: &str) -> Option<bool> {
    match action {
        "send" => Some(false),
        "recall" => Some(true),
        _ => None,
    }
}

/// The fields of [`Row::read_usual_head`] come first in [`FIELDS`], `text` after them.
const USUAL_FIELDS: u32 = 7;
const TEXT_BIT: u64 = 1 << USUAL_FIELDS;

/// The official fields, then those that hold a payload; the list is searched in order.
const FIELDS: &[&str] = &[
    "msgid",
    "action",
    "from",
    "tolist",
    "roomid",
    "msgtime",
    "msgtype",
    "text",
    "seq",
    "corpid",
    "voiceid",
    "voipid",
    "image",
    "voice",
    "link",
    "file",
    "emotion",
    "mixed",
    "revoke",
    "video",
    "info",
    "weapp",
    "card",
    "location",
    "chatrecord",
    "todo",
    "vote",
    "collect",
    "redpacket",
    "meeting",
    "doc",
    "calendar",
    "meeting_voice_call",
    "voip_doc_share",
    "sphfeed",
    "agree",
    "disagree",
];
