//! Night after night into one output directory is one run over everything.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chattag::archive::{ReadOptions, Roster};
use chattag::batch::{self, Progress, ReplayOptions, RunOptions, RunReport, Which};
use chattag::bundle::{Bundle, Options};
use chattag::time::{Timestamp, Zone};
use chattag::writer::{FileEntry, Store};
use proptest::prelude::*;
use serde_json::{Value, json};

mod changed_rules;
#[path = "../kit/rows.rs"]
mod table;

use table::{Row, files_below, rows, standing_rows};

/// 2026-03-02 00:00 in Shanghai, a Monday.
const MONDAY: i64 = 1_772_380_800_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The shipped dictionaries.
fn bundle() -> &'static Bundle {
    static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
        Bundle::embedded(&Options::default()).0.expect("the shipped dictionaries have no errors")
    });
    &BUNDLE
}

fn options(inputs: &[PathBuf], out: &Path) -> RunOptions {
    RunOptions {
        jobs: Some(2),
        memory: 64 << 20,
        ..RunOptions::new(inputs.iter().map(|input| input.to_str().unwrap().to_owned()).collect(), out)
    }
}

fn run(bundle: &Bundle, options: &RunOptions) -> RunReport {
    batch::run(bundle, options, &Progress::default()).unwrap()
}

/// Compares what two output directories decided. Columns that name the way there are left out.
#[track_caller]
fn assert_same_decisions(expected: &Path, actual: &Path, what: &str, left_out: &[&str]) {
    let without = |mut rows: Vec<Row>| {
        rows.iter_mut().for_each(|row| left_out.iter().for_each(|column| drop(row.remove(*column))));
        rows.sort();
        rows
    };
    for table in ["tag_events", "alerts", "kick_decisions"] {
        let (expected, actual) = (standing_rows(expected, table), standing_rows(actual, table));
        assert_same(&without(expected), &without(actual), &format!("{what}: {table}"));
    }
    for out in [expected, actual] {
        assert_eq!(digested(out), counted(out), "{what}: alert_digests");
    }
    let (expected, actual) = (rows(expected, "current_tags"), rows(actual, "current_tags"));
    assert_same(&without(expected), &without(actual), &format!("{what}: current_tags"));
}

/// By employee, day and kind of number: what the rows of `alert_digests` add up to.
fn digested(out: &Path) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for row in rows(out, "alert_digests") {
        for column in ["n_high", "n_mid", "n_low", "n_suppressed"] {
            let place = format!("{} {} {column}", row["staff"], row["day"]);
            *sums.entry(place).or_default() += row[column].parse::<i64>().unwrap();
        }
    }
    sums.retain(|_, n| *n != 0);
    sums
}

/// The same, counted from the alerts that hold.
fn counted(out: &Path) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for row in standing_rows(out, "alerts").iter().filter(|row| row["shadow"] == "false") {
        let column = match row["kind"].as_str() {
            "alert" => format!("n_{}", row["level"]),
            "suppressed" => "n_suppressed".to_owned(),
            _ => continue,
        };
        let at = Timestamp(row["at"].parse::<i64>().unwrap() / 1_000);
        let day = Zone::shanghai().day(at).to_iso();
        *sums.entry(format!("{} {day} {column}", row["staff"])).or_default() += 1;
    }
    sums
}

