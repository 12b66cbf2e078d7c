//! The boundary cases of the engine, each under its own id: what "within", "at" and "first" mean.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "model/cases.rs"]
mod cases;
#[path = "model/kit.rs"]
mod kit;

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

const RECALLS_AND_KEYS: &[Case] = &[
    ("I1", || tagged(count("x", 2, elapsed(HOUR))), &["03-04 10:00 x id=dup", "03-04 10:00 x id=dup"], &[]),
    (
        "I4",
        || tagged(count("x", 2, elapsed(HOUR))),
        &["03-04 10:30 x id=b", "03-04 10:00 x id=a"],
        &["03-04 10:30:00 assign T"],
    ),
    (
        "I5",
        || tagged(count("x", 2, elapsed(HOUR))),
        &["03-04 10:00 x id=q", "03-04 10:01 recall=q", "03-04 10:02 x"],
        &[],
    ),
    (
        "I6",
        || tagged(count("x", 2, elapsed(HOUR))),
        &["03-04 10:00 x id=q", "03-04 10:01 x", "03-04 10:02 recall=q"],
        &["03-04 10:01:00 assign T", "03-04 10:02:00 recalled T"],
    ),
    (
        "semantic 40: a note says that a tag and an alert rested on the recalled message, and both stay",
        || set(vec![rule("c", count("x", 2, elapsed(HOUR))).tag("T").alert(Some(HOUR))]),
        &["03-04 10:00 x id=q", "03-04 10:01 x", "03-04 10:02 recall=q", "03-04 10:03 recall=other"],
        &[
            "03-04 10:01:00 assign T",
            "03-04 10:01:00 alert",
            "03-04 10:02:00 recalled T",
            "03-04 10:02:00 recalled from alert of 03-04 10:01:00",
        ],
    ),
    (
        "semantic 40: of several alerts the one that rested on it",
        || set(vec![rule("c", matching("x")).alert(None)]),
        &["03-04 10:00 x id=p", "03-04 10:01 x id=q", "03-04 10:02 recall=p"],
        &[
            "03-04 10:00:00 alert",
            "03-04 10:01:00 alert",
            "03-04 10:02:00 recalled from alert of 03-04 10:00:00",
        ],
    ),
    (
        "semantic 40: no note where recalls are ignored, nor for what was suppressed, nor beyond the horizon",
        || {
            set(vec![
                rule("a", matching("a")).tag("T").alert(None).ignoring_recalls(),
                rule("b", matching("b")).tag("U").alert(Some(HOUR)),
            ])
        },
        &[
            "03-04 10:00 a id=p",
            "03-04 10:01 recall=p",
            "03-04 11:00 b id=q",
            "03-04 11:10 b id=r",
            "03-05 11:00 recall=q",
            "03-05 11:05 recall=r",
        ],
        &[
            "03-04 10:00:00 assign T",
            "03-04 10:00:00 alert",
            "03-04 11:00:00 assign U",
            "03-04 11:00:00 alert",
            "03-04 11:10:00 refresh U",
            "03-04 11:10:00 suppressed by 03-04 11:00:00",
            "03-05 11:05:00 recalled U",
        ],
    ),
    (
        "semantic 40: the note of an experimental rule stays in the shadow, and a silence can rest on it too",
        || {
            set(vec![
                rule("a", matching("x")).tag("T").alert(None).experimental(),
                rule("b", absence("ask", Span::Elapsed(HOUR))).alert(None),
            ])
        },
        &["03-04 10:00 x ask id=p", "03-04 12:00 recall=p"],
        &[
            "03-04 10:00:00 assign T shadow",
            "03-04 10:00:00 alert shadow",
            "03-04 11:00:00 alert",
            "03-04 12:00:00 recalled T shadow",
            "03-04 12:00:00 recalled from alert of 03-04 10:00:00 shadow",
            "03-04 12:00:00 recalled from alert of 03-04 11:00:00",
        ],
    ),
    (
        "semantic 41: under many recalled hits lie the older ones",
        || set(vec![rule("c", count("x", 4, elapsed(HOUR))).every().alert(None)]),
        &[
            "03-04 10:00 x",
            "03-04 10:01 x",
            "03-04 10:02 x",
            "03-04 10:03 x40 id=p",
            "03-04 10:04 x40 id=q",
            "03-04 10:05 recall=p",
            "03-04 10:06 recall=q",
            "03-04 10:07 x",
        ],
        &[
            "03-04 10:03:00 alert",
            "03-04 10:04:00 alert",
            "03-04 10:05:00 recalled from alert of 03-04 10:03:00",
            "03-04 10:05:00 recalled from alert of 03-04 10:04:00",
            "03-04 10:06:00 recalled from alert of 03-04 10:04:00",
            "03-04 10:07:00 alert",
        ],
    ),
    (
        "I7",
        || set(vec![rule("c", count("x", 2, elapsed(HOUR))).tag("T").ignoring_recalls()]),
        &["03-04 10:00 x id=q", "03-04 10:01 recall=q", "03-04 10:02 x"],
        &["03-04 10:02:00 assign T"],
    ),
    (
        "I8",
        || tagged(count("x", 1, elapsed(HOUR))),
        &["03-04 10:00 recall=nope", "03-04 10:01 x"],
        &["03-04 10:01:00 assign T"],
    ),
    (
        "X8 a message that is recalled twice loses its hits once",
        || tagged(count("x", 2, elapsed(HOUR))),
        &[
            "03-04 10:00 x id=q",
            "03-04 10:01 recall=q",
            "03-04 10:02 x",
            "03-04 10:03 recall=q",
            "03-04 10:04 x",
        ],
        &["03-04 10:04:00 assign T"],
    ),
    ("I9", || tagged(count("x", 1, elapsed(HOUR))), &["03-04 10:00 x", "as_of 03-04 10:00"], &[]),
    ("I10", || tagged(count("x", 2, elapsed(HOUR))), &["03-04 10:00 x key=a", "03-04 10:00 x key=b"], &[]),
    (
        "I11 a recall within the horizon counts, at its end no more",
        || tagged(count("x", 2, elapsed(DAY.times(9)))),
        &["03-04 10:00 x id=q", "03-05 10:00 recall=q", "03-05 10:01 x"],
        &["03-05 10:01:00 assign T"],
    ),
    (
        "I12 under a recalled hit lies an older one",
        || set(vec![rule("c", count("x", 2, elapsed(DAY))).hold().alert(None)]),
        &["03-04 10:00 x", "03-04 10:01 x", "03-04 10:02 x id=q", "03-04 10:03 recall=q", "03-04 10:04 x"],
        &["03-04 10:01:00 alert"],
    ),
];

