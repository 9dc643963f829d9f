"""page.py - docs/benchmarks.md and its plot out of what was measured."""
import datetime
import os
import platform

from harness import FIGURES, ROOT, spread

WIDTH, ROW, LEFT, SCALE, MOST = 960, 24, 440, 190, 2.4  # of the plot, in its units; MOST: ratios beyond are cut


def table(heads, lines):
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(line) + " |" for line in lines), ""]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} CPUs, {model}; Linux {platform.release()}; load before the run {os.getloadavg()[0]:.2f}"


# --- tables ---------------------------------------------------------------------------------------------------------------

def ratio_table(rows, results, with_cost):
    """What could be measured."""
    lines = []
    for row in rows:
        if not results.is_there(row.ours, row.control):
            continue
        line = [row.name, results.spread(row.ours, row.key), f"{row.control}: {results.spread(row.control, row.key)}",
                f"**{row.ratio(results):.2f}**", row.bar_text(), row.met(results)]
        lines.append(line + ([results.cpu(row.ours), results.cpu(row.control)] if with_cost else []))
    cost = ["CPU s/GB", "control's CPU s/GB"] if with_cost else []
    return table(["what", "ours", "control", "ratio", "bar", "met", *cost], lines)


def latency_table(results):
    keys = ("p50", "p99", "p999", "turns")
    return table(["case", "p50, us", "p99, us", "p99.9, us", "per second"],
                 [[case, *(spread(results.values(case, key)) for key in keys)] for case in results if results.is_there(case)])


def memory_table(results):
    return table(["case", "memory of each", "opened per second"],
                 [[case, results.spread(case, "memory"), results.spread(case, "opened")] for case in results if results.is_there(case)])


def ladder_tables(ladder, results, variants):
    """Rates, each with its ratio to the floor on the same rung; and what they cost."""
    rates, costs = [], []
    for way, rung, cases in ladder:
        if not results.is_there(*cases.values()):
            continue
        begin = [{"recv": "receive", "send": "send"}[way], rung]
        floor = results.median(cases["floor"], "rate")
        rates.append([*begin, spread(results.values(cases["floor"], "rate")),
                      *(f"{spread(results.values(cases[v], 'rate'))} **{results.median(cases[v], 'rate') / floor:.2f}**" for v in variants)])
        costs.append([*begin, *(results.cpu(cases[v]) for v in ("floor", *variants))])
    names = [variant or "IPv4, one flow" for variant in variants]
    return table(["", "packets", "floor, Gbit/s", *names], rates) + table(["CPU s/GB", "packets", "floor", *names], costs)


# --- the plot -------------------------------------------------------------------------------------------------------------

def plot(measured):
    """A bar for each ratio, a mark where it is to be. `measured`: pairs of rows and results."""
    rows = [(row, results) for part, results in measured for row in part if results.is_there(row.ours, row.control)]
    height = ROW * len(rows) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
           "<style>text{fill:#333}.b{fill:#8a97a6}.yes{fill:#3b76b5}.no{fill:#d08a3a}.m{stroke:#c33;stroke-width:2}"
           ".o{stroke:#888;stroke-dasharray:3}@media(prefers-color-scheme:dark){text{fill:#ccc}.yes{fill:#6aa3dd}}</style>"]
    for i, (row, results) in enumerate(rows):
        y, ratio = ROW * i + 6, row.ratio(results)
        width = min(ratio, MOST) * SCALE
        sign = "" if FIGURES[row.key].more_is_better else " (less is better)"
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{row.name} / {row.control}{sign}</text>')
        out.append(f'<rect class="b {row.met(results)}" x="{LEFT}" y="{y}" width="{width:.0f}" height="17"/>')
        out.append(f'<text x="{LEFT + 6 + width:.0f}" y="{y + 13}">{ratio:.2f}</text>')
        if row.bar is not None:
            x = LEFT + row.bar * SCALE
            out.append(f'<line class="m" x1="{x:.0f}" x2="{x:.0f}" y1="{y - 3}" y2="{y + 20}"/>')
    one = LEFT + SCALE
    out.append(f'<line class="o" x1="{one}" x2="{one}" y1="0" y2="{height - 24}"/>'
               f'<text x="{one}" y="{height - 8}" text-anchor="middle">1.0</text></svg>')
    return "\n".join(out) + "\n"


# --- the page -------------------------------------------------------------------------------------------------------------

def head(options, where, took):
    return ["# Benchmarks", "",
            f"Written by `make bench`. Every figure is the median of {options.repeats} runs (least to most); ours and its controls take turns.", "",
            f"- {where}", f"- `{options.command}`, {datetime.date.today()}, {took / 60:.0f} minutes",
            "- *floor*: the least that the kernel's TCP on the other side of the TUN puts up with (`tests/bench/floor.c`: *sink*, *source*, "
            "*TUN answer*; *TUN echo (UDP)* does no TCP): what no stack can beat by much. *veth*: the kernel's TCP against itself across a veth pair with its offloads. *two "
            "TUNs*: the same across two TUNs and a copier.",
            "- The measured side is pinned to CPU 0, the kernel's end to CPU 1. *CPU s/GB*: user + system of the measured side; of its peer.",
            "- Blue: the bar is met; orange: it is not; grey: there is none.", "", "![ratios](benchmarks.svg)", ""]


def write(lines, svg):
    with open(os.path.join(ROOT, "tests/bench/essay.md"), encoding="utf-8") as f:
        essay = f.read()
    with open(os.path.join(ROOT, "docs/benchmarks.md"), "w", encoding="utf-8") as f:
        f.write("\n".join([*lines, essay]).rstrip() + "\n")
    with open(os.path.join(ROOT, "docs/benchmarks.svg"), "w", encoding="utf-8") as f:
        f.write(svg)
