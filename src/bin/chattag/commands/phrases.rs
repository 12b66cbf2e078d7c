//! `chattag phrases`: proposes covering phrases for a term list.
#![allow(clippy::print_stdout, reason = "the proposals are the command's output")]

use chattag::language::Segmenter;
use chattag::learning::Fields;
use chattag::phrases::propose;

use crate::Status;
use crate::args::PhrasesArgs;
use crate::console::Console;

/// Prints a line per proposal: id, term, phrase, the word in it, hits removed, all hits.
pub fn run(args: &PhrasesArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let list = bundle.catalog.find(&args.lexicon);
    let list = list.ok_or_else(|| super::unknown(("词表", "list"), &args.lexicon))?;
    let fields = Fields { text: args.text_field.clone(), at_least: 1, ..Fields::default() };
    let texts = args.sample.as_deref().map(|path| chattag::learning::read(path, &fields)).transpose()?;
    let texts = texts.unwrap_or_default();
    let sample: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    let proposals = propose(bundle.catalog.lexicon(list), &Segmenter::default(), &sample);
    if args.json {
        for one in proposals.iter().take(args.most) {
            println!("{}", serde_json::to_string(one)?);
        }
        return Ok(Status::Fine);
    }
    println!(
        "{}",
        console.pick("编号\t词条\t排除语境\t所含的词\t去掉\t命中", "id\tterm\tphrase\tword\tremoved\thits")
    );
    for one in proposals.iter().take(args.most) {
        println!("{}\t{}\t{}\t{}\t{}\t{}", one.code, one.term, one.phrase, one.word, one.removed, one.hits);
    }
    Ok(Status::Fine)
}
