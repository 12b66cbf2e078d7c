//! Events per second of the engine over invented histories, one state used again from key to key: twenty
//! rules, two hundred, and the shipped ones.
//!
//! Before anything is timed, the rows of the run are compared with those of a
//! run with a fresh state per key, and their number must not be zero.

#[path = "../tests/model/kit.rs"]
mod kit;
#[path = "../tests/model/plain.rs"]
#[allow(dead_code, reason = "only the dice are used here")]
mod plain;

use chattag::bundle::{Bundle, Options};
use chattag::message::KeyKind;
use chattag::rules::*;
use chattag::signal::{Event, Sign};
use chattag::verdict::{Engine, KeyState, Row};
use divan::counter::ItemsCount;
use kit::*;
use plain::Dice;

fn main() {
    divan::main();
}

/// The kinds of rules a shipped pack has.
fn twenty_rules() -> RuleSet {
    let mut rules = vec![
        rule("r01", count("disc", 5, elapsed(DAY.times(30)))).hold().tag("price"),
        rule("r02", count("cmpl", 3, Window::NaturalDays(1))).alert(Some(DAY)).tag("care"),
        rule("r03", sequence(&["price", "value"], DAY)).tag("sensitive"),
        rule("r04", absence("msg", Span::Months(3))).tag("churned").clear_on("msg"),
        rule("r05", matching("paid")).tag("paid"),
        rule("r06", matching("lead")).tag("lead"),
        rule("r07", absence("ask", Span::Elapsed(DAY))).first().cancel("reply").alert(Some(DAY)),
        rule("r08", matching("msg")).untag("churned"),
        rule("r09", sequence(&["price", "value", "disc"], DAY.times(2))).without("paid").tag("compare"),
        rule("r10", count("cmpl", 3, Window::Session { gap: HOUR.times(2) })).alert(Some(DAY)),
    ];
    for (i, signal) in ["a", "b", "c", "x", "z", "m", "rep", "value", "price", "disc"].into_iter().enumerate()
    {
        rules.push(rule(&format!("s{i:02}"), count(signal, 4, elapsed(DAY.times(7)))).alert(Some(DAY)));
    }
    set(rules).ttl("care", Span::Elapsed(DAY.times(30))).group(Exclusive::Forward, &["lead", "paid"])
}

/// 2,000 keys with 50 events each: four of five are messages that say nothing, as in real chats.
fn histories() -> Vec<Vec<Event>> {
    let mut dice = Dice(1);
    (0..2_000).map(|_| history(&mut dice)).collect()
}

fn history(dice: &mut Dice) -> Vec<Event> {
    let mut at = instant("01-01 00:00");
    let mut events = Vec::new();
    for i in 0..50 {
        at = at.plus(dice.span(HOUR.times(20)));
        let mut signals = vec![("msg", 0)];
        let talks = dice.below(5) == 0;
        let said = ["disc", "cmpl", "price", "value", "paid", "lead", "ask", "a", "b", "x"];
        signals.extend(talks.then(|| (dice.one(&said), 1)));
        events.push(event(&format!("{i:019}_external"), i, at, &signals));
    }
    events
}

fn run(engine: &Engine<'_>, histories: &[Vec<Event>], out: &mut Vec<Row>, fresh: bool) {
    let (mut state, key) = (KeyState::default(), key("k"));
    for history in histories {
        if fresh {
            state = KeyState::default()
        } else {
            state.reset()
        }
        history.iter().for_each(|event| engine.push(&mut state, &key, event, out));
        engine.advance_to(&mut state, &key, instant("12-01 00:00"), out);
    }
}

/// Ten times the rules over ten times as many signals, as a pack grows: by topics, not by rules per topic.
fn two_hundred_rules() -> RuleSet {
    let mut rules = twenty_rules().rules;
    for i in 0..180_u16 {
        let window = elapsed(DAY.times(i64::from(i % 30) + 1));
        let mut more = rule(&format!("t{i:03}"), count("a", 4, window)).alert(Some(DAY));
        let Shape::Count { signal, .. } = &mut more.shape else { unreachable!("a count") };
        *signal = SignalIdx(100 + i);
        rules.push(more);
    }
    set(rules).ttl("care", Span::Elapsed(DAY.times(30))).group(Exclusive::Forward, &["lead", "paid"])
}

