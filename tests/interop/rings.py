#!/usr/bin/env python3
"""Programs on a stack that another process holds, through shared memory (apps/remote), inside the lab: against the kernel's TCP and
against one another. Prints TAP. Run by tests/interop/run."""
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import interop
from apps import DEVICE, TUNNY, in_thread, listener
from interop import BUILD, KERNEL, STACK, connect_soon, expected, read_all
from programs import tunny, what_is_missing

JOINED = f"{BUILD}/tests/interop/joined"
BIG = 64 << 20


@contextlib.contextmanager
def stack(*options):
    """A stack with a name, and its process; ended with the test, and nothing of it is left."""
    name = f"rings-{os.getpid()}"
    tunny("up", *DEVICE, *options, name)
    holder = int(tunny("ps", name).splitlines()[1].split()[1])
    try:
        yield name, holder
    finally:
        if os.path.exists(f"/proc/{holder}"):
            tunny("down", name)
    assert name not in subprocess.run([TUNNY, "ps"], capture_output=True, text=True, check=False).stdout


def nc(name, *args, **kinds):
    return subprocess.Popen([TUNNY, "nc", "--join", name, *map(str, args)], stdin=kinds.get("stdin", subprocess.PIPE),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def joined(name, *args, status=0, timeout=90):
    r = subprocess.run([JOINED, name, *map(str, args)], capture_output=True, text=True, timeout=timeout, check=False)
    assert r.returncode == status, f"{args}: status {r.returncode} instead of {status}: {r.stdout[-300:]} {r.stderr[-2000:]}"
    return r.stdout


def until(name, holds):
    """Until the list of the stack's connections is as wanted."""
    deadline = time.monotonic() + 30
    while not holds(tunny("ss", name)):
        assert time.monotonic() < deadline, tunny("ss", name)
        time.sleep(0.02)


def is_reset(c):
    try:
        c.recv(1)
    except ConnectionResetError:
        return True
    return False


def both_ways(family, *options):
    """A large file there and another one back at the same time; half-closes end them."""
    there, back = expected(BIG), expected(BIG + 1)[1:]
    s, port = listener(family)
    with stack(*options) as (name, _):
        p = nc(name, "-N", KERNEL[family], port)
        c = s.accept()[0]
        c.settimeout(90)
        threading.Thread(target=lambda: (c.sendall(back), c.shutdown(socket.SHUT_WR)), daemon=True).start()
        arrived = in_thread(lambda: hashlib.sha256(read_all(c)).digest())
        out, err = p.communicate(there, 120)
        assert p.returncode == 0, err
        assert hashlib.sha256(out).digest() == hashlib.sha256(back).digest(), len(out)
        assert arrived() == hashlib.sha256(there).digest()


def listens(family):
    with stack() as (name, _):
        p = nc(name, "-l", f"-{family}", 9002)
        until(name, lambda text: "LISTEN" in text)
        c = connect_soon(family, 9002)
        c.sendall(b"hello")
        assert p.stdout.read(5) == b"hello"
        p.stdin.write(b"and you")
        p.stdin.close()
        assert c.recv(7, socket.MSG_WAITALL) == b"and you"
        c.close()
        assert p.wait(30) == 0, p.stderr.read()


def one_program_and_another():
    """Both ends on the same stack, in two processes; one of them an unmodified program."""
    with stack() as (name, _):
        server = subprocess.Popen([JOINED, name, "pong", "9003"], stdout=subprocess.PIPE)
        assert server.stdout.readline() == b"ready\n"
        joined(name, "many", STACK[4], 9003, 100)
        code = "import socket; s = socket.create_connection(('198.18.0.2', 9003)); s.sendall(b'ping'); print(s.recv(4).decode())"
        assert tunny("run", "--join", name, "python3", "-c", code) == "pong\n"
        server.kill()
        server.communicate()


def ten_thousand_connections():
    """One after the other, to the kernel and back; no descriptor of the holder is lost over it."""
    s, port = listener(4)
    s.listen(1024)

    def serve():
        while True:
            try:
                c = s.accept()[0]
            except OSError:
                return
            c.settimeout(30)
            while c.recv(4, socket.MSG_WAITALL) == b"ping":
                c.sendall(b"pong")
            c.close()
    threading.Thread(target=serve, daemon=True).start()
    with stack() as (name, holder):
        descriptors = len(os.listdir(f"/proc/{holder}/fd"))
        joined(name, "many", KERNEL[4], port, 10000, timeout=180)
        until(name, lambda _: len(os.listdir(f"/proc/{holder}/fd")) <= descriptors)
    s.close()


def refused_and_in_use():
    with stack() as (name, _):
        p = nc(name, KERNEL[4], 9)
        out, err = p.communicate(timeout=30)
        assert p.returncode == 1 and b"Connection refused" in err, (out, err)
        p = nc(name, "-l", 9004)
        until(name, lambda text: "LISTEN" in text)
        q = nc(name, "-l", 9004)
        out, err = q.communicate(timeout=30)
        assert q.returncode == 1 and b"in use" in err, (out, err)
        p.terminate()
        p.communicate(timeout=30)
        until(name, lambda text: "LISTEN" not in text)
    p = nc("no-such-stack", KERNEL[4], 9)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 2 and b"no-such-stack" in err, (out, err)


def the_peer_resets():
    s, port = listener(4)
    with stack() as (name, _):
        p = nc(name, KERNEL[4], port)
        c = s.accept()[0]
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()
        assert p.wait(30) == 1 and b"reset" in p.stderr.read()
        p.stdin.close()


def slow_ends_hold_up_the_fast():
    """Whoever does not read stops the other: program, rings and windows fill, no more; then everything comes."""
    text = expected(BIG)
    s, port = listener(4)
    with stack() as (name, _):
        p = nc(name, "-N", KERNEL[4], port)
        c = s.accept()[0]
        c.settimeout(60)
        sent = [0]

        def feed():
            for i in range(0, BIG, 1 << 16):
                p.stdin.write(text[i:i + (1 << 16)])
                sent[0] = i
            p.stdin.close()
        threading.Thread(target=feed, daemon=True).start()
        until(name, lambda out: any(int(line.split()[2]) > 0 for line in out.splitlines()[1:]))
        before = -1
        while before != sent[0]:
            before = sent[0]
            time.sleep(1)
        assert 0 < sent[0] < BIG // 2, sent
        assert read_all(c) == text
        c.close()
        assert p.wait(30) == 0


def a_killed_program_ends_its_connections():
    """What it had sent arrives, then the FIN; a reset where it had not read everything."""
    s, port = listener(4)
    with stack() as (name, _):
        p = nc(name, KERNEL[4], port)
        c = s.accept()[0]
        c.settimeout(30)
        p.stdin.write(b"last words")
        p.stdin.flush()
        assert c.recv(10, socket.MSG_WAITALL) == b"last words"
        p.kill()
        p.communicate()
        assert c.recv(1) == b""
        c.close()
        p = subprocess.Popen([TUNNY, "nc", "--join", name, KERNEL[4], str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        c = s.accept()[0]
        c.settimeout(30)
        with contextlib.suppress(BlockingIOError):
            c.setblocking(False)
            while True:  # more than its pipe takes
                c.send(b"x" * 65536)
                time.sleep(0.001)
        c.settimeout(30)
        p.kill()
        p.communicate()
        assert is_reset(c)
        until(name, lambda text: "ESTAB" not in text)


def a_killed_stack_tells_its_programs():
    s, port = listener(4)
    with stack() as (name, holder):
        p = nc(name, KERNEL[4], port)
        c = s.accept()[0]
        c.sendall(b"before")
        assert p.stdout.read(6) == b"before"
        q = nc(name, "-l", 9005)
        until(name, lambda text: "LISTEN" in text)
        os.kill(holder, signal.SIGKILL)
        for waiting in (p, q):
            out, err = waiting.communicate(timeout=30)
            assert waiting.returncode == 1 and b"reset" in err, (out, err)
        c.close()
        while os.path.exists(f"/proc/{holder}"):
            time.sleep(0.02)


def nonsense_in_shared_memory_hurts_nobody_else():
    s, port = listener(4)
    with stack() as (name, _):
        p = nc(name, KERNEL[4], port)
        c = s.accept()[0]
        assert "rotocol" in joined(name, "spoil", KERNEL[4], port)  # EPROTO
        spoilt = s.accept()[0]
        spoilt.settimeout(30)
        assert is_reset(spoilt)
        c.sendall(b"well?")
        assert p.stdout.read(5) == b"well?"
        p.stdin.close()
        c.close()
        assert p.wait(30) == 0


def connections_are_listed():
    s, port = listener(4)
    with stack() as (name, _):
        p = nc(name, KERNEL[4], port)
        c = s.accept()[0]
        until(name, lambda text: f"tunny/{p.pid}/" in text)
        line = next(line for line in tunny("ss", name).splitlines() if f"tunny/{p.pid}/" in line)
        assert line.startswith("ESTAB") and f"{KERNEL[4]}:{port}" in line, line
        assert "1 connections, 0 listeners" in tunny("ps", name), tunny("ps", name)
        c.close()
        p.stdin.close()
        assert p.wait(30) == 0


def main():
    missing = what_is_missing()
    if missing:
        print(f"ok 1 - rings # SKIP {missing}\n1..1")
        return 0
    jobs = [(f"ring both ways IPv{family}", both_ways, family) for family in (4, 6)]
    jobs += [("ring both ways through faults", both_ways, 4, "--impair", "delay 1ms loss 1% reorder 2%")]
    jobs += [(f"ring listens IPv{family}", listens, family) for family in (4, 6)]
    jobs += [(f"ring {t.__name__}", t) for t in (
        one_program_and_another, ten_thousand_connections, refused_and_in_use, the_peer_resets, slow_ends_hold_up_the_fast,
        a_killed_program_ends_its_connections, a_killed_stack_tells_its_programs, nonsense_in_shared_memory_hurts_nobody_else,
        connections_are_listed)]
    return interop.run_all(jobs)


if __name__ == "__main__":
    sys.exit(main())
