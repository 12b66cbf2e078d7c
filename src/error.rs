//! Why a run stopped: trouble that cannot be laid aside and worked around.
//!
//! One bad record is a `RecordFault`, an odd dictionary is a `Diagnostic`;
//! neither is an [`Error`].

mod phrases;

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;

/// Why a run stopped. Opaque: callers print it or ask `is_*`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] ErrorKind);

#[derive(Debug, thiserror::Error)]
enum ErrorKind {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "no archive file matches `{pattern}`: expected a file, a directory, a glob such as `archive/*.jsonl`, or `-`"
    )]
    NoInput { pattern: String },
    #[error("{n} errors in the dictionaries; `chattag check` lists them")]
    Dictionaries { n: usize, findings: Vec<Diagnostic> },
    #[error("`{path}` cannot be used: mend what is listed above")]
    Unusable { path: PathBuf, findings: Vec<Diagnostic> },
    #[error("another run holds `{path}`{holder}: wait for it to end, or write to another directory")]
    Locked { path: PathBuf, holder: String },
    #[error("`{path}` is damaged: {what}")]
    Damaged { path: PathBuf, what: &'static str },
    #[error(
        "state file `{path}` has format {found}, this build reads {wanted}: run the chattag that wrote it, or a newer one"
    )]
    StateFormat { path: PathBuf, found: u32, wanted: u32 },
    #[error("`{path}` has no state: expected the output directory of an earlier `chattag run`")]
    NoState { path: PathBuf },
    #[error("interrupted: nothing was written")]
    Interrupted,
    #[error("cannot listen on `{address}`: expected a free port of this machine, such as 127.0.0.1:9184")]
    Listen { address: std::net::SocketAddr, source: io::Error },
    #[error("cannot write table `{table}`")]
    Parquet { table: &'static str, source: parquet::errors::ParquetError },
    #[error("`{value}` is no {what}: expected {expected}")]
    Argument { what: &'static str, value: String, expected: &'static str },
    #[error("`{value}` is no {what}: expected one of {known}")]
    NoneOf { what: &'static str, value: String, known: String },
}

impl Error {
    /// `path` could not be read.
    pub fn read(path: &Path, source: io::Error) -> Error {
        ErrorKind::Read { path: path.to_owned(), source }.into()
    }

    /// `path` could not be written.
    pub fn write(path: &Path, source: io::Error) -> Error {
        ErrorKind::Write { path: path.to_owned(), source }.into()
    }

    /// `pattern` names no input.
    pub fn no_input(pattern: &str) -> Error {
        ErrorKind::NoInput { pattern: pattern.to_owned() }.into()
    }

    /// The dictionaries have errors.
    pub fn dictionaries(findings: Vec<Diagnostic>) -> Error {
        let n = findings.iter().filter(|finding| finding.code.starts_with('E')).count();
        ErrorKind::Dictionaries { n, findings }.into()
    }

    /// A file that the user wrote, other than dictionaries, has errors.
    pub fn unusable(path: &Path, findings: Vec<Diagnostic>) -> Error {
        ErrorKind::Unusable { path: path.to_owned(), findings }.into()
    }

    /// Another process holds the lock at `path`; `holder` says which, or is empty.
    pub fn locked(path: &Path, holder: &str) -> Error {
        let holder = if holder.is_empty() { String::new() } else { format!(" ({holder})") };
        ErrorKind::Locked { path: path.to_owned(), holder }.into()
    }

    /// A file of the output directory is not what was written there.
    pub fn damaged(path: &Path, what: &'static str) -> Error {
        ErrorKind::Damaged { path: path.to_owned(), what }.into()
    }

    /// The output directory at `path` has no commit with a state.
    pub fn no_state(path: &Path) -> Error {
        ErrorKind::NoState { path: path.to_owned() }.into()
    }

    /// A state file was written by another version.
    pub fn state_format(path: &Path, found: u32, wanted: u32) -> Error {
        ErrorKind::StateFormat { path: path.to_owned(), found, wanted }.into()
    }

    /// The user stopped the run.
    pub fn interrupted() -> Error {
        ErrorKind::Interrupted.into()
    }

    /// Nobody can be answered on `address`.
    pub fn listen(address: std::net::SocketAddr, source: io::Error) -> Error {
        ErrorKind::Listen { address, source }.into()
    }

    /// A Parquet table could not be made.
    pub fn parquet(table: &'static str, source: parquet::errors::ParquetError) -> Error {
        ErrorKind::Parquet { table, source }.into()
    }

    /// A value given by the user cannot be used.
    pub fn argument(what: &'static str, value: &str, expected: &'static str) -> Error {
        ErrorKind::Argument { what, value: value.to_owned(), expected }.into()
    }

    /// A value given by the user is none of those there are.
    pub fn argument_one_of(what: &'static str, value: &str, known: &[&str]) -> Error {
        ErrorKind::NoneOf { what, value: value.to_owned(), known: known.join(", ") }.into()
    }

    /// Returns the same text in Chinese; `Display` is English.
    pub fn chinese(&self) -> String {
        self.0.chinese()
    }

    /// Returns whether another run holds the output directory.
    pub fn is_locked(&self) -> bool {
        matches!(self.0, ErrorKind::Locked { .. })
    }

    /// Returns whether whoever read the output has gone.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(&self.0, ErrorKind::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns whether the user stopped the run.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.0, ErrorKind::Interrupted)
    }

    /// Returns the findings when the dictionaries or another file of the user are at fault.
    pub fn findings(&self) -> &[Diagnostic] {
        match &self.0 {
            ErrorKind::Dictionaries { findings, .. } | ErrorKind::Unusable { findings, .. } => findings,
            _ => &[],
        }
    }
}

