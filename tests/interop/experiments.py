#!/usr/bin/env python3
"""`tunny lab` over small grids: real namespaces, TUNs and links, the kernel's TCP and ours. Prints TAP. Run by tests/interop/run
inside the lab."""
import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import interop
from interop import Skip

TUNNY = f"{interop.BUILD}/tunny"
TWO_BY_TWO = "loss 0 2%\nrtt 4ms\nrate 20mbit\nsize 200K\nrepeats 1\ndirection up down\nstack kernel tunny\n"


def lab(*args, status=0, timeout=120):
    r = subprocess.run([TUNNY, "lab", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True, check=False)
    assert r.returncode == status, f"status {r.returncode} instead of {status}: {r.stdout[-300:]} {r.stderr[-2000:]}"
    return r.stdout, r.stderr


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def rows_of(folder):
    with open(f"{folder}/runs.csv", encoding="ascii", newline="") as f:
        return list(csv.DictReader(f))


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def small_grid_and_its_reports():
    with tempfile.TemporaryDirectory() as d:
        lab("-o", f"{d}/out", write(f"{d}/x.lab", TWO_BY_TWO))
        rows = rows_of(f"{d}/out")
        assert len(rows) == 8 and all(r["outcome"] == "done" for r in rows), rows
        for r in rows:
            assert 0.08 < float(r["seconds"]) < 30, r
            assert float(r["rtt_min_ms"]) >= 4, r
            assert r["link_lost"] != "" and r["rtos"] != "", r
            assert r["loss"] == "0" or int(r["retransmits"]) > 0, r
        page = text_of(f"{d}/out/index.html")
        assert page.count("<svg") == 2 and page.count("<polyline") == 4, page.count("<svg")
        assert not re.search(r"https?:|<script|<link|@import|url\(", page)
        assert "4 cells compared" in text_of(f"{d}/out/tables.md")


def what_is_done_is_not_run_again():
    with tempfile.TemporaryDirectory() as d:
        experiment = write(f"{d}/x.lab", TWO_BY_TWO.replace("direction up down", "direction up"))
        lab("-o", f"{d}/out", "-j", "2", experiment)
        before = text_of(f"{d}/out/runs.csv").splitlines(keepends=True)
        # A row is missing and another is half written, as after a power cut.
        write(f"{d}/out/runs.csv", "".join(before[:3]) + before[3][:20])
        _, err = lab("-o", f"{d}/out", experiment)
        after = text_of(f"{d}/out/runs.csv").splitlines(keepends=True)
        assert after[:3] == before[:3] and len(after) == 5, after
        assert "[1/2]" in err and "[2/2]" in err and "[3/" not in err, err
        assert "[1/" not in lab("-o", f"{d}/out", experiment)[1]


def several_flows_and_our_own_peer():
    with tempfile.TemporaryDirectory() as d:
        text = "[fair]\ntime 2s\nskip 500ms\nstack kernel+kernel tunny+kernel\ndirection up\nrtt 10ms\nrepeats 1\n" \
               "[own]\npeer tunny\nstack tunny\nrequests 5\nsize 10K\ndirection up down\nrepeats 1\ncc reno bbr\n"
        lab("-o", f"{d}/out", write(f"{d}/x.lab", text))
        rows = rows_of(f"{d}/out")
        assert all(r["outcome"] == "done" for r in rows) and len(rows) == 6, rows
        for r in rows[:2]:
            assert 5 < float(r["goodput_mbit"]) < 10.1 and 0.5 <= float(r["jain"]) <= 1, r
        for r in rows[2:]:
            assert 0.03 < float(r["response_p50_ms"]) / 1e3 < 1, r
            assert float(r["response_p50_ms"]) <= float(r["response_p99_ms"]), r


def parent_of(pid):
    try:
        return int(text_of(f"/proc/{pid}/stat").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def children_of(pid):
    parents = {int(p): parent_of(p) for p in os.listdir("/proc") if p.isdigit()}
    found, more = set(), {pid}
    while more:
        more = {c for c, p in parents.items() if p in more} - found
        found |= more
    return found


def gone(pids):
    return not any(os.path.exists(f"/proc/{p}") for p in pids)


def interrupted_it_keeps_what_is_done():
    with tempfile.TemporaryDirectory() as d:
        text = "loss 1%\nrtt 10ms\nsize 100K\nrepeats 100\nstack kernel tunny\n"
        with subprocess.Popen([TUNNY, "lab", "-o", f"{d}/out", write(f"{d}/x.lab", text)], stderr=subprocess.PIPE, text=True) as p:
            for _ in range(3):
                assert p.stderr.readline().startswith("["), "it ended early"
            children = children_of(p.pid)
            p.send_signal(signal.SIGINT)
            _, err = p.communicate(timeout=30)
        assert p.returncode == 130, f"{p.returncode}: {err}"
        rows = rows_of(f"{d}/out")
        assert 3 <= len(rows) < 200 and all(r["outcome"] == "done" for r in rows), rows
        assert "<svg" in text_of(f"{d}/out/index.html")
        until = time.monotonic() + 10
        while not gone(children):
            assert time.monotonic() < until, f"left: {children}"
            time.sleep(0.01)


def killed_it_leaves_no_process():
    with tempfile.TemporaryDirectory() as d:
        text = "rtt 200ms\nrate 1mbit\nsize 10M\nstack tunny\n"
        with subprocess.Popen([TUNNY, "lab", "-o", f"{d}/out", write(f"{d}/x.lab", text)], stderr=subprocess.DEVNULL) as p:
            until = time.monotonic() + 30
            while len(children_of(p.pid)) < 4:  # the worker, both ends, the link
                assert time.monotonic() < until, "it did not start"
                time.sleep(0.01)
            children = children_of(p.pid)
            p.kill()
        while not gone(children):
            assert time.monotonic() < until, f"left: {children}"
            time.sleep(0.01)


def too_long_is_said():
    with tempfile.TemporaryDirectory() as d:
        text = "rtt 10ms\nrate 1mbit\nsize 10M\nstack tunny\nrepeats 1\ntimeout 1s\n"
        lab("-o", f"{d}/out", write(f"{d}/x.lab", text))
        (row,) = rows_of(f"{d}/out")
        assert row["outcome"] == "timeout" and row["seconds"] == "1" and row["goodput_mbit"] == "", row


def plans_and_usage():
    with tempfile.TemporaryDirectory() as d:
        assert "recovery" in lab("--list")[0]
        quick = lab("--print", "quick")[0]
        plan = lab("--plan", write(f"{d}/q.lab", quick))[0]
        assert plan == lab("--plan", "quick")[0] and plan.count("loss") > 18
        assert "expected a percentage" in lab("--plan", write(f"{d}/x.lab", "loss 5\n"), status=2)[1]
        for wrong in ([], ["nonsense"], ["-j", "0", "quick"], ["--for", "x", "quick"], ["--section", "x", "quick"], ["--speed", "quick"]):
            lab(*wrong, status=2)
        os.mkdir(f"{d}/out")
        write(f"{d}/out/runs.csv", "something,else\n1,2\n")
        assert "is no CSV of this program" in lab("-o", f"{d}/out", "quick", status=2)[1]
        assert text_of(f"{d}/out/runs.csv") == "something,else\n1,2\n"


def in_the_simulator():
    """No namespace, no device, no waiting: the same rows every time, of our own stack only."""
    with tempfile.TemporaryDirectory() as d:
        experiment = write(f"{d}/x.lab", TWO_BY_TWO.replace("repeats 1", "repeats 2") + "requests 3\n")
        for out in "ab":
            lab("--sim", "-j", "2", "-o", f"{d}/{out}", experiment)
        rows = rows_of(f"{d}/a")
        assert len(rows) == 8 and all(r["outcome"] == "done" and r["stack"] == "tunny" for r in rows), rows
        assert all(float(r["response_p50_ms"]) > 80 for r in rows), rows
        assert any(int(r["retransmits"]) > 0 for r in rows if r["loss"] == "2%"), rows
        assert sorted(text_of(f"{d}/a/runs.csv").splitlines()) == sorted(text_of(f"{d}/b/runs.csv").splitlines())
        timed = write(f"{d}/t.lab", "loss 0\nrtt 20ms\nrate 10mbit\ntime 10s\nskip 2s\nstack tunny+tunny\n")
        lab("--sim", "-o", f"{d}/t", timed)
        assert 8 < float(rows_of(f"{d}/t")[0]["goodput_mbit"]) < 10, rows_of(f"{d}/t")


def with_tun(test):
    def wrapped():
        if not os.environ.get("LAB_DEVICE", "").startswith("tun:"):
            raise Skip("/dev/net/tun cannot be opened here")
        test()
    wrapped.__name__ = test.__name__
    return wrapped


def main():
    tests = [with_tun(t) for t in (small_grid_and_its_reports, what_is_done_is_not_run_again, several_flows_and_our_own_peer,
                                   interrupted_it_keeps_what_is_done, killed_it_leaves_no_process, too_long_is_said)]
    return interop.run_all((f"lab {t.__name__}", t) for t in (*tests, in_the_simulator, plans_and_usage))


if __name__ == "__main__":
    sys.exit(main())
