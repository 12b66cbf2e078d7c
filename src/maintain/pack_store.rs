//! Published dictionaries: immutable, hashed, one of them in use.
//!
//! ```text
//! STORE/
//!   packs/base-zh-1.4.0/…        the files, read-only
//!   packs/base-zh-1.4.0.json     their hashes; never written again
//!   history.jsonl                builds and rollbacks, each line chained to the one before
//!   current                      the version in use
//! ```
//!
//! A run takes the version that is in use when it starts and names it in every row; changing
//! `current` later does not touch it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bundle::{self, Bundle};
use crate::error::Error;
use crate::rules::SourceFile;

/// A directory of published packs.
#[derive(Clone, Debug)]
pub struct PackStore {
    root: PathBuf,
}

/// A published pack.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Name of the pack.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Hash over all files; the pack's identity.
    pub hash: String,
    /// What rows and commit records call `pack_fp`.
    pub fingerprint: String,
    /// The engine that checked and tested it.
    pub engine: String,
    /// What is new, as the publisher wrote.
    pub note: String,
    /// Hash of each file.
    pub files: BTreeMap<String, String>,
}

/// One line of the history.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// When, as the caller's clock says.
    pub at: String,
    /// `build` or `rollback`.
    pub action: String,
    /// Name and version that are in use from then on.
    pub selected: String,
    /// The pack's hash.
    pub hash: String,
    /// Hash of the line before; empty on the first.
    pub prev: String,
}

/// What is wrong with a store.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum StoreFault {
    /// A file is not what was published.
    Changed {
        /// The pack.
        pack: String,
        /// The file.
        file: String,
    },
    /// A file of the pack is gone.
    Missing {
        /// The pack.
        pack: String,
        /// The file.
        file: String,
    },
    /// A file that was not published.
    Extra {
        /// The pack.
        pack: String,
        /// The file.
        file: String,
    },
    /// The list of hashes is not what the history says.
    Manifest {
        /// The pack.
        pack: String,
    },
    /// A line of the history was changed or taken out.
    History {
        /// Its number, from 1.
        line: usize,
    },
    /// What is in use was never published.
    Current {
        /// What is written.
        selected: String,
    },
}

/// Why a pack cannot be published or selected.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] Error),
    /// The version is taken by other contents.
    #[error("version {version} is published with other contents: raise `version` in pack.toml")]
    Taken {
        /// The version.
        version: String,
    },
    /// There is no such version.
    #[error("there is no published version `{wanted}`: there are {known}")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// There is nothing to go back to.
    #[error("there is no earlier version to go back to")]
    NothingBefore,
    /// The version to select is damaged.
    #[error("version `{0}` is damaged: `chattag pack verify` says how")]
    Damaged(String),
}

impl PackStore {
    /// Opens the store at `root`; it need not exist yet.
    pub fn new(root: &Path) -> PackStore {
        PackStore { root: root.to_owned() }
    }

    /// Returns whether `root` is a store in which something is published.
    pub fn is_store(root: &Path) -> bool {
        root.join("current").is_file() && root.join("packs").is_dir()
    }

    /// Returns the directory of the dictionaries at `path`: that of the version in use for a store,
    /// else `path` itself.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or holds something else than was published.
    pub fn resolve(path: &Path) -> Result<PathBuf, Error> {
        if !PackStore::is_store(path) {
            return Ok(path.to_owned());
        }
        let store = PackStore::new(path);
        let id = store.current()?;
        let place = store.packs_dir().join(&id);
        let published = store.read(&id)?;
        let is_whole = |published: &Published| {
            let files = bundle::files_in(&place).unwrap_or_default();
            compare(published, &files).is_empty() && hash_of_hashes(&published.files) == published.hash
        };
        match published.filter(is_whole) {
            Some(_) => Ok(place),
            None => {
                Err(Error::damaged(&place, "it is not what was published; `chattag pack verify` says how"))
            }
        }
    }

