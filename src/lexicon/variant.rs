//! Makes other spellings of terms when a lexicon is compiled: what evaders write instead.
//!
//! Other names (vx for 微信), split characters (力口 for 加), look-alikes (嫌 for 赚) and words put
//! between (加个微信). Sound, pinyin, emoji and digit styles need no spellings: the text is compared by
//! sound (`mention::disguise`). The tables are files beside this one. Spellings per term are capped, and
//! `chattag variants` lists them.

use std::collections::BTreeMap;

use crate::language::fold;

/// Another spelling of a term.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Variant {
    /// The spelling, folded.
    pub text: String,
    /// How it was made.
    pub kind: VariantKind,
    /// Per character: it stands for itself, and nothing that sounds alike will do.
    pub literal: Vec<bool>,
}

/// How a spelling was made.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum VariantKind {
    /// The term itself.
    Term,
    /// Another name for a word in it.
    Alias,
    /// Characters taken apart.
    Split,
    /// A character that looks alike.
    Shape,
    /// A word put behind its verb.
    Inserted,
}

/// The tables that spellings are made from. Built once.
#[derive(Clone, Debug)]
pub struct VariantTables {
    aliases: Vec<(String, Vec<String>)>,
    splits: BTreeMap<char, String>,
    shapes: BTreeMap<char, Vec<char>>,
    emoji: BTreeMap<char, String>,
    inserted: Vec<String>,
    verbs: String,
}

