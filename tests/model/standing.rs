//! What findings lead to in the plain engine: tags, alerts, kicks.

use chattag::rules::*;
use chattag::time::Timestamp;

use super::super::kit::TAGS;
use super::{Fire, Message, Note, Piece, Plain, Raised, Tag, joined};

impl Plain<'_> {
    pub(super) fn kick(&mut self, j: usize, shadow: usize, asked: &[usize]) {
        let event = &self.events[j];
        let protects = |e: usize, r: usize| {
            let only = &self.set.exemptions[e].rules;
            event.exemptions & (1 << e) != 0
                && (only.is_empty() || only.iter().any(|rule| usize::from(rule.0) == r))
        };
        let exemption = |r: usize| (0..self.set.exemptions.len()).find(|e| protects(*e, r));
        let open: Vec<usize> = asked.iter().copied().filter(|r| exemption(*r).is_none()).collect();
        let names = |rules: &[usize]| {
            rules.iter().map(|r| self.set.rules[*r].id.as_str()).collect::<Vec<_>>().join("+")
        };
        let mark = if shadow == 1 { " shadow" } else { "" };
        let held = self.ledgers[shadow].kick.filter(|kick| event.at.0 - kick.0 < 86_400_000);
        let line = match (asked.first(), held) {
            (None, _) => return,
            (Some(first), _) if open.is_empty() => {
                format!("none {} exempt {}", names(asked), exemption(*first).expect("not open"))
            }
            (_, Some(kick)) => format!("none {} held by {}", names(&open), kick.0),
            _ => {
                let strongest =
                    open.iter().filter_map(|r| self.set.rules[*r].kick).max().expect("kick rules");
                let line = format!("{strongest:?} {}", names(&open)).to_lowercase();
                if strongest >= KickAction::Kick {
                    self.ledgers[shadow].kick = Some(event.at);
                }
                line
            }
        };
        self.out.push(format!("{} {line}{mark}", event.at.0));
    }

    pub(super) fn effects(&mut self, r: usize, fire: &Fire) {
        let rule = &self.set.rules[r];
        let shadow = usize::from(rule.status == Status::Experimental);
        let mark = if shadow == 1 { " shadow" } else { "" };
        let evidence = self.messages(&fire.pieces);
        let ids = joined(&evidence);
        if let Some(reason) = fire.over {
            if let Some(emit) = &rule.emit {
                self.remove(shadow, emit.tag.0, fire.at, reason, "");
            }
            return;
        }
        if let Some(emit) = &rule.emit {
            self.assign(shadow, r, emit, fire, evidence);
        }
        if fire.again {
            return;
        }
        for tag in &rule.untag {
            self.remove(shadow, tag.0, fire.at, "rule", &ids);
        }
        if let Some(alert) = &rule.alert {
            let what = self.alert(shadow, alert, fire.at);
            if what == "alert" {
                let mut messages: Vec<Message> =
                    fire.pieces.iter().map(|piece| piece.message.clone()).collect();
                messages.dedup();
                let messages = messages.split_off(messages.len().saturating_sub(32));
                self.notes.push(Note { shadow, rule: r, at: fire.at, messages });
            }
            self.out.push(format!("{} {what}{mark} {} [{ids}]", fire.at.0, rule.id));
        }
    }

    /// Whether an alert is raised, or what holds it back.
    pub(super) fn alert(&mut self, shadow: usize, spec: &AlertSpec, at: Timestamp) -> String {
        let before = &self.ledgers[shadow].alerts;
        let newest = |alert: AlertIdx| {
            before.iter().rev().find(|raised| raised.alert == alert).filter(|raised| at < raised.until)
        };
        let mut muting: Vec<AlertIdx> = spec.inhibited_by.clone();
        muting.sort();
        if let Some(by) = muting.into_iter().find_map(newest) {
            return format!("inhibited by {}", by.at.0);
        }
        if let Some(by) = newest(spec.alert)
            && !(spec.breaks_through && spec.level > by.level)
        {
            return format!("suppressed by {}", by.at.0);
        }
        if let Some(cooldown) = spec.cooldown {
            let (alert, level) = (spec.alert, spec.level);
            let until = Timestamp(at.0 + cooldown.0);
            self.ledgers[shadow].alerts.push(Raised { alert, at, until, level });
        }
        "alert".to_owned()
    }

    pub(super) fn assign(
        &mut self,
        shadow: usize,
        r: usize,
        emit: &Emit,
        fire: &Fire,
        evidence: Vec<Message>,
    ) {
        let ids = joined(&evidence);
        let known = self.ledgers[shadow].tags.get(&emit.tag.0).cloned();
        let was = known.as_ref().map(|tag| tag.level);
        let fresh: Vec<&Piece> = fire.pieces.iter().filter(|piece| piece.fresh).collect();
        let newest = &fire.pieces[fire.pieces.len() - 1].message;
        let first = fresh.first().map_or(newest, |piece| &piece.message).0;
        let mut tag = known.unwrap_or_else(|| self.new_tag(fire.at, first));
        tag.added.extend(fresh.iter().map(|piece| (piece.from, piece.weight)));
        tag.last = fresh.last().map_or(tag.last, |piece| piece.message.0);
        tag.proof = newest.clone();
        tag.newest.clone_from(&self.set.rules[r].id);
        tag.evidence = evidence;
        if let Score::Fixed(fixed) = emit.score {
            tag.fixed = tag.fixed.max(fixed);
        }
        let (mass, score) = scored(&tag, emit.score, fire.at);
        (tag.mass, tag.score) = ((mass * 1e6).round() / 1e6, score);
        if let (Score::Given, Some(given)) = (emit.score, fire.score) {
            tag.score = if tag.manual { 1.0 } else { (given.max(tag.fixed) * 1e6).round() / 1e6 };
        }
        let spec = &self.set.tags[usize::from(emit.tag.0)];
        tag.level = level(&spec.levels, spec.hysteresis, tag.score, tag.level);
        let kept = tag.manual && !spec.rules_may_remove;
        tag.expires = spec.ttl.filter(|_| !kept).map(|ttl| self.later(fire.at, ttl));
        tag.review = (spec.reviewed && !kept).then(|| self.month_after(fire.at));
        tag.describe();
        let kind = match was {
            None if !self.make_room(shadow, emit.tag, tag.score, fire.at, &ids) => "blocked",
            None => "assign",
            Some(level) if level == tag.level => "refresh",
            Some(_) => "level",
        };
        let mark = if shadow == 1 { " shadow" } else { "" };
        let name = TAGS[usize::from(emit.tag.0)];
        self.out.push(format!("{} {kind} {name}{mark} {} [{ids}]", fire.at.0, tag.line));
        if kind != "blocked" {
            self.ledgers[shadow].tags.insert(emit.tag.0, tag);
            self.ledgers[shadow].changed.insert(emit.tag.0);
        }
    }

    pub(super) fn new_tag(&self, at: Timestamp, first: Timestamp) -> Tag {
        Tag {
            since: at,
            expires: None,
            added: vec![],
            first,
            last: first,
            level: None,
            manual: false,
            score: 0.0,
            mass: 0.0,
            n_by_hand: 0,
            proof: Message::default(),
            review: None,
            newest: String::new(),
            evidence: Vec::new(),
            fixed: 0.0,
            line: String::new(),
        }
    }

    /// What a person does: nothing keeps it from happening.
    pub(super) fn act(&mut self, j: usize, id: u16, assigned: bool) {
        let (at, message) = (self.events[j].at, self.events[j].id.clone());
        if !assigned {
            return self.remove_anyway(0, id, at, "manual", &message);
        }
        let known = self.ledgers[0].tags.get(&id).cloned();
        let kind = if known.is_none() { "assign" } else { "refresh" };
        if known.is_none() {
            for other in self.rivals(0, id) {
                self.remove_anyway(0, other, at, "superseded", &message);
            }
        }
        let mut tag = known.unwrap_or_else(|| self.new_tag(at, at));
        (tag.manual, tag.score, tag.last) = (true, 1.0, at);
        (tag.proof, tag.evidence) = ((at, message.clone()), vec![(at, message.clone())]);
        let spec = &self.set.tags[usize::from(id)];
        let kept = !spec.rules_may_remove;
        tag.expires = spec.ttl.filter(|_| !kept).map(|ttl| self.later(at, ttl));
        tag.review = (spec.reviewed && !kept).then(|| self.month_after(at));
        tag.newest.clear();
        tag.n_by_hand += 1;
        tag.level = spec.levels.len().checked_sub(1);
        tag.describe();
        let name = TAGS[usize::from(id)];
        self.out.push(format!("{} {kind} {name} manual {} [{message}]", at.0, tag.line));
        self.ledgers[0].tags.insert(id, tag);
        self.ledgers[0].changed.insert(id);
    }

    pub(super) fn rivals(&self, shadow: usize, id: u16) -> Vec<u16> {
        let Some(group) = self.set.tags[usize::from(id)].group else { return Vec::new() };
        let group = &self.set.groups[usize::from(group.0)];
        let in_group = |other: &u16| *other != id && group.order.iter().any(|one| one.0 == *other);
        if group.exclusive == Exclusive::None {
            return Vec::new();
        }
        self.ledgers[shadow].tags.keys().copied().filter(in_group).collect()
    }

    /// Whether the group of `tag`, which comes with `score`, lets it in; what it supersedes goes.
    pub(super) fn make_room(
        &mut self,
        shadow: usize,
        tag: TagIdx,
        score: f64,
        at: Timestamp,
        ids: &str,
    ) -> bool {
        let Some(group) = self.set.tags[usize::from(tag.0)].group else { return true };
        let group = &self.set.groups[usize::from(group.0)];
        if group.exclusive == Exclusive::None {
            return true;
        }
        let rank = |id: u16| group.order.iter().position(|one| one.0 == id);
        let keeps_out = |other: &u16| {
            self.is_kept(shadow, *other)
                || match group.exclusive {
                    Exclusive::Forward => rank(*other) > rank(tag.0),
                    Exclusive::Priority => rank(*other) < rank(tag.0),
                    Exclusive::Score => self.score_now(shadow, *other, at) >= score,
                    Exclusive::Latest | Exclusive::None => false,
                }
        };
        let rivals = self.rivals(shadow, tag.0);
        if rivals.iter().any(keeps_out) {
            return false;
        }
        for other in rivals {
            self.remove_anyway(shadow, other, at, "superseded", ids);
        }
        true
    }

    /// Whether a person gave the tag and rules may not take it away.
    pub(super) fn is_kept(&self, shadow: usize, id: u16) -> bool {
        let manual = self.ledgers[shadow].tags.get(&id).is_some_and(|tag| tag.manual);
        manual && !self.set.tags[usize::from(id)].rules_may_remove
    }

    pub(super) fn score_now(&self, shadow: usize, id: u16, at: Timestamp) -> f64 {
        let tag = &self.ledgers[shadow].tags[&id];
        let giver = self.set.rules.iter().find(|rule| rule.id == tag.newest);
        match giver.and_then(|rule| rule.emit.as_ref()).map(|emit| emit.score) {
            None | Some(Score::Given) => tag.score,
            Some(score) => scored(tag, score, at).1,
        }
    }

    /// As a rule asks for: not what a person gave.
    pub(super) fn remove(&mut self, shadow: usize, id: u16, at: Timestamp, reason: &str, ids: &str) {
        if !self.is_kept(shadow, id) {
            self.remove_anyway(shadow, id, at, reason, ids);
        }
    }

    pub(super) fn remove_anyway(&mut self, shadow: usize, id: u16, at: Timestamp, reason: &str, ids: &str) {
        if let Some(tag) = self.ledgers[shadow].tags.remove(&id) {
            self.ledgers[shadow].changed.insert(id);
            let mark = if shadow == 1 { " shadow" } else { "" };
            let name = TAGS[usize::from(id)];
            self.out.push(format!("{} remove {name} {reason}{mark} {} [{ids}]", at.0, tag.line));
        }
    }
}

