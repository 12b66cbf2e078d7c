//! Holds the output directory for one process, and says to others who holds it.
//!
//! The lock is advisory and goes with the process, however that ends. It spares
//! the loser of a race its work; that two runs never commit the same number is
//! owed to the link in the log alone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::error::Error;

/// The lock, held until the value is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    /// The machine has been up since the last process held it: what was written is there, durable or not.
    pub(super) same_boot: bool,
}

/// Takes the lock and writes who holds it.
pub(super) fn hold(path: &Path) -> Result<Lock, Error> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open().map_err(|source| Error::write(path, source))?;
    match file.try_lock() {
        Ok(()) => {
            let (boot, last) = (boot_id(), text_of(&mut file));
            let same_boot = !boot.is_empty() && last.lines().nth(1) == Some(&boot);
            sign(&mut file, &boot).map_err(|source| Error::write(path, source))?;
            Ok(Lock { _file: file, same_boot })
        }
        Err(TryLockError::WouldBlock) => Err(Error::locked(path, &signature(&mut file))),
        Err(TryLockError::Error(source)) => Err(Error::write(path, source)),
    }
}

/// Returns who holds the output directory; `None` when nobody does.
pub(super) fn holder(out: &Path) -> Option<String> {
    let mut file = File::open(out.join("LOCK")).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(signature(&mut file)),
        _ => None,
    }
}

fn sign(file: &mut File, boot: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let (pid, since) = (std::process::id(), now_utc());
    writeln!(file, "pid {pid} on {}, since {since}, `{}`\n{boot}", host_name(), command())
}

/// The program and its command; what follows may be secret.
fn command() -> String {
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned());
    let command = arguments.find(|argument| !argument.starts_with('-'));
    program.into_iter().chain(command).collect::<Vec<_>>().join(" ")
}

/// The machine's name as Linux tells it.
fn host_name() -> String {
    let name = first_line("/proc/sys/kernel/hostname");
    if name.is_empty() { "unknown host".to_owned() } else { name }
}

/// A number that Linux draws at every start.
fn boot_id() -> String {
    first_line("/proc/sys/kernel/random/boot_id")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn now_utc() -> String {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = jiff::Timestamp::UNIX_EPOCH.saturating_add(since_epoch).unwrap_or(jiff::Timestamp::MAX);
    now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn signature(file: &mut File) -> String {
    text_of(file).lines().next().unwrap_or_default().to_owned()
}

fn text_of(file: &mut File) -> String {
    let mut text = String::new();
    // Without the name a refusal still stands.
    let _ = file.take(MAX_SIGNATURE).read_to_string(&mut text);
    text
}

/// Bytes of a signature that are read.
const MAX_SIGNATURE: u64 = 400;
