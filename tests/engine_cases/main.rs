//! The boundary cases of the engine, each under its own id: what "within", "at" and "first" mean.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../model/cases.rs"]
mod cases;
mod keys;
#[path = "../model/kit.rs"]
mod kit;
mod scores;

use cases::{Case, check, rows};
use chattag::message::{KeyKind, NumberField};
use chattag::rules::*;
use chattag::time::{Millis, Timestamp};
use chattag::verdict::{Arrival, Decision, Engine, Stream};
use kit::*;

fn tagged(shape: Shape) -> RuleSet {
    set(vec![rule("c", shape).tag("T")])
}

fn alerted(shape: Shape) -> Rule {
    rule("c", shape).alert(None)
}

fn three_in_an_hour() -> Rule {
    alerted(count("x", 3, elapsed(HOUR)))
}

fn days(n: u32) -> Window {
    Window::NaturalDays(n)
}

fn a_then_b() -> Rule {
    rule("s", sequence(&["a", "b"], HOUR)).tag("T")
}

fn a_then_b_in_a_day() -> RuleSet {
    set(vec![rule("s", sequence(&["a", "b"], DAY)).tag("T")])
}

fn session_of_three() -> RuleSet {
    set(vec![alerted(count("x", 3, Window::Session { gap: HOUR.times(2) }))])
}

fn unanswered() -> Rule {
    rule("a", absence("ask", Span::Elapsed(DAY))).cancel("rep").alert(None)
}

fn silent_for_three_months() -> RuleSet {
    tagged(absence("m", Span::Months(3)))
}

fn one_month_tag() -> RuleSet {
    tagged(matching("x")).ttl("T", Span::Months(1))
}

fn stages(exclusive: Exclusive) -> RuleSet {
    let lead = rule("a", matching("lead")).tag("lead");
    let paid = rule("b", matching("paid")).tag("paid");
    set(vec![lead, paid]).group(exclusive, &["lead", "paid"])
}

const WINDOWS: &[Case] = &[
    (
        "W1",
        || tagged(count("x", 3, elapsed(HOUR))),
        &["03-04 10:00 x", "03-04 10:30 x", "03-04 10:59:59.999 x"],
        &["03-04 10:59:59.999 assign T"],
    ),
    (
        "W2",
        || tagged(count("x", 3, elapsed(HOUR))),
        &["03-04 10:00 x", "03-04 10:30 x", "03-04 11:00 x"],
        &[],
    ),
    (
        "W3",
        || tagged(count("x", 5, elapsed(DAY.times(7)))),
        &["03-04 10:00 x", "03-04 10:01 x", "03-04 10:02 x", "03-04 10:03 x"],
        &[],
    ),
    ("W4", || tagged(count("x", 5, elapsed(HOUR))), &["03-04 10:00 x5"], &["03-04 10:00:00 assign T"]),
    (
        "W5",
        || set(vec![rule("c", count("x", 5, elapsed(HOUR))).measure(Measure::Messages).tag("T")]),
        &["03-04 10:00 x5"],
        &[],
    ),
    (
        "W5 capped",
        || set(vec![rule("c", count("x", 5, elapsed(HOUR))).cap(2).tag("T")]),
        &["03-04 10:00 x5", "03-04 10:01 x5", "03-04 10:02 x5"],
        &["03-04 10:02:00 assign T"],
    ),
    ("W6", || tagged(count("x", 2, days(1))), &["03-04 23:59:59.999 x", "03-05 00:00 x"], &[]),
    (
        "W7",
        || tagged(count("x", 2, days(1))),
        &["03-05 07:59 x", "03-05 08:01 x"],
        &["03-05 08:01:00 assign T"],
    ),
    (
        "W8 in",
        || tagged(count("x", 2, days(2))),
        &["03-04 00:00 x", "03-05 23:59 x"],
        &["03-05 23:59:00 assign T"],
    ),
    ("W8 out", || tagged(count("x", 2, days(2))), &["03-03 23:59 x", "03-05 00:00 x"], &[]),
    (
        "W9",
        || tagged(count("x", 2, elapsed(DAY))),
        &["03-04 23:59 x", "03-05 23:58 x"],
        &["03-05 23:58:00 assign T"],
    ),
    (
        "W10 a natural week begins on Monday",
        || tagged(count("x", 2, Window::NaturalWeeks(1))),
        &["03-03 23:59 x", "03-04 00:00 x", "03-10 23:59 x"],
        &["03-10 23:59:00 assign T"],
    ),
    (
        "W11 a natural month begins on the 1st",
        || tagged(count("x", 2, Window::NaturalMonths(1))),
        &["02-29 23:59 x", "03-01 00:00 x", "03-31 23:59 x"],
        &["03-31 23:59:00 assign T"],
    ),
    (
        "W12 different terms",
        || set(vec![rule("c", count("x", 2, elapsed(HOUR))).measure(Measure::DistinctTerms).alert(None)]),
        &["03-04 10:00 x3", "03-04 10:01 x"],
        &[],
    ),
    (
        "W13 different days",
        || set(vec![rule("c", count("x", 2, elapsed(DAY))).measure(Measure::DistinctDays).alert(None)]),
        &["03-04 10:00 x", "03-04 11:00 x", "03-05 09:00 x"],
        &["03-05 09:00:00 alert"],
    ),
    (
        "W14 a sum reached exactly, amounts only",
        || {
            set(vec![
                rule("c", count("x", 500, elapsed(HOUR)))
                    .measure(Measure::Sum(NumberField::AmountFen))
                    .alert(None),
            ])
        },
        &["03-04 10:00 x fen=200", "03-04 10:01 x", "03-04 10:02 x fen=300"],
        &["03-04 10:02:00 alert"],
    ),
    (
        "semantic 20: a count is looked at when its signal comes and at no other time",
        || {
            set(vec![
                rule("c", count("x", 2, elapsed(HOUR))).hold().alert(None),
                rule("d", matching("z")).tag("T"),
            ])
        },
        &[
            "03-04 10:00 x2",
            "03-04 10:30 z",
            "03-04 12:00 z",
            "03-04 12:30 x",
            "03-04 12:40 x",
            "as_of 04-01 00:00",
        ],
        &[
            "03-04 10:00:00 alert",
            "03-04 10:30:00 assign T",
            "03-04 12:00:00 refresh T",
            "03-04 12:40:00 alert",
        ],
    ),
    (
        "W15 a signal without mentions counts one",
        || tagged(count("x", 2, elapsed(HOUR))),
        &["03-04 10:00 x0", "03-04 10:01 x0"],
        &["03-04 10:01:00 assign T"],
    ),
];

