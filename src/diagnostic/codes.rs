//! Lists every code of a finding with what it means, in both languages.
//!
//! `docs/diagnostics.md` is made from this list, and tests keep the list, the code and the
//! examples in `tests/golden` in step.

use std::fmt::Write as _;

use super::Severity;

/// A code and what it means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Code {
    /// The stable code, such as `E003`.
    pub code: &'static str,
    /// What it says, in Chinese.
    pub zh: &'static str,
    /// What it says, in English.
    pub en: &'static str,
    /// Which command or option finds it, when plain `check` does not.
    pub by: &'static str,
}

impl Code {
    /// Returns how much a finding with this code matters.
    pub fn severity(&self) -> Severity {
        Severity::of_code(self.code)
    }

    /// Returns the code called `code`.
    pub fn named(code: &str) -> Option<&'static Code> {
        CODES.iter().find(|known| known.code == code)
    }
}

/// Returns `docs/diagnostics.md`. `examples` names the example directories that show a code.
pub fn markdown(examples: impl Fn(&str) -> Vec<String>) -> String {
    let mut page = String::from(HEAD);
    for code in CODES {
        let shown: Vec<String> = examples(code.code).iter().map(|path| link(path)).collect();
        let by = if code.by.is_empty() { String::new() } else { format!("`{}`", code.by) };
        let [zh, en] = [code.zh, code.en].map(|text| text.replace('|', "\\|"));
        let line = format!("| {} | {zh} | {en} | {by} | {} |\n", code.code, shown.join(" "));
        page.push_str(&line);
    }
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    page.push_str(FOOT);
    write!(page, "\n{} codes: {errors} E, {warnings} W, {} N.\n", CODES.len(), count(Severity::Note))
        .expect("writing to a string does not fail");
    page
}

fn count(severity: Severity) -> usize {
    CODES.iter().filter(|code| code.severity() == severity).count()
}

/// A link from `docs/` to the example at `path`, named by its directory.
fn link(path: &str) -> String {
    format!("[{}](../{path})", path.rsplit('/').next().unwrap_or(path))
}

const HEAD: &str = "\
# 检查结果代码 Diagnostics

<!-- 由代码生成：UPDATE_DOCS=1 cargo test --test golden_rules · generated -->

词库、规则、名册里的问题。E 是错误，必须改；W 是警告，`check --deny warnings` 时也算不通过；N 是提示。
每一条都写明文件、行、列（CSV 里是第几格）、错在哪、该怎么写；代码永不改作他用。
“例”是测试里的样本目录：里面有写错的文件，`findings.out` 是程序的原话（中、英文各一遍）。

Findings about dictionaries, rules and rosters. E blocks, W blocks with `--deny warnings`, N is a note. Each
names file, line and column (in a CSV file: the cell) and what to type instead. The examples are golden tests.

| 代码 | 含义 | meaning | 由谁发现 found by | 例 examples |
|---|---|---|---|---|
";

const FOOT: &str = "
## 不另设代码的 · What has no code, and why

* 规则文件名与主题不符：文件不声明主题，只要求文件名合命名规则（W116）。A file declares no topic; only its name is checked (W116).
* 例外已对不上词条：行业包的 `exclude_context` 按词条原文对应，词条改了就报 E003 或 W106；豁免按规则 id 对应，规则没了就报 E003。
  Exceptions are bound to what they silence: a context to the term's text (E003, W106), an exemption to rule ids (E003). Findings
  themselves cannot be silenced.
* 每条防骚扰规则超过 100 个关键词：`export wecom` 自动分成几条，不会出错；放不下的词和超出总数才报 W117。More than 100 keywords are spread
  over several rules; only words that fit nowhere and totals are W117.
";

const fn code(code: &'static str, zh: &'static str, en: &'static str) -> Code {
    Code { code, zh, en, by: "" }
}

const fn found_by(by: &'static str, code: Code) -> Code {
    Code { by, ..code }
}

/// What finds faults of rosters.
const ROSTER: &str = "check --roster, run --roster";

