"""Trying an edition's ended deliveries once more, because the operator says so."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, or_, select, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import EditionState
from publisher.store.choosing import among
from publisher.store.returns import lock_readers
from publisher.store.schema import articles, deliveries, editions, groups, subscriptions, variants

__all__ = ["retry"]


def retry(connection: Connection, edition: int, *, failed: bool, unknown: bool) -> int:
    """Puts failed deliveries of an edition back into the queue; how many.

    ``failed``   those that certainly did not arrive, where the reader's cursor still stands at their beginning and the
                 reader's list is what it was; the cursor moves to their end again. Elsewhere a later edition has taken
                 over the articles, or the next one will have what the reader wants now.
    ``unknown``  those in doubt, which were held or given up; they returned nothing, so no cursor moves
    """
    certain = and_(
        ~deliveries.c.was_unknown,
        deliveries.c.variant_id.in_(_whole(connection, edition)) if failed else false(),
        _reader(subscriptions.c.cursor == deliveries.c.cursor_from, _same_list()),
    )
    doubtful = and_(deliveries.c.was_unknown, _reader())
    asked = or_(*([certain] if failed else []), *([doubtful] if unknown else []))
    # The row is locked: it cannot be folded meanwhile, and one that is has no deliveries here.
    ledger = connection.execute(select(editions.c.ledger).where(editions.c.id == edition).with_for_update()).scalar()
    if ledger:
        return 0
    chosen = connection.execute(
        select(deliveries.c.id, deliveries.c.subscription_id, deliveries.c.was_unknown)
        .where(deliveries.c.edition_id == edition, deliveries.c.state == DeliveryState.FAILED, asked)
        .order_by(deliveries.c.id)
        .with_for_update()
    ).all()
    if not chosen:
        return 0
    returned = among(connection, [row.id for row in chosen if not row.was_unknown])
    lock_readers(connection, returned)
    target = select(deliveries.c.cursor_to).where(returned, deliveries.c.subscription_id == subscriptions.c.id)
    connection.execute(
        update(subscriptions)
        .where(subscriptions.c.id.in_(select(deliveries.c.subscription_id).where(returned)))
        .values(cursor=target.scalar_subquery())
    )
    connection.execute(
        update(deliveries)
        .where(among(connection, [row.id for row in chosen]))
        .values(
            state=DeliveryState.QUEUED,
            try_at=deliveries.c.due_at,
            first_tried_at=None,
            attempts=0,
            ended_at=None,
            worker="",
            reply="",
        )
    )
    connection.execute(
        update(editions)
        .where(editions.c.id == edition, editions.c.state == EditionState.FINISHED)
        .values(state=EditionState.GOING_OUT, finished_at=None)
    )
    return len(chosen)


def _whole(connection: Connection, edition: int) -> list[int]:
    """The edition's variants whose articles are all still there, under their numbers."""
    found = []
    for variant in connection.execute(
        select(variants.c.id, variants.c.articles, variants.c.rest).where(variants.c.edition_id == edition)
    ).all():
        listed = [*json.loads(variant.articles), *json.loads(variant.rest)]
        numbered = select(func.count()).where(articles.c.id.in_(listed), articles.c.sequence.is_not(None))
        if connection.execute(numbered).scalar_one() == len(set(listed)):
            found.append(variant.id)
    return found


def _same_list() -> ColumnElement[bool]:
    """The edition gave this variant to readers with the topics and language that the reader has now."""
    return exists().where(
        groups.c.edition_id == deliveries.c.edition_id,
        groups.c.variant_id == deliveries.c.variant_id,
        groups.c.topics == subscriptions.c.topics,
        groups.c.language == subscriptions.c.language,
    )


def _reader(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """The reader is still of the subscription that the delivery was made for."""
    return exists().where(
        subscriptions.c.id == deliveries.c.subscription_id,
        subscriptions.c.generation == deliveries.c.generation,
        subscriptions.c.state == "active",
        *more,
    )
