//! One message of a conversation, as every later stage sees it.
//!
//! The archive stage makes it from any stored shape; nothing after that stage
//! knows what the shape was. Text borrows from the block that was read.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::time::Timestamp;

/// A message said or sent by someone.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// The company whose archive this is; empty when the archive does not say.
    pub corp: Cow<'a, str>,
    /// Archival sequence number; 0 when it was lost.
    pub seq: u64,
    /// Unique id, the key for duplicates.
    pub id: Cow<'a, str>,
    /// When it was sent.
    pub at: Timestamp,
    /// What kind of message.
    pub kind: MessageKind,
    /// What kind of conversation.
    pub chat: ChatKind,
    /// The group, in a group chat.
    pub room: Option<Cow<'a, str>>,
    /// The employee: the staff side of a one-to-one chat, or the speaker in a group.
    pub staff: Option<Cow<'a, str>>,
    /// The customer: the external side of a one-to-one chat (whoever speaks), or the speaker in a group.
    pub customer: Option<Cow<'a, str>>,
    /// Who sent it.
    pub speaker: Cow<'a, str>,
    /// What the speaker is.
    pub role: Role,
    /// What the speaker is in this group, as far as the roster says.
    pub room_role: RoomRole,
    /// The speaker's company, as far as the roster says.
    pub company: Option<Arc<str>>,
    /// The texts, in order; text never joins across parts.
    pub parts: SmallVec<[Part<'a>; 2]>,
    /// URLs of cards and links, as written.
    pub links: SmallVec<[Cow<'a, str>; 1]>,
    /// App id or user name of a mini program card.
    pub mini_program: Option<Cow<'a, str>>,
    /// Numbers that rules may sum, such as the amount of a red packet.
    pub numbers: SmallVec<[(NumberField, i64); 1]>,
    /// How many receivers the record names.
    pub recipients: u32,
    /// What was noticed while reading.
    pub flags: Flags,
}

/// A stretch of text with one author.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Whose words these are.
    pub scope: TextScope,
    /// The text as stored.
    pub text: Cow<'a, str>,
    /// Characters of the stored string before `text`: a reply starts after its quote.
    pub base_chars: u32,
}

/// Whose words a text is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextScope {
    /// Typed by the sender.
    Own,
    /// Written elsewhere and passed on by the sender.
    Shared,
    /// Written by a bot, an app or the system.
    Machine,
    /// Quoted from another message; evidence for nobody.
    Quoted,
}

/// What a speaker is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Someone outside the company.
    Customer,
    /// An employee.
    Staff,
    /// A robot.
    Bot,
}

/// What a speaker is in a group.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRole {
    /// Nothing special.
    #[default]
    Member,
    /// 管理员
    Admin,
    /// 群主
    Owner,
}

/// What kind of conversation a message belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One employee and one customer.
    OneToOne,
    /// A group.
    Group,
    /// Employees among themselves.
    Internal,
}

/// A number that a message carries and a rule may sum.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberField {
    /// Money in fen.
    AmountFen,
    /// Length of a call or recording in seconds.
    Seconds,
}

/// The message types of the archive, by their official names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is the official name")]
pub enum MessageKind {
    Text,
    Image,
    Voice,
    Video,
    Emotion,
    File,
    Link,
    Weapp,
    Card,
    Location,
    Mixed,
    Chatrecord,
    Todo,
    Vote,
    Collect,
    Redpacket,
    ExternalRedpacket,
    Meeting,
    MeetingNotification,
    Docmsg,
    Markdown,
    News,
    Calendar,
    MeetingVoiceCall,
    VoipDocShare,
    Sphfeed,
    Voiptext,
    Qydiskfile,
    Solitaire,
    Note,
    Revoke,
    Agree,
    Disagree,
    /// A type this build does not know; kept as an interaction without text.
    Unknown,
}

/// What was noticed while a message was read; a set of bits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(pub u16);

impl Flags {
    /// It quotes another message.
    pub const QUOTE: Flags = Flags(1);
    /// It begins like a quote whose end was not found; nothing of it counts as own text.
    pub const QUOTE_UNPARSED: Flags = Flags(1 << 1);
    /// A greeting the system wrote in the sender's name.
    pub const GREETING: Flags = Flags(1 << 2);
    /// Control bytes or lone surrogates were replaced.
    pub const SANITIZED: Flags = Flags(1 << 3);
    /// Bytes that are no UTF-8 were replaced.
    pub const LOSSY_UTF8: Flags = Flags(1 << 4);
    /// Text or nesting beyond the limit was cut off.
    pub const TRUNCATED: Flags = Flags(1 << 5);
    /// The message type is unknown.
    pub const UNKNOWN_TYPE: Flags = Flags(1 << 6);
    /// There is a type and no payload: an interaction without text.
    pub const EMPTY_PAYLOAD: Flags = Flags(1 << 7);
    /// A one-to-one message without a receiver.
    pub const NO_RECEIVER: Flags = Flags(1 << 8);
    /// The store marks it as recalled (a flag in place of a recall record).
    pub const RECALLED: Flags = Flags(1 << 9);
    /// The time came from the message id.
    pub const TIME_FROM_ID: Flags = Flags(1 << 10);
    /// The inner and the outer message id differ; the inner one is used.
    pub const ID_MISMATCH: Flags = Flags(1 << 11);

