//! Decodes every stored shape: pages, envelopes, wrappers, renamed columns.
//!
//! A value is unwrapped until a message is found, remembering what the outer
//! objects say; then fields are looked up under all their names. Slower than
//! the fast path by a factor of about five, and right for both.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::archive::container::{page_error, page_items};
use crate::archive::decrypt::Envelope;
use crate::archive::layers::{Layers, find_in, names, object, role_of, text_of, truth, unsigned};
use crate::archive::payload::{self, Content};
use crate::archive::record::{Head, Record, RecordFault, finish};
use crate::archive::{ReadOptions, canonical, instant, kind};
use crate::message::{Flags, MessageKind, Role};

/// A record, and its own JSON when it came out of a page.
pub(crate) struct Decoded {
    pub record: Result<Record<'static>, RecordFault>,
    pub raw: Option<Vec<u8>>,
    /// What an encrypted record holds, when there is a decryptor.
    pub envelope: Option<Box<Envelope>>,
}

/// Decodes `value`, found under the objects `outer`, and appends every record in it to `out`: at least one.
pub(crate) fn decode(
    value: &Value,
    outer: Option<&Layers<'_>>,
    flags: Flags,
    options: &ReadOptions,
    out: &mut Vec<Decoded>,
) {
    Unwrapping { flags, options, out }.value(value, outer, 0);
}

struct Unwrapping<'o> {
    flags: Flags,
    options: &'o ReadOptions,
    out: &'o mut Vec<Decoded>,
}

impl Unwrapping<'_> {
    fn push(&mut self, record: Result<Record<'static>, RecordFault>) {
        self.out.push(Decoded { record, raw: None, envelope: None });
    }

    fn fault(&mut self, code: &'static str, detail: impl Into<String>) {
        self.push(Err(RecordFault::new(code, detail)));
    }

    fn value(&mut self, value: &Value, outer: Option<&Layers<'_>>, depth: usize) {
        if depth > MAX_WRAPPERS {
            return self.fault("record.wrapped_too_deep", "more than 4 wrappers");
        }
        match value {
            Value::Null => self.push(Ok(Record::Empty("entry.null"))),
            Value::String(text) if text.trim().is_empty() => self.push(Ok(Record::Empty("entry.null"))),
            Value::String(text) => match object(text) {
                Some(map) => self.object(&Layers { map: &map, outer }, depth + 1),
                None => self.fault("record.not_object", "a string that holds no JSON object"),
            },
            Value::Array(items) if items.is_empty() => self.push(Ok(Record::Empty("page.empty"))),
            Value::Array(items) => self.items(items, outer, depth),
            Value::Object(map) => self.object(&Layers { map, outer }, depth),
            Value::Bool(_) | Value::Number(_) => {
                self.fault("record.not_object", "neither an object nor a list")
            }
        }
    }

    fn items(&mut self, items: &[Value], outer: Option<&Layers<'_>>, depth: usize) {
        for item in items {
            let before = self.out.len();
            self.value(item, outer, depth + 1);
            for decoded in &mut self.out[before..] {
                decoded.raw.get_or_insert_with(|| item.to_string().into_bytes());
            }
        }
    }

    fn object(&mut self, layers: &Layers<'_>, depth: usize) {
        let map = layers.map;
        if map.contains_key("encrypt_chat_msg") || map.contains_key("encrypt_random_key") {
            let envelope = self.options.decryptor.is_some().then(|| Box::new(contents(layers)));
            return self.out.push(Decoded { record: Ok(encrypted(layers)), raw: None, envelope });
        }
        if canonical::is_canonical(map) {
            let record = canonical::decode(map, &self.options.roster);
            return self.push(record);
        }
        if let Some(fault) = page_error(map) {
            return self.push(Err(fault));
        }
        if let Some(items) = page_items(map) {
            return match items {
                [] => self.push(Ok(Record::Empty("page.empty"))),
                items => self.items(items, Some(layers), depth),
            };
        }
        match inner_message(map) {
            Some(inner) => self.value(&inner, Some(layers), depth + 1),
            None => {
                let record = message(layers, self.flags, self.options);
                self.push(record);
            }
        }
    }
}

