//! The commit record: what one commit read, wrote and was decided by.
//!
//! A record is a small file of two lines. Line 2 is JSON; line 1 is the BLAKE3
//! hash of line 2 and the previous record's line 1, so that the records form a
//! chain in which nothing can be changed, lost or put in between unnoticed.
//! A record holds no wall-clock time: the same run gives the same record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rules::RuleSet;
use crate::time::Timestamp;

use super::common::ENGINE_VERSION;
use super::parquet_file::OutputFile;
use super::state_file::StateFile;

/// What a run read and found, as its commit keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// End of the time the run looks at.
    pub as_of: Timestamp,
    /// The files read, in path order.
    pub inputs: Vec<InputFile>,
    /// Totals by name.
    pub counts: BTreeMap<String, u64>,
    /// Options that change the output, by name.
    pub options: BTreeMap<String, String>,
}

/// A file that a run has read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its path, as the plan names it.
    pub path: String,
    /// Size in bytes as stored.
    pub bytes: u64,
    /// Hash of the bytes as stored: the file's identity, whatever its name.
    #[serde(with = "hex_hash")]
    pub blake3: blake3::Hash,
    /// Records found.
    pub records: u64,
    /// What became of the records; adds up to `records`.
    pub outcomes: BTreeMap<String, u64>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    /// Version of chattag.
    pub engine: String,
    /// Name of the rule pack.
    pub pack: String,
    /// Version of the rule pack.
    pub pack_version: String,
    /// Fingerprint of the rule pack.
    pub pack_fp: String,
}

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its table; `state` for a state file.
    pub table: String,
    /// Path relative to the output directory.
    pub path: String,
    /// Day of the partition, `YYYY-MM-DD`; empty for a state file without a day.
    pub dt: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Content hash.
    #[serde(with = "hex_hash")]
    pub blake3: blake3::Hash,
    /// Number of rows.
    pub rows: u64,
}

/// What a commit does.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Adds what a run decided.
    #[default]
    Run,
    /// Shows again what an earlier commit showed, and continues from its state.
    Rollback {
        /// The earlier commit.
        to: u64,
    },
    /// Shows what was shown before, and keeps the files of some commits no longer.
    Gc {
        /// Those commits.
        drops: Vec<u64>,
    },
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// Layout of this record; readers refuse a newer one.
    pub format: u32,
    /// Number, from 0 without gaps.
    pub n: u64,
    /// What it does.
    #[serde(default)]
    pub action: Action,
    /// Hash of all that the run depends on.
    pub run_id: String,
    /// Checksum of the previous record; `None` in the first.
    pub prev: Option<String>,
    /// What the run read and found.
    #[serde(flatten)]
    pub run: RunRecord,
    /// What decided.
    pub versions: Versions,
    /// The files this commit adds.
    pub files: Vec<FileEntry>,
    /// The complete list of state files that belong to this commit, those of earlier commits among them; of one
    /// part the older before the newer.
    pub state: Vec<FileEntry>,
}

impl RunRecord {
    /// Returns the id of this run when it makes commit `n`.
    pub fn id(&self, n: u64, versions: &Versions) -> String {
        let json = serde_json::to_vec(&(n, self, versions)).expect("records turn into JSON");
        blake3::hash(&json).to_hex()[..RUN_ID_DIGITS].to_owned()
    }
}

impl Versions {
    /// Returns the versions of this program and of `rules`.
    pub fn of(rules: &RuleSet) -> Versions {
        Versions {
            engine: ENGINE_VERSION.to_owned(),
            pack: rules.pack.name.clone(),
            pack_version: rules.pack.version.clone(),
            pack_fp: rules.pack.fingerprint.to_hex(),
        }
    }
}

impl FileEntry {
    /// Makes the entry of a file of commit `n`. The name holds the content's hash.
    pub(super) fn new(n: u64, file: &OutputFile) -> FileEntry {
        let (dt, hash) = (file.day.to_iso(), file.blake3.to_hex());
        let path = format!("data/{}/dt={dt}/{n:06}-{}.parquet", file.table, &hash[..NAME_HASH_DIGITS]);
        let (bytes, blake3, rows) = (file.bytes, file.blake3, file.rows);
        FileEntry { table: file.table.to_owned(), path, dt, bytes, blake3, rows }
    }
}

impl FileEntry {
    /// Makes the entry of a state file of commit `n`.
    pub(super) fn of_state(n: u64, file: &StateFile) -> FileEntry {
        let hash = file.blake3.to_hex();
        let path = format!("{STATE}/{}/{n:06}-{}.parquet", file.part, &hash[..NAME_HASH_DIGITS]);
        let dt = file.day.map(|day| day.to_iso()).unwrap_or_default();
        let (bytes, blake3, rows) = (file.bytes, file.blake3, file.rows);
        FileEntry { table: STATE.to_owned(), path, dt, bytes, blake3, rows }
    }

    /// Returns the part of the state that a state file belongs to.
    pub fn state_part(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }
}

impl Action {
    /// Returns the id of commit `n`, which is no run.
    pub(super) fn id(&self, n: u64) -> String {
        let json = serde_json::to_vec(&(n, self)).expect("records turn into JSON");
        blake3::hash(&json).to_hex()[..RUN_ID_DIGITS].to_owned()
    }

