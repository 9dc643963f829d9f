#!/usr/bin/env python3
"""How much of what a bare TUN-to-TUN forwarder carries `tunny link` carries: kernel TCP (cubic) between two namespaces, both cables
in turns, medians and their ratio. Run by `make bench-link`, inside the lab.

    link.py PROGRAMS [SECONDS [ROUNDS]]        PROGRAMS: the folder with tunny and tests/bench/forward"""
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from link import Link, Namespace  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = sys.argv[1]
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3


class Bare:
    """The forwarder; the interfaces are set up here."""

    def __init__(self, a, b, *options):
        self.p = subprocess.Popen([f"{PROGRAMS}/tests/bench/forward", *options, a.name, b.name], stdout=subprocess.PIPE)
        assert self.p.stdout.readline() == b"ready\n"
        for i, n in enumerate((a, b), 1):
            n.run("ip", "addr", "add", f"198.18.0.{i}/24", "dev", "tun0")
            n.run("ip", "link", "set", "tun0", "txqueuelen", "2000", "up")

    def end(self):
        self.p.terminate()
        self.p.wait()


def bulk(a, b):
    """Gbit/s of text from a to b."""
    listener, sender = b.socket(), a.socket()
    for s in (listener, sender):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    listener.bind(("198.18.0.2", 5000))
    listener.listen(1)
    sender.connect(("198.18.0.2", 5000))
    c, _ = listener.accept()
    stop = threading.Event()

    def send():
        data = bytes(1 << 20)
        while not stop.is_set():
            sender.sendall(data)
        sender.shutdown(socket.SHUT_WR)
    t = threading.Thread(target=send)
    t.start()
    room, got, start = bytearray(1 << 20), 0, time.monotonic()
    while time.monotonic() - start < SECONDS:
        got += c.recv_into(room)
    rate = got * 8 / (time.monotonic() - start) / 1e9
    stop.set()
    while c.recv_into(room):
        pass
    t.join()
    for s in (sender, c, listener):
        s.close()
    return rate


def once(make):
    a, b = Namespace(), Namespace()
    try:
        cable = make(a, b)
        rate = bulk(a, b)
        cable.end()
        return rate
    finally:
        a.end()
        b.end()


def linked(*options):
    return lambda a, b: Link(f"{a.name}/tun0=198.18.0.1/24", f"{b.name}/tun0=198.18.0.2/24", *options)


def main():
    print(f"kernel TCP over a cable, Gbit/s, medians of {ROUNDS} rounds of {SECONDS} s")
    for title, bare, link in (("offload, no faults", ("-o",), ("--offload",)), ("no offload, no faults", (), ()),
                              ("offload, delay 1ms limit 100000", ("-o",), ("--offload", "--impair", "delay 1ms limit 100000"))):
        rates = [(once(lambda a, b: Bare(a, b, *bare)), once(linked(*link))) for _ in range(ROUNDS)]
        one, two = (statistics.median(x) for x in zip(*rates))
        print(f"{title:32s} bare {one:6.2f}   link {two:6.2f}   ratio {two / one:.2f}", flush=True)


if __name__ == "__main__":
    main()
