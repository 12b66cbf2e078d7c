//! The table `alerts`: what somebody should look at, and what was held back.

use crate::rules::RuleSet;
use crate::verdict::{Alert, Row};

use super::column::Cells;
use super::common;
use super::table::{ColumnDef, History, Kind, Table};
use super::tables::{Context, Line};
use super::words;

/// Describes the table.
pub(super) fn table() -> Table {
    let mut columns = vec![ColumnDef::new("output_id", Kind::Text, "id of the row, the same in every run")];
    columns.extend(common::key_columns());
    columns.extend([
        ColumnDef::new("at", Kind::Time, "when: the time of the message, or of the deadline"),
        ColumnDef::new(
            "kind",
            Kind::Text,
            "alert; suppressed: held back by the cooldown of an earlier one or of its inhibitor; recalled_evidence: a message that an alert rested on was recalled, the alert stays; corrects: takes an earlier row back",
        ),
        ColumnDef::nullable("alert", Kind::Text, "name of the alert"),
        ColumnDef::new("level", Kind::Text, "low (for a report), mid (for today), high (for now)"),
        ColumnDef::nullable(
            "suppressed_by",
            Kind::Time,
            "time of the alert whose cooldown holds this one back",
        ),
        ColumnDef::nullable("rule_title", Kind::Text, "what the rule looks for, for people"),
    ]);
    columns.extend(common::origin_columns());
    columns.push(common::evidence_column());
    columns.push(ColumnDef::nullable(
        "inhibited_by",
        Kind::Text,
        "id of the other alert that mutes this one while it is in its cooldown",
    ));
    columns.push(common::corrects_column());
    columns.push(ColumnDef::nullable(
        "recalled_from",
        Kind::Time,
        "of a row recalled_evidence: time of the alert that rested on the recalled message",
    ));
    Table {
        name: "alerts",
        doc: "one alert, what would have been one, or a note about one",
        columns,
        sorted_by: &["corp", "customer", "at"],
        bloom: &[],
        partition: "local day of `at`",
        history: History::Accumulates,
    }
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, line: &Line<'_, Alert>, context: &Context) {
    let Line { row, decision: alert, .. } = line;
    cells.put(&*line.id);
    common::put_key(cells, &row.key);
    cells
        .put(row.at)
        .put(line.kind(words::alert_kind(alert)))
        .put(name(row, context.rules))
        .put(words::alert_level(alert.level))
        .put(alert.suppressed_by)
        .put(row.rule.map(|rule| common::rule_of(context.rules, rule).title.as_str()));
    common::put_origin(cells, row.rule, row.shadow, context.rules);
    common::put_evidence(cells, &row.evidence, context);
    cells.put(alert.inhibited_by.map(|by| context.rules.alerts[usize::from(by.0)].as_str()));
    cells.put(line.corrects).put(alert.recalled_from);
}

/// Returns the name of the alert of a row.
pub(super) fn name<'r>(row: &Row, rules: &'r RuleSet) -> Option<&'r str> {
    let alert = common::rule_of(rules, row.rule?).alert.as_ref()?;
    Some(&alert.name)
}
