//! What `check` finds in a sound bundle by trying it: known gaps that are closed, words that lead to two
//! tags of which only one can stand, words that WeCom cannot hold.

use std::collections::BTreeMap;

use crate::bundle::Bundle;
use crate::diagnostic::{self, Diagnostic, Place};
use crate::language::fold;
use crate::lexicon::{Term, TermIdx};
use crate::rules::{Exclusive, Rule, RuleSet, Shape, SignalDef, Tag};

use super::wecom::{self, MAX_INTERCEPT_RULES, MAX_RULES, MAX_WORD_CHARS};

/// Returns what trying shows: `N204`, `W103`, `W116`, `W117`.
pub fn findings(bundle: &Bundle) -> Vec<Diagnostic> {
    let mut findings = closed_gaps(bundle);
    findings.extend(torn_words(bundle));
    findings.extend(beyond_wecom(bundle));
    findings.extend(odd_version(&bundle.rules.pack.version));
    diagnostic::sort(&mut findings);
    findings.dedup();
    findings
}

/// `W116`: a version that `diff` and `pack build --bump` cannot count on.
fn odd_version(version: &str) -> Option<Diagnostic> {
    let parts: Vec<&str> = version.split('.').collect();
    let counts = parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok());
    let (zh, en) =
        (format!("版本号 “{version}” 不是三个数"), format!("version `{version}` is not three numbers"));
    (!counts).then(|| {
        Diagnostic::new("W116", Place::new("pack.toml", 0, 0), zh, en)
            .with_help("写成 version = \"1.2.3\"", "write version = \"1.2.3\"")
    })
}

/// `N204`: tests marked `todo` that pass.
fn closed_gaps(bundle: &Bundle) -> Vec<Diagnostic> {
    let known = bundle.scenarios.iter().filter(|scenario| scenario.todo);
    let run = |scenario: &crate::scenario::Scenario| {
        scenario.run(&bundle.rules, &bundle.catalog, &bundle.annotator).finding()
    };
    known.filter_map(run).collect()
}

/// `W103`: one word in two lists that make a customer two things of which only one can be true.
///
/// Only rules that one signal alone fires are compared: of longer stories a word is a part and no proof. A
/// ladder (`forward`) is meant to be climbed, so its tags do not contradict each other.
fn torn_words(bundle: &Bundle) -> Vec<Diagnostic> {
    let proofs: Vec<Proof<'_>> =
        bundle.rules.rules.iter().filter_map(|rule| Proof::of(rule, &bundle.rules)).collect();
    let mut found = Vec::new();
    for (at, one) in proofs.iter().enumerate() {
        for other in &proofs[at + 1..] {
            if one.contradicts(other) {
                found.extend(one.shared(other, bundle));
            }
        }
    }
    found
}

/// A rule that fires on one signal, and the tag of an exclusive group that it gives.
struct Proof<'b> {
    rule: &'b Rule,
    signal: &'b SignalDef,
    tag: &'b Tag,
}

impl<'b> Proof<'b> {
    fn of(rule: &'b Rule, set: &'b RuleSet) -> Option<Proof<'b>> {
        let (Shape::Match { signal } | Shape::Count { signal, .. }) = &rule.shape else { return None };
        let tag = &set.tags[usize::from(rule.emit.as_ref()?.tag.0)];
        let group = &set.groups[usize::from(tag.group?.0)];
        let excludes = !matches!(group.exclusive, Exclusive::None | Exclusive::Forward);
        excludes.then(|| Proof { rule, signal: &set.signals[usize::from(signal.0)], tag })
    }

    fn contradicts(&self, other: &Proof<'_>) -> bool {
        self.tag.group == other.tag.group
            && self.tag.id != other.tag.id
            && self.signal.id != other.signal.id
            && self.signal.from == other.signal.from
            && self.rule.key == other.rule.key
    }

    /// The spellings of this rule's words, each with its first term.
    fn words(&self, bundle: &'b Bundle) -> BTreeMap<String, (TermIdx, &'b Term)> {
        let terms = self.signal.any.iter().filter(|selector| !selector.flipped);
        let mut words = BTreeMap::new();
        for idx in terms.flat_map(|selector| selector.terms.iter().copied()) {
            let term = bundle.catalog.term(idx);
            for spelling in term.spellings().filter(|_| term.enabled && term.mode.is_literal()) {
                words.entry(fold(spelling)).or_insert((idx, term));
            }
        }
        words
    }

    fn shared(&self, other: &Proof<'b>, bundle: &'b Bundle) -> Vec<Diagnostic> {
        let (own, theirs) = (self.words(bundle), other.words(bundle));
        let shared = own.iter().filter_map(|(word, (idx, term))| {
            let (other_idx, known) = theirs.get(word)?;
            (idx != other_idx).then(|| self.torn(other, word, term, known))
        });
        shared.collect()
    }

    fn torn(&self, other: &Proof<'_>, word: &str, term: &Term, known: &Term) -> Diagnostic {
        let (tag, against, place) = (&self.tag.id, &other.tag.id, &known.place);
        let (zh, en) = (
            format!("`{word}` 在此引向标签 “{tag}”，在 {place} 引向同组互斥的 “{against}”"),
            format!("`{word}` leads to tag `{tag}` here and at {place} to `{against}`, which excludes it"),
        );
        Diagnostic::new("W103", term.place.clone(), zh, en)
            .with_help("只在一个词表里保留它", "keep it in one of the lists")
    }
}

/// `W117`: what an export to WeCom would have to leave out or spread over several owners.
fn beyond_wecom(bundle: &Bundle) -> Vec<Diagnostic> {
    let export = wecom::keywords(bundle, &[], &[]);
    let too_long = export.left_out.iter().filter(|left| left.reason == "too_long");
    let word = |left: &wecom::LeftOut| {
        let lexicon = bundle.catalog.lexicon(bundle.catalog.find(&left.lexicon)?);
        let term = lexicon.terms().iter().find(|term| term.code == left.code)?;
        let (zh, en) = (
            format!("“{}” 超过 {MAX_WORD_CHARS} 个字，企业微信的关键词规则放不下", left.text),
            format!("`{}` is longer than the {MAX_WORD_CHARS} characters of a WeCom keyword", left.text),
        );
        Some(limit(term, zh, en))
    };
    let mut found: Vec<Diagnostic> = too_long.filter_map(word).collect();
    let counts = [
        (export.keyword_rules.len(), MAX_RULES, ("防骚扰规则", "anti-harassment rules")),
        (export.intercept_rules.len(), MAX_INTERCEPT_RULES, ("敏感词规则", "intercept rules")),
    ];
    for (n, most, (zh, en)) in counts.into_iter().filter(|(n, most, _)| n > most) {
        let (zh, en) = (
            format!("踢人词要 {n} 条{zh}，企业微信上限 {most}"),
            format!("kick words need {n} {en}; WeCom takes {most}"),
        );
        let place = Place::new("lexicons", 0, 0);
        found.push(Diagnostic::new("W117", place, zh, en).with_help(
            "停用不需要的词，或分给几位管理员配置",
            "switch words off, or spread the rules over several administrators",
        ));
    }
    found
}

fn limit(term: &Term, zh: String, en: String) -> Diagnostic {
    Diagnostic::new("W117", term.place.clone(), zh, en).with_help(
        "写短一些；导出时不会替你截断，会列进 left_out.csv",
        "shorten it; the export cuts nothing and lists it in left_out.csv",
    )
}