fn encrypted(layers: &Layers<'_>) -> Record<'static> {
    Record::Encrypted {
        key_version: key_version(layers),
        seq: seq(layers),
        id: owned(layers.text(names::ID)).unwrap_or_default(),
    }
}

fn key_version(layers: &Layers<'_>) -> Option<u32> {
    let version = layers.find(&["publickey_ver", "public_key_ver", "publickeyVer"]).and_then(unsigned);
    version.and_then(|version| u32::try_from(version).ok())
}

fn contents(layers: &Layers<'_>) -> Envelope {
    let text = |name: &str| layers.map.get(name).and_then(text_of).unwrap_or_default().into_owned();
    let inherited = [("seq", names::SEQ), ("msgid", names::ID), ("corpid", names::CORP)];
    let outer = inherited
        .into_iter()
        .filter_map(|(name, names)| Some((name.to_owned(), layers.find(names)?.clone())));
    Envelope {
        outer: outer.collect(),
        key_version: key_version(layers),
        random_key: text("encrypt_random_key"),
        message: text("encrypt_chat_msg"),
    }
}

/// Returns the message that `map` wraps: an object, or a string holding one, with a `msgtype` or an `action`.
fn inner_message(map: &Map<String, Value>) -> Option<Cow<'_, Value>> {
    let is_message = |map: &Map<String, Value>| {
        ["msgtype", "action", "msgType", "encrypt_chat_msg"].iter().any(|key| map.contains_key(*key))
    };
    names::WRAPPER.iter().find_map(|key| match map.get(*key)? {
        value @ Value::Object(inner) => is_message(inner).then_some(Cow::Borrowed(value)),
        Value::String(text) => object(text).filter(is_message).map(|inner| Cow::Owned(Value::Object(inner))),
        _ => None,
    })
}

/// Returns whether a message stands in `map` as an object under a wrapper's name.
pub(crate) fn wraps_object(map: &Map<String, Value>) -> bool {
    matches!(inner_message(map), Some(Cow::Borrowed(_)))
}

/// Returns whether `map` is a page whose first entry is encrypted.
pub(crate) fn is_page_of_envelopes(map: &Map<String, Value>) -> bool {
    let first = page_items(map).and_then(<[Value]>::first);
    first.is_some_and(|first| first.get("encrypt_chat_msg").is_some())
}

