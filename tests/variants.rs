//! One logical archive, kept in every way that companies keep theirs, gives the same tables, row for row.
//!
//! What a way of keeping loses is named beside it; the tables are then those of the official
//! archive without it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
};
use serde_json::{Map, Value, json};

#[path = "kit/workbook.rs"]
mod kit;

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const OTHER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02";
const ROOM: &str = "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09";

/// 2026-03-02 10:00 in Shanghai. Whole seconds: some stores keep no more.
const START: i64 = 1_772_416_800_000;

fn message(n: i64, from: &str, to: &[&str], room: &str, kind: &str, key: &str, payload: Value) -> Value {
    let at = START + n * 60_000;
    let action = if kind == "revoke" { "recall" } else { "send" };
    json!({"msgid": format!("{n}_{at}_external"), "action": action, "from": from, "tolist": to, "roomid": room,
        "msgtime": at, "msgtype": kind, key: payload})
}

/// A talk in which tags, alerts, kicks, a recall, a consent and many types of messages come up.
fn archive() -> Vec<Value> {
    let text = |n, from: &str, to: &str, room: &str, content: &str| {
        message(n, from, &[to], room, "text", "text", json!({"content": content}))
    };
    let inner = |content: &str| json!({"content": content}).to_string();
    vec![
        text(1, CUSTOMER, "lihua", "", "这个课程多少钱"),
        text(2, "lihua", CUSTOMER, "", "您好，现在 1999"),
        text(
            3,
            CUSTOMER,
            "lihua",
            "",
            "这是一条引用/回复消息：\n\"李华：\n您好，现在 1999\"\n------\n能便宜点吗",
        ),
        message(
            4,
            CUSTOMER,
            &["lihua"],
            "",
            "image",
            "image",
            json!({"md5sum": "0", "filesize": 1, "sdkfileid": "x"}),
        ),
        message(
            5,
            "lihua",
            &[CUSTOMER],
            "",
            "link",
            "link",
            json!({"title": "优惠活动", "description": "限时", "link_url": "https://example.com/a", "image_url": ""}),
        ),
        message(
            6,
            CUSTOMER,
            &["lihua"],
            "",
            "mixed",
            "mixed",
            json!({"item": [{"type": "text", "content": inner("性价比")}, {"type": "text", "content": inner("怎么样")}]}),
        ),
        text(7, OTHER, "lihua", "", "我要投诉"),
        text(8, OTHER, "lihua", "", "质量太差"),
        text(9, OTHER, "lihua", "", "你们态度差"),
        message(10, CUSTOMER, &["lihua"], "", "voice", "voice", json!({"voice_size": 9, "play_length": 12})),
        message(
            11,
            CUSTOMER,
            &["lihua"],
            "",
            "chatrecord",
            "chatrecord",
            json!({"title": "聊天记录", "item": [{"type": "ChatRecordText", "msgtime": 1, "content": inner("我要投诉")}]}),
        ),
        message(12, "lihua", &[CUSTOMER], "", "file", "file", json!({"filename": "报价.xlsx"})),
        message(
            13,
            OTHER,
            &["lihua", CUSTOMER],
            ROOM,
            "text",
            "text",
            json!({"content": "兼职刷单日结，加微信"}),
        ),
        message(14, CUSTOMER, &["lihua", OTHER], ROOM, "text", "text", json!({"content": "今天天气不错"})),
        text(15, CUSTOMER, "lihua", "", "太贵了"),
        message(
            16,
            CUSTOMER,
            &["lihua"],
            "",
            "revoke",
            "revoke",
            json!({"pre_msgid": format!("15_{}_external", START + 15 * 60_000)}),
        ),
        message(
            17,
            CUSTOMER,
            &["lihua"],
            "",
            "voiptext",
            "info",
            json!({"callduration": 35, "invitetype": 2}),
        ),
        message(18, OTHER, &["lihua"], "", "agree", "agree", json!({"userid": OTHER, "agree_time": START})),
        text(19, CUSTOMER, "lihua", "", "\"好的\", 谢谢\n😀"),
    ]
}

/// The official archive without what a way of keeping loses.
fn without(lost: &str) -> Vec<Value> {
    let kept = |message: &Value| match lost {
        "" => true,
        "all but text" => message["msgtype"] == "text",
        other => panic!("nothing is known of losing {other}"),
    };
    archive().into_iter().filter(kept).collect()
}

