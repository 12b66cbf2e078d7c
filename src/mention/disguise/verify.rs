//! Compares what the automaton found with the term, character by character.

use std::ops::Range;

use crate::language::{CharFlags, flags_of, syllable_of};
use crate::lexicon::{LayerSet, LexiconIdx, TermIdx, Variant, VariantKind};
use crate::mention::Layer;

use super::view::{Kind, Unit, View, numeral};

/// A spelling of a term, as units.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) lexicon: LexiconIdx,
    pub(super) term: TermIdx,
    layers: LayerSet,
    kind: VariantKind,
    units: Vec<PatternUnit>,
}

#[derive(Clone, Copy, Debug)]
struct PatternUnit {
    source: char,
    run: u16,
    /// Nothing that sounds alike will do.
    literal: bool,
    /// Part of a number that is long enough to be written in daily numerals.
    long_number: bool,
}

impl Pattern {
    /// Makes a pattern of a spelling that was read into `view`; `None` when it is too short to be disguised or
    /// holds a break.
    pub(super) fn new(
        view: &View,
        variant: &Variant,
        of: (LexiconIdx, TermIdx, LayerSet),
    ) -> Option<Pattern> {
        let units = view.units();
        if units.iter().any(|unit| unit.kind == Kind::Break) || units.len() < 2 && units.first()?.run < 2 {
            return None;
        }
        let n_digits = units.iter().filter(|unit| is_digit(unit.source)).count();
        let chars: Vec<(usize, char)> = variant.text.char_indices().collect();
        let literal = |unit: &Unit| {
            let at = chars.partition_point(|(at, _)| *at < unit.start as usize);
            variant.literal.get(at).copied().unwrap_or(false)
        };
        let units = units.iter().map(|unit| PatternUnit {
            source: unit.source,
            run: unit.run,
            literal: literal(unit),
            long_number: is_digit(unit.source) && n_digits >= LONG_NUMBER,
        });
        let units: Vec<PatternUnit> = units.collect();
        Some(Pattern { lexicon: of.0, term: of.1, layers: of.2, kind: variant.kind, units })
    }

    /// Returns what each unit is in the term, and whether it only looks like what the term has there.
    pub(super) fn sources(&self) -> impl Iterator<Item = (char, bool)> {
        self.units.iter().map(|unit| (unit.source, self.kind == VariantKind::Shape && unit.literal))
    }
}

fn is_digit(c: char) -> bool {
    flags_of(c).intersects(CharFlags::DIGIT)
}

/// What it takes to read one unit as another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reads {
    Same,
    Digit,
    Sound,
    Letters,
}

/// Returns the farthest layer it takes to read `units` as the pattern's term; `None` when they are not it, are it
/// plainly, or take a layer the lexicon has not.
pub(super) fn verify(pattern: &Pattern, view: &View, units: Range<usize>, text: &str) -> Option<Layer> {
    let own = view.units().get(units.clone())?;
    if own.len() != pattern.units.len() || !stands_alone(view, &units, text) {
        return None;
    }
    let (mut layer, mut sounds) = (Layer::Exact, 0);
    for (wanted, unit) in pattern.units.iter().zip(own) {
        let needed = match reads(wanted, unit)? {
            Reads::Same => Layer::Exact,
            Reads::Digit => Layer::Digits,
            Reads::Sound => {
                sounds += 1;
                Layer::Variant
            }
            Reads::Letters => Layer::Variant,
        };
        let needed = if is_dressed(unit) { needed.max(Layer::Digits) } else { needed };
        let repeated = if unit.run > wanted.run { Layer::Collapsed } else { Layer::Exact };
        layer = layer.max(needed).max(repeated);
    }
    if sounds == own.len() && sounds < MIN_SOUNDS {
        return None;
    }
    for pair in own.windows(2).filter(|pair| pair[0].end < pair[1].start) {
        let between = &text[pair[0].end as usize..pair[1].start as usize];
        if is_digit(pair[0].source) && is_digit(pair[1].source) && between.contains(PART_OF_NUMBERS) {
            return None;
        }
        layer = layer.max(Layer::Skipped);
    }
    if pattern.kind != VariantKind::Term {
        layer = Layer::Variant;
    }
    let needs = match layer {
        Layer::Exact | Layer::Folded => return None,
        Layer::Skipped => LayerSet::SKIP,
        Layer::Collapsed => LayerSet::COLLAPSE,
        Layer::Digits => LayerSet::DIGITS,
        Layer::Variant => LayerSet::VARIANTS,
    };
    pattern.layers.contains(needs).then_some(layer)
}

/// Returns whether a digit is drawn in a circle or a key.
fn is_dressed(unit: &Unit) -> bool {
    unit.kind == Kind::Plain
        && is_digit(unit.source)
        && (unit.end - unit.start) as usize > unit.source.len_utf8()
}

fn reads(wanted: &PatternUnit, unit: &Unit) -> Option<Reads> {
    if unit.run < wanted.run {
        return None;
    }
    if unit.source == wanted.source {
        return Some(if unit.kind == Kind::Sign { Reads::Letters } else { Reads::Same });
    }
    let digit_of = |c: char| numeral(c).map(|(digit, _)| digit);
    match unit.kind {
        _ if wanted.literal => None,
        Kind::Letters => Some(Reads::Letters),
        Kind::Sign => Some(Reads::Letters),
        Kind::FormalNumeral => Some(Reads::Digit),
        Kind::Numeral if is_digit(wanted.source) => wanted.long_number.then_some(Reads::Digit),
        Kind::Numeral => Some(Reads::Digit),
        Kind::Plain if is_digit(unit.source) => digit_of(wanted.source).map(|_| Reads::Digit),
        Kind::Plain => syllable_of(unit.source).and(syllable_of(wanted.source)).map(|_| Reads::Sound),
        Kind::Break => None,
    }
}

/// Returns whether letters and digits at the ends of the find are whole runs.
fn stands_alone(view: &View, units: &Range<usize>, text: &str) -> bool {
    let own = &view.units()[units.clone()];
    let (Some(first), Some(last)) = (own.first(), own.last()) else { return false };
    let kin = |c: Option<char>, end: &Unit| {
        let digit = is_digit(end.source) || matches!(end.kind, Kind::Numeral | Kind::FormalNumeral);
        c.is_some_and(|c| digit && (is_digit(c) || c != '么' && numeral(c).is_some()))
    };
    let before = text[..first.start as usize].chars().next_back();
    let after = text[last.end as usize..].chars().next();
    first.opens && last.closes && !kin(before, first) && !kin(after, last)
}

/// Between digits these belong to the number: 4.04 is not 404.
const PART_OF_NUMBERS: [char; 5] = ['.', ',', '/', ':', '-'];
/// Fewer syllables that are all written otherwise are chance.
const MIN_SOUNDS: usize = 3;
/// Numbers of so many digits are looked for in daily numerals too.
const LONG_NUMBER: usize = 5;
