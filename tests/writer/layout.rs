//! Schema, order and layout of the files.

use std::fs::File;

use arrow::datatypes::{DataType, TimeUnit};
use chattag::writer::{TableOptions, Tables, all_tables, schema_markdown};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::fixture::*;

#[test]
fn the_page_about_the_tables_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/output-schema.md");
    let page = schema_markdown(&all_tables());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "UPDATE_DOCS=1 cargo test --test writer");
}

#[test]
fn all_columns_have_types_that_every_reader_takes() {
    fn is_plain(kind: &DataType) -> bool {
        match kind {
            DataType::Utf8 | DataType::Int32 | DataType::Int64 | DataType::Float64 | DataType::Boolean => {
                true
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => &**zone == "UTC",
            DataType::List(item) => is_plain(item.data_type()),
            DataType::Struct(fields) => fields.iter().all(|field| is_plain(field.data_type())),
            _ => false,
        }
    }
    for table in all_tables() {
        for field in table.schema().fields() {
            assert!(is_plain(field.data_type()), "{}.{}", table.name, field.name());
        }
    }
}

#[test]
fn every_column_carries_its_meaning_in_the_file() {
    let out = committed(night(2), TableOptions::default());
    for table in all_tables() {
        let schema = read(out.path(), table.name)[0].schema();
        for (field, column) in schema.fields().iter().zip(&table.columns) {
            let meaning = field.metadata().get("description").map(String::as_str);
            assert_eq!((field.name().as_str(), meaning), (column.name, Some(column.doc)), "{}", table.name);
            assert!(!column.doc.is_empty(), "{}.{} says what it means", table.name, column.name);
        }
    }
}

#[test]
fn files_say_how_they_are_sorted_and_have_a_page_index() {
    let out = committed(night(40), TableOptions::default());
    for path in tables_below(&out.path().join("data")) {
        let file = File::open(out.path().join("data").join(&path)).unwrap();
        let name = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let table = all_tables().into_iter().find(|table| table.name == name).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        for group in reader.metadata().row_groups() {
            let sorting = group.sorting_columns().into_iter().flatten();
            let names = sorting.map(|by| group.column(by.column_idx as usize).column_path().string());
            assert_eq!(names.collect::<Vec<_>>(), table.sorted_by, "{}", path.display());
            let indexed = |i: usize| group.column(i).column_index_offset().is_some();
            assert!(table.sorted_by.iter().all(|name| indexed(table.position(name))), "{}", path.display());
            let filtered = |name: &&str| group.column(table.position(name)).bloom_filter_offset().is_some();
            assert!(table.bloom.iter().all(filtered), "{}", path.display());
        }
    }
}

#[test]
fn rows_are_sorted_by_company_customer_and_time_in_every_file() {
    let out = committed(night(60), TableOptions::default());
    for table in ["tag_events", "alerts", "kick_decisions", "mentions"] {
        for path in tables_below(&out.path().join("data").join(table)) {
            let rows = read_file(&out.path().join("data").join(table).join(path));
            let columns = ["corp", "customer", "at"].map(|column| texts(&rows, column));
            let lines: Vec<_> = (0..columns[0].len()).map(|i| columns.each_ref().map(|it| &it[i])).collect();
            assert!(lines.len() > 1 && lines.is_sorted(), "{table}");
        }
    }
}

#[test]
fn a_file_has_row_groups_of_122880_rows() {
    let quarantine = (0..130_000).map(|line| refused(line, None)).collect();
    let out = committed(Tables { quarantine, ..Tables::default() }, TableOptions::default());
    let dir = out.path().join("data/quarantine");
    let reader = SerializedFileReader::new(File::open(dir.join(&tables_below(&dir)[0])).unwrap()).unwrap();
    let sizes: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(sizes, [122_880, 7_120]);
}

#[test]
fn the_partition_is_the_local_day_and_stands_only_in_the_path() {
    let out = committed(night(40), TableOptions::default());
    let days = |table: &str| {
        let files = tables_below(&out.path().join("data").join(table));
        files.iter().map(|file| file.iter().next().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(days("tag_events"), ["dt=2024-03-04", "dt=2024-03-05"]);
    assert_eq!(days("current_tags"), ["dt=2024-03-05"], "as_of is the midnight that ends the day");
    assert!(all_tables().iter().all(|table| table.columns.iter().all(|column| column.name != "dt")));
}

#[test]
fn a_table_without_rows_is_an_empty_file() {
    let out = committed(Tables::default(), TableOptions::default());
    for table in ["alerts", "current_tags", "kick_decisions", "quarantine", "tag_events"] {
        assert_eq!(tables_below(&out.path().join("data").join(table)).len(), 1, "{table}");
        assert_eq!(read(out.path(), table).iter().map(|batch| batch.num_rows()).sum::<usize>(), 0, "{table}");
    }
    assert!(!out.path().join("data/mentions").exists(), "mentions were not asked for");
}
