//! Looks at the names of dictionary files: what a spreadsheet or a copy made of them (`W116`).

use crate::diagnostic::{Diagnostic, Place};
use crate::rules::{self, SourceFile};

/// The folders of dictionary files, with the ending that is read there.
const FOLDERS: &[(&str, &str)] = &[
    ("lexicons", "csv"),
    ("rules", "toml"),
    ("signals", "toml"),
    ("packs", "toml"),
    ("allow", "csv"),
    ("deny", "csv"),
];

/// Returns a finding for each file whose name is no plain word, or that nobody reads because of its ending.
pub(super) fn findings(files: &[SourceFile]) -> Vec<Diagnostic> {
    files.iter().filter_map(|file| finding(&file.path)).collect()
}

fn finding(path: &str) -> Option<Diagnostic> {
    let (parent, name) = path.rsplit_once('/')?;
    let folder = parent.rsplit('/').next()?;
    let (_, wanted) = FOLDERS.iter().find(|(known, _)| *known == folder)?;
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    if ending != *wanted {
        return is_table(ending).then(|| not_read(path, wanted));
    }
    (!rules::is_plain(stem)).then(|| odd_name(path, stem))
}

/// Notes and pictures may lie anywhere; a table or a rule file in another form was meant to be read.
fn is_table(ending: &str) -> bool {
    ["csv", "toml", "xlsx", "xls", "ods", "et", "txt", "tsv", "yaml", "yml", "json"]
        .contains(&ending.to_lowercase().as_str())
}

fn not_read(path: &str, wanted: &str) -> Diagnostic {
    let (zh, en) = (
        format!("这里只读 .{wanted}，这个文件不会被读入"),
        format!("only .{wanted} is read here: this file is not"),
    );
    Diagnostic::new("W116", Place::new(path, 0, 0), zh, en).with_help(
        "表格用 chattag import 导入；别的移到别处",
        "take a spreadsheet in with `chattag import`; move anything else away",
    )
}

fn odd_name(path: &str, stem: &str) -> Diagnostic {
    let (zh, en) =
        (format!("文件名 “{stem}” 不合命名规则"), format!("the file's name `{stem}` is no plain word"));
    Diagnostic::new("W116", Place::new(path, 0, 0), zh, en).with_help(
        "小写字母开头，只用小写字母、数字、下划线，例如 discount.csv；多出来的副本删去",
        "begin with a lower-case letter; lower-case letters, digits, underscores; remove spare copies",
    )
}
