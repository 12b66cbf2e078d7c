//! Says in which stored shape a record is, by the names that stand in it.
//!
//! For people who want to know what they were given; decoding does not ask.

use serde_json::{Map, Value};

use crate::archive::canonical;
use crate::archive::general;
use crate::archive::layers::object;

/// How one record is stored. The names are those of `docs/inspect.md`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// An official plaintext message.
    Official,
    /// Official, written again by a typed SDK, with null payloads.
    Retyped,
    /// An encrypted envelope, or a page of them.
    Encrypted,
    /// Plaintext under `msg`, `message`, `content` or `raw` of an envelope.
    Wrapped,
    /// A JSON string that holds the message.
    JsonString,
    /// A vendor's push: the message as JSON text under `content`, numbers as texts.
    Push,
    /// A database row with the payload, or the whole message, in `msgdata`.
    MsgdataRow,
    /// An ORM row: `msg_id`, `to_list`, `content_text`.
    OrmRow,
    /// A row of a front end: `msgId`, `msgType`.
    CamelCaseRow,
    /// A row with the payload in `raw_content`.
    RawContentRow,
    /// A row with the payload in `content`, as JSON text or as an object.
    ContentRow,
    /// Plaintext of the data zone: `sender`, `receiver_list`.
    DataZone,
    /// What `chattag inspect --to jsonl` writes.
    Canonical,
    /// None of these.
    Other,
}

/// Returns how the record with the bytes `raw` is stored.
pub fn variant_of(raw: &[u8]) -> Variant {
    match serde_json::from_slice::<Value>(raw) {
        Ok(Value::String(text)) if object(&text).is_some() => Variant::JsonString,
        Ok(Value::Object(map)) => of_object(&map),
        _ => Variant::Other,
    }
}

fn of_object(map: &Map<String, Value>) -> Variant {
    let has = |name: &str| map.get(name).is_some_and(|value| !value.is_null());
    let is_object = |name: &str| map.get(name).is_some_and(Value::is_object);
    match () {
        () if canonical::is_canonical(map) => Variant::Canonical,
        () if has("encrypt_chat_msg") || general::is_page_of_envelopes(map) => Variant::Encrypted,
        () if general::wraps_object(map) => Variant::Wrapped,
        () if has("message_id") && map.get("type").is_some_and(Value::is_number) => Variant::Push,
        () if has("msgdata") => Variant::MsgdataRow,
        () if is_object("sender") || has("receiver_list") => Variant::DataZone,
        () if has("raw_content") => Variant::RawContentRow,
        () if has("content_text") || (has("msg_id") && has("to_list")) => Variant::OrmRow,
        () if has("msgId") || has("msgType") => Variant::CamelCaseRow,
        () if has("content") => Variant::ContentRow,
        () if has("msgid") && map.values().any(Value::is_null) => Variant::Retyped,
        () if has("msgid") && (has("msgtype") || has("action")) => Variant::Official,
        () => Variant::Other,
    }
}

impl Variant {
    /// Returns the name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Official => "official",
            Variant::Retyped => "retyped",
            Variant::Encrypted => "encrypted",
            Variant::Wrapped => "wrapped",
            Variant::JsonString => "json_string",
            Variant::Push => "push",
            Variant::MsgdataRow => "msgdata_row",
            Variant::OrmRow => "orm_row",
            Variant::CamelCaseRow => "camel_case_row",
            Variant::RawContentRow => "raw_content_row",
            Variant::ContentRow => "content_row",
            Variant::DataZone => "data_zone",
            Variant::Canonical => "canonical",
            Variant::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stored_shape_has_its_name() {
        for (raw, name) in [
            (r#"{"msgid":"a","msgtype":"text","text":{"content":"x"}}"#, "official"),
            (r#"{"msgid":"a","action":"switch"}"#, "official"),
            (r#"{"msgid":"a","msgtype":"text","text":{"content":"x"},"image":null}"#, "retyped"),
            (r#"{"seq":1,"encrypt_chat_msg":"x"}"#, "encrypted"),
            (r#"{"chatdata":[{"encrypt_chat_msg":"x"}]}"#, "encrypted"),
            (r#"{"seq":1,"msg":{"msgtype":"text"}}"#, "wrapped"),
            (r#"{"sequence":1,"raw":{"msgtype":"text"}}"#, "wrapped"),
            (r#""{\"msgid\":\"a\"}""#, "json_string"),
            (r#"{"message_id":"a","type":101,"content":"{}"}"#, "push"),
            (r#"{"msgid":"a","msgdata":"{}"}"#, "msgdata_row"),
            (r#"{"msg_id":"a","to_list":"[]","content_text":"x"}"#, "orm_row"),
            (r#"{"msgId":"a","msgType":"text"}"#, "camel_case_row"),
            (r#"{"msgid":"a","msg_type":"text","raw_content":{}}"#, "raw_content_row"),
            (r#"{"msgid":"a","action":0,"content":"{}"}"#, "content_row"),
            (r#"{"msgid":"a","sender":{"type":1},"receiver_list":[]}"#, "data_zone"),
            (r#"{"record":"message","id":"a"}"#, "canonical"),
            (r#"{"x":1}"#, "other"),
            ("no json", "other"),
        ] {
            assert_eq!(variant_of(raw.as_bytes()).name(), name, "{raw}");
        }
    }
}
