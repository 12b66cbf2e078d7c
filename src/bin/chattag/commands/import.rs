//! `chattag import`: a colleague's spreadsheet, compared with the list, then written.
#![allow(clippy::print_stdout, reason = "the difference is this command's output")]

use std::path::PathBuf;

use anyhow::{Context, bail};
use chattag::maintain::import::{self, Change, Import, ImportOptions};
use chattag::maintain::sheet;

use crate::Status;
use crate::args::ImportArgs;
use crate::console::Console;

/// Shows what would change; writes it when the user agrees and nothing is damaged.
pub fn run(args: &ImportArgs, console: &Console) -> anyhow::Result<Status> {
    let target = target(args)?;
    let existing = match std::fs::read_to_string(&target) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", target.display()));
        }
    };
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let bytes = super::read_file(&args.file)?;
    let sheet = sheet::read(&bytes, args.sheet.as_deref()).with_context(|| format!("`{name}`"))?;
    let options = ImportOptions { whole: args.whole, category: args.category.clone() };
    let import = import::plan(existing.as_deref(), &name, &sheet, &options);
    match args.json {
        true => println!("{}", serde_json::to_string(&import)?),
        false => print!("{}", describe(&import, existing.is_none(), console)),
    }
    if !import.is_sound() {
        let said = console.pick(
            "有错误或被表格软件改坏的单元格：没有写入。改好表格再导入。",
            "errors or damaged cells: nothing written. Mend the sheet and import it again.",
        );
        say(args, said);
        return Ok(Status::Findings);
    }
    if args.dry_run || import.is_empty() {
        return Ok(Status::Fine);
    }
    let (zh, en) = (format!("写入 {}?", target.display()), format!("Write {}?", target.display()));
    if !args.yes && !super::confirm(console, &zh, &en)? {
        say(args, console.pick("没有写入。", "nothing written."));
        return Ok(Status::Findings);
    }
    super::write_file(&target, import.text.as_bytes())?;
    say(
        args,
        console.pick(
            "已写入。接着运行 chattag check 和 chattag test。",
            "written. Now run `chattag check` and `chattag test`.",
        ),
    );
    Ok(Status::Fine)
}

fn say(args: &ImportArgs, text: &str) {
    if !args.json {
        println!("{text}");
    }
}

/// The list to write: the one named, else the one with the name of the file.
fn target(args: &ImportArgs) -> anyhow::Result<PathBuf> {
    let lists = args.dict.join("lexicons");
    if !lists.is_dir() {
        bail!(
            "`{}` has no folder `lexicons`: name the dictionary directory with --dict",
            args.dict.display()
        );
    }
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let list = args.to.as_deref().unwrap_or(&stem);
    let is_id = list.starts_with(|c: char| c.is_ascii_lowercase())
        && list.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_id {
        let mut known: Vec<String> = std::fs::read_dir(&lists)?
            .filter_map(|entry| {
                entry.ok()?.file_name().into_string().ok()?.strip_suffix(".csv").map(str::to_owned)
            })
            .collect();
        known.sort();
        bail!("`{list}` is no name of a list: say which one with --to; there are {}", known.join(", "));
    }
    Ok(lists.join(format!("{list}.csv")))
}

fn describe(import: &Import, is_new: bool, console: &Console) -> String {
    let count = |is: fn(&Change) -> bool| import.changes.iter().filter(|change| is(change)).count();
    let added = count(|change| matches!(change, Change::Added { .. }));
    let changed = count(|change| matches!(change, Change::Changed { .. }));
    let off = count(|change| matches!(change, Change::SwitchedOff { .. }));
    let (source, rows, same, kept) = (&import.source, import.rows, import.unchanged, import.kept);
    let mut text = String::new();
    if is_new {
        text.push_str(console.pick("新词表\n", "a new list\n"));
    }
    text.push_str(&match console.language() {
        chattag::diagnostic::Language::Chinese => format!(
            "读作: {source}   行: {rows}\n新增 {added}  修改 {changed}  停用 {off}  未变 {same}  表里没有、保留不动 {kept}\n"
        ),
        chattag::diagnostic::Language::English => format!(
            "read as: {source}   rows: {rows}\nadded {added}  changed {changed}  switched off {off}  the same {same}  not in the sheet, kept {kept}\n"
        ),
    });
    if !import.ignored.is_empty() {
        let columns = import.ignored.join(", ");
        text.push_str(&format!("{}: {columns}\n", console.pick("没有导入的列", "columns left out")));
    }
    import.changes.iter().for_each(|change| text.push_str(&line(change)));
    for finding in &import.findings {
        text.push_str(&format!("{}\n", finding.render(console.language())));
    }
    text
}

fn line(change: &Change) -> String {
    match change {
        Change::Added { code, term } => format!("  + {code} {term}\n"),
        Change::SwitchedOff { code, term } => format!("  − {code} {term}\n"),
        Change::Changed { code, term, cells } => {
            let cells = cells.iter().map(|(title, before, after)| format!("{title} “{before}” → “{after}”"));
            format!("  ~ {code} {term}: {}\n", cells.collect::<Vec<_>>().join("; "))
        }
    }
}
