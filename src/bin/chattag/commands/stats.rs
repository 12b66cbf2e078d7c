//! `chattag stats`: coverage, overlap, conflict and precision of terms, lists, signals and rules.
#![allow(clippy::print_stdout, reason = "the measures are this command's output")]

use chattag::batch::Progress;
use chattag::maintain::gold::{Gold, GoldScore};
use chattag::maintain::stats::{self, Measure, NamedMeasure, Stats, TermStats};

use super::text_table::TextTable;
use crate::Status;
use crate::args::StatsArgs;
use crate::console::Console;

/// Measures and prints.
pub fn run(args: &StatsArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    if let Some(lexicon) = &args.lexicon
        && bundle.catalog.find(lexicon).is_none()
    {
        return Err(super::unknown(("词表", "list"), lexicon));
    }
    let gold = Gold::read(&super::files(&args.dictionaries)?, &bundle, &mut Vec::new());
    let zone = &bundle.rules.pack.zone;
    let options =
        super::rehearsal(&args.archive.archive, &args.archive.sample, super::MEMORY, zone, console)?;
    let mut measured = stats::measure(&bundle, &options, Some(&gold), &Progress::default())?;
    let of_list = |term: &TermStats| args.lexicon.as_ref().is_none_or(|lexicon| *lexicon == term.lexicon);
    measured.terms.retain(of_list);
    match args.json {
        true => println!("{}", serde_json::to_string(&measured)?),
        false => print!("{}", describe(&measured, args, console)),
    }
    Ok(Status::Fine)
}

fn describe(stats: &Stats, args: &StatsArgs, console: &Console) -> String {
    let pick = |zh: &'static str, en: &'static str| console.pick(zh, en);
    let (n, days) = (stats.messages, stats.days);
    let mut text = format!("{} {n}  {} {days}\n", pick("消息", "messages"), pick("天", "days"));
    let header = |first: &[&'static str]| {
        let rest = [
            pick("消息", "messages"),
            pick("覆盖", "coverage"),
            pick("独有", "alone"),
            pick("重叠", "overlap"),
            pick("冲突", "conflict"),
            pick("精度(gold)", "precision (gold)"),
        ];
        first.iter().copied().chain(rest).collect::<Vec<_>>()
    };
    if args.lexicon.is_none() {
        let kinds = [
            (pick("词表", "list"), &stats.lexicons),
            (pick("信号", "signal"), &stats.signals),
            (pick("规则", "rule"), &stats.rules),
        ];
        for (kind, all) in kinds {
            let mut table = TextTable::new(header(&[kind]));
            all.iter().for_each(|one| table.push(named_row(one, n)));
            text.push_str(&table.render());
            text.push('\n');
        }
    }
    let mut table = TextTable::new(header(&[pick("编号", "id"), pick("词条", "term")]));
    let mut hidden = 0;
    for term in &stats.terms {
        if term.measure.messages == 0 && !args.all {
            hidden += 1;
        } else {
            table.push(term_row(term, n));
        }
    }
    text.push_str(&table.render());
    if hidden > 0 {
        text.push_str(&format!(
            "{hidden} {}\n",
            pick("个词没有命中（--all 列出）", "terms without a hit (--all lists them)")
        ));
    }
    if args.lexicon.is_none() {
        text.push_str(&tags(stats, console));
    }
    text
}

fn named_row(one: &NamedMeasure, n: u64) -> Vec<String> {
    let mut row = vec![one.id.clone()];
    row.extend(measure_cells(one.measure, n));
    row.push(gold(one.gold));
    row
}

fn term_row(term: &TermStats, n: u64) -> Vec<String> {
    let mut row = vec![format!("{}/{}", term.lexicon, term.code), term.term.clone()];
    row.extend(measure_cells(term.measure, n));
    row.push(gold(term.gold));
    row
}

fn measure_cells(measure: Measure, n: u64) -> Vec<String> {
    let share = |k: u64| format!("{:.2}%", 100.0 * k as f64 / n.max(1) as f64);
    let mut cells = vec![measure.messages.to_string()];
    cells.extend([measure.messages, measure.alone, measure.overlap, measure.conflict].map(share));
    cells
}

fn gold(score: Option<GoldScore>) -> String {
    let precision = score.and_then(|score| Some((score.precision()?, score.n())));
    precision.map_or_else(|| "–".to_owned(), |(precision, n)| format!("{precision:.2} (n={n})"))
}

fn tags(stats: &Stats, console: &Console) -> String {
    let header = [
        console.pick("标签", "tag"),
        console.pick("打标", "assigned"),
        console.pick("到期", "expired"),
        console.pick("按月", "by month"),
    ];
    let mut table = TextTable::new(header);
    for tag in &stats.tags {
        let months: Vec<String> = tag.by_month.iter().map(|(month, n)| format!("{month}:{n}")).collect();
        table.push([tag.path.clone(), tag.assigned.to_string(), tag.expired.to_string(), months.join(" ")]);
    }
    format!("\n{}", table.render())
}
