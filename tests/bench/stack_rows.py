"""stack_rows.py - what our sockets reach over the lab's TUN: bulk, the ladder of offloads, turns, connections."""
import functools

from harness import Row, in_lab, kernel


def case(run, *words, **named):
    return functools.partial(run, *words, **named)


def bulk(options):
    t = ["-t", str(options.seconds)]
    cases = {}
    for way, floor in (("recv", "sink"), ("send", "source")):
        cases |= {way: case(in_lab, "bulk", way, *t), floor: case(in_lab, "floor", floor, *t),
                  f"{way} copying": case(in_lab, "bulk", way, "-c", *t), f"{way} IPv6": case(in_lab, "bulk", way, "-6", *t),
                  f"{way} 8": case(in_lab, "bulk", way, "-P", "8", *t), f"{floor} 8": case(in_lab, "floor", floor, "-P", "8", *t),
                  f"{way} -o": case(in_lab, "bulk", way, "-o", *t)}
    cases |= {"sink -o": case(in_lab, "floor", "sink", "-o", "-a", "2920", *t), "source -o": case(in_lab, "floor", "source", "-o", *t),
              "veth": case(kernel, "bulk", *t), "veth IPv6": case(kernel, "bulk", "-6", *t), "veth 8": case(kernel, "bulk", "-P", "8", *t),
              "two TUNs": case(kernel, "bulk", *t, over="tuns")}
    rows = []
    for way, floor, veth_bar in (("recv", "sink", 1.1), ("send", "source", 1.2)):
        what = {"recv": "receive", "send": "send"}[way]
        rows += [Row(what, way, floor, 0.9), Row(what, way, "veth", veth_bar), Row(what, way, "two TUNs"),
                 Row(f"{what}, copying", f"{way} copying", floor, 0.75), Row(f"{what}, IPv6", f"{way} IPv6", floor, 0.9),
                 Row(f"{what}, IPv6", f"{way} IPv6", "veth IPv6"), Row(f"{what}, 8 flows", f"{way} 8", f"{floor} 8", 0.9),
                 Row(f"{what}, 8 flows", f"{way} 8", "veth 8"), Row(f"{what}, no offload", f"{way} -o", f"{floor} -o", 0.8)]
    return cases, rows


# The rungs: a name, the words for floor and for bulk, the TUN's MTU.
RUNGS = (("1500, one by one", ["-o"], ["-o"], 1500), ("1500, batched", ["-o", "-a", "2920"], ["-o"], 1500),
         ("9000", ["-o", "-a", "17920"], ["-o"], 9000), ("65535", ["-o"], ["-o"], 65535), ("1500, vnet_hdr and TSO", [], [], 1500))
VARIANTS = (("", []), ("copying", ["-c"]), ("IPv6", ["-6"]), ("8 flows", ["-P", "8"]))


def ladder(options):
    """Shorter spans: the steps between the rungs are large."""
    t = ["-t", str(options.seconds * 0.3)]
    cases, table = {}, []
    for way, floor in (("recv", "sink"), ("send", "source")):
        for rung, floor_words, words, mtu in RUNGS:
            if way == "send" and rung == "1500, batched":
                continue  # a write() takes one packet
            name = f"{floor} {rung}"
            cases[name] = case(in_lab, "floor", floor, *t, *floor_words, "-m", str(mtu), mtu=mtu)
            line = {"floor": name}
            for variant, more in VARIANTS:
                line[variant] = f"{way} {words} {mtu} {variant}"
                cases[line[variant]] = case(in_lab, "bulk", way, *t, *words, *more, mtu=mtu)
            table.append((way, rung, line))
    return cases, table


def turns(options):
    n = ["-n", str(options.turns)]
    cases = {"ours": case(in_lab, "turn", "pingpong", *n), "ours, busy polling": case(in_lab, "turn", "pingpong", "-b", *n),
             "TUN answer": case(in_lab, "floor", "answer", *n), "TUN answer, busy polling": case(in_lab, "floor", "answer", "-b", *n),
             "TUN echo (UDP)": case(in_lab, "floor", "echo", *n),
             "kernel, veth": case(kernel, "pingpong", *n)}
    rows = [Row("1-byte ping-pong, p50", "ours", "TUN answer", 1.15, "p50"),
            Row("1-byte ping-pong, busy polling, p50", "ours, busy polling", "TUN answer", 1.15, "p50"),
            Row("1-byte ping-pong, both busy polling, p50", "ours, busy polling", "TUN answer, busy polling", None, "p50"),
            Row("1-byte ping-pong, p50", "ours", "TUN echo (UDP)", None, "p50"),
            Row("1-byte ping-pong, p50", "ours", "kernel, veth", None, "p50"),
            Row("transactions", "ours", "kernel, veth", None, "turns"),
            Row("transactions, busy polling", "ours, busy polling", "kernel, veth", None, "turns")]
    return cases, rows


def connections(options):
    n = ["-n", str(options.turns // 2)]
    cases = {"we serve": case(in_lab, "turn", "connections", *n), "we connect": case(in_lab, "turn", "client", *n),
             "kernel, veth": case(kernel, "connections", *n)}
    rows = [Row("connections, we serve", "we serve", "kernel, veth", 1.0, "turns"),
            Row("connections, we connect", "we connect", "kernel, veth", 1.0, "turns")]
    return cases, rows


def held(options):
    """Many at once: opened one after the other, then turns on one in a hundred of them."""
    cases = {}
    for count in options.held:
        cases |= {f"ours, {count:,}": case(in_lab, "turn", "hold", "-n", str(count)),
                  f"kernel, veth, {count:,}": case(kernel, "hold", "-n", str(count))}
    rows = []
    for count in options.held:
        ours, control = f"ours, {count:,}", f"kernel, veth, {count:,}"
        rows += [Row(f"{count:,} open at once, opened", ours, control, None, "opened"),
                 Row(f"{count:,} open at once, ping-pong p50", ours, control, None, "p50")]
    return cases, rows
