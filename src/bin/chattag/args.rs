//! What can be typed: commands, options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use crate::commands::replay::ReplayArgs;
pub use crate::maintain_args::*;
use crate::operate_args::{CommitsArgs, DoctorArgs, GcArgs, RollbackArgs};
pub use crate::stream_args::*;

/// WeCom session archives in; customer tags, care alerts and kick decisions out.
/// 读入企业微信会话存档，产出客户标签、关怀告警和踢人决定。
#[derive(Debug, Parser)]
#[command(name = "chattag", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// 处理存档，写出 Parquet 表 · Process an archive and write Parquet tables
    Run(RunArgs),
    /// 规则改动后，从存档重算并更正结果 · Compute changed rules anew from an archive and correct the tables
    Replay(ReplayArgs),
    /// 边收消息边判断，决定逐行输出 JSON · Decide on messages as they arrive, one JSON line per decision
    Stream(StreamArgs),
    /// 看看存档里有什么，该怎么运行；或转成标准 JSONL · Say what an archive holds, or write it out as JSONL
    Inspect(InspectArgs),
    /// 给任意文本打标注，逐行输出 JSON · Annotate any text, one JSON line per text
    Annotate(AnnotateArgs),
    /// 检查词库和规则 · Check dictionaries and rules
    Check(CheckArgs),
    /// 运行规则文件里的时间线测试 · Run the timelines written in the rule files
    Test(TestArgs),
    /// 解释一句话，或一位客户的标签从何而来 · Explain a text, or how a customer came by a tag
    Explain(ExplainArgs),
    /// 改动的影响：在真实存档上比较新旧词库 · What a change does: old against new on a real archive
    Preview(PreviewArgs),
    /// 两个版本的词库差在哪里，版本号怎么升 · What differs between two versions, and the version it needs
    Diff(DiffArgs),
    /// 词条、信号、规则、标签的用量与准确度 · Coverage, overlap, conflict, precision; tag usage
    Stats(StatsArgs),
    /// 从存档里找值得收的词 · Mine an archive for words worth taking in
    Suggest(SuggestArgs),
    /// 导入同事的表格，先看差异再写入 · Take in a colleague's spreadsheet; the difference comes first
    Import(ImportArgs),
    /// 导出词表、企业微信配置、岗位视图 · Export lists, WeCom settings, views for roles
    Export(ExportArgs),
    /// 整理格式，注释保留 · Tidy files; comments stay
    Fmt(FmtArgs),
    /// 新建规则、词表、标签，带说明和测试 · Make a rule, list or tag with comments and tests
    New(NewArgs),
    /// 发布、核对、回滚词库 · Publish, verify and roll back dictionaries
    Pack(PackArgs),
    /// 标签体检：季度清理报告 · Tag governance: the report for the quarterly clean-up
    Audit(AuditArgs),
    /// 用练习文本训练一个打分模型 · Train a scoring model from exercise texts
    Train(TrainArgs),
    /// 用词库给未标注文本打标再训练，并列出分歧 · Train on what the lexicons say; list disagreements
    Distill(DistillArgs),
    /// 用少量标注文本校准模型的阈值 · Fit a model's threshold to labelled texts
    Calibrate(CalibrateArgs),
    /// 在标注文本上评测，按来源分列 · Measure decisions on labelled texts, by source
    Eval(EvalArgs),
    /// 列出为词条生成的变体写法 · List the spellings made for terms
    Variants(VariantsArgs),
    /// 为词表提议排除语境，附命中数 · Propose covering phrases for a term list, with counts
    Phrases(PhrasesArgs),
    /// 列出输出目录里的每次提交 · List the commits of an output directory
    Commits(CommitsArgs),
    /// 回到以前的某次提交，不删除任何东西 · Go back to an earlier commit; nothing is deleted
    Rollback(RollbackArgs),
    /// 放弃旧提交，释放空间 · Let old commits go and free their space
    Gc(GcArgs),
    /// 核对输出目录，告诉你该怎么办 · Examine an output directory and say what to do
    Doctor(DoctorArgs),
    /// 打印输出表的字段说明 · Describe the columns of the output tables
    Schema(SchemaArgs),
    /// 生成命令补全脚本 · Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Options that every command takes.
