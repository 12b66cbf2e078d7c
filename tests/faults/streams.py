"""A stream that is killed, stopped, refused and left without room while it reads, decides and commits."""

import json
import random
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter

from desk import DAY, SAYS, START, Skipped, message
from disturbances import calls_of, injected, injection, limited, mounted

TABLES = ["tag_events", "alerts", "kick_decisions", "current_tags", "late"]
DECISIONS = TABLES[:3]
# What names the commit rather than the decision.
OF_THE_COMMIT = ["run_id", "commit", "as_of", "dt"]


def stream(desk, tally):
    """Sessions that end badly, one after another; then one that reads to the end. Tables and printed decisions are
    those of nightly runs."""
    bench = Bench(desk)
    for name, disturbances in [*timed(bench, desk.seeds), *refused(bench, desk.seeds)]:
        with tally.case("stream", name) as ended:
            bench.begin()
            for n, (before, prepare, after) in enumerate(disturbances):
                bench.grow(n)
                ended(bench.session(before, prepare, after))
            bench.check()
    without_room(bench, tally)


def timed(bench, seeds):
    """Killed or told to end at 200 instants of the time it takes, up to three times before the end is reached."""
    microseconds = int(bench.seconds * 1.2e6)
    for seed in range(seeds):
        dice = random.Random(seed)
        for n in range(0, 200, bench.desk.every):
            delay = microseconds * n // 200 + dice.randrange(microseconds // 200)
            delays = [delay, *(dice.randrange(microseconds) for _ in range(n % 3))]
            how = signal.SIGTERM if n % 5 == 4 else signal.SIGKILL
            said = " and ".join(f"{delay} µs" for delay in delays)
            yield f"{how.name} after {said}, seed {seed}", [((), None, (delay, how)) for delay in delays]


def refused(bench, seeds):
    """System calls that fail, kills at system calls, calls on one of the files
    that are followed; limits on files."""
    bench.begin()
    bench.grow(None)
    calls = calls_of(bench.desk, bench.command("--once"))
    for seed in range(seeds):
        for n in range(0, 150, bench.desk.every):
            dice = random.Random(10_000 * seed + n)
            chosen = [injection(calls, dice) for _ in range(1 + n % 2)]
            yield ", then ".join(chosen), [(injected(each), None, None) for each in chosen]
    for path in bench.files:
        for call in ["openat", "pread64", "statx"]:
            for when in range(1, 6):
                how = f"{call}:error=EIO:when={when}"
                yield f"{path.name}, {how}", [(injected(how, path), None, None)]
    for n_bytes in range(0, 24_576, 1_024 * bench.desk.every):
        yield f"files of at most {n_bytes} bytes", [((), limited(resource.RLIMIT_FSIZE, n_bytes), None)]


def without_room(bench, tally):
    """A file system with ever more room; then with all it needs."""
    kibibytes, status = 64, 1
    while status != 0:
        with tally.case("stream", f"on a tmpfs of {kibibytes} KiB") as ended:
            with mounted(bench.desk, "-t", "tmpfs", "-o", f"size={kibibytes}k", "none") as mount:
                bench.begin(mount / "out")
                bench.grow(None)
                ended(status := bench.session((), None, None))
                subprocess.run(["mount", "-o", "remount,size=1G", mount], check=True)
                bench.check()
        kibibytes += 32 * bench.desk.every


