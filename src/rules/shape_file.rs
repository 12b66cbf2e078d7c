//! Compiles what a rule looks for: its shape and the keys that belong to it.

use super::compile::Context;
use super::duration::Duration;
use super::pack_file::elapsed;
use super::reader::{Reader, Text};
use super::rule::{AfterFire, Anchor, Measure, Shape, SignalIdx, Window};
use super::rule_file::{required_with, signal};
use super::signal_file::{self, Defaults};
use super::tag_file::span;
use crate::diagnostic::{Diagnostic, Place};
use crate::message::NumberField;
use crate::time::Millis;

/// Compiles the shape of a rule.
pub fn shape(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let word = reader.required("shape")?;
    match word.text {
        "match" => Some(Shape::Match { signal: named(reader, "signal", context)? }),
        "count" => count(reader, context),
        "sequence" => sequence(reader, context),
        "absence" => absence(reader, context),
        "kick" => kick(reader, context),
        _ => refuse(word, reader),
    }
}

/// Returns whether this build can run the shape.
pub fn is_known(shape: &str) -> bool {
    SHAPES.contains(&shape)
}

fn refuse(word: Text<'_>, reader: &Reader<'_>) -> Option<Shape> {
    let written = word.text;
    let (zh, en) = if LATER.contains(&written) {
        (
            format!("此版本还不支持形状 “{written}”"),
            format!("this build does not know the shape `{written}` yet"),
        )
    } else {
        (format!("没有形状 “{written}”"), format!("there is no shape `{written}`"))
    };
    let finding = Diagnostic::new("E001", word.place.clone(), zh, en);
    let all = SHAPES.join(" | ");
    reader.findings.add(finding.with_help(format!("可选: {all}"), format!("one of: {all}")));
    None
}

fn named(reader: &Reader<'_>, key: &'static str, context: &Context<'_>) -> Option<SignalIdx> {
    reader.required(key).and_then(|name| signal(name, context))
}

fn optional(reader: &Reader<'_>, key: &'static str, context: &Context<'_>) -> Option<SignalIdx> {
    reader.text(key).and_then(|name| signal(name, context))
}

fn count(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let signal = named(reader, "signal", context);
    let measure = required_with(reader, "measure", |reader| reader.choice("measure", MEASURES));
    let at_least = required_with(reader, "at_least", at_least);
    let window = required_with(reader, "within", window);
    let after_fire = reader.choice("after_fire", AFTER_FIRE).unwrap_or(AfterFire::Hold);
    let per_message_cap = reader.count("per_message_cap", 1);
    Some(Shape::Count {
        signal: signal?,
        measure: measure?,
        at_least: at_least?,
        window: window?,
        after_fire,
        per_message_cap,
    })
}

fn at_least(reader: &Reader<'_>) -> Option<i64> {
    let number = reader.int("at_least")?;
    if number < 1 {
        let (zh, en) = ("`at_least` 必须是正整数", "`at_least` must be a whole number above zero");
        reader.findings.report("E001", reader.place_of("at_least"), zh, en);
        return None;
    }
    Some(number)
}

fn window(reader: &Reader<'_>) -> Option<Window> {
    let (duration, place) = reader.duration("within")?;
    let gap = elapsed(reader, "gap");
    let stray = duration != Duration::Session && reader.node("gap").is_some();
    if stray {
        let (zh, en) =
            ("`gap` 只和 within = \"session\" 一起用", "`gap` goes with within = \"session\" only");
        reader.findings.report("E001", reader.place_of("gap"), zh, en);
    }
    match duration {
        Duration::Elapsed(span) => Some(Window::Elapsed(span)),
        Duration::NaturalDays(n) => Some(Window::NaturalDays(n)),
        Duration::NaturalWeeks(n) => Some(Window::NaturalWeeks(n)),
        Duration::NaturalMonths(n) => Some(Window::NaturalMonths(n)),
        Duration::Session => session(reader, gap),
        Duration::Months(_) => {
            let (zh, en) = ("`within` 不能用日历月、年", "`within` cannot be calendar months or years");
            let help = ("用 90d（流逝时间）或 3nm（自然月）", "use 90d (elapsed) or 3nm (natural months)");
            reader.findings.add(Diagnostic::new("E007", place.clone(), zh, en).with_help(help.0, help.1));
            None
        }
    }
}

