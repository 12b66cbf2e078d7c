//! Says in Chinese what is wrong with a command line; in English the parser says it itself.

use std::process::ExitCode;

use chattag::diagnostic::Language;
use chattag::telling::tell;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::console;

/// Prints help, the version, or what is wrong; the exit code is 0 or 2.
pub fn explain(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let code = if is_answer { ExitCode::SUCCESS } else { ExitCode::from(2) };
    let in_chinese = console::language_before(std::env::args()) == Language::Chinese;
    match chinese(error).filter(|_| in_chinese && !is_answer) {
        Some(said) => eprintln!("错误: {said}{}", usage(error)),
        // A reader that went away, as `head` does, is no trouble.
        None => drop(error.print()),
    }
    code
}

/// What is wrong, and what to type; `None` where the parser shows a page of help instead.
fn chinese(error: &clap::Error) -> Option<String> {
    let get = |kind| error.get(kind).map(words).unwrap_or_default();
    let argument = get(ContextKind::InvalidArg);
    let value = get(ContextKind::InvalidValue);
    let said = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} 后面缺少值{}", choices(error)),
        ErrorKind::InvalidValue => format!("`{value}` 不能用于 {argument}{}", choices(error)),
        ErrorKind::ValueValidation => {
            let why =
                std::error::Error::source(error).map(|why| format!("：{}", tell(why, Language::Chinese)));
            let why = why.unwrap_or_default();
            format!("`{value}` 不能用于 {argument}{why}")
        }
        ErrorKind::UnknownArgument => {
            format!("不认识的参数 `{argument}`{}", meant(error, ContextKind::SuggestedArg))
        }
        ErrorKind::InvalidSubcommand => {
            let command = get(ContextKind::InvalidSubcommand);
            format!("没有命令 `{command}`{}", meant(error, ContextKind::SuggestedSubcommand))
        }
        ErrorKind::NoEquals => format!("{argument} 要写成 {argument}=值"),
        ErrorKind::TooManyValues => format!("{argument} 不能再有 `{value}`：值太多"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => format!("{argument} 的值的个数不对"),
        ErrorKind::ArgumentConflict => conflict(&argument, &get(ContextKind::PriorArg)),
        ErrorKind::MissingRequiredArgument => format!("还缺少: {argument}"),
        ErrorKind::MissingSubcommand => "还缺少命令".to_owned(),
        ErrorKind::InvalidUtf8 => "参数里有不是 UTF-8 的字符".to_owned(),
        _ => return None,
    };
    Some(said)
}

fn conflict(argument: &str, prior: &str) -> String {
    match prior.is_empty() || prior == argument {
        true => format!("{argument} 只能写一次"),
        false => format!("{argument} 不能与 {prior} 一起用"),
    }
}

fn choices(error: &clap::Error) -> String {
    let known = error.get(ContextKind::ValidValue).map(words).unwrap_or_default();
    let meant = meant(error, ContextKind::SuggestedValue);
    if known.is_empty() { meant } else { format!("：可选 {known}{meant}") }
}

fn meant(error: &clap::Error, kind: ContextKind) -> String {
    let words = error.get(kind).map(words).unwrap_or_default().replace(", ", "` 或 `");
    if words.is_empty() { String::new() } else { format!("；是不是 `{words}`？") }
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(texts) => {
            texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        ContextValue::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// How the command is written, as the parser words it.
fn usage(error: &clap::Error) -> String {
    let usage = error.get(ContextKind::Usage).map(words).unwrap_or_default();
    let usage = usage.trim().trim_start_matches("Usage:").trim();
    let shown = if usage.is_empty() { String::new() } else { format!("\n\n用法: {usage}") };
    format!("{shown}\n\n加 --help 看说明和例子。")
}
