#!/usr/bin/env python3
"""bench.py - every figure of docs/benchmarks.md as a ratio against a control in the same run.

    bench.py [--repeats N] [--seconds S] [--turns N] [--only WORD] [--write]

Run as root on an otherwise idle machine (`make bench`). Ours and the control take turns, N times; a row says the median of
each with its least and most, and the ratio of the medians. --write puts the table and the plot into docs/."""
import argparse
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("B", "build/release") + "/tests/bench/"


def figures(text):
    """The "R key value unit" lines of a program."""
    return {words[1]: float(words[2]) for words in map(str.split, text.splitlines()) if words[:1] == ["R"]}


def run(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()}")
    return figures(done.stdout)


def in_lab(*words):
    return run(["scripts/lab", "--quiet", BUILD + words[0], *words[1:]])


class Veth:
    """Two namespaces with a veth pair between them, for the kernel against the kernel."""

    def __enter__(self):
        self.names = [f"tunny-bench-{os.getpid()}-{side}" for side in "ab"]
        for name in self.names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        a, b = self.names
        self.ip(a, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", b)
        for name, address in zip(self.names, ("198.18.0.1/24", "198.18.0.2/24")):
            self.ip(name, "addr", "add", address, "dev", "veth0")
            self.ip(name, "link", "set", "veth0", "up")
            self.ip(name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], check=False)

    @staticmethod
    def ip(name, *words):
        subprocess.run(["ip", "-n", name, *words], check=True)

    def inside(self, side, *words):
        return ["ip", "netns", "exec", self.names["ab".index(side)], BUILD + words[0], *words[1:]]

    def pair(self, server, client, measured):
        """Runs both; the figures of the one that measures. The other is ended."""
        programs = [subprocess.Popen(self.inside("b", *server), cwd=ROOT, stdout=subprocess.PIPE, text=True),
                    subprocess.Popen(self.inside("a", *client), cwd=ROOT, stdout=subprocess.PIPE, text=True)]
        try:
            return figures(programs[measured].communicate(timeout=300)[0])
        finally:
            for program in programs:
                program.kill()
                program.wait()


def rows(options, veth):
    """(name, unit of the figure, its key, more is better, ours, control's name, control, bar)"""
    t = ["-t", str(options.seconds)]
    n = ["-n", str(options.turns)]
    kernel_bulk = lambda: veth.pair(["turn", "receives", "198.18.0.2", *t], ["turn", "sends", "198.18.0.2"], 0)
    kernel_turns = lambda what: lambda: veth.pair(["turn", "kernel", "198.18.0.2"],
                                                 ["turn", "client", "198.18.0.2", what, *n], 1)
    sink, source = (lambda *more: lambda: in_lab("floor", "sink", *t, *more)), (lambda *more: lambda: in_lab("floor", "source", *t, *more))
    bulk = lambda *words: lambda: in_lab("bulk", *words, *t)
    yield "bulk receive", "Gbit/s", "rate", True, bulk("recv"), "floor sink", sink(), 0.9
    yield "bulk receive", "Gbit/s", "rate", True, bulk("recv"), "kernel, veth", kernel_bulk, 1.1
    yield "bulk receive, copying", "Gbit/s", "rate", True, bulk("recv", "-c"), "floor sink", sink(), 0.75
    yield "bulk receive, IPv6", "Gbit/s", "rate", True, bulk("recv", "-6"), "floor sink", sink(), 0.9
    yield "bulk receive, 8 flows", "Gbit/s", "rate", True, bulk("recv", "-P", "8"), "floor sink", sink(), 0.9
    yield "bulk receive, no offload", "Gbit/s", "rate", True, bulk("recv", "-o"), "floor sink -o", sink("-o", "-a", "2920"), 0.8
    yield "bulk send", "Gbit/s", "rate", True, bulk("send"), "floor source", source(), 0.9
    yield "bulk send", "Gbit/s", "rate", True, bulk("send"), "kernel, veth", kernel_bulk, 1.2
    yield "bulk send, copying", "Gbit/s", "rate", True, bulk("send", "-c"), "floor source", source(), 0.75
    yield "bulk send, IPv6", "Gbit/s", "rate", True, bulk("send", "-6"), "floor source", source(), 0.9
    yield "bulk send, 8 flows", "Gbit/s", "rate", True, bulk("send", "-P", "8"), "floor source", source(), 0.9
    yield "bulk send, no offload", "Gbit/s", "rate", True, bulk("send", "-o"), "floor source -o", source("-o"), 0.8
    yield "1-byte ping-pong, p50", "us", "p50", False, lambda: in_lab("turn", "ours", "pingpong", *n), "TUN echo", lambda: in_lab("floor", "echo", *n), 1.15
    yield "1-byte ping-pong, busy polling, p50", "us", "p50", False, lambda: in_lab("turn", "ours", "pingpong", "-b", *n), "TUN echo", lambda: in_lab("floor", "echo", *n), 1.15
    yield "1-byte ping-pong, p50", "us", "p50", False, lambda: in_lab("turn", "ours", "pingpong", *n), "kernel, veth", kernel_turns("pingpong"), None
    yield "connections", "/s", "turns", True, lambda: in_lab("turn", "ours", "connections", *n), "kernel, veth", kernel_turns("connections"), 1.0


