//! Turns kick rules into keyword rules of WeCom, and tag changes into calls of `mark_tag`.
//!
//! WeCom limits how much one rule holds; what is more becomes more rules. Nothing is shortened:
//! what WeCom cannot hold is listed with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::bundle::Bundle;
use crate::error::Error;
use crate::language::fold;
use crate::lexicon::{self, Mode, Term, TermIdx};
use crate::rules::{KickAction, Rule};

use super::tables::{self, Rows, TableError};

/// What WeCom is to be told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WecomExport {
    /// Anti-harassment rules of groups.
    pub keyword_rules: Vec<KeywordRule>,
    /// Intercept rules of sensitive words, for employees' messages.
    pub intercept_rules: Vec<InterceptRule>,
    /// What WeCom cannot hold, with the reason.
    pub left_out: Vec<LeftOut>,
    /// How many keyword rules each owner class may have; more must be spread over owners.
    pub rules_beyond_limit: usize,
    /// The groups, in the steps in which they are configured; empty without a list of groups.
    pub group_batches: Vec<GroupBatch>,
}

/// One anti-harassment rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct KeywordRule {
    /// Its name, at most 20 characters.
    pub name: String,
    /// The rule it comes from.
    pub rule: String,
    /// What WeCom does: `kick_block`, `kick`, `warn`.
    pub action: &'static str,
    /// At most 100.
    pub keywords: Vec<String>,
}

/// One intercept rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct InterceptRule {
    /// Its name, at most 20 characters.
    pub name: String,
    /// The rule it comes from.
    pub rule: String,
    /// At most 300, each of 1 to 32 characters.
    pub words: Vec<String>,
}

/// Something that WeCom cannot hold.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LeftOut {
    /// The rule.
    pub rule: String,
    /// The lexicon.
    pub lexicon: String,
    /// The term's id.
    pub code: String,
    /// The text.
    pub text: String,
    /// `regex`, `detector`, `companion`, `too_long`, `not_enabled`.
    pub reason: &'static str,
}

/// Groups that one rule can be applied to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GroupBatch {
    /// At most 2,000 groups each: WeCom takes no more in one step.
    pub steps: Vec<Vec<String>>,
}

/// Keywords in one anti-harassment rule. Source: WeCom administrator help, as the design cites it.
pub const MAX_KEYWORDS: usize = 100;
/// Groups of one anti-harassment rule.
pub const MAX_GROUPS: usize = 20_000;
/// Groups that can be chosen in one step of the configuration.
pub const MAX_GROUPS_PER_STEP: usize = 2_000;
/// Anti-harassment rules of one owner class.
pub const MAX_RULES: usize = 1_000;
/// Words in one intercept rule.
pub const MAX_WORDS: usize = 300;
/// Characters of one word of an intercept rule.
pub const MAX_WORD_CHARS: usize = 32;
/// Intercept rules of a company.
pub const MAX_INTERCEPT_RULES: usize = 100;
/// Characters of a rule's name.
pub const MAX_NAME_CHARS: usize = 20;
/// Calls of `mark_tag` at one time.
pub const MAX_CONCURRENT_CALLS: usize = 5;

/// Exports the keywords of the kick rules `rules` (all when empty), for the groups `groups`.
pub fn keywords(bundle: &Bundle, rules: &[String], groups: &[String]) -> WecomExport {
    let mut export = WecomExport::default();
    let wanted = |rule: &&Rule| rule.kick.is_some() && (rules.is_empty() || rules.contains(&rule.id));
    for rule in bundle.rules.rules.iter().filter(wanted) {
        export_rule(bundle, rule, &mut export);
    }
    export.rules_beyond_limit = export.keyword_rules.len().saturating_sub(MAX_RULES);
    export.group_batches = groups
        .chunks(MAX_GROUPS)
        .map(|batch| GroupBatch {
            steps: batch.chunks(MAX_GROUPS_PER_STEP).map(<[String]>::to_vec).collect(),
        })
        .collect();
    export
}

