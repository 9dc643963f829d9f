#!/usr/bin/env -S python3 -B
"""bench.py - every figure of docs/benchmarks.md, as a ratio against a control in the same run.

    bench.py [--quick] [--only PART] [--repeats N] [--seconds S] [--turns N] [--write]

Run as root on an otherwise idle machine (`make bench`: 15 minutes; `make bench-quick`: 3, for a look). --write puts the page and the
plot into docs/. Nothing is left behind: namespaces and memory files are nameless and end with their processes."""
import argparse
import os
import sys
import time

import core_rows
import file_rows
import page
import stack_rows
from harness import FAILURES, Skipped, measure

PARTS = ("bulk", "ladder", "turns", "connections", "files", "core", "programs")


class Bench:
    """What was measured so far: the page's lines, the plot's rows."""

    def __init__(self, options):
        self.options, self.begun = options, time.monotonic()
        self.lines, self.plotted, self.skipped = [], [], []

    def say(self, text):
        print(f"{time.monotonic() - self.begun:6.0f} s  {text}", flush=True)
        if text.startswith("skipped: "):
            self.skipped.append(text.removeprefix("skipped: "))

    def wanted(self, part):
        return self.options.only in (None, part)

    def title(self, title, *sentences):
        self.say(title)
        self.lines += [f"## {title}", "", *(line for s in sentences for line in (s, ""))]

    def table(self, lines):
        self.lines += lines
        print("\n".join(lines), flush=True)

    def ratios(self, part, rounds=None, with_cost=False, plotted=True):
        cases, rows = part(self.options)
        results = measure(cases, rounds or self.options.repeats, self.say)
        self.table(page.ratio_table(rows, results, with_cost))
        if plotted:
            self.plotted.append((rows, results))
        return results


def bulk(bench):
    bench.title("Bulk", "Offload is a TUN with vnet_hdr and TSO; the zero-copy API unless *copying*.")
    bench.ratios(stack_rows.bulk, with_cost=True)


def ladder(bench):
    bench.title("The ladder of offloads", "From packets of 1500 bytes to super-segments, in shorter runs than above. Bold: the ratio to the floor "
                "on the same rung, which is one flow of IPv4. *One by one*: the floor acknowledges each packet that it receives.")
    cases, rungs = stack_rows.ladder(bench.options)
    results = measure(cases, bench.options.repeats, bench.say)
    bench.table(page.ladder_tables(rungs, results, [name for name, _ in stack_rows.VARIANTS]))


def turns(bench):
    bench.title("Bytes there and back", f"{bench.options.turns:,} turns of one byte. Busy polling is `--busy-poll`: the stack does not sleep.")
    bench.table(page.latency_table(bench.ratios(stack_rows.turns)))


def connections(bench):
    bench.title("Connections", "Connect, a byte there and back (or an HTTP request for six), close; one after the other, by a kernel program, or by "
                "ours where *we connect*.")
    bench.table(page.latency_table(bench.ratios(stack_rows.connections)))
    bench.table(page.latency_table(bench.ratios(file_rows.small)))
    bench.title("Many at once", "Opened over the TUN one after the other, all kept open, then turns of one byte on one in a hundred of them. Once. "
                "Memory: ours is resident bytes, tables included; the kernel's is its slabs, shared by both ends, descriptors included.")
    results = bench.ratios(stack_rows.held, rounds=1, plotted=False)
    bench.table(page.memory_table(results))


def files(bench):
    bench.title("Files", "One sparse file in memory, so that its bytes come from nowhere: nginx with sendfile sends it to `tunny get` over the TUN and "
                "to curl over the kernel; `tunny serve` and nginx send it to curl.")
    bench.ratios(file_rows.large, with_cost=True)
    bench.ratios(file_rows.disk, with_cost=True, plotted=False)


def core(bench):
    bench.title("The core alone", "Packets of 1500 bytes handed over in memory, checksums made and verified in software, sockets included; "
                "instructions by callgrind (the difference of two runs), CPU time.")
    bench.table(page.table(["what", "instructions", "bar", "met", "time", "bar", "met"], core_rows.segments(bench.options, bench.say)))
    bench.table(page.table(["instructions, by holes", *(f"{holes:,}" for holes in core_rows.HOLES), "the most, by the first", "bar", "met"],
                           core_rows.hostile(bench.options, bench.say)))
    bench.table(page.table(["what", "time", "ratio to 1,000", "bar", "met"], core_rows.scale(bench.options, bench.say)))
    idle = core_rows.idle()
    bench.table(page.table(["what", "resident", "bar", "met"],
                           [[f"an idle connection, of {core_rows.IDLE:,}", f"{idle:.0f} bytes", "&le; 512", core_rows.met(idle, 512)]]))


def programs(bench):
    bench.title("Programs under tunny run", "The same measurement natively, over the kernel's loopback, and under `tunny run`, both ends on one stack "
                "(which is one thread); *by shared memory*: programs that know of the stack (`apps/remote/remote.h`), both ends on it.")
    results = measure(core_rows.programs(bench.options), bench.options.repeats, bench.say)
    bench.table(page.table(["", "native", "on the stack", "ratio", "by shared memory", "ratio"], core_rows.program_lines(results, bench.say)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--turns", type=int, default=20000)
    parser.add_argument("--quick", action="store_true", help="a look: one run of each, shorter")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and .svg")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.seconds, options.turns = 1, 0.4, 4000
    options.held = [10000] if options.quick else [10000, 100000]
    options.scale = [1, 1000, 100000] if options.quick else [1, 1000, 100000, 1000000]
    options.file = 1 if options.quick else 4  # GiB
    options.core = 50000 if options.quick else 200000
    options.command = " ".join(["tests/bench/bench.py", *sys.argv[1:]])
    if options.write and options.only:
        parser.error("--write is for all parts")
    return options


def enter_mount_namespace():
    """For the memory file system: once more, where no one else sees our mounts."""
    if os.environ.get("TUNNY_BENCH_MOUNTS") != "private":
        os.environ["TUNNY_BENCH_MOUNTS"] = "private"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("bench: needs root (network namespaces, a TUN)")
    enter_mount_namespace()
    where = page.machine()
    file_rows.prepare()
    bench = Bench(options)
    for part in PARTS:
        if bench.wanted(part):
            try:
                globals()[part](bench)
            except (Skipped, *FAILURES) as reason:
                bench.say(f"skipped: {part}: {reason}")
    if bench.skipped:
        bench.lines += ["## Not measured here", "", *(f"- {reason}" for reason in bench.skipped), ""]
    bench.say("done")
    if options.write:
        page.write(page.head(options, where, time.monotonic() - bench.begun) + bench.lines, page.plot(bench.plotted))


main()
