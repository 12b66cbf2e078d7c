#!/usr/bin/env python3
"""Runs one archive in four ways and compares every table row for row: one run over everything, night after night,
the stream, and nights and stream by turns.

usage: tests/same_answers.py ARCHIVE_DIR [--chattag target/release/chattag] [--zone-hours 8] [--keep DIR]

ARCHIVE_DIR holds plain *.jsonl files of official messages over several days; each local day is a night. The stream
may be late by an hour, as the files may overlap. Needs: pip install duckdb. Exits with 1 when a row differs.
"""
import argparse
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import duckdb

TABLES = ["tag_events", "alerts", "kick_decisions", "current_tags", "late"]
# What names the run rather than the decision.
OF_THE_RUN = {"run_id", "commit", "as_of", "dt"}


def split_by_day(archive, target, zone_hours):
    """Writes each local day's lines into a file of its own; returns the files in order of days."""
    target.mkdir(parents=True)
    days = {}
    for path in sorted(archive.glob("*.jsonl")):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                seconds = (json.loads(line).get("msgtime") or 0) / 1000 + zone_hours * 3600
                day = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d")
                if day not in days:
                    days[day] = open(target / f"{day}.jsonl", "w", encoding="utf-8")
                days[day].write(line)
    for file in days.values():
        file.close()
    return [target / f"{day}.jsonl" for day in sorted(days)]


def call(chattag, command, *arguments):
    result = subprocess.run([chattag, command, *map(str, arguments), "--quiet"], stdout=subprocess.DEVNULL)
    if result.returncode not in (0, 1):
        sys.exit(f"chattag {command} failed with {result.returncode}")


def run_all_ways(chattag, archive, days, scratch):
    """Returns name → output directory and seconds."""
    outs = {name: scratch / name for name in ["one run", "nights", "stream", "by turns"]}
    seconds = {}

    def timed(name, steps):
        started = time.perf_counter()
        for command, path, more in steps:
            call(chattag, command, path, *more, "--out", outs[name])
        seconds[name] = time.perf_counter() - started

    stream = ("--once", "--lateness", "1h")
    timed("one run", [("run", archive, ())])
    timed("nights", [("run", day, ()) for day in days])
    timed("stream", [("stream", archive, stream)])
    timed("by turns", [("stream", day, stream) if n % 2 else ("run", day, ()) for n, day in enumerate(days)])
    return outs, seconds


def differing(one, other, table):
    """Returns the number of rows, and of those that only one of two output directories has."""
    read = [f"read_parquet('{out}/current/{table}/**/*.parquet', hive_partitioning = true)" for out in (one, other)]
    connection = duckdb.connect()
    names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {read[0]}").fetchall()]
    columns = ", ".join(f'"{name}"' for name in names if name not in OF_THE_RUN)
    rows = [f"SELECT {columns} FROM {source}" for source in read]
    count = lambda query: connection.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]
    return count(rows[0]), count(f"{rows[0]} EXCEPT ALL {rows[1]}") + count(f"{rows[1]} EXCEPT ALL {rows[0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--chattag", default="target/release/chattag")
    parser.add_argument("--zone-hours", type=float, default=8)
    parser.add_argument("--keep", type=pathlib.Path, help="work here and leave it")
    args = parser.parse_args()
    scratch = args.keep or pathlib.Path(tempfile.mkdtemp(prefix="chattag-"))
    days = split_by_day(args.archive, scratch / "days", args.zone_hours)
    outs, seconds = run_all_ways(args.chattag, args.archive, days, scratch)
    print(f"{len(days)} nights")
    wrong = 0
    for name in ["nights", "stream", "by turns"]:
        parts = []
        for table in TABLES:
            n_rows, differences = differing(outs["one run"], outs[name], table)
            wrong += differences
            parts.append(f"{table} {n_rows:,} rows, {differences} differ")
        print(f"{name:<9}{seconds[name]:>7.1f} s (one run {seconds['one run']:.1f} s)  " + "; ".join(parts))
    if not args.keep:
        shutil.rmtree(scratch)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
