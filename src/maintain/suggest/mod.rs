//! Mines an archive for words worth taking in: new words, words that go with tagged or labelled
//! messages, variants that slip past a list, longer phrases that cover a term.
//!
//! A sample of bounded size is chosen by message id, so the same archive gives the same
//! suggestions.

mod grams;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde::Serialize;
use twox_hash::XxHash3_64;

use crate::batch::{self, Progress, RehearsalOptions};
use crate::bundle::Bundle;
use crate::diagnostic::Language;
use crate::error::Error;
use crate::language::{CharFlags, Segmenter, flags_of, fold, syllable_of};
use crate::lexicon::{Catalog, LayerSet, LexiconIdx, Mode, TermIdx, VariantTables};
use crate::message::{ChatKind, Message, Role, TextScope};
use crate::rules::RuleSet;
use crate::signal::Event;
use crate::verdict::{Decision, TagChangeKind};

use self::grams::{Count, Counts, MAX_CHARS, cohesion, entropy, frequent, log_likelihood, surroundings};
use self::known::Known;
use super::sheet::csv_cell;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct SuggestOptions {
    /// Which messages are the ones to learn from.
    pub like: Like,
    /// Find variants and covering phrases of this list.
    pub lexicon: Option<String>,
    /// Fewest occurrences.
    pub min: u32,
    /// Most suggestions of each kind.
    pub top: usize,
    /// Most messages looked at.
    pub sample: usize,
}

/// Which messages are the ones to learn from.
#[derive(Clone, Debug, Default)]
pub enum Like {
    /// None: new words only.
    #[default]
    Nothing,
    /// Those that make this signal true.
    Signal(String),
    /// Those of customers who get this tag.
    Tag(String),
    /// Texts that are labelled, in place of the archive's: text, whether it is one.
    Labels(Vec<(String, bool)>),
}

/// One suggestion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// `new_word`, `goes_with`, `variant` or `context`.
    pub kind: &'static str,
    /// The words.
    pub text: String,
    /// The term it belongs to, for variants and contexts.
    pub term: Option<String>,
    /// The term's id.
    pub code: Option<String>,
    /// Messages that hold it.
    pub messages: u64,
    /// Of these, messages to learn from.
    pub among: u64,
    /// How much it stands out; comparable within a kind.
    pub score: f64,
    /// Up to three messages that hold it.
    pub examples: Vec<String>,
}

/// A message of the sample.
struct Sampled {
    text: String,
    positive: bool,
    /// The stretches that are hits: term, first and last byte of the folded text.
    hits: Vec<(TermIdx, usize, usize)>,
}

/// Looks for suggestions in the archive that `options` name.
///
/// # Errors
///
/// Unreadable inputs, or an interruption.
pub fn suggest(
    bundle: &Bundle,
    options: &RehearsalOptions,
    wanted: &SuggestOptions,
    progress: &Progress,
) -> Result<Vec<Suggestion>, Error> {
    let sample = match &wanted.like {
        Like::Labels(labels) => labelled(bundle, labels),
        _ => sample(bundle, options, wanted, progress)?,
    };
    let segmenter = Segmenter::new(Vec::new());
    let known = Known::of(&bundle.catalog);
    let counts = frequent(&sample, wanted.min);
    let mut found = Vec::new();
    if !matches!(wanted.like, Like::Nothing) {
        found.extend(going_with(&sample, &counts, &known, wanted));
    }
    if !matches!(wanted.like, Like::Labels(_)) {
        found.extend(new_words(&sample, &counts, &known, &segmenter, wanted));
    }
    if let Some(lexicon) = wanted.lexicon.as_deref().and_then(|id| bundle.catalog.find(id)) {
        found.extend(variants(bundle, lexicon, &counts, &known, &segmenter, &sample, wanted));
        found.extend(contexts(bundle, lexicon, &segmenter, &sample, wanted));
    }
    Ok(found)
}

