//! `docs/json.md` against what `--json` prints: every command that takes the option has a table there, and the
//! fields documented are the fields printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chattag::bundle;
use serde_json::Value;

use crate::desk::{Desk, repository, write_all};

/// The fields of each section of the page, by the section's command.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(repository().join("docs/json.md")).unwrap();
    let mut sections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in page.split("\n## `").skip(1) {
        let (command, rest) = section.split_once('`').unwrap();
        let command = command.trim_end_matches(" --json").to_owned();
        let rows = rest.lines().filter(|line| line.starts_with("| `"));
        let fields = rows.flat_map(|row| row[1..].split('|').next().unwrap().split('`').skip(1).step_by(2));
        let known = sections.entry(command).or_default();
        for field in fields {
            assert!(known.insert(field.to_owned()), "{field} is documented twice");
        }
    }
    sections
}

/// A field as it was printed; a null or an empty list or object may stand for what is documented below it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Printed {
    path: String,
    is_empty: bool,
}

fn printed(value: &Value, path: &str, found: &mut BTreeSet<Printed>) {
    let mut leaf = |is_empty| found.insert(Printed { path: path.to_owned(), is_empty });
    match value {
        Value::Object(fields) if fields.is_empty() => drop(leaf(true)),
        Value::Array(items) if items.is_empty() => drop(leaf(true)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                printed(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| printed(item, &format!("{path}[]"), found)),
        value => drop(leaf(value.is_null())),
    }
}

/// Whether a documented field covers a printed one: `a.*` covers every name, with whatever marks are in it.
fn covers(field: &str, printed: &Printed) -> bool {
    let path = printed.path.as_str();
    let same = match field.split_once(".*") {
        None => field == path,
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest.ends_with(after) && rest.len() > after.len()),
    };
    let goes_on = |rest: &str| rest.starts_with(['.', '[']);
    let below = || match field.split_once(".*") {
        None => path.is_empty() || field.strip_prefix(path).is_some_and(goes_on),
        Some((before, after)) => {
            let rest = path.strip_prefix(before).and_then(|rest| rest.strip_prefix('.'));
            let cuts = |rest: &str| {
                rest.char_indices().skip(1).map(|(at, _)| at).chain([rest.len()]).collect::<Vec<_>>()
            };
            before.strip_prefix(path).is_some_and(|rest| rest.is_empty() || goes_on(rest))
                || rest.is_some_and(|rest| {
                    cuts(rest).into_iter().any(|at| after.strip_prefix(&rest[at..]).is_some_and(goes_on))
                })
        }
    };
    same || (printed.is_empty && below())
}

