//! Labelled messages (`gold/*.csv`): how often signals and terms are right.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::annotate::{Speaker, Text, TextAnnotator};
use crate::bundle::Bundle;
use crate::diagnostic::{Diagnostic, Place};
use crate::lexicon::{self, TermIdx};
use crate::rules::SourceFile;
use crate::time::Timestamp;

/// Labelled messages.
#[derive(Clone, Debug, Default)]
pub struct Gold {
    /// The messages.
    pub cases: Vec<GoldCase>,
}

/// One labelled message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GoldCase {
    /// Its id.
    pub id: String,
    /// The words of a customer.
    pub text: String,
    /// Signals that must be true.
    pub expect: Vec<String>,
    /// Signals that must not be true.
    pub expect_not: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// Right and wrong among labelled messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GoldScore {
    /// Said where it should be.
    pub right: u64,
    /// Said where it should not be.
    pub wrong: u64,
    /// Not said where it should be.
    pub missed: u64,
}

impl GoldScore {
    /// Returns the share of what was said that is right; `None` when nothing was said.
    pub fn precision(self) -> Option<f64> {
        let said = self.right + self.wrong;
        (said > 0).then(|| self.right as f64 / said as f64)
    }

    /// Returns the share of what should be said that was; `None` when there is none.
    pub fn recall(self) -> Option<f64> {
        let wanted = self.right + self.missed;
        (wanted > 0).then(|| self.right as f64 / wanted as f64)
    }

    /// Returns the number of labels it rests on.
    pub fn n(self) -> u64 {
        self.right + self.wrong + self.missed
    }

    fn add(&mut self, other: GoldScore) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
    }
}

/// What the labels say.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// By signal.
    pub signals: BTreeMap<String, GoldScore>,
    /// By term, among the labels of the signals it makes true.
    pub terms: BTreeMap<TermIdx, GoldScore>,
    /// Over all signals.
    pub all: GoldScore,
    /// Labels that were not met: id, signal, whether it should have been said.
    pub differences: Vec<Difference>,
}

/// A label that was not met.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// The message's id.
    pub id: String,
    /// Its words.
    pub text: String,
    /// The signal.
    pub signal: String,
    /// It should have been said and was not; otherwise it was said and should not have been.
    pub missed: bool,
    /// Where the label is written.
    pub place: Place,
}

impl Gold {
    /// Reads the gold files among `files`: `gold/*.csv` with the columns msgid, text, expect_signals,
    /// expect_not. Reports signals that do not exist (`E003`) and unreadable rows (`E015`).
    pub fn read(files: &[SourceFile], bundle: &Bundle, findings: &mut Vec<Diagnostic>) -> Gold {
        let is_gold = |file: &&SourceFile| file.path.starts_with("gold/") && file.path.ends_with(".csv");
        let mut gold = Gold::default();
        for file in files.iter().filter(is_gold) {
            read_file(file, bundle, &mut gold.cases, findings);
        }
        gold
    }

    /// Annotates the messages as said by a customer at `at` and compares with the labels.
    pub fn judge(&self, bundle: &Bundle, at: Timestamp) -> Judged {
        let texts: Vec<Text> = self
            .cases
            .iter()
            .map(|case| Text { id: case.id.clone(), text: case.text.clone(), terms: None })
            .collect();
        let annotated = TextAnnotator::new(bundle, Speaker::Customer, at).annotate_all(&texts);
        let mut judged = Judged::default();
        for (case, annotation) in self.cases.iter().zip(annotated) {
            judged.case(bundle, case, &annotation);
        }
        judged
    }
}

