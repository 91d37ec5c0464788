"""Subscriptions: one person's consent to one newsletter, its state, cadence and cursor.

Guarantees: a change of state is one conditional UPDATE, so whoever comes second finds that it has happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, true, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import EditionState
from publisher.model.subscriber import Subscriber, Subscription, SubscriptionState
from publisher.store import meta
from publisher.store import subscribers as people
from publisher.store.inserting import insert_missing
from publisher.store.schema import counters, deliveries, editions, subscribers, subscriptions, suppressions

__all__ = [
    "Counted",
    "NewSubscription",
    "activate",
    "await_confirmation",
    "change_cadence",
    "change_language",
    "change_topics",
    "counts",
    "end",
    "get",
    "insert_new",
    "of_address",
    "of_subscribers",
    "readers",
    "snooze",
    "starting_cursor",
    "starting_edition",
    "starting_sequence",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscription:
    """A subscription that may not have a row yet."""

    subscriber: int
    newsletter: str
    cadence: str
    state: SubscriptionState
    cursor: int
    topics: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A newsletter's subscriptions. ``suppressed`` are active ones that must not be mailed."""

    active: int = 0
    pending: int = 0
    unsubscribed: int = 0
    suppressed: int = 0


_COLUMNS = (
    subscriptions.c.id,
    subscriptions.c.subscriber_id,
    subscriptions.c.newsletter,
    subscriptions.c.cadence,
    subscriptions.c.state,
    subscriptions.c.cursor,
    subscriptions.c.topics,
    subscriptions.c.language,
    subscriptions.c.snoozed_until,
    subscriptions.c.ended_at,
)


def _subscription(row: Row[*tuple[Any, ...]]) -> Subscription:
    return Subscription(
        id=row.id,
        subscriber=row.subscriber_id,
        newsletter=row.newsletter,
        cadence=row.cadence,
        state=SubscriptionState(row.state),
        cursor=row.cursor,
        topics=row.topics,
        language=row.language,
        snoozed_until=row.snoozed_until,
        ended_at=row.ended_at,
    )


def get(connection: Connection, number: int) -> Subscription | None:
    """The subscription of that number."""
    if not 0 < number < 2**63:
        return None
    row = connection.execute(select(*_COLUMNS).where(subscriptions.c.id == number)).first()
    return _subscription(row) if row else None


def of_subscribers(connection: Connection, numbers: Iterable[int]) -> dict[tuple[int, str], Subscription]:
    """Their subscriptions (of at most some 10,000 subscribers), by subscriber and newsletter."""
    rows = connection.execute(select(*_COLUMNS).where(subscriptions.c.subscriber_id.in_(list(numbers))))
    return {(row.subscriber_id, row.newsletter): _subscription(row) for row in rows}


def of_address(connection: Connection, address_hash: str, newsletter: str) -> tuple[Subscriber, Subscription] | None:
    """The person of that address hash and their subscription to a newsletter, if there is one."""
    person = people.by_hash(connection, [address_hash]).get(address_hash)
    if person is None:
        return None
    subscription = of_subscribers(connection, [person.id]).get((person.id, newsletter))
    return None if subscription is None else (person, subscription)


def insert_new(connection: Connection, new: Iterable[NewSubscription], now: datetime) -> None:
    """Inserts those that are not there yet; the others stay as they are."""
    rows = [
        {
            "subscriber_id": subscription.subscriber,
            "newsletter": subscription.newsletter,
            "cadence": subscription.cadence,
            "state": subscription.state.value,
            "cursor": subscription.cursor,
            "began": subscription.cursor,
            "topics": subscription.topics,
            "language": subscription.language,
            "created_at": now,
            "confirmed_at": now if subscription.state is SubscriptionState.ACTIVE else None,
        }
        for subscription in new
    ]
    insert_missing(connection, subscriptions, rows, "subscriber_id", "newsletter", as_given=True)


def starting_cursor(connection: Connection, newsletter: str, cadence: str) -> int:
    """Where a new subscription begins: behind its cadence's last edition, else its newsletter's, else at 0.

    So its first edition has what the same edition has for everybody else. Never before the first run on a real
    transport, which moved everybody on.
    """
    of_newsletter = (
        select(editions.c.cutoff)
        .where(editions.c.newsletter == newsletter, editions.c.cutoff > 0)  # 0: nobody has approved it yet
        .order_by(editions.c.slot.desc(), editions.c.id.desc())
        .limit(1)
    )
    cutoff = connection.execute(of_newsletter.where(editions.c.cadence == cadence)).scalar()
    if cutoff is None:
        cutoff = connection.execute(of_newsletter).scalar() or 0
    return max(cutoff, int(meta.read(connection, "real_cursor") or 0))


def starting_edition(connection: Connection, newsletter: str, cadence: str) -> int | None:
    """The edition behind which a new subscription begins, if it went out."""
    gone_out = [EditionState.GOING_OUT.value, EditionState.PAUSED.value, EditionState.FINISHED.value]
    for of_cadence in (editions.c.cadence == cadence, true()):
        last = connection.execute(
            select(editions.c.id, editions.c.state)
            .where(editions.c.newsletter == newsletter, editions.c.cutoff > 0, of_cadence)
            .order_by(editions.c.slot.desc(), editions.c.id.desc())
            .limit(1)
        ).first()
        if last is not None:
            return last.id if last.state in gone_out else None
    return None


def starting_sequence(connection: Connection) -> int:
    """The sequence after which a topic chosen now matches: the newest one, or 0 before the first edition."""
    if connection.execute(select(editions.c.id).limit(1)).first() is None:
        return 0
    return int(connection.execute(select(counters.c.value).where(counters.c.name == "sequence")).scalar_one())


