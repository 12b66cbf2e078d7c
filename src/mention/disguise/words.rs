//! Tells whether a find cuts a word in two: 口交 in 路口|交通, 刷单 in 牙刷|单支.
//!
//! Only asked where a find has Chinese neighbours, and answered by segmenting a few characters to either side.

use std::ops::Range;

use crate::language::{CharFlags, Segmenter, flags_of};

use super::verify::Pattern;
use super::view::{Kind, Unit, View};

/// The buffers of the check.
#[derive(Default)]
pub(in crate::mention) struct WordCheck {
    window: String,
    ends: Vec<u32>,
}

impl WordCheck {
    pub(super) fn clear(&mut self) {
        self.window.clear();
    }

    /// Returns whether words leave the find whole, and no word of daily use explains what only sounds like the term.
    pub(super) fn allows(
        &mut self,
        pattern: &Pattern,
        view: &View,
        units: Range<usize>,
        segmenter: &Segmenter,
    ) -> bool {
        let all = view.units();
        let own = &all[units.clone()];
        let passes = |(unit, (source, looks)): (&Unit, (char, bool))| {
            unit.kind == Kind::Plain && (looks || unit.source != source) && is_han(unit)
        };
        let passing: Vec<bool> = own.iter().zip(pattern.sources()).map(passes).collect();
        let follows = |at: &usize| *at > 0 && is_han(&all[at - 1]) && all[at - 1].end == all[*at].start;
        let leads =
            |at: &usize| all.get(*at).is_some_and(|next| is_han(next) && all[at - 1].end == next.start);
        let first = (units.start.saturating_sub(REACH)..=units.start)
            .rev()
            .take_while(|at| *at == units.start || follows(&(at + 1)))
            .last();
        let past = (units.end..all.len().min(units.end + REACH)).take_while(leads).last();
        let window = first.unwrap_or(units.start)..past.map_or(units.end, |at| at + 1);
        if window == units && !passing.contains(&true) {
            return true;
        }
        self.window.clear();
        let mut edges = Vec::with_capacity(window.len() + 1);
        let mut sources = pattern.sources();
        for (at, unit) in all.iter().enumerate().take(window.end).skip(window.start) {
            edges.push(self.window.len() as u32);
            let source = units.contains(&at).then(|| sources.next()).flatten();
            let read =
                source.filter(|_| unit.kind == Kind::Letters).map_or(unit.source, |(source, _)| source);
            self.window.push(read);
        }
        edges.push(self.window.len() as u32);
        segmenter.word_ends(&self.window, &mut self.ends);
        let at = |unit: usize| edges[unit - window.start];
        let (start, end) = (at(units.start), at(units.end));
        let surface = &self.window[start as usize..end as usize];
        if passing.contains(&true) && segmenter.is_daily(surface) {
            return false;
        }
        if self.cuts(&self.window, start..end, false, segmenter) {
            return false;
        }
        (0..own.len())
            .all(|n| !passing[n] || !self.explains(segmenter, at(units.start + n), at(units.start + n + 1)))
    }

    /// Returns whether a find in the segmented `text` begins or ends within a word that reaches beyond it, while another
    /// word ends inside it. A find that is a commoner word than the one it cuts was only segmented badly; and where
    /// the term stands plainly, one character left over beside the other word tells nothing (刷|单日|结).
    fn cuts(&self, text: &str, find: Range<u32>, literal: bool, segmenter: &Segmenter) -> bool {
        let is_end = |at: u32| at == 0 || self.ends.binary_search(&at).is_ok();
        let parted = self.ends.iter().any(|at| find.start < *at && *at < find.end);
        match (is_end(find.start), is_end(find.end)) {
            _ if !parted => false,
            (true, true) => false,
            (false, false) => true,
            (opens, _) => {
                let edge = if opens { find.end } else { find.start };
                let (from, to) = word_around(&self.ends, edge, edge + 1);
                let word = |range: Range<u32>| {
                    segmenter.frequency(text.get(range.start as usize..range.end as usize).unwrap_or(""))
                };
                let rest = if opens { find.start..from } else { to..find.end };
                let told = rest.end - rest.start > ONE_CHAR || word(rest.clone()) > FUNCTION_WORD;
                word(find) < word(from..to) && (told || !literal)
            }
        }
    }

    /// Returns whether the character from `start` to `end` belongs to a longer word of daily use.
    fn explains(&self, segmenter: &Segmenter, start: u32, end: u32) -> bool {
        let (from, to) = word_around(&self.ends, start, end);
        (from, to) != (start, end) && segmenter.is_daily(&self.window[from as usize..to as usize])
    }
}

/// Returns where the word that holds `start` begins, and where the word that holds the byte before `end` ends.
fn word_around(ends: &[u32], start: u32, end: u32) -> (u32, u32) {
    let first = ends.partition_point(|at| *at <= start);
    let last = ends.partition_point(|at| *at < end);
    (first.checked_sub(1).map_or(0, |before| ends[before]), ends.get(last).copied().unwrap_or(end))
}

fn is_han(unit: &Unit) -> bool {
    unit.kind != Kind::Letters && flags_of(unit.source).intersects(CharFlags::HAN)
}

/// Returns whether a plain find in a folded text cuts a word in two; a single character, whether it belongs to one.
pub(in crate::mention) fn cuts_a_word(
    text: &str,
    find: Range<usize>,
    segmenter: &Segmenter,
    check: &mut WordCheck,
) -> bool {
    let han = |c: &char| flags_of(*c).intersects(CharFlags::HAN);
    let before: usize =
        text[..find.start].chars().rev().take(REACH).take_while(han).map(char::len_utf8).sum();
    let after: usize = text[find.end..].chars().take(REACH).take_while(han).map(char::len_utf8).sum();
    let whole = text[find.clone()].chars().all(|c| han(&c));
    if !whole || before == 0 && after == 0 {
        return false;
    }
    let from = find.start - before;
    segmenter.word_ends(&text[from..find.end + after], &mut check.ends);
    let window = &text[from..find.end + after];
    let own = before as u32..(find.end - from) as u32;
    if text[find].chars().nth(1).is_some() {
        return check.cuts(window, own, true, segmenter);
    }
    let (first, last) = word_around(&check.ends, own.start, own.end);
    (first, last) != (own.start, own.end) && segmenter.is_daily(&window[first as usize..last as usize])
}

/// Bytes of one Chinese character.
const ONE_CHAR: u32 = 3;
/// Single characters seen oftener than this are words by themselves, as 了 is.
const FUNCTION_WORD: usize = 100_000;
/// Characters to either side that words are looked for in.
const REACH: usize = 6;
