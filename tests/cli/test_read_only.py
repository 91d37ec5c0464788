"""Commands that only read work where nothing can be written; those that write say so in a line."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.cli import call
from tests.cli.conftest import Program

NOBODY = 65534
READING = (
    ("status",),
    ("editions", "list"),
    ("editions", "show", "1"),
    ("editions", "export", "1"),
    ("subscribers", "list"),
    ("schedule", "all"),
    ("explain", "how-a-lighthouse-tells-you-its-name"),
)


@pytest.fixture(scope="module")
def published() -> Iterator[Path]:
    """The demo after its editions went out, in a folder that anybody can read."""
    folder = Path(tempfile.mkdtemp(prefix="publisher-read-"))
    demo = folder / "demo"
    assert call(["init", str(demo), "--demo", "--quiet"]) == 0
    where = ("--publication", str(demo), "--quiet")
    assert call(["subscribers", "import", str(demo / "subscribers.csv"), *where]) == 0
    assert call(["run", "--now", "2026-11-20T08:10", *where]) == 0
    for words in READING:
        assert call([*words, *where]) == 0  # what it imports may be where nobody else can read
    (demo / "secrets.toml").chmod(0o644)
    yield demo
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Nothing in the folder can be written, as a process without rights sees it."""
    everything = [folder.parent, folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)
        for path in everything:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_only_reads_works_in_a_folder_that_cannot_be_written(
    published: Path, program: Program, words: tuple[str, ...]
) -> None:
    before = program(*words, "--publication", str(published), "--json")
    with as_nobody(published):
        answer = program(*words, "--publication", str(published), "--json")
    assert answer.err == ""
    assert answer.status == 0
    if words[0] in ("editions", "subscribers"):
        assert answer.out == before.out


def test_what_writes_says_so_in_a_line(published: Path, program: Program) -> None:
    with as_nobody(published):
        for words in (
            ("run",),
            ("editions", "hold", "1"),
            ("subscribers", "add", "ana@example.org", "--newsletter", "all"),
        ):
            answer = program(*words, "--publication", str(published))
            assert answer.status != 0
            assert len(answer.err.splitlines()) == 1
            assert "writable" in answer.err


def test_a_schema_that_is_older_is_told(published: Path, program: Program) -> None:
    database = sqlite3.connect(published / "publisher.db")
    [(version,)] = database.execute("SELECT version_num FROM alembic_version").fetchall()
    database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    with as_nobody(published):
        answer = program("status", "--publication", str(published))
    database = sqlite3.connect(published / "publisher.db")
    database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    database.commit()
    database.close()
    assert answer.status == 1
    assert answer.err == (
        "publisher: publisher.db: its schema is an older publisher's, and it cannot be written; "
        "run publisher once where it can be\n"
    )
