//! Rules and term lists that change between nights, and replays.

use super::*;

/// The shipped dictionaries, where two complaints in one conversation are enough.
fn stricter() -> Bundle {
    let mut files = chattag::bundle::embedded_files();
    let rules = files.iter_mut().find(|file| file.path == "rules/complaint.toml").unwrap();
    let text = String::from_utf8(std::mem::take(&mut rules.bytes)).unwrap();
    let changed = text.replacen("version = 1", "version = 2", 1).replacen("at_least = 3", "at_least = 2", 1);
    assert_ne!(text, changed);
    rules.bytes = changed.into_bytes();
    Bundle::from_files(&files, &Options::default()).0.unwrap()
}

#[test]
fn semantic_44_and_45_a_changed_rule_starts_anew_until_it_is_replayed_and_the_others_go_on() {
    let (old, new, place) = (bundle(), stricter(), tempfile::tempdir().unwrap());
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let [one, two, three] = ["01", "02", "03"].map(|n| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA{n}"));
    let at = |day: i64, minutes: i64| MONDAY + day * DAY + 10 * HOUR + minutes * MINUTE;
    let nights = [
        vec![
            say(1, at(0, 0), &one, "lihua", "", "我要投诉"),
            say(2, at(0, 1), &one, "lihua", "", "你们态度差"),
            say(3, at(0, 2), &two, "lihua", "", "这个课程多少钱"),
            say(4, at(0, 3), &three, "lihua", "", "我要投诉，要退款，态度差"),
        ],
        vec![
            say(5, at(1, -20 * 60), &two, "lihua", "", "性价比怎么样"),
            say(6, at(1, 5), &two, "lihua", "", "在吗"),
        ],
        vec![say(7, at(2, 0), &one, "lihua", "", "好的")],
    ];
    let mut files = Vec::new();
    for (night, messages) in nights.iter().enumerate() {
        let file = place.path().join(format!("{night}.jsonl"));
        write(&file, messages);
        let report =
            run(if night == 0 { old } else { &new }, &options(std::slice::from_ref(&file), &nightly));
        let expected: &[&str] = if night == 0 { &[] } else { &["complaint_burst"] };
        assert_eq!(report.to_replay, expected, "night {night}");
        files.push(file);
    }
    let rules_of = |table: &str| -> Vec<String> {
        standing_rows(&nightly, table)
            .into_iter()
            .map(|row| row["rule_id"].clone() + "@" + &row["rule_version"])
            .collect()
    };
    assert!(
        rules_of("tag_events").contains(&"price_then_value@1".to_owned()),
        "what has not changed goes on"
    );
    assert!(rules_of("alerts").contains(&"complaint_burst@1".to_owned()));
    let replayed = ReplayOptions {
        run: options(&files, &nightly),
        from: Timestamp(MONDAY),
        rules: Which::Changed,
        dry_run: true,
    };
    let before = files_below(&nightly);
    let dry = batch::replay(&new, &replayed, &Progress::default()).unwrap();
    assert!(dry.commit.is_none() && dry.added > 0 && dry.taken_back > 0, "{dry:?}");
    assert_eq!(files_below(&nightly), before);
    let report =
        batch::replay(&new, &ReplayOptions { dry_run: false, ..replayed.clone() }, &Progress::default());
    let report = report.unwrap();
    assert_eq!((report.added, report.taken_back, &report.rules), (dry.added, dry.taken_back, &dry.rules));
    run(&new, &options(&files, &once));
    assert_same_decisions(&once, &nightly, "replayed", &[]);
    let again = batch::replay(&new, &replayed, &Progress::default()).unwrap();
    assert!(again.rules.is_empty(), "nothing is left to replay: {again:?}");
}

#[test]
fn a_replay_takes_in_what_came_too_late() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let at = |days: i64, minutes: i64| MONDAY + days * DAY + 10 * HOUR + minutes * MINUTE;
    let nights = [
        vec![
            say(1, at(0, 0), customer, "lihua", "", "我要投诉"),
            say(2, at(0, 2), customer, "lihua", "", "你们态度差"),
        ],
        vec![say(3, at(9, 0), customer, "lihua", "", "在吗")],
        vec![
            say(4, at(0, 1), customer, "lihua", "", "质量太差"),
            say(5, at(10, 0), customer, "lihua", "", "好的"),
        ],
    ];
    let mut files = Vec::new();
    for (night, messages) in nights.iter().enumerate() {
        let file = place.path().join(format!("{night}.jsonl"));
        write(&file, messages);
        run(bundle, &options(std::slice::from_ref(&file), &nightly));
        files.push(file);
    }
    let bursts =
        || standing_rows(&nightly, "alerts").iter().filter(|row| row["rule_id"] == "complaint_burst").count();
    assert!(!rows(&nightly, "late").is_empty() && bursts() == 0);
    let all = ReplayOptions {
        run: options(&files, &nightly),
        from: Timestamp(MONDAY),
        rules: Which::All,
        dry_run: false,
    };
    batch::replay(bundle, &all, &Progress::default()).unwrap();
    run(bundle, &options(&files, &once));
    assert!(bursts() > 0);
    assert_same_decisions(&once, &nightly, "replayed", &[]);
}

