//! Annotates any text with the dictionaries: what analysts use beside the archive pipeline.
//!
//! A quote that a client put in front of a reply is cut off first, as it is when an archive is read: it is
//! somebody else's. Offsets stay those of the whole text.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use smallvec::smallvec;

use crate::archive::own_words;
use crate::bundle::Bundle;
use crate::evidence::EvidenceLists;
use crate::lexicon::{Catalog, Detector, LayerSet, Lexicon, Mode, NegationPolicy, Term};
use crate::mention::{Annotator, Layer, Mention, Polarity, Scratch};
use crate::message::{ChatKind, Flags, Message, MessageKind, Part, Role, RoomRole, TextScope};
use crate::model::Label;
use crate::signal::Event;
use crate::time::{Timestamp, Zone};

/// A text to annotate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text {
    /// The caller's id, given back as it came.
    pub id: String,
    /// The text.
    pub text: String,
    /// Look for these terms only; `None` uses the dictionaries.
    pub terms: Option<Vec<AdHocTerm>>,
}

/// A term that comes with the text it is looked for in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AdHocTerm {
    /// The term.
    pub term: String,
    /// Longer phrases that cover it: a hit inside one is none.
    pub unless: Vec<String>,
    /// What becomes of a hit that is negated.
    pub negation: NegationPolicy,
    /// The term names something with a form (`phone`) instead of a wording.
    pub detector: Option<Detector>,
}

/// Who says the texts, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaker {
    /// A customer, to an employee.
    Customer,
    /// An employee, to a customer.
    Staff,
    /// An external member of a group.
    Member,
}

/// What was found in one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Annotation {
    /// The caller's id.
    pub id: String,
    /// Terms found, in text order.
    pub mentions: Vec<TermFound>,
    /// Signals that are true; empty when the text brought its own terms.
    pub signals: Vec<String>,
    /// What the text is about; nothing when it brought its own terms.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Label, LabelFound>,
}

/// Whether a text has a label, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelFound {
    /// It has.
    pub decision: bool,
    /// How likely, from 0 to 1: model and evidence together.
    pub score: f64,
    /// What the model alone says, from 0 to 1.
    pub model_score: f64,
    /// The hits that speak for it.
    pub evidence: Vec<Evidence>,
}

/// A hit that speaks for a label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The term's id in the lexicon.
    pub term_id: String,
    /// The term as the lexicon writes it.
    pub term: String,
    /// First character in the text.
    pub start: u32,
    /// One past the last character.
    pub end: u32,
    /// The term's weight.
    pub weight: f64,
}

/// One term found in one text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TermFound {
    /// The term as the lexicon writes it.
    pub term: String,
    /// Its id in the lexicon.
    pub term_id: String,
    /// The lexicon.
    pub lexicon: String,
    /// Its category, levels joined by `/`.
    pub category: String,
    /// First character in the text.
    pub start: u32,
    /// One past the last character.
    pub end: u32,
    /// How far the text was folded.
    pub layer: Layer,
    /// Said, denied, asked, supposed or told.
    pub polarity: Polarity,
    /// Negation turned it round.
    pub flipped: bool,
    /// The term's weight.
    pub weight: f64,
}

/// Annotates texts, all as said by one speaker. Built once, shared by all threads.
pub struct TextAnnotator<'b> {
    bundle: &'b Bundle,
    only: Option<(Catalog, Annotator)>,
    speaker: Speaker,
    at: Timestamp,
    lists: EvidenceLists,
}

impl<'b> TextAnnotator<'b> {
    /// Uses all dictionaries of `bundle`. The texts are said at `at`: terms that do not count on that day are left out.
    pub fn new(bundle: &'b Bundle, speaker: Speaker, at: Timestamp) -> TextAnnotator<'b> {
        let lists = EvidenceLists::new(&bundle.catalog);
        TextAnnotator { bundle, only: None, speaker, at, lists }
    }

    /// Uses only `lexicon`, with the scope words of the bundle.
    #[must_use]
    pub fn with_lexicon(self, lexicon: Lexicon) -> TextAnnotator<'b> {
        TextAnnotator { only: Some(compile(self.bundle, lexicon)), ..self }
    }

    /// Annotates `texts` on the current thread pool, in their order.
    pub fn annotate_all(&self, texts: &[Text]) -> Vec<Annotation> {
        let buffers = || (Scratch::default(), Vec::new(), Event::default());
        texts
            .par_iter()
            .map_init(buffers, |(scratch, mentions, event), text| {
                self.annotate(text, scratch, mentions, event)
            })
            .collect()
    }

