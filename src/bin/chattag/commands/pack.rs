//! `chattag pack`: publishes dictionaries, verifies what is published, goes back.
#![allow(clippy::print_stdout, reason = "the versions are this command's output")]

use std::path::Path;

use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::{self, Diagnostic};
use chattag::error::Error;
use chattag::maintain::pack_diff;
use chattag::maintain::pack_store::{self, PackStore, StoreFault};
use chattag::rules::SourceFile;

use super::text_table::TextTable;
use crate::Status;
use crate::args::{PackAction, PackArgs, PackBuildArgs, PackRollbackArgs, PackStoreArgs};
use crate::console::Console;

/// Does what the arguments ask.
pub fn run(args: &PackArgs, console: &Console) -> anyhow::Result<Status> {
    match &args.action {
        PackAction::Build(args) => build(args, console),
        PackAction::List(args) => list(args, console),
        PackAction::Verify(args) => verify(args, console),
        PackAction::Rollback(args) => rollback(args, console),
    }
}

/// Publishes only what is checked and tested, alone and with each industry pack.
fn build(args: &PackBuildArgs, console: &Console) -> anyhow::Result<Status> {
    let mut files = bundle::files_in(&args.dict)?;
    let (mut bundle, mut findings) = sound(&files, &[])?;
    if args.bump && bump(args, &mut files, &bundle, console)? {
        (bundle, findings) = sound(&files, &[])?;
    }
    let mut failing = failing_tests(&bundle);
    for pack in &args.packs {
        failing.extend(failing_tests(&sound(&files, std::slice::from_ref(pack))?.0));
    }
    if !failing.is_empty() {
        match args.json {
            true => println!("{}", serde_json::json!({ "failing_tests": failing })),
            false => {
                failing.iter().for_each(|name| println!("✗ {name}"));
                println!("{}", console.pick("测试没有通过：没有发布", "tests fail: nothing published"));
            }
        }
        return Ok(Status::Findings);
    }
    let warnings = findings.iter().filter(|finding| finding.code.starts_with('W')).count();
    let published = PackStore::new(&args.store).publish(&files, &bundle, &args.note, &super::now())?;
    match args.json {
        true => println!("{}", serde_json::to_string(&published)?),
        false => println!(
            "{} {}  {}  fp {}…  {} {}, {} {warnings}",
            console.pick("已发布并启用", "published and in use:"),
            published.id(),
            first(&published.hash, 12),
            first(&published.fingerprint, 8),
            published.files.len(),
            console.pick("个文件", "files"),
            console.pick("警告", "warnings"),
        ),
    }
    Ok(Status::Fine)
}

/// Raises the version in `pack.toml` where the published one asks for it; says whether it did.
fn bump(
    args: &PackBuildArgs,
    files: &mut [SourceFile],
    bundle: &Bundle,
    console: &Console,
) -> anyhow::Result<bool> {
    if !PackStore::is_store(&args.store) {
        return Ok(false);
    }
    let published = super::load_from(&args.store, &[], console)?;
    let diff = pack_diff::diff(&published, bundle);
    let Some(pack) = files.iter_mut().find(|file| file.path == "pack.toml") else { return Ok(false) };
    let text = String::from_utf8_lossy(&pack.bytes).into_owned();
    let raised = pack_store::with_version(&text, &diff.advice).filter(|_| !diff.version_is_enough);
    let Some(raised) = raised else { return Ok(false) };
    pack.bytes = raised.into_bytes();
    super::write_file(&args.dict.join("pack.toml"), &pack.bytes)?;
    if !args.json {
        println!("pack.toml: version = \"{}\"", diff.advice);
    }
    Ok(true)
}

fn sound(files: &[SourceFile], packs: &[String]) -> anyhow::Result<(Bundle, Vec<Diagnostic>)> {
    let options = Options { packs: packs.to_vec(), today: None };
    match Bundle::from_files(files, &options) {
        (Some(bundle), findings) if !diagnostic::has_errors(&findings) => Ok((bundle, findings)),
        (_, findings) => Err(Error::dictionaries(findings).into()),
    }
}

/// The first characters of a hash; a damaged list may hold less.
fn first(hash: &str, n: usize) -> String {
    hash.chars().take(n).collect()
}

