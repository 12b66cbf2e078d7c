//! Where records come from: standard input, or files that are followed.
//!
//! Standard input has two threads before the one that decides: one reads, one annotates. While a record is decided the
//! next ones are annotated already, so that those that come meanwhile wait for neither.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::PATIENCE;
use super::follow::Follower;
use super::lines::LineBuffer;
use super::piece::{Annotated, Piece};
use crate::archive::ReadOptions;
use crate::batch::collect::Collector;
use crate::error::Error;
use crate::time::{Millis, Timestamp};

/// Where records come from.
pub enum Feed {
    /// Standard input, read by a thread of its own.
    Stdin(Pieces),
    /// Standard input, annotated by another one.
    Ahead(Ahead),
    /// Files.
    Files(Box<Follower>),
}

/// What was read of standard input.
pub type Pieces = Receiver<io::Result<Piece>>;

/// What was annotated of standard input.
pub struct Ahead {
    annotated: Receiver<Result<Annotated, Error>>,
    halt: Arc<AtomicBool>,
}

/// What a feed has.
pub enum Next {
    /// Records.
    Piece(Piece),
    /// Records that are annotated.
    Annotated(Box<Annotated>),
    /// Nothing now.
    Idle,
    /// Nothing any more.
    Ended,
}

impl Feed {
    /// Reads standard input. A reader that is ahead waits: the bytes in between are bounded.
    pub fn stdin(longest: usize) -> Feed {
        let (sender, receiver) = sync_channel(MOST_AHEAD);
        std::thread::spawn(move || read_all(io::stdin().lock(), longest, &sender));
        Feed::Stdin(receiver)
    }

    /// Returns pieces of which none come.
    pub fn nothing() -> Pieces {
        sync_channel(0).1
    }

    /// Returns what is there, and waits up to `patience` for it.
    ///
    /// # Errors
    ///
    /// What is read cannot be read on.
    pub fn next(&mut self, patience: Duration) -> Result<Next, Error> {
        match self {
            Feed::Stdin(pieces) => match pieces.recv_timeout(patience) {
                Ok(piece) => piece.map(Next::Piece).map_err(unreadable),
                Err(RecvTimeoutError::Timeout) => Ok(Next::Idle),
                Err(RecvTimeoutError::Disconnected) => Ok(Next::Ended),
            },
            Feed::Ahead(ahead) => match ahead.annotated.recv_timeout(patience) {
                Ok(annotated) => annotated.map(|annotated| Next::Annotated(Box::new(annotated))),
                Err(RecvTimeoutError::Timeout) => Ok(Next::Idle),
                Err(RecvTimeoutError::Disconnected) => Ok(Next::Ended),
            },
            Feed::Files(follower) => {
                if let Some(piece) = follower.next()? {
                    return Ok(Next::Piece(piece));
                }
                if follower.has_ended() {
                    return Ok(Next::Ended);
                }
                std::thread::sleep(patience.min(POLL));
                Ok(Next::Idle)
            }
        }
    }

    /// Notes that the records of the piece handed out last have come to `newest`.
    pub fn note(&mut self, newest: Option<Timestamp>) {
        if let Feed::Files(follower) = self {
            follower.note(newest);
        }
    }

    /// Returns from where on nothing may be decided yet, because some file has not come so far.
    pub fn hold(&self, lateness: Millis) -> Option<Timestamp> {
        match self {
            Feed::Stdin(_) | Feed::Ahead(_) => None,
            Feed::Files(follower) => follower.hold(lateness),
        }
    }

    /// Asks whoever annotates ahead to end; the feed ends with what is annotated by then. Returns false when nobody
    /// does.
    pub fn halt(&self) -> bool {
        if let Feed::Ahead(ahead) = self {
            ahead.halt.store(true, Ordering::Relaxed);
        }
        matches!(self, Feed::Ahead(_))
    }
}

/// Annotates pieces before they are asked for.
pub struct Annotator<'p> {
    pieces: &'p mut Pieces,
    sender: SyncSender<Result<Annotated, Error>>,
    halt: Arc<AtomicBool>,
}

impl<'p> Annotator<'p> {
    /// Returns who annotates `pieces`, and where to fetch what is annotated.
    pub fn of(pieces: &'p mut Pieces) -> (Annotator<'p>, Feed) {
        let (sender, annotated) = sync_channel(MOST_AHEAD);
        let halt = Arc::new(AtomicBool::new(false));
        (Annotator { pieces, sender, halt: Arc::clone(&halt) }, Feed::Ahead(Ahead { annotated, halt }))
    }

    /// Annotates until the pieces end, somebody says halt, or nobody fetches any more.
    pub fn run(self, collector: &mut Collector<'_>, options: &ReadOptions) {
        while !self.halt.load(Ordering::Relaxed) {
            let annotated = match self.pieces.recv_timeout(PATIENCE) {
                Ok(Ok(piece)) => piece.annotate(collector, options, STDIN),
                Ok(Err(error)) => Err(unreadable(error)),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if self.sender.send(annotated).is_err() {
                return;
            }
        }
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::read(Path::new("-"), error)
}

/// Sends all of `input`, whatever has arrived at a time.
fn read_all(mut input: impl Read, longest: usize, sender: &SyncSender<io::Result<Piece>>) {
    let path: Arc<Path> = Path::new("-").into();
    let mut lines = LineBuffer::new(0, 0, longest);
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let read = match input.read(&mut bytes) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return drop(sender.send(Err(error))),
        };
        lines.push(&bytes[..read]);
        if let Some(lines) = lines.take(read == 0)
            && sender.send(Ok(Piece::of_lines(Arc::clone(&path), lines))).is_err()
        {
            return;
        }
        if read == 0 {
            return;
        }
    }
}

/// The number of standard input among the files of an interval: it comes first.
const STDIN: u32 = 0;

/// What a pipe holds, several times.
const READ_BYTES: usize = 256 << 10;

/// Pieces between reading and deciding.
const MOST_AHEAD: usize = 4;

/// How often files are looked at while nothing comes.
const POLL: Duration = Duration::from_millis(5);
