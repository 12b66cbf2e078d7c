//! A run is committed whole or not at all, wherever it is stopped.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chattag::error::Error;
use chattag::writer::{Disk, Store, TableOptions};

use super::fixture::*;

/// Opens a directory and adds the nights it does not have yet, up to `last`.
fn catch_up(out: &Path, last: usize, disk: Disk) -> Result<(), Error> {
    let mut store = Store::open_on(out, disk)?;
    for content in &["one", "two", "three"][..last] {
        if !store.is_consumed(&blake3::hash(content.as_bytes())) {
            let n_customers = content.len();
            commit(&mut store, night(n_customers), run(content), TableOptions::default())?;
        }
    }
    Ok(())
}

/// Returns all that lasts in a directory: every file below `log`, `data` and `snapshots` with its hash,
/// and where `current` points.
fn picture(out: &Path) -> BTreeMap<String, String> {
    let hash = |path: &Path| blake3::hash(&fs::read(out.join(path)).unwrap()).to_string();
    let lasting = |path: &Path| ["log", "data", "snapshots"].iter().any(|dir| path.starts_with(dir));
    let files = files_below(out).into_iter().filter(|path| lasting(path));
    let mut picture: BTreeMap<_, _> = files.map(|path| (path.display().to_string(), hash(&path))).collect();
    let current = fs::read_link(out.join("current")).map(|target| target.display().to_string());
    picture.insert("current".to_owned(), current.unwrap_or_default());
    picture
}

fn picture_after(nights: usize) -> BTreeMap<String, String> {
    let out = scratch();
    catch_up(out.path(), nights, Disk::default()).unwrap();
    picture(out.path())
}

/// What readers see: the files that `current` shows.
fn view(out: &Path) -> Vec<String> {
    let Ok(current) = out.join("current").canonicalize() else { return Vec::new() };
    files_below(&current).iter().map(|path| path.display().to_string()).collect()
}

#[test]
fn stopped_before_any_step_a_run_leaves_the_old_commit_or_the_new_one() {
    let (old, new) = (picture_after(1), picture_after(2));
    let base = scratch();
    catch_up(base.path(), 1, Disk::default()).unwrap();
    let old_view = view(base.path());
    let mut seen = [0, 0];
    for n_steps in 0.. {
        let out = copy_of(base.path());
        let outcome = catch_up(out.path(), 2, Disk::failing_after(n_steps));
        let at_once = view(out.path());
        Store::open(out.path()).unwrap();
        let recovered = picture(out.path());
        assert!(recovered == old || recovered == new, "stopped before step {n_steps}");
        assert!(at_once == old_view || at_once == view(out.path()), "half a view before step {n_steps}");
        seen[usize::from(recovered == new)] += 1;
        catch_up(out.path(), 2, Disk::default()).unwrap();
        assert_eq!(picture(out.path()), new, "run again after a stop before step {n_steps}");
        if outcome.is_ok() {
            break;
        }
    }
    assert!(seen[0] > 40 && seen[1] > 20, "stops on both sides of the commit: {seen:?}");
}

#[test]
fn stopped_again_while_recovering_a_run_loses_nothing() {
    let (old, new) = (picture_after(1), picture_after(2));
    let base = scratch();
    catch_up(base.path(), 1, Disk::default()).unwrap();
    for n_steps in (0..).step_by(3) {
        let first = copy_of(base.path());
        let outcome = catch_up(first.path(), 2, Disk::failing_after(n_steps));
        for n_recovered in (0..).step_by(2) {
            let out = copy_of(first.path());
            let recovery = Store::open_on(out.path(), Disk::failing_after(n_recovered)).map(drop);
            Store::open(out.path()).unwrap();
            let recovered = picture(out.path());
            assert!(recovered == old || recovered == new, "steps {n_steps} and {n_recovered}");
            if recovery.is_ok() {
                break;
            }
        }
        if outcome.is_ok() {
            break;
        }
    }
}

