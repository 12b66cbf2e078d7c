//! What can be typed after the maintainers' commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::{DictionaryArgs, ReadingArgs, SpeakerArg};

/// Which archive to look at.
#[derive(Args, Debug)]
pub struct ArchiveArgs {
    /// 存档：文件、目录、通配符，可重复 · Files, directories, globs; may be repeated
    #[arg(long, value_name = "ARCHIVE", required = true)]
    pub archive: Vec<String>,
    /// How it is read.
    #[command(flatten)]
    pub sample: SampleArgs,
}

/// How an archive is read, and until when.
#[derive(Args, Debug)]
pub struct SampleArgs {
    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// 截止时刻，默认为最新消息当天结束 · Decide as of this local time; default: end of the newest day
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// 线程数，默认全部 · Threads; default: all
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 有警告也算不通过 · Fail on warnings as well
    #[arg(long, value_parser = ["warnings"])]
    pub deny: Option<String>,
    /// 列出每条规则最多记住多少 · Print how much each rule can remember of one key
    #[arg(long)]
    pub state: bool,
    /// 输出格式 · Output format
    #[arg(long, value_enum, default_value = "text")]
    pub format: FindingFormat,
    /// 以 JSON 逐行输出，同 --format json · Print findings as JSON lines
    #[arg(long)]
    pub json: bool,
    /// 与这一版比较：改了规则要升 version · Compare with this version: changed rules need a new `version`
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// 用这份存档找没用、过宽、被覆盖的词，可重复 · Find dead, broad and shadowed terms on this archive
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Vec<String>,
    /// How the archive is read.
    #[command(flatten)]
    pub sample: SampleArgs,
}

/// Form of findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FindingFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML.
    Junit,
}