def spread(values):
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def cpu(measured):
    if "cpu_user" not in measured[0]:
        return "-"
    return " + ".join(f"{statistics.median(m[key] for m in measured):.3f}" for key in ("cpu_user", "cpu_system"))


def measure(options, veth):
    for name, unit, key, more, ours, control_name, control, bar in rows(options, veth):
        if options.only and options.only not in name:
            continue
        pairs = [(ours(), control()) for _ in range(options.repeats)]
        left, right = ([p[i][key] for p in pairs] for i in (0, 1))
        ratio = statistics.median(left) / statistics.median(right)
        met = "" if bar is None else ("yes" if (ratio >= bar if more else ratio <= bar) else "no")
        row = dict(name=name, unit=unit, ours=spread(left), control=f"{control_name}: {spread(right)}", ratio=ratio, bar=bar, more=more,
                   met=met, cpu=cpu([p[0] for p in pairs]), control_cpu=cpu([p[1] for p in pairs]))
        print(f"{name}: {row['ours']} {unit}; {row['control']}; ratio {ratio:.2f} {met}", flush=True)
        yield row


# --- the core alone: instructions, which noise does not touch ---------------------------------------------------------

CORE = [("data segment in, with its ACK", ["in"]), ("data segment out, with half an ACK", ["out"]),
        ("data segment in, pairs swapped", ["swapped"]), ("ACK with one more SACK, 10 holes", ["sack", "10"]),
        ("ACK with one more SACK, 1,000 holes", ["sack", "1000"]), ("data segment in, of 1,000 connections", ["connections", "1000"])]


def instructions(words, n):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", BUILD + "core", words[0], str(n), *words[1:]]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    return next(int(line.split()[-1]) for line in text.splitlines() if "Collected" in line)


def core(options):
    for name, words in CORE:
        n = 20000
        count = "-"
        if shutil.which("valgrind"):
            count = f"{(instructions(words, 2 * n) - instructions(words, n)) / n:.0f}"
        times = [run([BUILD + "core", words[0], "200000", *words[1:]])[words[0]] for _ in range(options.repeats)]
        print(f"core, {name}: {count} instructions, {spread(times)} ns", flush=True)
        yield name, count, spread(times)
    idle = run([BUILD + "core", "idle", "10000"])["idle"]
    yield "an idle connection: bytes resident", "-", f"{idle:.0f} bytes"
    for connections in (1000, 100000):
        took = run([BUILD + "core", "connections", "400000", str(connections)])["connections"]
        yield f"a data segment among {connections:,} connections", "-", f"{took:.0f} ns"


# --- the page -----------------------------------------------------------------------------------------------------------

