"""The demo's work, inside the lab (see scripts/demo): python3's http.server on the kernel's TCP serves, `tunny get` fetches; then
`tunny serve` serves, curl on the kernel's TCP fetches; IPv4 and IPv6 side by side on two TUNs; through loss, reordering,
duplication, corruption and delay in both directions."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

MB = int(sys.argv[1])
FAULTS = "delay 20ms loss 3% reorder 1% duplicate 1% corrupt 0.1%"
SEED = 20260101
TUNNY = os.path.abspath("build/tunny")
SIDES = [  # label, device, kernel's address, ours, our addresses (None: the defaults)
    ("IPv4", os.environ["LAB_DEVICE"], "198.18.0.1", "198.18.0.2", None),
    ("IPv6", os.environ["LAB_DEVICE1"], "[fd00:7475:6e:1::1]", "[fd00:7475:6e:1::2]", os.environ["LAB_ADDRESSES1"]),
]
started = []


def start(args, **kw):
    p = subprocess.Popen(args, **kw)
    started.append(p)
    return p


def stop(p):
    if p.poll() is None:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def digest(path):
    h = hashlib.sha256()
    try:
        with open(path, "rb") as f:
            while block := f.read(1 << 20):
                h.update(block)
    except FileNotFoundError:
        return None
    return h.hexdigest()


def wait_listening(address, port, process):
    """Until somebody listens on the kernel's side."""
    import socket
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while process.poll() is None:
        with socket.socket(family) as s:
            if s.connect_ex((address.strip("[]"), port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("the kernel's HTTP server did not start")


def prefer_bbr():
    """A kernel that has BBR sends faster through loss; its choice is by route, inside this namespace only."""
    try:
        have = open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii").read().split()
    except OSError:
        have = []
    if "bbr" not in have:
        return "the kernel's default"
    for family, net, dev in (("-4", "198.18.0.0/24", "tunny0"), ("-6", "fd00:7475:6e:1::/64", "tunny1")):
        subprocess.run(["ip", family, "route", "change", net, "dev", dev, "congctl", "bbr"], stderr=subprocess.DEVNULL, check=False)
    return "bbr"


def stack_args(side, work, name):
    args = ["--device", side[1], "--impair", FAULTS, "--seed", str(SEED), "--cc", "bbr", "--stats", f"{work}/{name}.json",
            "--pcap", f"{work}/{name}.pcapng"]
    return args + (["--addr", side[4]] if side[4] else [])


def read_stats(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def run_phase(title, jobs):
    """jobs: (label, process, name, result file); both run at once. Returns rows."""
    print(f"{title} ...", flush=True)
    begun = time.monotonic()
    ends = {}
    while len(ends) < len(jobs):
        for label, p, _n, _f in jobs:
            if label not in ends and p.poll() is not None:
                ends[label] = time.monotonic() - begun
        time.sleep(0.05)
    return [(f"{title}, {label}", f, n, ends[label], p.returncode) for label, p, n, f in jobs]


def main():
    cc = prefer_bbr()
    work = tempfile.mkdtemp(prefix="tunny-demo.")
    served = os.path.join(work, "www")
    os.mkdir(served)
    with open(f"{served}/file", "wb") as f:
        for _ in range(MB):
            f.write(os.urandom(1 << 20))
    truth = digest(f"{served}/file")
    print(f"{MB} MB, sha256 {truth}\nfaults in both directions, seed {SEED}: {FAULTS}\nthe kernel's congestion control: {cc}; ours: bbr")
    rows = []
    try:
        jobs = []
        for side in SIDES:
            server = start([sys.executable, "-m", "http.server", "--bind", side[2].strip("[]"), "--directory", served, "8000"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_listening(side[2], 8000, server)
            name = f"get-{side[0]}"
            p = start([TUNNY, "get", "-q", "-o", f"{work}/{name}", *stack_args(side, work, name), f"http://{side[2]}:8000/file"])
            jobs.append((side[0], p, name, f"{work}/{name}"))
        rows += run_phase("tunny get from python3 http.server", jobs)
        jobs, servers = [], []
        for side in SIDES:
            name = f"serve-{side[0]}"
            servers.append(start([TUNNY, "serve", "--port", "80", *stack_args(side, work, name), served],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            p = start(["curl", "-sS", "--retry", "5", "--retry-connrefused", "--connect-timeout", "30", "-g", "-o", f"{work}/curl-{side[0]}",
                       f"http://{side[3]}/file"])
            jobs.append((side[0], p, name, f"{work}/curl-{side[0]}"))
        rows += run_phase("curl from tunny serve", jobs)
        for s in servers:
            stop(s)
    finally:
        for p in started:
            stop(p)
    good = True
    print(f"\n{'':42} {'bytes':>10} {'s':>6} {'MB/s':>6} {'segments':>9} {'resent':>7} {'reorder':>7} {'dup':>6} {'corrupt':>7} {'lost':>6}  digest")
    drops = {}
    for title, path, name, seconds, status in rows:
        size = os.path.getsize(path) if os.path.exists(path) else 0
        same = digest(path) == truth and status == 0
        good = good and same
        s = read_stats(f"{work}/{name}.json")
        c = s.get("counters", {})
        imp = [s.get("impair_out", {}), s.get("impair_in", {})]
        total = lambda key: sum(i.get(key, 0) for i in imp)  # noqa: E731
        print(f"{title:42} {size:>10} {seconds:>6.1f} {size / 1e6 / seconds:>6.2f} {c.get('TcpInSegs', 0) + c.get('TcpOutSegs', 0):>9} "
              f"{c.get('TcpRetransSegs', 0):>7} {total('reordered'):>7} {total('duplicated'):>6} {total('corrupted'):>7} {total('lost'):>6}  "
              f"{'same' if same else f'DIFFERS (status {status})'}")
        for k, v in s.get("drops", {}).items():
            drops[k] = drops.get(k, 0) + v
    print("\nour stack's named drops: " + (", ".join(f"{k} {v}" for k, v in sorted(drops.items(), key=lambda kv: -kv[1]) if v) or "none"))
    print(f"captures (open with Wireshark; each drop and retransmission has its reason as a comment): {work}/*.pcapng")
    print("every digest matches" if good else "NOT every digest matches")
    return 0 if good else 1


sys.exit(main())
