//! Finds which patterns begin at a place of a text.
//!
//! The patterns stand in the order of their bytes, each knows the longest other one that it begins with, and a
//! hashed table leads from two characters to those that begin so. The pattern that stands last before the text
//! from a place on is the longest one there, or leads to it: all others that begin there begin it. So a place
//! costs a look-up and a comparison or two, however many patterns there are; an automaton would wait for memory
//! at each byte.

use super::patterns::Found;

/// Patterns by how they begin. Built once, shared by all threads.
#[derive(Default)]
pub(super) struct Prefixes {
    /// All patterns, one after another, in order.
    text: String,
    /// In the order of their texts.
    sorted: Vec<Entry>,
    /// A power of two of slots, at most half of them taken; a head is in the first free one from its hash on.
    slots: Vec<Slot>,
}

/// A pattern.
struct Entry {
    /// Its bytes in the text of all.
    start: u32,
    end: u32,
    /// Its number.
    pattern: u32,
    /// The place of the longest pattern that it begins with, itself left out; [`NONE`].
    parent: u32,
}

/// The patterns that begin alike.
#[derive(Clone)]
struct Slot {
    head: Head,
    first: u32,
    past: u32,
}

/// The first two characters of a pattern, the second one 0 when there is none.
type Head = (u32, u32);

impl Prefixes {
    /// Orders the patterns, none of which is empty and no two of which are equal; their numbers are those of the list.
    pub(super) fn new(patterns: &[String]) -> Prefixes {
        let mut order: Vec<u32> = (0..patterns.len() as u32).collect();
        order.sort_unstable_by_key(|number| &patterns[*number as usize]);
        let mut prefixes = Prefixes::default();
        let mut open: Vec<u32> = Vec::new();
        for (at, number) in (0..).zip(order) {
            let pattern = patterns[number as usize].as_str();
            while open.last().is_some_and(|last| !pattern.starts_with(prefixes.of(*last))) {
                open.pop();
            }
            let start = prefixes.text.len() as u32;
            prefixes.text.push_str(pattern);
            let (end, parent) = (prefixes.text.len() as u32, open.last().copied().unwrap_or(NONE));
            prefixes.sorted.push(Entry { start, end, pattern: number, parent });
            open.push(at);
        }
        prefixes.fill_slots();
        prefixes
    }

    fn fill_slots(&mut self) {
        let heads: Vec<Head> = (0..self.sorted.len() as u32).map(|at| head(self.of(at))).collect();
        let groups: Vec<&[Head]> = heads.chunk_by(|a, b| a == b).collect();
        let free = Slot { head: (0, 0), first: 0, past: 0 };
        self.slots = vec![free; (2 * groups.len()).next_power_of_two()];
        let mut first = 0;
        for group in groups {
            let past = first + group.len() as u32;
            let at = self.slot(group[0]);
            self.slots[at] = Slot { head: group[0], first, past };
            first = past;
        }
    }

    /// Appends every pattern that begins at one of `places` of `text`, the shorter ones of a place first.
    pub(super) fn find(&self, text: &str, places: &[u32], found: &mut Vec<Found>) {
        for place in places {
            let n = found.len();
            self.find_at(text, *place, found);
            found[n..].reverse();
        }
    }

    fn find_at(&self, text: &str, place: u32, found: &mut Vec<Found>) {
        let rest = text.get(place as usize..).unwrap_or("");
        let (first, second) = head(rest);
        let mut at = self.last_before(rest, (first, second)).unwrap_or(NONE);
        if at == NONE && second != 0 {
            at = self.last_before(rest, (first, 0)).unwrap_or(NONE);
        }
        while let Some(entry) = self.sorted.get(at as usize) {
            let pattern = &self.text.as_bytes()[entry.start as usize..entry.end as usize];
            if !pattern.is_empty() && rest.as_bytes().starts_with(pattern) {
                found.push(Found { pattern: entry.pattern, end: place + pattern.len() as u32 });
            }
            at = entry.parent;
        }
    }

    /// Returns the last of the patterns with this head that stands before `rest` or is equal to it.
    fn last_before(&self, rest: &str, head: Head) -> Option<u32> {
        let slot = self.slots.get(self.slot(head))?;
        let group = &self.sorted[slot.first as usize..slot.past as usize];
        let past =
            group.partition_point(|entry| self.text[entry.start as usize..entry.end as usize] <= *rest);
        (past > 0).then(|| slot.first + past as u32 - 1)
    }

    /// Returns the slot of a head, or the free one where it would be.
    fn slot(&self, head: Head) -> usize {
        let last = self.slots.len().wrapping_sub(1);
        let hash = head.0.wrapping_mul(0x9e37_79b1) ^ head.1.wrapping_mul(0x85eb_ca6b);
        let mut at = (hash ^ hash >> 15) as usize & last;
        while self.slots.get(at).is_some_and(|slot| slot.past > 0 && slot.head != head) {
            at = (at + 1) & last;
        }
        at
    }

    fn of(&self, at: u32) -> &str {
        let entry = &self.sorted[at as usize];
        &self.text[entry.start as usize..entry.end as usize]
    }

    /// Returns its memory in bytes.
    pub(super) fn memory(&self) -> usize {
        self.text.len() + size_of_val(&*self.sorted) + size_of_val(&*self.slots)
    }
}

fn head(text: &str) -> Head {
    let mut chars = text.chars().map(u32::from);
    (chars.next().unwrap_or(0), chars.next().unwrap_or(0))
}

/// No pattern.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found_at_all_places(patterns: &[String], text: &str) -> Vec<(usize, usize)> {
        let places: Vec<u32> = text.char_indices().map(|(at, _)| at as u32).collect();
        let mut found = Vec::new();
        Prefixes::new(patterns).find(text, &places, &mut found);
        found.iter().map(|found| (found.pattern as usize, found.end as usize)).collect()
    }

    #[test]
    fn all_patterns_at_a_place_are_found_the_shorter_ones_first() {
        let patterns = ["优惠券", "优", "优惠", "优惠码", "惠", "v", "v信"].map(str::to_owned);
        assert_eq!(found_at_all_places(&patterns, "优惠卡v"), [(1, 3), (2, 6), (4, 6), (5, 10)]);
        assert_eq!(found_at_all_places(&patterns, "优惠码"), [(1, 3), (2, 6), (3, 9), (4, 6)]);
        assert_eq!(found_at_all_places(&patterns, ""), []);
        assert_eq!(found_at_all_places(&[], "优惠"), []);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_the_text_begins_with(
            patterns in proptest::collection::btree_set("[甲乙a0]{1,5}", 0..30),
            text in "[甲乙a0é]{0,12}",
        ) {
            let patterns: Vec<String> = patterns.into_iter().collect();
            let mut want = Vec::new();
            for (place, _) in text.char_indices() {
                let mut here: Vec<_> =
                    (0..patterns.len()).filter(|at| text[place..].starts_with(&patterns[*at])).collect();
                here.sort_by_key(|at| patterns[*at].len());
                want.extend(here.iter().map(|at| (*at, place + patterns[*at].len())));
            }
            prop_assert_eq!(found_at_all_places(&patterns, &text), want);
        }
    }
}
