//! What can be typed after `chattag stream`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::args::{DictionaryArgs, ReadingArgs};

/// Arguments of `stream`.
#[derive(Args, Debug)]
#[command(after_help = STREAM_EXAMPLES)]
pub struct StreamArgs {
    /// 持续读取的文件、目录、通配符，默认 - 表示标准输入 · Files, directories, globs to follow; default: standard input
    #[arg(value_name = "INPUT", default_value = "-")]
    pub inputs: Vec<String>,
    /// 输出目录：定期提交表、状态和读取位置；不给则只输出决定 · Output directory for checkpoints; default: decisions only
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// 每隔多少秒提交一次 · Seconds between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "out")]
    pub checkpoint_seconds: u64,
    /// 每多少条记录提交一次 · Records between two checkpoints
    #[arg(long, value_name = "N", default_value_t = 500_000, requires = "out")]
    pub checkpoint_messages: u64,
    /// 至少保留最近多少个检查点可按编号读取、可回滚，更早的放弃；表中一行不少。默认都保留 · Checkpoints to read by number and to roll back to, at least; older ones go, tables lose no row; default: all
    #[arg(long, value_name = "N", requires = "out", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// 业务事件，可重复：文件、`种类=文件`，或来源清单 .toml · Business events: a file, `KIND=FILE`, or a list .toml
    #[arg(long, value_name = "EVENTS")]
    pub events: Vec<String>,
    /// 读完现有内容就结束，按当天结束结算 · Read what is there, decide as of the end of the newest day, and end
    #[arg(long)]
    pub once: bool,
    /// 消息最多晚到多久，默认取自词包；0 表示立即判断 · How late a message may come; default: the pack's; 0: decide at once
    #[arg(long, value_name = "SPAN")]
    pub lateness: Option<String>,
    /// 最多有多少条记录等待，超出则提前判断最早的 · Most records that wait; beyond it the oldest are decided early
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub max_waiting: usize,
    /// 在此地址提供 Prometheus 指标，例如 127.0.0.1:9184 · Serve Prometheus metrics on this address
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// 线程数，默认全部 · Threads; default: all
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// 客户不同意存档后，丢弃其在该会话中的消息 · Drop a customer's messages in a conversation after `disagree`
    #[arg(long)]
    pub respect_disagree: bool,
    /// 保留坏记录的原始字节 · Keep the bytes of unreadable records
    #[arg(long, requires = "out")]
    pub keep_raw: bool,
    /// 输出不含消息文字 · Leave message text out of all output
    #[arg(long)]
    pub no_text: bool,
    /// 证据中不打码 · Do not mask private numbers in evidence
    #[arg(long, conflicts_with = "no_text")]
    pub unmasked: bool,
}

const STREAM_EXAMPLES: &str = "\
例 Examples:
  tail -F messages.jsonl | chattag stream | jq -r 'select(.table == \"kick_decisions\") | .msgid'
  chattag stream archive/ --out out --keep 120 --lateness 1m --metrics 127.0.0.1:9184
";
