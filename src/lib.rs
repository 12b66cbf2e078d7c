//! Turns a WeCom session archive into customer tags, care alerts and kick decisions.
//!
//! The modules are the stages of the pipeline, in the order data flows:
//! `archive → language → lexicon → mention → model → rules → signal → timeline → verdict → writer`.
//! A stage names only stages before it and the vocabulary files
//! (`message`, `time`, `encoding`, `diagnostic`, `error`). See `ARCHITECTURE.md`.

pub mod archive;
pub mod language;
pub mod lexicon;
pub mod mention;
pub mod model;
pub mod rules;
pub mod signal;
pub mod timeline;
pub mod verdict;
pub mod writer;

pub mod annotate;
pub mod batch;
pub mod bundle;
pub mod business;
pub mod diagnostic;
pub mod encoding;
pub mod error;
pub mod evidence;
pub mod inspect;
pub mod learning;
pub mod maintain;
pub mod message;
pub mod numbered_id;
pub mod phrases;
pub mod prefix_sort;
pub mod scenario;
pub mod state;
pub mod stream;
pub mod telling;
pub mod time;
