//! What real folders of archives hold: damage, strangers, overlaps, disorder. One clear line for each, the rest goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const OTHER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02";

/// 2026-03-02 10:00 in Shanghai.
const START: i64 = 1_772_416_800_000;
const MINUTE: i64 = 60_000;

fn chattag(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
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

fn json_of(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

fn inspect(directory: &Path, arguments: &[&str]) -> Value {
    json_of(&chattag(directory, &[&["inspect", "--json"], arguments].concat(), b""))
}

fn run(directory: &Path, arguments: &[&str]) -> Value {
    json_of(&chattag(directory, &[&["run", "--json"], arguments].concat(), b""))
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn text(n: u32, minutes: i64, from: &str, to: &str, content: &str) -> Value {
    let at = START + minutes * MINUTE;
    json!({"msgid": format!("{n}_{at}_external"), "action": "send", "from": from, "tolist": [to], "roomid": "",
        "msgtime": at, "msgtype": "text", "text": {"content": content}})
}

fn lines(messages: &[Value]) -> Vec<u8> {
    messages.iter().flat_map(|message| format!("{message}\n").into_bytes()).collect()
}

/// Complaints in which the care alert fires.
fn complaints() -> Vec<Value> {
    let mut all = vec![
        text(1, 0, CUSTOMER, "lihua", "这个课程多少钱"),
        text(2, 1, "lihua", CUSTOMER, "您好，现在 1999"),
    ];
    for (n, words) in ["我要投诉", "质量太差", "你们态度差"].into_iter().enumerate() {
        all.push(text(10 + n as u32, 120 + n as i64, OTHER, "lihua", words));
    }
    all
}

/// Every table with decisions, by path.
fn decisions(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (root, mut waiting, mut found) = (out.join("data"), vec![out.join("data")], BTreeMap::new());
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_owned();
            if path.is_dir() {
                waiting.push(path);
            } else if name.extension().is_some_and(|kind| kind == "parquet")
                && !name.starts_with("runs")
                && !name.starts_with("quarantine")
            {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Whether customers were found to be in need of care, which takes three complaints.
fn needs_care(report: &Value) -> bool {
    report["alerts"].as_array().unwrap().iter().any(|alert| alert["name"] == "高关怀需求")
}

/// X7.
#[test]
fn case_39_the_time_of_messages_orders_them_and_not_their_numbers() {
    let numbered = |order: &dyn Fn(u64) -> u64| {
        let messages = complaints().into_iter().zip(1..);
        let messages: Vec<Value> = messages
            .map(|(mut message, n)| {
                message["seq"] = order(n).into();
                message
            })
            .collect();
        let place = folder(&[("a.jsonl", lines(&messages))]);
        let report = run(place.path(), &["a.jsonl", "--out", "out"]);
        (report["tags"].clone(), report["alerts"].clone())
    };
    assert_eq!(numbered(&|n| n), numbered(&|n| 100 - n));
}

#[test]
fn case_40_a_call_that_is_archived_when_it_ends_counts_at_its_beginning() {
    let call = json!({"msgid": format!("50_{}_external", START + 200 * MINUTE), "action": "send", "from": OTHER, "tolist": ["lihua"],
        "msgtime": START + 119 * MINUTE, "msgtype": "meeting_voice_call", "voiceid": "v", "meeting_voice_call": {"endtime": 1}});
    let sorted = [&complaints()[..2], std::slice::from_ref(&call), &complaints()[2..]].concat();
    let late = [complaints(), vec![call]].concat();
    let place = folder(&[("sorted.jsonl", lines(&sorted)), ("late.jsonl", lines(&late))]);
    run(place.path(), &["sorted.jsonl", "--out", "one"]);
    run(place.path(), &["late.jsonl", "--out", "two"]);
    assert_eq!(decisions(&place.path().join("one")), decisions(&place.path().join("two")));
}

#[test]
fn case_41_equal_times_are_ordered_by_number_and_id_whatever_threads_and_files() {
    let mut messages = complaints();
    for (message, n) in messages.iter_mut().zip(1_u64..) {
        message["msgtime"] = START.into();
        message["seq"] = n.into();
    }
    let mut turned = messages.clone();
    turned.reverse();
    let (first, second) = turned.split_at(2);
    let place = folder(&[
        ("one/a.jsonl", lines(&messages)),
        ("two/a.jsonl", lines(first)),
        ("two/b.jsonl", lines(second)),
    ]);
    run(place.path(), &["one", "--out", "one-out", "--jobs", "1"]);
    run(place.path(), &["two", "--out", "two-out", "--jobs", "4"]);
    assert_eq!(decisions(&place.path().join("one-out")), decisions(&place.path().join("two-out")));
}

#[test]
fn case_43_overlapping_nights_are_their_union_once() {
    let all = complaints();
    let place = folder(&[
        ("nights/a.jsonl", lines(&all[..4])),
        ("nights/b.jsonl", lines(&all[2..])),
        ("union/a.jsonl", lines(&all)),
    ]);
    let nights = run(place.path(), &["nights", "--out", "nights-out"]);
    run(place.path(), &["union", "--out", "union-out"]);
    assert_eq!(nights["tally"]["duplicate"], 2);
    assert_eq!(decisions(&place.path().join("nights-out")), decisions(&place.path().join("union-out")));
}

#[test]
fn case_45_and_48_a_message_recalled_by_somebody_else_counts_for_nothing() {
    let target = complaints()[3]["msgid"].clone();
    let at = START + 121 * MINUTE + 30_000;
    let recall = json!({"msgid": format!("60_{at}_external"), "action": "recall", "from": "lihua", "tolist": [OTHER], "roomid": "",
        "msgtime": at, "msgtype": "revoke", "revoke": {"pre_msgid": target}});
    let place = folder(&[
        ("a.jsonl", lines(&complaints())),
        ("b.jsonl", lines(&[complaints(), vec![recall]].concat())),
    ]);
    assert!(needs_care(&run(place.path(), &["a.jsonl", "--out", "one"])));
    assert!(!needs_care(&run(place.path(), &["b.jsonl", "--out", "two"])), "two complaints are left");
    let counted = run(place.path(), &["b.jsonl", "--out", "three", "--count-recalled"]);
    assert!(needs_care(&counted), "taken back or not, it was said");
}

#[test]
fn case_58_plaintext_and_envelopes_may_stand_in_one_file() {
    let envelope = json!({"seq": 9, "msgid": "e", "publickey_ver": 3, "encrypt_random_key": "x", "encrypt_chat_msg": "y"});
    let mixed = [complaints(), vec![envelope]].concat();
    let place = folder(&[("a.jsonl", lines(&mixed))]);
    let seen = inspect(place.path(), &["a.jsonl"]);
    assert_eq!((&seen["total"]["messages"], &seen["total"]["encrypted"]), (&json!(5), &json!(1)));
    assert_eq!(seen["total"]["key_versions"], json!({"3": 1}));
}

#[test]
fn case_74_78_encrypted_records_flow_through_the_command_of_the_user_and_reach_no_log() {
    let command = format!("python3 {}/tests/python/fake_decryptor.py echo", env!("CARGO_MANIFEST_DIR"));
    let envelope = |(message, seq): (Value, u64)| json!({"seq": seq, "msgid": message["msgid"], "publickey_ver": 1, "encrypt_random_key": "eA==", "encrypt_chat_msg": message.to_string()});
    let pages: Vec<Value> = complaints().into_iter().zip(1..).map(envelope).collect();
    let broken = json!({"seq": 99, "msgid": "b", "publickey_ver": 1, "encrypt_random_key": "eA==", "encrypt_chat_msg": "机密电话13812345678"});
    let all = [pages, vec![broken]].concat();
    let page = json!({"errcode": 0, "chatdata": all});
    let place = folder(&[("a.jsonl", lines(&[page])), ("plain.jsonl", lines(&complaints()))]);
    let closed = chattag(place.path(), &["run", "a.jsonl", "--out", "closed"], b"");
    assert_eq!(closed.status.code(), Some(1), "without a decryptor");
    let output = chattag(
        place.path(),
        &[
            "run",
            "a.jsonl",
            "--out",
            "open",
            "--decryptor",
            &command,
            "--max-quarantine",
            "50%",
            "--log",
            "json",
        ],
        b"",
    );
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains("13812345678"));
    }
    run(place.path(), &["plain.jsonl", "--out", "plain"]);
    let names = |out: &str| {
        decisions(&place.path().join(out)).into_keys().filter(|p| p.starts_with("alerts")).count()
    };
    assert_eq!(names("open"), names("plain"));
    let report = inspect(place.path(), &["a.jsonl", "--decryptor", &command]);
    assert_eq!((&report["total"]["messages"], &report["total"]["unreadable"]), (&json!(5), &json!(1)));
}

#[test]
fn case_80_a_hot_customer_is_counted_like_any_other() {
    let messages: Vec<Value> = (0..20_000_u32)
        .map(|n| {
            let customer = if n % 10 < 3 { CUSTOMER.to_owned() } else { format!("wmEXAMPLE{n:023}") };
            text(n, i64::from(n), &customer, "lihua", "这个多少钱")
        })
        .collect();
    let place = folder(&[("a.jsonl", lines(&messages))]);
    let report = run(place.path(), &["a.jsonl", "--out", "one", "--jobs", "1"]);
    assert_eq!(report["tally"]["processed"], 20_000);
    run(place.path(), &["a.jsonl", "--out", "four", "--jobs", "4"]);
    assert_eq!(decisions(&place.path().join("one")), decisions(&place.path().join("four")));
}

#[test]
fn a_folder_of_strangers_gives_one_line_for_each_and_the_rest_is_read() {
    let good = lines(&complaints());
    let packed = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let cut = packed(&lines(&(0..2_000).map(|n| text(n, 0, CUSTOMER, "lihua", "在吗")).collect::<Vec<_>>()));
    let place = folder(&[
        ("in/a.jsonl", good.clone()),
        ("in/cut.jsonl.gz", cut[..cut.len() / 2].to_vec()),
        ("in/picture.jsonl", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\n{\"".to_vec()),
        ("in/letter.txt", "亲爱的同事：\n存档在附件里。\n".into()),
        ("in/empty.jsonl", Vec::new()),
        ("in/directory.jsonl/b.jsonl", lines(&[text(90, 5, CUSTOMER, "lihua", "好的")])),
        ("in/book.xlsx", b"PK\x03\x04 and nothing".to_vec()),
    ]);
    let inside = place.path().join("in");
    std::os::unix::fs::symlink(&inside, inside.join("loop")).unwrap();
    std::os::unix::fs::symlink("/no/such/file", inside.join("dangling.jsonl")).unwrap();
    std::os::unix::fs::symlink("a.jsonl", inside.join("again.jsonl")).unwrap();
    let seen = inspect(place.path(), &["in"]);
    let faults = seen["total"]["faults"].as_object().unwrap();
    assert_eq!(
        faults.iter().map(|(code, n)| format!("{code} {n}")).collect::<Vec<_>>(),
        ["file.damaged 1", "format.unknown 2", "table.damaged 1"]
    );
    let skipped: Vec<String> = seen["skipped_files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one[0].as_str().unwrap(), one[1].as_str().unwrap()))
        .collect();
    assert_eq!(
        skipped,
        ["in/dangling.jsonl unreadable", "in/loop unreadable"],
        "links in a circle and to nowhere"
    );
    assert!(seen["total"]["messages"].as_u64().unwrap() > 6, "what stands before the damage is read: {seen}");
    let report = run(place.path(), &["in", "--out", "out", "--max-quarantine", "50%"]);
    assert_eq!(report["tally"]["quarantined"], 4);
}

#[test]
fn an_unreadable_file_is_one_line_and_the_rest_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = folder(&[("in/a.jsonl", lines(&complaints())), ("in/b.jsonl", lines(&complaints()))]);
    let closed = place.path().join("in/b.jsonl");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let output = as_nobody(place.path())
        .args(["inspect", "in", "--json", "--lang", "en"])
        .current_dir(place.path())
        .output()
        .unwrap();
    let seen = json_of(&output);
    assert_eq!(seen["total"]["faults"], json!({"file.unreadable": 1}));
    assert_eq!(seen["total"]["messages"], 5);
    for out in ["out", "streamed"] {
        fs::create_dir(place.path().join(out)).unwrap();
        fs::set_permissions(place.path().join(out), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let ends = |arguments: &[&str]| {
        let mut command = as_nobody(place.path());
        let output =
            command.args(arguments).args(["--lang", "en"]).current_dir(place.path()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = ends(&["run", "in", "--out", "out", "--max-quarantine", "50%"]);
    assert!(code == Some(1) && said.contains("1 files cannot be read"), "a run goes on and says so: {said}");
    let (code, said) = ends(&["stream", "in", "--once", "--out", "streamed"]);
    assert!(
        code == Some(2) && said.contains("cannot read `in/b.jsonl`"),
        "a stream stops and says so: {said}"
    );
}

/// Starts the program as somebody who may not read everything: the superuser hands over to nobody, and a copy
/// of the program, for nobody may not look into the builder's directories.
fn as_nobody(place: &Path) -> Command {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if fs::File::open(place.join("in/b.jsonl")).is_err() {
        return Command::new(env!("CARGO_BIN_EXE_chattag"));
    }
    let program = place.join("chattag");
    fs::copy(env!("CARGO_BIN_EXE_chattag"), &program).unwrap();
    for open in [place, &place.join("in"), &program] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program);
    command.uid(NOBODY).gid(NOBODY);
    command
}

#[test]
fn case_15_a_call_is_one_interaction_however_many_have_a_copy_of_it() {
    let call = |n: u32, minutes: i64, from: &str, to: &str, room: &str| {
        let at = START + minutes * MINUTE;
        json!({"msgid": format!("{n}_{at}_external"), "action": "send", "from": from, "tolist": [to], "roomid": room,
            "msgtime": at, "msgtype": "voiptext", "info": {"callduration": 35, "invitetype": 2}})
    };
    let place = folder(&[(
        "a.jsonl",
        lines(&[
            call(1, 0, CUSTOMER, "lihua", ""),
            call(2, 0, "lihua", CUSTOMER, ""),
            call(3, 0, OTHER, "lihua", ""),
            call(4, 1, CUSTOMER, "lihua", ""),
            call(5, 2, CUSTOMER, "lihua", "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA01"),
            call(6, 2, OTHER, "lihua", "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA01"),
        ]),
    )]);
    let report = run(place.path(), &["a.jsonl", "--out", "out"]);
    assert_eq!((&report["tally"]["processed"], &report["tally"]["duplicate"]), (&json!(4), &json!(2)));
    assert_eq!(report["conflicting_duplicates"], 0);
}

#[test]
fn case_68_long_lines_are_read_up_to_the_limit_and_memory_stays_bounded_beyond() {
    let long = |bytes: usize| text(70, 0, CUSTOMER, "lihua", &"长".repeat(bytes / 3));
    let place = folder(&[(
        "a.jsonl",
        lines(&[long(15 << 20), long(64 << 20), text(71, 1, CUSTOMER, "lihua", "好的")]),
    )]);
    let packed = zstd::encode_all(&fs::read(place.path().join("a.jsonl")).unwrap()[..], 1).unwrap();
    fs::write(place.path().join("b.jsonl.zst"), packed).unwrap();
    for name in ["a.jsonl", "b.jsonl.zst"] {
        let seen = inspect(place.path(), &[name]);
        assert_eq!(seen["total"]["faults"], json!({"record.too_long": 1}), "{name}");
        assert_eq!(seen["total"]["messages"], 2, "{name}");
    }
    let small = inspect(place.path(), &["a.jsonl", "--max-record", "1M"]);
    assert_eq!(small["total"]["faults"], json!({"record.too_long": 2}));
}

#[test]
fn a_bomb_without_line_feeds_is_one_line_and_takes_no_memory() {
    let member = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let bomb = [member(b"{\"msgid\":\""), member(&vec![b'x'; 1 << 20]).repeat(300)].concat();
    let place = folder(&[("bomb.jsonl.gz", bomb), ("a.jsonl", lines(&complaints()))]);
    // Fewer addresses than the bomb has bytes, threads and libraries included.
    let limited =
        format!("ulimit -v 290000; exec {} inspect --json --jobs 1 .", env!("CARGO_BIN_EXE_chattag"));
    let output = Command::new("sh").args(["-c", &limited]).current_dir(place.path()).output().unwrap();
    let seen = json_of(&output);
    assert_eq!(seen["total"]["faults"], json!({"record.too_long": 1}));
    assert_eq!(seen["total"]["messages"], 5);
}

#[test]
fn inspect_says_what_is_there_what_is_missing_and_what_to_run() {
    let talk = "谁,何时,说了什么\nlihua,2031-05-06 07:08:09,好的\n";
    let twice = [complaints(), complaints()].concat();
    let outsiders = text(95, 0, CUSTOMER, OTHER, "好的");
    let place = folder(&[
        ("in/a.jsonl", lines(&[twice, vec![outsiders]].concat())),
        ("in/export.csv", talk.into()),
        (
            "in/e.jsonl",
            lines(&[
                json!({"seq": 9, "msgid": "e", "publickey_ver": 3, "encrypt_random_key": "x", "encrypt_chat_msg": "y"}),
            ]),
        ),
    ]);
    let seen = inspect(place.path(), &["in"]);
    let codes: Vec<&str> =
        seen["advice"].as_array().unwrap().iter().map(|advice| advice["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        ["encrypted", "columns_unknown", "many_unreadable", "staff_unknown", "roster_missing", "strangers"]
    );
    assert_eq!((&seen["duplicates"], &seen["conflicting_duplicates"]), (&json!(5), &json!(0)));
    assert_eq!(seen["speakers"], json!({"customer": 2, "staff": 1}));
    assert_eq!(seen["total"]["span"], json!(["2026-03-02 10:00:00", "2026-03-02 12:02:00"]));
    assert_eq!(seen["total"]["variants"], json!({"official": 10}));
    let command = seen["command"].as_str().unwrap();
    for piece in [
        "chattag run in --out out",
        "--roster roster.csv",
        "--columns columns.txt",
        "--private-key 3=key-3.pem",
        "--decryptor",
    ] {
        assert!(command.contains(piece), "{command}");
    }
    let output = chattag(place.path(), &["inspect", "in"], b"");
    assert_eq!(output.status.code(), Some(1), "something cannot be read");
    let page = String::from_utf8(output.stdout).unwrap();
    for piece in [
        "3 files",
        "messages 10",
        "in/a.jsonl",
        "official 10",
        "key versions",
        "role.both_external",
        "! no roster",
    ] {
        assert!(page.contains(piece), "{piece}: {page}");
    }
    assert!(!page.contains("好的") && !page.contains("投诉"), "no message text: {page}");
    let chinese = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(["inspect", "in", "--lang", "zh"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(String::from_utf8(chinese.stdout).unwrap().contains("没有给名册"));
    assert_eq!(seen, inspect(place.path(), &["in", "--jobs", "1"]), "whatever the number of threads");
}

/// Every code that the reader gives to what it cannot use.
fn codes_of(at: &Path, code: &regex::Regex, found: &mut std::collections::BTreeSet<String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_of(&path, code, found);
        } else if !path.ends_with("reasons.rs") {
            let source = fs::read_to_string(path).unwrap();
            found.extend(code.captures_iter(&source).map(|code| code[1].to_owned()));
        }
    }
}

#[test]
fn every_reason_is_explained_in_the_report_and_in_the_handbook() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = regex::Regex::new(r#"(?:RecordFault::new|\.fault)\(\s*"((?:[a-z]+)\.(?:[a-z_]+))""#).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    codes_of(&root.join("src/archive"), &code, &mut codes);
    assert!(codes.len() > 25, "{codes:?}");
    let read = |name: &str| fs::read_to_string(root.join("docs").join(name)).unwrap();
    let handbook = read("inspect.md") + &read("decryption.md") + &read("events.md");
    for code in codes.iter().filter(|code| !code.starts_with("event.")) {
        assert!(handbook.contains(code.as_str()), "the handbook does not know {code}");
        assert!(chattag::archive::reason(code).is_some(), "nothing explains {code}");
    }
    let place = folder(&[("a.jsonl", b"{\"x\n".to_vec())]);
    let chinese = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(["inspect", "a.jsonl", "--lang", "zh"])
        .current_dir(place.path())
        .output()
        .unwrap();
    let page = String::from_utf8(chinese.stdout).unwrap();
    assert!(page.contains("json.truncated 1  JSON 没有写完"), "{page}");
}

#[test]
fn inspect_writes_any_shape_out_as_the_same_canonical_messages() {
    let all = complaints();
    let page = json!({"errcode": 0, "chatdata": all.iter().map(|m| json!({"seq": 0, "msg": m})).collect::<Vec<_>>()});
    let place = folder(&[
        ("a.jsonl", lines(&all)),
        ("page.json", page.to_string().into_bytes()),
        ("bad.jsonl", b"{\"x\n".to_vec()),
    ]);
    let written = |name: &str| -> Vec<Value> {
        let output = chattag(place.path(), &["inspect", name, "--to", "jsonl"], b"");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut lines = written("a.jsonl");
    assert_eq!(
        lines[0],
        json!({"record": "message", "corp": "", "seq": 0, "id": format!("1_{START}_external"), "at": START, "type": "text",
            "chat": "one_to_one", "room": null, "staff": "lihua", "customer": CUSTOMER, "speaker": CUSTOMER, "role": "customer",
            "parts": [{"scope": "own", "text": "这个课程多少钱", "base_chars": 0}], "links": [], "mini_program": null,
            "numbers": {}, "recipients": 1, "flags": [], "file": "a.jsonl", "byte_offset": 0})
    );
    let mut paged = written("page.json");
    for line in lines.iter_mut().chain(&mut paged) {
        line["file"] = json!("");
        line["byte_offset"] = json!(0);
    }
    assert_eq!(lines, paged);
    let output = chattag(place.path(), &["inspect", "bad.jsonl", "--to", "jsonl"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 unreadable"));
}
