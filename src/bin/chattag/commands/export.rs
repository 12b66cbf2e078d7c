//! `chattag export`: term lists for spreadsheets, views for roles, settings for WeCom.
#![allow(clippy::print_stdout, reason = "the summary is this command's output")]

use std::collections::BTreeMap;
use std::path::Path;

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
        (None, None, None) => {
            Err(super::said("写上词表，或用 --role 指明岗位", "name a list, or a role with --role"))
        }
    }
}

fn out(args: &ExportArgs) -> anyhow::Result<&Path> {
    args.out.as_deref().ok_or_else(|| super::said("用 --out 指明写到哪里", "say where to with --out"))
}

fn export_lexicon(args: &ExportArgs, id: &str, console: &Console) -> anyhow::Result<Status> {
    let files = super::files(&args.dictionaries)?;
    let path = format!("lexicons/{id}.csv");
    let Some(file) = files.iter().find(|file| file.path == path) else {
        let ids = files.iter().filter_map(|file| file.path.strip_prefix("lexicons/")?.strip_suffix(".csv"));
        return Err(super::unknown_list(id, &ids.collect::<Vec<_>>()));
    };
    let rows = TermTable::read(&lexicon::decode(&file.bytes).0).to_sheet();
    let out = out(args)?;
    let format = format_of(out, args.encoding)?;
    super::write_file(out, &sheet::write(&rows, format)?)?;
    let n = rows.len() - 1;
    match args.json {
        true => println!("{}", serde_json::json!({ "lexicon": id, "out": out, "rows": n })),
        false => println!("{}: {n} {}", out.display(), console.pick("行", "rows")),
    }
    Ok(Status::Fine)
}

/// The format that the file's name asks for.
fn format_of(out: &Path, asked: EncodingArg) -> anyhow::Result<SheetFormat> {
    let ending = out.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("xlsx") => Ok(SheetFormat::Xlsx),
        Some("csv" | "txt") => Ok(SheetFormat::Csv(encoding(asked))),
        _ => {
            let out = out.display();
            Err(super::said(
                format!("`{out}` 写不成表格：文件名应以 .xlsx 或 .csv 结尾"),
                format!("`{out}` cannot be written: its name should end in .xlsx or .csv"),
            ))
        }
    }
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
        .map_err(|finding| Error::unusable(&args.policy, vec![*finding]))?;
    let Some(sight) = policy.role.get(role) else {
        let known: Vec<&str> = policy.role.keys().map(String::as_str).collect();
        let known = known.join(", ");
        return Err(super::said(
            format!("`{name}` 里没有岗位 `{role}`：有 {known}"),
            format!("`{name}` has no role `{role}`: there are {known}"),
        ));
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
        let unknown = unknown.join("`, `");
        return Err(super::said(
            format!("部门 `{unknown}` 里没有人：用 --departments 指明部门文件，列为 成员,部门"),
            format!(
                "nobody is in the department `{unknown}`: name the file with --departments, with the columns userid,department"
            ),
        ));
    }
    let from = args
        .from
        .as_deref()
        .ok_or_else(|| super::said("用 --from 指明 run 的输出目录", "say where from with --from"))?;
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
    let group = |group: &String| {
        let (zh, en) =
            ("没有对上任何标签：写错了，或没有客户带着", "meets no tag: misspelt, or nobody has one");
        format!("{} “{group}” {}\n", console.pick("标签组", "tag group"), console.pick(zh, en))
    };
    view.tables.iter().map(line).chain(view.unmatched_tag_groups.iter().map(group)).collect()
}
