//! `chattag check`: what is wrong with the dictionaries, and what to type instead.
#![allow(clippy::print_stdout, reason = "findings are this command's output")]

use chattag::archive::Roster;
use chattag::batch::Progress;
use chattag::bundle::Bundle;
use chattag::diagnostic::{self, Diagnostic, Severity};
use chattag::maintain::gold::Gold;
use chattag::maintain::report::{self, Form};
use chattag::maintain::{against, lint, stats};
use chattag::time::Zone;

use super::state;
use crate::Status;
use crate::args::{CheckArgs, FindingFormat};
use crate::console::Console;

/// Prints all findings and a closing line; findings that block give [`Status::Findings`].
pub fn run(args: &CheckArgs, console: &Console) -> anyhow::Result<Status> {
    let today =
        args.sample.as_of.as_deref().map(|text| super::local_time(text, &Zone::shanghai())).transpose()?;
    let today = Zone::shanghai().day(today.unwrap_or_else(super::this_instant));
    let (bundle, mut findings) = super::load_on(&args.dictionaries, Some(today))?;
    if let Some(bundle) = &bundle {
        look_closer(args, bundle, &mut findings, console)?;
    }
    if let Some(path) = &args.sample.reading.roster {
        findings.extend(Roster::parse(&path.display().to_string(), &super::read_file(path)?).1);
    }
    diagnostic::sort(&mut findings);
    findings.dedup();
    let form = match args.format {
        FindingFormat::Text if args.json => Form::Json,
        FindingFormat::Text => Form::Text,
        FindingFormat::Json => Form::Json,
        FindingFormat::Github => Form::Github,
        FindingFormat::Sarif => Form::Sarif,
        FindingFormat::Junit => Form::Junit,
    };
    if args.state && !matches!(form, Form::Text | Form::Json) {
        return Err(super::said(
            "--state 只能与 --format text 或 json 一起用",
            "--state goes with --format text or json only",
        ));
    }
    print!("{}", report::write(&findings, form, console.language()));
    if let Some(bundle) = bundle.as_ref().filter(|_| args.state) {
        state::print(&bundle.rules, form == Form::Json, console)?;
    }
    if form == Form::Text {
        println!("{}", closing_line(console, bundle.as_ref(), &findings));
    }
    Ok(status(&findings, args.deny.is_some()))
}

/// What only a sound bundle shows: its gold files, an earlier version, an archive.
fn look_closer(
    args: &CheckArgs,
    bundle: &Bundle,
    findings: &mut Vec<Diagnostic>,
    console: &Console,
) -> anyhow::Result<()> {
    let gold = Gold::read(&super::files(&args.dictionaries)?, bundle, findings);
    findings.extend(lint::findings(bundle));
    if let Some(base) = &args.base {
        let base = super::load_from(base, &args.dictionaries.packs, console)?;
        findings.extend(against::findings(&base, bundle));
    }
    if !args.archive.is_empty() {
        let zone = &bundle.rules.pack.zone;
        let options = super::rehearsal(&args.archive, &args.sample, super::MEMORY, zone, console)?;
        let measured = stats::measure(bundle, &options, Some(&gold), &Progress::default())?;
        findings.extend(stats::findings(&measured, &stats::Thresholds::default()));
        findings.extend(against::windows_beyond(bundle, measured.days));
    }
    Ok(())
}

fn closing_line(console: &Console, bundle: Option<&Bundle>, findings: &[Diagnostic]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    let (rules, signals, terms) = bundle.map_or((0, 0, 0), |bundle| {
        (bundle.rules.rules.len(), bundle.rules.signals.len(), bundle.catalog.n_terms())
    });
    match console.language() {
        diagnostic::Language::Chinese => format!(
            "规则 {rules}  信号 {signals}  词条 {terms}   错误 {errors}  警告 {warnings}  提示 {notes}"
        ),
        diagnostic::Language::English => format!(
            "rules {rules}  signals {signals}  terms {terms}   errors {errors}  warnings {warnings}  notes {notes}"
        ),
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
