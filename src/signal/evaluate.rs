//! Evaluates signals on annotated messages.
//!
//! Each mention leads to the signals its term belongs to; signals that need no
//! mention are tried on every message. Cost: the number of mentions times the
//! signals of their terms, plus the signals without terms.

use std::cell::OnceCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::host;
use super::{Act, Event, Hit, Opinion, Sign};
use crate::business::{BusinessEvent, BusinessKind};
use crate::lexicon::{Catalog, TermIdx};
use crate::mention::{Layer, Mention, Wanted};
use crate::message::{ChatKind, KeyKind, Message, NumberField, Role, RoomRole, TextScope, acting_seq};
use crate::model::{Label, Models};
use crate::rules::{Business, ExemptRole, Exemption, Near, RuleSet, Selector, SignalDef, SignalIdx};
use crate::rules::{Speaker, TagIdx, Words};
use crate::time::Zone;

/// Evaluates the signals of one rule set. Built once, shared by all threads.
pub struct Evaluator {
    zone: Zone,
    signals: Vec<SignalDef>,
    exemptions: Vec<Exemption>,
    models: Arc<Models>,
    /// Where the signals of term `i` begin in `by_term`; one longer than there are terms.
    first_of_term: Vec<u32>,
    by_term: Vec<Use>,
    /// By [`situation`]: the signals of messages that need no mention.
    plain: Vec<Vec<SignalIdx>>,
    /// By [`situation`]: the lexicons that some signal asks for.
    wanted: Vec<Wanted>,
    /// Signals of business events.
    business: Vec<SignalIdx>,
    /// Tags by id and by path, sorted.
    tags: Vec<(String, TagIdx)>,
    /// Signals that a model's score makes true.
    modelled: Vec<SignalIdx>,
    /// The kind of key that each tag belongs to.
    tag_keys: Vec<KeyKind>,
}

/// A signal that counts a term.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Use {
    signal: SignalIdx,
    flipped: bool,
}

/// What is asked once about a message, however many signals ask.
struct Links<'m, 'a> {
    message: &'m Message<'a>,
    own: OnceCell<Vec<String>>,
    all: OnceCell<Vec<String>>,
}

impl Evaluator {
    /// Prepares the signals and exemptions of `rules`, whose terms are those of `catalog`.
    pub fn new(rules: &RuleSet, catalog: &Catalog) -> Evaluator {
        let (first_of_term, by_term) = uses_by_term(rules, catalog);
        let situations = || ROLES.iter().flat_map(|role| CHATS.iter().map(|chat| (*role, *chat)));
        Evaluator {
            zone: rules.pack.zone.clone(),
            signals: rules.signals.clone(),
            exemptions: rules.exemptions.clone(),
            models: Arc::default(),
            first_of_term,
            by_term,
            plain: situations().map(|(role, chat)| plain_signals(rules, role, chat)).collect(),
            wanted: situations().map(|(role, chat)| wanted_lexicons(rules, role, chat)).collect(),
            business: business_signals(rules),
            tags: tags_by_name(rules),
            modelled: modelled_signals(rules),
            tag_keys: tag_keys(rules),
        }
    }

    /// Asks `models` where a signal does, and about hits in another spelling.
    #[must_use]
    pub fn with_models(self, models: Arc<Models>) -> Evaluator {
        Evaluator { models, ..self }
    }

    /// Returns the lexicons whose mentions in `message` can make a signal true.
    pub fn wanted(&self, message: &Message<'_>) -> &Wanted {
        &self.wanted[situation(message)]
    }

    /// Replaces the contents of `out` with what `message` says, given its `mentions`.
    pub fn evaluate(&self, message: &Message<'_>, mentions: &[Mention], catalog: &Catalog, out: &mut Event) {
        out.clear();
        out.at = message.at;
        out.seq = acting_seq(message.seq);
        out.id.push_str(&message.id);
        out.numbers.extend_from_slice(&message.numbers);
        out.exemptions = self.exemptions_of(message);
        let links = Links { message, own: OnceCell::new(), all: OnceCell::new() };
        let uses = self.uses_in(mentions);
        let mut plain = self.plain[situation(message)].iter().copied().peekable();
        for group in uses.chunk_by(|a, b| a.0 == b.0) {
            let signal = group[0].0;
            while let Some(earlier) = plain.next_if(|plain| *plain < signal) {
                self.try_plain(earlier, &links, out);
            }
            self.try_mentions(signal, group, mentions, catalog, &links, out);
        }
        plain.for_each(|signal| self.try_plain(signal, &links, out));
        self.try_modelled(&links, out);
        if out.hits.iter().any(|hit| hit.layer == Layer::Variant) {
            out.advertises = self.opinion(Label::Ad, message);
        }
    }

