"""file_rows.py - `tunny get` and `tunny serve` beside curl and nginx on the kernel's TCP: one large file, and many small answers. The
file has no bytes in it (sparse, in memory), so that what is measured is the way of its bytes and not where they come from."""
import contextlib
import os
import shutil
import subprocess
import time

from harness import BUILD, PROGRAMS, Pair, Row, Skipped, background, cpus, in_lab, inside, open_lab, run
from stack_rows import case

FOLDER = BUILD + "/tests/bench/files"  # a memory file system is mounted here, in a mount namespace of our own
DISK = BUILD + "/tests/bench/on-disk"
TUNNY = BUILD + "/tunny"
GIB = 1 << 30
NGINX = f"""daemon off; master_process off; user root; pid {FOLDER}/nginx.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_body_temp_path {FOLDER}/t1; proxy_temp_path {FOLDER}/t2;
fastcgi_temp_path {FOLDER}/t3; uwsgi_temp_path {FOLDER}/t4; scgi_temp_path {FOLDER}/t5;
server {{ listen 80 backlog=1024; root {FOLDER}/www; }} }}
"""


def available():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("MemAvailable"))


def prepare():
    """Gone with the mount namespace."""
    os.makedirs(FOLDER, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90%", "tunny-bench", FOLDER], check=True)
    os.mkdir(FOLDER + "/www")
    for name, size in (("big", 4 * GIB), ("one", GIB), ("small", 6)):
        with open(f"{FOLDER}/www/{name}", "wb") as f:
            f.truncate(size)
    with open(FOLDER + "/nginx.conf", "w", encoding="utf-8") as f:
        f.write(NGINX)


def listens(process, port):
    """Whether somebody listens in the network namespace of a process."""
    with open(f"/proc/{process}/net/tcp", encoding="ascii") as f:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in f.readlines()[1:])


@contextlib.contextmanager
def nginx(namespace, cpu):
    if not shutil.which("nginx"):
        raise Skipped("nginx is not installed")
    with background(inside(namespace, "taskset", "-c", str(cpu), "nginx", "-e", "stderr", "-c", FOLDER + "/nginx.conf")) as server:
        while not listens(namespace, 80):
            if server.poll() is not None:
                raise RuntimeError("nginx: " + server.stdout.read())
            time.sleep(0.002)
        yield server


@contextlib.contextmanager
def tunny_serve(namespace):
    with background(inside(namespace, "taskset", "-c", "0", TUNNY, "serve", "-q", FOLDER + "/www"), "serving") as server:
        yield server


def transfer(namespace, cpu, server, command, size):
    """Runs a client; what it took, and both sides' cost."""
    before, begun = cpus(server.pid), time.monotonic()
    with subprocess.Popen(inside(namespace, "taskset", "-c", str(cpu), *command)) as client:
        _, status, usage = os.wait4(client.pid, 0)
        took, after = time.monotonic() - begun, cpus(server.pid)
        client.returncode = os.waitstatus_to_exitcode(status)
    if client.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {client.returncode}")
    gb = size / 1e9
    return {"rate": gb * 8 / took, "client_user": usage.ru_utime / gb, "client_system": usage.ru_stime / gb,
            "server_user": (after[0] - before[0]) / gb, "server_system": (after[1] - before[1]) / gb}


def seen_from(side, measured):
    """The measured side's cost is "cpu", its peer's "peer"."""
    names = {"client": "cpu", "server": "peer"} if side == "client" else {"client": "peer", "server": "cpu"}
    return {(names.get(key.split("_")[0], "") + "_" + key.split("_")[1]) if "_" in key else key: value for key, value in measured.items()}


def curl(url, to, sync=False):
    if not shutil.which("curl"):
        raise Skipped("curl is not installed")
    command = ["curl", "-s", "-o", to, url]
    return ["sh", "-c", '"$@" && sync "$0"', to, *command] if sync else command


def get(to, name, size):
    """`tunny get` from nginx on the kernel's side of the TUN."""
    with open_lab() as here, nginx(here, 1) as server:
        return seen_from("client", transfer(here, 0, server, [TUNNY, "get", "-q", "-o", to, f"http://198.18.0.1/{name}"], size))


def curl_gets(to, name, size, sync=False):
    with Pair() as pair, nginx(pair.a, 1) as server:
        return seen_from("client", transfer(pair.b, 0, server, curl(f"http://198.18.0.1/{name}", to, sync), size))


def serve(name, size):
    with open_lab() as here, tunny_serve(here) as server:
        return seen_from("server", transfer(here, 1, server, curl(f"http://198.18.0.2/{name}", "/dev/null"), size))


def nginx_serves(name, size):
    with Pair() as pair, nginx(pair.b, 0) as server:
        return seen_from("server", transfer(pair.a, 1, server, curl(f"http://198.18.0.2/{name}", "/dev/null"), size))


def then_removed(path, fetch, *words, **named):
    if path.startswith(FOLDER) and available() < 6 * GIB:
        raise Skipped("a file of 4 GiB in memory needs 6 GiB of it")
    try:
        return fetch(path, *words, **named)
    finally:
        if os.path.exists(path):
            os.unlink(path)


def large(options):
    size, name, memory = options.file * GIB, "one" if options.file == 1 else "big", FOLDER + "/fetched"
    cases = {"bulk receive": case(in_lab, "bulk", "recv", "-t", str(options.seconds)),
             "get": case(get, "/dev/null", name, size), "curl": case(curl_gets, "/dev/null", name, size),
             "get, memory": case(then_removed, memory, get, name, size), "curl, memory": case(then_removed, memory, curl_gets, name, size),
             "serve": case(serve, name, size), "nginx": case(nginx_serves, name, size)}
    fetch = f"tunny get of {options.file} GiB to "
    rows = [Row(fetch + "/dev/null", "get", "bulk receive", 0.95), Row(fetch + "/dev/null", "get", "curl", 1.0),
            Row(fetch + "a file in memory", "get, memory", "curl, memory"),
            Row(f"tunny serve of {options.file} GiB to curl", "serve", "nginx")]
    return cases, rows


def disk(options):
    """The disk decides: shorter, and to the end of fsync() on both sides."""
    del options
    cases = {"get, disk": case(then_removed, DISK, get, "one", GIB), "curl, disk": case(then_removed, DISK, curl_gets, "one", GIB, sync=True)}
    return cases, [Row("tunny get of 1 GiB to disk, with fsync", "get, disk", "curl, disk")]


def answered(server, namespace, address, count):
    with server:
        return run(inside(namespace, PROGRAMS + "kernel", "http", address, "80", "-n", str(count)))


def serve_small(count):
    with open_lab() as here:
        return answered(tunny_serve(here), here, "198.18.0.2", count)


def nginx_small(count):
    with Pair() as pair:
        return answered(nginx(pair.b, 0), pair.a, "198.18.0.2", count)


def small(options):
    count = options.turns // 2
    cases = {"tunny serve": case(serve_small, count), "nginx, veth": case(nginx_small, count)}
    return cases, [Row("HTTP requests, a connection each", "tunny serve", "nginx, veth", 1.0, "turns")]
