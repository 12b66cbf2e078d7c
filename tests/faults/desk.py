"""An output directory's life on a real disk, and what has to be true of it after whatever went wrong."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LASTING = ["log", "data", "state", "snapshots"]

# 2026-03-02 10:00 in Shanghai.
START = 1_772_416_800_000
DAY = 86_400_000
SAYS = ["这个课程多少钱", "我要投诉", "有没有优惠", "质量太差", "能便宜点吗", "兼职刷单日结，加微信"]


class Skipped(Exception):
    """This machine cannot do it."""


@dataclass
class Operation:
    """What makes one commit: its words, the directory before it (None: there is none yet), and the one after it."""

    name: str
    words: list
    n: int
    before: Path | None
    after: Path


class Desk:
    """The archive of two nights, and the directories of an undisturbed life: a night, another, a rollback, a clean-up."""

    def __init__(self, program, seeds, every):
        self.program, self.seeds, self.every = program, seeds, every
        self.place = Path(tempfile.mkdtemp(prefix="chattag-faults-"))
        self.out = self.place / "out"
        self.dictionaries = few_terms(self.place / "dictionaries")
        self.nights = [self.write_night(0), self.write_night(1)]
        run = lambda night: ["run", self.nights[night], "--dict", self.dictionaries, "--jobs", "1"]
        life = [("first night", run(0)), ("second night", run(1)), ("rollback", ["rollback", "--to", "0"]),
                ("gc", ["gc", "--keep", "1"])]
        self.operations, before = [], None
        for n, (name, words) in enumerate(life):
            operation = Operation(name, words, n, before, self.place / f"after-{n}")
            if before:
                copy(before, operation.after)
            self.succeed(operation.words, operation.after)
            self.operations.append(operation)
            before = operation.after
        self.shown = {operation.after: shown(operation.after) for operation in self.operations}
        self.pictures = {operation.after: picture(operation.after) for operation in self.operations}
        self.again = run(0)

    def write_night(self, night):
        path = self.place / f"night-{night}.jsonl"
        messages = [message(f"{night}_{i}", START + night * DAY + i * 60_000, i % 37, SAYS[i % len(SAYS)]) for i in range(200)]
        path.write_text("".join(messages), encoding="utf-8")
        return path

    def command(self, words, out):
        return [self.program, *words, "--out", out, "--quiet"]

    def succeed(self, words, out):
        ended = subprocess.run(self.command(words, out), capture_output=True)
        assert ended.returncode == 0, f"{words[0]} ended with {ended.returncode}: {ended.stderr.decode()[-500:]}"

    def fresh(self, operation):
        """A new copy of the directory as it is before the operation."""
        shutil.rmtree(self.out, ignore_errors=True)
        if operation.before:
            copy(operation.before, self.out)
        return self.out

    def disturb(self, operation, out, before=(), prepare=None):
        """The operation with words put before it, and something done in its process first. Returns how it ended."""
        command = [*before, *self.command(operation.words, out)]
        return subprocess.run(command, preexec_fn=prepare, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode

    def check(self, operation, out, acknowledged):
        """Readers see one commit, nothing is damaged, what was acknowledged is there; the operation done again, every
        lasting byte is as in the undisturbed life."""
        known = [self.shown[place] for place in [operation.before, operation.after] if place]
        assert shown(out) in known or (operation.before is None and not (out / "current").exists()), "readers see neither commit"
        n_commits = len(list((out / "log").glob("*.json"))) if (out / "log").exists() else 0
        assert n_commits in (operation.n, operation.n + 1), f"{n_commits} commits"
        assert n_commits == operation.n + 1 or not acknowledged, "acknowledged and lost"
        if n_commits > 0:
            self.examine(out)
        self.succeed(operation.words if n_commits == operation.n else self.again, out)
        found, expected = picture(out), self.pictures[operation.after]
        differing = sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))
        assert not differing, f"{len(differing)} files differ: {differing[:5]}"
        findings = self.examine(out)
        assert not findings, f"doctor finds {findings[:3]}"

    def examine(self, out):
        """Returns what `doctor` finds; damage it must not find."""
        doctor = subprocess.run([self.program, "doctor", "--out", out, "--json"], capture_output=True)
        assert doctor.returncode == 0, f"doctor: {doctor.stdout.decode()[:1000]}"
        return json.loads(doctor.stdout)["findings"]


class Tally:
    """Counts cases by part; keeps the directory of each that fails."""

    def __init__(self, desk, kept):
        self.desk, self.kept = desk, kept
        self.cases, self.disturbed, self.failed = {}, {}, []

    @contextmanager
    def case(self, part, name):
        """Something that may not fail. What is yielded is called with how each disturbed process ended."""
        self.cases[part] = self.cases.get(part, 0) + 1
        if self.cases[part] % 250 == 0:
            print(f"  {part}: {self.cases[part]} cases so far, {len(self.failed)} failed", flush=True)
        ended = []
        try:
            yield ended.append
        except Skipped:
            self.cases[part] -= 1
            raise
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
            self.keep(f"{part}: {name}", error)
        self.disturbed[part] = self.disturbed.get(part, 0) + any(status != 0 for status in ended)

    def keep(self, name, error):
        place = self.kept / f"{len(self.failed)}"
        self.failed.append(name)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.desk.out, place, symlinks=True, dirs_exist_ok=True)
        (place / "WHAT").write_text(f"{name}\n{''.join(traceback.format_exception(error))}")
        print(f"FAILED {name}: {error}\n  kept in {place}", flush=True)


def message(number, at, customer, content):
    """One line of an archive. Advertising is said in a group."""
    room = "wrEXAMPLEAAAAAAAAAAAAAAAAAAAAA09" if "刷单" in content else ""
    said = {"msgid": f"{number}_external", "action": "send", "from": f"wmEXAMPLEAAAAAAAAAAAAAAAAAAA{customer:04}",
            "tolist": ["lihua"], "roomid": room, "msgtime": at, "msgtype": "text", "text": {"content": content}}
    return json.dumps(said, ensure_ascii=False) + "\n"


def few_terms(place):
    """The shipped dictionaries with a few terms of each kind: a process is at work after 30 ms and not after 150."""
    shutil.copytree(REPOSITORY / "dictionaries", place)
    for path in place.glob("lexicons/*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = csv.reader(file)
        kinds, said = {}, "".join(SAYS)
        for row in rows:
            kinds.setdefault(row[head.index("类别")], []).append(row)
        wanted = lambda row: any(spelling and spelling in said for spelling in row[1:3])
        kept = [row for rows in kinds.values() for n, row in enumerate(rows) if n < 4 or wanted(row)]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *kept])
    return place


def copy(source, target):
    """Copies a directory with its hard links."""
    subprocess.run(["cp", "-a", source, target], check=True, capture_output=True)


def picture(out):
    """Every lasting byte: path to hash, and what `current` names."""
    files = [path for name in LASTING for path in (out / name).rglob("*") if path.is_file()]
    hashes = {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashes | {"current": os.readlink(out / "current")}


def shown(out):
    """What a reader sees: the files below `current`, with their hashes."""
    current = out / "current"
    files = [path for path in current.rglob("*") if path.is_file()] if current.exists() else []
    return {str(path.relative_to(current)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