#[derive(Args, Debug)]
pub struct Common {
    /// 提示语言，默认取自系统区域设置 · Language of messages; default: the locale's
    #[arg(long, global = true, value_enum, env = "CHATTAG_LANG")]
    pub lang: Option<Lang>,
    /// 日志格式；默认在终端为 text，否则为 json · Log format; default: text on a terminal, else json
    #[arg(long, global = true, value_enum)]
    pub log: Option<LogFormat>,
    /// 只输出错误 · Print errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Language of messages.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which dictionaries to use.
#[derive(Args, Debug)]
pub struct DictionaryArgs {
    /// 词库目录，默认用内置词库 · Dictionary directory; default: the shipped dictionaries
    #[arg(long, value_name = "DIR")]
    pub dict: Option<PathBuf>,
    /// 叠加行业包，可重复：retail、education、finance · Add an industry pack; may be repeated
    #[arg(long = "pack", value_name = "NAME")]
    pub packs: Vec<String>,
}

/// How archives are read.
#[derive(Args, Debug)]
pub struct ReadingArgs {
    /// 员工、机器人、群主、管理员名单 (CSV) · Roster of staff, bots, group owners and administrators (CSV)
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,
    /// 表格存档的列名对照：文件，或 `列名=字段,…` · Columns of table archives: a file, or `name=field,…`
    #[arg(long, value_name = "MAP")]
    pub columns: Option<String>,
    /// 密文存档的私钥，可重复：`公钥版本=文件` · Private key for encrypted records: `version=file`; may be repeated
    #[arg(long = "private-key", value_name = "KEY")]
    pub private_keys: Vec<String>,
    /// 解密命令：每行收一个密文信封，每行回一条明文 · Command that decrypts: one envelope a line in, one plaintext a line out
    #[arg(long, value_name = "COMMAND")]
    pub decryptor: Option<String>,
    /// 解密一条的时限（秒） · Seconds that decrypting one record may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub decryptor_timeout: u64,
    /// 单条记录上限 · Largest record
    #[arg(long, value_name = "SIZE", default_value = "16M")]
    pub max_record: String,
}

/// Arguments of `inspect`.
#[derive(Args, Debug)]
#[command(after_help = INSPECT_EXAMPLES)]
pub struct InspectArgs {
    /// 存档：文件、目录、通配符，或 - 表示标准输入 · Files, directories, globs, or - for standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub archives: Vec<String>,
    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// 没有时区的时间按哪个时区 · Zone of times that name none
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai")]
    pub zone: String,
    /// 线程数，默认全部 · Threads; default: all
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// 不出报告，把全部记录写成标准 JSONL · No report: write all records as canonical JSONL
    #[arg(long, value_enum, conflicts_with = "json")]
    pub to: Option<RecordFormat>,
    /// 以 JSON 输出报告 · Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// A form in which all records are written out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum RecordFormat {
    /// One canonical message a line.
    Jsonl,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// 存档：文件、目录、通配符，或 - 表示标准输入 · Files, directories, globs, or - for standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub archives: Vec<String>,
    /// 输出目录 · Output directory
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// How archives are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// 业务事件，可重复：文件、`种类=文件`，或来源清单 .toml · Business events: a file, `KIND=FILE`, or a list .toml
    #[arg(long, value_name = "EVENTS")]
    pub events: Vec<String>,
    /// 截止时刻，默认为最新消息当天结束 · Decide as of this local time; default: end of the newest day
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// 隔离记录占比上限，超过则退出码为 1 · Highest share of unreadable records before exit code 1
    #[arg(long, value_name = "SHARE", default_value = "1%")]
    pub max_quarantine: String,
    /// 线程数，默认全部 · Threads; default: all
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// 待处理事件（及其后的结果行）占用内存上限，超过则写入临时文件 · Memory for waiting events, and after them for rows, before they move to disk
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    pub memory: String,
    /// 另写 mentions 表，每个命中一行 · Also write the table `mentions`, one row per hit
    #[arg(long)]
    pub mentions: bool,
    /// 输出中不含任何消息文字 · Keep message text out of the tables
    #[arg(long)]
    pub no_text: bool,
    /// 不遮盖证据里的电话、邮箱、证件号和卡号 · Leave phone, e-mail, ID and card numbers in evidence as they are
    #[arg(long)]
    pub unmasked: bool,
    /// 在 quarantine 表中保留原始记录 · Keep the bytes of unreadable records in the table `quarantine`
    #[arg(long)]
    pub keep_raw: bool,
    /// 撤回的消息照样计入（默认不计；踢人总是计入） · Count the words of recalled messages (default: they count for kicks only)
    #[arg(long)]
    pub count_recalled: bool,
    /// 客户不同意存档后，忽略其在该会话中的消息 · Drop a customer's messages after `disagree`, in that conversation
    #[arg(long)]
    pub respect_disagree: bool,
    /// 以 JSON 打印结果摘要 · Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `annotate`.
#[derive(Args, Debug)]
#[command(after_help = ANNOTATE_EXAMPLES)]
pub struct AnnotateArgs {
    /// 文本、JSONL 或 CSV 文件，默认标准输入 · Text, JSONL or CSV; default: standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub input: PathBuf,
    /// 输入格式，默认按文件名和首行判断 · Input format; default: by name and first line
    #[arg(long, value_enum)]
    pub format: Option<TextFormat>,
    /// 文本所在字段 · Field that holds the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text_field: String,
    /// 编号所在字段 · Field that holds the id
    #[arg(long, value_name = "NAME", default_value = "id")]
    pub id_field: String,
    /// 每行自带词条的字段，只用这些词 · Field that holds the terms of the line; only these are looked for
    #[arg(long, value_name = "NAME", conflicts_with = "lexicon")]
    pub terms_field: Option<String>,
    /// 只用这个词表 (CSV) · Use only this term list (CSV)
    #[arg(long, value_name = "FILE")]
    pub lexicon: Option<PathBuf>,
    /// 说话人 · Who speaks
    #[arg(long, value_enum, default_value = "customer")]
    pub role: SpeakerArg,
    /// 这些话是什么时候说的（当地时间），默认现在；过期或未生效的词不算 · When the texts are said, local time;
    /// default: now; terms out of force then do not count
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
}

/// Format of texts to annotate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum TextFormat {
    /// One text a line.
    Text,
    /// One JSON object a line.
    Jsonl,
    /// A header, then one text a row.
    Csv,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SpeakerArg {
    /// A customer, to an employee.
    Customer,
    /// An employee, to a customer.
    Staff,
    /// An external member of a group.
    Member,
}

/// Which label, and which fields of the texts hold what.
#[derive(Args, Debug)]
pub struct LabelArgs {
    /// 标签 · The label
    #[arg(long, value_enum)]
    pub label: LabelArg,
    /// 文本所在字段 · Field that holds the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text_field: String,
    /// 标注所在字段，默认与标签同名 · Field that holds the label; default: the label's name
    #[arg(long, value_name = "NAME")]
    pub label_field: Option<String>,
    /// 标注不小于此数即为是 · The label holds from this number on
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub at_least: u32,
    /// 来源所在字段，结果按它分列 · Field that results are reported by
    #[arg(long, value_name = "NAME", default_value = "src")]
    pub source_field: String,
}

/// A label that models score.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum LabelArg {
    /// The writer is discontent.
    Complaint,
    /// The writer asks or haggles about a price.
    PriceInterest,
    /// The writer advertises.
    Ad,
}

/// How large a model is and how long it learns.
#[derive(Args, Debug)]
pub struct TrainingArgs {
    /// 2^N 个权重，每个一字节 · 2^N weights of one byte
    #[arg(long, value_name = "N", default_value_t = 18, value_parser = clap::value_parser!(u32).range(10..=20))]
    pub bits: u32,
    /// 最长的字符组合 · Longest n-gram, in characters
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=5))]
    pub longest: u32,
    /// 每条文本看几遍；不写：标注的文本 4，练习 12 · How often each text is visited; 4 for labelled texts, 12 for exercises
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
}

