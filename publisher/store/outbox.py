"""The outbox: claims under lease and fence, outcomes with their ledger lines, and what a dead worker left.

Guarantees: a claim and an outcome are one transaction each; an outcome changes its delivery only while the fence
still holds; the ledger gets its line in the same transaction, and is only ever appended to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, or_, select, update

from publisher.model.delivery import Claimed, DeliveryState, Outcome, Result
from publisher.model.edition import EditionState
from publisher.store import returns
from publisher.store.editions import OUTSTANDING
from publisher.store.schema import (
    attempts,
    deliveries,
    editions,
    notices,
    subscribers,
    subscriptions,
    suppressions,
)

__all__ = ["Waiting", "claim", "orphaned", "record", "release", "renew", "requeue_expired", "unfinished_of", "waiting"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The outbox at a glance. ``next_try``: when the earliest deferred or future delivery may be claimed."""

    due: int
    later: int
    claimed: int
    next_try: datetime | None


def _may_go(newsletters: Collection[str] | None) -> ColumnElement[bool]:
    """Notices always; deliveries of editions that are going out. Only of these newsletters, if they are given."""
    going_out = and_(editions.c.id == deliveries.c.edition_id, editions.c.state == EditionState.GOING_OUT)
    if newsletters is None:
        return or_(deliveries.c.edition_id.is_(None), exists().where(going_out))
    return or_(
        exists().where(notices.c.id == deliveries.c.notice_id, notices.c.newsletter.in_(newsletters)),
        exists().where(going_out, editions.c.newsletter.in_(newsletters)),
    )


def claim(
    connection: Connection,
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    newsletters: Collection[str] | None = None,
) -> list[Claimed]:
    """Claims up to ``limit`` due deliveries for ``worker``, notices first; what may no longer be mailed is withdrawn.

    ``newsletters``: those that there are; what waits of another one stays where it is, and keeps nobody back.
    Suppression and consent are read again here: people unsubscribe while an edition is going out.
    """
    chosen = connection.scalars(
        select(deliveries.c.id)
        .where(
            deliveries.c.state.in_([DeliveryState.QUEUED, DeliveryState.DEFERRED]),
            deliveries.c.try_at <= now,
            _may_go(newsletters),
        )
        .order_by(deliveries.c.priority, deliveries.c.try_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not chosen:
        return []
    _withdraw_unwanted(connection, chosen, now)
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.id.in_(chosen),
            deliveries.c.state.in_([DeliveryState.QUEUED, DeliveryState.DEFERRED]),
        )
        .values(
            state=DeliveryState.CLAIMED,
            worker=worker,
            lease_until=now + lease,
            fence=deliveries.c.fence + 1,
            first_tried_at=func.coalesce(deliveries.c.first_tried_at, now),
        )
    )
    rows = connection.execute(
        select(
            deliveries.c.id,
            deliveries.c.fence,
            deliveries.c.subscriber_id,
            deliveries.c.subscription_id,
            deliveries.c.edition_id,
            deliveries.c.variant_id,
            deliveries.c.notice_id,
            deliveries.c.due_at,
            deliveries.c.attempts,
            subscribers.c.address,
            subscribers.c.name,
            subscribers.c.fields,
            subscriptions.c.newsletter,
        )
        .select_from(
            deliveries.join(subscribers, subscribers.c.id == deliveries.c.subscriber_id).outerjoin(
                subscriptions, subscriptions.c.id == deliveries.c.subscription_id
            )
        )
        .where(
            deliveries.c.id.in_(chosen),
            deliveries.c.state == DeliveryState.CLAIMED,
            deliveries.c.worker == worker,
        )
        .order_by(deliveries.c.priority, deliveries.c.try_at, deliveries.c.id)
    )
    return [
        Claimed(
            id=row.id,
            fence=row.fence,
            subscriber=row.subscriber_id,
            address=row.address,
            name=row.name,
            fields=json.loads(row.fields) if row.fields != "{}" else {},
            subscription=row.subscription_id,
            newsletter=row.newsletter or "",
            edition=row.edition_id,
            variant=row.variant_id,
            notice=row.notice_id,
            due_at=row.due_at,
            attempts=row.attempts,
        )
        for row in rows
    ]


