//! Views for roles: what `export --role` writes holds what the policy names and nothing else.

use std::collections::BTreeSet;
use std::fs;

use arrow::array::RecordBatch;
use chattag::maintain::tables::{Rows, read};

use crate::desk::Desk;

/// A desk with the tables of a run over the samples in `out`.
fn with_tables() -> Desk {
    let desk = Desk::new();
    desk.says(
        0,
        &["run", "archive", "--roster", "roster.csv", "--out", "out", "--max-quarantine", "50%", "--quiet"],
    );
    desk
}

/// The rows of `table` in the view `view`.
fn rows_of(desk: &Desk, view: &str, table: &str) -> Vec<RecordBatch> {
    let place = desk.path(&format!("seen/{view}/current/{table}"));
    fs::create_dir_all(&place).unwrap();
    fs::copy(desk.path(&format!("{view}/{table}.parquet")), place.join("0.parquet")).unwrap();
    read(&desk.path(&format!("seen/{view}")), "current", table).unwrap()
}

/// Every value of a text column.
fn values(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let of = |batch: &RecordBatch| -> Vec<String> {
        let rows = Rows(batch);
        (0..batch.num_rows()).map(|row| rows.text(column, row).to_owned()).collect()
    };
    batches.iter().flat_map(of).collect()
}

const EXPORT: &[&str] = &["export", "--role", "sales", "--policy", "roles.toml", "--from", "out", "--json"];

#[test]
fn a_role_sees_what_its_policy_names_and_nothing_else() {
    let desk = with_tables();
    desk.write(
        "roles.toml",
        "[role.sales]\ntag_groups = [\"偏好\"]\ndepartments = [\"*\"]\n[role.sales.tables]\ncurrent_tags = [\"customer\", \"tag_path\"]\n".as_bytes(),
    );
    let view = desk.json(0, &[EXPORT, &["--out", "sales"]].concat());
    assert!(view["tables"][0]["left_out"].as_u64().unwrap() > 0, "{view}");
    let names: Vec<_> =
        fs::read_dir(desk.path("sales")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["current_tags.parquet"]);
    let batches = rows_of(&desk, "sales", "current_tags");
    assert!(batches.iter().all(|batch| batch.schema().fields().len() == 2));
    let paths = values(&batches, "tag_path");
    assert!(!paths.is_empty() && paths.iter().all(|path| path.starts_with("偏好/")), "{paths:?}");
    desk.says(2, &["export", "--role", "boss", "--policy", "roles.toml", "--from", "out", "--out", "boss"]);
}

#[test]
fn a_department_sees_the_rows_of_its_employees_and_no_row_without_one() {
    let desk = with_tables();
    let all = read(&desk.path("out"), "current", "alerts").unwrap();
    let staff: Vec<String> = values(&all, "staff");
    let named: BTreeSet<&String> = staff.iter().filter(|staff| !staff.is_empty()).collect();
    let (mine, colleague) = (named.iter().next().unwrap(), named.iter().next_back().unwrap());
    assert!(mine != colleague && staff.len() > 2, "the samples have alerts of several employees: {named:?}");
    desk.write(
        "roles.toml",
        "[role.sales]\ntag_groups = [\"*\"]\ndepartments = [\"华东\"]\n[role.sales.tables]\nalerts = [\"customer\", \"staff\", \"at\", \"alert\"]\ncurrent_tags = [\"customer\", \"staff\", \"tag_path\"]\n".as_bytes(),
    );
    let no_file = desk.chattag(&[EXPORT, &["--out", "x"]].concat());
    let error = String::from_utf8_lossy(&no_file.stderr).into_owned();
    assert!(no_file.status.code() == Some(2) && error.contains("华东") && error.contains("--departments"));
    desk.write("departments.csv", format!("成员,部门\n{mine},华东\n{colleague},华北\n").as_bytes());
    let view = desk.json(0, &[EXPORT, &["--out", "sales", "--departments", "departments.csv"]].concat());
    let seen = values(&rows_of(&desk, "sales", "alerts"), "staff");
    assert_eq!(seen.len(), staff.iter().filter(|staff| staff == mine).count());
    assert!(!seen.is_empty() && seen.iter().all(|staff| staff == *mine), "{seen:?}");
    let alerts = &view["tables"].as_array().unwrap()[0];
    assert_eq!(
        (alerts["table"].as_str(), alerts["rows"].as_u64(), alerts["left_out"].as_u64()),
        (Some("alerts"), Some(seen.len() as u64), Some((staff.len() - seen.len()) as u64))
    );
    let tags = values(&rows_of(&desk, "sales", "current_tags"), "staff");
    assert!(tags.iter().all(|staff| staff == *mine), "tags of customers belong to no employee: {tags:?}");
}

#[test]
fn employees_named_in_the_policy_are_seen_besides_their_department() {
    let desk = with_tables();
    let all = values(&read(&desk.path("out"), "current", "alerts").unwrap(), "staff");
    let named: Vec<&String> = all.iter().filter(|staff| !staff.is_empty()).collect();
    let (mine, guest) = (named.iter().min().unwrap(), named.iter().max().unwrap());
    desk.write(
        "roles.toml",
        format!("[role.sales]\ndepartments = [\"华东\"]\nstaff = [\"{guest}\"]\n[role.sales.tables]\nalerts = [\"staff\"]\n").as_bytes(),
    );
    desk.write("departments.csv", format!("userid,department\n{mine},华东\n").as_bytes());
    desk.json(0, &[EXPORT, &["--out", "sales", "--departments", "departments.csv"]].concat());
    let seen: BTreeSet<String> = values(&rows_of(&desk, "sales", "alerts"), "staff").into_iter().collect();
    assert_eq!(seen, BTreeSet::from([(*mine).clone(), (*guest).clone()]));
}
