//! `chattag train`: exercises or labelled texts in, a model with its card out.

use std::path::Path;

use chattag::learning::read_exercises;
use chattag::model::{DataSource, Example, ModelCard, Training, train};

use super::scoring;
use crate::Status;
use crate::args::TrainArgs;
use crate::console::Console;

/// Trains on all files together.
pub fn run(args: &TrainArgs, _console: &Console) -> anyhow::Result<Status> {
    let label = scoring::label(&args.labels);
    let (mut examples, mut data) = (Vec::new(), Vec::new());
    for path in &args.files {
        let own = read(path, args)?;
        let positive = own.iter().filter(|example| example.target > 0.5).count();
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        data.push(DataSource { name, texts: own.len(), positive, licence: args.licence.clone() });
        examples.extend(own);
    }
    let usual = match args.files.iter().any(|path| is_exercise(path)) {
        true => Training::default(),
        false => Training::on_labelled(),
    };
    let training = scoring::training(&args.training, usual);
    let card = ModelCard {
        label: label.name().to_owned(),
        made: args.made.clone(),
        command: command(args, training),
        data,
        slope: args.slope,
        offset: args.offset,
        evidence: args.evidence,
        threshold: args.threshold,
        ..ModelCard::default()
    };
    let model = train(&examples, training, card);
    scoring::write(&args.out, &model)?;
    tracing::info!(examples = examples.len(), weights = 1u32 << model.card().bits, "trained");
    Ok(Status::Fine)
}

fn is_exercise(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "txt")
}

fn read(path: &Path, args: &TrainArgs) -> anyhow::Result<Vec<Example>> {
    if is_exercise(path) {
        return Ok(read_exercises(path, usize::from(args.draws))?);
    }
    let mut texts = chattag::learning::read(path, &scoring::fields(&args.labels))?;
    texts.retain(|text| args.sources.is_empty() || args.sources.contains(&text.source));
    let example = |text: chattag::learning::Labelled| {
        let there = if args.unlabelled_are_not { text.there.unwrap_or(false) } else { text.there? };
        Some(Example { text: text.text, target: f64::from(u8::from(there)), weight: 1.0 })
    };
    let examples: Vec<Example> = texts.into_iter().filter_map(example).collect();
    if examples.is_empty() {
        let path = path.display();
        return Err(super::said(
            format!("`{path}` 里没有可学的文本：看看 --label-field 和 --source"),
            format!("`{path}` has no texts to learn from: check --label-field and --source"),
        ));
    }
    Ok(examples)
}

/// The command that makes the model again, for its card; of files elsewhere it has the names only.
fn command(args: &TrainArgs, training: Training) -> String {
    let files: Vec<String> = args.files.iter().map(|path| shown(path)).collect();
    let mut command =
        format!("chattag train {} --label {}", files.join(" "), scoring::label(&args.labels).name());
    if let Some(field) = &args.labels.label_field {
        command += &format!(" --label-field {field}");
    }
    if args.unlabelled_are_not {
        command += " --unlabelled-are-not";
    }
    args.sources.iter().for_each(|source| command += &format!(" --source {source}"));
    let Training { bits, longest, epochs, .. } = training;
    if args.draws > 1 {
        command += &format!(" --draws {}", args.draws);
    }
    command + &format!(" --bits {bits} --longest {longest} --epochs {epochs}")
}

/// The file's path when it is below the working directory, else its name: a card is the same everywhere.
fn shown(path: &Path) -> String {
    let name = path.file_name().map(Path::new).filter(|_| path.is_absolute());
    name.unwrap_or(path).display().to_string()
}
