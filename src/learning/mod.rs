//! Works with labelled text: reads it, measures decisions on it, trains and calibrates models.
//!
//! A driver: what the commands `train`, `eval`, `calibrate` and `distill` call.

mod data;
mod distill;
mod evaluate;
mod exercise;

pub use data::{Fields, Labelled, read};
pub use distill::{Disagreement, Teaching, distill};
pub use evaluate::{Judged, Report, judge, judge_by_folds, report};
pub use exercise::{Exercise, read_exercises};
