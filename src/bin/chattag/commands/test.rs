//! `chattag test`: runs the timelines written in the rule files.
#![allow(clippy::print_stdout, reason = "results are this command's output")]

use std::collections::BTreeMap;

use chattag::bundle::Bundle;
use chattag::maintain::expectations;
use chattag::maintain::gold::{Gold, Judged};
use chattag::scenario::{Outcome, Scenario, Status as Ended};

use crate::Status;
use crate::args::TestArgs;
use crate::console::Console;

/// Runs all timelines, or those of the rules asked for, and prints what differs; then the gold labels.
pub fn run(args: &TestArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    for rule in &args.rule {
        if !bundle.rules.rules.iter().any(|known| known.id == *rule) {
            return Err(super::unknown(("规则", "rule"), rule));
        }
    }
    let results = run_all(&bundle, args);
    let judged = args.rule.is_empty().then(|| judge(args, &bundle)).transpose()?;
    match args.json {
        true => print_json(&results, judged.as_ref())?,
        false => {
            print_text(&results, console);
            judged.iter().for_each(|judged| print_gold(judged, args.gold, console));
        }
    }
    if args.update {
        return update(args, &results, console);
    }
    let failed = results.iter().any(Outcome::is_failure);
    Ok(if failed { Status::Findings } else { Status::Fine })
}

fn run_all(bundle: &Bundle, args: &TestArgs) -> Vec<Outcome> {
    let wanted = |names: &[String]| args.rule.is_empty() || names.iter().any(|name| args.rule.contains(name));
    let run = |scenario: &Scenario| {
        let (rules, catalog, annotator) = (&bundle.rules, &bundle.catalog, &bundle.annotator);
        match args.milestones {
            true => scenario.run_in_pieces(rules, catalog, annotator),
            false => scenario.run(rules, catalog, annotator),
        }
    };
    bundle.scenarios.iter().filter(|scenario| wanted(&scenario.rules)).map(run).collect()
}

fn judge(args: &TestArgs, bundle: &Bundle) -> anyhow::Result<Judged> {
    let files = super::files(&args.dictionaries)?;
    Ok(Gold::read(&files, bundle, &mut Vec::new()).judge(bundle, super::this_instant()))
}

fn print_gold(judged: &Judged, all: bool, console: &Console) {
    let score = judged.all;
    let Some((precision, recall)) = score.precision().zip(score.recall()) else { return };
    println!(
        "{} gold: P {precision:.2}  R {recall:.2}  (n={})",
        console.pick("信号评测", "signals,"),
        score.n()
    );
    if !all {
        return;
    }
    for difference in &judged.differences {
        let said = match difference.missed {
            true => console.pick("漏", "missed"),
            false => console.pick("误", "wrong"),
        };
        println!(
            "  {said} {}  {} “{}”  {}",
            difference.signal, difference.id, difference.text, difference.place
        );
    }
}

/// Writes what came into the rule files, once the user agrees.
fn update(args: &TestArgs, results: &[Outcome], console: &Console) -> anyhow::Result<Status> {
    let Some(dict) = &args.dictionaries.dict else {
        return Err(super::said("--update 要与 --dict 一起用", "--update needs --dict"));
    };
    let updated = expectations::update(&super::files(&args.dictionaries)?, results);
    if updated.is_empty() {
        let failed = results.iter().any(Outcome::is_failure);
        return Ok(if failed { Status::Findings } else { Status::Fine });
    }
    let paths: Vec<&str> = updated.iter().map(|file| file.path.as_str()).collect();
    let (zh, en) = (
        format!("把实际结果写进 {} 的 expect?", paths.join("、")),
        format!("Write what came into `expect` of {}?", paths.join(", ")),
    );
    if !args.yes && !super::confirm(console, &zh, &en)? {
        say(args, console.pick("没有写入。", "nothing written."));
        return Ok(Status::Findings);
    }
    for file in &updated {
        super::write_file(&dict.join(&file.path), &file.bytes)?;
    }
    say(args, console.pick("已写入，请逐条核对。", "written; look at each line."));
    Ok(Status::Fine)
}

/// Says it beside the results, which a program may read.
fn say(args: &TestArgs, text: &str) {
    match args.json {
        true => eprintln!("{text}"),
        false => println!("{text}"),
    }
}

/// One line a timeline, then one line with the gold labels.
fn print_json(results: &[Outcome], judged: Option<&Judged>) -> anyhow::Result<()> {
    for result in results {
        println!("{}", serde_json::to_string(result)?);
    }
    if let Some(judged) = judged.filter(|judged| judged.all.n() > 0) {
        let gold = serde_json::json!({
            "signals": judged.signals, "all": judged.all, "differences": judged.differences,
        });
        println!("{}", serde_json::json!({ "gold": gold }));
    }
    Ok(())
}

fn print_text(results: &[Outcome], console: &Console) {
    let mut by_rule: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for result in results {
        by_rule.entry(result.rules.join("+")).or_default()[ended(result)] += 1;
    }
    let [passed, failed, gap, mended] = outcome_words(console);
    for (rule, counts) in &by_rule {
        let rest = [(gap, counts[2]), (mended, counts[3])]
            .map(|(word, n)| if n > 0 { format!("  {n} {word}") } else { String::new() });
        println!("{rule:<28} {} {passed}  {} {failed}{}{}", counts[0], counts[1], rest[0], rest[1]);
    }
    for result in results.iter().filter(|result| result.is_failure()) {
        print_difference(result, console);
    }
    for finding in results.iter().filter_map(Outcome::finding) {
        println!("{}", finding.render(console.language()));
    }
    let total = by_rule.values().fold([0; 4], |sum, counts| std::array::from_fn(|at| sum[at] + counts[at]));
    println!(
        "{}  {} {passed}  {} {failed}  {} {gap}  {} {mended}",
        console.pick("合计", "total"),
        total[0],
        total[1],
        total[2],
        total[3]
    );
}

/// The place of a result in a line of counts.
fn ended(result: &Outcome) -> usize {
    match result.status {
        Ended::Passed => 0,
        Ended::Failed => 1,
        Ended::KnownGap => 2,
        Ended::GapClosed => 3,
    }
}

/// The words for passed, failed, known gap, and known gap that now passes.
fn outcome_words(console: &Console) -> [&'static str; 4] {
    [
        console.pick("通过", "passed"),
        console.pick("失败", "failed"),
        console.pick("已知缺口", "known gaps"),
        console.pick("缺口已补上 (N204)", "gaps that now pass (N204)"),
    ]
}

/// Prints the lines that differ: expected but missing, and unexpected.
fn print_difference(result: &Outcome, console: &Console) {
    println!("✗ {} “{}”  {}", result.rules.join("+"), result.name, result.place);
    for line in result.expected.iter().filter(|line| !result.actual.contains(line)) {
        println!("    {}  {line}", console.pick("期望", "expected"));
    }
    for line in result.actual.iter().filter(|line| !result.expected.contains(line)) {
        println!("    {}  {line}", console.pick("实际", "actual  "));
    }
    if result.expected.len() == result.actual.len()
        && result.expected.iter().all(|line| result.actual.contains(line))
    {
        println!("    {}", console.pick("行相同，顺序不同", "same lines in another order"));
    }
}
