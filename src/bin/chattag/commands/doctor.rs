//! `chattag doctor`: examines an output directory and says what to do.
#![allow(clippy::print_stdout, reason = "the findings are this command's output")]

use std::path::Path;

use chattag::diagnostic::Language;
use chattag::writer::{Checkup, Depth, Finding, examine};
use indicatif::HumanBytes;

use crate::Status;
use crate::console::Console;
use crate::operate_args::DoctorArgs;

/// Examines and reports; findings are damage only.
pub fn run(args: &DoctorArgs, console: &Console) -> anyhow::Result<Status> {
    if !args.out.join("log").is_dir() {
        let out = args.out.display();
        return Err(super::said(
            format!("`{out}` 不是输出目录：应为 `chattag run --out` 写出的目录"),
            format!("`{out}` is no output directory: expected one that `chattag run --out` made"),
        ));
    }
    let depth = if args.quick { Depth::Sizes } else { Depth::Hashes };
    let checkup = examine(&args.out, depth);
    match args.json {
        true => println!("{}", serde_json::to_string(&checkup)?),
        false => print!("{}", render(&checkup, depth, &args.out, console)),
    }
    let is_damaged = checkup.findings.iter().any(Finding::is_damage);
    Ok(if is_damaged { Status::Findings } else { Status::Fine })
}

fn render(checkup: &Checkup, depth: Depth, out: &Path, console: &Console) -> String {
    let mut page = String::new();
    let mut line = |text: String| page.push_str(&(text + "\n"));
    if let Some(holder) = &checkup.holder {
        line(format!(
            "{}{holder}",
            console.pick("正在使用，只核对已提交的部分：", "in use, committed parts only: ")
        ));
    }
    line(summary(checkup, depth, console));
    for finding in &checkup.findings {
        let mark = if finding.is_damage() { "✗" } else { "·" };
        line(format!("{mark} {}", describe(finding, console)));
        line(format!("  → {}", advice(finding, checkup, out, console)));
    }
    page
}

fn summary(checkup: &Checkup, depth: Depth, console: &Console) -> String {
    let damaged = checkup.findings.iter().filter(|finding| finding.is_damage()).count();
    let compared = match depth {
        Depth::Sizes => console.pick("大小", "sizes"),
        Depth::Hashes => console.pick("大小与哈希", "sizes and hashes"),
    };
    let Checkup { commits, kept, files, bytes, .. } = checkup;
    let size = HumanBytes(*bytes);
    match (damaged, console.language()) {
        (0, Language::Chinese) => {
            format!("{commits} 次提交（可读 {kept}），{files} 个文件，{size}：记录链完整，{compared}一致")
        }
        (0, Language::English) => format!(
            "{commits} commits ({kept} readable), {files} files, {size}: chain whole, {compared} as written"
        ),
        (n, Language::Chinese) => {
            format!("{commits} 次提交（可读 {kept}），{files} 个文件，{size}：{n} 处损坏")
        }
        (n, Language::English) => {
            format!("{commits} commits ({kept} readable), {files} files, {size}: {n} damaged")
        }
    }
}

fn describe(finding: &Finding, console: &Console) -> String {
    match finding {
        Finding::Log { path, what } => {
            format!("{}: {}: {what}", path.display(), console.pick("读不下去", "cannot be read on"))
        }
        Finding::Missing { path, commits } => {
            format!(
                "{}: {} {commits:?}",
                path.display(),
                console.pick("缺失；用到它的提交", "gone; needed by commits")
            )
        }
        Finding::Changed { path, commits } => format!(
            "{}: {} {commits:?}",
            path.display(),
            console.pick("与写入时不同；用到它的提交", "not as written; needed by commits")
        ),
        Finding::View { path } => {
            format!("{}: {}", path.display(), console.pick("视图缺失或不全", "view missing or incomplete"))
        }
        Finding::Leftover { path } => {
            format!("{}: {}", path.display(), console.pick("上次中断的残留", "left by an interrupted run"))
        }
        Finding::Stranger { path } => {
            format!(
                "{}: {}",
                path.display(),
                console.pick("不是提交记录，没有程序读它", "no commit record; nobody reads it")
            )
        }
    }
}

fn advice(finding: &Finding, checkup: &Checkup, out: &Path, console: &Console) -> String {
    let out = out.display();
    match finding {
        Finding::Log { .. } => console
            .pick(
                "先不要运行；从备份恢复 log/ 里的这个文件。没有备份，见 docs/operations.md“记录损坏”",
                "do not run; restore this file of log/ from a backup. Without one see docs/operations.md, “damaged record”",
            )
            .to_owned(),
        Finding::Missing { .. } | Finding::Changed { .. } => match checkup.newest_whole {
            Some(n) => format!(
                "{}: chattag rollback --to {n} --out {out}",
                console.pick(
                    "从备份恢复这个文件（同名即同内容）；没有备份就回到最近完好的提交，再重新运行之后的存档",
                    "restore the file from a backup (same name, same content), or go back to the newest whole commit and run the later inputs again"
                )
            ),
            None => console
                .pick(
                    "从备份恢复这个文件（同名即同内容）；没有备份，就写到新目录，把存档重新运行一遍",
                    "restore the file from a backup (same name, same content), or run all inputs into a new directory",
                )
                .to_owned(),
        },
        Finding::View { .. } | Finding::Leftover { .. } => console
            .pick("不用处理，下次 run、rollback 或 gc 会修好", "nothing to do: the next run, rollback or gc mends it")
            .to_owned(),
        Finding::Stranger { .. } => {
            console.pick("可以移走", "may be moved away").to_owned()
        }
    }
}
