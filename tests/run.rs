//! A whole run, from files to committed tables, as its operator sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const OTHER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02";
const ROOM: &str = "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09";

/// 2026-03-02 10:00 in Shanghai, a Monday.
const START: i64 = 1_772_416_800_000;
const MINUTE: i64 = 60_000;

/// Runs the program in `directory`.
fn chattag(directory: &Path, arguments: &[&str]) -> Output {
    chattag_fed(directory, arguments, b"")
}

fn chattag_fed(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(arguments)
        .args(["--lang", "en"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs `chattag run … --json` and returns the report; panics unless the exit code is `code`.
fn run(directory: &Path, arguments: &[&str], code: i32) -> Value {
    let mut all = vec!["run", "--json"];
    all.extend_from_slice(arguments);
    let output = chattag(directory, &all);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

fn text(n: u32, at: i64, from: &str, to: &str, room: &str, content: &str) -> Value {
    json!({"msgid": format!("{n}_{at}_external"), "action": "send", "from": from, "tolist": [to], "roomid": room,
           "msgtime": at, "msgtype": "text", "text": {"content": content}})
}

/// A day of talk in which several rules fire.
fn day() -> Vec<Value> {
    let mut messages = Vec::new();
    let mut say = |n: u32, minutes: i64, from: &str, to: &str, room: &str, content: &str| {
        messages.push(text(n, START + minutes * MINUTE, from, to, room, content));
    };
    say(1, 0, CUSTOMER, "lihua", "", "这个课程多少钱");
    say(2, 1, "lihua", CUSTOMER, "", "您好，现在 1999");
    say(3, 60, CUSTOMER, "lihua", "", "性价比怎么样");
    say(4, 120, OTHER, "lihua", "", "我要投诉");
    say(5, 121, OTHER, "lihua", "", "质量太差");
    say(6, 122, OTHER, "lihua", "", "你们态度差");
    say(7, 200, OTHER, "lihua", ROOM, "兼职刷单日结，加微信");
    say(8, 210, CUSTOMER, "lihua", ROOM, "今天天气不错");
    messages
}

fn jsonl(messages: &[Value]) -> Vec<u8> {
    messages.iter().flat_map(|message| format!("{message}\n").into_bytes()).collect()
}

/// A directory with `name → bytes` files in it.
fn directory(files: &[(&str, Vec<u8>)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    directory
}

/// Every table file below `out/data` with its bytes, by path without the commit's content hash.
fn tables(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![out.join("data")];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                found.insert(path.strip_prefix(out).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The tables that hold decisions; `runs` and `quarantine` name the input files.
fn decisions(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_decision = |path: &Path| !path.starts_with("data/runs") && !path.starts_with("data/quarantine");
    tables(out).into_iter().filter(|(path, _)| is_decision(path)).collect()
}

fn count(report: &Value, name: &str) -> u64 {
    report["tally"][name].as_u64().unwrap()
}

fn reason(report: &Value, name: &str) -> u64 {
    report["tally"]["reasons"][name].as_u64().unwrap_or(0)
}

fn names(report: &Value, what: &str) -> BTreeSet<String> {
    report[what].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_day_of_talk_becomes_tags_an_alert_and_a_kick() {
    let place = directory(&[("a.jsonl", jsonl(&day()))]);
    let report = run(place.path(), &["a.jsonl", "--out", "out"], 0);
    assert_eq!((count(&report, "read"), count(&report, "processed")), (8, 8));
    assert!(names(&report, "tags").iter().any(|tag| tag.ends_with("价格敏感型")), "{report}");
    assert!(names(&report, "tags").iter().any(|tag| tag.ends_with("高关怀需求")), "{report}");
    assert!(names(&report, "alerts").contains("高关怀需求"), "{report}");
    assert!(names(&report, "kicks").contains("kick"), "{report}");
    for table in ["tag_events", "current_tags", "kick_decisions", "alerts", "quarantine", "runs"] {
        assert!(place.path().join("out/current").join(table).is_dir(), "{table}");
    }
}

/// Semantic 42.
#[test]
fn the_same_input_gives_the_same_bytes_whatever_threads_memory_and_names() {
    let messages: Vec<Value> = (0..40).flat_map(|copy| shifted(&day(), copy)).collect();
    let (first, second) = messages.split_at(130);
    let place = directory(&[
        ("one/a.jsonl", jsonl(first)),
        ("one/b.jsonl", jsonl(second)),
        ("two/dt=1/x.jsonl", jsonl(second)),
        ("two/dt=2/y.jsonl", jsonl(first)),
    ]);
    run(place.path(), &["one", "--out", "out1", "--jobs", "1"], 0);
    run(place.path(), &["one", "--out", "out2", "--jobs", "4"], 0);
    run(place.path(), &["one", "--out", "out3", "--memory", "1"], 0);
    run(place.path(), &["two", "--out", "out4"], 0);
    let expected = tables(&place.path().join("out1"));
    assert!(!expected.is_empty());
    assert_eq!(expected, tables(&place.path().join("out2")), "threads");
    assert_eq!(expected, tables(&place.path().join("out3")), "memory");
    assert_eq!(decisions(&place.path().join("out1")), decisions(&place.path().join("out4")), "file order");
}

/// The messages with ids and people of their own, so that copies do not meet.
fn shifted(messages: &[Value], copy: u32) -> Vec<Value> {
    let rename = |text: &str| text.replace("EXAMPLEAA", &format!("EXAMPL{copy:03}"));
    messages
        .iter()
        .map(|message| {
            let mut message: Value = serde_json::from_str(&rename(&message.to_string())).unwrap();
            message["msgid"] = format!("{copy}x{}", message["msgid"].as_str().unwrap()).into();
            message
        })
        .collect()
}

#[test]
fn compressed_wrapped_and_piped_input_decides_the_same() {
    let plain = jsonl(&day());
    let array = serde_json::to_vec(&day()).unwrap();
    let page = json!({"errcode": 0, "chatdata": day().into_iter().enumerate().map(|(seq, message)|
        json!({"seq": seq, "msgid": message["msgid"], "publickey_ver": 1, "msg": message})).collect::<Vec<_>>()});
    let place = directory(&[
        ("plain.jsonl", plain.clone()),
        ("array.json", array),
        ("page.json", page.to_string().into_bytes()),
        ("named-wrong.jsonl", gzip(&plain)),
        ("packed.bin", zstd::encode_all(&plain[..], 3).unwrap()),
    ]);
    run(place.path(), &["plain.jsonl", "--out", "plain"], 0);
    let expected = decisions(&place.path().join("plain"));
    for name in ["array.json", "page.json", "named-wrong.jsonl", "packed.bin"] {
        let out = format!("out-{name}");
        run(place.path(), &[name, "--out", &out], 0);
        assert_eq!(decisions(&place.path().join(&out)), expected, "{name}");
    }
    let output = chattag_fed(place.path(), &["run", "-", "--out", "piped", "--quiet"], &plain);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(decisions(&place.path().join("piped")), expected, "standard input");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn overlapping_files_count_each_message_once() {
    let mut changed = day();
    changed[7]["text"]["content"] = "今天下雨".into();
    let place = directory(&[("a.jsonl", jsonl(&day())), ("b.jsonl", jsonl(&changed))]);
    let report = run(place.path(), &["a.jsonl", "b.jsonl", "--out", "both"], 0);
    assert_eq!(
        (count(&report, "read"), count(&report, "processed"), count(&report, "duplicate")),
        (16, 8, 8)
    );
    assert!(report["segmented"].is_u64(), "{report}");
    assert_eq!(report["conflicting_duplicates"], 1);
    run(place.path(), &["a.jsonl", "--out", "one"], 0);
    assert_eq!(decisions(&place.path().join("both")), decisions(&place.path().join("one")));
}

fn recall(n: u32, at: i64, target: &Value) -> Value {
    json!({"msgid": format!("{n}_{at}_external"), "action": "recall", "from": OTHER, "tolist": ["lihua"], "roomid": "",
           "msgtime": at, "msgtype": "revoke", "revoke": {"pre_msgid": target["msgid"]}})
}

/// X9.
#[test]
fn a_recalled_complaint_does_not_count_in_whatever_file_the_recall_stands() {
    let messages = day();
    let recalled = recall(20, START + 121 * MINUTE + 30_000, &messages[4]);
    let late = recall(21, START + 300 * MINUTE, &messages[5]);
    let unknown = recall(22, START + 1, &json!({"msgid": "nobody_1"}));
    for (name, before) in [("before", true), ("after", false)] {
        let (a, b) = (jsonl(&messages), jsonl(&[recalled.clone(), unknown.clone()]));
        let (first, second) = if before { (b, a) } else { (a, b) };
        let place = directory(&[("a.jsonl", first), ("b.jsonl", second)]);
        let report = run(place.path(), &[".", "--out", "out"], 0);
        assert!(!names(&report, "alerts").contains("高关怀需求"), "{name}: {report}");
        assert_eq!((reason(&report, "control.recall"), report["unknown_recalls"].as_u64()), (2, Some(1)));
    }
    let place = directory(&[("a.jsonl", jsonl(&messages)), ("b.jsonl", jsonl(&[late]))]);
    let report = run(place.path(), &[".", "--out", "out"], 0);
    assert!(
        names(&report, "alerts").contains("高关怀需求"),
        "a recall after the alert takes nothing back: {report}"
    );
}

#[test]
fn every_record_is_counted_once_and_the_counts_add_up() {
    let mut bytes = jsonl(&day());
    bytes.extend_from_slice(b"{\"msgid\":\"cut\n\n   \n{\"msgid\":\"s1\",\"action\":\"switch\",\"time\":1772416800000,\"user\":\"lihua\"}\n");
    bytes.extend_from_slice(format!("{}\n", json!({"seq": 1, "msgid": "e1", "publickey_ver": 3, "encrypt_random_key": "QUJD", "encrypt_chat_msg": "QUJD"})).as_bytes());
    bytes.extend_from_slice(format!("{}\n", json!({"msgid": "c1_1772416800000", "action": "send", "from": CUSTOMER, "tolist": ["lihua"], "msgtime": 0, "msgtype": "text"})).as_bytes());
    let place = directory(&[("a.jsonl", bytes)]);
    let report = run(place.path(), &["a.jsonl", "--out", "out"], 1);
    let parts = ["processed", "duplicate", "control", "skipped", "quarantined"];
    let sum: u64 = parts.iter().map(|part| count(&report, part)).sum();
    assert_eq!((count(&report, "read"), sum), (12, 12), "{report}");
    assert_eq!(
        (reason(&report, "control.switch"), reason(&report, "control.empty_payload")),
        (1, 1),
        "{report}"
    );
    assert_eq!((reason(&report, "skipped.encrypted"), count(&report, "quarantined")), (1, 1), "{report}");
    assert_eq!(report["tally"]["notes"]["encrypted.key_version_3"], 1);
    let relaxed = run(place.path(), &["a.jsonl", "--out", "again", "--max-quarantine", "50%"], 1);
    assert_eq!(count(&relaxed, "skipped"), 1, "encrypted records alone still give exit code 1");
}

#[test]
fn a_second_run_over_the_same_files_changes_nothing() {
    let place = directory(&[("a.jsonl", jsonl(&day()))]);
    run(place.path(), &["a.jsonl", "--out", "out"], 0);
    let before = tables(&place.path().join("out"));
    fs::rename(place.path().join("a.jsonl"), place.path().join("renamed.jsonl")).unwrap();
    let report = run(place.path(), &["renamed.jsonl", "--out", "out"], 0);
    assert_eq!(report["commit"], Value::Null);
    assert_eq!(tables(&place.path().join("out")), before);
}

#[test]
fn bad_arguments_say_what_to_do_and_write_nothing() {
    let place = directory(&[("a.jsonl", jsonl(&day())), ("broken/pack.toml", b"name = ".to_vec())]);
    let cases: &[(&[&str], &str)] = &[
        (&["run", "missing.jsonl", "--out", "out"], "missing.jsonl"),
        (&["run", "none-*.jsonl", "--out", "out"], "none-*.jsonl"),
        (&["run", "a.jsonl", "--out", "out", "--as-of", "tomorrow"], "2026-02-01 00:00"),
        (&["run", "a.jsonl", "--out", "out", "--max-quarantine", "2"], "`1%` or `0.01`"),
        (&["run", "a.jsonl", "--out", "out", "--memory", "lots"], "K, M or G"),
        (&["run", "a.jsonl", "--out", "out", "--dict", "broken"], "pack.toml"),
        (&["run", "a.jsonl", "--out", "out", "--dict", "nowhere"], "nowhere"),
        (&["run", "a.jsonl", "--out", "out", "--pack", "fishing"], "fishing"),
        (&["run", "a.jsonl", "--out", "out", "--roster", "nobody.csv"], "nobody.csv"),
        (&["run", "a.jsonl"], "--out"),
    ];
    for (arguments, expected) in cases {
        let output = chattag(place.path(), arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked") && !errors.contains("RUST_BACKTRACE"), "{errors}");
        assert!(!place.path().join("out").exists(), "{arguments:?} wrote something");
    }
}

#[test]
fn message_text_reaches_no_log_and_no_table_when_not_wanted() {
    let secret = "投诉电话13812345678打不通我要投诉";
    let message = text(1, START, CUSTOMER, "lihua", "", secret);
    let damaged = format!("{{\"msgid\":\"x\",\"text\":\"{secret}\n");
    let place = directory(&[("a.jsonl", [jsonl(&[message]), damaged.into_bytes()].concat())]);
    let arguments =
        ["run", "a.jsonl", "--out", "out", "--no-text", "--mentions", "--keep-raw", "--log", "json"];
    let output = chattag(place.path(), &arguments);
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains("13812345678"));
    }
    for (path, bytes) in tables(&place.path().join("out")) {
        let found = bytes.windows("13812345678".len()).any(|window| window == b"13812345678");
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn case_50_51_messages_after_disagree_are_dropped_in_that_conversation_when_asked() {
    let mut messages = day();
    let refuse = |n: u32, minutes: i64, kind: &str| {
        let at = START + minutes * MINUTE;
        json!({"msgid": format!("{n}_{at}_external"), "action": "send", "from": OTHER, "tolist": ["lihua"], "roomid": "",
               "msgtime": at, "msgtype": kind, kind: {"userid": OTHER, "agree_time": at, "disagree_time": at}})
    };
    messages.push(refuse(30, 119, "disagree"));
    let place = directory(&[("a.jsonl", jsonl(&messages))]);
    let kept = run(place.path(), &["a.jsonl", "--out", "kept"], 0);
    assert!(names(&kept, "alerts").contains("高关怀需求"));
    let dropped = run(place.path(), &["a.jsonl", "--out", "dropped", "--respect-disagree"], 0);
    assert!(!names(&dropped, "alerts").contains("高关怀需求"), "{dropped}");
    assert!(names(&dropped, "kicks").contains("kick"), "the group is another conversation: {dropped}");
    messages.push(refuse(31, 119, "agree"));
    let place = directory(&[("a.jsonl", jsonl(&messages))]);
    let again = run(place.path(), &["a.jsonl", "--out", "again", "--respect-disagree"], 0);
    assert!(names(&again, "alerts").contains("高关怀需求"), "consent given again: {again}");
}

#[test]
fn messages_at_or_after_as_of_wait() {
    let place = directory(&[("a.jsonl", jsonl(&day()))]);
    let report = run(place.path(), &["a.jsonl", "--out", "out", "--as-of", "2026-03-02 12:00"], 0);
    assert_eq!((count(&report, "processed"), reason(&report, "skipped.after_as_of")), (3, 5), "{report}");
    assert!(names(&report, "alerts").is_empty(), "{report}");
}

#[test]
fn a_second_writer_is_refused_with_exit_code_75() {
    let place = directory(&[("a.jsonl", jsonl(&day()))]);
    let mut holder = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(["run", "-", "--out", "out", "--quiet"])
        .current_dir(place.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    while !place.path().join("out/LOCK").exists()
        || fs::read(place.path().join("out/LOCK")).unwrap().is_empty()
    {
        std::thread::yield_now();
    }
    let output = chattag(place.path(), &["run", "a.jsonl", "--out", "out"]);
    assert_eq!(output.status.code(), Some(75), "{}", String::from_utf8_lossy(&output.stderr));
    drop(holder.stdin.take());
    holder.wait().unwrap();
}
