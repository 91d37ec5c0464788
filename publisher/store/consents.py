"""The consent history: what people agreed to and withdrew; append-only."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, insert, select, update

from publisher.model.subscriber import ConsentEvent
from publisher.store.schema import consents

__all__ = ["forget_addresses", "history", "newest", "record"]


def record(connection: Connection, events: Iterable[tuple[int, ConsentEvent]]) -> None:
    """Appends events, each with its subscriber's number."""
    rows = [
        {
            "subscriber_id": subscriber,
            "newsletter": event.newsletter,
            "event": event.event,
            "at": event.at,
            "ip": event.ip,
            "source": event.source,
            "wording": event.wording,
        }
        for subscriber, event in events
    ]
    if rows:
        connection.execute(insert(consents), rows)


def forget_addresses(connection: Connection, subscriber: int) -> None:
    """Removes the IP addresses of somebody who is erased; when they agreed to what stays provable."""
    connection.execute(update(consents).where(consents.c.subscriber_id == subscriber).values(ip=""))


def newest(connection: Connection) -> int:
    """The number of the newest event, of whomever; 0 before the first."""
    return connection.execute(select(func.max(consents.c.id))).scalar() or 0


def history(connection: Connection, subscriber: int) -> list[ConsentEvent]:
    """A subscriber's events, oldest first."""
    rows = connection.execute(
        select(
            consents.c.event,
            consents.c.at,
            consents.c.newsletter,
            consents.c.ip,
            consents.c.source,
            consents.c.wording,
        )
        .where(consents.c.subscriber_id == subscriber)
        .order_by(consents.c.id)
    )
    return [ConsentEvent(**row._mapping) for row in rows]
