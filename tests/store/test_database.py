"""A database that is busy, broken, new or not there: one line, and nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from publisher.model.errors import ConfigurationError, StoreError, StoreLocked, StoreUnreachable
from publisher.store import Store, meta, open_store


def told(folder: Path, database: str = "sqlite:publisher.db") -> str:
    with pytest.raises(StoreError) as caught:
        open_store(database, folder, wait=0.2)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_locked_database_is_one_line_and_loses_nothing(folder: Path, sqlite_database: str) -> None:
    store = open_store(sqlite_database, folder, wait=0.2)
    other = sqlite3.connect(folder / "publisher.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked) as caught, store.writing() as connection:
        meta.write(connection, "key", "value")
    assert str(caught.value).startswith(
        "publisher.db: another process has held its lock for too long; nothing was lost"
    )
    other.execute("ROLLBACK")
    with store.writing() as connection:
        meta.write(connection, "key", "value")
    store.close()


def test_readers_do_not_wait_for_a_writer(folder: Path, sqlite_database: str) -> None:
    store = open_store(sqlite_database, folder, wait=0.2)
    with store.writing() as writer:
        meta.write(writer, "key", "value")
        with store.reading() as reader:
            assert meta.read(reader, "key") is None
    store.close()


def test_a_file_that_is_no_database_is_told(folder: Path) -> None:
    (folder / "publisher.db").write_bytes(b"This is a text, and a rather long one, not a database. " * 40)
    assert told(folder) == "publisher.db: file is not a database; move the file away, or restore a backup"


def test_a_folder_that_is_not_there_is_told(folder: Path) -> None:
    assert told(folder, "sqlite:nowhere/publisher.db") == (
        "publisher.db: unable to open database file; make the publication's folder and the file writable"
    )


def test_a_database_of_a_newer_publisher_is_left_alone(folder: Path, sqlite_store: Store) -> None:
    with sqlite_store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "was made by a newer publisher; upgrade publisher" in told(folder)


def test_a_server_that_is_away_is_told_without_its_password(folder: Path) -> None:
    with pytest.raises(StoreUnreachable) as caught:
        open_store("postgresql://ana:hush@127.0.0.1:1/news", folder)
    assert "refused" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_kind_of_database_that_we_do_not_know_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError):
        open_store("mysql://x", folder)


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def broken() -> None:
        with store.writing() as connection:
            meta.write(connection, "key", "value")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    with store.reading() as connection:
        assert meta.read(connection, "key") is None


def test_two_processes_at_once_may_write_the_same_fact_for_the_first_time(store: Store) -> None:
    first_wrote, second_began = threading.Event(), threading.Event()
    faults: list[Exception] = []

    def second() -> None:
        first_wrote.wait()
        second_began.set()
        try:
            with store.writing() as connection:
                meta.write(connection, "key", "second")
        except StoreError as error:
            faults.append(error)

    other = threading.Thread(target=second)
    other.start()
    with store.writing() as connection:
        meta.write(connection, "key", "first")
        first_wrote.set()
        second_began.wait()
        time.sleep(0.2)  # the second waits for this transaction
    other.join()
    assert faults == []
    with store.reading() as connection:
        assert meta.read(connection, "key") == "second"


def test_two_processes_at_once_migrate_a_new_database_once(folder: Path) -> None:
    errors: list[BaseException] = []

    def open_it() -> None:
        try:
            open_store("sqlite:publisher.db", folder).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
