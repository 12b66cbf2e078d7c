#!/usr/bin/env python3
"""Runs ChatTag and what people use instead on one archive, in turn, and prints medians and ratios.

usage: compare.py ARCHIVE_DIR [--runs 5] [--chattag target/release/chattag] [--only NAME …] [--jieba] [--lists DIR]

ARCHIVE_DIR holds plain *.jsonl files of official messages. Each program is a whole process, started cold
with a warm page cache; they run in turn (A B C A B C …) so that a drift of the machine meets all of them.
The peers only count messages with any of 34 words per customer; ChatTag does its whole job. `parse-only`
is `examples/parse_only.rs`: every line through serde_json into the fields a run needs, on all cores.
With `--lists dictionaries/lexicons` Polars and DuckDB also run with all literal terms and variants that ChatTag looks for.
Needs: pip install -r benches/peers/requirements.txt; cargo build --release --examples --bins
"""
import argparse
import csv
import os
import pathlib
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent


def measure(command):
    """Runs a command; returns wall seconds, CPU seconds, peak MiB of the process, and its last line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = process.communicate()
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in (0, 1):
        sys.exit(f"{command} failed:\n{errors}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, (output.strip().splitlines() or [""])[-1]


def peak_mib(command):
    """Runs a command once more under /usr/bin/time; returns its peak resident memory in MiB."""
    timer = shutil.which("time")
    if timer is None:
        return None
    result = subprocess.run([timer, "-f", "%M", *command], capture_output=True, text=True)
    return int(result.stderr.strip().splitlines()[-1]) / 1024


def programs(args, scratch):
    """Returns name → command, each writing into a fresh place under `scratch`."""
    python = [sys.executable]
    release = pathlib.Path(args.chattag).parent
    table = {
        "chattag": lambda n: [args.chattag, "run", args.archive, "--out", f"{scratch}/out{n}", "--quiet"],
        "chattag --jobs 1": lambda n: [args.chattag, "run", args.archive, "--out", f"{scratch}/one{n}", "--quiet", "--jobs", "1"],
        "parse-only": lambda n: [str(release / "examples" / "parse_only"), args.archive],
        "polars": lambda n: [*python, str(HERE / "polars_count.py"), args.archive, f"{scratch}/polars.parquet"],
        "duckdb": lambda n: [*python, str(HERE / "duckdb_count.py"), args.archive, f"{scratch}/duckdb.parquet"],
    }
    if args.lists:
        words = spellings(pathlib.Path(args.lists), pathlib.Path(scratch) / "words.txt")
        table["polars, all terms"] = lambda n: [*table["polars"](n), words]
        table["duckdb, all terms"] = lambda n: [*table["duckdb"](n), words]
    if args.jieba:
        table["python + jieba"] = lambda n: [*python, str(HERE / "jieba_count.py"), args.archive, f"{scratch}/jieba.parquet"]
        table["jieba, 1 process"] = lambda n: [*table["python + jieba"](n), "1"]
    return {name: make for name, make in table.items() if not args.only or name in args.only}


def spellings(lists, out):
    """Writes the terms and variants of all term lists that are plain text, one a line; returns the path."""
    words = set()
    for path in sorted(lists.glob("*.csv")):
        with open(path, encoding="utf-8-sig", newline="") as rows:
            for row in csv.DictReader(rows):
                if row.get("方式") not in ("正则", "识别"):
                    words.update([row["词条"], *row["变体"].split("|")])
    plain = sorted(word for word in words if word and re.fullmatch(r"\w+", word))
    out.write_text("\n".join(plain), encoding="utf-8")
    return str(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--chattag", default="target/release/chattag")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--lists", help="the directory of ChatTag's term lists")
    parser.add_argument("--jieba", action="store_true", help="also Python + jieba, on all cores and on one (slow: one run)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = programs(args, scratch)
        figures = {name: [] for name in table}
        answers = {}
        for turn in range(args.runs + 1):
            for name, make in table.items():
                if "jieba" in name and turn > 1:
                    continue
                wall, cpu, answers[name] = measure(make(turn))
                if turn > 0:
                    figures[name].append((wall, cpu))
                shutil.rmtree(f"{scratch}/out{turn}", ignore_errors=True)
                shutil.rmtree(f"{scratch}/one{turn}", ignore_errors=True)
        size = sum(path.stat().st_size for path in pathlib.Path(args.archive).glob("*.jsonl")) / 2**20
        print(f"{platform.machine()}, {os.cpu_count()} cores, archive {size:,.0f} MiB, {args.runs} runs, medians")
        own = statistics.median(wall for wall, _ in figures["chattag"]) if "chattag" in figures else None
        print(f"{'program':<18}{'wall s':>8}{'min':>7}{'max':>7}{'cpu s':>8}{'peak MiB':>10}{'/ chattag':>11}  answer")
        for name, runs in figures.items():
            walls = [wall for wall, _ in runs]
            wall, cpu = statistics.median(walls), statistics.median(cpu for _, cpu in runs)
            ratio = f"{wall / own:.2f}" if own else ""
            peak = peak_mib(table[name](args.runs + 1))
            shown = f"{peak:,.0f}" if peak is not None else "–"
            print(f"{name:<18}{wall:>8.2f}{min(walls):>7.2f}{max(walls):>7.2f}{cpu:>8.2f}{shown:>10}{ratio:>11}  {answers[name]}")


if __name__ == "__main__":
    main()