const SESSIONS: &[Case] = &[
    (
        "N1",
        session_of_three,
        &["03-04 10:00 x", "03-04 11:59:59.999 z", "03-04 13:00 x", "03-04 14:59:59.999 x"],
        &["03-04 14:59:59.999 alert"],
    ),
    ("N2", session_of_three, &["03-04 10:00 x", "03-04 11:00 x", "03-04 13:00 x"], &[]),
    ("N3 silent", session_of_three, &["03-04 10:00 x2", "03-04 13:00 x"], &[]),
    (
        "N3 kept open",
        session_of_three,
        &["03-04 10:00 x2", "03-04 11:30 z", "03-04 13:00 x"],
        &["03-04 13:00:00 alert"],
    ),
    (
        "N4 a recall keeps it open as well",
        session_of_three,
        &["03-04 10:00 x2", "03-04 11:30 recall=nope", "03-04 13:00 x"],
        &["03-04 13:00:00 alert"],
    ),
];

const KICKS: &[Case] = &[
    ("B1", kick_rules, &["03-04 10:00 a exempt=1"], &["03-04 10:00:00 none ad exempt 0"]),
    ("B1 nothing asked for", kick_rules, &["03-04 10:00 z exempt=1"], &[]),
    ("B2", kick_rules, &["03-04 10:00 a b c exempt=1"], &["03-04 10:00:00 none ad+link+soft exempt 0"]),
    ("B3", kick_rules, &["03-04 10:00 a b c"], &["03-04 10:00:00 kickblock ad+link+soft"]),
    (
        "B7 an exemption from some rules",
        kick_rules,
        &["03-04 10:00 a c exempt=2", "03-04 10:01 a exempt=2"],
        &["03-04 10:00:00 warn soft", "03-04 10:01:00 none ad exempt 1"],
    ),
    (
        "B8 held for a day after a kick, not after a warning",
        kick_rules,
        &["03-04 09:00 c", "03-04 10:00 a", "03-05 09:59:59.999 b", "03-05 10:00 c"],
        &[
            "03-04 09:00:00 warn soft",
            "03-04 10:00:00 kick ad",
            "03-05 09:59:59.999 none link held by 03-04 10:00:00",
            "03-05 10:00:00 warn soft",
        ],
    ),
    (
        "B9 flooding counts recalled messages and consumes",
        || set(vec![rule("flood", count("m", 3, elapsed(MINUTE))).kick(KickAction::Kick)]),
        &["03-04 10:00 m id=q", "03-04 10:00:01 m", "03-04 10:00:02 recall=q", "03-04 10:00:59.999 m"],
        &["03-04 10:00:59.999 kick flood"],
    ),
    (
        "X20 an experimental rule kicks nobody and holds nothing",
        || kick_rules().changed(|rule| rule.id == "ad", Rule::experimental),
        &["03-04 10:00 a c", "03-04 10:01 b"],
        &["03-04 10:00:00 warn soft", "03-04 10:00:00 kick ad shadow", "03-04 10:01:00 kickblock link"],
    ),
];

