//! What `train`, `distill`, `calibrate` and `eval` share.

use std::path::Path;

use anyhow::{Context, bail};
use chattag::annotate::{Speaker, TextAnnotator};
use chattag::bundle::Bundle;
use chattag::learning::{Fields, Labelled};
use chattag::model::{Label, Scorer, Training};

use crate::args::{LabelArg, LabelArgs, TrainingArgs};

/// Returns the label that the arguments name.
pub fn label(args: &LabelArgs) -> Label {
    match args.label {
        LabelArg::Complaint => Label::Complaint,
        LabelArg::PriceInterest => Label::PriceInterest,
        LabelArg::Ad => Label::Ad,
    }
}

/// Returns which fields hold what.
pub fn fields(args: &LabelArgs) -> Fields {
    Fields {
        text: args.text_field.clone(),
        label: args.label_field.clone().unwrap_or_else(|| label(args).name().to_owned()),
        at_least: args.at_least,
        source: args.source_field.clone(),
        id: "id".to_owned(),
    }
}

/// Returns how to train.
pub fn training(args: &TrainingArgs) -> Training {
    Training { bits: args.bits, longest: args.longest, epochs: args.epochs, ..Training::default() }
}

/// Reads labelled texts; none at all is an error.
pub fn read_labelled(path: &Path, args: &LabelArgs) -> anyhow::Result<Vec<Labelled>> {
    let fields = fields(args);
    let texts = chattag::learning::read(path, &fields)?;
    if texts.iter().all(|text| text.there.is_none()) {
        bail!("`{}` has no labels in field `{}`: name it with --label-field", path.display(), fields.label);
    }
    Ok(texts)
}

/// Reads a model file, or takes the shipped one.
pub fn model(path: Option<&Path>, bundle: &Bundle, label: Label) -> anyhow::Result<Scorer> {
    let Some(path) = path else {
        let shipped = bundle.models.get(label).cloned();
        return shipped
            .with_context(|| format!("no model for `{}` is shipped: name one with --model", label.name()));
    };
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Scorer::read(&bytes).with_context(|| format!("`{}`", path.display()))
}

/// Writes a model file.
pub fn write(path: &Path, model: &Scorer) -> anyhow::Result<()> {
    std::fs::write(path, model.write()).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Returns the lexicon evidence of each text.
pub fn evidence(bundle: &Bundle, label: Label, texts: &[&str]) -> Vec<f64> {
    let speaker = if label == Label::Ad { Speaker::Member } else { Speaker::Customer };
    TextAnnotator::new(bundle, speaker).evidence_all(texts, label)
}
