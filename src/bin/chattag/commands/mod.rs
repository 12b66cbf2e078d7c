//! One file per command.

pub mod annotate;
pub mod audit;
pub mod calibrate;
pub mod check;
pub mod commits;
pub mod completions;
pub mod diff;
pub mod distill;
pub mod doctor;
pub mod eval;
pub mod explain;
pub mod export;
mod export_wecom;
pub mod fmt;
pub mod gc;
pub mod import;
pub mod inspect;
pub mod new;
pub mod pack;
pub mod phrases;
pub mod preview;
mod reading;
pub mod replay;
pub mod rollback;
pub mod run;
pub mod schema;
mod scoring;
mod state;
pub mod stats;
pub mod stream;
pub mod suggest;
mod summary;
pub mod test;
mod text_table;
pub mod train;
pub mod variants;

use std::io::Write as _;
use std::path::Path;

use chattag::batch::RehearsalOptions;
use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::{self, Diagnostic};
use chattag::error::Error;
use chattag::maintain::pack_store::PackStore;
use chattag::rules::SourceFile;
use chattag::telling::Said;
use chattag::time::{Day, Timestamp, Zone};

use crate::args::{DictionaryArgs, SampleArgs};
use crate::console::Console;

/// Compiles the dictionaries that the arguments name and returns them with all findings.
fn load(args: &DictionaryArgs) -> anyhow::Result<(Option<Bundle>, Vec<Diagnostic>)> {
    load_on(args, None)
}

/// Does the same, and compares end dates with `today`.
fn load_on(args: &DictionaryArgs, today: Option<Day>) -> anyhow::Result<(Option<Bundle>, Vec<Diagnostic>)> {
    let options = Options { packs: args.packs.clone(), today };
    match &args.dict {
        Some(directory) => Ok(Bundle::from_dir(&PackStore::resolve(directory)?, &options)?),
        None => Ok(Bundle::embedded(&options)),
    }
}

/// Compiles the dictionaries; findings other than errors are left to `check`.
fn load_sound(args: &DictionaryArgs, _console: &Console) -> anyhow::Result<Bundle> {
    match load(args)? {
        (Some(bundle), findings) if !diagnostic::has_errors(&findings) => Ok(bundle),
        (_, findings) => Err(Error::dictionaries(findings).into()),
    }
}

/// Compiles the dictionaries at `path`, a directory or a pack store.
fn load_from(path: &Path, packs: &[String], console: &Console) -> anyhow::Result<Bundle> {
    let args = DictionaryArgs { dict: Some(path.to_owned()), packs: packs.to_vec() };
    let name = format!("`{}`", path.display());
    load_sound(&args, console).map_err(|error| match error.downcast::<Error>() {
        // One of two is wrong: say which.
        Ok(error) if !error.findings().is_empty() => Said::new(&name, &name).because(error).into(),
        Ok(error) => error.into(),
        Err(error) => error,
    })
}

/// The files of the dictionaries that the arguments name.
fn files(args: &DictionaryArgs) -> anyhow::Result<Vec<SourceFile>> {
    match &args.dict {
        Some(directory) => Ok(bundle::files_in(&PackStore::resolve(directory)?)?),
        None => Ok(bundle::embedded_files()),
    }
}

/// How the archive of a maintainer's tool is read.
fn rehearsal(
    archives: &[String],
    sample: &SampleArgs,
    memory: usize,
    zone: &Zone,
    console: &Console,
) -> anyhow::Result<RehearsalOptions> {
    let as_of = sample.as_of.as_deref().map(|text| local_time(text, zone)).transpose()?;
    let read = reading::resolve(&sample.reading, zone.clone(), console)?;
    Ok(RehearsalOptions { archives: archives.to_vec(), read, as_of, jobs: sample.jobs, memory })
}

/// Memory for waiting events where the user says nothing.
const MEMORY: usize = 256 << 20;

/// Reads a local time as people write it.
fn local_time(text: &str, zone: &Zone) -> Result<Timestamp, Error> {
    let time = zone.parse_local(text).or_else(|| Day::parse(text).map(|day| zone.midnight(day)));
    time.ok_or_else(|| Error::argument("time", text, "local time such as `2026-02-01 00:00`"))
}

/// This instant, for end dates and for texts that are said now.
fn this_instant() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// The time now, for people and file names; decisions never depend on it.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An error with its two texts.
fn said(zh: impl Into<String>, en: impl Into<String>) -> anyhow::Error {
    Said::new(zh, en).into()
}

/// A name that these dictionaries do not hold.
fn unknown((zh, en): (&str, &str), name: &str) -> anyhow::Error {
    said(format!("词库里没有{zh} `{name}`"), format!("there is no {en} `{name}` in these dictionaries"))
}

/// A list that these dictionaries do not hold, and those that they do.
fn unknown_list(id: &str, known: &[&str]) -> anyhow::Error {
    let known = known.join(", ");
    said(format!("没有词表 `{id}`：有 {known}"), format!("there is no list `{id}`: there are {known}"))
}

/// Reads a file that the user named.
fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    Ok(std::fs::read(path).map_err(|source| Error::read(path, source))?)
}

/// Writes a file that the user named, with the directories above it.
fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let wrong = |source| Error::write(path, source);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(wrong)?;
    }
    Ok(std::fs::write(path, bytes).map_err(wrong)?)
}

/// Asks a question on standard error; anything but yes, and the end of input, is no.
fn confirm(console: &Console, zh: &str, en: &str) -> anyhow::Result<bool> {
    let mut error = std::io::stderr().lock();
    write!(error, "{} [y/N] ", console.pick(zh, en))?;
    error.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好"))
}