impl ErrorKind {
    fn chinese(&self) -> String {
        use phrases::chinese;
        match self {
            ErrorKind::Read { path, .. } => format!("读不了 `{}`", path.display()),
            ErrorKind::Write { path, .. } => format!("写不了 `{}`", path.display()),
            ErrorKind::NoInput { pattern } => format!(
                "没有与 `{pattern}` 相符的存档文件：应为文件、目录、`archive/*.jsonl` 这样的通配符，或 `-`"
            ),
            ErrorKind::Dictionaries { n, .. } => format!("词库有 {n} 处错误；用 `chattag check` 逐条列出"),
            ErrorKind::Unusable { path, .. } => format!("`{}` 不能用：请改好上面列出的各处", path.display()),
            ErrorKind::Locked { path, holder } => {
                format!("`{}` 正被另一次运行占用{holder}：等它结束，或写到别的目录", path.display())
            }
            ErrorKind::Damaged { path, what } => format!("`{}` 已损坏：{}", path.display(), chinese(what)),
            ErrorKind::StateFormat { path, found, wanted } => format!(
                "状态文件 `{}` 的格式是 {found}，本版本读 {wanted}：用写它的那个 chattag，或更新的版本",
                path.display()
            ),
            ErrorKind::NoState { path } => {
                format!("`{}` 没有状态：应为以前 `chattag run` 的输出目录", path.display())
            }
            ErrorKind::Interrupted => "已中断：什么都没有写".to_owned(),
            ErrorKind::Listen { address, .. } => {
                format!("不能在 `{address}` 上监听：应为本机空闲的端口，如 127.0.0.1:9184")
            }
            ErrorKind::Parquet { table, .. } => format!("写不了表 `{table}`"),
            ErrorKind::Argument { what, value, expected } => {
                format!("`{value}` 不能作{}：应为{}", chinese(what), chinese(expected))
            }
            ErrorKind::NoneOf { what, value, known } => {
                format!("`{value}` 不是{}：可选 {known}", chinese(what))
            }
        }
    }
}
