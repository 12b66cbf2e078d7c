"""How fast a stream decides: messages per second through a pipe, and how long a kick takes.

    python3 benches/peers/stream.py target/release/chattag [seconds] [messages per second]

Invented messages go to `chattag stream --lateness 0` at a steady rate. One in five hundred asks for a kick; the time
from writing it to reading its decision is measured, and every one of them must come. With a rate of 0 messages go as
fast as they are taken.
"""

import json
import subprocess
import sys
import threading
import time

TEXTS = ["这个课程多少钱", "您好，请问有什么可以帮您", "今天天气不错", "好的，谢谢", "我再考虑一下", "明天下午三点可以吗",
         "发货了吗", "收到了，质量不错", "请问什么时候有活动", "嗯嗯"]
KICK = "兼职刷单日结，加微信"
START = 1_772_416_800_000


def message(number):
    kick = number % 500 == 499
    customer = f"wmBENCH{number * 7919 % 20_000:025d}"
    at = START + number
    room = f"wrBENCH{number * 31 % 2_000:025d}" if kick or number % 5 == 0 else ""
    return kick, json.dumps({
        "msgid": f"{number}_{at}_external", "action": "send", "from": customer, "tolist": ["lihua"], "roomid": room,
        "msgtime": at, "msgtype": "text", "text": {"content": KICK if kick else TEXTS[number % len(TEXTS)]},
    }, ensure_ascii=False).encode() + b"\n"


def main():
    program = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 50_000
    total = int(seconds * (rate or 100_000))
    messages = [message(number) for number in range(total)]
    child = subprocess.Popen([program, "stream", "--lateness", "0", "--quiet", *sys.argv[4:]],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    sent, latencies, seen = {}, [], set()

    def read():
        for line in child.stdout:
            now = time.perf_counter()
            decision = json.loads(line)
            if decision["table"] == "kick_decisions":
                seen.add(decision["msgid"])
                latencies.append(now - sent[decision["msgid"]])

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(2)  # the dictionaries are loaded
    begin = time.perf_counter()
    step = max(1, int(rate / 1000)) if rate else 500
    for first in range(0, total, step):
        part = messages[first:first + step]
        now = time.perf_counter()
        for kick, line in part:
            if kick:
                sent[json.loads(line)["msgid"]] = now
        child.stdin.write(b"".join(line for _, line in part))
        child.stdin.flush()
        if rate:
            time.sleep(max(0, begin + (first + step) / rate - time.perf_counter()))
    child.stdin.close()
    reader.join()
    elapsed = time.perf_counter() - begin
    assert child.wait() == 0
    assert seen == set(sent), f"{len(sent) - len(seen)} kicks are missing"
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1e3
    print(f"{total / elapsed:,.0f} messages/s, {len(latencies)} kicks, "
          f"p50 {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms, worst {latencies[-1] * 1e3:.2f} ms")


main()
