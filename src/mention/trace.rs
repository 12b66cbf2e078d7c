//! Shows how a text was annotated: what was found in it, and why each find is a mention or none.
//!
//! The same steps as [`Annotator::annotate`], one by one, for a person who asks; a test holds
//! the two together.

use std::ops::Range;

use crate::lexicon::{LexiconIdx, NegationPolicy, TermIdx};
use crate::time::Timestamp;

use super::candidate::{Candidate, resolve};
use super::scope::{Judgement, Scene};
use super::{Annotator, Layer, Polarity, Refusal, Scratch};

/// How one text was annotated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The text as matching sees it.
    pub folded: String,
    /// The words of the folded text.
    pub segments: Vec<String>,
    /// Every place where a term was found, in text order.
    pub found: Vec<Traced>,
}

/// A place where a term was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// The term.
    pub term: TermIdx,
    /// Its lexicon.
    pub lexicon: LexiconIdx,
    /// Where, in bytes of the original text.
    pub bytes: Range<usize>,
    /// How far the text had to be folded.
    pub layer: Layer,
    /// What the words around it make of it, and whether negation turned it round; or why it is no mention.
    pub verdict: Result<(Polarity, bool), Refusal>,
}

impl Annotator {
    /// Shows how `text`, said at `at`, is annotated.
    pub fn trace(&self, text: &str, at: Timestamp) -> Trace {
        let mut scratch = Scratch::default();
        self.look(text, &self.all.own, &mut scratch);
        let folded = scratch.folded.text().to_owned();
        let mut trace = Trace { segments: self.segments(&folded), folded, found: Vec::new() };
        let refusals = self.refusals(at, &mut scratch);
        let all = scratch.candidates.clone();
        let mut kept: Vec<Candidate> =
            all.iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none()).map(|(hit, _)| *hit).collect();
        resolve(&mut kept, &mut scratch.hits);
        let taken = scratch.hits.clone();
        scratch
            .hits
            .retain(|hit| !self.term(hit.term).coverable || !self.scope.cover(scratch.folded.text(), hit));
        for (hit, refusal) in all.iter().zip(refusals) {
            let verdict = match refusal {
                Some(refusal) => Err(refusal),
                None if !taken.contains(hit) => Err(Refusal::Overlapped),
                None if !scratch.hits.contains(hit) => Err(Refusal::OtherSense),
                None => self.judge(hit, &mut scratch),
            };
            let bytes = scratch.folded.original(hit.start as usize..hit.end as usize);
            let layer = self.term(hit.term).layer(hit, &text[bytes.clone()], scratch.folded.text());
            let traced = Traced { term: hit.term, lexicon: hit.lexicon, bytes, layer, verdict };
            if !trace.found.contains(&traced) {
                trace.found.push(traced);
            }
        }
        trace.found.sort_by_key(|traced| (traced.bytes.start, traced.bytes.end, traced.lexicon, traced.term));
        trace
    }

    /// Returns the mentions in `text` as (term, first byte, end byte), in bytes of the *folded* text.
    pub fn trace_hits(&self, text: &str) -> Vec<(TermIdx, usize, usize)> {
        let mut scratch = Scratch::default();
        self.look(text, &self.all.own, &mut scratch);
        let refusals = self.refusals(Timestamp(0), &mut scratch);
        let all = scratch.candidates.iter().zip(&refusals);
        let mut kept: Vec<Candidate> =
            all.filter(|(_, refusal)| refusal.is_none()).map(|(hit, _)| *hit).collect();
        resolve(&mut kept, &mut scratch.hits);
        scratch.hits.iter().map(|hit| (hit.term, hit.start as usize, hit.end as usize)).collect()
    }

    fn segments(&self, folded: &str) -> Vec<String> {
        let mut ends = Vec::new();
        self.segmenter.word_ends(folded, &mut ends);
        let mut start = 0;
        let words = ends.iter().map(|end| {
            let word = folded[start..*end as usize].to_owned();
            start = *end as usize;
            word
        });
        words.collect()
    }

    /// The first reason against each candidate, as `annotate` finds it.
    fn refusals(&self, at: Timestamp, scratch: &mut Scratch) -> Vec<Option<Refusal>> {
        let looks_through = self.looks_through(&self.all.own);
        let (mut sieve, candidates) = self.sieve(at, looks_through, scratch);
        candidates.iter().map(|hit| sieve.refusal(hit)).collect()
    }

    fn judge(&self, hit: &Candidate, scratch: &mut Scratch) -> Result<(Polarity, bool), Refusal> {
        let scene = Scene { scope: &self.scope, text: scratch.folded.text(), hits: &scratch.hits };
        let judged = scene.judge(hit, &mut scratch.words);
        let negation = self.term(hit.term).negation;
        negation.apply(judged).ok_or_else(|| refused(negation, judged))
    }
}

