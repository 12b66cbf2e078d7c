#!/usr/bin/env python3
"""The long form of the fault program: the real binary against the real kernel. Linux, as root.

    tests/faults/long.py [PART…] [--program PATH] [--seeds N] [--every N] [--keep DIR]

Parts: kills full size memory errors power stream, and with cargo: rust planted. Default: all.

A case is one operation of an output directory's life (first night, second night, rollback, gc, a stream) in which
something goes wrong, often again while the next process recovers. Then readers see one commit, `doctor` finds no
damage, and after another run every lasting byte is that of the undisturbed life. What this machine cannot do (no
loop device, no strace) is said and not counted. Ends with 1 when a case failed, and keeps its directory.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import disturbances
import streams
from desk import REPOSITORY, Desk, Skipped, Tally

# Mistakes planted in the source: file, what is there, what is put in its place.
PLANTED = [
    ("staged_file.rs", "?.sync()?;", "?;"),
    ("disk.rs", "file.write_all(content).map_err(|source| Error::write(path, source))?;\n        file.sync()",
     "file.write_all(content).map_err(|source| Error::write(path, source))"),
    ("commit.rs", "self.disk.sync_dir(&self.root.join(\"log\"))?;\n        recovery::publish", "recovery::publish"),
    ("commit.rs", "dirs.iter().rev().try_for_each(|dir| self.disk.sync_dir(dir))?;", ""),
]


def rust(desk, tally):
    """The simulated disk and the kills of `cargo test`, with more seeds."""
    with tally.case("rust", "cargo test --test faults, 10 rounds, 100 kills a command"):
        environment = os.environ | {"CHATTAG_FAULT_ROUNDS": "10", "CHATTAG_FAULT_KILLS": "100"}
        command = ["cargo", "test", "--locked", "--quiet", "--test", "faults"]
        subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)


def planted(desk, tally):
    """Mistakes in the source are found by the tests that CI runs."""
    source = desk.place / "source"
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns("target", ".git"))
    environment = os.environ | {"CARGO_TARGET_DIR": str(REPOSITORY / "target/planted")}
    for name, there, instead in PLANTED:
        with tally.case("planted", f"{name} without {there}"):
            path = source / "src/writer" / name
            content = path.read_text()
            assert there in content, f"{name}: {there}"
            path.write_text(content.replace(there, instead))
            command = ["cargo", "test", "--locked", "--test", "faults", "steps::a_power_cut"]
            test = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
            path.write_text(content)
            assert test.returncode != 0 and re.search(r"test result: FAILED", test.stdout), "not found"


PARTS = [disturbances.kills, disturbances.full, disturbances.size, disturbances.memory, disturbances.errors,
         disturbances.power, streams.stream, rust, planted]


def main():
    names = [part.__name__ for part in PARTS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(names))
    parser.add_argument("--program", type=Path, help="default: the newer of the release and the debug build")
    parser.add_argument("--seeds", type=int, default=1, help="how often what is drawn by lot is drawn")
    parser.add_argument("--every", type=int, default=1, help="take only every so manieth point, for a shorter run")
    parser.add_argument("--keep", type=Path, default=Path("chattag-faults-failed"), help="where failed cases go")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(names):
        parser.error(f"no such part: {' '.join(sorted(unknown))}; there are {' '.join(names)}")
    desk = Desk((arguments.program or newest_build(parser)).resolve(), arguments.seeds, arguments.every)
    tally = Tally(desk, arguments.keep.resolve())
    try:
        for part in PARTS:
            if part.__name__ in (arguments.parts or names):
                play(part, desk, tally)
    finally:
        shutil.rmtree(desk.place, ignore_errors=True)
    print(f"total: {sum(tally.cases.values())} cases, {sum(tally.disturbed.values())} in which a process failed or was killed; "
          f"{len(tally.failed)} with something lost, doubled or different")
    sys.exit(1 if tally.failed else 0)


def newest_build(parser):
    builds = [path for kind in ["release", "debug"] if (path := REPOSITORY / "target" / kind / "chattag").exists()]
    if not builds:
        parser.error("nothing is built: `cargo build`, or give --program")
    return max(builds, key=lambda path: path.stat().st_mtime)


def play(part, desk, tally):
    before, started = set(tally.cases), time.monotonic()
    try:
        part(desk, tally)
    except Skipped as why:
        print(f"{part.__name__}: skipped, {why}", flush=True)
    for name in tally.cases.keys() - before:
        print(f"{name}: {tally.cases[name]} cases, {tally.disturbed[name]} in which a process failed or was killed", flush=True)
    print(f"{part.__name__}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