    /// Returns whether it speaks of commits before `n` only.
    fn looks_back_from(&self, n: u64) -> bool {
        match self {
            Action::Run => true,
            Action::Rollback { to } => *to < n,
            Action::Gc { drops } => drops.iter().all(|dropped| *dropped < n),
        }
    }
}

impl CommitRecord {
    /// Returns the record as a file and its checksum.
    pub(super) fn encode(&self) -> (String, String) {
        let json = serde_json::to_string(self).expect("records turn into JSON");
        let sum = checksum(&json, self.prev.as_deref());
        (format!("{sum}\n{json}\n"), sum)
    }

    /// Reads record `n` and its checksum; `prev` is the checksum of the one before.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the record or with its place in the chain.
    pub(super) fn decode(
        file: &str,
        n: u64,
        prev: Option<&str>,
    ) -> Result<(CommitRecord, String), &'static str> {
        let (sum, json) = file.split_once('\n').ok_or("it has no checksum line")?;
        let json = json.strip_suffix('\n').ok_or("it ends early")?;
        if checksum(json, prev) != sum {
            return Err("its checksum does not match it and the record before it");
        }
        let record: CommitRecord =
            serde_json::from_str(json).map_err(|_| "it is no commit record of this version")?;
        match record.format {
            OLDEST_FORMAT..=FORMAT if record.n != n => Err("its number is not that of its name"),
            OLDEST_FORMAT..=FORMAT if !record.action.looks_back_from(n) => {
                Err("it names a commit that is not before it")
            }
            OLDEST_FORMAT..=FORMAT => Ok((record, sum.to_owned())),
            _ => Err("it was written by a newer version of chattag: use that one"),
        }
    }
}

fn checksum(json: &str, prev: Option<&str>) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(json.as_bytes());
    hash.update(prev.unwrap_or_default().as_bytes());
    hash.finalize().to_hex().to_string()
}

/// Writes hashes as hexadecimal digits.
mod hex_hash {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &blake3::Hash, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hash.to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<blake3::Hash, D::Error> {
        let digits = String::deserialize(from)?;
        blake3::Hash::from_hex(&digits).map_err(D::Error::custom)
    }
}

/// Layout of records that this version writes. 2: a record may be a rollback or a garbage collection.
pub(super) const FORMAT: u32 = 2;

/// Oldest layout that this version reads.
const OLDEST_FORMAT: u32 = 1;

/// The directory of state files, and what their entries have for a table.
pub(super) const STATE: &str = "state";

/// 128 bits.
const RUN_ID_DIGITS: usize = 32;

/// 64 bits: enough among the files of one commit, table and day.
const NAME_HASH_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u64, prev: Option<&str>) -> CommitRecord {
        let versions = Versions {
            engine: "1".into(),
            pack: "p".into(),
            pack_version: "1.0.0".into(),
            pack_fp: "00".into(),
        };
        let run = RunRecord { as_of: Timestamp(7), ..RunRecord::default() };
        CommitRecord {
            format: FORMAT,
            n,
            action: Action::Run,
            run_id: run.id(n, &versions),
            prev: prev.map(str::to_owned),
            run,
            versions,
            files: Vec::new(),
            state: Vec::new(),
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let first = record(0, None);
        let (file, sum) = first.encode();
        assert_eq!(CommitRecord::decode(&file, 0, None), Ok((first, sum.clone())));
        let second = record(1, Some(&sum));
        let (file, next_sum) = second.encode();
        assert_eq!(CommitRecord::decode(&file, 1, Some(&sum)), Ok((second, next_sum)));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let (file, _) = record(0, None).encode();
        for at in 0..file.len() {
            let mut bytes = file.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8_lossy(&bytes);
            assert!(CommitRecord::decode(&changed, 0, None).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_record_fits_only_its_place_in_the_chain() {
        let (file, sum) = record(0, None).encode();
        assert!(CommitRecord::decode(&file, 1, None).is_err());
        assert!(CommitRecord::decode(&file, 0, Some(&sum)).is_err());
    }

    #[test]
    fn a_record_speaks_of_commits_before_it_only() {
        let first = CommitRecord { action: Action::Rollback { to: 0 }, ..record(0, None) };
        assert!(CommitRecord::decode(&first.encode().0, 0, None).is_err());
        let second = CommitRecord { action: Action::Gc { drops: vec![0, 2] }, ..record(1, None) };
        assert!(CommitRecord::decode(&second.encode().0, 1, None).is_err());
    }

    /// As version 0.3.0 wrote it.
    const FORMAT_1: &str = concat!(
        "f4d9e89673cbea0afac8b86399b6b57441352cb41498de5fe1d2250f1dbfbeaa\n",
        r#"{"format":1,"n":0,"run_id":"5f2b","prev":null,"as_of":7,"inputs":[],"counts":{},"options":{},"#,
        r#""versions":{"engine":"0.3.0","pack":"base-zh","pack_version":"1.4.0","pack_fp":"00"},"files":[],"state":[]}"#,
        "\n"
    );

    #[test]
    fn a_record_of_the_first_format_is_that_of_a_run() {
        let (record, _) = CommitRecord::decode(FORMAT_1, 0, None).expect("an old record");
        assert_eq!((record.format, record.action), (1, Action::Run));
    }
}
