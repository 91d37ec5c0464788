"""The index of the articles, in .publisher/index.db: what each file said when last read, and what was made of it.

A cache of this machine, and so no part of the publication's database, which others may share: it can be deleted at any
time, and the next build reads every file again. It is dropped when another program or other settings made it, or when
it is damaged; where none can be had, one in memory stands in. Guarantees: one build at a time has it; a build that was
killed leaves it as it was. Fails never.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Index", "Row"]

_PATIENCE = 600.0  # seconds that another build may take
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (made_by TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS articles (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL,
    body TEXT NOT NULL, source TEXT NOT NULL, made TEXT NOT NULL
) WITHOUT ROWID;
"""


class Row(NamedTuple):
    """A file: its stamp (`publisher.publication.scanning`), a digest of its text, and JSON of what was made of it."""

    path: str
    size: int
    modified: int
    changed: int
    body: str
    source: str
    made: str


class Index:
    """The index, for the time of one build. `close` it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._whole = True

    @classmethod
    def open(cls, file: Path, *, made_by: str) -> Index:
        """The index in ``file``; an empty one if it was ``made_by`` something else."""
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(sqlite3.OperationalError):  # no place for it, or another build keeps it for too long
            try:
                return cls._open(str(file), made_by)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                with contextlib.suppress(OSError):
                    file.unlink()  # not a database, or half of one
                return cls._open(str(file), made_by)
        return cls._open(":memory:", made_by)

    @classmethod
    def _open(cls, file: str, made_by: str) -> Index:
        connection = sqlite3.connect(file, isolation_level=None, timeout=_PATIENCE)
        try:
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            if connection.execute("SELECT made_by FROM about").fetchone() != (made_by,):
                connection.execute("DELETE FROM about")
                connection.execute("DELETE FROM articles")
                connection.execute("INSERT INTO about VALUES (?)", (made_by,))
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def rows(self) -> Iterator[Row]:
        """Every file, by path."""
        yield from map(Row._make, self._connection.execute("SELECT * FROM articles ORDER BY path"))

    def put(self, rows: Iterable[Row]) -> None:
        """Replaces the rows of these files, if it comes to `save`."""
        try:
            self._connection.executemany("INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error:  # a full disk costs the next build time, no more
            self._whole = False

    def save(self, rows: Iterable[Row], gone: Iterable[str]) -> None:
        """Replaces the rows of these files, too, and forgets others; then others may have the index."""
        self.put(rows)
        with contextlib.suppress(sqlite3.Error):
            self._connection.executemany("DELETE FROM articles WHERE path = ?", ((path,) for path in gone))
            if self._whole:
                self._connection.execute("COMMIT")

    def close(self) -> None:
        """What was not saved is undone."""
        self._connection.close()