const AFTER_FIRING: &[Case] = &[
    (
        "F1",
        || set(vec![three_in_an_hour()]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 10:03 x",
            "03-04 10:04 x",
            "03-04 10:05 x",
        ],
        &["03-04 10:02:00 alert", "03-04 10:05:00 alert"],
    ),
    (
        "F2",
        || set(vec![three_in_an_hour()]),
        &["03-04 10:00 x", "03-04 10:01 x", "03-04 10:02 x", "03-04 10:03 x", "03-04 10:04 x"],
        &["03-04 10:02:00 alert"],
    ),
    (
        "F3",
        || set(vec![three_in_an_hour().hold()]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 10:03 x",
            "03-04 10:04 x",
            "03-04 10:05 x",
        ],
        &["03-04 10:02:00 alert"],
    ),
    (
        "F4",
        || set(vec![three_in_an_hour().hold()]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 12:00 x",
            "03-04 12:01 x",
            "03-04 12:02 x",
        ],
        &["03-04 10:02:00 alert", "03-04 12:02:00 alert"],
    ),
    (
        "F5",
        || set(vec![three_in_an_hour().every()]),
        &["03-04 10:00 x", "03-04 10:01 x", "03-04 10:02 x", "03-04 10:03 x", "03-04 10:04 x"],
        &["03-04 10:02:00 alert", "03-04 10:03:00 alert", "03-04 10:04:00 alert"],
    ),
];

