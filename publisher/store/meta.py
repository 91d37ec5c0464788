"""Single facts of the publication's life, by name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from publisher.store.inserting import insert_missing
from publisher.store.schema import meta

__all__ = ["forget", "keep_moment", "read", "read_moment", "write", "write_moment"]


def read(connection: Connection, key: str) -> str | None:
    """The fact, or None."""
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def write(connection: Connection, key: str, value: str) -> None:
    """Replaces the fact, also while another process writes it for the first time."""
    insert_missing(connection, meta, [{"key": key, "value": value}], "key")
    connection.execute(update(meta).where(meta.c.key == key).values(value=value))


def forget(connection: Connection, key: str) -> None:
    """Removes the fact, if it is there."""
    connection.execute(delete(meta).where(meta.c.key == key))


def read_moment(connection: Connection, key: str) -> datetime | None:
    """The fact as an aware time, or None."""
    value = read(connection, key)
    return datetime.fromisoformat(value) if value else None


def write_moment(connection: Connection, key: str, value: datetime) -> None:
    """Replaces the fact by a time."""
    write(connection, key, value.isoformat())


def keep_moment(connection: Connection, key: str, value: datetime | None) -> None:
    """Replaces the fact by a time, or removes it."""
    if value is not None:
        write_moment(connection, key, value)
    elif read(connection, key) is not None:
        forget(connection, key)
