//! The end of a run: tables and commit, and what a person wants to know about them.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;
use serde::Serialize;

use super::collect::Fault;
use super::night::Decided;
use super::remember::Outcome;
use super::route;
use super::row_counts::RowCounts;
use super::{NightRead, RunOptions, Tally};
use crate::archive::FileReport;
use crate::bundle::Bundle;
use crate::error::Error;
use crate::lexicon::TermIdx;
use crate::message::Class;
use crate::rules::RuleSet;
use crate::time::Zone;
use crate::writer::{
    Context, Earlier, InputFile, Names, OutputFile, Quarantined, RunRecord, Staging, Store, Tables, TagOf,
    TermName, Versions, standing_by_path,
};

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunReport {
    /// Number of the commit; `None` when there was nothing new to commit.
    pub commit: Option<u64>,
    /// Commits that were there before, whose histories this run continued.
    pub earlier_commits: u64,
    /// Where the tables are.
    pub tables: PathBuf,
    /// The instant decided as of, local time.
    pub as_of: String,
    /// The time zone of local times.
    pub time_zone: String,
    /// Files read.
    pub files: u64,
    /// Bytes read, as stored.
    pub bytes: u64,
    /// Files found and left aside, with the reason.
    pub skipped_files: Vec<(PathBuf, String)>,
    /// Records by what became of them.
    pub tally: Tally,
    /// Duplicates whose content differs from the first one's.
    pub conflicting_duplicates: u64,
    /// Recalls whose message is not in the input.
    pub unknown_recalls: u64,
    /// How often a text, or a stretch of one, was cut into words; several times at most in one message.
    pub segmented: u64,
    /// Rows of earlier commits that late events have changed.
    pub corrected: u64,
    /// Events that came too late to act, counted in each history they would have been part of.
    pub late: u64,
    /// Rules that have changed since the last commit; `chattag replay` computes them anew.
    pub to_replay: Vec<String>,
    /// Tags by path: assigned in this run, standing at its end.
    pub tags: Vec<Counted>,
    /// Alerts by name: raised, suppressed.
    pub alerts: Vec<Counted>,
    /// Kick decisions by action.
    pub kicks: Vec<Counted>,
    /// The first unreadable records, `file:line code detail`.
    pub examples: Vec<String>,
}

/// A name with two counts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Counted {
    /// What is counted.
    pub name: String,
    /// Assigned, raised, decided.
    pub n: u64,
    /// Still standing, suppressed.
    pub also: u64,
}

impl RunReport {
    /// Adds how many of each tag stand, as the table of current tags has them.
    fn count_standing(&mut self, files: &[OutputFile]) -> Result<(), Error> {
        let mut counts: Counts =
            std::mem::take(&mut self.tags).into_iter().map(|one| (one.name, (one.n, 0))).collect();
        for file in files.iter().filter(|file| file.table == "current_tags") {
            for (path, n) in standing_by_path(&file.path)? {
                counts.entry(path).or_default().1 += n;
            }
        }
        self.tags = ranked(counts);
        Ok(())
    }

    /// The report of a run that found only files it has read before.
    pub(super) fn nothing_new(store: &Store, out: &Path) -> RunReport {
        RunReport {
            earlier_commits: store.records().len() as u64,
            tables: out.join("current"),
            ..RunReport::default()
        }
    }
}

/// Writes and commits the tables, and reports.
pub(super) fn publish(
    bundle: &Bundle,
    options: &RunOptions,
    store: &mut Store,
    staging: Staging,
    mut night: NightRead,
    outcome: Outcome,
) -> Result<RunReport, Error> {
    let Outcome { decided, rows, counts, state, to_replay } = outcome;
    let faults = std::mem::take(&mut night.gathered.faults);
    let mut report = summarize(&bundle.rules, options, store, &night, &decided, &counts);
    report.examples = faults.iter().take(EXAMPLES).map(|fault| describe(fault, &night.files)).collect();
    report.to_replay = to_replay;
    report.segmented = bundle.annotator.segmented();
    let record = run_record(options, &night, &report);
    let looked_at: Histories = decided.looked_at.into_iter().collect();
    let tables = Tables {
        rows,
        withdrawn: decided.withdrawn,
        late: decided.late,
        current: decided.current,
        alerts_taken_back: Vec::new(),
        quarantine: faults.into_iter().map(|fault| quarantined(fault, &night.files)).collect(),
        mentions: options.mentions.then(|| mentions(&mut night)),
    };
    let context = Context { names: bundle, rules: &bundle.rules, options: options.tables };
    let stays = stays(&bundle.rules, &looked_at);
    let earlier = Earlier { files: night.past.current_tags(), stays: &stays };
    let files = tables.write_after(&earlier, &record, &context, &staging)?;
    report.count_standing(&files)?;
    staging.disk().reach("written")?;
    report.commit = Some(store.commit(staging, &files, state, record, Versions::of(&bundle.rules))?);
    tracing::info!(commit = report.commit, "committed");
    Ok(report)
}

/// Says whether a row of `current_tags` stays: its tag is registered and nothing has happened in its history.
pub(super) fn stays(rules: &RuleSet, looked_at: &Histories) -> impl Fn(&TagOf<'_>) -> bool + Sync {
    let registered: HashSet<&str, FixedState> = rules.tags.iter().map(|tag| tag.id.as_str()).collect();
    move |of| registered.contains(of.tag) && !looked_at.contains(&history_of(of))
}

