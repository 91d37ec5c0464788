"""The outbox: claims under lease and fence, and what a dead worker left. Outcomes: `publisher.store.outcomes`.

Guarantees: a claim is one transaction; a delivery is claimed by one worker at a time, and each claim has a fence of
its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    text,
    type_coerce,
    update,
)

from publisher.model.delivery import Claimed, DeliveryState
from publisher.model.edition import EditionState
from publisher.store import returns
from publisher.store.choosing import among, as_bound, chosen
from publisher.store.schema import (
    OUTSTANDING,
    UtcDateTime,
    attempts,
    deliveries,
    editions,
    notices,
    subscribers,
    subscriptions,
    suppressions,
)

__all__ = [
    "Stalled",
    "Waiting",
    "anything_due",
    "claim",
    "orphaned",
    "release",
    "renew",
    "requeue_expired",
    "unfinished_of",
    "waiting",
]


# Other tables of a join have states too.
_OUTSTANDING = text(f"deliveries.{OUTSTANDING.text}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """The outbox at a glance. ``next_try``: when the earliest deferred or future delivery may be claimed."""

    due: int
    later: int
    claimed: int
    next_try: datetime | None


@dataclass(frozen=True, slots=True)
class Stalled:
    """``due``: how many deliveries may go now, the first since ``due_since``; ``last_attempt``: at any delivery.

    ``later``, ``claimed``: as of `Waiting`.
    """

    due: int
    due_since: datetime | None
    last_attempt: datetime | None
    later: int = 0
    claimed: int = 0


def _may_go(newsletters: Collection[str] | None, *, only_notices: bool = False) -> ColumnElement[bool]:
    """Notices always; deliveries of editions that are going out. Only of these newsletters, if they are given.

    An edition is never 0. As a bare column it would draw SQLite to the index of editions, and each claim would sort
    the whole edition to take its first 500.
    """
    edition = func.coalesce(deliveries.c.edition_id, 0)
    going_out = select(editions.c.id).where(editions.c.state == EditionState.GOING_OUT)
    if only_notices:
        newsletter = select(notices.c.id) if newsletters is None else _notices_of(newsletters)
        return and_(deliveries.c.priority == 0, edition == 0, deliveries.c.notice_id.in_(newsletter))
    if newsletters is None:
        return or_(edition == 0, edition.in_(going_out))
    return or_(
        and_(edition == 0, deliveries.c.notice_id.in_(_notices_of(newsletters))),
        edition.in_(going_out.where(editions.c.newsletter.in_(newsletters))),
    )


def _notices_of(newsletters: Collection[str]) -> Select[tuple[int]]:
    return select(notices.c.id).where(notices.c.newsletter.in_(newsletters))


def _waits() -> ColumnElement[bool]:
    """Queued and deferred ones, said so that the outbox's index serves: otherwise a claim reads the whole outbox."""
    return and_(_OUTSTANDING, deliveries.c.state != DeliveryState.CLAIMED)


def _held_by(worker: str) -> ColumnElement[bool]:
    """What ``worker`` has claimed, read from the outbox's index and not from all deliveries there ever were."""
    return and_(OUTSTANDING, deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.worker == worker)


def claim(
    connection: Connection,
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    newsletters: Collection[str] | None = None,
    only_notices: bool = False,
) -> list[Claimed]:
    """Claims up to ``limit`` due deliveries for ``worker``, notices first; what may no longer be mailed is withdrawn.

    ``newsletters``: those that there are; what waits of another one stays where it is, and keeps nobody back.
    Suppression and consent are read again here: people unsubscribe while an edition is going out.
    """
    known = None if newsletters is None else tuple(newsletters)
    dialect = connection.dialect.name
    rows = json.loads(
        connection.execute(_claimable(dialect, known, only_notices), {"now": now, "most": limit}).scalar_one() or "[]"
    )
    claimed: list[Claimed] = []
    suppressed: list[int] = []
    left: list[int] = []
    for (
        number, fence, subscriber, address, name, due_at, fields, subscription, newsletter, edition, variant, notice,
        tried, active, is_suppressed,
    ) in rows:  # fmt: skip
        if is_suppressed or not address:
            suppressed.append(number)
        elif not active and edition is not None:
            left.append(number)
        else:
            own = json.loads(fields) if fields != "{}" else {}
            claimed.append(
                Claimed(number, fence, subscriber, address, name, _moment(due_at), own, subscription, newsletter or "",
                        edition, variant, notice, tried)
            )  # fmt: skip
    for ids, reason in ((suppressed, "suppressed"), (left, "unsubscribed")):
        if ids and (free := _of_free_readers(connection, ids)):
            returns.end(connection, among(connection, free), DeliveryState.WITHDRAWN, reason=reason, now=now)
    if claimed:
        connection.execute(
            _claiming(dialect),
            {
                "ids": as_bound(dialect, [delivery.id for delivery in claimed]),
                "by": worker,
                "until": now + lease,
                "now": now,
            },
        )
    return claimed


