//! Bytes from outside, damaged at random from fixed seeds: the reader never panics, every record is counted
//! once, and what comes out is bounded by what went in.
//!
//! `CHATTAG_FUZZ_ROUNDS=N` sets the rounds per target; `.ci/run` takes about a minute's worth. A round that fails
//! names its target and its seed, which make the same bytes again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use chattag::archive::{Block, Plan, ReadOptions, Record, read_blocks};
use serde_json::json;

#[path = "kit/workbook.rs"]
mod kit;

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";

/// xorshift64*: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }
}

/// Pieces that mean something to some parser.
const TOKENS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1f",
    b"\xff",
    b"\xe4\xbd",
    b"null",
    b"1e999",
    b"18446744073709551616",
    b"-0",
    b"{\"data\":[",
    b"{\"chatdata\":[{",
    b"\"msgtype\":\"chatrecord\"",
    "这是一条引用/回复消息：".as_bytes(),
    "「甲：".as_bytes(),
    b"\n------\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    "客户:".as_bytes(),
    b"encrypt_chat_msg",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
    b"PAR1",
    b"ARROW1",
];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.splice(at..at, random.pick(TOKENS).iter().copied())),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + random.below(40)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            5 => {
                let end = (at + random.below(200)).min(bytes.len());
                let again = bytes[at..end].repeat(1 + random.below(3));
                drop(bytes.splice(at..at, again));
            }
            _ => drop(bytes.splice(at..at, (0..random.below(4)).map(|_| b'{'))),
        }
    }
}

fn message(content: &str) -> String {
    json!({"msgid": "7_1900000000123_external", "action": "send", "from": CUSTOMER, "tolist": ["lihua"], "roomid": "",
        "msgtime": 1_900_000_000_123_i64, "msgtype": "text", "text": {"content": content}})
    .to_string()
}

fn records(random: &mut Random) -> Vec<u8> {
    let rows = [
        message("多少钱"),
        json!({"msg_id": "m", "from": "a", "to_list": "[\"b\"]", "msg_time": "1900000000", "msg_type": "text", "content_text": "x"}).to_string(),
        json!({"message_id": "m", "type": 101, "content": message("y")}).to_string(),
        json!({"seq": 1, "publickey_ver": 1, "encrypt_random_key": "x", "encrypt_chat_msg": "y"}).to_string(),
        json!({"msgid": "s", "action": "switch", "time": 1, "user": "u"}).to_string(),
        json!({"msgid": "r_1900000000", "from": "a", "action": "recall", "msgtype": "revoke", "revoke": {"pre_msgid": "x"}}).to_string(),
    ];
    let lines: Vec<&str> = (0..=random.below(5)).map(|_| rows[random.below(rows.len())].as_str()).collect();
    lines.join("\n").into_bytes()
}

fn pages(random: &mut Random) -> Vec<u8> {
    let items: Vec<String> = (0..random.below(5)).map(|_| message("甲")).collect();
    let under = random.pick(&["chatdata", "data", "messages", "list"]);
    match random.below(3) {
        0 => format!("[{}]", items.join(",\n")),
        1 => format!("{{\"errcode\":0,\"{under}\":[{}],\"x\":{{}}}}", items.join(",")),
        _ => items.concat(),
    }
    .into_bytes()
}

fn tables(random: &mut Random) -> Vec<u8> {
    let mut text = "msgid,from,tolist,时间,内容\n".to_owned();
    for n in 0..random.below(5) {
        text.push_str(&format!("m{n},a,b|c,2031/5/6 7:08:0{n},\"甲\"\"乙\n丙\"\n"));
    }
    match random.below(4) {
        0 => encoding_rs::GB18030.encode(&text).0.into_owned(),
        1 => [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
        2 => text.replace(',', "\t").into_bytes(),
        _ => text.into_bytes(),
    }
}

fn quotes(random: &mut Random) -> Vec<u8> {
    let texts = [
        "这是一条引用/回复消息：\n\"甲：\n贵\"\n------\n好",
        "This is a quote/reply:\n\"A:\nB\"\n------\nC",
        "「甲：「乙：贵」\n- - - - -\n不贵」\n- - - - - - - - - - - - - - -\n好",
        "这是一条引用/回复消息： “甲： 贵” 好",
    ];
    let mut content = texts[random.below(texts.len())].to_owned().into_bytes();
    mutate(&mut content, random);
    message(&String::from_utf8_lossy(&content)).into_bytes()
}

fn embedded(random: &mut Random) -> Vec<u8> {
    let mut payload =
        json!({"item": [{"type": "ChatRecordText", "content": json!({"content": "底"}).to_string()}]});
    for _ in 0..random.below(12) {
        let content = if random.below(2) == 0 { json!(payload.to_string()) } else { payload };
        payload = json!({"item": [{"type": random.pick(&["chatrecord", "ChatRecordMixed", "ChatRecordNote"]), "content": content}]});
    }
    let row = json!({"msgid": "m_1900000000", "from": "a", "tolist": ["b"], "msgtype": "chatrecord", "chatrecord": payload});
    row.to_string().into_bytes()
}

fn packed(random: &mut Random) -> Vec<u8> {
    let plain = records(random);
    if random.below(2) == 0 {
        return zstd::encode_all(&plain[..], 1).unwrap();
    }
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&plain).unwrap();
    packer.finish().unwrap()
}

