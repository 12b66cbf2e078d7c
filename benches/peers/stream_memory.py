"""Memory of a stream while messages pass: it grows until the oldest of them can no longer be recalled.

    python3 benches/peers/stream_memory.py target/release/chattag [messages] [customers] [milliseconds between messages]

Invented messages go to `chattag stream -` as fast as they are taken; by default ten million of 20,000 customers within
30 days of their own time. Prints the resident memory at every twentieth part.
"""

import subprocess
import sys
import time
from pathlib import Path

TEXTS = ["这个课程多少钱", "您好，请问有什么可以帮您", "今天天气不错", "好的，谢谢", "我再考虑一下", "明天下午三点可以吗",
         "发货了吗", "收到了，质量不错", "请问什么时候有活动", "嗯嗯"]
START = 1_772_416_800_000
LINE = ('{"msgid":"%d_%d_external","action":"send","from":"wmBENCH%025d","tolist":["lihua"],"roomid":"%s",'
        '"msgtime":%d,"msgtype":"text","text":{"content":"%s"}}\n')


def line(number, customers, step):
    at = START + int(number * step)
    room = f"wrBENCH{number * 31 % 2_000:025d}" if number % 5 == 0 else ""
    return LINE % (number, at, number * 7919 % customers, room, at, TEXTS[number % len(TEXTS)])


def resident(process):
    """Returns the resident memory in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024


def main():
    program = sys.argv[1]
    total = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    customers = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    step = float(sys.argv[4]) if len(sys.argv) > 4 else 30 * 86_400_000 / total
    stream = subprocess.Popen([program, "stream", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun, part = time.time(), max(1, total // 20)
    for first in range(0, total, part):
        for begin in range(first, min(first + part, total), 5_000):
            end = min(begin + 5_000, first + part, total)
            stream.stdin.write("".join(line(number, customers, step) for number in range(begin, end)).encode())
        print(f"{min(first + part, total):>12,} messages  {time.time() - begun:6.1f} s  {resident(stream):>6,} MB", flush=True)
    stream.stdin.close()
    sys.exit(stream.wait())


if __name__ == "__main__":
    main()
