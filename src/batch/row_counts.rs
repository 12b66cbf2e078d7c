//! How many of what was decided, counted as rows come.

use std::collections::BTreeMap;

use super::report::{Counted, Counts, ranked};
use crate::rules::{AlertSpec, KickAction, RuleIdx, RuleSet, TagIdx};
use crate::verdict::{Alert, Decision, KickDecision, Row, TagChangeKind};

/// Numbers of decided rows; all but the first leave out those of experimental rules.
#[derive(Clone, Debug, Default)]
pub struct RowCounts {
    /// Rows.
    pub rows: u64,
    /// By tag: how often it was assigned.
    tags: BTreeMap<TagIdx, u64>,
    /// By the rule that led to them, alerts: raised, suppressed.
    alerts: BTreeMap<RuleIdx, (u64, u64)>,
    /// By what is to be done.
    kicks: BTreeMap<&'static str, u64>,
}

impl RowCounts {
    /// Counts rows.
    pub fn add(&mut self, rows: &[Row]) {
        self.rows += rows.len() as u64;
        for row in rows.iter().filter(|row| !row.shadow) {
            match &row.decision {
                Decision::Tag(change) if change.kind == TagChangeKind::Assign => {
                    *self.tags.entry(change.tag).or_default() += 1;
                }
                Decision::Tag(_) => {}
                Decision::Alert(alert) => self.add_alert(alert, row.rule),
                Decision::Kick(decision) => *self.kicks.entry(kick_name(decision)).or_default() += 1,
            }
        }
    }

    fn add_alert(&mut self, alert: &Alert, rule: Option<RuleIdx>) {
        if let Some(rule) = rule {
            let (raised, suppressed) = self.alerts.entry(rule).or_default();
            *raised += u64::from(alert.is_raised());
            *suppressed += u64::from(alert.suppressed_by.is_some());
        }
    }

    /// Returns how often each tag was assigned, by path.
    pub fn tags(&self, rules: &RuleSet) -> Vec<Counted> {
        let path = |tag: &TagIdx| rules.tags[usize::from(tag.0)].path.join("/");
        named(self.tags.iter().map(|(tag, n)| (path(tag), (*n, 0))))
    }

    /// Returns how many alerts were raised and suppressed, by name.
    pub fn alerts(&self, rules: &RuleSet) -> Vec<Counted> {
        let spec = |rule: &RuleIdx| rules.rules[usize::from(rule.0)].alert.as_ref();
        let name = |spec: &AlertSpec| spec.name.clone();
        named(self.alerts.iter().filter_map(|(rule, counts)| Some((spec(rule).map(name)?, *counts))))
    }

    /// Returns the kick decisions by what is to be done.
    pub fn kicks(&self) -> Vec<Counted> {
        named(self.kicks.iter().map(|(name, n)| ((*name).to_owned(), (*n, 0))))
    }
}

/// Adds up what has one name.
fn named(counts: impl Iterator<Item = (String, (u64, u64))>) -> Vec<Counted> {
    let mut all = Counts::new();
    for (name, (n, also)) in counts {
        let slot = all.entry(name).or_default();
        (slot.0, slot.1) = (slot.0 + n, slot.1 + also);
    }
    ranked(all)
}

fn kick_name(decision: &KickDecision) -> &'static str {
    match decision.action {
        Some(KickAction::Review) => "review",
        Some(KickAction::Warn) => "warn",
        Some(KickAction::Kick) => "kick",
        Some(KickAction::KickBlock) => "kick_block",
        None if decision.held_by.is_some() => "held",
        None => "exempt",
    }
}
