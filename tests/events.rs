//! Business events beside an archive, from files to committed tables.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::util::display::array_value_to_string;
use chattag::batch::{self, Progress, RunOptions, RunReport};
use chattag::bundle::{Bundle, embedded_files};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

const CUSTOMER: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
const NEW_ID: &str = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02";

/// 2026-03-02 10:00 in Shanghai.
const START: i64 = 1_772_416_800_000;

/// One message of the customer at an hour of that day, so that a run has something to end with.
fn message(id: u32, hours: i64, from: &str, text: &str) -> String {
    let at = START + hours * 3_600_000;
    format!(
        "{{\"msgid\":\"{id}_{at}_external\",\"action\":\"send\",\"from\":\"{from}\",\"tolist\":[\"lihua\"],\
         \"roomid\":\"\",\"msgtime\":{at},\"msgtype\":\"text\",\"text\":{{\"content\":\"{text}\"}}}}\n"
    )
}

/// A run over `archive.jsonl` and the event files, all in one directory.
struct Night {
    place: TempDir,
    report: RunReport,
}

impl Night {
    fn new(archive: &str, events: &[(&str, &str)], arguments: &[&str]) -> Night {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("archive.jsonl"), archive).unwrap();
        events.iter().for_each(|(name, text)| fs::write(path(name), text).unwrap());
        let named = |argument: &&str| match argument.split_once('=') {
            Some((kind, name)) => format!("{kind}={}", path(name)),
            None => path(argument),
        };
        let arguments: Vec<String> = arguments.iter().map(named).collect();
        let options = RunOptions {
            events: batch::event_sources(&arguments).unwrap(),
            jobs: Some(2),
            memory: 64 << 20,
            ..RunOptions::new(vec![path("archive.jsonl")], &place.path().join("out"))
        };
        let report = batch::run(&bundle(), &options, &Progress::default()).unwrap();
        Night { place, report }
    }

    /// Rows of a table as the picked columns joined by a space, sorted.
    fn rows(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let mut rows = Vec::new();
        for path in files_below(&self.place.path().join("out/current").join(table)) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                let cell = |name: &&str, row| {
                    array_value_to_string(batch.column_by_name(name).unwrap(), row).unwrap()
                };
                let line = |row| columns.iter().map(|name| cell(name, row)).collect::<Vec<_>>().join(" ");
                rows.extend((0..batch.num_rows()).map(line));
            }
        }
        rows.sort();
        rows
    }

    fn tags(&self) -> Vec<String> {
        self.rows("tag_events", &["customer", "staff", "kind", "tag_id", "reason"])
    }
}

