//! Computes rules anew from an archive, after they have changed or for events that came too late.
//!
//! The archive is read from its beginning, as in a first run, and the rules decide with nothing
//! behind them. What they come to from a day on is compared with what stands in the tables, and
//! the difference is committed: rows that are missing, and rows that take others back. What the
//! rules remember takes the place of what they remembered; all other rules go on as they are.
//!
//! An archive may begin later than the histories it is about, if windows of the rules are quiet there. But tags
//! last: a history whose tags were moved by these rules before its first event in the archive is left as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;
use rayon::prelude::*;
use serde::Serialize;

use super::adoption::Adoption;
use super::codec::{self, Entry, Whose};
use super::night::{Decided, Memory, Night};
use super::past::Past;
use super::walk::Walk;
use super::{Given, NightRead, Progress, RunOptions, check_stop, journal, read, report, route};
use crate::archive::Plan;
use crate::bundle::Bundle;
use crate::error::Error;
use crate::lexicon::TermNumbers;
use crate::maintain::affected;
use crate::message::KeyKind;
use crate::rules::{RuleIdx, RuleSet};
use crate::state::{self, History, N_SHARDS, Reader, SavedKey, Shard, Shared, Snapshot, StoredHistory};
use crate::time::{Millis, Timestamp};
use crate::verdict::{Engine, KeyState, Manifest, Row};
use crate::writer::{About, Context, Difference, RunRecord, Staging, StateFiles, Store, Tables, Versions};

/// What a replay is asked to do.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// How the archive is read and where the tables are. Its `as_of` is not used: a replay ends where
    /// the last commit did.
    pub run: RunOptions,
    /// Rows from this instant on are compared.
    pub from: Timestamp,
    /// Which rules.
    pub rules: Which,
    /// Say what would change, and change nothing.
    pub dry_run: bool,
}

/// Which rules are computed anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Which {
    /// Those that have changed since they last decided.
    Changed,
    /// All.
    All,
    /// Those with these ids.
    Named(Vec<String>),
}

/// What a replay changes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReplayReport {
    /// Number of the commit; `None` when nothing was to be changed, or not allowed to be.
    pub commit: Option<u64>,
    /// The rules that were computed anew: those asked for, and those they share a tag, a group, an alert or the
    /// one kick decision with.
    pub rules: Vec<String>,
    /// Records read.
    pub records: u64,
    /// Rows that were missing.
    pub added: u64,
    /// Rows that were taken back.
    pub taken_back: u64,
    /// Histories that were left as they are: the archive does not hold their beginning.
    pub cut_off: u64,
    /// By rule: rows that were missing, rows that were taken back.
    pub by_rule: Vec<report::Counted>,
}

/// Computes rules anew from an archive and commits the difference.
///
/// # Errors
///
/// Unreadable inputs, an output directory without a state, a rule that is not there, or an interruption.
/// Nothing is changed then.
pub fn replay(bundle: &Bundle, options: &ReplayOptions, progress: &Progress) -> Result<ReplayReport, Error> {
    super::in_pool(options.run.jobs, || replay_here(bundle, options, progress))
}

fn replay_here(bundle: &Bundle, options: &ReplayOptions, progress: &Progress) -> Result<ReplayReport, Error> {
    let mut store = Store::open(&options.run.out)?;
    let past = Past::read(&store)?;
    let Some(shared) = past.shared.clone() else { return Err(Error::no_state(&options.run.out)) };
    let adoption = Adoption::new(bundle, &shared);
    let chosen = chosen(bundle, &options.rules, &shared, adoption.as_ref())?;
    if chosen.is_empty() {
        return Ok(ReplayReport::default());
    }
    let plan = Plan::new(&options.run.archives)?;
    let staging = store.begin()?;
    let run = RunOptions { as_of: Some(shared.as_of), ..options.run.clone() };
    let given = Given { plan: &plan, events: &run.events, past: Past::none(&store) };
    let night = read(bundle, &run, progress, given, &staging)?;
    check_stop(progress)?;
    let mut replay = Replay::new(bundle, options, &night, &past, adoption, chosen)?;
    replay.cut_off = replay.cut_off(&store)?;
    let outcome = replay.decide(&staging)?;
    check_stop(progress)?;
    replay.publish(&mut store, staging, outcome, shared)
}

