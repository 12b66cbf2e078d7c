//! The maintainer's day, from the command line: what `docs/maintainers.md` promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod desk;
mod errors;
mod json;
mod measures;
mod roles;

use std::fs;
use std::path::Path;
use std::process::Command;

use chattag::bundle;
use serde_json::Value;

use desk::{Desk, repository, write_all};

const SHEET: &str = "编号,词条,变体,备注\r\nd003,打折,折扣|打骨折,同事补充\r\n,骨折价格,白菜价格,新词\r\n";

#[test]
fn the_six_commands_of_the_handbook_work_as_written() {
    let page = fs::read_to_string(repository().join("docs/maintainers.md")).unwrap();
    let after = page.split_once("<!-- walkthrough -->\n```bash\n").unwrap().1;
    let commands: Vec<&str> = after.split_once("```").unwrap().0.lines().collect();
    assert_eq!(commands.len(), 6);
    let desk = Desk::new();
    desk.write("优惠词.csv", &encoding_rs::GB18030.encode(SHEET).0);
    desk.says(0, &["pack", "build", "--dict", "my-dict", "--store", "published"]);
    let first = desk.read("published/current");
    let bin = Path::new(env!("CARGO_BIN_EXE_chattag")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut said = Vec::new();
    for command in commands {
        let mut shell = Command::new("sh");
        shell.current_dir(desk.0.path()).args(["-c", command]).env("PATH", &path).env("CHATTAG_LANG", "zh");
        let output = shell.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}: {text}{}", String::from_utf8_lossy(&output.stderr));
        said.push(text);
    }
    assert!(said[0].contains("GB18030") && said[0].contains("新增 1  修改 1"), "{}", said[0]);
    assert!(said[3].contains("新增踢人 0"), "{}", said[3]);
    assert!(said[4].contains("version = \"1.0.1\""), "{}", said[4]);
    assert_eq!(desk.read("published/current"), first, "rolled back");
    assert!(desk.read("my-dict/lexicons/discount.csv").contains("白菜价格"));
}

#[test]
fn a_run_takes_and_names_the_published_pack() {
    let desk = Desk::new();
    desk.says(0, &["pack", "build", "--dict", "my-dict", "--store", "published"]);
    desk.replace("my-dict/pack.toml", "1.0.0", "1.1.0");
    desk.says(0, &["pack", "build", "--dict", "my-dict", "--store", "published"]);
    desk.says(0, &["pack", "rollback", "--store", "published"]);
    let run = [
        "run",
        "archive/dt=2026-01-05",
        "--roster",
        "roster.csv",
        "--out",
        "out",
        "--dict",
        "published",
        "--quiet",
    ];
    desk.says(0, &run);
    let log = desk.read("out/log/00000000000000000000.json");
    let packs = desk.json(0, &["pack", "list", "--store", "published", "--json"]);
    let used = &packs["packs"][0];
    assert!(log.contains(used["fingerprint"].as_str().unwrap()) && log.contains("\"1.0.0\""), "{log}");
    desk.says(0, &["pack", "verify", "--store", "published"]);
}

#[test]
fn a_word_that_kicks_more_is_listed_with_every_text_and_stopped_by_the_gate() {
    let desk = Desk::new();
    let same = desk.json(
        0,
        &["preview", "--dict", "my-dict", "--archive", "archive", "--roster", "roster.csv", "--json"],
    );
    assert_eq!(same["impact"]["affected"], 0);
    desk.write("踢.csv", "词条,类别\n大家,广告/兼职\n".as_bytes());
    desk.says(0, &["import", "踢.csv", "--to", "ads", "--dict", "my-dict", "--yes"]);
    let preview = [
        "preview",
        "--dict",
        "my-dict",
        "--archive",
        "archive",
        "--roster",
        "roster.csv",
        "--max-new-kicks",
        "0",
    ];
    let said = desk.says(1, &preview);
    assert!(said.contains("门槛未通过") && said.contains("大家"), "{said}");
    let json = desk.json(1, &[&preview[..], &["--json"]].concat());
    let kicks = json["impact"]["new_kicks"].as_array().unwrap();
    assert!(!kicks.is_empty());
    for kick in kicks {
        assert!(kick["text"].as_str().unwrap().contains("大家"), "{kick}");
        assert!(!kick["rules"].as_array().unwrap().is_empty(), "{kick}");
    }
}

/// The decisions that a run makes about each rule, from its tables' counts.
fn assigned(desk: &Desk, dict: &str, out: &str) -> Value {
    desk.json(
        0,
        &[
            "run",
            "archive",
            "--roster",
            "roster.csv",
            "--out",
            out,
            "--dict",
            dict,
            "--max-quarantine",
            "50%",
            "--json",
        ],
    )
}

