//! `chattag distill`: unlabelled texts in; a model that learned from the lexicons, and where the two part.
#![allow(clippy::print_stdout, reason = "the disagreements are the command's output")]

use chattag::learning::{Teaching, distill};
use chattag::model::{DataSource, ModelCard, Training};

use serde_json::json;

use super::scoring;
use crate::Status;
use crate::args::DistillArgs;
use crate::console::Console;

/// Lets the lexicons label the texts, trains, prints the surest disagreements.
pub fn run(args: &DistillArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let label = scoring::label(&args.labels);
    let (mut texts, mut data) = (Vec::new(), Vec::new());
    for path in &args.files {
        let own = chattag::learning::read(path, &scoring::fields(&args.labels))?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        data.push(DataSource { name, texts: own.len(), positive: 0, licence: args.licence.clone() });
        texts.extend(own);
    }
    let plain: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    let evidence = scoring::evidence(&bundle, label, &plain);
    let pairs: Vec<(&str, f64)> = plain.iter().copied().zip(evidence).collect();
    let card = ModelCard {
        label: label.name().to_owned(),
        made: args.made.clone(),
        command: "chattag distill".to_owned(),
        data,
        ..ModelCard::default()
    };
    let training = scoring::training(&args.training, Training::default());
    let (model, disagreements) = distill(&pairs, Teaching::default(), training, card, args.list);
    scoring::write(&args.out, &model)?;
    for one in &disagreements {
        if args.json {
            let kind = if one.evidence > 0.0 { "term_without_model" } else { "model_without_term" };
            let (id, text) = (&texts[one.at].id, plain[one.at]);
            let line =
                json!({ "kind": kind, "id": id, "text": text, "score": one.score, "evidence": one.evidence });
            println!("{line}");
            continue;
        }
        let kind = match one.evidence > 0.0 {
            true => console.pick("词库命中、模型不认", "term hits, model doubts"),
            false => console.pick("模型认为是、词库没有", "model says so, no term"),
        };
        println!("{kind}\t{:.3}\t{}\t{}", one.score, texts[one.at].id, plain[one.at].replace('\n', " "));
    }
    Ok(Status::Fine)
}