/// Arguments of `test`.
#[derive(Args, Debug)]
#[command(after_help = TEST_EXAMPLES)]
pub struct TestArgs {
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 只测这条规则，可重复 · Only this rule; may be repeated
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// 每一行之后存档再恢复，结果必须相同 · Save and restore after every line; the result must be the same
    #[arg(long)]
    pub milestones: bool,
    /// 把失败测试的 expect 改成实际结果，先显示再问 · Write what came into `expect` of failing tests; asks first
    #[arg(long, requires = "dict")]
    pub update: bool,
    /// 不再询问 · Do not ask
    #[arg(long, short, requires = "update")]
    pub yes: bool,
    /// 列出与标注不符的每一条 · List every label that is not met
    #[arg(long)]
    pub gold: bool,
    /// 以 JSON 逐行输出 · Print results as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub struct ExplainArgs {
    /// 要解释的一句话 · The text to explain
    #[arg(value_name = "TEXT", required_unless_present = "customer")]
    pub text: Option<String>,
    /// 说话人 · Who says it
    #[arg(long, value_enum, default_value = "customer")]
    pub role: SpeakerArg,
    /// 解释这位客户（或群成员）· Explain this customer (or group member)
    #[arg(long, value_name = "ID", conflicts_with = "text", requires = "archive")]
    pub customer: Option<String>,
    /// 只看与这个标签有关的规则 · Only rules that have to do with this tag
    #[arg(long, value_name = "TAG", requires = "customer")]
    pub tag: Option<String>,
    /// 只看这条规则 · Only this rule
    #[arg(long, value_name = "RULE", requires = "customer")]
    pub rule: Option<String>,
    /// 到这一刻为止；解释一句话时，是说话的时刻 · Up to this local time; with a text: when it is said
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// 存档：文件、目录、通配符，可重复 · Files, directories, globs; may be repeated
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Vec<String>,
    /// How the archive is read.
    #[command(flatten)]
    pub sample: SampleArgs,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `preview`.
#[derive(Args, Debug)]
#[command(after_help = PREVIEW_EXAMPLES)]
pub struct PreviewArgs {
    /// Which archive.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// 旧版：词库目录或发布仓库；默认用内置词库 · The old version: a directory or a pack store; default: shipped
    #[arg(long, value_name = "DIR")]
    pub base: Option<PathBuf>,
    /// Which dictionaries are new.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 门槛：最多新增几次踢人 · Gate: most new kicks
    #[arg(long, value_name = "N")]
    pub max_new_kicks: Option<u64>,
    /// 门槛：每条规则结果数最多变化多少，如 20% · Gate: largest change of a rule's decisions, such as 20%
    #[arg(long, value_name = "SHARE")]
    pub max_change: Option<String>,
    /// 等待事件占用的内存上限 · Memory for waiting events
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    pub memory: String,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `diff`.
#[derive(Args, Debug)]
#[command(after_help = DIFF_EXAMPLES)]
pub struct DiffArgs {
    /// 旧版：词库目录或发布仓库 · The old version: a dictionary directory or a pack store
    pub old: PathBuf,
    /// 新版 · The new version
    pub new: PathBuf,
    /// 叠加行业包，可重复 · Add an industry pack; may be repeated
    #[arg(long = "pack", value_name = "NAME")]
    pub packs: Vec<String>,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `stats`.
#[derive(Args, Debug)]
#[command(after_help = STATS_EXAMPLES)]
pub struct StatsArgs {
    /// Which archive.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 只看这个词表 · Only this list
    #[arg(long, value_name = "ID")]
    pub lexicon: Option<String>,
    /// 没有命中的词也列出来 · List terms without hits too
    #[arg(long)]
    pub all: bool,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `suggest`.
#[derive(Args, Debug)]
#[command(after_help = SUGGEST_EXAMPLES)]
pub struct SuggestArgs {
    /// Which archive.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 与命中这个信号的消息同现的词 · Words that go with messages of this signal
    #[arg(long, value_name = "SIGNAL", group = "like")]
    pub signal: Option<String>,
    /// 与有这个标签的客户同现的词 · Words that go with customers that get this tag
    #[arg(long, value_name = "TAG", group = "like")]
    pub tag: Option<String>,
    /// 与标注过的话同现的词：CSV，列 text 与 label（1/0）· Words that go with labelled texts: CSV with text and label
    #[arg(long, value_name = "FILE", group = "like")]
    pub labels: Option<PathBuf>,
    /// 给这个词表找变体和误伤语境 · Variants of the terms of this list, and contexts that cover them
    #[arg(long, value_name = "LEXICON")]
    pub lexicon: Option<String>,
    /// 至少出现多少次 · Fewest occurrences
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub min: u32,
    /// 每类最多列多少 · Most of each kind
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub top: usize,
    /// 最多看多少条消息（按编号抽样）· Most messages looked at (a sample by id)
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub sample: usize,
    /// 另存为可直接导入的 CSV · Also write a CSV that `import` takes
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct ImportArgs {
    /// 表格：csv、xlsx、xls、ods · The spreadsheet
    pub file: PathBuf,
    /// 导入到这个词表，默认按文件名 · The list to take it into; default: by the file's name
    #[arg(long, value_name = "LEXICON")]
    pub to: Option<String>,
    /// 词库目录 · Dictionary directory
    #[arg(long, value_name = "DIR", default_value = "dictionaries")]
    pub dict: PathBuf,
    /// 工作表，默认第一个 · Worksheet; default: the first
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// 表格是完整的词表：表里没有的词停用 · The sheet is the whole list: switch off what it lacks
    #[arg(long)]
    pub whole: bool,
    /// 新词的类别，默认与词表第一行相同 · Category of new terms; default: that of the list's first
    #[arg(long, value_name = "CATEGORY")]
    pub category: Option<String>,
    /// 不再询问，直接写入 · Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// 只看差异，不写 · Show the difference only
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// 以 JSON 输出差异 · Print the difference as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
#[command(after_help = EXPORT_EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ExportArgs {
    /// Export to WeCom.
    #[command(subcommand)]
    pub target: Option<ExportTarget>,
    /// 要导出的词表 · The list to export
    #[arg(value_name = "LEXICON", required_unless_present = "role")]
    pub lexicon: Option<String>,
    /// 写到哪里：.xlsx 或 .csv；岗位视图是目录 · Where to: .xlsx or .csv; a directory for a role's view
    #[arg(long, short, value_name = "PATH", required = true)]
    pub out: Option<PathBuf>,
    /// CSV 的编码 · Encoding of CSV
    #[arg(long, value_enum, default_value = "utf8-bom")]
    pub encoding: EncodingArg,
    /// 岗位：只写这个岗位可以看的行和列 · Role: write only the rows and columns that it may see
    #[arg(long, value_name = "ROLE", requires = "from", conflicts_with = "lexicon")]
    pub role: Option<String>,
    /// 岗位视图的来源：run 的输出目录 · Source of a role's view: the output directory of `run`
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// 岗位政策文件 · The policy file
    #[arg(long, value_name = "FILE", default_value = "roles.toml")]
    pub policy: PathBuf,
    /// 员工所属部门 (CSV: 成员,部门)· Departments of employees (CSV: userid,department)
    #[arg(long, value_name = "FILE")]
    pub departments: Option<PathBuf>,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 以 JSON 输出摘要 · Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Where to export.
#[derive(Debug, Subcommand)]
pub enum ExportTarget {
    /// 企业微信：防骚扰与敏感词规则、打标签的增量 · WeCom: anti-harassment and intercept rules, tag deltas
    Wecom(WecomArgs),
}

/// Arguments of `export wecom`.
#[derive(Args, Debug)]
#[command(after_help = WECOM_EXAMPLES)]
pub struct WecomArgs {
    /// 导出这条踢人规则的关键词，可重复；默认全部 · Keywords of this kick rule; may be repeated; default: all
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// 群 id 列表，一行一个 · Group ids, one a line
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,
    /// 标签增量的来源：run 的输出目录 · Source of tag deltas: the output directory of `run`
    #[arg(long, value_name = "DIR", requires = "tag_map")]
    pub from: Option<PathBuf>,
    /// 标签对照表 (CSV: 标签,企业微信标签id) · Tags and their WeCom ids (CSV: tag,wecom_tag_id)
    #[arg(long, value_name = "FILE")]
    pub tag_map: Option<PathBuf>,
    /// 上次导出之后的提交号；默认从头 · The commit exported last; default: none
    #[arg(long, value_name = "COMMIT")]
    pub since: Option<u64>,
    /// 谁跟进哪位客户 (CSV: 成员,客户) · Who follows whom (CSV: userid,external_userid)
    #[arg(long, value_name = "FILE")]
    pub followers: Option<PathBuf>,
    /// 写到这个目录 · Directory to write to
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 以 JSON 输出摘要 · Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Encoding of exported CSV.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum EncodingArg {
    /// UTF-8
    Utf8,
    /// UTF-8 with a byte order mark
    Utf8Bom,
    /// GB18030
    Gb18030,
    /// UTF-16
    Utf16,
}

/// Arguments of `fmt`.
#[derive(Args, Debug)]
#[command(after_help = FMT_EXAMPLES)]
pub struct FmtArgs {
    /// 词库目录 · Dictionary directory
    #[arg(long, value_name = "DIR", default_value = "dictionaries")]
    pub dict: PathBuf,
    /// 只检查，不写；有要整理的就退出码 1 · Write nothing; exit code 1 when something would change
    #[arg(long)]
    pub check: bool,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `new`.
#[derive(Args, Debug)]
#[command(after_help = NEW_EXAMPLES)]
pub struct NewArgs {
    /// 新建什么 · What to make
    #[arg(value_enum)]
    pub what: NewKind,
    /// 它的 id；岗位政策不用写 · Its id; roles need none
    pub id: Option<String>,
    /// 规则的形状 · Shape of a rule
    #[arg(long, value_enum, default_value = "count")]
    pub shape: NewShape,
    /// 标题或标签路径 · Title, or the path of a tag
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// 词库目录 · Dictionary directory
    #[arg(long, value_name = "DIR", default_value = "dictionaries")]
    pub dict: PathBuf,
    /// 只打印，不写 · Print it, write nothing
    #[arg(long, conflicts_with = "json")]
    pub print: bool,
    /// 以 JSON 输出写了哪些文件 · Print the files written as JSON
    #[arg(long)]
    pub json: bool,
}

/// What `new` makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum NewKind {
    /// 一条规则，带信号、标签和三个测试 · A rule with its signal, tag and three tests
    Rule,
    /// 一个词表 · A term list
    Lexicon,
    /// 一个标签 · A tag
    Tag,
    /// 一个信号 · A signal
    Signal,
    /// 一个行业包 · An industry pack
    Pack,
    /// 一份岗位政策 · A policy for roles
    Roles,
    /// 从零开始的词库：pack.toml 加一条规则 · Dictionaries from nothing, with one rule
    Dictionary,
}

/// Shape of a new rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum NewShape {
    /// 一句话就算 · One message is enough
    Match,
    /// 时间窗内计数 · So many within a window
    Count,
    /// 先后顺序 · One after the other
    Sequence,
    /// 一段时间没有动静 · Nothing for a while
    Absence,
    /// 连续几天 · Days in a row
    Streak,
    /// 占比 · A share
    Ratio,
    /// 周期 · Its own rhythm is overdue
    Cycle,
    /// 全体分档 · Bands among all
    Rank,
    /// 标签的组合 · A combination of tags
    Combine,
    /// 踢人 · A kick
    Kick,
}

/// Arguments of `pack`.
#[derive(Args, Debug)]
#[command(after_help = PACK_EXAMPLES)]
pub struct PackArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: PackAction,
}

/// What to do with published packs.
#[derive(Debug, Subcommand)]
pub enum PackAction {
    /// 检查、测试、冻结并启用一个版本 · Check, test, freeze and select a version
    Build(PackBuildArgs),
    /// 列出已发布的版本 · List published versions
    List(PackStoreArgs),
    /// 核对每个文件的哈希 · Verify the hash of every file
    Verify(PackStoreArgs),
    /// 换回以前的版本 · Select an earlier version
    Rollback(PackRollbackArgs),
}

/// Arguments of `pack build`.
#[derive(Args, Debug)]
pub struct PackBuildArgs {
    /// 发布仓库目录 · Directory of the pack store
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// 词库目录 · Dictionary directory
    #[arg(long, value_name = "DIR", default_value = "dictionaries")]
    pub dict: PathBuf,
    /// 行业包，可重复：发布时一并检查和测试 · Industry packs to check and test as well
    #[arg(long = "pack", value_name = "NAME")]
    pub packs: Vec<String>,
    /// 版本说明 · What is new
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
    /// 有改动而版本没升时，按 diff 的建议改 pack.toml · Raise `version` in pack.toml as `diff` advises, when needed
    #[arg(long)]
    pub bump: bool,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pack list` and `pack verify`.
#[derive(Args, Debug)]
pub struct PackStoreArgs {
    /// 发布仓库目录 · Directory of the pack store
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pack rollback`.
#[derive(Args, Debug)]
pub struct PackRollbackArgs {
    /// 换回这个版本，默认上一个 · The version to select; default: the one before
    pub version: Option<String>,
    /// 发布仓库目录 · Directory of the pack store
    #[arg(long, value_name = "DIR")]
    pub store: PathBuf,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `audit`.
#[derive(Args, Debug)]
#[command(after_help = AUDIT_EXAMPLES)]
pub struct AuditArgs {
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// run 的输出目录：看标签的用量 · Output directory of `run`: how tags are used
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// 每个上级标签下最多几个 · Most tags under one parent
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub max_children: usize,
    /// 多少个月没打过算闲置 · Months without an assignment that make a tag idle
    #[arg(long, value_name = "MONTHS", default_value_t = 3)]
    pub idle: u32,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// 哪种 shell · Which shell
    pub shell: clap_complete::Shell,
}

const CHECK_EXAMPLES: &str = "\
示例 Examples:
  chattag check                                          检查内置词库
  chattag check --dict my-dictionaries --deny warnings   上线前从严检查
  chattag check --dict my-dictionaries --base published  与已发布的版本比较
  chattag check --archive archive/ --roster roster.csv   用真实存档找没用和过宽的词
  chattag check --format sarif > check.sarif             给代码平台看";

const TEST_EXAMPLES: &str = "\
示例 Examples:
  chattag test --dict my-dictionaries
  chattag test --rule kick_parttime --rule no_reply_24h
  chattag test --milestones                              每一行之后存档再恢复
  chattag test --gold                                    列出与标注不符的每一条";

const EXPLAIN_EXAMPLES: &str = "\
示例 Examples:
  chattag explain '课程有没有优惠，能便宜点吗'
  chattag explain --role member '加微信领资料'
  chattag explain --customer wmA1 --tag price_sensitive --archive archive/";

const PREVIEW_EXAMPLES: &str = "\
示例 Examples:
  chattag preview --dict my-dictionaries --archive archive/ --base published
  chattag preview --dict my-dictionaries --archive archive/ --max-new-kicks 0 --max-change 20%";

const DIFF_EXAMPLES: &str = "\
示例 Examples:
  chattag diff published my-dictionaries
  chattag diff old-dictionaries my-dictionaries --json";

const STATS_EXAMPLES: &str = "\
示例 Examples:
  chattag stats --archive archive/ --lexicon discount
  chattag stats --archive 'archive/dt=2026-01-*' --dict my-dictionaries --json";

const SUGGEST_EXAMPLES: &str = "\
示例 Examples:
  chattag suggest --archive archive/ --signal complaint
  chattag suggest --archive archive/ --lexicon ads --out 候选.csv
  chattag import 候选.csv --to ads --dict my-dictionaries";

const IMPORT_EXAMPLES: &str = "\
示例 Examples:
  chattag import 优惠词.csv --to discount --dict my-dictionaries
  chattag import 投诉.xlsx --to complaint --dict my-dictionaries --dry-run";

const EXPORT_EXAMPLES: &str = "\
示例 Examples:
  chattag export discount --out 优惠词.xlsx --dict my-dictionaries
  chattag export discount --out 优惠词.csv --encoding gb18030
  chattag export wecom --out wecom --groups groups.txt
  chattag export --role sales --from out --out sales-view";

const WECOM_EXAMPLES: &str = "\
示例 Examples:
  chattag export wecom --rule kick_parttime --out wecom
  chattag export wecom --from out --tag-map tags.csv --followers follow.csv --out wecom

限制 Limits: 每条防骚扰规则 100 个关键词、20,000 个群（每步 2,000）；每条敏感词规则 300 个词，每词 32 字；
mark_tag 同时最多 5 个请求 · at most 5 concurrent mark_tag calls";

const FMT_EXAMPLES: &str = "\
示例 Examples:
  chattag fmt --dict my-dictionaries
  chattag fmt --dict my-dictionaries --check             提交前检查";

const NEW_EXAMPLES: &str = "\
示例 Examples:
  chattag new dictionary gift_shop --dict my-dictionaries    从零开始 from nothing
  chattag new lexicon gift --dict my-dictionaries
  chattag new rule gift_talk --shape count --title '多次问赠品' --dict my-dictionaries
  chattag new tag gift_lover --title '偏好/赠品/爱赠品' --dict my-dictionaries";

const PACK_EXAMPLES: &str = "\
示例 Examples:
  chattag pack build --dict my-dictionaries --store published --bump --note '双十一新词'
  chattag pack list --store published
  chattag run archive/ --out out --dict published        用已发布的版本
  chattag pack rollback --store published                换回上一个版本";

const AUDIT_EXAMPLES: &str = "\
示例 Examples:
  chattag audit --dict my-dictionaries --from out";

const COMPLETIONS_EXAMPLES: &str = "\
示例 Examples:
  chattag completions bash > /etc/bash_completion.d/chattag
  chattag completions zsh > ~/.zfunc/_chattag";
