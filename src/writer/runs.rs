//! The table `runs`: what each run read, by which versions, and what came of it.
//!
//! Nothing here depends on the wall clock, so the table is as reproducible as
//! the others; how long a run took stands in `reports/<commit>.json`.

use std::collections::BTreeMap;

use super::column::{Cells, int64};
use super::record::{RunRecord, Versions};
use super::table::{ColumnDef, History, Kind, Table};

/// Describes the table.
pub(super) fn table() -> Table {
    Table {
        name: "runs",
        doc: "one run",
        columns: vec![
            ColumnDef::new("run_id", Kind::Text, "hash of all that the run depends on"),
            ColumnDef::new("commit", Kind::Int64, "number of the commit, from 0"),
            ColumnDef::new("as_of", Kind::Time, "end of the time the run looks at"),
            ColumnDef::new("engine_version", Kind::Text, "version of chattag"),
            ColumnDef::new("pack", Kind::Text, "name of the rule pack"),
            ColumnDef::new("pack_version", Kind::Text, "version of the rule pack"),
            ColumnDef::new("pack_fp", Kind::Text, "fingerprint of the rule pack"),
            ColumnDef::new("options", Kind::Rows(pair(Kind::Text)), "options that change the output"),
            ColumnDef::new("counts", Kind::Rows(pair(Kind::Int64)), "totals of the run by name"),
            ColumnDef::new("inputs", Kind::Rows(input_columns()), "the archive files, in path order"),
        ],
        sorted_by: &[],
        bloom: &[],
        partition: "last local day before `as_of`",
        history: History::Accumulates,
    }
}

fn input_columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::new("path", Kind::Text, "file"),
        ColumnDef::new("bytes", Kind::Int64, "size in bytes as stored"),
        ColumnDef::new("blake3", Kind::Text, "BLAKE3 hash of the file as stored"),
        ColumnDef::new("records", Kind::Int64, "records found"),
        ColumnDef::new("outcomes", Kind::Rows(pair(Kind::Int64)), "what became of them; adds up to records"),
    ]
}

fn pair(value: Kind) -> Vec<ColumnDef> {
    vec![ColumnDef::new("name", Kind::Text, "name"), ColumnDef::new("value", value, "value")]
}

/// Fills a row.
pub(super) fn fill(cells: &mut Cells, run: &RunRecord, commit: u64, versions: &Versions) {
    cells.put(run.id(commit, versions).as_str()).put(int64(commit)).put(run.as_of);
    cells.put(versions.engine.as_str()).put(versions.pack.as_str()).put(versions.pack_version.as_str());
    cells.put(versions.pack_fp.as_str());
    cells.put_rows(&run.options, |(name, value), cells| {
        cells.put(name.as_str()).put(value.as_str());
    });
    put_counts(cells, &run.counts);
    cells.put_rows(&run.inputs, |input, cells| {
        cells.put(input.path.as_str()).put(int64(input.bytes)).put(input.blake3.to_hex().as_str());
        cells.put(int64(input.records));
        put_counts(cells, &input.outcomes);
    });
}

fn put_counts(cells: &mut Cells, counts: &BTreeMap<String, u64>) {
    cells.put_rows(counts, |(name, count), cells| {
        cells.put(name.as_str()).put(int64(*count));
    });
}
