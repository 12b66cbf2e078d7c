#!/usr/bin/env python3
"""Plants typical bugs in the rule engine, one at a time, and lists the tests that notice each.

usage: tests/plant_bugs.py [--only N …]

Works on a copy under target/planted, so the sources stay as they are. Each bug costs one build of the library and
of the engine's tests: with fifteen bugs about ten minutes on two cores. Exits with 1 when a bug goes unnoticed or
when a piece of code it replaces is no longer there.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "target" / "planted"
TESTS = ["--lib", "--test", "engine_cases", "--test", "shape_cases", "--test", "model", "--test", "adopt"]

# what goes wrong, file, what stands there, what the bug makes of it
BUGS = [
    ("windows hold the instant exactly one length earlier", "timeline/window.rs",
     "Timestamp(at.minus(length).0.saturating_add(1))", "at.minus(length)"),
    ("timers act after the events of their instant", "verdict/engine.rs",
     "self.advance_to(state, key, event.at, out);\n        self.program.note_event",
     "self.advance_to(state, key, event.at.minus(crate::time::Millis(1)), out);\n        self.program.note_event"),
    ("suppressed alerts prolong the cooldown", "verdict/ledger.rs",
     "        if let Some(raised) = own.filter(holds) {\n",
     "        if let Some(raised) = own.filter(holds) {\n"
     "            if let (Ok(place), Some(cooldown)) = (place, spec.cooldown) {\n"
     "                alerts[place].until = at.plus(cooldown);\n            }\n"),
    ("a sequence keeps its earliest start", "timeline/sequence.rs",
     "        if step == 0 {\n", "        if step == 0 && partials[0].is_some() {\n            return None;\n        }\n        if step == 0 {\n"),
    ("natural days are counted from the instant", "timeline/window.rs",
     "Window::NaturalDays(n) => zone.midnight(zone.day(at).plus(-back(n))),",
     "Window::NaturalDays(n) => at.minus(crate::time::Millis::DAY.times(i64::from(n))),"),
    ("a count that consumes keeps its hits", "timeline/count.rs",
     "if self.after_fire == AfterFire::Consume {\n            state.total = 0;", "if false {\n            state.total = 0;"),
    ("an expiring tag stays for its last instant", "verdict/ledger.rs",
     "tag.ttl.map(|ttl| timeline::deadline(ttl, at, &self.set.pack.zone));",
     "tag.ttl.map(|ttl| timeline::deadline(ttl, at, &self.set.pack.zone).plus(crate::time::Millis(1)));"),
    ("a forward group goes back", "verdict/ledger.rs",
     "Exclusive::Forward => place(rival.tag) > place(next.tag),", "Exclusive::Forward => false,"),
    ("a recall takes nothing back from a count", "timeline/count.rs",
     "*one.message_id != *target || at.since", "true || at.since"),
    ("the first anchor of an absence moves", "timeline/absence.rs",
     "if state.pending && self.anchor == Anchor::First {", "if false {"),
    ("a cancelling event that anchors only cancels", "timeline/absence.rs",
     "            state.clear();\n        }\n        let sign = event.sign(self.since)?;",
     "            state.clear();\n            return None;\n        }\n        let sign = event.sign(self.since)?;"),
    ("a streak fires on each further day", "timeline/streak.rs",
     "(state.run == self.days)", "(state.run >= self.days)"),
    ("an exemption protects from rules it does not name", "verdict/kick.rs",
     "exemption.rules.is_empty() || exemption.rules.contains(&rule)", "true || exemption.rules.contains(&rule)"),
    ("ties of a rank count as lying below", "timeline/rank.rs",
     "(n * u64::from(k)).div_ceil(u64::from(bands))", "(n * u64::from(k)) / u64::from(bands)"),
    ("an excluded event leaves a sequence as it is", "timeline/sequence.rs",
     "            state.start_over();\n        }\n        if !self.could_serve", "        }\n        if !self.could_serve"),
]


def copy_sources():
    COPY.mkdir(parents=True, exist_ok=True)
    names = subprocess.run(["git", "-c", "core.quotePath=off", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != (ROOT / name).read_bytes():
            shutil.copy2(ROOT / name, target)


def failing_tests():
    """Returns the names of the tests that fail in the copy; None when it does not compile."""
    command = ["cargo", "test", "--locked", "--quiet", "--no-fail-fast", "--target-dir", str(COPY / "target"), *TESTS]
    result = subprocess.run(command, cwd=COPY, capture_output=True, text=True)
    if "could not compile" in result.stderr:
        print(result.stderr[-2000:], file=sys.stderr)
        return None
    return sorted(set(re.findall(r"^---- (\S+) stdout ----$", result.stdout, re.MULTILINE)))


def plant(number, bug):
    what, name, old, new = bug
    path = COPY / "src" / name
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        print(f"{number:2}  {what}: the code it changes stands {text.count(old)} times in {name}")
        return False
    path.write_text(text.replace(old, new), encoding="utf-8")
    noticed = failing_tests()
    path.write_text(text, encoding="utf-8")
    print(f"{number:2}  {what}: " + ("does not compile" if noticed is None else ", ".join(noticed) or "NOT NOTICED"), flush=True)
    return bool(noticed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", type=int, help="numbers of the bugs to plant")
    args = parser.parse_args()
    copy_sources()
    chosen = [(n, bug) for n, bug in enumerate(BUGS, 1) if not args.only or n in args.only]
    sys.exit(0 if all([plant(n, bug) for n, bug in chosen]) else 1)


if __name__ == "__main__":
    main()
