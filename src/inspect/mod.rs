//! Says what an archive holds, and writes any archive out as canonical messages.
//!
//! What a person who has just received a folder of files wants to know before the
//! first run: which shapes, which time, who speaks, what cannot be read and why,
//! what to give to `run`. No message text is reported.

mod advice;
mod canonical;
mod survey;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

pub use advice::Advice;
pub use canonical::{Written, write_jsonl};
pub use survey::inspect;

/// What an archive holds. The form of `chattag inspect --json`; fields are only ever added.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// Version of this form.
    pub version: u32,
    /// The files, in path order.
    pub files: Vec<FileInspection>,
    /// Files left aside, with the reason.
    pub skipped_files: Vec<(PathBuf, String)>,
    /// All files together.
    pub total: Contents,
    /// Records whose id came before; a run looks at the first only.
    pub duplicates: u64,
    /// Duplicates that say something else than the first.
    pub conflicting_duplicates: u64,
    /// Different people who speak, by role.
    pub speakers: BTreeMap<&'static str, u64>,
    /// Groups that are spoken in.
    pub rooms: u64,
    /// Companies that records name.
    pub corps: Vec<String>,
    /// The first unreadable records of each kind.
    pub examples: Vec<Example>,
    /// What to do, the most important first.
    pub advice: Vec<Advice>,
    /// The command that processes this archive.
    pub command: String,
}

/// One file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileInspection {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes as stored.
    pub bytes: u64,
    /// How it is packed.
    pub compression: &'static str,
    /// How records stand in it: `lines`, `list`, `page`, `objects`, `csv`, `workbook`, `parquet`, `arrow`, `empty`,
    /// or why it is no archive.
    pub container: String,
    /// Columns of a table: name and field; a name nobody knows has no field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<(String, Option<&'static str>)>,
    /// What it holds.
    #[serde(flatten)]
    pub contents: Contents,
}

/// What was counted in a file, or in all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Contents {
    /// Records: the sum of the next seven.
    pub records: u64,
    /// Messages.
    pub messages: u64,
    /// Recalls.
    pub recalls: u64,
    /// Consents given and refused.
    pub consents: u64,
    /// Changes of the active company.
    pub switches: u64,
    /// Encrypted records.
    pub encrypted: u64,
    /// Empty pages and entries.
    pub empty: u64,
    /// Records that cannot be read.
    pub unreadable: u64,
    /// Local time of the first and the last message.
    pub span: Option<(String, String)>,
    /// Records by stored shape.
    pub variants: BTreeMap<&'static str, u64>,
    /// Messages by official type.
    pub types: BTreeMap<String, u64>,
    /// Messages by role of the speaker.
    pub roles: BTreeMap<&'static str, u64>,
    /// Messages by kind of conversation.
    pub chats: BTreeMap<&'static str, u64>,
    /// What was noticed, such as `quote` or `sanitized`.
    pub notes: BTreeMap<&'static str, u64>,
    /// Encrypted records by version of the key; 0 when they do not say.
    pub key_versions: BTreeMap<u32, u64>,
    /// Unreadable records by reason.
    pub faults: BTreeMap<&'static str, u64>,
}

/// An unreadable record.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Example {
    /// The reason's code.
    pub code: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1; of a table its row.
    pub line: u64,
    /// More about the reason; never text of the record.
    pub detail: String,
}