/// Returns the suggestions as a term list that `import` takes: new words one a row, switched off until somebody
/// says yes; variants and contexts in the row of their term, added to the cells that it has. What several kinds
/// suggest is one change. The notes are in `language`.
pub fn to_csv(suggestions: &[Suggestion], catalog: &Catalog, language: Language) -> String {
    let mut rows: Vec<[String; 6]> = Vec::new();
    let of_terms = |one: &&Suggestion| one.term.is_some();
    // Those of terms first: what is another spelling of a term is no word of its own.
    for one in suggestions.iter().filter(of_terms).chain(suggestions.iter().filter(|one| !of_terms(one))) {
        if one.code.as_ref().is_some_and(|code| code.contains('/')) {
            // A term of an overlay: its list has no row for it.
            continue;
        }
        let at = row_of(one, &rows).unwrap_or_else(|| {
            rows.push(new_row(one, catalog));
            rows.len() - 1
        });
        let cell = match one.kind {
            "context" => Some(3),
            "variant" => Some(2),
            _ => None,
        };
        if let Some(cell) = cell {
            append(&mut rows[at][cell], "|", &one.text);
        }
        append(&mut rows[at][5], "；", &told(one, language));
    }
    let mut text = String::from("编号,词条,变体,排除语境,状态,备注\n");
    for row in rows {
        text.push_str(&row.map(|cell| csv_cell(&super::sheet::guarded(&cell))).join(","));
        text.push('\n');
    }
    text
}

/// Returns the row that a suggestion belongs to, when there is one: that of its term, or, of a word, the row that has
/// it as a term or as a spelling.
fn row_of(one: &Suggestion, rows: &[[String; 6]]) -> Option<usize> {
    rows.iter().position(|[code, term, variants, ..]| match &one.code {
        Some(own) => code == own,
        None => *term == one.text || variants.split('|').any(|variant| variant == one.text),
    })
}

fn new_row(one: &Suggestion, catalog: &Catalog) -> [String; 6] {
    match (&one.code, &one.term) {
        (Some(code), Some(term)) => as_it_is(catalog, code, term),
        _ => ["", &one.text, "", "", "停用", ""].map(str::to_owned),
    }
}

/// What is suggested, how often it was seen, and where.
fn told(one: &Suggestion, language: Language) -> String {
    let example = one.examples.first().map_or("", String::as_str);
    let (n, text, kind) = (one.messages, &one.text, kind_of(one.kind, language));
    match language {
        Language::Chinese => format!("建议（{kind}）{text}：{n} 条消息；例：{example}"),
        Language::English => format!("suggested ({kind}) {text}: {n} messages, such as: {example}"),
    }
}

fn kind_of(kind: &str, language: Language) -> &'static str {
    let (zh, en) = match kind {
        "goes_with" => ("同现", "goes with them"),
        "new_word" => ("新词", "new word"),
        "variant" => ("变体", "variant"),
        _ => ("排除语境", "context"),
    };
    match language {
        Language::Chinese => zh,
        Language::English => en,
    }
}

/// The row of a term as its list has it.
fn as_it_is(catalog: &Catalog, code: &str, text: &str) -> [String; 6] {
    let term = catalog.terms().map(|(_, term)| term).find(|term| term.code == code && term.text == text);
    let cells = term.map(|term| (term.variants.join("|"), term.contexts.join("|"), term.note.clone()));
    let (variants, contexts, note) = cells.unwrap_or_default();
    [code.to_owned(), text.to_owned(), variants, contexts, String::new(), note]
}

fn append(cell: &mut String, separator: &str, more: &str) {
    if !cell.is_empty() {
        cell.push_str(separator);
    }
    cell.push_str(more);
}

fn labelled(bundle: &Bundle, labels: &[(String, bool)]) -> Vec<Sampled> {
    let one = |(text, positive): &(String, bool)| {
        let hits = bundle.annotator.trace_hits(text);
        Sampled { text: fold(text), positive: *positive, hits }
    };
    labels.iter().map(one).collect()
}

fn sample(
    bundle: &Bundle,
    options: &RehearsalOptions,
    wanted: &SuggestOptions,
    progress: &Progress,
) -> Result<Vec<Sampled>, Error> {
    let taken: Mutex<BTreeMap<u64, (String, String, bool)>> = Mutex::default();
    let signal = match &wanted.like {
        Like::Signal(id) => bundle.rules.signals.iter().position(|signal| signal.id == *id),
        _ => None,
    };
    let observe = |message: &Message<'_>, events: &[&Event]| {
        if message.role == Role::Customer && message.chat != ChatKind::Internal {
            let positive = signal.is_some_and(|signal| {
                events[0].signals.iter().any(|sign| usize::from(sign.signal.0) == signal)
            });
            let own = message.parts.iter().filter(|part| part.scope == TextScope::Own);
            let text: Vec<&str> = own.map(|part| part.text.as_ref()).collect();
            let hash = XxHash3_64::oneshot(message.id.as_bytes());
            if !text.is_empty() {
                keep(&taken, hash, (text.join("\n"), message.speaker.to_string(), positive), wanted.sample);
            }
        }
        false
    };
    let rehearsal = batch::rehearse(&[bundle], options, &observe, progress)?;
    let tagged = match &wanted.like {
        Like::Tag(id) => tagged(&rehearsal, &bundle.rules, id),
        _ => BTreeSet::new(),
    };
    let taken = taken.into_inner().expect("all blocks are done");
    let sampled = taken.into_values().map(|(text, customer, positive)| {
        let trace = bundle.annotator.trace_hits(&text);
        let positive = positive || tagged.contains(customer.as_str());
        Sampled { text: fold(&text), positive, hits: trace }
    });
    Ok(sampled.collect())
}

