//! How much the state of a rule can hold for one key, read off the rule.
//!
//! Every shape has a bound; `check` prints it. Where it depends on how much a
//! customer does (amounts, shares), the bound is per event in the window.

use crate::rules::{Measure, Rule, RuleSet, Shape, Window};
use crate::time::{Millis, Timestamp};

use super::firing::EVIDENCE_KEPT;

/// Most that is remembered of one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bound {
    /// Entries that are always enough.
    pub fixed: u64,
    /// One more for each event that lies inside this span.
    pub per_event_within: Option<Millis>,
}

/// Returns the bound of a rule's state.
pub fn bound(rule: &Rule, set: &RuleSet) -> Bound {
    let recallable = match rule.recall {
        crate::rules::RecallPolicy::Retract => Some(set.pack.recall_horizon),
        crate::rules::RecallPolicy::Ignore => None,
    };
    let bound = bound_of_shape(rule, set, recallable);
    // What its newest alerts rested on.
    let alerted = recallable.filter(|_| rule.alert.is_some());
    Bound { per_event_within: bound.per_event_within.max(alerted), ..bound }
}

fn bound_of_shape(rule: &Rule, set: &RuleSet, recallable: Option<Millis>) -> Bound {
    let reviewed = rule.tags().iter().any(|tag| set.tags[usize::from(tag.0)].reviewed);
    match &rule.shape {
        Shape::Match { .. } => Bound { fixed: 0, per_event_within: None },
        Shape::Count { measure: Measure::Sum(_), window, .. } => {
            Bound { fixed: 1, per_event_within: Some(length(*window)) }
        }
        Shape::Count { at_least, .. } => {
            let kept = u64::try_from(*at_least).unwrap_or(u64::MAX).max(EVIDENCE_KEPT as u64);
            let kept = if reviewed { kept.saturating_mul(2) } else { kept };
            Bound { fixed: kept.saturating_add(1), per_event_within: recallable }
        }
        Shape::Sequence { steps, .. } => {
            let partials = steps.len() as u64 * 2;
            Bound { fixed: partials, per_event_within: recallable }
        }
        Shape::Absence { .. } | Shape::Combine { .. } => Bound { fixed: 1, per_event_within: None },
        Shape::Streak { days, .. } => {
            let days = u64::from(*days).min(EVIDENCE_KEPT as u64);
            Bound { fixed: days + 1, per_event_within: None }
        }
        Shape::Ratio { window, .. } => Bound { fixed: 1, per_event_within: Some(length(*window)) },
        Shape::Cycle { last, .. } => Bound { fixed: u64::from(*last) + 1, per_event_within: None },
        Shape::Rank(ranking) => Bound { fixed: 0, per_event_within: Some(length(ranking.window)) },
    }
}

/// Returns the longest a window can be; a session has no end of its own.
fn length(window: Window) -> Millis {
    let days = |n: u32| Millis::DAY.times(i64::from(n));
    match window {
        Window::Elapsed(length) => length,
        Window::NaturalDays(n) => days(n),
        Window::NaturalWeeks(n) => days(n.saturating_mul(7)),
        Window::NaturalMonths(n) => days(n.saturating_mul(31)),
        Window::Session { .. } => Timestamp::MAX.since(Timestamp(0)),
    }
}
