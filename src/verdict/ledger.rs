//! What stands for one key: its tags, the alerts that hold others back, its last kick.
//!
//! A tag is valid in `[assigned, removed)`. More evidence refreshes it without
//! a second assignment and starts its time anew. Of an exclusive group at most
//! one tag stands; the loser goes before the winner comes, at the same instant.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::message::Key;
use crate::rules::{Emit, Exclusive, Group, GroupIdx, Rule, RuleIdx, RuleSet, Score, TagIdx};
use crate::time::{Millis, Timestamp};
use crate::timeline::{self, Firing, Piece};

use super::row::{Alert, Decision, Evidence, MAX_EVIDENCE, Mark, Reason, Row};
use super::row::{Standing, TagChange, TagChangeKind};
use super::score;

/// What stands for one key. Live rules share one; experimental rules share another
/// that nobody else looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// In tag order.
    pub tags: Vec<StandingTag>,
    /// The newest alert of each rule that has a cooldown, in rule order.
    alerts: Vec<(RuleIdx, Timestamp)>,
    /// When the member was last to be removed.
    pub kicked_at: Option<Timestamp>,
}

/// A tag that stands, with what its next change needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingTag {
    /// Which.
    pub tag: TagIdx,
    /// The rule whose evidence is the newest.
    pub rule: RuleIdx,
    /// How it stands since that evidence.
    pub standing: Standing,
    /// That evidence, at most [`MAX_EVIDENCE`] pieces.
    pub evidence: Vec<Evidence>,
    /// The mass as it is, not rounded.
    #[serde(with = "bits")]
    mass: f64,
    /// When `mass` was true; it fades from then on.
    mass_at: Timestamp,
    /// The largest fixed score given since the assignment.
    floor: f64,
}

/// One key's ledger while an event or a timer acts on it.
pub(super) struct Turn<'t> {
    pub set: &'t RuleSet,
    pub key: &'t Arc<Key>,
    pub ledger: &'t mut Ledger,
    /// Of experimental rules.
    pub shadow: bool,
    pub out: &'t mut Vec<Row>,
}

/// What makes a tag change: a rule at an instant.
struct Cause<'c> {
    at: Timestamp,
    rule: Option<RuleIdx>,
    evidence: &'c [Evidence],
}

impl Ledger {
    /// Forgets everything and keeps the buffers.
    pub fn reset(&mut self) {
        self.tags.clear();
        self.alerts.clear();
        self.kicked_at = None;
    }

    /// Returns when the next tag runs out; [`Timestamp::MAX`] when none does.
    pub fn next_expiry(&self) -> Timestamp {
        let expiries = self.tags.iter().filter_map(|one| one.standing.expires_at);
        expiries.min().unwrap_or(Timestamp::MAX)
    }

    fn standing(&self, tag: TagIdx) -> Option<&StandingTag> {
        self.tags.iter().find(|one| one.tag == tag)
    }

    fn put(&mut self, tag: StandingTag) {
        match self.tags.binary_search_by_key(&tag.tag, |one| one.tag) {
            Ok(place) => self.tags[place] = tag,
            Err(place) => self.tags.insert(place, tag),
        }
    }
}

