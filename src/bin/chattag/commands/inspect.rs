//! `chattag inspect`: what an archive holds and what to do with it, or all its records as JSONL.
#![allow(clippy::print_stdout, reason = "the report is this command's output")]
#![allow(clippy::print_stderr, reason = "records go to standard output, so what is left out is told here")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufWriter;
use std::sync::atomic::{AtomicBool, AtomicU64};

use chattag::archive::{self, Plan, ReadOptions};
use chattag::diagnostic::Language;
use chattag::error::Error;
use chattag::inspect::{self, Contents, FileInspection, Inspection};
use chattag::time::Zone;
use indicatif::{HumanBytes, HumanCount};

use super::reading;
use crate::Status;
use crate::args::{InspectArgs, RecordFormat};
use crate::console::Console;

/// Reads the archive and prints the report, or writes its records out.
pub fn run(args: &InspectArgs, console: &Console) -> anyhow::Result<Status> {
    let zone = Zone::named(&args.zone)
        .map_err(|name| Error::argument("time zone", &name, "an IANA name such as `Asia/Shanghai`"))?;
    let options = reading::resolve(&args.reading, zone, console)?;
    let plan = Plan::new(&args.archives)?;
    match args.to {
        Some(RecordFormat::Jsonl) => write_out(&plan, &options, console),
        None => report(args, &plan, &options, console),
    }
}

fn write_out(plan: &Plan, options: &ReadOptions, console: &Console) -> anyhow::Result<Status> {
    let mut out = BufWriter::new(std::io::stdout());
    let written = inspect::write_jsonl(plan, options, &mut out, &AtomicU64::new(0), &AtomicBool::new(false))?;
    let left_out = written.unreadable + written.encrypted;
    if left_out > 0 && !console.is_quiet() {
        let (records, unreadable, encrypted) = (written.records, written.unreadable, written.encrypted);
        match console.language() {
            Language::Chinese => {
                eprintln!(
                    "写出 {records} 条；读不懂 {unreadable} 条、密文 {encrypted} 条没有写出，用 chattag inspect 看原因"
                );
            }
            Language::English => eprintln!(
                "{records} records written; {unreadable} unreadable and {encrypted} encrypted ones left out, see chattag inspect"
            ),
        }
    }
    Ok(if left_out > 0 { Status::Findings } else { Status::Fine })
}

fn report(
    args: &InspectArgs,
    plan: &Plan,
    options: &ReadOptions,
    console: &Console,
) -> anyhow::Result<Status> {
    let threads = args.jobs.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let inspection = pool.install(|| {
        inspect::inspect(&args.archives, plan, options, &AtomicU64::new(0), &AtomicBool::new(false))
    })?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&inspection)?),
        false => print!("{}", Page::render(&inspection, console)),
    }
    let troubled = inspection.total.unreadable > 0 || inspection.total.encrypted > 0;
    Ok(if troubled { Status::Findings } else { Status::Fine })
}

/// The report as it grows.
struct Page {
    text: String,
    language: Language,
}

impl Page {
    fn render(inspection: &Inspection, console: &Console) -> String {
        let mut page = Page { text: String::new(), language: console.language() };
        page.overview(inspection);
        page.files(inspection);
        page.people(inspection);
        page.faults(inspection);
        page.advice(inspection);
        page.text
    }

    fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Chinese => zh,
            Language::English => en,
        }
    }

    fn line(&mut self, zh: &str, en: &str, values: &str) {
        let name = self.pick(zh, en);
        let _ = writeln!(self.text, "{name}  {values}");
    }

    fn overview(&mut self, inspection: &Inspection) {
        let (total, files) = (&inspection.total, inspection.files.len());
        let bytes = HumanBytes(inspection.files.iter().map(|file| file.bytes).sum());
        let overview = match self.language {
            Language::Chinese => format!("{files} 个文件，{bytes}，{} 条记录", HumanCount(total.records)),
            Language::English => format!("{files} files, {bytes}, {} records", HumanCount(total.records)),
        };
        let _ = writeln!(self.text, "{overview}");
        if let Some((first, last)) = &total.span {
            self.line("时间", "time", &format!("{first} … {last}"));
        }
        let outcomes = self.outcomes(total);
        self.line("记录", "records", &outcomes);
        if inspection.duplicates > 0 {
            let n = HumanCount(inspection.duplicates).to_string();
            self.line("其中重复", "of these repeated", &n);
        }
        self.line("存法", "stored as", &listed(&total.variants));
        self.line("类型", "types", &listed(&total.types));
        self.line("会话", "conversations", &listed(&total.chats));
        if !total.notes.is_empty() {
            self.line("注意到", "noticed", &listed(&total.notes));
        }
        if !total.key_versions.is_empty() {
            self.line("公钥版本", "key versions", &listed(&total.key_versions));
        }
    }

    fn outcomes(&self, contents: &Contents) -> String {
        let rows = [
            (self.pick("消息", "messages"), contents.messages),
            (self.pick("撤回", "recalls"), contents.recalls),
            (self.pick("同意/不同意", "consents"), contents.consents),
            (self.pick("切换企业", "switches"), contents.switches),
            (self.pick("密文", "encrypted"), contents.encrypted),
            (self.pick("空", "empty"), contents.empty),
            (self.pick("读不懂", "unreadable"), contents.unreadable),
        ];
        let shown =
            rows.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {}", HumanCount(n)));
        shown.collect::<Vec<_>>().join(" · ")
    }

    fn people(&mut self, inspection: &Inspection) {
        let mut people = listed(&inspection.speakers);
        let rooms = match self.language {
            Language::Chinese => format!(" · {} 个群", HumanCount(inspection.rooms)),
            Language::English => format!(" · {} groups", HumanCount(inspection.rooms)),
        };
        people.push_str(&rooms);
        self.line("说话的人", "speakers", &people);
        if !inspection.corps.is_empty() {
            self.line("企业", "companies", &inspection.corps.join(", "));
        }
    }

    fn files(&mut self, inspection: &Inspection) {
        let _ = writeln!(self.text, "{}", self.pick("文件", "files"));
        for file in inspection.files.iter().take(FILES_SHOWN) {
            self.file(file);
        }
        if let Some(more) = inspection.files.len().checked_sub(FILES_SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(
                self.text,
                "  … {more} {}",
                self.pick("个未列出，--json 有全部", "more; --json lists all")
            );
        }
        for (path, why) in &inspection.skipped_files {
            let _ = writeln!(self.text, "  {} {}: {why}", self.pick("跳过", "left aside"), path.display());
        }
    }

    fn file(&mut self, file: &FileInspection) {
        let packed =
            if file.compression == "none" { String::new() } else { format!("{} ", file.compression) };
        let outcomes = self.outcomes(&file.contents);
        let _ = writeln!(
            self.text,
            "  {}  {packed}{}  {}  {outcomes}",
            file.path.display(),
            file.container,
            listed(&file.contents.variants)
        );
        if !file.columns.is_empty() {
            let columns = file.columns.iter().map(|(name, field)| match field {
                Some(field) => format!("{name}={field}"),
                None => format!("{name}=?"),
            });
            let _ = writeln!(self.text, "    {}", columns.collect::<Vec<_>>().join(", "));
        }
    }

    fn faults(&mut self, inspection: &Inspection) {
        if inspection.total.faults.is_empty() {
            return;
        }
        self.line("读不懂的记录", "unreadable records", &listed(&inspection.total.faults));
        let mut rows: Vec<_> = inspection.total.faults.iter().collect();
        rows.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        for (code, n) in rows {
            let meaning = archive::reason(code).map_or("", |(zh, en)| self.pick(zh, en));
            let _ = writeln!(self.text, "  {code} {}  {meaning}", HumanCount(*n));
            for example in inspection.examples.iter().filter(|example| example.code == *code) {
                let (path, line) = (example.path.display(), example.line);
                let _ = writeln!(self.text, "    {path}:{line}  {}", example.detail);
            }
        }
    }

    fn advice(&mut self, inspection: &Inspection) {
        for advice in &inspection.advice {
            let said = self.pick(&advice.zh, &advice.en).to_owned();
            let _ = writeln!(self.text, "! {said}");
        }
        let command = inspection.command.clone();
        self.line("运行", "run", &command);
    }
}

/// Returns counts, the largest first.
fn listed<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let shown: Vec<String> = rows.into_iter().map(|(name, n)| format!("{name} {}", HumanCount(*n))).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(" · ") }
}

/// Files listed one by one.
const FILES_SHOWN: usize = 40;
