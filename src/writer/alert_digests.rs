//! The table `alert_digests`: what each employee was alerted to on each day, in one row.
//!
//! Made from the rows of `alerts`; those of experimental rules are left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{AlertLevel, RuleSet};
use crate::time::{Day, Timestamp};
use crate::verdict::{Decision, Row};

use super::alerts;
use super::column::{Cells, int64};
use super::table::{ColumnDef, History, Kind, Table};

/// The alerts of one employee on one local day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Digest {
    corp: Box<str>,
    staff: Box<str>,
    day: Day,
    /// By level, the most urgent first.
    raised: [u64; 3],
    suppressed: u64,
    customers: BTreeSet<Box<str>>,
    first_at: Timestamp,
    last_at: Timestamp,
    /// Raised alerts by name.
    names: BTreeMap<String, u64>,
}

/// Describes the table.
pub(super) fn table() -> Table {
    Table {
        name: "alert_digests",
        doc: "the alerts of one employee on one local day, as one commit decided them: rows of one day add up",
        columns: vec![
            ColumnDef::new("corp", Kind::Text, "company; empty when the archive does not say"),
            ColumnDef::new("staff", Kind::Text, "employee; empty for alerts that belong to no employee"),
            ColumnDef::new("day", Kind::Text, "local day, YYYY-MM-DD"),
            ColumnDef::new("n_high", Kind::Int64, "alerts for now"),
            ColumnDef::new("n_mid", Kind::Int64, "alerts for today"),
            ColumnDef::new("n_low", Kind::Int64, "alerts for a report"),
            ColumnDef::new("n_suppressed", Kind::Int64, "alerts held back"),
            ColumnDef::new("n_customers", Kind::Int64, "different customers alerted about"),
            ColumnDef::new("first_at", Kind::Time, "first alert, held back or not"),
            ColumnDef::new("last_at", Kind::Time, "last alert, held back or not"),
            ColumnDef::new("alerts", Kind::Text, "raised alerts with their numbers, such as `A×2；B×1`"),
        ],
        sorted_by: &["corp", "staff", "day"],
        bloom: &[],
        partition: "local day of the alerts",
        history: History::Accumulates,
    }
}

/// Makes the digests of all alerts among `rows`, sorted.
pub(super) fn digests(rows: &[&Row], rules: &RuleSet) -> Vec<Digest> {
    let mut all: BTreeMap<(&str, &str, Day), Digest> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.shadow) {
        if !matches!(row.decision, Decision::Alert(_)) {
            continue;
        }
        let day = rules.pack.zone.day(row.at);
        let digest = all.entry((&row.key.corp, &row.key.staff, day)).or_insert_with(|| Digest {
            corp: row.key.corp.clone(),
            staff: row.key.staff.clone(),
            day,
            first_at: row.at,
            last_at: row.at,
            ..Digest::default()
        });
        digest.add(row, rules);
    }
    all.into_values().collect()
}

impl Digest {
    fn add(&mut self, row: &Row, rules: &RuleSet) {
        let Decision::Alert(alert) = &row.decision else { return };
        self.first_at = self.first_at.min(row.at);
        self.last_at = self.last_at.max(row.at);
        if alert.suppressed_by.is_some() {
            self.suppressed += 1;
            return;
        }
        let level = match alert.level {
            AlertLevel::High => 0,
            AlertLevel::Mid => 1,
            AlertLevel::Low => 2,
        };
        self.raised[level] += 1;
        if !row.key.customer.is_empty() {
            self.customers.insert(row.key.customer.clone());
        }
        let name = alerts::name(row, rules).unwrap_or_default().to_owned();
        *self.names.entry(name).or_default() += 1;
    }

    /// Returns an instant of the day.
    pub(super) fn at(&self) -> Timestamp {
        self.first_at
    }
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, digest: &Digest) {
    let names: Vec<String> = digest.names.iter().map(|(name, n)| format!("{name}×{n}")).collect();
    cells.put(&*digest.corp).put(&*digest.staff).put(digest.day.to_iso().as_str());
    for n in digest.raised {
        cells.put(int64(n));
    }
    cells
        .put(int64(digest.suppressed))
        .put(int64(digest.customers.len() as u64))
        .put(digest.first_at)
        .put(digest.last_at)
        .put(names.join("；").as_str());
}
