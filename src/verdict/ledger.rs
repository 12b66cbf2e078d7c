//! What stands for one key: its tags, the alerts that hold others back, its last kick.
//!
//! A tag is valid in `[assigned, removed)`. More evidence refreshes it without
//! a second assignment and starts its time anew. Of an exclusive group at most
//! one tag stands; the loser goes before the winner comes, at the same instant.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::message::Key;
use crate::rules::{AlertIdx, AlertLevel, AlertSpec, Emit, Exclusive, Group, GroupIdx, RecallPolicy, Rule};
use crate::rules::{RuleIdx, RuleSet, Score, Tag, TagIdx};
use crate::time::Timestamp;
use crate::timeline::{self, Ending, Firing, Over, Piece};

use super::row::{Alert, Decision, Evidence, MAX_EVIDENCE, Mark, Reason, Row};
use super::row::{Standing, TagChange, TagChangeKind};
use super::score;

/// What stands for one key. Live rules share one; experimental rules share another
/// that nobody else looks at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// In tag order.
    pub tags: Vec<StandingTag>,
    /// The newest alert of each id that has a cooldown, in the order of ids.
    pub(super) alerts: Vec<Raised>,
    /// When the member was last to be removed.
    pub kicked_at: Option<Timestamp>,
    /// The tags that changed since `combine` rules were last looked at.
    #[serde(skip)]
    pub changed: SmallVec<[TagIdx; 4]>,
    /// The instant of the newest change of a tag, and how many changes it has seen.
    pub(super) newest: (Timestamp, u32),
}

/// Two ledgers are equal when they will act equally.
impl PartialEq for Ledger {
    fn eq(&self, other: &Ledger) -> bool {
        (&self.tags, &self.alerts, self.kicked_at) == (&other.tags, &other.alerts, other.kicked_at)
    }
}

/// An alert that was raised, while it holds others back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Raised {
    pub(super) alert: AlertIdx,
    at: Timestamp,
    /// The first instant at which it holds nothing back any more.
    until: Timestamp,
    level: AlertLevel,
}

/// A tag that stands, with what its next change needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingTag {
    /// Which.
    pub tag: TagIdx,
    /// The rule whose evidence is the newest; none when a person's word is.
    pub rule: Option<RuleIdx>,
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
    /// When it is looked at again.
    pub(super) review_at: Option<Timestamp>,
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

/// What makes a tag change: a rule at an instant, or a person.
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
        self.changed.clear();
        self.newest = Default::default();
    }

    /// Returns when the next tag runs out or is looked at again; [`Timestamp::MAX`] when none does.
    pub fn next_due(&self) -> Timestamp {
        let due = self.tags.iter().flat_map(|one| [one.standing.expires_at, one.review_at]).flatten();
        due.min().unwrap_or(Timestamp::MAX)
    }

    /// Returns the tag if it stands.
    pub fn standing(&self, tag: TagIdx) -> Option<&StandingTag> {
        self.tags.iter().find(|one| one.tag == tag)
    }

    /// Returns the ledger with new numbers; what has none any more is left out.
    pub fn renumbered(
        &self,
        rule: impl Fn(RuleIdx) -> Option<RuleIdx>,
        tag: impl Fn(TagIdx) -> Option<TagIdx>,
        alert: impl Fn(AlertIdx) -> Option<AlertIdx>,
    ) -> Ledger {
        let standing = |one: &StandingTag| {
            Some(StandingTag { tag: tag(one.tag)?, rule: one.rule.and_then(&rule), ..one.clone() })
        };
        let raised = |one: &Raised| Some(Raised { alert: alert(one.alert)?, ..*one });
        let mut ledger = Ledger {
            tags: self.tags.iter().filter_map(standing).collect(),
            alerts: self.alerts.iter().filter_map(raised).collect(),
            kicked_at: self.kicked_at,
            changed: SmallVec::new(),
            newest: self.newest,
        };
        ledger.tags.sort_by_key(|one| one.tag);
        ledger.alerts.sort_by_key(|one| one.alert);
        ledger
    }

    /// Takes over the alerts of another ledger that hold others back.
    pub fn take_alerts(&mut self, other: &mut Ledger) {
        self.alerts = std::mem::take(&mut other.alerts);
    }

    /// Counts a change of a tag at `at`; returns how many came before at the same instant.
    fn count_change(&mut self, at: Timestamp) -> u32 {
        if self.newest.0 != at {
            self.newest = (at, 0);
        }
        self.newest.1 += 1;
        self.newest.1 - 1
    }

    fn put(&mut self, tag: StandingTag) {
        self.changed.push(tag.tag);
        match self.tags.binary_search_by_key(&tag.tag, |one| one.tag) {
            Ok(place) => self.tags[place] = tag,
            Err(place) => self.tags.insert(place, tag),
        }
    }
}

