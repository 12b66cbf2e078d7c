//! Words the findings about term lists, in both languages.

use crate::diagnostic::{Diagnostic, Place};

/// The cell at `line` and column `cell` of `file`.
pub(super) fn at(file: &str, line: u32, cell: usize) -> Place {
    Place::new(file, line, cell as u32)
}

/// A cell holds a value that is none of its column's.
pub(super) fn bad_value(
    place: Place,
    title: &str,
    value: &str,
    expected_zh: &str,
    expected_en: &str,
) -> Diagnostic {
    let zh = format!("{title} 的值 `{value}` 无效");
    let en = format!("`{value}` is no value for {title}");
    Diagnostic::new("E001", place, zh, en)
        .with_help(format!("填写 {expected_zh}"), format!("write {expected_en}"))
}

/// The header or a line has the wrong shape.
pub(super) fn shape(place: Place, zh: impl Into<String>, en: impl Into<String>) -> Diagnostic {
    Diagnostic::new("E015", place, zh, en)
}

/// A category is too deep or has an empty level.
pub(super) fn category(place: Place, value: &str) -> Diagnostic {
    let zh = format!("类别 `{value}` 超过三级或有空的一级");
    let en = format!("category `{value}` has more than three levels, or an empty one");
    Diagnostic::new("E005", place, zh, en).with_help("写成 `一级/二级/三级`", "write `first/second/third`")
}

/// A regular expression that does not compile.
pub(super) fn regex(place: Place, value: &str, reason: &str) -> Diagnostic {
    let zh = format!("正则 `{value}` 无法编译：{reason}");
    let en = format!("regular expression `{value}` does not compile: {reason}");
    Diagnostic::new("E008", place, zh, en).with_help(
        "不支持环视和反向引用；改用普通词条与排除语境",
        "look-around and back-references do not exist; use plain terms and exclusion contexts",
    )
}

/// A warning with help.
pub(super) fn warn(code: &'static str, place: Place, said: [String; 2], help: [&str; 2]) -> Diagnostic {
    let [zh, en] = said;
    Diagnostic::new(code, place, zh, en).with_help(help[0], help[1])
}
