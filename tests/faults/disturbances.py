"""What goes wrong: kills, full file systems, limits, failing system calls, memory, power. One function a part."""

import fcntl
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from desk import Skipped, copy

# Shuts a file system down at once: without what is in memory, or with the journal but no content of files.
FS_IOC_SHUTDOWN = 0x8004587D
LOG_FLUSH, NO_LOG_FLUSH = 1, 2

# How the power goes, and how often while the next process recovers.
CUTS = [(LOG_FLUSH, 0), (LOG_FLUSH, 1), (NO_LOG_FLUSH, 0), (NO_LOG_FLUSH, 1)]

# Calls that are made to fail, and how. A failing `close` or `madvise` says nothing that anybody could act on.
ERRORS = {"fsync": ["EIO", "ENOSPC"], "write": ["EIO", "ENOSPC"], "rename": ["EIO", "ENOSPC"], "linkat": ["EIO", "ENOSPC"],
          "mkdir": ["EIO", "ENOSPC"], "symlink": ["EIO", "ENOSPC"], "unlink": ["EIO"], "rmdir": ["EIO"], "ftruncate": ["EIO"],
          "openat": ["EIO", "ENFILE"], "read": ["EIO"], "pread64": ["EIO"], "statx": ["EIO"], "getdents64": ["EIO"], "readlink": ["EIO"],
          "flock": ["ENOLCK"]}
ALIASES = {"link": "linkat", "unlinkat": "unlink", "symlinkat": "symlink", "renameat2": "rename", "mkdirat": "mkdir"}

# Of calls that a reader makes, every so manieth.
EVERY = {"read": 10, "statx": 4, "openat": 4, "getdents64": 4}


def kills(desk, tally):
    """Killed at instants nobody chose, every 250 µs of the time it takes; every other time again while recovering."""
    for operation in desk.operations:
        microseconds = int(min(duration(desk, operation) for _ in range(5)) * 1.2e6)
        for seed in range(desk.seeds):
            dice = random.Random(seed)
            for n, delay in enumerate(range(83 * seed % 250, microseconds, 250 * desk.every)):
                with tally.case("kills", f"{operation.name} after {delay} µs, seed {seed}") as ended:
                    out = desk.fresh(operation)
                    done = kill_after(desk, operation, out, delay) == 0
                    ended(0 if done else 1)
                    if n % 2 and not done:
                        kill_after(desk, operation, out, dice.randrange(microseconds), once=True)
                    desk.check(operation, out, done)


def duration(desk, operation):
    """How many seconds it takes undisturbed."""
    out = desk.fresh(operation)
    started = time.monotonic()
    desk.succeed(operation.words, out)
    return time.monotonic() - started


