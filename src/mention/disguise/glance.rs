//! Tells most texts that hold no term in disguise at a glance, without reading them as units.
//!
//! Follows [`super::view`] where a character is a unit for itself, and leaves texts with letters, emoji codes
//! and signs that are read as words to it. Breaks after many separators are not seen: what is joined across
//! them is only looked at once more.

use crate::language::{CharFlags, FoldedText, flags_of};
use crate::mention::starters::Starters;

use super::view::{BREAK, Reader, is_soft_here, symbol_of_han};

/// Returns whether a term may stand in the text in disguise; a text where one does is never missed.
pub(super) fn may_hold(folded: &FoldedText, reader: &Reader, starters: &Starters) -> bool {
    if folded.flags().intersects(CharFlags::LATIN) || !folded.atoms().is_empty() {
        return true;
    }
    let (mut lookout, mut last) = (starters.lookout(), BREAK);
    folded.text().chars().any(|c| {
        let flags = flags_of(c);
        if flags.intersects(CharFlags::HAN) && !is_soft_here(c) {
            // A character that is said twice counts once; a numeral does not.
            let symbol = symbol_of_han(c);
            let counts = c != last || symbol.is_ascii_digit();
            last = c;
            counts && lookout.sees(u32::from(symbol))
        } else if flags.intersects(CharFlags::DIGIT) {
            last = c;
            lookout.sees(u32::from(c))
        } else if reader.reads_otherwise(c) {
            true
        } else if !flags.intersects(CharFlags::SKIP | CharFlags::SOFT) && !is_soft_here(c) && c != '\n' {
            last = BREAK;
            lookout.sees(u32::from(BREAK))
        } else {
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::language::fold_into;
    use crate::lexicon::VariantTables;
    use crate::mention::disguise::view::View;

    proptest! {
        #[test]
        fn what_reading_finds_is_never_missed_at_a_glance(
            text in "(微|信|薇|一|五|5|⓹|加|\\+|v|💰|😀|钱|・|。|\n| |…|丨|\u{200b}|\\[笑\\]){0,12}",
            terms in proptest::collection::vec("(微|信|一|5|加|v|钱){1,4}", 1..4),
        ) {
            let reader = Reader::new(&VariantTables::default());
            let (mut view, mut folded) = (View::default(), FoldedText::default());
            let (mut pairs, mut beginnings) = (Vec::new(), Vec::new());
            let symbols: Vec<String> = terms.iter().map(|term| {
                reader.read_term(term, &mut view);
                view.symbols().to_owned()
            }).collect();
            let starters = Starters::new(&symbols);
            fold_into(&text, &mut folded);
            reader.read(&folded, &mut view);
            starters.find(view.symbols(), &mut pairs, &mut beginnings);
            let found = !beginnings.is_empty();
            prop_assert!(!found || may_hold(&folded, &reader, &starters), "{text} {symbols:?}");
        }
    }
}
