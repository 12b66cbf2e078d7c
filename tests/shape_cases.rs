//! The boundary cases of streaks, shares, rhythms, combinations, ranks, and of the life of tags
//! and alerts, each under its own id.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "model/cases.rs"]
mod cases;
#[path = "model/kit.rs"]
mod kit;

use std::sync::Arc;

use cases::{Case, check, rows};
use chattag::message::{Key, KeyKind, NumberField};
use chattag::rules::*;
use chattag::time::Millis;
use chattag::verdict::{Census, Engine, KeyState, Measuring, Row, Stream};
use kit::*;

fn three_days() -> RuleSet {
    set(vec![rule("d", streak("x", 3)).alert(None)])
}

const STREAKS: &[Case] = &[
    ("D1", three_days, &["03-04 23:00 x", "03-05 12:00 x", "03-06 01:00 x"], &["03-06 01:00:00 alert"]),
    ("D2", three_days, &["03-04 22:00 x", "03-05 12:00 x", "03-06 00:01 x"], &["03-06 00:01:00 alert"]),
    ("D3", three_days, &["03-04 10:00 x", "03-05 10:00 x", "03-07 10:00 x"], &[]),
    ("D4", three_days, &["03-04 10:00 x", "03-04 12:00 x", "03-04 23:59 x"], &[]),
    (
        "D5",
        three_days,
        &["03-04 10:00 x", "03-05 10:00 x", "03-06 10:00 x", "03-07 10:00 x", "03-08 10:00 x"],
        &["03-06 10:00:00 alert"],
    ),
    ("D6", three_days, &["02-28 12:00 x", "02-29 12:00 x", "03-01 12:00 x"], &["03-01 12:00:00 alert"]),
    (
        "D7 a gap begins a new run",
        three_days,
        &[
            "03-04 10:00 x",
            "03-05 10:00 x",
            "03-06 10:00 x",
            "03-08 10:00 x",
            "03-09 10:00 x",
            "03-10 10:00 x",
        ],
        &["03-06 10:00:00 alert", "03-10 10:00:00 alert"],
    ),
    (
        "D8 a recalled message was an interaction",
        three_days,
        &["03-04 10:00 x", "03-05 10:00 x id=q", "03-05 10:01 recall=q", "03-06 10:00 x"],
        &["03-06 10:00:00 alert"],
    ),
];

fn promoted() -> RuleSet {
    set(vec![rule("q", ratio("x", "paid", 5, elapsed(DAY.times(365)))).scored("T", Score::Given)])
}

const RATIOS: &[Case] = &[
    (
        "Q1",
        promoted,
        &[
            "03-04 10:00 paid x",
            "03-05 10:00 paid x",
            "03-06 10:00 paid",
            "03-07 10:00 paid",
            "03-08 10:00 paid",
            "03-09 10:00 paid",
            "03-10 10:00 paid",
        ],
        &["03-08 10:00:00 assign T", "03-09 10:00:00 refresh T", "03-10 10:00:00 remove T below"],
    ),
    (
        "Q1 three of ten",
        promoted,
        &[
            "03-04 10:00 paid",
            "03-05 10:00 paid",
            "03-06 10:00 paid",
            "03-07 10:00 paid",
            "03-08 10:00 paid",
            "03-09 10:00 paid",
            "03-10 10:00 paid",
            "03-11 10:00 paid x",
            "03-12 10:00 paid x",
            "03-13 10:00 paid x",
        ],
        &["03-13 10:00:00 assign T"],
    ),
    (
        "Q2",
        promoted,
        &["03-04 10:00 paid x", "03-05 10:00 paid x", "03-06 10:00 paid x", "03-07 10:00 paid x"],
        &[],
    ),
    (
        "Q3",
        || set(vec![rule("q", ratio("x", "paid", 2, elapsed(DAY.times(365)))).tag("T").alert(None)]),
        &[
            "03-04 10:00 paid x",
            "03-05 10:00 paid",
            "03-06 10:00 paid",
            "03-07 10:00 paid",
            "03-08 10:00 paid x",
        ],
        &[
            "03-05 10:00:00 assign T",
            "03-05 10:00:00 alert",
            "03-06 10:00:00 refresh T",
            "03-07 10:00:00 remove T below",
            "03-08 10:00:00 assign T",
            "03-08 10:00:00 alert",
        ],
    ),
    (
        "Q4",
        || set(vec![rule("q", ratio("x", "paid", 2, elapsed(DAY.times(365)))).tag("T")]),
        &["2023-03-05 10:00 paid x", "03-04 10:00 paid"],
        &[],
    ),
    (
        "Q5 a numerator that is no denominator counts for nothing",
        || set(vec![rule("q", ratio("x", "paid", 1, elapsed(DAY))).tag("T")]),
        &["03-04 10:00 x", "03-04 11:00 paid"],
        &[],
    ),
];