#[track_caller]
fn assert_same(expected: &[Row], actual: &[Row], what: &str) {
    let missing: Vec<&Row> = expected.iter().filter(|row| !actual.contains(row)).collect();
    let extra: Vec<&Row> = actual.iter().filter(|row| !expected.contains(row)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{what}\nmissing {missing:#?}\nextra {extra:#?}");
    assert_eq!(expected.len(), actual.len(), "{what}");
}

/// One person says something to another, or in a group.
fn say(id: u32, at: i64, from: &str, to: &str, room: &str, words: &str) -> Value {
    json!({"msgid": format!("{id}_{at}_external"), "action": "send", "from": from, "tolist": [to], "roomid": room,
           "msgtime": at, "msgtype": "text", "text": {"content": words}})
}

fn recall(id: u32, at: i64, target: &Value) -> Value {
    json!({"msgid": format!("{id}_{at}_external"), "action": "recall", "from": target["from"],
           "tolist": target["tolist"], "roomid": target["roomid"], "msgtime": at, "msgtype": "revoke",
           "revoke": {"pre_msgid": target["msgid"]}})
}

fn at_of(message: &Value) -> i64 {
    message["msgtime"].as_i64().unwrap()
}

fn write(path: &Path, messages: &[Value]) {
    let lines: Vec<String> = messages.iter().map(|message| format!("{message}\n")).collect();
    fs::write(path, lines.concat()).unwrap();
}

/// What customers and employees say; most of it makes some rule look up.
const WORDS: &[&str] = &[
    "这个课程多少钱",
    "性价比怎么样",
    "有优惠吗，打折吗",
    "我要投诉",
    "质量太差，我要退款",
    "你们态度差",
    "兼职刷单日结，加微信",
    "在吗",
    "什么时候发货？",
    "今天天气不错",
];

/// (minutes since Monday, customer, employee, group, customer speaks, words, recalled after minutes)
type Line = (i64, u8, u8, u8, bool, usize, Option<i64>);

fn line() -> impl Strategy<Value = Line> {
    let minutes = 0..12 * 24 * 60_i64;
    let recalled = prop_oneof![4 => Just(None), 1 => (1..3 * 24 * 60_i64).prop_map(Some)];
    (minutes, 0..4_u8, 0..2_u8, 0..4_u8, prop::bool::weighted(0.8), 0..WORDS.len(), recalled)
}

/// The messages of a history, in order of time.
fn messages(lines: &[Line]) -> Vec<Value> {
    let mut all = Vec::new();
    for (id, (minutes, customer, staff, room, speaks, words, recalled)) in (1..).zip(lines) {
        let customer = format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA0{customer}");
        let staff = format!("staff{staff}");
        let room = if *room == 0 { "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09" } else { "" };
        let at = MONDAY + minutes * MINUTE + i64::from(id);
        let (from, to) = if *speaks { (&customer, &staff) } else { (&staff, &customer) };
        let message = say(id, at, from, to, room, WORDS[*words]);
        if let Some(after) = recalled {
            all.push(recall(10_000 + id, at + after * MINUTE, &message));
        }
        all.push(message);
    }
    all.sort_by_key(at_of);
    all
}

/// Runs each of `nights` into one directory and all of them into another; returns both with their place.
fn both_ways(bundle: &Bundle, nights: &[Vec<Value>]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let ends = vec![None; nights.len()];
    both_ways_until(bundle, nights, &ends)
}

/// As [`both_ways`], with the instant that each night decides as of.
fn both_ways_until(
    bundle: &Bundle,
    nights: &[Vec<Value>],
    ends: &[Option<i64>],
) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let mut files = Vec::new();
    for (night, (messages, end)) in nights.iter().zip(ends).enumerate() {
        let file = place.path().join(format!("{night:02}.jsonl"));
        write(&file, messages);
        let as_of = end.map(Timestamp);
        run(bundle, &RunOptions { as_of, ..options(std::slice::from_ref(&file), &nightly) });
        files.push(file);
    }
    let as_of = ends.last().copied().flatten().map(Timestamp);
    run(bundle, &RunOptions { as_of, ..options(&files, &once) });
    (place, once, nightly)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn days_one_by_one_are_one_run(lines in prop::collection::vec(line(), 1..60)) {
        let bundle = bundle();
        let mut nights: Vec<Vec<Value>> = vec![Vec::new(); 16];
        for message in messages(&lines) {
            nights[((at_of(&message) - MONDAY) / DAY) as usize].push(message);
        }
        nights.retain(|night| !night.is_empty());
        let (_place, once, nightly) = both_ways(bundle, &nights);
        for table in ["tag_events", "alerts", "kick_decisions"] {
            prop_assert!(rows(&nightly, table).iter().all(|row| row["corrects"].is_empty()));
        }
        assert_same_decisions(&once, &nightly, "days", &[]);
    }

    /// Semantic 9: what comes up to two days late takes its place, and what was decided without it is corrected,
    /// whenever the nights end.
    #[test]
    fn semantic_9_late_messages_take_their_place(
        lines in prop::collection::vec((line(), 0..2 * 24 * 60_i64), 1..50),
        ends in prop::collection::vec(prop::option::of(1..24 * 60_i64), 20),
    ) {
        let (lines, delays): (Vec<Line>, Vec<i64>) = lines.into_iter().unzip();
        let mut nights: Vec<Vec<Value>> = vec![Vec::new(); 20];
        for (message, delay) in messages(&lines).into_iter().zip(delays.iter().cycle()) {
            nights[((at_of(&message) + delay * MINUTE - MONDAY) / DAY) as usize].push(message);
        }
        let ends = (0..).zip(ends).map(|(day, end)| end.map(|minutes| MONDAY + day * DAY + minutes * MINUTE));
        let (mut ends, nights): (Vec<Option<i64>>, Vec<Vec<Value>>) =
            ends.zip(nights).filter(|(_, messages)| !messages.is_empty()).unzip();
        *ends.last_mut().unwrap() = Some(MONDAY + 22 * DAY);
        let (_place, once, nightly) = both_ways_until(bundle(), &nights, &ends);
        prop_assert!(rows(&nightly, "late").is_empty());
        assert_same_decisions(&once, &nightly, "late", &["ordinal"]);
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples")
}

fn sample_options(inputs: &[PathBuf], out: &Path) -> RunOptions {
    let sources = samples().join("events/sources.toml").to_str().unwrap().to_owned();
    let roster = Roster::read(&samples().join("roster.csv")).unwrap();
    RunOptions {
        events: batch::event_sources(&[sources]).unwrap(),
        read: ReadOptions { roster, ..ReadOptions::default() },
        ..options(inputs, out)
    }
}

#[test]
fn the_sample_archive_day_by_day_is_the_sample_archive() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    run(bundle, &sample_options(&[samples().join("archive")], &once));
    let mut days: Vec<PathBuf> =
        fs::read_dir(samples().join("archive")).unwrap().map(|entry| entry.unwrap().path()).collect();
    days.retain(|path| path.is_dir());
    days.sort();
    let mut reports = Vec::new();
    for day in days {
        reports.push(run(bundle, &sample_options(&[day], &nightly)));
    }
    assert_same_decisions(&once, &nightly, "samples", &["ordinal"]);
    assert!(rows(&nightly, "late").is_empty(), "{:#?}", rows(&nightly, "late"));
}

/// The silence that nobody broke in a day is an alert; the answer that comes to light a night later takes it back.
#[test]
fn an_answer_that_comes_late_takes_the_alert_back() {
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let at = |hours: i64| MONDAY + hours * HOUR;
    let nights = [
        vec![
            say(1, at(10), customer, "lihua", "", "什么时候发货？"),
            say(2, at(40), "lihua", "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02", "", "您好"),
        ],
        vec![
            say(3, at(12), "lihua", customer, "", "今天就发"),
            say(4, at(60), "lihua", "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02", "", "您好"),
        ],
    ];
    let (_place, once, nightly) = both_ways(bundle(), &nights);
    let alerts = rows(&nightly, "alerts");
    let kinds: Vec<&str> = alerts.iter().map(|row| row["kind"].as_str()).collect();
    assert!(kinds.contains(&"alert") && kinds.contains(&"corrects"), "{alerts:#?}");
    let [wrong, correction] =
        ["alert", "corrects"].map(|kind| alerts.iter().find(|row| row["kind"] == kind).unwrap());
    assert_eq!((&correction["corrects"], &correction["at"]), (&wrong["output_id"], &wrong["at"]));
    assert_same_decisions(&once, &nightly, "answered", &[]);
}

/// A run over more days than ids are remembered still knows the evening before it: what it repeats and what it takes back.
#[test]
fn a_run_over_three_weeks_knows_the_ids_of_the_evening_before() {
    let (customer, other) = ("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA02");
    let at = |hours: i64, minutes: i64| MONDAY + hours * HOUR + minutes * MINUTE;
    let first = say(1, at(23, 40), customer, "lihua", "", "我要投诉");
    let second = say(2, at(23, 50), customer, "lihua", "", "质量太差");
    let nights = [
        vec![first.clone(), second.clone()],
        vec![
            first,
            recall(3, at(24, 5), &second),
            say(4, at(24, 10), customer, "lihua", "", "你们态度差"),
            say(5, at(21 * 24, 0), other, "lihua", "", "在吗"),
        ],
    ];
    let (_place, once, nightly) = both_ways(bundle(), &nights);
    assert_same_decisions(&once, &nightly, "three weeks", &[]);
    let cares =
        |out: &Path| rows(out, "alerts").iter().filter(|row| row["rule_id"] == "complaint_burst").count();
    assert_eq!((cares(&once), cares(&nightly)), (0, 0), "two complaints are left");
}

#[test]
fn the_same_nights_give_the_same_bytes_whatever_the_number_of_threads() {
    let bundle = bundle();
    let all = |jobs: usize| {
        let place = tempfile::tempdir().unwrap();
        for day in ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-09"] {
            let input = samples().join("archive").join(format!("dt={day}"));
            let options = sample_options(&[input], &place.path().join("out"));
            run(bundle, &RunOptions { jobs: Some(jobs), ..options });
        }
        let files = ["data", "state", "log"].map(|part| files_below(&place.path().join("out").join(part)));
        let read =
            |path: &PathBuf| (path.strip_prefix(place.path()).unwrap().to_owned(), fs::read(path).unwrap());
        files.concat().iter().map(read).collect::<Vec<_>>()
    };
    let one = all(1);
    assert!(one == all(4), "bytes differ");
    assert!(one.iter().any(|(path, _)| path.starts_with("out/state")));
}

