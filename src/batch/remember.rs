//! Both passes of the rules over all histories, and the state they leave.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rayon::prelude::*;

use super::NightRead;
use super::adoption::Adoption;
use super::night::{Decided, Memory, Night};
use super::past::saved_recall;
use super::row_counts::RowCounts;
use super::{identity, route};
use crate::bundle::Bundle;
use crate::error::Error;
use crate::lexicon::TermNumbers;
use crate::message::KeyKind;
use crate::state::{self, N_SHARDS, Reader, Shard, Shared};
use crate::time::Millis;
use crate::verdict::{Census, Engine, Manifest, Row, Scales};
use crate::writer::{FileEntry, Rows, Staging, StateFile, StateFiles};

/// What a night decided and what it remembers.
pub struct Outcome {
    /// What was decided, less the rows.
    pub decided: Decided,
    /// The rows.
    pub rows: Rows,
    /// Numbers of them.
    pub counts: RowCounts,
    /// The state after the night.
    pub state: StateFiles,
    /// Ids of rules that have changed and were not computed anew since.
    pub to_replay: Vec<String>,
}

/// Applies the rules to all histories and writes the state into `staging`. Of the rows decided about `memory` bytes
/// are held in memory.
///
/// # Errors
///
/// Returns an error when waiting events or a state cannot be read, or the state cannot be written.
pub(super) fn decide(
    bundle: &Bundle,
    night: &NightRead,
    memory: usize,
    staging: &Staging,
) -> Result<Outcome, Error> {
    let adoption = night.past.shared.as_ref().and_then(|shared| Adoption::new(bundle, shared));
    let rules = Night::new(&bundle.rules, &night.resolution, &night.gathered.recalls, night.as_of);
    let mut run = Run {
        rules: rules.following(night.past.decided_until(), scales(night, adoption.as_ref())),
        night,
        reader: night.past.histories(),
        adoption,
        ranks: false,
        so_far: Mutex::new(SoFar {
            rows: Rows::spilling(memory, staging.path(), &bundle.rules.pack.zone),
            counts: RowCounts::default(),
        }),
    };
    run.pass_barriers()?;
    let to_replay = run.to_replay(bundle);
    let (histories, beside) =
        rayon::join(|| run.decide_all(staging), || run.remember(bundle, staging, to_replay.clone()));
    let ((decided, mut state), beside) = (histories?, beside?);
    let SoFar { rows, counts } = run.so_far.into_inner().expect("no thread panics while it holds the rows");
    state.carried.extend(beside.carried);
    state.written.extend(beside.written);
    tracing::info!(
        rows = counts.rows,
        corrected = decided.withdrawn.len(),
        late = decided.late.len(),
        "decided"
    );
    Ok(Outcome { decided, rows, counts, state, to_replay })
}

/// Returns, by kind of key, the scales of the barriers that earlier runs passed.
fn scales(night: &NightRead, adoption: Option<&Adoption<'_>>) -> [Scales; 5] {
    let saved = night.past.shared.as_ref().map(|shared| shared.scales.clone()).unwrap_or_default();
    let saved = adoption.map_or(saved.clone(), |adoption| adoption.scales(saved));
    let mut saved = saved.into_iter();
    KeyKind::ALL.map(|_| saved.next().unwrap_or_default())
}

/// The layers of a shard that stay, and the new one.
type Layers = (Vec<FileEntry>, Option<StateFile>);

struct Run<'r> {
    rules: Night<'r>,
    night: &'r NightRead,
    reader: Reader,
    adoption: Option<Adoption<'r>>,
    /// A barrier of some rule over the whole population is passed.
    ranks: bool,
    so_far: Mutex<SoFar>,
}

/// The rows decided so far, and how many of what there are.
struct SoFar {
    rows: Rows,
    counts: RowCounts,
}

