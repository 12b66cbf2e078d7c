//! What can be typed after the commands that look after an output directory.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `commits`.
#[derive(Args, Debug)]
#[command(after_help = COMMITS_EXAMPLES)]
pub struct CommitsArgs {
    /// 输出目录 · Output directory
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// 只列最新的几次 · Only the newest
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// 时间按哪个时区显示 · Zone that times are shown in
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai")]
    pub zone: String,
    /// 以 JSON 逐行输出 · Print as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rollback`.
#[derive(Args, Debug)]
#[command(after_help = ROLLBACK_EXAMPLES)]
pub struct RollbackArgs {
    /// 输出目录 · Output directory
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// 回到哪一次提交，见 commits · The commit to go back to, as `commits` numbers them
    #[arg(long, value_name = "N")]
    pub to: u64,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gc`.
#[derive(Args, Debug)]
#[command(after_help = GC_EXAMPLES)]
pub struct GcArgs {
    /// 输出目录 · Output directory
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// 保留最新的几次运行和回滚 · Newest runs and rollbacks that stay readable
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,
    /// 只说会清理什么，不动手 · Say what would go, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// 输出目录 · Output directory
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// 只比大小，不读内容 · Compare sizes only, do not read the files
    #[arg(long)]
    pub quick: bool,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

const COMMITS_EXAMPLES: &str = "\
示例 Examples:
  chattag commits --out out                    每次提交：时间、文件、行数、状态大小、词库版本
  chattag commits --out out --last 7 --json    给程序用 for programs

▶ 是 current 现在显示的提交 is what `current` shows；回滚越过的标 out of view，gc 放弃的标 dropped。";

const ROLLBACK_EXAMPLES: &str = "\
示例 Examples:
  chattag commits --out out                先看有哪些提交 which commits there are
  chattag rollback --to 41 --out out       表和状态回到第 41 次提交之后的样子
  chattag run archive/ --out out           之后的存档可以重新处理 later inputs may be read again

回滚本身也是一次提交，不删除任何东西；反悔就再回滚到原来的编号。
A rollback is a commit itself and deletes nothing; to undo it, roll back to where you were.";

const GC_EXAMPLES: &str = "\
示例 Examples:
  chattag gc --out out --keep 30 --dry-run    会清理哪些 what would go
  chattag gc --out out --keep 30              只清理没有一次保留的提交用到的文件

表中一行都不会少：清理的是旧快照、旧状态、被整表替换的旧文件、回滚掉的文件。
Tables lose no row: old snapshots, old state, replaced files and what was rolled back go.";

const DOCTOR_EXAMPLES: &str = "\
示例 Examples:
  chattag doctor --out out                 核对记录链、每个文件的大小与哈希、视图、残留
  chattag doctor --out out --quick --json  只比大小 sizes only

退出码 Exit codes: 0 完好或下次运行会自动修复 whole, or mended by the next run · 1 有损坏，按提示处理 damage · 2 用法错误 usage";
