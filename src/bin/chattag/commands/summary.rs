//! The closing summary of a run, for a person.

use std::fmt::Write;
use std::time::Duration;

use chattag::archive;
use chattag::batch::{Counted, RunReport};
use chattag::diagnostic::Language;
use indicatif::{HumanBytes, HumanCount};
use unicode_width::UnicodeWidthStr;

use crate::console::Console;

/// Returns how many encrypted records were left aside.
pub fn encrypted(report: &RunReport) -> u64 {
    report.tally.reasons.get("skipped.encrypted").copied().unwrap_or(0)
}

/// Returns how many files could not be opened or read. However small their share of the records is, nobody knows
/// what was in them.
pub fn unreadable(report: &RunReport) -> u64 {
    report.tally.reasons.get("quarantined.file.unreadable").copied().unwrap_or(0)
}

/// Writes what was read, what became of it, what was decided, and where it is.
pub fn render(report: &RunReport, elapsed: Duration, max_quarantine: f64, console: &Console) -> String {
    let mut page = Page { text: String::new(), chinese: console.language() == Language::Chinese };
    if report.commit.is_none() {
        page.nothing_new(report);
        return page.text;
    }
    page.reading(report, elapsed);
    page.fates(report, max_quarantine);
    page.unreadable(report);
    page.encrypted(report);
    page.ranking(("标签", "tags"), ("本次打上 / 现有", "assigned / standing"), &report.tags);
    page.ranking(("告警", "alerts"), ("发出 / 冷却中", "raised / suppressed"), &report.alerts);
    page.ranking(("踢人决定", "kick decisions"), ("条数", "count"), &report.kicks);
    page.corrections(report);
    page.whereabouts(report);
    page.text
}

/// The summary as it grows.
struct Page {
    text: String,
    chinese: bool,
}

impl Page {
    fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        if self.chinese { zh } else { en }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn nothing_new(&mut self, report: &RunReport) {
        let line = match self.chinese {
            true => format!("没有新文件：这些存档此前都已处理，输出未改动（{}）", report.tables.display()),
            false => format!(
                "nothing new: these files were processed before; {} is unchanged",
                report.tables.display()
            ),
        };
        self.line(&line);
    }

    fn reading(&mut self, report: &RunReport, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let rate = HumanCount((report.tally.read as f64 / seconds.max(0.001)) as u64);
        let (files, bytes, read) = (report.files, HumanBytes(report.bytes), HumanCount(report.tally.read));
        let line = match self.chinese {
            true => {
                format!("读入 {files} 个文件，{bytes}，{read} 条记录，用时 {seconds:.2} 秒（每秒 {rate} 条）")
            }
            false => {
                format!("read {files} files, {bytes}, {read} records in {seconds:.2} s ({rate} per second)")
            }
        };
        self.line(&line);
        let as_of = format!("{} {} ({})", self.pick("截止", "as of"), report.as_of, report.time_zone);
        self.line(&as_of);
        for (path, why) in &report.skipped_files {
            let line = format!("  {} {}: {why}", self.pick("跳过", "left aside"), path.display());
            self.line(&line);
        }
    }

    fn fates(&mut self, report: &RunReport, max_quarantine: f64) {
        let tally = &report.tally;
        let rows = [
            (self.pick("处理", "processed"), tally.processed),
            (self.pick("重复", "duplicate"), tally.duplicate),
            (self.pick("控制", "control"), tally.control),
            (self.pick("跳过", "skipped"), tally.skipped),
            (self.pick("隔离", "quarantined"), tally.quarantined),
        ];
        let shown: Vec<String> = rows.iter().map(|(name, n)| format!("{name} {}", HumanCount(*n))).collect();
        self.line(&format!("  {}", shown.join(" · ")));
        for (reason, n) in tally.reasons.iter().filter(|(_, n)| **n > 0) {
            let meaning = reason.strip_prefix("quarantined.").and_then(archive::reason);
            let meaning = meaning.map_or_else(String::new, |(zh, en)| format!("  {}", self.pick(zh, en)));
            self.line(&format!("    {reason} {}{meaning}", HumanCount(*n)));
        }
        self.quarantine(report, max_quarantine);
    }