/// Returns the rules that are asked for, with those they share something with.
fn chosen(
    bundle: &Bundle,
    which: &Which,
    shared: &Shared,
    adoption: Option<&Adoption<'_>>,
) -> Result<BTreeSet<RuleIdx>, Error> {
    let rules = &bundle.rules.rules;
    let id_of = |rule: RuleIdx| rules[usize::from(rule.0)].id.clone();
    let ids: BTreeSet<String> = match which {
        Which::All => rules.iter().map(|rule| rule.id.clone()).collect(),
        Which::Changed => {
            let changed = adoption.map(Adoption::to_replay).unwrap_or_default();
            shared.to_replay.iter().cloned().chain(changed.into_iter().map(id_of)).collect()
        }
        Which::Named(named) => {
            if let Some(unknown) = named.iter().find(|id| rules.iter().all(|rule| rule.id != **id)) {
                return Err(Error::argument("rule", unknown, "the id of a rule; `chattag stats` lists them"));
            }
            named.iter().cloned().collect()
        }
    };
    let all = affected::with_companions(ids, &[&bundle.rules]);
    let numbered = (0..).map(RuleIdx).zip(rules);
    Ok(numbered.filter(|(_, rule)| all.contains(&rule.id)).map(|(number, _)| number).collect())
}

/// What a replay came to.
struct Outcome {
    decided: Decided,
    state: StateFiles,
}

struct Replay<'r> {
    bundle: &'r Bundle,
    options: &'r ReplayOptions,
    night: &'r NightRead,
    past: &'r Past,
    rules: Night<'r>,
    reader: Reader,
    adoption: Option<Adoption<'r>>,
    chosen: BTreeSet<RuleIdx>,
    /// Where nothing is remembered.
    nothing: Shard,
    /// Histories whose beginning the archive does not hold.
    cut_off: report::Histories,
}

