//! The user's command as a process: lines in, lines out, a time limit, new starts.
//!
//! A thread writes to the process and another reads from it, so a full pipe stops
//! neither side for ever. Only a few envelopes are under way at a time: a slow
//! command slows reading down and nothing piles up.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::{HookLimits, gone, id_in};
use crate::archive::record::RecordFault;

/// An envelope as the command gets it.
pub struct Question {
    /// Message id of the envelope.
    pub id: String,
    /// One line of JSON.
    pub line: String,
}

/// One line of the command, or why there is none.
pub type Answer = Result<String, RecordFault>;

/// A command that is started when it is needed, and again when it ends.
pub struct Hook {
    command: String,
    limits: HookLimits,
    process: Option<Process>,
    /// Starts, time-outs and answers out of step since the last good answer.
    failures: usize,
    /// The last of these.
    last_failure: String,
    /// Ids of the envelopes asked about last: an answer to one of these has come too late.
    asked: VecDeque<String>,
}

struct Process {
    child: Child,
    /// Dropped to end the input of the process.
    to: Option<SyncSender<String>>,
    from: Receiver<Option<String>>,
    /// It said something that is no object: this may have been no answer, and the next one may be to this.
    is_doubtful: bool,
}

impl Hook {
    pub fn new(command: &str, limits: HookLimits) -> Hook {
        Hook {
            command: command.to_owned(),
            limits,
            process: None,
            failures: 0,
            last_failure: String::new(),
            asked: VecDeque::new(),
        }
    }

    /// Returns the answer to each question, in order.
    pub fn ask(&mut self, questions: &[&Question]) -> Vec<Answer> {
        self.drop_unasked();
        let (mut answers, mut sent, mut retried) = (Vec::with_capacity(questions.len()), 0, false);
        while answers.len() < questions.len() {
            if self.failures > MOST_FAILURES {
                let why = format!("it failed again and again, the last time: {}", self.last_failure);
                answers.resize_with(questions.len(), || Err(gone(&why)));
                break;
            }
            match self.exchange(questions, &mut sent, answers.len()) {
                Ok(answer) => {
                    // Garbage proves nothing: greetings and log lines come in the place of answers.
                    self.failures = if is_object(&answer) { 0 } else { self.failures };
                    answers.push(Ok(answer));
                    retried = false;
                }
                Err(trouble) => {
                    self.failures += 1;
                    sent = answers.len();
                    // A process that ended or fell out of step may have done so long before this line came.
                    let again = trouble.may_pass() && !retried;
                    let fault = trouble.fault(self.limits);
                    self.last_failure.clone_from(&fault.detail);
                    self.process = None;
                    if !again {
                        answers.push(Err(fault));
                        sent += 1;
                    }
                    retried = again;
                }
            }
        }
        answers
    }

    /// A process that has answered everything and says more is out of step.
    fn drop_unasked(&mut self) {
        if self.process.as_ref().is_some_and(|process| process.from.try_recv().is_ok()) {
            self.process = None;
        }
    }

    /// Returns the answer to the question at `answered`, having sent it and some of those behind it.
    fn exchange(
        &mut self,
        questions: &[&Question],
        sent: &mut usize,
        answered: usize,
    ) -> Result<String, Trouble> {
        let (limits, asked) = (self.limits, &mut self.asked);
        if self.process.is_none() {
            let started = Process::start(&self.command, limits);
            self.process = Some(started.map_err(|error| Trouble::NotStarted(error.kind()))?);
        }
        let process = self.process.as_mut().expect("it was just started");
        let answer = process.exchange(questions, sent, answered, limits)?;
        let id = &questions[answered].id;
        if asked.len() == REMEMBERED {
            asked.pop_front();
        }
        asked.push_back(id.clone());
        if !is_object(&answer) {
            process.is_doubtful = true;
            return Ok(answer);
        }
        let other = id_in(&answer).filter(|found| found != id);
        let elsewhere = |found: String| {
            asked.contains(&found) || questions[answered..*sent].iter().any(|question| question.id == found)
        };
        if process.is_doubtful || other.is_some_and(elsewhere) {
            return Err(Trouble::OutOfStep);
        }
        Ok(answer)
    }
}

/// Returns whether an answer may be a JSON object.
pub fn is_object(answer: &str) -> bool {
    answer.trim_start().starts_with('{')
}

enum Trouble {
    NotStarted(std::io::ErrorKind),
    TimedOut,
    TooLong,
    Ended(Option<ExitStatus>),
    OutOfStep,
}

impl Trouble {
    fn may_pass(&self) -> bool {
        matches!(self, Trouble::Ended(_) | Trouble::OutOfStep)
    }

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
            Trouble::Ended(status) => gone(&format!("it ended without an answer{}", told(status))),
            Trouble::OutOfStep => RecordFault::new(
                "decrypt.out_of_step",
                "the answer is to another envelope: standard output takes one line for each, in order, and nothing else",
            ),
        }
    }
}

/// Says how the command ended, as far as the shell knows.
fn told(status: Option<ExitStatus>) -> String {
    match status.map(|status| (status, status.code())) {
        Some((_, Some(127))) => " (exit status 127: there is no such command)".to_owned(),
        Some((_, Some(126))) => " (exit status 126: it may not be executed)".to_owned(),
        Some((status, _)) => format!(" ({status})"),
        None => String::new(),
    }
}

impl Process {
    /// Starts the command in a group of its own, so that what it starts ends with it.
    fn start(command: &str, limits: HookLimits) -> std::io::Result<Process> {
        let mut child = Command::new("sh")
            .args(["-c", command])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (to, lines) = sync_channel(UNDER_WAY);
        let (answers, from) = sync_channel(ANSWERS_WAITING);
        thread::spawn(move || input.map(|input| write_lines(&lines, input)));
        thread::spawn(move || output.map(|output| read_lines(output, limits.answer_bytes, &answers)));
        Ok(Process { child, to: Some(to), from, is_doubtful: false })
    }

    /// Sends as many lines as may be under way, and returns the answer to the oldest.
    fn exchange(
        &mut self,
        questions: &[&Question],
        sent: &mut usize,
        answered: usize,
        limits: HookLimits,
    ) -> Result<String, Trouble> {
        while *sent < questions.len() && *sent - answered < UNDER_WAY {
            let Some(to) = &self.to else { return Err(Trouble::Ended(None)) };
            match to.try_send(questions[*sent].line.clone()) {
                Ok(()) => *sent += 1,
                // Full, or its input is closed: what it said before is read first.
                Err(_) => break,
            }
        }
        match self.from.recv_timeout(limits.timeout) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Trouble::TooLong),
            Err(RecvTimeoutError::Timeout) => Err(Trouble::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(Trouble::Ended(self.status())),
        }
    }

    /// Returns how it ended, a moment after it closed its output.
    fn status(&mut self) -> Option<ExitStatus> {
        for _ in 0..20 {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.to = None;
        // It may have ended by itself, which is as good.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
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

/// Answers read ahead: each may be as long as a record.
const ANSWERS_WAITING: usize = 4;

/// Envelopes that a command which says more than it is asked can be behind.
const REMEMBERED: usize = 2 * UNDER_WAY;

/// After so many failures in a row a command will not come to its senses.
const MOST_FAILURES: usize = 5;