fn overdue() -> RuleSet {
    set(vec![rule("c", cycle("paid")).tag("T")])
}

const CYCLES: &[Case] = &[
    (
        "C1",
        overdue,
        &["01-01 10:00 paid", "01-31 10:00 paid", "03-01 10:00 paid", "as_of 06-01 00:00"],
        &["03-25 00:00:00 assign T", "04-15 00:00:00 remove T passed"],
    ),
    ("C2", overdue, &["01-01 10:00 paid", "01-31 10:00 paid", "as_of 06-01 00:00"], &[]),
    (
        "C3",
        overdue,
        &[
            "01-01 10:00 paid",
            "01-31 10:00 paid",
            "03-01 10:00 paid",
            "03-31 15:00 paid",
            "as_of 04-01 00:00",
        ],
        &["03-25 00:00:00 assign T", "03-31 15:00:00 remove T cleared"],
    ),
    (
        "C4",
        overdue,
        &[
            "01-01 10:00 paid",
            "01-01 20:00 paid",
            "01-31 10:00 paid",
            "03-01 10:00 paid",
            "as_of 03-25 00:00",
        ],
        &["03-25 00:00:00 assign T"],
    ),
    (
        "C5",
        overdue,
        &["01-01 10:00 paid", "01-21 10:00 paid", "03-01 10:00 paid", "as_of 03-17 00:00"],
        &["03-17 00:00:00 assign T"],
    ),
    (
        "C6 a purchase at the midnight of the opening comes after it",
        overdue,
        &[
            "01-01 10:00 paid",
            "01-31 10:00 paid",
            "03-01 10:00 paid",
            "03-25 00:00 paid",
            "as_of 03-25 00:01",
        ],
        &["03-25 00:00:00 assign T", "03-25 00:00:00 remove T cleared"],
    ),
];

fn both(hold: Hold) -> RuleSet {
    set(vec![
        rule("a", matching("lead")).tag("lead"),
        rule("b", matching("paid")).tag("paid").clear_on("x"),
        rule("z", combine(&["lead", "paid"], &[], &["care"], hold)).scored("T", Score::Given).alert(None),
        rule("c", matching("cmpl")).tag("care"),
    ])
}

