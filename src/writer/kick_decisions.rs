//! The table `kick_decisions`: what is to be done about a message in a group.

use std::collections::BTreeSet;

use crate::rules::{Exemption, RuleSet};
use crate::verdict::{Evidence, KickDecision, Mark};

use super::column::{Cells, int32};
use super::common;
use super::table::{ColumnDef, History, Kind, Table};
use super::tables::{Context, Line};
use super::words;

/// Describes the table.
pub(super) fn table() -> Table {
    let mut columns = vec![ColumnDef::new("output_id", Kind::Text, "id of the row, the same in every run")];
    columns.extend(common::key_columns());
    columns.extend([
        ColumnDef::new("at", Kind::Time, "when the message was sent"),
        ColumnDef::new("msgid", Kind::Text, "the message"),
        ColumnDef::new(
            "action",
            Kind::Text,
            "kick_block (remove and bar), kick (remove), warn, review, none (see reason)",
        ),
        ColumnDef::nullable(
            "reason",
            Kind::Text,
            "why nothing is done: exempt, held (an earlier kick stands)",
        ),
        ColumnDef::nullable("exemption_id", Kind::Text, "the exemption that protects the member"),
        ColumnDef::nullable("exemption_reason", Kind::Text, "why that exemption exists"),
        ColumnDef::nullable("held_by", Kind::Time, "time of the kick after which further decisions are held"),
        ColumnDef::nullable(
            "model_score",
            Kind::Float64,
            "what the model for advertising says, 0 to 1; asked where only other spellings were found, and below its \
             threshold such a hit is reviewed, not kicked",
        ),
        rules_column(),
        ColumnDef::new("terms", Kind::Texts, "the different terms of the evidence, sorted"),
        ColumnDef::nullable("layer", Kind::Text, "the deepest folding that any piece of evidence needed"),
    ]);
    columns.extend(common::origin_columns());
    columns.push(common::evidence_column());
    columns.push(common::corrects_column());
    Table {
        name: "kick_decisions",
        doc: "the decision about one message of one group member",
        columns,
        sorted_by: &["corp", "customer", "at"],
        bloom: &[],
        partition: "local day of `at`",
        history: History::Accumulates,
    }
}

fn rules_column() -> ColumnDef {
    let fields = vec![
        ColumnDef::new("rule_id", Kind::Text, "rule id"),
        ColumnDef::new("rule_version", Kind::Int32, "rule version"),
        ColumnDef::new("rule_fp", Kind::Text, "rule fingerprint"),
        ColumnDef::nullable("action", Kind::Text, "what this rule asks for"),
    ];
    ColumnDef::new("rules", Kind::Rows(fields), "all rules that asked for something, in id order")
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, line: &Line<'_, KickDecision>, context: &Context) {
    let Line { row, decision: kick, .. } = line;
    let exemption = exemption_of(kick, context.rules);
    cells.put(&*line.id);
    common::put_key(cells, &row.key);
    cells.put(row.at).put(&*kick.message_id).put(words::kick_action(kick.action)).put(reason(kick));
    cells
        .put(exemption.map(|it| it.id.as_str()))
        .put(exemption.map(|it| it.reason.as_str()))
        .put(kick.held_by)
        .put(kick.model_score.map(f64::from));
    put_rules(cells, kick, context.rules);
    cells.put_texts(terms(&row.evidence, context));
    cells.put(marks(&row.evidence).map(|mark| mark.layer).max().map(words::layer));
    common::put_origin(cells, row.rule, row.shadow, context.rules);
    common::put_evidence(cells, &row.evidence, context);
    cells.put(line.corrects);
}

fn put_rules(cells: &mut Cells, kick: &KickDecision, rules: &RuleSet) {
    cells.put_rows(&kick.rules, |rule, cells| {
        let rule = common::rule_of(rules, *rule);
        cells
            .put(rule.id.as_str())
            .put(int32(rule.version))
            .put(rule.fingerprint.to_hex().as_str())
            .put(rule.kick.map(|action| words::kick_action(Some(action))));
    });
}

fn exemption_of<'r>(kick: &KickDecision, rules: &'r RuleSet) -> Option<&'r Exemption> {
    rules.exemptions.get(usize::from(kick.exemption?))
}

fn reason(kick: &KickDecision) -> Option<&'static str> {
    match (kick.exemption, kick.held_by) {
        (Some(_), _) => Some("exempt"),
        (None, Some(_)) => Some("held"),
        (None, None) => None,
    }
}

fn terms<'c>(evidence: &[Evidence], context: &'c Context) -> BTreeSet<&'c str> {
    marks(evidence).map(|mark| context.names.term(mark.term).text).collect()
}

fn marks(evidence: &[Evidence]) -> impl Iterator<Item = &Mark> {
    evidence.iter().filter_map(|piece| piece.mark.as_ref())
}
