//! Sorts the decided rows of each local day, splits them by table, and writes the files in parallel.
//!
//! Beside the rows that are held ([`Rows`]), memory holds those of the days that are being written, one reference per
//! row and, per thread, one batch of [`BATCH_ROWS`](super::parquet_file) rows and one row group in encoded form.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::Error;
use crate::lexicon::TermIdx;
use crate::message::Key;
use crate::rules::RuleSet;
use crate::time::{Day, Millis, Timestamp, Zone};
use crate::verdict::{Alert, Decision, KickDecision, Row, TagChange};

use super::alert_digests::{self, Digest, TakenBack};
use super::carried::{self, Earlier};
use super::column::{Cells, presentable};
use super::commit::Staging;
use super::late::{self, LateEvent};
use super::output_id::{correction_id, output_ids};
use super::parquet_file::{OutputFile, write_file};
use super::record::{RunRecord, Versions};
use super::rows::{DayRows, Rows};
use super::table::Table;
use super::{
    CurrentTag, MentionRow, Quarantined, alerts, current_tags, kick_decisions, mentions, quarantine, runs,
    tag_events,
};

/// Puts names to terms.
pub trait Names: Sync {
    /// Returns the names of a term that stands in a row.
    fn term(&self, term: TermIdx) -> TermName<'_>;
}

/// The names of a term.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TermName<'a> {
    /// Its code in the lexicon.
    pub code: &'a str,
    /// The term as written.
    pub text: &'a str,
    /// The lexicon's id.
    pub lexicon: &'a str,
    /// Levels of its category, the widest first.
    pub category: &'a [String],
}

/// What may be shown of messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TableOptions {
    /// Leaves message text out: evidence has ids and offsets only.
    pub no_text: bool,
    /// Shows private numbers in evidence as they are.
    pub unmasked: bool,
}

/// Everything that one run decided.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Decisions.
    pub rows: Rows,
    /// Decisions of earlier commits that no longer hold. Keys may come in any order; the rows of one key come in the
    /// order they were decided.
    pub withdrawn: Vec<Row>,
    /// Alerts of earlier commits that no longer hold, whose corrections are written elsewhere.
    pub alerts_taken_back: Vec<TakenBack>,
    /// What came too late to act, in any order.
    pub late: Vec<LateEvent>,
    /// The tags that hold at `as_of`, in any order.
    pub current: Vec<CurrentTag>,
    /// Refused records, in any order.
    pub quarantine: Vec<Quarantined>,
    /// Every hit, in any order; `None` leaves the table out.
    pub mentions: Option<Vec<MentionRow>>,
}

/// What rows refer to.
pub struct Context<'a> {
    /// Names of terms.
    pub names: &'a dyn Names,
    /// Names of rules, tags and exemptions; the zone of local days.
    pub rules: &'a RuleSet,
    /// What may be shown.
    pub options: TableOptions,
}

/// Returns the descriptions of all tables, in name order.
pub fn all_tables() -> Vec<Table> {
    vec![
        alert_digests::table(),
        alerts::table(),
        current_tags::table(),
        kick_decisions::table(),
        late::table(),
        mentions::table(),
        quarantine::table(),
        runs::table(),
        tag_events::table(),
    ]
}

impl Tables {
    /// Writes all tables into `staging`, each day of each table into a file of its own.
    ///
    /// A table without rows gets an empty file in the first commit, so that every table can be read, and none in later
    /// ones: a stream commits every minute, and readers open every file.
    ///
    /// # Errors
    ///
    /// Returns an error when a file cannot be written or does not read back as it was written.
    pub fn write(
        self,
        run: &RunRecord,
        context: &Context,
        staging: &Staging,
    ) -> Result<Vec<OutputFile>, Error> {
        self.write_after(&Earlier { files: Vec::new(), stays: &|_| false }, run, context, staging)
    }

    /// As [`Tables::write`], with the current tags of earlier commits that still stand.
    ///
    /// # Errors
    ///
    /// Also when those cannot be read.
    pub fn write_after(
        mut self,
        earlier: &Earlier<'_>,
        run: &RunRecord,
        context: &Context,
        staging: &Staging,
    ) -> Result<Vec<OutputFile>, Error> {
        self.sort();
        let sink = Sink { staging, context, earlier, as_of: run.as_of };
        let (decided, others) = rayon::join(|| sink.write_decisions(&self), || sink.write_others(&self, run));
        let mut files = decided?;
        files.extend(others?);
        files.sort_by(|a, b| (a.table, a.day).cmp(&(b.table, b.day)));
        Ok(files)
    }

