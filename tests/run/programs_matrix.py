#!/usr/bin/env python3
"""run-matrix - which programs run on the stack: each pair of a server and a client with one of them, and with both, under
`tunny run`, over a clean link and over one that loses 3 % and takes 20 ms each way. Inside the lab; run by scripts/run-matrix.

    programs_matrix.py [--only WORD] [--markdown FILE]"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix")
TUNNY = os.path.abspath(os.environ.get("BUILD", "build/release") + "/tunny")
KERNEL, STACK, SECOND = "198.18.0.1", "198.18.0.2", "198.18.1.2"
SECOND_OPTIONS = ["--tun", "tunny1", "--addr", "198.18.1.2/24,fd00:7475:6e:1::2/64"]
LINKS = {"clean": [], "lossy": ["--impair", "delay 20ms loss 3%"]}
ROLES = ("client", "server", "both")  # which of the two is on the stack
SIZE = 1 << 20
PATIENCE = 120

# name, Debian package of what is tried, server, client, what is expected: "file" (the client's standard output is the large file),
# "status" (it ends with 0) or a word of its output. {H} {P} {D}: host, port, folder.
WEB = "python3 -m http.server {P} -d {D}/www --bind 0.0.0.0"
PAIRS = [
    ("curl, python http.server", "curl", WEB, "curl -sS http://{H}:{P}/big", "file"),
    ("wget", "wget", WEB, "wget -q -O - http://{H}:{P}/big", "file"),
    ("busybox wget (static), busybox httpd", "busybox-static", "busybox httpd -f -p {P} -h {D}/www",
     "busybox wget -q -O - http://{H}:{P}/big", "file"),
    ("bash /dev/tcp", "bash", WEB, "bash -c 'exec 3<>/dev/tcp/{H}/{P}; printf \"GET /big HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3' | tail -c 1048576", "file"),
    ("perl IO::Socket", "perl", WEB,
     "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"{H}:{P}\") or die; print $s \"GET /big HTTP/1.0\\r\\n\\r\\n\"; print while <$s>'"
     " | tail -c 1048576", "file"),
    ("nc, nc -l", "netcat-openbsd", "nc -lN {P} < {D}/www/big", "nc -d {H} {P}", "file"),
    ("socat, socat fork exec", "socat", "socat TCP-LISTEN:{P},fork,reuseaddr 'EXEC:cat {D}/www/big'", "socat -u TCP:{H}:{P} -", "file"),
    ("python asyncio", "python3", f"python3 {HERE}/web.py serve {{P}} {{D}}/www", f"python3 {HERE}/web.py get {{H}} {{P}}", "file"),
    ("node http", "nodejs", f"node {HERE}/web.js serve {{P}} {{D}}/www", f"node {HERE}/web.js get http://{{H}}:{{P}}/big", "file"),
    ("node cluster", "nodejs", f"node {HERE}/web.js cluster {{P}} {{D}}/www", f"node {HERE}/web.js get http://{{H}}:{{P}}/big", "file"),
    ("go net/http (static)", "golang-go", "{D}/web serve :{P} {D}/www", "{D}/web get http://{H}:{P}/big", "file"),
    ("java", "openjdk-17-jdk-headless", "java -cp {D} Web serve {P} {D}/www", "java -cp {D} Web get http://{H}:{P}/big", "file"),
    ("nginx, 2 workers, sendfile; wrk", "nginx-light", "nginx -c {D}/nginx.conf", "wrk -t1 -c16 -d2 http://{H}:{P}/small", "Requests/sec"),
    ("nginx reuseport", "nginx-light", "nginx -c {D}/nginx-reuse.conf", "curl -sS http://{H}:{P}/big", "file"),
    ("nginx TLS", "nginx-light", "nginx -c {D}/nginx-tls.conf", "curl -ksS https://{H}:{P}/big", "file"),
    ("apache2 event", "apache2", "apache2 -DFOREGROUND -f {D}/apache.conf", "curl -sS http://{H}:{P}/big", "file"),
    ("haproxy before python", "haproxy", "sh -c 'python3 -m http.server 18080 -d {D}/www --bind 127.0.0.1 & haproxy -db -f {D}/haproxy.conf; kill $!'",
     "curl -sS http://{H}:{P}/big", "file"),
    ("redis-server, redis-benchmark", "redis-server", "redis-server --port {P} --bind 0.0.0.0 --save '' --protected-mode no",
     "redis-benchmark -h {H} -p {P} -q -n 2000 -c 20 -t get,set", "requests per second"),
    ("memcached", "memcached", "memcached -u nobody -p {P} -l 0.0.0.0",
     "bash -c 'exec 3<>/dev/tcp/{H}/{P}; printf \"set a 0 0 5\\r\\nhello\\r\\nget a\\r\\nquit\\r\\n\" >&3; cat <&3'", "hello"),
    ("postgres, pgbench", "postgresql", "setpriv --reuid postgres --regid postgres --clear-groups {PG}/postgres -D {D}/pg -p {P} -h 0.0.0.0 -k {D}",
     "sh -c '{PG}/pgbench -q -i -h {H} -p {P} -U postgres postgres && {PG}/pgbench -n -c 4 -j 2 -t 20 -h {H} -p {P} -U postgres postgres'",
     "number of transactions actually processed: 80/80"),
    ("ssh, sshd", "openssh-server", "/usr/sbin/sshd -D -e -p {P} -h {D}/host -o AuthorizedKeysFile={D}/key.pub -o StrictModes=no -o PermitRootLogin=yes"
     " -o PidFile=none -o UsePAM=no",
     "ssh -i {D}/key -p {P} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@{H} cat {D}/www/big", "file"),
    ("iperf3 send", "iperf3", "iperf3 -s -p {P}", "iperf3 -c {H} -p {P} -t 2", "receiver"),
    ("iperf3 -R", "iperf3", "iperf3 -s -p {P}", "iperf3 -c {H} -p {P} -t 2 -R", "receiver"),
    ("iperf3 --bidir -P2 -Z", "iperf3", "iperf3 -s -p {P}", "iperf3 -c {H} -p {P} -t 2 --bidir -P2 -Z", "receiver"),
    ("iperf3 -u", "iperf3", "iperf3 -s -p {P}", "iperf3 -c {H} -p {P} -t 2 -u -b 5M", "receiver"),
    ("dig +tcp, dnsmasq", "dnsmasq-base", "dnsmasq -d -u root -p {P} --no-resolv --no-hosts --address=/example.test/198.18.0.77",
     "dig +tcp +short @{H} -p {P} example.test", "198.18.0.77"),
    ("dig, dnsmasq (UDP)", "bind9-dnsutils", "dnsmasq -d -u root -p {P} --no-resolv --no-hosts --address=/example.test/198.18.0.77",
     "dig +short +tries=8 +time=2 @{H} -p {P} example.test", "198.18.0.77"),
]
TOOL = {"bash /dev/tcp": "bash", "perl IO::Socket": "perl", "go net/http (static)": "go", "java": "javac", "python asyncio": "python3"}


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def quietly(*argv, **kinds):
    return subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **kinds).returncode == 0


class Place:
    """Files, keys and configurations of all programs."""

    def __init__(self, folder, names):
        self.d = folder
        os.chmod(folder, 0o755)
        os.mkdir(f"{folder}/www")
        self.data = os.urandom(SIZE)
        with open(f"{folder}/www/big", "wb") as f:
            f.write(self.data)
        write(f"{folder}/www/small", "hello\n")
        pg = sorted(p for p in (f"/usr/lib/postgresql/{v}/bin" for v in range(9, 30)) if os.path.isdir(p))
        self.pg = pg[-1] if pg else "/nowhere"
        if any("go " in n for n in names) and shutil.which("go"):
            quietly("go", "build", "-o", f"{folder}/web", f"{HERE}/web.go",
                    env={**os.environ, "CGO_ENABLED": "0", "GOCACHE": f"{folder}/cache", "GO111MODULE": "off"})
        if any("java" in n for n in names) and shutil.which("javac"):
            quietly("javac", "-d", folder, f"{HERE}/Web.java")
        if any("ssh" in n for n in names) and shutil.which("ssh-keygen"):
            os.makedirs("/run/sshd", exist_ok=True)
            for key in ("host", "key"):
                quietly("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
        if any("postgres" in n for n in names) and pg:
            os.mkdir(f"{folder}/pg")
            shutil.chown(f"{folder}/pg", "postgres", "postgres")
            quietly("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", f"{self.pg}/initdb", "-D", f"{folder}/pg", "-A", "trust")
            with open(f"{folder}/pg/pg_hba.conf", "a", encoding="utf-8") as f:
                f.write("host all all 0.0.0.0/0 trust\n")
            os.chmod(folder, 0o777)
        if any("TLS" in n for n in names):
            quietly("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.pem",
                    "-days", "2", "-subj", "/CN=lab")

    def configure(self, port):
        with open(f"{HERE}/nginx.conf", encoding="utf-8") as f:
            nginx = f.read().replace("DIR", self.d).replace("PORT", str(port))
        certificate = f"ssl_certificate {self.d}/tls.pem; ssl_certificate_key {self.d}/tls.key;"
        for name, options, more in (("nginx", "", ""), ("nginx-reuse", "reuseport", ""), ("nginx-tls", "ssl", certificate)):
            write(f"{self.d}/{name}.conf", nginx.replace("OPTIONS", options).replace("CERTIFICATE", more))
        write(f"{self.d}/apache.conf", f"ServerRoot {self.d}\nServerName lab\nListen {port}\nPidFile {self.d}/apache.pid\nErrorLog {self.d}/apache.log\n"
              "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
              "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
              f"User nobody\nGroup nogroup\nDocumentRoot {self.d}/www\n<Directory />\nRequire all granted\n</Directory>\n")
        write(f"{self.d}/haproxy.conf", "defaults\n mode http\n timeout connect 20s\n timeout client 60s\n timeout server 60s\n"
              f"frontend f\n bind :{port}\n default_backend b\nbackend b\n server s 127.0.0.1:18080\n")


def listens(port, role, command, deadline):
    """Until the server listens: no connection is made, since some servers serve but one."""
    question = ["ss", "-Hltn"] if role == "client" else [TUNNY, "ss", f"run-{command.pid}"]
    while time.monotonic() < deadline and command.poll() is None:
        rows = subprocess.run(question, capture_output=True, text=True, check=False).stdout.split("\n")
        if any(row.startswith("LISTEN") and row.split()[3].endswith(f":{port}") for row in rows):
            return True
        time.sleep(0.1)
    return False


def on_stack(words, link, second=False):
    return [TUNNY, "run", *(SECOND_OPTIONS if second else []), *LINKS[link], *words]


def judge(place, expected, result):
    if result.returncode != 0:
        return f"status {result.returncode}: {result.stderr.decode(errors='replace').strip()[-160:]}"
    if expected == "file":
        same = hashlib.sha256(result.stdout).digest() == hashlib.sha256(place.data).digest()
        return "ok" if same else f"{len(result.stdout)} bytes, not the file"
    return "ok" if expected == "status" or expected in result.stdout.decode(errors="replace") else "no result: " + repr(result.stdout[-120:])


def stop(process):
    """The supervisor hands the signal through; what a program started belongs to its process group."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()


