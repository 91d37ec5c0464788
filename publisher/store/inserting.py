"""Inserting rows that somebody else may have inserted a moment ago."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_missing"]


def insert_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *unique: str) -> None:
    """Inserts the rows whose ``unique`` columns are not there yet; the others stay as they are."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(index_elements=unique), rows)
    else:
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(index_elements=unique), rows)