def _withdraw_unwanted(connection: Connection, chosen: Sequence[int], now: datetime) -> None:
    mine = deliveries.c.id.in_(chosen)
    unreachable = exists().where(
        subscribers.c.id == deliveries.c.subscriber_id,
        or_(
            subscribers.c.address.is_(None),
            exists().where(suppressions.c.address_hash == subscribers.c.address_hash),
        ),
    )
    returns.end(connection, and_(mine, unreachable), DeliveryState.WITHDRAWN, reason="suppressed", now=now)
    left = and_(
        deliveries.c.edition_id.is_not(None),
        ~exists().where(
            subscriptions.c.id == deliveries.c.subscription_id,
            subscriptions.c.state == "active",
            subscriptions.c.generation == deliveries.c.generation,
        ),
    )
    returns.end(
        connection,
        and_(mine, left, deliveries.c.state.in_(OUTSTANDING)),
        DeliveryState.WITHDRAWN,
        reason="unsubscribed",
        now=now,
    )


def record(
    connection: Connection,
    outcomes: Sequence[Outcome],
    *,
    worker: str,
    now: datetime,
    retry_at: Callable[[Result, int, datetime], datetime | None],
) -> None:
    """Writes outcomes: a ledger line for each attempt, and the delivery's new state while its fence holds.

    ``retry_at(result, attempts, first_tried_at)`` says when to try a deferred or unknown one again, or None to give
    up. Untouched ones go back to the queue and leave no line.
    """
    lines = [
        {
            "delivery_id": outcome.delivery,
            "at": now,
            "worker": worker,
            "relay": outcome.relay,
            "result": outcome.result.value,
            "code": outcome.code,
            "reply": outcome.reply,
            "seconds": outcome.seconds,
        }
        for outcome in outcomes
        if outcome.result is not Result.UNTOUCHED
    ]
    if lines:
        connection.execute(insert(attempts), lines)
    by_result: dict[Result, list[Outcome]] = {}
    for outcome in outcomes:
        by_result.setdefault(outcome.result, []).append(outcome)
    if accepted := by_result.get(Result.ACCEPTED):
        _accept(connection, accepted, now)
    if untouched := by_result.get(Result.UNTOUCHED):
        connection.execute(
            update(deliveries).where(_held(untouched)).values(state=DeliveryState.QUEUED, lease_until=None, worker="")
        )
    for outcome in by_result.get(Result.FAILED, []):
        _attempted(connection, outcome)
        returns.end(connection, _held([outcome]), DeliveryState.FAILED, reason=_reason(outcome), now=now)
    for result in (Result.DEFERRED, Result.UNKNOWN):
        for outcome in by_result.get(result, []):
            _defer(connection, outcome, now, retry_at)


def _held(outcomes: Sequence[Outcome]) -> ColumnElement[bool]:
    """The deliveries of these outcomes that are still claimed under the fence of the attempt."""
    pairs = {outcome.delivery: outcome.fence for outcome in outcomes}
    by_fence: dict[int, list[int]] = {}
    for delivery, fence in pairs.items():
        by_fence.setdefault(fence, []).append(delivery)
    return and_(
        deliveries.c.state == DeliveryState.CLAIMED,
        or_(*(and_(deliveries.c.fence == fence, deliveries.c.id.in_(ids)) for fence, ids in by_fence.items())),
    )


def _accept(connection: Connection, accepted: Sequence[Outcome], now: datetime) -> None:
    connection.execute(
        update(deliveries)
        .where(_held(accepted))
        .values(
            state=DeliveryState.ACCEPTED,
            ended_at=now,
            lease_until=None,
            attempts=deliveries.c.attempts + 1,
            reply="",
        )
    )


