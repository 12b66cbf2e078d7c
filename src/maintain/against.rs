//! Checks a version of the dictionaries against the one before it, and against an archive's span.

use crate::bundle::Bundle;
use crate::diagnostic::{Diagnostic, Place};
use crate::lexicon::Term;
use crate::rules::{Rule, Shape, Window};
use crate::time::Millis;

/// Returns what is wrong with `new` as the successor of `base`: rules that changed under the same
/// version (E006) or without saying what becomes of saved state (E006), the pack's version not raised
/// (E006), ids that lost their zeros (W108).
pub fn findings(base: &Bundle, new: &Bundle) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for rule in &new.rules.rules {
        let before = base.rules.rules.iter().find(|known| known.id == rule.id);
        findings.extend(before.and_then(|before| unraised(before, rule)));
        findings.extend(before.and_then(|before| unmigrated(before, rule)));
    }
    if base.fingerprint != new.fingerprint && base.rules.pack.version == new.rules.pack.version {
        findings.push(pack_unraised(&new.rules.pack.version));
    }
    for lexicon in new.catalog.lexicons() {
        let Some(before) = base.catalog.find(&lexicon.id) else { continue };
        let before = base.catalog.lexicon(before).terms();
        findings.extend(lexicon.terms().iter().filter_map(|term| lost_zeros(before, term)));
    }
    findings
}

/// A rule of the same version that decides otherwise. Changed words alone ask for no new version:
/// the lists have fingerprints of their own.
fn unraised(before: &Rule, after: &Rule) -> Option<Diagnostic> {
    let changed = before.fingerprint != after.fingerprint
        && before.lexicon_fingerprint == after.lexicon_fingerprint
        && after.version <= before.version;
    let (zh, en) = (
        format!("规则 “{}” 改了，version 还是 {}", after.id, after.version),
        format!("rule `{}` changed and its version is still {}", after.id, after.version),
    );
    let next = before.version + 1;
    changed.then(|| {
        Diagnostic::new("E006", after.place.clone(), zh, en)
            .with_help(format!("写 version = {next}"), format!("write version = {next}"))
    })
}

/// A rule that looks for something else and leaves open what becomes of what it has counted so far.
fn unmigrated(before: &Rule, after: &Rule) -> Option<Diagnostic> {
    let means_else = before.state_fingerprint != after.state_fingerprint
        && before.lexicon_fingerprint == after.lexicon_fingerprint;
    let (zh, en) = (
        format!("规则 “{}” 的判断方式改了，没有写 migrate", after.id),
        format!("rule `{}` looks for something else and has no `migrate`", after.id),
    );
    (means_else && !after.migrate_is_written).then(|| {
        Diagnostic::new("E006", after.place.clone(), zh, en).with_help(
            "写 migrate = \"replay\"（从存档重算）、\"reset\"（清空）或 \"keep\"（照用已累计的）",
            "write migrate = \"replay\" (compute it from the archive), \"reset\" or \"keep\"",
        )
    })
}

fn pack_unraised(version: &str) -> Diagnostic {
    let (zh, en) = (
        format!("词库有改动，pack.toml 的 version 还是 {version}"),
        format!("the dictionaries changed and `version` in pack.toml is still {version}"),
    );
    Diagnostic::new("E006", Place::new("pack.toml", 0, 0), zh, en).with_help(
        "用 chattag diff 看应升到几；或发布时加 --bump",
        "`chattag diff` says the version that follows; or publish with --bump",
    )
}

fn lost_zeros(before: &[Term], term: &Term) -> Option<Diagnostic> {
    let code = &term.code;
    let digits = !code.is_empty() && code.chars().all(|c| c.is_ascii_digit());
    let same = |known: &&Term| known.code != *code && known.code.trim_start_matches('0') == code;
    let known = before.iter().filter(|_| digits).find(same)?;
    let (zh, en) = (
        format!("编号 `{code}` 原来是 `{}`，前面的零被表格软件去掉了", known.code),
        format!("id `{code}` was `{}`: a spreadsheet dropped its leading zeros", known.code),
    );
    let place = Place { column: 1, ..term.place.clone() };
    Some(
        Diagnostic::new("W108", place, zh, en)
            .with_help("恢复原来的编号，并把该列设为“文本”格式", "restore it, and format the column as text"),
    )
}

/// Returns the windows that reach further back than an archive of `days` (W113): on it, they are never full.
pub fn windows_beyond(bundle: &Bundle, days: u32) -> Vec<Diagnostic> {
    let span = Millis::DAY.times(i64::from(days));
    let beyond = |rule: &&Rule| days > 0 && reach(&rule.shape).is_some_and(|reach| reach > span);
    bundle.rules.rules.iter().filter(beyond).map(|rule| window_beyond(rule, days)).collect()
}

fn reach(shape: &Shape) -> Option<Millis> {
    match shape {
        Shape::Count { window, .. } => Some(match window {
            Window::Elapsed(span) => *span,
            Window::NaturalDays(n) => Millis::DAY.times(i64::from(*n)),
            Window::NaturalWeeks(n) => Millis::DAY.times(7 * i64::from(*n)),
            Window::NaturalMonths(n) => Millis::DAY.times(30 * i64::from(*n)),
            Window::Session { gap } => *gap,
        }),
        Shape::Sequence { within, .. } => Some(*within),
        _ => None,
    }
}

fn window_beyond(rule: &Rule, days: u32) -> Diagnostic {
    let (zh, en) = (
        format!("规则 “{}” 的窗口比存档的 {days} 天还长", rule.id),
        format!("the window of rule `{}` is longer than the archive's {days} days", rule.id),
    );
    Diagnostic::new("W113", rule.place.clone(), zh, en)
        .with_help("一次给足历史，或缩短 within", "give it a longer history, or shorten `within`")
}
