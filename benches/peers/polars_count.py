#!/usr/bin/env python3
"""What an analyst would write in Polars: messages with any of the words, per customer, to Parquet.

usage: polars_count.py ARCHIVE_DIR OUT.parquet
Lazy scan with a schema of the needed columns only, Aho-Corasick matching, all cores.
"""
import pathlib
import sys

import polars as pl

archive, out = sys.argv[1:3]
words = (pathlib.Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split()
schema = {"from": pl.String, "msgtype": pl.String, "text": pl.Struct({"content": pl.String})}
counts = (
    pl.scan_ndjson(f"{archive}/*.jsonl", schema=schema, ignore_errors=False)
    .filter(pl.col("msgtype") == "text", pl.col("from").str.slice(0, 2).is_in(["wm", "wo"]))
    .select("from", hit=pl.col("text").struct.field("content").str.contains_any(words))
    .group_by("from")
    .agg(messages=pl.len(), hits=pl.col("hit").sum())
    .collect(engine="streaming")
)
counts.write_parquet(out)
print(f"customers {counts.height} messages {counts['messages'].sum()} hits {counts['hits'].sum()}")
