"""What a night costs over much history of customers whom nothing happens to that night.

    python3 benches/peers/history.py target/release/chattag [messages] [rounds]

Invented messages of thirty days, twelve of each customer, then a night of a tenth as many messages of the same
customers, over copies of four directories made before: the thirty days alone; with ten times as many other customers,
last heard of more than two months before the night, in a commit of their own before (apart: they lie in older layers)
or in the same commit (among: they lie among those who write); and with as many others who wrote in the same thirty days
(due: in their histories, too, something falls due that night, about half as often as somebody writes). Prints the least of
`rounds` runs and ratios to the first. Needs some 10 GB of scratch space for a million messages.
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
# The others write within ten days, 62 days before the night and earlier: what the shipped rules let happen after a day, a month
# or sixty days has happened, and nothing is due before the ninetieth day.
OLD_START, OLD_DAYS = START - 42 * DAY, 10


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


def run(chattag, archives, out):
    """Runs a night over files; returns its seconds and its peak resident memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen([chattag, "run", *map(str, archives), "--out", str(out), "--quiet"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"chattag ended with {os.waitstatus_to_exitcode(status)}")
    return took, used.ru_maxrss / 1024


def run_on_copy(chattag, archives, directory):
    """Runs a night over a copy of `directory`, which is removed afterwards; returns what `run` returns."""
    copy = directory.with_name("copy")
    shutil.copytree(directory, copy, symlinks=True)
    os.sync()
    cost = run(chattag, archives, copy)
    shutil.rmtree(copy)
    return cost


def histories(chattag, scratch, n):
    """Makes the four directories; yields the name of each with the directory."""
    customers = n // 12
    recent, old, busy = (scratch / f"{name}.jsonl" for name in ["recent", "old", "busy"])
    make(recent, n, customers, 0, START, 30, 1)
    make(old, 10 * n, 10 * customers, customers, OLD_START, OLD_DAYS, 2)
    make(busy, 10 * n, 10 * customers, customers, START, 30, 3)
    for name, nights in [("alone", [[recent]]), ("apart", [[old], [recent]]), ("among", [[old, recent]]), ("due", [[busy, recent]])]:
        for night in nights:
            run(chattag, night, scratch / name)
        yield name, scratch / name


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
                costs[name].append(run_on_copy(chattag, [night], directory))
        alone = [min(column) for column in zip(*costs["alone"])]
        for name, measured in costs.items():
            seconds, memory = (min(column) for column in zip(*measured))
            print(f"{name}: {seconds:.2f} s ({seconds / alone[0]:.2f}), {memory:.0f} MB ({memory / alone[1]:.2f})")


if __name__ == "__main__":
    main()
