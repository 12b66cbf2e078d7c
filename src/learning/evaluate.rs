//! Measures decisions on labelled texts, source by source, and picks errors to read.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::Labelled;
use crate::model::{
    Calibration, Counts, Example, Interval, Label, ModelCard, Training, auc, calibrate, f1_interval, folds,
    train, wilson,
};

/// A text, what a person says and what the program says.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Number of the text.
    pub at: usize,
    /// A person says that the label holds.
    pub there: bool,
    /// The program decides that it holds.
    pub decided: bool,
    /// How likely the program thinks it is.
    pub score: f64,
}

/// Figures of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The source.
    pub source: String,
    /// Texts.
    pub texts: usize,
    /// Texts that have the label.
    pub positive: usize,
    /// Right among those found, with the ends of the 95 % interval.
    pub precision: [f64; 3],
    /// Found among those there, likewise.
    pub recall: [f64; 3],
    /// Harmonic mean of the two, likewise.
    pub f1: [f64; 3],
    /// Share of right decisions.
    pub accuracy: f64,
    /// How often one with the label scores above one without it.
    pub auc: f64,
    /// Numbers of texts decided wrongly, the surest errors first: those not there but found.
    pub false_alarms: Vec<usize>,
    /// Likewise: those there but not found.
    pub missed: Vec<usize>,
}

/// Judges all texts that have a label with `decide`, which gets their number, in parallel, in their order.
pub fn judge(texts: &[Labelled], decide: impl Fn(usize) -> (bool, f64) + Sync) -> Vec<Judged> {
    let numbered = texts.par_iter().enumerate();
    numbered
        .filter_map(|(at, text)| {
            let there = text.there?;
            let (decided, score) = decide(at);
            Some(Judged { at, there, decided, score })
        })
        .collect()
}

/// Judges each text by a model trained on the others, in `parts` parts. `evidence` is the lexicon evidence
/// of each text. The decision is fitted on inner folds of the training part, never on the text judged.
pub fn judge_by_folds(
    texts: &[Labelled],
    parts: usize,
    training: Training,
    label: Label,
    evidence: &[f64],
) -> Vec<Judged> {
    let labelled: Vec<usize> = (0..texts.len()).filter(|at| texts[*at].there.is_some()).collect();
    let held = |part: &[usize]| -> Vec<usize> { part.iter().map(|at| labelled[*at]).collect() };
    let all: Vec<Vec<usize>> = folds(labelled.len(), parts).iter().map(|part| held(part)).collect();
    let judged = all.par_iter().map(|part| {
        let rest: Vec<usize> = labelled.iter().copied().filter(|at| !part.contains(at)).collect();
        judge_part(texts, part, &rest, evidence, training, label)
    });
    let mut judged: Vec<Judged> = judged.flatten().collect();
    judged.sort_by_key(|judged| judged.at);
    judged
}

fn judge_part(
    texts: &[Labelled],
    part: &[usize],
    rest: &[usize],
    evidence: &[f64],
    training: Training,
    label: Label,
) -> Vec<Judged> {
    let there = |at: usize| texts[at].there.unwrap_or(false);
    let card = ModelCard { label: label.name().to_owned(), ..ModelCard::default() };
    let model_of = |numbers: &mut dyn Iterator<Item = usize>| {
        let examples: Vec<Example> = numbers
            .map(|at| Example {
                text: texts[at].text.clone(),
                target: f64::from(u8::from(there(at))),
                weight: 1.0,
            })
            .collect();
        train(&examples, training, card.clone())
    };
    let mut seen = Vec::new();
    for inner in folds(rest.len(), INNER_PARTS) {
        let model = model_of(&mut (0..rest.len()).filter(|at| !inner.contains(at)).map(|at| rest[at]));
        seen.extend(inner.iter().map(|at| Calibration {
            margin: model.margin(&texts[rest[*at]].text),
            evidence: evidence[rest[*at]],
            there: there(rest[*at]),
        }));
    }
    let fit = calibrate(&seen);
    let model = model_of(&mut rest.iter().copied());
    let card = model.card().fitted(&fit);
    let model = model.with_card(card);
    let judge = |at: &usize| {
        let decision = model.decide(&texts[*at].text, evidence[*at]);
        Judged { at: *at, there: there(*at), decided: decision.holds, score: decision.score }
    };
    part.iter().map(judge).collect()
}

