"""A PostgreSQL server of our own that can be restarted, on a Unix socket in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from publisher.store import open_store

__all__ = ["Server", "programs"]


def programs() -> Path | None:
    """The folder of initdb and postgres, the newest version's; None where they cannot be used."""
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return None
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parts[-2]), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


class Server:
    """Use as a context manager."""

    def __enter__(self) -> Server:
        found = programs()
        assert found is not None
        self._programs = found
        self._folder = Path(tempfile.mkdtemp(prefix="publisher-pg-"))
        self._owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        made = subprocess.run(
            [found / "initdb", "-D", self._folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync"],
            cwd="/", capture_output=True, text=True, check=False, **self._owner,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        self._has_template = False
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, name: str) -> str:
        """The address of a new database with the newest schema and nothing in it."""
        if not self._has_template:
            self._execute("CREATE DATABASE empty")
            open_store(self._url("empty"), self._folder).close()
            self._has_template = True
        self._execute(f"CREATE DATABASE {name} TEMPLATE empty")
        return self._url(name)

    def restart(self, *, at_once: bool) -> None:
        """``at_once``: as after a crash, it recovers from its log; otherwise in order. Connections break either way."""
        self._end(signal.SIGQUIT if at_once else signal.SIGINT)
        self._start()

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _start(self) -> None:
        import psycopg

        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self._folder,
            "shared_buffers": "32MB",
            "max_connections": "60",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *words],
                cwd="/", stdout=log, stderr=log, **self._owner,
            )  # fmt: skip
        end = time.monotonic() + 30
        while True:
            try:
                self._execute("SELECT 1")
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text("utf-8", "replace")
                assert time.monotonic() < end
                time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
