//! `chattag commits`: what an output directory holds, commit by commit.
#![allow(clippy::print_stdout, reason = "the list is this command's output")]

use std::collections::BTreeMap;

use chattag::error::Error;
use chattag::time::Zone;
use chattag::writer::{Action, CommitLog, CommitRecord};
use indicatif::HumanBytes;
use serde::Serialize;

use super::text_table::TextTable;
use crate::Status;
use crate::console::Console;
use crate::operate_args::CommitsArgs;

/// Prints a line for each commit, the newest first.
pub fn run(args: &CommitsArgs, console: &Console) -> anyhow::Result<Status> {
    let zone = Zone::named(&args.zone)
        .map_err(|name| Error::argument("time zone", &name, "an IANA name such as `Asia/Shanghai`"))?;
    let log = CommitLog::read(&args.out)?;
    let newest = log.records().iter().rev().take(args.last.unwrap_or(usize::MAX));
    let lines: Vec<Line> = newest.map(|record| Line::of(record, &log, &zone)).collect();
    if args.json {
        for line in &lines {
            println!("{}", serde_json::to_string(line)?);
        }
    } else {
        print!("{}", render(&lines, console));
    }
    Ok(Status::Fine)
}

/// A commit as it is listed.
#[derive(Debug, Serialize)]
struct Line<'r> {
    commit: u64,
    action: String,
    /// What readers make of it: the newest, one of its ancestors, rolled back, or dropped.
    standing: Standing,
    /// First and last local day of the rows it adds.
    days: Option<[&'r str; 2]>,
    as_of: String,
    run_id: &'r str,
    inputs: u64,
    input_bytes: u64,
    rows: BTreeMap<&'r str, u64>,
    files: u64,
    bytes: u64,
    state_files: u64,
    state_bytes: u64,
    engine: &'r str,
    pack: &'r str,
    pack_version: &'r str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Newest,
    InView,
    OutOfView,
    Dropped,
}

impl<'r> Line<'r> {
    fn of(record: &'r CommitRecord, log: &CommitLog, zone: &Zone) -> Line<'r> {
        let mut rows = BTreeMap::new();
        for file in &record.files {
            *rows.entry(file.table.as_str()).or_default() += file.rows;
        }
        Line {
            commit: record.n,
            action: action(&record.action),
            standing: standing(record, log),
            days: days(record),
            as_of: zone.format(record.run.as_of),
            run_id: &record.run_id,
            inputs: record.run.inputs.len() as u64,
            input_bytes: record.run.inputs.iter().map(|input| input.bytes).sum(),
            rows,
            files: record.files.len() as u64,
            bytes: record.files.iter().map(|file| file.bytes).sum(),
            state_files: record.state.len() as u64,
            state_bytes: record.state.iter().map(|file| file.bytes).sum(),
            engine: &record.versions.engine,
            pack: &record.versions.pack,
            pack_version: &record.versions.pack_version,
        }
    }
}

fn action(action: &Action) -> String {
    match action {
        Action::Run => "run".to_owned(),
        Action::Rollback { to } => format!("rollback to {to}"),
        Action::Gc { drops } => format!("gc of {}", drops.len()),
    }
}

fn standing(record: &CommitRecord, log: &CommitLog) -> Standing {
    let head = log.head().map(|head| head.n).unwrap_or_default();
    match record.n {
        n if n == head => Standing::Newest,
        n if !log.is_kept(n) => Standing::Dropped,
        n if log.lineage(head).starts_with(&log.lineage(n)) => Standing::InView,
        _ => Standing::OutOfView,
    }
}

fn days(record: &CommitRecord) -> Option<[&str; 2]> {
    let days = || record.files.iter().map(|file| file.dt.as_str());
    Some([days().min()?, days().max()?])
}

fn render(lines: &[Line], console: &Console) -> String {
    if lines.is_empty() {
        return format!("{}\n", console.pick("还没有提交", "no commit yet"));
    }
    let header = [
        "",
        console.pick("提交", "commit"),
        console.pick("动作", "action"),
        console.pick("日期", "days"),
        console.pick("截止", "as of"),
        "run id",
        console.pick("输入", "inputs"),
        console.pick("表行数", "rows by table"),
        console.pick("文件", "files"),
        console.pick("状态", "state"),
        console.pick("词库", "pack"),
    ];
    let mut table = TextTable::new(header);
    lines.iter().for_each(|line| table.push(cells(line)));
    table.render()
}

fn cells(line: &Line) -> [String; 11] {
    let mark = match line.standing {
        Standing::Newest => "▶",
        Standing::InView => "",
        Standing::OutOfView => "out of view",
        Standing::Dropped => "dropped",
    };
    let rows = line.rows.iter().filter(|(_, n)| **n > 0).map(|(table, n)| format!("{table} {n}"));
    [
        mark.to_owned(),
        line.commit.to_string(),
        line.action.clone(),
        line.days.map_or_else(String::new, |[first, last]| format!("{first}…{last}")),
        line.as_of.clone(),
        line.run_id.chars().take(RUN_ID_SHOWN).collect(),
        format!("{} ({})", line.inputs, HumanBytes(line.input_bytes)),
        rows.collect::<Vec<_>>().join(", "),
        format!("{} ({})", line.files, HumanBytes(line.bytes)),
        HumanBytes(line.state_bytes).to_string(),
        format!("{} {}", line.pack, line.pack_version),
    ]
}

/// Digits of a run id that tell runs apart at a glance; `--json` has all.
const RUN_ID_SHOWN: usize = 8;
