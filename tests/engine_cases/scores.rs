//! Watermarks, evidence, scores, and what is kept.

use super::*;

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