/// Keeps the messages with the smallest hashes: a sample that does not depend on the reading order.
fn keep(
    taken: &Mutex<BTreeMap<u64, (String, String, bool)>>,
    hash: u64,
    one: (String, String, bool),
    most: usize,
) {
    let mut taken = taken.lock().expect("no thread panics while it samples");
    if taken.len() < most || taken.last_key_value().is_some_and(|(last, _)| hash < *last) {
        taken.insert(hash, one);
        if taken.len() > most {
            taken.pop_last();
        }
    }
}

fn tagged(rehearsal: &batch::Rehearsal, set: &RuleSet, tag: &str) -> BTreeSet<String> {
    let rows = rehearsal.rows.iter().flatten();
    let gets = rows.filter(|row| match &row.decision {
        Decision::Tag(change) => {
            change.kind == TagChangeKind::Assign && set.tags[usize::from(change.tag.0)].id == tag
        }
        _ => false,
    });
    gets.map(|row| row.key.customer.to_string()).collect()
}

/// Stretches that messages to learn from hold more often than others, by log-likelihood ratio.
fn going_with(
    sample: &[Sampled],
    counts: &Counts,
    known: &Known,
    wanted: &SuggestOptions,
) -> Vec<Suggestion> {
    let n = sample.len() as f64;
    let n_positive = sample.iter().filter(|one| one.positive).count() as f64;
    let scored = counts.iter().filter(|(gram, _)| is_word_like(gram) && !known.touches(gram)).filter_map(
        |(gram, count)| {
            let (k, m) = (f64::from(count.positive), f64::from(count.messages));
            let more = k / n_positive.max(1.0) > 2.0 * (m - k) / (n - n_positive).max(1.0);
            more.then(|| (log_likelihood(k, m, n_positive, n), gram.as_str(), *count))
        },
    );
    pick("goes_with", scored.collect(), sample, wanted)
}

/// Stretches that hold together, stand in many surroundings, and are no word of the dictionary.
fn new_words(
    sample: &[Sampled],
    counts: &Counts,
    known: &Known,
    segmenter: &Segmenter,
    wanted: &SuggestOptions,
) -> Vec<Suggestion> {
    let n = sample.len().max(1) as f64;
    let candidates = counts.iter().filter(|(gram, _)| is_word_like(gram) && !known.touches(gram));
    let held: Vec<(f64, &str, Count)> = candidates
        .filter_map(|(gram, count)| {
            let cohesion = cohesion(gram, counts, n)?;
            (cohesion > MIN_COHESION && !is_one_word(gram, segmenter)).then_some((
                cohesion,
                gram.as_str(),
                *count,
            ))
        })
        .collect();
    let surroundings = surroundings(sample, &held.iter().map(|(_, gram, _)| *gram).collect());
    let scored = held.into_iter().filter_map(|(cohesion, gram, count)| {
        let freedom = surroundings.get(gram).map_or(0.0, |sides| entropy(&sides[0]).min(entropy(&sides[1])));
        (freedom > MIN_FREEDOM).then(|| (cohesion * freedom * f64::from(count.messages).ln(), gram, count))
    });
    pick("new_word", scored.collect(), sample, wanted)
}

/// Below this, two neighbours are together by chance.
const MIN_COHESION: f64 = 3.0;

/// Below this, a stretch is a part of something longer.
const MIN_FREEDOM: f64 = 0.8;

