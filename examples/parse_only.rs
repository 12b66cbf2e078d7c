//! Parses every line of an archive and nothing else: the yardstick for a whole run.
//!
//! usage: parse_only ARCHIVE_DIR
//!
//! Each *.jsonl file is read in blocks, each line goes through serde_json into the fields a run
//! needs (receivers are skipped, not kept), on all cores. Prints the number of messages.
#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    msgid: Cow<'a, str>,
    #[serde(borrow, default)]
    from: Cow<'a, str>,
    #[serde(default)]
    tolist: Option<IgnoredAny>,
    #[serde(borrow, default)]
    roomid: Cow<'a, str>,
    #[serde(default)]
    msgtime: i64,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
}

fn main() -> std::io::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "data-samples/archive".into());
    let mut tasks = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let size = path.metadata()?.len();
            tasks.extend((0..size).step_by(BLOCK).map(|start| (path.clone(), start, size)));
        }
    }
    let counts = tasks.par_iter().map(|(path, start, size)| count(path, *start, *size));
    let (messages, bytes) = counts.try_reduce(|| (0, 0), |a, b| Ok((a.0 + b.0, a.1 + b.1)))?;
    println!("messages {messages} bytes of ids and text {bytes}");
    Ok(())
}

/// Parses the lines that start in the block at `start`; returns how many, and a sum that keeps the work alive.
fn count(path: &PathBuf, start: u64, size: u64) -> std::io::Result<(u64, u64)> {
    let end = (start + BLOCK as u64).min(size);
    let from = start.saturating_sub(1);
    let mut block = vec![0; usize::try_from((end + LONGEST).min(size) - from).unwrap_or(0)];
    File::open(path)?.read_exact_at(&mut block, from)?;
    let first = if start == 0 { 0 } else { memchr::memchr(b'\n', &block).map_or(block.len(), |at| at + 1) };
    let (mut position, mut messages, mut bytes) = (first, 0, 0);
    while from + (position as u64) < end {
        let rest = &block[position..];
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        position += line.len() + 1;
        if let Ok(line) = serde_json::from_slice::<Line<'_>>(line) {
            let text = line.text.map_or(0, |text| text.content.len());
            messages += u64::from(line.msgtime > 0 || line.tolist.is_some());
            bytes += (line.msgid.len() + line.from.len() + line.roomid.len() + text) as u64;
        }
    }
    Ok((messages, bytes))
}

/// Bytes per task.
const BLOCK: usize = 4 << 20;

/// Longest line that starts in one block and ends in the next.
const LONGEST: u64 = 1 << 20;
