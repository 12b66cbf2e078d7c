//! Leads offsets of a changed text back to the text it was made from.
//!
//! Only the places where the length changed are kept: where nothing changed length
//! the two texts run in parallel. A look-up is a binary search over these places.

use std::ops::Range;

/// The way from offsets of a changed text (`to`) back to the original (`from`), in bytes.
#[derive(Clone, Debug, Default)]
pub struct OffsetMap {
    /// In order; a stretch whose length changed, by its end in both texts.
    shifts: Vec<Shift>,
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    to_end: u32,
    from_end: u32,
    to_len: u16,
    from_len: u16,
}

impl OffsetMap {
    /// Forgets everything: the two texts are the same.
    pub fn clear(&mut self) {
        self.shifts.clear();
    }

    /// Notes that the original's `from_len` bytes up to `from_end` became the `to_len` bytes up to `to_end`.
    /// Calls go from left to right.
    pub fn shift(&mut self, to_end: usize, from_end: usize, to_len: usize, from_len: usize) {
        let shift = Shift {
            to_end: to_end as u32,
            from_end: from_end as u32,
            to_len: to_len as u16,
            from_len: from_len as u16,
        };
        self.shifts.push(shift);
    }

    /// Returns the stretch of the original that a stretch of the changed text came from.
    ///
    /// An end inside a character that became several widens the result to the whole
    /// character. What was left out of the original just outside `to` stays outside.
    pub fn range(&self, to: Range<usize>) -> Range<usize> {
        if self.shifts.is_empty() {
            return to;
        }
        self.start(to.start as u32) as usize..self.end(to.end as u32) as usize
    }

    fn start(&self, to: u32) -> u32 {
        let next = self.shifts.partition_point(|shift| shift.to_end <= to);
        if let Some(shift) = self.shifts.get(next)
            && shift.to_end - u32::from(shift.to_len) < to
        {
            return shift.from_end - u32::from(shift.from_len);
        }
        self.run_on(next, to)
    }

    fn end(&self, to: u32) -> u32 {
        let next = self.shifts.partition_point(|shift| shift.to_end < to);
        if let Some(shift) = self.shifts.get(next)
            && shift.to_end - u32::from(shift.to_len) < to
        {
            return shift.from_end;
        }
        self.run_on(next, to)
    }

    /// Runs on in parallel from the shift before `next`.
    fn run_on(&self, next: usize, to: u32) -> u32 {
        match next.checked_sub(1).and_then(|before| self.shifts.get(before)) {
            Some(shift) => shift.from_end + (to - shift.to_end),
            None => to,
        }
    }
}
