"""harness.py - running what is measured: in the lab (our stack on a TUN to the kernel), between two network namespaces (the kernel
alone, across a veth pair or across two TUNs and a copier), by turns; and what a row of figures is."""
import contextlib
import dataclasses
import os
import statistics
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("B", "build/release"))
PROGRAMS = BUILD + "/tests/bench/"
SKIPPED = 3  # exit status of a program that said why ("S ...")
TICK = os.sysconf("SC_CLK_TCK")


class Skipped(Exception):
    """Something cannot be measured here; the reason."""


FAILURES = (RuntimeError, subprocess.SubprocessError, OSError)  # of one program: the others are measured all the same, and it is said


def figures(text):
    """The "R key value unit" lines of a program."""
    return {words[1]: float(words[2]) for words in map(str.split, text.splitlines()) if words[:1] == ["R"]}


def run(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    if done.returncode == SKIPPED:
        raise Skipped(next(line[2:] for line in done.stdout.splitlines() if line.startswith("S ")))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}: {last}".replace(ROOT + "/", ""))
    return figures(done.stdout)


# --- places -------------------------------------------------------------------------------------------------------------

def lab(*words, mtu=None):
    """A command in the lab, as words; `mtu`: of its TUN."""
    if mtu is None:
        return ["scripts/lab", "--quiet", *words]
    return ["scripts/lab", "--quiet", "sh", "-c", f'ip link set tunny0 mtu {mtu} && exec "$@"', "sh", *words]


def in_lab(program, *words, mtu=None):
    return run(lab(PROGRAMS + program, *words, mtu=mtu))


def cpus(process):
    """Seconds of user and system that a process has used."""
    with open(f"/proc/{process}/stat", encoding="ascii") as f:
        words = f.read().rpartition(")")[2].split()
    return int(words[11]) / TICK, int(words[12]) / TICK


@contextlib.contextmanager
def background(command, ready=None):
    """A program that runs meanwhile; once it has said a line that begins with `ready`, where that is given. A signal ends it."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
        try:
            said = []
            while ready and not (said and said[-1].startswith(ready)):
                said.append(p.stdout.readline())
                if not said[-1]:
                    raise RuntimeError(f"{' '.join(command)}: {''.join(said)}")
            yield p
        finally:
            p.terminate()
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()


def inside(namespace, *words):
    """A command in the network namespace of a process."""
    return ["nsenter", "-t", str(namespace), "-n", *words]


@contextlib.contextmanager
def open_lab():
    """The lab, for several programs: the process whose network namespace it is."""
    with background(lab("sh", "-c", "echo up; exec sleep 1000"), "up") as keeper:
        yield keeper.pid


class Pair:
    """Two nameless network namespaces for the kernel against itself, gone with this program whatever ends it: .a has 198.18.0.1 and
    fd00:7475:6e::1, .b has ::2. Between them a veth pair; or two TUNs and a copier, as the least cable in user space."""

    def __init__(self, over="veth"):
        self.over = over
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            keep = ["unshare", "--net", "setpriv", "--pdeathsig", "KILL", "sh", "-c", "ip link set lo up; echo up; exec sleep 1000"]
            self.a, self.b = (str(stack.enter_context(background(keep, "up")).pid) for _ in "ab")
            if self.over == "veth":
                self.ip(self.a, "link", "add", "tun0", "type", "veth", "peer", "name", "tun0", "netns", self.b)
            else:
                stack.enter_context(background(["taskset", "-c", "0", PROGRAMS + "forward", "-o", self.a, self.b], "ready"))
            for i, side in enumerate((self.a, self.b), 1):
                self.ip(side, "addr", "add", f"198.18.0.{i}/24", "dev", "tun0")
                self.ip(side, "addr", "add", f"fd00:7475:6e::{i}/64", "dev", "tun0", "nodad")
                self.ip(side, "link", "set", "tun0", "txqueuelen", "2000", "up")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    @staticmethod
    def ip(side, *words):
        subprocess.run(inside(side, "ip", *words), check=True)


def kernel(what, *words, over="veth"):
    """The kernel against itself: ours is .b, where the kernel's program is; its peer is in .a."""
    with Pair(over) as pair:
        return run(inside(pair.b, PROGRAMS + "kernel", what, pair.a, *words))


# --- figures ------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Figure:
    unit: str
    more_is_better: bool


FIGURES = {"rate": Figure("Gbit/s", True), "p50": Figure("us", False), "turns": Figure("/s", True), "memory": Figure("bytes", False),
           "opened": Figure("/s", True), "time": Figure("ns", False), "p99": Figure("us", False), "p999": Figure("us", False)}


class Results(dict):
    """The figures of each case (a name), one dictionary a round; or why there are none."""

    def values(self, case, key):  # pylint: disable=arguments-differ
        return [m[key] for m in self[case]]

    def median(self, case, key):
        return statistics.median(self.values(case, key))

    def is_there(self, *cases):
        return not any(isinstance(self[case], Skipped) for case in cases)

    def spread(self, case, key):
        return spread(self.values(case, key)) + " " + FIGURES[key].unit

    def cpu(self, case):
        """Our side's seconds a GB, user + system, and the other side's."""
        if "cpu_user" not in self[case][0]:
            return "-"
        return "; ".join(" + ".join(f"{self.median(case, side + kind):.3f}" for kind in ("user", "system")) for side in ("cpu_", "peer_"))


def number(value):
    return f"{value:.4g}" if abs(value) < 10000 else f"{value:,.0f}"


def spread(values):
    return f"{number(statistics.median(values))} ({number(min(values))} to {number(max(values))})"


def measure(cases, rounds, say):
    """Each case once a round, one after the other, so that what disturbs the machine disturbs all of them."""
    results = Results({name: [] for name in cases})
    for i in range(rounds):
        for name, case in cases.items():
            if isinstance(results[name], Skipped):
                continue
            try:
                results[name].append(case())
            except Skipped as reason:
                results[name] = reason
                say(f"skipped: {name}: {reason}")
            except FAILURES as reason:
                say(f"skipped: {name}, in round {i + 1}, failed: {reason}")
        say(f"round {i + 1} of {rounds}")
    for name in cases:
        results[name] = results[name] or Skipped("failed each time")
    return results


@dataclasses.dataclass
class Row:
    """A ratio of two cases: ours to the control."""
    name: str
    ours: str
    control: str
    bar: float | None = None
    key: str = "rate"

    def ratio(self, results):
        return results.median(self.ours, self.key) / results.median(self.control, self.key)

    def met(self, results):
        if self.bar is None:
            return ""
        ratio = self.ratio(results)
        return "yes" if (ratio >= self.bar if FIGURES[self.key].more_is_better else ratio <= self.bar) else "no"

    def bar_text(self):
        return "-" if self.bar is None else ("&ge; " if FIGURES[self.key].more_is_better else "&le; ") + f"{self.bar:g}"
