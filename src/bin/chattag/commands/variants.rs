//! `chattag variants`: lists the spellings that are made for terms when a lexicon is compiled.
#![allow(clippy::print_stdout, reason = "the spellings are the command's output")]

use anyhow::Context;
use chattag::language::{fold, spelling_of, syllable_of};
use chattag::lexicon::{VariantKind, VariantTables};

use crate::Status;
use crate::args::VariantsArgs;
use crate::console::Console;

/// Prints a line per spelling: term, kind, spelling, how it sounds.
pub fn run(args: &VariantsArgs, console: &Console) -> anyhow::Result<Status> {
    let mut terms: Vec<String> = args.terms.iter().map(|term| fold(term)).collect();
    if let Some(id) = &args.lexicon {
        let bundle = super::load_sound(&args.dictionaries, console)?;
        let list = bundle.catalog.find(id).with_context(|| format!("there is no lexicon `{id}`"))?;
        let literal = bundle.catalog.lexicon(list).terms().iter().filter(|term| term.mode.is_literal());
        terms.extend(literal.flat_map(|term| term.spellings().map(fold).collect::<Vec<_>>()));
    }
    let tables = VariantTables::default();
    for term in &terms {
        for one in tables.spellings(term) {
            println!("{term}\t{}\t{}\t{}", kind(one.kind, console), one.text, sound(&one.text));
        }
    }
    Ok(Status::Fine)
}

fn kind(kind: VariantKind, console: &Console) -> &'static str {
    match kind {
        VariantKind::Term => {
            console.pick("原词（同音、拼音、数字写法也算）", "term (and what sounds like it)")
        }
        VariantKind::Alias => console.pick("代称", "other name"),
        VariantKind::Split => console.pick("拆字", "taken apart"),
        VariantKind::Shape => console.pick("形近", "looks alike"),
        VariantKind::Inserted => console.pick("插词", "word between"),
    }
}

/// How a spelling sounds; letters and digits stay.
fn sound(text: &str) -> String {
    let sounds: Vec<String> = text
        .chars()
        .map(|c| syllable_of(c).map_or_else(|| c.to_string(), |s| spelling_of(s).to_owned()))
        .collect();
    sounds.join(" ")
}
