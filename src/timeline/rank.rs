//! Where a customer stands among all: the one shape that needs more than one key.
//!
//! It runs in two steps at an instant that is the same for all keys, a barrier.
//! Each key says what it measures ([`super::Program::measure`]); from all of them
//! together comes a [`Scale`]; with the scale each key finds its own bands. A
//! batch goes through the histories twice; a stream does the same whenever its
//! watermark reaches the start of a month: events before it are applied, those
//! after it wait.
//!
//! State: the events of the window, one number per metric each.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::message::NumberField;
use crate::rules::{MetricOf, Ranking, Window};
use crate::signal::{Event, saved_ids};
use crate::time::{Millis, Timestamp, Zone};

use super::firing::{Kept, TermNumbers};
use super::window;

/// A `rank` rule, as the engine wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank<'a> {
    pub ranking: &'a Ranking,
}

/// What a `rank` rule remembers of one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RankState {
    kept: VecDeque<Noted>,
}

/// One event, as the metrics see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Noted {
    at: Timestamp,
    #[serde(with = "saved_ids")]
    message_id: Arc<str>,
    /// It makes the key belong to the population.
    belongs: bool,
    /// Per metric: what the event adds, or 1 where only its time matters.
    values: Vec<i64>,
}

/// What one key measures at a barrier: a number per metric, more being better.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// One per metric.
    pub values: Vec<i64>,
    /// The newest event of the population.
    pub newest: Kept,
}

/// Where the bands of a whole population begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Per metric: the largest value that is not yet in the second band, the third and so on.
    cuts: Vec<Vec<i64>>,
}

impl Scale {
    /// Makes the scale of a population; none when it is too small to be ranked.
    pub fn new<'m>(ranking: &Ranking, population: impl Iterator<Item = &'m [i64]>) -> Option<Scale> {
        let mut sorted: Vec<Vec<i64>> = vec![Vec::new(); ranking.metrics.len()];
        for values in population {
            sorted.iter_mut().zip(values).for_each(|(all, value)| all.push(*value));
        }
        sorted.iter_mut().for_each(|all| all.sort_unstable());
        let n = sorted.first().map_or(0, Vec::len);
        let enough = n >= ranking.min_population as usize;
        let cuts = |all: &Vec<i64>| cuts(all, ranking.bands);
        enough.then(|| Scale { cuts: sorted.iter().map(cuts).collect() })
    }

    /// Returns the band of each value, from 1: by how many lie strictly below, so that equal values share one.
    pub fn bands(&self, values: &[i64]) -> SmallVec<[usize; 3]> {
        let band = |(cuts, value): (&Vec<i64>, &i64)| cuts.partition_point(|cut| cut < value) + 1;
        self.cuts.iter().zip(values).map(band).collect()
    }
}

/// Returns the cuts between `bands` bands of sorted values. A value is in band `k + 1` or above when at
/// least `k / bands` of all lie strictly below it: when it is larger than the last of these.
fn cuts(sorted: &[i64], bands: u32) -> Vec<i64> {
    let n = sorted.len() as u64;
    let cut = |k: u32| {
        let below = (n * u64::from(k)).div_ceil(u64::from(bands));
        usize::try_from(below).ok()?.checked_sub(1).and_then(|last| sorted.get(last)).copied()
    };
    (1..bands).filter_map(cut).collect()
}

