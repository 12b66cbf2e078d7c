//! How fast an official archive is read: bytes and messages per second.
//!
//! Writes an invented archive to a temporary directory, checks the count, then
//! times reading on one thread. `CHATTAG_ARCHIVE=DIR` reads another one.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chattag::archive::{Block, Plan, ReadOptions, Record, read_blocks};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    divan::main();
}

const MESSAGES: u64 = 200_000;

/// Four texts, one image and one group message with 40 receivers in every six.
fn write_archive(dir: &std::path::Path) {
    let mut lines = String::new();
    for n in 0..MESSAGES {
        let at = 1_900_000_000_000 + n * 10;
        let id = format!("{}_{at}_external", 7_000_000_000_000_000_000 + n);
        let from = format!("wmEXAMPLE{n:023}");
        let (to, room) = if n % 6 == 5 {
            let members: Vec<_> = (0..40).map(|m| format!("\"wmMEMBER{m:024}\"")).collect();
            (members.join(","), "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09")
        } else {
            ("\"lihua\"".to_owned(), "")
        };
        let payload = if n % 6 == 4 {
            format!(
                "\"image\",\"image\":{{\"md5sum\":\"00\",\"filesize\":70961,\"sdkfileid\":\"{}\"}}",
                "x".repeat(480)
            )
        } else {
            format!(
                "\"text\",\"text\":{{\"content\":\"请问这款第{n}号的价格是多少，现在下单有没有优惠呢？[微笑]\"}}"
            )
        };
        writeln!(lines, "{{\"msgid\":\"{id}\",\"action\":\"send\",\"from\":\"{from}\",\"tolist\":[{to}],\"roomid\":\"{room}\",\"msgtime\":{at},\"msgtype\":{payload}}}")
            .expect("strings take everything");
    }
    std::fs::write(dir.join("a.jsonl"), lines).expect("the temporary directory is writable");
}

fn count(plan: &Plan) -> u64 {
    let messages = AtomicU64::new(0);
    let visit = |block: &mut Block<'_>| {
        let mut seen = 0;
        while let Some(read) = block.next_record() {
            seen += u64::from(matches!(read.record, Ok(Record::Message(_) | Record::Recall(_))));
        }
        messages.fetch_add(seen, Ordering::Relaxed);
    };
    let (progress, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    read_blocks(plan, &ReadOptions::default(), &progress, &stop, &visit).expect("nobody stops it");
    messages.into_inner()
}

#[divan::bench(sample_count = 10)]
fn one_thread(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let named = std::env::var("CHATTAG_ARCHIVE").ok();
    if named.is_none() {
        write_archive(dir.path());
    }
    let plan =
        Plan::new(&[named.clone().unwrap_or_else(|| dir.path().display().to_string())]).expect("files");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let messages = pool.install(|| count(&plan));
    assert!(named.is_some() || messages == MESSAGES, "{messages} messages");
    bencher
        .counter(BytesCount::new(plan.total_bytes()))
        .counter(ItemsCount::new(messages))
        .bench(|| pool.install(|| count(&plan)));
}
