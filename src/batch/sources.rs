//! Where business events come from: files of one kind each, or a list of sources in TOML.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::archive::table::Columns;
use crate::archive::{BUSINESS_COLUMNS, Plan};
use crate::business::{self, BusinessKind};
use crate::error::Error;
use crate::rules;
use crate::time::Millis;

/// One source of business events.
#[derive(Clone, Debug)]
pub struct EventSource {
    /// What people call it.
    pub name: String,
    /// Its files, in path order.
    pub files: Vec<PathBuf>,
    /// What its rows are, where no column says it.
    pub kind: Option<BusinessKind>,
    /// What its columns are called.
    pub columns: Columns,
    /// How long after newer ones its events may come.
    pub lateness: Millis,
    /// All there is until now has been given. If not, decisions wait for it.
    pub complete: bool,
}

/// Reads what the user typed: each argument is a file (or glob) of events, `KIND=FILE`, or a list
/// of sources, `*.toml`.
///
/// # Errors
///
/// A file that is not there, a list that cannot be read, an unknown kind.
pub fn event_sources(arguments: &[String]) -> Result<Vec<EventSource>, Error> {
    let mut sources = Vec::new();
    for argument in arguments {
        if argument.ends_with(".toml") {
            sources.extend(read_list(Path::new(argument))?);
        } else {
            sources.push(file_source(argument)?);
        }
    }
    Ok(sources)
}

fn file_source(argument: &str) -> Result<EventSource, Error> {
    let (kind, path) = match argument.split_once('=') {
        Some((kind, path)) if !Path::new(argument).exists() => (Some(named(kind)?), path),
        _ => (None, argument),
    };
    Ok(EventSource {
        name: path.to_owned(),
        files: files(&[path.to_owned()])?,
        kind,
        columns: Columns::automatic(BUSINESS_COLUMNS),
        lateness: Millis(0),
        complete: true,
    })
}

/// A list of sources as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source: Vec<WrittenSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    name: String,
    files: Vec<String>,
    kind: Option<String>,
    columns: Option<String>,
    lateness: Option<String>,
    complete: Option<bool>,
}

fn read_list(path: &Path) -> Result<Vec<EventSource>, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
    let written: Written = toml::from_str(&text).map_err(|error| {
        let what = format!("{}: {}", path.display(), error.message());
        Error::argument(
            "list of event sources",
            &what,
            "[[source]] with name, files, and perhaps kind, columns, lateness, complete",
        )
    })?;
    let beside = path.parent().unwrap_or(Path::new("."));
    written.source.into_iter().map(|source| source.resolve(beside)).collect()
}

impl WrittenSource {
    /// Finds the files of the source, relative to the directory of the list.
    fn resolve(self, beside: &Path) -> Result<EventSource, Error> {
        let named_files: Vec<String> =
            self.files.iter().map(|file| beside.join(file).to_string_lossy().into_owned()).collect();
        let columns = match &self.columns {
            Some(map) => Columns::from_argument(map, BUSINESS_COLUMNS)?,
            None => Columns::automatic(BUSINESS_COLUMNS),
        };
        let lateness = self.lateness.as_deref().map(|text| {
            let span = rules::elapsed_span(text);
            span.ok_or_else(|| Error::argument("lateness", text, "elapsed time such as 10m, 24h, 2d"))
        });
        Ok(EventSource {
            name: self.name,
            files: files(&named_files)?,
            kind: self.kind.as_deref().map(named).transpose()?,
            columns,
            lateness: lateness.transpose()?.unwrap_or(Millis(0)),
            complete: self.complete.unwrap_or(true),
        })
    }
}

fn named(word: &str) -> Result<BusinessKind, Error> {
    BusinessKind::named(word).ok_or_else(|| {
        let known: Vec<&str> = business::KINDS.iter().map(|doc| doc.word).collect();
        Error::argument_one_of("kind of event", word, &known)
    })
}

fn files(named: &[String]) -> Result<Vec<PathBuf>, Error> {
    Ok(Plan::new(named)?.files().iter().map(|file| file.path.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<EventSource>, Error> {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("a.csv"), "id\n").expect("writable");
        let path = directory.path().join("sources.toml");
        std::fs::write(&path, text).expect("writable");
        event_sources(&[path.to_string_lossy().into_owned()])
    }

    #[test]
    fn a_list_says_what_each_source_is() {
        let text = "[[source]]\nname = \"shop\"\nfiles = [\"a.csv\"]\nkind = \"order\"\ncolumns = \"单=id\"\n\
            lateness = \"1d\"\ncomplete = false\n";
        let sources = list(text).expect("a list");
        let source = &sources[0];
        assert_eq!((source.kind, source.lateness), (Some(BusinessKind::Order), Millis::DAY));
        assert!(!source.complete && source.columns.is_explicit() && source.files.len() == 1);
    }

    #[test]
    fn mistakes_in_a_list_are_errors() {
        for wrong in ["name = 1", "kind = \"ordr\"", "lateness = \"1mo\"", "columns = \"x=y\"", "late = 1"] {
            let text = format!("[[source]]\nfiles = [\"a.csv\"]\nname = \"n\"\n{wrong}\n");
            assert!(list(&text).is_err(), "{wrong}");
        }
        assert!(list("[[source]]\nname = \"n\"\nfiles = [\"none.csv\"]\n").is_err());
    }
}