def kill_after(desk, operation, out, microseconds, once=False):
    """Returns how the process ended. `once`: what recovers must not make the commit a second time."""
    words = desk.again if once and operation.n < len(list((out / "log").glob("*.json"))) else operation.words
    program = subprocess.Popen(desk.command(words, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(microseconds / 1e6)
    program.kill()
    return program.wait()


def full(desk, tally):
    """A file system with room for ever more pages, then for ever more names; then with a little more while recovering."""
    for operation in desk.operations:
        n_bytes, n_names = room_of(desk, operation)
        for what, first, step in [("size", n_bytes, 4096), ("nr_inodes", n_names, 1)]:
            amount, well = first, 0
            while well < 2:
                with tally.case("full", f"{operation.name} on a tmpfs of {what}={amount}") as ended:
                    well += (status := on_full(desk, operation, what, amount, step)) == 0
                    ended(status)
                amount += step * desk.every


def on_full(desk, operation, what, amount, step):
    """Runs with so much room, runs again with a little more, then checks with all the room it needs."""
    with mounted(desk, "-t", "tmpfs", "-o", f"{what}={amount}", "none") as mount:
        out = mount / "out"
        if operation.before:
            copy(operation.before, out)
        status = desk.disturb(operation, out)
        more = amount // step % 7
        if status != 0 and more > 0:
            subprocess.run(["mount", "-o", f"remount,{what}={amount + more * step}", mount], check=True)
            with_little(desk, operation, out)
        subprocess.run(["mount", "-o", "remount,size=1G,nr_inodes=100000", mount], check=True)
        desk.check(operation, out, status == 0)
        return status


def with_little(desk, operation, out):
    """Recovers, and does the operation unless it is done."""
    is_done = operation.n < len(list((out / "log").glob("*.json")))
    subprocess.run(desk.command(desk.again if is_done else operation.words, out), capture_output=True)


def room_of(desk, operation):
    """What the directory before the operation takes on a tmpfs: bytes, names."""
    with mounted(desk, "-t", "tmpfs", "-o", "size=1G", "none") as mount:
        if operation.before:
            copy(operation.before, mount / "out")
        had = os.statvfs(mount)
        return (had.f_blocks - had.f_bfree) * had.f_frsize + 4096, had.f_files - had.f_ffree + 1


@contextmanager
def mounted(desk, *arguments):
    """A file system, mounted for a while."""
    mount = desk.place / "mount"
    mount.mkdir(exist_ok=True)
    mount_or_skip(*arguments, mount)
    before, desk.out = desk.out, mount / "out"
    try:
        yield mount
    except AssertionError:
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(mount / "out", before, symlinks=True, dirs_exist_ok=True)
        raise
    finally:
        desk.out = before
        subprocess.run(["umount", mount], check=True)


def mount_or_skip(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True)
    if done.returncode != 0:
        raise Skipped(done.stderr.decode().strip())


def size(desk, tally):
    """No file may grow beyond a limit, up to the size of the largest."""
    for operation in desk.operations:
        sizes = [path.stat().st_size for path in operation.after.rglob("*") if path.is_file()]
        for n_bytes in range(0, max(sizes) + 256, 128 * desk.every):
            with tally.case("size", f"{operation.name} with files of at most {n_bytes} bytes") as ended:
                out = desk.fresh(operation)
                status = desk.disturb(operation, out, prepare=limited(resource.RLIMIT_FSIZE, n_bytes))
                ended(status)
                desk.check(operation, out, status == 0)


def limited(what, n):
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(what, (n, n))
    return prepare


def memory(desk, tally):
    """Too little memory: addresses run out, or the kernel kills the process."""
    operation = desk.operations[1]
    for kind, limits in [("addresses", address_limit), ("oom", cgroup_limit)]:
        try:
            with limits() as limit:
                tighten(desk, tally, operation, kind, limit)
        except Skipped as why:
            print(f"memory, {kind}: skipped, {why}", flush=True)


def tighten(desk, tally, operation, kind, limit):
    """From where it just succeeds downwards, in small steps; below a quarter of it a process does not even load."""
    low, enough = 1 << 10, 1 << 20
    while enough - low > 64:
        middle = (low + enough) // 2
        status = desk.disturb(operation, desk.fresh(operation), prepare=limit(middle))
        low, enough = (low, middle) if status == 0 else (middle, enough)
    for kibibytes in range(enough + 256, enough // 4, -max(enough // 400, 16) * desk.every):
        with tally.case(f"memory, {kind}", f"{operation.name} with {kibibytes} KiB") as ended:
            out = desk.fresh(operation)
            status = desk.disturb(operation, out, prepare=limit(kibibytes))
            ended(status)
            desk.check(operation, out, status == 0)


@contextmanager
def address_limit():
    yield lambda kibibytes: limited(resource.RLIMIT_AS, kibibytes << 10)


@contextmanager
def cgroup_limit():
    """A group of processes with little memory; those who need more are killed. Control groups of either version."""
    groups, name = Path("/sys/fs/cgroup"), "memory.max"
    if not (groups / "cgroup.controllers").exists():
        groups, name = groups / "memory", "memory.limit_in_bytes"
    group = groups / f"chattag-faults-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise Skipped(f"no control group: {error}") from error
    try:
        if not (group / name).exists():
            raise Skipped(f"{groups} does not limit memory")

        def limit(kibibytes):
            (group / name).write_text(str(kibibytes << 10))
            return lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
        yield limit
    finally:
        group.rmdir()


def errors(desk, tally):
    """System calls that fail, once or from then on, and kills at system calls, by strace: at every call of each kind."""
    if shutil.which("strace") is None:
        raise Skipped("no strace")
    for operation in desk.operations:
        calls = calls_of(desk, desk.command(operation.words, desk.fresh(operation)))
        for call, n_calls in sorted(calls.items()):
            for when in range(1, n_calls + 1, EVERY.get(call, 1) * desk.every):
                for how in [*[f"error={error}" for error in ERRORS[call]], "signal=KILL"]:
                    inject(desk, tally, operation, f"{call}:{how}:when={when}")
                if when // desk.every % 3 == 0:
                    inject(desk, tally, operation, f"{call}:error={ERRORS[call][0]}:when={when}+")
        for seed in range(40 * desk.seeds):
            again = [injection(calls, random.Random(1_000 * seed + n)) for n in range(2)]
            inject(desk, tally, operation, *again)


def inject(desk, tally, operation, *injections):
    """The operation under the first injection, then what recovers under each of the others."""
    with tally.case("errors", f"{operation.name}, {', then '.join(injections)}") as ended:
        out, status = desk.fresh(operation), 1
        for words in map(injected, injections):
            is_done = operation.n < len(list((out / "log").glob("*.json")))
            command = desk.command(desk.again if is_done else operation.words, out)
            status = subprocess.run([*words, *command], capture_output=True).returncode
            ended(status)
        desk.check(operation, out, status == 0)


def injected(injection, path=None):
    """The words that let a process run under an injection, of calls that have to do with `path` alone. Calls of
    either name count together."""
    call = injection.split(":")[0]
    names = ",".join(["?" + call, *["?" + other for other, name in ALIASES.items() if name == call]])
    words = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={names}"]
    return [*words, *(["-P", path] if path else []), "-e", "inject=" + names + injection[len(call):]]


def injection(calls, dice):
    call = dice.choice(sorted(calls))
    how = dice.choice([f"error={dice.choice(ERRORS[call])}", "signal=KILL"])
    return f"{call}:{how}:when={dice.randint(1, calls[call])}"


def calls_of(desk, command):
    """How many calls of each kind the busiest thread makes: strace counts by thread."""
    trace, names = desk.place / "trace", ",".join("?" + name for name in [*ERRORS, *ALIASES])
    subprocess.run(["strace", "-f", "--seccomp-bpf", "-qq", "-o", trace, "-e", f"trace={names}", *command], check=True,
                   stdout=subprocess.DEVNULL)
    counts = {}
    for thread, name in re.findall(r"(?m)^(\d+) +(\w+)\(", trace.read_text(errors="replace")):
        key = (ALIASES.get(name, name), thread)
        counts[key] = counts.get(key, 0) + 1
    return {call: max(n for (name, _), n in counts.items() if name == call) for call, _ in counts}


def power(desk, tally):
    """Power cuts on real file systems: the device is shut down while the program works, half of them again while it recovers."""
    for kind, options in [("ext4", "loop"), ("ext4", "loop,data=writeback,noauto_da_alloc"), ("xfs", "loop")]:
        if shutil.which(f"mkfs.{kind}") is None:
            print(f"power, {kind}: skipped, no mkfs.{kind}", flush=True)
            continue
        image = desk.place / f"{kind}.img"
        with image.open("wb") as file:
            file.truncate(400 << 20)
        subprocess.run([f"mkfs.{kind}", "-q", image], check=True)
        for seed in range(desk.seeds):
            cut_often(desk, tally, kind, (options, image), random.Random(seed))
        image.unlink()


def cut_often(desk, tally, kind, device, dice):
    for operation in desk.operations:
        for n in range(0, 40, desk.every):
            milliseconds, flush, again = dice.uniform(5, 110), *dice.choice(CUTS)
            name = f"{operation.name} on {kind} ({device[0]}) cut after {milliseconds:.1f} ms, flush {flush}"
            with tally.case(f"power, {kind}", name) as ended:
                with mounted(desk, "-o", *device) as mount:
                    shutil.rmtree(mount / "out", ignore_errors=True)
                    if operation.before:
                        copy(operation.before, mount / "out")
                    subprocess.run(["sync", "-f", mount], check=True)
                    done = cut_after(desk, operation, mount, milliseconds, flush) == 0
                    ended(0 if done else 1)
                for _ in range(again):
                    with mounted(desk, "-o", *device) as mount:
                        another_boot(mount / "out")
                        cut_after(desk, operation, mount, dice.uniform(2, 80), flush)
                with mounted(desk, "-o", *device) as mount:
                    another_boot(mount / "out")
                    desk.check(operation, mount / "out", done)


def cut_after(desk, operation, mount, milliseconds, flush):
    """Shuts the file system down after so long; returns how the process ended, if it did before."""
    out = mount / "out"
    is_done = operation.n < len(list((out / "log").glob("*.json")))
    command = desk.command(desk.again if is_done else operation.words, out)
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(milliseconds / 1e3)
    status = program.poll()
    directory = os.open(mount, os.O_RDONLY)
    try:
        fcntl.ioctl(directory, FS_IOC_SHUTDOWN, flush.to_bytes(4, sys.byteorder))
    except OSError as error:
        raise Skipped(f"no shutdown: {error}") from error
    finally:
        os.close(directory)
        program.kill()
        program.wait()
    return status


def another_boot(out):
    """After a power cut the machine was started anew: the lock says who held it before."""
    if (out / "LOCK").exists():
        (out / "LOCK").write_text("pid 1 on a machine, before\nanother boot\n")
