//! Puts what arrives in event order: everything waits until the watermark has passed it.
//!
//! The watermark is an instant before which all is decided. Whoever raises it says how far; what
//! comes before it is late, what comes at it is not.

use std::collections::BTreeMap;

use crate::time::{Millis, Timestamp};

/// What waits, in event order: time, sequence number, id bytes, arrival.
#[derive(Clone, Debug)]
pub struct Reorder<T> {
    lateness: Millis,
    waiting: BTreeMap<(Timestamp, u64, Box<str>, u64), T>,
    arrived: u64,
    newest: Option<Timestamp>,
    watermark: Option<Timestamp>,
}

impl<T> Reorder<T> {
    /// Starts empty. What arrives may be up to `lateness` older than the newest.
    pub fn new(lateness: Millis) -> Reorder<T> {
        Reorder { lateness, waiting: BTreeMap::new(), arrived: 0, newest: None, watermark: None }
    }

    /// Goes on with another lateness.
    pub fn with_lateness(self, lateness: Millis) -> Reorder<T> {
        Reorder { lateness, ..self }
    }

    /// Returns whether an event at `at` comes too late: everything before the watermark is decided.
    pub fn is_late(&self, at: Timestamp) -> bool {
        self.watermark.is_some_and(|watermark| at < watermark)
    }

    /// Notes that time has come to `at`.
    pub fn note(&mut self, at: Timestamp) {
        self.newest = self.newest.max(Some(at));
    }

    /// Puts what happens at `at` in its place among what waits.
    pub fn insert(&mut self, at: Timestamp, seq: u64, id: Box<str>, what: T) {
        self.arrived += 1;
        self.waiting.insert((at, seq, id, self.arrived), what);
    }

    /// Returns the newest time noted.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Returns how far the watermark may be raised by what was noted: the newest time less the lateness.
    pub fn reached(&self) -> Option<Timestamp> {
        Some(self.newest?.minus(self.lateness))
    }

    /// Returns the watermark; none before it was raised first.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// Raises the watermark and returns whether it was lower. What waits is not touched.
    pub fn raise(&mut self, watermark: Timestamp) -> bool {
        let higher = self.watermark.is_none_or(|now| watermark > now);
        if higher {
            self.watermark = Some(watermark);
        }
        higher
    }

    /// Returns the time of the first that waits.
    pub fn first(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((at, ..), _)| *at)
    }

    /// Takes out the first that waits when it is before `to`.
    pub fn pop_before(&mut self, to: Timestamp) -> Option<(Timestamp, T)> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 < to)?;
        let ((at, ..), what) = first.remove_entry();
        Some((at, what))
    }

    /// Returns what waits, in event order, to be changed in its place.
    pub fn waiting_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.waiting.values_mut()
    }

    /// Returns how much waits.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_at_the_watermark_is_in_time_and_what_comes_before_it_is_late() {
        let mut reorder: Reorder<&str> = Reorder::new(Millis(10));
        assert_eq!(reorder.reached(), None);
        reorder.note(Timestamp(100));
        reorder.note(Timestamp(95));
        assert_eq!(reorder.reached(), Some(Timestamp(90)));
        assert!(reorder.raise(Timestamp(90)) && !reorder.raise(Timestamp(80)));
        assert!(reorder.is_late(Timestamp(89)) && !reorder.is_late(Timestamp(90)));
    }

    #[test]
    fn what_waits_comes_out_by_time_then_number_then_id_then_arrival() {
        let mut reorder = Reorder::new(Millis(0));
        for (at, seq, id, what) in
            [(2, 0, "a", 4), (1, 1, "a", 1), (1, 1, "b", 2), (1, 0, "z", 0), (1, 1, "b", 3)]
        {
            reorder.insert(Timestamp(at), seq, id.into(), what);
        }
        let mut out = Vec::new();
        while let Some((_, what)) = reorder.pop_before(Timestamp(2)) {
            out.push(what);
        }
        assert_eq!((out, reorder.len(), reorder.first()), (vec![0, 1, 2, 3], 1, Some(Timestamp(2))));
    }
}