fn session(reader: &Reader<'_>, gap: Option<Millis>) -> Option<Window> {
    if reader.node("gap").is_none() {
        reader.missing("gap");
    }
    gap.map(|gap| Window::Session { gap })
}

fn sequence(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let names = reader.texts("steps");
    let n_named = names.len();
    let steps: Vec<SignalIdx> = names.into_iter().filter_map(|name| signal(name, context)).collect();
    if n_named < 2 {
        let finding = Diagnostic::new(
            "E009",
            reader.place_of("steps").clone(),
            "sequence 至少要有两步",
            "a sequence has at least two steps",
        );
        reader
            .findings
            .add(finding.with_help("例如 steps = [\"a\", \"b\"]", "such as steps = [\"a\", \"b\"]"));
    }
    let within = required_with(reader, "within", |reader| elapsed(reader, "within"));
    let without = optional(reader, "without", context);
    let same_message = reader.flag("same_message").unwrap_or(false);
    let complete = n_named >= 2 && steps.len() == n_named;
    Some(Shape::Sequence { steps, within: within?, without, same_message }).filter(|_| complete)
}

fn absence(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let since = named(reader, "since", context);
    let anchor = required_with(reader, "anchor", |reader| reader.choice("anchor", ANCHORS));
    let cancel = optional(reader, "cancel", context);
    let after = required_with(reader, "after", |reader| span(reader, "after"));
    Some(Shape::Absence { since: since?, anchor: anchor?, cancel, after: after? })
}

/// Compiles the conditions of a kick rule into its hidden signal.
fn kick(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let mut def = signal_file::conditions(reader, context, Defaults::KICK);
    if reader.node("action").is_none() {
        reader.missing("action");
    }
    if signal_file::says_nothing(&def) {
        report_no_condition(reader.place(), context);
        return None;
    }
    def.id = super::compile::hidden_id(reader.text("id")?.text);
    def.title = reader.text("title").map_or_else(String::new, |title| title.text.to_owned());
    let signal = context.hidden_number(&def.id)?;
    context.hidden.borrow_mut().push(def);
    Some(Shape::Match { signal })
}

fn report_no_condition(place: &Place, context: &Context<'_>) {
    let finding = Diagnostic::new(
        "E001",
        place.clone(),
        "踢人规则没有条件，会踢掉每个人",
        "the kick rule has no condition and would kick everybody",
    );
    context.findings.add(finding.with_help(
        "加上 any、message_type、host_not_in、mini_program_not_in、member_in 或 company_in",
        "add any, message_type, host_not_in, mini_program_not_in, member_in or company_in",
    ));
}

const SHAPES: &[&str] = &["match", "count", "sequence", "absence", "kick"];

/// Shapes of the design that this build cannot run.
const LATER: &[&str] = &["streak", "ratio", "cycle", "rank", "combine"];

const MEASURES: &[(&str, Measure)] = &[
    ("hits", Measure::Hits),
    ("messages", Measure::Messages),
    ("distinct:term", Measure::DistinctTerms),
    ("distinct:day", Measure::DistinctDays),
    ("sum:amount_fen", Measure::Sum(NumberField::AmountFen)),
    ("sum:seconds", Measure::Sum(NumberField::Seconds)),
];

const AFTER_FIRE: &[(&str, AfterFire)] =
    &[("hold", AfterFire::Hold), ("consume", AfterFire::Consume), ("every", AfterFire::Every)];

const ANCHORS: &[(&str, Anchor)] = &[("last", Anchor::Last), ("first", Anchor::First)];