/// Spellings that the list does not have, in which one character of a term gave way to one that sounds or looks like
/// it, and terms with something between their characters.
fn variants(
    bundle: &Bundle,
    lexicon: LexiconIdx,
    counts: &Counts,
    known: &Known,
    segmenter: &Segmenter,
    sample: &[Sampled],
    wanted: &SuggestOptions,
) -> Vec<Suggestion> {
    let tables = VariantTables::default();
    let mut scored: Vec<(f64, String, Count, TermIdx)> = Vec::new();
    for idx in plain_terms(bundle, lexicon) {
        for spelling in bundle.catalog.term(idx).spellings().map(fold) {
            let n_chars = spelling.chars().count();
            if !(3..=MAX_CHARS).contains(&n_chars) {
                continue;
            }
            for (gram, _) in counts.iter().filter(|(gram, _)| passes_for(gram, &spelling, &tables)) {
                if known.has(gram) || is_one_word(gram, segmenter) {
                    continue;
                }
                let count = slipping_past(gram, sample, &bundle.catalog, lexicon);
                if count.messages >= wanted.min {
                    scored.push((f64::from(count.messages), gram.clone(), count, idx));
                }
            }
        }
    }
    if !bundle.catalog.lexicon(lexicon).layers().contains(LayerSet::SKIP) {
        scored.extend(separated(bundle, lexicon, sample, wanted.min));
    }
    attach("variant", bundle, scored, sample, wanted)
}

/// The messages in which `gram` stands where the list finds nothing: 我微信 in 加我微信 evades nobody.
fn slipping_past(gram: &str, sample: &[Sampled], catalog: &Catalog, lexicon: LexiconIdx) -> Count {
    let mut count = Count::default();
    for one in sample {
        let is_found = |start: usize| {
            let end = start + gram.len();
            let own = one.hits.iter().filter(|(term, ..)| catalog.lexicon_of(*term) == lexicon);
            own.into_iter().any(|(_, from, to)| *from < end && start < *to)
        };
        if one.text.match_indices(gram).any(|(start, _)| !is_found(start)) {
            count.add(one.positive);
        }
    }
    count
}

fn plain_terms(bundle: &Bundle, lexicon: LexiconIdx) -> Vec<TermIdx> {
    let is_plain = |idx: &TermIdx| {
        let term = bundle.catalog.term(*idx);
        term.enabled && matches!(term.mode, Mode::Contains | Mode::Pinyin)
    };
    bundle.catalog.select(lexicon, &[]).into_iter().filter(is_plain).collect()
}

/// Returns whether `written` is `term` but for one character, which sounds or looks like the term's.
fn passes_for(written: &str, term: &str, tables: &VariantTables) -> bool {
    let mut differing = written.chars().zip(term.chars()).filter(|(a, b)| a != b);
    let Some((a, b)) = differing.next().filter(|_| differing.next().is_none()) else { return false };
    let sound_alike = || syllable_of(a).is_some_and(|sound| syllable_of(b) == Some(sound));
    written.chars().count() == term.chars().count() && (sound_alike() || tables.look_alike(a, b))
}

/// Terms that show only once separators are taken out: 优-惠.
fn separated(
    bundle: &Bundle,
    lexicon: LexiconIdx,
    sample: &[Sampled],
    min: u32,
) -> Vec<(f64, String, Count, TermIdx)> {
    let mut found: BTreeMap<(String, TermIdx), Count> = BTreeMap::new();
    let terms: Vec<(TermIdx, String)> = plain_terms(bundle, lexicon)
        .into_iter()
        .map(|idx| (idx, fold(&bundle.catalog.term(idx).text)))
        .collect();
    for one in
        sample.iter().filter(|one| one.text.contains(|c: char| flags_of(c).intersects(CharFlags::SOFT)))
    {
        for (idx, term) in &terms {
            if one.text.contains(term.as_str()) {
                continue;
            }
            if let Some(written) = written_apart(&one.text, term) {
                found.entry((written, *idx)).or_default().add(one.positive);
            }
        }
    }
    let frequent = found.into_iter().filter(|(_, count)| count.messages >= min.min(2));
    frequent.map(|((text, idx), count)| (f64::from(count.messages), text, count, idx)).collect()
}

/// Returns how `term` is written in `text` with separators between its characters.
fn written_apart(text: &str, term: &str) -> Option<String> {
    let is_soft = |c: char| flags_of(c).intersects(CharFlags::SOFT);
    let first = term.chars().next()?;
    for (start, _) in text.char_indices().filter(|(_, c)| *c == first) {
        let mut wanted = term.chars().peekable();
        for (at, c) in text[start..].char_indices() {
            if wanted.peek() == Some(&c) {
                wanted.next();
                if wanted.peek().is_none() {
                    return Some(text[start..start + at + c.len_utf8()].to_owned());
                }
            } else if !is_soft(c) {
                break;
            }
        }
    }
    None
}