impl Rank<'_> {
    /// Takes in an event.
    pub fn push(&self, state: &mut RankState, event: &Event, zone: &Zone) {
        let belongs = event.sign(self.ranking.population).is_some();
        let adds = |of: MetricOf| match of {
            MetricOf::DaysSince(signal) | MetricOf::Count(signal) => i64::from(event.sign(signal).is_some()),
            MetricOf::Sum(field) => {
                if belongs {
                    amount(event, field)
                } else {
                    0
                }
            }
        };
        let values: Vec<i64> = self.ranking.metrics.iter().map(|metric| adds(metric.of)).collect();
        if !belongs && values.iter().all(|value| *value == 0) {
            return;
        }
        let start = window::start(self.ranking.window, event.at, zone);
        while state.kept.front().is_some_and(|oldest| oldest.at < start) {
            state.kept.pop_front();
        }
        let message_id = event.shared_id();
        state.kept.push_back(Noted { at: event.at, message_id, belongs, values });
    }

    /// Returns what the key measures at `at`; none when it does not belong to the population.
    pub fn measure(&self, state: &RankState, at: Timestamp, zone: &Zone) -> Option<Measured> {
        let start = self.start(at, zone);
        let inside = || state.kept.iter().filter(|noted| start <= noted.at && noted.at < at);
        let newest = inside().rev().find(|noted| noted.belongs)?.kept();
        let measure = |(i, of): (usize, MetricOf)| match of {
            MetricOf::DaysSince(_) => {
                let day = |at| i64::from(zone.day(at).0);
                let last = inside().rev().find(|noted| noted.values[i] != 0);
                last.map_or(i64::MIN, |last| day(last.at) - day(at))
            }
            MetricOf::Count(_) | MetricOf::Sum(_) => {
                inside().fold(0_i64, |sum, noted| sum.saturating_add(noted.values[i]))
            }
        };
        let directed = |(i, metric): (usize, &crate::rules::Metric)| {
            let value = measure((i, metric.of));
            // Days since are negative already: more is newer.
            let is_days = matches!(metric.of, MetricOf::DaysSince(_));
            if metric.low_is_better == is_days { value } else { value.saturating_neg() }
        };
        Some(Measured { values: self.ranking.metrics.iter().enumerate().map(directed).collect(), newest })
    }

    /// Returns the first instant inside the window that ends just before `at`.
    fn start(&self, at: Timestamp, zone: &Zone) -> Timestamp {
        match self.ranking.window {
            Window::Elapsed(_) => window::start(self.ranking.window, at, zone),
            natural => window::start(natural, at.minus(Millis(1)), zone),
        }
    }

    /// Returns the first barrier after `after`.
    pub fn next_barrier(&self, after: Timestamp, zone: &Zone) -> Timestamp {
        let months = self.ranking.months.max(1);
        let mut first = zone.next_month(zone.day(after));
        for _ in 0..months {
            if zone.month_number(first) % i64::from(months) == 0 {
                break;
            }
            first = zone.next_month(first);
        }
        zone.midnight(first)
    }
}

impl RankState {
    /// Does nothing: no hit is remembered.
    pub fn renumber_terms(&mut self, _: TermNumbers<'_>) {}

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// Returns whether nothing is remembered.
    pub fn is_resting(&self) -> bool {
        self.kept.is_empty()
    }
}

impl Noted {
    fn kept(&self) -> Kept {
        let message_id = Arc::clone(&self.message_id);
        Kept { message_id, at: self.at, value: 1, weight: 1.0, counted: false, hit: None }
    }
}

fn amount(event: &Event, field: NumberField) -> i64 {
    let numbers = event.numbers.iter().filter(|(name, _)| *name == field);
    numbers.fold(0, |sum, (_, number)| sum.saturating_add(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Metric, SignalIdx};

    fn ranking(min_population: u32, bands: u32) -> Ranking {
        let of = MetricOf::Count(SignalIdx(0));
        let metrics = vec![Metric { id: "F".to_owned(), of, low_is_better: false, tags: Vec::new() }];
        let window = Window::Elapsed(Millis::DAY);
        Ranking { months: 1, population: SignalIdx(0), window, min_population, bands, metrics }
    }

    fn bands(values: &[i64], min_population: u32, bands: u32) -> Option<Vec<usize>> {
        let scale = Scale::new(&ranking(min_population, bands), values.iter().map(std::slice::from_ref))?;
        Some(values.iter().map(|value| scale.bands(&[*value])[0]).collect())
    }

    // (case, values, bands)
    const SCALES: &[(&str, &[i64], &[usize])] = &[
        ("R1", &[10, 20, 20, 20, 30, 40, 50, 60, 70, 80], &[1, 1, 1, 1, 3, 3, 4, 4, 5, 5]),
        ("R2", &[7, 7, 7, 7, 7], &[1, 1, 1, 1, 1]),
        ("R3", &[80, 20, 70, 20, 60, 20, 50, 10, 40, 30], &[5, 1, 5, 1, 4, 1, 4, 1, 3, 3]),
        ("X16", &[5, 3], &[3, 1]),
    ];

    #[test]
    fn r1_r2_r3_x16_bands_count_who_lies_strictly_below_and_ties_share_one() {
        for (case, values, expected) in SCALES {
            assert_eq!(bands(values, 1, 5).as_deref(), Some(*expected), "{case}");
        }
        assert_eq!(bands(&[5, 3], 3, 5), None, "fewer than the smallest population");
    }
}
