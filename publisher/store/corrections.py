"""Corrections: their numbers, and which readers have the faulty version.

Guarantees: a correction has one row and one number, however often it is seen. Nothing here loops over readers: what a
reader is owed is an expression over the subscription.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from publisher.model.correction import Correction
from publisher.model.delivery import DeliveryState
from publisher.store.schema import corrections, deliveries, editions, notices, subscriptions, variants

__all__ = [
    "CARRIED_FOR",
    "add",
    "every",
    "faulty",
    "owed",
    "received",
    "reword",
    "shown",
    "still_owed",
    "told",
    "told_kind",
]

CARRIED_FOR = timedelta(days=90)
"""Who has not been mailed for longer does not get an old correction."""

_HAVE = (DeliveryState.ACCEPTED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)


def every(connection: Connection) -> list[Correction]:
    """All of them, oldest first."""
    rows = connection.execute(select(corrections).order_by(corrections.c.sequence))
    return [
        Correction(sequence=row.sequence, article=row.article_id, text=row.text, numbered_at=row.numbered_at)
        for row in rows
    ]


def add(connection: Connection, correction: Correction) -> None:
    """Writes one that has taken its number."""
    connection.execute(
        insert(corrections).values(
            sequence=correction.sequence,
            article_id=correction.article,
            text=correction.text,
            numbered_at=correction.numbered_at,
        )
    )


def reword(connection: Connection, sequence: int, text: str) -> None:
    """The same correction in other words."""
    connection.execute(update(corrections).where(corrections.c.sequence == sequence).values(text=text))


def faulty(newsletter: str, correction: Correction) -> Select[tuple[int]]:
    """The newsletter's variants that have the article as it was before."""
    return (
        select(variants.c.id)
        .join(editions, editions.c.id == variants.c.edition_id)
        .where(
            editions.c.newsletter == newsletter,
            editions.c.cutoff < correction.sequence,
            variants.c.articles.contains(json.dumps(correction.article), autoescape=True),
        )
    )


def owed(connection: Connection, newsletter: str, *, cutoff: int, now: datetime) -> tuple[Correction, ...]:
    """Those up to ``cutoff`` that some reader of the newsletter may have to get still; mostly none."""
    lowest = connection.execute(
        select(func.min(subscriptions.c.cursor)).where(
            subscriptions.c.newsletter == newsletter, subscriptions.c.state == "active"
        )
    ).scalar()
    waiting = connection.execute(
        select(func.min(deliveries.c.cursor_from))
        .join(editions, editions.c.id == deliveries.c.edition_id)
        .where(deliveries.c.state == DeliveryState.QUEUED, editions.c.newsletter == newsletter)
    ).scalar()
    if lowest is None:
        return ()
    above = min(lowest, waiting if waiting is not None else lowest)
    return tuple(
        one
        for one in every(connection)
        if above < one.sequence <= cutoff
        and one.numbered_at > now - CARRIED_FOR
        and connection.execute(faulty(newsletter, one).limit(1)).first() is not None
    )


def still_owed(newsletter: str, pending: Sequence[Correction], start: ColumnElement[int]) -> ColumnElement[str]:
    """The numbers of those ``pending`` ones that a subscription is owed, as text: ``12,15,`` or nothing.

    ``start``: where the reader's list begins. Who has the faulty version, or may have it, is owed the correction.
    """
    owed_text: ColumnElement[str] = literal("")
    for one in pending:
        mine = and_(start < one.sequence, received(newsletter, one), ~told(one))
        owed_text = owed_text.concat(case((mine, f"{one.sequence},"), else_=""))
    return owed_text


def received(newsletter: str, correction: Correction) -> ColumnElement[bool]:
    """The subscription has a delivery of the faulty version, accepted or in doubt, or on its way."""
    had = deliveries.alias("had")
    return (
        exists()
        .where(
            had.c.subscription_id == subscriptions.c.id,
            had.c.variant_id.in_(faulty(newsletter, correction)),
            or_(had.c.state.in_(_HAVE), had.c.was_unknown),
        )
        .correlate(subscriptions)
    )


def told_kind(correction: Correction) -> str:
    """The kind of a notice that tells of a correction."""
    return f"correction {correction.sequence}"


def told(correction: Correction) -> ColumnElement[bool]:
    """The subscription has been told, or is about to be, by a notice."""
    notice = deliveries.alias("notice")
    return (
        exists()
        .where(
            notice.c.subscription_id == subscriptions.c.id,
            notice.c.notice_id.in_(select(notices.c.id).where(notices.c.kind == told_kind(correction))),
            or_(notice.c.state.not_in([DeliveryState.FAILED, DeliveryState.WITHDRAWN]), notice.c.was_unknown),
        )
        .correlate(subscriptions)
    )


def shown(connection: Connection, newsletter: str, correction: Correction) -> ColumnElement[bool]:
    """The subscription has, or may have, a digest with the correction at its head."""
    carrying = [
        row.id
        for row in connection.execute(
            select(variants.c.id, variants.c.corrections)
            .join(editions, editions.c.id == variants.c.edition_id)
            .where(editions.c.newsletter == newsletter, variants.c.corrections != "[]")
        )
        if correction.sequence in json.loads(row.corrections)
    ]
    digest = deliveries.alias("digest")
    return (
        exists()
        .where(
            digest.c.subscription_id == subscriptions.c.id,
            digest.c.variant_id.in_(carrying),
            or_(digest.c.state.not_in([DeliveryState.FAILED, DeliveryState.WITHDRAWN]), digest.c.was_unknown),
        )
        .correlate(subscriptions)
    )
