//! Tells whether a hit is said, denied, asked, supposed or told.
//!
//! The words that decide are data: the lexicon `negation`, whose categories are the
//! kinds below. They are looked for around hits only, longest first, and work inside a
//! clause: commas, sentence ends, spaces and contrasting words end it. Before and after
//! the hit are searched apart, so that 不满 does not swallow the 不 of 不+满意. Per hit the
//! cost is that of its clause, which is bounded.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::language::{CharFlags, clause_around, flags_of, fold};
use crate::lexicon::{Lexicon, Term};

use super::Polarity;
use super::candidate::Candidate;
use super::starters::Starters;

/// What a scope word does; each is a category of the lexicon `negation`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ScopeKind {
    /// 否定: denies what follows.
    Denies,
    /// 非否定: looks like a negator and is none.
    Nothing,
    /// 后置否定: denies what stands before it.
    DeniesBefore,
    /// 疑问: asks, anywhere in the clause.
    Asks,
    /// 句末疑问: asks at the end of the clause.
    AsksAtEnd,
    /// 假设: supposes what follows.
    Supposes,
    /// 后置假设: supposes what stands before it.
    SupposesBefore,
    /// 转述: tells what others say, or what was long ago.
    Tells,
    /// 转折: ends the clause.
    Turns,
    /// 反问: a question or denial that asserts.
    Insists,
    /// 拒绝: the speaker wants nothing of it.
    Refuses,
    /// 别义: a longer word with another sense; what it covers is no hit.
    Covers,
}

/// The kinds by the name of their category.
const KINDS: &[(&str, ScopeKind)] = &[
    ("否定", ScopeKind::Denies),
    ("非否定", ScopeKind::Nothing),
    ("后置否定", ScopeKind::DeniesBefore),
    ("疑问", ScopeKind::Asks),
    ("句末疑问", ScopeKind::AsksAtEnd),
    ("假设", ScopeKind::Supposes),
    ("后置假设", ScopeKind::SupposesBefore),
    ("转述", ScopeKind::Tells),
    ("转折", ScopeKind::Turns),
    ("反问", ScopeKind::Insists),
    ("拒绝", ScopeKind::Refuses),
    ("别义", ScopeKind::Covers),
];

/// A scope word in a text, in bytes of the folded text.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScopeWord {
    kind: ScopeKind,
    start: u32,
    end: u32,
}

/// What the words around a hit make of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Judgement {
    /// Said, asked, supposed or told; never `Negated`, which `negated` says.
    pub(super) polarity: Polarity,
    /// Denied an odd number of times.
    pub(super) negated: bool,
    /// The speaker wants nothing of it.
    pub(super) refused: bool,
}

impl Judgement {
    fn plain(polarity: Polarity) -> Judgement {
        Judgement { polarity, negated: false, refused: false }
    }
}

/// The scope words, compiled.
pub(super) struct ScopeWords {
    automaton: Option<AhoCorasick>,
    /// How the words begin: most clauses hold none of them.
    starters: Starters,
    kinds: Vec<ScopeKind>,
    /// Longer words with another sense, in every place they occur.
    covers: Option<AhoCorasick>,
    /// Every stretch inside such a word: only these spellings can be covered.
    coverable: BTreeSet<String>,
}

impl ScopeWords {
    /// Compiles the enabled words of the lexicon; `None` is no words.
    pub(super) fn new(lexicon: Option<&Lexicon>) -> ScopeWords {
        let (mut words, mut kinds, mut covers) = (Vec::new(), Vec::new(), Vec::new());
        let terms = lexicon.map_or(&[] as &[_], Lexicon::terms);
        for term in terms.iter().filter(|term| term.enabled) {
            let kind = kind_of(term);
            for spelling in term.spellings().map(fold).filter(|word| !word.is_empty()) {
                if kind == ScopeKind::Covers {
                    covers.push(spelling);
                } else {
                    words.push(spelling);
                    kinds.push(kind);
                }
            }
        }
        let automaton = compile(&words, MatchKind::LeftmostLongest);
        let coverable = covers.iter().flat_map(|word| stretches(word)).map(str::to_owned).collect();
        let starters = Starters::new(&words);
        ScopeWords { automaton, starters, kinds, covers: compile(&covers, MatchKind::Standard), coverable }
    }