#[test]
fn semantic_7_messages_at_or_after_as_of_wait_for_the_next_night() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let at = |hours: i64| MONDAY + hours * HOUR;
    let first = [
        say(1, at(10), customer, "lihua", "", "这个课程多少钱"),
        say(2, at(12), customer, "lihua", "", "性价比怎么样"),
    ];
    let second = [say(3, at(30), customer, "lihua", "", "在吗")];
    let (a, b) = (place.path().join("a.jsonl"), place.path().join("b.jsonl"));
    write(&a, &first);
    write(&b, &second);
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let early = RunOptions { as_of: Some(Timestamp(at(11))), ..options(std::slice::from_ref(&a), &nightly) };
    let report = run(bundle, &early);
    assert_eq!(report.tally.reasons["skipped.after_as_of"], 1);
    assert!(rows(&nightly, "tag_events").iter().all(|row| row["rule_id"] != "price_then_value"));
    run(bundle, &options(std::slice::from_ref(&b), &nightly));
    run(bundle, &options(&[a, b], &once));
    assert!(rows(&nightly, "tag_events").iter().any(|row| row["rule_id"] == "price_then_value"));
    assert_same_decisions(&once, &nightly, "waiting", &[]);
}

#[test]
fn semantic_6_what_is_older_than_the_journal_goes_to_the_table_late_and_changes_nothing() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let at = |days: i64| MONDAY + days * DAY + 10 * HOUR;
    let nights = [
        vec![say(1, at(0), customer, "lihua", "", "我要投诉")],
        vec![say(2, at(9), customer, "lihua", "", "在吗")],
        vec![
            say(3, at(0) - HOUR, customer, "lihua", "", "质量太差，我要退款"),
            say(4, at(10), customer, "lihua", "", "好的"),
        ],
    ];
    let (_place, _, nightly) = both_ways(bundle, &nights);
    drop(place);
    let late = rows(&nightly, "late");
    let ids: Vec<&str> = late.iter().map(|row| row["msgid"].as_str()).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| id.starts_with("3_")), "{late:#?}");
    assert!(late.iter().all(|row| row["reason"] == "before_journal"));
    let settled = Zone::shanghai().format(Timestamp(at(0) + 1));
    assert!(!settled.is_empty() && rows(&nightly, "alerts").iter().all(|row| row["corrects"].is_empty()));
}

