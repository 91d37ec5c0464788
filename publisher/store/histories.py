"""What the records say of one article and of one reader: editions that carry it, deliveries, attempts, what was missed.

Reading only; what it means is decided in `publisher.editions.explaining`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from publisher.model.delivery import DeliveryState
from publisher.model.edition import Edition, EditionState
from publisher.model.subscriber import ConsentEvent, Subscription
from publisher.store import consents, subscriptions
from publisher.store.accounts import account_of
from publisher.store.editions import get as edition_of
from publisher.store.schema import (
    attempts,
    corrections,
    deliveries,
    editions,
    folded,
    missed,
    notices,
    subscribers,
    variants,
)
from publisher.store.schema import subscriptions as rows

__all__ = [
    "Attempt",
    "Carried",
    "Corrected",
    "Missed",
    "Reading",
    "Traced",
    "carried",
    "erased",
    "readings",
    "received",
    "unfinished",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A line of the ledger."""

    at: datetime
    result: str
    code: int
    reply: str
    relay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """An edition that has the article in some variant. ``deliveries``: of those variants, by state.

    ``in_full`` and ``linked``: deliveries that have it among their articles, and those that only link it.
    """

    edition: Edition
    deliveries: dict[str, int]
    in_full: int
    linked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A delivery that has the article. ``linked``: only behind the link to the rest. ``attempts``: oldest first."""

    id: int
    edition: Edition
    linked: bool
    state: DeliveryState
    try_at: datetime
    ended_at: datetime | None
    reply: str
    was_unknown: bool
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Why a reader never gets an article, as it was recorded."""

    reason: str
    at: datetime
    edition: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A correction of the article, and the newest delivery that tells the reader of it: a digest's or a notice's.

    ``state`` None: none does. ``edition``: the digest's.
    """

    sequence: int
    text: str
    state: DeliveryState | None
    edition: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One subscription with all that concerns the article. ``events``: its consent history, oldest first.

    ``deliveries`` newest first. ``passed``: the first edition of its newsletter and cadence, opened since the
    subscription was confirmed, that reached the article's number.
    """

    subscription: Subscription
    created_at: datetime
    confirmed_at: datetime | None
    events: tuple[ConsentEvent, ...]
    deliveries: tuple[Traced, ...]
    missed: Missed | None
    passed: Edition | None
    corrections: tuple[Corrected, ...] = ()


