//! Reads the lines of a timeline: `2024-03-01 10:00 客户(B): [图片]`.
//!
//! `订单(B): status=paid amount_fen=8800` is a business event.
//! `撤回` takes back the speaker's previous message, `撤回 2` the second line's.
//! A prefix in brackets makes a message of another type.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::business::{self, BusinessEvent, BusinessKind, FieldValue};
use crate::diagnostic::Diagnostic;
use crate::message::{ChatKind, Flags, Message, MessageKind, NumberField, Part, Role, RoomRole, TextScope};
use crate::rules::{KickAction, Line};
use crate::time::{Timestamp, Zone};

/// One line of a timeline, read.
#[derive(Clone, Debug)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// Number of the line, from 1.
    pub seq: u64,
    /// The message's id.
    pub id: String,
    /// What.
    pub content: Content,
    speaker: Speaker,
    /// The customer of a one-to-one chat.
    customer: String,
    /// The employee of a one-to-one chat.
    staff: String,
}

/// What a line says.
#[derive(Clone, Debug)]
pub enum Content {
    /// A message.
    Message {
        /// Its type.
        kind: MessageKind,
        /// Its text.
        text: String,
        /// Whose words the text is.
        scope: TextScope,
        /// The address of a link.
        link: Option<String>,
        /// The id of a mini program.
        mini_program: Option<String>,
        /// The amount of a red packet in fen.
        amount_fen: Option<i64>,
    },
    /// Something outside of the conversation.
    Business(Box<BusinessEvent>),
    /// The message of the line with this index is taken back.
    Recall {
        /// Index into the timeline.
        line: usize,
    },
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Speaker {
    id: String,
    role: Role,
    room_role: RoomRole,
    in_group: bool,
}

/// Whose histories a line belongs to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Party {
    /// The customer.
    pub customer: Option<String>,
    /// The employee.
    pub staff: Option<String>,
    /// The group.
    pub room: Option<String>,
    /// Who spoke or acted in the group.
    pub member: Option<String>,
}

impl Said {
    /// Returns whose histories the line belongs to.
    pub fn party(&self) -> Party {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if let Content::Business(event) = &self.content {
            let (customer, room) = (some(&event.customer), some(&event.room));
            let member = customer.clone().filter(|_| room.is_some());
            return Party { customer, staff: some(&event.staff), room, member };
        }
        if !self.speaker.in_group {
            let (customer, staff) = (some(&self.customer), some(&self.staff));
            return Party { customer, staff, ..Party::default() };
        }
        let speaks_as = |role| Some(self.speaker.id.clone()).filter(|_| self.speaker.role == role);
        let (customer, staff) = (speaks_as(Role::Customer), speaks_as(Role::Staff));
        Party { customer, staff, room: some(ROOM), member: some(&self.speaker.id) }
    }

    /// Returns the message; a recall gives one without text.
    pub fn message(&self) -> Message<'_> {
        let group = self.speaker.in_group;
        let speaks_as = |role| (self.speaker.role == role).then_some(self.speaker.id.as_str());
        let (customer, staff) = match group {
            true => (speaks_as(Role::Customer), speaks_as(Role::Staff)),
            false => (Some(self.customer.as_str()), Some(self.staff.as_str())),
        };
        let mut message = Message {
            corp: Cow::Borrowed(""),
            seq: self.seq,
            id: Cow::Borrowed(&self.id),
            at: self.at,
            kind: MessageKind::Revoke,
            chat: if group { ChatKind::Group } else { ChatKind::OneToOne },
            room: group.then_some(Cow::Borrowed(ROOM)),
            staff: staff.map(Cow::Borrowed),
            customer: customer.map(Cow::Borrowed),
            speaker: Cow::Borrowed(&self.speaker.id),
            role: self.speaker.role,
            room_role: self.speaker.room_role,
            company: None,
            parts: SmallVec::new(),
            links: SmallVec::new(),
            mini_program: None,
            numbers: SmallVec::new(),
            recipients: 1,
            flags: Flags::default(),
        };
        self.content.fill(&mut message);
        message
    }
}

