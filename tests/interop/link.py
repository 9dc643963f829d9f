#!/usr/bin/env python3
"""`tunny link` between the kernel and itself: two or more network namespaces, joined by our cable. Prints TAP. Run by
tests/interop/run inside the lab.

    namespace A: kernel  198.18.0.1  --- tun0 === tunny link === tun0 ---  198.18.0.2  kernel: namespace B"""
import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import interop

TUNNY = f"{interop.BUILD}/tunny"
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace that lives as long as this object does."""

    def __init__(self):
        self.p = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo up; exec sleep 600"], stdout=subprocess.PIPE)
        assert self.p.stdout.readline() == b"up\n"
        self.name = str(self.p.pid)

    def run(self, *command, check=True):
        return subprocess.run(["nsenter", "-t", self.name, "-n", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=check).stdout

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in there; sockets made meanwhile belong there."""
        with open("/proc/thread-self/ns/net", "rb") as here, open(f"/proc/{self.name}/ns/net", "rb") as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert libc.setns(here.fileno(), CLONE_NEWNET) == 0

    def socket(self, family=socket.AF_INET):
        with self.inside():
            s = socket.socket(family)
        s.settimeout(60)
        return s

    def end(self):
        self.p.kill()
        self.p.wait()


class Link:
    running = []  # what a test that failed leaves to be ended

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="tunny-link-")
        self.control = f"{self.folder}/control"
        self.p = subprocess.Popen([TUNNY, "link", "--json", "--control", self.control, *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.running.append(self)
        self.said = []
        for line in self.p.stderr:
            self.said.append(line)
            if line == "ready\n":
                break
        assert self.said and self.said[-1] == "ready\n", self.said

    def ctl(self, *words, status=0):
        r = subprocess.run([TUNNY, "link", "ctl", self.control, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           check=False)
        assert r.returncode == status, (words, r.returncode, r.stdout, r.stderr)
        return r.stdout + r.stderr

    def end(self, number=signal.SIGINT, status=0):
        """The summary."""
        if number:
            self.p.send_signal(number)
        out, err = self.p.communicate(timeout=30)
        self.running.remove(self)
        shutil.rmtree(self.folder)
        assert self.p.returncode == status, (self.p.returncode, out, err)
        return json.loads(out), err


@contextlib.contextmanager
def hosts(count):
    made = [Namespace() for _ in range(count)]
    try:
        yield made
    finally:
        for n in made:
            n.end()
        while Link.running:
            Link.running.pop().p.kill()


IPV6 = os.path.exists("/proc/net/if_inet6")


def needs_tun():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise interop.Skip("/dev/net/tun cannot be opened")


def ends(made):
    needs_tun()
    return [f"{n.name}/tun0=198.18.0.{i}/24" + (f",fd00:7475:6e::{i}/64" if IPV6 else "") for i, n in enumerate(made, 1)]


def transfer(sender, receiver, address, size, family=socket.AF_INET, port=5000):
    """Kernel to kernel, each byte compared. Seconds."""
    data = os.urandom(size)
    listener = receiver.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(1)
    s = sender.socket(family)
    start = time.monotonic()
    s.connect((address, port))
    c, _ = listener.accept()
    c.settimeout(60)
    t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
    t.start()
    got = interop.read_all(c)
    took = time.monotonic() - start
    t.join()
    for x in (s, c, listener):
        x.close()
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), f"{len(got)} of {size} bytes"
    return took


def tcp_through_loss(*options):
    with hosts(2) as (a, b):
        link = Link(*ends((a, b)), "--forward", "loss 1% delay 20ms", "--backward", "loss 1% delay 20ms", "--seed", "7", *options)
        transfer(a, b, "198.18.0.2", 2 << 20)
        transfer(b, a, *(("fd00:7475:6e::1", 1 << 20, socket.AF_INET6) if IPV6 else ("198.18.0.1", 1 << 20)))
        summary, _ = link.end()
        forward = summary["forward"]
        # 2 MB are 1450 packets and more: 1 % of them, give or take.
        assert forward["packets"] > 1400 and 3 <= forward["lost"] <= 60, forward
        assert forward["unsent"] == 0 and summary["backward"]["lost"] > 0, summary
        assert "seed" in forward["impair"] and summary["seed"] == 7, summary


def may_realtime():
    return subprocess.run(["chrt", "--rr", "1", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def echo_times(a, count):
    out = a.run("ping", "-c", str(count), "-i", "0.05", "198.18.0.2")
    times = [float(x) for x in re.findall(r"time=([\d.]+)", out)]
    assert len(times) == count, out
    return times


def delays_are_exact():
    """The two delays add up to the round trip; half of all echoes are less than half a millisecond late, where a busy machine
    cannot keep the link waiting. How long this machine takes to wake the link and ping at all is measured without delay."""
    with hosts(2) as (a, b):
        realtime = ["--realtime"] if may_realtime() else []
        link = Link(*ends((a, b)), *realtime)
        at_once = statistics.median(echo_times(a, 20))
        link.end(signal.SIGTERM)
    with hosts(2) as (a, b):
        link = Link(*ends((a, b)), *realtime, "--forward", "delay 12ms", "--backward", "delay 8ms")
        times = echo_times(a, 40)
        slow = "User Mode Linux" in open("/proc/cpuinfo", encoding="ascii").read()  # 50 us a system call
        most = 20.5 + 2 * at_once if realtime and not slow else 24  # two timers wake the link besides
        assert min(times) >= 20 and statistics.median(times) < most, (at_once, sorted(times))
        summary, _ = link.end(signal.SIGTERM)
        assert summary["forward"]["delayed"] >= 40, summary


def offload_passes_super_segments():
    with hosts(2) as (a, b):
        link = Link(*ends((a, b)), "--offload")
        transfer(a, b, "198.18.0.2", 64 << 20)
        summary, _ = link.end()
        near = summary["ends"][0]
        assert summary["forward"]["packets"] > 5 * near["received"], summary


def offload_is_cut_for_faults():
    """Every wire packet has its own fate, however the kernel hands them over."""
    with hosts(2) as (a, b):
        link = Link(*ends((a, b)), "--offload", "--forward", "loss 2% delay 1ms", "--seed", "11")
        transfer(a, b, "198.18.0.2", 8 << 20)
        summary, _ = link.end()
        forward = summary["forward"]
        assert 0.01 < forward["lost"] / forward["packets"] < 0.03 and forward["packets"] > 5500, forward


def veth(n, middle, i):
    """v0 in the namespace, its other end in the one in the middle."""
    n.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", f"v{i}", "netns", middle.name)
    n.run("ip", "addr", "add", f"198.18.0.{i}/24", "dev", "v0")
    n.run("ip", "link", "set", "v0", "up")
    middle.run("ip", "link", "set", f"v{i}", "addrgenmode", "none", "up")


def veth_frames():
    """Two veth pairs whose inner ends the link joins; ARP and neighbour discovery go through it."""
    with hosts(3) as (a, b, middle):
        for i, n in enumerate((a, b), 1):
            veth(n, middle, i)
        for options in ((), ("--offload",)):
            link = Link(f"{middle.name}/v1", f"{middle.name}/packet:v2", "--impair", "delay 2ms loss 1%", *options)
            transfer(a, b, "198.18.0.2", 2 << 20)
            summary, _ = link.end()
            assert summary["forward"]["lost"] > 0 and (options or summary["forward"]["past_engine"] > 0), summary
        link = Link(f"{middle.name}/v1", f"{middle.name}/v2", "--offload")
        transfer(a, b, "198.18.0.2", 16 << 20)
        link.end()


def shared_bottleneck():
    """Two senders, one queue: together they get its rate, not each."""
    with hosts(3) as (a, b, server):
        link = Link(*ends((a, b, server)), "--forward", "rate 16mbit queue tail 60k delay 2ms", "--backward", "delay 2ms")
        times = {}

        def send(n, port):
            times[port] = transfer(n, server, "198.18.0.3", 1 << 20, port=port)

        threads = [threading.Thread(target=send, args=(n, p)) for n, p in ((a, 5001), (b, 5002))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        summary, _ = link.end()
        # 2 MB and headers at 2 MB/s.
        assert 1.0 < max(times.values()) < 10, (times, summary)
        assert summary["forward"]["overlimit"] > 0, summary
        for e in summary["ends"][:2]:
            assert e["received"] > 700, summary


def switch_of_veths():
    """Neighbours find each other by ARP on one side, past the engine, and across it."""
    with hosts(4) as (a, b, server, middle):
        for i, n in enumerate((a, b, server), 1):
            veth(n, middle, i)
        link = Link(*(f"{middle.name}/v{i}" for i in (1, 2, 3)), "--impair", "delay 30ms")
        out = a.run("ping", "-c", "2", "-i", "0.1", "198.18.0.2")
        assert "2 received" in out and max(float(x) for x in re.findall(r"time=([\d.]+)", out)) < 55, out
        out = b.run("ping", "-c", "2", "-i", "0.1", "198.18.0.3")
        assert "2 received" in out and min(float(x) for x in re.findall(r"time=([\d.]+)", out)) >= 60, out
        link.end()


def one_side_is_a_switch():
    with hosts(3) as (a, b, server):
        link = Link(*ends((a, b, server)), "--impair", "delay 30ms")
        out = a.run("ping", "-c", "3", "-i", "0.1", "198.18.0.2")
        assert "3 received" in out and max(float(x) for x in re.findall(r"time=([\d.]+)", out)) < 55, out
        summary, _ = link.end()
        # Three echoes and three replies; the first of them finds .2 by being sent to everybody.
        assert summary["forward"]["past_engine"] >= 5, summary


def live_change():
    with hosts(2) as (a, b):
        link = Link(*ends((a, b)))
        assert "1 received" in a.run("ping", "-c", "1", "-W", "2", "198.18.0.2")
        assert "forward (down)" in link.ctl("down", "forward")
        assert " 0 received" in a.run("ping", "-c", "1", "-W", "1", "198.18.0.2", check=False)
        link.ctl("up")
        assert "delay 30ms" in link.ctl("set", "both", "delay 30ms")
        out = a.run("ping", "-c", "1", "-W", "2", "198.18.0.2")
        assert float(re.search(r"time=([\d.]+)", out)[1]) >= 60, out
        assert "loss: '200%'" in link.ctl("set", "forward", "loss 200%", status=1)
        assert "there is no 'fly'" in link.ctl("fly", status=1)
        assert json.loads(link.ctl("show", "--json"))["forward"]["state"] == "up"
        stats = json.loads(link.ctl("stats", "--json"))
        assert stats["forward"]["lost"] >= 1 and stats["forward"]["packets"] >= 3, stats
        link.ctl("stop")
        summary, _ = link.end(None)
        assert summary["forward"]["packets"] == stats["forward"]["packets"], summary


def capture_and_replay():
    with hosts(2) as (a, b):
        folder = tempfile.mkdtemp(prefix="tunny-link-")
        log, pcap = f"{folder}/log", f"{folder}/pcap"
        link = Link(*ends((a, b)), "--forward", "loss 40%", "--log", log, "--pcap", pcap)
        first = a.run("ping", "-c", "20", "-i", "0.02", "-W", "1", "198.18.0.2", check=False)
        link.end()
        lost = [int(x.split()[1]) for x in open(log, encoding="ascii") if re.match(r"out \d+ lost", x)]
        assert lost and b"lost: netem's loss" in open(pcap, "rb").read()
        link = Link(*ends((a, b)), "--replay", log)
        second = a.run("ping", "-c", "20", "-i", "0.02", "-W", "1", "198.18.0.2", check=False)
        link.end()
        shutil.rmtree(folder)
        assert re.findall(r"icmp_seq=\d+", first) == re.findall(r"icmp_seq=\d+", second), (first, second)


def the_same_seed_decides_the_same():
    """Runs with one seed lose the same echoes, another seed loses others."""
    def lost(seed):
        with hosts(2) as (a, b), tempfile.NamedTemporaryFile("r") as log:
            link = Link(*ends((a, b)), "--forward", "loss 40% delay 1ms 1ms", "--seed", str(seed), "--log", log.name)
            a.run("ping", "-c", "20", "-i", "0.02", "-W", "1", "198.18.0.2", check=False)
            link.end()
            return [x for x in log.read().splitlines() if x.startswith("out")]
    first = lost(815)
    assert len(first) >= 20 and lost(815) == first and lost(816) != first, first


def realtime_is_taken_or_refused():
    with hosts(2) as (a, b):
        if not may_realtime():
            refuses("--realtime takes CAP_SYS_NICE", "--realtime", *ends((a, b)))
            return
        link = Link(*ends((a, b)), "--realtime", "--impair", "delay 5ms")
        assert "SCHED_RR" in subprocess.run(["chrt", "-p", str(link.p.pid)], stdout=subprocess.PIPE, text=True, check=True).stdout
        a.run("ping", "-c", "3", "-i", "0.1", "198.18.0.2")
        link.end()


def an_existing_tun_is_attached_to():
    """It keeps its address, and stays when the link ends."""
    with hosts(2) as (a, b):
        _, other = ends((a, b))
        a.run("ip", "tuntap", "add", "dev", "tun5", "mode", "tun")
        a.run("ip", "addr", "add", "198.18.0.1/24", "dev", "tun5")
        a.run("ip", "link", "set", "tun5", "up")
        link = Link(f"{a.name}/tun5", other)
        assert "1 received" in a.run("ping", "-c", "1", "-W", "2", "198.18.0.2")
        link.end()
        assert "198.18.0.1/24" in a.run("ip", "addr", "show", "dev", "tun5")


def a_lost_interface_is_named():
    with hosts(2) as (a, middle):
        veth(a, middle, 1)
        a.run("ip", "link", "add", "v8", "type", "veth", "peer", "name", "v9", "netns", middle.name)
        middle.run("ip", "link", "set", "v9", "up")
        link = Link(f"{middle.name}/v1", f"{middle.name}/v9")
        a.run("ip", "link", "delete", "v0")
        _, err = link.end(None, status=1)
        assert f"'{middle.name}/v1', is gone" in err, err
    with hosts(2) as (a, b):
        link = Link(*ends((a, b)))
        b.run("ip", "link", "delete", "tun0")
        _, err = link.end(None, status=1)
        assert f"'{b.name}/tun0', is gone" in err, err


def the_lab_impairs_and_says_how():
    """scripts/lab --link: our stack by AF_PACKET, a cable of ours, the kernel; nothing stays when the command has ended."""
    r = subprocess.run(["scripts/lab", "--link", "--netem", "forward: delay 12ms; backward: delay 8ms", "sh", "-c",
                        "echo $LAB_NETEM; $TUNNY ping -c 3 -i 0.2 --device $LAB_DEVICE $LAB_KERNEL4 && $TUNNY link ctl $LAB_LINK stats --json"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60, env=os.environ | {"TUNNY": TUNNY})
    assert r.returncode == 0 and "impaired by tunny link" in r.stderr, r
    lines = r.stdout.splitlines()
    assert lines[0] == "link" and "3 received" in r.stdout, r
    assert min(float(x) for x in re.findall(r"time=([\d.]+)", r.stdout)) >= 20, r
    stats = json.loads(lines[-1])
    assert stats["forward"]["delayed"] >= 3 and "delay 12ms" in stats["forward"]["impair"], stats


def refuses(sentence, *arguments):
    r = subprocess.run([TUNNY, "link", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=20)
    assert r.returncode == 2 and sentence in r.stderr, (arguments, r)


def wrong_uses_are_refused():
    needs_tun()
    refuses("two ends", "tun7")
    refuses("there is no option --fast", "--fast", "a", "b")
    refuses("loss: '101%'", "--forward", "loss 101%", "tun7", "tun8")
    refuses("no network namespace 'nowhere-at-all'", "nowhere-at-all/tun0", "tun8")
    refuses("no address like", "tun7=198.18.0.300/24", "tun8")
    with hosts(1) as (a,):
        a.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        refuses("all ends must be of one kind", f"{a.name}/tun7", f"{a.name}/v0")
        refuses("exists as another kind", f"{a.name}/tun7", f"{a.name}/tun:v0")
    refuses("leave none on the near side", "--far", "2", "tun7", "tun8")
    for words, sentence in ((("lo", "queue tail 5k rate 5mbit"), "has no 'queue'"), (("lo", "delay"), "delay: nothing follows"),
                            (("lo",), "are needed"), (("lo", "loss 1%", "up"), "are needed")):
        refuses(sentence, "qdisc", *words)
    refuses("cannot share", "--json", "--pcap", "-", "tun7", "tun8")
    refuses("--impair is for both", "--impair", "loss 1%", "--forward", "", "tun7", "tun8")


def main():
    jobs = [("link: TCP under loss 1% delay 20ms", tcp_through_loss), ("link: the same with offload", tcp_through_loss, "--offload"),
            ("link: delays are exact", delays_are_exact), ("link: offload passes super-segments", offload_passes_super_segments),
            ("link: super-segments are cut for faults", offload_is_cut_for_faults), ("link: veth frames", veth_frames),
            ("link: a shared bottleneck", shared_bottleneck), ("link: one side is a switch", one_side_is_a_switch),
            ("link: veths at a switch", switch_of_veths), ("link: live change", live_change), ("link: capture and replay", capture_and_replay),
            ("link: the same seed decides the same", the_same_seed_decides_the_same),
            ("link: realtime is taken or refused", realtime_is_taken_or_refused), ("link: the lab impairs and says how", the_lab_impairs_and_says_how),
            ("link: an existing TUN is attached to", an_existing_tun_is_attached_to),
            ("link: a lost interface is named", a_lost_interface_is_named), ("link: wrong uses are refused", wrong_uses_are_refused)]
    return interop.run_all(jobs)


if __name__ == "__main__":
    sys.exit(main())
