//! `chattag variants`: lists the spellings that are made for terms when a lexicon is compiled.
#![allow(clippy::print_stdout, reason = "the spellings are the command's output")]

use chattag::language::{fold, spelling_of, syllable_of};
use chattag::lexicon::{VariantKind, VariantTables};

use serde_json::json;

use crate::Status;
use crate::args::VariantsArgs;
use crate::console::Console;

/// Prints a line per spelling: term, kind, spelling, how it sounds.
pub fn run(args: &VariantsArgs, console: &Console) -> anyhow::Result<Status> {
    let mut terms: Vec<String> = args.terms.iter().map(|term| fold(term)).collect();
    if let Some(id) = &args.lexicon {
        let bundle = super::load_sound(&args.dictionaries, console)?;
        let list = bundle.catalog.find(id).ok_or_else(|| super::unknown(("词表", "list"), id))?;
        let literal = bundle.catalog.lexicon(list).terms().iter().filter(|term| term.mode.is_literal());
        terms.extend(literal.flat_map(|term| term.spellings().map(fold).collect::<Vec<_>>()));
    }
    let tables = VariantTables::default();
    for term in &terms {
        for one in tables.spellings(term) {
            let sound = sound(&one.text);
            match args.json {
                true => {
                    let kind = word(one.kind);
                    println!("{}", json!({ "term": term, "kind": kind, "text": one.text, "sound": sound }));
                }
                false => println!("{term}\t{}\t{}\t{sound}", kind(one.kind, console), one.text),
            }
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

/// What programs call it.
fn word(kind: VariantKind) -> &'static str {
    match kind {
        VariantKind::Term => "term",
        VariantKind::Alias => "alias",
        VariantKind::Split => "split",
        VariantKind::Shape => "shape",
        VariantKind::Inserted => "inserted",
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
