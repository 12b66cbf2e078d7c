//! Computes fingerprints: hashes of what decides, in a canonical form.
//!
//! The form is JSON with sorted keys, defaults filled in, names in place of
//! numbers (numbers move when a rule is added). Titles, notes, versions and
//! places are not in it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rule::{
    AlertIdx, AlertSpec, Emit, Exemption, Fingerprint, Group, Metric, MetricOf, Ranking, Rule, RuleSet,
    Score, Shape, SignalIdx, Status, Tag, TagIdx,
};
use super::signal_def::{ModelScore, Selector, SignalDef};
use super::signal_file::{SPEAKERS, WORDS};
use crate::lexicon::{Catalog, LexiconIdx};

/// Prints signals, rules and packs.
pub struct Printer<'a> {
    catalog: &'a Catalog,
}

impl<'a> Printer<'a> {
    /// Prints with the terms of `catalog`.
    pub fn new(catalog: &'a Catalog) -> Printer<'a> {
        Printer { catalog }
    }

    /// Returns `set` with all fingerprints filled in.
    pub fn print(&self, mut set: RuleSet) -> RuleSet {
        for signal in &mut set.signals {
            signal.fingerprint = hash(&self.signal(signal));
        }
        let forms: Vec<[Value; 3]> = set
            .rules
            .iter()
            .map(|rule| [rule_form(rule, &set), state_form(rule, &set), self.lexicons(rule, &set)])
            .collect();
        for (rule, [form, state, lexicons]) in set.rules.iter_mut().zip(forms) {
            rule.fingerprint = hash(&form);
            rule.state_fingerprint = hash(&state);
            rule.lexicon_fingerprint = hash(&lexicons);
        }
        set.pack.fingerprint = hash(&self.pack(&set));
        set
    }

    fn signal(&self, signal: &SignalDef) -> Value {
        if let Some(business) = &signal.business {
            return json!({ "kinds": business.kinds, "where": business.tests });
        }
        let near = signal.near.as_ref().map(|near| json!([self.selector(&near.selector), near.chars]));
        let mut form = json!({
            "from": word(SPEAKERS, signal.from),
            "words": word(WORDS, signal.words),
            "chats": signal.chats,
            "kinds": signal.kinds,
            "any": signal.any.iter().map(|selector| self.selector(selector)).collect::<Vec<_>>(),
            "polarity": signal.polarity,
            "unless_any": signal.unless_any.iter().map(|selector| self.selector(selector)).collect::<Vec<_>>(),
            "near": near,
            "host_not_in": signal.host_not_in,
            "mini_program_not_in": signal.mini_program_not_in,
            "member_in": signal.member_in,
            "company_in": signal.company_in,
        });
        if !signal.models.is_empty() {
            let score = |wanted: &ModelScore| json!([wanted.label.name(), wanted.at_least]);
            form["models"] = signal.models.iter().map(score).collect();
        }
        form
    }

    fn selector(&self, selector: &Selector) -> Value {
        let codes: Vec<&str> =
            selector.terms.iter().map(|term| self.catalog.term(*term).code.as_str()).collect();
        json!([self.lexicon(selector.lexicon), codes, selector.flipped])
    }

    fn lexicon(&self, lexicon: LexiconIdx) -> Value {
        let lexicon = self.catalog.lexicon(lexicon);
        json!([lexicon.id, Fingerprint(lexicon.fingerprint()).to_hex()])
    }

    /// Lists the lexicons that a rule depends on.
    fn lexicons(&self, rule: &Rule, set: &RuleSet) -> Value {
        let signals = rule.signals().into_iter();
        let used: BTreeSet<LexiconIdx> =
            signals.flat_map(|signal| lexicons_of(signal_def(set, signal))).collect();
        used.into_iter().map(|lexicon| self.lexicon(lexicon)).collect()
    }

    fn pack(&self, set: &RuleSet) -> Value {
        let pack = &set.pack;
        let rules = set.rules.iter().map(|rule| json!([rule.id, rule.version, rule.fingerprint]));
        let signals = set.signals.iter().map(|signal| json!([signal.id, signal.fingerprint]));
        let lexicons = (0..self.catalog.lexicons().len()).map(|at| self.lexicon(LexiconIdx(at as u16)));
        json!({
            "pack": [pack.name, pack.version, pack.zone.name()],
            "spans": [pack.lateness, pack.recall_horizon],
            "rules": rules.collect::<Vec<_>>(),
            "signals": signals.collect::<Vec<_>>(),
            "tags": set.tags.iter().map(|tag| tag_form(tag, set)).collect::<Vec<_>>(),
            "groups": set.groups.iter().map(|group| group_form(group, set)).collect::<Vec<_>>(),
            "exemptions": set.exemptions.iter().map(|exemption| exemption_form(exemption, set)).collect::<Vec<_>>(),
            "lexicons": lexicons.collect::<Vec<_>>(),
        })
    }
}

fn hash(form: &Value) -> Fingerprint {
    let mut first = [0; 16];
    first.copy_from_slice(&blake3::hash(form.to_string().as_bytes()).as_bytes()[..16]);
    Fingerprint(first)
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

fn lexicons_of(signal: &SignalDef) -> impl Iterator<Item = LexiconIdx> + '_ {
    let near = signal.near.iter().map(|near| near.selector.lexicon);
    signal.any.iter().chain(&signal.unless_any).map(|selector| selector.lexicon).chain(near)
}

fn signal_def(set: &RuleSet, signal: SignalIdx) -> &SignalDef {
    &set.signals[usize::from(signal.0)]
}

fn rule_form(rule: &Rule, set: &RuleSet) -> Value {
    let untag: BTreeSet<&str> = rule.untag.iter().map(|tag| tag_id(*tag, set)).collect();
    json!({
        "key": rule.key,
        "shadow": rule.status == Status::Experimental,
        "shape": shape_form(&rule.shape, set),
        "recall": rule.recall,
        "emit": rule.emit.as_ref().map(|emit| emit_form(emit, set)),
        "untag": untag,
        "alert": rule.alert.as_ref().map(|alert| alert_form(alert, set)),
        "kick": rule.kick,
    })
}

/// What the state of a rule depends on.
fn state_form(rule: &Rule, set: &RuleSet) -> Value {
    json!({ "key": rule.key, "shape": shape_form(&rule.shape, set), "recall": rule.recall })
}

fn alert_form(spec: &AlertSpec, set: &RuleSet) -> Value {
    let id = |alert: AlertIdx| &set.alerts[usize::from(alert.0)];
    let inhibited_by: Vec<&String> = spec.inhibited_by.iter().map(|alert| id(*alert)).collect();
    json!([id(spec.alert), spec.name, spec.level, spec.cooldown, spec.breaks_through, inhibited_by])
}

fn shape_form(shape: &Shape, set: &RuleSet) -> Value {
    let print = |signal: SignalIdx| json!(signal_def(set, signal).fingerprint);
    match shape {
        Shape::Match { signal } => json!({ "match": print(*signal) }),
        Shape::Count { signal, measure, at_least, window, after_fire, per_message_cap } => json!({
            "count": print(*signal), "measure": measure, "at_least": at_least, "window": window,
            "after_fire": after_fire, "per_message_cap": per_message_cap,
        }),
        Shape::Sequence { steps, within, without, same_message } => json!({
            "sequence": steps.iter().map(|step| print(*step)).collect::<Vec<_>>(), "within": within,
            "without": without.map(print), "same_message": same_message,
        }),
        Shape::Absence { since, anchor, cancel, after } => json!({
            "absence": print(*since), "anchor": anchor, "cancel": cancel.map(print), "after": after,
        }),
        Shape::Streak { signal, days } => json!({ "streak": print(*signal), "days": days }),
        Shape::Ratio { numerator, denominator, at_least, min_denominator, window } => json!({
            "ratio": [print(*numerator), print(*denominator)], "at_least": at_least,
            "min_denominator": min_denominator, "window": window,
        }),
        Shape::Cycle { signal, last, min_intervals, open, close } => json!({
            "cycle": print(*signal), "last": last, "min_intervals": min_intervals, "open": open,
            "close": close,
        }),
        Shape::Rank(ranking) => ranking_form(ranking, set),
        Shape::Combine { all, any, none, hold } => json!({
            "combine": [tag_ids(all, set), tag_ids(any, set), tag_ids(none, set)], "hold": hold,
        }),
    }
}

fn ranking_form(ranking: &Ranking, set: &RuleSet) -> Value {
    let print = |signal: SignalIdx| json!(signal_def(set, signal).fingerprint);
    let of = |of: MetricOf| match of {
        MetricOf::DaysSince(signal) => json!({ "days_since": print(signal) }),
        MetricOf::Count(signal) => json!({ "count": print(signal) }),
        MetricOf::Sum(field) => json!({ "sum": field }),
    };
    let metric =
        |metric: &Metric| json!([metric.id, of(metric.of), metric.low_is_better, tag_ids(&metric.tags, set)]);
    json!({
        "rank": print(ranking.population), "months": ranking.months, "window": ranking.window,
        "min_population": ranking.min_population, "bands": ranking.bands,
        "metrics": ranking.metrics.iter().map(metric).collect::<Vec<_>>(),
    })
}

fn tag_ids<'s>(tags: &[TagIdx], set: &'s RuleSet) -> BTreeSet<&'s str> {
    tags.iter().map(|tag| tag_id(*tag, set)).collect()
}