/// Longer words of the dictionary inside which a term hits: 贵 in 宝贵.
fn contexts(
    bundle: &Bundle,
    lexicon: LexiconIdx,
    segmenter: &Segmenter,
    sample: &[Sampled],
    wanted: &SuggestOptions,
) -> Vec<Suggestion> {
    let terms: BTreeSet<TermIdx> = plain_terms(bundle, lexicon).into_iter().collect();
    let mut found: BTreeMap<(String, TermIdx), Count> = BTreeMap::new();
    let mut ends = Vec::new();
    for one in sample.iter().filter(|one| one.hits.iter().any(|(term, ..)| terms.contains(term))) {
        segmenter.word_ends(&one.text, &mut ends);
        for (term, start, end) in one.hits.iter().filter(|(term, ..)| terms.contains(term)) {
            let word_end = ends
                .iter()
                .find(|word| **word as usize >= *end)
                .map_or(one.text.len(), |word| *word as usize);
            let word_start =
                ends.iter().rev().find(|word| **word as usize <= *start).map_or(0, |word| *word as usize);
            let is_inside_one =
                ends.iter().all(|word| (*word as usize) <= word_start || (*word as usize) >= word_end);
            let longer = word_start < *start || word_end > *end;
            if is_inside_one && longer {
                found
                    .entry((one.text[word_start..word_end].to_owned(), *term))
                    .or_default()
                    .add(one.positive);
            }
        }
    }
    let frequent = found.into_iter().filter(|(_, count)| count.messages >= wanted.min.min(2));
    let scored = frequent.map(|((text, idx), count)| (f64::from(count.messages), text, count, idx)).collect();
    attach("context", bundle, scored, sample, wanted)
}

fn is_one_word(gram: &str, segmenter: &Segmenter) -> bool {
    let mut ends = Vec::new();
    segmenter.word_ends(gram, &mut ends);
    ends.len() == 1
}

/// Two characters or more, and not begun or ended by a word that only joins others.
fn is_word_like(gram: &str) -> bool {
    const JOINERS: &str =
        "的了是我你他她它们在有和就都也吗呢啊吧呀哦嗯这那个不没很还要会能可以到说去来给被把跟与及或但";
    let (first, last) = (gram.chars().next(), gram.chars().next_back());
    let joins = |c: Option<char>| c.is_none_or(|c| JOINERS.contains(c));
    gram.chars().count() >= 2 && !joins(first) && !joins(last)
}

/// Ranks, drops what a longer one with about as many messages holds, and adds examples.
fn pick(
    kind: &'static str,
    mut scored: Vec<(f64, &str, Count)>,
    sample: &[Sampled],
    wanted: &SuggestOptions,
) -> Vec<Suggestion> {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut kept: Vec<(f64, &str, Count)> = Vec::new();
    for (score, gram, count) in scored {
        let same = |other: &(f64, &str, Count)| {
            (other.1.contains(gram) || gram.contains(other.1)) && other.2.messages * 2 > count.messages
        };
        if !kept.iter().any(same) {
            kept.push((score, gram, count));
        }
        if kept.len() == wanted.top {
            break;
        }
    }
    kept.into_iter().map(|(score, gram, count)| suggestion(kind, gram, None, count, score, sample)).collect()
}

fn attach(
    kind: &'static str,
    bundle: &Bundle,
    mut scored: Vec<(f64, String, Count, TermIdx)>,
    sample: &[Sampled],
    wanted: &SuggestOptions,
) -> Vec<Suggestion> {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (&a.1, a.3).cmp(&(&b.1, b.3))));
    scored.dedup_by(|a, b| a.1 == b.1);
    let one = |(score, text, count, idx): &(f64, String, Count, TermIdx)| {
        let term = bundle.catalog.term(*idx);
        suggestion(kind, text, Some((&term.text, &term.code)), *count, *score, sample)
    };
    scored.iter().take(wanted.top).map(one).collect()
}

fn suggestion(
    kind: &'static str,
    text: &str,
    term: Option<(&str, &str)>,
    count: Count,
    score: f64,
    sample: &[Sampled],
) -> Suggestion {
    let holds = sample.iter().filter(|one| one.text.contains(text));
    let example = |one: &Sampled| one.text.replace('\n', " ").chars().take(EXAMPLE_CHARS).collect::<String>();
    let examples: BTreeSet<String> = holds.map(example).take(20).collect();
    Suggestion {
        kind,
        text: text.to_owned(),
        term: term.map(|(term, _)| term.to_owned()),
        code: term.map(|(_, code)| code.to_owned()),
        messages: u64::from(count.messages),
        among: u64::from(count.positive),
        score: (score * 100.0).round() / 100.0,
        examples: examples.into_iter().take(3).collect(),
    }
}