/// The shipped dictionaries with one rule more, whose tag belongs to an employee's customer.
fn bundle() -> Bundle {
    let mut files = embedded_files();
    let mut add = |path: &str, text: &str| match files.iter_mut().find(|file| file.path == path) {
        Some(file) => file.bytes.extend(text.as_bytes()),
        None => {
            files.push(chattag::rules::SourceFile { path: path.to_owned(), bytes: text.as_bytes().to_vec() })
        }
    };
    add("tags.toml", "\n[[tag]]\nid = \"asked\"\npath = \"试/问过\"\n");
    add(
        "rules/asked.toml",
        "[[rule]]\nid = \"asked_rule\"\nversion = 1\ntitle = \"问过\"\nstatus = \"test\"\nkey = \"relation\"\n\
         shape = \"match\"\nsignal = \"question\"\nemit = { tag = \"asked\" }\n\n\
         [[rule]]\nid = \"unpaid\"\nversion = 1\ntitle = \"问价后没有付款\"\nstatus = \"test\"\nkey = \"customer\"\n\
         shape = \"sequence\"\nsteps = [\"ask_price\", \"value_for_money\"]\nwithin = \"24h\"\nwithout = \"paid_order\"\n\
         [rule.alert]\nname = \"未付款\"\nlevel = \"low\"\n",
    );
    Bundle::from_files(&files, &Default::default()).0.expect("no errors")
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn order(id: &str, at: &str, amount: i64) -> String {
    format!("{id},{at},{CUSTOMER},paid,{amount}\n")
}

const HEADER: &str = "id,at,customer,status,amount_fen\n";

#[test]
fn an_event_with_an_id_that_was_there_counts_once_and_the_first_one_counts() {
    let big = order("o1", "2026-03-02 09:00", 3_000_001);
    let changed = order("o1", "2026-03-02 09:30", 100);
    let orders = format!("{HEADER}{big}{big}{changed}");
    let night =
        Night::new(&message(1, 0, CUSTOMER, "好的"), &[("orders.csv", &orders)], &["order=orders.csv"]);
    assert_eq!(
        night.tags(),
        [format!("{CUSTOMER}  assign high_net_worth "), format!("{CUSTOMER}  assign stage_paid ")]
    );
    assert!(night.report.tally.adds_up());
    assert_eq!(
        (night.report.tally.duplicate, night.report.tally.notes["event.conflicting_duplicate"]),
        (2, 1)
    );
}

/// X23: 23:59:60 is refused.
#[test]
fn what_cannot_be_used_is_quarantined_with_its_line() {
    let orders = format!(
        "{HEADER}o1,2026-03-02 23:59:60,{CUSTOMER},paid,1\no2,2026-03-02 09:00,{CUSTOMER},paid,88.5\n"
    );
    let tags = format!(
        "{{\"id\":\"t1\",\"kind\":\"tag\",\"at\":{START},\"customer\":\"{CUSTOMER}\",\"tag\":\"no_such_tag\"}}\n"
    );
    let night = Night::new(
        &message(1, 0, CUSTOMER, "好的"),
        &[("orders.csv", &orders), ("tags.jsonl", &tags)],
        &["order=orders.csv", "tags.jsonl"],
    );
    let refused: Vec<String> = night.rows("quarantine", &["line", "code"]);
    assert_eq!(refused, ["1 event.unknown_tag", "2 event.malformed", "3 event.malformed"]);
    assert!(night.report.tally.adds_up());
}

#[test]
fn x3_a_source_that_is_not_complete_holds_the_night_back() {
    let orders = format!("{HEADER}{}", order("o1", "2026-03-02 12:00", 3_000_001));
    let archive = message(1, 0, CUSTOMER, "好的") + &message(2, 3, CUSTOMER, "谢谢");
    let list = |complete: bool| {
        format!(
            "[[source]]\nname = \"shop\"\nfiles = [\"orders.csv\"]\nkind = \"order\"\nlateness = \"1h\"\ncomplete = {complete}\n"
        )
    };
    for (complete, as_of, waiting) in [(true, "2026-03-03 00:00:00", 0), (false, "2026-03-02 11:00:00", 2)] {
        let night = Night::new(
            &archive,
            &[("orders.csv", &orders), ("sources.toml", &list(complete))],
            &["sources.toml"],
        );
        assert_eq!(night.report.as_of, as_of);
        let waits = night.report.tally.reasons.get("skipped.after_as_of").copied().unwrap_or(0);
        assert_eq!(waits, waiting, "the later message and the order wait");
        assert_eq!(night.tags().is_empty(), !complete);
    }
}

#[test]
fn x10_from_its_change_on_a_new_id_is_the_same_customer() {
    let alias = format!(
        "{{\"id\":\"a1\",\"kind\":\"alias\",\"at\":{},\"customer\":\"{NEW_ID}\",\"old\":\"{CUSTOMER}\"}}\n",
        START + 3_600_000
    );
    let archive = message(1, 0, CUSTOMER, "能便宜点吗") + &message(2, 2, NEW_ID, "抹个零吧");
    let night = Night::new(&archive, &[("alias.jsonl", &alias)], &["alias.jsonl"]);
    assert!(night.tags().contains(&format!("{CUSTOMER}  assign price_sensitive ")), "{:?}", night.tags());
    let apart = Night::new(&archive, &[], &[]);
    assert!(!apart.tags().iter().any(|row| row.contains("price_sensitive")), "two strangers otherwise");
}

#[test]
fn tags_of_a_relation_go_with_the_customer_to_the_next_employee() {
    let events = format!(
        "{{\"id\":\"t1\",\"kind\":\"transfer\",\"at\":{},\"customer\":\"{CUSTOMER}\",\"from\":\"lihua\",\"to\":\"wangmin\"}}\n",
        START + 3_600_000
    );
    let night = Night::new(&message(1, 0, CUSTOMER, "请问几点开门"), &[("t.jsonl", &events)], &["t.jsonl"]);
    assert_eq!(
        night.tags(),
        [
            format!("{CUSTOMER} lihua assign asked "),
            format!("{CUSTOMER} lihua remove asked transferred"),
            format!("{CUSTOMER} wangmin assign asked inherited"),
        ]
    );
}

#[test]
fn x11_a_tag_by_hand_is_a_row_of_its_own_source() {
    let events = format!(
        "{{\"id\":\"t1\",\"kind\":\"tag\",\"at\":{START},\"customer\":\"{CUSTOMER}\",\"tag\":\"价值/高净值\",\"by\":\"lihua\"}}\n"
    );
    let night = Night::new(&message(1, 1, CUSTOMER, "好的"), &[("t.jsonl", &events)], &["t.jsonl"]);
    let rows = night.rows("current_tags", &["customer", "tag_id", "source"]);
    assert_eq!(rows, [format!("{CUSTOMER} high_net_worth manual")]);
}

/// A business event has no sequence number and comes before the messages of its millisecond.
#[test]
fn semantic_2_an_order_acts_before_the_messages_of_its_millisecond() {
    let archive = message(1, 0, CUSTOMER, "这个课程多少钱") + &message(2, 2, CUSTOMER, "性价比怎么样");
    for (at, found) in [(START + 2 * 3_600_000, false), (START + 2 * 3_600_000 + 1, true)] {
        let paid = format!(
            "{{\"id\":\"o1\",\"kind\":\"order\",\"at\":{at},\"customer\":\"{CUSTOMER}\",\"status\":\"paid\",\"amount_fen\":100}}\n"
        );
        let night = Night::new(&archive, &[("orders.jsonl", &paid)], &["orders.jsonl"]);
        let rules = night.rows("alerts", &["rule_id"]);
        assert_eq!(rules.contains(&"unpaid".to_owned()), found, "{at}: {rules:?}");
    }
}

/// An order counts at the time it was made, wherever its line stands: the ids of rows hold their instants.
#[test]
fn semantic_1_an_event_has_its_own_time_and_not_that_of_its_arrival() {
    let early = order("o1", "2026-03-02 09:00", 3_000_001);
    let late = order("o2", "2026-03-02 11:00", 3_000_001);
    let rows = |lines: [&str; 2]| {
        let orders = format!("{HEADER}{}", lines.concat());
        let night =
            Night::new(&message(1, 4, CUSTOMER, "好的"), &[("orders.csv", &orders)], &["order=orders.csv"]);
        night.rows("tag_events", &["kind", "tag_id", "output_id"])
    };
    assert_eq!(rows([&early, &late]), rows([&late, &early]));
    assert!(rows([&early, &late]).iter().any(|row| row.starts_with("assign high_net_worth")));
}

/// What is said in a group belongs to who says it.
#[test]
fn semantic_12_a_group_message_belongs_to_its_sender_alone() {
    let said = |id: u32, from: &str| {
        message(id, i64::from(id), from, "我要投诉，要退款，态度差")
            .replace("\"roomid\":\"\"", "\"roomid\":\"wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09\"")
            .replace("[\"lihua\"]", &format!("[\"lihua\",\"{CUSTOMER}\",\"{NEW_ID}\"]"))
    };
    let night = Night::new(&(said(1, CUSTOMER) + &message(2, 3, NEW_ID, "好的")), &[], &[]);
    let customers = night.rows("tag_events", &["key_kind", "customer"]);
    assert!(customers.iter().all(|row| row.ends_with(CUSTOMER)), "{customers:?}");
    let both = Night::new(&(said(1, CUSTOMER) + &said(2, NEW_ID)), &[], &[]);
    let of = |night: &Night, id: &str| {
        night.rows("tag_events", &["customer"]).iter().filter(|row| *row == id).count()
    };
    assert_eq!(of(&both, CUSTOMER), of(&night, CUSTOMER), "another's words add nothing");
    assert_eq!(of(&both, NEW_ID), of(&both, CUSTOMER));
}
