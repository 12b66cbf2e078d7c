//! Tags together: region and interest at once.
//!
//! Looked at whenever a tag of the key has changed, parts before the whole. The
//! rule fires when its condition begins to hold, and again, for its tag only,
//! when a part gains evidence while it holds. With `while` the tag goes with the
//! condition.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::message::Key;
use crate::rules::{Hold, Rule, Shape, Status, TagIdx};
use crate::signal::Hit;
use crate::time::Timestamp;
use crate::timeline::{Firing, Kept};

use super::engine::{Engine, KeyState};
use super::ledger::{Ledger, StandingTag};
use super::row::{Evidence, Reason, Row};

/// Looks at all `combine` rules after tags may have changed at `at`.
pub(super) fn settle(
    engine: &Engine<'_>,
    state: &mut KeyState,
    key: &Arc<Key>,
    at: Timestamp,
    out: &mut Vec<Row>,
) {
    if !(state.live.changed.is_empty() && state.shadow.changed.is_empty()) {
        for place in engine.program().combines() {
            look(engine, *place, state, key, at, out);
        }
        state.live.changed.clear();
        state.shadow.changed.clear();
    }
}

fn look(
    engine: &Engine<'_>,
    place: usize,
    state: &mut KeyState,
    key: &Arc<Key>,
    at: Timestamp,
    out: &mut Vec<Row>,
) {
    let (idx, rule) = engine.program().rule(place);
    let Shape::Combine { hold, .. } = &rule.shape else { return };
    let shadow = rule.status == Status::Experimental;
    let parts = Parts { rule, live: &state.live, shadow: shadow.then_some(&state.shadow) };
    let standing = parts.standing();
    let holds = standing.is_some();
    let firing = standing.filter(|_| parts.have_changed()).map(|standing| {
        let mut firing = Firing::whole(idx, at, evidence(&standing));
        firing.score = weakest(&standing);
        firing
    });
    let held = engine.program().note_combined(place, &mut state.rules, holds);
    let mut turn = engine.turn(state.ledger(shadow), shadow, key, out);
    match firing {
        Some(mut firing) => {
            firing.again = held;
            let raised = engine.fire(place, &firing, &mut turn);
            engine.note_alert(raised, place, state);
        }
        None if held && !holds && *hold == Hold::While => turn.withdraw(rule, idx, Reason::Part, at),
        None => {}
    }
}

/// What a `combine` rule looks at. An experimental one sees the tags of experimental rules as well.
struct Parts<'p> {
    rule: &'p Rule,
    live: &'p Ledger,
    shadow: Option<&'p Ledger>,
}

impl<'p> Parts<'p> {
    /// Returns the parts that stand, when the condition holds.
    fn standing(&self) -> Option<SmallVec<[&'p StandingTag; 4]>> {
        let Shape::Combine { all, any, none, .. } = &self.rule.shape else { return None };
        let mut standing: SmallVec<[&'p StandingTag; 4]> =
            all.iter().filter_map(|tag| self.find(*tag)).collect();
        let complete = standing.len() == all.len();
        standing.extend(any.iter().filter_map(|tag| self.find(*tag)));
        let some = any.is_empty() || standing.len() > all.len();
        let free = none.iter().all(|tag| self.find(*tag).is_none());
        (complete && some && free).then_some(standing)
    }

    /// Returns whether any of the tags the rule looks at has changed.
    fn have_changed(&self) -> bool {
        let Shape::Combine { all, any, none, .. } = &self.rule.shape else { return false };
        let ledgers = [Some(self.live), self.shadow];
        let changed = |tag: &TagIdx| ledgers.iter().flatten().any(|ledger| ledger.changed.contains(tag));
        all.iter().chain(any).chain(none).any(changed)
    }

    fn find(&self, tag: TagIdx) -> Option<&'p StandingTag> {
        self.live.standing(tag).or_else(|| self.shadow?.standing(tag))
    }
}

fn weakest(parts: &[&StandingTag]) -> Option<f64> {
    parts.iter().map(|part| part.standing.score).min_by(f64::total_cmp)
}

/// The newest piece of each part, in event order; together they are one piece of weight 1.
fn evidence(parts: &[&StandingTag]) -> Vec<Kept> {
    let mut kept: Vec<Kept> = parts.iter().filter_map(|part| part.evidence.last()).map(kept_of).collect();
    kept.sort_by(|a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
    if let Some(last) = kept.last_mut() {
        last.weight = 1.0;
    }
    kept
}

fn kept_of(piece: &Evidence) -> Kept {
    let hit = piece.mark.as_ref().map(|mark| Hit {
        term: mark.term,
        part: mark.part,
        start: mark.start,
        end: mark.end,
        layer: mark.layer,
        polarity: mark.polarity,
        weight: piece.weight,
        surface: mark.surface.clone(),
    });
    let message_id = Arc::from(&*piece.message_id);
    Kept { message_id, at: piece.at, value: 1, weight: 0.0, counted: false, hit }
}
