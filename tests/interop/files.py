#!/usr/bin/env python3
"""tunny get and tunny serve: against curl and python's http.server on the kernel's TCP, against each other across the forwarding kernel,
through faults, and when either side is killed in the middle. Prints TAP. Run by tests/interop/run, inside the lab."""
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import interop
from interop import BUILD

TUNNY = f"{BUILD}/tunny"
DEVICE = os.environ["LAB_DEVICE"]
SECOND = ["--device", os.environ["LAB_DEVICE1"], "--addr", os.environ["LAB_ADDRESSES1"]]
FAR = "198.18.1.2"  # the second stack, seen from the first through the kernel
FAULTS = "delay 10ms loss 3% reorder 1% duplicate 1% corrupt 0.2%"
WORK = tempfile.mkdtemp(prefix="tunny-files.")
WWW = os.path.join(WORK, "www")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def make_files():
    os.mkdir(WWW)
    r = random.Random(4242)
    for name, size in (("empty", 0), ("one", 1), ("small", 65537), ("middle", 2 << 20), ("large", 16 << 20)):
        with open(f"{WWW}/{name}", "wb") as f:
            f.write(r.randbytes(size))


class Server:
    """tunny serve, on the first or the second TUN."""

    def __init__(self, *options, second=False):
        where = SECOND if second else ["--device", DEVICE]
        self.p = subprocess.Popen([TUNNY, "serve", *where, *options, WWW], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = ""
        while "serving" not in line:
            line = self.p.stderr.readline()
            assert line, "tunny serve ended at once"
        threading.Thread(target=self.p.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            assert self.p.wait(30) in (0, 143)

    def kill(self):
        self.p.kill()
        self.p.wait()


def get(url, out, *options, status=0, timeout=300):
    r = subprocess.run([TUNNY, "get", "--device", DEVICE, "-o", f"{WORK}/{out}", *options, url], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
    assert r.returncode == status, f"status {r.returncode} instead of {status}: {r.stdout[-600:]}"
    return r.stdout


def same(out, name):
    assert digest(f"{WORK}/{out}") == digest(f"{WWW}/{name}"), f"{out} differs from {name}"


def kernel_http(family):
    address = interop.KERNEL[family]
    p = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", address, "--directory", WWW, "8000"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6) as s:
        while s.connect_ex((address, 8000)) != 0:
            assert p.poll() is None, "http.server ended"
            time.sleep(0.05)
    return p, (f"http://{address}:8000" if family == 4 else f"http://[{address}]:8000")


def get_from_the_kernel(family, faults):
    p, base = kernel_http(family)
    try:
        for name in ("empty", "one", "small", "middle") + (() if faults else ("large",)):
            get(f"{base}/{name}", "a", *(["--impair", FAULTS, "--seed", "3"] if faults else []))
            same("a", name)
        get(f"{base}/none", "b", status=22)
    finally:
        p.kill()
        p.wait()


def curl(family, name, out):
    host = interop.STACK[family] if family == 4 else f"[{interop.STACK[family]}]"
    r = subprocess.run(["curl", "-sS", "-g", "-o", f"{WORK}/{out}", f"http://{host}/{name}"], stderr=subprocess.PIPE, text=True,
                       timeout=300, check=False)
    assert r.returncode == 0, r.stderr


def serve_to_curl(family, faults):
    with Server(*(["--impair", FAULTS, "--seed", "4", "--cc", "bbr"] if faults else [])):
        for name in ("empty", "one", "small", "middle") + (() if faults else ("large",)):
            curl(family, name, "c")
            same("c", name)


def two_hundred_curls():
    with Server():
        jobs = [subprocess.Popen(["curl", "-sS", "-o", f"{WORK}/p{i}", f"http://{interop.STACK[4]}/small"]) for i in range(200)]
        for i, p in enumerate(jobs):
            assert p.wait(120) == 0, f"curl {i} failed"
            same(f"p{i}", "small")
            os.unlink(f"{WORK}/p{i}")


def stack_to_stack():
    with Server(second=True):
        for url in (f"http://{FAR}/large", "http://[fd00:7475:6e:1::2]/large"):
            get(url, "d")
            same("d", "large")
        get(f"http://{FAR}/middle", "d", "--impair", FAULTS, "--seed", "6")
        same("d", "middle")


def known_digest():
    said = subprocess.run([TUNNY, "gen-sha256", "3000000", "9"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[0]
    with Server(second=True):
        get(f"http://{FAR}/gen/3000000?seed=9", "e", "--sha256", said)
        get(f"http://{FAR}/gen/3000000?seed=8", "e2", "--sha256", said, status=110)


def until_part_grows(path, least):
    limit = time.monotonic() + 60
    while not (os.path.exists(path) and os.path.getsize(path) >= least):
        assert time.monotonic() < limit, f"{path} did not grow"
        time.sleep(0.02)


def killed_client_resumes():
    with Server(second=True):
        for least in (1 << 16, 3 << 20):
            p = subprocess.Popen([TUNNY, "get", "-q", "--device", DEVICE, "-o", f"{WORK}/k", "--impair", "delay 2ms rate 60mbit",
                                  f"http://{FAR}/large"], stderr=subprocess.DEVNULL)
            until_part_grows(f"{WORK}/k.part", least)
            p.kill()
            p.wait()
            assert not os.path.exists(f"{WORK}/k"), "a killed download looks whole"
            out = get(f"http://{FAR}/large", "k", "-c")
            assert "were there" in out, out
            same("k", "large")
            assert "complete" in get(f"http://{FAR}/large", "k", "-c")
            os.unlink(f"{WORK}/k")


def killed_server_is_told():
    server = Server(second=True)
    p = subprocess.Popen([TUNNY, "get", "--device", DEVICE, "-o", f"{WORK}/s", "--retry", "0", "--stall-timeout", "3", "--impair",
                          "delay 2ms rate 60mbit", f"http://{FAR}/large"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until_part_grows(f"{WORK}/s.part", 1 << 20)
    server.kill()
    out = p.communicate(timeout=60)[0]
    assert p.returncode in (28, 56, 7), f"status {p.returncode}: {out}"
    assert "s.part" in out, out
    with Server(second=True):
        get(f"http://{FAR}/large", "s", "-c")
        same("s", "large")


# --- Fast Open (RFC 7413) -----------------------------------------------------------------------------


def kernel_does_fast_open():
    try:
        with open("/proc/sys/net/ipv4/tcp_fastopen", "r+", encoding="ascii") as f:
            f.write("3\n")
    except OSError as e:
        raise interop.Skip(f"this kernel's Fast Open cannot be set: {e}") from e


def kernel_counter(name):
    with open("/proc/net/netstat", encoding="ascii") as f:
        lines = [line.split() for line in f]
    for names, values in zip(lines[::2], lines[1::2]):
        if name in names:
            return int(values[names.index(name)])
    return 0


def fast_open_from_the_kernel(family):
    """The kernel's client at our server: the first connection gets a cookie, the second carries the request on its SYN."""
    kernel_does_fast_open()
    before = kernel_counter("TCPFastOpenActive")
    request = b"GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with open(f"{WWW}/one", "rb") as f:
        wanted = f.read()
    with Server("--fastopen"):
        for _ in range(3):
            with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6) as s:
                assert s.sendto(request, socket.MSG_FASTOPEN, (interop.STACK[family], 80)) == len(request)
                s.settimeout(30)
                assert interop.read_all(s).endswith(b"\r\n\r\n" + wanted)
    assert kernel_counter("TCPFastOpenActive") == before + 2, "the kernel's text on SYNs was not taken"


def one_reply_each(listener, body):
    """Answers each connection once and closes it, so that a client needs another for the next request."""
    while True:
        try:
            c, _ = listener.accept()
        except OSError:
            return
        with c:
            c.settimeout(30)
            while b"\r\n\r\n" not in (got := c.recv(65536)):
                assert got
            c.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def fast_open_to_the_kernel(family):
    kernel_does_fast_open()
    before = kernel_counter("TCPFastOpenPassive")
    stats = f"{WORK}/stats.json"
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6) as s:
        s.bind((interop.KERNEL[family], 0))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
        s.listen(16)
        threading.Thread(target=one_reply_each, args=(s, b"some text"), daemon=True).start()
        host = interop.KERNEL[family] if family == 4 else f"[{interop.KERNEL[family]}]"
        urls = [f"http://{host}:{s.getsockname()[1]}/fast{i}" for i in range(3)]
        r = subprocess.run([os.path.abspath(TUNNY), "get", "--device", DEVICE, "--fastopen", "--stats", stats, *urls], cwd=WORK, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        s.shutdown(socket.SHUT_RDWR)
    assert r.returncode == 0, r.stdout
    for i in range(3):
        with open(f"{WORK}/fast{i}", "rb") as f:
            assert f.read() == b"some text"
    assert kernel_counter("TCPFastOpenPassive") == before + 2, "the kernel did not take our text on SYNs"
    with open(stats, encoding="ascii") as f:
        assert json.load(f)["counters"]["TcpExtTCPFastOpenActive"] == 2


def no_escape():
    with Server():
        for path in ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"):
            r = subprocess.run(["curl", "-s", "--path-as-is", "-o", f"{WORK}/x", "-w", "%{http_code}", f"http://{interop.STACK[4]}{path}"],
                               stdout=subprocess.PIPE, text=True, check=True)
            assert r.stdout in ("400", "403", "404"), f"{path}: {r.stdout}"


def main():
    make_files()
    jobs = []
    for family in (4, 6):
        for faults in (0, 1):
            how = f"IPv{family}{' through faults' if faults else ''}"
            jobs.append((f"get from the kernel {how}", get_from_the_kernel, family, faults))
            jobs.append((f"serve to curl {how}", serve_to_curl, family, faults))
    for family in (4, 6):
        jobs.append((f"fast open from the kernel IPv{family}", fast_open_from_the_kernel, family))
        jobs.append((f"fast open to the kernel IPv{family}", fast_open_to_the_kernel, family))
    jobs += [("200 curls at once", two_hundred_curls), ("stack to stack across the kernel", stack_to_stack),
             ("a body of known digest", known_digest), ("a killed client resumes", killed_client_resumes),
             ("a killed server is told and resumed", killed_server_is_told), ("no path escapes", no_escape)]
    status = interop.run_all(jobs)
    subprocess.run(["rm", "-rf", WORK], check=False)
    return status


if __name__ == "__main__":
    sys.exit(main())