const COMBINATIONS: &[Case] = &[
    (
        "semantic 30: a combination follows its parts",
        || both(Hold::While),
        &["03-04 10:00 lead", "03-04 11:00 paid", "03-04 12:00 x", "03-04 13:00 paid"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 11:00:00 assign paid",
            "03-04 11:00:00 assign T",
            "03-04 11:00:00 alert",
            "03-04 12:00:00 remove paid cleared",
            "03-04 12:00:00 remove T part",
            "03-04 13:00:00 assign paid",
            "03-04 13:00:00 assign T",
            "03-04 13:00:00 alert",
        ],
    ),
    (
        "semantic 30: latched, it stays",
        || both(Hold::Latched),
        &["03-04 10:00 lead paid", "03-04 12:00 x"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 10:00:00 assign paid",
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-04 12:00:00 remove paid cleared",
        ],
    ),
    (
        "a part that gains evidence strengthens the combination and alerts nobody",
        || both(Hold::While),
        &["03-04 10:00 lead paid", "03-04 12:00 lead"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 10:00:00 assign paid",
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-04 12:00:00 refresh lead",
            "03-04 12:00:00 refresh T",
        ],
    ),
    (
        "what must not stand ends it",
        || both(Hold::While),
        &["03-04 10:00 lead paid", "03-04 12:00 cmpl"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 10:00:00 assign paid",
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-04 12:00:00 assign care",
            "03-04 12:00:00 remove T part",
        ],
    ),
    (
        "X19 a part that expires and comes again at one instant",
        || both(Hold::While).ttl("paid", Span::Elapsed(DAY)),
        &["03-04 10:00 lead paid", "03-05 10:00 paid", "as_of 03-05 10:01"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 10:00:00 assign paid",
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-05 10:00:00 remove paid expired",
            "03-05 10:00:00 remove T part",
            "03-05 10:00:00 assign paid",
            "03-05 10:00:00 assign T",
            "03-05 10:00:00 alert",
        ],
    ),
    (
        "parts before the whole, whatever their ids",
        || {
            set(vec![
                rule("a", combine(&["U"], &[], &[], Hold::While)).tag("V"),
                rule("b", combine(&["T"], &[], &[], Hold::While)).tag("U"),
                rule("c", matching("x")).tag("T").clear_on("z"),
            ])
        },
        &["03-04 10:00 x", "03-04 11:00 z"],
        &[
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 assign U",
            "03-04 10:00:00 assign V",
            "03-04 11:00:00 remove T cleared",
            "03-04 11:00:00 remove U part",
            "03-04 11:00:00 remove V part",
        ],
    ),
];

fn by_hand() -> RuleSet {
    set(vec![
        rule("a", matching("lead")).tag("lead"),
        rule("b", matching("paid")).tag("paid"),
        rule("c", matching("x")).untag("lead"),
        rule("d", matching("z")).tag("T").clear_on("m"),
    ])
    .ttl("T", Span::Elapsed(DAY))
}

const MANUAL: &[Case] = &[
    (
        "X11 what a person assigned no rule takes away",
        by_hand,
        &["03-04 10:00 +lead", "03-04 11:00 x", "03-04 12:00 lead", "03-04 13:00 -lead"],
        &[
            "03-04 10:00:00 assign lead manual",
            "03-04 12:00:00 refresh lead",
            "03-04 13:00:00 remove lead manual",
        ],
    ),
    (
        "X11 nor its time, nor its clearing signal",
        by_hand,
        &["03-04 10:00 +T", "03-04 11:00 m", "as_of 05-01 00:00"],
        &["03-04 10:00:00 assign T manual"],
    ),
    (
        "X11 unless the registry allows it",
        || by_hand().rules_may_remove("lead").rules_may_remove("T"),
        &["03-04 10:00 +lead +T", "03-04 11:00 x", "as_of 05-01 00:00"],
        &[
            "03-04 10:00:00 assign lead manual",
            "03-04 10:00:00 assign T manual",
            "03-04 11:00:00 remove lead rule",
            "03-05 10:00:00 remove T expired",
        ],
    ),
    (
        "X12 a tag by hand keeps the others of its group out",
        || by_hand().group(Exclusive::Latest, &["lead", "paid"]),
        &["03-04 10:00 +lead", "03-04 11:00 paid"],
        &["03-04 10:00:00 assign lead manual", "03-04 11:00:00 blocked paid outranked by lead"],
    ),
    (
        "X12 and a person may go back on the ladder",
        || by_hand().group(Exclusive::Forward, &["lead", "paid"]),
        &["03-04 10:00 paid", "03-04 11:00 +lead"],
        &[
            "03-04 10:00:00 assign paid",
            "03-04 11:00:00 remove paid superseded by lead",
            "03-04 11:00:00 assign lead manual",
        ],
    ),
];

