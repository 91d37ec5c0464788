"""Inserting rows that somebody else may have inserted a moment ago."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_missing", "inserting"]


def insert_missing(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *unique: str, as_given: bool = False
) -> None:
    """Inserts the rows whose ``unique`` columns are not there yet; the others stay as they are.

    In one order for all: two that insert the same rows, the one these first and the other those, would wait for each
    other. ``as_given``: in theirs; the caller sees to it that nobody else inserts several at once.
    """
    if not rows:
        return
    if not as_given:
        rows = sorted(rows, key=lambda row: tuple(row[name] for name in unique))
    connection.execute(inserting(connection, table).on_conflict_do_nothing(index_elements=unique), rows)


def inserting(connection: Connection, table: Table) -> Any:
    """An INSERT that can be told what to do on conflict."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