#[test]
fn preview_counts_what_two_runs_decide() {
    let desk = Desk::new();
    write_all(&desk.path("old-dict"), &bundle::embedded_files());
    desk.replace("my-dict/rules/price.toml", "at_least = 5", "at_least = 2");
    let (old, new) = (assigned(&desk, "old-dict", "out1"), assigned(&desk, "my-dict", "out2"));
    let sum = |report: &Value| -> u64 {
        let tags = report["tags"].as_array().unwrap().iter();
        tags.filter(|tag| tag["name"].as_str().unwrap().starts_with("偏好/价格"))
            .map(|tag| tag["n"].as_u64().unwrap())
            .sum()
    };
    let preview = desk.json(
        0,
        &[
            "preview",
            "--dict",
            "my-dict",
            "--base",
            "old-dict",
            "--archive",
            "archive",
            "--roster",
            "roster.csv",
            "--json",
        ],
    );
    let rules = preview["impact"]["rules"].as_array().unwrap();
    let total = |at: usize| -> u64 { rules.iter().map(|rule| rule["decisions"][at].as_u64().unwrap()).sum() };
    assert!(sum(&new) > sum(&old), "the change does something on the samples");
    assert_eq!((total(0), total(1)), (sum(&old), sum(&new)), "{preview:#}");
}

