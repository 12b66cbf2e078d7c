//! What the lists know already.

use std::collections::BTreeSet;

use super::grams::stretches;
use crate::language::fold;
use crate::lexicon::{Catalog, Mode};

/// What the lists know, so that it can be asked for each of a million stretches.
#[derive(Default)]
pub(super) struct Known {
    spellings: BTreeSet<String>,
    /// All that stands in a spelling.
    parts: BTreeSet<String>,
}

impl Known {
    /// Collects the spellings of all terms but patterns.
    pub fn of(catalog: &Catalog) -> Known {
        let terms = catalog.terms().filter(|(_, term)| term.mode != Mode::Regex);
        terms.flat_map(|(_, term)| term.spellings().map(fold).collect::<Vec<_>>()).collect()
    }

    /// Returns whether the stretch is a spelling.
    pub fn has(&self, gram: &str) -> bool {
        self.spellings.contains(gram)
    }

    /// Returns whether the lists know the stretch, a part of it, or something longer that holds it.
    pub fn touches(&self, gram: &str) -> bool {
        self.parts.contains(gram) || stretches(gram).any(|part| self.spellings.contains(part))
    }
}

impl FromIterator<String> for Known {
    fn from_iter<I: IntoIterator<Item = String>>(spellings: I) -> Known {
        let mut known = Known::default();
        for spelling in spellings {
            known.parts.extend(stretches(&spelling).map(str::to_owned));
            known.spellings.insert(spelling);
        }
        known
    }
}
