//! The first of two passes over a shard: what its keys measure at the barriers of `rank` rules.

use std::collections::BTreeMap;

use super::codec::Entry;
use super::journal;
use super::night::{Bench, Entries, Memory, Night, event_order};
use super::route;
use super::walk::kinds_of;
use crate::error::Error;
use crate::message::KeyKind;
use crate::state::{History, Snapshot};
use crate::verdict::{Census, Measuring};

impl Night<'_> {
    /// Goes through the histories of one shard for what they measure at the barriers of the night.
    ///
    /// # Errors
    ///
    /// Returns an error when a state cannot be read.
    pub fn census(&self, chunks: &[Vec<u8>], memory: Memory<'_>) -> Result<[Census; 5], Error> {
        let (mut taken, mut bench): ([Census; 5], Bench) = Default::default();
        let shard = Entries::new(self, chunks, &mut bench);
        for (remembered, tonight) in shard.with_memory(self, memory)? {
            let mut known = remembered.as_ref().map(History::decode).transpose()?.unwrap_or_default();
            let whose = shard.whose(remembered.as_ref(), tonight);
            if let Some(adoption) = memory.adoption {
                known = adoption.history(whose, known);
            }
            let journal = std::mem::take(&mut known.journal);
            let base = &known.base;
            let fresh = shard.entries(tonight).filter(|entry| entry.at >= base.settled);
            let entries = journal::entries(&journal, whose).chain(fresh);
            self.measure(base, entries, &mut bench, &mut taken);
        }
        Ok(taken)
    }

    /// Lets the keys of one history measure.
    fn measure<'e>(
        &self,
        base: &Snapshot,
        entries: impl Iterator<Item = Entry<'e>>,
        bench: &mut Bench,
        taken: &mut [Census; 5],
    ) {
        let mut entries: Vec<Entry<'e>> = entries.collect();
        entries.sort_by(event_order);
        let mut walks: BTreeMap<(KeyKind, Box<[u8]>), Measuring> = BTreeMap::new();
        for key in &base.keys {
            let walk = Measuring::resume(self.engine(key.kind), &key.state, self.before);
            walks.insert((key.kind, key.second.as_bytes().into()), walk);
        }
        for entry in entries.iter().filter(|entry| entry.at < self.as_of && !entry.kind.is_recall()) {
            entry.decode_into(&mut bench.event);
            self.measure_entry(entry, bench, &mut walks, taken);
        }
        for ((kind, _), walk) in &mut walks {
            taken[*kind as usize].pass(self.engine(*kind), walk, self.as_of);
        }
    }

    fn measure_entry(
        &self,
        entry: &Entry<'_>,
        bench: &Bench,
        walks: &mut BTreeMap<(KeyKind, Box<[u8]>), Measuring>,
        taken: &mut [Census; 5],
    ) {
        let (whole, part) = kinds_of(entry.class);
        let keys = [Some((whole, &b""[..])), part.map(|part| (part, entry.second))];
        for (kind, name) in keys.into_iter().flatten() {
            let engine = self.engine(kind);
            if !engine.program().ranks().is_empty() && route::key(&entry.address(), kind).is_some() {
                let new = || Measuring::after(self.before);
                let walk = walks.entry((kind, name.into())).or_insert_with(new);
                taken[kind as usize].add(engine, walk, &bench.event);
            }
        }
    }
}