fn workbooks(_: &mut Random) -> Vec<u8> {
    let rows = vec![
        vec![json!("msgid"), json!("from"), json!("时间"), json!("内容")],
        vec![json!("m"), json!("a"), json!(45_000.5), json!("甲")],
    ];
    kit::workbook(&[("a", rows)])
}

fn columnar(random: &mut Random) -> Vec<u8> {
    let columns: [(&str, ArrayRef); 3] = [
        ("msgid", Arc::new(StringArray::from(vec!["m", "n"]))),
        ("from", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ("msgtime", Arc::new(Int64Array::from(vec![1_900_000_000, 0]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    if random.below(2) == 0 {
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        return writer.into_inner().unwrap();
    }
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Reads the bytes as a file and returns records visited, records reported, and bytes of text that came out.
fn read(bytes: &[u8], options: &ReadOptions) -> (u64, u64, usize) {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a"), bytes).unwrap();
    let plan = Plan::new(&[place.path().display().to_string()]).unwrap();
    let seen = Mutex::new((0, 0));
    let visit = |block: &mut Block<'_>| {
        let mut seen = seen.lock().unwrap();
        while let Some(read) = block.next_record() {
            seen.0 += 1;
            seen.1 += match &read.record {
                Ok(Record::Message(message)) => message.parts.iter().map(|part| part.text.len()).sum(),
                Ok(_) => 0,
                Err(fault) => fault.detail.len(),
            };
        }
    };
    let reports = read_blocks(&plan, options, &AtomicU64::new(0), &AtomicBool::new(false), &visit).unwrap();
    let (visited, text) = seen.into_inner().unwrap();
    (visited, reports.iter().map(|report| report.records).sum(), text)
}

fn rounds() -> u64 {
    std::env::var("CHATTAG_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(150)
}

/// Unpacked or repeated, a damaged file may say more than its bytes, but not without bound.
const MOST_TEXT: usize = 4 << 20;

fn fuzz(target: &str, make: fn(&mut Random) -> Vec<u8>) {
    let small = ReadOptions { block_bytes: 1_024, max_record_bytes: 64 << 10, ..ReadOptions::default() };
    for seed in 1..=rounds() {
        let mut random = Random::new(seed);
        let mut bytes = make(&mut random);
        mutate(&mut bytes, &mut random);
        let (visited, reported, text) = read(&bytes, &small);
        assert_eq!(visited, reported, "{target}, seed {seed}: every record is counted once");
        assert!(text <= MOST_TEXT, "{target}, seed {seed}: {text} bytes came out of {}", bytes.len());
    }
}

#[test]
fn case_73_damaged_records_are_read_without_panic() {
    fuzz("records", records);
}

#[test]
fn case_73_damaged_pages_are_read_without_panic() {
    fuzz("pages", pages);
}

#[test]
fn case_73_damaged_text_tables_are_read_without_panic() {
    fuzz("tables", tables);
}

#[test]
fn case_73_damaged_quotes_are_read_without_panic() {
    fuzz("quotes", quotes);
}

#[test]
fn case_73_damaged_json_in_json_is_read_without_panic() {
    fuzz("embedded", embedded);
}

#[test]
fn case_73_damaged_packed_files_are_read_without_panic() {
    fuzz("packed", packed);
}

#[test]
fn case_73_damaged_workbooks_are_read_without_panic() {
    fuzz("workbooks", workbooks);
}

#[test]
fn case_73_damaged_columnar_tables_are_read_without_panic() {
    fuzz("columnar", columnar);
}
