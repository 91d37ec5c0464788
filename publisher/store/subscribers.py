"""Subscribers: people, each known by one address and by its keyed hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Row, cast, func, select, true, update

from publisher.model.subscriber import BY_FEED, Subscriber, SubscriptionState
from publisher.store.inserting import insert_missing
from publisher.store.schema import subscribers, subscriptions, suppressions

__all__ = [
    "Listed",
    "NewSubscriber",
    "active",
    "active_by_cadence",
    "addresses",
    "by_hash",
    "erase",
    "get",
    "hash_of",
    "insert_new",
    "listing",
    "lock",
    "lock_many",
    "move",
    "own_fields",
    "set_timezone",
    "update_details",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscriber:
    """Somebody who may not have a row yet. ``fields`` are the publisher's own."""

    address: str
    address_hash: str
    name: str
    language: str
    fields: dict[str, str]
    timezone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One subscription as a person reads it. ``suppressed``: why the address must not be mailed, or empty; ``by_feed``:
    a private feed is read instead of mail.
    """

    subscription: int
    address: str
    name: str
    newsletter: str
    cadence: str
    state: SubscriptionState
    topics: str
    language: str
    since: datetime
    suppressed: str
    timezone: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    by_feed: bool = False


_IMPORT = 7_305_222  # PostgreSQL's advisory lock; the one before is the migrations'

_COLUMNS = (
    subscribers.c.id,
    subscribers.c.address,
    subscribers.c.name,
    subscribers.c.language,
    subscribers.c.timezone,
    subscribers.c.fields,
)


def _subscriber(row: Row[*tuple[Any, ...]]) -> Subscriber:
    return Subscriber(
        id=row.id,
        address=row.address or "",
        name=row.name,
        language=row.language,
        timezone=row.timezone,
        fields=json.loads(row.fields),
    )


def active_by_cadence(connection: Connection) -> dict[tuple[str, str], int]:
    """How many active subscriptions each newsletter and cadence has, whatever the settings say of it."""
    rows = connection.execute(
        select(subscriptions.c.newsletter, subscriptions.c.cadence, func.count())
        .where(subscriptions.c.state == SubscriptionState.ACTIVE.value)
        .group_by(subscriptions.c.newsletter, subscriptions.c.cadence)
        .order_by(subscriptions.c.newsletter, subscriptions.c.cadence)
    )
    return {(newsletter, cadence): number for newsletter, cadence, number in rows}


def active(connection: Connection) -> int:
    """How many subscriptions are active, of all newsletters."""
    statement = select(func.count()).where(subscriptions.c.state == SubscriptionState.ACTIVE.value)
    return int(connection.execute(statement).scalar_one())


def get(connection: Connection, number: int) -> Subscriber | None:
    """The subscriber of that number; the address of somebody erased is empty."""
    row = connection.execute(select(*_COLUMNS).where(subscribers.c.id == number)).first()
    return _subscriber(row) if row else None


def by_hash(connection: Connection, hashes: Iterable[str]) -> dict[str, Subscriber]:
    """The subscribers of these addresses (at most some 10,000), by address hash."""
    statement = select(subscribers.c.address_hash, *_COLUMNS).where(subscribers.c.address_hash.in_(list(hashes)))
    return {row.address_hash: _subscriber(row) for row in connection.execute(statement)}


def hash_of(connection: Connection, number: int) -> str:
    """The address hash of a subscriber that exists."""
    statement = select(subscribers.c.address_hash).where(subscribers.c.id == number)
    return str(connection.execute(statement).scalar_one())


def insert_new(connection: Connection, people: Iterable[NewSubscriber], now: datetime) -> None:
    """Inserts those whose address hash is not there yet; the others stay as they are."""
    rows = [
        {
            "address": person.address,
            "address_hash": person.address_hash,
            "name": person.name,
            "language": person.language,
            "timezone": person.timezone,
            "fields": json.dumps(person.fields, ensure_ascii=False),
            "created_at": now,
        }
        for person in people
    ]
    insert_missing(connection, subscribers, rows, "address_hash", as_given=True)


def update_details(connection: Connection, subscriber: Subscriber) -> None:
    """Writes name, language, time zone and own fields."""
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber.id)
        .values(
            name=subscriber.name,
            language=subscriber.language,
            timezone=subscriber.timezone,
            fields=json.dumps(subscriber.fields, ensure_ascii=False),
        )
    )


def set_timezone(connection: Connection, number: int, timezone: str) -> None:
    """The reader's time zone."""
    connection.execute(update(subscribers).where(subscribers.c.id == number).values(timezone=timezone))


