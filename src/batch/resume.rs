//! Goes on with a history where the last run left it.
//!
//! Events in time act on the head. An event that comes late is put in its place: the base is
//! replayed over the journal with it and without it, and what differs of the rows is written.
//! Events older than the base came too late to act and are handed back.

use super::codec::{Class, Entry, Whose};
use super::night::{Bench, Decided, Night, event_order};
use super::walk::{Walk, kinds_of};
use super::{journal, route};
use crate::state::{History, Snapshot};
use crate::time::{Millis, Timestamp};
use crate::verdict::Row;
use crate::writer::LateEvent;

/// A history after a night.
pub(super) struct Resumed {
    /// What is to be remembered.
    pub history: History,
    /// When something happens without an event.
    pub wake_at: Option<Timestamp>,
    /// A rule over the whole population remembers something of it.
    pub ranked: bool,
}

impl Night<'_> {
    /// Lets the events of a night act on a history. `fresh` are in event order; `journal` is that of `known`.
    /// Appends to `decided`.
    pub(super) fn resume<'e>(
        &self,
        whose: Whose<'e>,
        known: History,
        journal: &'e [u8],
        fresh: Vec<Entry<'e>>,
        bench: &mut Bench,
        decided: &mut Decided,
    ) -> Resumed {
        let mut done: Vec<Entry<'e>> = journal::entries(journal, whose).collect();
        let mut fresh = self.in_time(whose, &known.base, fresh, decided);
        let waiting = done.split_off(done.partition_point(|entry| entry.at < self.before));
        if !waiting.is_empty() {
            fresh = merged(waiting, fresh);
        }
        let is_late = fresh.first().is_some_and(|first| first.at < known.head().settled);
        let (base, walk, kept) = match is_late {
            true => self.reconcile(whose, known.base, done, fresh, bench, decided),
            false => self.go_on(whose, known, done, fresh, bench, decided),
        };
        let due = walk.wake_at();
        walk.list_standing(due, &mut decided.current);
        self.resumed(base, walk, due, &kept)
    }

    /// Hands back the events that are older than the base.
    fn in_time<'e>(
        &self,
        whose: Whose<'e>,
        base: &Snapshot,
        mut fresh: Vec<Entry<'e>>,
        decided: &mut Decided,
    ) -> Vec<Entry<'e>> {
        let first = fresh.partition_point(|entry| entry.at < base.settled);
        let late = fresh.drain(..first);
        decided.late.extend(late.filter_map(|entry| late_event(whose, &entry, base.settled)));
        fresh
    }

    /// Lets events act on the head. Returns the base, the history as it stands, and the entries of the new journal.
    fn go_on<'n, 'e>(
        &'n self,
        whose: Whose<'e>,
        known: History,
        done: Vec<Entry<'e>>,
        mut fresh: Vec<Entry<'e>>,
        bench: &mut Bench,
        decided: &mut Decided,
    ) -> (Option<Snapshot>, Walk<'n, 'e>, Vec<Entry<'e>>) {
        let History { base, head, .. } = known;
        let rows = &mut decided.rows;
        match head {
            // Something has acted that the new journal must be able to undo.
            Some(head) if head.settled > self.journal_from => {
                let folded = done.partition_point(|entry| entry.at < self.journal_from);
                let base = self.folded(whose, base, &done[..folded], bench);
                let walk = Walk::resume(self, whose, head, bench);
                let (walk, _) = self.walked(walk, &fresh, Timestamp::MAX, bench, rows);
                (Some(base), walk, [&done[folded..], &fresh[..]].concat())
            }
            head => {
                let walk = Walk::resume(self, whose, head.unwrap_or(base), bench);
                let (walk, base) = self.walked(walk, &fresh, self.journal_from, bench, rows);
                fresh.drain(..fresh.partition_point(|entry| entry.at < self.journal_from));
                (base, walk, fresh)
            }
        }
    }

    /// Puts late events in their place and corrects what was decided without them.
    fn reconcile<'n, 'e>(
        &'n self,
        whose: Whose<'e>,
        base: Snapshot,
        done: Vec<Entry<'e>>,
        fresh: Vec<Entry<'e>>,
        bench: &mut Bench,
        decided: &mut Decided,
    ) -> (Option<Snapshot>, Walk<'n, 'e>, Vec<Entry<'e>>) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut walk = Walk::resume(self, whose, base.clone(), bench);
        done.iter().for_each(|entry| walk.step(entry, bench, &mut before));
        walk.advance(self.before, &mut before);
        walk.dismiss(bench);
        let mut all = merged(done, fresh);
        let walk = Walk::resume(self, whose, base, bench);
        let (walk, base) = self.walked(walk, &all, self.journal_from, bench, &mut after);
        compare(before, after, decided);
        all.drain(..all.partition_point(|entry| entry.at < self.journal_from));
        (base, walk, all)
    }

    /// Lets the events before `as_of` act. Also returns how the history stood at `split`, if anything acts from
    /// then on.
    fn walked<'n, 'e>(
        &'n self,
        mut walk: Walk<'n, 'e>,
        events: &[Entry<'e>],
        split: Timestamp,
        bench: &mut Bench,
        rows: &mut Vec<Row>,
    ) -> (Walk<'n, 'e>, Option<Snapshot>) {
        let first = events.partition_point(|entry| entry.at < split.min(self.as_of));
        let (before, after) = events.split_at(first);
        let after = &after[..after.partition_point(|entry| entry.at < self.as_of)];
        before.iter().for_each(|entry| walk.step(entry, bench, rows));
        let mut stood = None;
        if split < self.as_of {
            walk.advance(split.minus(Millis(1)), rows);
            stood = (!after.is_empty() || walk.acts_until(self.as_of)).then(|| walk.snapshot());
        }
        after.iter().for_each(|entry| walk.step(entry, bench, rows));
        walk.advance(self.as_of, rows);
        (walk, stood)
    }

    /// Lets decided events, and what happens until the journal begins, act on a base. Their rows are written already.
    fn folded<'e>(
        &self,
        whose: Whose<'e>,
        base: Snapshot,
        events: &[Entry<'e>],
        bench: &mut Bench,
    ) -> Snapshot {
        let mut rows = Vec::new();
        let mut walk = Walk::resume(self, whose, base, bench);
        events.iter().for_each(|entry| walk.step(entry, bench, &mut rows));
        walk.advance(self.journal_from.minus(Millis(1)), &mut rows);
        walk.into_snapshot()
    }

    /// Puts together what is to be remembered; `due` is when the walk wakes.
    fn resumed(
        &self,
        base: Option<Snapshot>,
        walk: Walk<'_, '_>,
        due: Option<Timestamp>,
        journal: &[Entry<'_>],
    ) -> Resumed {
        let released = |entry: &Entry<'_>| (entry.at >= self.as_of).then(|| entry.at.plus(Millis(1)));
        let wake_at = due.into_iter().chain(journal.iter().find_map(released)).min();
        let ranked = walk.is_ranked();
        let head = walk.into_snapshot();
        let (base, head) = match base {
            Some(base) => (base, Some(head)),
            None => (head, None),
        };
        let journal = journal::of(journal.iter().copied());
        Resumed { history: History { base, journal, head }, wake_at, ranked }
    }
}

/// Puts two runs of events into one, in event order.
fn merged<'e>(mut one: Vec<Entry<'e>>, other: Vec<Entry<'e>>) -> Vec<Entry<'e>> {
    one.extend(other);
    one.sort_by(event_order);
    one
}

/// Adds what `after` says otherwise than `before`, row by row.
fn compare(before: Vec<Row>, after: Vec<Row>, decided: &mut Decided) {
    let same = before.iter().zip(&after).take_while(|(one, other)| one.says_the_same(other)).count();
    let mut gone: Vec<Row> = before.into_iter().skip(same).collect();
    for row in after.into_iter().skip(same) {
        match gone.iter().position(|known| known.says_the_same(&row)) {
            Some(place) => drop(gone.remove(place)),
            None => decided.rows.push(row),
        }
    }
    decided.withdrawn.append(&mut gone);
}

/// Says what came too late: an entry of the history of `whose`, in which all before `settled` stands.
pub fn late_event(whose: Whose<'_>, entry: &Entry<'_>, settled: Timestamp) -> Option<LateEvent> {
    let key = route::key(&entry.address(), kinds_of(whose.class).0)?;
    let second: Box<str> = entry.address().second.into();
    let (customer, staff) = match whose.class {
        Class::Customer => (key.customer, second),
        Class::Room => (second, Box::default()),
        Class::Staff => (Box::default(), key.staff),
    };
    Some(LateEvent {
        corp: key.corp,
        kind: key.kind,
        customer,
        staff,
        room: key.room,
        id: entry.id_text().into(),
        at: entry.at,
        settled,
    })
}
