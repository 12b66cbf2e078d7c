//! A place to work in: dictionaries of one's own and the sample archive, in a directory that goes away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chattag::bundle;
use chattag::rules::SourceFile;
use serde_json::Value;
use tempfile::TempDir;

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn write_all(directory: &Path, files: &[SourceFile]) {
    for file in files {
        let path = directory.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.bytes).unwrap();
    }
}

/// A directory with dictionaries of one's own, and the sample archive beside them.
pub struct Desk(pub TempDir);

impl Desk {
    pub fn new() -> Desk {
        let place = tempfile::tempdir().unwrap();
        write_all(&place.path().join("my-dict"), &bundle::embedded_files());
        for (name, to) in [("archive", "archive"), ("roster.csv", "roster.csv")] {
            let from = repository().join("data-samples").join(name);
            std::os::unix::fs::symlink(from, place.path().join(to)).unwrap();
        }
        Desk(place)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name}: {from}");
        self.write(name, text.replace(from, to).as_bytes());
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chattag"));
        command.current_dir(self.0.path()).args(arguments).env("CHATTAG_LANG", "zh");
        command
    }

    pub fn chattag(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!error.contains("panicked"), "{arguments:?}: {error}");
        output
    }

    /// Runs a command that must end with `code`, and returns what it prints.
    pub fn says(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.chattag(arguments);
        let said = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}{error}");
        said
    }

    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let said = self.says(code, arguments);
        serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"))
    }
}
