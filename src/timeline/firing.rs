//! What a rule keeps of a message, and what it says when it fires.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lexicon::TermIdx;
use crate::rules::RuleIdx;
use crate::signal::{Event, Hit, Sign, saved_ids};
use crate::time::Timestamp;

/// One hit that a rule remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The message; hits of one message share it.
    #[serde(with = "saved_ids")]
    pub message_id: Arc<str>,
    /// The message's time.
    pub at: Timestamp,
    /// What it adds to a total, or the value that is to be different (term, day).
    pub value: i64,
    /// What it adds to the mass of a tag.
    pub weight: f64,
    /// A firing has already added it.
    pub counted: bool,
    /// The mention; `None` when the message itself counts.
    pub hit: Option<Hit>,
}

/// The new numbers of terms, by the old ones; none where a term is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct TermNumbers<'t>(pub &'t [Option<TermIdx>]);

impl TermNumbers<'_> {
    /// Returns the new number of a term.
    pub fn of(self, old: u32) -> Option<TermIdx> {
        self.0.get(old as usize).copied().flatten()
    }

    /// Gives the term of a hit its new number; forgets the hit when the term is gone.
    pub fn put(self, hit: &mut Option<Hit>) {
        *hit = hit.take().and_then(|hit| Some(Hit { term: self.of(hit.term.0)?, ..hit }));
    }

    /// Gives the terms of all hits of `kept` their new numbers.
    pub fn put_all<'k>(self, kept: impl IntoIterator<Item = &'k mut Kept>) {
        kept.into_iter().for_each(|kept| self.put(&mut kept.hit));
    }
}

/// One piece of what made a rule fire.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'s> {
    /// The message.
    pub message_id: &'s str,
    /// Its time.
    pub at: Timestamp,
    /// The mention; `None` when the message itself counts.
    pub hit: Option<&'s Hit>,
    /// What it adds to the mass of a tag.
    pub weight: f64,
    /// From when on the weight fades.
    pub fades_from: Timestamp,
    /// No earlier firing of the rule has added it.
    pub fresh: bool,
}

/// A rule found what it looks for.
#[derive(Clone, Debug)]
pub struct Firing<'s> {
    /// The rule.
    pub rule: RuleIdx,
    /// When: the event's time or the timer's deadline.
    pub at: Timestamp,
    /// It held before and still does: the tag grows, nothing else happens.
    pub again: bool,
    /// The score the shape computes itself, where it does.
    pub score: Option<f64>,
    pub(super) cause: Cause<'s>,
}

/// What an event or a timer comes to.
#[derive(Clone, Debug)]
pub enum Outcome<'s> {
    /// The rule found what it looks for.
    Fires(Firing<'s>),
    /// What it found before is over.
    Ends(Ending),
}

/// What a rule found before is over: its tag goes.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The rule.
    pub rule: RuleIdx,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Over,
}

/// Why something is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Over {
    /// The share fell below.
    Below,
    /// The event came that was missing.
    Came,
    /// Its time window closed.
    Passed,
}

/// What made a rule fire.
#[derive(Clone, Debug)]
pub(super) enum Cause<'s> {
    /// One event: each of its hits counts.
    Event(&'s Event, Sign),
    /// Hits in a window, in event order; those before `fresh_from` were added before.
    Window { kept: Cow<'s, [Kept]>, fresh_from: usize },
    /// Messages that mean something only together; their weight is of the firing's instant.
    Whole(Vec<Kept>),
}

impl<'s> Firing<'s> {
    pub(super) fn new(rule: RuleIdx, at: Timestamp, cause: Cause<'s>) -> Firing<'s> {
        Firing { rule, at, again: false, score: None, cause }
    }

    /// Makes a firing of messages that mean something only together.
    pub fn whole(rule: RuleIdx, at: Timestamp, kept: Vec<Kept>) -> Firing<'s> {
        Firing::new(rule, at, Cause::Whole(kept))
    }

    /// Calls `visit` with each piece, in event order.
    pub fn for_each_piece<'p>(&'p self, mut visit: impl FnMut(Piece<'p>)) {
        match &self.cause {
            Cause::Event(event, sign) => visit_event(event, sign, &mut visit),
            Cause::Window { kept, fresh_from } => {
                let pieces = kept.iter().enumerate().map(|(i, one)| one.piece(one.at, i >= *fresh_from));
                pieces.for_each(visit);
            }
            Cause::Whole(kept) => kept.iter().map(|one| one.piece(self.at, true)).for_each(visit),
        }
    }

    /// Returns the number of pieces.
    pub fn n_pieces(&self) -> usize {
        match &self.cause {
            Cause::Event(_, sign) => usize::from(sign.n_hits).max(1),
            Cause::Window { kept, .. } => kept.len(),
            Cause::Whole(kept) => kept.len(),
        }
    }
}

impl Kept {
    fn piece(&self, fades_from: Timestamp, fresh: bool) -> Piece<'_> {
        let (hit, weight) = (self.hit.as_ref(), self.weight);
        Piece { message_id: &self.message_id, at: self.at, hit, weight, fades_from, fresh }
    }
}

/// A signal without mentions is one piece of weight 1: the message itself.
fn visit_event<'p>(event: &'p Event, sign: &Sign, visit: &mut impl FnMut(Piece<'p>)) {
    let at = event.at;
    let mut say = |hit: Option<&'p Hit>, weight| {
        visit(Piece { message_id: &event.id, at, hit, weight, fades_from: at, fresh: true });
    };
    match event.hits_of(sign) {
        [] => say(None, 1.0),
        hits => hits.iter().for_each(|hit| say(Some(hit), hit.weight)),
    }
}

/// How many pieces a rule can always show: as many as one row of output lists.
pub const EVIDENCE_KEPT: usize = 32;
