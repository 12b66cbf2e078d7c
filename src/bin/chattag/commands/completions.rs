//! `chattag completions`: what makes the shell complete commands and options.

use clap::CommandFactory;

use crate::Status;
use crate::args::{Cli, CompletionsArgs};

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<Status> {
    let mut command = Cli::command();
    clap_complete::generate(args.shell, &mut command, "chattag", &mut std::io::stdout());
    Ok(Status::Fine)
}
