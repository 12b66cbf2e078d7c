//! `chattag diff`: what differs between two versions of the dictionaries.
#![allow(clippy::print_stdout, reason = "the difference is this command's output")]

use chattag::diagnostic::Language;
use chattag::maintain::pack_diff::{self, PackDiff, Step};

use crate::Status;
use crate::args::DiffArgs;
use crate::console::Console;

/// Prints the differences; a version number that is too low gives [`Status::Findings`].
pub fn run(args: &DiffArgs, console: &Console) -> anyhow::Result<Status> {
    let old = super::load_from(&args.old, &args.packs, console)?;
    let new = super::load_from(&args.new, &args.packs, console)?;
    let diff = pack_diff::diff(&old, &new);
    match args.json {
        true => println!("{}", serde_json::to_string(&diff)?),
        false => print!("{}", describe(&diff, console)),
    }
    Ok(if diff.version_is_enough { Status::Fine } else { Status::Findings })
}

fn describe(diff: &PackDiff, console: &Console) -> String {
    let chinese = console.language() == Language::Chinese;
    let mut text = String::new();
    for change in &diff.changes {
        let step = match change.step {
            Step::Major => console.pick("主版本", "major"),
            Step::Minor => console.pick("次版本", "minor"),
            Step::Patch => console.pick("修订", "patch"),
            Step::None => "",
        };
        let said = if chinese { &change.zh } else { &change.en };
        text.push_str(&format!("{step}  {} {}  {said}\n", change.kind, change.id));
    }
    if diff.changes.is_empty() {
        text.push_str(console.pick("没有影响结果的差异\n", "no difference that decides\n"));
    }
    let [before, after] = &diff.versions;
    let advice = &diff.advice;
    text.push_str(&match (chinese, diff.version_is_enough) {
        (true, true) => format!("版本 {before} → {after}，至少应为 {advice}：可以\n"),
        (true, false) => format!("版本 {before} → {after}，至少应为 {advice}：请改 pack.toml 的 version\n"),
        (false, true) => format!("version {before} → {after}, at least {advice}: fine\n"),
        (false, false) => {
            format!("version {before} → {after}, at least {advice}: raise `version` in pack.toml\n")
        }
    });
    text
}
