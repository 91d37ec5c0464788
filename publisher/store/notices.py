"""Notices: messages to one person outside any edition, each with its own delivery, ahead of all editions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import Digest
from publisher.store.pictures import shown_in
from publisher.store.schema import deliveries, notices, subscriptions

__all__ = ["PRIORITY", "Notice", "get", "insert_notice", "times", "withdraw"]

PRIORITY = 0
"""Deliveries of editions have 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice as it is mailed; ``fields`` are the values of its digest's tokens."""

    id: int
    kind: str
    newsletter: str
    digest: Digest
    fields: dict[str, str]
    created_at: datetime


def insert_notice(
    connection: Connection,
    *,
    kind: str,
    newsletter: str,
    digest: Digest,
    fields: dict[str, str],
    subscriber: int,
    subscription: int | None,
    due_at: datetime,
    now: datetime,
) -> int:
    """Puts a notice into the outbox, due at ``due_at``; its number."""
    inserted = connection.execute(
        insert(notices)
        .values(
            kind=kind,
            newsletter=newsletter,
            subject=digest.subject,
            preheader=digest.preheader,
            html=digest.html,
            text=digest.text,
            fields=json.dumps(fields, ensure_ascii=False),
            created_at=now,
        )
        .returning(notices.c.id)
    )
    number = int(inserted.scalar_one())
    generation = 0
    if subscription is not None:
        generation = connection.execute(
            select(subscriptions.c.generation).where(subscriptions.c.id == subscription)
        ).scalar_one()
    connection.execute(
        insert(deliveries).values(
            notice_id=number,
            subscriber_id=subscriber,
            subscription_id=subscription,
            generation=generation,
            state=DeliveryState.QUEUED.value,
            priority=PRIORITY,
            due_at=due_at,
            try_at=due_at,
        )
    )
    return number


def get(connection: Connection, number: int) -> Notice:
    """The notice of that number, which a delivery points at."""
    row = connection.execute(select(notices).where(notices.c.id == number)).one()
    return Notice(
        id=row.id,
        kind=row.kind,
        newsletter=row.newsletter,
        digest=Digest(
            subject=row.subject,
            preheader=row.preheader,
            html=row.html,
            text=row.text,
            pictures=shown_in(connection, row.html),
        ),
        fields=json.loads(row.fields),
        created_at=row.created_at,
    )


def withdraw(connection: Connection, subscriber: int, now: datetime) -> None:
    """What waits for a subscriber does not leave any more."""
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.subscriber_id == subscriber,
            deliveries.c.notice_id.is_not(None),
            deliveries.c.state.in_([DeliveryState.QUEUED.value, DeliveryState.DEFERRED.value]),
        )
        .values(state=DeliveryState.WITHDRAWN.value, ended_at=now, reply="erased")
    )


def times(connection: Connection, subscriber: int, kind: str, since: datetime) -> list[tuple[str, datetime]]:
    """The subscriber's notices of a kind that are due after ``since``: newsletter, due time; oldest first."""
    rows = connection.execute(
        select(notices.c.newsletter, deliveries.c.due_at)
        .join_from(notices, deliveries, deliveries.c.notice_id == notices.c.id)
        .where(deliveries.c.subscriber_id == subscriber, notices.c.kind == kind, deliveries.c.due_at > since)
        .order_by(deliveries.c.due_at)
    )
    return [(row.newsletter, row.due_at) for row in rows]
