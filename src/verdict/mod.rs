//! Turns firings into tags, alerts and kick decisions.

mod row;

pub use row::*;
