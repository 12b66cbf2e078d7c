//! Decided rows on their way into the tables: what exceeds a budget waits on disk, by local day.
//!
//! The tables of one day are written from the rows of that day alone, so a run over a year holds the rows of a few
//! days, not those of the year.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::time::{Day, Zone};
use crate::verdict::{Evidence, Row};

use super::tables::day_of;

/// Decided rows. Keys may come in any order; the rows of one key come in the order they were decided.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    held: Vec<Row>,
    /// About how many bytes of memory these take.
    held_bytes: usize,
    /// Where rows beyond the budget go; none: all are held.
    spill: Option<Spill>,
}

#[derive(Clone, Debug)]
struct Spill {
    budget: usize,
    zone: Zone,
    directory: PathBuf,
    /// The file of each day that has one.
    files: BTreeMap<Day, PathBuf>,
}

/// The rows of one local day.
#[derive(Debug, Default)]
pub(super) struct DayRows<'r> {
    held: Vec<&'r Row>,
    file: Option<&'r Path>,
}

impl From<Vec<Row>> for Rows {
    fn from(held: Vec<Row>) -> Rows {
        Rows { held, ..Rows::default() }
    }
}

impl Rows {
    /// Makes an empty list that spills to files in `directory` (which must exist by then), by local day of `zone`, once
    /// it holds more than about `budget` bytes.
    pub fn spilling(budget: usize, directory: &Path, zone: &Zone) -> Rows {
        let (zone, directory, files) = (zone.clone(), directory.to_owned(), BTreeMap::new());
        Rows { spill: Some(Spill { budget, zone, directory, files }), ..Rows::default() }
    }

    /// Adds rows: all those of a key and day, or none.
    ///
    /// # Errors
    ///
    /// Returns an error when rows had to move to disk and could not.
    pub fn add(&mut self, mut rows: Vec<Row>) -> Result<(), Error> {
        self.held_bytes += rows.iter().map(bytes_of).sum::<usize>();
        self.held.append(&mut rows);
        match &mut self.spill {
            Some(spill) if self.held_bytes > spill.budget => {
                self.held_bytes = 0;
                spill.take(std::mem::take(&mut self.held))
            }
            _ => Ok(()),
        }
    }

    /// Returns the rows by local day of `zone`, which is that of the list.
    pub(super) fn by_day(&self, zone: &Zone) -> BTreeMap<Day, DayRows<'_>> {
        let mut days: BTreeMap<Day, DayRows<'_>> = BTreeMap::new();
        for row in &self.held {
            days.entry(day_of(zone, row.at)).or_default().held.push(row);
        }
        for (day, file) in self.spill.iter().flat_map(|spill| &spill.files) {
            days.entry(*day).or_default().file = Some(file);
        }
        days
    }
}

impl Spill {
    /// Appends rows to the files of their days.
    fn take(&mut self, rows: Vec<Row>) -> Result<(), Error> {
        let mut days: BTreeMap<Day, Vec<Row>> = BTreeMap::new();
        for row in rows {
            days.entry(day_of(&self.zone, row.at)).or_default().push(row);
        }
        for (day, rows) in days {
            let directory = &self.directory;
            let path =
                self.files.entry(day).or_insert_with(|| directory.join(format!("rows-{}", day.to_iso())));
            append(path, &rows).map_err(|error| Error::write(path, error))?;
        }
        Ok(())
    }
}

