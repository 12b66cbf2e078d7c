//! `chattag`: arguments in, library call, text out.
//!
//! The exit code is decided here and nowhere else: 0 fine, 1 findings or a
//! threshold passed, 2 usage or unreadable input, 75 another run holds the
//! output directory.
#![allow(clippy::print_stderr, reason = "the command line speaks to its user")]

mod args;
mod commands;
mod console;
mod maintain_args;
mod operate_args;
mod progress;
mod stream_args;
mod usage;

use std::process::ExitCode;

use chattag::telling::tell;
use clap::Parser;
use mimalloc::MiMalloc;

use args::{Cli, Command};
use console::Console;

/// Keys' states are small and many, made and dropped on every thread.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How a command that ran to its end went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// Nothing to act on.
    Fine,
    /// Findings, failing tests, or a threshold passed.
    Findings,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error),
    };
    let console = Console::new(&cli.common);
    match run(&cli, &console) {
        Ok(Status::Fine) => ExitCode::SUCCESS,
        Ok(Status::Findings) => ExitCode::from(1),
        Err(error) => fail(&error, &console),
    }
}

fn run(cli: &Cli, console: &Console) -> anyhow::Result<Status> {
    match &cli.command {
        Command::Run(args) => commands::run::run(args, console),
        Command::Replay(args) => commands::replay::run(args, console),
        Command::Stream(args) => commands::stream::run(args, console),
        Command::Inspect(args) => commands::inspect::run(args, console),
        Command::Annotate(args) => commands::annotate::run(args, console),
        Command::Check(args) => commands::check::run(args, console),
        Command::Test(args) => commands::test::run(args, console),
        Command::Explain(args) => commands::explain::run(args, console),
        Command::Preview(args) => commands::preview::run(args, console),
        Command::Diff(args) => commands::diff::run(args, console),
        Command::Stats(args) => commands::stats::run(args, console),
        Command::Suggest(args) => commands::suggest::run(args, console),
        Command::Import(args) => commands::import::run(args, console),
        Command::Export(args) => commands::export::run(args, console),
        Command::Fmt(args) => commands::fmt::run(args, console),
        Command::New(args) => commands::new::run(args, console),
        Command::Pack(args) => commands::pack::run(args, console),
        Command::Audit(args) => commands::audit::run(args, console),
        Command::Train(args) => commands::train::run(args, console),
        Command::Distill(args) => commands::distill::run(args, console),
        Command::Calibrate(args) => commands::calibrate::run(args, console),
        Command::Eval(args) => commands::eval::run(args, console),
        Command::Variants(args) => commands::variants::run(args, console),
        Command::Phrases(args) => commands::phrases::run(args, console),
        Command::Commits(args) => commands::commits::run(args, console),
        Command::Rollback(args) => commands::rollback::run(args, console),
        Command::Gc(args) => commands::gc::run(args, console),
        Command::Doctor(args) => commands::doctor::run(args, console),
        Command::Schema(args) => commands::schema::run(args),
        Command::Completions(args) => commands::completions::run(args),
    }
}

/// Prints the error with its causes and chooses the exit code.
fn fail(error: &anyhow::Error, console: &Console) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let known = error.chain().find_map(|cause| cause.downcast_ref::<chattag::error::Error>());
    for finding in known.map_or(&[][..], |known| known.findings()) {
        eprintln!("{}", finding.render(console.language()));
    }
    eprintln!("{}: {}", console.pick("错误", "error"), tell(error.as_ref(), console.language()));
    ExitCode::from(if known.is_some_and(chattag::error::Error::is_locked) { 75 } else { 2 })
}

/// Returns whether the reader of our output went away, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
