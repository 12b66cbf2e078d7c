//! `chattag annotate`: texts, JSONL and CSV in; one JSON line out per text, in order.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Feeds `input` to `chattag annotate` and returns the lines it prints.
fn annotate(arguments: &[&str], input: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .arg("annotate")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn terms(line: &Value) -> Vec<&str> {
    line["mentions"].as_array().unwrap().iter().map(|mention| mention["term"].as_str().unwrap()).collect()
}

#[test]
fn text_lines_get_their_numbers_and_offsets_count_characters_of_the_original() {
    let lines = annotate(&[], "今天天气不错\n😀请问這個課程多少錢？\n");
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0]["id"].as_str(), lines[1]["id"].as_str()), (Some("1"), Some("2")));
    let price =
        lines[1]["mentions"].as_array().unwrap().iter().find(|mention| mention["term"] == "多少钱").unwrap();
    assert_eq!((price["start"].as_u64(), price["end"].as_u64()), (Some(7), Some(10)));
    assert_eq!(price["layer"], "folded");
    assert!(
        lines[1]["signals"].as_array().unwrap().iter().any(|signal| signal == "ask_price"),
        "{}",
        lines[1]
    );
}

#[test]
fn x22_nothing_emoji_alone_and_sixty_four_kib_are_texts_like_any_other() {
    let long = format!("{}有优惠吗", "好".repeat((64 << 10) / 3));
    let lines = annotate(
        &["--text-field", "text"],
        &format!("{}\n{}\n{}\n", json!({"text": ""}), json!({"text": "😀😀[微笑]"}), json!({"text": long})),
    );
    assert_eq!((terms(&lines[0]).len(), terms(&lines[1]).len()), (0, 0));
    assert!(terms(&lines[2]).contains(&"优惠"));
    assert_eq!(lines[2]["mentions"][0]["start"].as_u64(), Some((64 << 10) / 3 + 1));
}

#[test]
fn jsonl_brings_ids_fields_and_terms_of_its_own() {
    let input = [
        json!({"no": "a", "body": "加 微-信", "words": [{"term": "加微信"}]}),
        json!({"no": 7, "body": "群公告防刷单提醒，刷单必究", "words": [{"term": "刷单", "unless": ["防刷单"]}]}),
        json!({"body": "没有词条", "words": ["贷款"]}),
    ];
    let input: String = input.iter().map(|line| format!("{line}\n")).collect();
    let lines = annotate(&["--text-field", "body", "--id-field", "no", "--terms-field", "words"], &input);
    let ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "7", "3"]);
    assert_eq!(terms(&lines[1]), ["刷单"]);
    assert_eq!(lines[1]["mentions"][0]["start"], 9);
    assert!(terms(&lines[2]).is_empty());
}

#[test]
fn csv_and_a_lexicon_of_ones_own() {
    let directory = tempfile::tempdir().unwrap();
    let (texts, words) = (directory.path().join("texts.csv"), directory.path().join("words.csv"));
    fs::write(&texts, "\u{feff}编号,内容\nx1,\"请问，包邮吗\"\nx2,你好\n").unwrap();
    fs::write(&words, "编号,词条,变体,类别,方式,权重,排除语境,必须共现,否定,状态,生效,失效,备注\ns001,包邮,免邮,物流/运费,包含,2,,,忽略,启用,,,\n").unwrap();
    let (texts, words) = (texts.to_str().unwrap(), words.to_str().unwrap());
    let lines = annotate(&[texts, "--text-field", "内容", "--id-field", "编号", "--lexicon", words], "");
    assert_eq!((lines[0]["id"].as_str(), terms(&lines[0])), (Some("x1"), vec!["包邮"]));
    assert_eq!(
        (lines[0]["mentions"][0]["category"].as_str(), lines[0]["mentions"][0]["weight"].as_f64()),
        (Some("物流/运费"), Some(2.0))
    );
    assert!(terms(&lines[1]).is_empty());
}