    /// Returns whether a longer word with another sense may contain this folded spelling.
    pub(super) fn may_cover(&self, spelling: &str) -> bool {
        self.coverable.contains(spelling)
    }

    /// Returns whether a longer word with another sense contains the hit: 贵 in 贵公司.
    pub(super) fn cover(&self, text: &str, hit: &Candidate) -> bool {
        let Some(covers) = &self.covers else { return false };
        let (start, end) = (hit.start as usize, hit.end as usize);
        let before = text[..start].chars().rev().take(MAX_COVER_CHARS).map(char::len_utf8).sum::<usize>();
        let after = text[end..].chars().take(MAX_COVER_CHARS).map(char::len_utf8).sum::<usize>();
        let from = start - before;
        let mut found = covers.find_overlapping_iter(&text[from..end + after]);
        found.any(|word| {
            let word = from + word.start()..from + word.end();
            word.start <= start && end <= word.end && word.len() > end - start
        })
    }

    /// Appends the scope words in `bytes` of a folded text, in order. A negator between two
    /// halves of a question such as 贵不贵 asks.
    fn find(&self, text: &str, bytes: Range<usize>, words: &mut Vec<ScopeWord>) {
        let Some(automaton) = &self.automaton else { return };
        let Some(first) = self.starters.first(&text[bytes.clone()]) else { return };
        let from = bytes.start + first;
        words.extend(automaton.find_iter(&text[from..bytes.end]).map(|found| {
            let start = from + found.start();
            let kind = match self.kinds[found.pattern().as_usize()] {
                ScopeKind::Denies | ScopeKind::Nothing if is_a_not_a(text, start) => ScopeKind::Asks,
                kind => kind,
            };
            ScopeWord { kind, start: start as u32, end: (from + found.end()) as u32 }
        }));
    }
}

/// Returns the kind that the term's category names; an unknown one does nothing.
fn kind_of(term: &Term) -> ScopeKind {
    let category = term.category.first().map_or("", String::as_str);
    KINDS.iter().find(|(name, _)| *name == category).map_or(ScopeKind::Nothing, |(_, kind)| *kind)
}

/// Returns the stretches of whole characters inside `word`, itself left out.
fn stretches(word: &str) -> impl Iterator<Item = &str> {
    let ends = || word.char_indices().map(|(at, _)| at).chain([word.len()]);
    let pairs = ends().flat_map(move |from| ends().map(move |to| from..to));
    pairs.filter_map(|range| word.get(range)).filter(|part| !part.is_empty() && part.len() < word.len())
}

/// A DFA: every hit walks its clause, and the words are few. No prefilter: clauses are short and full of their bytes.
fn compile(words: &[String], kind: MatchKind) -> Option<AhoCorasick> {
    if words.is_empty() {
        return None;
    }
    let builder = AhoCorasick::builder()
        .match_kind(kind)
        .kind(Some(AhoCorasickKind::DFA))
        .prefilter(false)
        .build(words);
    builder.ok()
}

/// Returns whether the 不 or 没 at `at` stands between two equal stretches of up to three characters.
fn is_a_not_a(text: &str, at: usize) -> bool {
    let mut rest = text[at..].chars();
    let Some(middle @ ('不' | '没')) = rest.next() else { return false };
    let (before, after) = (&text[..at], rest.as_str());
    (1..=3).any(|n| {
        let Some((from, _)) = before.char_indices().nth_back(n - 1) else { return false };
        let half = &before[from..];
        after.starts_with(half)
            && !half.contains(middle)
            && half.chars().all(|c| flags_of(c).intersects(CharFlags::HAN))
    })
}

