//! Columns that several tables share, with what fills them.

use crate::message::Key;
use crate::rules::{Rule, RuleIdx, RuleSet};
use crate::verdict::{Evidence, Mark};

use super::column::{Cells, int32};
use super::mask::mask;
use super::table::{ColumnDef, Kind};
use super::tables::{Context, TermName};
use super::words;

/// Columns that say whose row it is.
pub(super) fn key_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::new("corp", Kind::Text, "company id; empty when the archive does not say"),
        ColumnDef::new(
            "key_kind",
            Kind::Text,
            "whose history the rule looks at: customer, relation, room, room_member, staff",
        ),
        ColumnDef::nullable("customer", Kind::Text, "customer, or the group member for room_member"),
        ColumnDef::nullable("staff", Kind::Text, "employee, for relation and staff"),
        ColumnDef::nullable("room", Kind::Text, "group, for room and room_member"),
    ]
}

pub(super) fn put_key(cells: &mut Cells, key: &Key) {
    cells
        .put(&*key.corp)
        .put(words::key_kind(key.kind))
        .put_nonempty(&key.customer)
        .put_nonempty(&key.staff)
        .put_nonempty(&key.room);
}

/// Columns that say which rule and which versions decided.
pub(super) fn origin_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::nullable(
            "rule_id",
            Kind::Text,
            "rule that led to the row; null when none did (a tag ran out)",
        ),
        ColumnDef::nullable("rule_version", Kind::Int32, "version of that rule"),
        ColumnDef::nullable("rule_fp", Kind::Text, "fingerprint of that rule with all it depends on"),
        ColumnDef::nullable("lexicon_fp", Kind::Text, "fingerprint of the term lists the rule uses"),
        ColumnDef::new("pack", Kind::Text, "name of the rule pack"),
        ColumnDef::new("pack_version", Kind::Text, "version of the rule pack"),
        ColumnDef::new("engine_version", Kind::Text, "version of chattag"),
        ColumnDef::new(
            "shadow",
            Kind::Bool,
            "true: from an experimental rule, written for comparison, without effect",
        ),
    ]
}

pub(super) fn put_origin(cells: &mut Cells, rule: Option<RuleIdx>, shadow: bool, rules: &RuleSet) {
    let rule = rule.map(|rule| rule_of(rules, rule));
    cells
        .put(rule.map(|rule| rule.id.as_str()))
        .put(rule.map(|rule| int32(rule.version)))
        .put(rule.map(|rule| rule.fingerprint.to_hex()).as_deref())
        .put(rule.map(|rule| rule.lexicon_fingerprint.to_hex()).as_deref())
        .put(rules.pack.name.as_str())
        .put(rules.pack.version.as_str())
        .put(ENGINE_VERSION)
        .put(shadow);
}

/// The column that says what caused the row.
pub(super) fn evidence_column() -> ColumnDef {
    let fields = vec![
        ColumnDef::new("msgid", Kind::Text, "message id"),
        ColumnDef::new("at", Kind::Time, "when the message was sent"),
        ColumnDef::nullable("term_id", Kind::Text, "code of the term; null when the message itself counts"),
        ColumnDef::nullable("term", Kind::Text, "the term as written in the lexicon"),
        ColumnDef::nullable("lexicon", Kind::Text, "lexicon of the term"),
        ColumnDef::nullable("category", Kind::Text, "category of the term, levels joined by /"),
        ColumnDef::nullable("part", Kind::Int32, "index of the message part, from 0"),
        ColumnDef::nullable("start", Kind::Int32, "first character in the stored text of the part, from 0"),
        ColumnDef::nullable("end", Kind::Int32, "one past the last character"),
        ColumnDef::nullable(
            "layer",
            Kind::Text,
            "how far the text was folded: exact, folded, skipped, collapsed, digits, variant",
        ),
        ColumnDef::nullable("polarity", Kind::Text, "asserted, negated, questioned, hypothetical, reported"),
        ColumnDef::new("weight", Kind::Float64, "what it adds to the mass"),
        ColumnDef::nullable("text", Kind::Text, "the characters as sent, masked; null with --no-text"),
    ];
    ColumnDef::new(
        "evidence",
        Kind::Rows(fields),
        "what caused the row, in event order, the newest 32 pieces",
    )
}

pub(super) fn put_evidence(cells: &mut Cells, evidence: &[Evidence], context: &Context) {
    cells.put_rows(evidence, |piece, cells| {
        let mark = piece.mark.as_ref();
        let name = mark.map(|mark| context.names.term(mark.term));
        cells.put(&*piece.message_id).put(piece.at);
        put_term(cells, name.as_ref());
        put_place(cells, mark);
        cells.put(piece.weight).put(shown_text(mark, name.as_ref(), context).as_deref());
    });
}

fn put_term(cells: &mut Cells, name: Option<&TermName>) {
    cells.put(name.map(|name| name.code)).put(name.map(|name| name.text)).put(name.map(|name| name.lexicon));
    match name {
        Some(name) => cells.put_path(name.category),
        None => cells.put(None::<&str>),
    };
}

fn put_place(cells: &mut Cells, mark: Option<&Mark>) {
    cells
        .put(mark.map(|mark| i32::from(mark.part)))
        .put(mark.map(|mark| int32(mark.start)))
        .put(mark.map(|mark| int32(mark.end)))
        .put(mark.map(|mark| words::layer(mark.layer)))
        .put(mark.map(|mark| words::polarity(mark.polarity)));
}

/// Returns the marked characters as the options allow them to be shown.
fn shown_text(mark: Option<&Mark>, name: Option<&TermName>, context: &Context) -> Option<String> {
    if context.options.no_text {
        return None;
    }
    let text = mark?.surface.as_deref().or(name.map(|name| name.text))?;
    Some(context.options.shown(text).into_owned())
}

impl super::TableOptions {
    /// Returns `text` masked, unless masking is off.
    pub(super) fn shown<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        if self.unmasked { text.into() } else { mask(text) }
    }
}

/// The column that names the row which a row takes back.
pub(super) fn corrects_column() -> ColumnDef {
    ColumnDef::nullable(
        "corrects",
        Kind::Text,
        "`output_id` of a row of an earlier commit that no longer holds, which this row repeats and takes back; \
         null: the row says something itself",
    )
}

pub(super) fn rule_of(rules: &RuleSet, rule: RuleIdx) -> &Rule {
    &rules.rules[usize::from(rule.0)]
}

/// Version of this program, written into every row that it decides.
pub(super) const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");
