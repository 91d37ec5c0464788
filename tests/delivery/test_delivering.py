"""Delivering the outbox while the database is in trouble."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from publisher import pipeline
from publisher.audience.admitting import import_rows
from publisher.audience.csvfile import read_csv
from publisher.delivery.journal import delivery_lock
from publisher.model.errors import StoreLocked
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store
from tests.delivery.going_out import deliver, edition_for, relay_transport
from tests.relay import Relay

MONDAY = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)
READERS = "".join(f"reader{number}@example.com\n" for number in range(12))


class Locking(Relay):
    """A relay during whose third message somebody locks the database, for longer than we wait."""

    def __init__(self, database: Path) -> None:
        super().__init__(self._lock_it)
        self._database = database
        self._asked = 0
        self.held: threading.Thread | None = None

    def _lock_it(self, _recipient: str) -> None:
        self._asked += 1
        time.sleep(0.1)  # so that outcomes are recorded while others are still to come
        if self._asked == 3:
            taken = threading.Event()
            self.held = threading.Thread(target=self._hold, args=(taken,))
            self.held.start()
            taken.wait()

    def _hold(self, taken: threading.Event) -> None:
        connection = sqlite3.connect(self._database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        taken.set()
        time.sleep(2)
        connection.rollback()
        connection.close()


def test_a_database_locked_for_too_long_while_delivering_is_told_and_nobody_is_mailed_twice(
    folder: Path, sqlite_database: str
) -> None:
    for file, old, new in (
        ("feeds/world.toml", "since = 2026-01-01", "since = 2026-03-02"),
        ("articles/ferry.md", "date = 2026-03-01T08:00:00Z", "date = 2026-03-02T05:00:00Z"),
    ):
        path = folder / file
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with Locking(folder / "publisher.db") as relay:
        settings = folder / "publication.toml"
        settings.write_text(
            settings.read_text("utf-8").replace(
                "[sections]", f'[delivery]\ntransport = "{relay.url}"\nlanes = 1\n[sections]'
            ),
            "utf-8",
        )
        publication, secrets = load(folder), load_secrets(folder)
        store = open_store(sqlite_database, folder, wait=0.3)
        rows = read_csv(READERS.encode(), file="readers.csv")
        import_rows(store, publication, rows, file="readers.csv", newsletter="world", keys=secrets.signing, now=MONDAY)

        def walk() -> pipeline.Passed:
            return pipeline.run(
                publication, secrets, store, clock=lambda: MONDAY, stop=threading.Event(), fixed_time=True
            )

        first = walk()
        assert [type(error) for error in first.errors] == [StoreLocked]
        assert 0 < len(relay.accepted) < 12
        assert relay.held is not None
        relay.held.join()

        second = walk()
        assert second.errors == []
        assert set(relay.counts.values()) == {1}
        assert len(relay.counts) == 12
        store.close()


def test_two_folders_with_one_database_file_do_not_deliver_at_once(
    folder: Path, sqlite_store: Store, tmp_path: Path
) -> None:
    edition_for(sqlite_store, 3)
    other = tmp_path / "other"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("publisher.db*"))
    store = open_store(f"sqlite:{folder / 'publisher.db'}", other)
    with Relay() as relay:
        with delivery_lock(folder / ".publisher") as mine:
            assert mine
            assert deliver(other, store, relay_transport(relay)).elsewhere
        assert deliver(other, store, relay_transport(relay)).accepted == 3
    store.close()
