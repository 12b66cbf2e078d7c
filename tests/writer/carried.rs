//! Tags that stand from one commit to the next: copied, merged, taken out.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};

use chattag::message::KeyKind;
use chattag::time::Millis;
use chattag::writer::*;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::fixture::*;

/// A directory in which each commit is a day later than the one before.
struct Desk {
    out: tempfile::TempDir,
    n_commits: usize,
}

impl Desk {
    fn new() -> Desk {
        Desk { out: scratch(), n_commits: 0 }
    }

    /// Commits `rows`, with those of earlier commits of whose customer `stays` says so.
    fn commit(&mut self, rows: Vec<CurrentTag>, stays: &(dyn Fn(&TagOf<'_>) -> bool + Sync)) {
        let mut store = Store::open(self.out.path()).unwrap();
        let (rules, mut run) = (rules(), run(&self.n_commits.to_string()));
        run.as_of = run.as_of.plus(Millis::DAY.times(self.n_commits as i64));
        let context = Context { names: &Terms::default(), rules: &rules, options: TableOptions::default() };
        let earlier = Earlier { files: self.files(), stays };
        let staging = store.begin().unwrap();
        let tables = Tables { current: rows, ..Tables::default() };
        let files = tables.write_after(&earlier, &run, &context, &staging).unwrap();
        store.commit(staging, &files, StateFiles::default(), run, Versions::of(&rules)).unwrap();
        self.n_commits += 1;
    }

    /// Returns the files of the newest commit, the largest first.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(dir) = self.out.path().join("current/current_tags").canonicalize() else { return Vec::new() };
        let mut files: Vec<PathBuf> = files_below(&dir).iter().map(|file| dir.join(file)).collect();
        files.sort_by_key(|file| std::cmp::Reverse(n_rows(file)));
        files
    }

    fn sizes(&self) -> Vec<usize> {
        self.files().iter().map(|file| n_rows(file)).collect()
    }

    /// Returns all rows in order, each with all its cells but `as_of`.
    fn rows(&self) -> Vec<Vec<String>> {
        let batches = read(self.out.path(), "current_tags");
        let names: Vec<String> = batches[0].schema().fields().iter().map(|it| it.name().clone()).collect();
        let columns: Vec<Vec<String>> =
            names.iter().filter(|name| *name != "as_of").map(|name| texts(&batches, name)).collect();
        let mut rows: Vec<Vec<String>> = (0..columns[0].len())
            .map(|row| columns.iter().map(|column| column[row].clone()).collect())
            .collect();
        rows.sort();
        rows
    }

    fn instants(&self) -> Vec<String> {
        let mut instants = texts(&read(self.out.path(), "current_tags"), "as_of");
        instants.dedup();
        instants
    }
}

fn n_rows(file: &Path) -> usize {
    read_file(file).iter().map(|batch| batch.num_rows()).sum()
}

/// Tags of `n` customers whose ids begin with `prefix`.
fn tags(prefix: &str, n: usize) -> Vec<CurrentTag> {
    let renamed = |tag: CurrentTag| {
        let customer = tag.key.customer.replace("wm", prefix);
        CurrentTag { key: key(KeyKind::Customer, &customer, "", ""), ..tag }
    };
    night(n).current.into_iter().map(renamed).collect()
}

/// What one commit of all rows would show.
fn at_once(rows: Vec<CurrentTag>) -> Vec<Vec<String>> {
    let mut desk = Desk::new();
    desk.commit(rows, &|_| true);
    desk.rows()
}

/// Returns the bytes of each column of the only row group of a file, with its name.
fn columns(file: &Path) -> Vec<(String, Vec<u8>)> {
    let (bytes, reader) = (fs::read(file).unwrap(), SerializedFileReader::new(File::open(file).unwrap()));
    let group: RowGroupMetaData = reader.unwrap().metadata().row_group(0).clone();
    let column = |it: &parquet::file::metadata::ColumnChunkMetaData| {
        let (start, len) = it.byte_range();
        (it.column_path().string(), bytes[start as usize..(start + len) as usize].to_vec())
    };
    group.columns().iter().map(column).collect()
}

#[test]
fn a_part_that_nothing_goes_from_keeps_its_bytes_and_speaks_of_the_new_instant() {
    let mut desk = Desk::new();
    desk.commit(tags("wm", 300), &|_| true);
    let before = columns(&desk.files()[0]);
    desk.commit(tags("wn", 3), &|_| true);
    assert_eq!(desk.sizes(), [300, 3]);
    let after = columns(&desk.files()[0]);
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str());
    assert_eq!(changed.collect::<Vec<_>>(), ["as_of"]);
    assert_eq!(desk.instants(), ["2024-03-06T16:00:00Z"]);
    assert_eq!(desk.rows(), at_once([tags("wm", 300), tags("wn", 3)].concat()));
}

