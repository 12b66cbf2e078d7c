//! Compiles `rank` rules: who is ranked, when, by what, and the tag of each band.

use super::compile::Context;
use super::duration::Duration;
use super::reader::{Reader, Text, duration_fault};
use super::rule::{Metric, MetricOf, Ranking, SignalIdx, TagIdx, Window};
use super::rule_file::{required_with, signal, tag};
use super::shape_file::{report_shape, window_of};
use super::tree::Table;
use crate::diagnostic::{Diagnostic, Place};
use crate::message::NumberField;

/// Compiles the shape of a `rank` rule; the tags come from `emit = { tag_prefix = … }`.
pub fn ranking(reader: &Reader<'_>, context: &Context<'_>) -> Option<Ranking> {
    let months = required_with(reader, "as_of", months);
    let population = reader.required("population").and_then(|text| population(text, context));
    let min_population = required_with(reader, "min_population", |reader| reader.count("min_population", 1));
    let bands = required_with(reader, "bands", |reader| reader.count("bands", 2));
    let prefix = reader.table("emit").and_then(|table| prefix(table, context));
    if reader.node("metrics").is_none() {
        reader.missing("metrics");
    }
    let bands = bands.filter(|bands| has_few_bands(*bands, reader))?;
    let prefix = prefix?;
    let tables = reader.tables("metrics");
    let n_metrics = tables.len();
    let metrics: Vec<Metric> =
        tables.into_iter().filter_map(|table| metric(table, prefix, bands, context)).collect();
    let (signal, window) = population?;
    let complete = n_metrics > 0 && metrics.len() == n_metrics;
    let (months, min_population) = (months?, min_population?);
    complete.then_some(Ranking { months, population: signal, window, min_population, bands, metrics })
}

fn has_few_bands(bands: u32, reader: &Reader<'_>) -> bool {
    if bands > MOST_BANDS {
        let zh = format!("`bands` 最多 {MOST_BANDS}");
        let en = format!("`bands` is {MOST_BANDS} at most");
        report_shape(reader, "bands", (&zh, &en), ("例如 bands = 5", "such as bands = 5"));
    }
    bands <= MOST_BANDS
}

fn months(reader: &Reader<'_>) -> Option<u32> {
    match reader.duration("as_of")? {
        (Duration::NaturalMonths(months), _) => Some(months),
        (_, place) => {
            let (zh, en) = ("`as_of` 只能是自然月", "`as_of` takes natural months only");
            let finding = Diagnostic::new("E007", place.clone(), zh, en);
            reader.findings.add(finding.with_help("例如 as_of = \"1nm\"", "such as as_of = \"1nm\""));
            None
        }
    }
}

/// Reads `paid_order within 365d`.
fn population(text: Text<'_>, context: &Context<'_>) -> Option<(SignalIdx, Window)> {
    let words: Vec<&str> = text.text.split_whitespace().collect();
    let [name, "within", span] = words[..] else {
        let (zh, en) = ("`population` 应为 “信号 within 时长”", "`population` must be `SIGNAL within SPAN`");
        let finding = Diagnostic::new("E001", text.place.clone(), zh, en);
        let help = ("例如 \"paid_order within 365d\"", "such as \"paid_order within 365d\"");
        context.findings.add(finding.with_help(help.0, help.1));
        return None;
    };
    let place = text.place;
    let signal = signal(Text { text: name, place }, context);
    let window = match Duration::parse(span) {
        Ok(duration) => window_of(duration, place, context.findings),
        Err(fault) => {
            context.findings.add(duration_fault(fault, Text { text: span, place }));
            None
        }
    };
    Some((signal?, window?))
}

fn prefix<'t>(table: &'t Table, context: &'t Context<'_>) -> Option<Text<'t>> {
    let reader = Reader::new(table, context.findings);
    let prefix = reader.required("tag_prefix");
    reader.finish();
    prefix
}

fn metric(table: &Table, prefix: Text<'_>, bands: u32, context: &Context<'_>) -> Option<Metric> {
    let reader = Reader::new(table, context.findings);
    let id = reader.required("id");
    let of = reader.required("of").and_then(|text| metric_of(text, context));
    let low_is_better = required_with(&reader, "better", |reader| reader.choice("better", BETTER));
    reader.finish();
    let id = id?.text.to_owned();
    let tags = tags(&id, prefix.text, bands, prefix.place, context);
    let complete = tags.len() == bands as usize;
    let (of, low_is_better) = (of?, low_is_better?);
    complete.then_some(Metric { id, of, low_is_better, tags })
}

/// Returns the tags `<prefix><metric><band>`, from band 1 on; reports those that are not registered.
fn tags(id: &str, prefix: &str, bands: u32, place: &Place, context: &Context<'_>) -> Vec<TagIdx> {
    let name = |band| format!("{prefix}{}{band}", id.to_lowercase());
    (1..=bands).filter_map(|band| tag(Text { text: &name(band), place }, context)).collect()
}

fn metric_of(text: Text<'_>, context: &Context<'_>) -> Option<MetricOf> {
    let named = |name| signal(Text { text: name, place: text.place }, context);
    match text.text.split_once(':') {
        Some(("days_since", name)) => named(name).map(MetricOf::DaysSince),
        Some(("count", name)) => named(name).map(MetricOf::Count),
        Some(("sum", "amount_fen")) => Some(MetricOf::Sum(NumberField::AmountFen)),
        Some(("sum", "seconds")) => Some(MetricOf::Sum(NumberField::Seconds)),
        _ => {
            let (zh, en) =
                (format!("不认识的指标 “{}”", text.text), format!("unknown metric `{}`", text.text));
            let finding = Diagnostic::new("E001", text.place.clone(), zh, en);
            context.findings.add(finding.with_help(
                "可选: days_since:<信号> | count:<信号> | sum:amount_fen | sum:seconds",
                "one of: days_since:<signal> | count:<signal> | sum:amount_fen | sum:seconds",
            ));
            None
        }
    }
}

/// Each band of each metric is a tag of its own; more than this nobody tells apart.
const MOST_BANDS: u32 = 10;

const BETTER: &[(&str, bool)] = &[("low", true), ("high", false)];
