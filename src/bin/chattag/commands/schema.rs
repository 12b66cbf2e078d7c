//! `chattag schema`: what the columns of the output tables mean.
#![allow(clippy::print_stdout, reason = "the description is this command's output")]

use anyhow::bail;
use chattag::writer;

use crate::Status;
use crate::args::SchemaArgs;

/// Prints the description of one table or of all.
pub fn run(args: &SchemaArgs) -> anyhow::Result<Status> {
    let names: Vec<&str> = writer::table_names().collect();
    if let Some(table) = &args.table
        && !names.contains(&table.as_str())
    {
        bail!("no table `{table}`: the tables are {}", names.join(", "));
    }
    let wanted = names.into_iter().filter(|name| args.table.as_deref().is_none_or(|table| table == *name));
    for name in wanted {
        match args.json {
            true => println!("{}", writer::describe_json(name)),
            false => print!("{}", writer::describe(name)),
        }
    }
    Ok(Status::Fine)
}
