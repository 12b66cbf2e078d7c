//! The maintainer's tools: change a word and know what it does before anybody feels it.
//!
//! A driver: it may name every stage, and it reads and writes files. Each module is one
//! tool; the commands of the binary call it and print.

pub mod affected;
pub mod against;
pub mod audit;
pub mod expectations;
pub mod explain;
pub mod gold;
pub mod impact;
pub mod import;
pub mod lint;
pub mod pack_diff;
pub mod pack_store;
pub mod report;
pub mod roles;
pub mod scaffold;
pub mod schema;
pub mod sheet;
pub mod stats;
pub mod suggest;
pub mod tables;
pub mod term_table;
pub mod tidy;
pub mod wecom;
