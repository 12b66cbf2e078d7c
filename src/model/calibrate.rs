//! Fits a model to another shop's messages: probabilities that mean what they say, and the
//! threshold that gives the best F1.
//!
//! Ranking carries over from shop to shop, thresholds do not; 50 to 200 labelled messages are
//! enough for the three numbers that are fitted here: slope, offset, and what lexicon evidence adds.

use super::scorer::logistic;

/// What a labelled message looks like to a model and to the lexicons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// The model's margin.
    pub margin: f64,
    /// Lexicon evidence.
    pub evidence: f64,
    /// The message has the label.
    pub there: bool,
}

/// What was fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Log-odds are `slope` × margin + `evidence` × evidence + `offset`.
    pub slope: f64,
    /// See `slope`.
    pub evidence: f64,
    /// See `slope`.
    pub offset: f64,
    /// The probability from which on the label holds, for the best F1.
    pub threshold: f64,
}

/// Fits slope, offset and the worth of evidence by logistic regression, then the threshold.
pub fn calibrate(messages: &[Calibration]) -> Fit {
    let (mut slope, mut evidence, mut offset) = (1.0, 0.5, 0.0);
    for _ in 0..STEPS {
        let (mut by_slope, mut by_evidence, mut by_offset) = (HOLD * (slope - 1.0), HOLD * evidence, 0.0);
        for message in messages {
            let odds = slope * message.margin + evidence * message.evidence + offset;
            let error = logistic(odds) - f64::from(u8::from(message.there));
            by_slope += error * message.margin;
            by_evidence += error * message.evidence;
            by_offset += error;
        }
        let step = RATE / (messages.len().max(1) as f64);
        slope -= step * by_slope;
        evidence = (evidence - step * by_evidence).max(0.0);
        offset -= step * by_offset;
    }
    let score =
        |message: &Calibration| logistic(slope * message.margin + evidence * message.evidence + offset);
    let scored: Vec<(f64, bool)> = messages.iter().map(|message| (score(message), message.there)).collect();
    Fit { slope, evidence, offset, threshold: best_threshold(&scored) }
}

/// Returns the threshold with the best F1, half-way to the next lower score.
pub fn best_threshold(scored: &[(f64, bool)]) -> f64 {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let there = sorted.iter().filter(|(_, there)| *there).count();
    let (mut found, mut best, mut threshold) = (0, 0.0, 0.5);
    for (at, (score, is_there)) in sorted.iter().enumerate() {
        found += usize::from(*is_there);
        let next = sorted.get(at + 1).map_or(0.0, |next| next.0);
        let f1 = 2.0 * found as f64 / (at + 1 + there).max(1) as f64;
        if next < *score && f1 > best {
            best = f1;
            threshold = (score + next) / 2.0;
        }
    }
    threshold
}

/// Steps of the descent; the three numbers have settled long before.
const STEPS: usize = 4_000;
const RATE: f64 = 0.5;
/// Holds the slope near 1 and evidence near 0 where there is little data.
const HOLD: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_lies_between_the_two_kinds_when_they_part() {
        let scored = [(0.9, true), (0.8, true), (0.4, false), (0.1, false)];
        assert!((best_threshold(&scored) - 0.6).abs() < 1e-9);
        assert_eq!(best_threshold(&[]), 0.5);
    }

    #[test]
    fn a_shifted_model_is_shifted_back_and_evidence_counts_where_it_tells() {
        let message = |i: i32| {
            let there = i % 3 == 0;
            let evidence = if there && i % 2 == 0 { 2.0 } else { 0.0 };
            let margin = -3.0 + if there { 1.0 } else { -1.0 } + f64::from(i % 5 - 2) * 0.2;
            Calibration { margin, evidence, there }
        };
        let messages: Vec<Calibration> = (0..90).map(message).collect();
        let fit = calibrate(&messages);
        assert!(fit.offset > 1.0 && fit.evidence > 0.0, "{fit:?}");
        assert!((0.2..0.8).contains(&fit.threshold), "{fit:?}");
    }
}
