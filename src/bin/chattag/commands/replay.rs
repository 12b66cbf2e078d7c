//! `chattag replay`: rules computed anew from an archive; the difference is committed.
#![allow(clippy::print_stdout, reason = "the difference is this command's output")]

use std::path::PathBuf;
use std::sync::Arc;

use chattag::batch::{self, Progress, ReplayOptions, ReplayReport, RunOptions, Which};
use chattag::diagnostic::Language;
use chattag::writer::TableOptions;
use clap::Args;

use super::reading::{self, parse_size};
use super::text_table::TextTable;
use crate::Status;
use crate::args::{DictionaryArgs, ReadingArgs};
use crate::console::Console;
use crate::progress::Watch;

/// Arguments of `replay`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// 存档，从最早的一天起 · The archive, from its first day on
    #[arg(required = true, value_name = "ARCHIVE")]
    pub archives: Vec<String>,
    /// 输出目录，即此前 run 写入的 · Output directory of the runs before
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// 从哪一天起更正结果 · Correct what was decided from this day on
    #[arg(long, value_name = "DATE")]
    pub from: String,
    /// 重算的规则，可重复；默认为改动过的规则 · Rules to compute anew; default: those that have changed
    #[arg(long = "rule", value_name = "ID", conflicts_with = "all")]
    pub rules: Vec<String>,
    /// 重算全部规则 · Compute all rules anew
    #[arg(long)]
    pub all: bool,
    /// 只列出差别，不改动任何东西 · List the difference and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// 业务事件，与 run 相同 · Business events, as for run
    #[arg(long, value_name = "EVENTS")]
    pub events: Vec<String>,
    /// 线程数，默认全部 · Threads; default: all
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// 事件占用内存上限 · Memory for waiting events before they move to disk
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    pub memory: String,
    /// 输出中不含任何消息文字 · Keep message text out of the tables
    #[arg(long)]
    pub no_text: bool,
    /// 不遮盖证据里的电话、邮箱、证件号和卡号 · Leave phone, e-mail, ID and card numbers in evidence as they are
    #[arg(long)]
    pub unmasked: bool,
    /// 客户不同意存档后，忽略其在该会话中的消息 · Drop a customer's messages after `disagree`, in that conversation
    #[arg(long)]
    pub respect_disagree: bool,
    /// 撤回的消息照样计入，与各夜的设置一致 · Count the words of recalled messages, as the nights did
    #[arg(long)]
    pub count_recalled: bool,
    /// 以 JSON 打印差别 · Print the difference as JSON
    #[arg(long)]
    pub json: bool,
}

/// Computes anew and prints what differs; a dry run that finds something gives [`Status::Findings`].
pub fn run(args: &ReplayArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let zone = bundle.rules.pack.zone.clone();
    let options = ReplayOptions {
        from: super::local_time(&args.from, &zone)?,
        rules: which(args),
        dry_run: args.dry_run,
        run: RunOptions {
            events: batch::event_sources(&args.events)?,
            read: reading::resolve(&args.reading, zone, console)?,
            jobs: args.jobs,
            memory: parse_size(&args.memory)?,
            respect_disagree: args.respect_disagree,
            count_recalled: args.count_recalled,
            tables: TableOptions { no_text: args.no_text, unmasked: args.unmasked },
            ..RunOptions::new(args.archives.clone(), &args.out)
        },
    };
    let progress = Arc::new(Progress::default());
    super::run::stop_on_signal(&progress)?;
    let report = {
        let _watch = console.shows_progress().then(|| Watch::start(&progress));
        batch::replay(&bundle, &options, &progress)?
    };
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{}", describe(&report, args.dry_run, console)),
    }
    let differs = report.added + report.taken_back > 0;
    Ok(if args.dry_run && differs { Status::Findings } else { Status::Fine })
}

fn which(args: &ReplayArgs) -> Which {
    match (args.all, args.rules.is_empty()) {
        (true, _) => Which::All,
        (false, true) => Which::Changed,
        (false, false) => Which::Named(args.rules.clone()),
    }
}

fn describe(report: &ReplayReport, dry_run: bool, console: &Console) -> String {
    let chinese = console.language() == Language::Chinese;
    if report.rules.is_empty() {
        return match chinese {
            true => "没有改动过的规则，无需重算；要重算请用 --rule 或 --all\n".to_owned(),
            false => "no rule has changed, nothing to compute anew; --rule or --all asks for it\n".to_owned(),
        };
    }
    let (n, added, gone) = (report.rules.len(), report.added, report.taken_back);
    let mut text = match chinese {
        true => format!("重算 {n} 条规则：新增 {added} 行，撤回 {gone} 行\n"),
        false => format!("{n} rules computed anew: {added} rows added, {gone} rows taken back\n"),
    };
    let mut table = TextTable::new(if chinese {
        ["规则", "新增", "撤回"]
    } else {
        ["rule", "added", "taken back"]
    });
    for one in &report.by_rule {
        table.push([one.name.clone(), one.n.to_string(), one.also.to_string()]);
    }
    if !table.is_empty() {
        text.push_str(&table.render());
    }
    if report.cut_off > 0 {
        let n = report.cut_off;
        text.push_str(&match chinese {
            true => format!("{n} 位客户、群或员工未重算：存档里没有他们最初的消息，标签无从算起；请从头给存档\n"),
            false => format!(
                "{n} histories left as they are: the archive does not hold their beginning; give it from there on\n"
            ),
        });
    }
    if dry_run {
        text.push_str(console.pick("只看差别，未改动\n", "a dry run: nothing was changed\n"));
    }
    text
}

const EXAMPLES: &str = "\
示例 Examples:
  chattag replay archive/ --out out --from 2026-01-01 --dry-run     先看差别
  chattag replay archive/ --out out --from 2026-01-01               重算改动过的规则
  chattag replay archive/ --out out --from 2026-01-01 --rule kick_ads --events events.toml";
