//! `chattag import`: a colleague's spreadsheet, compared with the list, then written.
#![allow(clippy::print_stdout, reason = "the difference is this command's output")]

use std::path::{Path, PathBuf};

use chattag::error::Error;
use chattag::lexicon;
use chattag::maintain::import::{self, CellChange, Change, Import, ImportOptions};
use chattag::maintain::sheet;
use chattag::rules;
use chattag::telling::Said;

use crate::Status;
use crate::args::ImportArgs;
use crate::console::Console;

/// Shows what would change; writes it when the user agrees and nothing is damaged.
pub fn run(args: &ImportArgs, console: &Console) -> anyhow::Result<Status> {
    let target = target(args)?;
    let existing = match std::fs::read(&target) {
        Ok(bytes) => Some(lexicon::decode(&bytes).0.into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Error::read(&target, error).into());
        }
    };
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let bytes = super::read_file(&args.file)?;
    let sheet = sheet::read(&bytes, args.sheet.as_deref())
        .map_err(|error| Said::new(format!("`{name}`"), format!("`{name}`")).because(error))?;
    let options = ImportOptions { whole: args.whole, category: args.category.clone() };
    let import = import::plan(existing.as_deref(), &name, &sheet, &options);
    if !args.json {
        print!("{}", describe(&import, existing.is_none(), console));
    }
    let ended = decide(args, &import, &target, console)?;
    if ended == Ended::Written {
        super::write_file(&target, import.text.as_bytes())?;
    }
    match (args.json, ended.said(console)) {
        (true, _) => print_json(&import, ended)?,
        (false, "") => {}
        (false, said) => println!("{said}"),
    }
    Ok(if matches!(ended, Ended::Refused | Ended::Unsound) { Status::Findings } else { Status::Fine })
}

/// What becomes of an import.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ended {
    /// Damaged cells: nothing is written.
    Unsound,
    /// There was nothing to write, or nobody asked for it.
    Unchanged,
    /// The user said no.
    Refused,
    /// The list is written.
    Written,
}

impl Ended {
    fn said(self, console: &Console) -> &'static str {
        match self {
            Ended::Unsound => console.pick(
                "有错误或被表格软件改坏的单元格：没有写入。改好表格再导入。",
                "errors or damaged cells: nothing written. Mend the sheet and import it again.",
            ),
            Ended::Unchanged => "",
            Ended::Refused => console.pick("没有写入。", "nothing written."),
            Ended::Written => console.pick(
                "已写入。接着运行 chattag check 和 chattag test。",
                "written. Now run `chattag check` and `chattag test`.",
            ),
        }
    }
}

fn decide(args: &ImportArgs, import: &Import, target: &Path, console: &Console) -> anyhow::Result<Ended> {
    if !import.is_sound() {
        return Ok(Ended::Unsound);
    }
    if args.dry_run || import.is_empty() {
        return Ok(Ended::Unchanged);
    }
    let (zh, en) = (format!("写入 {}?", target.display()), format!("Write {}?", target.display()));
    let agreed = args.yes || super::confirm(console, &zh, &en)?;
    Ok(if agreed { Ended::Written } else { Ended::Refused })
}

fn print_json(import: &Import, ended: Ended) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(import)?;
    value["written"] = (ended == Ended::Written).into();
    println!("{value}");
    Ok(())
}

/// The list to write: the one named, else the one with the name of the file.
fn target(args: &ImportArgs) -> anyhow::Result<PathBuf> {
    let lists = args.dict.join("lexicons");
    if !lists.is_dir() {
        let dict = args.dict.display();
        return Err(super::said(
            format!("`{dict}` 里没有 lexicons 文件夹：用 --dict 指明词库目录"),
            format!("`{dict}` has no folder `lexicons`: name the dictionary directory with --dict"),
        ));
    }
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let list = args.to.as_deref().unwrap_or(&stem);
    if !rules::is_plain_word(list) {
        let mut known: Vec<String> = std::fs::read_dir(&lists)?
            .filter_map(|entry| {
                entry.ok()?.file_name().into_string().ok()?.strip_suffix(".csv").map(str::to_owned)
            })
            .collect();
        known.sort();
        let known = known.join(", ");
        return Err(super::said(
            format!("`{list}` 不能作词表名：用 --to 指明导入到哪个词表；有 {known}"),
            format!("`{list}` is no name of a list: say which one with --to; there are {known}"),
        ));
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
            let cells = cells
                .iter()
                .map(|CellChange { column, before, after }| format!("{column} “{before}” → “{after}”"));
            format!("  ~ {code} {term}: {}\n", cells.collect::<Vec<_>>().join("; "))
        }
    }
}
