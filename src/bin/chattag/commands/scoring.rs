//! What `train`, `distill`, `calibrate` and `eval` share.

use std::path::Path;

use chattag::annotate::{Speaker, TextAnnotator};
use chattag::bundle::Bundle;
use chattag::learning::{Fields, Labelled};
use chattag::model::{Label, Scorer, Training};
use chattag::telling::Said;

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

/// Returns how to train: as `usual`, with what the arguments say.
pub fn training(args: &TrainingArgs, usual: Training) -> Training {
    let epochs = args.epochs.unwrap_or(usual.epochs);
    Training { bits: args.bits, longest: args.longest, epochs, ..usual }
}

/// Reads labelled texts; none at all is an error.
pub fn read_labelled(path: &Path, args: &LabelArgs) -> anyhow::Result<Vec<Labelled>> {
    let fields = fields(args);
    let texts = chattag::learning::read(path, &fields)?;
    if texts.iter().all(|text| text.there.is_none()) {
        let (path, field) = (path.display(), &fields.label);
        return Err(super::said(
            format!("`{path}` 的字段 `{field}` 里没有标注：用 --label-field 指明"),
            format!("`{path}` has no labels in field `{field}`: name it with --label-field"),
        ));
    }
    Ok(texts)
}

/// Reads a model file, or takes the shipped one.
pub fn model(path: Option<&Path>, bundle: &Bundle, label: Label) -> anyhow::Result<Scorer> {
    let Some(path) = path else {
        let shipped = bundle.models.get(label).cloned();
        return shipped.ok_or_else(|| {
            let label = label.name();
            super::said(
                format!("没有内置 `{label}` 的模型：用 --model 指明"),
                format!("no model for `{label}` is shipped: name one with --model"),
            )
        });
    };
    let name = format!("`{}`", path.display());
    let model = Scorer::read(&super::read_file(path)?);
    Ok(model.map_err(|fault| Said::new(&name, &name).because(fault))?)
}

/// Writes a model file.
pub fn write(path: &Path, model: &Scorer) -> anyhow::Result<()> {
    super::write_file(path, &model.write())
}

/// Returns the lexicon evidence of each text.
pub fn evidence(bundle: &Bundle, label: Label, texts: &[&str]) -> Vec<f64> {
    let speaker = if label == Label::Ad { Speaker::Member } else { Speaker::Customer };
    TextAnnotator::new(bundle, speaker, super::this_instant()).evidence_all(texts, label)
}