impl Default for VariantTables {
    fn default() -> VariantTables {
        let inserted = pairs(include_str!("variants/inserted.txt"));
        let of = |name: &str| inserted.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        VariantTables {
            aliases: lines(include_str!("variants/alias.txt")).filter_map(read_alias).collect(),
            splits: pairs(include_str!("variants/split.txt")).into_iter().filter_map(read_split).collect(),
            shapes: read_shapes(include_str!("variants/shape.txt")),
            emoji: read_emoji(include_str!("variants/emoji.txt")),
            inserted: of("words").split(' ').map(str::to_owned).collect(),
            verbs: of("verbs").to_owned(),
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

/// Reads `key=value` entries; the value runs to the next entry of the line or to its end.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let whole = |line: &'_ str| line.matches('=').count() == 1;
    let mut all = Vec::new();
    for line in lines(text) {
        let parts: Vec<&str> = if whole(line) { vec![line] } else { line.split(' ').collect() };
        all.extend(parts.into_iter().filter_map(|part| part.split_once('=')));
    }
    all
}

fn read_alias(line: &str) -> Option<(String, Vec<String>)> {
    let (word, names) = line.split_once('=')?;
    Some((fold(word), names.split_whitespace().map(fold).collect()))
}

fn read_split((whole, parts): (&str, &str)) -> Option<(char, String)> {
    let mut chars = whole.chars();
    let only = chars.next().filter(|_| chars.next().is_none())?;
    (parts.chars().count() > 1).then(|| (only, fold(parts)))
}

fn read_shapes(text: &str) -> BTreeMap<char, Vec<char>> {
    let mut shapes: BTreeMap<char, Vec<char>> = BTreeMap::new();
    for group in lines(text).flat_map(str::split_whitespace) {
        for c in group.chars() {
            shapes.entry(c).or_default().extend(group.chars().filter(|other| *other != c));
        }
    }
    shapes.values_mut().for_each(|mates| {
        mates.sort_unstable();
        mates.dedup();
    });
    shapes
}

fn read_emoji(text: &str) -> BTreeMap<char, String> {
    let read = |entry: &str| {
        let mut chars = entry.chars();
        chars.next().map(|sign| (sign, chars.as_str().to_owned()))
    };
    lines(text).flat_map(str::split_whitespace).filter_map(read).collect()
}

impl VariantTables {
    /// Returns whether one character passes for the other to the eye.
    pub fn look_alike(&self, one: char, other: char) -> bool {
        self.shapes.get(&one).is_some_and(|mates| mates.binary_search(&other).is_ok())
    }

    /// Returns the word an emoji is read as.
    pub fn reading_of(&self, sign: char) -> Option<&str> {
        self.emoji.get(&sign).map(String::as_str)
    }

    /// Returns the folded term with its other spellings, at most 200, each once.
    pub fn spellings(&self, term: &str) -> Vec<Variant> {
        let own = Variant {
            text: term.to_owned(),
            kind: VariantKind::Term,
            literal: vec![false; term.chars().count()],
        };
        let mut all = self.with_aliases(own);
        for base in all.clone() {
            self.add_splits(&base, &mut all);
            self.add_shapes(&base, &mut all);
            self.add_inserted(&base, &mut all);
        }
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|variant| seen.insert(variant.text.clone()));
        all.truncate(MOST_VARIANTS);
        all
    }

    fn with_aliases(&self, own: Variant) -> Vec<Variant> {
        let mut all = vec![own.clone()];
        for (word, names) in &self.aliases {
            let Some(at) = own.text.find(word.as_str()) else { continue };
            for name in names.iter().filter(|name| is_worth(name, word, &own.text)) {
                all.push(replaced(&own, at, word, name, VariantKind::Alias, true));
            }
        }
        all
    }

    fn add_splits(&self, base: &Variant, all: &mut Vec<Variant>) {
        let chars: Vec<char> = base.text.chars().collect();
        let able: Vec<usize> = (0..chars.len()).filter(|at| self.splits.contains_key(&chars[*at])).collect();
        for chosen in 1u32..1 << able.len().min(MOST_SPLIT) {
            let mut variant = Variant { kind: VariantKind::Split, text: String::new(), literal: Vec::new() };
            for (at, c) in chars.iter().enumerate() {
                let split = able
                    .iter()
                    .position(|able| *able == at)
                    .is_some_and(|bit| bit < MOST_SPLIT && chosen >> bit & 1 == 1);
                match self.splits.get(c).filter(|_| split) {
                    Some(parts) => {
                        variant.text.push_str(parts);
                        variant.literal.extend(parts.chars().map(|_| true));
                    }
                    None => {
                        variant.text.push(*c);
                        variant.literal.push(base.literal[at]);
                    }
                }
            }
            all.push(variant);
        }
    }

    fn add_shapes(&self, base: &Variant, all: &mut Vec<Variant>) {
        for (at, c) in base.text.char_indices() {
            for mate in self.shapes.get(&c).into_iter().flatten() {
                let (word, name) = (c.to_string(), mate.to_string());
                all.push(replaced(base, at, &word, &name, VariantKind::Shape, true));
            }
        }
    }

    fn add_inserted(&self, base: &Variant, all: &mut Vec<Variant>) {
        let mut chars = base.text.chars();
        let Some(verb) = chars.next().filter(|verb| self.verbs.contains(*verb)) else { return };
        if chars.as_str().is_empty() {
            return;
        }
        for word in &self.inserted {
            let name = format!("{verb}{word}");
            let mut variant = replaced(base, 0, &verb.to_string(), &name, VariantKind::Inserted, true);
            variant.literal[0] = base.literal[0];
            all.push(variant);
        }
        let turned = format!("{}{verb}{TURNED}", chars.as_str());
        let literal = vec![true; turned.chars().count()];
        all.push(Variant { text: turned, kind: VariantKind::Inserted, literal });
    }
}

/// Returns whether a name says enough: not one letter for a whole term, and nothing the term holds anyway.
fn is_worth(name: &str, word: &str, term: &str) -> bool {
    let long = term.len() > word.len() || name.chars().nth(1).is_some();
    long && !(name.contains(word) && term.contains(name))
}

/// Returns `base` with the `word` at byte `at` replaced.
fn replaced(base: &Variant, at: usize, word: &str, name: &str, kind: VariantKind, literal: bool) -> Variant {
    let text = format!("{}{name}{}", &base.text[..at], &base.text[at + word.len()..]);
    let first = base.text[..at].chars().count();
    let mut flags = base.literal[..first].to_vec();
    flags.extend(name.chars().map(|_| literal));
    flags.extend(&base.literal[first + word.chars().count()..]);
    Variant { text, kind, literal: flags }
}

/// Most spellings of one term.
pub const MOST_VARIANTS: usize = 200;
/// What follows a verb that comes behind its object: 红包领一下.
const TURNED: &str = "一下";
/// Most characters of a term that are taken apart together.
const MOST_SPLIT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_have_the_spellings_people_use() {
        // (term, kind, spelling)
        const CASES: &[(&str, VariantKind, &str)] = &[
            ("加微信", VariantKind::Alias, "加vx"),
            ("加微信", VariantKind::Split, "力口微信"),
            ("加微信", VariantKind::Inserted, "加个微信"),
            ("加微信", VariantKind::Inserted, "加上老师微信"),
            ("赚钱", VariantKind::Shape, "嫌钱"),
            ("赌博", VariantKind::Split, "贝者十尃"),
            ("qq群", VariantKind::Alias, "扣扣群"),
        ];
        let tables = VariantTables::default();
        for (term, kind, spelling) in CASES {
            let all = tables.spellings(term);
            assert!(
                all.iter().any(|one| one.kind == *kind && one.text == *spelling),
                "{term} {spelling}: {all:?}"
            );
            assert!(all.iter().all(|one| one.literal.len() == one.text.chars().count()));
        }
    }

    #[test]
    fn spellings_are_capped_and_each_is_made_once() {
        let all = VariantTables::default().spellings("加微信领红包扫码进群赚钱");
        assert!(all.len() <= MOST_VARIANTS);
        let mut texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
        texts.sort_unstable();
        let n = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), n);
        assert_eq!(all[0].kind, VariantKind::Term);
    }

    #[test]
    fn signs_are_read_as_words() {
        let tables = VariantTables::default();
        assert_eq!(tables.reading_of('💰'), Some("钱"));
        assert_eq!(tables.reading_of('☎'), Some("电话"));
        assert_eq!(tables.reading_of('✨'), None);
    }
}
