//! Proposes covering phrases: longer texts in which a term is no hit because its characters belong to other words.
//!
//! A phrase is the term with the character before or after it, where that character and a part of the term are
//! a word of the dictionary: 破坏了 for 坏了, since 破坏 is a word. Each comes with how often it and the term stand in
//! a sample, which is how many hits it would remove.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::language::{CharFlags, Segmenter, flags_of, fold};
use crate::lexicon::{Lexicon, Mode};

/// A covering phrase for a term.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Proposal {
    /// The term's id in its list.
    pub code: String,
    /// The spelling that is covered.
    pub term: String,
    /// The longer text.
    pub phrase: String,
    /// The word of the dictionary that the phrase holds.
    pub word: String,
    /// Hits that the phrase would remove in the sample.
    pub removed: usize,
    /// All hits of the spelling in the sample.
    pub hits: usize,
}

/// Proposes phrases for the enabled contained terms of `lexicon`, the most telling first. Without a sample all
/// characters of daily use are tried beside each term, and counts are 0.
pub fn propose(lexicon: &Lexicon, segmenter: &Segmenter, sample: &[&str]) -> Vec<Proposal> {
    let folded: Vec<String> = sample.par_iter().map(|text| fold(text)).collect();
    let terms: Vec<_> =
        lexicon.terms().iter().filter(|term| term.enabled && term.mode == Mode::Contains).collect();
    let of_term = |term: &&crate::lexicon::Term| {
        let covered: Vec<String> = term.contexts.iter().map(|context| fold(context)).collect();
        let spellings: Vec<String> = term.spellings().map(fold).collect();
        let each = spellings.iter().flat_map(|spelling| propose_for(spelling, segmenter, &folded));
        each.filter(|one| !covered.iter().any(|known| one.phrase.contains(known.as_str())))
            .map(|one| Proposal { code: term.code.clone(), ..one })
            .collect::<Vec<_>>()
    };
    let mut all: Vec<Proposal> = terms.par_iter().flat_map_iter(of_term).collect();
    all.sort_by(|a, b| {
        b.removed.cmp(&a.removed).then_with(|| (&a.code, &a.phrase).cmp(&(&b.code, &b.phrase)))
    });
    all
}

fn propose_for(term: &str, segmenter: &Segmenter, sample: &[String]) -> Vec<Proposal> {
    let (mut before, mut after, mut hits) = (BTreeMap::new(), BTreeMap::new(), 0);
    for text in sample {
        for (at, _) in text.match_indices(term) {
            hits += 1;
            count(&mut before, text[..at].chars().next_back());
            count(&mut after, text[at + term.len()..].chars().next());
        }
    }
    if sample.is_empty() {
        before = daily_chars().map(|c| (c, 0)).collect();
        after = before.clone();
    }
    let make = |(phrase, word, removed)| Proposal {
        code: String::new(),
        term: term.to_owned(),
        phrase,
        word,
        removed,
        hits,
    };
    let left = before.iter().filter_map(|(c, n)| {
        let word =
            parts(term, true).map(|part| format!("{c}{part}")).find(|word| segmenter.is_daily(word))?;
        Some((format!("{c}{term}"), word, *n))
    });
    let right = after.iter().filter_map(|(c, n)| {
        let word =
            parts(term, false).map(|part| format!("{part}{c}")).find(|word| segmenter.is_daily(word))?;
        Some((format!("{term}{c}"), word, *n))
    });
    left.chain(right).map(make).collect()
}

fn count(of: &mut BTreeMap<char, usize>, c: Option<char>) {
    if let Some(c) = c.filter(|c| flags_of(*c).intersects(CharFlags::HAN)) {
        *of.entry(c).or_default() += 1;
    }
}

/// Returns the beginnings, or the ends, of the term, itself included, the longest first.
fn parts(term: &str, beginnings: bool) -> impl Iterator<Item = &str> {
    let cuts: Vec<usize> = term.char_indices().map(|(at, _)| at).collect();
    let n = cuts.len();
    (0..n).map(move |k| match beginnings {
        true => &term[..cuts.get(n - k).copied().unwrap_or(term.len())],
        false => &term[cuts[k]..],
    })
}

/// The characters of the dictionary that sound: those of daily use and many more.
fn daily_chars() -> impl Iterator<Item = char> {
    ('\u{4e00}'..='\u{9fa5}').filter(|c| crate::language::syllable_of(*c).is_some())
}

#[cfg(test)]
mod tests {
    use crate::lexicon::Term;

    use super::*;

    #[test]
    fn a_phrase_is_proposed_where_a_neighbour_makes_a_word_with_part_of_the_term() {
        let covered = Term { contexts: vec!["使坏了".to_owned()], ..Term::plain("c", "坏了") };
        let lexicon = Lexicon::new("x", vec![covered]);
        let sample = ["棚子破坏了", "又破坏了", "手机坏了", "他使坏了"];
        let found = propose(&lexicon, &Segmenter::default(), &sample);
        let seen: Vec<(&str, &str, usize, usize)> =
            found.iter().map(|one| (one.phrase.as_str(), one.word.as_str(), one.removed, one.hits)).collect();
        assert_eq!(seen, [("破坏了", "破坏", 2, 4)]);
    }

    #[test]
    fn without_a_sample_the_dictionary_alone_proposes() {
        let lexicon = Lexicon::new("x", vec![Term::plain("g", "贵")]);
        let found = propose(&lexicon, &Segmenter::default(), &[]);
        for phrase in ["宝贵", "贵宾", "贵阳"] {
            assert!(found.iter().any(|one| one.phrase == phrase), "{phrase}");
        }
    }
}