/// Mass and score of a tag at an instant, from all that was ever added.
pub(super) fn scored(tag: &Tag, score: Score, at: Timestamp) -> (f64, f64) {
    let half = if let Score::Mass { half_life, .. } = score { half_life } else { None };
    let faded =
        |from: Timestamp| half.map_or(1.0, |half| 2f64.powf(-((at.0 - from.0) as f64) / half.0 as f64));
    let mass = tag.added.iter().fold(0.0, |mass, (from, weight)| mass + weight * faded(*from));
    let shown = match score {
        Score::Mass { half_point, .. } => 1.0 - 2f64.powf(-mass.max(0.0) / half_point),
        Score::Fixed(fixed) => fixed,
        Score::Given => tag.score,
    };
    let shown = (shown.max(tag.fixed) * 1e6).round() / 1e6;
    (mass, if tag.manual { 1.0 } else { shown })
}

/// The highest level that is reached; one that was reached before is left only below its cut less the hysteresis.
pub(super) fn level(
    levels: &[(String, f64)],
    hysteresis: f64,
    score: f64,
    known: Option<usize>,
) -> Option<usize> {
    let cut = |i: usize| {
        let held = known.is_some_and(|known| i <= known);
        if held { ((levels[i].1 - hysteresis) * 1e6).round() / 1e6 } else { levels[i].1 }
    };
    (0..levels.len()).take_while(|i| score >= cut(*i)).last()
}
