//! What `diff` and `stats` say.

use std::fs;

use chattag::bundle;
use serde_json::{Value, json};

use crate::desk::{Desk, repository, write_all};

/// An edit of the dictionaries: the file, what is there (empty: write the file anew), what is put there.
type Edit = (&'static str, &'static str, &'static str);

/// A desk with the shipped dictionaries twice, the edits made in `my-dict` only.
fn edited(edits: &[Edit]) -> Desk {
    let desk = Desk::new();
    write_all(&desk.path("old-dict"), &bundle::embedded_files());
    for (file, from, to) in edits {
        match from.is_empty() {
            true => desk.write(&format!("my-dict/{file}"), to.as_bytes()),
            false => desk.replace(&format!("my-dict/{file}"), from, to),
        }
    }
    desk
}

const ALERT: &str = "[rule.alert]\nname = \"高关怀需求\"";

#[test]
fn each_kind_of_difference_asks_for_its_step_of_the_version() {
    // (edits, `kind id step` of every change, the version that follows 1.0.0)
    type Case = (&'static [Edit], &'static [&'static str], &'static str);
    const CASES: &[Case] = &[
        (&[("rules/price.toml", "# 价格", "# 说的还是价格")], &[], "1.0.0"),
        (&[("signals/price.toml", "[signal.", "\n# 往下挪一行\n[signal.")], &[], "1.0.0"),
        (
            &[("rules/price.toml", "问价后 24 小时内提性价比", "问价后一天内提性价比")],
            &["rule price_then_value patch"],
            "1.0.1",
        ),
        (
            &[("rules/price.toml", "within = \"24h\"", "within = \"12h\"")],
            &["rule price_then_value major"],
            "2.0.0",
        ),
        (
            &[("rules/price.toml", "within = \"24h\"", "within = \"36h\"")],
            &["rule price_then_value minor"],
            "1.1.0",
        ),
        (
            &[("rules/business.toml", "at_least = \"0.3\"", "at_least = \"0.4\"")],
            &["rule promo_sensitive major"],
            "2.0.0",
        ),
        (
            &[("rules/business.toml", "at_least = \"0.3\"", "at_least = \"0.2\"")],
            &["rule promo_sensitive minor"],
            "1.1.0",
        ),
        (&[("tags.toml", "ttl = \"6mo\" ", "ttl = \"5mo\" ")], &["tag price_sensitive minor"], "1.1.0"),
        (
            &[("tags.toml", "exclusive = \"latest\"", "exclusive = \"forward\"")],
            &["group activity major"],
            "2.0.0",
        ),
        (&[("lexicons/gift.csv", "", "编号,词条\ng001,赠品\n")], &["lexicon gift minor"], "1.1.0"),
        (&[("pack.toml", "Asia/Shanghai", "Asia/Tokyo")], &["pack base-zh major"], "2.0.0"),
    ];
    for (edits, wanted, version) in CASES {
        let desk = edited(edits);
        let code = i32::from(*version != "1.0.0");
        let diff = desk.json(code, &["diff", "old-dict", "my-dict", "--json"]);
        let changes = diff["changes"].as_array().unwrap().iter();
        let said = |change: &Value| {
            let word = |key: &str| change[key].as_str().unwrap().to_owned();
            assert!(!word("zh").is_empty() && !word("en").is_empty(), "{change}");
            format!("{} {} {}", word("kind"), word("id"), word("step"))
        };
        let said: Vec<String> = changes.map(said).collect();
        assert_eq!(said, *wanted, "{edits:?}");
        assert_eq!(diff["advice"], *version, "{edits:?}");
        assert_eq!(diff["version_is_enough"], code == 0, "{edits:?}");
    }
}

#[test]
fn changed_words_are_counted_and_the_rules_they_reach_are_named() {
    let discount =
        ("lexicons/discount.csv", "d003,打折", "d903,骨折价,,价格/优惠,包含,1,,,忽略,启用,,,\nd003,打折");
    let desk = edited(&[discount]);
    let diff = desk.json(1, &["diff", "old-dict", "my-dict", "--json"]);
    let changes = diff["changes"].as_array().unwrap();
    assert!(changes.iter().all(|change| change["step"] == "patch"), "{diff:#}");
    let list = changes.iter().find(|change| change["kind"] == "lexicon").unwrap();
    assert_eq!((&list["id"], &list["en"]), (&json!("discount"), &json!("terms +1 −0 ~0")));
    assert!(changes.iter().any(|change| change["id"] == "promo_list_signup" || change["kind"] == "rule"));
    let chinese = desk.says(1, &["diff", "old-dict", "my-dict"]);
    assert!(chinese.contains("修订  lexicon discount  词表 +1 −0 ~0"), "{chinese}");
    assert!(chinese.contains("版本 1.0.0 → 1.0.0，至少应为 1.0.1：请改 pack.toml 的 version"), "{chinese}");
    let english = desk.says(1, &["diff", "old-dict", "my-dict", "--lang", "en"]);
    assert!(english.contains("patch  lexicon discount  terms +1 −0 ~0"), "{english}");
    desk.replace("my-dict/pack.toml", "1.0.0", "1.0.1");
    let enough = desk.says(0, &["diff", "old-dict", "my-dict"]);
    assert!(enough.contains("至少应为 1.0.1：可以"), "{enough}");
}

#[test]
fn what_a_rule_leads_to_is_a_difference_too() {
    let cases: &[Edit] = &[
        ("rules/complaint.toml", ALERT, "[rule.alert]\nname = \"改名的告警\""),
        ("rules/anti_harassment.toml", "action = \"kick\"", "action = \"warn\""),
    ];
    for edit in cases {
        let desk = edited(&[*edit]);
        let diff = desk.json(1, &["diff", "old-dict", "my-dict", "--json"]);
        let changes = diff["changes"].as_array().unwrap();
        assert!(changes.iter().any(|change| change["kind"] == "rule"), "{edit:?}: {diff:#}");
    }
}

/// One message of an archive, by an external sender to an employee, on a day of March 2024.
fn message(id: &str, customer: &str, day: u32, hour: u32, text: &str) -> String {
    let at = 1_709_222_400_000_i64 + i64::from(day - 1) * 86_400_000 + i64::from(hour) * 3_600_000;
    let line = json!({
        "msgid": format!("{id}_external"), "action": "send", "from": customer, "tolist": ["zhangsan"],
        "roomid": "", "msgtime": at, "msgtype": "text", "text": { "content": text },
    });
    line.to_string()
}

/// The fixture pack as `my-dict`, with labelled messages, and a small archive whose every count is known.
fn small_archive() -> Desk {
    let desk = Desk::new();
    let fixture = bundle::files_in(&repository().join("tests/fixtures/packs/base")).unwrap();
    fs::remove_dir_all(desk.path("my-dict")).unwrap();
    write_all(&desk.path("my-dict"), &fixture);
    fs::create_dir(desk.path("my-dict/gold")).unwrap();
    let gold = "msgid,text,expect_signals,expect_not\n\
        g1,有优惠吗,discount_talk,complaint\ng2,优惠政策说明会,,discount_talk\ng3,我要投诉,complaint,\n\
        g4,服务太差了,complaint,\n";
    desk.write("my-dict/gold/messages.csv", gold.as_bytes());
    let customer = |n: u32| format!("wm{n:030}");
    let lines = [
        message("a", &customer(1), 1, 10, "有优惠吗"),
        message("b", &customer(1), 1, 11, "优惠券和打折哪个合算"),
        message("b", &customer(1), 1, 11, "优惠券和打折哪个合算"),
        message("c", &customer(2), 2, 10, "今天天气不错"),
        message("d", &customer(2), 2, 11, "我要投诉"),
        message("e", &customer(2), 2, 12, "退款，打折也没用"),
        message("f", &customer(2), 2, 13, "态度差"),
    ];
    desk.write("chat.jsonl", (lines.join("\n") + "\n").as_bytes());
    desk
}

fn measures(of: &Value) -> [u64; 4] {
    ["messages", "alone", "overlap", "conflict"].map(|key| of[key].as_u64().unwrap())
}

fn named<'v>(list: &'v Value, key: &str, id: &str) -> &'v Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == id);
    found.unwrap_or_else(|| panic!("{id}: {list:#}"))
}

