//! Pages as the vendor's `GetChatData` and others return them.

use serde_json::{Map, Value};

use crate::archive::layers::{integer, names};
use crate::archive::record::RecordFault;

/// Returns the entries when `map` is a page; a page without a list has none.
pub(crate) fn page_items(map: &Map<String, Value>) -> Option<&[Value]> {
    match listed(map).or_else(|| inner_page(map).and_then(listed)) {
        Some(items) => Some(items),
        None if map.contains_key("errcode") && !names_a_message(map) => Some(&[]),
        None => None,
    }
}

fn listed(map: &Map<String, Value>) -> Option<&[Value]> {
    if is_message(map) {
        return None;
    }
    names::PAGE.iter().find_map(|key| map.get(*key)?.as_array()).map(Vec::as_slice)
}

/// Returns the object in which an answer of a server keeps its list.
fn inner_page(map: &Map<String, Value>) -> Option<&Map<String, Value>> {
    names::INNER_PAGE.iter().find_map(|key| map.get(*key)?.as_object()).filter(|_| !is_message(map))
}

fn is_message(map: &Map<String, Value>) -> bool {
    names::OF_A_MESSAGE.iter().any(|key| map.contains_key(*key))
}

fn names_a_message(map: &Map<String, Value>) -> bool {
    ["msgid", "msgtype", "from", "action", "data", "msg", "message", "content"]
        .iter()
        .any(|key| map.get(*key).is_some_and(|value| !value.is_null()))
}

/// Returns the fault when `map` is a page that reports an error.
pub(crate) fn page_error(map: &Map<String, Value>) -> Option<RecordFault> {
    let code = map.get("errcode").and_then(integer).filter(|code| *code != 0)?;
    Some(RecordFault::new("page.error", format!("errcode {code}: {}", meaning(code))))
}

/// Says what a code of the SDK or the server means.
/// Source: developer.work.weixin.qq.com/document/path/91774, revision of 2026-01-19.
pub(crate) fn meaning(code: i64) -> &'static str {
    match code {
        10000 => "wrong parameter",
        10001 => "network error, try again",
        10002 => "answer could not be parsed, try again",
        10003 => "system error, try again",
        10004 => "key error",
        10005 => "unknown file id",
        10006 => "decryption failed",
        10007 => "no private key for this version",
        10008 => "private key cannot be parsed",
        10009 => "IP address not allowed",
        10010 => "data expired",
        10011 => "certificate error",
        301_042 => "IP address not on the list",
        301_052 => "the archiving service has expired",
        _ => "see the vendor's list",
    }
}
