//! Which hits speak for a label, and how much.
//!
//! The lexicons say why a message is about something, the models how likely. Lists and ways of
//! speaking that count are below; a list that says the opposite (a warning against fraud) silences
//! its label.

use crate::lexicon::{Catalog, LexiconIdx};
use crate::mention::{Mention, Polarity};
use crate::model::Label;

/// What of a catalog speaks for each label.
#[derive(Clone, Debug)]
pub struct EvidenceLists {
    /// Per label, in order of [`Label::ALL`].
    by_label: [Vec<(LexiconIdx, Polarities, bool)>; 3],
    silencers: [Vec<LexiconIdx>; 3],
}

type Polarities = &'static [Polarity];

impl EvidenceLists {
    /// Looks up the lists in `catalog`; those it does not have say nothing.
    pub fn new(catalog: &Catalog) -> EvidenceLists {
        let find = |(id, polarities, flipped): &(&str, Polarities, bool)| {
            catalog.find(id).map(|lexicon| (lexicon, *polarities, *flipped))
        };
        EvidenceLists {
            by_label: Label::ALL.map(|label| speakers(label).iter().filter_map(find).collect()),
            silencers: Label::ALL
                .map(|label| silencers(label).iter().filter_map(|id| catalog.find(id)).collect()),
        }
    }

    /// Returns the mentions that speak for `label`; none when something silences it.
    pub fn of<'m>(&self, label: Label, mentions: &'m [Mention]) -> impl Iterator<Item = &'m Mention> {
        let lists = &self.by_label[label as usize];
        let silent = mentions.iter().any(|mention| self.silencers[label as usize].contains(&mention.lexicon));
        let speaks = move |mention: &&Mention| {
            lists.iter().any(|(lexicon, polarities, flipped)| {
                mention.lexicon == *lexicon
                    && mention.flipped == *flipped
                    && polarities.contains(&mention.polarity)
            })
        };
        mentions.iter().filter(move |_| !silent).filter(speaks)
    }

    /// Returns the weight of the mentions that speak for `label`.
    pub fn weight(&self, label: Label, mentions: &[Mention], catalog: &Catalog) -> f64 {
        self.of(label, mentions).map(|mention| catalog.term(mention.term).weight).sum()
    }
}

/// The lists that speak for a label: id, how the writer must mean it, turned round by negation.
fn speakers(label: Label) -> &'static [(&'static str, Polarities, bool)] {
    use Polarity::{Asserted, Hypothetical, Negated, Questioned};
    const MEANT: Polarities = &[Asserted, Negated];
    const ASKED_TOO: Polarities = &[Asserted, Negated, Questioned, Hypothetical];
    match label {
        Label::Complaint => &[("complaint", MEANT, false), ("satisfaction", MEANT, true)],
        Label::PriceInterest => &[
            ("price_question", ASKED_TOO, false),
            ("discount", ASKED_TOO, false),
            ("bargain", ASKED_TOO, false),
            ("value_words", ASKED_TOO, false),
        ],
        Label::Ad => &[("ads", &[Asserted], false)],
    }
}

/// The lists that silence a label.
fn silencers(label: Label) -> &'static [&'static str] {
    match label {
        Label::Complaint => &["fraud_notice"],
        Label::PriceInterest => &[],
        Label::Ad => &["fraud_warning"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::TermIdx;
    use crate::mention::Layer;
    use crate::message::TextScope;

    #[test]
    fn flipped_praise_speaks_for_a_complaint_and_a_warning_silences_advertising() {
        let ids = ["ads", "complaint", "fraud_warning", "satisfaction"];
        let lexicons = ids
            .map(|id| crate::lexicon::Lexicon::from_terms(id, [(format!("词{id}"), Vec::new())].into_iter()));
        let catalog = Catalog::new(lexicons.into());
        let lists = EvidenceLists::new(&catalog);
        let mention = |id: &str, polarity, flipped| {
            let lexicon = catalog.find(id).unwrap();
            let (scope, layer, term) = (TextScope::Own, Layer::Exact, TermIdx(u32::from(lexicon.0)));
            Mention { term, lexicon, part: 0, scope, bytes: 0..1, chars: 0..1, layer, polarity, flipped }
        };
        use Polarity::{Asserted, Reported};
        // (label, mentions, weight)
        let cases = [
            (Label::Complaint, vec![mention("satisfaction", Asserted, true)], 1.0),
            (Label::Complaint, vec![mention("satisfaction", Asserted, false)], 0.0),
            (Label::Complaint, vec![mention("complaint", Reported, false)], 0.0),
            (Label::Ad, vec![mention("ads", Asserted, false)], 1.0),
            (
                Label::Ad,
                vec![mention("ads", Asserted, false), mention("fraud_warning", Asserted, false)],
                0.0,
            ),
        ];
        for (label, mentions, weight) in cases {
            assert_eq!(lists.weight(label, &mentions, &catalog), weight, "{label:?} {mentions:?}");
        }
    }
}