class Bench:
    """Four days of talk in two files that grow, and what nightly runs make of them."""

    def __init__(self, desk):
        self.desk = desk
        self.place = desk.place / "stream"
        (self.place / "in").mkdir(parents=True)
        self.days = [[message(f"{day}_{i}", START + day * DAY + i * 600_000, i * 7 % 11, SAYS[(i + day) % len(SAYS)])
                      for i in range(60)] for day in range(4)]
        self.files, self.printed = [self.place / f"in/{n}.jsonl" for n in range(2)], self.place / "printed"
        nights = self.place / "nights"
        for n, day in enumerate(self.days):
            path = self.place / f"{n}.jsonl"
            path.write_text("".join(day), encoding="utf-8")
            desk.succeed(["run", path, "--dict", desk.dictionaries, "--jobs", "1"], nights)
        self.expected = rows_of(nights)
        assert all(self.expected[table] for table in TABLES[:4]), "the talk leads to something in every table"
        self.begin()
        self.grow(None)
        started = time.monotonic()
        assert self.session((), None, None) == 0
        self.seconds = time.monotonic() - started
        self.check()

    def begin(self, out=None):
        """An empty directory, and empty files in the place of the old ones."""
        self.out = out or self.desk.out
        for path in [*self.files, self.printed]:
            path.write_bytes(b"")
        shutil.rmtree(self.out, ignore_errors=True)

    def grow(self, session):
        """The files as they are when a session begins: some days, then cut within a line; all of it when none is named."""
        n_days = len(self.days) if session is None else session + 2
        for n, path in enumerate(self.files):
            whole = "".join("".join(day[n::2]) for day in self.days[:n_days]).encode()
            begun = "".join(day[n][:17] for day in self.days[n_days:n_days + 1]).encode()
            had = path.stat().st_size
            with path.open("ab") as file:
                file.write((whole + begun)[had:])

    def command(self, *more):
        words = ["stream", self.place / "in", "--dict", self.desk.dictionaries, "--jobs", "1", "--checkpoint-messages", "20",
                 "--checkpoint-seconds", "1", "--keep", "2", *more]
        return self.desk.command(words, self.out)

    def session(self, before, prepare, after):
        """One session. `after`: it follows the file until it gets a signal after so many microseconds."""
        more = [] if after else ["--once"]
        with self.printed.open("ab") as printed:
            if self.printed.stat().st_size:
                printed.write(b"\n")
                printed.flush()
            program = subprocess.Popen([*before, *self.command(*more)], preexec_fn=prepare, stdin=subprocess.DEVNULL,
                                       stdout=printed, stderr=subprocess.DEVNULL)
        if after:
            microseconds, how = after
            time.sleep(microseconds / 1e6)
            program.send_signal(how)
        return program.wait(60)

    def check(self):
        """After a last session to the end of the file, tables and printed decisions are those of nightly runs."""
        self.grow(None)
        if any((self.out / "log").glob("*.json")):
            self.desk.examine(self.out)
        assert (status := self.session((), None, None)) == 0, f"the last session ended with {status}"
        found = rows_of(self.out)
        for table in TABLES:
            lost, more = self.expected[table] - found[table], found[table] - self.expected[table]
            assert not lost and not more, f"{table}: {len(lost)} rows lost, {len(more)} too many, such as {[*lost, *more][0]}"
        printed, expected = ids_printed(self.printed), {(table, row) for table in DECISIONS for row in found[f"ids of {table}"]}
        assert printed == expected, f"printed: {len(expected - printed)} lost, {len(printed - expected)} too many"
        findings = self.desk.examine(self.out)
        assert not findings, f"doctor finds {findings[:3]}"


def ids_printed(path):
    """Table and id of all decisions that were printed. A line that a kill cut short is printed again later."""
    ids = set()
    for line in path.read_bytes().splitlines():
        try:
            decision = json.loads(line)
        except ValueError:
            continue
        if decision.get("table") in DECISIONS:
            ids.add((decision["table"], decision["output_id"]))
    return ids


def rows_of(out):
    """The rows of each table as a multiset, without what names the commit."""
    try:
        import duckdb
    except ImportError as error:
        raise Skipped(f"{error}: pip install -r tests/python/requirements.txt") from error
    found, connection = {}, duckdb.connect()
    for table in TABLES:
        source = f"read_parquet('{out}/current/{table}/**/*.parquet', hive_partitioning = true)"
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        kept = ", ".join(f'"{name}"' for name in names if name not in OF_THE_COMMIT)
        found[table] = Counter(map(repr, connection.execute(f"SELECT {kept} FROM {source}").fetchall()))
        if table in DECISIONS:
            ids = connection.execute(f"SELECT output_id FROM {source}").fetchall()
            assert len(set(ids)) == len(ids), f"{table}: an id stands twice"
            found[f"ids of {table}"] = [row[0] for row in ids]
    connection.close()
    return found