#[test]
fn a_term_counts_on_the_days_it_is_in_force() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("season.csv");
    std::fs::write(&list, "编号,词条,生效,失效\ns1,年货节,2026-01-10,2026-02-20\n").unwrap();
    let list = list.to_str().unwrap();
    let found = |at: &[&str]| {
        let arguments = [&["--lexicon", list], at].concat();
        terms(&annotate(&arguments, "年货节开始了\n")[0]).len()
    };
    assert_eq!(found(&["--at", "2026-01-15 10:00"]), 1);
    assert_eq!(found(&["--at", "2026-03-01"]), 0);
    assert_eq!(found(&[]), 0, "said now, which is later");
}

#[test]
fn what_cannot_be_read_is_named() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--format", "jsonl"], "not json\n", "line 1"),
        (&["--format", "jsonl", "--text-field", "body"], "{\"text\": \"x\"}\n", "--text-field"),
        (&["--format", "csv"], "a,b\n1,2\n", "the columns are a, b"),
        (&["nowhere.txt"], "", "nowhere.txt"),
    ];
    for (arguments, input, expected) in cases {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chattag"))
            .arg("annotate")
            .args(*arguments)
            .args(["--lang", "en"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn every_text_is_labelled_with_score_and_evidence() {
    // (text, label, decision)
    const CASES: &[(&str, &str, bool)] = &[
        ("质量太差了，我要退款", "complaint", true),
        ("等了五天还没到，也没人管", "complaint", true),
        ("收到了，谢谢", "complaint", false),
        ("这套还能再少点吗", "price_interest", true),
        ("周六能看房吗", "price_interest", false),
        ("招刷单员，日结三百，加微信领任务", "ad", true),
        ("明天几点上课", "ad", false),
    ];
    let input: String = CASES.iter().map(|(text, ..)| format!("{text}\n")).collect();
    let lines = annotate(&["--role", "member"], &input);
    for ((text, label, decision), line) in CASES.iter().zip(&lines) {
        let found = &line["labels"][*label];
        assert_eq!(found["decision"], *decision, "{text}: {found}");
        assert!(found["score"].as_f64().is_some_and(|score| (0.0..=1.0).contains(&score)), "{text}");
    }
    let evidence = &lines[0]["labels"]["complaint"]["evidence"];
    assert!(evidence.as_array().is_some_and(|hits| !hits.is_empty()), "{evidence}");
}

#[test]
fn a_quote_in_front_of_a_reply_is_somebody_elses() {
    // (text, the mentions, where the first begins, complaint)
    const CASES: &[(&str, &[&str], u64, bool)] = &[
        ("这是一条引用/回复消息：\n\"小鹿：\n我要退款\"\n------\n好的", &[], 0, false),
        ("这是一条引用/回复消息：\n\"小鹿：\n好的\"\n------\n我要退款", &["退款"], 31, true),
        ("「小鹿：太差了」\n- - - - - - - - - - - - - - -\n我要退款", &["退款"], 41, true),
        ("「小鹿」太差了，我要退款", &["退款"], 10, true),
    ];
    let lines = |arguments: &[&str]| {
        let input: String = CASES
            .iter()
            .map(|(text, ..)| format!("{}\n", json!({"text": text, "terms": ["退款"]})))
            .collect();
        annotate(arguments, &input)
    };
    let (found, labelled) = (lines(&["--terms-field", "terms"]), lines(&[]));
    for ((text, mentions, start, complains), (found, labelled)) in
        CASES.iter().zip(found.iter().zip(&labelled))
    {
        assert_eq!(terms(found), *mentions, "{text}");
        assert_eq!(found["mentions"][0]["start"].as_u64().unwrap_or(0), *start, "{text}");
        assert_eq!(labelled["labels"]["complaint"]["decision"], *complains, "{text}");
    }
}
