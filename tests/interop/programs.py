#!/usr/bin/env python3
"""Any program on our stack: `tunny run` against the kernel's TCP on the other side of the TUN, inside the lab. Prints TAP. Run by
tests/interop/run."""
import hashlib
import http.server
import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

import interop
from apps import TUNNY, in_thread, listener
from interop import KERNEL, STACK, Skip, connect_soon, read_all

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = os.path.join(os.path.dirname(HERE), "run")
DEVICE = ["--device", os.environ.get("LAB_DEVICE", "tun:tunny0")]
SOCKETS = os.path.join(RUN, "sockets.py")
BIG = 8 << 20


def argv(*program, options=()):
    return [TUNNY, "run", *DEVICE, *options, *map(str, program)]


def run(*program, options=(), data=b"", timeout=90, status=0):
    """Runs a program on the stack to its end. Its standard output and error."""
    r = subprocess.run(argv(*program, options=options), input=data, capture_output=True, timeout=timeout, check=False)
    assert r.returncode == status, f"status {r.returncode} instead of {status}: {r.stdout[-300:]} {r.stderr[-2000:].decode()}"
    return r.stdout, r.stderr.decode()


class Running:
    """A program on the stack in the background; ended with the test."""

    def __init__(self, *program, options=()):
        self.p = subprocess.Popen(argv(*program, options=options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.terminate()
        try:
            self.p.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.communicate()
            raise


def need(command):
    if not shutil.which(command):
        raise Skip(f"there is no {command} here")
    return command


class Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Folder:
    """A folder with a large file, served by the kernel's TCP at .url."""

    def __enter__(self):
        self.path = tempfile.mkdtemp()
        self.data = os.urandom(BIG)
        with open(f"{self.path}/big", "wb") as f:
            f.write(self.data)
        self.server = http.server.ThreadingHTTPServer((KERNEL[4], 0), lambda *a: Pages(*a, directory=self.path))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://{KERNEL[4]}:{self.server.server_port}/big"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.path)


# --- clients ---------------------------------------------------------------------------------------------

def fetch(*program, options=()):
    with Folder() as folder:
        need(program[0])
        out, _ = run(*[word.replace("URL", folder.url).replace("PORT", str(folder.server.server_port)) for word in program], options=options)
        assert out.endswith(folder.data) and len(out) < BIG + 1000, (len(out), hashlib.sha256(out).hexdigest())


def curl():
    fetch("curl", "-sS", "URL")


def curl_through_faults():
    fetch("curl", "-sS", "URL", options=("--impair", "delay 5ms 2ms loss 2% reorder 2%"))


def wget():
    fetch("wget", "-q", "-O", "-", "URL")


def busybox():
    fetch("busybox", "wget", "-q", "-O", "-", "URL")


def netcat():
    fetch("sh", "-c", f"command -v nc > /dev/null || exit 9; printf 'GET /big HTTP/1.0\\r\\n\\r\\n' | nc {KERNEL[4]} PORT") \
        if shutil.which("nc") else need("nc")


def bash():
    fetch("bash", "-c", f"exec 3<>/dev/tcp/{KERNEL[4]}/PORT; printf 'GET /big HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3")


# --- servers ---------------------------------------------------------------------------------------------

def serves(port, *program):
    need(program[0])
    with tempfile.TemporaryDirectory() as folder:
        data = os.urandom(BIG)
        with open(f"{folder}/big", "wb") as f:
            f.write(data)
        with Running(*[word.replace("FOLDER", folder) for word in program]):
            for _ in range(5):
                c = connect_soon(4, port, seconds=30)
                c.sendall(b"GET /big HTTP/1.0\r\n\r\n")
                assert read_all(c).endswith(data)
                c.close()


def python_http_server():
    serves(8001, "python3", "-m", "http.server", "-d", "FOLDER", "8001")


def busybox_httpd():
    serves(8002, "busybox", "httpd", "-f", "-p", "8002", "-h", "FOLDER")


# --- the sockets' own list -------------------------------------------------------------------------------

def sockets_case(case):
    native = subprocess.run(["python3", SOCKETS, KERNEL[4], case], capture_output=True, timeout=90, check=False)
    assert native.returncode == 0, f"not even natively: {native.stderr[-500:].decode()}"
    run("python3", SOCKETS, KERNEL[4], case)


# Where an option is answered otherwise than by the kernel's TCP, and why. Otherwise: both refuse it, or both say the same.
OTHER_ANSWERS = {
    "SOL_SOCKET": {
        7: "sizes are the stack's own", 14: "kept, not ignored", 17: "no process is known on the other side", 25: "any name will do",
        26: "accepted, ignored", 28: "getpeername() says it", 49: "no CPU is known", 53: "can also be read", 55: "no kernel memory is used",
        60: "refused: text goes through a pipe", 66: "SO_RCVTIMEO says it", 67: "SO_SNDTIMEO says it", 70: "no busy polling"},
    "IPPROTO_TCP": {
        2: "the link's", 3: "said yes to, without effect", 7: "the stack's default", 10: "no clamp unless one is set", 12: "said yes to, without effect",
        13: "the stack's algorithm", 17: "a timeout in SYN-SENT only", 19: "refused: the connection is ours", 24: "no clock is shown",
        25: "no limit is a number", 26: "no such figures", 28: "accepted, ignored", 30: "refused", 44: "any value is kept", 45: "any value is kept",
        46: "any value is kept"},
    "IPPROTO_IP": {4: "options are not sent", 9: "accepted, ignored", 10: "the stack's default", 14: "the link's", 49: "IPv4's default",
                   52: "an accident of Linux"},
    "IPPROTO_IPV6": {1: "no change of family", 6: "accepted, ignored", 23: "the stack's default", 24: "the link's", 26: "of the socket only",
                     54: "accepted, ignored", 55: "accepted, ignored", 57: "accepted, ignored", 59: "accepted, ignored",
                     72: "what was set is what is read"},
}


def socket_options_are_answered():
    """Every number of four levels, asked for and set, on fresh, listening and connected sockets of both families, beside the kernel."""
    program = ["python3", os.path.join(RUN, "option_answers.py")]
    native = subprocess.run(program, capture_output=True, text=True, timeout=90, check=True).stdout.splitlines()
    ours = run(*program)[0].decode().splitlines()
    assert len(native) == len(ours) > 3000, (len(native), len(ours))
    wrong = []
    for line, our_line in zip(native, ours):
        *question, answer = line.split(maxsplit=5)
        our_answer = our_line.split(maxsplit=5)[5]
        both_refuse = answer.startswith("E") and our_answer.startswith("E")
        if not both_refuse and answer != our_answer and int(question[3]) not in OTHER_ANSWERS[question[2]]:
            wrong.append(f"{line}, not {our_answer}")
    assert not wrong, "\n".join(wrong)


# --- the notes -------------------------------------------------------------------------------------------

def program_of(name):
    """The code of the notes as it stands there; what is no code becomes remarks."""
    with open(os.path.join(RUN, name), encoding="utf-8") as f:
        return "".join(("# " if ord(line[0]) > 127 else "") + line for line in f if line.strip())


def notes_client():
    address = "192.168.31.221"
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    try:
        with socket.socket() as s:
            s.bind((address, 8080))
            s.listen(1)
            s.settimeout(60)
            done = in_thread(lambda: run("python3", "-c", program_of("notes_client.txt")))
            c = s.accept()[0]
            assert read_all(c) == "hello world！".encode()
            c.close()
            done()
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


def notes_server():
    done = in_thread(lambda: run("python3", "-c", program_of("notes_server.txt")))
    c = connect_soon(4, 8081, seconds=30)
    c.sendall("hello world！".encode())
    assert read_all(c) == b""
    c.close()
    done()


# --- the kernel has no part in it ------------------------------------------------------------------------

COUNTERS = """
import socket, urllib.request
def tcp():
    with open("/proc/net/snmp") as f:
        rows = [line.split()[1:] for line in f if line.startswith("Tcp:")]
    return {k: int(v) for k, v in zip(*rows) if k in ("ActiveOpens", "PassiveOpens", "InSegs", "OutSegs")}
links = open("/proc/net/dev").read().split("\\n")[2:-1]
assert [l.split(":")[0].strip() for l in links] == ["lo"], links
assert urllib.request.urlopen("URL").read()
assert set(tcp().values()) == {0}, tcp()
print("none")
"""


def without_any_link_the_kernel_counts_nothing():
    with Folder() as folder:
        out, said = run("python3", "-c", COUNTERS.replace("URL", folder.url), options=("--no-link", "-v"))
        assert out == b"none\n", out
        assert f"] connect(" in said and f"{KERNEL[4]}:{folder.server.server_port}" in said, said


EVADER = """
import ctypes, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
assert libc.syscall(425, 8, ctypes.create_string_buffer(120)) == -1 and ctypes.get_errno() == 38
"""


def rings_are_refused():
    run("python3", "-c", EVADER)


def tcp_past_the_filter_is_reset():
    """A raw socket can send a SYN without the filter; the answer is a reset from the link itself."""
    code = """
import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.settimeout(20)
syn = struct.pack("!HHIIBBHHH", 4321, 80, 1000, 0, 0x50, 2, 1000, 0, 0)
raw.sendto(syn, ("198.18.0.1", 0))
packet = raw.recv(100)
assert packet[20 + 13] == 0x14 and packet[28:32] == struct.pack("!I", 1001), packet
"""
    run("python3", "-c", code)


# --- datagrams, echo requests, names ---------------------------------------------------------------------

def datagrams(family):
    s = listener(family, socket.SOCK_DGRAM)[0]
    code = f"""
import socket
s = socket.socket(socket.{'AF_INET' if family == 4 else 'AF_INET6'}, socket.SOCK_DGRAM)
s.settimeout(20)
for size in (1, 1400, 20000):
    s.sendto(b"q" * size, ("{KERNEL[family]}", {s.getsockname()[1]}))
    assert s.recv(65536) == b"r" * size
s.connect(("{KERNEL[family]}", 9))
s.send(b"nobody")
try:
    s.recv(1)
except ConnectionRefusedError:
    print("refused")
"""

    def answer():
        for _ in range(3):
            data, peer = s.recvfrom(65536)
            s.sendto(data.replace(b"q", b"r"), peer)
    answered = in_thread(answer)
    out, _ = run("python3", "-c", code)
    answered()
    s.close()
    assert out == b"refused\n", out


def echo_requests():
    need("ping")
    for family in (4, 6):
        out, _ = run("ping", f"-{family}", "-c", "2", "-i", "0.2", "-W", "10", KERNEL[family])
        assert b"2 received" in out, out


def names():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((KERNEL[4], 53))
    s.settimeout(60)

    def answer():
        for _ in range(2):
            query, peer = s.recvfrom(512)
            question = query[12:]
            end = question.index(b"\0") + 5
            is_a = question[end - 4:end - 2] == b"\0\1"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("198.18.0.77") if is_a else b""
            s.sendto(query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0" + question[:end] + record, peer)
    answered = in_thread(answer)
    out, _ = run("python3", "-c", "import socket; print({i[4][0] for i in socket.getaddrinfo('a.name.test', 80)})",
                 options=("--resolver", KERNEL[4]))
    s.close()
    del answered
    assert out == b"{'198.18.0.77'}\n", out


# --- ends ------------------------------------------------------------------------------------------------

def exit_codes():
    run("sh", "-c", "exit 7", status=7)
    run("sh", "-c", "kill -9 $$", status=-signal.SIGKILL)
    run("sh", "-c", "kill -15 $$", status=-signal.SIGTERM)
    run("/nowhere/at/all", status=127)
    run(HERE, status=126)
    run("true", options=("--set", "no_such_thing=1"), status=2)


def signals_are_handed_through():
    code = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: exit(33))\nprint('ready', flush=True)\nwhile True: time.sleep(60)"
    with Running("python3", "-c", code) as program:
        assert program.p.stdout.readline() == b"ready\n"
        program.p.terminate()
        assert program.p.wait(30) == 33


def last_words_arrive():
    """What a program wrote just before it ended is sent to the end, through a slow link."""
    s, port = listener(4)
    done = in_thread(lambda: run("bash", "-c", f"head -c 2000000 /dev/zero > /dev/tcp/{KERNEL[4]}/{port}",
                                 options=("--impair", "delay 10ms loss 2%")))
    c = s.accept()[0]
    c.settimeout(60)
    assert len(read_all(c)) == 2000000
    c.close()
    done()
    s.close()


def gone(pid):
    """Until that process is no more."""
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}"):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                return
        assert time.monotonic() < deadline, f"{pid} is still there"
        time.sleep(0.02)


def a_closed_listener_refuses_the_outside():
    """Nobody tells the stack of the close(); at the next packet it looks, if the last look was 5 ms ago."""
    code = """if True:
        import socket, sys
        for port in range(8200, 8210):
            l = socket.create_server(("0.0.0.0", port))
            print(port, flush=True)
            c = l.accept()[0]
            l.close()
            c.sendall(b"closed")
            c.recv(1)"""
    with Running("python3", "-c", code) as program:
        for port in range(8200, 8210):
            assert program.p.stdout.readline() == b"%d\n" % port
            with socket.create_connection((STACK[4], port), timeout=30) as c:
                assert c.recv(6) == b"closed"
                time.sleep(0.03)
                try:
                    socket.create_connection((STACK[4], port), timeout=30).close()
                except ConnectionRefusedError:
                    continue
                raise AssertionError("the closed listener accepted")
        assert program.p.wait(30) == 0


def killed_program_resets_or_ends_its_connections():
    s, port = listener(4)
    code = f"import socket, time\nc = socket.create_connection(('{KERNEL[4]}', {port}))\nc.sendall(b'here')\nwhile True: time.sleep(60)"
    with Running("python3", "-c", code) as program:
        c = s.accept()[0]
        assert c.recv(4) == b"here"
        with open(f"/proc/{program.p.pid}/task/{program.p.pid}/children", encoding="ascii") as f:
            os.kill(int(f.read().split()[0]), signal.SIGKILL)
        c.settimeout(30)
        assert c.recv(1) == b""
        c.close()
        assert program.p.wait(30) == -signal.SIGKILL
    s.close()


def killed_stack_leaves_nothing():
    s, port = listener(4)
    code = f"import socket, time\nc = socket.create_connection(('{KERNEL[4]}', {port}))\nc.sendall(b'here')\nwhile True: time.sleep(60)"
    with Running("python3", "-c", code) as program:
        c = s.accept()[0]
        assert c.recv(4) == b"here"
        with open(f"/proc/{program.p.pid}/task/{program.p.pid}/children", encoding="ascii") as f:
            child = int(f.read().split()[0])
        program.p.kill()
        program.p.wait(30)
        gone(child)
        c.close()
    s.close()
    run("true")
    for folder in ("/run", os.environ.get("XDG_RUNTIME_DIR", "/run"), "/tmp"):
        assert not os.path.exists(f"{folder}/tunny/run-{program.p.pid}"), "its control socket is still there"
        assert not os.path.exists(f"{folder}/tunny-{os.geteuid()}/run-{program.p.pid}"), "its control socket is still there"
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert "tunny:" not in links, links


def finds_listening_sockets():
    code = """
import os, socket
assert os.environ["LISTEN_FDS"] == "2" and os.environ["LISTEN_PID"] == str(os.getpid())
for number, word in ((3, b"three"), (4, b"four")):
    c = socket.socket(fileno=number).accept()[0]
    c.sendall(word)
    c.close()
"""
    done = in_thread(lambda: run("python3", "-c", code, options=("--listen", "8096", "--listen", f"[{STACK[6]}]:8097")))
    for family, port, word in ((4, 8096, b"three"), (6, 8097, b"four")):
        c = connect_soon(family, port, seconds=30)
        assert read_all(c) == word
        c.close()
    done()
    run("true", options=("--listen", "no port"), status=2)


MANY = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
async def answer(reader, writer):
    writer.write(await reader.read(4))
    await reader.read(1)
    writer.close()
async def serve():
    async with await asyncio.start_server(answer, "0.0.0.0", 8098, backlog=512) as server:
        await server.serve_forever()
asyncio.run(serve())
"""


def thousands_at_once():
    """Each with a turn of its own, inside a memory budget of 64 MB: an idle connection costs little."""
    count = 3000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count + 100:
        raise Skip(f"no more than {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Running("python3", "-c", MANY, options=("--memory", "64M")):
        clients = [connect_soon(4, 8098, seconds=30) for _ in range(count)]
        for i, c in enumerate(clients):
            c.sendall(i.to_bytes(4, "big"))
        for i, c in enumerate(clients):
            assert c.recv(4) == i.to_bytes(4, "big"), i
            c.close()


# --- a stack with a name ---------------------------------------------------------------------------------

def tunny(*args, status=0):
    r = subprocess.run([TUNNY, *map(str, args)], capture_output=True, text=True, timeout=60, check=False)
    assert r.returncode == status, f"{args}: status {r.returncode} instead of {status}: {r.stdout[-500:]} {r.stderr[-1000:]}"
    return r.stdout


def joined_by_many():
    name = f"test-{os.getpid()}"
    code = "import socket, sys; s = socket.socket(); s.bind(('', 8090)); s.listen(5); print('ready', flush=True); c = s.accept()[0]; c.recv(1)"
    tunny("up", *DEVICE, name)
    try:
        tunny("up", *DEVICE, name, status=2)
        server = subprocess.Popen([TUNNY, "run", "--join", name, "python3", "-c", code], stdout=subprocess.PIPE)
        assert server.stdout.readline() == b"ready\n"
        # One port table for all: EADDRINUSE (98) across runs, and one run reaches the other.
        tunny("run", "--join", name, "python3", "-c",
              "import socket\ntry: socket.socket().bind(('', 8090))\nexcept OSError as e: exit(e.errno)", status=98)
        client = subprocess.Popen([TUNNY, "run", "--join", name, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8090; read line <&3; exit 5"])
        deadline = time.monotonic() + 30
        while tunny("ss", name).count("ESTAB") < 2:
            assert time.monotonic() < deadline, tunny("ss", name)
            time.sleep(0.05)
        lines = tunny("ss", name).splitlines()
        assert [l for l in lines if l.startswith("LISTEN") and "0.0.0.0:8090" in l and f"python3" in l], lines
        assert [l for l in lines if l.startswith("ESTAB") and "127.0.0.1:8090" in l and "bash/" in l], lines
        assert name in tunny("ps") and " python3" in tunny("ps", name) and " bash" in tunny("ps", name)
        server.kill()
        server.communicate()
        assert client.wait(30) == 5
    finally:
        tunny("down", name)
    assert name not in subprocess.run([TUNNY, "ps"], capture_output=True, text=True, check=False).stdout
    tunny("run", "--join", name, "true", status=2)
    tunny("down", name, status=1)


REUSE = """import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("", 8089))
s.listen(64)
print("ready", flush=True)
while True:
    c = s.accept()[0]
    c.sendall(sys.argv[1].encode())
    c.close()
