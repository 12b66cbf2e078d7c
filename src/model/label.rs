//! The labels that are scored, and how a score and lexicon evidence become a decision.

use serde::Serialize;

use super::scorer::{Scorer, logistic};

/// What a message can be about.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The writer is discontent now, or announces a complaint.
    Complaint,
    /// The writer asks or haggles about a price.
    PriceInterest,
    /// The writer advertises.
    Ad,
}

impl Label {
    /// All labels, in order.
    pub const ALL: [Label; 3] = [Label::Complaint, Label::PriceInterest, Label::Ad];

    /// Returns the name used in files and columns.
    pub fn name(self) -> &'static str {
        match self {
            Label::Complaint => "complaint",
            Label::PriceInterest => "price_interest",
            Label::Ad => "ad",
        }
    }

    /// Returns the label with this name.
    pub fn named(name: &str) -> Option<Label> {
        Label::ALL.into_iter().find(|label| label.name() == name)
    }
}

/// The models in use, at most one per label.
#[derive(Clone, Debug, Default)]
pub struct Models {
    scorers: [Option<Scorer>; Label::ALL.len()],
}

/// What a model and the lexicons together say about a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The label holds.
    pub holds: bool,
    /// How likely, from 0 to 1, evidence included.
    pub score: f64,
    /// What the model alone says, from 0 to 1.
    pub model_score: f64,
}

impl Models {
    /// Puts a model in the place of its label. Returns whether the card names a known label.
    pub fn insert(&mut self, scorer: Scorer) -> bool {
        let label = Label::named(&scorer.card().label);
        if let Some(label) = label {
            self.scorers[label as usize] = Some(scorer);
        }
        label.is_some()
    }

    /// Returns the model for `label`, if there is one.
    pub fn get(&self, label: Label) -> Option<&Scorer> {
        self.scorers[label as usize].as_ref()
    }

    /// Decides on a text with this much lexicon evidence (the weights of the hits that speak for the label).
    pub fn decide(&self, label: Label, text: &str, evidence: f64) -> Decision {
        match self.get(label) {
            Some(scorer) => scorer.decide(text, evidence),
            None => Decision {
                holds: evidence > 0.0,
                score: f64::from(u8::from(evidence > 0.0)),
                model_score: 0.0,
            },
        }
    }
}

impl Scorer {
    /// Decides on a text with this much lexicon evidence.
    pub fn decide(&self, text: &str, evidence: f64) -> Decision {
        let card = self.card();
        let odds = card.slope * self.margin(text) + card.offset;
        let score = logistic(odds + card.evidence * evidence.clamp(0.0, MOST_EVIDENCE));
        Decision { holds: score >= card.threshold, score, model_score: logistic(odds) }
    }
}

/// More evidence than this says nothing new.
pub const MOST_EVIDENCE: f64 = 4.0;

#[cfg(test)]
mod tests {
    use super::super::{ModelCard, Training, train};
    use super::*;

    #[test]
    fn labels_are_found_by_their_names() {
        for label in Label::ALL {
            assert_eq!(Label::named(label.name()), Some(label));
        }
        assert_eq!(Label::named("complaints"), None);
    }

    #[test]
    fn evidence_decides_alone_without_a_model_and_helps_one() {
        let none = Models::default();
        assert!(none.decide(Label::Ad, "随便", 1.0).holds);
        assert!(!none.decide(Label::Ad, "随便", 0.0).holds);
        let card = ModelCard { label: "ad".to_owned(), evidence: 10.0, ..ModelCard::default() };
        let mut models = Models::default();
        assert!(models.insert(train(&[], Training { bits: 10, ..Training::default() }, card)));
        let (without, with) = (models.decide(Label::Ad, "随便", 0.0), models.decide(Label::Ad, "随便", 1.0));
        assert!(with.score > without.score);
        assert_eq!(with.model_score, without.model_score);
    }
}