/// One text with its hits.
pub(super) struct Scene<'a> {
    /// The scope words.
    pub(super) scope: &'a ScopeWords,
    /// The folded text.
    pub(super) text: &'a str,
    /// All hits, in text order.
    pub(super) hits: &'a [Candidate],
}

impl Scene<'_> {
    /// Judges one hit by the words of its clause. `words` is a buffer.
    pub(super) fn judge(&self, hit: &Candidate, words: &mut Vec<ScopeWord>) -> Judgement {
        let place = hit.start as usize..hit.end as usize;
        let clause = clause_around(self.text, place.clone());
        words.clear();
        self.scope.find(self.text, clause.bytes.start..place.start, words);
        let n_before = words.len();
        self.scope.find(self.text, place.end..clause.bytes.end, words);
        let (before, after) = words.split_at(n_before);
        let turned = before.iter().rposition(|word| word.kind == ScopeKind::Turns).map_or(0, |at| at + 1);
        let turn = after.iter().position(|word| word.kind == ScopeKind::Turns);
        let end = turn.map_or(clause.bytes.end, |at| after[at].start as usize);
        let view = View {
            scene: self,
            hit,
            before: &before[turned..],
            after: &after[..turn.unwrap_or(after.len())],
            end,
            asks: clause.asks && turn.is_none(),
        };
        view.judge()
    }
}

/// A hit in its clause.
struct View<'a> {
    scene: &'a Scene<'a>,
    hit: &'a Candidate,
    /// The scope words of the clause before the hit.
    before: &'a [ScopeWord],
    /// The scope words of the clause after the hit.
    after: &'a [ScopeWord],
    /// Where the clause ends.
    end: usize,
    /// A question mark ends the clause.
    asks: bool,
}

impl View<'_> {
    fn judge(&self) -> Judgement {
        if self.has(ScopeKind::Insists) {
            return Judgement::plain(Polarity::Asserted);
        }
        let polarity = if self.is_told() {
            Polarity::Reported
        } else if self.is_supposed() {
            Polarity::Hypothetical
        } else if self.is_asked() {
            Polarity::Questioned
        } else {
            Polarity::Asserted
        };
        Judgement { polarity, negated: self.is_negated(), refused: self.is_refused() }
    }

    fn is_told(&self) -> bool {
        self.before(ScopeKind::Tells).next().is_some() || is_in_title(self.scene.text, self.hit)
    }

    fn is_supposed(&self) -> bool {
        self.before(ScopeKind::Supposes).next().is_some()
            || self.after(ScopeKind::SupposesBefore).next().is_some()
    }

    fn is_asked(&self) -> bool {
        if self.is_called_for() {
            return false;
        }
        let asks_at_end = self.after(ScopeKind::AsksAtEnd).any(|word| self.ends_clause(word));
        let bare_negator = self.after(ScopeKind::Denies).any(|word| self.ends_clause(word));
        self.asks || self.has(ScopeKind::Asks) || asks_at_end || bare_negator
    }

    /// Returns whether the hit opens its clause and 呢 follows at once: 退款呢? asks for it, not about it.
    fn is_called_for(&self) -> bool {
        let text = self.scene.text;
        let opens = text[..self.hit.start as usize]
            .chars()
            .next_back()
            .is_none_or(|c| !flags_of(c).intersects(CharFlags::HAN));
        opens && text[self.hit.end as usize..].starts_with('呢')
    }

    fn is_refused(&self) -> bool {
        self.before(ScopeKind::Refuses).any(|word| self.reaches(word.end, self.hit.start, REACH_BEFORE))
            || self.after(ScopeKind::Refuses).any(|word| self.reaches(self.hit.end, word.start, REACH_AFTER))
    }

    fn is_negated(&self) -> bool {
        (self.negators_before() % 2 == 1) != self.is_denied_after()
    }

    /// Counts the negators that lead up to the hit, each within reach of the next.
    fn negators_before(&self) -> usize {
        let (mut at, mut n) = (self.hit.start, 0);
        for word in self.before.iter().rev().filter(|word| word.kind == ScopeKind::Denies) {
            if !self.reaches(word.end, at, REACH_BEFORE) {
                break;
            }
            at = word.start;
            n += 1;
        }
        n
    }

    /// Returns whether words behind the hit deny it (退款就不用了), or an echo does (慢是不慢).
    fn is_denied_after(&self) -> bool {
        let text = self.scene.text;
        let own = &text[self.hit.start as usize..self.hit.end as usize];
        let echoes = |word: &ScopeWord| text[word.end as usize..].starts_with(own);
        self.after(ScopeKind::DeniesBefore).any(|word| self.reaches(self.hit.end, word.start, REACH_AFTER))
            || self
                .after(ScopeKind::Denies)
                .any(|word| echoes(word) && self.reaches(self.hit.end, word.start, 1))
    }

    fn has(&self, kind: ScopeKind) -> bool {
        self.before(kind).chain(self.after(kind)).next().is_some()
    }

    fn before(&self, kind: ScopeKind) -> impl Iterator<Item = &ScopeWord> {
        self.before.iter().filter(move |word| word.kind == kind)
    }

    fn after(&self, kind: ScopeKind) -> impl Iterator<Item = &ScopeWord> {
        self.after.iter().filter(move |word| word.kind == kind)
    }

    /// Returns whether only signs and emoji follow the word in its clause.
    fn ends_clause(&self, word: &ScopeWord) -> bool {
        let rest = self.scene.text.get(word.end as usize..self.end).unwrap_or("");
        rest.chars().next().is_none_or(|c| flags_of(c).intersects(CharFlags::SOFT))
    }

    /// Returns whether at most `most` characters and no other hit of the lexicon lie between.
    fn reaches(&self, from: u32, to: u32, most: usize) -> bool {
        let between = self.scene.text.get(from as usize..to as usize).unwrap_or("");
        let near = between.chars().nth(most).is_none();
        near && !self.has_hit_within(from, to)
    }

    fn has_hit_within(&self, from: u32, to: u32) -> bool {
        let first = self.scene.hits.partition_point(|other| other.start < from);
        let within = self.scene.hits[first..].iter().take_while(|other| other.start < to);
        within.filter(|other| other.end <= to).any(|other| other.lexicon == self.hit.lexicon)
    }
}

