//! When the rules over the whole population rank it, in a stream.

use crate::time::{Millis, Timestamp};
use crate::timeline::Program;

/// The barriers of the `rank` rules of one program, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Barriers {
    /// The newest barrier that was applied; before the first, the time of the first event.
    ranked_until: Option<Timestamp>,
}

impl Barriers {
    /// Notes an event; barriers are counted from the first.
    pub fn note(&mut self, at: Timestamp) {
        self.ranked_until.get_or_insert(at);
    }

    /// Returns where counting stands, to be kept with the states.
    pub fn ranked_until(&self) -> Option<Timestamp> {
        self.ranked_until
    }

    /// Goes on where counting stood.
    pub fn resume(ranked_until: Option<Timestamp>) -> Barriers {
        Barriers { ranked_until }
    }

    /// Returns the next barrier of any rule; `first` is the time of the first event when none was noted.
    pub fn next(&self, program: &Program<'_>, first: Option<Timestamp>) -> Option<Timestamp> {
        let after = self.ranked_until.or(first)?;
        program.ranks().iter().map(|place| program.next_barrier(*place, after)).min()
    }

    /// Returns the places of the rules whose barrier is `at`.
    pub fn due<'p>(program: &'p Program<'_>, at: Timestamp) -> impl Iterator<Item = usize> + use<'p> {
        let before = at.minus(Millis(1));
        program.ranks().iter().copied().filter(move |place| program.next_barrier(*place, before) == at)
    }

    /// Notes that the barrier at `at` was applied.
    pub fn pass(&mut self, at: Timestamp) {
        self.ranked_until = Some(at);
    }
}