    /// Returns the name and version in use; empty before the first.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn current(&self) -> Result<String, Error> {
        let path = self.root.join("current");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Error::read(&path, error)),
        }
    }

    /// Freezes the files of a sound bundle and puts them in use. The same contents under the same
    /// version are published once.
    ///
    /// # Errors
    ///
    /// The version is taken by other contents, or a file cannot be written.
    pub fn publish(
        &self,
        files: &[SourceFile],
        bundle: &Bundle,
        note: &str,
        at: &str,
    ) -> Result<Published, StoreError> {
        let pack = &bundle.rules.pack;
        let published = Published {
            name: pack.name.clone(),
            version: pack.version.clone(),
            hash: hash_of(files),
            fingerprint: bundle.fingerprint.to_hex(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            note: note.to_owned(),
            files: files.iter().map(|file| (file.path.clone(), hash(&file.bytes))).collect(),
        };
        let id = published.id();
        match self.read(&id)? {
            Some(known) if known.hash != published.hash => {
                return Err(StoreError::Taken { version: published.version });
            }
            Some(_) => {}
            None => self.write(&id, files, &published)?,
        }
        if self.current()? != id {
            self.select(&id, &published.hash, "build", at)?;
        }
        Ok(published)
    }

    /// Returns the published packs, the oldest version first.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn list(&self) -> Result<Vec<Published>, Error> {
        let mut all = Vec::new();
        for id in self.ids() {
            all.extend(self.read(&id)?);
        }
        all.sort_by_key(|one| (super::pack_diff::numbers(&one.version), one.name.clone()));
        Ok(all)
    }

    /// The packs that have a list of hashes.
    fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.packs_dir()).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ids: Vec<String> =
            names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
        ids.sort();
        ids
    }

    /// Returns the history, the oldest line first.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn history(&self) -> Result<Vec<HistoryLine>, Error> {
        let path = self.root.join("history.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::read(&path, error)),
        };
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Puts an earlier version in use: `version`, else the one in use before the current one.
    ///
    /// # Errors
    ///
    /// There is no such version, or it is damaged.
    pub fn rollback(&self, version: Option<&str>, at: &str) -> Result<Published, StoreError> {
        let (all, current) = (self.list()?, self.current()?);
        let wanted = match version {
            Some(version) => all.iter().find(|one| one.version == version || one.id() == version),
            None => {
                let history = self.history()?;
                let before = history.iter().rev().find(|line| line.selected != current);
                let before = before.ok_or(StoreError::NothingBefore)?;
                all.iter().find(|one| one.id() == before.selected)
            }
        };
        let known: Vec<String> = all.iter().map(|one| one.version.clone()).collect();
        let wanted = wanted.ok_or_else(|| StoreError::Unknown {
            wanted: version.unwrap_or_default().to_owned(),
            known: known.join(", "),
        })?;
        let id = wanted.id();
        if self.verify()?.iter().any(|fault| fault.pack() == Some(&id)) {
            return Err(StoreError::Damaged(id));
        }
        self.select(&id, &wanted.hash, "rollback", at)?;
        Ok(wanted.clone())
    }

    /// Compares every file with its hash, and the history with itself.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn verify(&self) -> Result<Vec<StoreFault>, Error> {
        let mut faults = Vec::new();
        let history = self.history_faults(&mut faults)?;
        let mut all = Vec::new();
        for pack in self.ids() {
            match self.read(&pack) {
                Ok(published) => all.extend(published),
                Err(_) => faults.push(StoreFault::Manifest { pack }),
            }
        }
        for published in &all {
            let id = published.id();
            let known = history.iter().find(|line| line.selected == id);
            let files = bundle::files_in(&self.packs_dir().join(&id)).unwrap_or_default();
            faults.extend(compare(published, &files));
            let listed = hash_of_hashes(&published.files);
            if listed != published.hash || known.is_some_and(|line| line.hash != published.hash) {
                faults.push(StoreFault::Manifest { pack: id });
            }
        }
        let selected = self.current()?;
        if !selected.is_empty() && !all.iter().any(|one| one.id() == selected) {
            faults.push(StoreFault::Current { selected });
        }
        Ok(faults)
    }

    fn history_faults(&self, faults: &mut Vec<StoreFault>) -> Result<Vec<HistoryLine>, Error> {
        let path = self.root.join("history.jsonl");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let (mut prev, mut lines) = (String::new(), Vec::new());
        for (number, written) in text.lines().enumerate() {
            match serde_json::from_str::<HistoryLine>(written) {
                Ok(line) if line.prev == prev => lines.push(line),
                _ => faults.push(StoreFault::History { line: number + 1 }),
            }
            prev = hash(written.as_bytes());
        }
        Ok(lines)
    }

    fn packs_dir(&self) -> PathBuf {
        self.root.join("packs")
    }

    fn read(&self, id: &str) -> Result<Option<Published>, Error> {
        let path = self.packs_dir().join(format!("{id}.json"));
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(published) => Ok(Some(published)),
                Err(_) => Err(Error::damaged(&path, "it is no list of hashes")),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::read(&path, error)),
        }
    }

    /// Writes the files beside their place and moves them there; the list of hashes comes last.
    fn write(&self, id: &str, files: &[SourceFile], published: &Published) -> Result<(), Error> {
        let (place, scratch) = (self.packs_dir().join(id), self.packs_dir().join(format!(".{id}.part")));
        drop(fs::remove_dir_all(&scratch));
        for file in files {
            write_file(&scratch.join(&file.path), &file.bytes)?;
        }
        // A directory without its list of hashes is what an interrupted build left.
        drop(fs::remove_dir_all(&place));
        fs::rename(&scratch, &place).map_err(|error| Error::write(&place, error))?;
        let json = serde_json::to_vec_pretty(published).expect("lists of hashes turn into JSON");
        write_whole(&self.packs_dir().join(format!("{id}.json")), &json)
    }

    /// Notes the choice in the history, then makes it.
    fn select(&self, id: &str, pack_hash: &str, action: &str, at: &str) -> Result<(), Error> {
        let path = self.root.join("history.jsonl");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let prev = text.lines().last().map_or_else(String::new, |line| hash(line.as_bytes()));
        let line = HistoryLine {
            at: at.to_owned(),
            action: action.to_owned(),
            selected: id.to_owned(),
            hash: pack_hash.to_owned(),
            prev,
        };
        let json = serde_json::to_string(&line).expect("lines of the history turn into JSON");
        let appended = fs::OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
            writeln!(file, "{json}")?;
            file.sync_all()
        });
        appended.map_err(|error| Error::write(&path, error))?;
        write_whole(&self.root.join("current"), format!("{id}\n").as_bytes())
    }
}

