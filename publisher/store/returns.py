"""Giving articles back: what a delivery that ends without being accepted does to its reader's cursor.

The cursor returns to the delivery's ``from`` only if it stands at its ``to``; otherwise another edition has gone
on from there, and the articles are recorded as missed. A delivery that was ever unknown returns nothing (it may
have arrived), nor does one of an earlier subscription, nor one whose reader has left.
"""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, literal, select, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import EditionState
from publisher.store.missed import add as add_missed
from publisher.store.schema import articles, deliveries, editions, missed, subscriptions, variants

__all__ = ["cancel", "end", "lock_readers", "withdraw_cancelled"]

_WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)
_ENDING = deliveries.alias("ending")


def end(
    connection: Connection, chosen: ColumnElement[bool], state: DeliveryState, *, reason: str, now: datetime
) -> int:
    """Ends the ``chosen`` deliveries as failed or withdrawn and gives their articles back; how many there were."""
    ids = select(deliveries.c.id).where(chosen)
    lock_readers(connection, chosen)
    _return_cursors(connection, ids)
    _record_missed(connection, ids, reason=reason, now=now)
    ended = connection.execute(
        update(deliveries).where(chosen).values(state=state, ended_at=now, lease_until=None, reply=reason)
    )
    return ended.rowcount


def lock_readers(connection: Connection, chosen: ColumnElement[bool]) -> None:
    """Nobody else moves the cursors of these deliveries' readers before this transaction ends.

    In one order for all, and before any of these deliveries is touched: otherwise an edition that opens for the same
    readers, an outcome that returns their articles and a cancelling would wait for each other.
    """
    if connection.dialect.name == "postgresql":
        theirs = select(deliveries.c.subscription_id).where(chosen)
        locked = select(subscriptions.c.id).where(subscriptions.c.id.in_(theirs)).order_by(subscriptions.c.id)
        connection.execute(select(func.count()).select_from(locked.with_for_update(key_share=True).subquery()))


def cancel(connection: Connection, edition: int, reason: str, now: datetime) -> int:
    """Cancels an edition: whatever is not claimed is withdrawn. How many deliveries that were."""
    connection.execute(
        update(editions)
        .where(editions.c.id == edition, editions.c.state.not_in([EditionState.FINISHED, EditionState.CANCELLED]))
        .values(state=EditionState.CANCELLED, reason=reason, finished_at=now)
    )
    waiting = and_(deliveries.c.edition_id == edition, deliveries.c.state.in_(_WAITING))
    return end(connection, waiting, DeliveryState.WITHDRAWN, reason=reason, now=now)


def withdraw_cancelled(connection: Connection, now: datetime, chosen: ColumnElement[bool] | None = None) -> int:
    """Withdraws what waits although its edition was cancelled: it was claimed then, and has come back since."""
    cancelled = connection.execute(
        select(editions.c.id, editions.c.reason).where(
            editions.c.state == EditionState.CANCELLED,
            exists().where(deliveries.c.edition_id == editions.c.id, deliveries.c.state.in_(_WAITING)),
        )
    ).all()
    withdrawn = 0
    for number, reason in cancelled:
        waiting = and_(deliveries.c.edition_id == number, deliveries.c.state.in_(_WAITING))
        left = waiting if chosen is None else and_(waiting, chosen)
        withdrawn += end(connection, left, DeliveryState.WITHDRAWN, reason=reason, now=now)
    return withdrawn


def _theirs(ids: Select[tuple[int]]) -> ColumnElement[bool]:
    """Deliveries ``_ENDING`` among ``ids`` whose reader is still of the subscription that they were made for."""
    return and_(
        _ENDING.c.id.in_(ids),
        _ENDING.c.subscription_id == subscriptions.c.id,
        _ENDING.c.generation == subscriptions.c.generation,
        subscriptions.c.state == "active",
        ~_ENDING.c.was_unknown,
    )


def _return_cursors(connection: Connection, ids: Select[tuple[int]]) -> None:
    """Newest first: of two deliveries that end together the later brings the cursor to the earlier one's end."""
    # A notice moves nobody: it would be found again and again.
    moved = _ENDING.c.cursor_from < _ENDING.c.cursor_to
    back = and_(_theirs(ids), moved, subscriptions.c.cursor == _ENDING.c.cursor_to)
    passed = exists().where(
        back, missed.c.subscription_id == subscriptions.c.id, missed.c.sequence > _ENDING.c.cursor_from
    )
    target = select(_ENDING.c.cursor_from).where(back).correlate(subscriptions).scalar_subquery()
    # Said apart, so that the keys serve: otherwise each delivery that fails reads all subscriptions.
    theirs = select(deliveries.c.subscription_id).where(deliveries.c.id.in_(ids))
    returned = 1
    while returned:
        connection.execute(delete(missed).where(missed.c.subscription_id.in_(theirs), passed.correlate(missed)))
        returned = connection.execute(
            update(subscriptions)
            .where(subscriptions.c.id.in_(theirs), exists().where(back).correlate(subscriptions))
            .values(cursor=target)
        ).rowcount


def _record_missed(connection: Connection, ids: Select[tuple[int]], *, reason: str, now: datetime) -> None:
    """For those whose cursor has moved on. It runs after `_return_cursors`, which left these alone."""
    stayed = and_(_theirs(ids), subscriptions.c.cursor > _ENDING.c.cursor_to)
    lists = (
        select(variants.c.id, variants.c.articles, variants.c.rest, variants.c.corrections)
        .join(_ENDING, _ENDING.c.variant_id == variants.c.id)
        .join(subscriptions, subscriptions.c.id == _ENDING.c.subscription_id)
        .where(stayed)
        .distinct()
    )
    for variant in connection.execute(lists).all():
        known = exists().where(
            missed.c.subscription_id == _ENDING.c.subscription_id, missed.c.sequence == articles.c.sequence
        )
        rows = (
            select(
                _ENDING.c.subscription_id,
                articles.c.sequence,
                _ENDING.c.edition_id,
                literal(reason),
                literal(now, missed.c.at.type),
            )
            .select_from(_ENDING.join(subscriptions, subscriptions.c.id == _ENDING.c.subscription_id))
            .join(articles, articles.c.id.in_(json.loads(variant.articles) + json.loads(variant.rest)))
            .where(stayed, _ENDING.c.variant_id == variant.id, articles.c.sequence.is_not(None))
            .where(~known.correlate(_ENDING, articles))
        )
        names = ["subscription_id", "sequence", "edition_id", "reason", "at"]
        add_missed(connection, names, rows)
        for number in json.loads(variant.corrections):
            before = exists().where(missed.c.subscription_id == _ENDING.c.subscription_id, missed.c.sequence == number)
            row = (
                select(
                    _ENDING.c.subscription_id,
                    literal(number, missed.c.sequence.type),
                    _ENDING.c.edition_id,
                    literal(reason),
                    literal(now, missed.c.at.type),
                )
                .select_from(_ENDING.join(subscriptions, subscriptions.c.id == _ENDING.c.subscription_id))
                .where(stayed, _ENDING.c.variant_id == variant.id, ~before.correlate(_ENDING))
            )
            add_missed(connection, names, row)
