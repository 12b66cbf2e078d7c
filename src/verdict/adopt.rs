//! Takes a state that was saved with an older rule set into use with a newer one.
//!
//! States are made of numbers that mean something only with the rule set they were made with; a
//! [`Manifest`] says what. What a rule remembers belongs to its id and the fingerprint of what it
//! looks for: unchanged, it is used; changed, the rule's `migrate` says what becomes of it. Tags
//! and alerts go by their ids. What belongs to no rule any more is left out here and stays where
//! it is saved, for the day the older rules come back.

use serde::{Deserialize, Serialize};

use crate::lexicon::TermIdx;
use crate::rules::{AlertIdx, Fingerprint, Migrate, RuleIdx, RuleSet, SignalIdx, TagIdx};
use crate::time::Timestamp;

use super::census::Scales;
use super::engine::{Engine, KeyState};
use super::ledger::StandingTag;

/// What the numbers in saved states of one kind of key mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// By place: the rule's id, and the fingerprint of what its state depends on.
    rules: Vec<(String, Fingerprint)>,
    /// By number: ids of all rules of the set.
    all_rules: Vec<String>,
    /// By number.
    tags: Vec<String>,
    /// By number.
    alerts: Vec<String>,
    /// By number.
    signals: Vec<String>,
}

/// A state in use with a newer rule set.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// The state.
    pub state: KeyState,
    /// Rules that must be computed anew from the archive.
    pub replay: Vec<RuleIdx>,
}

impl Manifest {
    /// Says what the states of `engine` mean.
    pub fn of(engine: &Engine<'_>) -> Manifest {
        let program = engine.program();
        let rule = |place: usize| {
            let rule = program.rule(place).1;
            (rule.id.clone(), rule.state_fingerprint)
        };
        let set: &RuleSet = engine.rules();
        Manifest {
            rules: (0..program.len()).map(rule).collect(),
            all_rules: set.rules.iter().map(|rule| rule.id.clone()).collect(),
            tags: set.tags.iter().map(|tag| tag.id.clone()).collect(),
            alerts: set.alerts.clone(),
            signals: set.signals.iter().map(|signal| signal.id.clone()).collect(),
        }
    }

    /// Returns, by old number, the numbers that signals have in `set`; none where one is gone.
    pub fn signals_in(&self, set: &RuleSet) -> Vec<Option<SignalIdx>> {
        let ids = || set.signals.iter().map(|signal| &signal.id);
        (0..self.signals.len()).map(|old| position(&self.signals, old, ids()).map(SignalIdx)).collect()
    }

    /// Returns, by old number, the numbers that tags have in `set`; none where one is gone.
    pub fn tags_in(&self, set: &RuleSet) -> Vec<Option<TagIdx>> {
        let ids = || set.tags.iter().map(|tag| &tag.id);
        (0..self.tags.len()).map(|old| position(&self.tags, old, ids()).map(TagIdx)).collect()
    }

    fn place(&self, id: &str) -> Option<(usize, Fingerprint)> {
        let place = self.rules.iter().position(|(known, _)| known == id)?;
        Some((place, self.rules[place].1))
    }
}

impl Engine<'_> {
    /// Takes `saved`, whose numbers `manifest` explains, into use with the rules of this engine.
    pub fn adopt(&self, manifest: &Manifest, saved: &KeyState) -> Adopted {
        let program = self.program();
        let mut state = KeyState { ranked_until: saved.ranked_until, ..KeyState::default() };
        state.rules = program.rearranged(&saved.rules, &self.places_in(manifest));
        let set = self.rules();
        let rule =
            |old: RuleIdx| position(&manifest.all_rules, usize::from(old.0), set.rules.iter().map(|r| &r.id));
        let tag = |old: TagIdx| position(&manifest.tags, usize::from(old.0), set.tags.iter().map(|t| &t.id));
        let alert = |old: AlertIdx| position(&manifest.alerts, usize::from(old.0), set.alerts.iter());
        let renumber = |ledger: &super::ledger::Ledger| {
            ledger.renumbered(
                |old| rule(old).map(RuleIdx),
                |old| tag(old).map(TagIdx),
                |old| alert(old).map(AlertIdx),
            )
        };
        state.live = renumber(&saved.live);
        state.shadow = renumber(&saved.shadow);
        Adopted { state, replay: self.to_replay(manifest) }
    }

    /// Lets the tags that no rule gives any more, and that go with their last rule, go at `at`: what is decided
    /// is decided until then.
    pub fn retire(&self, state: &mut KeyState, at: Timestamp) {
        for shadow in [false, true] {
            let retired = |one: &&mut StandingTag| self.is_retired(one.tag, shadow);
            state.ledger(shadow).tags.iter_mut().filter(retired).for_each(|one| one.retire(at));
        }
    }

    /// Returns the rules whose states cannot be taken over and that ask to be computed anew, in id order.
    pub fn to_replay(&self, manifest: &Manifest) -> Vec<RuleIdx> {
        let program = self.program();
        let changed = |place: &usize| !self.is_unchanged(manifest, *place);
        let rules = (0..program.len()).filter(changed).map(|place| program.rule(place));
        rules.filter(|(_, rule)| rule.migrate == Migrate::Replay).map(|(idx, _)| idx).collect()
    }

    /// Returns scales that were made under the places of `manifest` under those of this engine.
    pub fn adopt_scales(&self, manifest: &Manifest, scales: Scales) -> Scales {
        scales.rearranged(&self.places_in(manifest))
    }

    /// Gives the terms in a state their new numbers; `terms` has them by the old ones.
    pub fn renumber_terms(&self, state: &mut KeyState, terms: &[Option<TermIdx>]) {
        self.program().renumber_terms(&mut state.rules, terms);
        for ledger in [&mut state.live, &mut state.shadow] {
            for piece in ledger.tags.iter_mut().flat_map(|one| &mut one.evidence) {
                piece.mark = piece.mark.take().and_then(|mark| mark.renumbered(terms));
            }
        }
    }

    /// Returns, by place, the old place whose state is used.
    fn places_in(&self, manifest: &Manifest) -> Vec<Option<usize>> {
        let program = self.program();
        let old = |place: usize| {
            let rule = program.rule(place).1;
            let known = manifest.place(&rule.id).map(|(old, _)| old);
            known.filter(|_| self.is_unchanged(manifest, place) || rule.migrate == Migrate::Keep)
        };
        (0..program.len()).map(old).collect()
    }

    fn is_unchanged(&self, manifest: &Manifest, place: usize) -> bool {
        let rule = self.program().rule(place).1;
        manifest.place(&rule.id).is_some_and(|(_, print)| print == rule.state_fingerprint)
    }
}

/// Returns the new number of what had the number `old`.
fn position<'n>(known: &[String], old: usize, mut new: impl Iterator<Item = &'n String>) -> Option<u16> {
    let id = known.get(old)?;
    new.position(|other| other == id).and_then(|at| u16::try_from(at).ok())
}
