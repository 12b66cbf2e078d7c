//! Takes a whole state into use with newer rules or term lists.
//!
//! A history goes over as it stands: its head becomes its base, and its journal ends, for
//! earlier events were told apart by the older rules. Events that wait go over with the signals
//! that are still there.

use super::codec::{self, Entry, Whose};
use super::journal;
use crate::bundle::Bundle;
use crate::lexicon::TermIdx;
use crate::message::KeyKind;
use crate::rules::{RuleIdx, SignalIdx, TagIdx};
use crate::signal::{Event, Hit};
use crate::state::{History, SavedKey, Shared, Snapshot};
use crate::time::Timestamp;
use crate::verdict::{Engine, KeyState, Manifest, Scales};

/// How states of an older rule set become states of the one in use.
pub struct Adoption<'a> {
    engines: [Engine<'a>; 5],
    manifests: Vec<Manifest>,
    /// By old number.
    terms: Vec<Option<TermIdx>>,
    signals: Vec<Option<SignalIdx>>,
    tags: Vec<Option<TagIdx>>,
    /// Events before this have acted.
    before: Timestamp,
}

impl<'a> Adoption<'a> {
    /// Returns what has to be done about the states of `shared`; none when rules and term lists are the same.
    pub fn new(bundle: &'a Bundle, shared: &Shared) -> Option<Adoption<'a>> {
        let engines = KeyKind::ALL.map(|kind| Engine::new(&bundle.rules, kind));
        let manifests: Vec<Manifest> = engines.iter().map(Manifest::of).collect();
        let terms = crate::lexicon::TermNumbers::of(&bundle.catalog);
        if manifests == shared.manifests && terms == shared.terms {
            return None;
        }
        let old = shared.manifests.first()?;
        Some(Adoption {
            terms: shared.terms.renumbered(&bundle.catalog),
            signals: old.signals_in(&bundle.rules),
            tags: old.tags_in(&bundle.rules),
            manifests: shared.manifests.clone(),
            engines,
            before: shared.as_of,
        })
    }

    /// Returns the rules that must be computed anew from the archive, in id order.
    pub fn to_replay(&self) -> Vec<RuleIdx> {
        let of_kind = |(engine, manifest): (&Engine<'_>, &Manifest)| engine.to_replay(manifest);
        let mut rules: Vec<RuleIdx> = self.engines.iter().zip(&self.manifests).flat_map(of_kind).collect();
        rules.sort_unstable();
        rules
    }

    /// Returns the scales of past barriers under the places of the rules in use.
    pub fn scales(&self, saved: Vec<Scales>) -> Vec<Scales> {
        let of_kind = |((engine, manifest), scales): ((&Engine<'_>, &Manifest), Scales)| {
            engine.adopt_scales(manifest, scales)
        };
        self.engines.iter().zip(&self.manifests).zip(saved).map(of_kind).collect()
    }

    /// Takes one history over.
    pub fn history(&self, whose: Whose<'_>, saved: History) -> History {
        let waiting = self.waiting(journal::entries(&saved.journal, whose));
        let journal = journal::of(codec::entries(&waiting));
        let head = saved.head.unwrap_or(saved.base);
        let keys = head.keys.into_iter().map(|key| self.key(key)).collect();
        History { base: Snapshot { keys, ..head }, journal, head: None }
    }

    fn key(&self, saved: SavedKey) -> SavedKey {
        SavedKey { state: self.state(saved.kind, &saved.state), ..saved }
    }

    /// Takes the state of one key over.
    pub fn state(&self, kind: KeyKind, saved: &KeyState) -> KeyState {
        let (engine, manifest) = (&self.engines[kind as usize], &self.manifests[kind as usize]);
        let mut state = engine.adopt(manifest, saved).state;
        engine.renumber_terms(&mut state, &self.terms);
        engine.retire(&mut state, self.before);
        state
    }

    /// Returns, encoded, those of some entries that wait, in the numbers of the rules in use.
    pub fn waiting<'e>(&self, entries: impl Iterator<Item = Entry<'e>>) -> Vec<u8> {
        let (mut out, mut event) = (Vec::new(), Event::default());
        for entry in entries.filter(|entry| entry.at >= self.before) {
            entry.decode_into(&mut event);
            self.renumber(&mut event);
            put_again(&mut out, &entry, &event);
        }
        out
    }

    fn renumber(&self, event: &mut Event) {
        event.signals.retain_mut(|sign| {
            let new = self.signals.get(usize::from(sign.signal.0)).copied().flatten();
            new.map(|new| sign.signal = new).is_some()
        });
        event.signals.sort_by_key(|sign| sign.signal);
        event.acts.retain_mut(|act| {
            let new = self.tags.get(usize::from(act.tag.0)).copied().flatten();
            new.map(|new| act.tag = new).is_some()
        });
        self.renumber_hits(event);
    }

    /// Drops hits of terms that are gone, and signals that only they made true.
    fn renumber_hits(&self, event: &mut Event) {
        let (old, mut hits) = (std::mem::take(&mut event.hits), Vec::new());
        event.signals.retain_mut(|sign| {
            let (first, had) = (usize::from(sign.first_hit), usize::from(sign.n_hits));
            sign.first_hit = hits.len() as u16;
            let known = old[first..first + had].iter().filter_map(|hit| {
                let term = self.terms.get(hit.term.0 as usize).copied().flatten()?;
                Some(Hit { term, ..hit.clone() })
            });
            hits.extend(known);
            sign.n_hits = hits.len() as u16 - sign.first_hit;
            had == 0 || sign.n_hits > 0
        });
        event.hits = hits;
    }
}

fn put_again(out: &mut Vec<u8>, entry: &Entry<'_>, event: &Event) {
    codec::encode(out, entry.address(), entry.kind, entry.arrival, event, |_| true);
}
