//! What the stages around matching and rules cost: signals of annotated messages, tables, a whole run.
//!
//! Reading, language and rules have benches of their own. Each answer is checked before it is timed.

#[path = "../tests/writer/fixture.rs"]
#[allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "the tests' fixture: a bench uses part of it"
)]
mod fixture;

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use chattag::batch::{Progress, RunOptions, run};
use chattag::bundle::{Bundle, Options};
use chattag::mention::{Mention, Scratch};
use chattag::message::{ChatKind, Flags, Message, MessageKind, Part, Role, RoomRole, TextScope};
use chattag::signal::Event;
use chattag::time::Timestamp;
use chattag::writer::{Store, TableOptions};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

fn bundle() -> Bundle {
    Bundle::embedded(&Options::default()).0.expect("the shipped dictionaries have no errors")
}

/// What customers say: most of it makes no signal but that they spoke.
const SAID: &[&str] = &[
    "好的，明天下午三点可以",
    "这个课程多少钱，现在报名有优惠吗",
    "收到谢谢",
    "有点贵，能便宜一点吗",
    "孩子今年六岁，跟得上吗",
    "到现在还没收到货，我要投诉你们",
    "我先看看资料，晚点回复您",
    "质量真差，给我退款",
];

fn message(text: &str) -> Message<'_> {
    Message {
        corp: Cow::Borrowed(""),
        seq: 1,
        id: Cow::Borrowed("7000000000000000001_1709517600000_external"),
        at: Timestamp(1_709_517_600_000),
        kind: MessageKind::Text,
        chat: ChatKind::OneToOne,
        room: None,
        staff: Some(Cow::Borrowed("zhang")),
        customer: Some(Cow::Borrowed("wm")),
        speaker: Cow::Borrowed("wm"),
        role: Role::Customer,
        room_role: RoomRole::Member,
        company: None,
        parts: [Part { scope: TextScope::Own, text: Cow::Borrowed(text), base_chars: 0 }]
            .into_iter()
            .collect(),
        links: Default::default(),
        mini_program: None,
        numbers: Default::default(),
        recipients: 1,
        flags: Flags::default(),
    }
}

/// The signals of messages whose mentions are known.
#[divan::bench]
fn evaluate(bencher: Bencher<'_, '_>) {
    let bundle = bundle();
    let mut scratch = Scratch::default();
    let annotated: Vec<(Message<'_>, Vec<Mention>)> = (0..8_000)
        .map(|n| {
            let (message, mut mentions) = (message(SAID[n % SAID.len()]), Vec::new());
            bundle.annotator.annotate(&message, &mut scratch, &mut mentions);
            (message, mentions)
        })
        .collect();
    let mut event = Event::default();
    let mut evaluate = || {
        let mut signals = 0;
        for (message, mentions) in &annotated {
            bundle.evaluator.evaluate(message, mentions, &bundle.catalog, &mut event);
            signals += event.signals.len();
        }
        signals
    };
    assert!(evaluate() > annotated.len(), "each message is one signal, and some are more");
    bencher.counter(ItemsCount::new(annotated.len())).bench_local(evaluate);
}

/// The tables of a night with 60,000 rows, written, synced and read back for the check.
#[divan::bench]
fn write_tables(bencher: Bencher<'_, '_>) {
    let tables = fixture::night(7_500);
    let n_rows = fixture::decisions(7_500).len() + tables.current.len() + 7_500;
    assert_eq!(n_rows, 60_000);
    let write = |tables: chattag::writer::Tables| {
        let out = fixture::scratch();
        let mut store = Store::open(out.path()).expect("a new directory");
        let options = TableOptions::default();
        fixture::commit(&mut store, tables, fixture::run("one"), options).expect("space");
        out
    };
    let out = write(tables.clone());
    let read: usize = fixture::read(out.path(), "tag_events").iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(read, 15_000);
    bencher.counter(ItemsCount::new(n_rows)).with_inputs(|| tables.clone()).bench_local_values(write);
}

fn run_options(archive: &Path, out: &Path) -> RunOptions {
    RunOptions::new(vec![archive.to_string_lossy().into_owned()], out)
}

/// The samples, from files to tables: mostly what a run costs whatever its size.
#[divan::bench]
fn run_samples(bencher: Bencher<'_, '_>) {
    let (bundle, samples) = (bundle(), Path::new(env!("CARGO_MANIFEST_DIR")).join("data-samples/archive"));
    let run_once = || {
        let out = fixture::scratch();
        let options = run_options(&samples, out.path());
        run(&bundle, &options, &Progress::default()).expect("the samples can be read")
    };
    assert!(!run_once().tags.is_empty());
    bencher.bench_local(run_once);
}

/// Writes a day of `n` messages of which one customer has so many percent.
fn write_archive(path: &Path, n: u32, hot_percent: u32) {
    let mut archive = BufWriter::new(File::create(path).expect("space"));
    for number in 0..n {
        let customer = if number % 100 < hot_percent { 0 } else { 1 + number % 80_000 };
        let (at, text) = (1_709_517_600_000 + u64::from(number) * 40, SAID[number as usize % SAID.len()]);
        writeln!(
            archive,
            r#"{{"msgid":"{number}_{at}_external","action":"send","from":"wmBENCH{customer:025}","tolist":["lihua"],"roomid":"","msgtime":{at},"msgtype":"text","text":{{"content":"{text}"}}}}"#
        )
        .expect("space");
    }
    archive.flush().expect("space");
}

/// A million messages of which one customer has none, or nearly a third (case 80 of the input specification): all of
/// his are one history, which one thread decides.
#[divan::bench(args = [0, 30], sample_count = 3, sample_size = 1)]
fn run_with_a_hot_customer(bencher: Bencher<'_, '_>, hot_percent: u32) {
    let (bundle, place) = (bundle(), tempfile::tempdir().expect("space"));
    let archive = place.path().join("archive.jsonl");
    write_archive(&archive, MESSAGES, hot_percent);
    let run_once = || {
        let out = tempfile::tempdir().expect("space");
        run(&bundle, &run_options(&archive, out.path()), &Progress::default()).expect("an archive of our own")
    };
    assert_eq!(run_once().tally.processed, u64::from(MESSAGES));
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(run_once);
}

const MESSAGES: u32 = 1_000_000;