def _listed(article: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Variants that carry the article, and those that link it. The quotes make it a whole id."""
    written = json.dumps(article)
    return (
        variants.c.articles.contains(written, autoescape=True),
        variants.c.rest.contains(written, autoescape=True),
    )


def carried(connection: Connection, article: str) -> list[Carried]:
    """The editions that carry or link the article, oldest first."""
    in_full, linked = _listed(article)
    behind = case((in_full, False), else_=True).label("linked")
    here = (
        select(variants.c.edition_id, behind, deliveries.c.state, func.count(deliveries.c.id).label("count"))
        .select_from(variants.outerjoin(deliveries, deliveries.c.variant_id == variants.c.id))
        .where(or_(in_full, linked))
        .group_by(variants.c.edition_id, "linked", deliveries.c.state)
    )
    left = (
        select(variants.c.edition_id, behind, folded.c.state, folded.c.count)
        .join(folded, folded.c.variant_id == variants.c.id)
        .where(or_(in_full, linked))
    )
    counts = sorted([*connection.execute(here), *connection.execute(left)], key=lambda row: int(row.edition_id))
    found: list[Carried] = []
    for number in dict.fromkeys(row.edition_id for row in counts):
        edition = edition_of(connection, number)
        assert edition is not None
        own = [row for row in counts if row.edition_id == number and row.state]
        states: dict[str, int] = {}
        for row in own:
            states[row.state] = states.get(row.state, 0) + row._mapping["count"]
        found.append(
            Carried(
                edition=edition,
                deliveries=states,
                in_full=sum(row._mapping["count"] for row in own if not row.linked),
                linked=sum(row._mapping["count"] for row in own if row.linked),
            )
        )
    return found


def readings(
    connection: Connection, subscriber: int, article: str, sequence: int | None, *, ledger: Path
) -> dict[str, Reading]:
    """A subscriber's subscriptions with what they have to do with the article, by newsletter.

    ``ledger``: the folder of editions that have left the database. Raises StoreError where a file is missing.
    """
    found: dict[str, Reading] = {}
    events = consents.history(connection, subscriber)
    for (_, newsletter), subscription in sorted(subscriptions.of_subscribers(connection, [subscriber]).items()):
        times = connection.execute(
            select(rows.c.created_at, rows.c.confirmed_at).where(rows.c.id == subscription.id)
        ).one()
        since = times.confirmed_at or times.created_at
        found[newsletter] = Reading(
            subscription=subscription,
            created_at=times.created_at,
            confirmed_at=times.confirmed_at,
            events=tuple(event for event in events if event.newsletter == newsletter),
            deliveries=_deliveries(connection, subscription.id, article, ledger),
            missed=_missed(connection, subscription.id, sequence),
            passed=_passed(connection, subscription, sequence, since),
            corrections=_corrections(connection, subscription.id, article),
        )
    return found


def unfinished(connection: Connection, newsletter: str) -> list[Edition]:
    """The newsletter's editions that nothing has left of yet: opening, awaiting approval or held; oldest first."""
    waiting = (EditionState.OPENING, EditionState.AWAITING_APPROVAL, EditionState.HELD)
    numbers = connection.scalars(
        select(editions.c.id)
        .where(editions.c.newsletter == newsletter, editions.c.state.in_(waiting))
        .order_by(editions.c.id)
    ).all()
    return [edition for number in numbers if (edition := edition_of(connection, number)) is not None]


def received(connection: Connection, subscriber: int) -> list[dict[str, object]]:
    """A subscriber's deliveries that are still in the database, for JSON, oldest first."""
    found = connection.execute(
        select(
            deliveries.c.edition_id,
            editions.c.newsletter,
            editions.c.cadence,
            editions.c.slot,
            deliveries.c.state,
            deliveries.c.ended_at,
        )
        .join(editions, editions.c.id == deliveries.c.edition_id)
        .where(deliveries.c.subscriber_id == subscriber)
        .order_by(deliveries.c.id)
    )
    return [
        {
            "edition": row.edition_id,
            "newsletter": row.newsletter,
            "cadence": row.cadence,
            "slot": row.slot,
            "state": row.state,
            "ended_at": row.ended_at,
        }
        for row in found
    ]


def erased(connection: Connection, subscriber: int) -> bool:
    """Whether nothing but the address's hash is left of the subscriber."""
    return bool(
        connection.execute(
            select(subscribers.c.id).where(subscribers.c.id == subscriber, subscribers.c.address.is_(None))
        ).first()
    )


def _deliveries(connection: Connection, subscription: int, article: str, ledger: Path) -> tuple[Traced, ...]:
    in_full, linked = _listed(article)
    found = connection.execute(
        select(deliveries, in_full.label("in_full"))
        .join(variants, variants.c.id == deliveries.c.variant_id)
        .join(editions, editions.c.id == variants.c.edition_id)
        .where(deliveries.c.subscription_id == subscription, or_(in_full, linked), editions.c.ledger == "")
        .order_by(deliveries.c.id.desc())
    ).all()
    traced = []
    for row in found:
        edition = edition_of(connection, row.edition_id)
        assert edition is not None
        lines = connection.execute(select(attempts).where(attempts.c.delivery_id == row.id).order_by(attempts.c.id))
        traced.append(
            Traced(
                id=row.id,
                edition=edition,
                linked=not row.in_full,
                state=DeliveryState(row.state),
                try_at=row.try_at,
                ended_at=row.ended_at,
                reply=row.reply,
                was_unknown=row.was_unknown,
                attempts=tuple(
                    Attempt(at=line.at, result=line.result, code=line.code, reply=line.reply, relay=line.relay)
                    for line in lines
                ),
            )
        )
    return (*traced, *_folded(connection, subscription, article, ledger))


def _folded(connection: Connection, subscription: int, article: str, ledger: Path) -> Iterator[Traced]:
    """Those of editions that have left the database, newest first."""
    in_full, linked = _listed(article)
    found = connection.execute(
        select(variants.c.id, variants.c.edition_id, in_full.label("in_full"))
        .join(editions, editions.c.id == variants.c.edition_id)
        .where(or_(in_full, linked), editions.c.ledger != "")
        .order_by(variants.c.edition_id.desc())
    ).all()
    whole = {row.id: bool(row.in_full) for row in found}
    for number in dict.fromkeys(row.edition_id for row in found):
        edition = edition_of(connection, number)
        assert edition is not None
        one = account_of(connection, ledger, edition, subscription)
        if one is not None and one.variant in whole:
            yield Traced(
                id=one.id,
                edition=edition,
                linked=not whole[one.variant],
                state=one.state,
                try_at=one.due_at,
                ended_at=one.ended_at,
                reply=one.reply,
                was_unknown=one.was_unknown,
                attempts=tuple(
                    Attempt(at=line.at, result=line.result, code=line.code, reply=line.reply, relay=line.relay)
                    for line in one.attempts
                ),
            )


def _missed(connection: Connection, subscription: int, sequence: int | None) -> Missed | None:
    row = connection.execute(
        select(missed.c.reason, missed.c.at, missed.c.edition_id).where(
            missed.c.subscription_id == subscription, missed.c.sequence == sequence
        )
    ).first()
    return None if row is None else Missed(reason=row.reason, at=row.at, edition=row.edition_id)


def _corrections(connection: Connection, subscription: int, article: str) -> tuple[Corrected, ...]:
    found = []
    for row in connection.execute(
        select(corrections).where(corrections.c.article_id == article).order_by(corrections.c.sequence)
    ).all():
        tellings = connection.execute(
            select(deliveries.c.state, deliveries.c.edition_id, variants.c.corrections)
            .select_from(
                deliveries.outerjoin(variants, variants.c.id == deliveries.c.variant_id).outerjoin(
                    notices, notices.c.id == deliveries.c.notice_id
                )
            )
            .where(
                deliveries.c.subscription_id == subscription,
                or_(notices.c.kind == f"correction {row.sequence}", variants.c.corrections != "[]"),
            )
            .order_by(deliveries.c.id.desc())
        ).all()
        told = next(
            (one for one in tellings if not one.edition_id or row.sequence in json.loads(one.corrections)), None
        )
        found.append(
            Corrected(
                sequence=row.sequence,
                text=row.text,
                state=DeliveryState(told.state) if told else None,
                edition=told.edition_id if told else None,
            )
        )
    return tuple(found)


def _passed(
    connection: Connection, subscription: Subscription, sequence: int | None, since: datetime
) -> Edition | None:
    if sequence is None:
        return None
    number = connection.execute(
        select(editions.c.id)
        .where(
            editions.c.newsletter == subscription.newsletter,
            editions.c.cadence == subscription.cadence,
            editions.c.cutoff >= sequence,
            editions.c.opened_at >= since,
        )
        .order_by(editions.c.id)
        .limit(1)
    ).scalar()
    return None if number is None else edition_of(connection, number)
