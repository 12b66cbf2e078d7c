//! Several keys together: ranked at the start of each month, and handed over from one to another.

use std::collections::{BTreeMap, BTreeSet};

use chattag::message::{KeyKind, NumberField};
use chattag::rules::*;
use chattag::signal::Event;
use chattag::time::Timestamp;
use chattag::verdict::{Census, Engine, KeyState, Measuring, Row, Scales};

use super::kit::*;
use super::plain::{self, Dice, Transfer};
use super::{ByKey, History, by_key, history_of, n_histories, ordered, pack, same, saved_and_read, stream};

const RANKED: [&str; 6] = ["k1", "k2", "k3", "k4", "k5", "k6"];

/// Bands by number, amount and days since, with other rules about the same tags beside them.
fn ranks() -> RuleSet {
    let metric = |id: &str, of, low_is_better, tags: [&str; 3]| Metric {
        id: id.to_owned(),
        of,
        low_is_better,
        tags: tags.map(tag_idx).to_vec(),
    };
    let ranking = |population: &str, months, days, metrics| {
        let (population, window) = (sig(population), elapsed(DAY.times(days)));
        Shape::Rank(Box::new(Ranking { months, population, window, min_population: 3, bands: 3, metrics }))
    };
    let by_orders = vec![
        metric("F", MetricOf::Count(sig("paid")), false, ["f1", "f2", "U"]),
        metric("M", MetricOf::Sum(NumberField::AmountFen), false, ["m1", "m2", "V"]),
        metric("R", MetricOf::DaysSince(sig("paid")), true, ["T", "lead", "care"]),
    ];
    let by_words = vec![metric("W", MetricOf::Count(sig("ask")), true, ["price", "sensitive", "compare"])];
    set(vec![
        rule("r1", ranking("paid", 1, 60, by_orders)).alert(None),
        rule("r2", ranking("msg", 1, 20, by_words)).experimental(),
        rule("r3", combine(&["U"], &["V", "m2"], &["T"], Hold::While)).tag("W").alert(Some(DAY.times(9))),
        rule("r4", absence("paid", Span::Elapsed(DAY.times(20)))).tag("churned").clear_on("paid"),
        rule("r5", count("disc", 4, elapsed(DAY.times(5)))).tag("V"),
    ])
    .ttl("V", Span::Months(1))
    .ttl("m1", Span::Elapsed(DAY.times(40)))
}

fn histories(history: &History) -> BTreeMap<&'static str, Vec<Event>> {
    history.names.iter().map(|name| (*name, ordered(history, name))).collect()
}

/// All keys measure, then each finds its bands: night by night, with the states saved in between.
fn ranked(engine: &Engine<'_>, history: &History, nights: &[Timestamp]) -> Vec<Row> {
    let (mut out, mut scales) = (Vec::new(), Scales::default());
    let mut keys: BTreeMap<&str, (KeyState, Vec<Event>)> =
        histories(history).into_iter().map(|(name, events)| (name, (KeyState::default(), events))).collect();
    let mut before = Timestamp::MIN;
    for night in nights {
        let mut census = Census::default();
        for (state, events) in keys.values() {
            let mut walk = Measuring::resume(engine, state, before);
            events.iter().filter(|event| event.at < *night).for_each(|event| {
                census.add(engine, &mut walk, event);
            });
            census.pass(engine, &mut walk, *night);
        }
        scales.extend(census.scales(engine));
        for (name, (state, events)) in &mut keys {
            let later = events.split_off(events.partition_point(|event| event.at < *night));
            for event in std::mem::replace(events, later) {
                engine.push_ranked(&scales, state, &key(name), &event, &mut out);
            }
            engine.advance_ranked(&scales, state, &key(name), *night, &mut out);
            *state = saved_and_read(state);
        }
        before = *night;
    }
    out
}

#[test]
fn ranks_of_many_keys_are_those_of_a_plain_count() {
    let (mut dice, set) = (Dice(29), ranks());
    let engine = Engine::new(&set, KeyKind::Customer);
    let mut kinds = BTreeSet::new();
    for case in 0..n_histories() / 2 {
        let history = history_of(&mut dice, &RANKED);
        let expected: ByKey = plain::rows_with_ranks(&set, &histories(&history), history.as_of)
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        for row in expected.values().flatten() {
            kinds.extend(
                row.split(' ')
                    .skip(1)
                    .filter(|word| ["unranked", "superseded"].contains(word))
                    .map(str::to_owned),
            );
        }
        let mut nights: Vec<Timestamp> =
            (0..3).map(|_| history.start.plus(dice.span(history.as_of.since(history.start)))).collect();
        nights.push(history.as_of);
        nights.sort_unstable();
        same(case, "ranked", &expected, &by_key(&set, &ranked(&engine, &history, &[history.as_of])));
        same(case, "ranked nightly", &expected, &by_key(&set, &ranked(&engine, &history, &nights)));
        let streamed = stream(&engine, &history, &mut dice, &RANKED);
        same(case, "ranked stream", &expected, &by_key(&set, &streamed));
    }
    assert_eq!(kinds.len(), 2, "too tame: {kinds:?}");
}

