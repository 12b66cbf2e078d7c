//! `chattag stream`: messages in as they arrive, decisions out as JSON lines.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chattag::batch;
use chattag::bundle::Bundle;
use chattag::error::Error;
use chattag::rules;
use chattag::stream::{self, Controls, StreamOptions};
use chattag::telling::{Said, tell};
use chattag::time::Millis;
use chattag::writer::TableOptions;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::reading;
use crate::Status;
use crate::args::StreamArgs;
use crate::console::Console;

/// Resolves the arguments and runs until the input ends or a signal comes.
pub fn run(args: &StreamArgs, console: &Console) -> anyhow::Result<Status> {
    if args.jobs != Some(1) {
        // The dictionary is ready when the lists are compiled.
        std::thread::spawn(chattag::language::load_dictionary);
    }
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let options = resolve(args, &bundle, console)?;
    let controls = listen_to_signals()?;
    let load = || -> Result<Bundle, String> {
        super::load_sound(&args.dictionaries, console).map_err(|error| describe(&error, console))
    };
    let report = stream::run(bundle, &load, &options, &controls, &mut io::stdout()).map_err(unheard)?;
    tracing::info!(
        read = report.tally.read,
        duplicate = report.tally.duplicate,
        quarantined = report.tally.quarantined,
        late = report.late,
        decisions = report.decisions,
        "ended"
    );
    Ok(Status::Fine)
}

/// A stream whose decisions nobody takes has failed: whoever watches over it must know, and start it again.
fn unheard(error: Error) -> anyhow::Error {
    if !error.is_broken_pipe() {
        return error.into();
    }
    let said = Said::new(
        "接收决定的程序退出了：把它和流一起重新启动，上次检查点之后的决定会再输出一遍",
        "whoever read the decisions has gone: start both again; decisions since the last checkpoint are printed again",
    );
    said.into()
}

fn resolve(args: &StreamArgs, bundle: &Bundle, console: &Console) -> anyhow::Result<StreamOptions> {
    let from_stdin = args.inputs.iter().any(|input| input == "-");
    if from_stdin && args.inputs.len() > 1 {
        let all = args.inputs.join(" ");
        return Err(Error::argument("input of a stream", &all, "either - alone or files to follow").into());
    }
    Ok(StreamOptions {
        inputs: args.inputs.clone(),
        once: args.once,
        out: args.out.clone(),
        checkpoint_every: Duration::from_secs(args.checkpoint_seconds.max(1)),
        checkpoint_records: args.checkpoint_messages.max(1),
        keep: args.keep.map(|keep| keep as usize),
        events: batch::event_sources(&args.events)?,
        read: reading::resolve(&args.reading, bundle.rules.pack.zone.clone(), console)?,
        lateness: args.lateness.as_deref().map(span).transpose()?,
        max_waiting: args.max_waiting,
        jobs: args.jobs,
        respect_disagree: args.respect_disagree,
        keep_raw: args.keep_raw,
        tables: TableOptions { no_text: args.no_text, unmasked: args.unmasked },
        metrics: args.metrics,
    })
}

/// Reads `0` or elapsed time such as `30s`.
fn span(text: &str) -> Result<Millis, Error> {
    let span = if text == "0" { Some(Millis(0)) } else { rules::elapsed_span(text) };
    span.ok_or_else(|| Error::argument("lateness", text, "0, or elapsed time such as 30s, 10m, 24h"))
}

/// SIGINT and SIGTERM end the stream, SIGHUP loads the dictionaries anew.
fn listen_to_signals() -> anyhow::Result<Controls> {
    let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for (signal, flag) in [(SIGINT, &stop), (SIGTERM, &stop), (SIGHUP, &reload)] {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .map_err(|error| Said::new("不能接收信号", "cannot listen for signals").because(error))?;
    }
    Ok(Controls { stop, reload })
}

/// Says why dictionaries cannot be used, with all findings.
fn describe(error: &anyhow::Error, console: &Console) -> String {
    let known = error.downcast_ref::<Error>();
    let findings = known.map_or(&[][..], |known| known.findings());
    let lines = findings.iter().map(|finding| finding.render(console.language()));
    lines.chain([tell(error.as_ref(), console.language())]).collect::<Vec<_>>().join("\n")
}