impl Published {
    /// Returns name and version, as directories and the history write them.
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

impl StoreFault {
    /// Returns the pack it concerns, if it concerns one.
    pub fn pack(&self) -> Option<&String> {
        match self {
            StoreFault::Changed { pack, .. }
            | StoreFault::Missing { pack, .. }
            | StoreFault::Extra { pack, .. }
            | StoreFault::Manifest { pack } => Some(pack),
            StoreFault::History { .. } | StoreFault::Current { .. } => None,
        }
    }
}

/// Returns `pack.toml` with another version; comments stay. `None` when it is no TOML.
pub fn with_version(pack_toml: &str, version: &str) -> Option<String> {
    let mut document: toml_edit::DocumentMut = pack_toml.parse().ok()?;
    let decor = document.get("version")?.as_value()?.decor().clone();
    let mut value = toml_edit::Value::from(version);
    *value.decor_mut() = decor;
    document.insert("version", toml_edit::Item::Value(value));
    Some(document.to_string())
}

fn compare(published: &Published, files: &[SourceFile]) -> Vec<StoreFault> {
    let pack = published.id();
    let found: BTreeMap<&str, String> =
        files.iter().map(|file| (file.path.as_str(), hash(&file.bytes))).collect();
    let mut faults = Vec::new();
    for (file, wanted) in &published.files {
        let (pack, name) = (pack.clone(), file.clone());
        match found.get(file.as_str()) {
            None => faults.push(StoreFault::Missing { pack, file: name }),
            Some(hash) if hash != wanted => faults.push(StoreFault::Changed { pack, file: name }),
            Some(_) => {}
        }
    }
    let extra = found.keys().filter(|file| !published.files.contains_key(**file));
    faults.extend(extra.map(|file| StoreFault::Extra { pack: pack.clone(), file: (*file).to_owned() }));
    faults
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn hash_of(files: &[SourceFile]) -> String {
    hash_of_hashes(&files.iter().map(|file| (file.path.clone(), hash(&file.bytes))).collect())
}

fn hash_of_hashes(files: &BTreeMap<String, String>) -> String {
    let lines: String = files.iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
    hash(lines.as_bytes())
}

/// Writes a file that nobody should change afterwards.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| Error::write(parent, error))?;
    let written = fs::File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)?;
        file.sync_all()
    });
    written.map_err(|error| Error::write(path, error))
}