fn export_rule(bundle: &Bundle, rule: &Rule, export: &mut WecomExport) {
    let mut words: Vec<String> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for idx in terms_of(bundle, rule) {
        let term = bundle.catalog.term(idx);
        let mut leave = |text: &str, reason| {
            let lexicon = bundle.catalog.lexicon(bundle.catalog.lexicon_of(idx)).id.clone();
            let (rule, code, text) = (rule.id.clone(), term.code.clone(), text.to_owned());
            export.left_out.push(LeftOut { rule, lexicon, code, text, reason });
        };
        match not_plain(term) {
            Some(reason) => leave(&term.text, reason),
            None => {
                for word in term.spellings().map(str::trim).filter(|word| !word.is_empty()) {
                    if word.chars().count() > MAX_WORD_CHARS {
                        leave(word, "too_long");
                    } else if seen.insert(fold(word)) {
                        words.push(word.to_owned());
                    }
                }
            }
        }
    }
    let action = match rule.kick {
        Some(KickAction::KickBlock) => "kick_block",
        Some(KickAction::Kick) => "kick",
        _ => "warn",
    };
    let parts = words.chunks(MAX_KEYWORDS).enumerate().map(|(at, part)| KeywordRule {
        name: name(&rule.id, at),
        rule: rule.id.clone(),
        action,
        keywords: part.to_vec(),
    });
    export.keyword_rules.extend(parts);
    let parts = words.chunks(MAX_WORDS).enumerate().map(|(at, part)| InterceptRule {
        name: name(&rule.id, at),
        rule: rule.id.clone(),
        words: part.to_vec(),
    });
    export.intercept_rules.extend(parts);
}

/// Why WeCom cannot hold a term as a keyword: it only knows "contains".
fn not_plain(term: &Term) -> Option<&'static str> {
    match term {
        Term { enabled: false, .. } => Some("not_enabled"),
        Term { mode: Mode::Regex, .. } => Some("regex"),
        Term { mode: Mode::Detector, .. } => Some("detector"),
        Term { companions, .. } if !companions.is_empty() => Some("companion"),
        _ => None,
    }
}

/// The terms whose mention makes the rule's signals true, in lexicon order.
fn terms_of(bundle: &Bundle, rule: &Rule) -> BTreeSet<TermIdx> {
    let signals = rule.signals().into_iter().map(|signal| &bundle.rules.signals[usize::from(signal.0)]);
    signals.flat_map(|signal| signal.any.iter().flat_map(|selector| selector.terms.iter().copied())).collect()
}

/// The name of part `at` of a rule, at most 20 characters: ids are cut, numbers are not.
fn name(rule: &str, at: usize) -> String {
    let number = format!("-{}", at + 1);
    let room = MAX_NAME_CHARS - number.chars().count();
    rule.chars().take(room).chain(number.chars()).collect()
}

/// One call of `mark_tag`.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct MarkTag {
    /// The employee who follows the customer.
    pub userid: String,
    /// The customer.
    pub external_userid: String,
    /// WeCom ids of tags to add.
    pub add_tag: Vec<String>,
    /// WeCom ids of tags to take away.
    pub remove_tag: Vec<String>,
}

/// What changed since the last export.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TagDeltas {
    /// The calls, by employee and customer.
    pub calls: Vec<MarkTag>,
    /// Tags that the map does not name, with how many changes wait for it.
    pub unmapped: BTreeMap<String, u64>,
    /// Customers without a known follower, with how many changes wait for one.
    pub without_follower: BTreeMap<String, u64>,
    /// The commit to name as `--since` next time.
    pub commit: u64,
}

/// Works out the changes of customers' tags between the commit `since` (none: nothing was exported
/// yet) and the newest one of the output directory `out`.
///
/// # Errors
///
/// The tables cannot be read, or `since` is no commit that can be.
pub fn tag_deltas(
    out: &Path,
    since: Option<u64>,
    tag_map: &BTreeMap<String, String>,
    followers: &BTreeMap<String, BTreeSet<String>>,
) -> Result<TagDeltas, TableError> {
    let newest = newest_snapshot(out);
    let now = standing(out, &format!("snapshots/{newest}"))?;
    let before = match since {
        Some(since) if !out.join(format!("snapshots/{since}")).exists() => {
            let known = snapshots(out).iter().map(u64::to_string).collect::<Vec<_>>();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Error::argument_one_of("commit that can be read", &since.to_string(), &known).into());
        }
        Some(since) => standing(out, &format!("snapshots/{since}"))?,
        None => BTreeSet::new(),
    };
    let mut deltas = TagDeltas { commit: newest, ..TagDeltas::default() };
    let mut calls: BTreeMap<(String, String), MarkTag> = BTreeMap::new();
    let added = now.difference(&before).map(|one| (one, true));
    let removed = before.difference(&now).map(|one| (one, false));
    for (held, adds) in added.chain(removed) {
        let Some(tag) = tag_map.get(&held.tag) else {
            *deltas.unmapped.entry(held.tag.clone()).or_default() += 1;
            continue;
        };
        let known = followers.get(&held.customer).cloned().unwrap_or_default();
        let staff = if held.staff.is_empty() { known } else { BTreeSet::from([held.staff.clone()]) };
        if staff.is_empty() {
            *deltas.without_follower.entry(held.customer.clone()).or_default() += 1;
        }
        for userid in staff {
            let (userid, external_userid) = (userid, held.customer.clone());
            let call = calls.entry((userid.clone(), external_userid.clone())).or_insert_with(|| MarkTag {
                userid,
                external_userid,
                ..MarkTag::default()
            });
            if adds { call.add_tag.push(tag.clone()) } else { call.remove_tag.push(tag.clone()) }
        }
    }
    deltas.calls = calls.into_values().map(settled).filter(|call| !call.is_empty()).collect();
    Ok(deltas)
}