/// Arguments of `train`.
#[derive(Args, Debug)]
#[command(after_help = TRAIN_EXAMPLES)]
pub struct TrainArgs {
    /// 练习 (.txt)，或标注文本 (JSONL、CSV，可 gzip) · Exercises (.txt), or labelled texts (JSONL, CSV, gzip)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Label and fields.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// 写出的模型文件 · The model to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// 模型卡上的日期 · Day for the model's card
    #[arg(long, value_name = "DATE", default_value = "")]
    pub made: String,
    /// 训练文本的许可 · Licence of the texts, for the card
    #[arg(long, value_name = "TEXT", default_value = "unstated")]
    pub licence: String,
    /// 只用这些来源的文本，可重复 · Only texts of these sources; may be repeated
    #[arg(long = "source", value_name = "NAME")]
    pub sources: Vec<String>,
    /// 没有标注的文本算作“否” · Texts without a label do not have it
    #[arg(long)]
    pub unlabelled_are_not: bool,
    /// 练习多写出几倍的句子 · Write out so many times as many texts of each exercise
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub draws: u16,
    /// 校准所得的斜率，见 calibrate · Slope, as fitted by `calibrate`
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub slope: f64,
    /// 校准所得的截距 · Offset, likewise
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_hyphen_values = true)]
    pub offset: f64,
    /// 每单位词库证据加多少 · What a unit of lexicon evidence adds, likewise
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub evidence: f64,
    /// 达到此分即为是 · The label holds from this score on, likewise
    #[arg(long, value_name = "X", default_value_t = 0.5)]
    pub threshold: f64,
    /// Size and length of training.
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// Arguments of `distill`.
#[derive(Args, Debug)]
#[command(after_help = DISTILL_EXAMPLES)]
pub struct DistillArgs {
    /// 未标注文本 (JSONL、CSV，可 gzip) · Unlabelled texts (JSONL, CSV, gzip)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Label and fields.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// 写出的模型文件 · The model to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// 模型卡上的日期 · Day for the model's card
    #[arg(long, value_name = "DATE", default_value = "")]
    pub made: String,
    /// 训练文本的许可 · Licence of the texts, for the card
    #[arg(long, value_name = "TEXT", default_value = "unstated")]
    pub licence: String,
    /// 每类分歧最多列几条 · Disagreements to list, of each kind
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub list: usize,
    /// Size and length of training.
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Which dictionaries teach.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 以 JSON 逐行输出分歧 · Print disagreements as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `calibrate`.
#[derive(Args, Debug)]
#[command(after_help = CALIBRATE_EXAMPLES)]
pub struct CalibrateArgs {
    /// 标注文本 (JSONL、CSV，可 gzip) · Labelled texts (JSONL, CSV, gzip)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Label and fields.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// 要校准的模型，默认内置的 · The model; default: the shipped one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// 写出的模型文件 · The model to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
    /// Which dictionaries give the evidence.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
}

/// Arguments of `eval`.
#[derive(Args, Debug)]
#[command(after_help = EVAL_EXAMPLES)]
pub struct EvalArgs {
    /// 标注文本 (JSONL、CSV，可 gzip) · Labelled texts (JSONL, CSV, gzip)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Label and fields.
    #[command(flatten)]
    pub labels: LabelArgs,
    /// 评测这个模型，默认内置的 · The model; default: the shipped one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folds", "words_only"])]
    pub model: Option<PathBuf>,
    /// 交叉验证：在其余文本上训练再评测 · Cross-validate: train on the other parts, judge this one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=50))]
    pub folds: Option<u8>,
    /// 只用词库，不用模型 · Lexicons only, no model
    #[arg(long)]
    pub words_only: bool,
    /// 只用模型，不用词库 · Model only, no lexicons
    #[arg(long, conflicts_with = "words_only")]
    pub model_only: bool,
    /// 每类错误列几条原文 · Errors to print, of each kind
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub errors: usize,
    /// 把成绩写进 --model 的模型卡 · Write the figures into the card of --model
    #[arg(long, requires = "model")]
    pub record: bool,
    /// 以 JSON 逐行输出 · Print figures as JSON lines
    #[arg(long)]
    pub json: bool,
    /// Size and length of training, with --folds.
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Which dictionaries give the evidence.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
}

/// Arguments of `variants`.
#[derive(Args, Debug)]
#[command(after_help = VARIANTS_EXAMPLES)]
pub struct VariantsArgs {
    /// 词条 · Terms
    #[arg(value_name = "TERM", required_unless_present = "lexicon")]
    pub terms: Vec<String>,
    /// 列出整个词表的变体 · List those of a whole lexicon
    #[arg(long, value_name = "ID")]
    pub lexicon: Option<String>,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
    /// 以 JSON 逐行输出 · Print as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `phrases`.
#[derive(Args, Debug)]
#[command(after_help = PHRASES_EXAMPLES)]
pub struct PhrasesArgs {
    /// 词表编号，如 complaint · Id of the term list
    #[arg(value_name = "LEXICON")]
    pub lexicon: String,
    /// 文本样本 (JSONL、CSV，可 gzip)；没有就只用分词词典 · Sample of texts; without one the dictionary alone proposes
    #[arg(value_name = "SAMPLE")]
    pub sample: Option<PathBuf>,
    /// 文本所在字段 · Field that holds the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    pub text_field: String,
    /// 最多列几条 · Proposals to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub most: usize,
    /// 以 JSON 逐行输出 · Print as JSON lines
    #[arg(long)]
    pub json: bool,
    /// Which dictionaries.
    #[command(flatten)]
    pub dictionaries: DictionaryArgs,
}

/// Arguments of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// 只看这张表 · Only this table
    pub table: Option<String>,
    /// 打印词库里这种 TOML 文件的 JSON Schema，供编辑器使用 · JSON Schema of this kind of TOML file, for editors
    #[arg(long, value_name = "KIND", value_parser = ["pack", "tags", "signals", "rules", "overlay", "roles"], conflicts_with = "table")]
    pub file: Option<String>,
    /// 以 JSON 输出 · Print as JSON
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
示例 Examples:
  chattag inspect archive/                               先看看收到的存档里有什么
  chattag run archive/ --out out                         用内置词库处理一晚的存档
  chattag run 'archive/dt=2026-01-*' --out out --pack education --roster staff.csv
  zcat chat.jsonl.gz | chattag run - --out out
  echo '这个多少钱，能便宜点吗' | chattag annotate       看一句话命中了什么
  chattag check --dict my-dictionaries                   改完词库先检查
  chattag test  --dict my-dictionaries                   再跑规则测试

退出码 Exit codes: 0 正常 fine · 1 有问题或超过阈值 findings · 2 用法或输入错误 usage · 75 目录被占用 locked";

const RUN_EXAMPLES: &str = "\
示例 Examples:
  chattag run data-samples/archive --out out --roster data-samples/roster.csv
  chattag run night1.jsonl night2.jsonl.gz --out out --jobs 4
  chattag run archive --out out --as-of '2026-02-01 00:00' --no-text

读取结果 Read the result:
  duckdb -c \"FROM 'out/current/current_tags/**/*.parquet'\"
  python3 -c \"import pandas; print(pandas.read_parquet('out/current/alerts'))\"";

const INSPECT_EXAMPLES: &str = "\
示例 Examples:
  chattag inspect archive/                               有什么、缺什么、怎么运行
  chattag inspect export.xlsx --columns '谁=from,何时=msgtime,说了什么=content'
  chattag inspect pages/ --private-key 1=key1.pem --private-key 2=key2.pem
  chattag inspect archive/ --to jsonl > messages.jsonl   任何格式都转成同一种 JSONL";

const ANNOTATE_EXAMPLES: &str = "\
示例 Examples:
  echo '这个多少钱' | chattag annotate
  chattag annotate reviews.csv --text-field 内容 > out.jsonl
  chattag annotate cases.jsonl --terms-field terms      每行自带词条 each line brings its terms
  chattag annotate chat.jsonl --lexicon my-words.csv    只用一个词表 one list only";

const TRAIN_EXAMPLES: &str = "\
示例 Examples:
  chattag train models/training/complaint.txt --label complaint --out complaint.model
  chattag train labelled.csv --label ad --label-field y --out ad.model --licence Apache-2.0";

const DISTILL_EXAMPLES: &str = "\
示例 Examples:
  chattag distill texts.jsonl.gz --label price_interest --out price.model --list 50";

const CALIBRATE_EXAMPLES: &str = "\
示例 Examples:
  chattag calibrate our-200-messages.csv --label complaint --out complaint.model";

const EVAL_EXAMPLES: &str = "\
示例 Examples:
  chattag eval labelled.jsonl --label complaint --errors 10      内置模型加词库 as shipped
  chattag eval labelled.jsonl --label complaint --folds 5        在它自己上交叉验证 cross-validated
  chattag eval labelled.jsonl --label price_interest --words-only";

const VARIANTS_EXAMPLES: &str = "\
示例 Examples:
  chattag variants 加微信 刷单
  chattag variants --lexicon ads | wc -l";

const PHRASES_EXAMPLES: &str = "\
示例 Examples:
  chattag phrases complaint chat.jsonl.gz     词表里的词在样本中误伤了什么 what its terms hit by mistake
  chattag phrases abuse                       只查分词词典 the dictionary alone";
