//! The table `alert_digests`: what each employee was alerted to on each day, in one row.
//!
//! Made from the rows of `alerts`, less those that a commit takes back; those of experimental rules are left
//! out, and so are notes about recalled evidence.

use std::collections::BTreeMap;

use crate::rules::{AlertLevel, RuleSet};
use crate::time::{Day, Timestamp, Zone};
use crate::verdict::{Decision, Row};

use super::alerts;
use super::column::Cells;
use super::table::{ColumnDef, History, Kind, Table};

/// The alerts of one employee on one local day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Digest {
    corp: Box<str>,
    staff: Box<str>,
    day: Day,
    /// By level, the most urgent first.
    raised: [i64; 3],
    suppressed: i64,
    /// By customer: alerts that were raised, less those that were taken back.
    customers: BTreeMap<Box<str>, i64>,
    first_at: Timestamp,
    last_at: Timestamp,
    /// The same by name.
    names: BTreeMap<Box<str>, i64>,
}

/// One alert as a digest counts it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'r> {
    pub corp: &'r str,
    pub staff: &'r str,
    pub customer: &'r str,
    pub at: Timestamp,
    pub level: AlertLevel,
    pub suppressed: bool,
    pub name: &'r str,
}

/// An alert of an earlier commit that no longer holds.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenBack {
    pub(super) corp: Box<str>,
    pub(super) staff: Box<str>,
    pub(super) customer: Box<str>,
    pub(super) at: Timestamp,
    pub(super) level: AlertLevel,
    pub(super) suppressed: bool,
    pub(super) name: Box<str>,
}

/// Describes the table.
pub(super) fn table() -> Table {
    Table {
        name: "alert_digests",
        doc: "the alerts of one employee on one local day, as one commit decided them, less those that it takes back: rows of one day add up",
        columns: vec![
            ColumnDef::new("corp", Kind::Text, "company; empty when the archive does not say"),
            ColumnDef::new("staff", Kind::Text, "employee; empty for alerts that belong to no employee"),
            ColumnDef::new("day", Kind::Text, "local day, YYYY-MM-DD"),
            ColumnDef::new(
                "n_high",
                Kind::Int64,
                "alerts for now; below zero: more were taken back than raised, as in the next columns",
            ),
            ColumnDef::new("n_mid", Kind::Int64, "alerts for today"),
            ColumnDef::new("n_low", Kind::Int64, "alerts for a report"),
            ColumnDef::new("n_suppressed", Kind::Int64, "alerts held back"),
            ColumnDef::new(
                "n_customers",
                Kind::Int64,
                "different customers alerted about, less those of whom more alerts are taken back than raised",
            ),
            ColumnDef::new("first_at", Kind::Time, "first alert, held back, taken back or not"),
            ColumnDef::new("last_at", Kind::Time, "last alert, held back, taken back or not"),
            ColumnDef::new(
                "alerts",
                Kind::Text,
                "raised alerts with their numbers, such as `A×2；B×1`; below zero: more were taken back than raised",
            ),
        ],
        sorted_by: &["corp", "staff", "day"],
        bloom: &[],
        partition: "local day of the alerts",
        history: History::Accumulates,
    }
}

/// Makes the digests of the alerts in `told` less those in `taken_back`, sorted.
pub(super) fn digests<'r>(
    told: impl Iterator<Item = Told<'r>>,
    taken_back: impl Iterator<Item = Told<'r>>,
    zone: &Zone,
) -> Vec<Digest> {
    let mut all: BTreeMap<(&str, &str, Day), Digest> = BTreeMap::new();
    let signed = told.map(|one| (one, 1)).chain(taken_back.map(|one| (one, -1)));
    for (one, n) in signed {
        let day = zone.day(one.at);
        let digest = all.entry((one.corp, one.staff, day)).or_insert_with(|| Digest {
            corp: one.corp.into(),
            staff: one.staff.into(),
            day,
            first_at: one.at,
            last_at: one.at,
            ..Digest::default()
        });
        digest.add(&one, n);
    }
    all.into_values().filter(Digest::says_something).collect()
}

/// Returns what digests count of a row; none when it is no alert of a rule in force.
pub(super) fn told<'r>(row: &'r Row, rules: &'r RuleSet) -> Option<Told<'r>> {
    let Decision::Alert(alert) = &row.decision else { return None };
    let (key, suppressed) = (&row.key, alert.suppressed_by.is_some());
    (!row.shadow && (suppressed || alert.is_raised())).then(|| Told {
        corp: &key.corp,
        staff: &key.staff,
        customer: &key.customer,
        at: row.at,
        level: alert.level,
        suppressed,
        name: alerts::name(row, rules).unwrap_or_default(),
    })
}

impl TakenBack {
    pub(super) fn told(&self) -> Told<'_> {
        let TakenBack { corp, staff, customer, at, level, suppressed, name } = self;
        Told { corp, staff, customer, at: *at, level: *level, suppressed: *suppressed, name }
    }
}

impl Digest {
    /// Counts an alert `n` times: once, or once less.
    fn add(&mut self, told: &Told<'_>, n: i64) {
        self.first_at = self.first_at.min(told.at);
        self.last_at = self.last_at.max(told.at);
        if told.suppressed {
            self.suppressed += n;
            return;
        }
        let level = match told.level {
            AlertLevel::High => 0,
            AlertLevel::Mid => 1,
            AlertLevel::Low => 2,
        };
        self.raised[level] += n;
        if !told.customer.is_empty() {
            *self.customers.entry(told.customer.into()).or_default() += n;
        }
        *self.names.entry(told.name.into()).or_default() += n;
    }

    /// An alert that is replaced by one that counts the same says nothing here.
    fn says_something(&self) -> bool {
        self.suppressed != 0 || self.raised.iter().chain(self.names.values()).any(|n| *n != 0)
    }

    /// Customers that are alerted about now and were not, less those that were and are no longer.
    fn n_customers(&self) -> i64 {
        self.customers.values().map(|n| n.signum()).sum()
    }
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, digest: &Digest) {
    let names = digest.names.iter().filter(|(_, n)| **n != 0);
    let names: Vec<String> = names.map(|(name, n)| format!("{name}×{n}")).collect();
    cells.put(&*digest.corp).put(&*digest.staff).put(digest.day.to_iso().as_str());
    for n in digest.raised {
        cells.put(n);
    }
    cells
        .put(digest.suppressed)
        .put(digest.n_customers())
        .put(digest.first_at)
        .put(digest.last_at)
        .put(names.join("；").as_str());
}