impl Turn<'_> {
    /// Does what the rule that fired asks for: its tag, the tags it takes away, its alert.
    pub fn apply(&mut self, rule: &Rule, firing: &Firing<'_>) {
        if let Some(emit) = &rule.emit {
            self.assign(emit, firing);
        }
        for tag in &rule.untag {
            if self.ledger.standing(*tag).is_some() {
                let evidence = evidence_of(firing);
                let cause = Cause { at: firing.at, rule: Some(firing.rule), evidence: &evidence };
                self.remove(*tag, Reason::Rule, &cause);
            }
        }
        if let Some(alert) = &rule.alert {
            let suppressed_by = self.hold(firing, alert.cooldown);
            let decision = Decision::Alert(Alert { level: alert.level, suppressed_by });
            self.write(firing.at, Some(firing.rule), decision, evidence_of(firing));
        }
    }

    /// Removes the tag because the rule's `clear_on` signal came in a message.
    pub fn clear(&mut self, tag: TagIdx, at: Timestamp, rule: RuleIdx, message_id: &str) {
        if self.ledger.standing(tag).is_some() {
            let message_id = Box::from(message_id);
            let evidence = [Evidence { message_id, at, mark: None, weight: 0.0 }];
            self.remove(tag, Reason::Cleared, &Cause { at, rule: Some(rule), evidence: &evidence });
        }
    }

    /// Removes the tags that run out at `at`, in tag order.
    pub fn expire(&mut self, at: Timestamp) {
        let runs_out = |one: &StandingTag| one.standing.expires_at == Some(at);
        while let Some(tag) = self.ledger.tags.iter().find(|one| runs_out(one)).map(|one| one.tag) {
            self.remove(tag, Reason::Expired, &Cause { at, rule: None, evidence: &[] });
        }
    }

    /// Writes a row.
    pub fn write(
        &mut self,
        at: Timestamp,
        rule: Option<RuleIdx>,
        decision: Decision,
        evidence: Vec<Evidence>,
    ) {
        let key = Arc::clone(self.key);
        self.out.push(Row { key, at, rule, decision, evidence, shadow: self.shadow });
    }

    fn assign(&mut self, emit: &Emit, firing: &Firing<'_>) {
        let known = self.ledger.standing(emit.tag);
        let next = self.strengthened(known, emit, firing);
        let kind = match known {
            None => TagChangeKind::Assign,
            Some(known) if known.standing.level == next.standing.level => TagChangeKind::Refresh,
            Some(_) => TagChangeKind::Level,
        };
        if kind == TagChangeKind::Assign && !self.make_room(&next) {
            return;
        }
        self.write_tag(&next, kind, None, &next.cause(firing.at));
        self.ledger.put(next);
    }

    /// Returns the tag with the fresh pieces of the firing added to it.
    fn strengthened(&self, known: Option<&StandingTag>, emit: &Emit, firing: &Firing<'_>) -> StandingTag {
        let (tag, at) = (&self.set.tags[usize::from(emit.tag.0)], firing.at);
        let mut mass = known.map_or(0.0, |known| known.mass_at(at, emit.score));
        let mut standing = known.map_or_else(Standing::default, |known| known.standing.clone());
        let mut first = None;
        firing.for_each_piece(|piece| {
            if piece.fresh {
                mass += score::faded(piece.weight, at.since(piece.fades_from), emit.score);
                standing.n_hits += 1;
                first.get_or_insert(piece.at);
                standing.last_at = piece.at;
            }
        });
        if known.is_none() {
            (standing.since, standing.first_at) = (at, first.unwrap_or(at));
        }
        let floor = score::floor(emit.score).max(known.map_or(0.0, |known| known.floor));
        standing.mass = score::rounded(mass);
        standing.score = score::score(mass, floor, emit.score);
        standing.level = score::level(tag, standing.score);
        standing.expires_at = tag.ttl.map(|ttl| timeline::deadline(ttl, at, &self.set.pack.zone));
        let evidence = evidence_of(firing);
        StandingTag { tag: emit.tag, rule: firing.rule, standing, evidence, mass, mass_at: at, floor }
    }

    /// Removes what `next` supersedes in its group; when the group forbids `next`, writes that
    /// and returns `false`.
    fn make_room(&mut self, next: &StandingTag) -> bool {
        let Some(group_idx) = self.set.tags[usize::from(next.tag.0)].group else { return true };
        let group = &self.set.groups[usize::from(group_idx.0)];
        if group.exclusive == Exclusive::None {
            return true;
        }
        let cause = next.cause(next.mass_at);
        let rivals: SmallVec<[TagIdx; 2]> = self.rivals(group_idx, next.tag).map(|rival| rival.tag).collect();
        let winner = self.rivals(group_idx, next.tag).find(|rival| self.outranks(group, rival, next));
        if let Some(winner) = winner.map(|rival| rival.tag) {
            self.write_tag(next, TagChangeKind::Blocked, Some(Reason::Outranked(winner)), &cause);
            return false;
        }
        for loser in rivals {
            self.remove(loser, Reason::Superseded(next.tag), &cause);
        }
        true
    }

    /// Returns the standing tags of the group other than `tag`.
    fn rivals(&self, group: GroupIdx, tag: TagIdx) -> impl Iterator<Item = &StandingTag> {
        let in_group = move |one: &&StandingTag| self.set.tags[usize::from(one.tag.0)].group == Some(group);
        self.ledger.tags.iter().filter(in_group).filter(move |one| one.tag != tag)
    }

    /// Returns whether the standing `rival` keeps `next` out. At equal scores it does.
    fn outranks(&self, group: &Group, rival: &StandingTag, next: &StandingTag) -> bool {
        let place = |tag: TagIdx| group.order.iter().position(|one| *one == tag).unwrap_or(usize::MAX);
        match group.exclusive {
            Exclusive::None | Exclusive::Latest => false,
            Exclusive::Priority => place(rival.tag) < place(next.tag),
            Exclusive::Forward => place(rival.tag) > place(next.tag),
            Exclusive::Score => self.score_at(rival, next.mass_at) >= next.standing.score,
        }
    }

    /// Returns the score of a tag as it has faded until `at`.
    fn score_at(&self, tag: &StandingTag, at: Timestamp) -> f64 {
        let emit = self.set.rules.get(usize::from(tag.rule.0)).and_then(|rule| rule.emit.as_ref());
        emit.map_or(tag.standing.score, |emit| {
            score::score(tag.mass_at(at, emit.score), tag.floor, emit.score)
        })
    }

    fn remove(&mut self, tag: TagIdx, reason: Reason, cause: &Cause<'_>) {
        let Some(place) = self.ledger.tags.iter().position(|one| one.tag == tag) else { return };
        let gone = self.ledger.tags.remove(place);
        self.write_tag(&gone, TagChangeKind::Remove, Some(reason), cause);
    }

    fn write_tag(
        &mut self,
        tag: &StandingTag,
        kind: TagChangeKind,
        reason: Option<Reason>,
        cause: &Cause<'_>,
    ) {
        let change = TagChange { tag: tag.tag, kind, reason, standing: tag.standing.clone() };
        self.write(cause.at, cause.rule, Decision::Tag(change), cause.evidence.to_vec());
    }

    /// Returns the alert whose cooldown holds this one back; without one, this one holds the next.
    fn hold(&mut self, firing: &Firing<'_>, cooldown: Option<Millis>) -> Option<Timestamp> {
        let cooldown = cooldown?;
        let alerts = &mut self.ledger.alerts;
        match alerts.binary_search_by_key(&firing.rule, |(rule, _)| *rule) {
            Ok(place) if firing.at.since(alerts[place].1) < cooldown => return Some(alerts[place].1),
            Ok(place) => alerts[place].1 = firing.at,
            Err(place) => alerts.insert(place, (firing.rule, firing.at)),
        }
        None
    }
}

