//! Reads the texts, links and numbers out of a payload.
//!
//! One table says which fields of which type hold text and whose words they
//! are. Forwarded records, `mixed` messages and notes hold payloads inside
//! JSON strings inside payloads; depth is capped.

use std::borrow::Cow;

use serde_json::{Map, Value};
use smallvec::SmallVec;

use crate::archive::kind;
use crate::archive::layers::{integer, list, object, string};
use crate::archive::quote::{Division, divide};
use crate::archive::wording::{is_greeting, is_placeholder};
use crate::message::{Flags, MessageKind, NumberField, Part, TextScope};

/// What a payload holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content<'a> {
    pub parts: SmallVec<[Part<'a>; 2]>,
    pub links: SmallVec<[Cow<'a, str>; 1]>,
    pub mini_program: Option<Cow<'a, str>>,
    pub numbers: SmallVec<[(NumberField, i64); 1]>,
    pub flags: Flags,
    /// The message a recall takes back.
    pub target: Option<Cow<'a, str>>,
    /// The customer of a consent.
    pub member: Option<Cow<'a, str>>,
    /// A time of the payload's own, for records without `msgtime`.
    pub at: Option<crate::time::Timestamp>,
}

impl<'a> Content<'a> {
    /// Adds text typed by the sender: the quote goes apart, system wording becomes the machine's.
    pub fn push_own(&mut self, text: Cow<'a, str>) {
        if !may_be_marked(&text) {
            return self.push(TextScope::Own, text, 0);
        }
        match divide(&text) {
            Division::Whole => self.push_reply(text, 0),
            Division::Unparsed => {
                self.flags.insert(Flags::QUOTE_UNPARSED);
                self.push(TextScope::Quoted, text, 0);
            }
            Division::Reply { quote, reply } => self.push_quote_and_reply(&text, quote, reply),
        }
    }

    #[allow(clippy::ptr_arg, reason = "a borrowed text gives borrowed parts")]
    fn push_quote_and_reply(&mut self, text: &Cow<'a, str>, quote: std::ops::Range<usize>, reply: usize) {
        self.flags.insert(Flags::QUOTE);
        let quote_base = chars(&text[..quote.start]);
        let reply_base = chars(&text[..reply]);
        self.push(TextScope::Quoted, slice(text, quote), quote_base);
        self.push_reply(slice(text, reply..text.len()), reply_base);
    }

    fn push_reply(&mut self, text: Cow<'a, str>, base_chars: u32) {
        if is_greeting(&text) {
            self.flags.insert(Flags::GREETING);
            self.push(TextScope::Machine, text, base_chars);
        } else if is_placeholder(&text) {
            self.push(TextScope::Machine, text, base_chars);
        } else if let Some(at) = copied_lines(&text) {
            self.push_last_line(TextScope::Own, &text, at, base_chars);
        } else {
            self.push(TextScope::Own, text, base_chars);
        }
    }

    /// Adds the line with which somebody joins a list; those before it are the words of others, said before.
    #[allow(clippy::ptr_arg, reason = "a borrowed text gives borrowed parts")]
    fn push_last_line(&mut self, scope: TextScope, text: &Cow<'a, str>, at: usize, base_chars: u32) {
        self.push(TextScope::Quoted, slice(text, 0..at), base_chars);
        self.push(scope, slice(text, at..text.len()), base_chars + chars(&text[..at]));
    }

    /// Adds a text as it stands, unless it is empty.
    pub fn push(&mut self, scope: TextScope, text: Cow<'a, str>, base_chars: u32) {
        if !text.is_empty() {
            self.parts.push(Part { scope, text, base_chars });
        }
    }
}

/// Returns whether `text` begins as quotes, greetings and placeholders do, or with white space.
///
/// Nearly no text does: what follows looks at a text several times.
fn may_be_marked(text: &str) -> bool {
    match text.as_bytes() {
        [first @ (0x21..=0x7E | 0xF0..), ..] => matches!(first, b'T' | b'[' | b'#'),
        [0xE4..=0xE9, ..] => ['这', '我', '你', '解'].iter().any(|start| text.starts_with(*start)),
        _ => true,
    }
}

/// Returns where the last line of a list begins that was copied as text; `None` for all else, and for the message
/// that starts a list.
fn copied_lines(text: &str) -> Option<usize> {
    if text.starts_with(SOLITAIRE) {
        last_entry(text).filter(|(_, count)| *count > 1).map(|(at, _)| at)
    } else {
        None
    }
}

/// Returns where the last numbered line begins, and how many there are.
fn last_entry(text: &str) -> Option<(usize, usize)> {
    let (mut last, mut count, mut at) = (None, 0, 0);
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < line.trim_start().len() && rest.starts_with(['.', '、', '．', ' ', ')', '）']) {
            (last, count) = (Some(at), count + 1);
        }
        at += line.len();
    }
    Some((last?, count))
}