    /// All flags with the names that reports count them under.
    pub const ALL: [(Flags, &'static str); 12] = [
        (Flags::QUOTE, "quote"),
        (Flags::QUOTE_UNPARSED, "quote_unparsed"),
        (Flags::GREETING, "greeting"),
        (Flags::SANITIZED, "sanitized"),
        (Flags::LOSSY_UTF8, "lossy_utf8"),
        (Flags::TRUNCATED, "truncated"),
        (Flags::UNKNOWN_TYPE, "unknown_type"),
        (Flags::EMPTY_PAYLOAD, "empty_payload"),
        (Flags::NO_RECEIVER, "no_receiver"),
        (Flags::RECALLED, "marked_recalled"),
        (Flags::TIME_FROM_ID, "time_from_id"),
        (Flags::ID_MISMATCH, "id_mismatch"),
    ];

    /// Returns the names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::ALL.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }

    /// Returns the flags with these names; names that are none are passed over.
    pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Flags {
        let mut flags = Flags::default();
        for name in names {
            Flags::ALL
                .into_iter()
                .filter(|(_, known)| *known == name)
                .for_each(|(flag, _)| flags.insert(flag));
        }
        flags
    }

    /// Adds the bits of `other`.
    pub fn insert(&mut self, other: Flags) {
        self.0 |= other.0;
    }

    /// Returns whether all bits of `other` are set.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Someone took a message back.
#[derive(Clone, Debug)]
pub struct Recall<'a> {
    /// The company.
    pub corp: Cow<'a, str>,
    /// Archival sequence number; 0 when it was lost.
    pub seq: u64,
    /// The recall record's own id.
    pub id: Cow<'a, str>,
    /// When it was recalled.
    pub at: Timestamp,
    /// The id of the message taken back.
    pub target: Cow<'a, str>,
}

/// A customer allowed or refused the archiving of a conversation.
#[derive(Clone, Debug)]
pub struct Consent<'a> {
    /// The company.
    pub corp: Cow<'a, str>,
    /// Archival sequence number; 0 when it was lost.
    pub seq: u64,
    /// The record's own id.
    pub id: Cow<'a, str>,
    /// When.
    pub at: Timestamp,
    /// The customer.
    pub customer: Cow<'a, str>,
    /// The employee, in a one-to-one conversation.
    pub staff: Option<Cow<'a, str>>,
    /// The group, in a group conversation.
    pub room: Option<Cow<'a, str>>,
    /// `true` for `agree`.
    pub agreed: bool,
}

/// Where a record was read.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin {
    /// Number of the file in the plan, which is in path order.
    pub file: u32,
    /// Byte offset of the record in the (decompressed) file.
    pub offset: u64,
    /// Line within the block that starts at `block`, counted from 0.
    pub line_in_block: u32,
    /// Offset of the block the record was read in.
    pub block: u64,
}

/// Whose history a rule looks at.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// One customer of a company, over all employees and groups.
    Customer,
    /// One employee and one customer.
    Relation,
    /// One group.
    Room,
    /// One member of one group.
    RoomMember,
    /// One employee.
    Staff,
}

impl KeyKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [KeyKind; 5] =
        [KeyKind::Customer, KeyKind::Relation, KeyKind::Room, KeyKind::RoomMember, KeyKind::Staff];
}

/// Which histories an event goes to. Events of one class and primary id are sorted together.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Class {
    /// By customer: keys `customer` and `relation`.
    Customer,
    /// By group: keys `room` and `room_member`.
    Room,
    /// By employee: key `staff`.
    Staff,
}

impl Class {
    /// All classes, in order.
    pub const ALL: [Class; 3] = [Class::Customer, Class::Room, Class::Staff];

    /// Returns the class that `as u8` gave; the last one for any greater number.
    pub fn from_u8(byte: u8) -> Class {
        Class::ALL[usize::from(byte).min(2)]
    }
}

/// Returns the number by which a record of an archive takes its place among what happens at one millisecond: a
/// record whose number was lost comes before those that have one, and after the business events.
pub fn acting_seq(seq: u64) -> u64 {
    seq.max(1)
}

/// Whose history a row is about. Fields that the kind does not use are empty.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Key {
    /// The company; empty when the archive does not say.
    pub corp: Box<str>,
    /// What kind of key this is.
    pub kind: KeyKind,
    /// Customer (`customer`, `relation`), or the member (`room_member`).
    pub customer: Box<str>,
    /// Employee (`relation`, `staff`).
    pub staff: Box<str>,
    /// Group (`room`, `room_member`).
    pub room: Box<str>,
}
