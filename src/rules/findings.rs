//! Collects what is wrong with the maintained files, in whatever order it is found.

use std::cell::RefCell;

use crate::diagnostic::{self, Diagnostic, Place};

/// The list that all readers of one pack write to.
#[derive(Debug, Default)]
pub struct Findings(RefCell<Vec<Diagnostic>>);

impl Findings {
    /// Adds a finding.
    pub fn add(&self, finding: Diagnostic) {
        self.0.borrow_mut().push(finding);
    }

    /// Adds a finding without help.
    pub fn report(&self, code: &'static str, place: &Place, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Diagnostic::new(code, place.clone(), zh, en));
    }

    /// Returns all findings in the order of the files, each one once.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let mut all = self.0.into_inner();
        diagnostic::sort(&mut all);
        all.dedup();
        all
    }
}
