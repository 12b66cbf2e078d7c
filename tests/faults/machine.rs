//! A machine that can be stopped, refused and cut from power at every step.
//!
//! The steps are taken on a real directory. Beside it the machine keeps account
//! of what is durable: content that was synced, names in directories that were
//! synced. Everything else is volatile, and a power cut may keep or lose each
//! piece of it: as nothing at all, as names without content, in order up to
//! some point, or any subset. That is harsher than any journaling file system.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Error};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chattag::writer::{Disk, Step, Watcher};

/// How a step goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The process ends before it.
    Stop,
    /// It fails with EIO; the process goes on.
    Io,
    /// It fails with ENOSPC; the process goes on.
    Full,
}

/// What a power cut leaves of what was not durable.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// Nothing.
    Everything,
    /// All names, and no content.
    Content,
    /// The names up to some point; content as it comes.
    Tail(u64),
    /// Any names; content as it comes.
    Anything(u64),
}

/// The machine; clones are the same one.
#[derive(Clone, Debug)]
pub struct Machine(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    n_steps: usize,
    fault: Option<(usize, Fault)>,
    stopped: bool,
    /// Steps that the program seems to have left out: they are taken, and not heard.
    deaf: fn(&Step) -> bool,
    account: Account,
}

type Id = u64;

#[derive(Clone, Debug, Eq, PartialEq)]
enum Node {
    File(Id),
    Dir(Id),
    Symlink(PathBuf),
}

/// A name that was given, or taken away, and is not durable yet.
#[derive(Clone, Debug)]
struct Change {
    dir: Id,
    name: OsString,
    node: Option<Node>,
}

/// What is durable and what is not.
#[derive(Clone, Debug, Default)]
struct Account {
    root: PathBuf,
    ids: HashMap<u64, Id>,
    next_id: Id,
    names: BTreeMap<Id, BTreeMap<OsString, Node>>,
    content: BTreeMap<Id, Vec<u8>>,
    /// Files with content that is not durable.
    dirty: BTreeSet<Id>,
    pending: Vec<Change>,
}

impl Machine {
    /// A machine whose disk holds what is below `root`, all of it durable.
    pub fn new(root: &Path) -> Machine {
        Machine::forgetting(root, |_| false)
    }

    /// A machine on which the program seems to leave out the steps that `deaf` names.
    pub fn forgetting(root: &Path, deaf: fn(&Step) -> bool) -> Machine {
        let account = Account::of(root);
        Machine(Arc::new(Mutex::new(State { n_steps: 0, fault: None, stopped: false, deaf, account })))
    }

    /// Lets step `n` go wrong, counted from now and from 0.
    pub fn with_fault(self, n: usize, fault: Fault) -> Machine {
        self.0.lock().unwrap().fault = Some((n, fault));
        self
    }

    /// Returns the disk of the machine.
    pub fn disk(&self) -> Disk {
        Disk::watched(Arc::new(self.clone()))
    }

    /// Returns how many steps there were.
    pub fn n_steps(&self) -> usize {
        self.0.lock().unwrap().n_steps
    }

    /// Writes over a file that has its name already: what no part of chattag does.
    pub fn overwrite(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.before(Step::CreateFile(path))?;
        fs::write(path, b"")?;
        self.after(Step::CreateFile(path));
        self.before(Step::Write(path))?;
        fs::write(path, content)?;
        self.after(Step::Write(path));
        self.before(Step::SyncFile(path))?;
        self.after(Step::SyncFile(path));
        Ok(())
    }

    /// Cuts the power and returns the disk as it comes back.
    pub fn after_power_cut(&self, loss: Loss) -> tempfile::TempDir {
        let account = self.0.lock().unwrap().account.clone();
        let place = crate::fixture::scratch();
        account.revive(place.path(), loss);
        place
    }
}