fn transfers(dice: &mut Dice, history: &History) -> Vec<Transfer> {
    let mut all: Vec<Transfer> = (0..dice.below(7))
        .map(|n| {
            let at = history.start.plus(dice.span(history.span));
            let from = dice.one(history.names);
            let others: Vec<&'static str> =
                history.names.iter().copied().filter(|name| *name != from).collect();
            (at, from, dice.one(&others), format!("t{n}"))
        })
        .collect();
    all.sort();
    all
}

/// Each key goes to the next instant at which something is handed over, the state saved now and then.
fn handed_over(engine: &Engine<'_>, history: &History, transfers: &[Transfer], saved: bool) -> Vec<Row> {
    let mut out = Vec::new();
    let mut keys: BTreeMap<&str, (KeyState, Vec<Event>)> =
        histories(history).into_iter().map(|(name, events)| (name, (KeyState::default(), events))).collect();
    for (at, from, to, id) in transfers {
        for (name, (state, events)) in &mut keys {
            let later = events.split_off(events.partition_point(|event| event.at < *at));
            for event in std::mem::replace(events, later) {
                engine.push(state, &key(name), &event, &mut out);
            }
            if saved {
                *state = saved_and_read(state);
            }
        }
        let mut giver = std::mem::take(&mut keys.get_mut(from).expect("a key").0);
        let taker = &mut keys.get_mut(to).expect("another key").0;
        engine.hand_over((&key(from), &mut giver), (&key(to), taker), *at, id, &mut out);
        keys.get_mut(from).expect("a key").0 = giver;
    }
    for (name, (state, events)) in &mut keys {
        for event in events {
            engine.push(state, &key(name), event, &mut out);
        }
        engine.advance_to(state, &key(name), history.as_of, &mut out);
    }
    out
}

#[test]
fn customers_who_change_hands_take_along_what_a_plain_engine_gives_them() {
    let mut dice = Dice(48);
    let mut n_inherited = 0;
    for case in 0..n_histories() / 2 {
        let set = pack(super::MODES[case as usize % 5]);
        let engine = Engine::new(&set, KeyKind::Customer);
        let history = history_of(&mut dice, &super::NAMES);
        let transfers = transfers(&mut dice, &history);
        let expected: ByKey =
            plain::rows_with_transfers(&set, &histories(&history), &transfers, history.as_of)
                .into_iter()
                .filter(|(_, rows)| !rows.is_empty())
                .collect();
        n_inherited += expected.values().flatten().filter(|row| row.contains(" inherited")).count();
        for saved in [false, true] {
            let rows = handed_over(&engine, &history, &transfers, saved);
            same(case, "handed over", &expected, &by_key(&set, &rows));
        }
    }
    assert!(n_inherited > 50, "too tame: {n_inherited}");
}

#[test]
fn x1_a_restart_between_any_two_events_and_deadlines_changes_nothing() {
    let mut dice = Dice(101);
    for case in 0..n_histories() / 8 {
        let set = pack(super::MODES[case as usize % 5]);
        let engine = Engine::new(&set, KeyKind::Customer);
        let history = history_of(&mut dice, &super::NAMES);
        let mut out = Vec::new();
        for name in super::NAMES {
            let mut state = KeyState::default();
            for event in ordered(&history, name) {
                pass(&engine, &mut state, name, event.at, &mut out);
                engine.push(&mut state, &key(name), &event, &mut out);
                state = saved_and_read(&state);
            }
            pass(&engine, &mut state, name, history.as_of, &mut out);
        }
        let expected = by_key(&set, &super::batch(&engine, &history));
        same(case, "restarted", &expected, &by_key(&set, &out));
    }
}

/// Goes from deadline to deadline, with a restart at each.
fn pass(engine: &Engine<'_>, state: &mut KeyState, name: &str, to: Timestamp, out: &mut Vec<Row>) {
    while let Some(due) = engine.next_timer(state).filter(|due| *due <= to) {
        engine.advance_to(state, &key(name), due, out);
        *state = saved_and_read(state);
    }
}