    fn quarantine(&mut self, report: &RunReport, max_quarantine: f64) {
        for example in &report.examples {
            let line = format!("    {} {example}", self.pick("例", "e.g."));
            self.line(&line);
        }
        let share = report.tally.quarantined_share();
        if share > max_quarantine {
            let (share, limit) = (share * 100.0, max_quarantine * 100.0);
            let line = match self.chinese {
                true => format!(
                    "  ! 隔离占 {share:.2}%，超过 {limit}%：请查看 quarantine 表，或用 --max-quarantine 放宽"
                ),
                false => format!(
                    "  ! {share:.2}% quarantined, above {limit}%: look at table `quarantine`, or raise --max-quarantine"
                ),
            };
            self.line(&line);
        }
    }

    fn unreadable(&mut self, report: &RunReport) {
        let n = unreadable(report);
        if n == 0 {
            return;
        }
        let line = match self.chinese {
            true => format!("  ! {n} 个文件读不了：修好后再跑一次同样的命令，里面的消息会补上"),
            false => {
                format!(
                    "  ! {n} files cannot be read: mend that and run the same command again, their messages are put in"
                )
            }
        };
        self.line(&line);
    }

    fn encrypted(&mut self, report: &RunReport) {
        let n = encrypted(report);
        if n == 0 {
            return;
        }
        let versions: Vec<String> = report
            .tally
            .notes
            .iter()
            .filter_map(|(note, n)| Some(format!("v{} × {n}", note.strip_prefix("encrypted.key_version_")?)))
            .collect();
        let versions = versions.join(", ");
        let line = match self.chinese {
            true => format!(
                "  ! {n} 条仍是密文（公钥版本 {versions}）：用 --decryptor 接上您的 SDK 解密命令（docs/decryption.md），或先解密成明文 JSON"
            ),
            false => format!(
                "  ! {n} records are encrypted (key versions {versions}): connect your SDK with --decryptor (docs/decryption.md), or decrypt them to plaintext JSON first"
            ),
        };
        self.line(&line);
    }

    fn ranking(&mut self, title: (&str, &str), columns: (&str, &str), counted: &[Counted]) {
        let heading = format!("{} ({})", self.pick(title.0, title.1), self.pick(columns.0, columns.1));
        self.line(&heading);
        let with_two = columns.0.contains('/');
        for row in counted.iter().take(SHOWN) {
            let pad = " ".repeat(NAME_WIDTH.saturating_sub(row.name.width()));
            let also = if with_two { format!(" / {}", HumanCount(row.also)) } else { String::new() };
            self.line(&format!("  {}{pad} {}{also}", row.name, HumanCount(row.n)));
        }
        if counted.len() > SHOWN {
            let line = format!("  … {} {}", counted.len() - SHOWN, self.pick("项未列出", "more"));
            self.line(&line);
        }
        if counted.is_empty() {
            let line = format!("  {}", self.pick("无", "none"));
            self.line(&line);
        }
    }

    /// What late events and changed rules have led to.
    fn corrections(&mut self, report: &RunReport) {
        let (n, late) = (report.corrected, report.late);
        if n > 0 {
            let line = match self.chinese {
                true => format!("  迟到的消息更正了以前的 {n} 行（corrects 列指明是哪一行）"),
                false => format!("  late messages corrected {n} earlier rows (column `corrects` says which)"),
            };
            self.line(&line);
        }
        if late > 0 {
            let line = match self.chinese {
                true => format!("  ! {late} 条消息来得太晚，未计入：见 late 表，chattag replay 可以补上"),
                false => format!(
                    "  ! {late} messages came too late to count: table `late`; `chattag replay` takes them in"
                ),
            };
            self.line(&line);
        }
        if !report.to_replay.is_empty() {
            let rules = report.to_replay.join(", ");
            let line = match self.chinese {
                true => format!("  ! 规则已改动，从今晚起重新累计：{rules}；chattag replay 可以从存档重算"),
                false => format!(
                    "  ! rules that have changed start anew tonight: {rules}; `chattag replay` computes them from the archive"
                ),
            };
            self.line(&line);
        }
    }

    fn whereabouts(&mut self, report: &RunReport) {
        let tables = report.tables.display().to_string();
        let line = format!("{} {tables}", self.pick("结果在", "tables in"));
        self.line(&line);
        let _ = writeln!(self.text, "  duckdb -c \"FROM '{tables}/current_tags/**/*.parquet' LIMIT 20\"");
    }
}

/// Rows of a ranking.
const SHOWN: usize = 12;

/// Columns of a name in a ranking.
const NAME_WIDTH: usize = 28;