fn chars(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// Returns a part of `text`, borrowed where `text` is.
#[allow(clippy::ptr_arg, reason = "a borrowed text gives a borrowed part")]
fn slice<'a>(text: &Cow<'a, str>, range: std::ops::Range<usize>) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    }
}

/// Reads the payload of a message of `kind`.
pub(crate) fn read<'a>(kind: MessageKind, payload: &Map<String, Value>) -> Content<'a> {
    let mut reader = Reader { content: Content::default(), forwarded: false };
    reader.read(kind, payload, 0);
    reader.content
}

struct Reader<'a> {
    content: Content<'a>,
    /// Inside a forwarded record nothing is the sender's own.
    forwarded: bool,
}

impl Reader<'_> {
    fn read(&mut self, kind: MessageKind, payload: &Map<String, Value>, depth: usize) {
        for (field, whose) in text_fields(kind) {
            self.push_field(payload, field, *whose);
        }
        match kind {
            MessageKind::Mixed | MessageKind::Note => self.read_items(payload, depth),
            MessageKind::Chatrecord => self.read_forwarded(payload, depth),
            MessageKind::Vote => self.read_vote(payload),
            MessageKind::Collect => self.push_each(list(payload, "details"), "ques", TextScope::Own),
            MessageKind::News => self.read_news(payload),
            MessageKind::Solitaire => self.read_solitaire(payload),
            MessageKind::Revoke => self.content.target = owned(payload, "pre_msgid"),
            MessageKind::Agree | MessageKind::Disagree => self.read_consent(payload),
            _ => self.read_numbers_and_links(kind, payload),
        }
    }

    fn push_field(&mut self, payload: &Map<String, Value>, field: &str, whose: TextScope) {
        if let Some(text) = string(payload, field) {
            self.push_text(text.into_owned(), whose);
        }
    }

    fn push_text(&mut self, text: String, whose: TextScope) {
        match whose {
            TextScope::Own if !self.forwarded => self.content.push_own(Cow::Owned(text)),
            TextScope::Own => self.content.push(TextScope::Shared, Cow::Owned(text), 0),
            scope => self.content.push(scope, Cow::Owned(text), 0),
        }
    }

    fn push_each(&mut self, items: &[Value], field: &str, whose: TextScope) {
        for item in items.iter().filter_map(Value::as_object) {
            self.push_field(item, field, whose);
        }
    }

    fn read_forwarded(&mut self, payload: &Map<String, Value>, depth: usize) {
        let outer = std::mem::replace(&mut self.forwarded, true);
        self.read_items(payload, depth);
        self.forwarded = outer;
    }

    /// Reads `item[]` of `mixed` and `chatrecord`, `items[]` of notes; the type is called `type` or `msg_type`.
    fn read_items(&mut self, payload: &Map<String, Value>, depth: usize) {
        if depth >= MAX_NESTING {
            self.content.flags.insert(Flags::TRUNCATED);
            return;
        }
        let items =
            ["item", "items"].into_iter().map(|key| list(payload, key)).find(|items| !items.is_empty());
        for item in items.unwrap_or_default().iter().filter_map(Value::as_object) {
            let name = ["type", "msg_type", "msgtype"].into_iter().find_map(|key| string(item, key));
            let kind = kind::of_item(&name.unwrap_or_default());
            self.read_item(kind, item.get("content").unwrap_or(&Value::Null), depth + 1);
        }
    }

    /// The content of an item is a JSON string, an object that somebody parsed already, or plain text.
    fn read_item(&mut self, kind: MessageKind, content: &Value, depth: usize) {
        match content {
            Value::Object(payload) => self.read(kind, payload, depth),
            Value::String(text) => match object(text) {
                Some(payload) => self.read(kind, &payload, depth),
                None if kind == MessageKind::Text && !text.trim_start().starts_with('{') => {
                    self.push_text(text.clone(), TextScope::Own);
                }
                None => {}
            },
            _ => {}
        }
    }

    fn read_vote(&mut self, payload: &Map<String, Value>) {
        let started = payload.get("votetype").and_then(integer) == Some(VOTE_STARTED);
        let whose = if started { TextScope::Own } else { TextScope::Shared };
        self.push_field(payload, "votetitle", whose);
        for choice in list(payload, "voteitem").iter().filter_map(Value::as_str) {
            self.push_text(choice.to_owned(), whose);
        }
    }

    /// News come as a list, before 2025-05 as flat fields.
    fn read_news(&mut self, payload: &Map<String, Value>) {
        let items = list(payload, "item").iter().filter_map(Value::as_object);
        for article in items.chain(std::iter::once(payload)) {
            self.push_field(article, "title", TextScope::Shared);
            self.push_field(article, "description", TextScope::Shared);
            self.content.links.extend(owned(article, "url"));
        }
    }

    /// Whoever joins a list repeats all of it: the last line is new.
    fn read_solitaire(&mut self, payload: &Map<String, Value>) {
        let Some(text) = owned(payload, "solitaire_content") else { return };
        let kind = payload.get("solitaire_type").and_then(integer);
        let last = last_entry(&text).filter(|(_, count)| kind.is_some() || *count > 1);
        match last.filter(|_| kind != Some(SOLITAIRE_STARTED)) {
            Some((at, _)) => self.content.push_last_line(TextScope::Shared, &text, at, 0),
            None => self.content.push(TextScope::Shared, text, 0),
        }
    }

    fn read_consent(&mut self, payload: &Map<String, Value>) {
        self.content.member = owned(payload, "userid");
        let time = ["agree_time", "disagree_time"].into_iter().find_map(|key| payload.get(key));
        self.content.at = time.and_then(integer).and_then(crate::archive::instant::of_number);
    }

    fn read_numbers_and_links(&mut self, kind: MessageKind, payload: &Map<String, Value>) {
        if let Some((number, fields)) = number_fields(kind) {
            let value = fields.iter().find_map(|field| payload.get(*field).and_then(integer));
            self.content.numbers.extend(value.map(|value| (number, value)));
        }
        match kind {
            MessageKind::Link | MessageKind::Docmsg => self.content.links.extend(owned(payload, "link_url")),
            MessageKind::Qydiskfile => self.content.links.extend(owned(payload, "url")),
            MessageKind::Weapp => {
                let id = owned(payload, "appid").or_else(|| owned(payload, "username"));
                self.content.mini_program = id;
            }
            _ => {}
        }
    }
}

