//! Describes a table: its columns with their meaning, its sort order, its layout.
//!
//! Arrow schema, column descriptions in the Parquet files and the page
//! `docs/output-schema.md` are all made from this one description.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// A table of the output directory.
#[derive(Clone, Debug)]
pub struct Table {
    /// Directory and table name.
    pub name: &'static str,
    /// What one row is.
    pub doc: &'static str,
    /// The columns, in order. A later version only adds nullable ones at the end.
    pub columns: Vec<ColumnDef>,
    /// Columns the rows of a file are sorted by, ascending, nulls first.
    pub sorted_by: &'static [&'static str],
    /// Columns with a Bloom filter.
    pub bloom: &'static [&'static str],
    /// What the day of the partition directory is.
    pub partition: &'static str,
    /// How the files of several commits make up one view.
    pub history: History,
}

/// How the files of several commits make up one view.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum History {
    /// Each commit adds rows; a view holds the files of all commits.
    Accumulates,
    /// Each commit writes the whole table; a view holds the newest commit's files.
    Replaced,
}

/// A column with its meaning.
#[derive(Clone, Debug)]
pub struct ColumnDef {
    /// Column name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means, with its unit.
    pub doc: &'static str,
}

/// The types a column may have: those that every reader takes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Double.
    Float64,
    /// True or false.
    Bool,
    /// Instant, microseconds since 1970 in UTC.
    Time,
    /// List of texts, never null, may be empty.
    Texts,
    /// List of structures, never null, may be empty.
    Rows(Vec<ColumnDef>),
}

impl ColumnDef {
    /// A column that always has a value.
    pub fn new(name: &'static str, kind: Kind, doc: &'static str) -> ColumnDef {
        ColumnDef { name, kind, nullable: false, doc }
    }

    /// A column that may be null.
    pub fn nullable(name: &'static str, kind: Kind, doc: &'static str) -> ColumnDef {
        ColumnDef { name, kind, nullable: true, doc }
    }

    /// Returns the Arrow field, with the meaning as `description`.
    pub fn field(&self) -> Field {
        let description = HashMap::from([("description".to_owned(), self.doc.to_owned())]);
        Field::new(self.name, self.kind.data_type(), self.nullable).with_metadata(description)
    }
}

impl Kind {
    /// Returns the Arrow type.
    pub fn data_type(&self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int32 => DataType::Int32,
            Kind::Int64 => DataType::Int64,
            Kind::Float64 => DataType::Float64,
            Kind::Bool => DataType::Boolean,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Kind::Texts => DataType::List(Arc::new(Field::new(ITEM, DataType::Utf8, false))),
            Kind::Rows(fields) => {
                DataType::List(Arc::new(Field::new(ITEM, DataType::Struct(fields_of(fields)), false)))
            }
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Float64 => "float64",
            Kind::Bool => "boolean",
            Kind::Time => "timestamp(µs, UTC)",
            Kind::Texts => "list of text",
            Kind::Rows(_) => "list of struct",
        }
    }
}

impl Table {
    /// Returns the Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(fields_of(&self.columns)))
    }

    /// Returns the position of a column.
    ///
    /// # Panics
    ///
    /// Panics when the table has no such column.
    pub fn position(&self, column: &str) -> usize {
        self.columns.iter().position(|def| def.name == column).expect("the table names its own columns")
    }
}

/// Returns the Arrow fields of `columns`.
pub(super) fn fields_of(columns: &[ColumnDef]) -> Fields {
    columns.iter().map(ColumnDef::field).collect()
}

/// Writes the page `docs/output-schema.md` for `tables`.
pub fn schema_markdown(tables: &[Table]) -> String {
    let mut page = String::from(INTRODUCTION);
    for table in tables {
        write_table(&mut page, table);
    }
    page
}

/// Writes the descriptions of `tables` as JSON: a list of tables with their columns.
pub fn schema_json(tables: &[Table]) -> String {
    let table = |table: &Table| {
        json!({"table": table.name, "one_row_is": table.doc, "partition": table.partition,
               "sorted_by": table.sorted_by, "columns": columns_json(&table.columns)})
    };
    tables.iter().map(table).collect::<Value>().to_string()
}

fn columns_json(columns: &[ColumnDef]) -> Value {
    let column = |column: &ColumnDef| {
        let fields = match &column.kind {
            Kind::Rows(fields) => columns_json(fields),
            _ => Value::Null,
        };
        json!({"name": column.name, "type": column.kind.title(), "nullable": column.nullable,
               "meaning": column.doc, "fields": fields})
    };
    columns.iter().map(column).collect()
}

fn write_table(page: &mut String, table: &Table) {
    let history = match table.history {
        History::Accumulates => "each commit adds rows",
        History::Replaced => "each commit replaces the whole table",
    };
    let order =
        if table.sorted_by.is_empty() { "input order".to_owned() } else { table.sorted_by.join(", ") };
    let _ = writeln!(page, "\n## `{}`\n\nOne row is {}.", table.name, table.doc);
    let _ = writeln!(page, "Partition `dt`: {}. Sorted by: {order}. History: {history}.\n", table.partition);
    page.push_str("| column | type | null | meaning |\n|---|---|---|---|\n");
    write_columns(page, "", &table.columns);
}

fn write_columns(page: &mut String, prefix: &str, columns: &[ColumnDef]) {
    for column in columns {
        let null = if column.nullable { "yes" } else { "" };
        let (name, kind, doc) = (column.name, column.kind.title(), column.doc);
        let _ = writeln!(page, "| `{prefix}{name}` | {kind} | {null} | {doc} |");
        if let Kind::Rows(fields) = &column.kind {
            write_columns(page, &format!("{prefix}{name}[]."), fields);
        }
    }
}

const UTC: &str = "UTC";

/// Name of list items; what Parquet's own convention and pyarrow call it.
pub(super) const ITEM: &str = "element";

const INTRODUCTION: &str = "\
<!-- Made from the table descriptions in src/writer; `UPDATE_DOCS=1 cargo test --test writer` rewrites it. -->
# Output tables

Parquet, zstd, one directory per table, Hive partitions `dt=YYYY-MM-DD`. Read `OUT/current/<table>/**/*.parquet`
with Hive partitioning on; `dt` is then one more column (it is not stored inside the files).
`OUT/current` always shows exactly one commit of all tables. `at`, `start` and `end` are reserved words in some SQL
dialects (DuckDB among them): put them in double quotes.

Times are instants in UTC; `dt` is a local day in the pack's time zone. A schema only ever grows by nullable
columns at the end. Every column carries its meaning as `description` in the Parquet (Arrow) metadata.
A late message can show that an earlier row is wrong. The row stays; one more row repeats it with `corrects` set to its
`output_id` (and `kind` = `corrects`) and takes it back, and the right row follows. What holds is
`WHERE corrects IS NULL AND output_id NOT IN (SELECT corrects FROM … WHERE corrects IS NOT NULL)`.
Text quoted from messages stands only in `evidence[].text` and in `quarantine.raw`: both are null with `--no-text`,
and phone, e-mail, identity-card and bank-card numbers in them are masked unless asked otherwise.
";