#[test]
fn a_message_of_an_earlier_night_is_a_duplicate_and_a_night_without_news_changes_nothing() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let message = say(1, MONDAY, customer, "lihua", "", "我要投诉");
    let (a, b) = (place.path().join("a.jsonl"), place.path().join("b.jsonl"));
    write(&a, std::slice::from_ref(&message));
    write(&b, &[message, say(2, MONDAY + DAY, customer, "lihua", "", "在吗")]);
    let out = place.path().join("out");
    run(bundle, &options(std::slice::from_ref(&a), &out));
    let report = run(bundle, &options(std::slice::from_ref(&b), &out));
    assert_eq!((report.tally.duplicate, report.tally.processed), (1, 1));
    let before: Vec<PathBuf> = files_below(&out);
    assert_eq!(run(bundle, &options(&[a, b], &out)).commit, None);
    assert_eq!(files_below(&out), before);
}

#[test]
fn what_is_decided_stays_decided() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let (a, out) = (place.path().join("a.jsonl"), place.path().join("out"));
    write(&a, &[say(1, MONDAY + 9 * HOUR, "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", "lihua", "", "在吗")]);
    run(bundle, &options(std::slice::from_ref(&a), &out));
    let b = place.path().join("b.jsonl");
    write(&b, &[say(2, MONDAY + 8 * HOUR, "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01", "lihua", "", "在吗")]);
    let earlier = RunOptions { as_of: Some(Timestamp(MONDAY)), ..options(&[b], &out) };
    let error = batch::run(bundle, &earlier, &Progress::default()).unwrap_err().to_string();
    assert!(error.contains("2026-03-02") && error.contains("stays decided"), "{error}");
}

