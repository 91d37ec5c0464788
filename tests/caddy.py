"""A real Caddy on loopback, with a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_GLOBAL = "{\n    admin off\n    auto_https off\n}\n"


@contextmanager
def running(site: str, address: str) -> Iterator[str]:
    """The address of a Caddy with that site's configuration, whose own ``address`` is replaced by a free port."""
    found = shutil.which("caddy")
    if found is None:
        pytest.skip("Caddy is missing: apt-get install caddy")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="publisher-caddy-"))
    changed = site.replace(f"{address} {{", f"http://127.0.0.1:{port} {{", 1)
    assert changed != site
    (folder / "Caddyfile").write_text(_GLOBAL + changed, "utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [found, "run", "--config", "Caddyfile", "--adapter", "caddyfile"],
            cwd=folder,
            env={"HOME": str(folder), "PATH": "/usr/bin"},
            stderr=log,
        )
    try:
        end = time.monotonic() + 20
        while True:
            assert process.poll() is None, (folder / "log").read_text("utf-8", "replace")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