/// The commands that are run for one section, with their exit codes.
type Runs = &'static [(i32, &'static [&'static str])];

const RUN: &[&str] = &["run", "archive", "--roster", "roster.csv", "--out", "out", "--max-quarantine", "50%"];

/// (section, what is run); the desk is set up by [`desk`], and earlier rows leave their files to later ones.
const RUNS: &[(&str, Runs)] = &[
    ("inspect", &[(1, &["inspect", "archive"])]),
    ("run", &[(0, RUN), (0, RUN)]),
    (
        "check",
        &[
            (1, &["check", "--dict", "broken-dict", "--state"]),
            (0, &["check", "--dict", "my-dict", "--state"]),
        ],
    ),
    ("test", &[(1, &["test", "--dict", "odd"])]),
    (
        "explain",
        &[
            (0, &["explain", "课程有沒有優惠，不满意，防刷单，不用优惠了"]),
            (0, &["explain", "骨折价", "--dict", "odd"]),
        ],
    ),
    (
        "explain --customer",
        &[
            (0, &["explain", "--customer", "CUSTOMER", "--archive", "archive", "--roster", "roster.csv"]),
            (0, &["explain", "--customer", "wm000000000000000000000000000077", "--archive", "silent.jsonl"]),
        ],
    ),
    (
        "preview",
        &[
            (
                1,
                &[
                    "preview",
                    "--dict",
                    "stricter",
                    "--archive",
                    "archive",
                    "--roster",
                    "roster.csv",
                    "--max-new-kicks",
                    "0",
                    "--max-change",
                    "0%",
                ],
            ),
            (
                0,
                &[
                    "preview",
                    "--dict",
                    "my-dict",
                    "--base",
                    "stricter",
                    "--archive",
                    "archive",
                    "--roster",
                    "roster.csv",
                ],
            ),
        ],
    ),
    ("diff", &[(1, &["diff", "my-dict", "stricter"])]),
    (
        "stats",
        &[
            (0, &["stats", "--archive", "archive", "--dict", "my-dict"]),
            (0, &["stats", "--archive", "talk.jsonl", "--dict", "talk"]),
        ],
    ),
    (
        "suggest",
        &[(
            0,
            &[
                "suggest",
                "--archive",
                "archive",
                "--archive",
                "evasions.jsonl",
                "--signal",
                "complaint",
                "--lexicon",
                "complaint",
                "--min",
                "2",
            ],
        )],
    ),
    ("phrases", &[(0, &["phrases", "abuse", "--most", "3"])]),
    ("variants", &[(0, &["variants", "加微信"])]),
    (
        "import",
        &[
            (0, &["import", "sheet.csv", "--to", "discount", "--dict", "imported", "--yes"]),
            (1, &["import", "damaged.csv", "--to", "discount", "--dict", "imported", "--yes"]),
        ],
    ),
    ("export", &[(0, &["export", "ads", "--out", "ads.csv"])]),
    (
        "export --role",
        &[(0, &["export", "--role", "sales", "--policy", "roles.toml", "--from", "out", "--out", "sales"])],
    ),
    (
        "export wecom",
        &[
            (
                0,
                &[
                    "export",
                    "wecom",
                    "--out",
                    "wecom",
                    "--groups",
                    "groups.txt",
                    "--from",
                    "out",
                    "--tag-map",
                    "map.csv",
                    "--followers",
                    "follow.csv",
                ],
            ),
            (
                0,
                &[
                    "export",
                    "wecom",
                    "--out",
                    "wecom2",
                    "--since",
                    "0",
                    "--from",
                    "out",
                    "--tag-map",
                    "map.csv",
                ],
            ),
        ],
    ),
    ("fmt", &[(1, &["fmt", "--dict", "untidy", "--check"])]),
    ("new", &[(0, &["new", "lexicon", "gifts", "--dict", "imported"])]),
    (
        "pack build",
        &[
            (0, &["pack", "build", "--dict", "my-dict", "--store", "published", "--note", "初版"]),
            (1, &["pack", "build", "--dict", "odd", "--store", "published"]),
        ],
    ),
    ("pack list", &[(0, &["pack", "list", "--store", "published"])]),
    (
        "pack verify",
        &[(1, &["pack", "verify", "--store", "broken"]), (1, &["pack", "verify", "--store", "adrift"])],
    ),
    ("pack rollback", &[(0, &["pack", "rollback", "1.0.0", "--store", "published"])]),
    ("audit", &[(1, &["audit", "--dict", "my-dict", "--from", "out"])]),
    ("commits", &[(0, &["commits", "--out", "out"])]),
    ("rollback", &[(0, &["rollback", "--to", "0", "--out", "out"])]),
    ("gc", &[(0, &["gc", "--keep", "1", "--out", "out", "--dry-run"])]),
    (
        "replay",
        &[(
            1,
            &[
                "replay",
                "archive",
                "--out",
                "out",
                "--from",
                "2025-06-01",
                "--dict",
                "stricter",
                "--dry-run",
                "--roster",
                "roster.csv",
            ],
        )],
    ),
    ("doctor", &[(1, &["doctor", "--out", "torn"]), (1, &["doctor", "--out", "cut"])]),
    ("eval", &[(0, &["eval", "labelled.csv", "--label", "complaint"])]),
    (
        "distill",
        &[(
            0,
            &[
                "distill",
                "texts.csv",
                "--label",
                "complaint",
                "--out",
                "x.model",
                "--bits",
                "10",
                "--epochs",
                "1",
            ],
        )],
    ),
    ("schema", &[(0, &["schema"])]),
    ("annotate", &[(0, &["annotate", "labelled.csv"])]),
];

/// A desk with everything that the commands need to print all they can.
fn desk() -> Desk {
    let desk = Desk::new();
    for copy in ["odd", "broken-dict", "stricter", "imported", "untidy"] {
        write_all(&desk.path(copy), &bundle::embedded_files());
    }
    // A failing test, a gap that is closed, a label that is not met, a warning with help.
    desk.replace("odd/rules/price.toml", "at_least = 5", "at_least = 4");
    let gap = "\n[[test]]\nname = \"已经好了\"\nrule = \"price_then_value\"\ntodo = true\ntimeline = []\nexpect = []\n";
    desk.write("odd/rules/price.toml", (desk.read("odd/rules/price.toml") + gap).as_bytes());
    desk.write(
        "odd/gold/messages.csv",
        "msgid,text,expect_signals,expect_not\ng1,今天天气不错,complaint,\n".as_bytes(),
    );
    desk.write("broken-dict/lexicons/Gifts.csv", "编号,词条\nd1,\n".as_bytes());
    // Kicks that are gained, decisions that move.
    desk.write(
        "stricter/lexicons/ads.csv",
        (desk.read("stricter/lexicons/ads.csv") + "z900,大家,,广告/兼职,包含,1,,,忽略,启用,,,\n").as_bytes(),
    );
    desk.replace("stricter/rules/price.toml", "at_least = 5", "at_least = 2");
    desk.replace("untidy/tags.toml", "ttl = ", "ttl=");
    desk.write("sheet.csv", "编号,词条,变体,颜色\nd003,打折,折扣|打骨折,红\n,骨折价格,,\n".as_bytes());
    desk.write("damaged.csv", "编号,词条\nd901,3月8日\n".as_bytes());
    desk.write("roles.toml", "[role.sales]\ntag_groups = [\"*\", \"没有的组\"]\ndepartments = [\"*\"]\n[role.sales.tables]\ncurrent_tags = [\"customer\", \"tag_path\"]\n".as_bytes());
    desk.write("groups.txt", b"wr1\nwr2\n");
    desk.write("map.csv", "标签,企业微信标签id\nprice_sensitive,etPRICE\n".as_bytes());
    desk.write("labelled.csv", "id,text,src,complaint\n1,我要投诉你们,a,1\n2,今天天气不错,a,0\n3,态度太差了,b,1\n4,垃圾服务我要投诉,b,0\n5,还可以,b,1\n".as_bytes());
    // One text with a term, among many that look like it and have none: one epoch does not teach a model so rare a word.
    let plain = "x,明天见\nx,收到谢谢\nx,好的收到明天见\n".repeat(60);
    desk.write("texts.csv", format!("id,text\n{plain}y,好的收到谢谢明天见我要投诉\n").as_bytes());
    desk
}

/// Runs everything and returns what each section's commands print.
fn run_all(desk: &Desk) -> BTreeMap<&'static str, BTreeSet<Printed>> {
    let mut all: BTreeMap<&str, BTreeSet<Printed>> = BTreeMap::new();
    for (section, runs) in RUNS {
        prepare(desk, section);
        for (code, arguments) in *runs {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|one| if *one == "CUSTOMER" { customer(desk) } else { (*one).to_owned() })
                .collect();
            let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            if *section != "annotate" {
                arguments.push("--json");
            }
            let said = desk.says(*code, &arguments);
            values(&said).iter().for_each(|value| printed(value, "", all.entry(section).or_default()));
        }
    }
    all
}

