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

use anyhow::Context as _;
use chattag::batch::RehearsalOptions;
use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::{self, Diagnostic};
use chattag::error::Error;
use chattag::maintain::pack_store::PackStore;
use chattag::rules::SourceFile;
use chattag::time::{Day, Timestamp, Zone};

use crate::args::{DictionaryArgs, SampleArgs};
use crate::console::Console;

/// Compiles the dictionaries that the arguments name and returns them with all findings.
fn load(args: &DictionaryArgs) -> anyhow::Result<(Option<Bundle>, Vec<Diagnostic>)> {
    let options = Options { packs: args.packs.clone(), today: None };
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
    load_sound(&args, console)
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
) -> anyhow::Result<RehearsalOptions> {
    let as_of = sample.as_of.as_deref().map(|text| local_time(text, zone)).transpose()?;
    let read = reading::resolve(&sample.reading, zone.clone())?;
    Ok(RehearsalOptions { archives: archives.to_vec(), read, as_of, jobs: sample.jobs, memory })
}

/// Memory for waiting events where the user says nothing.
const MEMORY: usize = 256 << 20;

/// Reads a local time as people write it.
fn local_time(text: &str, zone: &Zone) -> Result<Timestamp, Error> {
    let time = zone.parse_local(text).or_else(|| Day::parse(text).map(|day| zone.midnight(day)));
    time.ok_or_else(|| Error::argument("time", text, "local time such as `2026-02-01 00:00`"))
}

/// The time now, for people and file names; decisions never depend on it.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a file that the user named.
fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Writes a file that the user named, with the directories above it.
fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let wrong = || format!("cannot write `{}`", path.display());
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).with_context(wrong)?;
    }
    std::fs::write(path, bytes).with_context(wrong)
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
