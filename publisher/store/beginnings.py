"""Beginnings: the first run on a real transport, and the first run after a time that has not come yet.

Guarantees: nobody is mailed what was tried out before; what a run at a pretended time (or by a clock that was wrong)
left in the future does not keep later runs from opening editions; and no reader gets an article twice by it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from publisher.model.article import TOO_OLD
from publisher.model.delivery import DeliveryState
from publisher.model.edition import EditionState
from publisher.store import articles as article_store
from publisher.store import meta
from publisher.store.database import Store
from publisher.store.editions import NOT_APPROVED, OUTSTANDING
from publisher.store.schema import articles, deliveries, editions, slots, subscriptions

__all__ = ["come_back", "first_real_run"]

_A_DAY = timedelta(days=1)  # clocks are set back by less, and no retry is later


def first_real_run(store: Store, now: datetime) -> int | None:
    """The number of active subscriptions, whose cursors start at now; None if a run on a real transport was before."""
    with store.reading() as connection:
        if meta.read(connection, "real_since") is not None:
            return None
    with store.writing() as connection:
        # The lock comes before the look: of two first runs at once, the second must see what the first has done.
        article_store.lock_counter(connection)
        if meta.read(connection, "real_since") is not None:
            return None
        count = _begin_for_real(connection, now)
        meta.write_moment(connection, "real_since", now)
    return count


def come_back(store: Store, now: datetime, *, real: bool) -> datetime | None:
    """If the last run was more than a day later than ``now``: when it was, and its future is undone.

    Slots count from ``now`` on, what waits may be tried, articles that were public only then have their own dates
    again. On a ``real`` transport's first run these are numbered anew, too: to nobody they were mailed.
    """

    def ahead(connection: Connection) -> datetime | None:
        last = meta.read_moment(connection, "last_run")
        return last if last is not None and last > now + _A_DAY else None

    with store.reading() as connection:
        if ahead(connection) is None:
            return None
    with store.writing() as connection:
        article_store.lock_counter(connection)
        last = ahead(connection)
        if last is not None:
            anew = real and meta.read(connection, "real_since") is None
            _undo_the_future(connection, now, anew=anew)
            meta.write_moment(connection, "last_run", now)
    return last


def _undo_the_future(connection: Connection, now: datetime, *, anew: bool) -> None:
    connection.execute(update(slots).where(slots.c.slot > now).values(slot=now))
    # What nobody has approved yet holds nothing: it is composed anew when its time has come.
    connection.execute(
        update(editions)
        .where(editions.c.slot > now, editions.c.cutoff == NOT_APPROVED, editions.c.state != EditionState.CANCELLED)
        .values(state=EditionState.CANCELLED, finished_at=now, reason="composed at a time that had not come yet")
    )
    # An edition of a slot that is still to come makes room for the one that will be opened then.
    for number in connection.scalars(select(editions.c.id).where(editions.c.slot > now)).all():
        aside = now - timedelta(microseconds=number)
        connection.execute(update(editions).where(editions.c.id == number).values(slot=aside))
    later = deliveries.c.state.in_(OUTSTANDING)
    for column in (deliveries.c.try_at, deliveries.c.first_tried_at, deliveries.c.lease_until):
        connection.execute(update(deliveries).where(later, column > now + _A_DAY).values({column.name: now}))
    public = articles.c.public_since > now
    if anew:
        connection.execute(update(articles).where(public).values(sequence=None, numbered_at=None, left_out=""))
    connection.execute(update(articles).where(public).values(public_since=None))
    connection.execute(update(articles).where(articles.c.left_out == TOO_OLD).values(left_out=""))


def _begin_for_real(connection: Connection, now: datetime) -> int:
    """Starts every cursor at now and cancels editions that are still open; how many active subscriptions there are."""
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
    connection.execute(update(subscriptions).values(cursor=newest, began=newest))
    meta.write(connection, "real_cursor", str(newest))
    active = select(func.count()).where(subscriptions.c.state == "active")
    return int(connection.execute(active).scalar_one())
