#!/usr/bin/env python3
"""The programs ping, nc and doctor and the examples against the kernel, inside the lab. Prints TAP. Run by tests/interop/run."""
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import interop
from interop import BUILD, KERNEL, STACK, Skip, connect_soon, expected, read_all

TUNNY = f"{BUILD}/tunny"
DEVICE = ["--device", os.environ.get("LAB_DEVICE", "tun:tunny0")]
HAS_TUN = DEVICE[1].startswith("tun:")
NOBODY = {4: "198.18.0.77", 6: "fd00:7475:6e::77"}
BEHIND = {4: "198.18.1.2", 6: "fd00:7475:6e:1::2"}
BIG = 8 << 20


def family_of(family):
    return socket.AF_INET if family == 4 else socket.AF_INET6


def command(*args):
    return [TUNNY, args[0], *DEVICE, *map(str, args[1:])]


def run(*args, data=b"", timeout=60, status=0):
    """Runs `tunny ...` to its end. Its standard output and error."""
    r = subprocess.run(command(*args), input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
    assert r.returncode == status, f"status {r.returncode} instead of {status}: {r.stdout[-300:]} {r.stderr[-2000:].decode()}"
    return r.stdout, r.stderr.decode()


class Running:
    """`tunny ...` in the background; killed if a test leaves it behind."""

    def __init__(self, *args, argv=None, **kinds):
        self.p = subprocess.Popen(argv or command(*args), stdin=kinds.get("stdin", subprocess.PIPE), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()

    def wait_for(self, words):
        """Until standard error says it."""
        seen = b""
        while words not in seen:
            line = self.p.stderr.readline()
            assert line, f"it ended without saying {words}: {seen.decode()}"
            seen += line

    def end(self, data=None, status=0, timeout=60):
        out, err = self.p.communicate(data, timeout)
        assert self.p.returncode == status, f"status {self.p.returncode} instead of {status}: {out[-300:]} {err[-2000:].decode()}"
        return out, err.decode()


def listener(family, kind=socket.SOCK_STREAM):
    s = socket.socket(family_of(family), kind)
    s.settimeout(30)
    s.bind((KERNEL[family], 0))
    if kind == socket.SOCK_STREAM:
        s.listen(16)
    return s, s.getsockname()[1]


def in_thread(function):
    """Runs it beside the test. join() gives its result, or raises what it raised."""
    result = []

    def body():
        try:
            result.append((function(), None))
        except Exception as e:  # pylint: disable=broad-except
            result.append((None, e))
    t = threading.Thread(target=body, daemon=True)
    t.start()

    def join():
        t.join(60)
        assert result, "it does not end"
        if result[0][1]:
            raise result[0][1]
        return result[0][0]
    return join


# --- ping ------------------------------------------------------------------------------------------------

def ping_replies(family):
    for size in (0, 56, 1400, 8000):
        out, _ = run("ping", "-c", 3, "-i", "0.05", "-s", size, "-W", "0.5", KERNEL[family])
        text = out.decode()
        lines = re.findall(rf"^{size + 8} bytes from {KERNEL[family]}: icmp_seq=(\d) ttl=64 time=[\d.]+ ms$", text, re.M)
        if size > 1400 and not HAS_TUN and lines == ["2", "3"]:
            continue  # on Ethernet not all fragments may wait for the neighbour's address
        assert lines == ["1", "2", "3"], text
        assert "3 packets transmitted, 3 received, 0% packet loss" in text, text
        low, mean, high, deviation = map(float, re.search(r"min/avg/max/mdev = ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms", text).groups())
        assert low <= mean <= high and deviation <= high - low + 0.001, text


def ping_silence(family):
    out, _ = run("ping", "-c", 2, "-i", "0.1", "-W", "0.3", NOBODY[family], status=1)
    assert b"2 packets transmitted, 0 received, 100% packet loss" in out, out
    assert b"rtt" not in out, out


def ping_errors_in_words(family):
    limit = {4: "/proc/sys/net/ipv4/icmp_ratelimit", 6: "/proc/sys/net/ipv6/icmp/ratelimit"}[family]
    with open(limit, "w", encoding="ascii") as f:
        f.write("0")
    gateways = [] if HAS_TUN else ["--gateway", ",".join(KERNEL.values())]
    out, _ = run("ping", *gateways, "-c", 2, "-i", "0.1", "-t", 1, BEHIND[family], status=1)
    for i in (1, 2):
        assert f"From {KERNEL[family]} icmp_seq={i} Time to live exceeded\n".encode() in out, out
    assert b"2 packets transmitted, 0 received, +2 errors, 100% packet loss" in out, out
    net, host, words = {4: ("198.18.9.0/24", "198.18.9.1", b"Destination Host Unreachable"),
                        6: ("fd00:7475:6e:9::/64", "fd00:7475:6e:9::1", b"No route")}[family]
    subprocess.run(["ip", f"-{family}", "route", "add", "unreachable", net], check=True)
    try:
        out, _ = run("ping", *gateways, "-c", 4, "-i", "0.5", host, status=1)  # one a second may be answered
    finally:
        subprocess.run(["ip", f"-{family}", "route", "del", "unreachable", net], check=True)
    assert re.search(rb"^From %s icmp_seq=\d %s$" % (KERNEL[family].encode(), words), out, re.M), out


def ping_interrupted(family):
    with Running("ping", "-i", "0.1", KERNEL[family]) as ping:
        while b"icmp_seq=3" not in ping.p.stdout.readline():
            pass
        ping.p.send_signal(signal.SIGINT)
        out, _ = ping.end()
        assert b" 0% packet loss" in out and b"rtt min/avg/max/mdev" in out, out


def ping_duplicates_and_damage(family):
    out, _ = run("ping", "-c", 5, "-i", "0.05", "--impair", "in: duplicate 100%", "--seed", 3, "--json", KERNEL[family])
    last = json.loads(out.decode().strip().split("\n")[-1])
    assert last["sent"] == 5 and last["received"] >= 4, last  # the first may be lost while the interface comes up
    assert last["duplicates"] == last["received"], last
    replies = [json.loads(line) for line in out.decode().strip().split("\n")[:-1]]
    assert sum(r["duplicate"] for r in replies) == last["duplicates"], replies


def dns_server(answers):
    """Answers A and AAAA by the table; the address to ask."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((KERNEL[4], 0))

    def loop():
        while True:
            query, peer = s.recvfrom(2000)
            if query == b"end":
                s.close()
                return
            at, labels = 12, []
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack("!H", query[at + 1:at + 3])[0]
            question = query[12:at + 5]
            known = answers.get(".".join(labels).lower())
            address = known and {1: known[0], 28: known[1]}.get(kind)
            flags = 0x8180 if known else 0x8183
            reply = query[:2] + struct.pack("!HHHHH", flags, 1, 1 if address else 0, 0, 0) + question
            if address:
                data = socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, address)
                reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data
            s.sendto(reply, peer)
    threading.Thread(target=loop, daemon=True).start()
    return s.getsockname()


def ping_names(family):
    server = dns_server({"kernel.example": (KERNEL[4], KERNEL[6])})
    resolver = ["--resolver", f"{server[0]}:{server[1]}"]
    try:
        out, _ = run("ping", "-c", 1, "-W", 5, f"-{family}", *resolver, "kernel.example")
        assert out.startswith(f"PING kernel.example ({KERNEL[family]}) 56 bytes of data.".encode()), out
        _, err = run("ping", "-c", 1, *resolver, "nobody.example", status=2)
        assert "nobody.example cannot be looked up" in err, err
    finally:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"end", server)


def ping_usage(family):
    for wrong in (["-c", "0", KERNEL[family]], ["-s", "65508", KERNEL[family]], ["-t", "256", KERNEL[family]], ["-i", "0", KERNEL[family]], []):
        run("ping", *wrong, status=2)
    _, err = run("ping", "-c", 1, f"-{10 - family}", KERNEL[family], status=2)
    assert "no address of the wanted kind" in err, err


def stats_file(family):
    with tempfile.TemporaryDirectory() as folder:
        run("ping", "-q", "-c", 3, "-i", "0.05", "--impair", "out: duplicate 100%", "--seed", 77, "--stats", f"{folder}/stats", KERNEL[family])
        with open(f"{folder}/stats", encoding="utf-8") as f:
            stats = json.load(f)
    assert stats["seed"] == 77 and 0 < stats["seconds"] < 60 and stats["memory_peak"] > 0, stats
    assert stats["impair_out"]["packets"] == stats["impair_out"]["duplicated"] == 3, stats
    assert stats["counters"]["IpOutRequests"] == 3 and isinstance(stats["drops"]["paws"], int), stats


# --- nc --------------------------------------------------------------------------------------------------

def exchange(s, data):
    """Sends `data` and its end while receiving all. What came."""
    def send():
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    join = in_thread(send)
    got = read_all(s)
    join()
    s.close()
    return got


def nc_connect(family):
    """Binary data, both ways at once, each side closing its own."""
    ours, theirs = expected(BIG), os.urandom(BIG + 1)
    s, port = listener(family)
    join = in_thread(lambda: exchange(s.accept()[0], theirs))
    out, err = run("nc", "-N", KERNEL[family], port, data=ours)
    assert hashlib.sha256(out).digest() == hashlib.sha256(theirs).digest(), f"{len(out)} of {len(theirs)}"
    assert join() == ours and err == ""
    s.close()


def nc_connect_through_faults(family):
    ours, theirs = expected(300000), os.urandom(300000)
    s, port = listener(family)
    join = in_thread(lambda: exchange(s.accept()[0], theirs))
    out, _ = run("nc", "-N", "--impair", interop.FAULTS, "--seed", 5, KERNEL[family], port, data=ours)
    assert out == theirs and join() == ours
    s.close()


def nc_listen(family):
    ours, theirs = expected(BIG), os.urandom(BIG + 1)
    with Running("nc", "-l", "-N", "-v", 9000) as nc:
        nc.wait_for(b"listening")
        join = in_thread(lambda: exchange(connect_soon(family, 9000), theirs))
        out, err = nc.end(ours)
        assert out == theirs and join() == ours
        assert "connection from " in err, err


def nc_peer_closes_first(family):
    """The peer's end does not keep what standard input still brings from arriving."""
    ours = expected(BIG)
    s, port = listener(family)
    with Running("nc", "-N", KERNEL[family], port) as nc:
        c = s.accept()[0]
        c.shutdown(socket.SHUT_WR)
        join = in_thread(lambda: read_all(c))
        nc.end(ours)
        assert join() == ours
        c.close()
    s.close()


def nc_slow_reader(family):
    """Nothing is lost, and the stack goes on, while nobody reads nc's standard output."""
    data = os.urandom(BIG)
    s, port = listener(family)
    with Running("nc", "-N", KERNEL[family], port) as nc:
        c = s.accept()[0]
        join = in_thread(lambda: (c.sendall(data), c.close()))
        got = bytearray()
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:  # the condition is the passing of time itself
            time.sleep(0.1)
            got += os.read(nc.p.stdout.fileno(), 1000)
        out, _ = nc.end(b"")
        assert bytes(got) + out == data
        join()
    s.close()


def nc_keeps_open_without_shutdown(family):
    s, port = listener(family)
    with Running("nc", KERNEL[family], port) as nc:
        c = s.accept()[0]
        nc.p.stdin.write(b"question")
        nc.p.stdin.close()
        assert c.recv(8, socket.MSG_WAITALL) == b"question"
        c.settimeout(0.5)
        try:
            assert c.recv(1) == b"never", "its side was closed"
        except TimeoutError:
            pass
        c.sendall(b"answer")
        c.close()
        nc.p.stdin = None
        assert nc.end()[0] == b"answer"
    s.close()


def nc_keep_listening(family):
    with Running("nc", "-l", "-k", "-v", 9000) as nc:
        nc.wait_for(b"listening")
        for i in range(3):
            c = connect_soon(family, 9000)
            c.sendall(b"visitor %d\n" % i)
            c.close()
            assert nc.p.stdout.readline() == b"visitor %d\n" % i
        nc.p.send_signal(signal.SIGTERM)
        nc.end(status=143)


def nc_failures(family):
    s, port = listener(family)
    s.close()
    _, err = run("nc", KERNEL[family], port, status=1)
    assert "Connection refused" in err and str(port) in err, err
    begun = time.monotonic()
    _, err = run("nc", "-w", "0.5", NOBODY[family], 80, status=1)
    assert "nothing came in time" in err and 0.4 < time.monotonic() - begun < 10, err
    for wrong in ([KERNEL[family]], [KERNEL[family], "0"], [KERNEL[family], "65536"], ["-k", KERNEL[family], "1"], ["-w", "x", KERNEL[family], "1"]):
        run("nc", *wrong, status=2)


def nc_silence(family):
    s, port = listener(family)
    with Running("nc", "-w", "0.5", KERNEL[family], port) as nc:
        c = s.accept()[0]
        _, err = nc.end(status=1)
        assert "nothing came in time" in err, err
        c.close()
    s.close()


def nc_reset(family):
    s, port = listener(family)
    with Running("nc", KERNEL[family], port) as nc:
        c = s.accept()[0]
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
        _, err = nc.end(status=1)
        assert "Connection reset" in err, err
    s.close()


def nc_scan(family):
    s, port = listener(family)
    first = max(port - 2, 1)
    out, err = run("nc", "-z", "-v", KERNEL[family], f"{first}-{port}")
    assert out.decode().strip().split("\n")[-1].endswith(f":{port} open"), out
    assert port == first or "Connection refused" in err, err
    s.close()
    out, _ = run("nc", "-z", KERNEL[family], port, status=1)
    assert out == b"", out


def nc_datagrams(family):
    s, port = listener(family, socket.SOCK_DGRAM)

    def answer():
        hello, peer = s.recvfrom(1 << 16)
        s.sendto(b"", peer)
        s.sendto(hello, peer)
        data, peer = s.recvfrom(1 << 16)
        s.sendto(bytes(reversed(data)), peer)
        return data
    join = in_thread(answer)
    ours = expected(4000)  # three fragments; a pipe takes so much at once
    with Running("nc", "-u", KERNEL[family], port) as nc:
        nc.p.stdin.write(b"hello\n")
        nc.p.stdin.flush()
        assert nc.p.stdout.readline() == b"hello\n"
        nc.p.stdin.write(ours)
        nc.p.stdin.flush()
        out, _ = nc.end()
        assert join() == ours and out == bytes(reversed(ours))
    s.close()
    _, err = run("nc", "-u", KERNEL[family], port, data=b"x", status=1)
    assert "refused" in err, err


def nc_datagrams_in(family):
    with Running("nc", "-u", "-l", "-v", 9000) as nc:
        nc.wait_for(b"listening")
        s = socket.socket(family_of(family), socket.SOCK_DGRAM)
        s.settimeout(10)
        s.sendto(b"one\n", (STACK[family], 9000))
        nc.wait_for(b"datagram from")
        assert nc.p.stdout.readline() == b"one\n"
        nc.p.stdin.write(b"two")
        nc.p.stdin.flush()
        assert s.recv(100) == b"two"
        nc.end()
        s.close()
    with Running("nc", "-u", "-l", "-k", "-v", 9000) as nc:
        nc.wait_for(b"listening")
        for i in range(3):
            s = socket.socket(family_of(family), socket.SOCK_DGRAM)
            s.sendto(b"sender %d\n" % i, (STACK[family], 9000))
            assert nc.p.stdout.readline() == b"sender %d\n" % i
            s.close()
        nc.p.send_signal(signal.SIGINT)
        nc.end(status=130)


# --- doctor ----------------------------------------------------------------------------------------------

CHECKS = {"tun-node", "capability", "user-namespaces", "interface", "tun", "offload", "packet-sockets", "netem", "seccomp-notify",
          "ip", "tc", "unshare", "locked-memory"}


def doctor(prefix):
    r = subprocess.run([*prefix, TUNNY, "doctor", "--json"], stdout=subprocess.PIPE, timeout=60, check=False)
    found = json.loads(r.stdout)
    checks = {c["name"]: c for c in found["checks"]}
    assert set(checks) == CHECKS, checks.keys()
    assert r.returncode == (0 if found["can_run"] else 1) and found["can_run"] == bool(found["ways"]), found
    return found, checks


def namespace_state():
    """The interfaces and what a doctor could have changed about lo; the state of a TUN changes by itself after its user's end."""
    lo = [subprocess.run([*c, "dev", "lo"], stdout=subprocess.PIPE, check=True).stdout for c in (["ip", "link", "show"], ["tc", "qdisc", "show"])]
    return sorted(os.listdir("/sys/class/net")), lo


def doctor_in_the_lab():
    before = namespace_state()
    found, checks = doctor([])
    assert namespace_state() == before, "it changed its namespace"
    assert found["can_run"] and checks["capability"]["works"], found
    assert checks["ip"]["works"] and checks["unshare"]["works"] and checks["locked-memory"]["works"], found
    if HAS_TUN:
        assert checks["tun-node"]["works"] and "tun" in found["ways"], found
    else:
        assert checks["packet-sockets"]["works"], found
    r = subprocess.run([TUNNY, "doctor"], stdout=subprocess.PIPE, text=True, check=False)
    assert r.returncode == 0 and "A stack can run here:" in r.stdout, r.stdout
    assert all(re.match(r"(works|does not work|unknown) ", line) for line in r.stdout.split("\n\n")[0].split("\n") if "mend it: " not in line), r.stdout


def doctor_without_rights():
    strip = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
    if subprocess.run([*strip, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Skip("setpriv cannot take rights away here")
    found, checks = doctor(strip)
    assert checks["capability"]["works"] is False and "setcap cap_net_admin,cap_net_raw+ep /" in checks["capability"]["mend"], checks
    assert "tun" not in found["ways"] and "packet" not in found["ways"], found
    if not checks["user-namespaces"]["works"]:
        assert checks["user-namespaces"]["mend"] and not found["can_run"], found


# --- examples --------------------------------------------------------------------------------------------

def example(name, *args):
    if DEVICE[1] != "tun:tunny0":
        raise Skip("the examples take the TUN tunny0, which is not here")
    return Running(argv=[f"{BUILD}/examples/{name}", *args], stdin=subprocess.DEVNULL)


def example_echo():
    with example("echo") as echo:
        for family in (4, 6):
            for size in (1, 200000):
                data = os.urandom(size)
                assert exchange(connect_soon(family, 7), data) == data
        assert echo.p.poll() is None


def example_seed_client():
    s, port = listener(4)
    with example("seed_client", KERNEL[4], str(port)) as client:
        c = s.accept()[0]
        assert read_all(c) == b"hello world!"
        c.close()
        client.end()
    s.close()


def example_seed_server():
    with example("seed_server", "8081") as server:
        c = connect_soon(4, 8081)
        c.sendall(b"hello from the kernel")
        assert read_all(c) == b""
        c.close()
        out, _ = server.end()
        assert b"hello from the kernel" in out, out


def example_udp_broadcast():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.settimeout(10)
    s.bind(("", 2425))
    with example("udp_broadcast", "hello, lab") as sender:
        data, peer = s.recvfrom(2000)
        assert data == b"hello, lab" and peer[0] == STACK[4], (data, peer)
        sender.end()
    s.close()


def main():
    jobs = []
    for family in (4, 6):
        for t in (ping_replies, ping_silence, ping_errors_in_words, ping_interrupted, ping_duplicates_and_damage, ping_names, ping_usage,
                  stats_file, nc_connect, nc_connect_through_faults, nc_listen, nc_peer_closes_first, nc_slow_reader,
                  nc_keeps_open_without_shutdown, nc_keep_listening, nc_failures, nc_silence, nc_reset, nc_scan, nc_datagrams,
                  nc_datagrams_in):
            jobs.append((f"{t.__name__} IPv{family}", t, family))
    jobs += [(t.__name__, t) for t in (doctor_in_the_lab, doctor_without_rights, example_echo, example_seed_client, example_seed_server,
                                       example_udp_broadcast)]
    return interop.run_all(jobs)


if __name__ == "__main__":
    sys.exit(main())
