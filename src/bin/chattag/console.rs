//! How the program speaks: language, logs, whether anybody watches.

use std::io::IsTerminal;

use chattag::diagnostic::Language;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::args::{Common, Lang, LogFormat};

/// Language and volume of what is printed.
pub struct Console {
    language: Language,
    quiet: bool,
    is_terminal: bool,
}

impl Console {
    /// Resolves the common options and starts the log.
    pub fn new(common: &Common) -> Console {
        let is_terminal = std::io::stderr().is_terminal();
        let format = common.log.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json });
        start_log(format, common.quiet, is_terminal && common.log.is_none());
        Console { language: language(common.lang), quiet: common.quiet, is_terminal }
    }

    /// Returns the language of messages.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Returns the text in the language of messages.
    pub fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Chinese => zh,
            Language::English => en,
        }
    }

    /// Returns whether only errors are wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns whether somebody watches a terminal.
    pub fn shows_progress(&self) -> bool {
        self.is_terminal && !self.quiet
    }
}

/// Starts the log on standard error. A watched terminal shows warnings only: the progress bar says the rest.
fn start_log(format: LogFormat, quiet: bool, watched: bool) {
    let level = match (quiet, watched) {
        (true, _) => "error",
        (false, true) => "warn",
        (false, false) => "info",
    };
    let filter = EnvFilter::try_from_env("CHATTAG_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_target(false).init(),
    }
}

fn language(asked: Option<Lang>) -> Language {
    match asked {
        Some(Lang::Zh) => Language::Chinese,
        Some(Lang::En) => Language::English,
        None => locale_language(),
    }
}

/// Returns the language of messages before the arguments are understood: `--lang` if it is there, else as without it.
pub fn language_before(arguments: impl Iterator<Item = String>) -> Language {
    let words: Vec<String> = arguments.collect();
    let given = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--lang") {
        Some("") => words.get(at + 1).map(String::as_str),
        Some(value) => value.strip_prefix('='),
        None => None,
    });
    let from_environment = std::env::var("CHATTAG_LANG").ok();
    let known = |word: &str| Lang::from_str(word, false).ok();
    language(given.and_then(known).or_else(|| from_environment.as_deref().and_then(known)))
}

/// Chinese where the locale is Chinese, English elsewhere.
fn locale_language() -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    if locale.is_some_and(|locale| locale.starts_with("zh")) { Language::Chinese } else { Language::English }
}
