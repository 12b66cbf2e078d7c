//! `chattag audit`: the tag registry as its owner should see it once a quarter.
#![allow(clippy::print_stdout, reason = "the report is this command's output")]

use chattag::diagnostic::Language;
use chattag::maintain::audit::{self, Audit, AuditOptions};

use super::text_table::TextTable;
use crate::Status;
use crate::args::AuditArgs;
use crate::console::Console;

/// Prints the report; anything to look at gives [`Status::Findings`].
pub fn run(args: &AuditArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let options = AuditOptions { max_children: args.max_children, idle_months: args.idle };
    let audit = audit::audit(&bundle, args.from.as_deref(), options)?;
    match args.json {
        true => println!("{}", serde_json::to_string(&audit)?),
        false => print!("{}", describe(&audit, console)),
    }
    let clean = audit.findings.is_empty() && audit.near_duplicates.is_empty();
    Ok(if clean { Status::Fine } else { Status::Findings })
}

fn describe(audit: &Audit, console: &Console) -> String {
    let chinese = console.language() == Language::Chinese;
    let mut text = format!("{} {}\n", console.pick("标签", "tags"), audit.tags);
    for finding in &audit.findings {
        let said = if chinese { &finding.zh } else { &finding.en };
        text.push_str(&format!("  {:<12} {}  {said}\n", finding.kind, finding.tag));
    }
    for pair in &audit.near_duplicates {
        let (said, steps) =
            if chinese { (&pair.zh, &pair.migration_zh) } else { (&pair.en, &pair.migration_en) };
        let (keep, drop) = (&pair.keep, &pair.drop);
        text.push_str(&match chinese {
            true => format!("  建议合并     {drop} → {keep}  {said}，两个都有的 {} 位\n", pair.both),
            false => format!("  merge        {drop} → {keep}  {said}; {} have both\n", pair.both),
        });
        steps.iter().enumerate().for_each(|(at, step)| text.push_str(&format!("      {}. {step}\n", at + 1)));
    }
    if !audit.usage.is_empty() {
        let header = [
            console.pick("标签", "tag"),
            console.pick("现有", "standing"),
            console.pick("打标", "assigned"),
            console.pick("到期", "expired"),
            console.pick("按月", "by month"),
        ];
        let mut table = TextTable::new(header);
        for usage in &audit.usage {
            let months: Vec<String> =
                usage.by_month.iter().map(|(month, n)| format!("{month}:{n}")).collect();
            let counts = [usage.standing, usage.assigned, usage.expired].map(|n| n.to_string());
            table.push(std::iter::once(usage.path.clone()).chain(counts).chain([months.join(" ")]));
        }
        text.push_str(&table.render());
    }
    text
}