fn field<'m>(message: &'m Value, name: &str) -> &'m str {
    message[name].as_str().unwrap()
}

/// The payload's key and the payload.
fn payload(message: &Value) -> (String, Value) {
    const HEAD: [&str; 7] = ["msgid", "action", "from", "tolist", "roomid", "msgtime", "msgtype"];
    let object = message.as_object().unwrap();
    let (key, value) = object.iter().find(|(key, _)| !HEAD.contains(&key.as_str())).unwrap();
    (key.clone(), value.clone())
}

fn joined(message: &Value, by: &str) -> String {
    message["tolist"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>().join(by)
}

fn lines(rows: impl IntoIterator<Item = Value>) -> Vec<u8> {
    rows.into_iter().flat_map(|row| format!("{row}\n").into_bytes()).collect()
}

/// A row with the given fields and the message's own under new names.
fn row(message: &Value, names: &[(&str, &str)], extra: Value) -> Value {
    let mut row: Map<String, Value> =
        names.iter().map(|(official, name)| ((*name).to_owned(), message[*official].clone())).collect();
    row.extend(extra.as_object().unwrap().clone());
    Value::Object(row)
}

const OFFICIAL: [(&str, &str); 7] = [
    ("msgid", "msgid"),
    ("action", "action"),
    ("from", "from"),
    ("tolist", "tolist"),
    ("roomid", "roomid"),
    ("msgtime", "msgtime"),
    ("msgtype", "msgtype"),
];

fn wrapped(under: &str) -> Vec<u8> {
    lines(
        archive().into_iter().zip(1..).map(
            |(message, n)| json!({"msgid": message["msgid"], "publickey_ver": n % 2 + 1, under: message}),
        ),
    )
}

fn listed(under: &str) -> Vec<u8> {
    json!({under: archive()}).to_string().into_bytes()
}

/// V9: the message as text, every payload there and all but one null, numbers as texts.
fn pushed(message: &Value) -> Value {
    let mut inner = message.as_object().unwrap().clone();
    for key in ["text", "image", "voice", "link", "mixed", "info", "file", "revoke"] {
        inner.entry(key).or_insert(Value::Null);
    }
    inner.insert("msgtime".into(), message["msgtime"].to_string().into());
    inner.insert("tolist".into(), joined(message, ",").into());
    inner.insert("is_grp".into(), (!field(message, "roomid").is_empty()).to_string().into());
    json!({"message_id": message["msgid"], "type": 101, "content": Value::Object(inner).to_string()})
}

/// V17: what the official data zone gives; the numbers of its types are not public, but for text.
fn in_zone(message: &Value) -> Value {
    let kind = |id: &str| if id.starts_with("wm") { 2 } else { 1 };
    let to = message["tolist"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| json!({"type": kind(id.as_str().unwrap()), "id": id}));
    json!({"msgid": message["msgid"], "sender": {"type": kind(field(message, "from")), "id": message["from"]},
        "receiver_list": to.collect::<Vec<_>>(), "chatid": message["roomid"],
        "send_time": message["msgtime"].as_i64().unwrap() / 1_000, "msgtype": 2, "text": message["text"]})
}

/// The rows of a table: header first. What is not text keeps its payload as JSON.
fn table(header: [&str; 7], messages: &[Value], local_time: bool) -> Vec<Vec<Value>> {
    let mut rows = vec![header.iter().map(|name| json!(name)).collect::<Vec<_>>()];
    for message in messages {
        let (_, payload) = payload(message);
        let content = payload["content"].as_str().map_or_else(|| payload.to_string(), str::to_owned);
        let minutes = (message["msgtime"].as_i64().unwrap() - START) / 60_000;
        let time = if local_time {
            json!(format!("2026/3/2 10:{minutes:02}:00"))
        } else {
            message["msgtime"].clone()
        };
        let cells = [
            &message["msgid"],
            &message["from"],
            &json!(joined(message, "|")),
            &message["roomid"],
            &time,
            &message["msgtype"],
            &json!(content),
        ];
        rows.push(cells.into_iter().cloned().collect());
    }
    rows
}

const EXPORT: [&str; 7] = ["消息ID", "发件人", "收件人", "群ID", "时间", "消息类型", "内容"];
const DUMP: [&str; 7] = ["msgid", "from", "tolist", "roomid", "msgtime", "msgtype", "msgdata"];

fn csv(rows: &[Vec<Value>], delimiter: u8) -> String {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    for row in rows {
        let cells = row.iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned));
        writer.write_record(cells).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// The archive as columns with types of their own.
fn batch() -> RecordBatch {
    let text = |of: fn(&Value) -> String| -> ArrayRef {
        Arc::new(StringArray::from(archive().iter().map(of).collect::<Vec<_>>()))
    };
    let mut to = ListBuilder::new(StringBuilder::new());
    for message in archive() {
        to.append_value(message["tolist"].as_array().unwrap().iter().map(|id| id.as_str()));
    }
    let at = archive().iter().map(|message| message["msgtime"].as_i64().unwrap()).collect::<Vec<_>>();
    let columns: [(&str, ArrayRef); 7] = [
        ("msgid", text(|m| field(m, "msgid").into())),
        ("from", text(|m| field(m, "from").into())),
        ("tolist", Arc::new(to.finish())),
        ("roomid", text(|m| field(m, "roomid").into())),
        ("msgtime", Arc::new(TimestampMillisecondArray::from(at).with_timezone("UTC"))),
        ("msgtype", text(|m| field(m, "msgtype").into())),
        ("msgdata", text(|m| payload(m).1.to_string())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn parquet() -> Vec<u8> {
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch().schema(), Some(properties)).unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
    bytes
}

fn arrow_file() -> Vec<u8> {
    let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    writer.into_inner().unwrap()
}

/// V11: the list and the texts of a split archive.
fn split(messages: &[Value]) -> [Vec<Vec<Value>>; 2] {
    let whole = table(DUMP, messages, false);
    let list = whole.iter().map(|row| row[..6].to_vec()).collect();
    let texts = whole.iter().skip(1).map(|row| vec![row[0].clone(), row[6].clone()]);
    [list, std::iter::once(vec![json!("msgid"), json!("content")]).chain(texts).collect()]
}

struct Kept {
    name: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
    /// What is lost, in the words of [`without`].
    lost: &'static str,
}

fn kept(name: &'static str, file: &'static str, bytes: Vec<u8>) -> Kept {
    Kept { name, files: vec![(file, bytes)], lost: "" }
}

const ORM: [(&str, &str); 6] = [
    ("msgid", "msg_id"),
    ("action", "action"),
    ("from", "from"),
    ("roomid", "room_id"),
    ("msgtime", "msg_time"),
    ("msgtype", "msg_type"),
];

const CAMEL: [(&str, &str); 7] = [
    ("msgid", "msgId"),
    ("action", "action"),
    ("from", "from"),
    ("tolist", "toList"),
    ("roomid", "roomId"),
    ("msgtime", "msgTime"),
    ("msgtype", "msgType"),
];

const DATABASE: [(&str, &str); 6] = [
    ("msgid", "msgid"),
    ("action", "action"),
    ("from", "msgfrom"),
    ("roomid", "roomid"),
    ("msgtime", "msgtime"),
    ("msgtype", "msgtype"),
];

const RAW: [(&str, &str); 6] = [
    ("msgid", "msgid"),
    ("from", "from"),
    ("tolist", "tolist"),
    ("roomid", "roomid"),
    ("msgtime", "msgtime"),
    ("msgtype", "msg_type"),
];

const NUMBERED: [(&str, &str); 6] = [
    ("msgid", "msgid"),
    ("from", "from"),
    ("tolist", "tolist"),
    ("roomid", "roomid"),
    ("msgtime", "msgtime"),
    ("msgtype", "msgtype"),
];

/// Every way of keeping the archive.
fn ways() -> Vec<Kept> {
    let all = [arrays(), envelopes(), rows_of_databases(), packings(), texts_only()];
    all.into_iter().flatten().collect()
}

fn of_all(make: impl Fn(&Value) -> Value) -> Vec<u8> {
    lines(archive().iter().map(make))
}

/// Messages one after the other, in arrays and pages of a server.
fn arrays() -> Vec<Kept> {
    let all = archive();
    let pretty = serde_json::to_string_pretty(&all).unwrap().into_bytes();
    let plain = lines(archive());
    vec![
        kept("V1 with CRLF, BOM and blank lines", "a.jsonl", {
            let text = String::from_utf8(plain.clone()).unwrap().replace('\n', "\r\n\r\n");
            format!("\u{feff}{text}").into_bytes()
        }),
        kept("V2 an array", "a.json", serde_json::to_vec(&all).unwrap()),
        kept("V2 a pretty array", "a.json", pretty),
        kept("V2 data", "a.json", listed("data")),
        kept("V2 messages", "a.json", listed("messages")),
        kept("V2 msg_list", "a.json", listed("msg_list")),
        kept("V2 list", "a.json", listed("list")),
        kept(
            "V2 the answer of a server",
            "a.json",
            json!({"code": 0, "data": {"list": all, "total": 19}}).to_string().into_bytes(),
        ),
        kept("V2 a dump of Navicat", "a.json", listed("RECORDS")),
        kept(
            "lines in GB18030",
            "a.jsonl",
            encoding_rs::GB18030.encode(&String::from_utf8_lossy(&plain)).0.into_owned(),
        ),
        kept(
            "V2 objects side by side",
            "a.json",
            all.iter().flat_map(|m| m.to_string().into_bytes()).collect(),
        ),
    ]
}

/// Messages in envelopes.
fn envelopes() -> Vec<Kept> {
    let all = archive();
    vec![
        kept("V4 msg", "a.jsonl", wrapped("msg")),
        kept("V4 msg in a page", "a.json",
            json!({"errcode": 0, "chatdata": all.iter().map(|m| json!({"msgid": m["msgid"], "msg": m})).collect::<Vec<_>>()}).to_string().into_bytes()),
        kept("V5 message", "a.jsonl", wrapped("message")),
        kept("V6 content", "a.json",
            json!({"messages": all.iter().map(|m| json!({"content": m})).collect::<Vec<_>>()}).to_string().into_bytes()),
        kept("V7 raw", "a.jsonl", of_all(|m| json!({"message_id": m["msgid"], "type": m["msgtype"], "from_id": m["from"],
            "to_ids": m["tolist"], "room_id": m["roomid"], "message_time": m["msgtime"], "raw": m}))),
        kept("V8 strings with null entries", "a.json",
            json!({"data": all.iter().flat_map(|m| [json!(m.to_string()), Value::Null]).collect::<Vec<_>>()}).to_string().into_bytes()),
        kept("V9 push", "a.jsonl", of_all(pushed)),
    ]
}

/// Messages taken apart into columns.
fn rows_of_databases() -> Vec<Kept> {
    vec![
        kept(
            "V10 msgdata is the payload",
            "a.jsonl",
            of_all(|m| {
                row(
                    m,
                    &DATABASE,
                    json!({"tolist": joined(m, ","), "msgdata": payload(m).1.to_string(), "created_at": "2030-01-01"}),
                )
            }),
        ),
        kept(
            "V10 msgdata is the message",
            "a.jsonl",
            of_all(|m| row(m, &DATABASE, json!({"tolist": joined(m, ","), "msgdata": m.to_string()}))),
        ),
        kept(
            "V12 ORM rows",
            "a.jsonl",
            of_all(|m| {
                row(
                    m,
                    &ORM,
                    json!({"to_list": m["tolist"].to_string(), "content_text": payload(m).1.to_string()}),
                )
            }),
        ),
        kept(
            "V13 camel case",
            "a.jsonl",
            of_all(|m| {
                let (key, value) = payload(m);
                let key = if key == "chatrecord" { "chatReCord".to_owned() } else { key };
                row(m, &CAMEL, json!({key: value}))
            }),
        ),
        kept("V14 raw_content", "a.jsonl", of_all(|m| row(m, &RAW, json!({"raw_content": payload(m).1})))),
        kept(
            "V15 content as text beside database ids",
            "a.jsonl",
            of_all(|m| {
                row(
                    m,
                    &NUMBERED,
                    json!({"action": 0, "from_id": 3, "room_id": 0, "content": payload(m).1.to_string()}),
                )
            }),
        ),
        kept(
            "V16 content objects",
            "a.jsonl",
            of_all(|m| row(m, &NUMBERED, json!({"content": payload(m).1}))),
        ),
        kept(
            "V19 retyped with nulls",
            "a.jsonl",
            of_all(|m| {
                let (key, value) = payload(m);
                let mut row = row(m, &OFFICIAL, json!({"calendar": null, "vote": null}));
                row[key.as_str()] = value;
                row
            }),
        ),
    ]
}

/// Messages in files of other kinds.
fn packings() -> Vec<Kept> {
    let all = archive();
    let plain = lines(archive());
    vec![
        kept("V20 gzip", "dt=1/message_ww1.jsonl.gz", gzip(&plain)),
        kept("V20 zstd", "dt=1/a.zst", zstd::encode_all(&plain[..], 3).unwrap()),
        kept("a database dump as CSV", "a.csv", csv(&table(DUMP, &all, false), b',').into_bytes()),
        kept(
            "a database dump as a workbook",
            "a.xlsx",
            kit::workbook(&[("messages", table(DUMP, &all, false))]),
        ),
        kept("Parquet", "a.parquet", parquet()),
        kept("Arrow IPC", "a.arrow", arrow_file()),
        kept("a pipe of UTF-16", "a.jsonl", utf16(&String::from_utf8(plain).unwrap())),
        kept("canonical messages", "a.jsonl", canonical()),
        kept(
            "mixed shapes in one file",
            "a.jsonl",
            lines(all.iter().zip(0..).map(|(m, n)| match n % 4 {
                0 => m.clone(),
                1 => json!({"msg": m}),
                2 => json!(m.to_string()),
                _ => pushed(m),
            })),
        ),
    ]
}

/// Ways that lose everything but texts.
fn texts_only() -> Vec<Kept> {
    let texts = without("all but text");
    let [list, split_texts] = split(&texts);
    let export = csv(&table(EXPORT, &texts, true), b',');
    let only_text = |name, file, bytes| Kept { lost: "all but text", ..kept(name, file, bytes) };
    vec![
        only_text("V17 data zone", "a.jsonl", lines(texts.iter().map(in_zone))),
        only_text("V18 export", "a.csv", export.clone().into_bytes()),
        only_text("V18 export in GB18030", "a.csv", encoding_rs::GB18030.encode(&export).0.into_owned()),
        only_text("V18 export in UTF-16", "a.csv", utf16(&export)),
        only_text("V18 export with BOM, packed", "a.csv.gz", gzip(format!("\u{feff}{export}").as_bytes())),
        only_text(
            "V18 export as a workbook",
            "a.xlsx",
            kit::workbook(&[("聊天", table(EXPORT, &texts, true))]),
        ),
        only_text(
            "V11 two sheets",
            "a.xlsx",
            kit::workbook(&[("list", list.clone()), ("text", split_texts.clone())]),
        ),
        Kept {
            name: "V11 two files",
            files: vec![
                ("list.csv", csv(&list, b';').into_bytes()),
                ("text.csv", csv(&split_texts, b'\t').into_bytes()),
            ],
            lost: "all but text",
        },
    ]
}

/// The archive as this program itself writes it out.
fn canonical() -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("a.jsonl"), lines(archive())).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(["inspect", "a.jsonl", "--to", "jsonl"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Runs the program and returns every table with decisions, by path.
fn tables(files: &[(&str, Vec<u8>)], name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let place = tempfile::tempdir().unwrap();
    for (file, bytes) in files {
        let path = place.path().join("archive").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(["run", "archive", "--out", "out", "--mentions", "--lang", "en", "--log", "text"])
        .current_dir(place.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&said));
    let mut found = BTreeMap::new();
    collect(&place.path().join("out/data"), &place.path().join("out/data"), &mut found);
    found
}

fn collect(root: &Path, at: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if path.is_dir() {
            collect(root, &path, found);
        } else if name.extension().is_some_and(|kind| kind == "parquet")
            && !name.starts_with("runs")
            && !name.starts_with("quarantine")
        {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
}

#[test]
fn case_52_53_54_55_every_way_of_keeping_an_archive_gives_the_same_tables_row_for_row() {
    let mut expected = BTreeMap::new();
    for way in ways() {
        let official = expected
            .entry(way.lost)
            .or_insert_with(|| tables(&[("a.jsonl", lines(without(way.lost)))], "V1"));
        assert!(official.len() > 3, "the archive makes tags, alerts and kicks: {:?}", official.keys());
        let seen = tables(&way.files, way.name);
        let differ: Vec<_> = official
            .iter()
            .filter(|(path, bytes)| seen.get(*path) != Some(bytes))
            .map(|(path, _)| path)
            .collect();
        assert!(differ.is_empty() && seen.len() == official.len(), "{}: {differ:?}", way.name);
    }
}