/// One value, or one a line.
fn values(said: &str) -> Vec<Value> {
    match serde_json::from_str(said) {
        Ok(value) => vec![value],
        Err(_) => said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect(),
    }
}

/// The customer with the longest story, of a tag.
fn customer(desk: &Desk) -> String {
    crate::first_customer(desk, "price_sensitive")
}

/// What a section needs that only earlier ones leave behind.
fn prepare(desk: &Desk, section: &str) {
    match section {
        "explain --customer" => {
            let line = |id: &str, at: i64, text: &str| {
                serde_json::json!({ "msgid": format!("{id}_external"), "action": "send", "from": "wm000000000000000000000000000077",
                    "tolist": ["lihua"], "roomid": "", "msgtime": at, "msgtype": "text", "text": { "content": text } }).to_string()
            };
            let lines = [line("a", 1_709_258_400_000, "课程多少钱？"), line("b", 1_720_000_000_000, "在吗")];
            desk.write("silent.jsonl", lines.join("\n").as_bytes());
        }
        "export wecom" => {
            desk.write("follow.csv", format!("成员,客户\nzhangsan,{}\n", customer(desk)).as_bytes())
        }
        "stats" => talk(desk),
        "suggest" => crate::write_evasions(desk),
        "pack verify" => {
            copy_dir(desk, "published", "broken");
            let pack = desk.path("broken/packs/base-zh-1.0.0");
            fs::remove_file(pack.join("tags.toml")).unwrap();
            copy_dir(desk, "published", "adrift");
            desk.write("adrift/current", b"base-zh-9.9.9\n");
            desk.write("adrift/history.jsonl", b"{}\n");
        }
        "doctor" => {
            copy_dir(desk, "out", "torn");
            let state = fs::read_dir(desk.path("torn/data/tag_events")).unwrap();
            let day = state
                .filter_map(Result::ok)
                .find(|entry| entry.file_name().to_string_lossy().starts_with("dt="))
                .unwrap();
            fs::remove_dir_all(day.path()).unwrap();
            copy_dir(desk, "out", "cut");
            desk.write("cut/log/00000000000000000000.json", b"{}");
        }
        _ => {}
    }
}

