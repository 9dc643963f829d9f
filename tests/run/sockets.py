#!/usr/bin/env python3
"""What programs do with TCP sockets, checked on whatever TCP they get: the same program runs natively and under `tunny run`.
sockets.py NOBODY CASE...: NOBODY is a remote address without listeners; prints "ok CASE" for each."""
import array
import ctypes
import errno
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

TCP = socket.IPPROTO_TCP
SOL = socket.SOL_SOCKET
NOBODY = sys.argv[1]


def raises(error, function, *args):
    try:
        result = function(*args)
    except OSError as e:
        assert e.errno == error, (e, error)
        return
    raise AssertionError(f"{result} instead of {errno.errorcode[error]}")


def pair(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen(5)
        client = socket.create_connection(listener.getsockname()[:2], timeout=20)
        server, address = listener.accept()
        assert address == client.getsockname(), (address, client.getsockname())
    server.settimeout(20)
    return client, server


def read_all(s):
    out = bytearray()
    while True:
        d = s.recv(1 << 16)
        if not d:
            return bytes(out)
        out += d


def until(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        select.select([], [], [], 0.005)


def echo():
    for host in ("127.0.0.1", "::1"):
        c, s = pair(host)
        c.sendall(b"hello")
        assert s.recv(10) == b"hello"
        s.sendall(b"x" * 300000)
        s.close()
        assert read_all(c) == b"x" * 300000


def names():
    c, s = pair()
    assert c.getpeername() == s.getsockname() and s.getpeername() == c.getsockname()
    fresh = socket.socket()
    assert fresh.getsockname() == ("0.0.0.0", 0)
    raises(errno.ENOTCONN, fresh.getpeername)


def mapped_addresses():
    with socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", 0))
        listener.listen(5)
        c = socket.create_connection(("127.0.0.1", listener.getsockname()[1]))
        assert listener.accept()[1][0] == "::ffff:127.0.0.1"
        c.close()


def refused():
    for host in ("127.0.0.1", NOBODY):
        with socket.socket() as s:
            raises(errno.ECONNREFUSED, s.connect, (host, 1))


def nonblocking_connect():
    with socket.socket() as listener, socket.socket() as c:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        c.setblocking(False)
        poll = select.epoll()
        poll.register(c, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        assert c.connect_ex(listener.getsockname()) == errno.EINPROGRESS
        seen = 0
        while not seen & select.EPOLLOUT or seen & select.EPOLLHUP:
            events = poll.poll(20)
            assert events, "no event"
            seen = events[0][1]
        assert c.getsockopt(SOL, socket.SO_ERROR) == 0
        s = listener.accept()[0]
        c.send(b"z")
        assert s.recv(1) == b"z"
        s.close()


def nonblocking_refused():
    for host in ("127.0.0.1", NOBODY):
        with socket.socket() as c:
            c.setblocking(False)
            assert c.connect_ex((host, 1)) == errno.EINPROGRESS or host != NOBODY
            poll = select.poll()
            poll.register(c, select.POLLIN | select.POLLOUT)
            events = poll.poll(20000)
            assert events and events[0][1] & (select.POLLERR | select.POLLHUP), events
            assert c.getsockopt(SOL, socket.SO_ERROR) in (errno.ECONNREFUSED, 0 if host != NOBODY else -1)
            assert c.getsockopt(SOL, socket.SO_ERROR) == 0


def connect_again_after_failure():
    with socket.socket() as c, socket.socket() as listener:
        c.setblocking(False)
        c.connect_ex((NOBODY, 1))
        assert select.select([], [c], [], 20)[1]
        assert c.getsockopt(SOL, socket.SO_ERROR) == errno.ECONNREFUSED
        listener.bind(("", 0))
        listener.listen(5)
        address = (c.getsockname()[0], listener.getsockname()[1])
        assert c.connect_ex(address) == errno.ECONNABORTED
        assert c.connect_ex(address) in (errno.EINPROGRESS, 0)
        s = listener.accept()[0]
        s.send(b"k")
        assert select.select([c], [], [], 20)[0] and c.recv(1) == b"k"
        s.close()


def half_close():
    c, s = pair()
    c.sendall(b"request")
    c.shutdown(socket.SHUT_WR)
    assert read_all(s) == b"request"
    s.sendall(b"reply" * 1000)
    s.close()
    assert read_all(c) == b"reply" * 1000


def reset_when_unread():
    c, s = pair()
    c.sendall(b"unread")
    assert s.recv(6, socket.MSG_PEEK) == b"unread"
    s.close()
    raises(errno.ECONNRESET, c.recv, 1)
    assert c.getsockopt(SOL, socket.SO_TYPE) == socket.SOCK_STREAM


def reset_by_linger():
    for closer in (0, 1):
        ends = pair()
        ends[closer].setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ends[closer].close()
        raises(errno.ECONNRESET, ends[1 - closer].recv, 1)
        assert ends[1 - closer].recv(1) == b""


def text_before_reset():
    c, s = pair()
    s.sendall(b"last words")
    assert c.recv(10, socket.MSG_PEEK | socket.MSG_WAITALL) == b"last words"
    s.setsockopt(SOL, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    assert c.recv(10) == b"last words"
    raises(errno.ECONNRESET, c.recv, 1)


def broken_pipe():
    c, s = pair()
    s.close()
    assert c.recv(1) == b""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    c.send(b"first")
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:
            c.send(b"more")
            select.select([], [], [], 0.002)
        raise AssertionError("never EPIPE")
    except OSError as e:
        assert e.errno in (errno.EPIPE, errno.ECONNRESET), e


def address_in_use():
    a, b = socket.socket(), socket.socket()
    a.bind(("0.0.0.0", 0))
    a.listen(5)
    raises(errno.EADDRINUSE, b.bind, a.getsockname())
    address = a.getsockname()
    a.close()
    b.bind(address)
    b.listen(1)
    b.close()
    raises(errno.EADDRNOTAVAIL, socket.socket().bind, ("203.0.113.7", 0))


def reuse_port():
    members = []
    port = 0
    for _ in range(2):
        s = socket.socket()
        s.setsockopt(SOL, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        port = s.getsockname()[1]
        s.listen(64)
        s.setblocking(False)
        members.append(s)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    counts = [0, 0]

    def accept_all():
        for i, s in enumerate(members):
            try:
                while s.accept():
                    counts[i] += 1
            except BlockingIOError:
                pass
        return sum(counts) == len(clients)
    until(accept_all, counts)
    assert min(counts) > 3, counts


def dissolve(s):
    """connect() to AF_UNSPEC, which Python's own call does not know."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.connect(s.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16) == 0, os.strerror(ctypes.get_errno())


def dissolved():
    """An address of no family resets a connection, ends a listener, and the socket may be used again."""
    listener = socket.create_server(("127.0.0.1", 0))
    c = socket.socket()
    c.setsockopt(SOL, socket.SO_KEEPALIVE, 1)
    dissolve(c)
    for _ in range(2):
        c.connect(listener.getsockname())
        s = listener.accept()[0]
        c.sendall(b"a")
        assert s.recv(1) == b"a"
        dissolve(c)
        raises(errno.ECONNRESET, s.recv, 1)
        raises(errno.ENOTCONN, c.getpeername)
        s.close()
    assert c.getsockopt(SOL, socket.SO_KEEPALIVE) == 1
    address = listener.getsockname()
    dissolve(listener)
    raises(errno.EINVAL, listener.accept)
    raises(errno.ECONNREFUSED, c.connect, address)
    c.setblocking(False)
    assert c.connect_ex(address) in (errno.EINPROGRESS, errno.ECONNREFUSED)
    dissolve(c)
    c.close()
    listener.close()


def backlog():
    """Six wait in a queue of five; the others are not connected before there is room."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        clients = [socket.socket() for _ in range(9)]
        for c in clients:
            c.setblocking(False)
            assert c.connect_ex(listener.getsockname()) == errno.EINPROGRESS
            select.select([], [c], [], 0.2)
        connected = select.select([], clients, [], 0)[1]
        assert connected == clients[:6], [clients.index(c) for c in connected]
        for _ in clients:
            listener.settimeout(20)
            listener.accept()[0].close()
        until(lambda: len(select.select([], clients, [], 0)[1]) == 9, "all are connected")


def closed_listener_refuses():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    address = s.getsockname()
    s.close()
    raises(errno.ECONNREFUSED, socket.create_connection, address)


def waiting_connections_are_reset():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    c = socket.create_connection(s.getsockname(), timeout=20)
    s.close()
    raises(errno.ECONNRESET, c.recv, 1)


def shutdown_wakes_accept():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(5)
    result = []

    def wait():
        try:
            s.accept()
        except OSError as e:
            result.append(e.errno)
    t = threading.Thread(target=wait)
    t.start()
    state = f"/proc/self/task/{t.native_id}/stat"
    until(lambda: open(state, encoding="ascii").read().split(") ")[1][0] == "S", "it does not wait")
    s.shutdown(socket.SHUT_RDWR)
    t.join(20)
    assert result == [errno.EINVAL], result


def timeouts():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(1)
    s.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200000))
    started = time.monotonic()
    raises(errno.EAGAIN, s.accept)
    assert time.monotonic() - started >= 0.19
    c, a = pair()
    c.setblocking(True)
    c.setsockopt(SOL, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200000))
    raises(errno.EAGAIN, c.recv, 1)
    a.close()


def passed_to_a_child():
    c, s = pair()
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        c.close()
        s.close()
        ours.close()
        control = theirs.recvmsg(1, socket.CMSG_SPACE(4))[1]
        numbers = array.array("i")
        numbers.frombytes(control[0][2])
        passed = socket.socket(fileno=numbers[0])
        passed.sendall(repr(passed.getpeername()).encode())
        os._exit(0)
    ours.sendmsg([b"x"], [(SOL, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    s.close()
    assert read_all(c) == repr(c.getsockname()).encode()
    os.waitpid(child, 0)


def shared_by_processes():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(50)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            while True:
                c = s.accept()[0]
                c.sendall(c.recv(100) + b" %d" % os.getpid())
                c.close()
        children.append(child)
    seen = set()
    for _ in range(100):
        c = socket.create_connection(s.getsockname())
        c.sendall(b"who")
        seen.add(int(read_all(c).split()[1]))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert seen <= set(children), seen


def survives_exec():
    c, s = pair()
    s.set_inheritable(True)
    child = os.fork()
    if child == 0:
        os.execvp("sh", ["sh", "-c", f"read line <&{s.fileno()}; echo \"got $line\" >&{s.fileno()}"])
    s.close()
    c.sendall(b"a line\n")
    assert read_all(c) == b"got a line\n"
    assert os.waitpid(child, 0)[1] == 0


def options():
    c, s = pair()
    for level, option, value in ((TCP, socket.TCP_NODELAY, 1), (SOL, socket.SO_KEEPALIVE, 1), (TCP, socket.TCP_KEEPIDLE, 77),
                                 (TCP, socket.TCP_KEEPINTVL, 7), (TCP, socket.TCP_KEEPCNT, 3), (TCP, socket.TCP_USER_TIMEOUT, 1234),
                                 (SOL, socket.SO_PRIORITY, 3), (SOL, socket.SO_OOBINLINE, 1), (socket.IPPROTO_IP, socket.IP_TOS, 16)):
        c.setsockopt(level, option, value)
        assert c.getsockopt(level, option) == value, (level, option)
    c.setsockopt(SOL, socket.SO_SNDBUF, 50000)
    assert c.getsockopt(SOL, socket.SO_SNDBUF) == 100000
    c.setsockopt(TCP, socket.TCP_CONGESTION, b"reno")
    assert c.getsockopt(TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0") == b"reno"
    assert c.getsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, 40) == b""
    info = c.getsockopt(TCP, socket.TCP_INFO, 104)
    assert len(info) == 104 and info[0] == 1, info
    assert (c.getsockopt(SOL, socket.SO_DOMAIN), c.getsockopt(SOL, socket.SO_PROTOCOL)) == (socket.AF_INET, TCP)
    assert s.getsockopt(SOL, socket.SO_ACCEPTCONN) == 0
    raises(errno.ENOPROTOOPT, c.setsockopt, SOL, 9999, 1)
    raises(errno.ENOENT, c.setsockopt, TCP, socket.TCP_CONGESTION, b"no_such_thing")


def urgent():
    c, s = pair()
    s.setblocking(True)
    c.sendall(b"before")
    assert s.recv(6, socket.MSG_WAITALL) == b"before"
    c.send(b"!", socket.MSG_OOB)
    poll = select.poll()
    poll.register(s, select.POLLPRI)
    assert poll.poll(20000)
    assert s.recv(1, socket.MSG_OOB) == b"!"
    c.sendall(b"after")
    assert s.recv(5, socket.MSG_WAITALL) == b"after"


def much_both_ways():
    c, s = pair()
    data = os.urandom(1 << 20) * 16
    threads = [threading.Thread(target=end.sendall, args=(data,)) for end in (c, s)]
    got = {}

    def receive(end):
        out = bytearray()
        while len(out) < len(data):
            out += end.recv(1 << 20)
        got[end] = out
    threads += [threading.Thread(target=receive, args=(end,)) for end in (c, s)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert got[c] == data and got[s] == data


def slow_reader():
    c, s = pair()
    s.setblocking(False)
    sent = 0
    try:
        while True:
            sent += s.send(b"y" * 65536)
    except BlockingIOError:
        pass
    assert 65536 <= sent < 1 << 30, sent
    s.setblocking(True)
    s.close()
    assert len(read_all(c)) == sent


def signal_storm():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, False)
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(50)
    address = s.getsockname()
    signal.setitimer(signal.ITIMER_REAL, 0.00015, 0.00015)
    try:
        for _ in range(int(os.environ.get("STORM", "300"))):
            c = socket.socket()
            c.connect(address)
            a = s.accept()[0]
            c.sendall(b"1")
            assert a.recv(1) == b"1"
            c.close()
            assert a.recv(1) == b""
            a.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


CASES = [echo, names, mapped_addresses, refused, nonblocking_connect, nonblocking_refused, connect_again_after_failure, half_close,
         reset_when_unread, reset_by_linger, text_before_reset, broken_pipe, address_in_use, reuse_port, dissolved, backlog,
         closed_listener_refuses, waiting_connections_are_reset, shutdown_wakes_accept, timeouts, passed_to_a_child, shared_by_processes, survives_exec,
         options, urgent, much_both_ways, slow_reader, signal_storm]

if __name__ == "__main__":
    if sys.argv[2:] == ["--list"]:
        print("\n".join(case.__name__ for case in CASES))
    for case in CASES:
        if case.__name__ in sys.argv[2:]:
            case()
            print("ok", case.__name__, flush=True)
