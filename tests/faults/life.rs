//! The life of an output directory, commit by commit, and what has to be true after a fault.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use chattag::error::Error;
use chattag::writer::{
    Context, Depth, Disk, Finished, StagedFile, StateFile, StateFiles, Store, TableOptions, Versions, examine,
};
use tempfile::TempDir;

use crate::fixture::*;
use crate::machine::{Fault, Loss, Machine};

/// What makes one commit.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// A night with this many customers.
    Night(&'static str, usize),
    /// Back to a commit.
    Rollback(u64),
    /// Keep so many commits.
    Gc(usize),
}

/// Operation `n` makes commit `n`.
pub const LIFE: &[Operation] = &[
    Operation::Night("one", 1),
    Operation::Night("two", 2),
    Operation::Rollback(0),
    Operation::Night("three", 1),
    Operation::Gc(1),
];

/// Everything that lasts in an output directory: path to hash, link to target.
pub type Picture = BTreeMap<PathBuf, String>;

/// Returns the directory below `place` that commits go to; its own name has to last, too.
pub fn out_of(place: &Path) -> PathBuf {
    place.join("company/out")
}

/// Makes commit `n` unless it is there.
pub fn advance(out: &Path, n: usize, disk: &Disk) -> Result<(), Error> {
    let mut store = Store::open_on(out, disk.clone())?;
    if store.log().next() > n as u64 {
        return Ok(());
    }
    match LIFE[n] {
        Operation::Night(content, n_customers) => commit_night(&mut store, content, n_customers),
        Operation::Rollback(to) => {
            drop(store);
            Store::roll_back(out, to, disk.clone()).map(drop)
        }
        Operation::Gc(keep) => store.collect_garbage(keep).map(drop),
    }
}

/// Commits tables, and state in two layers: the newest of the commit before, and a new one.
fn commit_night(store: &mut Store, content: &str, n_customers: usize) -> Result<(), Error> {
    let rules = rules();
    let context = Context { names: &Terms::default(), rules: &rules, options: TableOptions::default() };
    let (staging, run) = (store.begin()?, run(content));
    let files = night(n_customers).write(&run, &context, &staging)?;
    let mut file = StagedFile::create(&staging, "state.parquet")?;
    file.write_all(content.repeat(1_000).as_bytes())
        .map_err(|error| Error::write(&out_of(store.root()), error))?;
    let Finished { path, bytes, blake3 } = file.finish()?;
    let layer = StateFile { part: "00".to_owned(), day: None, bytes, blake3, rows: 1, path };
    let carried = store.head().and_then(|head| head.state.last()).cloned().into_iter().collect();
    let state = StateFiles { carried, written: vec![layer] };
    store.commit(staging, &files, state, run, Versions::of(&rules)).map(drop)
}

/// Returns all that lasts: what readers and later runs depend on, byte for byte.
pub fn picture(out: &Path) -> Picture {
    let lasting = ["log", "data", "state", "snapshots", "current"];
    let walks = lasting.map(|name| walkdir::WalkDir::new(out.join(name)));
    let entries =
        walks.into_iter().flatten().filter_map(Result::ok).filter(|entry| !entry.file_type().is_dir());
    let name = |path: &Path| path.strip_prefix(out).unwrap().to_owned();
    entries.map(|entry| (name(entry.path()), content_of(entry.path()))).collect()
}

fn content_of(path: &Path) -> String {
    match fs::read_link(path) {
        Ok(target) => target.display().to_string(),
        Err(_) => blake3::hash(&fs::read(path).unwrap()).to_string(),
    }
}

/// The undisturbed life: the directory and its picture before commit `n`, at index `n`.
pub fn undisturbed() -> &'static [(TempDir, Picture)] {
    static STAGES: OnceLock<Vec<(TempDir, Picture)>> = OnceLock::new();
    STAGES.get_or_init(|| {
        let empty = scratch();
        fs::create_dir_all(empty.path()).unwrap();
        let mut stages = vec![(empty, Picture::new())];
        for n in 0..LIFE.len() {
            let place = copy_of(stages[n].0.path());
            advance(&out_of(place.path()), n, &Disk::default()).unwrap();
            let picture = picture(&out_of(place.path()));
            stages.push((place, picture));
        }
        stages
    })
}