fn kick_rules() -> RuleSet {
    let mut set = set(vec![
        rule("ad", matching("a")).kick(KickAction::Kick),
        rule("link", matching("b")).kick(KickAction::KickBlock),
        rule("soft", matching("c")).kick(KickAction::Warn),
    ]);
    let exemption = |id: &str, rules: Vec<RuleIdx>| Exemption {
        id: id.to_owned(),
        reason: "owner".to_owned(),
        roles: vec![ExemptRole::Owner],
        members: Vec::new(),
        rules,
        until: None,
    };
    set.exemptions =
        vec![exemption("ex_owner", vec![]), exemption("ex_partner", vec![RuleIdx(0), RuleIdx(1)])];
    set
}

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

/// Semantics 10, 11, 40, 41.
#[test]
fn recalls_take_back_hits_and_keys_do_not_meet() {
    check(RECALLS_AND_KEYS);
}

/// Semantic 22.
#[test]
fn any_message_keeps_a_session_open() {
    check(SESSIONS);
}

/// Semantic 31.
#[test]
fn one_decision_per_message_exemptions_first() {
    check(KICKS);
}

#[test]
fn i2_i3_an_event_at_the_watermark_is_taken_and_one_before_it_is_late() {
    let set = tagged(count("x", 2, elapsed(HOUR)));
    let engine = Engine::new(&set, KeyKind::Customer);
    for (second, late, rows) in [("03-04 10:50 x", false, 1), ("03-04 10:49:59.999 x", true, 0)] {
        let mut stream = Stream::new(&engine, MINUTE.times(10));
        let mut out = Vec::new();
        stream.push(&key("k"), read_event("03-04 11:00 x", 1).1, &mut out);
        let arrival = stream.push(&key("k"), read_event(second, 2).1, &mut out);
        stream.advance_to(instant("03-05 00:00"), &mut out);
        assert_eq!((matches!(arrival, Arrival::Late(_)), out.len()), (late, rows), "{second}");
    }
}

#[test]
fn i4_evidence_is_listed_in_event_order_with_its_marks() {
    let set = tagged(count("x", 2, elapsed(HOUR)));
    let out = rows(&set, &["03-04 10:30 x id=b", "03-04 10:00 x id=a"]);
    let ids: Vec<&str> = out[0].evidence.iter().map(|piece| &*piece.message_id).collect();
    assert_eq!(ids, ["a", "b"]);
    assert!(out[0].evidence.iter().all(|piece| piece.mark.is_some() && piece.weight == 1.0));
}

#[test]
fn evidence_is_cut_to_the_newest_and_n_hits_counts_them_all() {
    let set = set(vec![rule("c", count("x", 40, elapsed(HOUR))).tag("T")]);
    let out = rows(&set, &["03-04 10:00 x39 id=a", "03-04 10:01 x id=b"]);
    let Decision::Tag(change) = &out[0].decision else { panic!("a tag") };
    assert_eq!((out[0].evidence.len(), change.standing.n_hits), (chattag::verdict::MAX_EVIDENCE, 40));
    assert_eq!(&*out[0].evidence[31].message_id, "b");
    assert_eq!(chattag::timeline::EVIDENCE_KEPT, chattag::verdict::MAX_EVIDENCE);
}

// (rule, timeline, (score, mass, n_hits) per tag row)
type Scored = (fn() -> RuleSet, &'static [&'static str], &'static [(f64, f64, u64)]);
const SCORES: &[Scored] = &[
    // P1: without fading, the score at the threshold is one half.
    (|| tagged(count("x", 5, elapsed(DAY))), &["03-04 10:00 x5"], &[(0.5, 5.0, 5)]),
    // `every` adds each hit once.
    (
        || set(vec![rule("c", count("x", 3, elapsed(DAY))).every().tag("T")]),
        &["03-04 10:00 x3", "03-04 10:01 x", "03-04 10:02 x"],
        &[(0.340_246, 3.0, 3), (0.425_651, 4.0, 4), (0.5, 5.0, 5)],
    ),
    // A hit fades from its own time: half of it is left a day later.
    (
        || set(vec![rule("c", count("x", 2, elapsed(DAY.times(9)))).scored("T", fading())]),
        &["03-04 10:00 x", "03-05 10:00 x"],
        &[(0.646_447, 1.5, 2)],
    ),
    // The mass of a standing tag fades until the next evidence.
    (
        || set(vec![rule("c", matching("x")).scored("T", fading())]),
        &["03-04 10:00 x", "03-05 10:00 x"],
        &[(0.5, 1.0, 1), (0.646_447, 1.5, 2)],
    ),
    // What is fixed stays fixed.
    (
        || {
            set(vec![
                rule("c", matching("x")).scored("T", Score::Fixed(0.9)),
                rule("d", matching("z")).tag("T"),
            ])
        },
        &["03-04 10:00 x", "03-05 10:00 z"],
        &[(0.9, 1.0, 1), (0.9, 2.0, 2)],
    ),
    // A sequence is one piece of evidence, a silence too.
    (|| set(vec![a_then_b()]), &["03-04 10:00 a3", "03-04 10:01 b3"], &[(0.129_449, 1.0, 2)]),
    (
        || tagged(absence("m", Span::Months(3))),
        &["03-04 10:00 m", "as_of 07-01 00:00"],
        &[(0.129_449, 1.0, 1)],
    ),
    // Of a sum the weight is the amount.
    (
        || {
            set(vec![
                rule("c", count("x", 5, elapsed(HOUR)))
                    .measure(Measure::Sum(NumberField::AmountFen))
                    .tag("T"),
            ])
        },
        &["03-04 10:00 x fen=2", "03-04 10:01 x fen=3"],
        &[(0.5, 5.0, 2)],
    ),
];

