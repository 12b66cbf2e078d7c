"""Opens the tables of an output directory in DuckDB, Polars, pandas and pyarrow."""

import os
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow.dataset

# Columns that tell one row of a table from all others.
IDENTITY = {
    "alert_digests": ["corp", "staff", "day"],
    "alerts": ["output_id"],
    "current_tags": ["corp", "key_kind", "customer", "staff", "room", "tag_id"],
    "kick_decisions": ["output_id"],
    "late": ["corp", "key_kind", "customer", "staff", "room", "msgid", "as_of"],
    "mentions": ["corp", "msgid", "part", "byte_start", "byte_end", "term_id"],
    "quarantine": ["file", "byte_offset", "line"],
    "runs": ["run_id"],
    "tag_events": ["output_id"],
}

# Columns that the rows of every file are sorted by; nulls come first.
ORDER = {
    "alert_digests": ["corp", "staff", "day"],
    "alerts": ["corp", "customer", "at"],
    "current_tags": ["corp", "customer"],
    "kick_decisions": ["corp", "customer", "at"],
    "late": ["corp", "customer", "at"],
    "mentions": ["corp", "customer", "at"],
    "quarantine": ["file", "byte_offset"],
    "runs": [],
    "tag_events": ["corp", "customer", "at"],
}

OPTIONAL = {"mentions"}


def output() -> Path:
    """The output directory under test."""
    return Path(os.environ["CHATTAG_OUT"]).resolve()


def tables() -> list[str]:
    """The tables of the output directory; a table that is not optional must be there."""
    present = {path.name for path in (output() / "current").iterdir()}
    return sorted(set(IDENTITY) - OPTIONAL | present)


def pattern(table: str) -> str:
    return f"{output()}/current/{table}/**/*.parquet"


def files(table: str) -> list[Path]:
    return sorted((output() / "current" / table).rglob("*.parquet"))


def in_duckdb(table: str) -> duckdb.DuckDBPyRelation:
    return duckdb.read_parquet(pattern(table), hive_partitioning=True)


def in_polars(table: str) -> polars.LazyFrame:
    return polars.scan_parquet(pattern(table), hive_partitioning=True)


def in_pandas(table: str) -> pandas.DataFrame:
    return pandas.read_parquet(output() / "current" / table)


def in_pyarrow(table: str) -> pyarrow.dataset.Dataset:
    return pyarrow.dataset.dataset(output() / "current" / table, partitioning="hive")