fn reviewed() -> RuleSet {
    set(vec![rule("a", count("x", 2, elapsed(DAY.times(40)))).tag("T")]).reviewed("T")
}

const REVIEWS: &[Case] = &[
    (
        "semantic 37: at the start of each month, until the window holds too little",
        reviewed,
        &["03-04 10:00 x", "03-05 10:00 x", "as_of 06-30 00:00"],
        &["03-05 10:00:00 assign T", "04-01 00:00:00 reviewed T", "05-01 00:00:00 remove T review"],
    ),
    (
        "semantic 37: evidence at the midnight itself comes after the review",
        reviewed,
        &["03-04 10:00 x2", "04-20 00:00 x", "05-01 00:00 x", "as_of 05-02 00:00"],
        &[
            "03-04 10:00:00 assign T",
            "04-01 00:00:00 reviewed T",
            "05-01 00:00:00 remove T review",
            "05-01 00:00:00 assign T",
        ],
    ),
    (
        "X13 expiry first",
        || reviewed().ttl("T", Span::Elapsed(DAY)),
        &["03-31 00:00 x2", "as_of 04-02 00:00"],
        &["03-31 00:00:00 assign T", "04-01 00:00:00 remove T expired"],
    ),
    (
        "one rule that still holds is enough",
        || {
            let rules =
                vec![rule("a", count("x", 2, elapsed(DAY))).tag("T"), rule("b", streak("z", 2)).tag("T")];
            set(rules).reviewed("T")
        },
        &["03-04 10:00 x2", "03-30 10:00 z", "03-31 10:00 z", "as_of 05-02 00:00"],
        &[
            "03-04 10:00:00 assign T",
            "03-31 10:00:00 refresh T",
            "04-01 00:00:00 reviewed T",
            "05-01 00:00:00 remove T review",
        ],
    ),
    (
        "a sequence, a share, a silence, a rhythm",
        || {
            let rules = vec![
                rule("a", sequence(&["a", "b"], DAY.times(20))).tag("T"),
                rule("b", ratio("x", "z", 2, elapsed(DAY.times(20)))).tag("U"),
                rule("c", absence("m", Span::Elapsed(DAY))).tag("V"),
                rule("d", matching("lead")).tag("lead"),
            ];
            set(rules).reviewed("T").reviewed("U").reviewed("V").reviewed("lead")
        },
        &[
            "03-20 10:00 a",
            "03-21 10:00 b",
            "03-21 10:00 z x lead",
            "03-22 10:00 z x m",
            "05-01 00:00 m",
            "as_of 05-01 00:01",
        ],
        &[
            "03-21 10:00:00 assign T",
            "03-21 10:00:00 assign lead",
            "03-22 10:00:00 assign U",
            "03-23 10:00:00 assign V",
            "04-01 00:00:00 reviewed T",
            "04-01 00:00:00 reviewed lead",
            "04-01 00:00:00 reviewed U",
            "04-01 00:00:00 reviewed V",
            "05-01 00:00:00 remove T review",
            "05-01 00:00:00 reviewed lead",
            "05-01 00:00:00 remove U review",
            "05-01 00:00:00 reviewed V",
        ],
    ),
];

fn two_levels() -> RuleSet {
    set(vec![
        rule("a", matching("x")).alert_as("care", AlertLevel::Mid, Some(DAY)),
        rule("b", matching("z")).alert_as("care", AlertLevel::High, Some(HOUR)),
    ])
}