/// Decodes a message whose fields may have any of their names.
fn message(layers: &Layers<'_>, flags: Flags, options: &ReadOptions) -> Result<Record<'static>, RecordFault> {
    let action = layers.find(&["action"]).and_then(Value::as_str).unwrap_or("send");
    if action == "switch" {
        return Ok(Record::Switch { corp: corp(layers), seq: seq(layers), id: id(layers) });
    }
    if let Some(fault) = unlike_a_message(layers.map) {
        return Err(fault);
    }
    let kind = kind_of(layers);
    let kind = if action == "recall" { MessageKind::Revoke } else { kind };
    let mut content = content(kind, layers.map);
    content.flags.insert(flags);
    finish(head(layers, kind, options), content, options)
}

fn unlike_a_message(map: &Map<String, Value>) -> Option<RecordFault> {
    if find_in(map, names::ID).is_some() || find_in(map, names::FROM).is_some() {
        let unread =
            find_in(map, names::KIND).is_none() && find_in(map, &["type"]).is_none_or(Value::is_number);
        let wrapped = names::WRAPPER.iter().any(|key| map.get(*key).is_some_and(Value::is_string));
        return (unread && wrapped && find_in(map, names::FROM).is_none())
            .then(|| RecordFault::new("payload.not_json", "the wrapped message is no JSON object"));
    }
    let fields = map.len();
    find_in(map, names::KIND).is_none().then(|| {
        RecordFault::new(
            "record.not_message",
            format!("an object of {fields} fields, none of them of a message"),
        )
    })
}

fn head(layers: &Layers<'_>, kind: MessageKind, options: &ReadOptions) -> Head<'static> {
    let (from, from_role) = sender(layers);
    let receivers = layers.find(names::TO).map(receivers).unwrap_or_default();
    Head {
        corp: corp(layers),
        seq: seq(layers),
        id: id(layers),
        recall: kind == MessageKind::Revoke,
        from,
        from_role,
        receiver: receivers.first,
        receiver_role: receivers.first_role,
        recipients: receivers.count,
        room: room(layers),
        at: layers.find(names::TIME).and_then(|value| instant::of_value(value, &options.zone)),
        kind: Some(kind),
        flags: head_flags(layers, kind),
    }
}

fn owned(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}

fn corp(layers: &Layers<'_>) -> Cow<'static, str> {
    owned(layers.text(names::CORP)).unwrap_or_default()
}

fn seq(layers: &Layers<'_>) -> u64 {
    layers.iter().find_map(|map| find_in(map, names::SEQ).and_then(unsigned)).unwrap_or(0)
}

fn id(layers: &Layers<'_>) -> Cow<'static, str> {
    owned(layers.text(names::ID)).unwrap_or_default()
}

/// Returns the group; 0 and empty mean one-to-one.
fn room(layers: &Layers<'_>) -> Option<Cow<'static, str>> {
    layers.iter().find_map(|map| {
        names::ROOM.iter().find_map(|name| {
            let room = map.get(*name).and_then(text_of)?;
            (!matches!(room.trim(), "" | "0" | "null")).then(|| Cow::Owned(room.into_owned()))
        })
    })
}

fn head_flags(layers: &Layers<'_>, kind: MessageKind) -> Flags {
    let mut flags = Flags::default();
    if layers.find(names::RECALLED).is_some_and(truth) {
        flags.insert(Flags::RECALLED);
    }
    let mut ids = layers.iter().filter_map(|map| find_in(map, names::ID).and_then(text_of));
    let inner = ids.next();
    if ids.any(|outer| Some(outer) != inner) {
        flags.insert(Flags::ID_MISMATCH);
    }
    if kind == MessageKind::Unknown {
        flags.insert(Flags::UNKNOWN_TYPE);
    }
    flags
}

fn kind_of(layers: &Layers<'_>) -> MessageKind {
    match layers.find(names::KIND) {
        Some(Value::Number(number)) if number.as_u64() == Some(NUMERIC_TEXT) => MessageKind::Text,
        Some(value) => kind::of_name(&text_of(value).unwrap_or_default()),
        None => layers.find(&["type"]).and_then(Value::as_str).map_or(MessageKind::Unknown, kind::of_name),
    }
}

/// Returns the sender, and the role that the record itself names.
fn sender(layers: &Layers<'_>) -> (Cow<'static, str>, Option<Role>) {
    let explicit = layers.find(names::ROLE).and_then(role_of);
    match layers.find(names::FROM) {
        Some(Value::Object(sender)) => {
            let role = sender.get("type").and_then(role_of);
            (owned(sender.get("id").and_then(text_of)).unwrap_or_default(), role.or(explicit))
        }
        Some(value) => prefixed_party(&text_of(value).unwrap_or_default(), explicit.or(sender_type(layers))),
        None => (Cow::Borrowed(""), explicit),
    }
}

fn sender_type(layers: &Layers<'_>) -> Option<Role> {
    layers.find(&["sender"])?.as_object()?.get("type").and_then(role_of)
}

/// Export tools write the role before the name: `客户:wm…`.
fn prefixed_party(text: &str, explicit: Option<Role>) -> (Cow<'static, str>, Option<Role>) {
    for (word, role) in [("客户", Role::Customer), ("销售", Role::Staff), ("员工", Role::Staff)] {
        let rest = text.strip_prefix(word).and_then(|rest| rest.strip_prefix([':', '：']));
        if let Some(id) = rest {
            return (Cow::Owned(id.trim().to_owned()), explicit.or(Some(role)));
        }
    }
    (Cow::Owned(text.to_owned()), explicit)
}

/// Who a message went to. Only the first is kept: group lists are long, and nobody asks.
#[derive(Default)]
struct Receivers {
    first: Option<Cow<'static, str>>,
    first_role: Option<Role>,
    count: u32,
}

impl Receivers {
    fn push(&mut self, id: &str, role: Option<Role>) {
        if id.is_empty() {
            return;
        }
        if self.count == 0 {
            self.first = Some(Cow::Owned(id.to_owned()));
            self.first_role = role;
        }
        self.count = self.count.saturating_add(1);
    }
}

fn receivers(value: &Value) -> Receivers {
    let mut found = Receivers::default();
    match value {
        Value::Array(items) => items.iter().for_each(|item| push_receiver(item, &mut found)),
        Value::String(text) => match serde_json::from_str::<Vec<Value>>(text) {
            Ok(items) => items.iter().for_each(|item| push_receiver(item, &mut found)),
            Err(_) => text.split([',', '|', ';']).for_each(|id| push_named(id, &mut found)),
        },
        other => push_receiver(other, &mut found),
    }
    found
}

fn push_receiver(item: &Value, found: &mut Receivers) {
    match item {
        Value::Object(receiver) => {
            let id = receiver.get("id").and_then(text_of).unwrap_or_default();
            found.push(&id, receiver.get("type").and_then(role_of));
        }
        other => found.push(&text_of(other).unwrap_or_default(), None),
    }
}

fn push_named(text: &str, found: &mut Receivers) {
    let (id, role) = prefixed_party(text.trim(), None);
    found.push(&id, role);
}

/// Reads the payload of a message of `kind` from wherever the row holds it.
fn content(kind: MessageKind, map: &Map<String, Value>) -> Content<'static> {
    if kind == MessageKind::Unknown {
        return Content::default();
    }
    match find_payload(kind, map) {
        Some(Found::Object(payload)) => payload::read(kind, &payload),
        Some(Found::Text(text)) => {
            let mut content = Content::default();
            content.push_own(Cow::Owned(text));
            content
        }
        None => Content { flags: Flags::EMPTY_PAYLOAD, ..Content::default() },
    }
}

/// Where a payload was found: an object, or for `text` the text itself.
enum Found<'v> {
    Object(Cow<'v, Map<String, Value>>),
    Text(String),
}

fn find_payload(kind: MessageKind, map: &Map<String, Value>) -> Option<Found<'_>> {
    let own = kind::payload_keys(kind);
    let top_level_vote = kind == MessageKind::Vote && map.contains_key("votetitle");
    own.iter()
        .find_map(|key| found(kind, own, get_in_any_case(map, key)?))
        .or_else(|| names::PAYLOAD.iter().find_map(|key| found(kind, own, map.get(*key)?)))
        .or_else(|| top_level_vote.then_some(Found::Object(Cow::Borrowed(map))))
}

fn get_in_any_case<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    let exact = map.get(key).filter(|value| !value.is_null());
    exact.or_else(|| map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

fn found<'v>(kind: MessageKind, own: &[&str], value: &'v Value) -> Option<Found<'v>> {
    match value {
        Value::Object(payload) => Some(Found::Object(Cow::Borrowed(without_key(own, payload)))),
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => match object(text) {
            Some(payload) => Some(Found::Object(Cow::Owned(without_key(own, &payload).clone()))),
            None => (kind == MessageKind::Text).then(|| Found::Text(text.clone())),
        },
        Value::Number(number) if kind == MessageKind::Text => Some(Found::Text(number.to_string())),
        _ => None,
    }
}

/// Some stores keep the payload together with its key: `{"text":{"content":…}}`.
pub(crate) fn without_key<'v>(own: &[&str], payload: &'v Map<String, Value>) -> &'v Map<String, Value> {
    let inner = own.iter().find_map(|key| payload.get(*key)?.as_object());
    if payload.len() == 1 { inner.unwrap_or(payload) } else { payload }
}

/// Returns whether a page's own fields would be inherited by the messages in it.
pub(crate) fn is_inherited(map: &Map<String, Value>) -> bool {
    [names::CORP, names::ROLE, names::RECALLED].iter().any(|names| find_in(map, names).is_some())
}

/// `msgtype` 2 of the data zone is text; the rest of that table is not public.
const NUMERIC_TEXT: u64 = 2;

/// Pages in envelopes in pushes: more than this is no archive.
const MAX_WRAPPERS: usize = 4;
