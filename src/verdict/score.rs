//! Evidence scores: how sure a tag is.
//!
//! `mass(t) = Σ w · 2^(−(t − t_i) / half_life)`, `score = 1 − 2^(−mass / half_point)`.
//! Masses are folded in event order and kept as they are; only what is shown is
//! rounded. `exp2` is computed in software, so that platforms agree to the bit.

use crate::rules::{Score, Tag};
use crate::time::Millis;

/// Returns what is left of `mass` after `age`.
pub(super) fn faded(mass: f64, age: Millis, score: Score) -> f64 {
    match score {
        Score::Mass { half_life: Some(half_life), .. } if age > Millis(0) => {
            mass * libm::exp2(-(age.0 as f64) / half_life.0 as f64)
        }
        _ => mass,
    }
}

/// Returns the score of `mass`, no less than `floor`, to six decimals.
///
/// The floor is the largest fixed score given since the tag was assigned: what
/// one rule is sure of, the evidence of another does not take back.
pub(super) fn score(mass: f64, floor: f64, score: Score) -> f64 {
    let evidence = match score {
        Score::Fixed(fixed) => fixed,
        Score::Given => 0.0,
        Score::Mass { half_point, .. } => 1.0 - libm::exp2(-mass.max(0.0) / half_point),
    };
    rounded(evidence.max(floor))
}

/// Returns the score that nothing can take below, where a rule gives one.
pub(super) fn floor(score: Score) -> f64 {
    if let Score::Fixed(fixed) = score { fixed } else { 0.0 }
}

/// Returns the index of the highest level whose cut is reached; the cut itself belongs to it.
///
/// A level reached before (`known`) is left downwards only below its cut less the hysteresis.
pub(super) fn level(tag: &Tag, score: f64, known: Option<u8>) -> Option<u8> {
    let is_reached = |level: usize, cut: f64| {
        let held = known.is_some_and(|known| level <= usize::from(known));
        if held { rounded(cut - tag.hysteresis) <= score } else { cut <= score }
    };
    let cuts = tag.levels.iter().enumerate();
    let reached = cuts.take_while(|(level, (_, cut))| is_reached(*level, *cut)).count();
    u8::try_from(reached.checked_sub(1)?).ok()
}

/// Rounds to six decimals.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass_of(half_point: f64) -> Score {
        Score::Mass { half_point, half_life: Some(Millis(30)) }
    }

    #[test]
    fn p1_with_the_half_point_at_the_threshold_the_score_there_is_one_half() {
        for n in 1..50 {
            assert_eq!(score(f64::from(n), 0.0, mass_of(f64::from(n))), 0.5, "{n}");
        }
    }

    #[test]
    fn p2_the_score_grows_with_the_mass_and_stays_between_zero_and_one() {
        let scores: Vec<f64> = (0..90).map(|n| score(f64::from(n), 0.0, mass_of(5.0))).collect();
        assert!(scores.is_sorted_by(|one, next| one < next), "{scores:?}");
        assert!(scores[0] == 0.0 && scores[89] < 1.0);
    }

    #[test]
    fn p3_a_mass_written_back_when_it_is_read_would_not_be_the_same_mass() {
        let fade = |mass, age| faded(mass, Millis(age), mass_of(5.0));
        let read_once = fade(1.0, 29);
        let read_between: Vec<f64> = (1..29).map(|age| fade(fade(1.0, age), 29 - age)).collect();
        assert!(read_between.iter().any(|mass| mass.to_bits() != read_once.to_bits()), "{read_between:?}");
        assert!(read_between.iter().all(|mass| rounded(*mass) == rounded(read_once)), "{read_between:?}");
    }

    #[test]
    fn half_of_the_mass_is_left_after_one_half_life_and_all_of_it_at_once() {
        assert_eq!(faded(8.0, Millis(30), mass_of(1.0)), 4.0);
        assert_eq!(faded(8.0, Millis(0), mass_of(1.0)), 8.0);
        assert_eq!(faded(8.0, Millis(30), Score::Fixed(0.3)), 8.0);
    }

    fn leveled(hysteresis: f64) -> Tag {
        Tag {
            id: "t".to_owned(),
            path: Vec::new(),
            group: None,
            ttl: None,
            reviewed: false,
            levels: vec![("mid".to_owned(), 0.5), ("high".to_owned(), 0.8)],
            hysteresis,
            rules_may_remove: false,
            retires: false,
        }
    }

    #[test]
    fn x24_a_score_at_a_level_cut_is_in_the_upper_level() {
        for (score, expected) in
            [(0.499_999, None), (0.5, Some(0)), (0.799_999, Some(0)), (0.8, Some(1)), (1.0, Some(1))]
        {
            assert_eq!(level(&leveled(0.0), score, None), expected, "{score}");
        }
    }

    // (level before, score, level after) with a hysteresis of 0.05
    const STEPS: &[(Option<u8>, f64, Option<u8>)] = &[
        (Some(1), 0.75, Some(1)),
        (Some(1), 0.749_999, Some(0)),
        (Some(1), 0.45, Some(0)),
        (Some(0), 0.45, Some(0)),
        (Some(0), 0.449_999, None),
        (Some(0), 0.799_999, Some(0)),
        (None, 0.49, None),
    ];

    #[test]
    fn a_level_is_left_downwards_only_below_its_cut_less_the_hysteresis() {
        for (known, score, expected) in STEPS {
            assert_eq!(level(&leveled(0.05), *score, *known), *expected, "{known:?} {score}");
        }
    }
}
