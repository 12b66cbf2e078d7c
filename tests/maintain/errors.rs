//! What stops a command: said in Chinese and in English, with what to type, and exit code 2.

use crate::desk::Desk;

/// (arguments, what the Chinese text says, what the English text says)
type Case = (&'static [&'static str], &'static str, &'static str);

const CASES: &[Case] = &[
    (
        &["import", "nothing.csv", "--to", "ads", "--dict", "my-dict"],
        "读不了 `nothing.csv`：没有这个文件",
        "cannot read `nothing.csv`",
    ),
    (
        &["import", "list.csv", "--to", "广告", "--dict", "my-dict"],
        "不能作词表名：用 --to",
        "there are abuse, ads",
    ),
    (
        &["import", "list.csv", "--to", "ads", "--dict", "nowhere"],
        "没有 lexicons 文件夹：用 --dict",
        "has no folder `lexicons`",
    ),
    (
        &["import", "empty.xlsx", "--to", "ads", "--dict", "my-dict"],
        "另存为不带密码的 .xlsx",
        "save it as .xlsx",
    ),
    (
        &["export", "gift", "--out", "x.csv"],
        "没有词表 `gift`：有 abuse",
        "there is no list `gift`: there are abuse",
    ),
    (
        &["explain", "--customer", "x", "--tag", "nonsense", "--archive", "archive"],
        "没有标签 `nonsense`",
        "no tag `nonsense`",
    ),
    (&["explain", "x", "--at", "昨天"], "`昨天` 不能作时刻：应为当地时间", "`昨天` is no time"),
    (
        &["preview", "--archive", "nowhere"],
        "没有与 `nowhere` 相符的存档",
        "no archive file matches `nowhere`",
    ),
    (&["preview", "--archive", "archive", "--max-change", "many"], "`many` 不能作比例", "`many` is no share"),
    (&["stats", "--archive", "archive", "--lexicon", "gift"], "没有词表 `gift`", "no list `gift`"),
    (&["suggest", "--archive", "archive", "--signal", "gift"], "没有信号 `gift`", "no signal `gift`"),
    (
        &["suggest", "--archive", "archive", "--labels", "list.csv"],
        "要有 text（原话）和 label",
        "needs the columns `text` and `label`",
    ),
    (&["phrases", "gift"], "没有词表 `gift`", "no list `gift`"),
    (&["variants", "--lexicon", "gift"], "没有词表 `gift`", "no list `gift`"),
    (&["new", "rule", "坏", "--dict", "my-dict"], "小写字母开头", "begin with a lower-case letter"),
    (
        &["new", "lexicon", "discount", "--dict", "my-dict"],
        "已经有 `lexicons/discount.csv`",
        "is there already",
    ),
    (&["pack", "list", "--store", "nowhere"], "不是发布仓库", "is no pack store"),
    (&["pack", "verify", "--store", "nowhere"], "不是发布仓库", "is no pack store"),
    (
        &["pack", "rollback", "9.9.9", "--store", "published"],
        "没有发布过版本 `9.9.9`：有 1.0.0",
        "no published version `9.9.9`: there are 1.0.0",
    ),
    (&["pack", "rollback", "--store", "published"], "没有更早的版本", "no earlier version"),
    (&["export", "wecom", "--rule", "gift", "--out", "w"], "没有踢人规则 `gift`", "no kick rule `gift`"),
    (
        &["export", "wecom", "--from", "nowhere", "--tag-map", "list.csv", "--out", "w"],
        "`list.csv` 里没有标签",
        "`list.csv` names no tag",
    ),
    (
        &["export", "--role", "sales", "--from", "out", "--out", "s"],
        "读不了 `roles.toml`",
        "cannot read `roles.toml`",
    ),
    (
        &["export", "--role", "boss", "--policy", "sound.toml", "--from", "out", "--out", "s"],
        "没有岗位 `boss`：有 sales",
        "has no role `boss`: there are sales",
    ),
    (
        &["export", "--role", "sales", "--policy", "broken.toml", "--from", "out", "--out", "s"],
        "E001 broken.toml:2:",
        "`broken.toml` cannot be used",
    ),
    (
        &["export", "--role", "sales", "--policy", "table.toml", "--from", "out", "--out", "s"],
        "没有表 `alert`：有 ",
        "no table `alert`: there are ",
    ),
    (&["export", "ads", "--out", "ads.doc"], "应以 .xlsx 或 .csv 结尾", "should end in .xlsx or .csv"),
    (&["check", "--dict", "list.csv"], "读不了 `list.csv`：路径中有一段不是目录", "cannot read `list.csv`"),
    (&["check", "--state", "--format", "sarif"], "--state 只能与", "--state goes with"),
    (&["audit", "--from", "nowhere"], "没有表 `tag_events`", "no table `tag_events`"),
    (&["test", "--rule", "gift"], "没有规则 `gift`", "no rule `gift`"),
    (&["diff", "nowhere", "my-dict"], "读不了 `nowhere`", "cannot read `nowhere`"),
    (
        &["diff", "my-dict", "broken-dict"],
        "错误: `broken-dict`：词库有 1 处错误",
        "error: `broken-dict`: 1 errors in the dictionaries",
    ),
    (&["schema", "nonsense"], "没有表 `nonsense`：有 ", "no table `nonsense`: the tables are"),
    (&["annotate", "nothing.txt"], "读不了 `nothing.txt`", "cannot read `nothing.txt`"),
    (
        &["annotate", "list.csv", "--text-field", "话"],
        "没有列 `话`：有 词条",
        "no column `话`: the columns are 词条",
    ),
    (
        &["run", "archive", "--out", "o", "--roster", "list.csv"],
        "E401 list.csv:1",
        "`list.csv` cannot be used",
    ),
    (&["run", "archive", "--out", "o", "--memory", "much"], "`much` 不能作大小", "`much` is no size"),
    (&["commits", "--out", "o", "--zone", "Mars"], "`Mars` 不能作时区", "`Mars` is no time zone"),
    (&["doctor", "--out", "nowhere"], "不是输出目录", "is no output directory"),
    (&["eval", "list.csv", "--label", "ad"], "应为有一列是文本", "expected a column with the text"),
    // What the parser of the command line refuses.
    (&["chek"], "没有命令 `chek`；是不是", "unrecognized subcommand 'chek'"),
    (&["check", "--nope"], "不认识的参数 `--nope`", "unexpected argument '--nope'"),
    (
        &["check", "--deny"],
        "--deny <DENY> 后面缺少值：可选 warnings",
        "a value is required for '--deny <DENY>'",
    ),
    (
        &["check", "--format", "xml"],
        "`xml` 不能用于 --format <FORMAT>：可选 text, json",
        "invalid value 'xml'",
    ),
    (&["gc", "--out", "o", "--keep", "none"], "`none` 不能用于 --keep <N>", "invalid value 'none'"),
    (&["export"], "还缺少: --out <PATH>", "the following required arguments were not provided"),
    (&["import", "list.csv", "--yes", "--dry-run"], "--yes 不能与 --dry-run 一起用", "cannot be used with"),
    (&["pack"], "还缺少命令", "requires a subcommand"),
];