#[test]
fn a_term_list_that_grows_moves_no_evidence() {
    let (old, place) = (bundle(), tempfile::tempdir().unwrap());
    let mut files = chattag::bundle::embedded_files();
    let list = files.iter_mut().find(|file| file.path == "lexicons/ads.csv").unwrap();
    let text = String::from_utf8(std::mem::take(&mut list.bytes)).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let cells = header.split(',').count();
    let mut row = vec![""; cells];
    (row[0], row[1], row[3]) = ("a000", "新词一个测试", "广告/测试");
    list.bytes = format!("{header}\n{}\n{rest}", row.join(",")).into_bytes();
    let new = Bundle::from_files(&files, &Options::default()).0.unwrap();
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let (a, b, out) = (place.path().join("a.jsonl"), place.path().join("b.jsonl"), place.path().join("out"));
    write(
        &a,
        &[
            say(1, MONDAY, customer, "lihua", "", "我要投诉"),
            say(2, MONDAY + MINUTE, customer, "lihua", "", "你们态度差"),
        ],
    );
    let early =
        RunOptions { as_of: Some(Timestamp(MONDAY + 2 * MINUTE)), ..options(std::slice::from_ref(&a), &out) };
    run(old, &early);
    write(&b, &[say(3, MONDAY + 3 * MINUTE, customer, "lihua", "", "质量太差，我要退款")]);
    run(&new, &options(std::slice::from_ref(&b), &out));
    let once = place.path().join("once");
    run(&new, &options(&[a, b], &once));
    let evidence =
        |out: &Path| rows(out, "alerts").into_iter().map(|row| row["evidence"].clone()).collect::<Vec<_>>();
    assert!(!evidence(&once).is_empty());
    assert_eq!(evidence(&out), evidence(&once));
}

/// The shipped dictionaries with one more term of complaints, and its version raised.
fn with_term(term: &str) -> Bundle {
    let mut files = chattag::bundle::embedded_files();
    let list = files.iter_mut().find(|file| file.path == "lexicons/complaint.csv").unwrap();
    let text = String::from_utf8(std::mem::take(&mut list.bytes)).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let mut row = vec![""; header.split(',').count()];
    (row[0], row[1], row[3]) = ("c999", term, "投诉/升级");
    list.bytes = format!("{header}\n{rest}{}\n", row.join(",")).into_bytes();
    Bundle::from_files(&files, &Options::default()).0.unwrap()
}

