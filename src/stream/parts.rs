//! All that a stream knows, apart from the rules: what goes from one set of dictionaries to the next, and what
//! the newest commit of a store says.

use super::decider::Waiting;
use super::histories::Known;
use super::history::History;
use super::ids::{Ids, WINDOW};
use crate::batch::EventSource;
use crate::batch::adoption::Adoption;
use crate::batch::business::KnownIds;
use crate::batch::codec::{self, Whose};
use crate::batch::identity::{Map, MessageId};
use crate::batch::journal;
use crate::batch::past::Past;
use crate::bundle::Bundle;
use crate::business::Aliases;
use crate::error::Error;
use crate::lexicon::TermNumbers;
use crate::message::KeyKind;
use crate::state::{self, Inputs, N_SHARDS, Shared, StoredHistory};
use crate::time::{Millis, Timestamp};
use crate::verdict::{Barriers, Engine, Manifest, Reorder};
use crate::writer::Store;

/// What a decider knows.
pub struct Parts {
    /// The histories.
    pub known: Known,
    /// Messages that came.
    pub ids: Ids,
    /// What waits.
    pub waiting: Reorder<Waiting>,
    /// The newest message.
    pub newest_message: Option<Timestamp>,
}

/// What a store says of earlier sessions.
pub struct Resumed {
    /// What was known.
    pub parts: Parts,
    /// Ids of business events.
    pub event_ids: KnownIds,
    /// Ids that mean the same customer.
    pub aliases: Aliases,
    /// How far the inputs were read.
    pub inputs: Inputs,
}

impl Parts {
    /// Nothing is known.
    pub fn new(lateness: Millis) -> Parts {
        Parts {
            known: Known::default(),
            ids: Ids::default(),
            waiting: Reorder::new(lateness),
            newest_message: None,
        }
    }

    /// Takes all into use with the dictionaries of `new`.
    pub fn adopt(&mut self, old: &Bundle, new: &Bundle) {
        let manifest = |kind| Manifest::of(&Engine::new(&old.rules, kind));
        let shared = Shared {
            as_of: Timestamp::MIN,
            manifests: KeyKind::ALL.map(manifest).into(),
            terms: TermNumbers::of(&old.catalog),
            ..Shared::default()
        };
        let Some(adoption) = Adoption::new(new, &shared) else { return };
        self.known.histories.values_mut().for_each(|history| history.adopt(&adoption));
        for waiting in self.waiting.waiting_mut() {
            if let Waiting::Entries(_, bytes) = waiting {
                *bytes = adoption.waiting(codec::entries(bytes)).into();
            }
        }
    }
}

impl Resumed {
    /// Goes on where the newest commit of `store` stands.
    ///
    /// # Errors
    ///
    /// Returns an error when the state cannot be read or was written by a newer version.
    pub fn read(
        bundle: &Bundle,
        store: &Store,
        sources: &[EventSource],
        lateness: Millis,
    ) -> Result<Resumed, Error> {
        let past = Past::read(store)?;
        let state = store.head().map(|head| head.state.clone()).unwrap_or_default();
        let inputs = Inputs::read(store.root(), &state)?;
        let mut parts = Parts::new(lateness);
        if let Some(shared) = &past.shared {
            parts.read_histories(bundle, &past, shared)?;
            tracing::info!(
                records_of_stdin = inputs.records,
                files = inputs.files.len(),
                histories = parts.known.histories.len(),
                waiting = parts.waiting.len(),
                "goes on"
            );
        }
        Ok(Resumed {
            parts,
            event_ids: KnownIds::read(sources, &past.event_ids(&bundle.rules.pack))?,
            aliases: past.shared.as_ref().map(|shared| shared.aliases.clone()).unwrap_or_default(),
            inputs,
        })
    }
}

impl Parts {
    fn read_histories(&mut self, bundle: &Bundle, past: &Past, shared: &Shared) -> Result<(), Error> {
        let (adoption, reader) = (Adoption::new(bundle, shared), past.histories());
        let mut routes =
            Routes { from: shared.as_of.minus(WINDOW), until: shared.as_of, went_to: Map::default() };
        for shard in 0..N_SHARDS {
            let shard = reader.shard(shard)?;
            let hashes = shard.hashes();
            for row in shard.load(&hashes)? {
                self.take_history(&row, adoption.as_ref(), &mut routes)?;
            }
        }
        self.known.barriers = [Barriers::resume(Some(shared.as_of)); 5];
        self.newest_message = shared.newest;
        shared.newest.into_iter().for_each(|newest| self.waiting.note(newest));
        self.waiting.raise(shared.as_of);
        self.read_ids(bundle, past, shared, routes)
    }

    fn take_history(
        &mut self,
        row: &StoredHistory,
        adoption: Option<&Adoption<'_>>,
        routes: &mut Routes,
    ) -> Result<(), Error> {
        let mut stored = state::History::decode(row)?;
        let whose = Whose::of(row);
        journal::entries(&stored.journal, whose).for_each(|entry| routes.note(&entry));
        if let Some(adoption) = adoption {
            stored = adoption.history(whose, stored);
        }
        for entry in journal::entries(&stored.journal, whose).filter(|entry| entry.at >= routes.until) {
            let id = (!entry.kind.is_recall()).then(|| routes.id_of(&entry));
            let mut bytes = Vec::new();
            entry.put(&mut bytes);
            let what = Waiting::Entries(id, bytes.into());
            self.waiting.insert(entry.at, entry.seq, entry.id_text().into(), what);
        }
        let snapshot = stored.head.unwrap_or(stored.base);
        self.known.histories.insert(row.hash, History::resume(whose, snapshot));
        Ok(())
    }

    fn read_ids(
        &mut self,
        bundle: &Bundle,
        past: &Past,
        shared: &Shared,
        mut routes: Routes,
    ) -> Result<(), Error> {
        let memory = past.known_ids(&bundle.rules.pack);
        memory.scan_all(|remembered| {
            let id = MessageId::of(&remembered);
            if remembered.recalled {
                routes.went_to.remove(&id);
            }
            if self.ids.find(id).is_none() {
                self.ids.insert(id, shared.as_of, remembered.content);
            }
        })?;
        routes.went_to.iter().for_each(|(id, went_to)| self.ids.note_route(*id, went_to));
        Ok(())
    }
}

/// Where messages went that may still be taken back.
struct Routes {
    from: Timestamp,
    /// All before this is decided.
    until: Timestamp,
    went_to: Map<MessageId, Vec<u8>>,
}

impl Routes {
    fn note(&mut self, entry: &codec::Entry<'_>) {
        let is_decided = entry.at >= self.from && entry.at < self.until;
        if is_decided && !entry.kind.is_recall() {
            let id = self.id_of(entry);
            entry.put(self.went_to.entry(id).or_default());
        }
    }

    fn id_of(&self, entry: &codec::Entry<'_>) -> MessageId {
        MessageId::new(entry.address().corp, &entry.id_text())
    }
}