/// Copies a directory with its links, as `cp -a` does.
pub fn copy_of(dir: &Path) -> TempDir {
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

/// Checks what has to hold for a directory in which commit `n` was being made when something happened: the
/// next process finds the old commit or the new one, byte for byte; the new one if it was acknowledged.
pub fn check_recovered(place: &Path, n: usize, acknowledged: bool) -> Result<(), String> {
    let out = out_of(place);
    let store = Store::open(&out).map_err(|error| format!("cannot be opened: {}", chain(&error)))?;
    let next = store.log().next() as usize;
    drop(store);
    if next < n {
        return Err(format!("commit {} was there before and is lost", n - 1));
    }
    if acknowledged && next == n {
        return Err(format!("commit {n} was acknowledged and is lost"));
    }
    compare(&picture(&out), &undisturbed()[next].1, &format!("recovered with {next} commits"))
}

/// Checks also that the operation done again leads to the undisturbed directory, in which nothing is out of
/// order. The directory is byte for byte a known one by then, so a sample of all faults is enough.
pub fn check_done_again(place: &Path, n: usize, acknowledged: bool) -> Result<(), String> {
    check_recovered(place, n, acknowledged)?;
    let out = out_of(place);
    advance(&out, n, &Disk::default()).map_err(|error| format!("cannot be done again: {}", chain(&error)))?;
    compare(&picture(&out), &undisturbed()[n + 1].1, "done again")?;
    let findings = examine(&out, Depth::Hashes).findings;
    if findings.is_empty() { Ok(()) } else { Err(format!("doctor finds {findings:?}")) }
}

/// Checks that a reader of `current` sees exactly the commit before or after commit `n`, whatever state the
/// writer is in.
pub fn check_readers(place: &Path, n: usize) -> Result<(), String> {
    let seen = shown(&picture(&out_of(place)));
    let stages = undisturbed();
    let known = [n, n + 1].map(|at| shown(&stages[at].1));
    if known.contains(&seen) { Ok(()) } else { Err(format!("readers see {seen:?}")) }
}

/// The files of the snapshot that `current` names, with their hashes.
fn shown(picture: &Picture) -> Picture {
    let Some(current) = picture.get(Path::new("current")) else { return Picture::new() };
    let files = picture.iter().filter(|(path, _)| path.starts_with(current));
    files.map(|(path, hash)| (path.clone(), hash.clone())).collect()
}

fn compare(found: &Picture, expected: &Picture, when: &str) -> Result<(), String> {
    let differs = |path: &&PathBuf| found.get(*path) != expected.get(*path);
    let mut paths = expected.keys().chain(found.keys());
    match paths.find(differs) {
        None => Ok(()),
        Some(path) => Err(format!("{when}: `{}` is not as in the undisturbed life", path.display())),
    }
}

fn chain(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Makes commit `n` on a machine where a step goes wrong; returns the place, the machine, and whether the
/// operation ended well.
pub fn disturbed(n: usize, machine: impl FnOnce(&Path) -> Machine) -> (TempDir, Machine, bool) {
    let place = copy_of(undisturbed()[n].0.path());
    let machine = machine(place.path());
    let done = advance(&out_of(place.path()), n, &machine.disk());
    (place, machine, done.is_ok())
}

/// Calls `check` for the numbers from 0 on, on all cores, until it says that it had nothing to do;
/// returns how many it was called for, or what the first failing one says.
///
/// Each call has one thread for its tables, so that steps come in the same order every time.
pub fn enumerate(check: impl Fn(usize) -> Result<bool, String> + Sync) -> Result<usize, String> {
    let (next, end, failures) =
        (AtomicUsize::new(0), AtomicUsize::new(usize::MAX), Mutex::new(BTreeMap::new()));
    let work = || loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= end.load(Ordering::Relaxed) || !failures.lock().unwrap().is_empty() {
            return;
        }
        match check(n) {
            Ok(true) => {}
            Ok(false) => drop(end.fetch_min(n, Ordering::Relaxed)),
            Err(what) => drop(failures.lock().unwrap().insert(n, what)),
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| single_threaded(work));
        }
    });
    match failures.into_inner().unwrap().into_iter().next() {
        None => Ok(end.into_inner()),
        Some((n, what)) => Err(format!("step {n}: {what}")),
    }
}

/// Runs `work` with one thread for tables.
pub fn single_threaded<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}

/// What power cuts leave, by round: the two plain ones, then ever other seeds.
pub fn losses(seed: u64) -> [Loss; 4] {
    [Loss::Everything, Loss::Content, Loss::Tail(2 * seed + 1), Loss::Anything(2 * seed + 2)]
}

/// All ways a step goes wrong.
pub const FAULTS: [Fault; 3] = [Fault::Stop, Fault::Io, Fault::Full];