"""


def runs_share_a_port():
    """SO_REUSEPORT across runs: each gets its share, nobody without the option gets in, and who is left when one is killed gets all."""
    name = f"share-{os.getpid()}"
    servers = []

    def served():
        code = "import socket\nfor _ in range(40): print(socket.create_connection(('127.0.0.1', 8089), 20).recv(1).decode(), end='')"
        return tunny("run", "--join", name, "python3", "-c", code)

    tunny("up", *DEVICE, name)
    try:
        for letter in "ab":
            servers.append(subprocess.Popen([TUNNY, "run", "--join", name, "python3", "-c", REUSE, letter], stdout=subprocess.PIPE))
            assert servers[-1].stdout.readline() == b"ready\n"
        tunny("run", "--join", name, "python3", "-c",
              "import socket\ntry: socket.socket().bind(('', 8089))\nexcept OSError as e: exit(e.errno)", status=98)
        got = served()
        assert len(got) == 40 and set(got) == {"a", "b"}, got
        servers[0].kill()
        deadline = time.monotonic() + 20
        while sum(l.startswith("LISTEN") for l in tunny("ss", name).splitlines()) > 1:
            assert time.monotonic() < deadline, tunny("ss", name)
            time.sleep(0.05)
        assert served() == "b" * 40
    finally:
        for s in servers:
            s.kill()
            s.communicate()
        tunny("down", name)


def programs_outlive_a_killed_stack():
    """They get what TCP would tell them, and no call falls through to the kernel's TCP."""
    name = f"test-{os.getpid()}"
    code = f"""
import errno, os, socket
s = socket.create_connection(('{KERNEL[4]}', PORT))
print("ready", flush=True)
try:
    assert s.recv(1) == b""
except ConnectionResetError:
    pass
try:
    socket.socket()
except OSError as e:
    assert e.errno == errno.ENOSYS, e
    print("over", flush=True)
"""
    s, port = listener(4)
    up = subprocess.Popen([TUNNY, "up", *DEVICE, "--foreground", name], stderr=subprocess.PIPE)
    line = up.stderr.readline()
    assert b"is up" in line, line
    program = subprocess.Popen([TUNNY, "run", "--join", name, "python3", "-c", code.replace("PORT", str(port))], stdout=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    up.kill()
    up.communicate()
    assert program.communicate(timeout=30)[0] == b"over\n"
    s.close()
    tunny("run", "--join", name, "true", status=2)


ORDINARY = """
mount --bind "$1/tun" /dev/net/tun
ip tuntap add dev tunnyu mode tun user 65534
ip address add 198.18.5.1/24 dev tunnyu
ip link set tunnyu up
setpriv --reuid 65534 --regid 65534 --clear-groups "$1/tunny" run --tun tunnyu --addr 198.18.5.2/24 sh -c \
    "id -u; grep CapEff: /proc/self/status; bash -c 'exec 3<>/dev/tcp/198.18.5.1/8095; cat <&3'"
status=$?
ip link delete tunnyu
exit $status
"""


def as_an_ordinary_user():
    """With an interface of its own and a device node that it may open, and no other right."""
    need("setpriv")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as s:
        try:
            os.mknod(f"{folder}/tun", 0o600 | stat.S_IFCHR, os.makedev(10, 200))
        except PermissionError as e:
            raise Skip("this user may not make a device node") from e
        for path, mode in ((folder, 0o755), (f"{folder}/tun", 0o666)):
            os.chmod(path, mode)
        shutil.copy(TUNNY, f"{folder}/tunny")
        s.bind(("", 8095))
        s.listen(1)
        s.settimeout(60)

        def answer():
            c = s.accept()[0]
            c.sendall(b"hello, user\n")
            c.close()
        answered = in_thread(answer)
        r = subprocess.run(["unshare", "--mount", "bash", "-c", ORDINARY, "sh", folder], capture_output=True, text=True, timeout=60,
                           check=False)
        assert r.returncode == 0 and r.stdout == "65534\nCapEff:\t0000000000000000\nhello, user\n", (r.stdout, r.stderr[-1000:])
        answered()


def what_is_missing():
    """By the doctor: where nothing is missing, programs must run."""
    out = subprocess.run([TUNNY, "doctor", "--json"], capture_output=True, check=False).stdout
    checks = {c["name"]: c for c in json.loads(out)["checks"]}
    return "; ".join(f"{name}: {checks[name]['detail']}" for name in ("seccomp-notify", "tun") if not checks[name]["works"])


def main():
    missing = what_is_missing()
    if missing:
        print(f"ok 1 - tunny run # SKIP {missing}\n1..1")
        return 0
    cases = subprocess.run(["python3", SOCKETS, "-", "--list"], capture_output=True, text=True, check=True).stdout.split()
    jobs = [(f"program {t.__name__}", t) for t in (
        curl, curl_through_faults, wget, busybox, netcat, bash, python_http_server, busybox_httpd, notes_client, notes_server,
        without_any_link_the_kernel_counts_nothing, rings_are_refused, tcp_past_the_filter_is_reset, echo_requests, names, exit_codes,
        signals_are_handed_through, last_words_arrive, a_closed_listener_refuses_the_outside,
        killed_program_resets_or_ends_its_connections, killed_stack_leaves_nothing,
        finds_listening_sockets, socket_options_are_answered, thousands_at_once, joined_by_many, runs_share_a_port,
        programs_outlive_a_killed_stack, as_an_ordinary_user)]
    jobs += [(f"program datagrams IPv{family}", datagrams, family) for family in (4, 6)]
    jobs += [(f"program sockets {case}", sockets_case, case) for case in cases]
    return interop.run_all(jobs)


if __name__ == "__main__":
    sys.exit(main())
