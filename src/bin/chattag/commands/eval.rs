//! `chattag eval`: figures of decisions on labelled texts.
#![allow(clippy::print_stdout, reason = "the figures are the command's output")]

use std::path::Path;

use chattag::bundle::Bundle;
use chattag::learning::{Labelled, Report, judge, judge_by_folds, report};
use chattag::model::{Label, Measured, Training};

use super::scoring;
use crate::Status;
use crate::args::EvalArgs;
use crate::console::Console;

/// Judges the texts, prints a table by source and errors to read.
pub fn run(args: &EvalArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let label = scoring::label(&args.labels);
    let texts = scoring::read_labelled(&args.file, &args.labels)?;
    let plain: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    let evidence = match args.model_only {
        true => vec![0.0; texts.len()],
        false => scoring::evidence(&bundle, label, &plain),
    };
    let judged = if let Some(folds) = args.folds {
        let training = scoring::training(&args.training, Training::on_labelled());
        judge_by_folds(&texts, usize::from(folds), training, label, &evidence)
    } else if args.words_only {
        judge(&texts, |at| (evidence[at] > 0.0, evidence[at]))
    } else {
        let model = scoring::model(args.model.as_deref(), &bundle, label)?;
        judge(&texts, |at| {
            let decision = model.decide(plain[at], evidence[at]);
            (decision.holds, decision.score)
        })
    };
    let reports = report(&texts, &judged);
    print(args, &texts, &reports, console)?;
    match &args.model {
        Some(path) if args.record => record(path, &bundle, label, &reports)?,
        _ => {}
    }
    Ok(Status::Fine)
}

/// Writes the figures into the model's card, in the place of older ones of the same sources.
fn record(path: &Path, bundle: &Bundle, label: Label, reports: &[Report]) -> anyhow::Result<()> {
    let model = scoring::model(Some(path), bundle, label)?;
    let mut card = model.card().clone();
    card.measured.retain(|old| reports.iter().all(|report| report.source != old.name));
    card.measured.extend(reports.iter().map(measured));
    scoring::write(path, &model.with_card(card))
}

fn measured(report: &Report) -> Measured {
    let rounded = |figure: f64| (figure * 1000.0).round() / 1000.0;
    Measured {
        name: report.source.clone(),
        texts: report.texts,
        positive: report.positive,
        precision: rounded(report.precision[0]),
        recall: rounded(report.recall[0]),
        f1: rounded(report.f1[0]),
        auc: rounded(report.auc),
    }
}

fn print(args: &EvalArgs, texts: &[Labelled], reports: &[Report], console: &Console) -> anyhow::Result<()> {
    if args.json {
        for report in reports {
            println!("{}", serde_json::to_string(report)?);
        }
        return Ok(());
    }
    println!(
        "{}",
        console.pick(
            "来源              条数   正例   精确率 [95% 区间]        召回率 [95% 区间]        F1 [95% 区间]            准确率  AUC",
            "source           texts positive precision [95 %]        recall [95 %]           F1 [95 %]               accuracy AUC",
        )
    );
    reports.iter().for_each(print_row);
    for report in reports {
        print_errors(console.pick("误报", "false alarm"), &report.false_alarms, args.errors, texts);
        print_errors(console.pick("漏报", "missed"), &report.missed, args.errors, texts);
    }
    Ok(())
}

fn print_row(report: &Report) {
    let interval = |[value, low, high]: [f64; 3]| format!("{value:.3} [{low:.3}, {high:.3}]");
    println!(
        "{:16} {:6} {:6}   {}    {}    {}    {:.3}   {:.3}",
        report.source,
        report.texts,
        report.positive,
        interval(report.precision),
        interval(report.recall),
        interval(report.f1),
        report.accuracy,
        report.auc
    );
}

fn print_errors(kind: &str, numbers: &[usize], most: usize, texts: &[Labelled]) {
    for at in numbers.iter().take(most) {
        let text = &texts[*at];
        println!("{kind}\t{}\t{}\t{}", text.source, text.id, text.text.replace('\n', " "));
    }
}
