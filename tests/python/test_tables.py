"""Facts that hold for the tables of every run, seen through the readers analysts use.

CHATTAG_OUT=<output directory> python -m pytest tests/python
"""

import json
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

import readers

WITH_EVIDENCE = ["alerts", "current_tags", "kick_decisions", "tag_events"]

# Zone of the shipped pack's local days.
ZONE = ZoneInfo("Asia/Shanghai")


def is_plain(kind: pyarrow.DataType) -> bool:
    if pyarrow.types.is_list(kind):
        return is_plain(kind.value_type)
    if pyarrow.types.is_struct(kind):
        return all(is_plain(field.type) for field in kind)
    plain = {pyarrow.string(), pyarrow.int32(), pyarrow.int64(), pyarrow.float64(), pyarrow.bool_()}
    return kind in plain or kind == pyarrow.timestamp("us", tz="UTC")


def test_all_readers_count_the_same_rows(table):
    counts = {
        "duckdb": readers.in_duckdb(table).aggregate("count(*)").fetchall()[0][0],
        "polars": readers.in_polars(table).collect().height,
        "pandas": len(readers.in_pandas(table)),
        "pyarrow": readers.in_pyarrow(table).count_rows(),
        "footers": sum(pyarrow.parquet.read_metadata(file).num_rows for file in readers.files(table)),
    }
    assert len(set(counts.values())) == 1, counts


def test_all_readers_see_the_same_columns(table):
    expected = set(pyarrow.parquet.read_schema(readers.files(table)[0]).names) | {"dt"}
    assert set(readers.in_duckdb(table).columns) == expected
    assert set(readers.in_polars(table).collect_schema().names()) == expected
    assert set(readers.in_pandas(table).columns) == expected
    assert set(readers.in_pyarrow(table).schema.names) == expected


def test_all_readers_read_the_same_instants(table):
    instant = pyarrow.timestamp("us", tz="UTC")
    for column in [field.name for field in readers.in_pyarrow(table).schema if field.type == instant]:
        by_polars = sorted(x for x in readers.in_polars(table).select(column).collect()[column] if x is not None)
        by_pandas = sorted(readers.in_pandas(table)[column].dropna())
        by_duckdb = duckdb.sql(f"""
            select epoch_us("{column}") from read_parquet('{readers.pattern(table)}')
            where "{column}" is not null order by 1
        """).fetchall()
        assert [micros(at) for at in by_polars] == [at for (at,) in by_duckdb], column
        assert [micros(at.to_pydatetime()) for at in by_pandas] == [at for (at,) in by_duckdb], column


def micros(at: datetime) -> int:
    since_epoch = at - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds


def test_all_files_of_a_table_have_one_schema_of_plain_types(table):
    schemas = [pyarrow.parquet.read_schema(file) for file in readers.files(table)]
    assert all(schema.equals(schemas[0], check_metadata=False) for schema in schemas)
    assert [field.name for field in schemas[0] if not is_plain(field.type)] == []


def test_every_column_says_what_it_means(table):
    for field in pyarrow.parquet.read_schema(readers.files(table)[0]):
        assert field.metadata[b"description"], field.name


def test_rows_tell_themselves_apart(table):
    columns = ", ".join(readers.IDENTITY[table])
    relation = readers.in_duckdb(table)
    assert relation.aggregate(f"{columns}, count(*) as n").filter("n > 1").fetchall() == []


def test_every_file_is_sorted_and_says_so(table):
    for file in readers.files(table):
        rows = pyarrow.parquet.read_table(file, columns=readers.ORDER[table]).to_pylist()
        lines = [tuple(nulls_first(row[by]) for by in readers.ORDER[table]) for row in rows]
        assert lines == sorted(lines), file
        metadata = pyarrow.parquet.read_metadata(file)
        for i in range(metadata.num_row_groups):
            sorting = metadata.row_group(i).sorting_columns
            names = [metadata.schema.column(by.column_index).path for by in sorting]
            assert names == readers.ORDER[table] and not any(by.descending for by in sorting), file


def nulls_first(cell):
    return () if cell is None else (cell,)


@pytest.mark.parametrize("events", ["alerts", "kick_decisions", "tag_events"])
def test_rows_stand_in_the_partition_of_their_local_day(events):
    for at, dt in readers.in_polars(events).select("at", "dt").collect().iter_rows():
        assert at.astimezone(ZONE).date() == (dt if isinstance(dt, date) else date.fromisoformat(dt))


@pytest.mark.parametrize("evident", WITH_EVIDENCE)
def test_evidence_lies_inside_its_message_and_in_time_order(evident):
    for (pieces,) in readers.in_polars(evident).select("evidence").collect().iter_rows():
        assert len(pieces) <= 32
        assert [piece["at"] for piece in pieces] == sorted(piece["at"] for piece in pieces)
        for piece in pieces:
            assert piece["msgid"]
            if piece["term_id"] is None:
                assert piece["start"] is None and piece["text"] is None
                continue
            assert 0 <= piece["start"] < piece["end"] and piece["part"] >= 0
            assert piece["lexicon"] and piece["layer"] and piece["polarity"] and piece["weight"] >= 0
            if piece["layer"] == "exact" and piece["text"] is not None:
                assert len(piece["text"]) == piece["end"] - piece["start"], piece


@pytest.mark.parametrize("evident", WITH_EVIDENCE)
def test_evidence_is_never_younger_than_the_decision(evident):
    instant = "as_of" if evident == "current_tags" else "at"
    for at, pieces in readers.in_polars(evident).select(instant, "evidence").collect().iter_rows():
        assert all(piece["at"] <= at for piece in pieces)


@pytest.mark.parametrize("scored", ["current_tags", "tag_events"])
def test_scores_are_between_0_and_1_and_times_in_order(scored):
    odd = readers.in_duckdb(scored).filter(
        "score < 0 or score > 1 or n_hits < 0 or first_at > last_at or expires_at <= since"
    )
    assert odd.fetchall() == []


def test_current_tags_are_the_newest_change_of_the_ledger():
    ledger = f"read_parquet('{readers.pattern('tag_events')}')"
    current = f"read_parquet('{readers.pattern('current_tags')}')"
    key = "corp, key_kind, customer, staff, room, tag_id"
    newest = f"""
        select {key} from {ledger} where kind <> 'blocked' and not shadow
        qualify row_number() over (partition by {key} order by "at" desc, ordinal desc) = 1 and kind <> 'remove'
    """
    shown = f"select {key} from {current}"
    assert duckdb.sql(f"({newest}) except ({shown})").fetchall() == []
    assert duckdb.sql(f"({shown}) except ({newest})").fetchall() == []


def test_every_record_of_the_input_is_accounted_for():
    for (inputs,) in readers.in_polars("runs").select("inputs").collect().iter_rows():
        for item in inputs:
            assert sum(outcome["value"] for outcome in item["outcomes"]) == item["records"], item["path"]


def test_the_view_shows_what_the_log_names():
    log = sorted((readers.output() / "log").glob("*.json"))
    records = [json.loads(path.read_text().splitlines()[1]) for path in log]
    assert (readers.output() / "current").resolve().name == str(records[-1]["n"])
    for table in readers.tables():
        replaced = table == "current_tags"
        named = [file for record in (records[-1:] if replaced else records) for file in record["files"]]
        rows = sum(file["rows"] for file in named if file["table"] == table)
        assert rows == readers.in_pyarrow(table).count_rows(), table
