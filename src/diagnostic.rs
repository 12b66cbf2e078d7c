//! Findings about maintained data: dictionaries, rules, configuration.
//!
//! A diagnostic has a stable code, a place, a message in Chinese and English,
//! and help that says what to type. Parsing maintained data never fails; it
//! returns what it could use and a list of these.

mod codes;

use std::fmt;

pub use codes::{CODES, Code, markdown};

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing runs until it is mended.
    Error,
    /// Runs, unless warnings are denied.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// Returns the severity that a code's first letter names.
    pub fn of_code(code: &str) -> Severity {
        match code.as_bytes().first() {
            Some(b'E') => Severity::Error,
            Some(b'W') => Severity::Warning,
            _ => Severity::Note,
        }
    }

    /// Returns the word for it.
    pub fn word(self, language: Language) -> &'static str {
        match language {
            Language::Chinese => severity_zh(self),
            Language::English => severity_en(self),
        }
    }
}

/// The language of messages to people. Codes are the same in both.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// 中文
    #[default]
    Chinese,
    /// English
    English,
}

/// Where in the maintained files a thing was written.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Place {
    /// Path relative to the dictionary directory, with `/`.
    pub file: String,
    /// Line, counted from 1; 0 means the whole file.
    pub line: u32,
    /// Column in characters, counted from 1; 0 means the whole line. In a CSV file: the cell.
    pub column: u32,
}

impl Place {
    /// The place at `line` and `column` of `file`.
    pub fn new(file: &str, line: u32, column: u32) -> Place {
        Place { file: file.to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// One finding.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Diagnostic {
    /// Stable code, such as `E003`; documented in `docs/diagnostics.md`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong, in Chinese.
    pub zh: String,
    /// What is wrong, in English.
    pub en: String,
    /// What to type instead, in Chinese; may be empty.
    pub help_zh: String,
    /// What to type instead, in English; may be empty.
    pub help_en: String,
}

impl Diagnostic {
    /// Makes a finding; the code's first letter gives the severity.
    pub fn new(code: &'static str, place: Place, zh: impl Into<String>, en: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::of_code(code),
            place,
            zh: zh.into(),
            en: en.into(),
            help_zh: String::new(),
            help_en: String::new(),
        }
    }

    /// Adds what to type instead, in both languages.
    #[must_use]
    pub fn with_help(mut self, zh: impl Into<String>, en: impl Into<String>) -> Diagnostic {
        self.help_zh = zh.into();
        self.help_en = en.into();
        self
    }

    /// Returns the finding as one or two lines of text, without a final line feed.
    pub fn render(&self, language: Language) -> String {
        let (word, (message, help)) = (self.severity.word(language), self.said(language));
        let mut text = format!("{word} {} {}  {message}", self.code, self.place);
        if !help.is_empty() {
            let help_word = if language == Language::Chinese { "建议" } else { "help" };
            text.push_str(&format!("\n  {help_word}: {help}"));
        }
        text
    }

    /// Returns what is wrong and what to type instead, which may be empty.
    pub fn said(&self, language: Language) -> (&str, &str) {
        match language {
            Language::Chinese => (&self.zh, &self.help_zh),
            Language::English => (&self.en, &self.help_en),
        }
    }
}

/// Sorts findings by file, line, column and code: the order people read them in.
pub fn sort(findings: &mut [Diagnostic]) {
    findings.sort_by(|a, b| a.place.cmp(&b.place).then_with(|| a.code.cmp(b.code)));
}

/// Returns whether any finding is an error.
pub fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

fn severity_zh(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "错误",
        Severity::Warning => "警告",
        Severity::Note => "提示",
    }
}

fn severity_en(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
