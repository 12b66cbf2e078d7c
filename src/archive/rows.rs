//! Makes messages of the rows of a table: each becomes one line of JSON for the general path to decode.
//!
//! Lines stand where the rows stand, so a record's line is its row. What a table does
//! not say is added here: an id where there is no column for it (the same row gives
//! the same id in every export), the type `text`, roles written before names. A list
//! of messages and a table of their texts are joined by message id.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};
use twox_hash::XxHash3_128;

use crate::archive::record::RecordFault;
use crate::archive::sequence::Chunk;
use crate::archive::table::{Field, Row, Schema, Sheet, Table};

/// The columns of a table of messages, and the names they go by in exports.
pub const MESSAGE_COLUMNS: Schema = &[
    Field { name: "msgid", aliases: &["message_id", "消息ID", "消息编号", "消息标识"] },
    Field { name: "seq", aliases: &["sequence", "msg_seq", "消息序号", "序号"] },
    Field { name: "action", aliases: &["消息动作", "动作"] },
    Field {
        name: "from",
        aliases: &[
            "msgfrom",
            "msg_from",
            "from_id",
            "from_user",
            "from_userid",
            "sender_id",
            "sender",
            "发件人ID",
            "发送人ID",
            "发送者ID",
            "发送方ID",
        ],
    },
    Field {
        name: "from_name", aliases: &["sender_name", "发件人", "发送人", "发送者", "发送方", "说话人"]
    },
    Field {
        name: "from_role",
        aliases: &[
            "user_type",
            "from_type",
            "sender_type",
            "发送人类型",
            "发送者类型",
            "发送者身份",
            "身份",
            "角色",
        ],
    },
    Field {
        name: "tolist",
        aliases: &[
            "to_ids",
            "receiver_list",
            "receiver_id",
            "receiver",
            "to",
            "收件人ID",
            "接收人ID",
            "接收者ID",
            "接收方ID",
        ],
    },
    Field {
        name: "to_name", aliases: &["receiver_name", "收件人", "接收人", "接收者", "接收方"]
    },
    Field { name: "roomid", aliases: &["chat_id", "group_id", "群ID", "群聊ID", "群编号"] },
    Field {
        name: "msgtime",
        aliases: &["send_time", "message_time", "时间", "发送时间", "消息时间", "聊天时间"],
    },
    Field { name: "msgtype", aliases: &["message_type", "消息类型", "类型"] },
    Field {
        name: "content", aliases: &["content_text", "内容", "消息内容", "聊天内容", "文本内容", "文本"]
    },
    Field { name: "corp", aliases: &["corp_id", "tenant_id", "company_id", "企业ID"] },
    Field { name: "is_recalled", aliases: &["is_revoke", "revoked", "是否撤回", "已撤回"] },
];

/// What the rows of a sheet are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holds {
    /// Messages with what they say.
    Messages,
    /// Messages whose texts stand in another table.
    List,
    /// Texts of messages that another table lists.
    Texts,
    /// Something else.
    Other,
}

impl Holds {
    pub fn of(sheet: &Sheet) -> Holds {
        let says_who = sheet.has("from") || sheet.has("from_name");
        let payload = sheet.has("content") || sheet.header.iter().any(|name| PAYLOADS.contains(&name.trim()));
        match (says_who, payload) {
            (true, true) => Holds::Messages,
            (true, false) if sheet.has("msgid") => Holds::List,
            (false, true) if sheet.has("content") && sheet.has("msgid") => Holds::Texts,
            // Whole messages in a column of their own.
            (false, true) if !sheet.has("content") => Holds::Messages,
            _ => Holds::Other,
        }
    }
}

/// The texts of messages by id, until a list asks for them.
#[derive(Default)]
pub(crate) struct Texts {
    of_message: HashMap<Box<str>, Text>,
    bytes: usize,
}

struct Text {
    content: Value,
    is_used: bool,
}

