//! Looks fields up in a stored row under any of their names, and coerces what
//! stores have made of the values.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::archive::instant::integral;
use crate::message::Role;

/// A message object and the objects it was wrapped in; inner values win.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'v> {
    pub map: &'v Map<String, Value>,
    pub outer: Option<&'v Layers<'v>>,
}

impl<'v> Layers<'v> {
    /// Returns the objects from the innermost to the outermost.
    pub fn iter(&self) -> impl Iterator<Item = &'v Map<String, Value>> {
        let mut next = Some(*self);
        std::iter::from_fn(move || {
            let layer = next?;
            next = layer.outer.copied();
            Some(layer.map)
        })
    }

    /// Returns the first value that says something under the official name or an alias.
    pub fn find(&self, names: &[&str]) -> Option<&'v Value> {
        self.iter().find_map(|map| find_in(map, names))
    }

    /// Returns the first text under one of `names`; numbers become digits.
    pub fn text(&self, names: &[&str]) -> Option<Cow<'v, str>> {
        self.find(names).and_then(text_of)
    }
}

/// Returns the first value under one of `names` that is neither null nor empty.
pub(crate) fn find_in<'v>(map: &'v Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| map.get(*name).filter(|value| says_something(value)))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Returns a string, or the digits of a number.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Returns the text in `field`, matched in any letter case when the exact name is absent.
pub(crate) fn string<'v>(map: &'v Map<String, Value>, field: &str) -> Option<Cow<'v, str>> {
    let exact = map.get(field);
    let value = exact.or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(field)).map(|(_, v)| v));
    value.and_then(text_of)
}

/// Returns the list in `field`, or no items.
pub(crate) fn list<'v>(map: &'v Map<String, Value>, field: &str) -> &'v [Value] {
    map.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Parses `text` when it holds a JSON object.
pub(crate) fn object(text: &str) -> Option<Map<String, Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Returns an integer: a number, an integral float, digits in a string.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| integral(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns an unsigned integer; sequence numbers use all 64 bits.
pub(crate) fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| u64::try_from(integral(number.as_f64()?)?).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns a truth value: `true`, `"true"`, 1, `是`.
pub(crate) fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => matches!(text.trim(), "1" | "是") || text.trim().eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// Returns the role that a role field names, by number or word.
pub(crate) fn role_of(value: &Value) -> Option<Role> {
    let word = text_of(value)?.trim().to_ascii_lowercase();
    match word.as_str() {
        "1" | "staff" | "employee" | "internal" | "user" | "员工" | "销售" => Some(Role::Staff),
        "2" | "customer" | "external" | "external_user" | "客户" => Some(Role::Customer),
        "3" | "bot" | "robot" | "机器人" => Some(Role::Bot),
        _ => None,
    }
}

/// The names under which stores hold the common fields, the official one first.
pub(crate) mod names {
    pub const ID: &[&str] = &["msgid", "msg_id", "msgId", "message_id", "messageId"];
    pub const SEQ: &[&str] = &["seq", "sequence", "msg_seq", "msgSeq"];
    pub const FROM: &[&str] = &[
        "from",
        "msgfrom",
        "msg_from",
        "from_id",
        "fromId",
        "from_user",
        "fromUser",
        "from_userid",
        "sender",
        "发件人",
    ];
    pub const TO: &[&str] =
        &["tolist", "to_list", "toList", "to_ids", "toIds", "receiver_list", "to", "收件人"];
    pub const ROOM: &[&str] = &["roomid", "room_id", "roomId", "chatid", "chat_id", "group_id", "群ID"];
    pub const TIME: &[&str] =
        &["msgtime", "msg_time", "msgTime", "send_time", "sendTime", "message_time", "时间"];
    pub const KIND: &[&str] = &["msgtype", "msg_type", "msgType"];
    pub const CORP: &[&str] = &["corp", "corpid", "corp_id", "corpId", "tenant_id", "company_id"];
    pub const RECALLED: &[&str] = &["is_recalled", "isRevoke", "is_revoke", "revoked"];
    pub const ROLE: &[&str] = &["user_type", "from_type", "fromType", "from_role"];
    /// Under these an object or JSON string may be the message itself.
    pub const WRAPPER: &[&str] = &["msg", "message", "raw", "data", "content", "msgdata", "raw_content"];
    /// Under these a list makes the object a page. `RECORDS` is what Navicat writes.
    pub const PAGE: &[&str] = &[
        "chatdata", "data", "messages", "msg_list", "list", "RECORDS", "records", "rows", "items", "results",
    ];
    /// Under these an object may hold the list of the page around it: `{"code":0,"data":{"list":[…]}}`.
    pub const INNER_PAGE: &[&str] = &["data", "result", "response", "body"];
    /// An object with one of these is a message, whatever lists it holds.
    pub const OF_A_MESSAGE: &[&str] = &["msgid", "msgtype", "msg_type", "msgType", "msg_id", "msgId"];
    /// Under these the payload may be stored when it is not under its own name.
    pub const PAYLOAD: &[&str] = &["msgdata", "raw_content", "content", "content_text"];
}