const ALERTS: &[Case] = &[
    (
        "semantic 39: a higher level breaks through, a lower one does not",
        two_levels,
        &["03-04 10:00 x", "03-04 10:10 z", "03-04 10:20 x", "03-04 10:30 z", "03-04 11:10 x"],
        &[
            "03-04 10:00:00 alert",
            "03-04 10:10:00 alert",
            "03-04 10:20:00 suppressed by 03-04 10:10:00",
            "03-04 10:30:00 suppressed by 03-04 10:10:00",
            "03-04 11:10:00 alert",
        ],
    ),
    (
        "semantic 39: unless it is told not to",
        || {
            let mut set = two_levels();
            set.rules[1] = set.rules[1].clone().never_breaking_through();
            set
        },
        &["03-04 10:00 x", "03-04 10:10 z"],
        &["03-04 10:00:00 alert", "03-04 10:10:00 suppressed by 03-04 10:00:00"],
    ),
    (
        "semantic 39: muted while the source is in its own cooldown, half-open",
        || {
            let rules =
                vec![rule("a", matching("x")).alert(Some(HOUR)), rule("b", matching("z")).alert(None)];
            set(rules).inhibited("b", "a")
        },
        &["03-04 09:00 z", "03-04 10:00 x", "03-04 10:59:59.999 z", "03-04 11:00 z"],
        &[
            "03-04 09:00:00 alert",
            "03-04 10:00:00 alert",
            "03-04 10:59:59.999 inhibited by 03-04 10:00:00",
            "03-04 11:00:00 alert",
        ],
    ),
    (
        "a muted alert begins no cooldown",
        || {
            let rules =
                vec![rule("a", matching("x")).alert(Some(HOUR)), rule("b", matching("z")).alert(Some(DAY))];
            set(rules).inhibited("b", "a")
        },
        &["03-04 10:00 x", "03-04 10:30 z", "03-04 11:30 z"],
        &["03-04 10:00:00 alert", "03-04 10:30:00 inhibited by 03-04 10:00:00", "03-04 11:30:00 alert"],
    ),
];

fn summed() -> RuleSet {
    let fen = Measure::Sum(NumberField::AmountFen);
    set(vec![rule("a", count("paid", 500, elapsed(DAY))).measure(fen).hold().tag("T").alert(None)])
}

const REFUNDS: &[Case] = &[
    (
        "X17 a refund after the firing takes nothing back, and arms the rule again",
        summed,
        &["03-04 10:00 paid fen=500", "03-04 11:00 paid fen=-300", "03-04 12:00 paid fen=300"],
        &[
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-04 12:00:00 refresh T",
            "03-04 12:00:00 alert",
        ],
    ),
    ("X18 a negative sum", summed, &["03-04 10:00 paid fen=-500", "03-04 11:00 paid fen=999"], &[]),
];

/// Semantic 25.
#[test]
fn d1_to_d8_streaks_count_local_days_running() {
    check(STREAKS);
}

/// Semantic 27.
#[test]
fn q1_to_q5_shares_are_compared_with_whole_numbers_at_each_denominator_event() {
    check(RATIOS);
}

/// Semantic 28.
#[test]
fn c1_to_c6_rhythms_open_and_close_at_local_midnights() {
    check(CYCLES);
}

#[test]
fn combinations_follow_their_parts_at_the_same_instant() {
    check(COMBINATIONS);
}

#[test]
fn what_a_person_assigned_only_a_person_takes_away() {
    check(MANUAL);
}

#[test]
fn reviewed_tags_stay_while_one_of_their_rules_still_holds() {
    check(REVIEWS);
}

#[test]
fn alerts_break_through_upwards_and_are_muted_by_others() {
    check(ALERTS);
}

#[test]
fn refunds_are_negative_amounts() {
    check(REFUNDS);
}

#[test]
fn a_combination_is_as_sure_as_its_weakest_part_and_shows_the_newest_piece_of_each() {
    let out = rows(&both(Hold::While), &["03-04 10:00 lead id=p", "03-04 11:00 paid3 id=q"]);
    let chattag::verdict::Decision::Tag(change) = &out[2].decision else { panic!("a tag") };
    assert_eq!((change.standing.score, change.standing.n_hits), (0.129_449, 2));
    let ids: Vec<&str> = out[2].evidence.iter().map(|piece| &*piece.message_id).collect();
    assert_eq!(ids, ["p", "q"]);
}

