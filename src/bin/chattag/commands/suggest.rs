//! `chattag suggest`: words that an archive says are worth taking in.
#![allow(clippy::print_stdout, reason = "the suggestions are this command's output")]

use chattag::batch::Progress;
use chattag::bundle::Bundle;
use chattag::lexicon;
use chattag::maintain::suggest::{self, Like, SuggestOptions, Suggestion};

use crate::Status;
use crate::args::SuggestArgs;
use crate::console::Console;

/// Looks for suggestions, prints them, and writes the CSV asked for.
pub fn run(args: &SuggestArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let like = like(args, &bundle)?;
    if let Some(lexicon) = &args.lexicon
        && bundle.catalog.find(lexicon).is_none()
    {
        return Err(super::unknown(("词表", "list"), lexicon));
    }
    let zone = &bundle.rules.pack.zone;
    let options =
        super::rehearsal(&args.archive.archive, &args.archive.sample, super::MEMORY, zone, console)?;
    let wanted = SuggestOptions {
        like,
        lexicon: args.lexicon.clone(),
        min: args.min,
        top: args.top,
        sample: args.sample,
    };
    let found = suggest::suggest(&bundle, &options, &wanted, &Progress::default())?;
    if let Some(path) = &args.out {
        super::write_file(path, suggest::to_csv(&found, &bundle.catalog, console.language()).as_bytes())?;
    }
    match args.json {
        true => {
            for one in &found {
                println!("{}", serde_json::to_string(one)?);
            }
        }
        false => print!("{}", describe(&found, console)),
    }
    Ok(Status::Fine)
}

fn like(args: &SuggestArgs, bundle: &Bundle) -> anyhow::Result<Like> {
    if let Some(signal) = &args.signal {
        if !bundle.rules.signals.iter().any(|known| known.id == *signal) {
            return Err(super::unknown(("信号", "signal"), signal));
        }
        return Ok(Like::Signal(signal.clone()));
    }
    if let Some(tag) = &args.tag {
        if !bundle.rules.tags.iter().any(|known| known.id == *tag) {
            return Err(super::unknown(("标签", "tag"), tag));
        }
        return Ok(Like::Tag(tag.clone()));
    }
    let Some(path) = &args.labels else { return Ok(Like::Nothing) };
    let bytes = super::read_file(path)?;
    let text = lexicon::decode(&bytes).0;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let column = |names: [&str; 2]| header.iter().position(|title| names.contains(&title.trim()));
    let (Some(said), Some(label)) = (column(["text", "原话"]), column(["label", "标注"])) else {
        let path = path.display();
        return Err(super::said(
            format!("`{path}` 要有 text（原话）和 label（标注，1 或 0）两列"),
            format!("`{path}` needs the columns `text` and `label` (1 or 0)"),
        ));
    };
    let mut labels = Vec::new();
    for row in reader.records() {
        let row = row?;
        let is_one = matches!(row.get(label).unwrap_or_default().trim(), "1" | "true" | "是" | "y" | "yes");
        labels.push((row.get(said).unwrap_or_default().to_owned(), is_one));
    }
    Ok(Like::Labels(labels))
}

fn describe(found: &[Suggestion], console: &Console) -> String {
    let mut text = String::new();
    let mut last = "";
    for one in found {
        if one.kind != last {
            last = one.kind;
            text.push_str(&format!("{}\n", title(last, console)));
        }
        let term = one.term.as_ref().map_or_else(String::new, |term| format!(" ← {term}"));
        let (n, among) = (one.messages, one.among);
        let counts = match console.language() {
            chattag::diagnostic::Language::Chinese => format!("{n} 条消息，其中 {among} 条在目标里"),
            chattag::diagnostic::Language::English => format!("{n} messages, {among} of them to learn from"),
        };
        text.push_str(&format!("  {}{term}  {counts}  {:.1}\n", one.text, one.score));
        one.examples.iter().for_each(|example| text.push_str(&format!("      “{example}”\n")));
    }
    if found.is_empty() {
        text.push_str(console.pick("没有建议\n", "nothing to suggest\n"));
    }
    text
}

fn title(kind: &str, console: &Console) -> &'static str {
    match kind {
        "goes_with" => console.pick("常与目标消息一起出现", "go with the messages to learn from"),
        "new_word" => console.pick("新词", "new words"),
        "variant" => console.pick("疑似变体", "variants"),
        _ => console.pick("建议的排除语境（词条落在更长的词里）", "contexts: longer words that hold a term"),
    }
}
