//! `chattag preview`: what a change of the dictionaries does, on a real archive.
#![allow(clippy::print_stdout, reason = "the comparison is this command's output")]

use chattag::batch::Progress;
use chattag::bundle::{Bundle, Options};
use chattag::diagnostic::Language;
use chattag::maintain::impact::{self, Breach, Gate, Impact, RuleImpact};

use super::reading::parse_size;
use super::run::parse_share;
use super::text_table::TextTable;
use crate::Status;
use crate::args::PreviewArgs;
use crate::console::Console;
use crate::progress::Watch;

/// Compares the two versions; thresholds that are passed give [`Status::Findings`].
pub fn run(args: &PreviewArgs, console: &Console) -> anyhow::Result<Status> {
    let new = super::load_sound(&args.dictionaries, console)?;
    let packs = &args.dictionaries.packs;
    let old = match &args.base {
        Some(base) => super::load_from(base, packs, console)?,
        None => {
            let options = Options { packs: packs.clone(), today: None };
            Bundle::embedded(&options).0.expect("the shipped dictionaries have no errors")
        }
    };
    let zone = new.rules.pack.zone.clone();
    let memory = parse_size(&args.memory)?;
    let options = super::rehearsal(&args.archive.archive, &args.archive.sample, memory, &zone, console)?;
    let max_change = args.max_change.as_deref().map(parse_share).transpose()?;
    let gate = Gate { max_new_kicks: args.max_new_kicks, max_change };
    let progress = std::sync::Arc::new(Progress::default());
    let impact = {
        let _watch = console.shows_progress().then(|| Watch::start(&progress));
        impact::preview(old, new, &options, &progress)?
    };
    let breaches = gate.breaches(&impact);
    match args.json {
        true => println!("{}", serde_json::json!({ "impact": impact, "breaches": breaches })),
        false => {
            print!("{}", describe(&impact, console));
            for Breach { gate, rule, value } in &breaches {
                let rule = rule.as_ref().map_or_else(String::new, |rule| format!(" {rule}"));
                println!("{} {gate}{rule} = {value}", console.pick("门槛未通过:", "gate failed:"));
            }
        }
    }
    Ok(if breaches.is_empty() { Status::Fine } else { Status::Findings })
}

fn describe(impact: &Impact, console: &Console) -> String {
    let chinese = console.language() == Language::Chinese;
    let [before, after] = &impact.packs;
    let (n, days) = (impact.messages, impact.days);
    let (affected, same) = (impact.affected, impact.unaffected);
    if affected == 0 {
        return match chinese {
            true => {
                format!("{before} → {after}\n没有受影响的规则：{same} 条指纹都相同，结果不变，不必读存档\n")
            }
            false => format!(
                "{before} → {after}\nno rule is affected: all {same} have the same fingerprint and decide the same; nothing was read\n"
            ),
        };
    }
    let mut text = match chinese {
        true => format!(
            "{before} → {after}   样本 {n} 条消息，{days} 天\n受影响的规则 {affected} 条；其余 {same} 条指纹相同，结果不变\n"
        ),
        false => format!(
            "{before} → {after}   {n} messages over {days} days\n{affected} rules are affected; the other {same} have the same fingerprint and decide the same\n"
        ),
    };
    let header = match chinese {
        true => ["规则", "", "结果 前→后", "客户 +新增", "−失去", "~时间变化", "告警/日 P50/P95"],
        false => ["rule", "", "decisions", "keys +gained", "−lost", "~moved", "alerts/day P50/P95"],
    };
    let mut table = TextTable::new(header);
    impact.rules.iter().for_each(|rule| table.push(row(rule, chinese)));
    if !table.is_empty() {
        text.push_str(&table.render());
    }
    let lists = [
        ("新增踢人", "new kicks", &impact.new_kicks),
        ("不再踢的人", "kicks that are gone", &impact.lost_kicks),
    ];
    for (zh, en, kicks) in lists {
        text.push_str(&format!("{} {}\n", console.pick(zh, en), kicks.len()));
        for kick in kicks.iter() {
            let (rules, terms) = (kick.rules.join("+"), kick.terms.join(", "));
            text.push_str(&format!(
                "  {} {} {} “{}” [{rules}: {terms}]\n",
                kick.at, kick.room, kick.member, kick.text
            ));
        }
    }
    text
}

fn row(rule: &RuleImpact, chinese: bool) -> Vec<String> {
    let how = match (rule.how, chinese) {
        ("added", true) => "新",
        ("removed", true) => "删",
        ("changed", true) => "改",
        (_, true) => "连带",
        (how, false) => how,
    };
    let [before, after] = rule.decisions;
    let alerts = rule
        .alerts_per_day
        .map_or_else(|| "–".to_owned(), |[[b50, b95], [a50, a95]]| format!("{b50}/{b95} → {a50}/{a95}"));
    vec![
        rule.rule.clone(),
        how.to_owned(),
        format!("{before}→{after}"),
        format!("+{}", rule.gained),
        format!("−{}", rule.lost),
        format!("~{}", rule.moved),
        alerts,
    ]
}
