//! The fast path: official plaintext, one borrowed pass.
//!
//! Reads exactly the official shape and refuses everything else, so that one
//! general path decides all odd cases. Receivers of groups are counted and not
//! kept; payloads without text are passed over. Longer than it would have to
//! be if speed did not matter; `benches/reading.rs` shows what it gains.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::archive::payload::{self, Content};
use crate::archive::record::{Head, Record, RecordFault, finish};
use crate::archive::{ReadOptions, instant, kind};
use crate::message::MessageKind;

/// Decodes `bytes` when they are one official plaintext message; `None` sends them to the general path.
pub(crate) fn decode<'a>(bytes: &'a [u8], options: &ReadOptions) -> Option<Result<Record<'a>, RecordFault>> {
    let text = simdutf8::basic::from_utf8(bytes).ok()?;
    let row: Row<'a> = serde_json::from_str(text).ok()?;
    row.decode(options)
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
    payload: Option<(&'static str, &'a str)>,
}

impl<'a> Row<'a> {
    fn decode(self, options: &ReadOptions) -> Option<Result<Record<'a>, RecordFault>> {
        let kind = self.kind?;
        // A recall of another type, a sender with a role written before the id: not official.
        if (self.recall && kind != MessageKind::Revoke) || !self.from.is_ascii() {
            return None;
        }
        let content = content(kind, self.text, self.payload)?;
        let room = (!matches!(self.room.as_ref(), "" | "0")).then_some(self.room);
        let head = Head {
            corp: self.corp,
            seq: self.seq,
            id: self.id,
            recall: self.recall,
            from: self.from,
            receiver: self.receiver,
            recipients: self.recipients,
            room,
            at: instant::of_number(self.at),
            kind: Some(kind),
            ..Head::default()
        };
        Some(finish(head, content, options))
    }
}

/// Reads the one payload; none at all is for the general path to judge, which knows other places.
fn content<'a>(
    kind: MessageKind,
    text: Option<Cow<'a, str>>,
    payload: Option<(&'static str, &'a str)>,
) -> Option<Content<'a>> {
    match (kind, text, payload) {
        (MessageKind::Text, Some(text), None) => {
            let mut content = Content::default();
            content.push_own(text);
            Some(content)
        }
        (MessageKind::Text, ..) | (_, Some(_), _) | (_, _, None) => None,
        (MessageKind::Image | MessageKind::Emotion, None, Some((_, raw))) => {
            is_flat(raw).then(Content::default)
        }
        (_, None, Some((key, raw))) if kind::payload_keys(kind).contains(&key) => {
            Some(payload::read(kind, &serde_json::from_str(raw).ok()?))
        }
        _ => None,
    }
}

/// Returns whether an object that is passed over holds no other; depth is the general path's to judge.
fn is_flat(raw: &str) -> bool {
    memchr::memchr2_iter(b'{', b'[', raw.as_bytes()).take(2).count() == 1
}

struct RowVisitor;

impl<'de> Deserialize<'de> for Row<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Row<'de>, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an official message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
        let mut row = Row::default();
        while let Some(Key(key)) = map.next_key()? {
            match key {
                "msgid" => row.id = map.next_value::<Text<'de>>()?.0,
                "action" => row.recall = is_recall(&map.next_value::<Text<'de>>()?.0)?,
                "from" => row.from = map.next_value::<Text<'de>>()?.0,
                "tolist" => (row.receiver, row.recipients) = map.next_value::<Receivers<'de>>()?.0,
                "roomid" => row.room = map.next_value::<Text<'de>>()?.0,
                "msgtime" => row.at = map.next_value()?,
                "msgtype" => row.kind = Some(official(&map.next_value::<Text<'de>>()?.0)?),
                "seq" => row.seq = map.next_value()?,
                "corpid" => row.corp = map.next_value::<Text<'de>>()?.0,
                "text" => row.text = map.next_value::<TextPayload<'de>>()?.0,
                "voiceid" | "voipid" => map.next_value::<Text<'de>>().map(drop)?,
                other => row.read_payload(payload_key(other)?, &mut map)?,
            }
        }
        Ok(row)
    }
}

impl<'de> Row<'de> {
    fn read_payload<A: MapAccess<'de>>(&mut self, key: &'static str, map: &mut A) -> Result<(), A::Error> {
        let raw: &'de RawValue = map.next_value()?;
        if raw.get() == "null" {
            return Ok(());
        }
        if self.payload.is_some() {
            return Err(A::Error::custom("two payloads"));
        }
        self.payload = Some((key, raw.get()));
        Ok(())
    }
}

fn is_recall<E: serde::de::Error>(action: &str) -> Result<bool, E> {
    match action {
        "send" => Ok(false),
        "recall" => Ok(true),
        _ => Err(E::custom("another action")),
    }
}

fn official<E: serde::de::Error>(name: &str) -> Result<MessageKind, E> {
    kind::official(name).ok_or_else(|| E::custom("no official type"))
}

/// Returns `key` when it is an official payload key.
fn payload_key<E: serde::de::Error>(key: &str) -> Result<&'static str, E> {
    let known = PAYLOAD_KEYS.iter().find(|known| **known == key);
    known.copied().ok_or_else(|| E::custom("no official field"))
}

const PAYLOAD_KEYS: &[&str] = &[
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

/// An object key; official ones need no unescaping.
struct Key<'a>(&'a str);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        <&'de str>::deserialize(deserializer).map(Key)
    }
}

/// A string, borrowed unless it holds an escape.
struct Text<'a>(Cow<'a, str>);

struct TextVisitor;

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// The first receiver and the number of all.
struct Receivers<'a>((Option<Cow<'a, str>>, u32));

struct ReceiversVisitor;

impl<'de> Deserialize<'de> for Receivers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Receivers<'de>, D::Error> {
        deserializer.deserialize_seq(ReceiversVisitor)
    }
}

impl<'de> Visitor<'de> for ReceiversVisitor {
    type Value = Receivers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut ids: A) -> Result<Receivers<'de>, A::Error> {
        let Some(Text(first)) = ids.next_element()? else { return Ok(Receivers((None, 0))) };
        let mut count = 1_u32;
        while let Some(Text(id)) = ids.next_element()? {
            count = count.saturating_add(u32::from(!id.is_empty()));
        }
        if first.is_empty() {
            return Err(A::Error::custom("an empty id"));
        }
        Ok(Receivers((Some(first), count)))
    }
}

/// `{"content": …}` and nothing else.
struct TextPayload<'a>(Option<Cow<'a, str>>);

struct TextPayloadVisitor;

impl<'de> Deserialize<'de> for TextPayload<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextPayload<'de>, D::Error> {
        deserializer.deserialize_any(TextPayloadVisitor)
    }
}

impl<'de> Visitor<'de> for TextPayloadVisitor {
    type Value = TextPayload<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text payload")
    }

    fn visit_unit<E>(self) -> Result<TextPayload<'de>, E> {
        Ok(TextPayload(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextPayload<'de>, A::Error> {
        let mut content = None;
        while let Some(Key(key)) = map.next_key()? {
            if key != "content" {
                return Err(A::Error::custom("another field"));
            }
            content = Some(map.next_value::<Text<'de>>()?.0);
        }
        Ok(TextPayload(content))
    }
}
