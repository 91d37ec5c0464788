"""The disk is full while an edition leaves the database for its file: nothing is lost, and one line says so."""

from __future__ import annotations

import multiprocessing
import os
import resource
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import update

from publisher.model.delivery import Account
from publisher.model.errors import PublisherError
from publisher.store import Store, blocks, open_store
from publisher.store import editions as edition_store
from publisher.store.editions import Sums
from publisher.store.schema import attempts
from tests.store.test_folding import everything, finished, fold, rows

SIZE = 8 << 20
PAGE = 4096


@pytest.fixture
def place(tmp_path: Path, folder: Path, database: str) -> Iterator[Path]:
    """The publication on a small disk of its own, with its database if that is a file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip() or made.stdout.strip()}")
    shutil.copytree(folder, disk / "publication")
    yield disk / "publication"
    subprocess.run(["umount", "-l", disk], check=True)


@contextmanager
def filled(place: Path, left: int) -> Iterator[None]:
    """All but so many bytes of the disk are taken."""
    filler = place / "filler"
    room = os.statvfs(place)
    filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - left)))
    try:
        yield
    finally:
        filler.unlink()


def large(store: Store) -> int:
    """An edition that has ended, with replies that no compression makes small."""
    number = finished(store, 120)
    with store.writing() as connection:
        for attempt in range(1, 121):
            said = f"2.0.0 queued as {secrets.token_hex(60)}"
            connection.execute(update(attempts).where(attempts.c.id == attempt).values(reply=said))
    return number


def known(store: Store, folder: Path, number: int) -> tuple[Sums, list[Account]]:
    with store.reading() as connection:
        sums = edition_store.sums(connection, number)
    return sums, everything(store, folder, number)


def lines(errors: list[PublisherError]) -> list[str]:
    said = [str(error) for error in errors]
    assert all("\n" not in line and line for line in said)
    return said


def test_whatever_room_is_left_nothing_is_lost_and_it_goes_on_when_there_is_more(
    place: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 50)
    store = open_store(database, place)
    number = large(store)
    before = known(store, place, number)
    said: list[str] = []
    for pages in count(step=4):
        with filled(place, pages * PAGE):
            done = fold(store, place)
        said += lines(done.errors)
        assert known(store, place, number) == before
        assert not list((place / "ledger").glob(".*"))
        if not done.errors:
            break
    assert rows(store) == (0, 0)
    assert said[0] == (
        "ledger/edition-000001.jsonl.gz: cannot be written (No space left on device); nothing has left the database; "
        "free some room, or make the folder writable"
    )
    if store.dialect == "sqlite":
        assert "publisher.db: database or disk is full; free some room and run it again; nothing was lost" in said
    store.close()


def fold_within(folder: Path, database: str, most: int, answer: Connection) -> None:
    """Folds in a process whose files may have so many bytes."""
    store = open_store(database, folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    answer.send([str(error) for error in fold(store, folder).errors])
    store.close()


def test_a_file_that_may_not_grow_is_one_line_and_loses_nothing(folder: Path, database: str) -> None:
    store = open_store(database, folder)
    number = large(store)
    before = known(store, folder, number)
    mine, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=fold_within, args=(folder, database, 1000, theirs))
    process.start()
    [line] = mine.recv()
    process.join(60)
    assert process.exitcode == 0
    assert "\n" not in line
    assert "ledger/edition-000001.jsonl.gz: cannot be written (File too large); nothing has left" in line
    assert known(store, folder, number) == before
    assert fold(store, folder).editions == [number]
    assert known(store, folder, number) == before
    store.close()