/// X15, semantic 46: a term that is added today does not change what was read; a replay reads it again.
#[test]
fn x15_a_new_term_counts_from_its_night_on_and_a_replay_finds_it_before() {
    let (old, new, place) = (bundle(), with_term("硌硬人"), tempfile::tempdir().unwrap());
    let (once, nightly) = (place.path().join("once"), place.path().join("nightly"));
    let [one, two] = ["01", "02"].map(|n| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA{n}"));
    let at = |day: i64, minutes: i64| MONDAY + day * DAY + 10 * HOUR + minutes * MINUTE;
    let angry = |id: u32, day: i64, who: &str| {
        (0..3).map(|n| say(id + n, at(day, i64::from(n)), who, "lihua", "", "我硌硬人")).collect::<Vec<_>>()
    };
    let mut files = Vec::new();
    for (night, (bundle, messages)) in
        [(old, angry(1, 0, &one)), (&new, angry(11, 1, &two))].into_iter().enumerate()
    {
        let file = place.path().join(format!("{night}.jsonl"));
        write(&file, &messages);
        run(bundle, &options(std::slice::from_ref(&file), &nightly));
        files.push(file);
    }
    let burst = |out: &Path| -> Vec<(String, String)> {
        let rows = standing_rows(out, "alerts").into_iter().filter(|row| row["rule_id"] == "complaint_burst");
        rows.map(|row| (row["customer"].clone(), row["lexicon_fp"].clone())).collect()
    };
    let customers = |out: &Path| burst(out).into_iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(customers(&nightly), std::slice::from_ref(&two), "the new term counts from its night on");
    let replay = ReplayOptions {
        run: options(&files, &nightly),
        from: Timestamp(MONDAY),
        rules: Which::Changed,
        dry_run: false,
    };
    batch::replay(&new, &replay, &Progress::default()).unwrap();
    assert_eq!(customers(&nightly), [one, two]);
    run(&new, &options(&files, &once));
    assert_same_decisions(&once, &nightly, "a new term", &[]);
    let prints: std::collections::BTreeSet<String> = burst(&nightly).into_iter().map(|row| row.1).collect();
    assert_eq!(prints.len(), 1, "{prints:?}");
}

#[test]
fn semantic_43_a_night_that_is_written_again_has_the_same_ids_and_a_changed_rule_others() {
    let place = tempfile::tempdir().unwrap();
    let customer = "wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA01";
    let file = place.path().join("a.jsonl");
    write(&file, &[say(1, MONDAY + HOUR, customer, "lihua", "", "我要投诉，要退款，态度差")]);
    let ids = |name: &str, bundle: &Bundle, rule: &str| -> Vec<String> {
        let out = place.path().join(name);
        run(bundle, &options(std::slice::from_ref(&file), &out));
        let rows = ["tag_events", "alerts"].map(|table| rows(&out, table)).concat();
        rows.into_iter().filter(|row| row["rule_id"] == rule).map(|row| row["output_id"].clone()).collect()
    };
    let first = ids("first", bundle(), "complaint_burst");
    assert!(!first.is_empty());
    assert_eq!(ids("again", bundle(), "complaint_burst"), first);
    let changed = ids("changed", &stricter(), "complaint_burst");
    assert!(changed.len() == first.len() && changed.iter().all(|id| !first.contains(id)));
}

/// Semantic 45: windows are empty after a quiet gap, so that the rest of an archive says what all of it says; but a tag
/// that was given before is not computed from its middle.
#[test]
fn semantic_45_a_replay_from_a_quiet_gap_is_that_of_the_whole_archive_and_no_tag_is_begun_in_its_middle() {
    let (old, new, place) = (bundle(), stricter(), tempfile::tempdir().unwrap());
    let out = place.path().join("out");
    let [early, late] = ["01", "02"].map(|n| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA{n}"));
    let at = |day: i64, minutes: i64| MONDAY + day * DAY + 10 * HOUR + minutes * MINUTE;
    let complain = |id: u32, day: i64, who: &str| {
        vec![
            say(id, at(day, 0), who, "lihua", "", "我要投诉"),
            say(id + 1, at(day, 1), who, "lihua", "", "你们态度差"),
        ]
    };
    let nights = [
        [complain(1, 0, &early), vec![say(3, at(0, 2), &early, "lihua", "", "质量太差，要退款")]].concat(),
        complain(11, 40, &late),
        [complain(21, 60, &late), complain(31, 60, &early)].concat(),
    ];
    let mut files = Vec::new();
    for (night, messages) in nights.iter().enumerate() {
        let file = place.path().join(format!("{night}.jsonl"));
        write(&file, messages);
        run(old, &options(std::slice::from_ref(&file), &out));
        files.push(file);
    }
    let replay = |files: &[PathBuf]| {
        let options = ReplayOptions {
            run: options(files, &out),
            from: Timestamp(MONDAY + 50 * DAY),
            rules: Which::Named(vec!["complaint_burst".to_owned()]),
            dry_run: true,
        };
        batch::replay(&new, &options, &Progress::default()).unwrap()
    };
    let (whole, rest) = (replay(&files), replay(&files[1..]));
    let alerts = standing_rows(&out, "tag_events");
    assert!(alerts.iter().any(|row| row["customer"] == early), "a tag stands before the gap");
    assert_eq!((whole.cut_off, rest.cut_off), (0, 1));
    assert!(rest.added > 0 && whole.added > rest.added, "{whole:?} {rest:?}");
    let of_late = replay(&files[1..2]);
    assert_eq!((of_late.added, of_late.cut_off), (0, 0), "it ends before the day asked for");
    let only_late = place.path().join("late.jsonl");
    write(&only_late, &[complain(11, 40, &late), complain(21, 60, &late)].concat());
    let only_rest = place.path().join("rest.jsonl");
    write(&only_rest, &complain(21, 60, &late));
    let differences = [only_late, only_rest].map(|file| {
        let report = replay(&[file]);
        (report.added, report.taken_back, report.by_rule)
    });
    assert!(differences[0].0 > 0);
    assert_eq!(differences[0], differences[1], "what was quiet does not matter");
}

#[test]
fn a_replay_takes_nothing_back_from_customers_that_its_archive_does_not_hold() {
    let (bundle, place) = (bundle(), tempfile::tempdir().unwrap());
    let out = place.path().join("out");
    let [one, two] = ["01", "02"].map(|n| format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAAA{n}"));
    let mut files = Vec::new();
    for (night, who) in [&one, &two].into_iter().enumerate() {
        let file = place.path().join(format!("{night}.jsonl"));
        let at = MONDAY + night as i64 * DAY + 10 * HOUR;
        write(&file, &[say(night as u32, at, who, "lihua", "", "我要投诉，要退款，态度差")]);
        run(bundle, &options(std::slice::from_ref(&file), &out));
        files.push(file);
    }
    let before = ["tag_events", "alerts", "current_tags"].map(|table| rows(&out, table));
    let replay = ReplayOptions {
        run: options(&files[1..], &out),
        from: Timestamp(MONDAY),
        rules: Which::All,
        dry_run: false,
    };
    let report = batch::replay(bundle, &replay, &Progress::default()).unwrap();
    assert_eq!((report.added, report.taken_back), (0, 0), "{report:?}");
    for (table, before) in ["tag_events", "alerts"].into_iter().zip(before) {
        assert_eq!(rows(&out, table), before, "{table}");
    }
    let standing: std::collections::BTreeSet<String> =
        rows(&out, "current_tags").into_iter().map(|row| row["customer"].clone()).collect();
    assert_eq!(standing, [one, two].into());
}
