"""What one customer who holds much of an archive costs: the same archive as it is, and with a hot customer.

    python3 benches/peers/hot_customer.py target/release/chattag ARCHIVE [share, 0.3 by default] [runs, 3 by default]

In a copy of the JSON Lines files the customer of that share of the one-to-one messages becomes one and the same; all
else, each text and each time, stays. Both archives are run in turn, and the medians compared.
"""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

HOT = "wmHOTCUSTOMER00000000000000000000"
CUSTOMER = re.compile(r"^w[mo]")


def heated(line, share):
    """The line with the hot customer in the place of its own, where its turn has come."""
    message = json.loads(line)
    if message.get("roomid") or zlib.crc32(message["msgid"].encode()) % 1000 >= share * 1000:
        return line, False
    ids = [message["from"], *message["tolist"]]
    customers = [name for name in ids if CUSTOMER.match(name)]
    if len(customers) != 1:
        return line, False
    return line.replace(customers[0], HOT), True


def heat(source, to, share):
    """Copies the archive; how many of how many messages the hot customer holds."""
    hot = total = 0
    for path in sorted(source.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines, (to / path.name).open("w", encoding="utf-8") as out:
            for line in lines:
                line, changed = heated(line, share)
                hot, total = hot + changed, total + 1
                out.write(line)
    return hot, total


def seconds(program, archive):
    out = Path(tempfile.mkdtemp(prefix="hot-"))
    try:
        begun = time.perf_counter()
        subprocess.run([program, "run", archive, "--out", out / "out", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun
    finally:
        shutil.rmtree(out)


def main():
    program, source = sys.argv[1], Path(sys.argv[2])
    share = float(sys.argv[3]) if len(sys.argv) > 3 else 0.3
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    with tempfile.TemporaryDirectory(prefix="hot-") as folder:
        hot, total = heat(source, Path(folder), share)
        times = [(seconds(program, source), seconds(program, folder)) for _ in range(runs)]
    plain, heated_time = (statistics.median(column) for column in zip(*times))
    print(f"{total:,} messages, {hot / total:.0%} of one customer: {heated_time:.2f} s, "
          f"as they are: {plain:.2f} s, ratio {heated_time / plain:.2f}")


if __name__ == "__main__":
    main()