#[test]
fn orders_ranks_transfers_and_new_ids_go_on_from_night_to_night() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let customer = |n: i64| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAA{n:03}");
    let (mut files, mut all_events, mut last) = (Vec::new(), Vec::new(), 0);
    for (night, day) in [3, 20, 31, 40, 41, 75, 100, 130].into_iter().enumerate() {
        let mut events: Vec<Value> = Vec::new();
        for n in 0..14_i64 {
            let at = MONDAY + (last + 1 + n % (day - last).max(1)) * DAY - 5 * HOUR + n * MINUTE;
            if (n + night as i64) % 3 != 0 && at < MONDAY + (day + 1) * DAY {
                events.push(
                    json!({"id": format!("o{night}x{n}"), "kind": "order", "at": at, "customer": customer(n),
                                   "staff": "lihua", "status": "paid", "amount_fen": 1000 * (n * 7 % 5 + 1)}),
                );
            }
        }
        let at = MONDAY + day * DAY + 10 * HOUR;
        match night {
            3 => events.push(json!({"id": "t1", "kind": "tag", "at": at, "customer": customer(2), "tag": "high_net_worth"})),
            4 => events.push(json!({"id": "f1", "kind": "transfer", "at": at, "customer": customer(1), "from": "lihua", "to": "wangmin"})),
            5 => events.push(json!({"id": "a1", "kind": "alias", "at": at, "customer": customer(101), "old": customer(1)})),
            _ => {}
        }
        let messages = [
            say(night as u32 * 10, at, &customer(1), "lihua", "", "我要投诉，要退款，态度差"),
            say(night as u32 * 10 + 1, at + MINUTE, &customer(101), "lihua", "", "有优惠吗，打折吗"),
        ];
        let (file, orders) =
            (place.path().join(format!("{night}.jsonl")), place.path().join(format!("e{night}.jsonl")));
        write(&file, &messages);
        write(&orders, &events);
        all_events.push(orders.to_str().unwrap().to_owned());
        let sources = batch::event_sources(&all_events).unwrap();
        run(bundle, &RunOptions { events: sources, ..options(std::slice::from_ref(&file), &nightly) });
        files.push(file);
        last = day;
    }
    let sources = batch::event_sources(&all_events).unwrap();
    run(bundle, &RunOptions { events: sources, ..options(&files, &once) });
    let ranked = rows(&once, "tag_events").iter().filter(|row| row["tag_id"].starts_with("rfm_")).count();
    assert!(ranked > 20, "{ranked}");
    assert_same_decisions(&once, &nightly, "orders", &[]);
}

#[test]
fn who_refuses_stays_refused_over_nights() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let at = |days: i64, minutes: i64| MONDAY + days * DAY + 10 * HOUR + minutes * MINUTE;
    let consent = |id: u32, at: i64, kind: &str| {
        json!({"msgid": format!("{id}_{at}_external"), "action": "send", "from": customer, "tolist": ["lihua"],
               "roomid": "", "msgtime": at, "msgtype": kind, kind: {"userid": customer, "agree_time": at, "disagree_time": at}})
    };
    let nights = [
        vec![say(1, at(0, 0), customer, "lihua", "", "我要投诉"), consent(2, at(0, 1), "disagree")],
        vec![say(3, at(1, 0), customer, "lihua", "", "我要投诉，要退款，态度差")],
        vec![
            consent(4, at(2, 0), "agree"),
            say(5, at(2, 1), customer, "lihua", "", "我要投诉，要退款，态度差"),
        ],
    ];
    let mut files = Vec::new();
    for (night, messages) in nights.iter().enumerate() {
        let file = place.path().join(format!("{night}.jsonl"));
        write(&file, messages);
        run(bundle, &RunOptions { respect_disagree: true, ..options(std::slice::from_ref(&file), &nightly) });
        files.push(file);
    }
    run(bundle, &RunOptions { respect_disagree: true, ..options(&files, &once) });
    let days: Vec<String> =
        standing_rows(&nightly, "alerts").into_iter().map(|row| row["at"].clone()).collect();
    assert!(
        days.contains(&(at(2, 1) * 1_000).to_string()) && !days.contains(&(at(1, 0) * 1_000).to_string()),
        "{days:?}"
    );
    assert_same_decisions(&once, &nightly, "consent", &[]);
}