    fn sort(&mut self) {
        self.late.par_sort_by(late::order);
        self.current.par_sort_by(current_tags::order);
        self.quarantine.par_sort();
        if let Some(rows) = &mut self.mentions {
            rows.par_sort_by(mentions::order);
        }
    }
}

/// Returns the rows in the order of a file.
///
/// The beginnings of the ids decide nearly always, so they stand beside the places that are sorted: rows are
/// large and their keys lie elsewhere.
pub(super) fn in_file_order<'r>(rows: &[&'r Row]) -> Vec<&'r Row> {
    let one_corp = rows.windows(2).all(|pair| pair[0].key.corp == pair[1].key.corp);
    let first = |row: &Row| beginning(if one_corp { &row.key.customer } else { &row.key.corp });
    let mut places: Vec<(u128, u32, &'r Row)> =
        (0..).zip(rows).map(|(number, row)| (first(row), number, *row)).collect();
    places.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| row_order(a.2, b.2)).then(a.1.cmp(&b.1)));
    places.into_iter().map(|(_, _, row)| row).collect()
}

/// Returns the first bytes of a text as a number that sorts as the text does.
fn beginning(text: &str) -> u128 {
    let mut bytes = [0; 16];
    let len = text.len().min(bytes.len());
    bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    u128::from_be_bytes(bytes)
}

/// The order of rows in a file; equal ones stay in the order they were decided.
fn row_order(a: &Row, b: &Row) -> Ordering {
    let by_customer = parts(&a.key)[..2].cmp(&parts(&b.key)[..2]);
    by_customer.then(a.at.cmp(&b.at)).then_with(|| key_order(&a.key, &b.key))
}

/// The order of keys in a file.
pub(super) fn key_order(a: &Key, b: &Key) -> Ordering {
    parts(a).cmp(&parts(b)).then(a.kind.cmp(&b.kind))
}

fn parts(key: &Key) -> [&str; 4] {
    [&key.corp, &key.customer, &key.staff, &key.room]
}

/// A row of the ledger with what its cells need.
pub(super) struct Line<'r, D> {
    pub row: &'r Row,
    pub id: Cow<'r, str>,
    pub decision: &'r D,
    /// The id of the earlier row that this one takes back.
    pub corrects: Option<&'r str>,
}

impl<D> Line<'_, D> {
    /// Returns what kind of row it is: `kind`, unless it takes another one back.
    pub(super) fn kind(&self, kind: &'static str) -> &'static str {
        if self.corrects.is_some() { "corrects" } else { kind }
    }
}

/// Where the files of a run go.
struct Sink<'a> {
    staging: &'a Staging,
    context: &'a Context<'a>,
    earlier: &'a Earlier<'a>,
    as_of: Timestamp,
}

type Written = Result<Vec<OutputFile>, Error>;

/// A file, if there was something to write.
type WrittenFile = Result<Option<OutputFile>, Error>;

