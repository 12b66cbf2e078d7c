//! A whole run from archive to tables: every step goes wrong, between reading, deciding and writing too.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use chattag::writer::{Depth, Disk, Store, examine};
use tempfile::TempDir;

use super::archive;
use super::life::{FAULTS, Picture, copy_of, enumerate, losses, out_of, picture};
use super::machine::{Fault, Machine};

/// The undisturbed directories after one night and after two.
fn undisturbed() -> &'static [(TempDir, Picture); 2] {
    static STAGES: OnceLock<[(TempDir, Picture); 2]> = OnceLock::new();
    STAGES.get_or_init(|| {
        let first = crate::fixture::scratch();
        archive::run(0, &out_of(first.path()), &Disk::default()).unwrap();
        let second = copy_of(first.path());
        archive::run(1, &out_of(second.path()), &Disk::default()).unwrap();
        let store = Store::open(&out_of(second.path())).unwrap();
        let files = store.records().iter().flat_map(|record| &record.files);
        let decided: BTreeSet<&str> =
            files.filter(|file| file.rows > 0).map(|file| file.table.as_str()).collect();
        assert!(["current_tags", "kick_decisions", "tag_events"].iter().all(|table| decided.contains(table)));
        drop(store);
        [first, second].map(|place| {
            let picture = picture(&out_of(place.path()));
            (place, picture)
        })
    })
}

/// Checks that a directory holds one night or two, and after another run exactly two.
fn check(place: &Path, acknowledged: bool) -> Result<(), String> {
    let out = out_of(place);
    let opened = Store::open(&out).map_err(|error| format!("cannot be opened: {error}"))?;
    let n_commits = opened.records().len();
    drop(opened);
    if n_commits < 1 + usize::from(acknowledged) || picture(&out) != undisturbed()[n_commits - 1].1 {
        return Err(format!("after recovery with {n_commits} commits the directory is another"));
    }
    archive::run(1, &out, &Disk::default()).map_err(|error| format!("cannot run again: {error}"))?;
    if picture(&out) != undisturbed()[1].1 || !examine(&out, Depth::Hashes).findings.is_empty() {
        return Err("run again, the directory is another".to_owned());
    }
    Ok(())
}

fn disturbed(k: usize, fault: Fault) -> Result<bool, String> {
    let place = copy_of(undisturbed()[0].0.path());
    let machine = Machine::new(place.path()).with_fault(k, fault);
    let done = archive::run(1, &out_of(place.path()), &machine.disk()).is_ok();
    if fault == Fault::Stop {
        let revived = machine.after_power_cut(losses(k as u64)[k % 4]);
        check(revived.path(), done).map_err(|what| format!("power cut: {what}"))?;
    }
    check(place.path(), done).map_err(|what| format!("{fault:?}: {what}"))?;
    Ok(machine.n_steps() > k)
}

#[test]
fn a_run_that_fails_anywhere_and_is_run_again_gives_the_same_bytes() {
    let all = |k: usize| FAULTS.iter().try_fold(false, |some, fault| Ok(disturbed(k, *fault)? || some));
    let n_steps = enumerate(all).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(n_steps > 100, "{n_steps} steps");
}
