//! `chattag test`: runs the timelines written in the rule files.
#![allow(clippy::print_stdout, reason = "results are this command's output")]

use std::collections::BTreeMap;

use anyhow::bail;
use chattag::bundle::Bundle;
use chattag::scenario::{self, Outcome, ScenarioResult};

use crate::Status;
use crate::args::TestArgs;
use crate::console::Console;

/// Runs all timelines, or those of the rules asked for, and prints what differs.
pub fn run(args: &TestArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    for rule in &args.rule {
        if !bundle.rules.rules.iter().any(|known| known.id == *rule) {
            bail!("no rule `{rule}` in these dictionaries");
        }
    }
    let results = run_all(&bundle, &args.rule);
    match args.json {
        true => print_json(&results)?,
        false => print_text(&results, console),
    }
    let failed = results.iter().any(|result| result.outcome == Outcome::Failed);
    Ok(if failed { Status::Findings } else { Status::Fine })
}

fn run_all(bundle: &Bundle, rules: &[String]) -> Vec<ScenarioResult> {
    let wanted = |names: &[String]| rules.is_empty() || names.iter().any(|name| rules.contains(name));
    bundle
        .scenarios
        .iter()
        .filter(|scenario| wanted(&scenario.rules))
        .map(|scenario| scenario::run(bundle, scenario))
        .collect()
}

fn print_json(results: &[ScenarioResult]) -> anyhow::Result<()> {
    for result in results {
        println!("{}", serde_json::to_string(result)?);
    }
    Ok(())
}

fn print_text(results: &[ScenarioResult], console: &Console) {
    let mut by_rule: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for result in results {
        by_rule.entry(result.rules.join("+")).or_default()[result.outcome as usize] += 1;
    }
    let [passed, failed, gap, mended] = outcome_words(console);
    for (rule, counts) in &by_rule {
        let rest = [(gap, counts[2]), (mended, counts[3])]
            .map(|(word, n)| if n > 0 { format!("  {n} {word}") } else { String::new() });
        println!("{rule:<28} {} {passed}  {} {failed}{}{}", counts[0], counts[1], rest[0], rest[1]);
    }
    for result in results.iter().filter(|result| result.outcome == Outcome::Failed) {
        print_difference(result, console);
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

/// The words for passed, failed, known gap, and known gap that now passes.
fn outcome_words(console: &Console) -> [&'static str; 4] {
    [
        console.pick("通过", "passed"),
        console.pick("失败", "failed"),
        console.pick("已知缺口", "known gaps"),
        console.pick("缺口已补上，请去掉 todo (N204)", "gaps that now pass: drop `todo` (N204)"),
    ]
}

/// Prints the lines that differ: expected but missing, and unexpected.
fn print_difference(result: &ScenarioResult, console: &Console) {
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
