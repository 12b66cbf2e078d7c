//! Views for roles: a policy says which rows and columns of the tables a role may see, and the
//! tables written for it hold nothing else.
//!
//! What the policy does not name is left out: a table, a column that is added later, a tag of a
//! new group. Rows without an employee are left out when the role sees departments only.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Place};
use crate::error::Error;
use crate::lexicon;
use crate::telling;
use crate::writer;

use super::tables::{self, Rows, TableError};

/// Who may see what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// By role.
    pub role: BTreeMap<String, RolePolicy>,
}

/// What one role may see. Everything not named is left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolePolicy {
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Columns by table; a table that is not named is not written.
    pub tables: BTreeMap<String, Vec<String>>,
    /// Beginnings of tag paths, by whole levels; `*` is all.
    #[serde(default)]
    pub tag_groups: Vec<String>,
    /// Departments whose employees' rows it sees; `*` is all, and rows without an employee.
    #[serde(default)]
    pub departments: Vec<String>,
    /// Employees whose rows it sees besides.
    #[serde(default)]
    pub staff: Vec<String>,
}

/// What was written for a role.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RoleView {
    /// The role.
    pub role: String,
    /// By table: the file, its rows, the rows left out.
    pub tables: Vec<ViewTable>,
    /// Tag groups of the policy that no tag in these tables belongs to: nobody has one, or it is misspelt.
    pub unmatched_tag_groups: Vec<String>,
}

/// One table of a view.
#[derive(Clone, Debug, Serialize)]
pub struct ViewTable {
    /// The table.
    pub table: String,
    /// The file.
    pub file: PathBuf,
    /// Rows written.
    pub rows: u64,
    /// Rows left out.
    pub left_out: u64,
    /// Columns written.
    pub columns: Vec<String>,
}

/// Reads a policy file; reports what cannot be used (`E001`).
pub fn read_policy(name: &str, bytes: &[u8]) -> Result<Policy, Box<Diagnostic>> {
    let text = lexicon::decode(bytes).0;
    toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let head = text.get(..at).unwrap_or_default();
        let line = head.matches('\n').count() as u32 + 1;
        let column = head.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u32 + 1;
        let said = error.message().trim().to_owned();
        let finding = Diagnostic::new(
            "E001",
            Place::new(name, line, column),
            format!("岗位政策读不懂：{}", telling::of_toml(&said)),
            format!("the policy cannot be read: {said}"),
        );
        Box::new(finding.with_help(
            "用 chattag new roles 生成一份带说明的模板",
            "`chattag new roles` makes a commented template",
        ))
    })
}

/// Reads which department each employee is in: CSV with 成员/userid and 部门/department.
pub fn read_departments(bytes: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let text = lexicon::decode(bytes).0;
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let column = |names: [&str; 2]| header.iter().position(|title| names.contains(&title));
    let (Some(staff), Some(department)) = (column(["成员", "userid"]), column(["部门", "department"]))
    else {
        return BTreeMap::new();
    };
    let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in reader.records().filter_map(Result::ok) {
        let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
        members.entry(cell(department)).or_default().insert(cell(staff));
    }
    members
}

/// Writes the tables that `role` may see, from the output directory `from` into `to`.
///
/// # Errors
///
/// A table cannot be read or written, or a column of the policy is none of its columns.
pub fn export(
    role: &str,
    policy: &RolePolicy,
    departments: &BTreeMap<String, BTreeSet<String>>,
    from: &Path,
    to: &Path,
) -> Result<RoleView, TableError> {
    check_tables(policy)?;
    let sight = Sight::new(policy, departments);
    let mut view = RoleView { role: role.to_owned(), tables: Vec::new(), unmatched_tag_groups: Vec::new() };
    let mut paths = BTreeSet::new();
    std::fs::create_dir_all(to).map_err(|error| Error::write(to, error))?;
    for (table, columns) in &policy.tables {
        let batches = tables::read(from, "current", table)?;
        check_columns(table, columns, &batches)?;
        batches.iter().for_each(|batch| add_paths(Rows(batch), batch.num_rows(), &mut paths));
        let file = to.join(format!("{table}.parquet"));
        view.tables.push(sight.write(table, columns, &batches, file)?);
    }
    let meets = |group: &&String| !paths.iter().any(|path| is_within(path, group));
    view.unmatched_tag_groups = policy.tag_groups.iter().filter(meets).cloned().collect();
    Ok(view)
}

