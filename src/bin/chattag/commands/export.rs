//! `chattag export`: term lists for spreadsheets, views for roles, settings for WeCom.
#![allow(clippy::print_stdout, reason = "the summary is this command's output")]

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use chattag::error::Error;
use chattag::lexicon::{self, TextEncoding};
use chattag::maintain::roles::{self, RoleView};
use chattag::maintain::sheet::{self, SheetFormat};
use chattag::maintain::term_table::TermTable;

use crate::Status;
use crate::args::{EncodingArg, ExportArgs, ExportTarget};
use crate::console::Console;

/// Exports what the arguments name.
pub fn run(args: &ExportArgs, console: &Console) -> anyhow::Result<Status> {
    match (&args.target, &args.role, &args.lexicon) {
        (Some(ExportTarget::Wecom(wecom)), ..) => super::export_wecom::run(wecom, console),
        (None, Some(role), _) => export_role(args, role, console),
        (None, None, Some(lexicon)) => export_lexicon(args, lexicon, console),
        (None, None, None) => bail!("name a list, or a role with --role"),
    }
}

fn out(args: &ExportArgs) -> anyhow::Result<&Path> {
    args.out.as_deref().context("say where to with --out")
}

fn export_lexicon(args: &ExportArgs, id: &str, console: &Console) -> anyhow::Result<Status> {
    let files = super::files(&args.dictionaries)?;
    let path = format!("lexicons/{id}.csv");
    let Some(file) = files.iter().find(|file| file.path == path) else {
        let ids = files.iter().filter_map(|file| file.path.strip_prefix("lexicons/")?.strip_suffix(".csv"));
        bail!("there is no list `{id}`: there are {}", ids.collect::<Vec<_>>().join(", "));
    };
    let rows = TermTable::read(&lexicon::decode(&file.bytes).0).to_sheet();
    let out = out(args)?;
    let is_workbook = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx"));
    let format = if is_workbook { SheetFormat::Xlsx } else { SheetFormat::Csv(encoding(args.encoding)) };
    super::write_file(out, &sheet::write(&rows, format)?)?;
    let n = rows.len() - 1;
    match args.json {
        true => println!("{}", serde_json::json!({ "lexicon": id, "out": out, "rows": n })),
        false => println!("{}: {n} {}", out.display(), console.pick("行", "rows")),
    }
    Ok(Status::Fine)
}

fn encoding(asked: EncodingArg) -> TextEncoding {
    match asked {
        EncodingArg::Utf8 => TextEncoding::Utf8,
        EncodingArg::Utf8Bom => TextEncoding::Utf8Bom,
        EncodingArg::Gb18030 => TextEncoding::Gb18030,
        EncodingArg::Utf16 => TextEncoding::Utf16,
    }
}

fn export_role(args: &ExportArgs, role: &str, console: &Console) -> anyhow::Result<Status> {
    let name = args.policy.display().to_string();
    let policy = roles::read_policy(&name, &super::read_file(&args.policy)?)
        .map_err(|finding| Error::dictionaries(vec![*finding]))?;
    let Some(sight) = policy.role.get(role) else {
        let known: Vec<&str> = policy.role.keys().map(String::as_str).collect();
        bail!("`{name}` has no role `{role}`: there are {}", known.join(", "));
    };
    let departments = match &args.departments {
        Some(path) => roles::read_departments(&super::read_file(path)?),
        None => BTreeMap::new(),
    };
    let unknown: Vec<&str> = sight
        .departments
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "*" && !departments.contains_key(*name))
        .collect();
    if !unknown.is_empty() {
        bail!("nobody is in the department `{}`: name the file with --departments", unknown.join("`, `"));
    }
    let from = args.from.as_deref().context("say where from with --from")?;
    let view = roles::export(role, sight, &departments, from, out(args)?)?;
    match args.json {
        true => println!("{}", serde_json::to_string(&view)?),
        false => print!("{}", describe(&view, console)),
    }
    Ok(Status::Fine)
}

fn describe(view: &RoleView, console: &Console) -> String {
    let line = |table: &roles::ViewTable| {
        format!(
            "{}  {} {}  {} {}\n",
            table.file.display(),
            table.rows,
            console.pick("行", "rows"),
            table.left_out,
            console.pick("行不可见", "rows not to be seen")
        )
    };
    view.tables.iter().map(line).collect()
}