/// Histories by hash; their order never shows.
pub(super) type Histories = HashSet<u128, FixedState>;

/// Returns the hash of the history that a row belongs to.
pub(super) fn history_of(of: &TagOf<'_>) -> u128 {
    let class = route::class_of(of.kind);
    let primary = match class {
        Class::Customer => of.customer,
        Class::Room => of.room,
        Class::Staff => of.staff,
    };
    route::history_hash(class, of.corp.as_bytes(), primary.as_bytes())
}

impl Names for Bundle {
    fn term(&self, term: TermIdx) -> TermName<'_> {
        let lexicon = self.catalog.lexicon(self.catalog.lexicon_of(term));
        let term = self.catalog.term(term);
        TermName { code: &term.code, text: &term.text, lexicon: &lexicon.id, category: &term.category }
    }
}

/// Takes the mentions of all messages that are no duplicates.
fn mentions(night: &mut NightRead) -> Vec<crate::writer::MentionRow> {
    let duplicates = &night.resolution.duplicates;
    let rows = std::mem::take(&mut night.gathered.mentions).into_iter();
    rows.filter(|(arrival, _)| !duplicates.contains_key(arrival)).map(|(_, row)| row).collect()
}

fn summarize(
    rules: &RuleSet,
    options: &RunOptions,
    store: &Store,
    night: &NightRead,
    decided: &Decided,
    counts: &RowCounts,
) -> RunReport {
    let mut tally = Tally::default();
    night.gathered.tallies.iter().for_each(|file| tally.add(file));
    let zone: &Zone = &rules.pack.zone;
    RunReport {
        commit: None,
        earlier_commits: store.records().len() as u64,
        tables: options.out.join("current"),
        as_of: zone.format(night.as_of),
        time_zone: zone.name().to_owned(),
        files: night.files.len() as u64,
        bytes: night.files.iter().map(|file| file.bytes).sum(),
        skipped_files: night.skipped.iter().map(|(path, why)| (path.clone(), (*why).to_owned())).collect(),
        tally,
        conflicting_duplicates: night.resolution.conflicts,
        unknown_recalls: night.resolution.unknown_recalls.len() as u64,
        segmented: 0,
        corrected: decided.withdrawn.len() as u64,
        late: decided.late.len() as u64,
        to_replay: Vec::new(),
        tags: counts.tags(rules),
        alerts: counts.alerts(rules),
        kicks: counts.kicks(),
        examples: Vec::new(),
    }
}

/// Two counts by name.
pub(super) type Counts = BTreeMap<String, (u64, u64)>;

/// Returns the counts, the largest first, then by name.
pub(super) fn ranked(counts: Counts) -> Vec<Counted> {
    let mut ranked: Vec<Counted> =
        counts.into_iter().map(|(name, (n, also))| Counted { name, n, also }).collect();
    ranked.sort_by(|a, b| (b.n + b.also).cmp(&(a.n + a.also)).then_with(|| a.name.cmp(&b.name)));
    ranked
}

fn run_record(options: &RunOptions, night: &NightRead, report: &RunReport) -> RunRecord {
    let tally = &report.tally;
    let mut counts = outcomes(tally);
    counts.insert("read".into(), tally.read);
    counts.extend(tally.reasons.iter().map(|(reason, n)| (reason.clone(), *n)));
    counts.extend(tally.notes.iter().map(|(note, n)| (format!("note.{note}"), *n)));
    counts.insert("note.conflicting_duplicates".into(), report.conflicting_duplicates);
    counts.insert("note.unknown_recalls".into(), report.unknown_recalls);
    counts.insert("note.corrected_rows".into(), report.corrected);
    counts.insert("note.late_events".into(), report.late);
    RunRecord {
        as_of: night.as_of,
        inputs: night.files.iter().zip(&night.gathered.tallies).map(input_file).collect(),
        counts,
        options: options.that_change_output(),
    }
}

fn input_file((file, tally): (&FileReport, &Tally)) -> InputFile {
    InputFile {
        path: file.path.to_string_lossy().into_owned(),
        bytes: file.bytes,
        blake3: blake3::Hash::from_bytes(file.blake3),
        records: tally.read,
        outcomes: outcomes(tally),
    }
}

/// What became of the records read; adds up to their number.
fn outcomes(tally: &Tally) -> BTreeMap<String, u64> {
    let counts = [
        ("processed", tally.processed),
        ("duplicate", tally.duplicate),
        ("control", tally.control),
        ("skipped", tally.skipped),
        ("quarantined", tally.quarantined),
    ];
    counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect()
}

fn describe(fault: &Fault, files: &[FileReport]) -> String {
    let file = &files[fault.origin.file as usize];
    format!("{}:{} {} {}", file.path.display(), file.line_of(&fault.origin), fault.code, fault.detail)
}

fn quarantined(fault: Fault, files: &[FileReport]) -> Quarantined {
    let file = &files[fault.origin.file as usize];
    Quarantined {
        path: file.path.to_string_lossy().into_owned(),
        line: file.line_of(&fault.origin),
        offset: fault.origin.offset,
        code: fault.code.to_owned(),
        detail: fault.detail,
        raw: fault.raw,
    }
}

/// Unreadable records named in the report: enough to see the pattern.
const EXAMPLES: usize = 5;
