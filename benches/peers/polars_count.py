#!/usr/bin/env python3
"""What an analyst would write in Polars: messages with any of the words, per customer, to Parquet.

usage: polars_count.py ARCHIVE_DIR OUT.parquet [WORDS.txt]
Lazy scan with a schema of the needed columns only, one alternation, all cores (`contains_any` is no faster, and ten times slower with ten thousand words).
"""
import pathlib
import sys

import polars as pl

archive, out = sys.argv[1:3]
words = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else pathlib.Path(__file__).with_name("words.txt"))
words = words.read_text(encoding="utf-8").split()
schema = {"from": pl.String, "msgtype": pl.String, "text": pl.Struct({"content": pl.String})}
counts = (
    pl.scan_ndjson(f"{archive}/*.jsonl", schema=schema, ignore_errors=False)
    .filter(pl.col("msgtype") == "text", pl.col("from").str.slice(0, 2).is_in(["wm", "wo"]))
    .select("from", hit=pl.col("text").struct.field("content").str.contains("|".join(words)))
    .group_by("from")
    .agg(messages=pl.len(), hits=pl.col("hit").sum())
    .collect(engine="streaming")
)
counts.write_parquet(out)
print(f"customers {counts.height} messages {counts['messages'].sum()} hits {counts['hits'].sum()}")
