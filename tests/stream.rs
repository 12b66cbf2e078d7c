//! A stream as its operator sees it: messages in, decisions out, the same as a run over the same messages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use arrow::array::{Array, AsArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const OTHER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02";
const ROOM: &str = "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09";

/// 2026-03-02 10:00 in Shanghai, a Monday.
const START: i64 = 1_772_416_800_000;
const MINUTE: i64 = 60_000;

/// Starts the program in `directory`.
fn start(directory: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(arguments)
        .args(["--lang", "en"])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the program to its end, in which it must succeed.
fn chattag(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = start(directory, arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn lines(output: &[u8]) -> Vec<Value> {
    output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The ids of decisions, each with its table.
fn ids(lines: &[Value]) -> Vec<String> {
    let id = |line: &Value| Some(format!("{} {}", line["table"].as_str()?, line["output_id"].as_str()?));
    let mut ids: Vec<String> = lines.iter().filter_map(id).collect();
    ids.sort();
    ids
}

/// The ids of all decisions in the tables of a run, each with its table.
fn ids_of_tables(out: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    for table in ["alerts", "kick_decisions", "tag_events"] {
        for path in files_below(&out.join("current").join(table)) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                let column = batch.column_by_name("output_id").unwrap().as_string::<i32>();
                ids.extend((0..column.len()).map(|row| format!("{table} {}", column.value(row))));
            }
        }
    }
    ids.sort();
    ids
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn text(n: u32, at: i64, from: &str, to: &str, room: &str, content: &str) -> Value {
    json!({"msgid": format!("{n}_{at}_external"), "action": "send", "from": from, "tolist": [to], "roomid": room,
           "msgtime": at, "msgtype": "text", "text": {"content": content}})
}

/// Some days of talk in which many rules fire, in the order of time.
fn talk(days: i64) -> Vec<Value> {
    let mut messages = Vec::new();
    for day in 0..days {
        let mut say = |n: i64, minutes: i64, from: &str, room: &str, content: &str| {
            let at = START + (day * 24 * 60 + minutes) * MINUTE;
            let to = if from == "lihua" { CUSTOMER } else { "lihua" };
            messages.push(text((day * 100 + n) as u32, at, from, to, room, content));
        };
        say(1, 0, CUSTOMER, "", "这个课程多少钱");
        say(2, 1, "lihua", "", "您好，现在 1999");
        say(3, 60, CUSTOMER, "", "性价比怎么样");
        say(4, 120, OTHER, "", "我要投诉");
        say(5, 121, OTHER, "", "质量太差");
        say(6, 122, OTHER, "", "你们态度差");
        say(7, 200, OTHER, ROOM, "兼职刷单日结，加微信");
        say(8, 210, CUSTOMER, ROOM, "今天天气不错");
    }
    messages
}

fn jsonl(messages: &[Value]) -> Vec<u8> {
    messages.iter().flat_map(|message| format!("{message}\n").into_bytes()).collect()
}

/// What a run over the same messages decides.
fn answers_of_run(messages: &[Value]) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("all.jsonl"), jsonl(messages)).unwrap();
    chattag(place.path(), &["run", "all.jsonl", "--out", "out", "--quiet"], b"");
    let ids = ids_of_tables(&place.path().join("out"));
    assert!(ids.len() > 3, "the talk must lead to something");
    ids
}

/// Numbers from a fixed seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// A program that is fed and read while it runs.
struct Live {
    child: Child,
    seen: std::sync::mpsc::Receiver<String>,
    log: std::sync::mpsc::Receiver<String>,
}

impl Live {
    fn start(directory: &Path, arguments: &[&str]) -> Live {
        let mut child = start(directory, arguments);
        let (seen, log) = (reader(child.stdout.take().unwrap()), reader(child.stderr.take().unwrap()));
        Live { child, seen, log }
    }

    fn say(&mut self, messages: &[Value]) {
        self.child.stdin.as_mut().unwrap().write_all(&jsonl(messages)).unwrap();
    }

    /// Waits for a line for which `is` holds, and returns the lines until then.
    fn wait(&self, is: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut lines = Vec::new();
        loop {
            let line = self.seen.recv_timeout(Duration::from_secs(60)).expect("a decision within the minute");
            lines.push(serde_json::from_str(&line).unwrap());
            if is(&lines[lines.len() - 1]) {
                return lines;
            }
        }
    }

    fn wait_log(&self, word: &str) -> String {
        loop {
            let line = self.log.recv_timeout(Duration::from_secs(60)).expect("a log line within the minute");
            if line.contains(word) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Closes the input and returns the rest of the lines.
    fn end(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        self.seen.iter().map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

fn reader(output: impl Read + Send + 'static) -> std::sync::mpsc::Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

#[test]
fn a_stream_over_the_samples_decides_what_a_run_decides() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples");
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let common = ["archive", "--roster", "roster.csv", "--events", "events/sources.toml"];
    let mut run = vec!["run"];
    run.extend(common);
    run.extend(["--out", out.to_str().unwrap(), "--quiet"]);
    chattag(&samples, &run, b"");
    let mut stream = vec!["stream"];
    stream.extend(common);
    stream.extend(["--once", "--lateness", "30d"]);
    let output = chattag(&samples, &stream, b"");
    let lines = lines(&output.stdout);
    assert_eq!(ids(&lines), ids_of_tables(&out));
    assert_eq!(lines.iter().filter(|line| line["table"] == "quarantine").count(), 4);
    assert!(lines.iter().all(|line| line["table"] != "late"));
}

#[test]
fn chunks_disorder_within_the_lateness_and_copies_change_nothing() {
    let messages = talk(3);
    let expected = answers_of_run(&messages);
    for seed in 1..=2 {
        let mut dice = Dice(seed);
        let mut arrival: Vec<(i64, &Value)> = Vec::new();
        for message in &messages {
            let at = message["msgtime"].as_i64().unwrap();
            for _ in 0..=dice.below(2) {
                arrival.push((at + dice.below(10 * MINUTE as usize) as i64, message));
            }
        }
        arrival.sort_by_key(|(at, _)| *at);
        let disordered: Vec<Value> = arrival.into_iter().map(|(_, message)| message.clone()).collect();
        let place = tempfile::tempdir().unwrap();
        let mut live = Live::start(place.path(), &["stream", "--quiet"]);
        let bytes = jsonl(&disordered);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(1 + dice.below(700)));
            live.child.stdin.as_mut().unwrap().write_all(now).unwrap();
            rest = later;
        }
        let lines = live.end();
        assert!(lines.iter().all(|line| line["table"] != "late"), "seed {seed}");
        assert_eq!(ids(&lines), expected, "seed {seed}");
    }
}

#[test]
fn case_42_a_message_later_than_the_lateness_is_laid_aside_and_changes_nothing() {
    let at = |minutes: i64| START + minutes * MINUTE;
    let late = text(9, at(49), OTHER, "lihua", "", "我要投诉你们");
    let in_time = text(8, at(50), OTHER, "lihua", "", "我要投诉");
    let newest = text(7, at(60), CUSTOMER, "lihua", "", "今天天气不错");
    let place = tempfile::tempdir().unwrap();
    let input = jsonl(&[newest.clone(), in_time.clone(), late]);
    let output = chattag(place.path(), &["stream", "--lateness", "10m", "--quiet"], &input);
    let lines = lines(&output.stdout);
    assert_eq!(ids(&lines), answers_of(&[in_time, newest]));
    let late: Vec<&Value> = lines.iter().filter(|line| line["table"] == "late").collect();
    assert_eq!(late.len(), 1, "the one at the watermark is in time");
    assert_eq!(late[0]["msgid"], format!("9_{}_external", at(49)));
    assert_eq!(late[0]["watermark"], "2026-03-02T02:50:00.000Z");
}

/// As [`answers_of_run`], for few messages.
fn answers_of(messages: &[Value]) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("all.jsonl"), jsonl(messages)).unwrap();
    chattag(place.path(), &["run", "all.jsonl", "--out", "out", "--quiet"], b"");
    ids_of_tables(&place.path().join("out"))
}

#[test]
fn without_lateness_a_kick_is_decided_at_once() {
    let place = tempfile::tempdir().unwrap();
    let mut live = Live::start(place.path(), &["stream", "--lateness", "0", "--quiet"]);
    live.say(&talk(1)[6..7]);
    let lines = live.wait(|line| line["table"] == "kick_decisions");
    assert_eq!(lines[lines.len() - 1]["msgid"], talk(1)[6]["msgid"]);
    assert_eq!(lines[lines.len() - 1]["action"], "kick");
    live.end();
}

#[test]
fn a_recall_before_or_after_its_message_takes_it_back() {
    let at = |minutes: i64| START + minutes * MINUTE;
    let recall = |n: u32, minutes: i64, of: &Value| {
        json!({"msgid": format!("{n}_{}_external", at(minutes)), "action": "recall", "from": OTHER, "tolist": ["lihua"],
               "roomid": "", "msgtime": at(minutes), "msgtype": "revoke", "revoke": {"pre_msgid": of["msgid"]}})
    };
    let mut messages = talk(1);
    messages.insert(4, recall(90, 120, &messages[3]));
    messages.push(recall(91, 215, &messages[1]));
    let expected = answers_of_run(&messages);
    messages.swap(3, 4);
    let place = tempfile::tempdir().unwrap();
    let output = chattag(place.path(), &["stream", "--quiet"], &jsonl(&messages));
    assert_eq!(ids(&lines(&output.stdout)), expected);
}

/// Appends messages to a file.
fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn files_that_grow_are_renamed_cut_and_added_are_read_once() {
    let messages = talk(6);
    let day = |n: usize| jsonl(&messages[n * 8..n * 8 + 8]);
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("in")).unwrap();
    append(&at("in/app.jsonl"), &day(0));
    let live = Live::start(place.path(), &["stream", "in", "--lateness", "1h", "--quiet"]);
    let kick = |n: usize| {
        let id = messages[n * 8 + 6]["msgid"].clone();
        move |line: &Value| line["table"] == "kick_decisions" && line["msgid"] == id
    };
    // A line that is written in two parts.
    let whole = day(1);
    append(&at("in/app.jsonl"), &whole[..whole.len() - 100]);
    let mut lines = live.wait(kick(0));
    append(&at("in/app.jsonl"), &whole[whole.len() - 100..]);
    // Renamed, and a new file in its place.
    fs::rename(at("in/app.jsonl"), at("in/app.jsonl.1")).unwrap();
    append(&at("in/app.jsonl.1"), &day(2));
    append(&at("in/app.jsonl"), &day(3));
    lines.extend(live.wait(kick(2)));
    // Cut and written anew.
    std::thread::sleep(Duration::from_millis(50));
    File::create(at("in/app.jsonl")).unwrap().write_all(&day(4)).unwrap();
    // A new file of a new day.
    fs::create_dir(at("in/dt=2026-03-07")).unwrap();
    append(&at("in/dt=2026-03-07/part-0.jsonl"), &day(5));
    lines.extend(live.wait(kick(4)));
    live.signal("TERM");
    lines.extend(live.end());
    let decided: BTreeSet<String> = ids(&lines).into_iter().collect();
    assert_eq!(decided.len(), ids(&lines).len(), "nothing is decided twice");
    let expected: BTreeSet<String> = answers_of_run(&messages).into_iter().collect();
    let missing: Vec<&String> = expected.difference(&decided).collect();
    assert!(decided.is_subset(&expected) && missing.len() < expected.len() / 3, "{missing:?}");
}

