"""What a night costs after many nights.

    python3 benches/peers/nights.py target/release/chattag [messages] [nights] [rounds]

Invented nights of so many messages, twelve of each customer: nine in ten customers are new, the others wrote in the last tenth
of the nights. Runs them one by one into one directory, and the last tenth of them also into a second one; then the
same next night over copies of both. Who writes in it is known to both. Prints the least of `rounds` runs and the ratio.
"""

import pathlib
import random
import sys
import tempfile

from history import DAY, STAFF, START, TEXTS, run, run_on_copy


def make(path, number, messages, recent):
    """Writes the night `number`; those who come back wrote from the night `recent` on."""
    chance, customers = random.Random(number), messages // 12
    with open(path, "w", encoding="utf-8") as out:
        for n in range(messages):
            of_night = chance.randrange(recent, number) if number > recent and chance.random() < 0.1 else number
            customer = of_night * customers + int(chance.random() * customers)
            who, to = f"wmBenchmarkCustomer{customer:013d}", f"staff{customer % STAFF:04d}"
            if chance.random() < 0.4:
                who, to = to, who
            at = START + number * DAY + n * DAY // messages
            text = TEXTS[int(chance.random() * len(TEXTS))]
            out.write(f'{{"msgid":"{number}0{n}_{at}_external","action":"send","from":"{who}","tolist":["{to}"],"roomid":"",'
                      f'"msgtime":{at},"msgtype":"text","text":{{"content":"{text}"}}}}\n')


def main():
    chattag = sys.argv[1]
    messages, nights, rounds = (int(given) for given in (*sys.argv[2:], *("30000", "60", "5")[len(sys.argv) - 2:]))
    few = max(nights // 10, 1)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        night, made = scratch / "night.jsonl", {few: scratch / "few", nights: scratch / "many"}
        for number in range(nights + 1):
            # What the last tenth of the nights know is the same in both directories.
            make(night, number, messages, max(number - few, nights - few if number >= nights - few else 0, 0))
            if number < nights:
                run(chattag, night, made[nights])
            if nights - few <= number < nights:
                run(chattag, night, made[few])
        costs = {n: [] for n in made}
        for _ in range(rounds):
            for n, directory in made.items():
                costs[n].append(run_on_copy(chattag, night, directory))
        first = min(seconds for seconds, _ in costs[few])
        for n, measured in costs.items():
            seconds, memory = (min(column) for column in zip(*measured))
            print(f"after {n} nights: {seconds:.2f} s ({seconds / first:.2f}), {memory:.0f} MB")


if __name__ == "__main__":
    main()
