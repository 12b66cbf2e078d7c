//! Says which files a run reads: each once, in path order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::error::Error;

/// The files of one run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    files: Vec<PlannedFile>,
    skipped: Vec<(PathBuf, &'static str)>,
}

/// One file of a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedFile {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// Its size when the plan was made; bytes written later are for the next run. 0 for standard input.
    pub bytes: u64,
}

impl PlannedFile {
    /// Returns whether this is standard input.
    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

impl PlannedFile {
    /// Returns the company that the file, or the nearest folder it is in, is named after: `message_ww0123456789abcdef.jsonl`.
    pub fn corp(&self) -> Option<&str> {
        let names = self.path.iter().rev().filter_map(|name| name.to_str());
        names.flat_map(|name| name.split(['_', '-', '.', '='])).find(|word| is_corp_id(word))
    }
}

/// Source: ids of companies in public documentation and samples, 2026-11: `ww` or `wx` and 16 hexadecimal digits.
fn is_corp_id(word: &str) -> bool {
    let digits = word.strip_prefix("ww").or_else(|| word.strip_prefix("wx"));
    digits.is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

impl Plan {
    /// Lists the files that `inputs` name: files, directories (with all below), globs, `-`.
    ///
    /// Files and folders whose names begin with `.` or `_` are skipped and
    /// listed in [`Plan::skipped`], unless an input names them exactly.
    ///
    /// # Errors
    ///
    /// Fails when an input matches nothing, or cannot be looked at.
    pub fn new(inputs: &[String]) -> Result<Plan, Error> {
        let mut listing = Listing::default();
        for input in inputs {
            listing.add(input)?;
        }
        if listing.files.is_empty() && listing.skipped.is_empty() {
            return Err(Error::no_input(&inputs.join(" ")));
        }
        Ok(listing.into_plan())
    }

    /// Returns the files, in path order.
    pub fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// Returns the size of all files in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Skips the files at `paths`, with the reason `why`.
    pub fn leave_out(&mut self, paths: &BTreeSet<PathBuf>, why: &'static str) {
        self.files.retain(|file| !paths.contains(&file.path));
        self.skipped.extend(paths.iter().map(|path| (path.clone(), why)));
    }

    /// Returns what was skipped and why: `hidden`, `not_a_file`, `unreadable`.
    pub fn skipped(&self) -> &[(PathBuf, &'static str)] {
        &self.skipped
    }
}

/// A plan in the making: real path (so that each file counts once) to path as named.
#[derive(Default)]
struct Listing {
    files: BTreeMap<PathBuf, PlannedFile>,
    skipped: Vec<(PathBuf, &'static str)>,
}

impl Listing {
    fn add(&mut self, input: &str) -> Result<(), Error> {
        let path = Path::new(input);
        if input == "-" {
            self.files.insert(path.to_owned(), PlannedFile { path: path.to_owned(), bytes: 0 });
            return Ok(());
        }
        match std::fs::metadata(path) {
            Ok(metadata) => self.add_path(path, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.add_glob(input),
            Err(error) => return Err(Error::read(path, error)),
        }
        Ok(())
    }

    fn add_glob(&mut self, pattern: &str) -> Result<(), Error> {
        let paths = glob::glob(pattern).map_err(|_| Error::no_input(pattern))?;
        let mut any = false;
        for path in paths.flatten() {
            any = true;
            match std::fs::metadata(&path) {
                _ if is_hidden(&path) => self.skipped.push((path, "hidden")),
                Ok(metadata) => self.add_path(&path, &metadata),
                Err(_) => self.skipped.push((path, "unreadable")),
            }
        }
        if any { Ok(()) } else { Err(Error::no_input(pattern)) }
    }

    fn add_path(&mut self, path: &Path, metadata: &Metadata) {
        if metadata.is_dir() {
            self.add_directory(path);
        } else if metadata.is_file() {
            self.add_file(path.to_owned(), metadata.len());
        } else {
            self.skipped.push((path.to_owned(), "not_a_file"));
        }
    }

    fn add_directory(&mut self, root: &Path) {
        let mut hidden = Vec::new();
        let walk = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
        let visible = walk.filter_entry(|entry| keep(entry, &mut hidden));
        let entries: Vec<_> = visible.collect();
        for entry in entries {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => self.add_entry(entry.path()),
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    self.skipped.push((path, "unreadable"));
                }
            }
        }
        self.skipped.extend(hidden.into_iter().map(|path| (path, "hidden")));
    }

    fn add_entry(&mut self, path: &Path) {
        match std::fs::metadata(path) {
            Ok(metadata) => self.add_path(path, &metadata),
            Err(_) => self.skipped.push((path.to_owned(), "unreadable")),
        }
    }

    fn add_file(&mut self, path: PathBuf, bytes: u64) {
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        self.files.entry(real).or_insert(PlannedFile { path, bytes });
    }

    fn into_plan(mut self) -> Plan {
        let mut files: Vec<_> = self.files.into_values().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.sort();
        self.skipped.dedup();
        Plan { files, skipped: self.skipped }
    }
}

/// Leaves hidden entries out and notes them; the root was named, so it stays.
fn keep(entry: &DirEntry, hidden: &mut Vec<PathBuf>) -> bool {
    let visible = entry.depth() == 0 || !is_hidden(entry.path());
    if !visible {
        hidden.push(entry.path().to_owned());
    }
    visible
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(['.', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for path in
            ["dt=2/b.jsonl", "dt=1/a.jsonl", "dt=1/_tmp.jsonl", ".git/x", "c.jsonl", "d.jsonl/e.jsonl"]
        {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("a directory");
            std::fs::write(path, "{}\n").expect("a file");
        }
        dir
    }

    fn names(dir: &Path, plan: &Plan) -> Vec<String> {
        let name = |file: &PlannedFile| file.path.strip_prefix(dir).expect("inside").display().to_string();
        plan.files().iter().map(name).collect()
    }

    #[test]
    fn every_file_comes_once_and_in_path_order() {
        let dir = tree();
        let root = dir.path().display().to_string();
        let inputs =
            [format!("{root}/*.jsonl"), root.clone(), format!("{root}/dt=2"), format!("{root}/c.jsonl")];
        let plan = Plan::new(&inputs).expect("files");
        assert_eq!(names(dir.path(), &plan), ["c.jsonl", "d.jsonl/e.jsonl", "dt=1/a.jsonl", "dt=2/b.jsonl"]);
        assert_eq!(plan.total_bytes(), 12);
        let skipped: Vec<_> = plan.skipped().iter().map(|(path, why)| (path.clone(), *why)).collect();
        assert_eq!(
            skipped,
            [(dir.path().join(".git"), "hidden"), (dir.path().join("dt=1/_tmp.jsonl"), "hidden")]
        );
    }

    #[test]
    fn files_and_folders_are_named_after_companies() {
        for (path, corp) in [
            ("message_ww0123456789abcdef.jsonl.gz", Some("ww0123456789abcdef")),
            ("corp=wx0123456789abcdef/dt=1/a.jsonl", Some("wx0123456789abcdef")),
            ("ww0123456789abcdef/message_wwfedcba9876543210", Some("wwfedcba9876543210")),
            ("www_message_ww01.jsonl", None),
        ] {
            let file = PlannedFile { path: path.into(), bytes: 0 };
            assert_eq!(file.corp(), corp, "{path}");
        }
    }

    #[test]
    fn a_hidden_file_is_read_when_it_is_named() {
        let dir = tree();
        let path = dir.path().join("dt=1/_tmp.jsonl").display().to_string();
        assert_eq!(Plan::new(&[path]).expect("a file").files().len(), 1);
    }

    #[test]
    fn an_input_that_matches_nothing_is_an_error() {
        for input in ["/no/such/file.jsonl", "/no/such/*.jsonl", "[", ""] {
            assert!(Plan::new(&[input.to_owned()]).is_err(), "{input}");
        }
        assert!(Plan::new(&[]).is_err());
    }
}
