//! The table `tag_events`: every change of every tag, the ledger.

use crate::rules::{RuleSet, Tag, TagIdx};
use crate::verdict::{Reason, Standing, TagChange};

use super::column::{Cells, int32, int64};
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
            "ordinal",
            Kind::Int32,
            "order among the changes of the same key at the same instant, from 0; those of experimental rules are counted apart",
        ),
        ColumnDef::new(
            "kind",
            Kind::Text,
            "assign, refresh (more evidence), level (more evidence, another level), remove, blocked (its group does not allow it), reviewed (looked at again, it stays), recalled_evidence (a message that its evidence quotes was recalled, it stays), corrects (takes an earlier row back)",
        ),
        ColumnDef::nullable(
            "reason",
            Kind::Text,
            "why it comes, goes or is blocked: expired, cleared, rule, superseded, outranked, below (its share fell), passed (its window closed), part (of a combination went), review, retired (no rule gives it any more), unranked, manual, transferred, inherited",
        ),
        ColumnDef::nullable("reason_tag_id", Kind::Text, "the tag that superseded or outranked this one"),
    ]);
    columns.extend(tag_columns());
    columns.push(ColumnDef::new("since", Kind::Time, "when the tag was assigned"));
    columns.extend(standing_columns());
    columns.extend(common::origin_columns());
    columns.push(common::evidence_column());
    columns.push(source_column());
    columns.push(common::corrects_column());
    Table {
        name: "tag_events",
        doc: "one change of one tag of one key",
        columns,
        sorted_by: &["corp", "customer", "at"],
        bloom: &[],
        partition: "local day of `at`",
        history: History::Accumulates,
    }
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, line: &Line<'_, TagChange>, context: &Context) {
    let (rules, Line { row, decision: change, .. }) = (context.rules, line);
    cells.put(&*line.id);
    common::put_key(cells, &row.key);
    cells.put(row.at).put(int32(row.ordinal)).put(line.kind(words::change_kind(change.kind)));
    put_reason(cells, change.reason, rules);
    put_tag(cells, tag_of(rules, change.tag));
    cells.put(change.standing.since);
    put_standing(cells, &change.standing, tag_of(rules, change.tag));
    common::put_origin(cells, row.rule, row.shadow, rules);
    common::put_evidence(cells, &row.evidence, context);
    put_source(cells, &change.standing);
    cells.put(line.corrects);
}

/// The column that says who a tag comes from.
pub(super) fn source_column() -> ColumnDef {
    ColumnDef::nullable("source", Kind::Text, "rule, or manual: a person assigned it")
}

pub(super) fn put_source(cells: &mut Cells, standing: &Standing) {
    cells.put(if standing.manual { "manual" } else { "rule" });
}

fn put_reason(cells: &mut Cells, reason: Option<Reason>, rules: &RuleSet) {
    let (word, other) = reason.map(words::reason).unzip();
    cells.put(word).put(other.flatten().map(|tag| tag_of(rules, tag).id.as_str()));
}

/// Columns that name a tag.
pub(super) fn tag_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::new("tag_id", Kind::Text, "stable id of the tag"),
        ColumnDef::new("tag_path", Kind::Text, "levels of the tag joined by /"),
        ColumnDef::new("tag_name", Kind::Text, "name of the tag: the last level of its path"),
    ]
}

pub(super) fn put_tag(cells: &mut Cells, tag: &Tag) {
    cells.put(tag.id.as_str()).put_path(&tag.path).put(tag.path.last().map_or("", String::as_str));
}

/// Columns that say how a tag stands.
pub(super) fn standing_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::nullable(
            "expires_at",
            Kind::Time,
            "first instant at which it no longer holds; null: it stays",
        ),
        ColumnDef::new("score", Kind::Float64, "evidence score at `last_at`, 0 to 1, six decimals"),
        ColumnDef::new("score_kind", Kind::Text, "evidence: computed from masses, not a probability"),
        ColumnDef::nullable(
            "level",
            Kind::Text,
            "name of the score level; null when the tag has none or none is reached",
        ),
        ColumnDef::new("mass", Kind::Float64, "decayed sum of weights at `last_at`"),
        ColumnDef::new("n_hits", Kind::Int64, "hits so far"),
        ColumnDef::new("first_at", Kind::Time, "first evidence"),
        ColumnDef::new("last_at", Kind::Time, "last evidence"),
    ]
}

pub(super) fn put_standing(cells: &mut Cells, standing: &Standing, tag: &Tag) {
    let level = standing.level.and_then(|level| tag.levels.get(usize::from(level)));
    cells
        .put(standing.expires_at)
        .put(standing.score)
        .put(SCORE_KIND)
        .put(level.map(|(name, _)| name.as_str()))
        .put(standing.mass)
        .put(int64(standing.n_hits))
        .put(standing.first_at)
        .put(standing.last_at);
}

pub(super) fn tag_of(rules: &RuleSet, tag: TagIdx) -> &Tag {
    &rules.tags[usize::from(tag.0)]
}

/// Scores are sums of evidence; a calibrated one would be a probability and say so here.
const SCORE_KIND: &str = "evidence";
