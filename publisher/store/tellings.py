"""Tellings: notices of a correction for many readers, each of whom gets one delivery of it at most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, literal, or_, select

from publisher.model.correction import Correction
from publisher.model.delivery import DeliveryState
from publisher.model.edition import Digest, Edition
from publisher.store.corrections import shown, told, told_kind
from publisher.store.editions import lock
from publisher.store.notices import PRIORITY
from publisher.store.schema import deliveries, notices, subscriptions

__all__ = ["CHUNK", "notice_of", "tell_chunk"]

CHUNK = 10_000
"""Readers a transaction."""


def notice_of(
    connection: Connection, correction: Correction, edition: Edition, language: str, digest: Digest, now: datetime
) -> int:
    """The notice of that correction in that language; one that was made before is it, however it is rendered now."""
    lock(connection, edition.id)  # somebody else may be telling, too
    fields = json.dumps({"edition": str(edition.id), "language": language})
    same = select(notices.c.id).where(
        notices.c.kind == told_kind(correction),
        notices.c.newsletter == edition.newsletter,
        notices.c.fields == fields,
    )
    known = connection.execute(same).scalar()
    if known is not None:
        return int(known)
    return int(
        connection.execute(
            insert(notices)
            .values(
                kind=told_kind(correction),
                newsletter=edition.newsletter,
                subject=digest.subject,
                preheader=digest.preheader,
                html=digest.html,
                text=digest.text,
                fields=fields,
                created_at=now,
            )
            .returning(notices.c.id)
        ).scalar_one()
    )


def tell_chunk(
    connection: Connection,
    correction: Correction,
    edition: Edition,
    *,
    variants: Sequence[int],
    notice: int,
    after: int,
    now: datetime,
) -> tuple[int, int | None]:
    """Tells the next readers behind subscription ``after``: how many, and where to go on; None: that was all.

    Those who have one of the ``variants``, accepted or in doubt, still subscribe, and were not told before.
    """
    lock(connection, edition.id)
    reads = (
        select(subscriptions.c.id)
        .join(deliveries, deliveries.c.subscription_id == subscriptions.c.id)
        .where(
            deliveries.c.edition_id == edition.id,
            deliveries.c.variant_id.in_(variants),
            or_(deliveries.c.state == DeliveryState.ACCEPTED, deliveries.c.was_unknown),
            subscriptions.c.state == "active",
            subscriptions.c.id > after,
        )
    )
    window = reads.order_by(subscriptions.c.id).limit(CHUNK).subquery()
    upper = connection.execute(select(func.max(window.c.id))).scalar()
    if upper is None:
        return 0, None
    rows = select(
        literal(notice),
        subscriptions.c.subscriber_id,
        subscriptions.c.id,
        subscriptions.c.generation,
        literal(DeliveryState.QUEUED.value),
        literal(PRIORITY),
        literal(now, deliveries.c.due_at.type),
        literal(now, deliveries.c.try_at.type),
    ).where(
        subscriptions.c.id.in_(reads.where(subscriptions.c.id <= upper)),
        ~told(correction),
        ~shown(connection, edition.newsletter, correction),
    )
    names = ["notice_id", "subscriber_id", "subscription_id", "generation", "state", "priority", "due_at", "try_at"]
    # A driver does not say of every INSERT … SELECT how many rows it made.
    made = connection.execute(insert(deliveries).from_select(names, rows).returning(deliveries.c.id))
    return len(made.all()), upper