/// Writes a file that is there whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let scratch = path.with_file_name(format!(".{name}.part"));
    let written = fs::File::create(&scratch).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&scratch, path)
    });
    written.map_err(|error| Error::write(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Options, embedded_files};

    fn published(store: &PackStore, version: &str) -> Result<Published, StoreError> {
        let mut files = embedded_files();
        let pack = files.iter_mut().find(|file| file.path == "pack.toml").unwrap();
        let text = String::from_utf8(pack.bytes.clone()).unwrap();
        pack.bytes = with_version(&text, version).unwrap().into_bytes();
        let bundle = Bundle::from_files(&files, &Options::default()).0.unwrap();
        store.publish(&files, &bundle, "", "2026-01-01T00:00:00Z")
    }

    #[test]
    fn versions_are_frozen_chosen_and_chosen_again() {
        let place = tempfile::tempdir().unwrap();
        let store = PackStore::new(place.path());
        assert!(!PackStore::is_store(place.path()));
        published(&store, "1.9.0").unwrap();
        published(&store, "1.10.0").unwrap();
        published(&store, "1.10.0").unwrap();
        let versions: Vec<String> = store.list().unwrap().into_iter().map(|one| one.version).collect();
        assert_eq!(versions, ["1.9.0", "1.10.0"]);
        assert_eq!(store.current().unwrap(), "base-zh-1.10.0");
        assert_eq!(store.rollback(None, "later").unwrap().version, "1.9.0");
        assert_eq!(store.rollback(Some("1.10.0"), "later").unwrap().version, "1.10.0");
        assert!(matches!(store.rollback(Some("3.0.0"), ""), Err(StoreError::Unknown { .. })));
        let actions: Vec<String> = store.history().unwrap().into_iter().map(|line| line.action).collect();
        assert_eq!(actions, ["build", "build", "rollback", "rollback"]);
        assert!(store.verify().unwrap().is_empty());
        assert!(PackStore::resolve(place.path()).unwrap().ends_with("packs/base-zh-1.10.0"));
    }

    #[test]
    fn every_kind_of_tampering_is_noticed_and_stops_a_rollback() {
        let place = tempfile::tempdir().unwrap();
        let store = PackStore::new(place.path());
        published(&store, "1.0.0").unwrap();
        published(&store, "1.1.0").unwrap();
        let pack = place.path().join("packs/base-zh-1.0.0");
        fs::remove_file(pack.join("lexicons/ads.csv")).unwrap();
        fs::remove_file(pack.join("tags.toml")).unwrap();
        fs::write(pack.join("tags.toml"), "").unwrap();
        fs::write(pack.join("more.txt"), "x").unwrap();
        let history = place.path().join("history.jsonl");
        let text = fs::read_to_string(&history).unwrap().replacen("build", "built", 1);
        fs::write(&history, text).unwrap();
        fs::write(place.path().join("current"), "base-zh-9.9.9\n").unwrap();
        let faults = store.verify().unwrap();
        assert!(
            PackStore::resolve(place.path()).is_err(),
            "a run does not begin with what was not published"
        );
        let kinds: Vec<&str> = faults
            .iter()
            .map(|fault| match fault {
                StoreFault::Changed { .. } => "changed",
                StoreFault::Missing { .. } => "missing",
                StoreFault::Extra { .. } => "extra",
                StoreFault::Manifest { .. } => "manifest",
                StoreFault::History { .. } => "history",
                StoreFault::Current { .. } => "current",
            })
            .collect();
        assert_eq!(kinds, ["history", "missing", "changed", "extra", "current"]);
        assert!(matches!(store.rollback(Some("1.0.0"), ""), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_pack_without_its_list_of_hashes_or_with_a_file_changed_is_not_used() {
        let place = tempfile::tempdir().unwrap();
        let store = PackStore::new(place.path());
        published(&store, "1.0.0").unwrap();
        let list = place.path().join("packs/base-zh-1.0.0.json");
        let whole = fs::read(&list).unwrap();
        for damaged in [None, Some("{}")] {
            fs::remove_file(&list).unwrap();
            damaged.iter().for_each(|text| fs::write(&list, text).unwrap());
            let error = PackStore::resolve(place.path()).unwrap_err();
            assert!(error.to_string().contains("is damaged"), "{error}");
            assert!(!store.verify().unwrap().is_empty());
            fs::write(&list, &whole).unwrap();
        }
        assert!(PackStore::resolve(place.path()).is_ok());
        let file = place.path().join("packs/base-zh-1.0.0/pack.toml");
        fs::remove_file(&file).unwrap();
        fs::write(&file, "x").unwrap();
        assert!(PackStore::resolve(place.path()).is_err());
    }

    #[test]
    fn one_version_has_one_content() {
        let place = tempfile::tempdir().unwrap();
        let store = PackStore::new(place.path());
        published(&store, "1.0.0").unwrap();
        let mut files = embedded_files();
        files.push(SourceFile { path: "notes.txt".into(), bytes: b"more".to_vec() });
        let bundle = Bundle::from_files(&files, &Options::default()).0.unwrap();
        let taken = store.publish(&files, &bundle, "", "");
        let same_version = bundle.rules.pack.version == "1.0.0";
        assert_eq!(matches!(taken, Err(StoreError::Taken { .. })), same_version);
    }

    #[test]
    fn a_version_is_written_with_comments_kept() {
        let text = "# 名片\nname = \"x\"\nversion = \"1.0.0\"  # 升一次\n";
        assert_eq!(with_version(text, "1.0.1").unwrap(), text.replace("1.0.0", "1.0.1"));
    }
}
