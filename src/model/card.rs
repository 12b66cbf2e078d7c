//! What is known about a model: what it was made of, by whose leave, and what it is worth.

use super::calibrate::Fit;
use serde::{Deserialize, Serialize};

/// The card of a model; part of its file, and printed by `eval`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelCard {
    /// What it scores: `complaint`, `price_interest`, `ad`.
    pub label: String,
    /// Day it was made, `2026-11-25`.
    pub made: String,
    /// The command that makes it again.
    pub command: String,
    /// What it was trained on.
    pub data: Vec<DataSource>,
    /// How good it is, set by set.
    pub measured: Vec<Measured>,
    /// From this score on, the label holds.
    pub threshold: f64,
    /// What a unit of lexicon evidence adds to the log-odds of a decision.
    pub evidence: f64,
    /// Log-odds are `slope` × margin + `offset`.
    pub slope: f64,
    /// See `slope`.
    pub offset: f64,
    /// There are 2^bits weights.
    pub bits: u32,
    /// Longest n-gram, in characters.
    pub longest: u32,
    /// What a weight's unit is worth.
    pub scale: f64,
    /// Margin of a text without features.
    pub bias: f64,
    /// BLAKE3 of the weights.
    pub checksum: String,
}

impl ModelCard {
    /// Returns the card of the same model with what was fitted.
    #[must_use]
    pub fn fitted(&self, fit: &Fit) -> ModelCard {
        let Fit { slope, evidence, offset, threshold } = *fit;
        ModelCard { slope, evidence, offset, threshold, ..self.clone() }
    }

    /// Rounds the numbers that decide to what every reader of JSON reads back exactly.
    pub(super) fn round(&mut self) {
        let numbers = [
            &mut self.threshold,
            &mut self.evidence,
            &mut self.slope,
            &mut self.offset,
            &mut self.scale,
            &mut self.bias,
        ];
        for number in numbers {
            *number = format!("{number:.11e}").parse().unwrap_or(*number);
        }
    }
}

/// A set of texts a model was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSource {
    /// Its name.
    pub name: String,
    /// Texts, and those that have the label.
    pub texts: usize,
    /// See `texts`.
    pub positive: usize,
    /// The licence of text and labels.
    pub licence: String,
}

/// What a model was worth on one set of texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The set.
    pub name: String,
    /// Texts, and those that have the label.
    pub texts: usize,
    /// See `texts`.
    pub positive: usize,
    /// Right among those found.
    pub precision: f64,
    /// Found among those there.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Area under the receiver operating characteristic.
    pub auc: f64,
}
