//! Measures decisions against labels: precision, recall, F1, AUC, with intervals.

/// How often a decision was right and wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// There and found.
    pub found: usize,
    /// Found and not there.
    pub false_alarms: usize,
    /// There and not found.
    pub missed: usize,
    /// Neither.
    pub quiet: usize,
}

/// A share with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The share measured.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Counts {
    /// Counts one decision.
    pub fn add(&mut self, decided: bool, there: bool) {
        match (decided, there) {
            (true, true) => self.found += 1,
            (true, false) => self.false_alarms += 1,
            (false, true) => self.missed += 1,
            (false, false) => self.quiet += 1,
        }
    }

    /// Returns the share of right ones among those found; 0 when none was found.
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.false_alarms)
    }

    /// Returns the share of those there that were found; 0 when none is there.
    pub fn recall(&self) -> f64 {
        share(self.found, self.found + self.missed)
    }

    /// Returns the harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        share(2 * self.found, 2 * self.found + self.false_alarms + self.missed)
    }

    /// Returns the share of right decisions.
    pub fn accuracy(&self) -> f64 {
        share(self.found + self.quiet, self.total())
    }

    /// Returns the number of decisions.
    pub fn total(&self) -> usize {
        self.found + self.false_alarms + self.missed + self.quiet
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Returns Wilson's 95 % interval of `part` in `whole`.
pub fn wilson(part: usize, whole: usize) -> Interval {
    if whole == 0 {
        return Interval { value: 0.0, low: 0.0, high: 1.0 };
    }
    let (n, p) = (whole as f64, share(part, whole));
    let square = Z95 * Z95;
    let middle = (p + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z95 / (1.0 + square / n) * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
    Interval { value: p, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

/// Returns F1 with its 95 % interval, from 1,000 samples drawn with replacement and a fixed seed.
pub fn f1_interval(decisions: &[(bool, bool)]) -> Interval {
    let f1 = |indices: &mut dyn Iterator<Item = usize>| {
        let mut counts = Counts::default();
        indices.for_each(|at| counts.add(decisions[at].0, decisions[at].1));
        counts.f1()
    };
    let value = f1(&mut (0..decisions.len()));
    let mut random = Random(0x5eed);
    let mut samples: Vec<f64> =
        (0..SAMPLES).map(|_| f1(&mut decisions.iter().map(|_| random.below(decisions.len())))).collect();
    samples.sort_by(f64::total_cmp);
    Interval { value, low: samples[SAMPLES / 40], high: samples[SAMPLES - 1 - SAMPLES / 40] }
}

/// Returns how often a text with the label scores above one without it; ties count half.
/// 0.5 when there are none of either.
pub fn auc(scored: &[(f64, bool)]) -> f64 {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins, mut there) = (0usize, 0.0, 0usize);
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let positive = ties.iter().filter(|(_, there)| *there).count();
        let negative = ties.len() - positive;
        wins += positive as f64 * (below as f64 + negative as f64 / 2.0);
        below += negative;
        there += positive;
    }
    if below == 0 || there == 0 { 0.5 } else { wins / (below as f64 * there as f64) }
}

/// Numbers that look random and are the same everywhere (Knuth's MMIX generator).
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

/// Standard deviations that hold 95 % of a normal distribution.
const Z95: f64 = 1.959_964;
/// Samples of the bootstrap.
const SAMPLES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_those_of_the_books() {
        let mut counts = Counts::default();
        for (decided, there, n) in [(true, true, 6), (true, false, 2), (false, true, 4), (false, false, 8)] {
            (0..n).for_each(|_| counts.add(decided, there));
        }
        assert_eq!((counts.precision(), counts.recall(), counts.accuracy()), (0.75, 0.6, 0.7));
        assert!((counts.f1() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(Counts::default().f1(), 0.0);
    }

    #[test]
    fn auc_counts_ties_half() {
        // (scores with labels, area)
        let cases: [(&[(f64, bool)], f64); 4] = [
            (&[(0.9, true), (0.1, false)], 1.0),
            (&[(0.9, false), (0.1, true)], 0.0),
            (&[(0.5, true), (0.5, false)], 0.5),
            (&[(0.5, true)], 0.5),
        ];
        for (scored, area) in cases {
            assert_eq!(auc(scored), area, "{scored:?}");
        }
    }

    #[test]
    fn intervals_hold_their_value_and_narrow_with_more_data() {
        let (few, many) = (wilson(8, 10), wilson(800, 1_000));
        assert!(few.low < few.value && few.value < few.high);
        assert!(many.high - many.low < few.high - few.low);
        let decisions: Vec<(bool, bool)> = (0..50).map(|i| (i % 3 == 0, i % 2 == 0)).collect();
        let interval = f1_interval(&decisions);
        assert!(interval.low <= interval.value && interval.value <= interval.high);
        assert_eq!(interval, f1_interval(&decisions));
    }
}