fn emit_form(emit: &Emit, set: &RuleSet) -> Value {
    let score = match emit.score {
        Score::Fixed(fixed) => json!({ "fixed": fixed }),
        Score::Given => json!("given"),
        Score::Mass { half_point, half_life } => json!({ "half_point": half_point, "half_life": half_life }),
    };
    let clear_on = emit.clear_on.map(|signal| signal_def(set, signal).fingerprint);
    json!({ "tag": tag_id(emit.tag, set), "score": score, "clear_on": clear_on })
}

fn tag_id(tag: TagIdx, set: &RuleSet) -> &str {
    &set.tags[usize::from(tag.0)].id
}

fn tag_form(tag: &Tag, set: &RuleSet) -> Value {
    let group = tag.group.map(|group| &set.groups[usize::from(group.0)].id);
    json!([
        tag.id,
        tag.path,
        group,
        tag.ttl,
        tag.reviewed,
        tag.levels,
        tag.hysteresis,
        tag.rules_may_remove,
        tag.retires
    ])
}

fn group_form(group: &Group, set: &RuleSet) -> Value {
    let order: Vec<&str> = group.order.iter().map(|tag| tag_id(*tag, set)).collect();
    json!([group.id, group.exclusive, order])
}

fn exemption_form(exemption: &Exemption, set: &RuleSet) -> Value {
    let rules: Vec<&str> =
        exemption.rules.iter().map(|rule| set.rules[usize::from(rule.0)].id.as_str()).collect();
    json!([exemption.id, exemption.roles, exemption.members, rules, exemption.until.map(|day| day.to_iso())])
}