impl Content {
    fn fill<'a>(&'a self, message: &mut Message<'a>) {
        let Content::Message { kind, text, scope, link, mini_program, amount_fen } = self else { return };
        message.kind = *kind;
        if !text.is_empty() {
            message.parts = smallvec![Part { scope: *scope, text: Cow::Borrowed(text), base_chars: 0 }];
        }
        message.links.extend(link.as_deref().map(Cow::Borrowed));
        message.mini_program = mini_program.as_deref().map(Cow::Borrowed);
        message.numbers.extend(amount_fen.map(|fen| (NumberField::AmountFen, fen)));
    }
}

/// Reads a timeline; reports lines that cannot be read (`E001`).
pub fn timeline(lines: &[Line], zone: &Zone, findings: &mut Vec<Diagnostic>) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    for (line, seq) in lines.iter().zip(1u64..) {
        match read(line, seq, &said, zone) {
            Ok(one) => said.push(one),
            Err(fault) => {
                findings.push(*fault);
                return Vec::new();
            }
        }
    }
    said
}

fn read(line: &Line, seq: u64, before: &[Said], zone: &Zone) -> Result<Said, Box<Diagnostic>> {
    let (at, rest) = split_time(line, zone).ok_or_else(|| Box::new(no_time(line)))?;
    let (name, text) = rest.split_once([':', '：']).ok_or_else(|| Box::new(no_speaker(line, "")))?;
    if let Some((kind, customer)) = business_of(name.trim()) {
        let event = business(kind, customer, text.trim(), at, seq, line)?;
        let id = event.id.to_string();
        let content = Content::Business(Box::new(event));
        let speaker =
            Speaker { id: String::new(), role: Role::Bot, room_role: RoomRole::Member, in_group: false };
        return Ok(Said { at, seq: 0, id, content, speaker, customer: String::new(), staff: String::new() });
    }
    let speaker = speaker(name.trim()).ok_or_else(|| Box::new(no_speaker(line, name.trim())))?;
    let text = text.trim();
    let content = match recalled(text, &speaker, before) {
        Some(Some(index)) => Content::Recall { line: index },
        Some(None) => return Err(Box::new(nothing_to_recall(line))),
        None => content(text, line, speaker.in_group)?,
    };
    let latest =
        |role: Role| before.iter().rev().find(|said| !said.speaker.in_group && said.speaker.role == role);
    let other = |role: Role, default: &str| match speaker.role == role {
        true => speaker.id.clone(),
        false => latest(role).map_or_else(|| default.to_owned(), |said| said.speaker.id.clone()),
    };
    let (customer, staff) = (other(Role::Customer, "客户"), other(Role::Staff, "客服"));
    Ok(Said { at, seq, id: format!("m{seq}"), content, speaker, customer, staff })
}

/// Returns the kind and the customer of a line such as `订单(甲): …`.
fn business_of(written: &str) -> Option<(BusinessKind, &str)> {
    let (word, _) = written.split_once(['(', '（']).unwrap_or((written, ""));
    let kind = BusinessKind::named(word.trim())?;
    let name = written[word.len()..].trim_matches(['(', '（', ')', '）', ' ']);
    Some((kind, if name.is_empty() { "客户" } else { name }))
}

/// Reads the fields of a business event: `id=o1 status=paid amount_fen=3000000 staff=小王`.
fn business(
    kind: BusinessKind,
    customer: &str,
    text: &str,
    at: Timestamp,
    seq: u64,
    line: &Line,
) -> Result<BusinessEvent, Box<Diagnostic>> {
    let mut event = BusinessEvent {
        corp: "".into(),
        id: format!("b{seq}").into(),
        at,
        kind,
        customer: customer.into(),
        staff: "".into(),
        room: "".into(),
        fields: Vec::new(),
    };
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').ok_or_else(|| Box::new(no_field(line, word, kind)))?;
        match name {
            "id" => event.id = value.into(),
            "customer" => event.customer = value.into(),
            "staff" => event.staff = value.into(),
            "room" => event.room = value.into(),
            _ if !business::is_field(kind, name) => return Err(Box::new(no_field(line, name, kind))),
            _ => event.fields.push((name.into(), field_value(value))),
        }
    }
    Ok(event)
}

fn field_value(text: &str) -> FieldValue {
    text.parse().map_or_else(|_| FieldValue::Text(text.into()), FieldValue::Number)
}

