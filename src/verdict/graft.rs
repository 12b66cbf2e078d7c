//! Puts what some rules remember, computed anew, in the place of what they remembered.

use std::collections::BTreeSet;

use crate::rules::{AlertIdx, RuleIdx, Status, TagIdx};

use super::engine::{Engine, KeyState};
use super::ledger::Ledger;

impl Engine<'_> {
    /// Lets `state` stand as `fresh` does in all that the rules `chosen` are about: what they remember, the tags
    /// they give, the alerts they raise. All else stays.
    ///
    /// Rules that share a tag, a group or an alert are chosen together.
    pub fn graft(&self, state: &mut KeyState, fresh: &KeyState, chosen: &BTreeSet<RuleIdx>) {
        let program = self.program();
        let places = (0..program.len()).filter(|place| chosen.contains(&program.rule(*place).0));
        state.rules.graft(&fresh.rules, places, program.len());
        state.ranked_until = state.ranked_until.max(fresh.ranked_until);
        for shadow in [false, true] {
            let about = self.about(chosen, shadow);
            let fresh = if shadow { &fresh.shadow } else { &fresh.live };
            state.ledger(shadow).graft(fresh, &about);
        }
    }

    /// Returns what the rules are about.
    fn about(&self, chosen: &BTreeSet<RuleIdx>, shadow: bool) -> About {
        let mut about = About::default();
        let rules = chosen.iter().map(|rule| &self.rules().rules[usize::from(rule.0)]);
        for rule in rules.filter(|rule| (rule.status == Status::Experimental) == shadow) {
            about.tags.extend(rule.tags());
            about.alerts.extend(rule.alert.iter().map(|alert| alert.alert));
            about.kicks |= rule.kick.is_some();
        }
        about
    }
}

/// What some rules are about.
#[derive(Debug, Default)]
struct About {
    tags: BTreeSet<TagIdx>,
    alerts: BTreeSet<AlertIdx>,
    kicks: bool,
}

impl Ledger {
    fn graft(&mut self, fresh: &Ledger, about: &About) {
        self.tags.retain(|one| !about.tags.contains(&one.tag));
        self.tags.extend(fresh.tags.iter().filter(|one| about.tags.contains(&one.tag)).cloned());
        self.tags.sort_by_key(|one| one.tag);
        self.alerts.retain(|one| !about.alerts.contains(&one.alert));
        self.alerts.extend(fresh.alerts.iter().filter(|one| about.alerts.contains(&one.alert)));
        self.alerts.sort_by_key(|one| one.alert);
        if about.kicks {
            self.kicked_at = fresh.kicked_at;
        }
        self.newest = self.newest.max(fresh.newest);
    }
}
