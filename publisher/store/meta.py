"""Single facts of the publication's life, by name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from publisher.store.schema import meta

__all__ = ["read", "read_moment", "write", "write_moment"]


def read(connection: Connection, key: str) -> str | None:
    """The fact, or None."""
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def write(connection: Connection, key: str, value: str) -> None:
    """Replaces the fact."""
    connection.execute(delete(meta).where(meta.c.key == key))
    connection.execute(insert(meta).values(key=key, value=value))


def read_moment(connection: Connection, key: str) -> datetime | None:
    """The fact as an aware time, or None."""
    value = read(connection, key)
    return datetime.fromisoformat(value) if value else None


def write_moment(connection: Connection, key: str, value: datetime) -> None:
    """Replaces the fact by a time."""
    write(connection, key, value.isoformat())
