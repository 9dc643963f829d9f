#!/usr/bin/env python3
"""What it costs a program to run on the stack: the same measurement natively (the kernel's loopback) and under `tunny run` (both ends
on one stack, over 127.0.0.1), in turn. Inside the lab; run by scripts/run-matrix. Prints a Markdown table."""
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
MATRIX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix")
ROUNDS = 3


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


def python_figures(native):
    connect, ping = output(["python3", os.path.abspath(__file__), "--inside"], native).split()
    return {"connect, 1 byte there and back, close (us)": float(connect), "64 bytes there and back (us)": float(ping)}


def iperf_figures(native):
    out = output(["sh", "-c", "iperf3 -s -1 -p 5999 > /dev/null & sleep 1; iperf3 -c 127.0.0.1 -p 5999 -t 2 -f m"], native)
    return {"iperf3, one stream (Gbit/s)": float(re.search(r"([\d.]+) Mbits/sec +receiver", out).group(1)) / 1000}


def nginx_figures(native, folder):
    port = 18100 + native
    with open(f"{MATRIX}/nginx.conf", encoding="utf-8") as f:
        text = f.read().replace("DIR", folder).replace("PORT", str(port)).replace("OPTIONS", "").replace("CERTIFICATE", "")
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as f:
        f.write(text)
    url = f"http://127.0.0.1:{port}/small"
    out = output(["sh", "-c", f"nginx -c {folder}/nginx.conf & sleep 1; wrk -t1 -c32 -d2 {url}; wrk -t1 -c32 -d2 -H 'Connection: close' {url}; kill $!"],
                 native)
    kept, new = re.findall(r"Requests/sec: +([\d.]+)", out)
    return {"nginx, kept connections (requests/s)": float(kept), "nginx, a connection a request (requests/s)": float(new)}


def measure(native, folder):
    figures = python_figures(native)
    if shutil.which("iperf3"):
        figures.update(iperf_figures(native))
    if shutil.which("nginx") and shutil.which("wrk"):
        figures.update(nginx_figures(native, folder))
    return figures


def middle(values):
    return sorted(values)[len(values) // 2]


def main():
    if sys.argv[1:] == ["--inside"]:
        inside()
        return
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/www")
        with open(f"{folder}/www/small", "w", encoding="utf-8") as f:
            f.write("hello\n")
        os.chmod(folder, 0o755)
        rounds = [(measure(True, folder), measure(False, folder)) for _ in range(ROUNDS)]
    print("| | native | on the stack | ratio |\n|---|---|---|---|")
    for name in rounds[0][0]:
        native, ours = (middle([r[i][name] for r in rounds]) for i in (0, 1))
        print(f"| {name} | {native:.3g} | {ours:.3g} | {ours / native:.2f} |" if native < 1000 else
              f"| {name} | {native:.0f} | {ours:.0f} | {ours / native:.2f} |")


if __name__ == "__main__":
    main()