fn owned(payload: &Map<String, Value>, field: &str) -> Option<Cow<'static, str>> {
    string(payload, field).filter(|text| !text.is_empty()).map(|text| Cow::Owned(text.into_owned()))
}

/// The text fields of each type, and whose words they are.
/// Source: developer.work.weixin.qq.com/document/path/91774, revision of 2026-01-19, and public data models.
fn text_fields(kind: MessageKind) -> &'static [(&'static str, TextScope)] {
    use TextScope::{Machine, Own, Shared};
    match kind {
        MessageKind::Text => &[("content", Own)],
        MessageKind::File | MessageKind::VoipDocShare | MessageKind::Qydiskfile => &[("filename", Shared)],
        MessageKind::Link => &[("title", Shared), ("description", Shared)],
        MessageKind::Weapp => &[("title", Shared), ("description", Shared), ("displayname", Shared)],
        MessageKind::Card => &[("corpname", Shared)],
        MessageKind::Location => &[("title", Own), ("address", Own)],
        MessageKind::Todo => &[("title", Shared), ("content", Own)],
        MessageKind::Collect => &[("title", Own)],
        MessageKind::Redpacket | MessageKind::ExternalRedpacket => &[("wish", Own)],
        MessageKind::Meeting => &[("topic", Own), ("remarks", Own)],
        MessageKind::Calendar => &[("title", Own), ("remarks", Own)],
        MessageKind::MeetingNotification => &[("content", Machine)],
        MessageKind::Markdown => &[("content", Machine), ("markdown", Machine)],
        MessageKind::Docmsg => &[("title", Shared)],
        MessageKind::Sphfeed => &[("feed_desc", Shared), ("sph_name", Shared)],
        _ => &[],
    }
}

/// The number of each type that rules may sum, with the names it is stored under.
fn number_fields(kind: MessageKind) -> Option<(NumberField, &'static [&'static str])> {
    match kind {
        MessageKind::Voice | MessageKind::Video => Some((NumberField::Seconds, &["play_length"])),
        MessageKind::Voiptext => Some((NumberField::Seconds, &["callduration"])),
        MessageKind::Redpacket | MessageKind::ExternalRedpacket => {
            Some((NumberField::AmountFen, &["totalamount", "redpacket"]))
        }
        _ => None,
    }
}

/// How a list that grows by a line with every message begins when it is copied as text.
const SOLITAIRE: &str = "#接龙";

/// `solitaire_type` of the message that starts a list.
const SOLITAIRE_STARTED: i64 = 101;

/// `votetype` of the message that starts a vote.
const VOTE_STARTED: i64 = 101;

/// Forwarded records nest in forwarded records without bound; nobody reads the ninth.
const MAX_NESTING: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{quote, wording};

    #[test]
    fn no_wording_that_is_looked_for_is_passed_over() {
        let starts = quote::HEADS.iter().chain(wording::GREETING_STARTS);
        for start in starts.chain(&[
            "「甲：贵」",
            "解密失败",
            "[图片]",
            "【图片】",
            " 我",
            "\u{3000}解",
            "\u{a0}[",
            "\u{2003}「",
        ]) {
            assert!(may_be_marked(start), "{start}");
        }
        for plain in ["多少钱", "好的", "一共", "1", "a", "😀", "是的", "在吗", "谢谢"] {
            assert!(!may_be_marked(plain), "{plain}");
        }
    }
}