impl MarkTag {
    fn is_empty(&self) -> bool {
        self.add_tag.is_empty() && self.remove_tag.is_empty()
    }
}

/// Several of our tags may be one of WeCom's: what is added is not taken away.
fn settled(mut call: MarkTag) -> MarkTag {
    for tags in [&mut call.add_tag, &mut call.remove_tag] {
        tags.sort();
        tags.dedup();
    }
    call.remove_tag.retain(|tag| !call.add_tag.contains(tag));
    call
}

/// A tag that a customer has.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Held {
    customer: String,
    staff: String,
    tag: String,
}

fn standing(out: &Path, view: &str) -> Result<BTreeSet<Held>, TableError> {
    let mut held = BTreeSet::new();
    for batch in tables::read(out, view, "current_tags")? {
        let rows = Rows(&batch);
        for row in (0..batch.num_rows()).filter(|row| !rows.flag("shadow", *row)) {
            let text = |column| rows.text(column, row).to_owned();
            let is_customers = matches!(rows.text("key_kind", row), "customer" | "relation");
            if is_customers && !rows.text("customer", row).is_empty() {
                held.insert(Held { customer: text("customer"), staff: text("staff"), tag: text("tag_id") });
            }
        }
    }
    Ok(held)
}

fn newest_snapshot(out: &Path) -> u64 {
    snapshots(out).last().copied().unwrap_or(0)
}

/// The commits whose tables can be read, the oldest first.
fn snapshots(out: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(out.join("snapshots")).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// Reads a map of two columns: CSV with a header, the first column is the key.
pub fn read_pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let text = lexicon::decode(bytes).0;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let rows = reader.records().filter_map(Result::ok);
    let pairs = rows.filter_map(|row| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())));
    pairs.filter(|(key, value)| !key.is_empty() && !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Options;

    #[test]
    fn rules_hold_no_more_than_wecom_allows_and_lose_no_word() {
        let bundle = Bundle::embedded(&Options::default()).0.unwrap();
        let groups: Vec<String> = (0..21_500).map(|n| format!("wr{n}")).collect();
        let export = keywords(&bundle, &[], &groups);
        assert!(export.keyword_rules.iter().all(|rule| (1..=MAX_KEYWORDS).contains(&rule.keywords.len())));
        assert!(export.intercept_rules.iter().all(|rule| (1..=MAX_WORDS).contains(&rule.words.len())));
        assert!(export.keyword_rules.iter().all(|rule| rule.name.chars().count() <= MAX_NAME_CHARS));
        for rule in bundle.rules.rules.iter().filter(|rule| rule.kick.is_some()) {
            let exported: BTreeSet<String> = export
                .keyword_rules
                .iter()
                .filter(|one| one.rule == rule.id)
                .flat_map(|one| one.keywords.iter().map(|word| fold(word)))
                .collect();
            let left: BTreeSet<&str> = export
                .left_out
                .iter()
                .filter(|left| left.rule == rule.id)
                .map(|left| left.code.as_str())
                .collect();
            for idx in terms_of(&bundle, rule) {
                let term = bundle.catalog.term(idx);
                let all = term.spellings().all(|word| exported.contains(&fold(word)));
                assert!(all || left.contains(term.code.as_str()), "{} {}", rule.id, term.text);
            }
        }
        let steps: Vec<usize> = export.group_batches.iter().map(|batch| batch.steps.len()).collect();
        assert_eq!(steps, [10, 1]);
        assert!(export.group_batches.iter().flat_map(|batch| &batch.steps).all(|step| step.len() <= 2_000));
    }

    #[test]
    fn a_tag_that_comes_is_not_taken_away_by_the_same_call() {
        let call = MarkTag {
            add_tag: vec!["b".into(), "a".into(), "a".into()],
            remove_tag: vec!["a".into(), "c".into()],
            ..MarkTag::default()
        };
        let settled = settled(call);
        assert_eq!(
            (settled.add_tag, settled.remove_tag),
            (vec!["a".into(), "b".into()], vec!["c".to_owned()])
        );
    }

    #[test]
    fn names_are_cut_before_their_number() {
        assert_eq!(name("kick_parttime_and_more_words", 11), "kick_parttime_and-12");
    }
}
