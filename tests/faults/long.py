#!/usr/bin/env python3
"""The long form of the fault program: the real binary against the real kernel. Linux, as root.

    tests/faults/long.py [PART…]        all parts, or some of: steps kills full size memory errors power planted

Each part does one run of a night into a copy of a directory with one commit, lets something go wrong, checks
that `doctor` finds no damage, runs again, and compares every lasting byte with an undisturbed run. A part
that this machine cannot do (no loop device, no strace) says so and counts as skipped.
"""

import fcntl
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "target/debug/chattag"

# Shuts a file system down at once, without writing its journal out: what a power cut leaves.
FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2

# Mistakes planted in the source: file, what is there, what is put in its place.
PLANTED = [
    ("staged_file.rs", "?.sync()?;", "?;"),
    ("disk.rs", "file.write_all(content).map_err(|source| Error::write(path, source))?;\n        file.sync()",
     "file.write_all(content).map_err(|source| Error::write(path, source))"),
    ("commit.rs", "self.disk.sync_dir(&self.root.join(\"log\"))?;\n        recovery::publish", "recovery::publish"),
    ("commit.rs", "dirs.iter().rev().try_for_each(|dir| self.disk.sync_dir(dir))?;", ""),
]


class Skipped(Exception):
    """This machine cannot do it."""


class Desk:
    """An archive of two nights, a directory after the first, and one after both."""

    def __init__(self):
        self.place = Path(tempfile.mkdtemp(prefix="chattag-faults-"))
        self.archives = [self.write_night(0), self.write_night(1)]
        self.base, self.whole = self.place / "base", self.place / "whole"
        self.run(0, self.base)
        shutil.copytree(self.base, self.whole, symlinks=True)
        self.run(1, self.whole)

    def write_night(self, night):
        path = self.place / f"night-{night}.jsonl"
        says = ["这个课程多少钱", "我要投诉", "有没有优惠", "质量太差", "能便宜点吗"]
        with path.open("w", encoding="utf-8") as file:
            for i in range(200):
                at = 1_772_416_800_000 + night * 86_400_000 + i * 60_000
                message = {"msgid": f"{night}_{i}_external", "action": "send", "from": f"wmEXAMPLEAAAAAAAAAAAAAAAAAAA{i % 37:04}",
                           "tolist": ["lihua"], "roomid": "", "msgtime": at, "msgtype": "text",
                           "text": {"content": says[i % 5]}}
                file.write(json.dumps(message, ensure_ascii=False) + "\n")
        return path

    def command(self, night, out):
        return [PROGRAM, "run", self.archives[night], "--out", out, "--quiet", "--jobs", "1"]

    def run(self, night, out):
        subprocess.run(self.command(night, out), check=True)

    def check(self, out, what):
        """No damage; run again, every lasting byte is as in the undisturbed run."""
        doctor = subprocess.run([PROGRAM, "doctor", "--out", out, "--json"], capture_output=True)
        assert doctor.returncode == 0, f"{what}: {doctor.stdout.decode()}"
        self.run(1, out)
        found, expected = picture(out), picture(self.whole)
        differing = sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))
        assert not differing, f"{what}: {differing[:5]}"


def picture(out):
    lasting = [out / name for name in ["log", "data", "state", "snapshots"]]
    files = [path for place in lasting for path in place.rglob("*") if path.is_file()]
    hashes = {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashes | {"current": os.readlink(out / "current")}


def copies(desk):
    """Ever new copies of the directory after one night."""
    out = desk.place / "out"
    while True:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(desk.base, out, symlinks=True)
        yield out


def disturbed_runs(desk, disturbances):
    """Runs the second night under each disturbance (words put before, or a function called in the child)."""
    n_failed = 0
    for (what, words, prepare), out in zip(disturbances, copies(desk)):
        status = subprocess.run([*words, *desk.command(1, out)], preexec_fn=prepare, capture_output=True).returncode
        n_failed += status != 0
        desk.check(out, what)
    assert n_failed > 0, "nothing went wrong"
    return f"{n_failed} runs failed, 0 lost, 0 doubled, 0 bytes differ"


def steps(_):
    environment = os.environ | {"CHATTAG_FAULT_ROUNDS": "10"}
    cargo_test(REPOSITORY, environment)
    return "10 rounds of seeds"


def cargo_test(where, environment, *names):
    command = ["cargo", "test", "--locked", "--quiet", "--test", "faults", "--", *names]
    subprocess.run(command, cwd=where, env=environment, check=True)


def kills(_):
    cargo_test(REPOSITORY, os.environ | {"CHATTAG_FAULT_KILLS": "100"}, "kills::")
    return "400 processes"


def full(desk):
    """A file system that is full at every size, from where the old commit just fits to where all fits."""
    mount = desk.place / "full"
    mount.mkdir()
    n_failed, kilobytes, status = 0, size_of(desk.base) // 1024, None
    while status != 0:
        kilobytes += 8
        mount_or_skip("-t", "tmpfs", "-o", f"size={kilobytes}k", "none", mount)
        try:
            status = run_on_full(desk, mount / "out", kilobytes)
            n_failed += status not in (0, None)
        finally:
            subprocess.run(["umount", mount], check=True)
    assert n_failed > 0, "nothing went wrong"
    return f"{n_failed} sizes were too small, 0 lost, 0 doubled, 0 bytes differ"


def run_on_full(desk, out, kilobytes):
    """Returns how the run ended; None where the old commit does not fit."""
    try:
        shutil.copytree(desk.base, out, symlinks=True)
    except OSError:
        return None
    status = subprocess.run(desk.command(1, out), capture_output=True).returncode
    subprocess.run(["mount", "-o", "remount,size=1G", out.parent], check=True)
    desk.check(out, f"tmpfs of {kilobytes} KiB")
    return status


def size_of(directory):
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def mount_or_skip(*arguments):
    mounted = subprocess.run(["mount", *arguments], capture_output=True)
    if mounted.returncode != 0:
        raise Skipped(mounted.stderr.decode().strip())


def size(desk):
    """No file may grow beyond a limit."""
    def limit(n_bytes):
        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
        return prepare
    return disturbed_runs(desk, [(f"files of {n} bytes", [], limit(n)) for n in range(0, 16_384, 512)])


def memory(desk):
    """No memory beyond a limit: the allocator aborts the process."""
    def limit(megabytes):
        return lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    return disturbed_runs(desk, [(f"{n} MiB", [], limit(n)) for n in range(40, 400, 20)])


def errors(desk):
    """System calls that fail, by strace."""
    if shutil.which("strace") is None:
        raise Skipped("no strace")
    calls = ["fsync", "rename", "link,linkat", "unlink,unlinkat", "mkdir", "symlink,symlinkat", "write"]
    words = lambda call, error, when: ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}:error={error}:when={when}"]
    injections = [(f"{call} {error} {when}", words(call, error, when), None)
                  for call in calls for error in ["EIO", "ENOSPC"] for when in [1, 2, 5, 12, 30]]
    return disturbed_runs(desk, injections)