impl Run<'_> {
    /// Lets all keys measure, when a barrier is passed.
    fn pass_barriers(&mut self) -> Result<(), Error> {
        let is_first = self.night.past.shared.is_none();
        self.ranks =
            self.rules.ranks() && if is_first { self.night.may_rank } else { self.rules.passes_barrier() };
        if !self.ranks {
            return Ok(());
        }
        let parts: Vec<Vec<[Census; 5]>> = (0..N_SHARDS)
            .into_par_iter()
            .with_max_len(1)
            .map(|shard| self.census(shard))
            .collect::<Result<_, Error>>()?;
        self.rules.take_census(parts.into_iter().flatten());
        Ok(())
    }

    fn census(&self, shard: usize) -> Result<Vec<[Census; 5]>, Error> {
        let remembered = self.reader.shard(shard)?;
        let census = |events: usize| {
            let chunks = self.night.events.take(events)?;
            let census = self.rules.census(&chunks, self.memory(&remembered, &self.is_in(events)))?;
            self.night.events.put_back(events, chunks)?;
            Ok(census)
        };
        self.event_shards(shard).into_par_iter().with_max_len(1).map(census).collect()
    }

    fn decide_all(&self, staging: &Staging) -> Result<(Decided, StateFiles), Error> {
        let parts: Vec<(Decided, Layers)> = (0..N_SHARDS)
            .into_par_iter()
            .with_max_len(1)
            .map(|shard| self.decide_shard(shard, staging))
            .collect::<Result<_, Error>>()?;
        let (mut decided, mut state) = (Decided::default(), StateFiles::default());
        for (part, (carried, written)) in parts {
            decided.take(part);
            state.carried.extend(carried);
            state.written.extend(written);
        }
        Ok((decided, state))
    }

    fn decide_shard(&self, shard: usize, staging: &Staging) -> Result<(Decided, Layers), Error> {
        let remembered = self.reader.shard(shard)?;
        let decide = |events: usize| {
            let chunks = self.night.events.take(events)?;
            let mut decided = self.rules.decide(&chunks, self.memory(&remembered, &self.is_in(events)))?;
            self.put_aside(std::mem::take(&mut decided.rows))?;
            Ok(decided)
        };
        let events = self.event_shards(shard).into_par_iter().with_max_len(1);
        let parts: Vec<Decided> = events.map(decide).collect::<Result<_, Error>>()?;
        let mut all = Decided::default();
        parts.into_iter().for_each(|part| all.take(part));
        let layers = state::write_shard(&self.reader, shard, std::mem::take(&mut all.stored), staging)?;
        Ok((all, layers))
    }

    /// Keeps rows for the tables.
    fn put_aside(&self, decided: Vec<Row>) -> Result<(), Error> {
        let mut so_far = self.so_far.lock().expect("no thread panics while it holds the rows");
        so_far.counts.add(&decided);
        so_far.rows.add(decided)
    }

    /// Returns the shards of events whose histories are in a shard of the state.
    fn event_shards(&self, shard: usize) -> Vec<usize> {
        let n = self.night.events.len() / N_SHARDS;
        (shard * n..(shard + 1) * n).collect()
    }

    fn is_in(&self, events: usize) -> impl Fn(u128) -> bool + Sync {
        let n = self.night.events.len();
        move |hash| route::shard_of(hash, n) == events
    }

    fn memory<'s>(&'s self, shard: &'s Shard, has: &'s dyn Fn(u128) -> bool) -> Memory<'s> {
        Memory { shard, has, adoption: self.adoption.as_ref(), ranks: self.ranks }
    }

    /// Writes what is remembered beside the histories.
    fn remember(
        &self,
        bundle: &Bundle,
        staging: &Staging,
        to_replay: Vec<String>,
    ) -> Result<StateFiles, Error> {
        let mut state = StateFiles::default();
        let (night, pack) = (self.night, &bundle.rules.pack);
        let day = pack.zone.day(night.as_of.minus(Millis(1)));
        let recalled = &night.resolution.recalled_ids;
        let fresh = |range| {
            let mut ids = identity::take_fresh(&night.identities, range, &night.resolution)?;
            ids.extend(recalled.iter().filter(|id| state::range_of(id.stem) == range));
            Ok(ids)
        };
        let n_fresh = night.resolution.n_fresh + recalled.len() as u64;
        let messages = night.past.message_ids(night.as_of, pack);
        let (carried, written) = messages.write(fresh, n_fresh, Some(day), staging)?;
        state.carried.extend(carried);
        state.written.extend(written);
        let of_range = |range| {
            let ids = night.event_ids.iter().filter(|id| state::range_of(id.stem) == range);
            Ok(ids.copied().collect())
        };
        let events = night.past.event_ids(pack);
        let (carried, written) = events.write(of_range, night.event_ids.len() as u64, None, staging)?;
        state.carried.extend(carried);
        state.written.extend(written);
        match &night.inputs {
            Some(inputs) => state.written.push(inputs.write(staging)?),
            None => state.carried.extend(night.past.inputs()),
        }
        state.written.push(self.shared(bundle, to_replay).write(staging)?);
        Ok(state)
    }

    /// Returns the ids of rules that have changed and were not computed anew since.
    fn to_replay(&self, bundle: &Bundle) -> Vec<String> {
        let rules = &bundle.rules.rules;
        let known = self.night.past.shared.iter().flat_map(|shared| shared.to_replay.iter().cloned());
        let changed = self.adoption.as_ref().map(Adoption::to_replay).unwrap_or_default();
        let changed = changed.into_iter().map(|rule| rules[usize::from(rule.0)].id.clone());
        let all: BTreeSet<String> = known.chain(changed).collect();
        all.into_iter().filter(|id| rules.iter().any(|rule| rule.id == *id)).collect()
    }

    fn shared(&self, bundle: &Bundle, to_replay: Vec<String>) -> Shared {
        let night = self.night;
        let oldest = night.as_of.minus(bundle.rules.pack.remember_ids);
        let unknown = night.resolution.unknown_recalls.iter().map(|number| &night.gathered.recalls[*number]);
        let manifest = |kind| Manifest::of(&Engine::new(&bundle.rules, kind));
        Shared {
            as_of: night.as_of,
            newest: night.newest,
            manifests: KeyKind::ALL.map(manifest).into(),
            terms: TermNumbers::of(&bundle.catalog),
            aliases: night.aliases.clone(),
            scales: KeyKind::ALL.map(|kind| self.rules.scales(kind).clone()).into(),
            to_replay,
            recalls: unknown.filter(|recall| recall.at >= oldest).map(saved_recall).collect(),
        }
    }
}

impl Decided {
    /// Adds what was decided about other histories.
    pub(super) fn take(&mut self, other: Decided) {
        self.rows.extend(other.rows);
        self.withdrawn.extend(other.withdrawn);
        self.late.extend(other.late);
        self.current.extend(other.current);
        self.looked_at.extend(other.looked_at);
        self.stored.extend(other.stored);
    }
}