/// Characters of an example.
const EXAMPLE_CHARS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(texts: &[(&str, bool)]) -> Vec<Sampled> {
        let one = |(text, positive): &(&str, bool)| Sampled {
            text: (*text).to_owned(),
            positive: *positive,
            hits: Vec::new(),
        };
        texts.iter().map(one).collect()
    }

    #[test]
    fn what_goes_with_the_labelled_texts_comes_first() {
        let mut texts = vec![("东西漏液了怎么处理", true); 6];
        texts.extend([("瓶子漏液了", true); 3]);
        texts.extend([("怎么处理订单", false); 9]);
        texts.extend([("你好在吗", false); 20]);
        let sample = sampled(&texts);
        let wanted =
            SuggestOptions { like: Like::Signal("x".into()), lexicon: None, min: 3, top: 3, sample: 100 };
        let counts = frequent(&sample, 3);
        assert_eq!(counts["漏液"], Count { messages: 9, positive: 9 });
        let found = going_with(&sample, &counts, &Known::default(), &wanted);
        assert!(found[0].text.contains("漏液"), "{found:?}");
        let known = Known::from_iter(["漏液".to_owned()]);
        assert!(going_with(&sample, &counts, &known, &wanted).iter().all(|one| !one.text.contains("漏液")));
    }

    #[test]
    fn only_stretches_of_frequent_parts_are_counted() {
        let counts = frequent(&sampled(&[("打骨折价", false), ("骨折价了", false), ("价", false)]), 2);
        let grams: Vec<&str> = counts.keys().map(String::as_str).collect();
        assert_eq!(grams, ["价", "折", "折价", "骨", "骨折", "骨折价"]);
    }

    #[test]
    fn variants_sound_or_look_alike_or_are_written_apart() {
        let tables = VariantTables::default();
        let cases = [
            ("刷丹兼职", "刷单兼职", true),
            ("徽信", "微信", true),
            ("是这样", "又这样", false),
            ("刷单", "刷单", false),
            ("单", "刷单", false),
            ("甲这样吗", "家这样", false),
        ];
        for (written, term, passes) in cases {
            assert_eq!(passes_for(written, term, &tables), passes, "{written} {term}");
        }
        assert_eq!(written_apart("招 刷-单 员", "刷单").as_deref(), Some("刷-单"));
        assert_eq!(written_apart("刷了单", "刷单"), None);
    }

    #[test]
    fn accepted_suggestions_are_a_list_that_can_be_imported() {
        let one = Suggestion {
            kind: "variant",
            text: "=刷丹".into(),
            term: Some("刷单".into()),
            code: Some("a1".into()),
            messages: 3,
            among: 0,
            score: 1.0,
            examples: vec!["日结,刷丹".into()],
        };
        let context = Suggestion { kind: "context", text: "防刷单".into(), ..one.clone() };
        let new =
            Suggestion { kind: "new_word", text: "骨折价".into(), term: None, code: None, ..one.clone() };
        let list = "编号,词条,变体,排除语境,备注\na1,刷单,刷單|刷 单,反刷单,旧\n";
        let catalog = Catalog::new(vec![crate::lexicon::parse("lexicons/l.csv", list.as_bytes()).0]);
        let again = Suggestion { kind: "goes_with", ..new.clone() };
        let both = Suggestion { kind: "goes_with", text: "=刷丹".into(), ..new.clone() };
        let csv = to_csv(&[again, both, one, context, new], &catalog, Language::Chinese);
        let sheet = super::super::sheet::read(csv.as_bytes(), None).unwrap();
        let row =
            |at: usize| -> Vec<&str> { sheet.rows[at].cells.iter().map(|cell| cell.text.as_str()).collect() };
        assert_eq!(
            &row(1)[..5],
            ["a1", "刷单", "刷單|刷 单|=刷丹", "反刷单|防刷单", ""],
            "what was there stays"
        );
        assert!(row(1)[5].starts_with("旧；建议（变体）=刷丹：3 条消息"), "{csv}");
        assert_eq!(&row(2)[..5], ["", "骨折价", "", "", "停用"]);
        let options = super::super::import::ImportOptions::default();
        let import = super::super::import::plan(Some(list), "s.csv", &sheet, &options);
        assert!(import.is_sound() && import.changes.len() == 2, "{import:?}");
    }
}
