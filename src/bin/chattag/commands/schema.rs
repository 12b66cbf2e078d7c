//! `chattag schema`: what the columns of the output tables mean, and what TOML files may hold.
#![allow(clippy::print_stdout, reason = "the description is this command's output")]

use chattag::maintain::schema;
use chattag::writer;

use crate::Status;
use crate::args::SchemaArgs;

/// Prints the description of one table or of all, or the JSON Schema of a kind of TOML file.
pub fn run(args: &SchemaArgs) -> anyhow::Result<Status> {
    if let Some(text) = args.file.as_deref().and_then(schema::named) {
        print!("{text}");
        return Ok(Status::Fine);
    }
    let mut tables = writer::all_tables();
    if let Some(name) = &args.table {
        tables.retain(|table| table.name == name);
        if tables.is_empty() {
            let names: Vec<&str> = writer::all_tables().iter().map(|table| table.name).collect();
            let names = names.join(", ");
            return Err(super::said(
                format!("没有表 `{name}`：有 {names}"),
                format!("no table `{name}`: the tables are {names}"),
            ));
        }
    }
    match args.json {
        true => println!("{}", writer::schema_json(&tables)),
        false => print!("{}", writer::schema_markdown(&tables)),
    }
    Ok(Status::Fine)
}