#[test]
fn a_night_of_one_customer_writes_the_state_of_one_customer() {
    let (place, bundle) = (tempfile::tempdir().unwrap(), bundle());
    let out = place.path().join("out");
    let customer = |n: u32| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAA{n:03}");
    let many: Vec<Value> = (0..80)
        .map(|n| say(n, MONDAY + i64::from(n) * MINUTE, &customer(n), "lihua", "", "这个课程多少钱"))
        .collect();
    let one = [say(100, MONDAY + 5 * HOUR, &customer(7), "lihua", "", "在吗")];
    let tags_of_others = || {
        let mut rows = rows(&out, "current_tags");
        rows.retain(|row| row["customer"] != customer(7));
        rows
    };
    let (a, b) = (place.path().join("a.jsonl"), place.path().join("b.jsonl"));
    write(&a, &many);
    run(bundle, &options(&[a], &out));
    let before = tags_of_others();
    write(&b, &one);
    run(bundle, &options(&[b], &out));
    let store = Store::open(&out).unwrap();
    let state = &store.head().unwrap().state;
    let histories = |file: &&FileEntry| file.state_part().parse::<usize>().is_ok();
    let written: Vec<&FileEntry> =
        state.iter().filter(histories).filter(|file| file.path.contains("/000001-")).collect();
    assert!(written.len() <= 2 && written.iter().map(|file| file.rows).sum::<u64>() <= 6, "{written:#?}");
    let all: u64 = state.iter().filter(histories).map(|file| file.rows).sum();
    assert!(all >= 80, "the others are carried over: {all}");
    assert!(before.len() >= 79);
    assert_eq!(tags_of_others(), before, "and so are their tags");
}

#[test]
fn x6_one_id_in_two_companies_is_two_messages() {
    let place = tempfile::tempdir().unwrap();
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let said = say(1, MONDAY + HOUR, customer, "lihua", "", "我要投诉，要退款，态度差");
    let of = |corp: &str| {
        let mut message = said.clone();
        message["corpid"] = json!(corp);
        message
    };
    let file = place.path().join("a.jsonl");
    write(&file, &[of("wwA"), of("wwB"), of("wwA")]);
    let out = place.path().join("out");
    let report = run(bundle(), &options(std::slice::from_ref(&file), &out));
    assert_eq!((report.tally.processed, report.tally.duplicate), (2, 1));
    let alerts = rows(&out, "alerts").into_iter().filter(|row| row["rule_id"] == "complaint_burst");
    let corps: Vec<String> = alerts.map(|row| row["corp"].clone()).collect();
    assert_eq!(corps, ["wwA", "wwB"]);
}

/// What a commit leaves of a recalled message: a note in both tables, night after night as in one run.
#[test]
fn semantic_40_what_rested_on_a_message_recalled_a_night_later_is_noted() {
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let at = |hours: i64, minutes: i64| MONDAY + hours * HOUR + minutes * MINUTE;
    let angry = say(1, at(10, 0), customer, "lihua", "", "我要投诉，要退款，态度差");
    let nights = [
        vec![angry.clone(), say(2, at(23, 0), customer, "lihua", "", "好的")],
        vec![recall(3, at(30, 0), &angry), say(4, at(40, 0), customer, "lihua", "", "好的")],
    ];
    let (_place, once, nightly) = both_ways(bundle(), &nights);
    assert_same_decisions(&once, &nightly, "recalled", &[]);
    for table in ["tag_events", "alerts"] {
        let notes: Vec<Row> =
            rows(&nightly, table).into_iter().filter(|row| row["kind"] == "recalled_evidence").collect();
        assert!(!notes.is_empty(), "{table}");
        let quotes = |row: &Row| row["evidence"].contains(angry["msgid"].as_str().unwrap());
        assert!(
            notes.iter().all(|row| row["at"] == (at(30, 0) * 1_000).to_string() && quotes(row)),
            "{notes:?}"
        );
    }
    let alert = rows(&nightly, "alerts").into_iter().find(|row| row["kind"] == "recalled_evidence").unwrap();
    assert_eq!(alert["recalled_from"], (at(10, 0) * 1_000).to_string());
}