impl<'r> DayRows<'r> {
    /// Reads what is on disk into `loaded` and returns all rows.
    ///
    /// # Errors
    ///
    /// Returns an error when the file cannot be read.
    pub fn load(self, loaded: &'r mut Vec<Row>) -> Result<Vec<&'r Row>, Error> {
        if let Some(path) = self.file {
            read(path, loaded)?;
            std::fs::remove_file(path).map_err(|error| Error::write(path, error))?;
        }
        Ok(loaded.iter().chain(self.held).collect())
    }
}

/// Returns about how much memory a row takes.
fn bytes_of(row: &Row) -> usize {
    size_of::<Row>() + row.evidence.len() * (size_of::<Evidence>() + BYTES_OF_ID)
}

/// Appends rows to a file, behind their length.
fn append(path: &Path, rows: &[Row]) -> std::io::Result<()> {
    let bytes = postcard::to_allocvec(rows).expect("every row has an encoding");
    let mut file = File::options().create(true).append(true).open(path)?;
    file.write_all(&(bytes.len() as u64).to_le_bytes())?;
    file.write_all(&bytes)
}

/// Reads the rows of a file; neighbours of one key share it.
fn read(path: &Path, rows: &mut Vec<Row>) -> Result<(), Error> {
    let failed = |error| Error::read(path, error);
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut left = file.get_ref().metadata().map_err(failed)?.len();
    let (mut length, mut bytes) = ([0; 8], Vec::new());
    while left > 0 {
        file.read_exact(&mut length).map_err(failed)?;
        let n_bytes = u64::from_le_bytes(length);
        bytes.clear();
        file.by_ref().take(n_bytes).read_to_end(&mut bytes).map_err(failed)?;
        left = left.saturating_sub(length.len() as u64 + n_bytes);
        let part: Vec<Row> =
            postcard::from_bytes(&bytes).map_err(|_| Error::damaged(path, "a row in it cannot be read"))?;
        part.into_iter().for_each(|row| push_sharing(rows, row));
    }
    Ok(())
}

fn push_sharing(rows: &mut Vec<Row>, mut row: Row) {
    if let Some(before) = rows.last().filter(|before| before.key == row.key) {
        row.key = Arc::clone(&before.key);
    }
    rows.push(row);
}

/// About what a message id and what else a piece of evidence points to take.
const BYTES_OF_ID: usize = 48;

#[cfg(test)]
mod tests {
    use crate::message::{Key, KeyKind};
    use crate::rules::{AlertLevel, RuleIdx};
    use crate::time::Timestamp;
    use crate::verdict::{Alert, Decision};

    use super::*;

    fn row(customer: &str, at: i64, n: u16) -> Row {
        let key = Key {
            corp: "wwA".into(),
            kind: KeyKind::Customer,
            customer: customer.into(),
            staff: "".into(),
            room: "".into(),
        };
        let alert =
            Alert { level: AlertLevel::High, suppressed_by: None, inhibited_by: None, recalled_from: None };
        let evidence = Evidence { message_id: "7_1".into(), at: Timestamp(at), mark: None, weight: 0.1 };
        Row {
            key: Arc::new(key),
            at: Timestamp(at),
            rule: Some(RuleIdx(n)),
            decision: Decision::Alert(alert),
            evidence: vec![evidence],
            shadow: false,
            ordinal: 0,
        }
    }

    /// The rows of each day, in the order in which they come back.
    fn back(rows: &Rows, zone: &Zone) -> Vec<(Day, Vec<Row>)> {
        let load = |(day, of_day): (Day, DayRows<'_>)| {
            let mut loaded = Vec::new();
            let rows = of_day.load(&mut loaded).expect("readable").into_iter().cloned().collect();
            (day, rows)
        };
        rows.by_day(zone).into_iter().map(load).collect()
    }

    #[test]
    fn rows_come_back_by_day_whether_they_were_spilled_or_not() {
        const DAY: i64 = 24 * 60 * 60 * 1_000;
        let zone = Zone::named("Asia/Shanghai").expect("a zone");
        let parts = [
            vec![row("a", 5 * DAY, 0), row("a", 5 * DAY, 1), row("a", 6 * DAY, 2)],
            vec![row("b", 5 * DAY, 3), row("b", 7 * DAY, 4)],
            vec![row("c", 5 * DAY, 5)],
        ];
        let held: Rows = parts.concat().into();
        let expected = back(&held, &zone);
        assert_eq!(expected.iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), [4, 1, 1]);
        for budget in [usize::MAX, 3 * bytes_of(&parts[0][0]), 0] {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let mut rows = Rows::spilling(budget, directory.path(), &zone);
            parts.iter().for_each(|part| rows.add(part.clone()).expect("space"));
            let files = std::fs::read_dir(directory.path()).expect("a directory").count();
            assert_eq!(files > 0, budget != usize::MAX, "{budget}");
            assert_eq!(back(&rows, &zone), expected, "{budget}");
            assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
        }
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("rows");
        std::fs::write(&path, [3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255]).expect("space");
        let error = read(&path, &mut Vec::new()).expect_err("no rows");
        assert!(error.to_string().contains("a row in it cannot be read"), "{error}");
        std::fs::write(&path, [3, 0]).expect("space");
        assert!(read(&path, &mut Vec::new()).is_err());
    }
}
