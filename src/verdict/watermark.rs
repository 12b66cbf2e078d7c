//! How far several sources have come together.
//!
//! The watermark is the earliest of what each source still allows: its newest time less its
//! lateness. A source that has said it is at its end holds nothing back; silence says nothing, so
//! the wall clock never does.

use std::collections::BTreeMap;

use crate::time::{Millis, Timestamp};

/// The sources of a stream or of a night.
#[derive(Clone, Debug, Default)]
pub struct Watermark {
    sources: BTreeMap<Box<str>, Source>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    lateness: Millis,
    newest: Option<Timestamp>,
    ended: bool,
}

impl Watermark {
    /// Adds a source; its events come up to `lateness` after newer ones.
    pub fn add_source(&mut self, name: &str, lateness: Millis) {
        self.sources.insert(name.into(), Source { lateness, newest: None, ended: false });
    }

    /// Notes an event of a source; returns whether it is late: older than what was already decided.
    pub fn note(&mut self, name: &str, at: Timestamp) -> bool {
        let late = self.instant().is_some_and(|instant| at < instant);
        if let Some(source) = self.sources.get_mut(name) {
            source.newest = source.newest.max(Some(at));
        }
        late
    }

    /// Notes that a source has no more events for now.
    pub fn end(&mut self, name: &str) {
        if let Some(source) = self.sources.get_mut(name) {
            source.ended = true;
        }
    }

    /// Returns the watermark: events before it are complete. None while some source that has not
    /// ended has said nothing, and when all have ended: then nothing is held back.
    pub fn instant(&self) -> Option<Timestamp> {
        let open: Vec<&Source> = self.sources.values().filter(|source| !source.ended).collect();
        let instants: Option<Vec<Timestamp>> =
            open.iter().map(|source| Some(source.newest?.minus(source.lateness))).collect();
        instants?.into_iter().min()
    }

    /// Returns whether all sources have ended.
    pub fn has_ended(&self) -> bool {
        self.sources.values().all(|source| source.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x3_a_source_that_lags_holds_the_watermark_until_it_says_that_it_is_at_its_end() {
        let mut watermark = Watermark::default();
        watermark.add_source("archive", Millis(10));
        watermark.add_source("orders", Millis(0));
        watermark.note("archive", Timestamp(1_000));
        assert_eq!(watermark.instant(), None, "orders have said nothing");
        watermark.note("orders", Timestamp(400));
        assert_eq!(watermark.instant(), Some(Timestamp(400)), "the slower one counts");
        watermark.end("orders");
        assert_eq!(watermark.instant(), Some(Timestamp(990)));
        watermark.end("archive");
        assert!(watermark.has_ended() && watermark.instant().is_none());
    }

    #[test]
    fn semantic_6_an_event_at_the_watermark_is_in_time_and_one_before_it_is_late() {
        let mut watermark = Watermark::default();
        watermark.add_source("archive", Millis(10));
        assert!(!watermark.note("archive", Timestamp(100)));
        assert!(!watermark.note("archive", Timestamp(90)));
        assert!(watermark.note("archive", Timestamp(89)));
    }
}
