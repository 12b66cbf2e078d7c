//! Writes tables and commits them.
//!
//! [`Tables::write`] turns decided rows into Parquet files inside a [`Staging`]
//! area; [`Store::commit`] makes the files of all tables visible in one atomic
//! step. Nothing that a reader looks at is ever half written, and the same
//! rows give the same bytes, whatever the number of threads.
//!
//! A table is a list of described columns ([`Table`]) and a function that
//! fills one row; Parquet schema, Parquet metadata and `docs/output-schema.md`
//! come from the same list.

mod alert_digests;
mod alerts;
mod carried;
mod column;
mod commit;
mod common;
mod current_tags;
mod delta;
mod difference;
mod disk;
mod doctor;
mod folding;
mod json_lines;
mod json_object;
mod kick_decisions;
mod late;
mod lock;
mod log;
mod mask;
mod mentions;
mod output_id;
mod parquet_file;
mod quarantine;
mod record;
mod recovery;
mod retention;
mod rows;
mod runs;
mod snapshot;
mod staged_file;
mod state_file;
mod table;
mod tables;
mod tag_events;
mod words;

pub use alert_digests::TakenBack;
pub use carried::{Earlier, TagOf};
pub use commit::{Staging, Store};
pub use current_tags::{CurrentTag, standing_by_path};
pub use difference::{About, Difference, visit_tag_events};
pub use disk::{Disk, Step, Watcher};
pub use doctor::{Checkup, Depth, Finding, examine};
pub use folding::take_folded;
pub use json_lines::{JsonLines, instant, write_line};
pub use late::LateEvent;
pub use log::CommitLog;
pub use mask::mask;
pub use mentions::{MentionRow, MentionedIn};
pub use parquet_file::OutputFile;
pub use quarantine::Quarantined;
pub use record::{Action, CommitRecord, FileEntry, InputFile, RunRecord, Versions};
pub use retention::{Collected, garbage};
pub use rows::Rows;
pub use staged_file::{Finished, StagedFile, hash_of_file};
pub use state_file::{StateFile, StateFiles};
pub use table::{ColumnDef, History, Kind, Table, schema_json, schema_markdown};
pub use tables::{Context, Names, TableOptions, Tables, TermName, all_tables};