/// A policy that names a table in another spelling would show nothing of it.
fn check_tables(policy: &RolePolicy) -> Result<(), TableError> {
    let tables = writer::all_tables();
    let known: Vec<&str> = tables.iter().map(|table| table.name).collect();
    match policy.tables.keys().find(|table| !known.contains(&table.as_str())) {
        None => Ok(()),
        Some(table) => Err(TableError::UnknownTable { table: table.clone(), known: known.join(", ") }),
    }
}

/// Adds the tag paths of a batch; nothing for a table without tags.
fn add_paths(rows: Rows<'_>, n: usize, paths: &mut BTreeSet<String>) {
    paths.extend(
        (0..n).map(|row| rows.text("tag_path", row)).filter(|path| !path.is_empty()).map(str::to_owned),
    );
}

/// Returns whether `path` is `group` or stands below it; `*` holds all.
fn is_within(path: &str, group: &str) -> bool {
    group == "*" || path == group || path.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'))
}

/// A policy that names a column in another spelling would show less than it means to.
fn check_columns(table: &str, columns: &[String], batches: &[RecordBatch]) -> Result<(), TableError> {
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return Ok(()) };
    match columns.iter().find(|column| schema.index_of(column).is_err()) {
        None => Ok(()),
        Some(column) => Err(TableError::NoColumn {
            table: table.to_owned(),
            column: column.clone(),
            known: schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Rows that a role sees.
struct Sight<'p> {
    tag_groups: &'p [String],
    /// `None`: all employees, and rows without one.
    staff: Option<BTreeSet<&'p str>>,
}

impl<'p> Sight<'p> {
    fn new(policy: &'p RolePolicy, departments: &'p BTreeMap<String, BTreeSet<String>>) -> Sight<'p> {
        let all = policy.departments.iter().any(|department| department == "*");
        let of =
            |department: &'p String| departments.get(department).into_iter().flatten().map(String::as_str);
        let staff = policy.departments.iter().flat_map(of).chain(policy.staff.iter().map(String::as_str));
        Sight { tag_groups: &policy.tag_groups, staff: (!all).then(|| staff.collect()) }
    }

    fn sees(&self, rows: Rows<'_>, row: usize) -> bool {
        let has_tags = rows.0.column_by_name("tag_path").is_some();
        let tag = rows.text("tag_path", row);
        let sees_tag = !has_tags || self.tag_groups.iter().any(|group| is_within(tag, group));
        let staff = rows.text("staff", row);
        sees_tag && self.staff.as_ref().is_none_or(|seen| seen.contains(staff))
    }

    fn write(
        &self,
        table: &str,
        columns: &[String],
        batches: &[RecordBatch],
        file: PathBuf,
    ) -> Result<ViewTable, TableError> {
        let mut view = ViewTable { table: table.to_owned(), file, rows: 0, left_out: 0, columns: Vec::new() };
        let mut kept = Vec::new();
        for batch in batches {
            let rows = Rows(batch);
            let seen: BooleanArray = (0..batch.num_rows()).map(|row| Some(self.sees(rows, row))).collect();
            let schema = batch.schema();
            let places: Vec<usize> =
                columns.iter().filter_map(|column| schema.index_of(column).ok()).collect();
            let part = filter_record_batch(&batch.project(&places)?, &seen)?;
            view.rows += part.num_rows() as u64;
            view.left_out += (batch.num_rows() - part.num_rows()) as u64;
            kept.push(part);
        }
        if let Some(first) = kept.first() {
            view.columns = first.schema().fields().iter().map(|field| field.name().clone()).collect();
            write_parquet(&view.file, &kept)?;
        }
        Ok(view)
    }
}

fn write_parquet(path: &Path, batches: &[RecordBatch]) -> Result<(), TableError> {
    let file = File::create(path).map_err(|error| Error::write(path, error))?;
    let no_parquet = |source| TableError::Parquet { path: path.to_owned(), source };
    // The schema's own metadata says what the whole table holds; a view does not.
    let schema =
        Arc::new(batches[0].schema().as_ref().clone().with_metadata(HashMap::<String, String>::new()));
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(no_parquet)?;
    for batch in batches {
        writer.write(&batch.clone().with_schema(Arc::clone(&schema))?).map_err(no_parquet)?;
    }
    writer.close().map_err(no_parquet)?;
    Ok(())
}
