//! How fast an official archive is read: bytes and messages per second.
//!
//! Writes invented archives to a temporary directory, checks the count, then
//! times reading. `CHATTAG_ARCHIVE=DIR` reads another one in place of the first.

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

/// Times reading `plan` on `threads`, after checking that it holds `messages`.
fn bench(bencher: Bencher<'_, '_>, plan: &Plan, threads: usize, messages: Option<u64>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let counted = pool.install(|| count(plan));
    assert!(messages.is_none_or(|messages| counted == messages), "{counted} messages");
    bencher
        .counter(BytesCount::new(plan.total_bytes()))
        .counter(ItemsCount::new(counted))
        .bench(|| pool.install(|| count(plan)));
}

/// The archive that is timed: invented, or the one that `CHATTAG_ARCHIVE` names.
fn archive(dir: &std::path::Path) -> (Plan, Option<u64>) {
    let named = std::env::var("CHATTAG_ARCHIVE").ok();
    if named.is_none() {
        write_archive(dir);
    }
    let messages = named.is_none().then_some(MESSAGES);
    (Plan::new(&[named.unwrap_or_else(|| dir.display().to_string())]).expect("files"), messages)
}

#[divan::bench(sample_count = 10)]
fn one_thread(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (plan, messages) = archive(dir.path());
    bench(bencher, &plan, 1, messages);
}

/// One file, cut into blocks.
#[divan::bench(sample_count = 10)]
fn all_threads(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (plan, messages) = archive(dir.path());
    bench(bencher, &plan, 0, messages);
}

/// Large groups: bytes per second should be those of other archives, or better.
#[divan::bench(sample_count = 10)]
fn groups_of_499(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let members: Vec<_> = (0..499).map(|m| format!("\"wmMEMBER{m:024}\"")).collect();
    let members = members.join(",");
    let mut lines = String::new();
    for n in 0..GROUP_MESSAGES {
        let at = 1_900_000_000_000 + n * 10;
        writeln!(lines, "{{\"msgid\":\"{n}_{at}_external\",\"action\":\"send\",\"from\":\"lihua\",\"tolist\":[{members}],\"roomid\":\"wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09\",\"msgtime\":{at},\"msgtype\":\"text\",\"text\":{{\"content\":\"明天十点开会\"}}}}")
            .expect("strings take everything");
    }
    std::fs::write(dir.path().join("a.jsonl"), lines).expect("the temporary directory is writable");
    bench(bencher, &Plan::new(&[dir.path().display().to_string()]).expect("a file"), 1, Some(GROUP_MESSAGES));
}

/// Packed archives on two threads, one of which unpacks.
#[divan::bench(sample_count = 5, args = ["gzip", "zstd"])]
fn packed(bencher: Bencher<'_, '_>, how: &str) {
    let (dir, packed) = packed_archive(how);
    bench(bencher, &packed, 2, Some(MESSAGES));
    drop(dir);
}

/// What [`packed`] cannot be faster than.
#[divan::bench(sample_count = 5, args = ["gzip", "zstd"])]
fn unpacking_alone(bencher: Bencher<'_, '_>, how: &str) {
    let (dir, packed) = packed_archive(how);
    let path = &packed.files()[0].path;
    let unpack = || {
        let file = std::io::BufReader::new(std::fs::File::open(path).expect("it was written"));
        let mut unpacked: Box<dyn std::io::Read> = match how {
            "gzip" => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            _ => Box::new(zstd::stream::read::Decoder::with_buffer(file).expect("zstd")),
        };
        std::io::copy(&mut unpacked, &mut std::io::sink()).expect("undamaged")
    };
    bencher.counter(BytesCount::new(packed.total_bytes())).bench(unpack);
    drop(dir);
}

fn packed_archive(how: &str) -> (tempfile::TempDir, Plan) {
    let (plain, dir) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    write_archive(plain.path());
    let lines = std::fs::read(plain.path().join("a.jsonl")).expect("it was written");
    let packed = match how {
        "gzip" => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut packer, &lines).expect("memory takes everything");
            packer.finish().expect("memory takes everything")
        }
        _ => zstd::stream::encode_all(&lines[..], 3).expect("memory takes everything"),
    };
    std::fs::write(dir.path().join("a"), packed).expect("the temporary directory is writable");
    let plan = Plan::new(&[dir.path().display().to_string()]).expect("a file");
    (dir, plan)
}

/// A database dump: the general path.
#[divan::bench(sample_count = 5)]
fn text_table(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut rows = "msgid,from,tolist,roomid,msgtime,msgtype,content\n".to_owned();
    for n in 0..MESSAGES {
        let at = 1_900_000_000_000 + n * 10;
        writeln!(rows, "{n}_{at}_external,wmEXAMPLE{n:023},lihua,,{at},text,请问这款第{n}号的价格是多少")
            .expect("strings take everything");
    }
    std::fs::write(dir.path().join("a.csv"), rows).expect("the temporary directory is writable");
    bench(bencher, &Plan::new(&[dir.path().display().to_string()]).expect("a file"), 1, Some(MESSAGES));
}

const GROUP_MESSAGES: u64 = 5_000;