impl Turn<'_> {
    /// Does what the rule that fired asks for: its tag, the tags it takes away, its alert. Returns whether an alert
    /// was raised.
    pub fn apply(&mut self, rule: &Rule, firing: &Firing<'_>) -> bool {
        if let Some(emit) = &rule.emit {
            self.assign(emit, firing);
        }
        if firing.again {
            return false;
        }
        for tag in &rule.untag {
            if self.ledger.standing(*tag).is_some() {
                let evidence = evidence_of(firing);
                let cause = Cause { at: firing.at, rule: Some(firing.rule), evidence: &evidence };
                self.take_away(*tag, Reason::Rule, &cause);
            }
        }
        let Some(spec) = &rule.alert else { return false };
        let alert = self.hold(firing.at, spec);
        let raised = alert.is_raised();
        self.write(firing.at, Some(firing.rule), Decision::Alert(alert), evidence_of(firing));
        raised
    }

    /// Writes a note for each tag whose evidence quotes the message `target`, which is recalled at `at`. What was
    /// decided stays.
    pub fn note_recalled(&mut self, target: &str, at: Timestamp) {
        let (set, horizon) = (self.set, self.set.pack.recall_horizon);
        let retracts = |rule: RuleIdx| set.rules[usize::from(rule.0)].recall == RecallPolicy::Retract;
        let quotes = |one: &&Evidence| *one.message_id == *target && at.since(one.at) < horizon;
        for place in 0..self.ledger.tags.len() {
            let one = &self.ledger.tags[place];
            if !one.rule.is_some_and(retracts) || !one.evidence.iter().any(|piece| quotes(&piece)) {
                continue;
            }
            let one = one.clone();
            let evidence: Vec<Evidence> = one.evidence.iter().filter(quotes).cloned().collect();
            let cause = Cause { at, rule: one.rule, evidence: &evidence };
            self.write_tag(&one, TagChangeKind::RecalledEvidence, None, &cause);
        }
    }

    /// Writes that the alert which `rule` raised at `raised_at` rested on the message `target` of `sent_at`, which
    /// is recalled at `at`.
    pub fn note_recalled_alert(
        &mut self,
        (idx, rule): (RuleIdx, &Rule),
        raised_at: Timestamp,
        (target, sent_at): (&str, Timestamp),
        at: Timestamp,
    ) {
        let Some(level) = rule.alert.as_ref().map(|spec| spec.level) else { return };
        let recalled_from = Some(raised_at);
        let note = Alert { level, suppressed_by: None, inhibited_by: None, recalled_from };
        self.write(at, Some(idx), Decision::Alert(note), vec![bare(target, sent_at)]);
    }

    /// Takes the rule's tag away: what gave it is over.
    pub fn end(&mut self, rule: &Rule, ending: &Ending) {
        let reason = match ending.why {
            Over::Below => Reason::Below,
            Over::Came => Reason::Cleared,
            Over::Passed => Reason::Passed,
        };
        self.withdraw(rule, ending.rule, reason, ending.at);
    }

    /// Takes the tag of `rule` away, when it gives one.
    pub fn withdraw(&mut self, rule: &Rule, idx: RuleIdx, reason: Reason, at: Timestamp) {
        if let Some(emit) = &rule.emit {
            self.take_away(emit.tag, reason, &Cause { at, rule: Some(idx), evidence: &[] });
        }
    }

    /// Removes the tag because the rule's `clear_on` signal came in a message.
    pub fn clear(&mut self, tag: TagIdx, at: Timestamp, rule: RuleIdx, message_id: &str) {
        if self.ledger.standing(tag).is_some() {
            let evidence = [bare(message_id, at)];
            self.take_away(tag, Reason::Cleared, &Cause { at, rule: Some(rule), evidence: &evidence });
        }
    }

    /// Gives the tag of a band and takes those of the other bands away. Of a key that is ranked no longer it takes
    /// what the rule itself gave.
    pub fn rank(&mut self, rule: RuleIdx, bands: &[TagIdx], chosen: Option<TagIdx>, firing: &Firing<'_>) {
        let others = bands.iter().filter(|band| Some(**band) != chosen);
        let goes = |one: &StandingTag| chosen.is_some() || one.rule == Some(rule);
        let standing: SmallVec<[TagIdx; 2]> =
            others.copied().filter(|band| self.ledger.standing(*band).is_some_and(goes)).collect();
        let reason = chosen.map_or(Reason::Unranked, Reason::Superseded);
        for band in standing {
            self.take_away(band, reason, &Cause { at: firing.at, rule: Some(rule), evidence: &[] });
        }
        let Some(tag) = chosen else { return };
        let runs_out = self.spec(tag).ttl.is_some();
        if runs_out || self.ledger.standing(tag).is_none() {
            self.assign(&Emit { tag, score: Score::Fixed(1.0), clear_on: None }, firing);
        }
    }

    /// Does what a person asks for: nothing outranks a person.
    pub fn act(&mut self, tag: TagIdx, assigned: bool, at: Timestamp, id: &str) {
        let evidence = [bare(id, at)];
        let cause = Cause { at, rule: None, evidence: &evidence };
        if !assigned {
            return self.remove(tag, Reason::Manual, &cause);
        }
        let known = self.ledger.standing(tag);
        let next = self.by_hand(known, tag, &cause);
        let kind = if known.is_none() { TagChangeKind::Assign } else { TagChangeKind::Refresh };
        if kind == TagChangeKind::Assign {
            self.supersede(&next, &cause);
        }
        self.write_tag(&next, kind, Some(Reason::Manual), &cause);
        self.ledger.put(next);
    }

    /// Removes the tags that run out at `at`, in tag order.
    pub fn expire(&mut self, at: Timestamp) {
        let runs_out = |one: &StandingTag| one.standing.expires_at == Some(at);
        while let Some(tag) = self.ledger.tags.iter().find(|one| runs_out(one)).map(|one| one.tag) {
            self.remove(tag, Reason::Expired, &Cause { at, rule: None, evidence: &[] });
        }
    }

    /// Returns the tags whose review is due at `at`, in tag order.
    pub fn to_review(&self, at: Timestamp) -> SmallVec<[TagIdx; 4]> {
        let due = self.ledger.tags.iter().filter(|one| one.review_at == Some(at));
        due.map(|one| one.tag).collect()
    }

    /// Keeps a tag that was looked at again, or removes it when there is a reason to.
    pub fn review(&mut self, tag: TagIdx, reason: Option<Reason>, at: Timestamp) {
        let Some(known) = self.ledger.standing(tag) else { return };
        let cause = Cause { at, rule: known.rule, evidence: &[] };
        if let Some(reason) = reason {
            return self.take_away(tag, reason, &cause);
        }
        let mut next = known.clone();
        let faded = self.score_at(known, at);
        next.standing.score = faded;
        next.standing.level = score::level(self.spec(tag), faded, known.standing.level);
        next.review_at = Some(self.next_review(at));
        let cause = next.cause(at);
        self.write_tag(&next, TagChangeKind::Reviewed, None, &cause);
        self.ledger.put(next);
    }

    /// Hands a tag over to the ledger of another key.
    pub fn give(&mut self, tag: TagIdx, at: Timestamp, id: &str) -> Option<StandingTag> {
        let given = self.ledger.standing(tag)?.clone();
        let evidence = [bare(id, at)];
        self.remove(tag, Reason::Transferred, &Cause { at, rule: None, evidence: &evidence });
        Some(given)
    }

    /// Takes over a tag from the ledger of another key, with its history. A tag that stands already stays.
    pub fn receive(&mut self, given: StandingTag, at: Timestamp) {
        let allowed = self.ledger.standing(given.tag).is_none() && self.make_room(&given, at);
        if allowed {
            self.write_tag(&given, TagChangeKind::Assign, Some(Reason::Inherited), &given.cause(at));
            self.ledger.put(given);
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
        let (key, shadow) = (Arc::clone(self.key), self.shadow);
        let ordinal = if matches!(decision, Decision::Tag(_)) { self.ledger.count_change(at) } else { 0 };
        self.out.push(Row { key, at, rule, decision, evidence, shadow, ordinal });
    }

    fn assign(&mut self, emit: &Emit, firing: &Firing<'_>) {
        let known = self.ledger.standing(emit.tag);
        let next = self.strengthened(known, emit, firing);
        let kind = match known {
            None => TagChangeKind::Assign,
            Some(known) if known.standing.level == next.standing.level => TagChangeKind::Refresh,
            Some(_) => TagChangeKind::Level,
        };
        if kind == TagChangeKind::Assign && !self.make_room(&next, firing.at) {
            return;
        }
        self.write_tag(&next, kind, None, &next.cause(firing.at));
        self.ledger.put(next);
    }

    /// Returns the tag with the fresh pieces of the firing added to it.
    fn strengthened(&self, known: Option<&StandingTag>, emit: &Emit, firing: &Firing<'_>) -> StandingTag {
        let (tag, at) = (self.spec(emit.tag), firing.at);
        let mut mass = known.map_or(0.0, |known| known.mass_at(at, emit.score));
        let mut standing = known.map_or_else(Standing::default, |known| known.standing.clone());
        let (mut first, mut newest) = (None, at);
        firing.for_each_piece(|piece| {
            newest = piece.at;
            if piece.fresh {
                mass += score::faded(piece.weight, at.since(piece.fades_from), emit.score);
                standing.n_hits += 1;
                first.get_or_insert(piece.at);
                standing.last_at = piece.at;
            }
        });
        if known.is_none() {
            (standing.since, standing.first_at) = (at, first.unwrap_or(newest));
            standing.last_at = standing.last_at.max(standing.first_at);
        }
        let floor = score::floor(emit.score).max(known.map_or(0.0, |known| known.floor));
        standing.mass = score::rounded(mass);
        standing.score = match (emit.score, firing.score) {
            (Score::Given, Some(given)) => score::rounded(given.max(floor)),
            _ => score::score(mass, floor, emit.score),
        };
        standing.level = score::level(tag, standing.score, known.and_then(|known| known.standing.level));
        let (expires_at, review_at) = self.dues(tag, at, standing.manual);
        standing.expires_at = expires_at;
        let (rule, evidence) = (Some(firing.rule), evidence_of(firing));
        StandingTag { tag: emit.tag, rule, standing, evidence, mass, mass_at: at, floor, review_at }
    }

    /// Returns the tag as a person gives it: sure, and without an end unless rules may end it.
    fn by_hand(&self, known: Option<&StandingTag>, tag: TagIdx, cause: &Cause<'_>) -> StandingTag {
        let (spec, at) = (self.spec(tag), cause.at);
        let mut standing = known.map_or_else(
            || Standing { since: at, first_at: at, ..Standing::default() },
            |known| known.standing.clone(),
        );
        standing.manual = true;
        standing.n_hits += 1;
        standing.last_at = at;
        standing.score = 1.0;
        standing.level = score::level(spec, 1.0, standing.level);
        let (expires_at, review_at) = self.dues(spec, at, true);
        standing.expires_at = expires_at;
        let mass = known.map_or(0.0, |known| known.mass);
        let mass_at = known.map_or(at, |known| known.mass_at);
        let evidence = cause.evidence.to_vec();
        StandingTag { tag, rule: None, standing, evidence, mass, mass_at, floor: 1.0, review_at }
    }

    /// Returns when a tag runs out and when it is looked at again, counted from evidence at `at`.
    fn dues(&self, tag: &Tag, at: Timestamp, manual: bool) -> (Option<Timestamp>, Option<Timestamp>) {
        if manual && !tag.rules_may_remove {
            return (None, None);
        }
        let expires_at = tag.ttl.map(|ttl| timeline::deadline(ttl, at, &self.set.pack.zone));
        (expires_at, tag.reviewed.then(|| self.next_review(at)))
    }

    /// Returns the first start of a local month after `at`.
    fn next_review(&self, at: Timestamp) -> Timestamp {
        let zone = &self.set.pack.zone;
        zone.midnight(zone.next_month(zone.day(at)))
    }

    /// Removes what `next`, which comes at `at`, supersedes in its group; when the group forbids `next`,
    /// writes that and returns `false`.
    fn make_room(&mut self, next: &StandingTag, at: Timestamp) -> bool {
        let Some((group_idx, group)) = self.exclusive_group(next.tag) else { return true };
        let cause = next.cause(at);
        let winner = self.rivals(group_idx, next.tag).find(|rival| self.outranks(group, rival, next, at));
        if let Some(winner) = winner.map(|rival| rival.tag) {
            self.write_tag(next, TagChangeKind::Blocked, Some(Reason::Outranked(winner)), &cause);
            return false;
        }
        self.supersede(next, &cause);
        true
    }

    /// Removes the other tags of the group of `next`.
    fn supersede(&mut self, next: &StandingTag, cause: &Cause<'_>) {
        let Some((group, _)) = self.exclusive_group(next.tag) else { return };
        let rivals: SmallVec<[TagIdx; 2]> = self.rivals(group, next.tag).map(|rival| rival.tag).collect();
        for loser in rivals {
            self.remove(loser, Reason::Superseded(next.tag), cause);
        }
    }

    fn exclusive_group(&self, tag: TagIdx) -> Option<(GroupIdx, &'_ Group)> {
        let idx = self.spec(tag).group?;
        let group = &self.set.groups[usize::from(idx.0)];
        (group.exclusive != Exclusive::None).then_some((idx, group))
    }

    /// Returns the standing tags of the group other than `tag`.
    fn rivals(&self, group: GroupIdx, tag: TagIdx) -> impl Iterator<Item = &StandingTag> {
        let in_group = move |one: &&StandingTag| self.set.tags[usize::from(one.tag.0)].group == Some(group);
        self.ledger.tags.iter().filter(in_group).filter(move |one| one.tag != tag)
    }

    /// Returns whether the standing `rival` keeps `next` out at `at`. At equal scores it does, and so does
    /// what a person assigned.
    fn outranks(&self, group: &Group, rival: &StandingTag, next: &StandingTag, at: Timestamp) -> bool {
        if self.is_protected(rival) {
            return true;
        }
        let place = |tag: TagIdx| group.order.iter().position(|one| *one == tag).unwrap_or(usize::MAX);
        match group.exclusive {
            Exclusive::None | Exclusive::Latest => false,
            Exclusive::Priority => place(rival.tag) < place(next.tag),
            Exclusive::Forward => place(rival.tag) > place(next.tag),
            Exclusive::Score => self.score_at(rival, at) >= next.standing.score,
        }
    }

    /// Returns the score of a tag as it has faded until `at`.
    fn score_at(&self, tag: &StandingTag, at: Timestamp) -> f64 {
        let rule = tag.rule.and_then(|rule| self.set.rules.get(usize::from(rule.0)));
        let emit = rule.and_then(|rule| rule.emit.as_ref()).filter(|emit| emit.score != Score::Given);
        emit.map_or(tag.standing.score, |emit| {
            score::score(tag.mass_at(at, emit.score), tag.floor, emit.score)
        })
    }

    /// Returns whether a person assigned the tag and rules may not take it away.
    fn is_protected(&self, tag: &StandingTag) -> bool {
        tag.standing.manual && !self.spec(tag.tag).rules_may_remove
    }

    fn spec(&self, tag: TagIdx) -> &'_ Tag {
        &self.set.tags[usize::from(tag.0)]
    }

    /// Removes the tag as a rule asks for: not when a person assigned it.
    fn take_away(&mut self, tag: TagIdx, reason: Reason, cause: &Cause<'_>) {
        let known = self.ledger.standing(tag);
        if known.is_some_and(|known| !self.is_protected(known)) {
            self.remove(tag, reason, cause);
        }
    }

    fn remove(&mut self, tag: TagIdx, reason: Reason, cause: &Cause<'_>) {
        let Some(place) = self.ledger.tags.iter().position(|one| one.tag == tag) else { return };
        let gone = self.ledger.tags.remove(place);
        self.ledger.changed.push(tag);
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

    /// Returns the alert, held back or not; one that is raised holds the next.
    fn hold(&mut self, at: Timestamp, spec: &AlertSpec) -> Alert {
        let level = spec.level;
        let alert =
            |suppressed_by, inhibited_by| Alert { level, suppressed_by, inhibited_by, recalled_from: None };
        let alerts = &mut self.ledger.alerts;
        let inhibits = |raised: &&Raised| at < raised.until && spec.inhibited_by.contains(&raised.alert);
        if let Some(inhibitor) = alerts.iter().find(inhibits) {
            return alert(Some(inhibitor.at), Some(inhibitor.alert));
        }
        let place = alerts.binary_search_by_key(&spec.alert, |raised| raised.alert);
        let own = place.ok().map(|place| alerts[place]).filter(|raised| at < raised.until);
        let holds = |raised: &Raised| !(spec.breaks_through && level > raised.level);
        if let Some(raised) = own.filter(holds) {
            return alert(Some(raised.at), None);
        }
        if let Some(cooldown) = spec.cooldown {
            let raised = Raised { alert: spec.alert, at, until: at.plus(cooldown), level };
            match place {
                Ok(place) => alerts[place] = raised,
                Err(place) => alerts.insert(place, raised),
            }
        }
        alert(None, None)
    }
}

impl StandingTag {
    /// Has the tag looked at again at `at`, where it goes for want of a rule. What a person gave stays.
    pub(super) fn retire(&mut self, at: Timestamp) {
        if !self.standing.manual {
            self.review_at = Some(at);
        }
    }

    fn mass_at(&self, at: Timestamp, score: Score) -> f64 {
        score::faded(self.mass, at.since(self.mass_at), score)
    }

    fn cause(&self, at: Timestamp) -> Cause<'_> {
        Cause { at, rule: self.rule, evidence: &self.evidence }
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

/// The message itself, as a piece of evidence that weighs nothing.
fn bare(message_id: &str, at: Timestamp) -> Evidence {
    Evidence { message_id: Box::from(message_id), at, mark: None, weight: 0.0 }
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