const COOLDOWN: &[Case] = &[
    (
        "K1",
        || set(vec![rule("c", count("x", 3, elapsed(HOUR))).alert(Some(HOUR))]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 10:03 x",
            "03-04 10:04 x",
            "03-04 10:05 x",
        ],
        &["03-04 10:02:00 alert", "03-04 10:05:00 suppressed by 03-04 10:02:00"],
    ),
    (
        "K2",
        || set(vec![rule("c", count("x", 3, elapsed(HOUR))).alert(Some(HOUR))]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 11:00 x",
            "03-04 11:01 x",
            "03-04 11:02 x",
        ],
        &["03-04 10:02:00 alert", "03-04 11:02:00 alert"],
    ),
    (
        "K3",
        || set(vec![rule("c", count("x", 3, elapsed(HOUR))).alert(Some(HOUR))]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 10:59 x",
            "03-04 11:00 x",
            "03-04 11:01 x",
        ],
        &["03-04 10:02:00 alert", "03-04 11:01:00 suppressed by 03-04 10:02:00"],
    ),
    (
        "K4",
        || set(vec![rule("c", count("x", 3, elapsed(HOUR))).alert(Some(HOUR))]),
        &["03-04 10:00 x3", "03-04 10:30 x3", "03-04 10:59 x3", "03-04 11:00 x3"],
        &[
            "03-04 10:00:00 alert",
            "03-04 10:30:00 suppressed by 03-04 10:00:00",
            "03-04 10:59:00 suppressed by 03-04 10:00:00",
            "03-04 11:00:00 alert",
        ],
    ),
    (
        "K5",
        || set(vec![rule("c", count("x", 3, elapsed(HOUR))).tag("T").alert(Some(DAY))]),
        &["03-04 10:00 x3", "03-04 10:30 x3"],
        &[
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-04 10:30:00 refresh T",
            "03-04 10:30:00 suppressed by 03-04 10:00:00",
        ],
    ),
];

const SEQUENCES: &[Case] = &[
    ("S1", a_then_b_in_a_day, &["03-04 10:00 a", "03-04 11:00 b"], &["03-04 11:00:00 assign T"]),
    ("S2", a_then_b_in_a_day, &["03-04 10:00 b", "03-04 11:00 a"], &[]),
    ("S3", a_then_b_in_a_day, &["03-04 10:00 a", "03-05 10:00 b"], &[]),
    ("S4", a_then_b_in_a_day, &["03-04 10:00 a", "03-05 09:59:59.999 b"], &["03-05 09:59:59.999 assign T"]),
    (
        "S5",
        || set(vec![a_then_b()]),
        &["03-04 10:00 a", "03-04 10:00:00.001 z", "03-04 10:00:00.002 b"],
        &["03-04 10:00:00.002 assign T"],
    ),
    (
        "S6",
        a_then_b_in_a_day,
        &["03-04 10:00 a", "03-05 06:00 a", "03-05 11:00 b"],
        &["03-05 11:00:00 assign T"],
    ),
    ("S7", || set(vec![a_then_b()]), &["03-04 10:00 a b"], &[]),
    (
        "S8",
        || set(vec![a_then_b()]),
        &["03-04 10:00 a b", "03-04 10:00:00.001 b"],
        &["03-04 10:00:00.001 assign T"],
    ),
    (
        "S9",
        || set(vec![rule("s", sequence(&["a", "b"], HOUR)).alert(None)]),
        &["03-04 10:00 a", "03-04 10:01 a", "03-04 10:02 b", "03-04 10:03 b"],
        &["03-04 10:02:00 alert"],
    ),
    (
        "S10 one message",
        || set(vec![rule("s", sequence(&["a", "a"], HOUR)).tag("T")]),
        &["03-04 10:00 a2"],
        &[],
    ),
    (
        "S10 two messages",
        || set(vec![rule("s", sequence(&["a", "a"], HOUR)).tag("T")]),
        &["03-04 10:00 a", "03-04 10:00:00.001 a"],
        &["03-04 10:00:00.001 assign T"],
    ),
    (
        "S11 in order",
        || set(vec![a_then_b()]),
        &["03-04 10:00 a seq=1 id=p", "03-04 10:00 b seq=2 id=o"],
        &["03-04 10:00:00 assign T"],
    ),
    (
        "S11 against it",
        || set(vec![a_then_b()]),
        &["03-04 10:00 b seq=1 id=p", "03-04 10:00 a seq=2 id=o"],
        &[],
    ),
    (
        "S12",
        || set(vec![a_then_b()]),
        &["03-04 10:00 b seq=0 id=z2", "03-04 10:00 a seq=0 id=z1"],
        &["03-04 10:00:00 assign T"],
    ),
    (
        "S13",
        || set(vec![a_then_b().without("paid")]),
        &["03-04 10:00 a", "03-04 10:00:00.001 paid", "03-04 10:00:00.002 b"],
        &[],
    ),
    (
        "S14",
        || set(vec![a_then_b().without("paid")]),
        &["03-04 09:59:59.999 paid", "03-04 10:00 a", "03-04 10:00:00.002 b"],
        &["03-04 10:00:00.002 assign T"],
    ),
    ("S15", || set(vec![a_then_b().without("paid")]), &["03-04 10:00 a", "03-04 10:00:00.002 b paid"], &[]),
    (
        "S16 in",
        || set(vec![rule("s", sequence(&["a", "b", "c"], DAY)).tag("T")]),
        &["03-04 10:00 a", "03-04 22:00 b", "03-05 09:59:59.999 c"],
        &["03-05 09:59:59.999 assign T"],
    ),
    (
        "S16 out",
        || set(vec![rule("s", sequence(&["a", "b", "c"], DAY)).tag("T")]),
        &["03-04 10:00 a", "03-04 22:00 b", "03-05 10:00 c"],
        &[],
    ),
    (
        "S17 places in one message, in order",
        || set(vec![a_then_b().same_message()]),
        &["03-04 10:00 a=3 b=7"],
        &["03-04 10:00:00 assign T"],
    ),
    (
        "S17 places in one message, against it",
        || set(vec![a_then_b().same_message()]),
        &["03-04 10:00 a=7 b=3"],
        &[],
    ),
    ("S18 one place serves one step", || set(vec![a_then_b().same_message()]), &["03-04 10:00 a=3 b=3"], &[]),
    (
        "S19 a recalled start is no start",
        || set(vec![a_then_b()]),
        &["03-04 10:00 a id=q", "03-04 10:01 recall=q", "03-04 10:02 b"],
        &[],
    ),
    (
        "S20 behind a recalled start stands the older one",
        || set(vec![a_then_b()]),
        &["03-04 10:00 a", "03-04 10:01 a id=q", "03-04 10:02 recall=q", "03-04 10:03 b"],
        &["03-04 10:03:00 assign T"],
    ),
];

