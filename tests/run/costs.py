#!/usr/bin/env python3
"""What it costs a program to run on the stack: one measurement, natively (the kernel's loopback), under `tunny run` (both ends on one
stack, over 127.0.0.1), or by shared memory (programs that know of the stack; both ends on it). Inside the lab; run by tests/bench.
Prints "R key value" lines.

    costs.py native|stack|ring"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

TUNNY = os.path.abspath(os.environ.get("BUILD", "build/release") + "/tunny")
JOINED = os.path.join(os.path.dirname(TUNNY), "tests/interop/joined")
DEVICE = ["--device", os.environ.get("LAB_DEVICE", "tun:tunny0")]
MATRIX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix")
SECONDS = 1


# --- measured inside --------------------------------------------------------------------------------------

def answer(listener):
    """Serves one connection after the other: everything comes back."""
    while True:
        c = listener.accept()[0]
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while d := c.recv(4096):
            c.sendall(d)
        c.close()


def listening():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    threading.Thread(target=answer, args=(listener,), daemon=True).start()
    return listener.getsockname()


def connect_echo_close(address):
    count = 1000
    started = time.monotonic()
    for _ in range(count):
        c = socket.create_connection(address)
        c.sendall(b"x")
        c.recv(1)
        c.close()
    return (time.monotonic() - started) / count * 1e6


def ping_pong(address):
    count = 5000
    c = socket.create_connection(address)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    started = time.monotonic()
    for _ in range(count):
        c.sendall(b"y" * 64)
        c.recv(64)
    return (time.monotonic() - started) / count * 1e6


def inside():
    address = listening()
    print(connect_echo_close(address), ping_pong(address))


# --- measured outside -------------------------------------------------------------------------------------

def output(words, native):
    r = subprocess.run(words if native else [TUNNY, "run", *words], capture_output=True, text=True, timeout=120, check=False)
    return r.stdout


def report(key, value):
    print(f"R {key} {value:.4g}", flush=True)


def python_figures(native):
    for key, value in zip(("connect", "ping"), output(["python3", os.path.abspath(__file__), "--inside"], native).split()):
        report(key, float(value))


JOINED_FIGURES = """
"$0" "$1" pong 5997 > "$2/pong" & pong=$!
"$0" "$1" sink 5998 > "$2/sink" & sink=$!
until grep -q ready "$2/pong" && grep -q ready "$2/sink"; do sleep 0.01; done
"$0" "$1" many 127.0.0.1 5997 1000
"$0" "$1" turns 127.0.0.1 5997 5000
"$0" "$1" push 127.0.0.1 5998 2000000000
kill $pong $sink
"""


def joined_figures(how):
    """The same small program in C each time, with the sockets of the kernel, of the pipes, or of the rings."""
    name = f"costs-{os.getpid()}"
    if how == "ring":
        subprocess.run([TUNNY, "up", *DEVICE, name], check=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = output(["sh", "-c", JOINED_FIGURES, JOINED, name if how == "ring" else "-", folder], how != "stack")
    finally:
        if how == "ring":
            subprocess.run([TUNNY, "down", name], check=True)
    for key, value in re.findall(r"R (\w+) ([\d.]+)", out):
        report("c_" + key, float(value))


def until_it_listens(port):
    """As words of a shell."""
    return f"until nc -z 127.0.0.1 {port}; do sleep 0.02; done"


def iperf_figures(native):
    # To iperf3's server a look whether it listens is a client, which may keep the next one out: the client itself tries again.
    ask = f"iperf3 -c 127.0.0.1 -p 5999 -t {SECONDS} -f m 2> /dev/null"
    out = output(["sh", "-c", f'iperf3 -s -p 5999 > /dev/null & until out=$({ask}); do sleep 0.05; done; echo "$out"; kill $!'], native)
    report("iperf", float(re.search(r"([\d.]+) Mbits/sec +receiver", out).group(1)) / 1000)


def nginx_figures(native, folder):
    port = 18100 + native
    with open(f"{MATRIX}/nginx.conf", encoding="utf-8") as f:
        text = f.read().replace("DIR", folder).replace("PORT", str(port)).replace("OPTIONS", "").replace("CERTIFICATE", "")
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as f:
        f.write(text)
    ask = f"wrk -t1 -c32 -d{SECONDS}"
    url = f"http://127.0.0.1:{port}/small"
    out = output(["sh", "-c", f"nginx -c {folder}/nginx.conf & {until_it_listens(port)}; {ask} {url}; {ask} -H 'Connection: close' {url}; kill $!"],
                 native)
    for key, value in zip(("kept", "new"), re.findall(r"Requests/sec: +([\d.]+)", out)):
        report(key, float(value))


def main():
    if sys.argv[1:] == ["--inside"]:
        inside()
        return
    joined_figures(sys.argv[1])
    if sys.argv[1] == "ring":
        return
    native = sys.argv[1] == "native"
    python_figures(native)
    if shutil.which("iperf3"):
        iperf_figures(native)
    if shutil.which("nginx") and shutil.which("wrk") and shutil.which("nc"):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/www")
            with open(f"{folder}/www/small", "w", encoding="utf-8") as f:
                f.write("hello\n")
            os.chmod(folder, 0o755)
            nginx_figures(native, folder)


if __name__ == "__main__":
    main()
