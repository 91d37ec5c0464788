"""A real nginx on loopback, with a prefix and a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_MAIN = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
{user}
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {site}
}}
"""


def program() -> str | None:
    """Debian's nginx; None where there is none."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def running(site: str) -> Iterator[str]:
    """The address of an nginx with that site's configuration, whose ``listen`` lines are replaced by a free port."""
    found = program()
    if found is None:
        pytest.skip("nginx is missing: apt-get install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("listen [::]:80;", "")
    prefix = Path(tempfile.mkdtemp(prefix="publisher-nginx-"))
    user = "user root;" if os.geteuid() == 0 else ""
    (prefix / "nginx.conf").write_text(_MAIN.format(site=site, user=user), "utf-8")
    process = subprocess.Popen(
        [found, "-e", "stderr", "-p", str(prefix), "-c", "nginx.conf"], stderr=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + 10
        while True:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(prefix, ignore_errors=True)
