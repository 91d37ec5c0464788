"""Counts that only grow, by name and kind: rows of `counters`."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from publisher.store.inserting import insert_missing
from publisher.store.schema import counters

__all__ = ["add", "read"]


def add(connection: Connection, name: str, more: Mapping[str, int]) -> None:
    """Adds so many of each kind."""
    rows = [{"name": f"{name}: {kind}", "value": 0} for kind in more]
    insert_missing(connection, counters, rows, "name")
    for kind, number in sorted(more.items()):
        connection.execute(
            update(counters).where(counters.c.name == f"{name}: {kind}").values(value=counters.c.value + number)
        )


def read(connection: Connection, name: str) -> dict[str, int]:
    """How many of each kind so far."""
    prefix = f"{name}: "
    rows = connection.execute(select(counters).where(counters.c.name.startswith(prefix, autoescape=True)))
    return {row.name.removeprefix(prefix): int(row.value) for row in rows}