const ABSENCES: &[Case] = &[
    (
        "A1",
        silent_for_three_months,
        &["11-30 10:00 m", "as_of 2025-06-01 00:00"],
        &["2025-02-28 10:00:00 assign T"],
    ),
    ("A2", silent_for_three_months, &["11-30 10:00 m", "as_of 2025-02-28 09:59:59.999"], &[]),
    (
        "A3",
        silent_for_three_months,
        &["11-30 10:00 m", "as_of 2025-02-28 10:00"],
        &["2025-02-28 10:00:00 assign T"],
    ),
    (
        "A4",
        silent_for_three_months,
        &["11-30 10:00 m", "2025-02-28 09:59:59.999 m", "as_of 2025-03-01 00:00"],
        &[],
    ),
    (
        "A5",
        silent_for_three_months,
        &["11-30 10:00 m", "2025-02-28 10:00 m", "as_of 2025-06-01 00:00"],
        &["2025-02-28 10:00:00 assign T", "2025-05-28 10:00:00 refresh T"],
    ),
    (
        "A6",
        || tagged(absence("m", Span::Months(1))),
        &["01-31 10:00 m", "as_of 12-01 00:00"],
        &["02-29 10:00:00 assign T"],
    ),
    ("A7", silent_for_three_months, &["03-04 10:00 z"], &[]),
    ("A8", || set(vec![unanswered().first()]), &["03-04 10:00 ask", "03-05 09:59:59.999 rep"], &[]),
    (
        "A9",
        || set(vec![unanswered().first()]),
        &["03-04 10:00 ask", "03-05 10:00 rep"],
        &["03-05 10:00:00 alert"],
    ),
    (
        "A10",
        || set(vec![unanswered().first()]),
        &["03-04 10:00 ask", "03-05 06:00 ask"],
        &["03-05 10:00:00 alert"],
    ),
    ("A11", || set(vec![unanswered()]), &["03-04 10:00 ask", "03-05 06:00 ask"], &["03-06 06:00:00 alert"]),
    (
        "A12",
        || set(vec![unanswered().first()]),
        &["03-04 10:00 ask", "03-04 11:00 ask rep"],
        &["03-05 11:00:00 alert"],
    ),
    (
        "A13 a recalled anchor still anchors",
        || set(vec![unanswered()]),
        &["03-04 10:00 ask id=q", "03-04 10:01 recall=q"],
        &["03-05 10:00:00 alert"],
    ),
];