def power(desk):
    """Power cuts on real file systems: the device is shut down while the program works."""
    said = []
    for kind in ["ext4", "xfs"]:
        if shutil.which(f"mkfs.{kind}") is None:
            said.append(f"{kind} skipped: no mkfs.{kind}")
            continue
        said.append(cut_power(desk, kind))
    return "; ".join(said)


def cut_power(desk, kind):
    image, mount = desk.place / f"{kind}.img", desk.place / kind
    mount.mkdir()
    n_cut = 0
    for milliseconds in range(20, 2_000, 60):
        with image.open("wb") as file:
            file.truncate(400 << 20)
        subprocess.run([f"mkfs.{kind}", "-q", image], check=True)
        mount_or_skip("-o", "loop", image, mount)
        try:
            out = mount / "out"
            shutil.copytree(desk.base, out, symlinks=True)
            os.sync()
            program = subprocess.Popen(desk.command(1, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                program.wait(milliseconds / 1_000)
            except subprocess.TimeoutExpired:
                n_cut += 1
            shut_down(mount)
            program.kill()
            program.wait()
            subprocess.run(["umount", mount], check=True)
            mount_or_skip("-o", "loop", image, mount)
            desk.check(out, f"{kind} cut after {milliseconds} ms")
        finally:
            subprocess.run(["umount", mount])
    return f"{kind}: {n_cut} cuts while at work, nothing lost"


def shut_down(mount):
    directory = os.open(mount, os.O_RDONLY)
    try:
        fcntl.ioctl(directory, FS_IOC_SHUTDOWN, NO_LOG_FLUSH.to_bytes(4, sys.byteorder))
    except OSError as error:
        raise Skipped(f"no shutdown: {error}") from error
    finally:
        os.close(directory)


def planted(desk):
    """Mistakes in the source are found by the tests that CI runs."""
    copy = desk.place / "source"
    ignore = shutil.ignore_patterns("target", ".git")
    shutil.copytree(REPOSITORY, copy, ignore=ignore)
    environment = os.environ | {"CARGO_TARGET_DIR": str(REPOSITORY / "target/planted")}
    for name, there, instead in PLANTED:
        path = copy / "src/writer" / name
        source = path.read_text()
        assert there in source, f"{name}: {there}"
        path.write_text(source.replace(there, instead))
        command = ["cargo", "test", "--locked", "--test", "faults", "steps::a_power_cut"]
        test = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
        assert test.returncode != 0 and re.search(r"test result: FAILED", test.stdout), f"not found: {name} without {there}"
        path.write_text(source)
    return f"{len(PLANTED)} of {len(PLANTED)} found"


PARTS = [steps, kills, full, size, memory, errors, power, planted]


def main():
    asked = sys.argv[1:] or [part.__name__ for part in PARTS]
    subprocess.run(["cargo", "build", "--locked", "--quiet"], cwd=REPOSITORY, check=True)
    desk = Desk()
    try:
        for part in PARTS:
            if part.__name__ in asked:
                try:
                    print(f"{part.__name__}: {part(desk)}", flush=True)
                except Skipped as why:
                    print(f"{part.__name__}: skipped, {why}", flush=True)
    finally:
        shutil.rmtree(desk.place, ignore_errors=True)


if __name__ == "__main__":
    main()