impl Watcher for Machine {
    fn before(&self, step: Step) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let n = state.n_steps;
        state.n_steps += 1;
        match state.fault {
            _ if state.stopped => Err(Error::other("the process has ended")),
            Some((at, Fault::Stop)) if at == n => {
                state.stopped = true;
                Err(Error::other("the process ends here"))
            }
            Some((at, Fault::Io)) if at == n => Err(Error::from_raw_os_error(EIO)),
            Some((at, Fault::Full)) if at == n => {
                tear(&step);
                Err(Error::from_raw_os_error(ENOSPC))
            }
            _ => Ok(()),
        }
    }

    fn after(&self, step: Step) {
        let mut state = self.0.lock().unwrap();
        if !(state.deaf)(&step) {
            state.account.hear(step);
        }
    }
}

/// A full disk takes a part of what is written.
fn tear(step: &Step) {
    if let Step::Write(path) = step {
        let mut content = fs::read(path).unwrap();
        content.extend(b"torn");
        fs::write(path, content).unwrap();
    }
}

impl Account {
    fn of(root: &Path) -> Account {
        let mut account = Account { root: root.to_owned(), ..Account::default() };
        let id = account.take_in(root);
        account.names.entry(id).or_default();
        for entry in walkdir::WalkDir::new(root).min_depth(1).into_iter().map(Result::unwrap) {
            let path = entry.path();
            account.take_in(path);
            account.give_name(path);
            if entry.file_type().is_file() {
                account.make_content_durable(path);
            }
        }
        account.apply_pending();
        account
    }

    /// Gives what is at `path` a number, unless it has one.
    fn take_in(&mut self, path: &Path) -> Id {
        let inode = path.symlink_metadata().unwrap().ino();
        *self.ids.entry(inode).or_insert_with(|| {
            self.next_id += 1;
            self.next_id
        })
    }

    /// Forgets whoever had the inode of what was made at `path`, and gives it a number.
    fn take_in_new(&mut self, path: &Path) -> Id {
        self.ids.remove(&path.symlink_metadata().unwrap().ino());
        self.take_in(path)
    }

    fn node(&mut self, path: &Path) -> Node {
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_symlink() {
            return Node::Symlink(fs::read_link(path).unwrap());
        }
        let id = self.take_in(path);
        if kind.is_dir() { Node::Dir(id) } else { Node::File(id) }
    }

    fn parent(&mut self, path: &Path) -> Option<(Id, OsString)> {
        let inside = path.starts_with(&self.root) && path != self.root;
        let id = self.take_in(path.parent().filter(|_| inside)?);
        Some((id, path.file_name()?.to_owned()))
    }

    fn give_name(&mut self, path: &Path) {
        let node = self.node(path);
        let Some((dir, name)) = self.parent(path) else { return };
        self.pending.push(Change { dir, name, node: Some(node) });
    }

    fn take_name(&mut self, path: &Path) {
        let Some((dir, name)) = self.parent(path) else { return };
        self.pending.push(Change { dir, name, node: None });
    }

    fn make_content_durable(&mut self, path: &Path) {
        let id = self.take_in(path);
        self.content.insert(id, fs::read(path).unwrap());
        self.dirty.remove(&id);
    }

    fn hear(&mut self, step: Step) {
        match step {
            Step::CreateDir(path) => {
                self.take_in_new(path);
                self.give_name(path);
            }
            Step::CreateFile(path) => self.hear_create(path),
            Step::Write(path) => {
                let id = self.take_in(path);
                self.dirty.insert(id);
            }
            Step::SyncFile(path) => self.make_content_durable(path),
            Step::SyncDir(path) if path.starts_with(&self.root) => {
                let id = self.take_in(path);
                self.make_names_durable(|change| change.dir == id);
            }
            Step::Rename { from, to } => {
                self.take_name(from);
                self.give_name(to);
            }
            Step::Link { to, .. } => self.give_name(to),
            Step::Symlink { path, .. } => self.give_name(path),
            Step::RemoveFile(path) | Step::RemoveDir(path) => self.take_name(path),
            Step::SyncDir(_) | Step::Reached(_) => {}
        }
    }

    /// A file is made, or an old one is emptied: then it keeps its number and its durable content.
    fn hear_create(&mut self, path: &Path) {
        let node = Node::File(self.take_in(path));
        let (dir, name) = self.parent(path).unwrap();
        let is_old = self.live_names(dir).get(&name) == Some(&node);
        let id = if is_old { self.take_in(path) } else { self.take_in_new(path) };
        self.dirty.insert(id);
        if !is_old {
            self.give_name(path);
        }
    }

