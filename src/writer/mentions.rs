//! The optional table `mentions`: every hit in every message.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::mention::Mention;
use crate::model::Label;
use crate::time::Timestamp;

use super::column::{Cells, int32};
use super::table::{ColumnDef, History, Kind, Table};
use super::tables::Context;
use super::words;

/// One hit in one message.
#[derive(Clone, Debug, PartialEq)]
pub struct MentionRow {
    /// The message; shared by its hits.
    pub message: Arc<MentionedIn>,
    /// The hit.
    pub mention: Mention,
    /// The term's weight.
    pub weight: f64,
    /// What the models say of the sender's own words, in order of [`Label::ALL`]; `None` without a model or words.
    pub scores: [Option<f32>; 3],
}

/// What is kept of a message with hits.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct MentionedIn {
    /// The company.
    pub corp: Box<str>,
    /// The customer; empty when there is none.
    pub customer: Box<str>,
    /// When it was sent.
    pub at: Timestamp,
    /// The message id.
    pub message_id: Box<str>,
    /// The employee; empty when there is none.
    pub staff: Box<str>,
    /// The group; empty outside groups.
    pub room: Box<str>,
    /// Who sent it.
    pub speaker: Box<str>,
}

/// Describes the table.
pub(super) fn table() -> Table {
    Table {
        name: "mentions",
        doc: "one hit in one message (only with `--mentions`)",
        columns: columns(),
        sorted_by: &["corp", "customer", "at"],
        bloom: &["customer", "msgid"],
        partition: "local day of `at`",
        history: History::Accumulates,
    }
}

fn columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::new("corp", Kind::Text, "company id; empty when the archive does not say"),
        ColumnDef::nullable("customer", Kind::Text, "customer"),
        ColumnDef::nullable("staff", Kind::Text, "employee"),
        ColumnDef::nullable("room", Kind::Text, "group"),
        ColumnDef::new("speaker", Kind::Text, "who sent the message"),
        ColumnDef::new("at", Kind::Time, "when the message was sent"),
        ColumnDef::new("msgid", Kind::Text, "message id"),
        ColumnDef::new("term_id", Kind::Text, "code of the term"),
        ColumnDef::new("term", Kind::Text, "the term as written in the lexicon"),
        ColumnDef::new("lexicon", Kind::Text, "lexicon of the term"),
        ColumnDef::new("category", Kind::Text, "category of the term, levels joined by /"),
        ColumnDef::new("part", Kind::Int32, "index of the message part, from 0"),
        ColumnDef::new("scope", Kind::Text, "whose words: own, shared, machine, quoted"),
        ColumnDef::new("start", Kind::Int32, "first character in the stored text of the part, from 0"),
        ColumnDef::new("end", Kind::Int32, "one past the last character"),
        ColumnDef::new("byte_start", Kind::Int32, "first byte in the text of the part"),
        ColumnDef::new("byte_end", Kind::Int32, "one past the last byte"),
        ColumnDef::new(
            "layer",
            Kind::Text,
            "how far the text was folded: exact, folded, skipped, collapsed, digits, variant",
        ),
        ColumnDef::new("polarity", Kind::Text, "asserted, negated, questioned, hypothetical, reported"),
        ColumnDef::new("flipped", Kind::Bool, "true: negation turned it round, it counts as the opposite"),
        ColumnDef::new("weight", Kind::Float64, "weight of the term"),
        ColumnDef::nullable("score_complaint", Kind::Float64, SCORE_DOC[Label::Complaint as usize]),
        ColumnDef::nullable("score_price_interest", Kind::Float64, SCORE_DOC[Label::PriceInterest as usize]),
        ColumnDef::nullable("score_ad", Kind::Float64, SCORE_DOC[Label::Ad as usize]),
    ]
}

/// The full order of rows.
pub(super) fn order(a: &MentionRow, b: &MentionRow) -> Ordering {
    let place = |row: &MentionRow| {
        (row.mention.part, row.mention.bytes.start, row.mention.bytes.end, row.mention.term)
    };
    a.message.cmp(&b.message).then_with(|| place(a).cmp(&place(b)))
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, row: &MentionRow, context: &Context) {
    let (message, mention) = (&row.message, &row.mention);
    let name = context.names.term(mention.term);
    cells.put(&*message.corp).put_nonempty(&message.customer).put_nonempty(&message.staff);
    cells.put_nonempty(&message.room).put(&*message.speaker).put(message.at).put(&*message.message_id);
    cells.put(name.code).put(name.text).put(name.lexicon).put_path(name.category);
    cells.put(i32::from(mention.part)).put(words::scope(mention.scope));
    cells.put(int32(mention.chars.start)).put(int32(mention.chars.end));
    cells.put(int32(mention.bytes.start)).put(int32(mention.bytes.end));
    cells.put(words::layer(mention.layer)).put(words::polarity(mention.polarity));
    cells.put(mention.flipped).put(row.weight);
    for score in row.scores {
        cells.put(score.map(f64::from));
    }
}

/// What the columns of scores mean, in order of [`Label::ALL`].
const SCORE_DOC: [&str; 3] = [
    "how likely the message is a complaint, by the model, 0 to 1; null without words of the sender's own",
    "how likely the message asks or haggles about a price, by the model, 0 to 1; null likewise",
    "how likely the message advertises, by the model, 0 to 1; null likewise",
];