def activate(
    connection: Connection,
    number: int,
    *,
    came_from: SubscriptionState,
    cursor: int,
    now: datetime,
    cadence: str | None = None,
    topics: str | None = None,
) -> bool:
    """Makes it active from ``cursor`` on; False if it is no longer ``came_from``.

    One that was unsubscribed begins anew: its generation goes up, and old deliveries give it nothing back.
    """
    changes: dict[str, object] = {"cadence": cadence, "topics": topics}
    changed = connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == number, subscriptions.c.state == came_from.value)
        .values(
            {name: value for name, value in changes.items() if value is not None}
            | {
                "state": SubscriptionState.ACTIVE.value,
                "cursor": cursor,
                "began": cursor,
                "confirmed_at": now,
                "ended_at": None,
                "snoozed_until": None,
                "generation": subscriptions.c.generation + (1 if came_from is SubscriptionState.UNSUBSCRIBED else 0),
            }
        )
    )
    return changed.rowcount == 1


def await_confirmation(connection: Connection, number: int, *, cadence: str) -> bool:
    """Makes an unsubscribed one pending, with a new generation; a pending one gets the cadence; else False."""
    unsubscribed = subscriptions.c.state == SubscriptionState.UNSUBSCRIBED.value
    again = connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == number, unsubscribed)
        .values(
            state=SubscriptionState.PENDING.value,
            cadence=cadence,
            generation=subscriptions.c.generation + 1,
            confirmed_at=None,
        )
    )
    if again.rowcount == 1:
        return True
    pending = connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == number, subscriptions.c.state == SubscriptionState.PENDING.value)
        .values(cadence=cadence)
    )
    return pending.rowcount == 1


def end(connection: Connection, number: int, now: datetime) -> bool:
    """Unsubscribes, and withdraws what is not claimed yet; False if it was unsubscribed already."""
    ended = connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id == number, subscriptions.c.state != SubscriptionState.UNSUBSCRIBED.value)
        .values(state=SubscriptionState.UNSUBSCRIBED.value, ended_at=now)
    )
    # Who has left gets nothing back (no cursor moves, nothing is missed): so not through `returns`, which would
    # look at every subscription.
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.subscription_id == number,
            deliveries.c.state.in_([DeliveryState.QUEUED.value, DeliveryState.DEFERRED.value]),
        )
        .values(state=DeliveryState.WITHDRAWN.value, ended_at=now, lease_until=None, reply="unsubscribed")
    )
    return ended.rowcount == 1


def change_cadence(connection: Connection, number: int, cadence: str) -> bool:
    """Another cadence from the next edition on, with the same cursor; False if nothing changed."""
    return _change(connection, number, subscriptions.c.cadence != cadence, cadence=cadence)


def change_topics(connection: Connection, number: int, *, before: str, after: str) -> bool:
    """Other topics, with the same cursor; False if they are no longer ``before``, or the reader has left."""
    return _change(connection, number, subscriptions.c.topics == before, topics=after)


def snooze(connection: Connection, number: int, until: datetime | None) -> bool:
    """Nothing before ``until``; a moment that is past ends a snooze with a catch-up digest. Whether it was active."""
    active = subscriptions.c.state == SubscriptionState.ACTIVE.value
    return _change(connection, number, active, snoozed_until=until)


def change_language(connection: Connection, number: int, language: str) -> bool:
    """Other words around the articles; empty: the newsletter's. Whether anything changed."""
    return _change(connection, number, subscriptions.c.language != language, language=language)


def _change(connection: Connection, number: int, where: ColumnElement[bool], **values: str | datetime | None) -> bool:
    """Sets values of a subscription that has not ended and is like ``where``; whether it was."""
    there = and_(subscriptions.c.id == number, subscriptions.c.state != SubscriptionState.UNSUBSCRIBED.value, where)
    return connection.execute(update(subscriptions).where(there).values(**values)).rowcount == 1


def counts(connection: Connection) -> dict[str, Counted]:
    """How many there are, by newsletter."""
    of_state = connection.execute(
        select(subscriptions.c.newsletter, subscriptions.c.state, func.count()).group_by(
            subscriptions.c.newsletter, subscriptions.c.state
        )
    )
    found: dict[str, dict[str, int]] = {}
    for newsletter, state, count in of_state:
        found.setdefault(newsletter, {})[state] = count
    unreachable = exists().where(
        subscribers.c.id == subscriptions.c.subscriber_id,
        or_(
            subscribers.c.address.is_(None),
            exists().where(suppressions.c.address_hash == subscribers.c.address_hash),
        ),
    )
    suppressed = connection.execute(
        select(subscriptions.c.newsletter, func.count())
        .where(subscriptions.c.state == SubscriptionState.ACTIVE.value, unreachable)
        .group_by(subscriptions.c.newsletter)
    )
    for newsletter, count in suppressed:
        found[newsletter]["suppressed"] = count
    return {newsletter: Counted(**of_newsletter) for newsletter, of_newsletter in found.items()}


def readers(connection: Connection) -> dict[tuple[str, str], int]:
    """How many subscriptions, pending ones too, each (newsletter, cadence) has; unsubscribed ones are left out."""
    rows = connection.execute(
        select(subscriptions.c.newsletter, subscriptions.c.cadence, func.count())
        .where(subscriptions.c.state != SubscriptionState.UNSUBSCRIBED.value)
        .group_by(subscriptions.c.newsletter, subscriptions.c.cadence)
    )
    return {(newsletter, cadence): count for newsletter, cadence, count in rows}
