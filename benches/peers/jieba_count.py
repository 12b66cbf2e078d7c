#!/usr/bin/env python3
"""What most published scripts do: json + jieba + a set of words; on all cores, or as those scripts are, in one process.

usage: jieba_count.py ARCHIVE_DIR OUT.parquet [PROCESSES]
"""
import collections
import glob
import json
import logging
import multiprocessing
import pathlib
import sys

import jieba
import pyarrow
import pyarrow.parquet

jieba.setLogLevel(logging.WARNING)
WORDS = set((pathlib.Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())


def begin():
    for word in WORDS:
        jieba.add_word(word)


def count(path):
    messages, hits = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message.get("msgtype") == "text" and message["from"][:2] in ("wm", "wo"):
                messages[message["from"]] += 1
                hits[message["from"]] += not WORDS.isdisjoint(jieba.cut(message["text"]["content"], HMM=False))
    return messages, hits


if __name__ == "__main__":
    archive, out = sys.argv[1:3]
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else None
    messages, hits = collections.Counter(), collections.Counter()
    with multiprocessing.Pool(processes, initializer=begin) as pool:
        for part in pool.imap_unordered(count, sorted(glob.glob(f"{archive}/*.jsonl"))):
            messages.update(part[0])
            hits.update(part[1])
    customers = sorted(messages)
    table = pyarrow.table({"from": customers, "messages": [messages[c] for c in customers],
                           "hits": [hits[c] for c in customers]})
    pyarrow.parquet.write_table(table, out)
    print(f"customers {len(customers)} messages {sum(messages.values())} hits {sum(hits.values())}")
