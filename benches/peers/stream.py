"""How fast a stream decides: messages per second through a pipe, and how long a kick takes.

    python3 benches/peers/stream.py target/release/chattag [seconds] [messages per second] [more options of stream]

Invented messages go to `chattag stream --lateness 0` at a steady rate, written by a process of their own, so that
reading the decisions holds nobody up. Every twelfth comes from somebody new, as in the archive of a million messages,
the others from those who wrote before. One in five hundred asks for a kick; the time from when it is due to be written
to reading its decision is measured, and every one of them must come. The speed printed counts the ends of the run,
too, so the default rate is a little above 50,000. With a rate of 0 messages go as fast as they are taken, and
nothing is said of the time.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time

TEXTS = ["这个课程多少钱", "您好，请问有什么可以帮您", "今天天气不错", "好的，谢谢", "我再考虑一下", "明天下午三点可以吗",
         "发货了吗", "收到了，质量不错", "请问什么时候有活动", "嗯嗯"]
KICK = "兼职刷单日结，加微信"
START = 1_772_416_800_000
KICK_EVERY = 500
NEW_EVERY = 12


def message_id(number):
    return f"{number}_{START + number}_external"


def message(number):
    kick = number % KICK_EVERY == KICK_EVERY - 1
    known = 2_000 + number // NEW_EVERY
    customer = f"wmBENCH{known if number % NEW_EVERY == 0 else number * 7919 % known:025d}"
    room = f"wrBENCH{number * 31 % 2_000:025d}" if kick or number % 5 == 0 else ""
    return json.dumps({
        "msgid": message_id(number), "action": "send", "from": customer, "tolist": ["lihua"], "roomid": room,
        "msgtime": START + number, "msgtype": "text",
        "text": {"content": KICK if kick else TEXTS[number % len(TEXTS)]},
    }, ensure_ascii=False).encode() + b"\n"


def send(total, rate, step, pipe, begun):
    """Writes the messages in steps; tells when it began."""
    parts = [b"".join(map(message, range(first, min(first + step, total)))) for first in range(0, total, step)]
    time.sleep(2)  # the dictionaries are loaded
    begun.value = begin = time.perf_counter()
    for number, part in enumerate(parts):
        if rate:
            time.sleep(max(0, begin + number * step / rate - time.perf_counter()))
        while part:
            part = part[os.write(pipe, part):]


def main():
    program = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    rate = float(sys.argv[3]) if len(sys.argv) > 3 else 53_000
    total = int(seconds * (rate or 100_000))
    step = max(1, int(rate / 1000)) if rate else 500
    source, sink = os.pipe()
    begun = multiprocessing.Value("d", 0.0)
    child = subprocess.Popen([program, "stream", "--lateness", "0", "--quiet", *sys.argv[4:]],
                             stdin=source, stdout=subprocess.PIPE)
    os.close(source)
    sender = multiprocessing.get_context("fork").Process(target=send, args=(total, rate, step, sink, begun))
    sender.start()
    os.close(sink)
    read = [(time.perf_counter(), line) for line in child.stdout]
    elapsed = time.perf_counter() - begun.value
    assert child.wait() == 0
    decisions = ((now, json.loads(line)) for now, line in read)
    kicks = {decision["msgid"]: now for now, decision in decisions if decision["table"] == "kick_decisions"}
    asked = range(KICK_EVERY - 1, total, KICK_EVERY)
    assert set(kicks) == set(map(message_id, asked)), f"{len(asked)} kicks asked for, {len(kicks)} came"
    print(f"{total / elapsed:,.0f} messages/s, {len(asked)} kicks", end="")
    if rate:
        waits = sorted(kicks[message_id(number)] - begun.value - number // step * step / rate for number in asked)
        at = lambda share: waits[min(len(waits) - 1, int(share * len(waits)))] * 1e3
        print(f", p50 {at(0.5):.2f} ms, p90 {at(0.9):.2f} ms, p99 {at(0.99):.2f} ms, worst {waits[-1] * 1e3:.2f} ms", end="")
    print()


main()
