#!/usr/bin/env python3
"""Our TCP against the kernel's under the kernel's own netem, both directions, inside the lab. Prints TAP. Run by tests/interop/netem.

What the kernel sends meets netem on the device; what the stack sends meets it on an ifb that the device's arrivals go through."""
import os
import re
import subprocess
import sys

import interop

DEVICE = "tunny0"
BACK = "ifb0"
IMPAIRMENTS = {
    "loss": "delay 5ms loss 3%",
    "burst loss": "delay 5ms loss gemodel 2% 40%",
    "jitter": "delay 10ms 5ms",
    "reorder": "delay 10ms reorder 25% gap 3",
    "duplicate": "delay 2ms duplicate 10%",
    "corrupt": "delay 2ms corrupt 2%",
    "rate": "delay 5ms rate 20mbit limit 12",
    "everything": "delay 5ms 2ms loss 2% duplicate 2% corrupt 1% reorder 5%",
}
# tc's counter that must have moved after all tests of a kind, where there is one for it.
COUNTED = {"loss": "dropped", "burst loss": "dropped", "reorder": "requeues", "rate": "dropped", "everything": "dropped"}


def tc(*args):
    r = subprocess.run(["tc", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert r.returncode == 0, f"tc {' '.join(args)}: {r.stdout}"
    return r.stdout


def prepare():
    """Each wire packet must have a fate of its own: no super-segments. Arrivals go through ifb0."""
    subprocess.run(["ip", "link", "set", DEVICE, "gso_max_segs", "1"], check=True)
    if not os.path.exists(f"/sys/class/net/{BACK}"):
        subprocess.run(["ip", "link", "add", BACK, "type", "ifb"], check=True)
    subprocess.run(["ip", "link", "set", BACK, "up"], check=True)
    tc("qdisc", "add", "dev", DEVICE, "ingress")
    tc("filter", "add", "dev", DEVICE, "parent", "ffff:", "protocol", "all", "u32", "match", "u32", "0", "0",
       "action", "mirred", "egress", "redirect", "dev", BACK)


def impair(spec):
    for device in (DEVICE, BACK):
        subprocess.run(["tc", "qdisc", "del", "dev", device, "root"], stderr=subprocess.DEVNULL, check=False)
        tc("qdisc", "add", "dev", device, "root", "netem", *spec.split())


def counters(device):
    m = re.search(r"netem.*?Sent \d+ bytes (\d+) pkt \(dropped (\d+), overlimits \d+ requeues (\d+)\)",
                  tc("-s", "qdisc", "show", "dev", device, "root"), re.DOTALL)
    return {"sent": int(m.group(1)), "dropped": int(m.group(2)), "requeues": int(m.group(3))}


def through(kind, test, family, options, total):
    impair(IMPAIRMENTS[kind])
    test(family, options)
    for device in (DEVICE, BACK):
        seen = counters(device)
        assert seen["sent"] > 10, f"only {seen['sent']} packets went through netem on {device}"
        total[0] += seen.get(COUNTED.get(kind), 0)


def did_something(kind, total):
    assert total[0] > 0, f"{COUNTED[kind]} stayed 0 on both devices"


def main():
    interop.SIZES = [1, 65537, 400000]
    where = "AF_PACKET" if os.environ["LAB_DEVICE"].startswith("packet:") else "TUN"
    kinds = ["everything"] if where == "AF_PACKET" else IMPAIRMENTS
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    prepare()
    for i, kind in enumerate(kinds):
        total = [0]
        jobs = ((interop.passive_echo, 4 + i % 2 * 2, []), (interop.active_echo, 6 - i % 2 * 2, ["--no-offload"]))
        for test, family, options in jobs:
            name = f"{test.__name__} IPv{family} {'no ' * bool(options)}offload, netem {kind}, {where}"
            if only in name:
                interop.tap(name, through, kind, test, family, options, total)
        if kind in COUNTED and not only:
            interop.tap(f"netem {kind} was at work, {where}", did_something, kind, total)
    print(f"1..{interop.number}")
    return 1 if interop.failed else 0


if __name__ == "__main__":
    sys.exit(main())