def attempt(place, pair, role, link, port):
    _, _, server, client, expected = pair
    host = {"client": KERNEL, "server": STACK, "both": SECOND}[role]
    words = {k: v.replace("{H}", host).replace("{P}", str(port)).replace("{D}", place.d).replace("{PG}", place.pg)
             for k, v in (("server", server), ("client", client))}
    place.configure(port)
    server_argv, client_argv = ["sh", "-c", "exec " + words["server"]], ["sh", "-c", words["client"]]
    if role in ("server", "both"):
        server_argv = on_stack(server_argv, link if role == "server" else "clean", second=role == "both")
    if role in ("client", "both"):
        client_argv = on_stack(client_argv, link)
    with open(f"{place.d}/server.log", "wb") as log:
        process = subprocess.Popen(server_argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        if not listens(port, role, process, time.monotonic() + 30):
            with open(f"{place.d}/server.log", encoding="utf-8", errors="replace") as f:
                return "the server does not listen: " + f.read().strip()[-160:]
        result = subprocess.run(client_argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
        return judge(place, expected, result)
    except subprocess.TimeoutExpired:
        return f"no end in {PATIENCE} s"
    finally:
        stop(process)


def version_of(package):
    r = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return r.stdout if r.returncode == 0 else ""


def markdown(rows, skipped, failures):
    lines = ["<!-- written by scripts/run-matrix -->", "", "# Programs on the stack", "",
             "`scripts/run-matrix` runs each pair of a server and a client three times over each of two links: with the client under `tunny run`",
             "and the server on the kernel's TCP, the other way round, and with both on stacks of their own (the kernel forwards between their",
             "TUNs). *clean* is the TUN as it is; *lossy* loses 3 % and takes 20 ms, in each direction (`--impair \"delay 20ms loss 3%\"`). A transfer",
             "counts when every byte of it is right.", "",
             f"Kernel {os.uname().release}, {os.uname().machine}. {sum(c == 'ok' for r in rows for c in r[2])} of {sum(len(r[2]) for r in rows)} runs are right.", "",
             "| pair | package | client, clean | server, clean | both, clean | client, lossy | server, lossy | both, lossy |", "|---|---|---|---|---|---|---|---|"]
    lines += [f"| {name} | {package} | " + " | ".join("ok" if c == "ok" else "**no**" for c in cells) + " |" for name, package, cells in rows]
    if failures:
        lines += ["", "## What did not work", ""] + [f"- {f}" for f in failures]
    if skipped:
        lines += ["", "Not tried, because it is not installed: " + ", ".join(skipped) + "."]
    return "\n".join(lines) + "\n"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only", default="")
    arguments.add_argument("--markdown")
    options = arguments.parse_args()
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"  # Debian's own programs
    pairs = [p for p in PAIRS if options.only in p[0]]
    rows, skipped, failures, port = [], [], [], 20000
    with tempfile.TemporaryDirectory() as folder:
        place = Place(folder, [p[0] for p in pairs])
        for pair in pairs:
            name, package = pair[:2]
            version = version_of(package)
            if not version and not shutil.which(TOOL.get(name, package)):
                skipped.append(package)
                continue
            cells = []
            for link in LINKS:
                for role in ROLES:
                    port += 1
                    started = time.monotonic()
                    cell = attempt(place, pair, role, link, port)
                    print(f"{'ok' if cell == 'ok' else 'NO'} {name}: {role}, {link} ({time.monotonic() - started:.1f} s) {'' if cell == 'ok' else cell}", flush=True)
                    if cell != "ok":
                        failures.append(f"{name}, {role}, {link}: `{' '.join(cell.split())}`".replace(folder, "DIR"))
                    cells.append(cell)
            rows.append((name, f"{package} {version}".strip(), cells))
    if options.markdown:
        write(options.markdown, markdown(rows, skipped, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
