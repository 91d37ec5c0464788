"""Mail servers from Debian packages that are unpacked and not installed: only one MTA can be installed at a time.

``PUBLISHER_MTA`` names the folder into which ``dpkg -x`` has put them. A server runs in a mount namespace of its own
where that folder lies over /usr, and with an account of its own: nothing of it is seen outside.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["free_port", "open_folder", "running"]

_LAID_OVER = """\
mount -t overlay overlay -o lowerdir="$1/usr:/usr" /usr || exit 99
mount --bind "$2/passwd" /etc/passwd || exit 99
mount --bind "$2/group" /etc/group || exit 99
shift 2
exec "$@"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def open_folder(name: str) -> Iterator[Path]:
    """A folder that a server's processes can reach, which a test's own folder does not allow."""
    folder = Path(f"/var/tmp/publisher-{name}-{os.getpid()}")
    folder.mkdir()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(program: str, *arguments: str, folder: Path, account: str, port: int) -> Iterator[None]:
    """The server, as soon as it listens. ``account``: its user and group, which is nobody's here."""
    unpacked = os.environ.get("PUBLISHER_MTA", "")
    if not Path(unpacked, program.lstrip("/")).exists() or not unpacked:
        pytest.skip(f"{program} is not unpacked: see CONTRIBUTING.md, and set PUBLISHER_MTA to its folder")
    if os.geteuid() != 0:
        pytest.skip(f"{program} starts as root only")
    (folder / "passwd").write_text(
        Path("/etc/passwd").read_text() + f"{account}:x:65534:65534::/nonexistent:/bin/false\n"
    )
    (folder / "group").write_text(Path("/etc/group").read_text() + f"{account}:x:65534:\n")
    with (folder / "said").open("wb") as said:
        server = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _LAID_OVER, "sh", unpacked, folder, program, *arguments],
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 20
        while not _listens(port):
            if server.poll() is not None or time.monotonic() > end:
                pytest.skip(f"{program} does not start here: {(folder / 'said').read_text('utf-8', 'replace')[:300]}")
            time.sleep(0.1)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
