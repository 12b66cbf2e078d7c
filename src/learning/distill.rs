//! Trains a model on what lexicons and rules say about unlabelled texts, and lists where the two part.
//!
//! The lexicons are the teacher: a text with evidence for the label has it, one without has it not.
//! The model generalises over what stands around the terms. Where it contradicts the lexicons most
//! surely, either a term is missing or one hits too much: suggestions for maintainers.

use crate::model::{Example, ModelCard, Scorer, Training, train};

/// How a teacher's word is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Teaching {
    /// Evidence that makes a text an example of the label.
    pub enough: f64,
    /// How surely a text with enough evidence has the label.
    pub sure: f64,
    /// How likely a text without evidence has it all the same.
    pub unseen: f64,
}

impl Default for Teaching {
    fn default() -> Teaching {
        Teaching { enough: 1.0, sure: 0.95, unseen: 0.02 }
    }
}

/// A text with little evidence is not told from one without.
const UNSURE: f64 = 0.5;

/// A text where model and lexicons part.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    /// Number of the text.
    pub at: usize,
    /// What the model says, from 0 to 1.
    pub score: f64,
    /// What the lexicons say.
    pub evidence: f64,
}

/// Trains a model on texts and their evidence. Returns it with up to `most` texts of each kind on which
/// it contradicts the lexicons, the surest first.
pub fn distill(
    texts: &[(&str, f64)],
    teaching: Teaching,
    training: Training,
    card: ModelCard,
    most: usize,
) -> (Scorer, Vec<Disagreement>) {
    let target = |evidence: f64| match evidence {
        evidence if evidence >= teaching.enough => teaching.sure,
        evidence if evidence > 0.0 => UNSURE,
        _ => teaching.unseen,
    };
    let examples: Vec<Example> = texts
        .iter()
        .map(|(text, evidence)| Example { text: (*text).to_owned(), target: target(*evidence), weight: 1.0 })
        .collect();
    let model = train(&examples, training, card);
    let disagreements = disagreements(&model, texts, teaching, most);
    (model, disagreements)
}

fn disagreements(
    model: &Scorer,
    texts: &[(&str, f64)],
    teaching: Teaching,
    most: usize,
) -> Vec<Disagreement> {
    let score = |(at, (text, evidence)): (usize, &(&str, f64))| Disagreement {
        at,
        score: model.score(text),
        evidence: *evidence,
    };
    let mut all: Vec<Disagreement> = texts.iter().enumerate().map(score).collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.at.cmp(&b.at)));
    let unnamed = all.iter().filter(|one| one.evidence == 0.0 && one.score > 0.5).take(most);
    let doubtful =
        all.iter().rev().filter(|one| one.evidence >= teaching.enough && one.score < 0.5).take(most);
    unnamed.chain(doubtful).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_like_the_teachers_examples_is_suggested() {
        let mut texts: Vec<(&str, f64)> = Vec::new();
        for _ in 0..20 {
            texts.extend([
                ("这个怎么卖便宜点", 1.0),
                ("怎么卖多少钱", 1.5),
                ("明天见", 0.0),
                ("收到谢谢", 0.0),
            ]);
        }
        texts.push(("怎么卖便宜多少钱点", 0.0));
        let training = Training { epochs: 2, ..Training::default() };
        let (model, found) = distill(&texts, Teaching::default(), training, ModelCard::default(), 5);
        assert!(model.score("便宜点怎么卖") > 0.5);
        assert_eq!(found.first().map(|one| one.at), Some(texts.len() - 1));
    }
}