impl<'r> Replay<'r> {
    fn new(
        bundle: &'r Bundle,
        options: &'r ReplayOptions,
        night: &'r NightRead,
        past: &'r Past,
        adoption: Option<Adoption<'r>>,
        chosen: BTreeSet<RuleIdx>,
    ) -> Result<Replay<'r>, Error> {
        let rules = Night::new(&bundle.rules, &night.resolution, &night.gathered.recalls, night.as_of);
        let (reader, nothing) = (past.histories(), Shard::default());
        let cut_off = report::Histories::default();
        let mut replay =
            Replay { bundle, options, night, past, rules, reader, adoption, chosen, nothing, cut_off };
        if replay.rules.ranks() && night.may_rank {
            let parts = replay.each(|chunks, memory| replay.rules.census(chunks, memory), true)?;
            replay.rules.take_census(parts.into_iter());
        }
        Ok(replay)
    }

    /// Returns the histories whose tags the rules moved before their first event in the archive: their tags would be
    /// computed from the middle on.
    fn cut_off(&self, store: &Store) -> Result<report::Histories, Error> {
        let begins = self.each(|chunks, _| Ok(beginnings(chunks)), true)?;
        let begins: HashMap<u128, Timestamp, FixedState> = begins.into_iter().flatten().collect();
        let is_ours = self.is_about();
        let mut cut_off = report::Histories::default();
        crate::writer::visit_tag_events(store, |row| {
            let history = report::history_of(&row.of);
            if is_ours(row) && begins.get(&history).is_some_and(|first| row.at < *first) {
                cut_off.insert(history);
            }
        })?;
        Ok(cut_off)
    }

    /// Calls `work` with each shard of events; puts the events back when they are needed again.
    fn each<T: Send>(
        &self,
        work: impl Fn(&[Vec<u8>], Memory<'_>) -> Result<T, Error> + Sync,
        again: bool,
    ) -> Result<Vec<T>, Error> {
        let shards = (0..self.night.events.len()).into_par_iter().with_max_len(1);
        shards.map(|events| self.with_events(events, &work, again)).collect()
    }

    fn with_events<T>(
        &self,
        events: usize,
        work: &(impl Fn(&[Vec<u8>], Memory<'_>) -> Result<T, Error> + Sync),
        again: bool,
    ) -> Result<T, Error> {
        let memory = Memory { shard: &self.nothing, has: &|_| true, adoption: None, ranks: false };
        let chunks = self.night.events.take(events)?;
        let done = work(&chunks, memory)?;
        if again {
            chunks.into_iter().try_for_each(|chunk| self.night.events.append(events, chunk))?;
        }
        Ok(done)
    }

    /// Lets the rules decide anew, and puts what they remember into the state.
    fn decide(&self, staging: &Staging) -> Result<Outcome, Error> {
        let shards = (0..N_SHARDS).into_par_iter().with_max_len(1);
        let parts: Vec<Outcome> =
            shards.map(|shard| self.decide_shard(shard, staging)).collect::<Result<_, Error>>()?;
        let mut all = Outcome { decided: Decided::default(), state: StateFiles::default() };
        for part in parts {
            all.decided.take(part.decided);
            all.state.carried.extend(part.state.carried);
            all.state.written.extend(part.state.written);
        }
        Ok(all)
    }

    fn decide_shard(&self, shard: usize, staging: &Staging) -> Result<Outcome, Error> {
        let n = self.night.events.len() / N_SHARDS;
        let decide = |chunks: &[Vec<u8>], memory: Memory<'_>| self.rules.decide(chunks, memory);
        let events = (shard * n..(shard + 1) * n).into_par_iter().with_max_len(1);
        let parts: Vec<Decided> =
            events.map(|events| self.with_events(events, &decide, false)).collect::<Result<_, Error>>()?;
        let mut decided = Decided::default();
        parts.into_iter().for_each(|part| decided.take(part));
        let fresh = std::mem::take(&mut decided.stored);
        decided.current.clear();
        // Those that are grafted are looked at, and no others.
        decided.looked_at.clear();
        let grafted = self.graft_shard(&self.reader.shard(shard)?, fresh, &mut decided)?;
        let mut state = StateFiles::default();
        if !self.options.dry_run {
            let (carried, written) = state::write_shard(&self.reader, shard, grafted, staging)?;
            (state.carried, state.written) = (carried, written.into_iter().collect());
        }
        Ok(Outcome { decided, state })
    }

    /// Puts what the rules remember now into the histories of a shard.
    fn graft_shard(
        &self,
        remembered: &Shard,
        fresh: Vec<StoredHistory>,
        decided: &mut Decided,
    ) -> Result<Vec<StoredHistory>, Error> {
        let mut fresh: BTreeMap<u128, StoredHistory> = fresh.into_iter().map(|row| (row.hash, row)).collect();
        let hashes: Vec<u128> = match self.adoption {
            Some(_) => remembered.hashes(),
            None => fresh.keys().copied().collect(),
        };
        let mut grafted = Vec::new();
        for row in remembered.load(&hashes)? {
            let anew = fresh.remove(&row.hash).filter(|anew| !self.cut_off.contains(&anew.hash));
            grafted.push(self.graft(row, anew.as_ref(), decided)?);
        }
        for anew in fresh.into_values() {
            let empty = StoredHistory { state: History::default().encode(), ..anew.clone() };
            grafted.push(self.graft(empty, Some(&anew), decided)?);
        }
        grafted.sort_unstable_by_key(|row| row.hash);
        Ok(grafted)
    }

    fn graft(
        &self,
        row: StoredHistory,
        anew: Option<&StoredHistory>,
        decided: &mut Decided,
    ) -> Result<StoredHistory, Error> {
        let mut known = History::decode(&row)?;
        let whose = Whose::of(&row);
        if let Some(adoption) = &self.adoption {
            known = adoption.history(whose, known);
        }
        let Some(anew) = anew.map(History::decode).transpose()? else {
            return Ok(StoredHistory { state: known.encode(), ..row });
        };
        let mut waiting: Vec<Entry<'_>> = journal::entries(&known.journal, whose).collect();
        waiting.retain(|entry| entry.at >= self.night.as_of);
        let wakes: Vec<Timestamp> = waiting.iter().map(|entry| entry.at.plus(Millis(1))).collect();
        let journal = journal::of(waiting);
        let base = self.grafted(known.head.unwrap_or(known.base), anew.head());
        let walk = Walk::resume(&self.rules, whose, base, &mut Default::default());
        let due = walk.wake_at();
        walk.list_standing(due, &mut decided.current);
        decided.looked_at.push(row.hash);
        let wake_at = due.into_iter().chain(wakes).min();
        let ranked = walk.is_ranked();
        let state = History { base: walk.into_snapshot(), journal, head: None }.encode();
        Ok(StoredHistory { state, wake_at, ranked, ..row })
    }

    fn grafted(&self, mut known: Snapshot, anew: &Snapshot) -> Snapshot {
        for fresh in &anew.keys {
            let same = |key: &SavedKey| (key.kind, &key.second) == (fresh.kind, &fresh.second);
            if !known.keys.iter().any(same) {
                known.keys.push(SavedKey { state: KeyState::default(), ..fresh.clone() });
            }
        }
        let nothing = KeyState::default();
        for key in &mut known.keys {
            let same = |fresh: &&SavedKey| (fresh.kind, &fresh.second) == (key.kind, &key.second);
            let fresh = anew.keys.iter().find(same).map_or(&nothing, |fresh| &fresh.state);
            self.rules.engine(key.kind).graft(&mut key.state, fresh, &self.chosen);
        }
        known.settled = known.settled.max(anew.settled);
        known
    }

    /// Compares and, unless only asked what would change, commits.
    fn publish(
        &self,
        store: &mut Store,
        staging: Staging,
        outcome: Outcome,
        shared: Shared,
    ) -> Result<ReplayReport, Error> {
        let Outcome { decided, mut state } = outcome;
        let looked_at: report::Histories = decided.looked_at.into_iter().collect();
        let concerns = self.concerns(&looked_at);
        let rules = &self.bundle.rules;
        let difference = Difference::new(store, decided.rows, rules, self.options.from, &concerns)?;
        let mut report = self.report(&difference);
        if self.options.dry_run {
            staging.discard()?;
            return Ok(report);
        }
        self.remember(shared, &staging, &mut state)?;
        let record = self.record(&report);
        let mut files = difference.write_corrections(rules, &staging)?;
        let stays = report::stays(rules, &looked_at);
        let earlier = crate::writer::Earlier { files: self.past.current_tags(), stays: &stays };
        let tables = Tables {
            alerts_taken_back: difference.alerts_taken_back(),
            rows: difference.missing.into(),
            current: decided.current,
            ..Tables::default()
        };
        let context = Context { names: self.bundle, rules, options: self.options.run.tables };
        files.extend(tables.write_after(&earlier, &record, &context, &staging)?);
        report.commit = Some(store.commit(staging, &files, state, record, Versions::of(rules))?);
        Ok(report)
    }

    /// Says whether a row is about the rules that are computed anew.
    fn is_about(&self) -> impl Fn(&About<'_>) -> bool {
        let rules = || self.chosen.iter().map(|rule| &self.bundle.rules.rules[usize::from(rule.0)]);
        let ids: BTreeSet<&str> = rules().map(|rule| rule.id.as_str()).collect();
        let tag_id = |tag: crate::rules::TagIdx| self.bundle.rules.tags[usize::from(tag.0)].id.as_str();
        let tags: BTreeSet<&str> = rules().flat_map(|rule| rule.tags()).map(tag_id).collect();
        move |row| {
            let ran_out = row.ran_out && tags.contains(row.of.tag);
            ran_out || row.rule.is_some_and(|rule| ids.contains(rule))
        }
    }

    /// Says whether a row is to be compared: it is about these rules, in a history that the archive holds. Of what it
    /// does not hold nothing can be said.
    fn concerns(&self, looked_at: &report::Histories) -> impl Fn(&About<'_>) -> bool {
        let (is_about, from) = (self.is_about(), self.options.from);
        move |row| row.at >= from && is_about(row) && looked_at.contains(&report::history_of(&row.of))
    }

    fn remember(&self, shared: Shared, staging: &Staging, state: &mut StateFiles) -> Result<(), Error> {
        state.carried.extend(self.past.beside_histories());
        let rules: &RuleSet = &self.bundle.rules;
        let done = |id: &String| self.chosen.iter().any(|rule| rules.rules[usize::from(rule.0)].id == *id);
        let waits = self.adoption.as_ref().map(Adoption::to_replay).unwrap_or_default();
        let waits = waits.into_iter().map(|rule| rules.rules[usize::from(rule.0)].id.clone());
        let to_replay: BTreeSet<String> = shared.to_replay.iter().cloned().chain(waits).collect();
        let scales = match &self.adoption {
            Some(adoption) => adoption.scales(shared.scales),
            None => shared.scales,
        };
        let shared = Shared {
            manifests: KeyKind::ALL.map(|kind| Manifest::of(&Engine::new(rules, kind))).into(),
            terms: TermNumbers::of(&self.bundle.catalog),
            scales,
            to_replay: to_replay.into_iter().filter(|id| !done(id)).collect(),
            ..shared
        };
        state.written.push(shared.write(staging)?);
        Ok(())
    }

    fn report(&self, difference: &Difference) -> ReplayReport {
        let rules = &self.bundle.rules.rules;
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in &difference.missing {
            counts.entry(rule_of(row, &self.bundle.rules)).or_default().0 += 1;
        }
        for (rule, n) in difference.wrong_by_rule() {
            counts.entry(rule).or_default().1 += n;
        }
        ReplayReport {
            commit: None,
            rules: self.chosen.iter().map(|rule| rules[usize::from(rule.0)].id.clone()).collect(),
            records: self.night.gathered.tallies.iter().map(|tally| tally.read).sum(),
            added: difference.missing.len() as u64,
            taken_back: difference.n_wrong() as u64,
            cut_off: self.cut_off.len() as u64,
            by_rule: report::ranked(counts),
        }
    }

    fn record(&self, report: &ReplayReport) -> RunRecord {
        let mut options = self.options.run.that_change_output();
        options.insert("replay".to_owned(), report.rules.join(" "));
        options.insert("replay_from".to_owned(), self.bundle.rules.pack.zone.format(self.options.from));
        let counts = [("replayed", report.records), ("note.corrected_rows", report.taken_back)];
        RunRecord {
            as_of: self.night.as_of,
            inputs: Vec::new(),
            counts: counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect(),
            options,
        }
    }
}

fn rule_of(row: &Row, rules: &RuleSet) -> String {
    row.rule.map_or_else(|| "-".to_owned(), |rule| rules.rules[usize::from(rule.0)].id.clone())
}

/// Returns when the first event of each history in a shard happens.
fn beginnings(chunks: &[Vec<u8>]) -> Vec<(u128, Timestamp)> {
    let mut begins: HashMap<u128, Timestamp, FixedState> = HashMap::default();
    for entry in chunks.iter().flat_map(|chunk| codec::entries(chunk)) {
        let hash = route::history_hash(entry.class, entry.corp, entry.primary);
        let first = begins.entry(hash).or_insert(entry.at);
        *first = entry.at.min(*first);
    }
    begins.into_iter().collect()
}
