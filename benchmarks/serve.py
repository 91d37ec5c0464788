"""How many requests a second one process of `publisher serve` answers, against nginx with one worker.

    python benchmarks/serve.py [--seconds 3] [--rounds 5]

All serve public/feeds/all.rss of the demo publication, built once; wrk asks over 32 connections of this machine, in
turns, in the same run. Two kinds of request: one that has the feed (304), and one that has an old one and takes gzip
(200). Printed are the medians with the least and the greatest, and the ratio of the medians. Three times nginx: as
plain as can be (a root and gzip_static); that with open_file_cache, which spares it looking at the files; and by the
sample configuration of `publisher build`. Needs nginx and wrk (Debian: nginx-light, wrk).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

FEED = "/feeds/all.rss"
PUBLISHER = [sys.executable, "-m", "publisher"]
CONNECTIONS = 32
PLAIN = 'server { listen 80; root "ROOT"; gzip_static on; }'
OPEN_FILES = "open_file_cache max=100; open_file_cache_valid 60s; "
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    missing = [name for name in ("nginx", "wrk") if shutil.which(name, path=PATH) is None]
    if missing:
        print(f"missing: {', '.join(missing)}; apt-get install nginx-light wrk", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="publisher-serve-") as folder, ExitStack() as stack:
        root = Path(folder) / "demo"
        quietly([*PUBLISHER, "init", str(root), "--demo"])
        quietly([*PUBLISHER, "build", "--publication", str(root)])
        plain = PLAIN.replace("ROOT", str(root / "public"))
        sample = (root / ".publisher" / "nginx.conf").read_text("utf-8").replace("listen [::]:80;", "")
        servers = {
            "publisher": stack.enter_context(publisher(root)),
            "nginx": stack.enter_context(nginx(Path(folder) / "plain", plain)),
            "nginx, open files kept": stack.enter_context(nginx(Path(folder) / "kept", OPEN_FILES + plain)),
            "nginx, our sample": stack.enter_context(nginx(Path(folder) / "sample", sample)),
        }
        size = (root / f"public{FEED}").stat().st_size
        copy = (root / f"public{FEED}.gz").stat().st_size
        print(f"{FEED}: {size:,} bytes, {copy:,} as gzip; {CONNECTIONS} connections, {options.rounds} rounds")
        for kind in ("304", "200 gzip"):
            report(kind, measure(servers, kind, seconds=options.seconds, rounds=options.rounds))
    return 0


def measure(servers: dict[str, str], kind: str, *, seconds: int, rounds: int) -> dict[str, list[float]]:
    """Requests a second, each round once for each server."""
    asked = {name: asking(address, kind) for name, address in servers.items()}
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, address in servers.items():
            found[name].append(wrk(address, asked[name], seconds))
    return found


def asking(address: str, kind: str) -> dict[str, str]:
    """The headers of such a request; checks that the answer is what it should be."""
    request = urllib.request.Request(address + FEED, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        tag = answer.headers["ETag"]
        assert answer.headers["Content-Encoding"] == "gzip", address
    headers = {"Accept-Encoding": "gzip", "If-None-Match": tag if kind == "304" else '"an-older-one"'}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + FEED, headers=headers)) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    assert status == int(kind[:3]), (address, kind, status)
    return headers


def wrk(address: str, headers: dict[str, str], seconds: int) -> float:
    """Requests a second."""
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *words, address + FEED]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Socket errors" not in out, out
    assert "Non-2xx or 3xx" not in out, out
    found = re.search(r"Requests/sec:\s*([\d.]+)", out)
    assert found, out
    return float(found[1])


def report(kind: str, found: dict[str, list[float]]) -> None:
    """One line a server."""
    ours = statistics.median(found["publisher"])
    for name, rates in found.items():
        median = statistics.median(rates)
        ratio = "" if name == "publisher" else f"   publisher / {name}: {ours / median:.2f}"
        print(f"{kind:<9} {name:<23} {median:9,.0f} a second ({min(rates):,.0f} to {max(rates):,.0f}){ratio}")


@contextmanager
def publisher(root: Path) -> Iterator[str]:
    """The address of `publisher serve`."""
    command = [*PUBLISHER, "serve", "--port", "0", "--every", "3600", "--publication", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = None
        while found is None and (line := process.stdout.readline()):
            found = re.search(r"serving (http://\S+)", line)
        assert found is not None
        time.sleep(3)  # its first pass is over
        yield found[1]
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def nginx(prefix: Path, site: str) -> Iterator[str]:
    """The address of an nginx with one worker and that configuration of a site."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    prefix.mkdir()
    temporary = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (prefix / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid nginx.pid; {'user root;' if os.geteuid() == 0 else ''}\n"
        f"error_log stderr crit; events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; {temporary}\n"
        + site.replace("listen 80;", f"listen 127.0.0.1:{port};")
        + "}\n",
        "utf-8",
    )
    program = shutil.which("nginx", path=PATH) or "nginx"
    process = subprocess.Popen([program, "-e", "stderr", "-p", str(prefix), "-c", "nginx.conf"])
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def quietly(command: list[str]) -> None:
    """Runs it; says what it said only if it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