#[test]
fn stats_count_coverage_overlap_labels_and_tags_to_the_message() {
    let desk = small_archive();
    let stats = desk.json(0, &["stats", "--archive", "chat.jsonl", "--dict", "my-dict", "--json"]);
    assert_eq!((&stats["messages"], &stats["days"]), (&json!(6), &json!(2)), "a copy counts once");
    // 优惠券 is a variant of d001: a, b. 打折 is d002: b, e.
    assert_eq!(measures(named(&stats["terms"], "code", "d001")), [2, 1, 1, 0]);
    assert_eq!(measures(named(&stats["terms"], "code", "d002")), [2, 0, 2, 0]);
    assert_eq!(measures(named(&stats["terms"], "code", "c002")), [1, 0, 1, 0]);
    assert_eq!(measures(named(&stats["terms"], "code", "d003")), [0, 0, 0, 0]);
    assert_eq!(measures(named(&stats["lexicons"], "id", "discount")), [3, 2, 1, 0]);
    assert_eq!(measures(named(&stats["lexicons"], "id", "complaint")), [3, 2, 1, 0]);
    assert_eq!(named(&stats["signals"], "id", "complaint")["messages"], 3);
    assert_eq!(named(&stats["rules"], "id", "complaint_burst")["messages"], 3);
    let labels =
        |right: u64, wrong: u64, missed: u64| json!({ "right": right, "wrong": wrong, "missed": missed });
    assert_eq!(named(&stats["signals"], "id", "discount_talk")["gold"], labels(1, 1, 0));
    assert_eq!(named(&stats["signals"], "id", "complaint")["gold"], labels(1, 0, 1));
    assert_eq!(named(&stats["terms"], "code", "d001")["gold"], labels(1, 1, 0));
    let tag = named(&stats["tags"], "id", "high_care");
    assert_eq!((&tag["assigned"], &tag["by_month"]), (&json!(1), &json!({ "2024-03": 1 })));
}

