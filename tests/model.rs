//! The engine against a plain one, and against itself in other steps, on random histories.
//!
//! The long run: `CHATTAG_HISTORIES=10000 cargo test --release --test model`.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "model/kit.rs"]
mod kit;
#[path = "model/plain.rs"]
mod plain;
#[path = "model/together.rs"]
mod together;

use std::collections::BTreeMap;

use chattag::lexicon::TermIdx;
use chattag::message::{KeyKind, NumberField};
use chattag::rules::*;
use chattag::signal::{Act, Event};
use chattag::time::{Millis, Timestamp};
use chattag::verdict::{Alert, Arrival, Decision, Engine, KeyState, Reason, Row, Stream, TagChangeKind};
use kit::*;
use plain::Dice;

const NAMES: [&str; 3] = ["c1", "c2", "c3"];

/// Rows of each key as text.
type ByKey = BTreeMap<String, Vec<String>>;

/// A random history with the steps in which it is to be read.
struct History {
    names: &'static [&'static str],
    events: Vec<(&'static str, Event)>,
    start: Timestamp,
    as_of: Timestamp,
    span: Millis,
    lateness: Millis,
}

/// Every shape, every way to fire, every way a tag goes.
fn pack(exclusive: Exclusive) -> RuleSet {
    let fading = Score::Mass { half_point: 4.0, half_life: Some(DAY.times(3)) };
    let fen = Measure::Sum(NumberField::AmountFen);
    let mut set = set(vec![
        rule("r1", count("disc", 5, elapsed(DAY.times(7)))).tag("price"),
        rule("r2", count("cmpl", 3, Window::NaturalDays(1)))
            .alert_as("care", AlertLevel::Mid, Some(DAY))
            .tag("care"),
        rule("r3", sequence(&["price", "value"], DAY)).tag("sensitive"),
        rule("r5", absence("msg", Span::Months(3))).tag("churned"),
        rule("r6", matching("paid")).tag("paid"),
        rule("r7", matching("lead")).tag("lead"),
        rule("r8", absence("ask", Span::Elapsed(DAY))).first().cancel("reply").alert(None),
        rule("r9", matching("msg")).untag("churned"),
        rule("ra", sequence(&["price", "value", "disc"], DAY.times(2))).without("paid").tag("compare"),
        rule("rb", count("disc", 4, elapsed(DAY.times(3)))).hold().alert(None),
        rule("rc", count("cmpl", 3, Window::Session { gap: HOUR.times(2) })).alert_as(
            "care",
            AlertLevel::High,
            Some(HOUR.times(6)),
        ),
        rule("rd", count("disc", 3, elapsed(DAY.times(2)))).every().scored("U", fading).clear_on("paid"),
        rule("re", count("msg", 3, elapsed(DAY.times(7)))).measure(Measure::DistinctDays).hold().tag("T"),
        rule("rf", count("cmpl", 3, Window::NaturalWeeks(1)))
            .measure(Measure::DistinctTerms)
            .every()
            .tag("T"),
        rule("rg", count("paid", 900, Window::NaturalMonths(1)))
            .measure(fen)
            .hold()
            .alert_as("money", AlertLevel::High, Some(DAY))
            .never_breaking_through(),
        rule("rh", count("value", 4, elapsed(DAY.times(2)))).cap(2).every().tag("U").experimental(),
        rule("ri", sequence(&["ask", "ask"], HOUR.times(9))).ignoring_recalls().alert(Some(HOUR)),
        rule("rj", matching("lead")).kick(KickAction::Warn),
        rule("rk", count("msg", 4, elapsed(HOUR.times(6)))).measure(Measure::Messages).kick(KickAction::Kick),
        rule("rl", matching("ask")).kick(KickAction::KickBlock).experimental(),
        rule("rm", count("lead", 2, Window::Session { gap: HOUR.times(9) })).hold().alert(None),
        rule("rn", streak("disc", 3)).alert(Some(DAY.times(5))).tag("V"),
        rule("ro", ratio("value", "disc", 4, elapsed(DAY.times(30)))).scored("W", Score::Given).alert(None),
        rule("rp", cycle("reply")).tag("f1").alert(None),
        rule("rq", combine(&["T"], &["U", "price"], &["care"], Hold::While)).scored("f2", Score::Given),
        rule("rr", combine(&["f2", "sensitive"], &[], &[], Hold::Latched)).tag("m1").alert(None),
        rule("rs", count("ask", 4, elapsed(DAY.times(25)))).hold().ignoring_recalls().tag("m2"),
        rule("rt", streak("cmpl", 2)).tag("m2"),
        rule("ru", matching("cmpl")).alert_as("care", AlertLevel::Low, Some(HOUR.times(3))),
        rule("rv", matching("paid")).alert_as("money", AlertLevel::Mid, Some(DAY.times(2))),
        rule("rw", matching("lead")).scored("V", Score::Fixed(0.3)),
    ])
    .inhibited("rb", "care")
    .inhibited("ri", "money")
    .inhibited("ri", "rn")
    .rules_may_remove("care")
    .hysteresis("U", 0.1)
    .reviewed("m2")
    .ttl("care", Span::Elapsed(DAY.times(30)))
    .ttl("price", Span::Months(6))
    .ttl("U", Span::Elapsed(DAY.times(2)))
    .levels("U", &[("mid", 0.4), ("high", 0.6)])
    .group(exclusive, &["lead", "paid"]);
    for rules in [vec![], vec![RuleIdx(17)]] {
        let (id, reason) = (format!("e{}", set.exemptions.len()), String::new());
        let roles = vec![ExemptRole::Owner];
        set.exemptions.push(Exemption { id, reason, roles, members: vec![], rules, until: None });
    }
    set
}