impl Sink<'_> {
    /// Writes the decisions day by day.
    fn write_decisions(&self, tables: &Tables) -> Written {
        let mut days: BTreeMap<Day, DayDecisions<'_>> = BTreeMap::new();
        for (day, rows) in tables.rows.by_day(self.zone()) {
            days.entry(day).or_default().rows = rows;
        }
        for row in &tables.withdrawn {
            days.entry(self.day(row.at)).or_default().withdrawn.push(row);
        }
        for alert in &tables.alerts_taken_back {
            days.entry(self.day(alert.at)).or_default().alerts_taken_back.push(alert);
        }
        let write = |(day, decisions)| self.write_day(day, decisions);
        let days: Vec<Vec<OutputFile>> = days.into_par_iter().map(write).collect::<Result<_, Error>>()?;
        let mut files = days.concat();
        for table in [tag_events::table(), alerts::table(), kick_decisions::table(), alert_digests::table()] {
            if files.iter().all(|file| file.table != table.name) {
                files.extend(self.write_days(&table, &[], |_: &()| self.as_of, |_, _| {})?);
            }
        }
        Ok(files)
    }

    /// Writes the decisions of one day, each table that has any into a file.
    fn write_day(&self, day: Day, decisions: DayDecisions<'_>) -> Written {
        let mut loaded = Vec::new();
        let decisions = decisions.load(&mut loaded, self.context.rules)?;
        let digests = self.write_digests(day, &self.digests(&decisions))?;
        let (tags, (alerts, kicks)) = rayon::join(
            || self.write_tag_events(day, &decisions),
            || rayon::join(|| self.write_alerts(day, &decisions), || self.write_kicks(day, &decisions)),
        );
        Ok([tags?, alerts?, kicks?, digests].into_iter().flatten().collect())
    }

    fn write_tag_events(&self, day: Day, decisions: &Decisions) -> WrittenFile {
        let lines = tag_lines(decisions, self.staging.commit_number());
        self.write_lines(&tag_events::table(), day, &lines, tag_events::fill)
    }

    fn write_alerts(&self, day: Day, decisions: &Decisions) -> WrittenFile {
        let lines = alert_lines(decisions, self.staging.commit_number());
        self.write_lines(&alerts::table(), day, &lines, alerts::fill)
    }

    fn write_kicks(&self, day: Day, decisions: &Decisions) -> WrittenFile {
        let lines = kick_lines(decisions, self.staging.commit_number());
        self.write_lines(&kick_decisions::table(), day, &lines, kick_decisions::fill)
    }

    fn write_lines<D: Sync>(
        &self,
        table: &Table,
        day: Day,
        lines: &[Line<D>],
        fill: impl Fn(&mut Cells, &Line<'_, D>, &Context) + Sync,
    ) -> WrittenFile {
        self.write_some(table, day, lines, |line, cells| fill(cells, line, self.context))
    }

    fn digests(&self, decisions: &Decisions) -> Vec<Digest> {
        let rules = self.context.rules;
        let counted = decisions.rows.iter().filter_map(|row| alert_digests::told(row, rules));
        let withdrawn = decisions.withdrawn.iter().filter_map(|row| alert_digests::told(row, rules));
        let earlier = decisions.alerts_taken_back.iter().map(|alert| alert.told());
        alert_digests::digests(counted, withdrawn.chain(earlier), self.zone())
    }

    fn write_digests(&self, day: Day, digests: &[Digest]) -> WrittenFile {
        self.write_some(&alert_digests::table(), day, digests, |digest, cells| {
            alert_digests::fill(cells, digest);
        })
    }

    /// Writes `rows`, which are in file order, into a file of `day`, if there are any.
    fn write_some<T: Sync>(
        &self,
        table: &Table,
        day: Day,
        rows: &[T],
        fill: impl Fn(&T, &mut Cells) + Sync,
    ) -> WrittenFile {
        if rows.is_empty() {
            return Ok(None);
        }
        let rows: Vec<&T> = rows.iter().collect();
        write_file(self.staging, table, day, &rows, fill).map(Some)
    }

    fn write_others(&self, tables: &Tables, run: &RunRecord) -> Written {
        let (current, mentions) = rayon::join(
            || self.write_current(&tables.current),
            || self.write_mentions(tables.mentions.as_deref()),
        );
        let others = [self.write_quarantine(&tables.quarantine)?, self.write_late(&tables.late)?];
        Ok([current?, mentions?, others.concat(), self.write_run(run)?].concat())
    }

    fn write_current(&self, rows: &[CurrentTag]) -> Written {
        let day = self.day(self.last_instant());
        carried::write_files(self.staging, day, rows, self.earlier, self.as_of, self.context)
    }

    fn write_mentions(&self, rows: Option<&[MentionRow]>) -> Written {
        let Some(rows) = rows else { return Ok(Vec::new()) };
        self.write_days(
            &mentions::table(),
            rows,
            |row| row.message.at,
            |row, cells| {
                mentions::fill(cells, row, self.context);
            },
        )
    }

    fn write_quarantine(&self, rows: &[Quarantined]) -> Written {
        self.write_days(
            &quarantine::table(),
            rows,
            |_| self.last_instant(),
            |row, cells| {
                quarantine::fill(cells, row, self.context);
            },
        )
    }

    fn write_late(&self, rows: &[LateEvent]) -> Written {
        self.write_days(
            &late::table(),
            rows,
            |_| self.last_instant(),
            |row, cells| {
                late::fill(cells, row, self.as_of);
            },
        )
    }

    fn write_run(&self, run: &RunRecord) -> Written {
        let versions = Versions::of(self.context.rules);
        let commit = self.staging.commit_number();
        self.write_days(
            &runs::table(),
            &[run],
            |_| self.last_instant(),
            |run, cells| {
                runs::fill(cells, run, commit, &versions);
            },
        )
    }

    /// Writes `rows`, which are in file order, into one file per local day of `at`.
    fn write_days<T: Sync>(
        &self,
        table: &Table,
        rows: &[T],
        at: impl Fn(&T) -> Timestamp,
        fill: impl Fn(&T, &mut Cells) + Sync,
    ) -> Written {
        let mut days: BTreeMap<Day, Vec<&T>> = BTreeMap::new();
        rows.iter().for_each(|row| days.entry(self.day(at(row))).or_default().push(row));
        if days.is_empty() && !self.staging.shows(table.name) {
            days.insert(self.day(self.last_instant()), Vec::new());
        }
        let write = |(day, rows): (&Day, &Vec<&T>)| write_file(self.staging, table, *day, rows, &fill);
        days.par_iter().map(write).collect()
    }

    /// Returns the local day of `at`, within the days that have a name of their own.
    fn day(&self, at: Timestamp) -> Day {
        day_of(self.zone(), at)
    }

    fn zone(&self) -> &Zone {
        &self.context.rules.pack.zone
    }

    /// The last instant the run looks at: `as_of` itself is the first one after it, often a midnight.
    fn last_instant(&self) -> Timestamp {
        self.as_of.minus(Millis(1))
    }
}