fn copy_dir(desk: &Desk, from: &str, to: &str) {
    let status =
        std::process::Command::new("cp").arg("-r").arg(desk.path(from)).arg(desk.path(to)).status().unwrap();
    assert!(status.success());
}

/// A pack and an archive in which one term gives most hits of a signal, and stands inside a longer one.
fn talk(desk: &Desk) {
    let fixture = bundle::files_in(&repository().join("tests/golden/rules/n203_broad_term")).unwrap();
    let base = bundle::files_in(&repository().join("tests/fixtures/packs/base")).unwrap();
    write_all(&desk.path("talk"), &base);
    let overlay: Vec<_> = fixture
        .into_iter()
        .filter(|file| file.path.contains('/') && !file.path.ends_with(".append"))
        .collect();
    write_all(&desk.path("talk"), &overlay);
    let lines =
        fs::read_to_string(repository().join("tests/golden/rules/n203_broad_term/archive.jsonl")).unwrap();
    desk.write("talk.jsonl", lines.as_bytes());
}

#[test]
fn the_page_documents_what_is_printed_field_by_field() {
    let (documented, printed) = (documented(), run_all(&desk()));
    let mut wrong = Vec::new();
    for (section, fields) in &documented {
        let Some(printed) = printed.get(section.as_str()) else {
            wrong.push(format!("{section}: documented and not run by this test"));
            continue;
        };
        let stray = printed.iter().filter(|one| !fields.iter().any(|field| covers(field, one)));
        wrong.extend(stray.map(|one| format!("{section}: `{}` is printed and not documented", one.path)));
        let said = |field: &&String| printed.iter().any(|one| covers(field, one));
        let unseen = fields.iter().filter(|field| !said(field));
        wrong.extend(unseen.map(|field| format!("{section}: `{field}` is documented and not printed")));
    }
    assert!(wrong.is_empty(), "docs/json.md:\n{}", wrong.join("\n"));
}

/// The commands and their subcommands, as their help lists them.
fn commands(desk: &Desk) -> Vec<Vec<String>> {
    let listed = |arguments: &[&str]| -> Vec<String> {
        let help = desk.says(0, &[arguments, &["--help"]].concat());
        let list = help.split_once("Commands:\n").map_or("", |(_, rest)| rest.split_once("\n\n").unwrap().0);
        let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .filter(|name| name != "help")
            .collect()
    };
    let mut all = Vec::new();
    for command in listed(&[]) {
        let inner = listed(&[&command]);
        all.extend(inner.into_iter().map(|inner| vec![command.clone(), inner]));
        all.push(vec![command]);
    }
    all
}

#[test]
fn every_command_prints_json_or_says_why_not() {
    let (desk, documented) = (Desk::new(), documented());
    let page = fs::read_to_string(repository().join("docs/json.md")).unwrap();
    let mut n = 0;
    for command in commands(&desk) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = desk.says(0, &[&words[..], &["--help"]].concat());
        let name = command.join(" ");
        if help.contains("--json") {
            n += 1;
            assert!(documented.contains_key(&name), "docs/json.md has no table for `{name} --json`");
        } else if help.contains("Commands:") {
            continue;
        } else {
            assert!(
                page.contains(&format!("`{name}`")),
                "`{name}` has no --json, and docs/json.md does not say why"
            );
        }
    }
    assert!(n >= 29, "{n}");
    for section in documented.keys().filter(|section| *section != "annotate") {
        let words: Vec<&str> = section.split(' ').filter(|word| !word.starts_with("--")).collect();
        let help = desk.says(0, &[&words[..], &["--help"]].concat());
        assert!(help.contains("--json"), "docs/json.md promises `{section} --json`");
    }
}