#[test]
fn what_goes_is_taken_out_of_its_part() {
    let mut desk = Desk::new();
    desk.commit(tags("wm", 300), &|_| true);
    let (seen, gone) = ("wm0007", "wm0211");
    let mut renewed = tags("wm", 300).into_iter().find(|tag| &*tag.key.customer == seen).unwrap();
    renewed.standing.n_hits = 77;
    desk.commit(vec![renewed.clone()], &|of| of.customer != seen && of.customer != gone);
    assert_eq!(desk.sizes(), [298, 1]);
    let mut expected = tags("wm", 300);
    expected.retain(|tag| ![seen, gone].contains(&&*tag.key.customer));
    expected.push(renewed);
    assert_eq!(desk.rows(), at_once(expected));
    assert_eq!(desk.instants(), ["2024-03-06T16:00:00Z"]);
}

#[test]
fn parts_are_merged_in_order_when_they_are_not_much_larger_than_what_is_newer() {
    let mut desk = Desk::new();
    desk.commit(tags("wm", 300), &|_| true);
    desk.commit(tags("wk", 3), &|_| true);
    desk.commit(tags("wx", 100), &|_| true);
    assert_eq!(desk.sizes(), [300, 103]);
    desk.commit(tags("wl", 60), &|_| true);
    assert_eq!(desk.sizes(), [463]);
    let customers = texts(&read_file(&desk.files()[0]), "customer");
    assert!(customers.is_sorted());
    assert_eq!(
        desk.rows(),
        at_once([tags("wm", 300), tags("wk", 3), tags("wx", 100), tags("wl", 60)].concat())
    );
}

#[test]
fn a_run_that_changes_nothing_copies_all_parts() {
    let mut desk = Desk::new();
    desk.commit(tags("wm", 300), &|_| true);
    desk.commit(tags("wn", 3), &|_| true);
    desk.commit(Vec::new(), &|_| true);
    assert_eq!(desk.sizes(), [300, 3]);
    desk.commit(Vec::new(), &|_| false);
    assert_eq!(desk.sizes(), [0], "a table without rows is a file all the same");
}

#[test]
fn histories_in_which_something_is_due_soon_lie_apart() {
    let due_after = |tags: Vec<CurrentTag>, hours: i64| {
        let due = at("2024-03-06 00:00").plus(Millis::HOUR.times(hours));
        tags.into_iter().map(|tag| CurrentTag { due: Some(due), ..tag }).collect::<Vec<_>>()
    };
    let mut desk = Desk::new();
    let (soon, later) = (due_after(tags("wk", 90), 20), due_after(tags("wx", 300), 900));
    desk.commit([soon.clone(), later.clone()].concat(), &|_| true);
    assert_eq!(desk.sizes(), [300, 90]);
    let before = columns(&desk.files()[0]);
    let spoke = |of: &TagOf<'_>| !of.customer.starts_with("wk");
    desk.commit(due_after(soon.clone(), 2_000), &spoke);
    assert_eq!(desk.sizes(), [300, 90], "what slept through its hour comes to rest in a small part");
    let same = before.iter().zip(columns(&desk.files()[0])).filter(|(a, b)| a.1 == b.1).count();
    assert_eq!(same, before.len() - 1, "those at rest were not touched");
    assert_eq!(desk.rows(), at_once([soon, later].concat()));
}