    /// Adds the signals that a score makes true and no mention did.
    fn try_modelled(&self, links: &Links<'_, '_>, out: &mut Event) {
        for signal in &self.modelled {
            let def = &self.signals[usize::from(signal.0)];
            if out.sign(*signal).is_none() && holds(def, links) && self.is_scored(def, links.message) {
                let at = out.signals.partition_point(|sign| sign.signal < *signal);
                out.signals.insert(at, Sign { signal: *signal, first_hit: 0, n_hits: 0 });
            }
        }
    }

    fn is_scored(&self, def: &SignalDef, message: &Message<'_>) -> bool {
        let mut scores = def.models.iter();
        scores.any(|wanted| {
            self.opinion(wanted.label, message)
                .is_some_and(|opinion| f64::from(opinion.score) >= wanted.at_least)
        })
    }

    /// Returns what the model for `label` says of the sender's own words; `None` without a model or words.
    pub fn opinion(&self, label: Label, message: &Message<'_>) -> Option<Opinion> {
        let scorer = self.models.get(label)?;
        let own = message.parts.iter().filter(|part| part.scope == TextScope::Own);
        let score = own.map(|part| scorer.score(&part.text)).max_by(f64::total_cmp)?;
        Some(Opinion { score: score as f32, holds: score >= scorer.card().threshold })
    }

    /// Replaces the contents of `out` with what `event` says.
    pub fn evaluate_business(&self, event: &BusinessEvent, out: &mut Event) {
        out.clear();
        out.at = event.at;
        // Before all messages of its millisecond: see `acting_seq`.
        out.seq = 0;
        out.id.push_str(&event.id);
        for (name, field) in [("amount_fen", NumberField::AmountFen), ("seconds", NumberField::Seconds)] {
            let sign = if event.kind == BusinessKind::Refund { -1 } else { 1 };
            out.numbers.extend(event.number(name).map(|number| (field, number.saturating_mul(sign))));
        }
        if event.kind == BusinessKind::Tag {
            let assigned = event.text("action") != Some("remove");
            let tag = event.text("tag").and_then(|name| self.tag(name));
            out.acts.extend(tag.map(|tag| Act { tag, assigned, key: self.tag_keys[usize::from(tag.0)] }));
        }
        let meets = |business: &Business| {
            business.kinds.contains(&event.kind)
                && business.tests.iter().all(|(name, test)| test.holds(event.field(name)))
        };
        let is_true =
            |signal: &&SignalIdx| self.signals[usize::from(signal.0)].business.as_ref().is_some_and(meets);
        let signs = self.business.iter().filter(is_true);
        out.signals.extend(signs.map(|signal| Sign { signal: *signal, first_hit: 0, n_hits: 0 }));
    }

    /// Finds a tag by its id or its path.
    pub fn tag(&self, name: &str) -> Option<TagIdx> {
        let at = self.tags.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(self.tags[at].1)
    }

    /// Returns the signals that count one of `mentions`, with the mention's place, sorted.
    fn uses_in(&self, mentions: &[Mention]) -> SmallVec<[(SignalIdx, u16); 32]> {
        let mut uses = SmallVec::new();
        for (idx, mention) in (0..u16::MAX).zip(mentions) {
            let counts = |used: &&Use| used.flipped == mention.flipped;
            uses.extend(self.uses_of(mention.term).iter().filter(counts).map(|used| (used.signal, idx)));
        }
        uses.sort_unstable();
        uses.dedup();
        uses
    }

    fn uses_of(&self, term: TermIdx) -> &[Use] {
        let at = term.0 as usize;
        match self.first_of_term.get(at..at + 2) {
            Some(ends) => &self.by_term[ends[0] as usize..ends[1] as usize],
            None => &[],
        }
    }

    fn try_plain(&self, signal: SignalIdx, links: &Links<'_, '_>, out: &mut Event) {
        if holds(&self.signals[usize::from(signal.0)], links) {
            out.signals.push(Sign { signal, first_hit: 0, n_hits: 0 });
        }
    }

    fn try_mentions(
        &self,
        signal: SignalIdx,
        group: &[(SignalIdx, u16)],
        mentions: &[Mention],
        catalog: &Catalog,
        links: &Links<'_, '_>,
        out: &mut Event,
    ) {
        let def = &self.signals[usize::from(signal.0)];
        if !holds(def, links) {
            return;
        }
        let first = out.hits.len();
        let room = MAX_HITS.saturating_sub(first);
        let counting =
            group.iter().map(|(_, idx)| usize::from(*idx)).filter(|idx| counts(def, *idx, mentions));
        let hits = counting.take(room).map(|idx| hit(links.message, &mentions[idx], catalog));
        out.hits.extend(hits);
        let n_hits = out.hits.len() - first;
        if n_hits > 0 {
            out.signals.push(Sign { signal, first_hit: first as u16, n_hits: n_hits as u16 });
        }
    }