/// X4.
#[test]
fn a_message_from_the_future_is_laid_aside_and_moves_no_time() {
    let (place, customer) = (tempfile::tempdir().unwrap(), "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01");
    let mut ahead = say(2, MONDAY + HOUR, customer, "lihua", "", "在吗");
    ahead["msgtime"] = json!(MONDAY + 400 * DAY);
    let file = place.path().join("a.jsonl");
    write(&file, &[say(1, MONDAY, customer, "lihua", "", "在吗"), ahead]);
    let out = place.path().join("out");
    let report = run(bundle(), &options(std::slice::from_ref(&file), &out));
    assert_eq!(report.tally.reasons["quarantined.time.ahead_of_id"], 1, "{:?}", report.tally.reasons);
    let late = place.path().join("b.jsonl");
    write(&late, &[say(3, MONDAY + 23 * HOUR, customer, "lihua", "", "好的")]);
    let report = run(bundle(), &options(std::slice::from_ref(&late), &out));
    assert_eq!((report.tally.processed, rows(&out, "late").len()), (1, 0), "the time has not moved");
}

/// Semantic 29: the scale of a month that is over stays as it was when an order comes late. The customer whose order
/// it is finds its band on that scale; nobody else's moves.
#[test]
fn an_order_that_comes_after_its_month_moves_its_customers_band_alone() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let customer = |n: i64| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAA{n:03}");
    let order = |id: String, at: i64, n: i64| {
        json!({"id": id, "kind": "order", "at": at, "customer": customer(n), "staff": "lihua", "status": "paid",
               "amount_fen": 1_000})
    };
    let days = |n: i64| MONDAY + n * DAY + 10 * HOUR;
    // Customer n has n + 1 orders in March; April begins 30 days after Monday, 2 March.
    let orders: Vec<Value> = (0..12)
        .flat_map(|n| (0..=n).map(move |i| (n, i)))
        .map(|(n, i)| order(format!("o{n}x{i}"), days(3 + i) + n * MINUTE, n))
        .collect();
    let late: Vec<Value> = (0..11).map(|i| order(format!("late{i}"), days(29) + i * MINUTE, 0)).collect();
    let mut sources = Vec::new();
    for (night, events) in [orders, late].into_iter().enumerate() {
        let (file, events_file) =
            (place.path().join(format!("{night}.jsonl")), place.path().join(format!("e{night}.jsonl")));
        write(&file, &[say(night as u32, days(30 + night as i64), &customer(50), "lihua", "", "在吗")]);
        write(&events_file, &events);
        sources.push(events_file.to_str().unwrap().to_owned());
        let events = batch::event_sources(&sources).unwrap();
        run(bundle(), &RunOptions { events, ..options(std::slice::from_ref(&file), &out) });
    }
    let bands = |rows: Vec<Row>, who: &dyn Fn(&str) -> bool| -> Vec<String> {
        let ranked = rows.into_iter().filter(|row| row["rule_id"] == "rfm" && row["kind"] == "assign");
        let ranked = ranked.filter(|row| who(&row["customer"]) && row["tag_id"].starts_with("rfm_f"));
        ranked.map(|row| row["tag_id"].clone()).collect()
    };
    let of_first = |name: &str| name == customer(0);
    assert_eq!(bands(standing_rows(&out, "tag_events"), &of_first), ["rfm_f5"], "twelve orders in March");
    let corrected = rows(&out, "tag_events").into_iter().filter(|row| !row["corrects"].is_empty());
    assert!(corrected.map(|row| row["customer"].clone()).all(|name| of_first(&name)));
    let others = bands(standing_rows(&out, "tag_events"), &|name| !of_first(name));
    assert_eq!(others.len(), 11, "the others keep theirs: {others:?}");
}
