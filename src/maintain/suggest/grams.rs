//! Counts stretches of characters, and measures how they hold together.
//!
//! Level by level: only stretches whose parts are frequent are looked at, so memory stays bounded by the sample.

use std::collections::{BTreeMap, BTreeSet};

use super::Sampled;
use crate::language::{CharFlags, flags_of};

/// How often a stretch occurs, and in how many messages to learn from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Count {
    pub messages: u32,
    pub positive: u32,
}

/// By stretch.
pub(super) type Counts = BTreeMap<String, Count>;

/// The stretches of two to six Chinese characters that at least `min` messages hold.
pub(super) fn frequent(sample: &[Sampled], min: u32) -> Counts {
    let mut all = Counts::new();
    let mut shorter: BTreeSet<String> = BTreeSet::new();
    for length in 1..=MAX_CHARS {
        let mut level = Counts::new();
        for one in sample {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            for run in one.text.split(|c: char| !flags_of(c).intersects(CharFlags::HAN)) {
                let ends: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
                for window in ends.windows(length + 1) {
                    let gram = &run[window[0]..window[length]];
                    let parts = length == 1
                        || (shorter.contains(&run[window[0]..window[length - 1]])
                            && shorter.contains(&run[window[1]..window[length]]));
                    if parts && seen.insert(gram) {
                        match level.get_mut(gram) {
                            Some(count) => count.add(one.positive),
                            None => {
                                level.insert(
                                    gram.to_owned(),
                                    Count { messages: 1, positive: u32::from(one.positive) },
                                );
                            }
                        }
                    }
                }
            }
        }
        level.retain(|_, count| count.messages >= min);
        shorter = level.keys().cloned().collect();
        all.append(&mut level);
    }
    all
}

impl Count {
    pub fn add(&mut self, positive: bool) {
        self.messages += 1;
        self.positive += u32::from(positive);
    }
}

/// Characters of the longest stretch that is counted.
pub(super) const MAX_CHARS: usize = 6;

/// Dunning's log-likelihood ratio for `k` of `m` messages with a stretch among `positive` of `n`.
pub(super) fn log_likelihood(k: f64, m: f64, positive: f64, n: f64) -> f64 {
    let cell = |observed: f64, expected: f64| {
        if observed > 0.0 { observed * (observed / expected.max(1e-9)).ln() } else { 0.0 }
    };
    let (with, without) = (m, n - m);
    let share = positive / n.max(1.0);
    2.0 * (cell(k, with * share)
        + cell(with - k, with * (1.0 - share))
        + cell(positive - k, without * share)
        + cell(without - (positive - k), without * (1.0 - share)))
}

/// The weakest point-wise mutual information over all ways to cut the stretch in two.
pub(super) fn cohesion(gram: &str, counts: &Counts, n: f64) -> Option<f64> {
    let whole = f64::from(counts.get(gram)?.messages);
    let cuts = gram.char_indices().skip(1).map(|(at, _)| gram.split_at(at));
    let mutual = cuts.map(|(left, right)| {
        let of = |part: &str| counts.get(part).map_or(1.0, |count| f64::from(count.messages));
        (whole * n / (of(left) * of(right))).ln()
    });
    mutual.reduce(f64::min)
}

/// How often each character stands before and after each of `grams`.
pub(super) fn surroundings<'g>(
    sample: &[Sampled],
    grams: &BTreeSet<&'g str>,
) -> BTreeMap<&'g str, [BTreeMap<char, u32>; 2]> {
    let mut found: BTreeMap<&str, [BTreeMap<char, u32>; 2]> = BTreeMap::new();
    for one in sample {
        let ends: Vec<usize> = one.text.char_indices().map(|(at, _)| at).chain([one.text.len()]).collect();
        for start in 0..ends.len() {
            for length in 2..=MAX_CHARS.min(ends.len() - 1 - start) {
                let text = &one.text[ends[start]..ends[start + length]];
                if let Some(gram) = grams.get(text) {
                    let before = one.text[..ends[start]].chars().next_back().unwrap_or('^');
                    let after = one.text[ends[start + length]..].chars().next().unwrap_or('$');
                    let sides = found.entry(gram).or_default();
                    *sides[0].entry(before).or_default() += 1;
                    *sides[1].entry(after).or_default() += 1;
                }
            }
        }
    }
    found
}

/// The surprise of what stands beside a stretch, in nats.
pub(super) fn entropy(counts: &BTreeMap<char, u32>) -> f64 {
    let total: f64 = counts.values().map(|n| f64::from(*n)).sum();
    counts.values().map(|n| f64::from(*n) / total).map(|share| -share * share.ln()).sum()
}

/// All stretches of two characters or more.
pub(super) fn stretches(text: &str) -> impl Iterator<Item = &str> {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    (0..ends.len()).flat_map(move |start| {
        let ends = ends.clone();
        (start + 2..ends.len()).map(move |end| &text[ends[start]..ends[end]])
    })
}
