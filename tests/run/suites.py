#!/usr/bin/env python3
"""The network tests of CPython and of Go, natively (the kernel's loopback) and under `tunny run`, test by test. Inside the lab; run by
scripts/run-suites. --markdown FILE: writes the page; --only WORD: the suites whose name contains it, on standard output."""
import argparse
import collections
import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TUNNY = os.path.abspath(os.environ.get("BUILD", "build/release") + "/tunny")
PYTHON = ("test_socket test_asyncio test_ssl test_httplib test_epoll test_select test_selectors test_poll test_ftplib test_smtplib test_poplib "
          "test_imaplib test_urllib2_localnet test_httpservers test_xmlrpc test_telnetlib test_nntplib test_asyncore test_asynchat "
          "test_wsgiref test_logging").split()
GO = ["net", "net/http"]
SECONDS = 900

# Why a test may differ. Nothing else may.
REASONS = {
    "test_asyncio.test_sock_lowlevel.EPollEventLoopTests.test_sock_client_connect_racing": "connects a socket again after a non-blocking attempt "
    "has failed: an AF_UNIX socket cannot be used twice, the program gets another under the same number, which its epoll does not know",
    "test_socket.InterruptedSendTimeoutTest.testInterruptedSendtoTimeout": "calls sendto() with an address on a connection: TCP ignores the "
    "address, AF_UNIX says EISCONN. Asking the supervisor about each sendto() with an address would slow all datagrams",
    "test_epoll.TestEPoll.test_control_and_wait": "expects that what one end has sent can be read at the other end at once. Over the kernel's "
    "loopback send() delivers it; here the stack, another process, carries it some microseconds later, as a network does",
}

Suite = collections.namedtuple("Suite", "name words folder parse")


def python_results(folder, _):
    path = os.path.join(folder, "results.xml")
    if not os.path.exists(path):
        return {}
    found = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        found[case.get("name").removeprefix("test.")] = next(iter(kinds), "ok")
    return found


def go_results(_, output):
    found = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) > 2 and words[0] == "---" and line.startswith("---"):
            found[words[2]] = {"PASS:": "ok", "SKIP:": "skipped"}.get(words[1], "failure")
    return found


def python_suite(name):
    """Sockets of other kinds than the Internet's are left out: VSOCK wants a hypervisor, UDP-Lite is not TCP."""
    words = ["python3", "-m", "test", "--junit-xml", "results.xml", "-i", "*VSOCK*", "-i", "*UDPLITE*", name]
    return Suite(f"CPython {name}", words, None, python_results)


def go_suite(name, folder):
    root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    program = os.path.join(folder, name.replace("/", "-") + ".test")
    subprocess.run(["go", "test", "-c", "-vet=off", "-o", program, name], check=True)
    return Suite(f"Go {name}", [program, "-test.v", "-test.short"], os.path.join(root, "src", name), go_results)


def results(suite, inside):
    """What each test said, and whether the suite came to its end."""
    with tempfile.TemporaryDirectory() as folder:
        words = [TUNNY, "run", *suite.words] if inside else suite.words
        try:
            output = subprocess.run(words, cwd=suite.folder or folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=SECONDS, check=False).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return {}, False
        return suite.parse(folder, output), True


def compare(suite):
    native, native_ended = results(suite, False)
    ours, ours_ended = results(suite, True)
    if not (native and native_ended):
        return f"| {suite.name} | not run: no result natively | | |", [], []
    differences = [(t, native.get(t, "none"), ours.get(t, "none")) for t in sorted({*native, *ours}) if native.get(t) != ours.get(t)]
    unexplained = [d for d in differences if d[0] not in REASONS]
    counts = [collections.Counter(r.values()) for r in (native, ours)]
    cells = [f"{c['ok']} ok, {c['skipped']} skipped, {c['failure'] + c['error']} failed" for c in counts]
    row = f"| {suite.name} | {cells[0]} | {cells[1]}{'' if ours_ended else ', did not end'} | {len(differences)} |"
    return row, differences, unexplained


def suites(folder, only):
    """One after the other, as each is wanted."""
    yield from (python_suite(name) for name in PYTHON if only in name)
    yield from (go_suite(name, folder) for name in GO if only in name)


def page(rows, differences):
    kernel = platform.uname()
    out = ["<!-- written by scripts/run-suites -->", "", "# Test suites on the stack", "",
           "The network tests of CPython and of Go, each test natively over the kernel's loopback and under `tunny run`, with both ends on one",
           "stack. Left out: VSOCK and UDP-Lite sockets.", "",
           f"Kernel {kernel.release}, {kernel.machine}; Python {platform.python_version()}; "
           + subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout.strip().removeprefix("go version ") + ".", "",
           "| suite | natively | under `tunny run` | tests that differ |", "|---|---|---|---|", *rows, ""]
    if differences:
        out += ["## What differs", "", "| test | natively | under `tunny run` | why |", "|---|---|---|---|"]
        out += [f"| {t} | {native} | {ours} | {REASONS.get(t, 'not known')} |" for t, native, ours in differences]
    return "\n".join(out).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    rows, all_differences, unexplained = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for suite in suites(folder, arguments.only):
            row, differences, unknown = compare(suite)
            print(row, *differences, sep="\n", flush=True)
            rows.append(row)
            all_differences += differences
            unexplained += unknown
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as f:
            f.write(page(rows, all_differences))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