/// Every code, in order. A code is never used for something else.
pub const CODES: &[Code] = &[
    code(
        "E001",
        "不认识的键、类型不对、值读不懂，或此版本还不支持的写法",
        "unknown key, wrong type, unreadable value, or a shape or key this version does not know",
    ),
    code("E002", "标识重复，或已停用", "identifier used twice, or retired"),
    code(
        "E003",
        "引用了不存在的词表、信号、规则、标签、标签组或名单",
        "reference to a lexicon, signal, rule, tag, group or list that is not there",
    ),
    code("E004", "combine 规则绕成一圈", "`combine` rules lead round in a circle"),
    code(
        "E005",
        "类别或标签路径超过三级、有空的一级",
        "category or tag path deeper than three levels, or with an empty level",
    ),
    found_by(
        "check --base",
        code(
            "E006",
            "规则改了，version 没有升，或没写 migrate；词库改了，version 没有升",
            "a rule changed and its `version` was not raised or `migrate` is missing; the pack's `version` was not raised",
        ),
    ),
    code(
        "E007",
        "时长有歧义（M）、为零、为负，或种类不对",
        "duration ambiguous (`M`), zero, negative, or of the wrong kind",
    ),
    code("E008", "正则无法编译", "regular expression does not compile"),
    code(
        "E009",
        "形状的参数超出范围，如少于两步的 sequence",
        "a shape's numbers are out of range, such as a sequence with fewer than two steps",
    ),
    code("E010", "稳定规则缺少正例或反例测试", "stable rule without a positive and a negative test"),
    code(
        "E011",
        "踢人规则没有豁免群主、管理员和员工",
        "kick rule that does not spare owner, admin and staff",
    ),
    code(
        "E012",
        "打分写法不对；等级分数线没有递增",
        "score that says nothing; level cuts that do not increase",
    ),
    code("E013", "同一标签由两种 key 打上", "one tag assigned under two kinds of key"),
    code("E014", "文件不是 UTF-8，或含控制字符", "file is not UTF-8, or holds control characters"),
    code("E015", "CSV：表头、列、格数或编号不对", "CSV: header, column, number of cells, or duplicate id"),
    found_by(ROSTER, code("E401", "名册缺少成员列", "roster without a member column")),
    code("W101", "归一后重复的词", "same term twice after folding"),
    found_by(
        "check --archive",
        code("W102", "词条在样本中总被更长的词覆盖", "term that a longer one always covers in the sample"),
    ),
    code(
        "W103",
        "同一个词在褒贬相反的词表里，或引向互斥的两个标签",
        "same term in lists of opposite meaning, or leading to two tags of which only one can stand",
    ),
    code("W104", "只有一个字，或全是数字标点", "term of one character, or only digits and marks"),
    found_by(
        "check --archive",
        code(
            "W105",
            "词太常见，样本中很多消息都有",
            "term that a large share of the sample's messages holds",
        ),
    ),
    code("W106", "排除语境不含词条，不起作用", "exclusion context that does not contain the term"),
    code("W107", "变体与词条相同；`|` 之间有空项", "variant equal to its term; empty alternative"),
    code("W108", "像是被表格软件改过，如 3月8日、1.23E+11", "looks mangled by a spreadsheet"),
    code("W109", "单元格会被表格软件当作公式", "cell begins like a formula"),
    code("W110", "词条首尾有空格、引号或标点", "spaces, quotes or punctuation around a term"),
    code("W111", "信号、词表或标签没有被用到", "signal, lexicon or tag never used"),
    code("W112", "两条规则完全相同", "two rules with the same fingerprint"),
    code(
        "W113",
        "lateness 比窗口还长；窗口比样本存档的跨度还长（--archive）",
        "`lateness` longer than a window; window longer than the sample archive (`--archive`)",
    ),
    code("W114", "每次都告警，又没有冷却", "`after_fire = \"every\"` with an alert and no cooldown"),
    code("W115", "豁免没有截止日期，或已到期", "exemption without end, or past it"),
    code("W116", "id、标题或文件名不合命名规则", "an id, a title or a file's name against the naming rules"),
    code("W117", "超出企业微信的限制", "a limit of WeCom is passed"),
    code("W118", "等级永远达不到", "a level that no score can reach"),
    found_by(
        ROSTER,
        code(
            "W401",
            "名册有一行读不出：引号没有配对",
            "roster row that cannot be read: a quote without its partner",
        ),
    ),
    found_by(ROSTER, code("W402", "名册有一行没有成员", "roster row that names no member")),
    found_by(ROSTER, code("W403", "名册有一行角色不认识", "roster row with an unknown role")),
    found_by(
        ROSTER,
        code("W404", "名册里的群主、管理员没有写明群", "owner or admin in the roster without the room"),
    ),
    found_by("check --archive", code("N201", "样本中从未命中的词", "term without a hit in the sample")),
    found_by(
        "check --archive",
        code(
            "N202",
            "多余的词：去掉它，没有一条结果会少",
            "redundant term: never the only evidence of a fired rule",
        ),
    ),
    found_by(
        "check --archive",
        code("N203", "过宽的词：一条规则三成以上的命中来自它", "broad term: more than 30 % of a rule's hits"),
    ),
    code("N204", "标为 todo 的测试已经通过", "a test marked `todo` now passes"),
];