// ---- ranks ----

fn ranked() -> RuleSet {
    set(vec![rule("r", rank("paid", [["f1", "f2"], ["m1", "m2"]]))])
}

const POPULATION: &[&str] = &[
    "02-10 10:00 paid fen=100 key=a",
    "02-20 10:00 paid fen=900 key=b",
    "02-21 10:00 paid fen=50 key=b",
    "03-01 00:00 paid fen=9000 key=a",
    "05-20 10:00 paid fen=1 key=c",
];

const RANKED: &[&str] = &[
    "a 03-01 00:00:00 assign f1",
    "a 03-01 00:00:00 assign m1",
    "a 04-01 00:00:00 remove m1 superseded by m2",
    "a 04-01 00:00:00 assign m2",
    "a 05-01 00:00:00 remove f1 unranked",
    "a 05-01 00:00:00 remove m2 unranked",
    "b 03-01 00:00:00 assign f2",
    "b 03-01 00:00:00 assign m2",
    "b 04-01 00:00:00 remove f2 superseded by f1",
    "b 04-01 00:00:00 assign f1",
    "b 04-01 00:00:00 remove m2 superseded by m1",
    "b 04-01 00:00:00 assign m1",
    "b 05-01 00:00:00 remove f1 unranked",
    "b 05-01 00:00:00 remove m1 unranked",
];

fn by_key(set: &RuleSet, rows: &[Row]) -> Vec<String> {
    let mut lines: Vec<(Arc<Key>, String)> =
        rows.iter().map(|row| (Arc::clone(&row.key), text(set, row))).collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    lines.into_iter().map(|(key, line)| format!("{} {line}", key.customer)).collect()
}

#[test]
fn semantic_29_a_stream_ranks_all_keys_when_its_watermark_reaches_the_month() {
    let set = ranked();
    let engine = Engine::new(&set, KeyKind::Customer);
    let (mut stream, mut out) = (Stream::new(&engine, MINUTE), Vec::new());
    for (line, number) in POPULATION.iter().zip(1..) {
        let (name, event) = read_event(line, number);
        stream.push(&key(&name), event, &mut out);
    }
    stream.advance_to(instant("06-15 00:00"), &mut out);
    assert_eq!(by_key(&set, &out), RANKED);
}

#[test]
fn semantic_29_two_passes_over_the_histories_rank_as_the_stream_does() {
    let set = ranked();
    let engine = Engine::new(&set, KeyKind::Customer);
    let as_of = instant("06-15 00:00");
    let mut parts: Vec<Census> = Vec::new();
    for name in ["c", "a", "b"] {
        let (mut census, mut walk) = (Census::default(), Measuring::default());
        history(name).iter().for_each(|event| census.add(&engine, &mut walk, event));
        census.pass(&engine, &mut walk, as_of);
        parts.push(census);
    }
    let mut census = Census::default();
    parts.into_iter().for_each(|part| census.merge(part));
    let scales = census.scales(&engine);
    let mut out = Vec::new();
    for name in ["a", "b", "c"] {
        let mut state = KeyState::default();
        history(name)
            .iter()
            .for_each(|event| engine.push_ranked(&scales, &mut state, &key(name), event, &mut out));
        engine.advance_ranked(&scales, &mut state, &key(name), as_of, &mut out);
    }
    assert_eq!(by_key(&set, &out), RANKED);
}

fn history(name: &str) -> Vec<chattag::signal::Event> {
    let events = POPULATION.iter().zip(1..).map(|(line, number)| read_event(line, number));
    events.filter(|(key, _)| key == name).map(|(_, event)| event).collect()
}

// ---- a customer goes to another employee ----