fn no_field(line: &Line, written: &str, kind: BusinessKind) -> Diagnostic {
    let doc = kind.doc();
    let (zh, en) =
        (format!("{} 没有字段 “{written}”", doc.zh), format!("`{}` has no field `{written}`", doc.word));
    let fields: Vec<&str> = doc.fields.iter().map(|(name, ..)| *name).collect();
    let all = fields.join(" ");
    Diagnostic::new("E001", line.place.clone(), zh, en).with_help(
        format!("写成 字段=值；可用: id customer staff room {all}，自己的字段以 x_ 开头"),
        format!("write name=value; known: id customer staff room {all}, and your own as x_…"),
    )
}

/// Splits a line after its local date and time.
fn split_time<'l>(line: &'l Line, zone: &Zone) -> Option<(Timestamp, &'l str)> {
    let text = line.text.trim();
    let date_end = text.find(char::is_whitespace)?;
    let time = text[date_end..].trim_start();
    let time_end = time.find(char::is_whitespace).unwrap_or(time.len());
    let (time, rest) = time.split_at(time_end);
    let at = zone.parse_local(&format!("{} {time}", &text[..date_end]))?;
    Some((at, rest.trim()))
}

fn speaker(written: &str) -> Option<Speaker> {
    let (word, _) = written.split_once(['(', '（']).unwrap_or((written, ""));
    let known = SPEAKERS.iter().find(|(zh, en, ..)| word.trim() == *zh || word.trim() == *en);
    let (zh, _, role, room_role, in_group) = known?;
    let name = written[word.len()..].trim_matches(['(', '（', ')', '）', ' ']);
    let id = if name.is_empty() { (*zh).to_owned() } else { name.to_owned() };
    Some(Speaker { id, role: *role, room_role: *room_role, in_group: *in_group })
}

/// Returns the index of the message that `text` takes back: `Some(None)` when there is none.
fn recalled(text: &str, speaker: &Speaker, before: &[Said]) -> Option<Option<usize>> {
    let number = text.strip_prefix("撤回").or_else(|| text.strip_prefix("recall"))?.trim();
    let is_message = |said: &Said| matches!(said.content, Content::Message { .. });
    if number.is_empty() {
        return Some(before.iter().rposition(|said| said.speaker == *speaker && is_message(said)));
    }
    let index = number.parse::<usize>().ok()?.checked_sub(1);
    Some(index.filter(|index| before.get(*index).is_some_and(is_message)))
}