    /// The names in a directory as a running program sees them.
    fn live_names(&self, dir: Id) -> BTreeMap<OsString, Node> {
        let mut names = self.names.get(&dir).cloned().unwrap_or_default();
        self.pending.iter().filter(|change| change.dir == dir).for_each(|change| change.apply(&mut names));
        names
    }

    fn apply_pending(&mut self) {
        self.make_names_durable(|_| true);
    }

    fn make_names_durable(&mut self, which: impl Fn(&Change) -> bool) {
        let (durable, pending) = std::mem::take(&mut self.pending).into_iter().partition(which);
        self.pending = pending;
        let durable: Vec<Change> = durable;
        durable.iter().for_each(|change| change.apply(self.names.entry(change.dir).or_default()));
    }

    /// Writes what a power cut leaves into `place`.
    fn revive(mut self, place: &Path, loss: Loss) {
        let mut dice = Dice::of(loss);
        let n_pending = self.pending.len();
        let kept_until = dice.below(n_pending + 1);
        let mut position = 0;
        self.make_names_durable_if(|_| {
            position += 1;
            match loss {
                Loss::Everything => false,
                Loss::Content => true,
                Loss::Tail(_) => position <= kept_until,
                Loss::Anything(_) => dice.below(2) == 0,
            }
        });
        self.settle_content(loss);
        let root = self.take_in(&self.root.clone());
        self.write_dir(root, place, &mut HashMap::new());
    }

    fn make_names_durable_if(&mut self, mut keeps: impl FnMut(&Change) -> bool) {
        for change in std::mem::take(&mut self.pending) {
            if keeps(&change) {
                change.apply(self.names.entry(change.dir).or_default());
            }
        }
    }

    /// Content that was not synced is as before, cut short, or all there.
    fn settle_content(&mut self, loss: Loss) {
        let mut dice = Dice::of(loss);
        let live = self.live_content();
        for id in std::mem::take(&mut self.dirty) {
            let (old, new) = (self.content.remove(&id).unwrap_or_default(), live.get(&id));
            let settled = match (new, dice.below(3)) {
                (Some(new), 1) => new.clone(),
                (Some(new), 2) => new[..dice.below(new.len() + 1)].to_vec(),
                _ => old,
            };
            self.content.insert(id, settled);
        }
    }

    fn live_content(&mut self) -> BTreeMap<Id, Vec<u8>> {
        let walk = walkdir::WalkDir::new(&self.root).into_iter().map(Result::unwrap);
        let files: Vec<_> = walk.filter(|entry| entry.file_type().is_file()).collect();
        files.iter().map(|file| (self.take_in(file.path()), fs::read(file.path()).unwrap())).collect()
    }

    fn write_dir(&self, dir: Id, place: &Path, written: &mut HashMap<Id, PathBuf>) {
        // The lock tells by the number of the machine's start that the power was cut: it is another one now.
        let lasting = |(name, _): &(&OsString, &Node)| *name != "LOCK";
        for (name, node) in self.names.get(&dir).into_iter().flatten().filter(lasting) {
            let path = place.join(name);
            match node {
                Node::Symlink(target) => std::os::unix::fs::symlink(target, path).unwrap(),
                Node::Dir(id) => {
                    fs::create_dir(&path).unwrap();
                    self.write_dir(*id, &path, written);
                }
                Node::File(id) => match written.get(id) {
                    Some(other) => fs::hard_link(other, path).unwrap(),
                    None => {
                        fs::write(&path, self.content.get(id).map_or(&[][..], Vec::as_slice)).unwrap();
                        written.insert(*id, path);
                    }
                },
            }
        }
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<OsString, Node>) {
        match &self.node {
            Some(node) => names.insert(self.name.clone(), node.clone()),
            None => names.remove(&self.name),
        };
    }
}

/// Numbers that look random and are the same in every run.
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as `seed` says.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn of(loss: Loss) -> Dice {
        match loss {
            Loss::Everything | Loss::Content => Dice(0),
            Loss::Tail(seed) | Loss::Anything(seed) => Dice::new(seed),
        }
    }

    /// A number below `n`; 0 where the dice are fixed.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