/// Returns the local day of `at`, within the days that have a name of their own.
pub(super) fn day_of(zone: &Zone, at: Timestamp) -> Day {
    zone.day(presentable(at)).clamp(FIRST_DAY, LAST_DAY)
}

/// The decisions of one day.
#[derive(Default)]
struct DayDecisions<'r> {
    rows: DayRows<'r>,
    withdrawn: Vec<&'r Row>,
    alerts_taken_back: Vec<&'r TakenBack>,
}

/// The decisions of one day in file order, with the ids of their rows.
struct Decisions<'r> {
    rows: Vec<&'r Row>,
    ids: Vec<String>,
    /// Rows that are taken back, and their ids.
    withdrawn: Vec<&'r Row>,
    wrong: Vec<String>,
    /// Alerts that other rows of the commit take back.
    alerts_taken_back: Vec<&'r TakenBack>,
}

impl<'r> DayDecisions<'r> {
    /// Reads the rows that are on disk into `loaded`.
    fn load(self, loaded: &'r mut Vec<Row>, rules: &RuleSet) -> Result<Decisions<'r>, Error> {
        let (rows, withdrawn) = (in_file_order(&self.rows.load(loaded)?), in_file_order(&self.withdrawn));
        let (ids, wrong) = (output_ids(&rows, rules), output_ids(&withdrawn, rules));
        Ok(Decisions { rows, ids, withdrawn, wrong, alerts_taken_back: self.alerts_taken_back })
    }
}

fn tag_lines<'r>(decisions: &'r Decisions<'r>, commit: u64) -> Vec<Line<'r, TagChange>> {
    lines_of(decisions, commit, |decision| match decision {
        Decision::Tag(change) => Some(change),
        _ => None,
    })
}

fn alert_lines<'r>(decisions: &'r Decisions<'r>, commit: u64) -> Vec<Line<'r, Alert>> {
    lines_of(decisions, commit, |decision| match decision {
        Decision::Alert(alert) => Some(alert),
        _ => None,
    })
}

fn kick_lines<'r>(decisions: &'r Decisions<'r>, commit: u64) -> Vec<Line<'r, KickDecision>> {
    lines_of(decisions, commit, |decision| match decision {
        Decision::Kick(kick) => Some(kick),
        _ => None,
    })
}

/// Returns the rows of one table in file order; a row that takes another back comes before what replaces it.
fn lines_of<'r, D>(
    decisions: &'r Decisions<'r>,
    commit: u64,
    select: impl Fn(&'r Decision) -> Option<&'r D>,
) -> Vec<Line<'r, D>> {
    let correction = |(row, wrong): (&&'r Row, &'r String)| {
        let (id, corrects) = (correction_id(wrong, commit).into(), Some(wrong.as_str()));
        Some(Line { row, id, decision: select(&row.decision)?, corrects })
    };
    let line = |(row, id): (&&'r Row, &'r String)| {
        let id = Cow::Borrowed(id.as_str());
        Some(Line { row, id, decision: select(&row.decision)?, corrects: None })
    };
    let Decisions { rows, ids, withdrawn, wrong, .. } = decisions;
    let mut lines: Vec<Line<'r, D>> = withdrawn.iter().zip(wrong).filter_map(correction).collect();
    lines.extend(rows.iter().zip(ids).filter_map(line));
    if !withdrawn.is_empty() {
        lines.sort_by(|a, b| row_order(a.row, b.row));
    }
    lines
}

/// Around the year 53; earlier instants are in its partition. No archive has any.
const FIRST_DAY: Day = Day(-700_000);

/// Around the year 9909; later instants are in its partition. No archive has any.
const LAST_DAY: Day = Day(2_900_000);
