//! Decides about one message of a group member: exemptions first, then all rules.
//!
//! One row per message: the strongest action, all rules that asked for
//! something, in id order. A row without an action says why: an exemption, or a
//! kick less than a day ago. A rule that fires by timer has no message to judge
//! and decides nothing here.

use smallvec::SmallVec;

use crate::mention::Layer;
use crate::rules::{Exemption, KickAction, Rule, RuleIdx, RuleSet};
use crate::signal::{Event, Opinion};
use crate::time::Millis;
use crate::timeline::Firing;

use super::ledger::{Turn, evidence_of};
use super::row::{Decision, Evidence, KickDecision, MAX_EVIDENCE};

/// What the kick rules ask for at one event, in id order.
#[derive(Debug, Default)]
pub(super) struct Asked {
    rules: SmallVec<[(RuleIdx, KickAction); 4]>,
    evidence: Vec<(RuleIdx, Evidence)>,
    advertises: Option<Opinion>,
}

impl Asked {
    /// Notes what the rule that fired asks for, if it is a kick rule.
    pub fn note(&mut self, rule: &Rule, firing: &Firing<'_>, event: &Event) {
        let Some(action) = rule.kick else { return };
        let doubtful = is_variant_only(firing) && !event.advertises.is_some_and(|opinion| opinion.holds);
        let action = if doubtful { KickAction::Review } else { action };
        self.advertises = event.advertises;
        self.rules.push((firing.rule, action));
        self.evidence.extend(evidence_of(firing).into_iter().map(|piece| (firing.rule, piece)));
    }

    /// Writes the decision about the event's message, if any rule asked for one.
    pub fn decide(self, event: &Event, turn: &mut Turn<'_>) {
        if self.rules.is_empty() {
            return;
        }
        let set = turn.set;
        let exempt = |asked: &(RuleIdx, _)| exemption(set, event.exemptions, asked.0);
        let open = self.rules.iter().filter(|asked| exempt(asked).is_none());
        let acting: SmallVec<[(RuleIdx, KickAction); 4]> = open.copied().collect();
        if let Some(first) = self.rules.first()
            && acting.is_empty()
        {
            let exemption = exempt(first);
            self.write(event, turn, &self.rules, |decision| decision.exemption = exemption);
        } else if !acting.is_empty() {
            self.act(event, turn, &acting);
        }
    }

    /// Applies the strongest action, or holds it back after a kick.
    fn act(&self, event: &Event, turn: &mut Turn<'_>, acting: &[(RuleIdx, KickAction)]) {
        let held_by = turn.ledger.kicked_at.filter(|kick| event.at.since(*kick) < HOLD_AFTER_KICK);
        let strongest = acting.iter().map(|(_, action)| *action).max();
        let action = strongest.filter(|_| held_by.is_none());
        if action.is_some_and(|action| action >= KickAction::Kick) {
            turn.ledger.kicked_at = Some(event.at);
        }
        self.write(event, turn, acting, |decision| {
            decision.action = action;
            decision.held_by = held_by;
        });
    }

    /// Writes a row about `rules`, under the first of the strongest of them.
    fn write(
        &self,
        event: &Event,
        turn: &mut Turn<'_>,
        rules: &[(RuleIdx, KickAction)],
        outcome: impl FnOnce(&mut KickDecision),
    ) {
        let strongest = rules.iter().map(|(_, action)| *action).max();
        let lead = rules.iter().find(|(_, action)| Some(*action) == strongest).map(|(rule, _)| *rule);
        let mut decision = KickDecision {
            message_id: Box::from(event.id.as_str()),
            action: None,
            rules: rules.iter().map(|(rule, _)| *rule).collect(),
            exemption: None,
            held_by: None,
            model_score: self.advertises.map(|opinion| opinion.score),
        };
        outcome(&mut decision);
        let evidence = self.evidence_for(&decision.rules);
        turn.write(event.at, lead, Decision::Kick(decision), evidence);
    }

    /// Returns the evidence of `rules`, each piece once, in event order.
    fn evidence_for(&self, rules: &[RuleIdx]) -> Vec<Evidence> {
        let mut pieces: Vec<Evidence> = Vec::new();
        for (_, piece) in self.evidence.iter().filter(|(rule, _)| rules.contains(rule)) {
            if !pieces.contains(piece) {
                pieces.push(piece.clone());
            }
        }
        pieces.sort_by_key(|piece| piece.at);
        pieces.drain(..pieces.len().saturating_sub(MAX_EVIDENCE));
        pieces
    }
}

/// Returns whether nothing but other spellings of terms made the rule fire: a person looks at it unless the model
/// for advertising agrees.
fn is_variant_only(firing: &Firing<'_>) -> bool {
    let (mut variants, mut others) = (0, 0);
    firing.for_each_piece(|piece| match piece.hit {
        Some(hit) if hit.layer == Layer::Variant => variants += 1,
        _ => others += 1,
    });
    variants > 0 && others == 0
}

/// Returns the first exemption in force that protects from `rule`.
fn exemption(set: &RuleSet, in_force: u64, rule: RuleIdx) -> Option<u16> {
    let protects = |exemption: &Exemption| exemption.rules.is_empty() || exemption.rules.contains(&rule);
    let numbered = (0_u16..64).zip(&set.exemptions);
    let mut holding = numbered.filter(|(i, exemption)| in_force >> i & 1 == 1 && protects(exemption));
    holding.next().map(|(i, _)| i)
}

/// How long further decisions about a member are held after a kick: the member is
/// being removed, and messages sent meanwhile need no second decision.
const HOLD_AFTER_KICK: Millis = Millis::DAY;