fn refused(negation: NegationPolicy, judged: Judgement) -> Refusal {
    if negation != NegationPolicy::Flip && judged.refused { Refusal::Refused } else { Refusal::Denied }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::{Catalog, parse};
    use crate::time::Zone;

    const HEAD: &str = "编号,词条,变体,类别,方式,权重,排除语境,必须共现,否定,状态,生效,失效,备注\n";

    fn annotator() -> (Catalog, Annotator) {
        let words = format!(
            "{HEAD}a1,优惠,,,包含,1,,,忽略,启用,,,\na2,优惠券,,,包含,1,,,忽略,启用,,,\n\
             a3,刷单,,,包含,1,防刷单,,忽略,启用,,,\na4,微信,,,包含,1,,加,忽略,启用,,,\n\
             a5,退款,,,包含,1,,,丢弃,启用,,,\na6,旧,,,包含,1,,,忽略,启用,,2020-01-01,\n\
             a7,av,,,包含,1,,,忽略,启用,,,\n"
        );
        let negation = format!("{HEAD}n1,不,,否定,包含,1,,,忽略,启用,,,\n");
        let lists = [("lexicons/words.csv", words), ("lexicons/negation.csv", negation)];
        let catalog = Catalog::new(lists.map(|(file, text)| parse(file, text.as_bytes()).0).into());
        let annotator = Annotator::new(&catalog, &Zone::shanghai());
        (catalog, annotator)
    }

    #[test]
    fn every_find_says_why_it_is_a_mention_or_none() {
        use Refusal::*;
        // (text, [(term, why it is none)])
        type Finds = &'static [(&'static str, Option<Refusal>)];
        const CASES: &[(&str, Finds)] = &[
            ("领优惠券", &[("a1", Some(Overlapped)), ("a2", None)]),
            ("防刷单提醒", &[("a3", Some(Covered))]),
            ("微信聊", &[("a4", Some(WithoutCompany))]),
            ("加我微信", &[("a4", None)]),
            ("不退款", &[("a5", Some(Denied))]),
            ("旧的", &[("a6", Some(NotInForce))]),
            ("have", &[("a7", Some(NotAlone))]),
            ("你好", &[]),
        ];
        let (catalog, annotator) = annotator();
        for (text, finds) in CASES {
            let trace = annotator.trace(text, Timestamp(1_700_000_000_000));
            let found: Vec<(&str, Option<Refusal>)> = trace
                .found
                .iter()
                .map(|traced| (catalog.term(traced.term).code.as_str(), traced.verdict.err()))
                .collect();
            assert_eq!(found, *finds, "{text}");
        }
    }

    #[test]
    fn the_text_is_shown_folded_and_in_words() {
        let trace = annotator().1.trace("ＡＶ優惠", Timestamp(0));
        assert_eq!(trace.folded, "av优惠");
        assert_eq!(trace.segments.concat(), trace.folded);
    }
}