fn history(dice: &mut Dice) -> History {
    history_of(dice, &NAMES)
}

fn history_of(dice: &mut Dice, names: &'static [&'static str]) -> History {
    let span = dice.one(&[DAY.times(2), DAY.times(20), DAY.times(200)]);
    let coarse = dice.one(&[Millis(1), Millis::SECOND, HOUR, HOUR.times(6), DAY]);
    let start = instant("2023-11-15 06:13:20");
    let n = dice.one(&[40, 120, 240]);
    let events = (0..n).map(|i| random_event(dice, names, i, start, span, coarse)).collect();
    let rest = dice.one(&[Millis(0), Millis(1), DAY.times(100), DAY.times(400)]);
    let lateness = dice.one(&[Millis(0), MINUTE.times(5), HOUR.times(2), DAY]);
    History { names, events, start, as_of: start.plus(span).plus(rest), span, lateness }
}

fn random_event(
    dice: &mut Dice,
    names: &[&'static str],
    i: u64,
    start: Timestamp,
    span: Millis,
    coarse: Millis,
) -> (&'static str, Event) {
    let at = start.plus(Millis(dice.span(span).0 / coarse.0 * coarse.0));
    let (mut signals, mut acts) = (Vec::new(), Vec::new());
    if dice.below(60) == 0 {
        let (tag, assigned) = (tag_idx(dice.one(&["lead", "care", "T", "m2"])), dice.below(3) > 0);
        acts.push(Act { tag, assigned, key: KeyKind::Customer });
    }
    for name in ["disc", "cmpl", "price", "value", "paid", "lead", "ask", "reply"] {
        if dice.below(100) < 22 {
            signals.push((name, dice.below(4) as u16));
        }
    }
    if dice.below(10) < 8 {
        signals.push(("msg", 0));
    }
    let recall = i > 0 && dice.below(100) < 6;
    let mut event = event(&format!("m{i:05}"), i, at, if recall { &[] } else { &signals });
    for hit in &mut event.hits {
        (hit.term, hit.weight) = (TermIdx(dice.below(4) as u32), dice.one(&[1.0, 1.0, 0.5, 2.0]));
    }
    event.acts = if recall { Vec::new() } else { acts };
    if recall {
        event.recall_of = format!("m{:05}", i - 1 - dice.below(i.min(20)));
    } else if dice.below(3) == 0 {
        event.numbers.push((NumberField::AmountFen, dice.one(&[100, 300, 500, -200])));
    }
    event.exemptions = dice.one(&[0, 0, 0, 1, 2]);
    (dice.one(names), event)
}

/// Writes everything the plain engine says as well.
fn full_text(set: &RuleSet, row: &Row) -> String {
    let ids: Vec<&str> = row.evidence.iter().map(|piece| &*piece.message_id).collect();
    let ids = ids.join(",");
    let mark = if row.shadow { " shadow" } else { "" };
    let rule = || set.rules[usize::from(row.rule.expect("an alert's rule").0)].id.as_str();
    match &row.decision {
        Decision::Tag(change) => {
            let kind = format!("{:?}", change.kind).to_lowercase();
            let reason = match change.reason {
                _ if change.kind == TagChangeKind::Blocked => "",
                None => "",
                Some(Reason::Superseded(_)) => " superseded",
                Some(Reason::Expired) => " expired",
                Some(Reason::Cleared) => " cleared",
                Some(Reason::Rule) => " rule",
                Some(Reason::Outranked(_)) => " outranked",
                Some(other) => &format!(" {}", format!("{other:?}").to_lowercase()),
            };
            let standing = &change.standing;
            let (since, first, last) = (standing.since.0, standing.first_at.0, standing.last_at.0);
            format!(
                "{} {kind} {}{reason}{mark} {:.5} {:.5} n={} {:?} {since} {first} {last} {:?} [{ids}]",
                row.at.0,
                TAGS[usize::from(change.tag.0)],
                standing.score,
                standing.mass,
                standing.n_hits,
                standing.level,
                standing.expires_at.map(|at| at.0),
            )
        }
        Decision::Alert(Alert { recalled_from: Some(raised), .. }) => {
            format!("{} recalled from {}{mark} {} [{ids}]", row.at.0, raised.0, rule())
        }
        Decision::Alert(alert) => {
            let held = if alert.inhibited_by.is_some() { "inhibited" } else { "suppressed" };
            let what = alert.suppressed_by.map_or("alert".to_owned(), |by| format!("{held} by {}", by.0));
            format!("{} {what}{mark} {} [{ids}]", row.at.0, rule())
        }
        Decision::Kick(kick) => {
            let rules: Vec<&str> =
                kick.rules.iter().map(|one| set.rules[usize::from(one.0)].id.as_str()).collect();
            let action = kick.action.map_or("none".to_owned(), |action| format!("{action:?}").to_lowercase());
            let exemption = kick.exemption.map_or(String::new(), |i| format!(" exempt {i}"));
            let held = kick.held_by.map_or(String::new(), |by| format!(" held by {}", by.0));
            format!("{} {action} {}{exemption}{held}{mark}", row.at.0, rules.join("+"))
        }
    }
}

fn by_key(set: &RuleSet, rows: &[Row]) -> ByKey {
    let mut sorted = ByKey::new();
    for row in rows {
        sorted.entry(row.key.customer.to_string()).or_default().push(full_text(set, row));
    }
    sorted
}

/// The key's events before `as_of`, in order.
fn ordered(history: &History, name: &str) -> Vec<Event> {
    let of_key = history.events.iter().filter(|(key, event)| *key == name && event.at < history.as_of);
    let mut events: Vec<Event> = of_key.map(|(_, event)| event.clone()).collect();
    events.sort_by(|one, other| (one.at, one.seq, &one.id).cmp(&(other.at, other.seq, &other.id)));
    events
}

fn plain_rows(set: &RuleSet, history: &History) -> ByKey {
    let rows = NAMES.map(|name| (name.to_owned(), plain::rows(set, &ordered(history, name), history.as_of)));
    rows.into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
}

/// Key after key, one state used again for all.
fn batch(engine: &Engine<'_>, history: &History) -> Vec<Row> {
    let (mut out, mut state) = (Vec::new(), KeyState::default());
    for name in NAMES {
        state.reset();
        for event in ordered(history, name) {
            engine.push(&mut state, &key(name), &event, &mut out);
        }
        engine.advance_to(&mut state, &key(name), history.as_of, &mut out);
    }
    out
}

/// Disordered by up to the lateness, a fifth of it twice.
fn stream(engine: &Engine<'_>, history: &History, dice: &mut Dice, names: &[&str]) -> Vec<Row> {
    let mut arriving: Vec<(Timestamp, u64, &(&str, Event))> = Vec::new();
    for one in history.events.iter().filter(|one| names.contains(&one.0)) {
        let delay = dice.span(history.lateness);
        arriving.push((one.1.at.plus(delay), dice.below(1_000), one));
        if dice.below(5) == 0 {
            arriving.push((one.1.at.plus(delay), 1_001, one));
        }
    }
    arriving.sort_by_key(|(at, tie, _)| (*at, *tie));
    let (mut out, mut stream) = (Vec::new(), Stream::new(engine, history.lateness));
    for (_, tie, (name, event)) in arriving {
        let arrival = stream.push(&key(name), event.clone(), &mut out);
        assert_eq!(arrival, if tie == 1_001 { Arrival::Duplicate } else { Arrival::Taken });
    }
    stream.advance_to(history.as_of, &mut out);
    out
}

/// Saved and read back at random places, with time passing at random in between.
fn resumed(engine: &Engine<'_>, history: &History, dice: &mut Dice) -> Vec<Row> {
    let mut out = Vec::new();
    for name in NAMES {
        let mut state = KeyState::default();
        for event in ordered(history, name) {
            if dice.below(4) == 0 {
                engine.advance_to(&mut state, &key(name), event.at.minus(dice.span(DAY)), &mut out);
            }
            engine.push(&mut state, &key(name), &event, &mut out);
            if dice.below(5) == 0 {
                state = saved_and_read(&state);
            }
        }
        engine.advance_to(&mut state, &key(name), history.as_of, &mut out);
    }
    out
}

fn saved_and_read(state: &KeyState) -> KeyState {
    let read: KeyState = serde_json::from_slice(&serde_json::to_vec(state).unwrap()).unwrap();
    assert!(read == *state, "a saved state is read back as another");
    read
}

/// Four nights and a last one; the state is saved in between.
fn nightly(engine: &Engine<'_>, history: &History, dice: &mut Dice) -> Vec<Row> {
    let mut nights: Vec<Timestamp> = (0..4).map(|_| history.start.plus(dice.span(history.span))).collect();
    nights.push(history.as_of);
    nights.sort_unstable();
    let mut out = Vec::new();
    for name in NAMES {
        let (mut state, mut events) = (KeyState::default(), ordered(history, name).into_iter().peekable());
        for night in &nights {
            while let Some(event) = events.next_if(|event| event.at < *night) {
                engine.push(&mut state, &key(name), &event, &mut out);
            }
            engine.advance_to(&mut state, &key(name), *night, &mut out);
            state = saved_and_read(&state);
        }
    }
    out
}

fn same(case: u64, what: &str, expected: &ByKey, found: &ByKey) {
    for name in expected.keys().chain(found.keys()) {
        let (one, other) =
            (expected.get(name).cloned().unwrap_or_default(), found.get(name).cloned().unwrap_or_default());
        let place = (0..one.len().max(other.len())).find(|i| one.get(*i) != other.get(*i));
        let Some(place) = place else { continue };
        panic!(
            "history {case}, {what}, {name}, row {place}\n  {:?}\n  {:?}",
            one.get(place),
            other.get(place)
        );
    }
}

/// A few hundred, or as many as `CHATTAG_HISTORIES` says: the long run has ten thousand.
fn n_histories() -> u64 {
    let said = std::env::var("CHATTAG_HISTORIES").ok();
    said.map_or(320, |text| text.parse().expect("CHATTAG_HISTORIES is a number"))
}

const MODES: [Exclusive; 5] =
    [Exclusive::Forward, Exclusive::Latest, Exclusive::Priority, Exclusive::None, Exclusive::Score];

#[test]
fn the_engine_says_what_a_plain_one_says_that_reads_the_whole_history() {
    let (mut dice, mut n_rows) = (Dice(20_241_122), BTreeMap::new());
    for case in 0..n_histories() {
        let set = pack(MODES[case as usize % 5]);
        let engine = Engine::new(&set, KeyKind::Customer);
        let history = history(&mut dice);
        let rows = batch(&engine, &history);
        for row in &rows {
            let text = text(&set, row);
            let kind = text.split(' ').nth(2).unwrap_or_default().to_owned();
            *n_rows.entry(kind).or_insert(0) += 1;
        }
        same(case, "batch", &plain_rows(&set, &history), &by_key(&set, &rows));
    }
    let kinds = [
        "alert",
        "assign",
        "blocked",
        "kick",
        "level",
        "none",
        "recalled",
        "refresh",
        "remove",
        "reviewed",
        "suppressed",
        "warn",
    ];
    assert!(kinds.iter().all(|kind| n_rows.get(*kind).is_some_and(|n| *n > 20)), "too tame: {n_rows:?}");
}

#[test]
fn batch_stream_resumed_sharded_and_nightly_runs_agree_row_for_row() {
    let mut dice = Dice(7);
    for case in 0..n_histories() {
        let set = pack(MODES[case as usize % 5]);
        let engine = Engine::new(&set, KeyKind::Customer);
        let history = history(&mut dice);
        let expected = by_key(&set, &batch(&engine, &history));
        same(case, "stream", &expected, &by_key(&set, &stream(&engine, &history, &mut dice, &NAMES)));
        same(case, "resumed", &expected, &by_key(&set, &resumed(&engine, &history, &mut dice)));
        same(case, "nightly", &expected, &by_key(&set, &nightly(&engine, &history, &mut dice)));
        let shards = ["c3", "c1", "c2"].map(|name| stream(&engine, &history, &mut dice, &[name]));
        same(case, "sharded", &expected, &by_key(&set, &shards.concat()));
    }
}

#[test]
fn other_keys_change_nothing() {
    let mut dice = Dice(11);
    let set = pack(Exclusive::Forward);
    let engine = Engine::new(&set, KeyKind::Customer);
    for _ in 0..60 {
        let history = history(&mut dice);
        let all = by_key(&set, &stream(&engine, &history, &mut dice, &NAMES));
        let alone = by_key(&set, &stream(&engine, &history, &mut dice, &["c1"]));
        assert_eq!(all.get("c1"), alone.get("c1"));
    }
}

#[test]
fn a_longer_cooldown_changes_alert_rows_only() {
    let mut dice = Dice(13);
    let short = pack(Exclusive::Forward);
    let mut long = short.clone();
    long.rules
        .iter_mut()
        .filter_map(|rule| rule.alert.as_mut())
        .for_each(|alert| alert.cooldown = Some(DAY.times(9)));
    let mut fewer = 0;
    for _ in 0..60 {
        let history = history(&mut dice);
        let rows = [&short, &long].map(|set| batch(&Engine::new(set, KeyKind::Customer), &history));
        let alerts = |rows: &[Row], held: bool| {
            let of_kind = |row: &&Row| matches!(&row.decision, Decision::Alert(alert) if if held { alert.recalled_from.is_none() } else { alert.is_raised() });
            rows.iter().filter(of_kind).count()
        };
        // Alerts that are not raised leave no notes behind either.
        let others = |rows: &[Row]| -> Vec<Row> {
            rows.iter().filter(|row| !matches!(row.decision, Decision::Alert(_))).cloned().collect()
        };
        assert_eq!(others(&rows[0]), others(&rows[1]));
        assert_eq!(alerts(&rows[0], true), alerts(&rows[1], true));
        fewer += alerts(&rows[0], false) - alerts(&rows[1], false);
    }
    assert!(fewer > 100, "the cooldown hardly mattered: {fewer}");
}

#[test]
fn a_sequence_is_found_whenever_some_tuple_of_events_makes_one() {
    let mut dice = Dice(3);
    let steps: [&[&str]; 4] = [&["a", "b"], &["a", "b", "c"], &["a", "a"], &["a", "b", "a"]];
    for case in 0..2_000 {
        let within = HOUR.times(dice.one(&[6, 12, 24]));
        let mut at = instant("03-04 10:00");
        let events: Vec<Event> = (0..2 + dice.below(9))
            .map(|i| {
                at = at.plus(HOUR.times(dice.one(&[0, 1, 5, 9])));
                let signals: Vec<(&str, u16)> = ["a", "b", "c"]
                    .into_iter()
                    .filter(|_| dice.below(10) < 4)
                    .map(|name| (name, 1))
                    .collect();
                event(&format!("m{i}"), i, at, &signals)
            })
            .collect();
        let steps = steps[case % 4];
        let set = set(vec![rule("s", sequence(steps, within)).alert(None)]);
        let (engine, mut state, mut out) =
            (Engine::new(&set, KeyKind::Customer), KeyState::default(), Vec::new());
        events.iter().for_each(|event| engine.push(&mut state, &key("k"), event, &mut out));
        let first = (0..events.len()).find(|last| ends_a_match(&events, steps, within, *last));
        assert_eq!(out.first().map(|row| row.at), first.map(|i| events[i].at), "case {case}");
    }
}

/// Tries all tuples that end at `last`.
fn ends_a_match(events: &[Event], steps: &[&str], within: Millis, last: usize) -> bool {
    let has = |i: usize, step: usize| events[i].sign(sig(steps[step])).is_some();
    let in_time = |first: usize| events[last].at.since(events[first].at) < within;
    let k = steps.len();
    let middle = |first: usize| k == 2 || (first + 1..last).any(|i| has(i, 1));
    has(last, k - 1) && (0..last).any(|first| has(first, 0) && in_time(first) && middle(first))
}