    fn exemptions_of(&self, message: &Message<'_>) -> u64 {
        let mut bits = 0;
        for (bit, exemption) in self.exemptions.iter().enumerate().take(64) {
            let in_time = || exemption.until.is_none_or(|until| self.zone.day(message.at) < until);
            if is_meant(exemption, message) && in_time() {
                bits |= 1 << bit;
            }
        }
        bits
    }
}

/// Returns the kind of key of each tag: that of the rules that give it; a tag that only people give
/// is the customer's.
fn tag_keys(rules: &RuleSet) -> Vec<KeyKind> {
    let mut keys = vec![KeyKind::Customer; rules.tags.len()];
    for rule in &rules.rules {
        rule.tags().iter().for_each(|tag| keys[usize::from(tag.0)] = rule.key);
    }
    keys
}

fn tags_by_name(rules: &RuleSet) -> Vec<(String, TagIdx)> {
    let numbered = || (0..).map(TagIdx).zip(&rules.tags);
    let mut tags: Vec<(String, TagIdx)> = numbered().map(|(idx, tag)| (tag.path.join("/"), idx)).collect();
    tags.extend(numbered().map(|(idx, tag)| (tag.id.clone(), idx)));
    tags.sort();
    tags.dedup_by(|one, other| one.0 == other.0);
    tags
}

const ROLES: [Role; 3] = [Role::Customer, Role::Staff, Role::Bot];
const CHATS: [ChatKind; 3] = [ChatKind::OneToOne, ChatKind::Group, ChatKind::Internal];

/// Returns the number of the message's situation: what its sender is, in what kind of chat.
fn situation(message: &Message<'_>) -> usize {
    message.role as usize * CHATS.len() + message.chat as usize
}

/// Returns whether what `role` says in `chat` can make the signal true.
fn can_hold(def: &SignalDef, role: Role, chat: ChatKind) -> bool {
    speaks(def.from, role, chat) && (def.chats.is_empty() || def.chats.contains(&chat))
}

/// Returns whether the signal is about messages and needs no mention.
fn is_plain(def: &SignalDef) -> bool {
    def.any.is_empty() && def.models.is_empty() && def.business.is_none()
}

fn modelled_signals(rules: &RuleSet) -> Vec<SignalIdx> {
    let numbered = (0..).map(SignalIdx).zip(&rules.signals);
    numbered.filter(|(_, def)| !def.models.is_empty()).map(|(signal, _)| signal).collect()
}

fn business_signals(rules: &RuleSet) -> Vec<SignalIdx> {
    let numbered = (0..).map(SignalIdx).zip(&rules.signals);
    numbered.filter(|(_, def)| def.business.is_some()).map(|(signal, _)| signal).collect()
}

fn plain_signals(rules: &RuleSet, role: Role, chat: ChatKind) -> Vec<SignalIdx> {
    let numbered = (0..).map(SignalIdx).zip(&rules.signals);
    let plain = numbered.filter(|(_, def)| is_plain(def) && can_hold(def, role, chat));
    plain.map(|(signal, _)| signal).collect()
}

/// Returns the lexicons that signals look at in what `role` says in `chat`. What must or must
/// not stand near a mention stands in the same part, so it is looked for in the same words.
fn wanted_lexicons(rules: &RuleSet, role: Role, chat: ChatKind) -> Wanted {
    let mut wanted = Wanted::default();
    for def in rules.signals.iter().filter(|def| can_hold(def, role, chat)) {
        let near = def.near.iter().map(|near| &near.selector);
        for selector in def.any.iter().chain(&def.unless_any).chain(near) {
            wanted.own.insert(selector.lexicon);
            if def.words == Words::OwnAndShared {
                wanted.shared.insert(selector.lexicon);
            }
        }
    }
    wanted
}

