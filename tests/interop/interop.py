#!/usr/bin/env python3
"""Interoperability: our TCP against the kernel's, over TUN (or AF_PACKET), inside the lab. Prints TAP. Run by tests/interop/run.

Each test starts `peer` (our stack) and plays the other side with the kernel's sockets."""
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

BUILD = os.environ.get("BUILD", "build/check")
PEER = f"{BUILD}/tests/interop/peer"
STACK = {4: "198.18.0.2", 6: "fd00:7475:6e::2"}
KERNEL = {4: "198.18.0.1", 6: "fd00:7475:6e::1"}
SIZES = [0, 1, 12, 65534, 65537, 200000, 1000000]
FAULTS = "delay 5ms 2ms reorder 5% loss 2% duplicate 1% corrupt 1%"
number = 0
failed = 0


def pattern():
    """Byte i is 7 i + 3 (i / 2^8) + i / 2^16, modulo 256: it repeats after 2^24, and each 256 of them are one row plus a constant."""
    rows = [bytes((i * 7 + c) & 255 for i in range(256)) for c in range(256)]
    return b"".join(rows[(j * 3 + (j >> 8)) & 255] for j in range(1 << 16))


BIG = pattern()


def expected(size):
    return (BIG * (size // len(BIG) + 1))[:size]


class Peer:
    """Our stack, serving."""

    def __init__(self, *options):
        self.p = subprocess.Popen([PEER, *options, "serve"], stdout=subprocess.PIPE, text=True)
        line = self.p.stdout.readline().strip()
        assert line == "ready", f"peer said: {line}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGTERM)
        try:
            status = self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            raise
        assert status == 0, f"peer ended with {status}"


def connect(family, port, timeout=30):
    s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6)
    s.settimeout(timeout)
    s.connect((STACK[family], port))
    return s


def connect_soon(family, port, seconds=20):
    """To the stack, as soon as something listens there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return connect(family, port)
        except (ConnectionRefusedError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def read_all(s):
    out = bytearray()
    while True:
        d = s.recv(1 << 16)
        if not d:
            return bytes(out)
        out += d


def run_client(*args, options=(), timeout=120):
    r = subprocess.run([PEER, *options, *map(str, args)], stdout=subprocess.PIPE, text=True, timeout=timeout)
    return r.stdout.strip()


def echo_once(family, size):
    s = connect(family, 7)
    data = expected(size)
    t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
    t.start()
    back = read_all(s)
    t.join()
    s.close()
    assert back == data, f"{len(back)} of {size} bytes came back"


def kernel_server(family, handler, count=1):
    """A listening kernel socket; `handler(connection)` for `count` connections."""
    s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((KERNEL[family], 0))
    s.listen(256)

    def loop():
        for _ in range(count):
            c, _a = s.accept()
            c.settimeout(60)
            handler(c)
            c.close()
        s.close()
    t = threading.Thread(target=loop, daemon=True)
    t.start()
    return s.getsockname()[1], t


def echo_handler(c):
    while True:
        d = c.recv(1 << 16)
        if not d:
            break
        c.sendall(d)


def source_handler(c):
    c.sendall(expected(int(c.recv(64))))


# --- tests -------------------------------------------------------------------------------------------

def passive_echo(family, options):
    with Peer(*options):
        for size in SIZES:
            echo_once(family, size)


def passive_source(family, options):
    with Peer(*options):
        for size in SIZES[1:]:
            s = connect(family, 19)
            s.sendall(f"{size}\n".encode())
            got = read_all(s)
            assert got == expected(size), f"{len(got)} of {size}"
            s.close()


def active_echo(family, options):
    for size in SIZES:
        port, t = kernel_server(family, echo_handler)
        out = run_client("client", KERNEL[family], port, size, options=options)
        t.join(10)
        assert out == f"ok {size}", out


def active_fetch(family, options):
    for size in SIZES[1:]:
        port, t = kernel_server(family, source_handler)
        out = run_client("fetch", KERNEL[family], port, size, options=options)
        t.join(10)
        assert out == f"ok {size}", out


def big_download(family, options):
    port, _t = kernel_server(family, source_handler)
    out = run_client("fetch", KERNEL[family], port, 64 << 20, options=options)
    assert out == f"ok {64 << 20}", out


def big_upload(family, options):
    with Peer(*options):
        s = connect(family, 19)
        s.sendall(f"{64 << 20}\n".encode())
        h, n = hashlib.sha256(), 0
        while True:
            d = s.recv(1 << 20)
            if not d:
                break
            h.update(d)
            n += len(d)
        assert n == 64 << 20, n
        assert h.digest() == hashlib.sha256(expected(64 << 20)).digest()


def refused(family, options):
    out = run_client("refused", KERNEL[family], 999, options=options)
    assert out == "ok refused", out
    with Peer(*options):
        try:
            connect(family, 999)
            raise AssertionError("connected to a closed port")
        except ConnectionRefusedError:
            pass


def reset_by_us(family, options):
    with Peer(*options):
        s = connect(family, 20)
        s.sendall(b"x")
        try:
            assert s.recv(1) == b"never"
        except ConnectionResetError:
            pass


def reset_by_kernel(family, options):
    with Peer(*options):
        for _ in range(5):
            s = connect(family, 7)
            s.sendall(expected(100000))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        echo_once(family, 1000)


def half_close(family, options):
    """The kernel closes its sending side first; our side still sends a megabyte."""
    with Peer(*options):
        s = connect(family, 19)
        s.sendall(b"1000000\n")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == expected(1000000)


def our_zero_window(family, options):
    """We do not read for two seconds: our window closes, the kernel probes, then everything arrives."""
    with Peer(*options):
        s = connect(family, 21)
        t = threading.Thread(target=lambda: (s.sendall(expected(2000000)), s.shutdown(socket.SHUT_WR)))
        t.start()
        assert read_all(s) == b"2000000\n"
        t.join()


def kernel_zero_window(family, options):
    """The kernel does not read for two seconds: we probe, then everything arrives."""
    with Peer(*options):
        s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(30)
        s.connect((STACK[family], 19))
        s.sendall(b"500000\n")
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:  # the condition is the passing of time itself
            time.sleep(0.1)
        assert read_all(s) == expected(500000)


def two_hundred_at_once(family, options):
    with Peer(*options):
        conns = [connect(family, 7) for _ in range(200)]
        data = expected(3000)
        for c in conns:
            c.sendall(data)
            c.shutdown(socket.SHUT_WR)
        for c in conns:
            assert read_all(c) == data
            c.close()


def udp_both_ways(family, options):
    with Peer(*options):
        s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        s.settimeout(10)
        for size in (1, 1000, 1473, 9000, 65000):
            data = expected(size)
            s.sendto(data, (STACK[family], 7))
            assert s.recv(1 << 17) == data, size
    u = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind((KERNEL[family], 0))
    u.settimeout(20)

    def once():
        d, a = u.recvfrom(1 << 17)
        u.sendto(d, a)
    t = threading.Thread(target=once, daemon=True)
    t.start()
    out = run_client("udp", KERNEL[family], u.getsockname()[1], 8000, options=options)
    assert out == "ok 8000", out


def echo_requests(family, options):
    """The kernel's ping, where there is one."""
    with Peer(*options):
        for size in (0, 56, 1400, 8000):
            r = subprocess.run(["ping", f"-{family}", "-n", "-c", "2", "-i", "0.2", "-W", "5", "-s", str(size), STACK[family]],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert r.returncode == 0, r.stdout


class Skip(Exception):
    pass


def tap(name, test, *args):
    global number, failed
    number += 1
    started = time.monotonic()
    try:
        test(*args)
        print(f"ok {number} - {name} # {time.monotonic() - started:.1f} s", flush=True)
    except Skip as e:
        print(f"ok {number} - {name} # SKIP {e}", flush=True)
    except Exception as e:  # pylint: disable=broad-except
        failed += 1
        print(f"not ok {number} - {name}: {type(e).__name__}: {e}", flush=True)


def run_all(jobs):
    """Those of (name, test, arguments...) whose name contains the command line's word. The exit status."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, test, *args in jobs:
        if only in name:
            tap(name, test, *args)
    print(f"1..{number}")
    return 1 if failed else 0


def main():
    plain, small = [], []
    tests = [passive_echo, passive_source, active_echo, active_fetch, refused, reset_by_us, reset_by_kernel,
             half_close, our_zero_window, kernel_zero_window, two_hundred_at_once, udp_both_ways]
    have_ping = any(os.access(os.path.join(d, "ping"), os.X_OK) for d in os.environ["PATH"].split(":"))
    jobs = []
    for family in (4, 6):
        for label, options in (("offload", plain), ("no offload", ["--no-offload"])):
            for t in tests:
                jobs.append((f"{t.__name__} IPv{family} {label}", t, family, options))
            jobs.append((f"big_download IPv{family} {label}", big_download, family, options))
            jobs.append((f"big_upload IPv{family} {label}", big_upload, family, options))
        jobs.append((f"echo_requests IPv{family}", echo_requests if have_ping else skip_ping, family, small))
        faults = ["--impair", FAULTS]
        for t in (passive_echo, active_echo, active_fetch, half_close):
            jobs.append((f"{t.__name__} IPv{family} through faults", t, family, faults))
    return run_all(jobs)


def skip_ping(*_):
    raise Skip("there is no ping command here (package iputils-ping)")


if __name__ == "__main__":
    sys.exit(main())