impl Texts {
    /// Takes in all rows of a sheet of texts.
    pub fn read(&mut self, table: &mut Table<'_>, sheet: usize) -> Result<(), RecordFault> {
        let about = table.sheets()[sheet].clone();
        let mut full = false;
        table.read(sheet, &mut |row| {
            if let Ok(row) = row {
                self.insert(about.object(row.cells));
            }
            full = self.bytes > MOST_JOINED_BYTES;
            if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let limit = MOST_JOINED_BYTES >> 20;
        let fault = RecordFault::new(
            "table.too_large",
            format!("more than {limit} MiB of texts to join: cut the export by date"),
        );
        if full { Err(fault) } else { Ok(()) }
    }

    fn insert(&mut self, mut row: Map<String, Value>) {
        let (Some(id), Some(content)) = (row.get("msgid").map(spelled), row.remove("content")) else {
            return;
        };
        self.bytes += id.len() + content.as_str().map_or(16, str::len) + ENTRY_BYTES;
        self.of_message.entry(id.into()).or_insert(Text { content, is_used: false });
    }

    fn lend(&mut self, id: &str) -> Option<Value> {
        let text = self.of_message.get_mut(id)?;
        text.is_used = true;
        Some(text.content.clone())
    }

    /// Returns the fault when there are texts that no list named.
    pub fn left_over(&self) -> Option<RecordFault> {
        let left = self.of_message.values().filter(|text| !text.is_used).count();
        (left > 0).then(|| {
            RecordFault::new("table.texts_alone", format!("{left} texts whose message is in no list"))
        })
    }
}

/// Reads the messages of all sheets; `emit` takes chunks as they fill and may end the reading.
pub(crate) fn read(
    table: &mut Table<'_>,
    texts: &mut Texts,
    emit: &mut dyn FnMut(Vec<Chunk>) -> ControlFlow<()>,
) -> Result<(), RecordFault> {
    let sheets = table.sheets().to_vec();
    let kinds: Vec<Holds> = sheets.iter().map(Holds::of).collect();
    let lists = kinds.contains(&Holds::List);
    let mut page = Page::default();
    for (at, _) in kinds.iter().enumerate().filter(|(_, kind)| lists && **kind == Holds::Texts) {
        texts.read(table, at)?;
    }
    for (at, sheet) in sheets.iter().enumerate() {
        page.begin_sheet();
        let passed = match kinds[at] {
            Holds::Texts => lists,
            Holds::Other => kinds.iter().any(|kind| *kind != Holds::Other),
            _ => false,
        };
        if passed {
            page.line(page.next_line, "[]");
        } else if kinds[at] == Holds::Other {
            let _ = page.fault(page.next_line, unknown_sender(sheet), emit);
        } else if read_sheet(table, at, sheet, texts, &mut page, emit)?.is_break() {
            return Ok(());
        }
    }
    let _ = page.flush(emit);
    Ok(())
}

fn unknown_sender(sheet: &Sheet) -> RecordFault {
    let (known, all) = (sheet.fields.iter().flatten().count(), sheet.header.len());
    RecordFault::new(
        "table.columns_unknown",
        format!(
            "{known} of {all} columns known, none of them the sender's: say which is which with --columns"
        ),
    )
}

fn read_sheet(
    table: &mut Table<'_>,
    at: usize,
    sheet: &Sheet,
    texts: &mut Texts,
    page: &mut Page,
    emit: &mut dyn FnMut(Vec<Chunk>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, RecordFault> {
    let mut maker = Maker { sheet, texts, written: Written::default() };
    let (mut flow, before) = (ControlFlow::Continue(()), page.next_line - 1);
    let read = table.read(at, &mut |row| {
        flow = match row {
            Ok(row) if row.is_blank() => ControlFlow::Continue(()),
            Ok(row) => {
                page.line(before + row.number, &maker.line(row));
                if page.is_full() { page.flush(emit) } else { ControlFlow::Continue(()) }
            }
            Err((number, fault)) => page.fault(before + number, fault, emit),
        };
        flow
    });
    read.map(|()| flow).or_else(|fault| Ok(page.fault(page.next_line, fault, emit)))
}

/// Makes a message of each row of a sheet.
struct Maker<'s> {
    sheet: &'s Sheet,
    texts: &'s mut Texts,
    written: Written,
}

impl Maker<'_> {
    /// Writes a text the official way, which is read three times as fast, and all else field by field.
    fn line(&mut self, row: Row) -> String {
        let message = self.message(row);
        official(&message).unwrap_or_else(|| Value::Object(message).to_string())
    }

    fn message(&mut self, row: Row) -> Map<String, Value> {
        let mut message = self.sheet.object(row.cells);
        for field in ["msgid", "msgtime", "from"] {
            if message.get(field).and_then(Value::as_str).is_some_and(is_rounded) {
                message.remove(field);
            }
        }
        self.add_text(&mut message);
        self.name_parties(&mut message);
        let says_something = message.contains_key("content");
        if says_something && !self.sheet.has("msgtype") && !is_wrapped(&message) {
            message.insert("msgtype".into(), "text".into());
        }
        if !self.sheet.has("msgid") && self.sheet.has("msgtime") {
            let id = self.written.id_of(&message);
            message.insert("msgid".into(), id.into());
        }
        message
    }

    fn add_text(&mut self, message: &mut Map<String, Value>) {
        let id = message.get("msgid").map(spelled);
        if let Some(text) = id.filter(|_| !self.sheet.has("content")).and_then(|id| self.texts.lend(&id)) {
            message.insert("content".into(), text);
        }
    }

    /// Names stand for ids where there are none; a role before a name is the role of the id.
    fn name_parties(&self, message: &mut Map<String, Value>) {
        let name =
            |message: &mut Map<String, Value>, field: &str| message.remove(field).map(|name| spelled(&name));
        if let Some(name) = name(message, "from_name") {
            let role = role_before(&name);
            if let Some(role) =
                role.filter(|_| message.contains_key("from") && !message.contains_key("from_role"))
            {
                message.insert("from_role".into(), role.into());
            }
            message.entry("from").or_insert_with(|| name.into());
        }
        if let Some(name) = name(message, "to_name") {
            match (message.get("tolist").map(spelled), role_before(&name)) {
                (Some(id), Some(role)) if !id.contains([',', '|', ';', '[']) => {
                    message.insert("tolist".into(), json!([{"id": id, "type": role}]));
                }
                (Some(_), _) => {}
                (None, _) => drop(message.insert("tolist".into(), name.into())),
            }
        }
    }
}

/// Returns a message of type `text` as the SDK writes it; `None` when a field wants more than to be copied.
fn official(message: &Map<String, Value>) -> Option<String> {
    let known = ["msgid", "from", "tolist", "roomid", "msgtime", "msgtype", "content"];
    if message.keys().any(|key| !known.contains(&key.as_str())) || message.get("msgtype")? != "text" {
        return None;
    }
    let text = |field: &str| message.get(field).map_or(Some(""), Value::as_str);
    let id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@=+/".contains(&byte));
    let (from, room, content) = (text("from")?, text("roomid")?, text("content")?);
    let to: Vec<&str> = match message.get("tolist") {
        None => Vec::new(),
        Some(Value::String(joined)) => {
            joined.split([',', '|', ';']).map(str::trim).filter(|to| !to.is_empty()).collect()
        }
        Some(Value::Array(ids)) => ids.iter().map(Value::as_str).collect::<Option<_>>()?,
        Some(_) => return None,
    };
    let at = message.get("msgtime").and_then(|at| at.as_i64().or_else(|| at.as_str()?.parse().ok()))?;
    let plain = id(from)
        && id(room)
        && to.iter().all(|to| id(to))
        && at > 0
        && !content.is_empty()
        && !content.trim_start().starts_with('{');
    let quoted = |text: &str| Value::from(text).to_string();
    let (msgid, to) = (quoted(text("msgid")?), to.into_iter().map(quoted).collect::<Vec<_>>().join(","));
    let (from, room, content) = (quoted(from), quoted(room), quoted(content));
    plain.then(|| {
        format!(
            "{{\"msgid\":{msgid},\"action\":\"send\",\"from\":{from},\"tolist\":[{to}],\"roomid\":{room},\"msgtime\":{at},\
             \"msgtype\":\"text\",\"text\":{{\"content\":{content}}}}}"
        )
    })
}

/// Returns whether a spreadsheet has written a long number as `1.9E+12` and lost its last digits: such an id would
/// be that of others, such a time hours away from its own.
fn is_rounded(cell: &str) -> bool {
    let Some((number, exponent)) = cell.trim().split_once("E+") else { return false };
    let digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits(number) && digits(exponent) && number.len() <= ROUNDED_DIGITS
}

/// Returns the role that an exporter wrote before a name: `客户:小鹿`.
fn role_before(name: &str) -> Option<&'static str> {
    let (role, _) = name.split_once([':', '：'])?;
    match role {
        "客户" => Some("客户"),
        "销售" | "员工" => Some("员工"),
        _ => None,
    }
}

/// Returns whether the content is a message of its own, in JSON.
fn is_wrapped(message: &Map<String, Value>) -> bool {
    let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
    content.trim_start().starts_with('{')
        && (content.contains("\"msgtype\"") || content.contains("\"action\""))
}

fn spelled(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Ids of rows without one: a hash of what they say, and which of the equal ones of the same time it is.
#[derive(Default)]
struct Written {
    time: String,
    /// Hashes of the rows with this time, with their numbers.
    rows: HashMap<u128, u32>,
}

impl Written {
    fn id_of(&mut self, message: &Map<String, Value>) -> String {
        let field = |name: &str| message.get(name).map(spelled).unwrap_or_default();
        let time = field("msgtime");
        if time != self.time {
            self.rows.clear();
            self.time = time;
        }
        let says = ["msgtime", "from", "tolist", "roomid", "msgtype", "content"].map(field).join("\u{1f}");
        let hash = XxHash3_128::oneshot(says.as_bytes());
        let nth = self.rows.entry(hash).or_default();
        *nth += 1;
        format!("row_{hash:032x}_{nth}")
    }
}

/// The lines written so far, in chunks.
struct Page {
    chunks: Vec<Chunk>,
    bytes: Vec<u8>,
    offset: u64,
    next_line: u64,
}

impl Default for Page {
    fn default() -> Page {
        Page { chunks: Vec::new(), bytes: Vec::new(), offset: 0, next_line: 1 }
    }
}

impl Page {
    /// Lines of a sheet are counted on from those of the sheet before.
    fn begin_sheet(&mut self) {
        self.end_chunk(None);
    }

    /// Writes `text` on line `number`, or on the next one when that is past already.
    fn line(&mut self, number: u64, text: &str) {
        let blank = number.saturating_sub(self.next_line).min(MOST_BLANK_LINES);
        self.bytes.resize(self.bytes.len() + blank as usize, b'\n');
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(b'\n');
        self.next_line += blank + 1;
        if self.bytes.len() >= CHUNK_BYTES {
            self.end_chunk(None);
        }
    }

    fn fault(
        &mut self,
        number: u64,
        fault: RecordFault,
        emit: &mut dyn FnMut(Vec<Chunk>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let blank = number.saturating_sub(self.next_line).min(MOST_BLANK_LINES);
        self.bytes.resize(self.bytes.len() + blank as usize, b'\n');
        self.end_chunk(None);
        self.bytes.push(b'\n');
        self.next_line += blank + 1;
        self.end_chunk(Some(fault));
        self.flush(emit)
    }

    fn end_chunk(&mut self, fault: Option<RecordFault>) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        self.chunks.push(Chunk { offset, bytes, ranges: None, page: None, fault });
    }

    fn is_full(&self) -> bool {
        self.chunks.len() >= CHUNKS_TOGETHER
    }

    fn flush(&mut self, emit: &mut dyn FnMut(Vec<Chunk>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.end_chunk(None);
        let chunks = std::mem::take(&mut self.chunks);
        if chunks.is_empty() { ControlFlow::Continue(()) } else { emit(chunks) }
    }
}

/// Columns under which a payload or a whole message may stand by their official names.
const PAYLOADS: &[&str] = &[
    "text",
    "msgdata",
    "raw_content",
    "raw",
    "msg",
    "message",
    "data",
    "content",
    "content_text",
    "info",
    "image",
    "voice",
    "video",
    "file",
    "link",
    "mixed",
    "chatrecord",
    "revoke",
    "encrypt_chat_msg",
];

/// A spreadsheet shows six digits at most, and the point.
const ROUNDED_DIGITS: usize = 7;

/// Texts waiting to be joined: some ten million short ones.
const MOST_JOINED_BYTES: usize = 1 << 30;

/// What an entry of a map costs besides its text.
const ENTRY_BYTES: usize = 96;

/// One chunk is decoded as one block.
const CHUNK_BYTES: usize = 1 << 20;

/// Chunks handed over together are decoded on as many threads.
const CHUNKS_TOGETHER: usize = 8;

/// Rows of a sheet that are left out; a sheet has no more rows than this.
const MOST_BLANK_LINES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{ReadOptions, decode};

    fn told(json: &str) -> Vec<String> {
        let mut told = Vec::new();
        decode(json.as_bytes(), &ReadOptions::default(), &mut |read| told.push(format!("{:?}", read.record)));
        told
    }

    #[test]
    fn a_row_written_the_official_way_says_what_its_fields_say() {
        let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
        let base = json!({"msgid": "m_1900000000123", "from": customer, "tolist": "lihua", "roomid": "", "msgtime": "1900000000123",
            "msgtype": "text", "content": "「甲：贵」\n- - -\n\"好\""});
        let changes = [
            (json!({}), true),
            (json!({"tolist": " a | b|", "roomid": "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09"}), true),
            (json!({"tolist": ["lihua", "b"], "msgtime": 1_900_000_000}), true),
            (json!({"tolist": ""}), true),
            (json!({"content": ""}), false), // no payload at all
            (json!({"roomid": "0"}), true),
            (json!({"msgid": ""}), true),
            (json!({"from": ""}), true),
            (json!({"from": "客户:小鹿"}), false),
            (json!({"tolist": "[\"lihua\"]"}), false),
            (json!({"tolist": [null]}), false),
            (json!({"msgtime": "2031/5/6 7:08:09"}), false),
            (json!({"msgtime": 0}), false),
            (json!({"content": "{\"content\":\"x\"}"}), false),
            (json!({"msgtype": "image"}), false),
            (json!({"from_role": "员工"}), false),
        ];
        for (change, is_official) in changes {
            let mut row = base.as_object().expect("an object").clone();
            row.extend(change.as_object().expect("an object").clone());
            let written = official(&row);
            assert_eq!(written.is_some(), is_official, "{change}");
            if let Some(written) = written {
                assert_eq!(told(&written), told(&Value::Object(row).to_string()), "{change}");
            }
        }
    }
}
