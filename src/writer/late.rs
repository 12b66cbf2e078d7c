//! The table `late`: what came too late to act.

use crate::message::KeyKind;
use crate::time::Timestamp;

use super::column::Cells;
use super::table::{ColumnDef, History, Kind, Table};
use super::words;

/// An event that is older than the journal of its history.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LateEvent {
    /// The company.
    pub corp: Box<str>,
    /// Which history it would have been part of.
    pub kind: KeyKind,
    /// The customer, or the group member; may be empty.
    pub customer: Box<str>,
    /// The employee; may be empty.
    pub staff: Box<str>,
    /// The group; may be empty.
    pub room: Box<str>,
    /// Its id.
    pub id: Box<str>,
    /// When it happened.
    pub at: Timestamp,
    /// Events of the history from here on still act.
    pub settled: Timestamp,
}

/// Describes the table.
pub(super) fn table() -> Table {
    Table {
        name: "late",
        doc: "one event that came too late to act in one history; `chattag replay` takes it in",
        columns: vec![
            ColumnDef::new("corp", Kind::Text, "company id; empty when the archive does not say"),
            ColumnDef::new("key_kind", Kind::Text, "whose history: customer, room, staff"),
            ColumnDef::nullable("customer", Kind::Text, "customer, or the member in a group's history"),
            ColumnDef::nullable("staff", Kind::Text, "employee"),
            ColumnDef::nullable("room", Kind::Text, "group"),
            ColumnDef::new("msgid", Kind::Text, "id of the message or business event"),
            ColumnDef::new("at", Kind::Time, "when it happened"),
            ColumnDef::new(
                "reason",
                Kind::Text,
                "before_journal: older than what the state can still correct",
            ),
            ColumnDef::new("settled", Kind::Time, "events of this history from here on still act"),
            ColumnDef::new("as_of", Kind::Time, "end of the time the run looked at"),
        ],
        sorted_by: &["corp", "customer", "at"],
        bloom: &["msgid"],
        partition: "last local day before the run's `as_of`",
        history: History::Accumulates,
    }
}

/// The order of rows in a file.
pub(super) fn order(a: &LateEvent, b: &LateEvent) -> std::cmp::Ordering {
    let place = |row: &LateEvent| (row.corp.clone(), row.customer.clone(), row.at);
    place(a).cmp(&place(b)).then_with(|| a.cmp(b))
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, row: &LateEvent, as_of: Timestamp) {
    cells.put(&*row.corp).put(words::key_kind(row.kind));
    cells.put_nonempty(&row.customer).put_nonempty(&row.staff).put_nonempty(&row.room);
    cells.put(&*row.id).put(row.at).put("before_journal").put(row.settled).put(as_of);
}
