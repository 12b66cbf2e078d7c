"""What a night costs over much history of customers who are not heard of that night.

    python3 benches/peers/history.py target/release/chattag [messages] [rounds]

Invented messages of thirty days, twelve of each customer, then a night of a tenth as many messages of the same
customers, over copies of three directories made before: the thirty days alone; after thirty days of ten times as many
other customers, half a year earlier (apart: they lie in older layers, and nothing is due any more); and together with
as many others in the same thirty days (mixed: they lie among those who write). Prints the least of `rounds` runs and ratios to the first.
Needs about 4 GB of scratch space for a million messages.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

TEXTS = ["这个课程多少钱", "能便宜点吗", "今天天气不错", "好的，谢谢", "我再考虑一下", "有没有优惠", "性价比怎么样",
         "发货了吗", "收到了，质量不错", "还没收到，我要投诉", "我要退款", "嗯嗯", "请问什么时候有活动"]
STAFF = 500
DAY = 86_400_000
START = 1_772_416_800_000
BLOCK = 100_000
# Long enough for what is due after a last message: the longest of the shipped rules wait for three months.
GAP = 170 * DAY


def make(path, n, customers, first, start, days, seed):
    """Writes `n` messages of `customers` customers, numbered from `first`, spread over `days`."""
    chance = random.Random(seed)
    step = days * DAY / n
    with open(path, "w", encoding="utf-8") as out:
        for begin in range(0, n, BLOCK):
            out.writelines(line(chance, seed, number, customers, first, int(start + number * step))
                           for number in range(begin, min(n, begin + BLOCK)))


def line(chance, seed, number, customers, first, at):
    customer = first + int(chance.random() * customers)
    who, to = f"wmBenchmarkCustomer{customer:013d}", f"staff{customer % STAFF:04d}"
    if chance.random() < 0.4:
        who, to = to, who
    text = TEXTS[int(chance.random() * len(TEXTS))]
    return (f'{{"msgid":"{seed}{number}_{at}_external","action":"send","from":"{who}","tolist":["{to}"],"roomid":"",'
            f'"msgtime":{at},"msgtype":"text","text":{{"content":"{text}"}}}}\n')


def run(chattag, archive, out):
    """Runs a night; returns its seconds and its peak resident memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen([chattag, "run", str(archive), "--out", str(out), "--quiet"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"chattag ended with {os.waitstatus_to_exitcode(status)}")
    return took, used.ru_maxrss / 1024


def run_on_copy(chattag, archive, directory):
    """Runs a night over a copy of `directory`, which is removed afterwards; returns what `run` returns."""
    copy = directory.with_name("copy")
    shutil.copytree(directory, copy, symlinks=True)
    os.sync()
    cost = run(chattag, archive, copy)
    shutil.rmtree(copy)
    return cost


def histories(chattag, scratch, n):
    """Makes the three directories; yields the name of each with the directory."""
    customers = n // 12
    recent, old = scratch / "recent.jsonl", scratch / "old.jsonl"
    make(recent, n, customers, 0, START, 30, 1)
    run(chattag, recent, scratch / "alone")
    yield "alone", scratch / "alone"
    make(old, 10 * n, 10 * customers, customers, START - GAP, 30, 2)
    run(chattag, old, scratch / "apart")
    old.unlink()
    run(chattag, recent, scratch / "apart")
    yield "apart", scratch / "apart"
    both = scratch / "both"
    both.mkdir()
    make(both / "beside.jsonl", 10 * n, 10 * customers, customers, START, 30, 3)
    recent.rename(both / recent.name)
    run(chattag, both, scratch / "mixed")
    shutil.rmtree(both)
    yield "mixed", scratch / "mixed"


def main():
    chattag = sys.argv[1]
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        night = scratch / "night.jsonl"
        make(night, n // 10, n // 12, 0, START + 30 * DAY, 1, 4)
        made = dict(histories(chattag, scratch, n))
        costs = {name: [] for name in made}
        for _ in range(rounds):
            for name, directory in made.items():
                costs[name].append(run_on_copy(chattag, night, directory))
        alone = [min(column) for column in zip(*costs["alone"])]
        for name, measured in costs.items():
            seconds, memory = (min(column) for column in zip(*measured))
            print(f"{name}: {seconds:.2f} s ({seconds / alone[0]:.2f}), {memory:.0f} MB ({memory / alone[1]:.2f})")


if __name__ == "__main__":
    main()
