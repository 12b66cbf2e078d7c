//! `chattag check`: what is wrong with the dictionaries, and what to type instead.
#![allow(clippy::print_stdout, reason = "findings are this command's output")]

use chattag::diagnostic::{Diagnostic, Severity};

use crate::Status;
use crate::args::CheckArgs;
use crate::console::Console;

/// Prints all findings and a closing line; findings that block give [`Status::Findings`].
pub fn run(args: &CheckArgs, console: &Console) -> anyhow::Result<Status> {
    let (bundle, findings) = super::load(&args.dictionaries)?;
    for finding in &findings {
        if args.json {
            println!("{}", serde_json::to_string(finding)?);
        } else {
            println!("{}", finding.render(console.language()));
        }
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    if !args.json {
        let sizes = bundle.map_or((0, 0, 0), |bundle| {
            (bundle.rules.rules.len(), bundle.rules.signals.len(), bundle.catalog.n_terms())
        });
        println!("{}", closing_line(console, sizes, (errors, warnings, notes)));
    }
    Ok(status(&findings, args.deny.is_some()))
}

fn closing_line(console: &Console, sizes: (usize, usize, usize), found: (usize, usize, usize)) -> String {
    let ((rules, signals, terms), (errors, warnings, notes)) = (sizes, found);
    match console.language() {
        chattag::diagnostic::Language::Chinese => {
            format!(
                "规则 {rules}  信号 {signals}  词条 {terms}   错误 {errors}  警告 {warnings}  提示 {notes}"
            )
        }
        chattag::diagnostic::Language::English => {
            format!(
                "rules {rules}  signals {signals}  terms {terms}   errors {errors}  warnings {warnings}  notes {notes}"
            )
        }
    }
}

fn status(findings: &[Diagnostic], deny_warnings: bool) -> Status {
    let blocks = |finding: &Diagnostic| match finding.severity {
        Severity::Error => true,
        Severity::Warning => deny_warnings,
        Severity::Note => false,
    };
    if findings.iter().any(blocks) { Status::Findings } else { Status::Fine }
}
