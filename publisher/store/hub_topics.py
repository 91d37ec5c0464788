"""What the WebSub hub has been told of each feed document, and what it has still to be told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, delete, null, select, update

from publisher.store.inserting import insert_missing
from publisher.store.schema import hub_topics

__all__ = ["Topic", "claim", "forget", "notice", "refused", "release", "tell_again", "told", "topics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A feed document, by its address. Where ``content`` is not ``told`` the hub has to be told.

    ``seen``      recognises the file without reading it
    ``content``   the hash of what is in place; ``told`` of what the hub was last told of, ``""``: never of anything
    ``since``     when the hub fell behind; ``attempts`` to tell it since then, the last ``tried_at``
    ``try_at``    not before that; None: at once
    ``answer``    why the last attempt failed
    """

    address: str
    seen: str
    content: str
    told: str = ""
    since: datetime | None = None
    attempts: int = 0
    tried_at: datetime | None = None
    try_at: datetime | None = None
    answer: str = ""


def topics(connection: Connection) -> dict[str, Topic]:
    """All of them, by address."""
    return {row.address: Topic(**row._mapping) for row in connection.execute(select(hub_topics))}


def notice(connection: Connection, changed: Iterable[Topic]) -> None:
    """Remembers what is in place now; what the hub was told, and how often it was tried, stays."""
    for topic in sorted(changed, key=lambda one: one.address):
        row = {"address": topic.address, "seen": topic.seen, "content": topic.content, "since": topic.since}
        insert_missing(connection, hub_topics, [row], "address")
        connection.execute(update(hub_topics).where(hub_topics.c.address == topic.address).values(row))


def tell_again(connection: Connection, now: datetime) -> None:
    """The hub has to be told of all of them, at once, as if it had never been told of any."""
    connection.execute(update(hub_topics).values(told="", since=now, attempts=0, try_at=None, answer=""))


def claim(connection: Connection, topic: Topic, *, now: datetime, until: datetime) -> bool:
    """Counts an attempt that begins now; False if another process has begun one. It has failed until it succeeds."""
    done = connection.execute(
        update(hub_topics)
        .where(hub_topics.c.address == topic.address, hub_topics.c.attempts == topic.attempts)
        .values(attempts=topic.attempts + 1, tried_at=now, try_at=until)
    )
    return done.rowcount == 1


def told(connection: Connection, topic: Topic) -> None:
    """The hub knows of ``topic.content``; what has come into its place meanwhile is told next."""
    behind = hub_topics.c.content != topic.content
    connection.execute(
        update(hub_topics)
        .where(hub_topics.c.address == topic.address)
        .values(
            told=topic.content,
            since=case((behind, hub_topics.c.since), else_=null()),
            attempts=0,
            try_at=None,
            answer="",
        )
    )


def refused(connection: Connection, topic: Topic, *, answer: str, try_at: datetime) -> None:
    """The attempt failed; not again before ``try_at``."""
    connection.execute(
        update(hub_topics).where(hub_topics.c.address == topic.address).values(answer=answer, try_at=try_at)
    )


def release(connection: Connection, topic: Topic) -> None:
    """There was no time for the attempt: it is as if it had not begun."""
    connection.execute(
        update(hub_topics)
        .where(hub_topics.c.address == topic.address)
        .values(attempts=topic.attempts, tried_at=topic.tried_at, try_at=topic.try_at)
    )


def forget(connection: Connection, addresses: Collection[str]) -> None:
    """Removes documents that are no more."""
    connection.execute(delete(hub_topics).where(hub_topics.c.address.in_(addresses)))