fn fading() -> Score {
    Score::Mass { half_point: 1.0, half_life: Some(DAY) }
}

#[test]
fn scores_add_each_hit_once_and_fade_from_its_own_time() {
    for (rules, timeline, expected) in SCORES {
        let found: Vec<(f64, f64, u64)> = rows(&rules(), timeline)
            .iter()
            .map(|row| match &row.decision {
                Decision::Tag(change) => {
                    (change.standing.score, change.standing.mass, change.standing.n_hits)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, *expected, "{timeline:?}");
    }
}

#[test]
fn an_event_that_concerns_no_rule_changes_nothing() {
    let set = tagged(count("x", 2, elapsed(HOUR)));
    let engine = Engine::new(&set, KeyKind::Customer);
    let concerns = |line| engine.program().concerns(&read_event(line, 1).1);
    assert!(concerns("03-04 10:00 x") && concerns("03-04 10:00 recall=q") && !concerns("03-04 10:00 z"));
    let session = session_of_three();
    let engine = Engine::new(&session, KeyKind::Customer);
    assert!(engine.program().concerns(&read_event("03-04 10:00 z", 1).1));
    assert!(Engine::new(&set, KeyKind::Room).program().is_empty());
}

#[test]
fn the_next_timer_is_the_earliest_deadline_or_expiry() {
    let set = set(vec![rule("a", absence("m", Span::Months(3))).tag("U"), rule("b", matching("x")).tag("T")])
        .ttl("T", Span::Elapsed(DAY));
    let engine = Engine::new(&set, KeyKind::Customer);
    let (mut state, mut out) = (Default::default(), Vec::new());
    assert_eq!(engine.next_timer(&state), None);
    engine.push(&mut state, &key("k"), &read_event("03-04 10:00 m", 1).1, &mut out);
    assert_eq!(engine.next_timer(&state), Some(instant("06-04 10:00")));
    engine.push(&mut state, &key("k"), &read_event("03-04 11:00 x", 2).1, &mut out);
    assert_eq!(engine.next_timer(&state), Some(instant("03-05 11:00")));
    let standing: Vec<TagIdx> = engine.standing_tags(&state).map(|one| one.tag).collect();
    assert_eq!(standing, [tag_idx("T")]);
    engine.advance_to(&mut state, &key("k"), Timestamp::MAX, &mut out);
    assert_eq!(engine.standing_tags(&state).count(), 1, "U came, T went");
    state.reset();
    assert_eq!(state, Default::default());
}

#[test]
fn what_a_count_keeps_is_bounded_by_the_rule_and_the_recall_horizon() {
    let rules = vec![
        rule("a", count("x", 3, elapsed(DAY.times(900)))).hold().tag("T").ignoring_recalls(),
        rule("b", count("x", 3, elapsed(DAY.times(900)))).measure(Measure::DistinctTerms).hold().tag("U"),
        rule("c", sequence(&["x", "z"], DAY.times(900))).tag("U"),
    ];
    let set = set(rules);
    let engine = Engine::new(&set, KeyKind::Customer);
    let (mut state, mut out) = (Default::default(), Vec::new());
    let start = instant("01-01 00:00");
    let mut sizes = Vec::new();
    for i in 0..2_000_i64 {
        let at = start.plus(Millis::HOUR.times(i));
        engine.push(&mut state, &key("k"), &event(&format!("m{i:05}"), 0, at, &[("x", 2)]), &mut out);
        sizes.push(serde_json::to_string(&state).unwrap().len());
    }
    let largest = |sizes: &[usize]| sizes.iter().max().copied().unwrap_or(0);
    let (early, late) = (largest(&sizes[100..400]), largest(&sizes[400..]));
    assert!(late <= early + 64, "{early} bytes at most in the first 400 events, {late} later");
}
