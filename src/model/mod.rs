//! Scores a message for one label: complaint, price interest, advertising.
//!
//! A [`Scorer`] is a logistic regression over hashed character n-grams of the folded
//! text, with weights of one byte. It needs no segmentation and no lexicon, so it also
//! sees what no list names; a lexicon says why, a score says how likely. [`train`] makes
//! one, `measure` tells what it is worth, [`calibrate`] fits its threshold to another
//! shop's messages. The same bytes give the same score on every machine: sums are of
//! integers, and the one exponential is computed in software.

mod calibrate;
mod card;
mod features;
mod label;
mod measure;
mod scorer;
mod train;

pub use calibrate::{Calibration, Fit, best_threshold, calibrate};
pub use card::{DataSource, Measured, ModelCard};
pub use label::{Decision, Label, MOST_EVIDENCE, Models};
pub use measure::{Counts, Interval, auc, f1_interval, wilson};
pub use scorer::{ModelFault, ScoreBuffers, Scorer};
pub use train::{Example, Training, folds, train};