def plot(table):
    """A bar for each ratio, and a mark where its bar stands."""
    height = 26 * len(table) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" font-family="sans-serif" font-size="13">',
           "<style>text{fill:#333}.b{fill:#3b76b5}.m{stroke:#c33;stroke-width:2}.o{stroke:#888;stroke-dasharray:3}"
           "@media(prefers-color-scheme:dark){text{fill:#ccc}.b{fill:#6aa3dd}}</style>"]
    for i, row in enumerate(table):
        y, width = 26 * i + 10, min(row["ratio"], 2.5) * 180
        out.append(f'<text x="330" y="{y + 14}" text-anchor="end">{row["name"]} / {row["control"].split(":")[0]}</text>')
        out.append(f'<rect class="b" x="340" y="{y}" width="{width:.0f}" height="18"/><text x="{346 + width:.0f}" y="{y + 14}">{row["ratio"]:.2f}</text>')
        if row["bar"]:
            x = 340 + row["bar"] * 180
            out.append(f'<line class="m" x1="{x:.0f}" x2="{x:.0f}" y1="{y - 3}" y2="{y + 21}"/>')
    out.append(f'<line class="o" x1="520" x2="520" y1="0" y2="{height - 24}"/><text x="520" y="{height - 8}" text-anchor="middle">1.0</text></svg>')
    return "\n".join(out) + "\n"


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} CPUs, {model}; Linux {platform.release()}; load before the run {os.getloadavg()[0]:.2f}"


def write(options, table, cores, where):
    essay = os.path.join(ROOT, "tests/bench/essay.md")
    lines = ["# Benchmarks", "", "Written by `make bench`; every figure is the median of "
             f"{options.repeats} runs (least to most), ours and its control by turns.", "", f"- {where}",
             f"- `tests/bench/bench.py --repeats {options.repeats} --seconds {options.seconds:g} --turns {options.turns} --write`, "
             f"{datetime.date.today()}",
             "- *floor*: the least that the kernel's TCP on the other side of the TUN puts up with (`tests/bench/floor.c`): what no stack can beat "
             "by much. *kernel, veth*: the kernel's TCP against itself across a veth pair with its offloads. Both sides are pinned: ours and the "
             "control's counterpart to CPU 0, the kernel's end to CPU 1.", "", "![ratios](benchmarks.svg)", "",
             "| what | ours | control | ratio | bar | met | ours CPU s/GB, user + system | control CPU s/GB |", "|---|---|---|---|---|---|---|---|"]
    for row in table:
        bar = "-" if row["bar"] is None else ("&ge; " if row["more"] else "&le; ") + f"{row['bar']:g}"
        lines.append(f"| {row['name']} | {row['ours']} {row['unit']} | {row['control']} {row['unit']} | **{row['ratio']:.2f}** | {bar} | {row['met']} | {row['cpu']} | {row['control_cpu']} |")
    lines += ["", "## The core alone", "", "Packets of 1500 bytes handed over in memory, checksums made and verified in software, sockets included; "
              "instructions by callgrind (the difference of two runs).", "", "| what | instructions | time |", "|---|---|---|"]
    lines += [f"| {name} | {count} | {took}{'' if 'bytes' in took or 'ns' in took else ' ns'} |" for name, count, took in cores]
    lines += ["", open(essay, encoding="utf-8").read() if os.path.exists(essay) else ""]
    open(os.path.join(ROOT, "docs/benchmarks.md"), "w", encoding="utf-8").write("\n".join(lines).rstrip() + "\n")
    open(os.path.join(ROOT, "docs/benchmarks.svg"), "w", encoding="utf-8").write(plot(table))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--turns", type=int, default=20000)
    parser.add_argument("--only", help="rows whose name contains this")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and .svg")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: needs root (network namespaces, a TUN)")
    where = machine()
    with Veth() as veth:
        table = list(measure(options, veth))
    cores = [] if options.only else list(core(options))
    if options.write:
        write(options, table, cores, where)


main()
