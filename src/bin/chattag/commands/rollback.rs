//! `chattag rollback`: makes an earlier commit the newest again.
#![allow(clippy::print_stdout, reason = "the outcome is this command's output")]

use chattag::diagnostic::Language;
use chattag::writer::{CommitLog, Disk, Store};

use crate::Status;
use crate::console::Console;
use crate::operate_args::RollbackArgs;

/// Rolls back and says what the tables show now.
pub fn run(args: &RollbackArgs, console: &Console) -> anyhow::Result<Status> {
    let log = CommitLog::read(&args.out)?;
    let commit = Store::roll_back(&args.out, args.to, Disk::default())?;
    let inputs = log.inputs().count() - CommitLog::read(&args.out)?.inputs().count();
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "commit": commit, "to": args.to, "inputs_readable_again": inputs })
        );
        return Ok(Status::Fine);
    }
    let to = args.to;
    let line = match (commit, console.language()) {
        (None, Language::Chinese) => format!("现在显示的就是提交 {to}，没有改动"),
        (None, Language::English) => format!("commit {to} is what is shown already; nothing changed"),
        (Some(n), Language::Chinese) => {
            format!(
                "提交 {n}：表和状态回到提交 {to} 的样子，{inputs} 个输入文件可以重新处理；没有删除任何东西"
            )
        }
        (Some(n), Language::English) => format!(
            "commit {n}: tables and state are those of commit {to}, {inputs} input files may be read again; nothing was deleted"
        ),
    };
    println!("{line}");
    Ok(Status::Fine)
}