/// Lists, for each term, the signals that count it.
fn uses_by_term(rules: &RuleSet, catalog: &Catalog) -> (Vec<u32>, Vec<Use>) {
    let mut pairs: Vec<(TermIdx, Use)> = Vec::new();
    for (signal, def) in (0..).map(SignalIdx).zip(&rules.signals) {
        for Selector { terms, flipped, .. } in &def.any {
            pairs.extend(terms.iter().map(|term| (*term, Use { signal, flipped: *flipped })));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let n_terms = catalog.n_terms() as u32;
    let begins = |term: u32| pairs.partition_point(|(known, _)| known.0 < term) as u32;
    ((0..=n_terms).map(begins).collect(), pairs.iter().map(|(_, used)| *used).collect())
}

/// Returns whether all conditions hold that are not about mentions.
fn holds(def: &SignalDef, links: &Links<'_, '_>) -> bool {
    let message = links.message;
    speaks(def.from, message.role, message.chat)
        && (def.chats.is_empty() || def.chats.contains(&message.chat))
        && (def.kinds.is_empty() || def.kinds.contains(&message.kind))
        && def.member_in.as_ref().is_none_or(|list| contains(list, &message.speaker))
        && def
            .company_in
            .as_ref()
            .is_none_or(|list| message.company.as_deref().is_some_and(|c| contains(list, c)))
        && def
            .mini_program_not_in
            .as_ref()
            .is_none_or(|list| is_foreign(list, message.mini_program.as_deref()))
        && def.host_not_in.as_ref().is_none_or(|list| links.any_outside(list, def.words))
}

fn speaks(from: Speaker, role: Role, chat: ChatKind) -> bool {
    match from {
        Speaker::Anyone => true,
        Speaker::Customer => role == Role::Customer,
        Speaker::Staff => role == Role::Staff,
        Speaker::Bot => role == Role::Bot,
        Speaker::ExternalMember => role == Role::Customer && chat == ChatKind::Group,
    }
}

fn contains(sorted: &[String], value: &str) -> bool {
    sorted.binary_search_by(|known| known.as_str().cmp(value)).is_ok()
}

fn is_foreign(allowed: &[String], mini_program: Option<&str>) -> bool {
    mini_program.is_some_and(|id| !contains(allowed, id))
}

impl Links<'_, '_> {
    /// Returns whether the message points to a host that `allowed` does not cover.
    fn any_outside(&self, allowed: &[String], words: Words) -> bool {
        let cell = if words == Words::Own { &self.own } else { &self.all };
        let hosts = cell.get_or_init(|| host::hosts(self.message, words));
        hosts.iter().any(|host| !host::is_covered(host, allowed))
    }
}

/// Returns whether the mention at `idx` counts for the signal.
fn counts(def: &SignalDef, idx: usize, mentions: &[Mention]) -> bool {
    let mention = &mentions[idx];
    let spoken = match mention.scope {
        TextScope::Own => true,
        TextScope::Shared => def.words == Words::OwnAndShared,
        TextScope::Machine | TextScope::Quoted => false,
    };
    spoken
        && (def.polarity.is_empty() || def.polarity.contains(&mention.polarity))
        && def.near.as_ref().is_none_or(|near| is_near(near, idx, mentions))
        && !is_ruled_out(def, mention, mentions)
}

/// Returns whether something stands in the part of `mention` that keeps it from counting.
fn is_ruled_out(def: &SignalDef, mention: &Mention, mentions: &[Mention]) -> bool {
    let chosen = |other: &Mention| def.unless_any.iter().any(|selector| selects(selector, other));
    !def.unless_any.is_empty() && mentions.iter().any(|other| other.part == mention.part && chosen(other))
}

fn selects(selector: &Selector, mention: &Mention) -> bool {
    mention.flipped == selector.flipped && selector.terms.binary_search(&mention.term).is_ok()
}

/// Returns whether another mention that `near` chooses stands close enough, in the same part.
fn is_near(near: &Near, idx: usize, mentions: &[Mention]) -> bool {
    let this = &mentions[idx];
    let close = |other: &Mention| {
        let gap = other.chars.start.max(this.chars.start).saturating_sub(other.chars.end.min(this.chars.end));
        other.part == this.part && gap <= near.chars
    };
    let mut others = mentions.iter().enumerate().filter(|(at, _)| *at != idx);
    others.any(|(_, other)| selects(&near.selector, other) && close(other))
}

fn hit(message: &Message<'_>, mention: &Mention, catalog: &Catalog) -> Hit {
    let term = catalog.term(mention.term);
    let part = message.parts.get(usize::from(mention.part));
    let range = mention.bytes.start as usize..mention.bytes.end as usize;
    let surface = part.and_then(|part| part.text.get(range)).filter(|surface| *surface != term.text);
    Hit {
        term: mention.term,
        part: mention.part,
        start: mention.chars.start,
        end: mention.chars.end,
        layer: mention.layer,
        polarity: mention.polarity,
        weight: term.weight,
        surface: surface.map(Box::from),
    }
}

fn is_meant(exemption: &Exemption, message: &Message<'_>) -> bool {
    let has = |role: &ExemptRole| match role {
        ExemptRole::Owner => message.room_role == RoomRole::Owner,
        ExemptRole::Admin => message.room_role == RoomRole::Admin,
        ExemptRole::Staff => message.role == Role::Staff,
        ExemptRole::Bot => message.role == Role::Bot,
    };
    exemption.roles.iter().any(has) || contains(&exemption.members, &message.speaker)
}

/// Most hits of one message: [`Sign`] counts them in 16 bits. Later ones are left out.
const MAX_HITS: usize = u16::MAX as usize;