impl Judged {
    fn case(&mut self, bundle: &Bundle, case: &GoldCase, annotation: &crate::annotate::Annotation) {
        let said = |signal: &String| annotation.signals.contains(signal);
        let terms: Vec<TermIdx> =
            annotation.mentions.iter().filter_map(|found| term_of(bundle, found)).collect();
        for (signals, wanted) in [(&case.expect, true), (&case.expect_not, false)] {
            for signal in signals {
                let score = match (wanted, said(signal)) {
                    (true, true) => GoldScore { right: 1, ..GoldScore::default() },
                    (true, false) => GoldScore { missed: 1, ..GoldScore::default() },
                    (false, true) => GoldScore { wrong: 1, ..GoldScore::default() },
                    (false, false) => GoldScore::default(),
                };
                self.signals.entry(signal.clone()).or_default().add(score);
                self.all.add(score);
                for term in terms.iter().filter(|term| said(signal) && serves(bundle, signal, **term)) {
                    self.terms.entry(*term).or_default().add(score);
                }
                if wanted != said(signal) {
                    let (id, text) = (case.id.clone(), case.text.clone());
                    let (signal, place) = (signal.clone(), case.place.clone());
                    self.differences.push(Difference { id, text, signal, missed: wanted, place });
                }
            }
        }
    }
}

fn term_of(bundle: &Bundle, found: &crate::annotate::TermFound) -> Option<TermIdx> {
    let lexicon = bundle.catalog.find(&found.lexicon)?;
    let terms = bundle.catalog.select(lexicon, &[]);
    terms.into_iter().find(|idx| bundle.catalog.term(*idx).code == found.term_id)
}

fn serves(bundle: &Bundle, signal: &str, term: TermIdx) -> bool {
    let def = bundle.rules.signals.iter().find(|def| def.id == signal);
    def.is_some_and(|def| def.any.iter().any(|selector| selector.terms.contains(&term)))
}

fn read_file(file: &SourceFile, bundle: &Bundle, cases: &mut Vec<GoldCase>, findings: &mut Vec<Diagnostic>) {
    let (text, _) = lexicon::decode(&file.bytes);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let column = |names: [&str; 2]| header.iter().position(|title| names.contains(&title));
    let (Some(id), Some(said)) = (column(["msgid", "编号"]), column(["text", "原话"])) else {
        return findings.push(no_columns(&file.path));
    };
    let (expect, expect_not) = (column(["expect_signals", "应有"]), column(["expect_not", "不应有"]));
    for row in reader.records().filter_map(Result::ok) {
        let line = row.position().map_or(0, |position| position.line() as u32);
        let list = |at: Option<usize>, findings: &mut Vec<Diagnostic>| {
            let cell = at.and_then(|at| row.get(at)).unwrap_or_default();
            let place = Place::new(&file.path, line, at.map_or(0, |at| at as u32 + 1));
            signals(cell, &place, bundle, findings)
        };
        let (expect, expect_not) = (list(expect, findings), list(expect_not, findings));
        let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
        let place = Place::new(&file.path, line, said as u32 + 1);
        cases.push(GoldCase { id: cell(id), text: cell(said), expect, expect_not, place });
    }
}

fn signals(cell: &str, place: &Place, bundle: &Bundle, findings: &mut Vec<Diagnostic>) -> Vec<String> {
    let names: Vec<String> =
        cell.split('|').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    for name in &names {
        if !bundle.rules.signals.iter().any(|signal| signal.id == *name) {
            let (zh, en) = (format!("信号 “{name}” 不存在"), format!("there is no signal `{name}`"));
            let finding = Diagnostic::new("E003", place.clone(), zh, en);
            findings
                .push(finding.with_help("写 signals/ 里的信号 id", "write the id of a signal in signals/"));
        }
    }
    names
}

fn no_columns(file: &str) -> Diagnostic {
    let (zh, en) = ("缺少列 msgid 或 text", "column `msgid` or `text` is missing");
    Diagnostic::new("E015", Place::new(file, 1, 0), zh, en).with_help(
        "表头写成 msgid,text,expect_signals,expect_not",
        "write msgid,text,expect_signals,expect_not",
    )
}