#[test]
fn metrics_answer_while_the_stream_runs() {
    let place = tempfile::tempdir().unwrap();
    let mut live = Live::start(
        place.path(),
        &["stream", "--lateness", "0", "--metrics", "127.0.0.1:0", "--log", "json"],
    );
    let log: Value = serde_json::from_str(&live.wait_log("metrics")).unwrap();
    let address = log["address"].as_str().unwrap().to_owned();
    live.say(&talk(1));
    live.say(&[json!({"msgid": 7})]);
    live.wait(|line| line["table"] == "quarantine");
    let answer = ask(&address, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for line in
        ["chattag_records_total{fate=\"processed\"} 8", "chattag_records_total{fate=\"quarantined\"} 1"]
    {
        assert!(answer.contains(line), "{line} is not in\n{answer}");
    }
    assert!(answer.contains("chattag_decisions_total{table=\"kick_decisions\",rule="), "{answer}");
    assert!(ask(&address, "POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    live.end();
}

fn ask(address: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// The rows of a table that stand: ids that were not taken back, in order.
fn committed(out: &Path) -> Vec<String> {
    ids_of_tables(out)
}

/// What a run over the same messages leaves in `current_tags`: customer, tag.
fn standing(out: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for path in files_below(&out.join("current/current_tags")) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let text = |name: &str, row| {
                let column = batch.column_by_name(name).unwrap().as_string::<i32>();
                if column.is_null(row) { "" } else { column.value(row) }.to_owned()
            };
            rows.extend(
                (0..batch.num_rows())
                    .map(|row| ["customer", "staff", "room", "tag_id"].map(|name| text(name, row)).join(" ")),
            );
        }
    }
    rows.sort();
    rows
}

/// A run over `messages` in a directory of its own.
fn run_over(messages: &[Value]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("all.jsonl"), jsonl(messages)).unwrap();
    chattag(place.path(), &["run", "all.jsonl", "--out", "out", "--quiet"], b"");
    place
}

fn same_as_run(out: &Path, messages: &[Value]) {
    let expected = run_over(messages);
    let expected = expected.path().join("out");
    assert_eq!(committed(out), committed(&expected));
    assert_eq!(standing(out), standing(&expected));
}

#[test]
fn killed_at_any_instant_and_started_again_a_stream_leaves_the_tables_of_a_run() {
    let messages = talk(6);
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("in.jsonl"), jsonl(&messages[..24])).unwrap();
    let arguments = [
        "stream",
        "in.jsonl",
        "--out",
        "out",
        "--checkpoint-messages",
        "5",
        "--checkpoint-seconds",
        "1",
        "--keep",
        "2",
        "--quiet",
    ];
    let mut dice = Dice(7);
    for n in 0..4 {
        let mut child = start(place.path(), &arguments);
        std::thread::sleep(Duration::from_millis(300 + dice.below(1_500) as u64));
        append(&place.path().join("in.jsonl"), &jsonl(&messages[24 + n * 6..30 + n * 6]));
        std::thread::sleep(Duration::from_millis(dice.below(300) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut once = arguments.to_vec();
    once.push("--once");
    chattag(place.path(), &once, b"");
    same_as_run(&place.path().join("out"), &messages);
}

#[test]
fn a_stream_that_is_told_to_end_commits_and_a_resent_tail_is_dropped() {
    let messages = talk(3);
    let place = tempfile::tempdir().unwrap();
    let arguments = ["stream", "--out", "out", "--log", "json"];
    let mut live = Live::start(place.path(), &arguments);
    live.say(&messages[..13]);
    let kick = messages[6]["msgid"].clone();
    live.wait(|line| line["msgid"] == kick);
    live.signal("TERM");
    live.wait_log("checkpoint");
    live.end();
    let output = chattag(place.path(), &["stream", "--out", "out", "--quiet"], &jsonl(&messages[9..]));
    assert!(lines(&output.stdout).iter().all(|line| line["msgid"] != kick), "it was decided before");
    same_as_run(&place.path().join("out"), &messages);
}

#[test]
fn a_stream_whose_decisions_nobody_reads_any_more_fails_and_loses_nothing() {
    let messages = talk(3);
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("in.jsonl"), jsonl(&messages)).unwrap();
    let arguments = ["stream", "in.jsonl", "--once", "--out", "out", "--checkpoint-messages", "3", "--quiet"];
    let mut child = start(place.path(), &arguments);
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("start both again"), "{said}");
    let output = chattag(place.path(), &arguments, b"");
    let expected = answers_of_run(&messages);
    assert_eq!(ids(&lines(&output.stdout)), expected, "nothing had been heard");
    same_as_run(&place.path().join("out"), &messages);
}

#[test]
fn nights_and_streams_take_turns_in_one_directory() {
    let messages = talk(8);
    let place = tempfile::tempdir().unwrap();
    for (turn, part) in messages.chunks(16).enumerate() {
        let (name, input) = (format!("{turn}.jsonl"), jsonl(part));
        if turn % 2 == 0 {
            fs::write(place.path().join(&name), &input).unwrap();
            chattag(place.path(), &["run", &name, "--out", "out", "--quiet"], b"");
        } else {
            chattag(place.path(), &["stream", "--out", "out", "--quiet"], &input);
        }
    }
    same_as_run(&place.path().join("out"), &messages);
}

#[test]
fn old_checkpoints_go_and_the_tables_keep_their_rows() {
    let messages = talk(9);
    let place = tempfile::tempdir().unwrap();
    for day in messages.chunks(8) {
        chattag(place.path(), &["stream", "--out", "out", "--keep", "2", "--quiet"], &jsonl(day));
        let snapshots = fs::read_dir(place.path().join("out/snapshots")).unwrap().count();
        assert!(snapshots <= 4, "{snapshots}: at most twice as many as are kept");
    }
    same_as_run(&place.path().join("out"), &messages);
}

#[test]
fn dictionaries_are_loaded_anew_on_a_signal_and_refused_when_they_do_not_check() {
    let place = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries");
    let dict = place.path().join("dict");
    copy(&shipped, &dict);
    let mut live = Live::start(
        place.path(),
        &["stream", "--dict", "dict", "--lateness", "0", "--log", "json", "--out", "out"],
    );
    let messages = talk(3);
    live.say(&messages[..7]);
    live.wait(|line| line["msgid"] == messages[6]["msgid"]);
    let pack = fs::read_to_string(dict.join("pack.toml")).unwrap();
    fs::write(dict.join("pack.toml"), pack.replace("format = 1", "format = 9")).unwrap();
    live.signal("HUP");
    assert!(live.wait_log("cannot be used").contains("E001"), "it says why");
    live.say(&messages[8..15]);
    live.wait(|line| line["msgid"] == messages[14]["msgid"]);
    let next = pack.replace("version = \"1.0.0\"", "version = \"1.0.1\"");
    fs::write(dict.join("pack.toml"), next).unwrap();
    live.signal("HUP");
    live.wait_log("loaded anew");
    live.say(&messages[16..23]);
    let lines = live.wait(|line| line["msgid"] == messages[22]["msgid"]);
    assert_eq!(lines[lines.len() - 1]["pack_version"], "1.0.1");
    live.end();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
