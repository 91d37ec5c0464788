"""What the tests share: a small publication, and a store on SQLite and on PostgreSQL.

PostgreSQL is started by the tests themselves from Debian's packages, once a session (and pytest-xdist worker),
on a Unix socket of its own; each test has a fresh database. Where its programs are missing, those tests are skipped.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

PUBLICATION = """\
title = "The Example"
url = "https://news.example.org"
language = "en"
timezone = "Europe/Berlin"
postal_address = "1 Example Street, 10115 Berlin"

[sections]
world = "World"
science = "Science"
"""
WORLD = """\
title = "World"
description = "The world, every morning"

[newsletter]
sender = "World Desk <world@example.org>"
default_cadence = "daily"
since = 2026-01-01

[newsletter.cadences]
daily = "mon-fri 07:00"
weekly = "sun 08:00"
"""
SCIENCE = """\
title = "Science"
select = { sections = ["science"] }

[newsletter]
sender = "Science Desk <science@example.org>"
since = 2026-01-01

[newsletter.cadences]
weekly = "fri 07:30"
"""
ARTICLE = """\
+++
title = "The ferry has a new name"
date = 2026-03-01T08:00:00Z
section = "world"
+++
Nobody aboard knew it yet.
"""


@dataclass(frozen=True)
class PostgreSQL:
    """A server of our own. ``url(NAME)`` is a database's address."""

    folder: Path

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture
def now() -> datetime:
    """A Monday morning."""
    return NOW


@pytest.fixture
def keys() -> tuple[bytes, ...]:
    """Signing keys: the second is an older one that still verifies."""
    return (b"a new signing key of enough length.", b"the first signing key, quite long..")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A publication's folder: two newsletters, one with two cadences, and one article."""
    root = tmp_path / "publication"
    (root / "feeds").mkdir(parents=True)
    (root / "articles").mkdir()
    (root / "publication.toml").write_text(PUBLICATION, "utf-8")
    (root / "feeds" / "world.toml").write_text(WORLD, "utf-8")
    (root / "feeds" / "science.toml").write_text(SCIENCE, "utf-8")
    (root / "articles" / "ferry.md").write_text(ARTICLE, "utf-8")
    return root


@pytest.fixture
def publication(folder: Path) -> Any:
    """The publication of `folder`, loaded."""
    from publisher.publication.loading import load

    return load(folder)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy: migrating takes far longer."""
    from publisher.store import open_store

    folder = tmp_path_factory.mktemp("sqlite")
    open_store("sqlite:publisher.db", folder).close()
    return folder / "publisher.db"


@pytest.fixture
def sqlite_database(migrated_sqlite: Path, folder: Path) -> str:
    """The `database` setting of a fresh SQLite file in the publication's folder."""
    shutil.copyfile(migrated_sqlite, folder / "publisher.db")
    return "sqlite:publisher.db"


@pytest.fixture
def sqlite_store(sqlite_database: str, folder: Path) -> Iterator[Any]:
    """A fresh store on SQLite, in the publication's folder."""
    from publisher.store import open_store

    store = open_store(sqlite_database, folder)
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server with a migrated, empty database ``empty`` to copy."""
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are missing: apt-get install postgresql")
    with _postgresql_server(programs) as server:
        from publisher.store import open_store

        server.execute("CREATE DATABASE empty")
        open_store(server.url("empty"), server.folder).close()
        yield server


_numbers = count(1)


@pytest.fixture
def postgresql_database(postgresql: PostgreSQL) -> Iterator[str]:
    """The `database` setting of a fresh PostgreSQL database."""
    name = f"test{next(_numbers)}"
    postgresql.execute(f"CREATE DATABASE {name} TEMPLATE empty")
    yield postgresql.url(name)
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> str:
    """The `database` setting, once for SQLite and once for PostgreSQL."""
    value: str = request.getfixturevalue(f"{request.param}_database")
    return value


@pytest.fixture
def store(database: str, folder: Path) -> Iterator[Any]:
    """A fresh, migrated store: every test that takes it runs on SQLite and on PostgreSQL."""
    from publisher.store import open_store

    store = open_store(database, folder)
    yield store
    store.close()


@pytest.fixture
def relay() -> Iterator[Any]:
    """A mail server that takes everything."""
    from tests.relay import Relay

    with Relay() as relay:
        yield relay


@pytest.fixture
def road(folder: Path, sqlite_database: str, relay: Any) -> Iterator[Any]:
    """The publication of `folder` with three readers, whose mail goes to `relay`."""
    from tests.test_pipeline import Road

    road = Road(folder, relay.url)
    road.import_readers()
    yield road
    road.store.close()


def _postgresql_programs() -> Path | None:
    """The folder of initdb and postgres, the newest version's; None where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True
    )
    on_path = shutil.which("initdb")
    candidates = [path.parent for path in found] + ([Path(on_path).parent] if on_path else [])
    return next((folder for folder in candidates if (folder / "postgres").exists()), None)


@contextlib.contextmanager
def _postgresql_server(programs: Path) -> Iterator[PostgreSQL]:
    folder = Path(tempfile.mkdtemp(prefix="publisher-pg-"))
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        # initdb and postgres refuse to run as root.
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            shutil.rmtree(folder)
            pytest.skip('running as root, and there is no account "postgres" to start PostgreSQL as')
        os.chown(folder, account.pw_uid, account.pw_gid)
        owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = folder / "data"
    made = subprocess.run(
        [
            programs / "initdb",
            *("-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
        ],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **owner,
    )
    assert made.returncode == 0, made.stderr
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "32MB",
        "max_connections": "60",
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                data,
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ],
            cwd="/",
            stdout=log,
            stderr=log,
            **owner,
        )
    try:
        _wait_for(server, PostgreSQL(folder))
        yield PostgreSQL(folder)
    finally:
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(server: subprocess.Popen[bytes], postgresql: PostgreSQL) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            postgresql.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            log = (postgresql.folder / "log").read_text("utf-8", "replace")
            assert server.poll() is None, log
            assert time.monotonic() < end, log
            time.sleep(0.05)