def _of_free_readers(connection: Connection, ids: list[int]) -> list[int]:
    """Those whose subscriptions nobody has locked: who has may be waiting for these deliveries. The others wait."""
    if connection.dialect.name != "postgresql":
        return ids
    of = deliveries.join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
    free = (
        select(deliveries.c.id)
        .select_from(of)
        .where(among(connection, ids))
        .with_for_update(of=subscriptions, key_share=True, skip_locked=True)
    )
    alone = select(deliveries.c.id).where(among(connection, ids), deliveries.c.subscription_id.is_(None))
    return [*connection.scalars(free), *connection.scalars(alone)]


# Made once: SQLAlchemy takes 2 ms to put such a statement together, 4 us for each delivery of a batch.
@lru_cache(maxsize=16)
def _claimable(dialect: str, newsletters: tuple[str, ...] | None, only_notices: bool) -> Select[str]:
    """The first ``most`` deliveries that are due ``now``, each with: is the subscription it was made for active, is
    its reader suppressed. All of them as one JSON text: half the time of rows, and the driver lets go of the
    interpreter once, not at each row.
    """
    rows = (
        select(
            deliveries.c.id,
            deliveries.c.fence + 1,
            deliveries.c.subscriber_id,
            subscribers.c.address,
            subscribers.c.name,
            # As the driver gives it: a batch has few moments, and turning each row's into one costs 3 us.
            type_coerce(deliveries.c.due_at, Text),
            subscribers.c.fields,
            deliveries.c.subscription_id,
            subscriptions.c.newsletter,
            deliveries.c.edition_id,
            deliveries.c.variant_id,
            deliveries.c.notice_id,
            deliveries.c.attempts,
            and_(subscriptions.c.state == "active", subscriptions.c.generation == deliveries.c.generation),
            exists().where(suppressions.c.address_hash == subscribers.c.address_hash),
        )
        .select_from(
            deliveries.join(subscribers, subscribers.c.id == deliveries.c.subscriber_id).outerjoin(
                subscriptions, subscriptions.c.id == deliveries.c.subscription_id
            )
        )
        .where(
            _waits(),
            deliveries.c.try_at <= bindparam("now", type_=UtcDateTime),
            _may_go(newsletters, only_notices=only_notices),
        )
        .order_by(deliveries.c.priority, deliveries.c.try_at, deliveries.c.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(of=deliveries, skip_locked=True)
        .cte("claimable")
    )
    if dialect == "sqlite":
        return select(func.json_group_array(func.json_array(*rows.c), type_=Text))
    return select(cast(func.json_agg(func.json_build_array(*rows.c)), Text))


@lru_cache(maxsize=2)
def _claiming(dialect: str) -> Update:
    return (
        update(deliveries)
        .where(chosen(dialect))
        .values(
            state=DeliveryState.CLAIMED,
            worker=bindparam("by"),
            lease_until=bindparam("until", type_=UtcDateTime),
            fence=deliveries.c.fence + 1,
            first_tried_at=func.coalesce(deliveries.c.first_tried_at, bindparam("now", type_=UtcDateTime)),
        )
    )


@lru_cache(maxsize=256)
def _moment(stored: str | datetime) -> datetime:
    """What `UtcDateTime` makes of a stored moment."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def unfinished_of(connection: Connection, worker: str) -> dict[int, int]:
    """Deliveries that ``worker`` still holds: id → fence."""
    rows = connection.execute(select(deliveries.c.id, deliveries.c.fence).where(_held_by(worker)))
    return dict(rows.all())


def release(connection: Connection, worker: str) -> int:
    """Puts back whatever a dead or stopping worker holds; how many that were."""
    _lock_held(connection, worker)
    released = connection.execute(
        update(deliveries)
        .where(_held_by(worker))
        .values(
            state=DeliveryState.QUEUED,
            # What was only claimed does not start the clock of giving up: it may wait for the relay's rate for days.
            first_tried_at=case((deliveries.c.attempts > 0, deliveries.c.first_tried_at)),
            lease_until=None,
            worker="",
        )
    )
    return released.rowcount


def requeue_expired(connection: Connection, now: datetime) -> int:
    """A claim whose lease ran out goes back to the queue; once it is claimed anew, the old fence is void.

    What a process that stands still has locked is left to the next pass.
    """
    ended = (
        select(deliveries.c.id)
        .where(OUTSTANDING, deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.lease_until < now)
        .with_for_update(skip_locked=True)
    )
    expired = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ended))
        .values(state=DeliveryState.QUEUED, lease_until=None, worker="")
    )
    return expired.rowcount


def renew(connection: Connection, worker: str, until: datetime) -> None:
    """Extends the leases of what ``worker`` holds."""
    _lock_held(connection, worker)
    connection.execute(update(deliveries).where(_held_by(worker)).values(lease_until=until))


def _lock_held(connection: Connection, worker: str) -> None:
    """In the order in which `sub_batches.begin` locks some of them, in another thread: neither waits for the other."""
    if connection.dialect.name == "postgresql":
        mine = select(deliveries.c.id).where(_held_by(worker)).order_by(deliveries.c.id)
        connection.execute(mine.with_for_update(key_share=True)).all()


def orphaned(connection: Connection, newsletters: Collection[str]) -> dict[str, int]:
    """How many deliveries wait of each newsletter that is not among these: nobody knows how to write them."""
    found: dict[str, int] = {}
    # Said apart: to join all that waits with its editions takes half a second for a million, in every pass.
    for table, of in ((editions, deliveries.c.edition_id), (notices, deliveries.c.notice_id)):
        names = connection.scalars(select(table.c.newsletter).where(table.c.newsletter.not_in(newsletters)).distinct())
        for name in names.all():
            numbers = select(table.c.id).where(table.c.newsletter == name)
            waits = select(func.count()).select_from(deliveries).where(_OUTSTANDING, of.in_(numbers))
            if number := connection.execute(waits).scalar_one():
                found[name] = found.get(name, 0) + number
    return dict(sorted(found.items()))


def anything_due(
    connection: Connection, now: datetime, newsletters: Collection[str], *, only_notices: bool = False
) -> bool:
    """Whether there is anything to deliver now, of these newsletters."""
    may_go = _may_go(newsletters, only_notices=only_notices)
    due = select(deliveries.c.id).where(_waits(), deliveries.c.try_at <= now, may_go)
    return connection.execute(due.limit(1)).first() is not None


def waiting(
    connection: Connection,
    now: datetime,
    newsletters: Collection[str] | None = None,
    *,
    only_notices: bool = False,
) -> Waiting:
    """What the outbox holds; ``due`` only of these newsletters, if they are given, and only notices if so asked."""
    return _glance(connection, now, _may_go(newsletters, only_notices=only_notices))[0]


def stalled(connection: Connection, now: datetime, newsletters: Collection[str]) -> Stalled:
    """How long the outbox has waited for somebody to deliver it; only of these newsletters."""
    found, since = _glance(connection, now, _may_go(newsletters))
    last = connection.execute(select(attempts.c.at).order_by(attempts.c.id.desc()).limit(1)).scalar()
    return Stalled(due=found.due, due_since=since, last_attempt=last, later=found.later, claimed=found.claimed)


def _glance(connection: Connection, now: datetime, may_go: ColumnElement[bool]) -> tuple[Waiting, datetime | None]:
    """With it, since when the first that is due has been. Each look reads its part of the outbox's index; in one look
    they would take twice as long.
    """
    look = select(func.count(), func.min(deliveries.c.try_at)).select_from(deliveries)
    due, since = connection.execute(look.where(_waits(), deliveries.c.try_at <= now, may_go)).one()
    later, next_try = connection.execute(look.where(_waits(), deliveries.c.try_at > now)).one()
    claimed = connection.execute(select(func.count()).where(deliveries.c.state == DeliveryState.CLAIMED)).scalar_one()
    return Waiting(due=due, later=later, claimed=claimed, next_try=next_try), since