const TAG_LIFE: &[Case] = &[
    (
        "G1",
        one_month_tag,
        &["01-31 09:00 x"],
        &["01-31 09:00:00 assign T", "02-29 09:00:00 remove T expired"],
    ),
    (
        "G2",
        one_month_tag,
        &["01-10 00:00 x", "02-05 00:00 x"],
        &["01-10 00:00:00 assign T", "02-05 00:00:00 refresh T", "03-05 00:00:00 remove T expired"],
    ),
    (
        "G3",
        one_month_tag,
        &["01-10 00:00 x", "02-10 00:00 x", "as_of 02-11 00:00"],
        &["01-10 00:00:00 assign T", "02-10 00:00:00 remove T expired", "02-10 00:00:00 assign T"],
    ),
    (
        "G4",
        || stages(Exclusive::Forward),
        &["03-04 10:00 lead", "03-04 10:00:00.001 paid"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 10:00:00.001 remove lead superseded by paid",
            "03-04 10:00:00.001 assign paid",
        ],
    ),
    (
        "G5",
        || stages(Exclusive::Forward),
        &["03-04 10:00 paid", "03-04 10:01 lead"],
        &["03-04 10:00:00 assign paid", "03-04 10:01:00 blocked lead outranked by paid"],
    ),
    (
        "G6",
        || stages(Exclusive::Latest),
        &["03-04 10:00 paid", "03-04 10:01 lead"],
        &[
            "03-04 10:00:00 assign paid",
            "03-04 10:01:00 remove paid superseded by lead",
            "03-04 10:01:00 assign lead",
        ],
    ),
    (
        "G7",
        || stages(Exclusive::Forward),
        &["03-04 10:00 lead paid"],
        &[
            "03-04 10:00:00 assign lead",
            "03-04 10:00:00 remove lead superseded by paid",
            "03-04 10:00:00 assign paid",
        ],
    ),
    (
        "G8",
        || set(vec![rule("a", absence("m", Span::Months(3))).tag("T"), rule("b", matching("m")).untag("T")]),
        &["01-01 00:00 m", "05-01 00:00 m", "as_of 06-01 00:00"],
        &["04-01 00:00:00 assign T", "05-01 00:00:00 remove T rule"],
    ),
    (
        "G8 by clear_on",
        || set(vec![rule("a", absence("m", Span::Months(3))).tag("T").clear_on("m")]),
        &["01-01 00:00 m", "05-01 00:00 m", "as_of 06-01 00:00"],
        &["04-01 00:00:00 assign T", "05-01 00:00:00 remove T cleared"],
    ),
    (
        "G8 at the deadline itself",
        || set(vec![rule("a", absence("m", Span::Months(3))).tag("T").clear_on("m")]),
        &["2024-11-30 10:00 m", "2025-02-28 10:00 m", "as_of 2025-03-01 00:00"],
        &["2025-02-28 10:00:00 assign T", "2025-02-28 10:00:00 remove T cleared"],
    ),
    (
        "G9 tags of an open group stand together",
        || stages(Exclusive::None),
        &["03-04 10:00 paid", "03-04 10:01 lead"],
        &["03-04 10:00:00 assign paid", "03-04 10:01:00 assign lead"],
    ),
    (
        "G10 the first in the order wins",
        || stages(Exclusive::Priority),
        &["03-04 10:00 paid", "03-04 10:01 lead", "03-04 10:02 paid"],
        &[
            "03-04 10:00:00 assign paid",
            "03-04 10:01:00 remove paid superseded by lead",
            "03-04 10:01:00 assign lead",
            "03-04 10:02:00 blocked paid outranked by lead",
        ],
    ),
    (
        "G11 the higher score wins, at equal scores the standing tag",
        || stages(Exclusive::Score),
        &["03-04 10:00 paid", "03-04 10:01 lead", "03-04 10:02 lead2"],
        &[
            "03-04 10:00:00 assign paid",
            "03-04 10:01:00 blocked lead outranked by paid",
            "03-04 10:02:00 remove paid superseded by lead",
            "03-04 10:02:00 assign lead",
        ],
    ),
    (
        "G12 a level is reached at its cut",
        || tagged(matching("x")).levels("T", &[("mid", 0.5), ("high", 0.75)]),
        &["03-04 10:00 x4", "03-04 10:01 x", "03-04 10:02 x", "03-04 10:03 x4"],
        &[
            "03-04 10:00:00 assign T",
            "03-04 10:01:00 level T",
            "03-04 10:02:00 refresh T",
            "03-04 10:03:00 level T",
        ],
    ),
    (
        "G13 an experimental rule touches nothing",
        || stages(Exclusive::Latest).changed(|rule| rule.id == "b", Rule::experimental),
        &["03-04 10:00 lead", "03-04 10:01 paid", "03-04 10:02 lead"],
        &["03-04 10:00:00 assign lead", "03-04 10:01:00 assign paid shadow", "03-04 10:02:00 refresh lead"],
    ),
];