fn content(text: &str, line: &Line, in_group: bool) -> Result<Content, Box<Diagnostic>> {
    let plain = |kind, text: &str, scope| Content::Message {
        kind,
        text: text.to_owned(),
        scope,
        link: None,
        mini_program: None,
        amount_fen: None,
    };
    let typed = || plain(MessageKind::Text, text, TextScope::Own);
    let Some((inside, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) else {
        return Ok(typed());
    };
    let (word, argument) = inside.split_once(' ').unwrap_or((inside, ""));
    let (argument, rest) = (argument.trim(), rest.trim());
    let Some((_, _, kind, scope)) = ATTACHMENTS.iter().find(|(zh, en, ..)| word == *zh || word == *en) else {
        return Ok(typed());
    };
    let mut content = plain(*kind, rest, *scope);
    if let Content::Message { kind, link, mini_program, amount_fen, .. } = &mut content {
        let named = (!argument.is_empty()).then(|| argument.to_owned());
        match kind {
            MessageKind::Link => *link = named,
            MessageKind::Weapp => *mini_program = named,
            MessageKind::Redpacket => {
                *amount_fen = Some(argument.parse().map_err(|_| Box::new(no_amount(line)))?);
                if in_group {
                    *kind = MessageKind::ExternalRedpacket;
                }
            }
            _ => {}
        }
    }
    Ok(content)
}

/// Reads an expected line into its time and the rest; reports what it cannot read.
pub fn expected(line: &Line, zone: &Zone, findings: &mut Vec<Diagnostic>) -> Option<(Timestamp, String)> {
    let Some((at, rest)) = split_time(line, zone) else {
        findings.push(no_time(line));
        return None;
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let known = EXPECTED.iter().any(|word| words.first() == Some(word));
    if !known {
        let (zh, en) = (format!("不认识的期望 “{rest}”"), format!("unknown expectation `{rest}`"));
        let finding = Diagnostic::new("E001", line.place.clone(), zh, en);
        let all = EXPECTED.join(" | ");
        findings.push(finding.with_help(
            format!("时间之后写: {all}，再写 id 或名称"),
            format!("after the time write one of {all}, then the id or name"),
        ));
    }
    known.then(|| (at, words.join(" ")))
}

/// Returns the local time, without seconds when there are none.
pub fn short_time(at: Timestamp, zone: &Zone) -> String {
    let time = zone.format(at);
    match time.strip_suffix(":00") {
        Some(short) if short.len() == "2024-03-01 10:00".len() => short.to_owned(),
        _ => time,
    }
}

/// Returns the word for an action.
pub fn action_word(action: KickAction) -> &'static str {
    match action {
        KickAction::Review => "review",
        KickAction::Warn => "warn",
        KickAction::Kick => "kick",
        KickAction::KickBlock => "kick_block",
    }
}

/// The finding that a line does not begin with a time.
pub fn no_time(line: &Line) -> Diagnostic {
    let (zh, en) = ("这一行开头不是日期和时间", "this line does not begin with a date and a time");
    Diagnostic::new("E001", line.place.clone(), zh, en)
        .with_help("例如 2024-03-01 10:00 客户: 有优惠吗", "such as 2024-03-01 10:00 customer: hello")
}

fn no_speaker(line: &Line, name: &str) -> Diagnostic {
    let (zh, en) = (format!("不认识的说话人 “{name}”"), format!("unknown speaker `{name}`"));
    let kinds = || business::KINDS.iter();
    let zh_all: Vec<&str> = SPEAKERS.iter().map(|(zh, ..)| *zh).chain(kinds().map(|doc| doc.zh)).collect();
    let en_all: Vec<&str> =
        SPEAKERS.iter().map(|(_, en, ..)| *en).chain(kinds().map(|doc| doc.word)).collect();
    Diagnostic::new("E001", line.place.clone(), zh, en)
        .with_help(format!("可选: {}", zh_all.join(" ")), format!("one of: {}", en_all.join(" ")))
}

fn nothing_to_recall(line: &Line) -> Diagnostic {
    Diagnostic::new(
        "E001",
        line.place.clone(),
        "前面没有可撤回的消息",
        "there is no message before it to recall",
    )
    .with_help("写 撤回 N，N 是时间线里的行号", "write `recall N`, N being a line of the timeline")
}

fn no_amount(line: &Line) -> Diagnostic {
    Diagnostic::new("E001", line.place.clone(), "红包要写金额（分）", "a red packet needs its amount in fen")
        .with_help("例如 [红包 8800] 恭喜发财", "such as [redpacket 8800] best wishes")
}

/// The group of all group lines.
const ROOM: &str = "群";

type SpeakerWord = (&'static str, &'static str, Role, RoomRole, bool);

/// Speakers: in Chinese, in English, what they are, what they are in the group, whether in a group.
const SPEAKERS: &[SpeakerWord] = &[
    ("客户", "customer", Role::Customer, RoomRole::Member, false),
    ("客服", "staff", Role::Staff, RoomRole::Member, false),
    ("群成员", "member", Role::Customer, RoomRole::Member, true),
    ("群主", "owner", Role::Customer, RoomRole::Owner, true),
    ("管理员", "admin", Role::Customer, RoomRole::Admin, true),
    ("群员工", "room_staff", Role::Staff, RoomRole::Member, true),
    ("机器人", "bot", Role::Bot, RoomRole::Member, true),
];

/// Prefixes of messages that are not typed text.
const ATTACHMENTS: &[(&str, &str, MessageKind, TextScope)] = &[
    ("图片", "image", MessageKind::Image, TextScope::Shared),
    ("语音", "voice", MessageKind::Voice, TextScope::Shared),
    ("视频", "video", MessageKind::Video, TextScope::Shared),
    ("链接", "link", MessageKind::Link, TextScope::Shared),
    ("小程序", "weapp", MessageKind::Weapp, TextScope::Shared),
    ("文件", "file", MessageKind::File, TextScope::Shared),
    ("红包", "redpacket", MessageKind::Redpacket, TextScope::Own),
    ("转发", "forwarded", MessageKind::Chatrecord, TextScope::Shared),
];

/// First words of expected lines.
const EXPECTED: &[&str] = &[
    "tag",
    "untag",
    "level",
    "blocked",
    "alert",
    "suppressed",
    "kick",
    "kick_block",
    "warn",
    "review",
    "exempt",
    "held",
    "reviewed",
    "recalled_evidence",
];
