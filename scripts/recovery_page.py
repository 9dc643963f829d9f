#!/usr/bin/env python3
"""recovery_page.py DIR [NOTE.md] - docs/recovery.md and docs/recovery.svg from what `tunny lab` left in DIR; used by recovery-page. The
tables are the lab's own; above them stand a summary by algorithm, the cells that miss the bar, and the words of docs/recovery-notes.md."""
import csv
import math
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCS = os.path.join(ROOT, "docs")
PATH = ("loss", "rtt", "rate", "queue", "reorder", "jitter", "duplicate", "fault", "size", "cc", "direction")
USUAL = {"0", "none", "bdp", "20M"}
BAR = 1.20
LOW, HIGH = 0.05, 4.0
WIDTH, ROW, LEFT = 900, 26, 250


def cells(rows):
    """Pairs of rows, ours and the kernel's, of the sections that compare two stacks."""
    kernel = {(r["section"], *(r[k] for k in PATH)): r for r in rows if r["stack"] == "kernel"}
    return [(r, kernel[key]) for r in rows if r["stack"] == "tunny" and (key := (r["section"], *(r[k] for k in PATH))) in kernel and r["ratio"]]


def place(value):
    share = (math.log(min(max(value, LOW), HIGH)) - math.log(LOW)) / (math.log(HIGH) - math.log(LOW))
    return LEFT + share * (WIDTH - LEFT - 20)


def groups(pairs):
    out = {}
    for ours, _ in pairs:
        out.setdefault((ours["cc"], ours["section"], ours["direction"]), []).append(float(ours["ratio"]))
    return sorted(out.items())


def figure(pairs):
    """A row for each algorithm, section and direction, a dot for each cell, along a logarithmic axis of ratios."""
    rows = groups(pairs)
    height = ROW * len(rows) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
           "<style>text{fill:#333}.d{fill:#3b76b5;fill-opacity:.6}.x{fill:#d9822b}.o{stroke:#888;stroke-dasharray:3}.m{stroke:#c33}"
           "@media(prefers-color-scheme:dark){text{fill:#ccc}.d{fill:#6aa3dd}}</style>"]
    for i, ((cc, section, direction), ratios) in enumerate(rows):
        y = ROW * i + 20
        out.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{cc}, {section}, {direction}</text>')
        out += [f'<circle class="{"x" if r > BAR else "d"}" cx="{place(r):.1f}" cy="{y}" r="5"/>' for r in ratios]
    for value, name in ((1, "o"), (BAR, "m")):
        out.append(f'<line class="{name}" x1="{place(value):.1f}" x2="{place(value):.1f}" y1="6" y2="{height - 26}"/>')
    out += [f'<text x="{place(v):.1f}" y="{height - 8}" text-anchor="middle">{v}</text>' for v in (0.1, 0.25, 0.5, 1, 2, 4)]
    return "\n".join(out) + "\n</svg>\n"


def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def median(row, metric):
    return float(row[metric] or 0)


def name_of(row):
    return ", ".join([row["section"], *(row[k] for k in PATH if row[k] not in USUAL)])


def summary(pairs):
    out = ["| algorithm | cells | geometric mean | above 1.20 | more sent again for nothing | an RTO where the kernel has none |",
           "|---|---|---|---|---|---|"]
    for cc in ("cubic", "bbr"):
        of = [(o, k) for o, k in pairs if o["cc"] == cc]
        ratios = [float(o["ratio"]) for o, _ in of]
        spurious = sum(median(o, "spurious") > median(k, "spurious") for o, k in of)
        timeouts = sum(median(o, "rtos") > 0 and median(k, "rtos") == 0 for o, k in of)
        out.append(f"| {cc} | {len(of)} | {mean(ratios):.2f} | {sum(r > BAR for r in ratios)} | {spurious} | {timeouts} |")
    return out


def misses(pairs):
    """Every cell that misses the bar, in one of its three ways."""
    out = ["| cell | ratio | sent again for nothing, kernel / ours | RTOs, kernel / ours |", "|---|---|---|---|"]
    for ours, kernel in sorted(pairs, key=lambda p: -float(p[0]["ratio"])):
        spurious = median(kernel, "spurious"), median(ours, "spurious")
        timeouts = median(kernel, "rtos"), median(ours, "rtos")
        if float(ours["ratio"]) > BAR or spurious[1] > spurious[0] or timeouts[0] == 0 < timeouts[1]:
            out.append(f"| {name_of(ours)} | {float(ours['ratio']):.2f} | {spurious[0]:g} / {spurious[1]:g} | {timeouts[0]:g} / {timeouts[1]:g} |")
    return out if len(out) > 2 else []


def read(name, otherwise=None):
    path = os.path.join(DOCS, name)
    if otherwise is not None and not os.path.exists(path):
        return otherwise
    with open(path, encoding="utf-8") as f:
        return f.read()


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "summary.csv"), encoding="utf-8") as f:
        pairs = cells(list(csv.DictReader(f)))
    with open(os.path.join(folder, "tables.md"), encoding="utf-8") as f:
        title, made, _, tables = f.read().split("\n\n", 3)
    notes = read("recovery-notes.md", "").strip()
    short = misses(pairs)
    page = [title, made, notes, "![ratios](recovery.svg)", "\n".join(summary(pairs))]
    if short:
        page += ["## Cells that miss the bar", "\n".join(short)]
    page.append(tables)
    with open(os.path.join(DOCS, "recovery.md"), "w", encoding="utf-8") as f:
        f.write("\n\n".join(p for p in page if p).rstrip() + "\n")
    with open(os.path.join(DOCS, "recovery.svg"), "w", encoding="utf-8") as f:
        f.write(figure(pairs))


if __name__ == "__main__":
    main()
