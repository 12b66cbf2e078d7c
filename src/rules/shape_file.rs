//! Compiles what a rule looks for: its shape and the keys that belong to it.

use super::compile::Context;
use super::duration::Duration;
use super::findings::Findings;
use super::pack_file::elapsed;
use super::rank_file;
use super::reader::{Reader, Text, meant_en, meant_zh};
use super::rule::{AfterFire, Anchor, Fraction, Hold, Measure, Shape, SignalIdx, TagIdx, Window};
use super::rule_file::{required_with, signal, tag};
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
        "streak" => streak(reader, context),
        "ratio" => ratio(reader, context),
        "cycle" => cycle(reader, context),
        "rank" => rank_file::ranking(reader, context).map(|ranking| Shape::Rank(Box::new(ranking))),
        "combine" => combine(reader, context),
        _ => refuse(word, reader),
    }
}

/// Returns whether this build can run the shape.
pub fn is_known(shape: &str) -> bool {
    SHAPES.contains(&shape)
}

fn refuse(word: Text<'_>, reader: &Reader<'_>) -> Option<Shape> {
    let written = word.text;
    let (zh, en) = (
        format!("没有形状 “{written}”{}", meant_zh(written, SHAPES)),
        format!("there is no shape `{written}`{}", meant_en(written, SHAPES)),
    );
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
    let window = required_with(reader, "within", |reader| window(reader, "within"));
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

fn window(reader: &Reader<'_>, key: &'static str) -> Option<Window> {
    let (duration, place) = reader.duration(key)?;
    let gap = elapsed(reader, "gap");
    let stray = duration != Duration::Session && reader.node("gap").is_some();
    if stray {
        let (zh, en) =
            ("`gap` 只和 within = \"session\" 一起用", "`gap` goes with within = \"session\" only");
        reader.findings.report("E001", reader.place_of("gap"), zh, en);
    }
    match duration {
        Duration::Session => session(reader, gap),
        other => window_of(other, place, reader.findings),
    }
}

/// Returns the window of a span that is no session; reports a calendar span (`E007`).
pub fn window_of(duration: Duration, place: &Place, findings: &Findings) -> Option<Window> {
    match duration {
        Duration::Elapsed(span) => Some(Window::Elapsed(span)),
        Duration::NaturalDays(n) => Some(Window::NaturalDays(n)),
        Duration::NaturalWeeks(n) => Some(Window::NaturalWeeks(n)),
        Duration::NaturalMonths(n) => Some(Window::NaturalMonths(n)),
        Duration::Session | Duration::Months(_) => {
            let (zh, en) = (
                "窗口不能用日历月、年或会话",
                "a window cannot be calendar months or years, nor a session here",
            );
            let help = ("用 90d（流逝时间）或 3nm（自然月）", "use 90d (elapsed) or 3nm (natural months)");
            findings.add(Diagnostic::new("E007", place.clone(), zh, en).with_help(help.0, help.1));
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

fn streak(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let signal = named(reader, "signal", context);
    let days = required_with(reader, "days", |reader| reader.count("days", 0));
    if days.is_some_and(|days| days < 2) {
        let (zh, en) = ("连续天数 `days` 至少是 2", "a streak has at least 2 `days`");
        report_shape(reader, "days", (zh, en), ("例如 days = 3", "such as days = 3"));
        return None;
    }
    Some(Shape::Streak { signal: signal?, days: days? })
}

fn ratio(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let numerator = named(reader, "numerator", context);
    let denominator = named(reader, "denominator", context);
    let at_least = required_with(reader, "at_least", |reader| fraction(reader, "at_least"));
    let min_denominator =
        required_with(reader, "min_denominator", |reader| reader.count("min_denominator", 1));
    let window = required_with(reader, "within", |reader| window(reader, "within"));
    if at_least.is_some_and(|share| share.part == 0 || share.part > share.of) {
        let (zh, en) =
            ("比例 `at_least` 应大于 0，不超过 1", "the share `at_least` must lie above 0, up to 1");
        report_shape(reader, "at_least", (zh, en), ("例如 at_least = \"0.3\"", "such as at_least = \"0.3\""));
        return None;
    }
    if let Some(Window::Session { .. }) = window {
        let (zh, en) = ("ratio 不能按会话计算", "a ratio cannot look at a session");
        reader.findings.report("E007", reader.place_of("within"), zh, en);
        return None;
    }
    Some(Shape::Ratio {
        numerator: numerator?,
        denominator: denominator?,
        at_least: at_least?,
        min_denominator: min_denominator?,
        window: window?,
    })
}

fn cycle(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let signal = named(reader, "signal", context);
    let last = required_with(reader, "last", |reader| reader.count("last", 1));
    let min_intervals = required_with(reader, "min_intervals", |reader| reader.count("min_intervals", 1));
    let open = required_with(reader, "open", |reader| fraction(reader, "open"));
    let close = required_with(reader, "close", |reader| fraction(reader, "close"));
    let (last, min_intervals, open, close) = (last?, min_intervals?, open?, close?);
    if open.part == 0 || close.is_reached(u64::from(open.part), u64::from(open.of)) {
        let (zh, en) = ("`open` 必须大于零并小于 `close`", "`open` must be above zero and below `close`");
        report_shape(
            reader,
            "open",
            (zh, en),
            ("例如 open = \"0.8\"，close = \"1.5\"", "such as open = \"0.8\" and close = \"1.5\""),
        );
        return None;
    }
    if last > MOST_INTERVALS || min_intervals > last {
        let zh = format!("`last` 最多 {MOST_INTERVALS}，`min_intervals` 不能超过 `last`");
        let en = format!("`last` is {MOST_INTERVALS} at most, and `min_intervals` no more than `last`");
        report_shape(reader, "last", (&zh, &en), ("例如 last = 5", "such as last = 5"));
        return None;
    }
    Some(Shape::Cycle { signal: signal?, last, min_intervals, open, close })
}

fn combine(reader: &Reader<'_>, context: &Context<'_>) -> Option<Shape> {
    let parts = |key| -> Vec<TagIdx> {
        reader.texts(key).into_iter().filter_map(|name| tag(name, context)).collect()
    };
    let (all, any, none) = (parts("all"), parts("any"), parts("none"));
    let hold = required_with(reader, "hold", |reader| reader.choice("hold", HOLDS));
    if all.is_empty() && any.is_empty() {
        let (zh, en) = ("combine 要写 all 或 any", "combine needs `all` or `any`");
        let help = ("例如 all = [\"标签1\", \"标签2\"]", "such as all = [\"one\", \"other\"]");
        report_shape(reader, "all", (zh, en), help);
        return None;
    }
    Some(Shape::Combine { all, any, none, hold: hold? })
}

/// Reads a decimal in quotes, such as `"0.3"`: quotes, so that no binary fraction comes between.
pub fn fraction(reader: &Reader<'_>, key: &'static str) -> Option<Fraction> {
    let text = reader.text(key)?;
    let fraction = decimal(text.text);
    if fraction.is_none() {
        let zh = format!("`{key}` 的 “{}” 不是小数", text.text);
        let en = format!("`{}` of `{key}` is no decimal", text.text);
        let finding = Diagnostic::new("E001", text.place.clone(), zh, en);
        let help = ("写成 \"0.3\"，最多四位小数", "write it like \"0.3\", with four decimals at most");
        reader.findings.add(finding.with_help(help.0, help.1));
    }
    fraction
}

fn decimal(text: &str) -> Option<Fraction> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() <= 4 && decimals.len() <= 4;
    if !fits || !digits(whole) || !digits(decimals) || (decimals.is_empty() && text.contains('.')) {
        return None;
    }
    let part = format!("{whole}{decimals}").parse().ok()?;
    Some(Fraction { part, of: 10_u32.pow(u32::try_from(decimals.len()).ok()?) })
}

/// Reports what a shape cannot be (`E009`).
pub fn report_shape(reader: &Reader<'_>, key: &str, (zh, en): (&str, &str), help: (&str, &str)) {
    let finding = Diagnostic::new("E009", reader.place_of(key).clone(), zh, en);
    reader.findings.add(finding.with_help(help.0, help.1));
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

const SHAPES: &[&str] =
    &["match", "count", "sequence", "absence", "kick", "streak", "ratio", "cycle", "rank", "combine"];

const MEASURES: &[(&str, Measure)] = &[
    ("hits", Measure::Hits),
    ("messages", Measure::Messages),
    ("distinct:term", Measure::DistinctTerms),
    ("distinct:day", Measure::DistinctDays),
    ("sum:amount_fen", Measure::Sum(NumberField::AmountFen)),
    ("sum:seconds", Measure::Sum(NumberField::Seconds)),
];

/// Most intervals a `cycle` looks at: the state of a key holds them all.
const MOST_INTERVALS: u32 = 100;

const HOLDS: &[(&str, Hold)] = &[("while", Hold::While), ("latched", Hold::Latched)];

const AFTER_FIRE: &[(&str, AfterFire)] =
    &[("hold", AfterFire::Hold), ("consume", AfterFire::Consume), ("every", AfterFire::Every)];

const ANCHORS: &[(&str, Anchor)] = &[("last", Anchor::Last), ("first", Anchor::First)];