/// Returns whether the hit stands inside 《》 or “”: titles and quoted words are somebody else's.
fn is_in_title(text: &str, hit: &Candidate) -> bool {
    if !may_hold_marks(&text.as_bytes()[..hit.start as usize]) {
        return false;
    }
    // For each pair of marks: whether the nearest before the hit opens.
    let (mut title, mut quote) = (None, None);
    for c in text[..hit.start as usize].chars().rev().take(MAX_TITLE_CHARS) {
        match c {
            '《' | '》' => title = title.or(Some(c == '《')),
            '“' | '”' => quote = quote.or(Some(c == '“')),
            _ => {}
        }
    }
    let closes = |mark| text[hit.end as usize..].chars().take(MAX_TITLE_CHARS).any(|c| c == mark);
    title == Some(true) && closes('》') || quote == Some(true) && closes('”')
}

/// Returns whether a mark that opens a title or a quote may stand among the last characters of `bytes`: both begin
/// with bytes that begin few others. Without a branch per byte, since every hit asks.
fn may_hold_marks(bytes: &[u8]) -> bool {
    let from = bytes.len().saturating_sub(MAX_TITLE_CHARS * char::MAX_LEN_UTF8);
    bytes[from..].iter().fold(false, |holds, byte| holds | (byte & 0xFE == OPENING_MARKS))
}

/// The first byte of “ and of 《 (0xE3), but for its last bit.
const OPENING_MARKS: u8 = 0xE2;
/// How many characters may stand between a negator and what it denies.
const REACH_BEFORE: usize = 3;
/// How many characters may stand between a hit and what denies it from behind.
const REACH_AFTER: usize = 6;
/// How far a word with another sense may reach beyond a hit.
const MAX_COVER_CHARS: usize = 8;
/// How far a title's marks are looked for.
const MAX_TITLE_CHARS: usize = 20;
