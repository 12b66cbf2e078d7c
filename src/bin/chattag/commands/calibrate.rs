//! `chattag calibrate`: fits a model's decision to labelled texts.

use chattag::model::{Calibration, MOST_EVIDENCE, calibrate};

use super::scoring;
use crate::Status;
use crate::args::CalibrateArgs;
use crate::console::Console;

/// Fits slope, offset, evidence and threshold; the weights stay.
pub fn run(args: &CalibrateArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let label = scoring::label(&args.labels);
    let model = scoring::model(args.model.as_deref(), &bundle, label)?;
    let texts = scoring::read_labelled(&args.file, &args.labels)?;
    let plain: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    let evidence = scoring::evidence(&bundle, label, &plain);
    let message = |(text, evidence): (&chattag::learning::Labelled, &f64)| {
        let evidence = evidence.clamp(0.0, MOST_EVIDENCE);
        Some(Calibration { margin: model.margin(&text.text), evidence, there: text.there? })
    };
    let messages: Vec<Calibration> = texts.iter().zip(&evidence).filter_map(message).collect();
    let fit = calibrate(&messages);
    let card = model.card().fitted(&fit);
    scoring::write(&args.out, &model.with_card(card))?;
    tracing::info!(
        texts = messages.len(),
        slope = fit.slope,
        offset = fit.offset,
        evidence = fit.evidence,
        threshold = fit.threshold,
        "calibrated"
    );
    Ok(Status::Fine)
}
