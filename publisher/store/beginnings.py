"""The first run on a real transport: nobody is mailed what was tried out before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import EditionState
from publisher.store import articles as article_store
from publisher.store import meta
from publisher.store.schema import deliveries, editions, subscriptions

__all__ = ["begin_for_real"]


def begin_for_real(connection: Connection, now: datetime) -> int:
    """Starts every cursor at now and cancels editions that are still open; how many subscriptions there are."""
    newest = article_store.lock_counter(connection)
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.edition_id.is_not(None),
            deliveries.c.state.in_([DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED]),
        )
        .values(
            state=DeliveryState.WITHDRAWN,
            ended_at=now,
            lease_until=None,
            reply="before the first run on a real transport",
        )
    )
    connection.execute(
        update(editions)
        .where(editions.c.state.not_in([EditionState.FINISHED, EditionState.CANCELLED]))
        .values(
            state=EditionState.CANCELLED,
            finished_at=now,
            reason="opened before the first run on a real transport",
        )
    )
    connection.execute(update(subscriptions).values(cursor=newest))
    meta.write(connection, "real_cursor", str(newest))
    return int(connection.execute(select(func.count()).select_from(subscriptions)).scalar_one())