/// Rules are listed against the order of their ids, to be run in it.
const ORDER: &[Case] = &[
    (
        "semantic 32: rules in id order, combinations after them, parts before the whole, kicks last",
        || {
            set(vec![
                rule("e", matching("x")).kick(KickAction::Warn),
                rule("d", combine(&["W"], &[], &[], Hold::While)).tag("V"),
                rule("c", combine(&["T", "U"], &[], &[], Hold::While)).tag("W"),
                rule("b", matching("x")).tag("U").alert(None),
                rule("a", matching("x")).tag("T"),
                rule("f", matching("x")).tag("m1"),
            ])
        },
        &["03-04 10:00 x"],
        &[
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 assign U",
            "03-04 10:00:00 alert",
            "03-04 10:00:00 assign m1",
            "03-04 10:00:00 assign W",
            "03-04 10:00:00 assign V",
            "03-04 10:00:00 warn e",
        ],
    ),
    (
        "semantic 32: what an earlier rule does a later one finds done",
        || {
            set(vec![
                rule("b", matching("x")).untag("T"),
                rule("a", matching("x")).tag("T"),
                rule("c", matching("x")).tag("T"),
            ])
        },
        &["03-04 10:00 x"],
        &["03-04 10:00:00 assign T", "03-04 10:00:00 remove T rule", "03-04 10:00:00 assign T"],
    ),
    (
        "semantic 4: at one instant what runs out goes before what is looked for, and both before the event",
        || {
            set(vec![
                rule("a", absence("ask", Span::Elapsed(DAY))).tag("T"),
                rule("b", matching("x")).tag("U"),
            ])
            .ttl("U", Span::Elapsed(DAY))
        },
        &["03-04 10:00 ask x", "03-05 10:00 x", "as_of 03-05 10:01"],
        &[
            "03-04 10:00:00 assign U",
            "03-05 10:00:00 remove U expired",
            "03-05 10:00:00 assign T",
            "03-05 10:00:00 assign U",
        ],
    ),
];

trait Changed {
    fn changed(self, which: fn(&Rule) -> bool, how: fn(Rule) -> Rule) -> Self;
}

impl Changed for RuleSet {
    fn changed(mut self, which: fn(&Rule) -> bool, how: fn(Rule) -> Rule) -> RuleSet {
        self.rules = self.rules.into_iter().map(|rule| if which(&rule) { how(rule) } else { rule }).collect();
        self
    }
}

/// Semantics 4, 32.
#[test]
fn what_happens_at_one_instant_has_its_order() {
    check(ORDER);
}

/// Semantics 3, 5, 20.
#[test]
fn windows_are_half_open_and_natural_days_begin_at_local_midnight() {
    check(WINDOWS);
}

/// Semantic 21.
#[test]
fn after_firing_a_count_consumes_holds_or_fires_again() {
    check(AFTER_FIRING);
}

/// Semantic 38.
#[test]
fn a_cooldown_is_half_open_and_suppressed_alerts_do_not_extend_it() {
    check(COOLDOWN);
}

/// Semantics 2, 3, 23, 24.
#[test]
fn a_sequence_takes_the_latest_start_and_each_event_once() {
    check(SEQUENCES);
}

/// Semantics 4, 8, 26.
#[test]
fn an_absence_fires_at_its_deadline_before_what_happens_then() {
    check(ABSENCES);
}

/// Semantics 33, 34, 35, 36.
#[test]
fn a_tag_stands_from_its_assignment_until_just_before_its_removal() {
    check(TAG_LIFE);
}