#[test]
fn what_stops_a_command_is_said_in_both_languages_with_exit_code_two() {
    let desk = Desk::new();
    desk.says(0, &["pack", "build", "--dict", "my-dict", "--store", "published"]);
    desk.write("empty.xlsx", b"PK\x03\x04");
    desk.write("list.csv", "词条\n甲乙\n".as_bytes());
    desk.write("sound.toml", b"[role.sales]\ntables = { alerts = [\"at\"] }\n");
    desk.write("table.toml", b"[role.sales]\ntables = { alert = [\"at\"] }\n");
    desk.write("broken.toml", b"[role.sales]\ntabels = 1\n");
    std::fs::create_dir(desk.path("broken-dict")).unwrap();
    desk.write("broken-dict/pack.toml", b"format = 1\nname = \"x\"\nversion = \"1.0.0\"\ncolour = 1\n");
    for (arguments, zh, en) in CASES {
        for (language, named) in [("zh", zh), ("en", en)] {
            let output = desk.chattag(&[*arguments, &["--lang", language]].concat());
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
            assert!(error.contains(named), "{arguments:?} {language}: {error}");
            let has_chinese = error.contains("错误: ") || error.contains("错误 ");
            assert_eq!(has_chinese, language == "zh", "{arguments:?}: {error}");
        }
    }
}

#[test]
fn the_language_of_the_surroundings_is_taken_where_none_is_asked_for() {
    let desk = Desk::new();
    // (CHATTAG_LANG, LC_ALL, Chinese)
    for (asked, locale, chinese) in
        [("zh", "C", true), ("en", "zh_CN.UTF-8", false), ("", "zh_CN.UTF-8", true), ("", "C", false)]
    {
        for arguments in [&["chek"][..], &["schema", "nonsense"]] {
            let mut command = desk.command(arguments);
            command.env("LC_ALL", locale).env_remove("CHATTAG_LANG");
            if !asked.is_empty() {
                command.env("CHATTAG_LANG", asked);
            }
            let error = String::from_utf8(command.output().unwrap().stderr).unwrap();
            assert_eq!(error.starts_with("错误: "), chinese, "{asked} {locale} {arguments:?}: {error}");
        }
    }
}
