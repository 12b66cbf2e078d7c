//! Tells errors to people, in Chinese or English, cause by cause.
//!
//! `Display` of every error is English, for logs and for callers of the library. Who speaks Chinese asks here.

use std::error::Error as StdError;
use std::io;

use crate::diagnostic::Language;
use crate::error::Error;
use crate::maintain::pack_store::StoreError;
use crate::maintain::scaffold::ScaffoldError;
use crate::maintain::sheet::SheetError;
use crate::maintain::tables::TableError;
use crate::model::ModelFault;

/// An error that says in both languages what is wrong and what to do, with its cause if it has one.
#[derive(Debug)]
pub struct Said {
    zh: String,
    en: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Said {
    /// Makes an error of its two texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Said {
        Said { zh: zh.into(), en: en.into(), cause: None }
    }

    /// Adds what led to it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Said {
        self.cause = Some(cause.into());
        self
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en)
    }
}

impl StdError for Said {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Returns the error and its causes in one line, the outermost first. What other libraries say stays English.
pub fn tell(error: &(dyn StdError + 'static), language: Language) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = match language {
            Language::English => error.to_string(),
            Language::Chinese => chinese(error),
        };
        // Some errors repeat their cause in their own text.
        if !parts.last().is_some_and(|last| last.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    parts.join(if language == Language::Chinese { "：" } else { ": " })
}

fn chinese(error: &(dyn StdError + 'static)) -> String {
    if let Some(said) = error.downcast_ref::<Said>() {
        said.zh.clone()
    } else if let Some(error) = error.downcast_ref::<Error>() {
        error.chinese()
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        of_system(error)
    } else if let Some(error) = error.downcast_ref::<SheetError>() {
        of_sheet(error)
    } else if let Some(error) = error.downcast_ref::<StoreError>() {
        of_store(error)
    } else if let Some(error) = error.downcast_ref::<TableError>() {
        of_table(error)
    } else if let Some(error) = error.downcast_ref::<ScaffoldError>() {
        of_scaffold(error)
    } else if let Some(fault) = error.downcast_ref::<ModelFault>() {
        of_model(fault)
    } else if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        of_json(error)
    } else if error.is::<std::num::ParseIntError>() || error.is::<std::num::ParseFloatError>() {
        "不是数，或超出范围".to_owned()
    } else if error.is::<std::str::Utf8Error>() || error.is::<std::string::FromUtf8Error>() {
        "不是 UTF-8 文字".to_owned()
    } else {
        error.to_string()
    }
}

fn of_system(error: &io::Error) -> String {
    let said = match error.kind() {
        io::ErrorKind::NotFound => "没有这个文件或目录",
        io::ErrorKind::PermissionDenied => "没有权限",
        io::ErrorKind::AlreadyExists => "已经存在",
        io::ErrorKind::IsADirectory => "这是目录，不是文件",
        io::ErrorKind::NotADirectory => "路径中有一段不是目录",
        io::ErrorKind::StorageFull => "磁盘已满",
        io::ErrorKind::ReadOnlyFilesystem => "文件系统是只读的",
        io::ErrorKind::InvalidData => "内容读不懂",
        io::ErrorKind::UnexpectedEof => "文件不完整",
        io::ErrorKind::AddrInUse => "这个端口有别的程序在用",
        io::ErrorKind::AddrNotAvailable => "这不是本机的地址",
        io::ErrorKind::BrokenPipe => "接收的一方已经关闭",
        io::ErrorKind::FileTooLarge => "文件超过系统允许的大小",
        io::ErrorKind::TimedOut => "等待超时",
        _ => return error.to_string(),
    };
    said.to_owned()
}

/// Returns in Chinese what serde and the TOML reader say of a file's text.
pub fn of_toml(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match (message.split_once(' ').map(|(first, _)| first), quoted.as_slice()) {
        (Some("missing"), [key, ..]) => format!("缺少 `{key}`"),
        (Some("unknown"), [key]) => format!("不认识的 `{key}`"),
        (Some("unknown"), [key, known @ ..]) => format!("不认识的 `{key}`：可用的有 {}", known.join(" ")),
        (Some("duplicate"), [key, ..]) => format!("`{key}` 写了两次"),
        (Some("duplicate"), []) => "同一个键写了两次".to_owned(),
        (Some("invalid"), _) if message.starts_with("invalid type") => format!("值的类型不对（{message}）"),
        _ => format!("这里不符合 TOML 语法（{message}）"),
    }
}

/// Returns in Chinese what is wrong with JSON.
fn of_json(error: &serde_json::Error) -> String {
    let place = match (error.line(), error.column()) {
        (0, _) => String::new(),
        (1, column) => format!("第 {column} 个字节"),
        (line, column) => format!("第 {line} 行第 {column} 个字节"),
    };
    match error.classify() {
        serde_json::error::Category::Eof => format!("JSON 没有写完（到{place}为止）"),
        serde_json::error::Category::Syntax => format!("{place}不符合 JSON 语法（{error}）"),
        serde_json::error::Category::Data => format!("{place}的值不对（{error}）"),
        serde_json::error::Category::Io => "读不了".to_owned(),
    }
}

fn of_sheet(error: &SheetError) -> String {
    match error {
        SheetError::Workbook(cause) => {
            format!("不是能读的工作簿（{cause}）：另存为不带密码的 .xlsx 或 .csv")
        }
        SheetError::NoSheet => "工作簿里没有工作表".to_owned(),
        SheetError::UnknownSheet { wanted, known } => format!("没有工作表 `{wanted}`：有 {known}"),
        SheetError::Write(_) => "工作簿写不了".to_owned(),
    }
}

fn of_store(error: &StoreError) -> String {
    match error {
        StoreError::File(error) => error.chinese(),
        StoreError::Taken { version } => {
            format!("版本 {version} 已用别的内容发布过：把 pack.toml 的 version 升上去")
        }
        StoreError::Unknown { wanted, known } => format!("没有发布过版本 `{wanted}`：有 {known}"),
        StoreError::NothingBefore => "没有更早的版本可以换回".to_owned(),
        StoreError::Damaged(id) => format!("版本 `{id}` 已损坏：用 `chattag pack verify` 看坏在哪里"),
    }
}

fn of_table(error: &TableError) -> String {
    match error {
        TableError::File(error) => error.chinese(),
        TableError::Parquet { path, .. } => format!("`{}` 不能当作 Parquet 读", path.display()),
        TableError::Arrow(_) => "有一批行读不出".to_owned(),
        TableError::NoTable { table, out } => {
            format!("`{}` 里没有表 `{table}`：它是 `chattag run` 的输出目录吗？", out.display())
        }
        TableError::UnknownTable { table, known } => format!("没有表 `{table}`：有 {known}"),
        TableError::NoColumn { table, column, known } => {
            format!("表 `{table}` 没有列 `{column}`：有 {known}")
        }
    }
}

fn of_scaffold(error: &ScaffoldError) -> String {
    match error {
        ScaffoldError::Id(id) => {
            format!("`{id}` 不能作 id：小写字母开头，只用小写字母、数字、下划线，3 到 40 个字符")
        }
        ScaffoldError::Exists(what) => format!("已经有 `{what}`：换一个 id"),
    }
}

fn of_model(fault: &ModelFault) -> String {
    match fault {
        ModelFault::NotAModel => "不是模型文件：应以 `CHATTAGM` 开头".to_owned(),
        ModelFault::Version(version) => {
            format!("模型格式是 {version}，本版本读不了：重新训练，或用更新的 chattag")
        }
        ModelFault::Card(cause) => format!("模型卡读不懂：{cause}"),
        ModelFault::Weights { expected, found } => {
            format!("权重与模型卡不符：应为 {expected}，实为 {found}；请重新复制文件")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_libraries_say_of_a_text_is_told_in_chinese() {
        let cases = [
            ("missing field `tables`", "缺少 `tables`"),
            (
                "unknown field `tabels`, expected `tables` or `staff`",
                "不认识的 `tabels`：可用的有 tables staff",
            ),
            ("duplicate key", "同一个键写了两次"),
            ("extra `=`, expected nothing", "这里不符合 TOML 语法（extra `=`, expected nothing）"),
        ];
        for (english, chinese) in cases {
            assert_eq!(of_toml(english), chinese);
        }
        let json = |text: &str| of_json(&serde_json::from_str::<serde_json::Value>(text).unwrap_err());
        assert_eq!(json("{\"a\":"), "JSON 没有写完（到第 5 个字节为止）");
        let number: Box<dyn StdError> = Box::new("x".parse::<u32>().unwrap_err());
        assert_eq!(tell(number.as_ref(), Language::Chinese), "不是数，或超出范围");
    }

    #[test]
    fn errors_are_told_cause_by_cause_in_both_languages() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        // (error, Chinese, English)
        let cases: [(Box<dyn StdError>, &str, &str); 4] = [
            (
                Box::new(Error::read(Path::new("a.csv"), missing())),
                "读不了 `a.csv`：没有这个文件或目录",
                "cannot read `a.csv`: entity not found",
            ),
            (
                Box::new(Error::argument("share", "many", "`1%` or `0.01`")),
                "`many` 不能作比例：应为`1%` 或 `0.01`",
                "`many` is no share: expected `1%` or `0.01`",
            ),
            (Box::new(Said::new("甲", "a").because(Said::new("乙", "b"))), "甲：乙", "a: b"),
            (
                Box::new(StoreError::File(Error::read(Path::new("current"), missing()))),
                "读不了 `current`：没有这个文件或目录",
                "cannot read `current`: entity not found",
            ),
        ];
        for (error, zh, en) in cases {
            assert_eq!(tell(error.as_ref(), Language::Chinese), zh);
            assert_eq!(tell(error.as_ref(), Language::English), en);
        }
    }
}