def _attempted(connection: Connection, outcome: Outcome) -> None:
    connection.execute(
        update(deliveries).where(_held([outcome])).values(attempts=deliveries.c.attempts + 1, reply=_reason(outcome))
    )


def _defer(
    connection: Connection,
    outcome: Outcome,
    now: datetime,
    retry_at: Callable[[Result, int, datetime], datetime | None],
) -> None:
    held = _held([outcome])
    _attempted(connection, outcome)
    row = connection.execute(select(deliveries.c.attempts, deliveries.c.first_tried_at).where(held)).first()
    if row is None:
        return
    if outcome.result is Result.UNKNOWN:
        connection.execute(update(deliveries).where(held).values(was_unknown=True))
    again = retry_at(outcome.result, row.attempts, row.first_tried_at or now)
    if again is None:
        returns.end(connection, held, DeliveryState.FAILED, reason=f"gave up: {_reason(outcome)}", now=now)
    else:
        connection.execute(
            update(deliveries)
            .where(held)
            .values(state=DeliveryState.DEFERRED, try_at=again, lease_until=None, worker="")
        )


def _reason(outcome: Outcome) -> str:
    if outcome.result is Result.UNKNOWN:
        return "the connection ended between the final dot and the reply"
    return f"{outcome.code} {outcome.reply}".strip() if outcome.code else outcome.reply


def unfinished_of(connection: Connection, worker: str) -> dict[int, int]:
    """Deliveries that ``worker`` still holds: id → fence."""
    rows = connection.execute(
        select(deliveries.c.id, deliveries.c.fence).where(
            deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.worker == worker
        )
    )
    return dict(rows.all())


def release(connection: Connection, worker: str) -> int:
    """Puts back whatever a dead or stopping worker holds; how many that were."""
    released = connection.execute(
        update(deliveries)
        .where(deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.worker == worker)
        .values(state=DeliveryState.QUEUED, lease_until=None, worker="")
    )
    return released.rowcount


def requeue_expired(connection: Connection, now: datetime) -> int:
    """A claim whose lease ran out goes back to the queue; once it is claimed anew, the old fence is void."""
    expired = connection.execute(
        update(deliveries)
        .where(deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.lease_until < now)
        .values(state=DeliveryState.QUEUED, lease_until=None, worker="")
    )
    return expired.rowcount


def renew(connection: Connection, worker: str, until: datetime) -> None:
    """Extends the leases of what ``worker`` holds."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.worker == worker)
        .values(lease_until=until)
    )


def orphaned(connection: Connection, newsletters: Collection[str]) -> dict[str, int]:
    """How many deliveries wait of each newsletter that is not among these: nobody knows how to write them."""
    name = func.coalesce(editions.c.newsletter, notices.c.newsletter)
    rows = connection.execute(
        select(name, func.count())
        .select_from(
            deliveries.outerjoin(editions, editions.c.id == deliveries.c.edition_id).outerjoin(
                notices, notices.c.id == deliveries.c.notice_id
            )
        )
        .where(deliveries.c.state.in_(OUTSTANDING), name.not_in(newsletters))
        .group_by(name)
        .order_by(name)
    )
    return dict(rows.all())


def waiting(connection: Connection, now: datetime, newsletters: Collection[str] | None = None) -> Waiting:
    """What the outbox holds; ``due`` only of these newsletters, if they are given."""
    open_states = deliveries.c.state.in_([DeliveryState.QUEUED, DeliveryState.DEFERRED])
    count = select(func.count()).select_from(deliveries)
    return Waiting(
        due=connection.execute(count.where(open_states, deliveries.c.try_at <= now, _may_go(newsletters))).scalar_one(),
        later=connection.execute(count.where(open_states, deliveries.c.try_at > now)).scalar_one(),
        claimed=connection.execute(count.where(deliveries.c.state == DeliveryState.CLAIMED)).scalar_one(),
        next_try=connection.execute(
            select(func.min(deliveries.c.try_at)).where(open_states, deliveries.c.try_at > now)
        ).scalar(),
    )
