//! Recalls, keys that do not meet, sessions, kicks.

use super::*;

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

/// Semantics 10, 11, 40, 41.
#[test]
fn recalls_take_back_hits_and_keys_do_not_meet() {
    check(RECALLS_AND_KEYS);
}

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

/// Semantic 22.
#[test]
fn any_message_keeps_a_session_open() {
    check(SESSIONS);
}

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

/// Semantic 31.
#[test]
fn one_decision_per_message_exemptions_first() {
    check(KICKS);
}