fn failing_tests(bundle: &Bundle) -> Vec<String> {
    let run = |scenario: &chattag::scenario::Scenario| {
        scenario.run(&bundle.rules, &bundle.catalog, &bundle.annotator)
    };
    let failed = bundle.scenarios.iter().map(run).filter(chattag::scenario::Outcome::is_failure);
    failed
        .map(|outcome| format!("{} “{}” {}", outcome.rules.join("+"), outcome.name, outcome.place))
        .collect()
}

/// The store at `root`, which must have something in it.
fn opened(root: &Path) -> anyhow::Result<PackStore> {
    if root.join("packs").is_dir() {
        return Ok(PackStore::new(root));
    }
    let root = root.display();
    Err(super::said(
        format!("`{root}` 不是发布仓库：应为 `chattag pack build --store` 写出的目录"),
        format!("`{root}` is no pack store: expected a directory that `chattag pack build --store` made"),
    ))
}

fn list(args: &PackStoreArgs, console: &Console) -> anyhow::Result<Status> {
    let store = opened(&args.store)?;
    let (all, current, history) = (store.list()?, store.current()?, store.history()?);
    if args.json {
        println!("{}", serde_json::json!({ "current": current, "packs": all, "history": history }));
        return Ok(Status::Fine);
    }
    let header = [
        "",
        console.pick("版本", "version"),
        "hash",
        console.pick("发布", "published"),
        console.pick("说明", "note"),
    ];
    let mut table = TextTable::new(header);
    for pack in &all {
        let mark = if pack.id() == current { "▶" } else { "" };
        let built = history.iter().find(|line| line.selected == pack.id());
        let at = built.map_or_else(String::new, |line| line.at.clone());
        table.push([mark.to_owned(), pack.id(), first(&pack.hash, 12), at, pack.note.clone()]);
    }
    print!("{}", table.render());
    Ok(Status::Fine)
}

fn verify(args: &PackStoreArgs, console: &Console) -> anyhow::Result<Status> {
    let store = opened(&args.store)?;
    let faults = store.verify()?;
    if args.json {
        println!("{}", serde_json::to_string(&faults)?);
    } else {
        faults.iter().for_each(|fault| println!("✗ {}", describe(fault, console)));
        let n = store.list()?.len();
        if faults.is_empty() {
            println!("{n} {}", console.pick("个版本，全部完好", "versions, all as published"));
        }
    }
    Ok(if faults.is_empty() { Status::Fine } else { Status::Findings })
}

fn describe(fault: &StoreFault, console: &Console) -> String {
    let said = |zh: String, en: String| match console.language() {
        diagnostic::Language::Chinese => zh,
        diagnostic::Language::English => en,
    };
    match fault {
        StoreFault::Changed { pack, file } => {
            said(format!("{pack}: {file} 被改过"), format!("{pack}: {file} was changed"))
        }
        StoreFault::Missing { pack, file } => {
            said(format!("{pack}: 缺少 {file}"), format!("{pack}: {file} is gone"))
        }
        StoreFault::Extra { pack, file } => {
            said(format!("{pack}: 多出 {file}"), format!("{pack}: {file} was not published"))
        }
        StoreFault::Manifest { pack } => {
            said(format!("{pack}: 哈希清单被改过"), format!("{pack}: its list of hashes was changed"))
        }
        StoreFault::History { line } => said(
            format!("history.jsonl 第 {line} 行被改过"),
            format!("line {line} of history.jsonl was changed"),
        ),
        StoreFault::Current { selected } => said(
            format!("current 指向没有发布过的 {selected}"),
            format!("current names {selected}, which was never published"),
        ),
    }
}

fn rollback(args: &PackRollbackArgs, console: &Console) -> anyhow::Result<Status> {
    let store = opened(&args.store)?;
    let selected = store.rollback(args.version.as_deref(), &super::now())?;
    match args.json {
        true => println!("{}", serde_json::to_string(&selected)?),
        false => println!(
            "{} {}{}",
            console.pick("现在使用", "now in use:"),
            selected.id(),
            console.pick("；正在进行的运行不受影响", "; runs under way keep theirs")
        ),
    }
    Ok(Status::Fine)
}
