//! `chattag gc`: lets old commits go and frees their space.
#![allow(clippy::print_stdout, reason = "the outcome is this command's output")]

use chattag::diagnostic::Language;
use chattag::writer::{Collected, CommitLog, Store, garbage};
use indicatif::HumanBytes;

use crate::Status;
use crate::console::Console;
use crate::operate_args::GcArgs;

/// Collects, or says what would be collected.
pub fn run(args: &GcArgs, console: &Console) -> anyhow::Result<Status> {
    let log = CommitLog::read(&args.out)?;
    let keep = args.keep as usize;
    let collected = match args.dry_run {
        true => garbage(&log, keep),
        false => Store::open(&args.out)?.collect_garbage(keep)?,
    };
    match args.json {
        true => println!("{}", serde_json::to_string(&collected)?),
        false => println!("{}", describe(&collected, console)),
    }
    Ok(Status::Fine)
}

fn describe(collected: &Collected, console: &Console) -> String {
    let Collected { commit, dropped, files, bytes } = collected;
    let (n, size) = (dropped.len(), HumanBytes(*bytes));
    match (dropped.is_empty(), commit, console.language()) {
        (true, _, Language::Chinese) => "没有可以清理的提交".to_owned(),
        (true, _, Language::English) => "there is no commit to drop".to_owned(),
        (_, None, Language::Chinese) => format!("会放弃 {n} 次提交 {dropped:?}，清理 {files} 个文件，{size}"),
        (_, None, Language::English) => {
            format!("would drop {n} commits {dropped:?} and remove {files} files, {size}")
        }
        (_, Some(commit), Language::Chinese) => {
            format!("提交 {commit}：放弃 {n} 次提交 {dropped:?}，清理了 {files} 个文件，{size}；表中一行未少")
        }
        (_, Some(commit), Language::English) => format!(
            "commit {commit}: dropped {n} commits {dropped:?}, removed {files} files, {size}; tables lost no row"
        ),
    }
}
