"""A real process that serves, and how it stops."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from publisher.model.errors import PublisherError
from publisher.model.publication import Secrets
from publisher.store import open_store, readership
from publisher.web.serving import serve

PROGRAM = """\
import sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from publisher.model.publication import Secrets
from publisher.publication.loading import load
from publisher.store import open_store
from publisher.web.serving import serve

root = Path(sys.argv[1])
publication = load(root)

def tick(stop, renew):
    (root / "begun").touch()
    while not stop.wait(0.05):
        pass
    time.sleep(0.5)  # what was claimed is finished
    (root / "finished").touch()

serve(
    publication,
    Secrets(signing=(b"k" * 40,)),
    open_store(publication.database, root),
    host=sys.argv[2],
    port=0,
    tick=tick,
    every=60,
    ready=lambda line: print(line, flush=True),
    clock=lambda: datetime.now(UTC),
)
print("stopped", flush=True)
"""


@contextmanager
def serving(folder: Path, host: str = "127.0.0.1") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the address it says."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, folder, host], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"serving (http://\S+) \(stop with Ctrl-C\)\n", line)
        assert found, line + (process.stderr.read() if process.stderr and not line else "")
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_the_running_pass_finishes(
    folder: Path, sqlite_database: str, number: signal.Signals
) -> None:
    (folder / "public").mkdir()
    (folder / "public" / "index.html").write_text("<h1>Front</h1>", "utf-8")
    with serving(folder) as (process, address):
        answer = httpx2.get(address)
        assert (answer.status_code, answer.text) == (200, "<h1>Front</h1>")
        assert "server" not in answer.headers
        while not (folder / "begun").exists():
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
        assert (process.returncode, out, err) == (0, "stopped\n", "")
        assert (folder / "finished").exists()
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(address)


def test_readers_that_were_counted_are_saved_when_it_stops(folder: Path, sqlite_database: str) -> None:
    (folder / "public" / "feeds").mkdir(parents=True)
    (folder / "public" / "feeds" / "world.rss").write_text("<rss/>", "utf-8")
    with serving(folder) as (process, address):
        httpx2.get(
            f"{address}/feeds/world.rss", headers={"user-agent": "Example/1.0 (+https://e.example; 7 subscribers)"}
        )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    store = open_store(sqlite_database, folder)
    with store.reading() as connection:
        [(_day, document, subscribers)] = readership.by_day(connection, date.min)
    store.close()
    assert (document, subscribers) == ("feeds/world.rss", 7)


def test_a_second_signal_ends_it_at_once(folder: Path, sqlite_database: str) -> None:
    with serving(folder) as (process, _address):
        while not (folder / "begun").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
        assert process.returncode == -signal.SIGTERM
        assert not (folder / "finished").exists()


def try_to_serve(publication: Any, store: Any, host: str, port: int) -> str:
    """The line with which it refuses."""
    with pytest.raises(PublisherError) as refused:
        serve(
            publication,
            Secrets(signing=(b"k" * 40,)),
            store,
            host=host,
            port=port,
            tick=lambda _stop, _renew: None,
            every=60,
            ready=print,
            clock=lambda: datetime.now(UTC),
        )
    return str(refused.value)


def test_a_port_that_is_taken_is_one_clear_line(publication: Any, sqlite_store: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert try_to_serve(publication, sqlite_store, "127.0.0.1", port) == (
            f"127.0.0.1:{port}: another program listens there already; stop it, or choose another with --port"
        )


def test_an_address_that_is_not_ours_is_one_clear_line(publication: Any, sqlite_store: Any) -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        assert try_to_serve(publication, sqlite_store, host, 0) == (
            f"{host}:0: that is no address of this machine; choose another with --host"
        )


def test_no_thread_is_left_when_it_has_refused(publication: Any, sqlite_store: Any) -> None:
    before = threading.active_count()
    try_to_serve(publication, sqlite_store, "192.0.2.1", 0)
    assert threading.active_count() == before