    fn annotate(
        &self,
        text: &Text,
        scratch: &mut Scratch,
        mentions: &mut Vec<Mention>,
        event: &mut Event,
    ) -> Annotation {
        let message = self.message(&text.text);
        let own = text.terms.as_ref().map(|terms| compile(self.bundle, ad_hoc(terms)));
        let (catalog, annotator) = match own.as_ref().or(self.only.as_ref()) {
            Some((catalog, annotator)) => (catalog, annotator),
            None => (&self.bundle.catalog, &self.bundle.annotator),
        };
        annotator.annotate(&message, scratch, mentions);
        let (mut signals, mut labels) = (Vec::new(), BTreeMap::new());
        if own.is_none() && self.only.is_none() {
            self.bundle.evaluator.evaluate(&message, mentions, catalog, event);
            let named =
                event.signals.iter().map(|sign| &self.bundle.rules.signals[usize::from(sign.signal.0)].id);
            signals.extend(named.cloned());
            labels.extend(Label::ALL.map(|label| (label, self.label(label, &message, mentions))));
        }
        let mentions = mentions.iter().map(|mention| found(catalog, mention)).collect();
        Annotation { id: text.id.clone(), mentions, signals, labels }
    }

    /// Decides on a label: the model's score, and the hits that speak for it.
    fn label(&self, label: Label, message: &Message<'_>, mentions: &[Mention]) -> LabelFound {
        let catalog = &self.bundle.catalog;
        let speaking = self.lists.of(label, mentions);
        let evidence: Vec<Evidence> = speaking.map(|mention| evidence(catalog, mention)).collect();
        let weight = evidence.iter().map(|hit| hit.weight).sum();
        let text = message.parts.first().map_or("", |part| &part.text);
        let decision = self.bundle.models.decide(label, text, weight);
        LabelFound {
            decision: decision.holds,
            score: decision.score,
            model_score: decision.model_score,
            evidence,
        }
    }

    /// Returns the lexicon evidence for `label` in each of `texts`, in their order.
    pub fn evidence_all(&self, texts: &[&str], label: Label) -> Vec<f64> {
        let buffers = || (Scratch::default(), Vec::new());
        texts
            .par_iter()
            .map_init(buffers, |(scratch, mentions), text| {
                self.bundle.annotator.annotate(&self.message(text), scratch, mentions);
                self.lists.weight(label, mentions, &self.bundle.catalog)
            })
            .collect()
    }

    fn message<'t>(&self, text: &'t str) -> Message<'t> {
        let (role, chat) = match self.speaker {
            Speaker::Customer => (Role::Customer, ChatKind::OneToOne),
            Speaker::Staff => (Role::Staff, ChatKind::OneToOne),
            Speaker::Member => (Role::Customer, ChatKind::Group),
        };
        let own = own_words(text);
        let base_chars = text[..own.start].chars().count() as u32;
        Message {
            corp: "".into(),
            seq: 0,
            id: "".into(),
            at: self.at,
            kind: MessageKind::Text,
            chat,
            room: (chat == ChatKind::Group).then(|| "room".into()),
            staff: None,
            customer: Some("customer".into()),
            speaker: "customer".into(),
            role,
            room_role: RoomRole::Member,
            company: None::<Arc<str>>,
            parts: smallvec![Part { scope: TextScope::Own, text: text[own].into(), base_chars }],
            links: smallvec![],
            mini_program: None,
            numbers: smallvec![],
            recipients: 1,
            flags: Flags::default(),
        }
    }
}

/// Compiles one lexicon together with the bundle's scope words.
fn compile(bundle: &Bundle, lexicon: Lexicon) -> (Catalog, Annotator) {
    let scope_words = bundle.catalog.find(SCOPE_LEXICON).map(|index| bundle.catalog.lexicon(index).clone());
    let catalog = Catalog::new(scope_words.into_iter().chain([lexicon]).collect());
    let annotator = bundle.annotator.beside(&catalog, zone(bundle));
    (catalog, annotator)
}

fn zone(bundle: &Bundle) -> &Zone {
    &bundle.rules.pack.zone
}

fn ad_hoc(terms: &[AdHocTerm]) -> Lexicon {
    let term = |(term, n): (&AdHocTerm, u32)| Term {
        contexts: term.unless.clone(),
        negation: term.negation,
        mode: if term.detector.is_some() { Mode::Detector } else { Mode::Contains },
        ..Term::plain(&n.to_string(), &term.term)
    };
    let mut lexicon = Lexicon::new("terms", terms.iter().zip(1..).map(term).collect());
    lexicon.set_layers(LayerSet::ALL);
    lexicon
}

fn evidence(catalog: &Catalog, mention: &Mention) -> Evidence {
    let term = catalog.term(mention.term);
    Evidence {
        term_id: term.code.clone(),
        term: term.text.clone(),
        start: mention.chars.start,
        end: mention.chars.end,
        weight: term.weight,
    }
}

fn found(catalog: &Catalog, mention: &Mention) -> TermFound {
    let term = catalog.term(mention.term);
    TermFound {
        term: term.text.clone(),
        term_id: term.code.clone(),
        lexicon: catalog.lexicon(mention.lexicon).id.clone(),
        category: term.category.join("/"),
        start: mention.chars.start,
        end: mention.chars.end,
        layer: mention.layer,
        polarity: mention.polarity,
        flipped: mention.flipped,
        weight: term.weight,
    }
}

/// Id of the lexicon that holds negators and other scope words.
const SCOPE_LEXICON: &str = "negation";
