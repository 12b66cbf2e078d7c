//! The user's command as a process: lines in, lines out, a time limit, new starts.
//!
//! A thread writes to the process and another reads from it, so a full pipe stops
//! neither side for ever. Only a few envelopes are under way at a time: a slow
//! command slows reading down and nothing piles up.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;

use super::{HookLimits, gone};
use crate::archive::record::RecordFault;

/// One line of the command, or why there is none.
pub type Answer = Result<String, RecordFault>;

/// A command that is started when it is needed, and again when it ends.
pub struct Hook {
    command: String,
    limits: HookLimits,
    process: Option<Process>,
    /// Starts and time-outs since the last answer.
    failures: usize,
}

struct Process {
    child: Child,
    /// Dropped to end the input of the process.
    to: Option<SyncSender<String>>,
    from: Receiver<Option<String>>,
}

impl Hook {
    pub fn new(command: &str, limits: HookLimits) -> Hook {
        Hook { command: command.to_owned(), limits, process: None, failures: 0 }
    }

    /// Returns the answer to each line, in order.
    pub fn ask(&mut self, lines: &[&String]) -> Vec<Answer> {
        let (mut answers, mut sent, mut retried) = (Vec::with_capacity(lines.len()), 0, false);
        while answers.len() < lines.len() {
            if self.failures > MOST_FAILURES {
                answers.resize_with(lines.len(), || Err(gone("it failed again and again")));
                break;
            }
            let limits = self.limits;
            let answer = match self.running() {
                Ok(process) => process.exchange(lines, &mut sent, answers.len(), limits),
                Err(why) => Err(Trouble::NotStarted(why)),
            };
            match answer {
                Ok(answer) => {
                    answers.push(Ok(answer));
                    (self.failures, retried) = (0, false);
                }
                Err(trouble) => {
                    self.stop();
                    self.failures += 1;
                    // A process that ended may have done so long before this line came.
                    if matches!(trouble, Trouble::Ended) && !retried {
                        retried = true;
                    } else {
                        answers.push(Err(trouble.fault(self.limits)));
                        retried = false;
                    }
                    sent = answers.len();
                }
            }
        }
        answers
    }

    fn running(&mut self) -> Result<&mut Process, std::io::ErrorKind> {
        if self.process.is_none() {
            self.process = Some(Process::start(&self.command, self.limits).map_err(|error| error.kind())?);
        }
        Ok(self.process.as_mut().expect("it was just started"))
    }

    fn stop(&mut self) {
        self.process = None;
    }
}

enum Trouble {
    NotStarted(std::io::ErrorKind),
    TimedOut,
    TooLong,
    Ended,
}

impl Trouble {
    fn fault(self, limits: HookLimits) -> RecordFault {
        match self {
            Trouble::NotStarted(why) => gone(&format!("it cannot be started: {why}")),
            Trouble::TimedOut => {
                RecordFault::new("decrypt.timeout", format!("no answer within {:?}", limits.timeout))
            }
            Trouble::TooLong => RecordFault::new(
                "decrypt.too_long",
                format!("an answer of more than {} bytes", limits.answer_bytes),
            ),
            Trouble::Ended => gone("it ended without an answer"),
        }
    }
}

impl Process {
    fn start(command: &str, limits: HookLimits) -> std::io::Result<Process> {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (to, lines) = sync_channel(UNDER_WAY);
        let (answers, from) = sync_channel(UNDER_WAY);
        thread::spawn(move || input.map(|input| write_lines(&lines, input)));
        thread::spawn(move || output.map(|output| read_lines(output, limits.answer_bytes, &answers)));
        Ok(Process { child, to: Some(to), from })
    }

    /// Sends as many lines as may be under way, and returns the answer to the oldest.
    fn exchange(
        &mut self,
        lines: &[&String],
        sent: &mut usize,
        answered: usize,
        limits: HookLimits,
    ) -> Result<String, Trouble> {
        while *sent < lines.len() && *sent - answered < UNDER_WAY {
            let to = self.to.as_ref().ok_or(Trouble::Ended)?;
            match to.try_send(lines[*sent].clone()) {
                Ok(()) => *sent += 1,
                Err(TrySendError::Full(_)) => break,
                Err(TrySendError::Disconnected(_)) => return Err(Trouble::Ended),
            }
        }
        match self.from.recv_timeout(limits.timeout) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Trouble::TooLong),
            Err(RecvTimeoutError::Timeout) => Err(Trouble::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(Trouble::Ended),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.to = None;
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_lines(lines: &Receiver<String>, mut input: impl Write) {
    for mut line in lines {
        line.push('\n');
        if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

/// Hands on each line; `None` for one that is too long, which is the last then.
fn read_lines(output: impl Read, longest: usize, answers: &SyncSender<Option<String>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = (&mut output).take(longest as u64 + 1).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let whole = line.last() == Some(&b'\n') || line.len() <= longest;
        let answer = whole.then(|| String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned());
        if answers.send(answer).is_err() || !whole {
            return;
        }
    }
}

/// Envelopes sent and not answered yet.
const UNDER_WAY: usize = 64;

/// After so many failures in a row a command will not come to its senses.
const MOST_FAILURES: usize = 5;