def move(connection: Connection, number: int, to: int) -> bool:
    """Gives a subscriber the address of another, who has no subscription and is left without one; False if there is
    no such address any more, or it reads already. Deliveries and history stay with the first.
    """
    new = connection.execute(
        select(subscribers.c.address, subscribers.c.address_hash).where(
            subscribers.c.id == to, subscribers.c.address.is_not(None)
        )
    ).first()
    reads = select(subscriptions.c.id).where(subscriptions.c.subscriber_id == to)
    if new is None or number == to or connection.execute(reads.limit(1)).first() is not None:
        return False
    left = {"address": None, "address_hash": f"moved to {number} from {to}"}
    connection.execute(update(subscribers).where(subscribers.c.id == to).values(left))
    moved = connection.execute(
        update(subscribers)
        .where(subscribers.c.id == number, subscribers.c.address.is_not(None))
        .values(address=new.address, address_hash=new.address_hash)
    )
    return moved.rowcount == 1


def erase(connection: Connection, number: int, now: datetime) -> None:
    """Removes all that is personal, the hash too; the row stays for the sums."""
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == number)
        .values(
            address=None,
            address_hash=f"erased {number}",
            name="",
            language="",
            timezone="",
            fields="{}",
            erased_at=now,
        )
    )


def lock_many(connection: Connection) -> None:
    """Until this transaction ends, nobody else inserts or changes several: people are numbered in the order of their
    file, and two files with the same people in another order would wait for each other.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_IMPORT)))


def lock(connection: Connection, number: int) -> None:
    """Until this transaction ends, nobody else who locks decides anything about this subscriber.

    A row that only refers to the subscriber may be inserted (a key share): an opening holds the subscriptions of its
    readers while it does, and whoever has locked the subscriber may be waiting for one of these.
    """
    mine = select(subscribers.c.id).where(subscribers.c.id == number)
    connection.execute(mine.with_for_update(key_share=True)).first()


def listing(
    connection: Connection,
    *,
    newsletter: str | None = None,
    state: SubscriptionState | None = None,
    address_hash: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Listed]:
    """Subscriptions with their people, by number; ``after`` one, to go on from there. Not of erased ones."""
    statement = (
        select(
            subscriptions.c.id,
            subscribers.c.address,
            subscribers.c.name,
            subscriptions.c.newsletter,
            subscriptions.c.cadence,
            subscriptions.c.state,
            subscriptions.c.topics,
            subscriptions.c.language,
            subscriptions.c.created_at,
            subscriptions.c.snoozed_until,
            subscribers.c.timezone,
            subscribers.c.fields,
            suppressions.c.reason,
        )
        .select_from(
            subscriptions.join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id).outerjoin(
                suppressions, suppressions.c.address_hash == subscribers.c.address_hash
            )
        )
        .where(subscribers.c.address.is_not(None), subscriptions.c.id > after)
        .order_by(subscriptions.c.id)
    )
    if newsletter is not None:
        statement = statement.where(subscriptions.c.newsletter == newsletter)
    if state is not None:
        statement = statement.where(subscriptions.c.state == state.value)
    if address_hash is not None:
        statement = statement.where(subscribers.c.address_hash == address_hash)
    if limit is not None:
        statement = statement.limit(limit)
    return [
        Listed(
            subscription=row.id,
            address=row.address,
            name=row.name,
            newsletter=row.newsletter,
            cadence=row.cadence,
            state=SubscriptionState(row.state),
            topics=row.topics,
            language=row.language,
            since=row.created_at,
            suppressed=row.reason or "",
            timezone=row.timezone,
            fields=json.loads(row.fields),
            by_feed=row.snoozed_until == BY_FEED,
        )
        for row in connection.execute(statement)
    ]


def addresses(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The addresses of these subscribers; those who were erased have none. Some thousand at once at most."""
    rows = connection.execute(
        select(subscribers.c.id, subscribers.c.address).where(
            subscribers.c.id.in_(ids), subscribers.c.address.is_not(None)
        )
    )
    return dict(rows.all())


def own_fields(connection: Connection) -> frozenset[str]:
    """The names of the publisher's own fields that any subscriber has a value of."""
    if connection.dialect.name == "postgresql":
        keys = select(func.json_object_keys(cast(subscribers.c.fields, JSON)).label("key"))
    else:
        each = func.json_each(subscribers.c.fields).table_valued("key")
        keys = select(each.c.key).select_from(subscribers).join(each, true())
    return frozenset(connection.scalars(keys.where(subscribers.c.fields != "{}").distinct()))