impl StandingTag {
    fn mass_at(&self, at: Timestamp, score: Score) -> f64 {
        score::faded(self.mass, at.since(self.mass_at), score)
    }

    fn cause(&self, at: Timestamp) -> Cause<'_> {
        Cause { at, rule: Some(self.rule), evidence: &self.evidence }
    }
}

/// A mass is saved as its bits: not every text form gives the same number back.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        number.to_bits().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// Returns the newest pieces of a firing, in event order.
pub(super) fn evidence_of(firing: &Firing<'_>) -> Vec<Evidence> {
    let mut skip = firing.n_pieces().saturating_sub(MAX_EVIDENCE);
    let mut evidence = Vec::with_capacity(firing.n_pieces().min(MAX_EVIDENCE));
    firing.for_each_piece(|piece| match skip.checked_sub(1) {
        Some(left) => skip = left,
        None => evidence.push(evidence_piece(&piece)),
    });
    evidence
}

fn evidence_piece(piece: &Piece<'_>) -> Evidence {
    let mark = piece.hit.map(|hit| Mark {
        term: hit.term,
        part: hit.part,
        start: hit.start,
        end: hit.end,
        layer: hit.layer,
        polarity: hit.polarity,
        surface: hit.surface.clone(),
    });
    Evidence { message_id: Box::from(piece.message_id), at: piece.at, mark, weight: piece.weight }
}
