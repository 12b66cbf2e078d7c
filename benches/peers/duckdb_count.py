#!/usr/bin/env python3
"""What an analyst would write in DuckDB: messages with any of the words, per customer, to Parquet.

usage: duckdb_count.py ARCHIVE_DIR OUT.parquet [WORDS.txt]
Typed columns named (no sampling, no needless field), one RE2 alternation, all cores.
"""
import pathlib
import sys

import duckdb

archive, out = sys.argv[1:3]
words = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else pathlib.Path(__file__).with_name("words.txt"))
words = words.read_text(encoding="utf-8").split()
connection = duckdb.connect()
connection.execute("SET preserve_insertion_order = false")
connection.execute(
    f"""
    COPY (
      SELECT "from", count(*) AS messages,
             count(*) FILTER (WHERE regexp_matches(text.content, '{"|".join(words)}')) AS hits
      FROM read_json('{archive}/*.jsonl', format = 'newline_delimited', maximum_object_size = 33554432,
                     columns = {{"from": 'VARCHAR', msgtype: 'VARCHAR', text: 'STRUCT(content VARCHAR)'}})
      WHERE msgtype = 'text' AND "from"[1:2] IN ('wm', 'wo')
      GROUP BY "from"
    ) TO '{out}' (FORMAT parquet)
    """
)
print("customers {} messages {} hits {}".format(
    *connection.execute(f"SELECT count(*), sum(messages), sum(hits) FROM '{out}'").fetchone()))
