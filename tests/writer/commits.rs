//! What a commit leaves in the output directory; `tests/faults` stops it everywhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chattag::error::Error;
use chattag::writer::{Store, TableOptions, Tables};

use super::fixture::*;

/// Opens a directory and adds the nights it does not have yet, up to `last`.
fn catch_up(out: &Path, last: usize) -> Result<(), Error> {
    let mut store = Store::open(out)?;
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

#[test]
fn a_second_run_of_the_same_night_changes_nothing() {
    let out = scratch();
    catch_up(out.path(), 2).unwrap();
    let before = picture(out.path());
    catch_up(out.path(), 2).unwrap();
    assert_eq!(picture(out.path()), before);
}

#[test]
fn a_view_has_the_events_of_all_commits_and_the_tags_of_the_newest() {
    let out = scratch();
    catch_up(out.path(), 3).unwrap();
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
    catch_up(out.path(), 1).unwrap();
    let shown = out.path().join("snapshots/0");
    for file in files_below(&shown) {
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&shown.join(&file)), inode(&out.path().join("data").join(&file)));
    }
}

/// X2.
#[test]
fn a_second_process_is_refused_and_told_who_is_at_work() {
    let out = scratch();
    let store = Store::open(out.path()).unwrap();
    let refusal = Store::open(out.path()).unwrap_err();
    assert!(refusal.is_locked());
    let said = refusal.to_string();
    let says = [&format!("pid {} on ", std::process::id()), "since 2", "UTC, `writer-"]
        .map(|part| said.contains(part));
    assert_eq!(says, [true; 3], "{said}");
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
            fs::remove_file(dir.join(&tables_below(&dir)[0])).unwrap();
        }),
        ("a data file cut short", |out| {
            let dir = out.join("data/alerts");
            fs::write(dir.join(&tables_below(&dir)[0]), b"PAR1").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let out = scratch();
        catch_up(out.path(), 2).unwrap();
        damage(out.path());
        let before = picture(out.path());
        assert!(Store::open(out.path()).is_err(), "{what}");
        assert_eq!(picture(out.path()), before, "{what}");
    }
}

#[test]
fn views_are_made_anew_when_they_are_missing() {
    let out = scratch();
    catch_up(out.path(), 2).unwrap();
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
    catch_up(out.path(), 1).unwrap();
    let before = picture(out.path());
    let store = Store::open(out.path()).unwrap();
    store.begin().unwrap().discard().unwrap();
    assert_eq!(picture(out.path()), before);
    assert_eq!(files_below(&out.path().join("tmp")).len(), 0);
}

#[test]
fn a_report_stands_beside_the_commit() {
    let out = scratch();
    catch_up(out.path(), 1).unwrap();
    let store = Store::open(out.path()).unwrap();
    store.write_report(0, &BTreeMap::from([("threads", 2)])).unwrap();
    let report = fs::read_to_string(out.path().join("reports/0.json")).unwrap();
    assert_eq!(report, "{\n  \"threads\": 2\n}");
}

#[test]
fn later_commits_leave_out_tables_without_rows() {
    let out = scratch();
    let mut store = Store::open(out.path()).unwrap();
    commit(&mut store, Tables::default(), run("one"), TableOptions::default()).unwrap();
    commit(&mut store, Tables::default(), run("two"), TableOptions::default()).unwrap();
    let tables = |n: usize| {
        let files = store.records()[n].files.iter().map(|file| file.table.as_str());
        files.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(tables(0).len(), 8, "all but the table of mentions, which nobody asked for");
    assert_eq!(tables(1), ["current_tags", "runs"], "what is there already can be read");
}