fn measure(bencher: divan::Bencher<'_, '_>, set: &RuleSet, histories: &[Vec<Event>]) {
    let engine = Engine::new(set, KeyKind::Customer);
    let (mut once, mut again) = (Vec::new(), Vec::new());
    run(&engine, histories, &mut once, false);
    run(&engine, histories, &mut again, true);
    assert!(once == again && once.len() > 1_000, "{} and {} rows", once.len(), again.len());
    let n_events: usize = histories.iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(n_events)).bench_local(|| {
        once.clear();
        run(&engine, histories, &mut once, false);
        once.len()
    });
}

#[divan::bench]
fn twenty_rules_over_a_hundred_thousand_events(bencher: divan::Bencher<'_, '_>) {
    measure(bencher, &twenty_rules(), &histories());
}

/// One customer holds 30 % of all events: what a key remembers is bounded, so it costs no more than many do.
#[divan::bench]
fn twenty_rules_when_one_customer_holds_a_third(bencher: divan::Bencher<'_, '_>) {
    let mut histories = histories();
    let mut dice = Dice(3);
    let mut hot: Vec<Event> = (0..600).flat_map(|_| history(&mut dice)).collect();
    hot.sort_by_key(|event| event.at);
    histories.truncate(1_400);
    histories.push(hot);
    measure(bencher, &twenty_rules(), &histories);
}

#[divan::bench]
fn two_hundred_rules_over_the_same_events(bencher: divan::Bencher<'_, '_>) {
    measure(bencher, &two_hundred_rules(), &histories());
}

/// As before, and what is said is spread over all topics: each of the two hundred rules is moved now and then.
#[divan::bench]
fn two_hundred_rules_all_of_which_are_talked_about(bencher: divan::Bencher<'_, '_>) {
    let (mut histories, mut dice) = (histories(), Dice(4));
    for event in histories.iter_mut().flatten().filter(|event| event.signals.len() > 1) {
        let topic = dice.below(200);
        if topic < 180 {
            event.signals.retain(|sign| sign.n_hits == 0);
            let signal = SignalIdx(100 + u16::try_from(topic).expect("below 180"));
            event.signals.push(Sign { signal, first_hit: 0, n_hits: 1 });
        }
    }
    measure(bencher, &two_hundred_rules(), &histories);
}

#[divan::bench]
fn the_shipped_rules_over_a_hundred_thousand_events(bencher: divan::Bencher<'_, '_>) {
    let bundle = Bundle::embedded(&Options::default()).0.expect("the shipped dictionaries have no errors");
    let set = &bundle.rules;
    let number = |id: &str| {
        let at = set.signals.iter().position(|signal| signal.id == id).expect("a shipped signal");
        SignalIdx(u16::try_from(at).expect("few signals"))
    };
    let said: Vec<SignalIdx> = SAID.iter().map(|id| number(id)).collect();
    let message = number("customer_message");
    let mut histories = histories();
    let mut dice = Dice(2);
    for event in histories.iter_mut().flatten() {
        let talks = event.signals.len() > 1;
        event.signals = vec![Sign { signal: message, first_hit: 0, n_hits: 0 }];
        event.hits.truncate(1);
        if talks {
            let n_hits = u16::try_from(event.hits.len()).expect("at most one");
            event.signals.push(Sign { signal: dice.one(&said), first_hit: 0, n_hits });
        }
        event.signals.sort_by_key(|sign| sign.signal);
    }
    measure(bencher, set, &histories);
}

/// What customers say in the third bench.
const SAID: &[&str] = &[
    "discount_talk",
    "ask_price",
    "value_for_money",
    "bargain",
    "price_objection",
    "complaint",
    "complaint_quality",
    "complaint_delivery",
    "satisfied",
    "dissatisfied",
];