/// Copies a directory with its links, as `cp -a` does.
fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = scratch();
    for entry in walkdir::WalkDir::new(dir).min_depth(1).into_iter().map(Result::unwrap) {
        let to = copy.path().join(entry.path().strip_prefix(dir).unwrap());
        if entry.path_is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), to).unwrap();
        } else if entry.file_type().is_dir() {
            fs::create_dir(to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    copy
}

#[test]
fn a_second_run_of_the_same_night_changes_nothing() {
    let out = scratch();
    catch_up(out.path(), 2, Disk::default()).unwrap();
    let before = picture(out.path());
    catch_up(out.path(), 2, Disk::default()).unwrap();
    assert_eq!(picture(out.path()), before);
}

#[test]
fn a_view_has_the_events_of_all_commits_and_the_tags_of_the_newest() {
    let out = scratch();
    catch_up(out.path(), 3, Disk::default()).unwrap();
    let n_rows = |table: &str| read(out.path(), table).iter().map(|batch| batch.num_rows()).sum::<usize>();
    assert_eq!(n_rows("tag_events"), 2 * (3 + 3 + 5));
    assert_eq!(n_rows("runs"), 3);
    assert_eq!(n_rows("current_tags"), 5);
    assert_eq!(fs::read_link(out.path().join("current")).unwrap(), Path::new("snapshots/2"));
    let older = files_below(&out.path().join("snapshots/0/current_tags"));
    assert_eq!(older.len(), 1, "older snapshots stay as they were");
}

#[test]
fn a_view_takes_no_space_of_its_own() {
    let out = scratch();
    catch_up(out.path(), 1, Disk::default()).unwrap();
    let shown = out.path().join("snapshots/0");
    for file in files_below(&shown) {
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&shown.join(&file)), inode(&out.path().join("data").join(&file)));
    }
}

#[test]
fn a_second_process_is_refused_and_told_who_is_at_work() {
    let out = scratch();
    let store = Store::open(out.path()).unwrap();
    let refusal = Store::open(out.path()).unwrap_err();
    assert!(refusal.is_locked());
    assert!(refusal.to_string().contains(&format!("pid {}", std::process::id())), "{refusal}");
    drop(store);
    Store::open(out.path()).unwrap();
}

#[test]
fn damage_is_noticed_and_nothing_is_removed() {
    type Damage = fn(&Path);
    let damages: &[(&str, Damage)] = &[
        ("a changed record", |out| {
            let path = out.join("log/00000000000000000000.json");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("13", "12")).unwrap();
        }),
        ("a lost first record", |out| fs::remove_file(out.join("log/00000000000000000000.json")).unwrap()),
        ("a lost last record", |out| fs::remove_file(out.join("log/00000000000000000001.json")).unwrap()),
        ("a lost data file", |out| {
            let dir = out.join("data/alerts");
            fs::remove_file(dir.join(&files_below(&dir)[0])).unwrap();
        }),
        ("a data file cut short", |out| {
            let dir = out.join("data/alerts");
            fs::write(dir.join(&files_below(&dir)[0]), b"PAR1").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let out = scratch();
        catch_up(out.path(), 2, Disk::default()).unwrap();
        damage(out.path());
        let before = picture(out.path());
        assert!(Store::open(out.path()).is_err(), "{what}");
        assert_eq!(picture(out.path()), before, "{what}");
    }
}

#[test]
fn views_are_made_anew_when_they_are_missing() {
    let out = scratch();
    catch_up(out.path(), 2, Disk::default()).unwrap();
    let before = picture(out.path());
    fs::remove_file(out.path().join("current")).unwrap();
    let newest = out.path().join("snapshots/1");
    fs::remove_file(newest.join(&files_below(&newest)[0])).unwrap();
    Store::open(out.path()).unwrap();
    assert_eq!(picture(out.path()), before);
}

#[test]
fn a_run_given_up_leaves_no_trace() {
    let out = scratch();
    catch_up(out.path(), 1, Disk::default()).unwrap();
    let before = picture(out.path());
    let store = Store::open(out.path()).unwrap();
    store.begin().unwrap().discard().unwrap();
    assert_eq!(picture(out.path()), before);
    assert_eq!(files_below(&out.path().join("tmp")).len(), 0);
}

#[test]
fn a_report_stands_beside_the_commit() {
    let out = scratch();
    catch_up(out.path(), 1, Disk::default()).unwrap();
    let store = Store::open(out.path()).unwrap();
    store.write_report(0, &BTreeMap::from([("threads", 2)])).unwrap();
    let report = fs::read_to_string(out.path().join("reports/0.json")).unwrap();
    assert_eq!(report, "{\n  \"threads\": 2\n}");
}
