//! Mistakes planted on purpose: a fault program that finds none of them proves nothing.
//!
//! The machine does not hear the steps that a mistaken program would leave out; a file is written over in
//! place by the test itself. Each mistake has to be found by the checks that the true program passes.

use std::path::Path;

use chattag::writer::Step;

use super::life::*;
use super::machine::{Fault, Loss, Machine};

/// A mistake: its name and the steps that are left out.
type Mistake = (&'static str, fn(&Step) -> bool);

const FORGOTTEN: &[Mistake] = &[
    ("tables are not synced", |step| matches!(step, Step::SyncFile(path) if has_end(path, ".parquet"))),
    ("the record is not synced", |step| matches!(step, Step::SyncFile(path) if has_end(path, "record.json"))),
    ("the log directory is not synced", |step| matches!(step, Step::SyncDir(path) if has_end(path, "/log"))),
    ("the days of tables are not synced", |step| matches!(step, Step::SyncDir(path) if says(path, "/dt="))),
    ("new tables are not synced", |step| matches!(step, Step::SyncDir(path) if has_end(path, "/data"))),
    (
        "the output directory is not synced",
        |step| matches!(step, Step::SyncDir(path) if has_end(path, "/out")),
    ),
    ("its place is not synced", |step| matches!(step, Step::SyncDir(path) if has_end(path, "/company"))),
    (
        "Delta versions are not synced",
        |step| matches!(step, Step::SyncFile(path) if has_end(path, "delta.json")),
    ),
];

fn has_end(path: &Path, end: &str) -> bool {
    path.to_string_lossy().ends_with(end)
}

fn says(path: &Path, part: &str) -> bool {
    path.to_string_lossy().contains(part)
}

/// Returns what the checks say about commit `n` when the power goes before step `k`.
fn cut(n: usize, k: usize, deaf: fn(&Step) -> bool) -> Result<bool, String> {
    let machine = |place: &Path| Machine::forgetting(place, deaf).with_fault(k, Fault::Stop);
    let (_place, machine, done) = disturbed(n, machine);
    for loss in losses(k as u64) {
        check_recovered(machine.after_power_cut(loss).path(), n, done)?;
    }
    Ok(machine.n_steps() > k)
}

#[test]
fn every_forgotten_sync_is_found() {
    for (mistake, deaf) in FORGOTTEN {
        let found = (0..2).any(|n| enumerate(|k| cut(n, k, *deaf)).is_err());
        assert!(found, "not found: {mistake}");
    }
}

/// Commits as always, but first writes a file of the commit before over, as a store without versions would.
fn overwriting(n: usize, k: usize) -> Result<bool, String> {
    let place = copy_of(undisturbed()[n].0.path());
    let out = out_of(place.path());
    let machine = Machine::new(place.path()).with_fault(k, Fault::Stop);
    let old = walkdir::WalkDir::new(out.join("data")).sort_by_file_name().into_iter().map(Result::unwrap);
    let old = old.into_iter().find(|entry| has_end(entry.path(), ".parquet")).unwrap().into_path();
    let content = std::fs::read(&old).unwrap();
    let written = machine.overwrite(&old, &content);
    let done = written.is_ok() && advance(&out, n, &machine.disk()).is_ok();
    for loss in [Loss::Content, Loss::Anything(k as u64)] {
        check_recovered(machine.after_power_cut(loss).path(), n, done)?;
    }
    check_recovered(place.path(), n, done)?;
    Ok(machine.n_steps() > k)
}

#[test]
fn a_file_written_over_in_place_is_found() {
    assert!(enumerate(|k| overwriting(1, k)).is_err());
}
