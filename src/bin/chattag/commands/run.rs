//! `chattag run`: an archive in, committed tables and a readable summary out.
#![allow(clippy::print_stdout, reason = "the summary is this command's output")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use chattag::batch::{self, Progress, RunOptions};
use chattag::bundle::Bundle;
use chattag::error::Error;
use chattag::telling::Said;
use chattag::time::Timestamp;
use chattag::writer::TableOptions;

use super::reading::{self, parse_size};
use super::summary;
use crate::Status;
use crate::args::RunArgs;
use crate::console::Console;
use crate::progress::Watch;

/// Resolves the arguments, runs, prints the summary.
pub fn run(args: &RunArgs, console: &Console) -> anyhow::Result<Status> {
    let max_quarantine = parse_share(&args.max_quarantine)?;
    if args.jobs != Some(1) {
        // Compiling dictionaries keeps one core at work; the first text that needs word boundaries would wait.
        std::thread::spawn(chattag::language::load_dictionary);
    }
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let options = resolve(args, &bundle, console)?;
    let progress = Arc::new(Progress::default());
    stop_on_signal(&progress)?;
    let started = Instant::now();
    let report = {
        let _watch = console.shows_progress().then(|| Watch::start(&progress));
        batch::run(&bundle, &options, &progress)?
    };
    let too_many = report.tally.quarantined_share() > max_quarantine;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else if !console.is_quiet() {
        print!("{}", summary::render(&report, started.elapsed(), max_quarantine, console));
    }
    let unread = summary::encrypted(&report) + summary::unreadable(&report) > 0;
    Ok(if too_many || unread { Status::Findings } else { Status::Fine })
}

/// Reads everything that the arguments only name, before work starts.
fn resolve(args: &RunArgs, bundle: &Bundle, console: &Console) -> anyhow::Result<RunOptions> {
    let zone = bundle.rules.pack.zone.clone();
    Ok(RunOptions {
        archives: args.archives.clone(),
        events: batch::event_sources(&args.events)?,
        out: args.out.clone(),
        as_of: args.as_of.as_deref().map(|text| parse_time(text, bundle)).transpose()?,
        read: reading::resolve(&args.reading, zone, console)?,
        jobs: args.jobs,
        memory: parse_size(&args.memory)?,
        mentions: args.mentions,
        respect_disagree: args.respect_disagree,
        count_recalled: args.count_recalled,
        keep_raw: args.keep_raw,
        tables: TableOptions { no_text: args.no_text, unmasked: args.unmasked },
    })
}

/// Ctrl-C and SIGTERM end the run cleanly: nothing is committed.
pub(super) fn stop_on_signal(progress: &Arc<Progress>) -> anyhow::Result<()> {
    let progress = Arc::clone(progress);
    ctrlc::set_handler(move || progress.stop.store(true, Ordering::Relaxed))
        .map_err(|error| Said::new("不能接收 Ctrl-C", "cannot listen for Ctrl-C").because(error).into())
}

fn parse_time(text: &str, bundle: &Bundle) -> Result<Timestamp, Error> {
    let time = bundle.rules.pack.zone.parse_local(text);
    time.ok_or_else(|| Error::argument("time", text, "local time such as `2026-02-01 00:00`"))
}

/// Reads `1%` or `0.01`.
pub(super) fn parse_share(text: &str) -> Result<f64, Error> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let share = number.trim().parse::<f64>().ok().map(|number| number / unit);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| Error::argument("share", text, "`1%` or `0.01`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_shares_are_read_as_people_write_them() {
        for (text, bytes) in [("256M", 256 << 20), ("1g", 1 << 30), ("64KiB", 65_536), ("7", 7)] {
            assert_eq!(parse_size(text).expect(text), bytes);
        }
        for bad in ["", "M", "-1", "1T", "0", "1.5G", "99999999999G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_share("1%").expect("a share"), 0.01);
        assert_eq!(parse_share("0.25").expect("a share"), 0.25);
        for bad in ["", "x", "101%", "-1", "2"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }
}
