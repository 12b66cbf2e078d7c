"""Readers look while a writer is being killed: every look shows exactly one commit of all tables.

The writer is the program itself, run night after night and ended by SIGKILL at instants that nobody
chose. What a commit holds is known from its record in the log.
"""

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path

import deltalake
import duckdb
import pandas
import polars
import pytest

PROGRAM = Path(os.environ.get("CHATTAG", Path(__file__).parents[2] / "target/debug/chattag"))

NIGHTS = 5
KILLS_A_NIGHT = 3

# Tables of which every run writes all rows.
REPLACED = {"current_tags"}

# 2026-03-02 10:00 in Shanghai.
START = 1_772_416_800_000

SAYINGS = ["这个课程多少钱", "有没有优惠", "我要投诉", "质量太差", "你们态度差", "能便宜点吗"]


def night(n: int) -> str:
    """The talk of one night: a few customers, each night one more."""
    lines = []
    for i in range(6 + 2 * n):
        at = START + n * 86_400_000 + i * 600_000
        said = {"content": SAYINGS[(n + i) % len(SAYINGS)]}
        lines.append({"msgid": f"{n}_{i}_external", "action": "send", "from": f"wmEXAMPLEAAAAAAAAAAAAAAAAAAA{i % (3 + n):04}", "tolist": ["lihua"],
                      "roomid": "", "msgtime": at, "msgtype": "text", "text": said})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


class Writer(threading.Thread):
    """Runs night after night, killing most runs on the way; then goes back, and lets old commits go."""

    def __init__(self, place: Path):
        super().__init__()
        self.out = place / "out"
        self.dice = random.Random(7)
        self.failure = None
        self.nights = []
        for n in range(NIGHTS):
            path = place / f"night-{n}.jsonl"
            path.write_text(night(n), encoding="utf-8")
            self.nights.append(["run", str(path)])

    def run(self):
        try:
            for command in [*self.nights, ["rollback", "--to", "2"], self.nights[3]]:
                self.kill_and_finish(command)
        except Exception as failure:
            self.failure = failure

    def kill_and_finish(self, command: list[str]):
        for _ in range(KILLS_A_NIGHT):
            program = self.launch(command)
            time.sleep(self.dice.uniform(0, 1.5))
            program.kill()
            program.wait()
        finished = self.launch(command)
        _, errors = finished.communicate()
        assert finished.returncode == 0, errors

    def launch(self, command: list[str]) -> subprocess.Popen:
        return subprocess.Popen([PROGRAM, *command, "--out", self.out, "--quiet"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def records(out: Path) -> list[dict]:
    return [json.loads(path.read_text().splitlines()[1]) for path in sorted((out / "log").glob("*.json"))]


def lineage(log: list[dict], n: int) -> list[int]:
    """The runs whose files make up what commit `n` shows, by the meaning of the records."""
    runs = []
    while n >= 0:
        action = log[n]["action"]
        if action == "run":
            runs.append(n)
        n = action["rollback"]["to"] if "rollback" in action else n - 1
    return runs


def known_counts(log: list[dict], n: int) -> dict[str, int]:
    """Rows of each table in commit `n`, from the records alone."""
    runs = lineage(log, n)
    counts = {}
    for run in runs:
        for file in log[run]["files"]:
            if file["table"] not in REPLACED or run == runs[0]:
                counts[file["table"]] = counts.get(file["table"], 0) + file["rows"]
    return counts


def by_duckdb(snapshot: Path, table: str) -> int:
    return duckdb.sql(f"select count(*) from read_parquet('{snapshot}/{table}/**/*.parquet')").fetchall()[0][0]


def by_pandas(snapshot: Path, table: str) -> int:
    return len(pandas.read_parquet(snapshot / table))


def by_delta(out: Path, table: str, n: int) -> int:
    return deltalake.DeltaTable(out / "data" / table, version=n).to_pyarrow_table().num_rows


def by_polars(out: Path, table: str, n: int) -> int:
    return polars.read_delta(str(out / "data" / table), version=n).height


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The output directory, and the commits that were looked at while it was written."""
    writer = Writer(tmp_path_factory.mktemp("writer"))
    writer.start()
    looked_at = []
    while writer.is_alive():
        if (writer.out / "current").exists():
            looked_at.append(look(writer.out))
    writer.join()
    assert writer.failure is None
    return writer.out, looked_at


def look(out: Path) -> int:
    """Reads all tables of the newest commit in four ways and compares them with its record."""
    # One commit is one snapshot: what `current` names is resolved once.
    snapshot = (out / "current").resolve()
    n = int(snapshot.name)
    known = known_counts(records(out), n)
    tables = sorted(path.name for path in snapshot.iterdir())
    assert tables == sorted(known)
    for table in tables:
        seen = [by_duckdb(snapshot, table), by_pandas(snapshot, table), by_delta(out, table, n), by_polars(out, table, n)]
        assert seen == [known[table]] * 4, (n, table)
    return n


def test_every_look_shows_one_commit_and_many_commits_are_seen(written):
    _, looked_at = written
    assert looked_at == sorted(looked_at), "time does not run backwards"
    assert len(set(looked_at)) >= 3, looked_at


def test_the_commits_differ_in_what_readers_count(written):
    out, _ = written
    log = records(out)
    assert len({tuple(known_counts(log, n).items()) for n in range(NIGHTS)}) == NIGHTS
    assert known_counts(log, NIGHTS - 1)["current_tags"] > 0


def test_every_version_of_every_table_is_the_commit_of_that_number(written):
    out, _ = written
    log = records(out)
    assert len(log) == NIGHTS + 2
    for n in range(len(log)):
        for table, rows in known_counts(log, n).items():
            assert by_delta(out, table, n) == by_polars(out, table, n) == rows, (table, n)


def test_a_delta_table_has_the_columns_of_the_parquet_files(written):
    out, _ = written
    for table in known_counts(records(out), 0):
        named = pandas.read_parquet(out / "current" / table).columns
        assert set(deltalake.DeltaTable(out / "data" / table).to_pyarrow_table().column_names) == set(named), table


def test_a_rollback_reads_as_the_commit_it_goes_back_to(written):
    out, _ = written
    for table in known_counts(records(out), 0):
        there, back = (polars.read_delta(str(out / "data" / table), version=n) for n in (2, NIGHTS))
        assert there.equals(back), table
