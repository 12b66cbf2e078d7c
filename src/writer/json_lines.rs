//! Writes decided rows as JSON lines: the columns of their tables, the moment they are decided.
//!
//! A line is `{"table": …}` and the columns of that table that are not null, by name. Instants are
//! written as RFC 3339 in UTC with milliseconds.

use serde_json::{Map, Value};

use crate::time::Timestamp;
use crate::verdict::{Decision, Row};

use super::column::{Cells, write_object};
use super::json_object::Object;
use super::output_id::OutputIds;
use super::table::Table;
use super::tables::{Context, Line};
use super::{alerts, kick_decisions, tag_events};

/// Makes lines of rows, with the ids they have in the tables.
pub struct JsonLines {
    ids: OutputIds,
    tags: Table,
    alerts: Table,
    kicks: Table,
}

impl Default for JsonLines {
    fn default() -> JsonLines {
        JsonLines {
            ids: OutputIds::default(),
            tags: tag_events::table(),
            alerts: alerts::table(),
            kicks: kick_decisions::table(),
        }
    }
}

impl JsonLines {
    /// Appends the lines of `rows` to `out`. The rows of one key come in the order they were decided.
    pub fn write(&mut self, rows: &[Row], context: &Context<'_>, out: &mut Vec<u8>) {
        for row in rows {
            let id = self.ids.next(row, context.rules).into();
            match &row.decision {
                Decision::Tag(decision) => {
                    let line = Line { row, id, decision, corrects: None };
                    self.tags.write(|cells| tag_events::fill(cells, &line, context), out);
                }
                Decision::Alert(decision) => {
                    let line = Line { row, id, decision, corrects: None };
                    self.alerts.write(|cells| alerts::fill(cells, &line, context), out);
                }
                Decision::Kick(decision) => {
                    let line = Line { row, id, decision, corrects: None };
                    self.kicks.write(|cells| kick_decisions::fill(cells, &line, context), out);
                }
            }
        }
    }

    /// Forgets the instants before `watermark`, of which no more rows come.
    pub fn forget_before(&mut self, watermark: Timestamp) {
        self.ids.forget_before(watermark);
    }
}

/// Appends one line of `table` to `out`.
pub fn write_line(table: &str, columns: Map<String, Value>, out: &mut Vec<u8>) {
    let mut line = Map::with_capacity(columns.len() + 1);
    line.insert("table".to_owned(), table.into());
    line.extend(columns);
    serde_json::to_writer(&mut *out, &line).expect("a vector takes every byte");
    out.push(b'\n');
}

/// Writes an instant as RFC 3339 in UTC.
pub fn instant(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl Table {
    /// Appends the line of one row to `out`.
    fn write(&self, fill: impl FnOnce(&mut Cells<'_>), out: &mut Vec<u8>) {
        let mut object = Object::begin(&self.columns, out);
        object.member("table", &self.name);
        write_object(object, fill);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_milliseconds_and_ends_in_z() {
        assert_eq!(instant(Timestamp(1_772_416_800_007)), "2026-03-02T02:00:00.007Z");
        assert_eq!(instant(Timestamp(-1)), "1969-12-31T23:59:59.999Z");
    }
}
