//! Two invented nights of talk, as files, and runs over them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chattag::batch::{self, Progress, RunOptions};
use chattag::bundle::{self, Bundle};
use chattag::error::Error;
use chattag::writer::Disk;
use serde_json::json;
use tempfile::TempDir;

/// What is said: hour from the first night's start, who, whether in the group, what.
const TALK: [&[(i64, &str, bool, &str)]; 2] = [
    &[
        (0, "A", false, "这个课程多少钱"),
        (1, "A", false, "有没有优惠"),
        (2, "B", false, "我要投诉"),
        (2, "B", false, "质量太差"),
        (3, "C", true, "兼职刷单日结，加微信"),
        (26, "A", false, "能便宜点吗"),
    ],
    &[
        (50, "A", false, "性价比怎么样"),
        (51, "B", false, "你们态度差，我要投诉"),
        (52, "C", true, "刷单日结，加微信"),
        (53, "D", false, "多少钱"),
    ],
];

/// The files of both nights; they stay where they are, as records name their inputs.
pub fn nights() -> &'static [PathBuf; 2] {
    static PLACE: OnceLock<(TempDir, [PathBuf; 2])> = OnceLock::new();
    let (_, nights) = PLACE.get_or_init(|| {
        let place = crate::fixture::scratch();
        let nights = [0, 1].map(|night| {
            let path = place.path().join(format!("night-{night}.jsonl"));
            fs::write(&path, lines(night)).unwrap();
            path
        });
        (place, nights)
    });
    nights
}

fn lines(night: usize) -> String {
    let line = |(i, (hour, from, grouped, content)): (usize, &(i64, &str, bool, &str))| {
        let (room, n) = (if *grouped { "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09" } else { "" }, 100 * night + i);
        let said = json!({"msgid": format!("{n}_external"), "action": "send", "from": format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAAA{from}"),
                          "tolist": ["lihua"],
                          "roomid": room, "msgtime": START + hour * 3_600_000, "msgtype": "text",
                          "text": {"content": content}});
        format!("{said}\n")
    };
    TALK[night].iter().enumerate().map(line).collect()
}

/// Runs one night in this process, on one thread.
pub fn run(night: usize, out: &Path, disk: &Disk) -> Result<(), Error> {
    let options = RunOptions {
        jobs: Some(1),
        memory: 1 << 20,
        ..RunOptions::new(vec![nights()[night].display().to_string()], out)
    };
    batch::run_on(shipped(), &options, &Progress::default(), disk).map(drop)
}

fn shipped() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| Bundle::embedded(&bundle::Options::default()).0.unwrap())
}

/// 2026-03-02 10:00 in Shanghai.
const START: i64 = 1_772_416_800_000;
