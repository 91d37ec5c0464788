"""What runs found wrong: since when, when it was last seen, and when somebody was told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from publisher.store.inserting import insert_missing
from publisher.store.schema import troubles

__all__ = ["OVER_AFTER", "Remembered", "remember", "since", "told"]

OVER_AFTER = timedelta(hours=1)
"""What was not seen for so long is over; before, it may only come and go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One thing that is, or was an hour ago, wrong. ``told_at`` None: nobody was told yet."""

    key: str
    text: str
    since: datetime
    seen_at: datetime
    told_at: datetime | None


def remember(connection: Connection, found: Mapping[str, str], now: datetime) -> tuple[list[Remembered], list[str]]:
    """Takes note of what is wrong at ``now``, key and sentence; all that is, oldest first, and what is over."""
    rows = [{"key": key, "text": text, "since": now, "seen_at": now} for key, text in found.items()]
    insert_missing(connection, troubles, rows, "key")
    # They are few. Two runs that change some and delete others would wait for each other.
    connection.execute(select(troubles.c.key).order_by(troubles.c.key).with_for_update()).all()
    for key, text in found.items():
        connection.execute(update(troubles).where(troubles.c.key == key).values(text=text, seen_at=now))
    gone = connection.execute(
        delete(troubles).where(troubles.c.seen_at < now - OVER_AFTER).returning(troubles.c.text, troubles.c.told_at)
    ).all()
    return since(connection, now), [row.text for row in gone if row.told_at is not None]


def since(connection: Connection, moment: datetime) -> list[Remembered]:
    """What was seen at or after ``moment``, oldest first."""
    rows = connection.execute(
        select(troubles).where(troubles.c.seen_at >= moment).order_by(troubles.c.since, troubles.c.key)
    )
    return [Remembered(**row._mapping) for row in rows]


def told(connection: Connection, keys: Iterable[str], now: datetime) -> None:
    """Somebody was told of these."""
    connection.execute(update(troubles).where(troubles.c.key.in_(list(keys))).values(told_at=now))