#[test]
fn tags_move_with_their_history_when_a_customer_goes_to_another_employee() {
    let rules =
        vec![rule("a", count("x", 2, elapsed(DAY.times(9)))).tag("T"), rule("b", matching("z")).tag("U")];
    let set = set(rules).ttl("T", Span::Elapsed(DAY.times(30)));
    let engine = Engine::new(&set, KeyKind::Customer);
    let (old, new) = (key("old"), key("new"));
    let (mut from, mut to) = (KeyState::default(), KeyState::default());
    let mut out = Vec::new();
    for line in ["03-04 10:00 x2", "03-05 10:00 x"] {
        engine.push(&mut from, &old, &read_event(line, 1).1, &mut out);
    }
    engine.hand_over((&old, &mut from), (&new, &mut to), instant("03-06 10:00"), "t1", &mut out);
    // What the rule remembers has moved as well: one more is enough.
    engine.push(&mut to, &new, &read_event("03-07 10:00 x", 2).1, &mut out);
    engine.push(&mut from, &old, &read_event("03-07 10:00 x", 3).1, &mut out);
    engine.advance_to(&mut to, &new, instant("05-01 00:00"), &mut out);
    let found: Vec<String> =
        out.iter().map(|row| format!("{} {}", row.key.customer, text(&set, row))).collect();
    let expected = [
        "old 03-04 10:00:00 assign T",
        "old 03-06 10:00:00 remove T transferred",
        "new 03-06 10:00:00 assign T inherited",
        "new 03-07 10:00:00 refresh T",
        "new 04-06 10:00:00 remove T expired",
    ];
    assert_eq!(found, expected);
    let chattag::verdict::Decision::Tag(change) = &out[2].decision else { panic!("a tag") };
    assert_eq!(change.standing.since, instant("03-04 10:00"), "since when it stood for the other");
}

#[test]
fn a_tag_that_stands_for_the_other_employee_already_stays_as_it_is() {
    let set = set(vec![rule("b", matching("z")).tag("U"), rule("a", matching("x")).tag("T")]);
    let engine = Engine::new(&set, KeyKind::Customer);
    let (old, new) = (key("old"), key("new"));
    let (mut from, mut to) = (KeyState::default(), KeyState::default());
    let mut out = Vec::new();
    engine.push(&mut from, &old, &read_event("03-04 10:00 x z", 1).1, &mut out);
    engine.push(&mut to, &new, &read_event("03-05 10:00 z", 2).1, &mut out);
    out.clear();
    engine.hand_over((&old, &mut from), (&new, &mut to), instant("03-06 10:00"), "t1", &mut out);
    let found: Vec<String> =
        out.iter().map(|row| format!("{} {}", row.key.customer, text(&set, row))).collect();
    let expected = [
        "old 03-06 10:00:00 remove T transferred",
        "new 03-06 10:00:00 assign T inherited",
        "old 03-06 10:00:00 remove U transferred",
    ];
    assert_eq!(found, expected);
    assert_eq!(engine.standing_tags(&from).count(), 0);
}

#[test]
fn what_a_new_shape_keeps_is_bounded() {
    let set = set(vec![
        rule("a", streak("x", 5)).alert(None),
        rule("b", cycle("x")).tag("T"),
        rule("c", ratio("x", "x", 3, elapsed(DAY.times(30)))).tag("U"),
    ]);
    let engine = Engine::new(&set, KeyKind::Customer);
    let (mut state, mut out, mut sizes) = (KeyState::default(), Vec::new(), Vec::new());
    for i in 0..600_i64 {
        let at = instant("01-01 00:00").plus(Millis::HOUR.times(i * 20));
        engine.push(&mut state, &key("k"), &event(&format!("m{i:05}"), 0, at, &[("x", 1)]), &mut out);
        sizes.push(serde_json::to_string(&state).unwrap().len());
    }
    let (early, late) = (sizes[100..300].iter().max(), sizes[300..].iter().max());
    assert!(late.unwrap() <= &(early.unwrap() + 64), "{early:?} {late:?}");
}
