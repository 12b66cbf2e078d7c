//! Says which lexicons anybody asks for in one message.

use crate::lexicon::LexiconSet;
use crate::message::TextScope;

/// The lexicons whose mentions in a message can matter, by whose words they stand in.
///
/// Each lexicon is matched and judged for itself, so leaving one out changes nothing about
/// the others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wanted {
    /// In what the sender typed.
    pub own: LexiconSet,
    /// In what the sender passed on.
    pub shared: LexiconSet,
}

impl Wanted {
    /// Returns the set of all of `n` lexicons, in the sender's own words and in others'.
    pub fn all(n: usize) -> Wanted {
        Wanted { own: LexiconSet::first(n), shared: LexiconSet::first(n) }
    }

    /// Returns the lexicons to look for in words of this scope; `None`: there are none.
    pub(super) fn within(&self, scope: TextScope) -> Option<&LexiconSet> {
        let lexicons = match scope {
            TextScope::Own => &self.own,
            TextScope::Shared => &self.shared,
            TextScope::Machine | TextScope::Quoted => return None,
        };
        (!lexicons.is_empty()).then_some(lexicons)
    }
}