/// Sums up, source by source, in the order of their names.
pub fn report(texts: &[Labelled], judged: &[Judged]) -> Vec<Report> {
    let mut by_source: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
    for one in judged {
        by_source.entry(&texts[one.at].source).or_default().push(one);
    }
    by_source.iter().map(|(source, judged)| report_source(source, judged)).collect()
}

fn report_source(source: &str, judged: &[&Judged]) -> Report {
    let mut counts = Counts::default();
    judged.iter().for_each(|one| counts.add(one.decided, one.there));
    let scored: Vec<(f64, bool)> = judged.iter().map(|one| (one.score, one.there)).collect();
    let decisions: Vec<(bool, bool)> = judged.iter().map(|one| (one.decided, one.there)).collect();
    let wrong = |there: bool| {
        let mut wrong: Vec<&&Judged> =
            judged.iter().filter(|one| one.there == there && one.decided != there).collect();
        wrong.sort_by(|a, b| if there { a.score.total_cmp(&b.score) } else { b.score.total_cmp(&a.score) });
        wrong.iter().map(|one| one.at).collect()
    };
    Report {
        source: source.to_owned(),
        texts: judged.len(),
        positive: counts.found + counts.missed,
        precision: ends(wilson(counts.found, counts.found + counts.false_alarms)),
        recall: ends(wilson(counts.found, counts.found + counts.missed)),
        f1: ends(f1_interval(&decisions)),
        accuracy: counts.accuracy(),
        auc: auc(&scored),
        false_alarms: wrong(false),
        missed: wrong(true),
    }
}

fn ends(interval: Interval) -> [f64; 3] {
    [interval.value, interval.low, interval.high]
}

/// Parts of the inner folds that a decision is fitted on.
const INNER_PARTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<Labelled> {
        let words = ["太差了要退款", "好的谢谢", "没人管又坏了", "明天发货吗", "投诉你们太差", "收到了"];
        let text = |i: usize| Labelled {
            id: i.to_string(),
            text: format!("{}{}", words[i % 6], i % 7),
            source: if i.is_multiple_of(2) { "b" } else { "a" }.to_owned(),
            there: (i % 11 != 10).then_some(i.is_multiple_of(2)),
        };
        (0..60).map(text).collect()
    }

    #[test]
    fn sources_are_reported_apart_and_unlabelled_texts_left_out() {
        let texts = texts();
        let judged = judge(&texts, |at| (texts[at].text.contains('差'), 0.5));
        assert_eq!(judged.len(), 55);
        let reports = report(&texts, &judged);
        let seen: Vec<(&str, usize)> =
            reports.iter().map(|report| (report.source.as_str(), report.positive)).collect();
        assert_eq!(seen[0], ("a", 0));
        assert!(reports[1].recall[0] > 0.6 && reports[1].precision[0] == 1.0, "{reports:?}");
        assert!(reports[1].missed.iter().all(|at| !texts[*at].text.contains('差')));
    }

    #[test]
    fn folds_judge_every_labelled_text_once_and_the_same_every_time() {
        let texts = texts();
        let training = Training { bits: 12, epochs: 3, ..Training::default() };
        let once = judge_by_folds(&texts, 5, training, Label::Complaint, &[0.0; 60]);
        assert_eq!(once.len(), 55);
        assert!(once.iter().filter(|one| one.decided == one.there).count() > 50);
        assert_eq!(once, judge_by_folds(&texts, 5, training, Label::Complaint, &[0.0; 60]));
    }
}