#[test]
fn a_text_is_explained_stage_by_stage() {
    let desk = Desk::new();
    let said = desk.says(0, &["explain", "课程有沒有優惠，不用优惠了"]);
    for part in ["折叠后  课程有没有优惠", "分词", "✓ “優惠”", "信号    ", "discount_talk", "规则"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let json = desk.json(0, &["explain", "防刷单提醒", "--role", "member", "--json"]);
    let found = json["found"].as_array().unwrap();
    assert!(found.iter().all(|find| find["kept"] == false && !find["refusal"].is_null()), "{json}");
}

/// Semantic 47.
#[test]
fn a_customers_tag_is_explained_by_every_step_that_led_to_it() {
    let desk = Desk::new();
    let expected = fs::read_to_string(repository().join("data-samples/expected/tag_events.csv")).unwrap();
    assert!(expected.contains("price_sensitive"));
    let report = desk.says(
        0,
        &["run", "archive", "--roster", "roster.csv", "--out", "out", "--max-quarantine", "50%", "--json"],
    );
    assert!(report.contains("价格敏感型"));
    let customer = first_customer(&desk, "price_sensitive");
    let explain = [
        "explain",
        "--customer",
        &customer,
        "--tag",
        "price_sensitive",
        "--archive",
        "archive",
        "--roster",
        "roster.csv",
    ];
    let said = desk.says(0, &explain);
    assert!(said.contains("⇒ tag price_sensitive") && said.contains("1/2"), "{said}");
    let json = desk.json(0, &[&explain[..], &["--json"]].concat());
    let steps = json[0]["steps"].as_array().unwrap();
    let times: Vec<&str> = steps.iter().map(|step| step["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && steps.len() >= 2, "{said}");
    let other = [
        "explain",
        "--customer",
        &customer,
        "--rule",
        "fraud_once",
        "--archive",
        "archive",
        "--roster",
        "roster.csv",
    ];
    let other = desk.says(0, &other);
    assert!(other.contains(&customer) && other.contains("没有任何进展"), "{other}");
    assert!(
        desk.says(1, &["explain", "--customer", "nobody", "--archive", "archive"]).contains("没有这位客户")
    );
    let staff = ["explain", "--customer", "lihua", "--archive", "archive", "--roster", "roster.csv"];
    let staff = desk.says(0, &staff);
    assert!(staff.contains("这是员工的编号") && !staff.contains("没有这位客户"), "{staff}");
}

/// The first customer that has `tag` in the tables of `out`.
pub fn first_customer(desk: &Desk, tag: &str) -> String {
    use chattag::maintain::tables::{Rows, read};
    let batches = read(&desk.path("out"), "current", "tag_events").unwrap();
    let mut found = batches.iter().flat_map(|batch| {
        let rows = Rows(batch);
        (0..batch.num_rows())
            .filter(move |row| rows.text("tag_id", *row) == tag && rows.text("kind", *row) == "assign")
            .map(move |row| rows.text("customer", row).to_owned())
    });
    found.next().unwrap()
}

#[test]
fn tag_changes_become_calls_for_wecom_and_the_next_export_has_only_what_changed() {
    let desk = Desk::new();
    let run = |archive: &str| {
        desk.says(
            0,
            &["run", archive, "--roster", "roster.csv", "--out", "out", "--max-quarantine", "50%", "--quiet"],
        )
    };
    run("archive");
    let customer = first_customer(&desk, "price_sensitive");
    desk.write("tags.csv", "标签,企业微信标签id\nprice_sensitive,etPRICE\nhigh_care,etCARE\n".as_bytes());
    desk.write("follow.csv", format!("成员,客户\nzhangsan,{customer}\n").as_bytes());
    let export = [
        "export",
        "wecom",
        "--from",
        "out",
        "--tag-map",
        "tags.csv",
        "--followers",
        "follow.csv",
        "--out",
        "wecom",
        "--json",
    ];
    let first = desk.json(0, &export);
    let calls = first["tags"]["calls"].as_array().unwrap();
    assert!(
        calls.iter().any(|call| call["external_userid"] == customer.as_str() && call["userid"] == "zhangsan"),
        "{first}"
    );
    assert!(first["tags"]["unmapped"].as_object().is_some_and(|unmapped| !unmapped.is_empty()), "{first}");
    assert_eq!(desk.read("wecom/mark_tag.jsonl").lines().count(), calls.len());
    let commit = first["tags"]["commit"].to_string();
    let again = desk.json(0, &[&export[..], &["--since", &commit]].concat());
    assert_eq!(again["tags"]["calls"].as_array().unwrap().len(), 0);
    for file in ["anti_harassment.csv", "intercept.csv", "left_out.csv", "mark_tag.csv"] {
        assert!(
            fs::read(desk.path(&format!("wecom/{file}"))).unwrap().starts_with(b"\xef\xbb\xbf"),
            "{file}"
        );
    }
}

#[test]
fn the_registry_is_audited_with_its_usage() {
    let desk = Desk::new();
    desk.says(
        0,
        &["run", "archive", "--roster", "roster.csv", "--out", "out", "--max-quarantine", "50%", "--quiet"],
    );
    let tags = desk.read("my-dict/tags.toml")
        + "\n[[tag]]\nid = \"high_value\"\npath = \"价值/高价值客户\"\n\n[[tag]]\nid = \"vip\"\npath = \"价值/VIP客户\"\n";
    desk.write("my-dict/tags.toml", tags.as_bytes());
    let audit = desk.json(1, &["audit", "--dict", "my-dict", "--from", "out", "--json"]);
    let pairs = audit["near_duplicates"].as_array().unwrap();
    assert!(pairs.iter().any(|pair| pair["keep"] == "high_value" && pair["drop"] == "vip"), "{audit:#}");
    let kinds: Vec<&str> = audit["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"no_rule") && kinds.contains(&"unused"), "{kinds:?}");
    assert!(audit["usage"].as_array().unwrap().iter().any(|usage| usage["assigned"].as_u64() > Some(0)));
    let said = desk.says(1, &["audit", "--dict", "my-dict", "--from", "out"]);
    assert!(said.contains("建议合并") && said.contains("vip → high_value"), "{said}");
}

/// A few customers write a complaint with a character that sounds the same.
pub fn write_evasions(desk: &Desk) {
    let line = |n: u32| {
        let (at, customer) = (1_709_258_400_000_u64 + u64::from(n) * 60_000, format!("wm{n:030}"));
        let text = format!("第{n}次了，桌子不干竟，谁管管");
        serde_json::json!({ "msgid": format!("{n}_{at}_external"), "action": "send", "from": customer, "tolist": ["lihua"],
            "roomid": "", "msgtime": at, "msgtype": "text", "text": { "content": text } })
        .to_string()
    };
    desk.write("evasions.jsonl", (1..=4).map(line).collect::<Vec<_>>().join("\n").as_bytes());
}

#[test]
fn suggestions_can_be_imported_once_somebody_says_yes() {
    let desk = Desk::new();
    write_evasions(&desk);
    let suggest = [
        "suggest",
        "--archive",
        "archive",
        "--archive",
        "evasions.jsonl",
        "--roster",
        "roster.csv",
        "--signal",
        "complaint",
        "--lexicon",
        "complaint",
        "--min",
        "2",
        "--out",
        "候选.csv",
    ];
    let said = desk.says(0, &suggest);
    assert!(!said.trim().is_empty());
    let first = fs::read(desk.path("候选.csv")).unwrap();
    desk.says(0, &[&suggest[..], &["--jobs", "1"]].concat());
    assert_eq!(first, fs::read(desk.path("候选.csv")).unwrap(), "the same whatever the threads");
    let dry = ["import", "候选.csv", "--to", "complaint", "--dict", "my-dict", "--dry-run", "--json"];
    let import = desk.json(0, &dry);
    let changes = import["changes"].as_array().unwrap();
    let cells = || changes.iter().filter_map(|change| change["cells"].as_array()).flatten();
    assert!(cells().any(|cell| cell["after"].as_str().unwrap().ends_with("不干竟")), "{import}");
    for cell in cells() {
        let [before, after] = ["before", "after"].map(|key| cell[key].as_str().unwrap());
        assert!(after.starts_with(before), "what a term had is kept: {cell}");
    }
}

#[test]
fn lists_go_to_a_spreadsheet_and_back_without_a_change() {
    let desk = Desk::new();
    let before = desk.read("my-dict/lexicons/discount.csv");
    for (file, encoding) in
        [("d.xlsx", "utf8-bom"), ("d.csv", "utf8-bom"), ("d.csv", "gb18030"), ("d.csv", "utf16")]
    {
        desk.says(0, &["export", "discount", "--dict", "my-dict", "--out", file, "--encoding", encoding]);
        let said =
            desk.says(0, &["import", file, "--to", "discount", "--dict", "my-dict", "--whole", "--yes"]);
        assert!(said.contains("新增 0  修改 0  停用 0"), "{file} {encoding}: {said}");
        assert_eq!(desk.read("my-dict/lexicons/discount.csv"), before, "{file} {encoding}");
    }
}

#[test]
fn nothing_is_written_unless_somebody_agrees() {
    let desk = Desk::new();
    let before = desk.read("my-dict/lexicons/discount.csv");
    desk.write("x.csv", "词条\n骨折价格\n".as_bytes());
    desk.says(1, &["import", "x.csv", "--to", "discount", "--dict", "my-dict"]);
    desk.says(0, &["import", "x.csv", "--to", "discount", "--dict", "my-dict", "--dry-run"]);
    desk.write("x.csv", "词条\n3月8日\n".as_bytes());
    let said = desk.says(1, &["import", "x.csv", "--to", "discount", "--dict", "my-dict", "--yes"]);
    assert!(said.contains("W108 x.csv:2:1"), "{said}");
    assert_eq!(desk.read("my-dict/lexicons/discount.csv"), before);
    desk.replace("my-dict/rules/price.toml", "at_least = 5", "at_least = 4");
    desk.says(1, &["pack", "build", "--dict", "my-dict", "--store", "published"]);
    assert!(!desk.path("published/current").exists(), "failing tests are not published");
}

#[test]
fn expectations_are_written_and_comments_stay() {
    let desk = Desk::new();
    desk.replace("my-dict/rules/price.toml", "at_least = 5", "at_least = 4");
    let before = desk.read("my-dict/rules/price.toml");
    desk.says(1, &["test", "--dict", "my-dict"]);
    desk.says(0, &["test", "--dict", "my-dict", "--update", "--yes"]);
    desk.says(0, &["test", "--dict", "my-dict", "--milestones"]);
    let comments = |text: &str| text.matches('#').count();
    assert_eq!(comments(&before), comments(&desk.read("my-dict/rules/price.toml")));
}

#[test]
fn completions_name_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.says(0, &["completions", shell]);
        assert!(script.contains("preview") && script.contains("rollback"), "{shell}");
    }
}

/// What the script makes of a line that is typed: its last word is being completed.
fn completed(desk: &Desk, typed: &str) -> String {
    let line = format!(
        "source comp.bash; COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); \
         _chattag chattag \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[*]}}\""
    );
    let output = Command::new("bash").current_dir(desk.0.path()).args(["-c", &line]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn tab_completes_commands_options_and_values() {
    let desk = Desk::new();
    desk.write("comp.bash", desk.says(0, &["completions", "bash"]).as_bytes());
    // (what is typed, what is offered)
    const CASES: &[(&str, &str)] = &[
        ("chattag prev", "preview"),
        ("chattag pack ro", "rollback"),
        ("chattag check --format ''", "text json github sarif junit"),
        ("chattag check --lang ''", "zh en"),
        ("chattag new rule x --shape s", "sequence streak"),
        ("chattag export wecom --t", "--tag-map"),
        ("chattag schema --file r", "rules roles"),
        ("chattag import x.csv --dry", "--dry-run"),
    ];
    for (typed, offered) in CASES {
        assert_eq!(completed(&desk, typed), *offered, "{typed}");
    }
}

#[test]
fn tidying_is_asked_for_before_it_is_done() {
    let desk = Desk::new();
    desk.says(0, &["fmt", "--dict", "my-dict"]);
    desk.says(0, &["fmt", "--dict", "my-dict", "--check"]);
    let tidy = desk.read("my-dict/tags.toml");
    desk.write("my-dict/tags.toml", tidy.replace("ttl = ", "ttl=").as_bytes());
    desk.says(1, &["fmt", "--dict", "my-dict", "--check"]);
    desk.says(0, &["fmt", "--dict", "my-dict"]);
    assert_eq!(desk.read("my-dict/tags.toml"), tidy);
}
