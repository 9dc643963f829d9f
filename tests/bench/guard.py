#!/usr/bin/env python3
"""guard.py - what a segment costs in the stack alone, in instructions, against what it cost before (tests/bench/ceilings.tsv).

    guard.py [--record]

A count that is more than MARGIN above the recorded one is `not ok`; the output is TAP. --record writes the counts of this build.
Exit status 77, with the reason, where they could not be compared: no valgrind, or another compiler than the recorded one."""
import os
import shutil
import subprocess
import sys

import core_rows

MARGIN = 0.05
SEGMENTS = 4000
CASES = (["in"], ["out"], ["swapped"], ["connections", "1000"], ["sack", "8000"], ["scattered", "8000"], ["holes", "1000"])
LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ceilings.tsv")


def compiler():
    text = subprocess.run([os.environ.get("CC", "gcc"), "--version"], capture_output=True, text=True, check=True).stdout
    return text.splitlines()[0].split()[-1]


def recorded():
    with open(LIST, encoding="ascii") as file:
        first, *lines = file.read().splitlines()
    return first.split()[-1], {name: int(count) for name, count in (line.split("\t") for line in lines)}


def record(counts):
    with open(LIST, "w", encoding="ascii") as file:
        file.write(f"# instructions for one segment, gcc {compiler()}\n")
        file.writelines(f"{name}\t{count:.0f}\n" for name, count in counts)


def main():
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return 77
    counted = ((" ".join(words), core_rows.counted(words, SEGMENTS)) for words in CASES)
    if sys.argv[1:] == ["--record"]:
        record(list(counted))
        return 0
    version, before = recorded()
    if compiler() != version:
        print(f"the counts were recorded with gcc {version}, this is {compiler()}")
        return 77
    worse = 0
    for name, count in counted:
        good = count <= before[name] * (1 + MARGIN)
        worse += not good
        print(f"{'ok' if good else 'not ok'} core {name}: {count:.0f} instructions, {before[name]} before", flush=True)
    print(f"1..{len(CASES)}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