#[test]
fn stats_are_the_same_whatever_the_threads_and_can_be_narrowed() {
    let desk = small_archive();
    let stats = ["stats", "--archive", "chat.jsonl", "--dict", "my-dict"];
    let one = desk.json(0, &[&stats[..], &["--json", "--jobs", "1"]].concat());
    assert_eq!(one, desk.json(0, &[&stats[..], &["--json", "--jobs", "3"]].concat()));
    let of_list = desk.json(0, &[&stats[..], &["--json", "--lexicon", "discount"]].concat());
    let lists: Vec<&Value> =
        of_list["terms"].as_array().unwrap().iter().map(|term| &term["lexicon"]).collect();
    assert_eq!(lists, ["discount"; 3]);
    let said = desk.says(0, &stats);
    assert!(said.contains("消息 6  天 2") && said.contains("0.50 (n=2)"), "{said}");
    assert!(said.contains("个词没有命中（--all 列出）") && !said.contains("便宜点"), "{said}");
    let all = desk.says(0, &[&stats[..], &["--all"]].concat());
    assert!(all.contains("便宜点"), "{all}");
    let english = desk.says(0, &[&stats[..], &["--lang", "en"]].concat());
    assert!(english.contains("messages 6  days 2") && english.contains("coverage"), "{english}");
}
