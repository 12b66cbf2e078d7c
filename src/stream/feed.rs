//! Where records come from: standard input, or files that are followed.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::follow::Follower;
use super::lines::LineBuffer;
use super::piece::Piece;
use crate::time::{Millis, Timestamp};

/// Where records come from.
pub enum Feed {
    /// Standard input, read by a thread of its own.
    Stdin(Receiver<io::Result<Piece>>),
    /// Files.
    Files(Box<Follower>),
}

/// What a feed has.
pub enum Next {
    /// Records.
    Piece(Piece),
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

    /// Returns what is there, and waits up to `patience` for it.
    ///
    /// # Errors
    ///
    /// Standard input cannot be read.
    pub fn next(&mut self, patience: Duration) -> io::Result<Next> {
        match self {
            Feed::Stdin(receiver) => match receiver.recv_timeout(patience) {
                Ok(piece) => piece.map(Next::Piece),
                Err(RecvTimeoutError::Timeout) => Ok(Next::Idle),
                Err(RecvTimeoutError::Disconnected) => Ok(Next::Ended),
            },
            Feed::Files(follower) => {
                if let Some(piece) = follower.next() {
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
            Feed::Stdin(_) => None,
            Feed::Files(follower) => follower.hold(lateness),
        }
    }
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

/// What a pipe holds, several times.
const READ_BYTES: usize = 256 << 10;

/// Pieces between reading and deciding.
const MOST_AHEAD: usize = 4;

/// How often files are looked at while nothing comes.
const POLL: Duration = Duration::from_millis(5);
