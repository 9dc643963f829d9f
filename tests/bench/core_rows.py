"""core_rows.py - the stack alone, packets handed over in memory (tests/bench/core), and what `tunny run` costs a program
(tests/run/costs.py). Instructions are counted by callgrind: noise does not touch them."""
import math
import shutil
import subprocess

from harness import BUILD, PROGRAMS, ROOT, Skipped, lab, number, run, spread
from stack_rows import case

# Name, words of tests/bench/core around the count, bars: nanoseconds and instructions.
SEGMENTS = (("data segment in, with its share of ACKs", ["in"], 150, 600), ("data segment out, with half an ACK", ["out"], None, None),
            ("data segment in, pairs swapped", ["swapped"], None, None))
# What a peer can make of the two structures that it fills: name, word of tests/bench/core.
HOSTILE = (("ACK with one more SACK among so many holes", "sack"), ("the same, the SACKs in scattered order", "scattered"),
           ("1-byte segment beyond so many holes (4,096 are kept), in scattered order", "holes"))
HOLES = (10, 100, 1000, 10000)
IDLE = 10000


def instructions(words, n):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAMS + "core", words[0], str(n), *words[1:]]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    return next(int(line.split()[-1]) for line in text.splitlines() if "Collected" in line)


def counted(words, n):
    """Instructions for one: the difference of two runs, one twice as long as the other."""
    if not shutil.which("valgrind"):
        return None
    return (instructions(words, 2 * n) - instructions(words, n)) / n


def met(value, bar):
    return "" if value is None or bar is None else "yes" if value <= bar else "no"


def segments(options, say):
    """Lines of a table: what, instructions, bar, met, time, bar, met."""
    for name, words, ns_bar, count_bar in SEGMENTS:
        count = counted(words, options.core // 10)
        times = [run([PROGRAMS + "core", words[0], str(options.core), *words[1:]])[words[0]] for _ in range(options.repeats)]
        say(f"{name}: {count or 0:.0f} instructions, {spread(times)} ns")
        yield [name, "-" if count is None else f"{count:.0f}", "-" if count_bar is None else f"&le; {count_bar}", met(count, count_bar),
               f"{spread(times)} ns", "-" if ns_bar is None else f"&le; {ns_bar} ns", met(sorted(times)[len(times) // 2], ns_bar)]


def hostile(options, say):
    """Instructions by the number of holes: what, one column for each, the most relative to the first, bar, met. The bar is what
    a logarithm grows by from the first to the last; what is linear grows a thousandfold."""
    del options
    bar = round(math.log(HOLES[-1]) / math.log(HOLES[0]))
    for name, word in HOSTILE:
        counts = [counted([word, str(holes)], holes // 2) for holes in HOLES]
        growth = None if None in counts else max(counts) / counts[0]
        say(f"{name}: {', '.join('-' if c is None else f'{c:.0f}' for c in counts)} instructions")
        yield [name, *("-" if c is None else f"{c:.0f}" for c in counts), "-" if growth is None else f"**{growth:.2f}**", f"&le; {bar}",
               met(growth, bar)]


def scale(options, say):
    """Segments spread over ever more connections: what, time, ratio to 1,000, bar, met."""
    base = None
    for count in options.scale:
        figures = run([PROGRAMS + "core", "connections", str(options.core * 14), str(count)])
        took = [figures[key] for key in ("connections", "least", "most")]
        base = took[0] if count == 1000 else base
        ratio = took[0] / base if base else None
        bar = 2 if count == 1000000 else None
        say(f"{count:,} connections: {took[0]:.0f} ns")
        yield [f"a data segment among {count:,} connections", f"{number(took[0])} ({number(took[1])} to {number(took[2])}) ns",
               "-" if ratio is None else f"**{ratio:.2f}**", "-" if bar is None else f"&le; {bar}", met(ratio, bar)]


def idle():
    """Bytes of memory for each connection that only stays open."""
    return run([PROGRAMS + "core", "idle", str(IDLE)])["idle"]


# --- programs under tunny run ---------------------------------------------------------------------------------------------

COSTS = (("connect", "connect, a byte there and back, close (us)", False), ("ping", "64 bytes there and back (us)", False),
         ("iperf", "iperf3, one stream (Gbit/s)", True), ("kept", "nginx, kept connections (requests/s)", True),
         ("new", "nginx, a connection a request (requests/s)", True), ("c_connect", "in C: connect, four bytes there and back, close (us)", False),
         ("c_ping", "in C: four bytes there and back (us)", False), ("c_rate", "in C: one stream (Gbit/s)", True))
NEEDS = {"iperf": ("iperf3", "nc"), "kept": ("nginx", "wrk", "nc"), "new": ("nginx", "wrk", "nc")}


def programs(options):
    del options
    return {name: case(run, ["env", "BUILD=" + BUILD, *lab("python3", "tests/run/costs.py", how)])
            for name, how in (("native", "native"), ("on the stack", "stack"), ("by shared memory", "ring"))}


def program_lines(results, say):
    for key, name, _ in COSTS:
        try:
            missing = [p for p in NEEDS.get(key, ()) if not shutil.which(p)]
            if missing:
                raise Skipped(f"{', '.join(missing)} not installed")
            native = results.median("native", key)
            row = [name, spread(results.values("native", key))]
            for way in ("on the stack", "by shared memory"):
                shown = key.startswith("c_") or way == "on the stack"
                row += [spread(results.values(way, key)), f"**{results.median(way, key) / native:.2f}**"] if shown else ["-", "-"]
            yield row
        except Skipped as reason:
            say(f"skipped: {name}: {reason}")
