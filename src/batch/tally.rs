//! Counts what became of each record, by reason; the counts add up to the input.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of a readable record. (An unreadable one is quarantined under its fault's code.)
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Fate {
    /// A message that rules looked at.
    Processed,
    /// Someone took a message back.
    Recall,
    /// An employee changed the active company.
    Switch,
    /// A customer allowed the archiving.
    Agree,
    /// A customer refused the archiving.
    Disagree,
    /// A message without payload: an interaction, no text.
    EmptyPayload,
    /// A page that holds no messages.
    EmptyPage,
    /// A list entry without content, as stores leave for what they could not decrypt.
    EmptyEntry,
    /// Encrypted, and no decryptor is there.
    Encrypted,
    /// A message at or after `as_of`; a later run takes it.
    AfterAsOf,
}

impl Fate {
    const ALL: [Fate; 10] = [
        Fate::Processed,
        Fate::Recall,
        Fate::Switch,
        Fate::Agree,
        Fate::Disagree,
        Fate::EmptyPayload,
        Fate::EmptyPage,
        Fate::EmptyEntry,
        Fate::Encrypted,
        Fate::AfterAsOf,
    ];

    /// Returns the fate that `as u8` gave.
    pub fn from_u8(byte: u8) -> Fate {
        Fate::ALL[usize::from(byte).min(Fate::ALL.len() - 1)]
    }

    /// Returns the reason under which it is counted.
    pub fn reason(self) -> &'static str {
        match self {
            Fate::Processed => "processed",
            Fate::Recall => "control.recall",
            Fate::Switch => "control.switch",
            Fate::Agree => "control.agree",
            Fate::Disagree => "control.disagree",
            Fate::EmptyPayload => "control.empty_payload",
            Fate::EmptyPage => "control.empty_page",
            Fate::EmptyEntry => "skipped.empty_entry",
            Fate::Encrypted => "skipped.encrypted",
            Fate::AfterAsOf => "skipped.after_as_of",
        }
    }
}

/// Records by what became of them.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// All records read.
    pub read: u64,
    /// Messages that rules looked at.
    pub processed: u64,
    /// Records that repeat an earlier one.
    pub duplicate: u64,
    /// Control records.
    pub control: u64,
    /// Records understood and laid aside.
    pub skipped: u64,
    /// Records not understood.
    pub quarantined: u64,
    /// Control, skipped and quarantined records by reason, such as `control.recall` or `quarantined.json.syntax`.
    pub reasons: BTreeMap<String, u64>,
    /// What else was noticed, such as `quote` or `sanitized`; not part of the sum.
    pub notes: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts one readable record.
    pub fn count(&mut self, fate: Fate) {
        self.read += 1;
        *self.slot(fate) += 1;
        if fate != Fate::Processed {
            add(&mut self.reasons, fate.reason(), 1);
        }
    }

    /// Counts one unreadable record under its fault's code.
    pub fn quarantine(&mut self, code: &str) {
        self.read += 1;
        self.quarantined += 1;
        add(&mut self.reasons, &format!("quarantined.{code}"), 1);
    }

    /// Moves one record from its fate to the duplicates.
    pub fn move_to_duplicates(&mut self, fate: Fate) {
        *self.slot(fate) -= 1;
        self.duplicate += 1;
        if fate != Fate::Processed
            && let Some(n) = self.reasons.get_mut(fate.reason())
        {
            *n -= 1;
        }
    }

    /// Counts something noticed.
    pub fn note(&mut self, what: &str, n: u64) {
        if n > 0 {
            add(&mut self.notes, what, n);
        }
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Tally) {
        self.read += other.read;
        self.processed += other.processed;
        self.duplicate += other.duplicate;
        self.control += other.control;
        self.skipped += other.skipped;
        self.quarantined += other.quarantined;
        for (reason, n) in &other.reasons {
            add(&mut self.reasons, reason, *n);
        }
        for (what, n) in &other.notes {
            self.note(what, *n);
        }
    }

    /// Returns whether the outcomes add up to the records read.
    pub fn adds_up(&self) -> bool {
        self.read == self.processed + self.duplicate + self.control + self.skipped + self.quarantined
    }

    /// Returns the share of records not understood; 0 for an empty input.
    pub fn quarantined_share(&self) -> f64 {
        if self.read == 0 { 0.0 } else { self.quarantined as f64 / self.read as f64 }
    }

    fn slot(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Processed => &mut self.processed,
            Fate::EmptyEntry | Fate::Encrypted | Fate::AfterAsOf => &mut self.skipped,
            _ => &mut self.control,
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str, n: u64) {
    match counts.get_mut(name) {
        Some(count) => *count += n,
        None => drop(counts.insert(name.to_owned(), n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_before_and_after_duplicates_are_known() {
        let mut tally = Tally::default();
        tally.count(Fate::Processed);
        tally.count(Fate::Processed);
        tally.count(Fate::Recall);
        tally.count(Fate::Encrypted);
        tally.quarantine("json.syntax");
        assert!(tally.adds_up());
        tally.move_to_duplicates(Fate::Processed);
        tally.move_to_duplicates(Fate::Recall);
        assert!(tally.adds_up());
        assert_eq!((tally.processed, tally.duplicate, tally.control), (1, 2, 0));
        assert_eq!(tally.reasons["control.recall"], 0);
        let mut twice = tally.clone();
        twice.add(&tally);
        assert!(twice.adds_up());
        assert_eq!(twice.reasons["quarantined.json.syntax"], 2);
    }

    #[test]
    fn every_fate_survives_its_byte() {
        for fate in Fate::ALL {
            assert_eq!(Fate::from_u8(fate as u8), fate);
        }
    }
}
