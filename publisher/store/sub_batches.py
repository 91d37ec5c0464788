"""Sub-batches: what a worker is about to send, told to the database before the first of its dots.

A machine that is lost takes its journal with it, and nobody can know which of its claims had left. Where machines
share a database, a worker therefore writes down a few dozen messages at a time that it begins: when its lease has
ended, these are in doubt, and all its other claims certainly never left.

Guarantees: what `begin` gives back was this worker's for another `MARGIN` at least. A sub-batch stays until nothing
of it is claimed any more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from publisher.model.delivery import DeliveryState, Outcome, Result
from publisher.store.choosing import among, as_array
from publisher.store.schema import OUTSTANDING, deliveries, sub_batches

__all__ = ["MARGIN", "begin", "doubtful", "forget"]

MARGIN = timedelta(seconds=30)
"""Clocks of machines may differ by so much."""


# One statement, and so nobody gives up these claims before the sub-batch is there to see.
_BEGIN = """
WITH held AS (
    SELECT id, fence FROM deliveries
    WHERE id = ANY (%(ids)s::bigint[]) AND state = 'claimed' AND worker = %(worker)s AND lease_until > %(least)s
    ORDER BY id FOR UPDATE
), told AS (
    INSERT INTO sub_batches (worker, at, deliveries)
    SELECT %(worker)s, %(now)s, json_agg(json_build_array(id, fence))::text FROM held HAVING count(*) > 0
)
SELECT coalesce(json_agg(id)::text, '[]') FROM held
"""


def begin(connection: Connection, worker: str, ids: Sequence[int], now: datetime) -> set[int]:
    """Writes down that these deliveries are about to leave, and gives back those that may.

    Not those whose lease is over, or nearly so: a process that was stopped for longer than that must not go on with
    what another one has claimed since.
    """
    if connection.dialect.name == "postgresql":
        told = connection.exec_driver_sql(
            _BEGIN, {"worker": worker, "ids": as_array(ids), "now": now, "least": now + MARGIN}
        )
        return set(json.loads(told.scalar_one()))
    held = connection.execute(
        select(deliveries.c.id, deliveries.c.fence)
        .where(
            among(connection, ids),
            deliveries.c.state == DeliveryState.CLAIMED,
            deliveries.c.worker == worker,
            deliveries.c.lease_until > now + MARGIN,
        )
        .order_by(deliveries.c.id)
    ).all()
    if held:
        started = json.dumps([list(row) for row in held])
        connection.execute(insert(sub_batches).values(worker=worker, at=now, deliveries=started))
    return {delivery for delivery, _fence in held}


def doubtful(connection: Connection, now: datetime) -> dict[str, list[Outcome]]:
    """What lost workers had begun and nobody knows the end of, as unknown outcomes, by worker."""
    expired = connection.execute(
        select(deliveries.c.worker, deliveries.c.id, deliveries.c.fence)
        .where(OUTSTANDING, deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.lease_until < now)
        .with_for_update(skip_locked=True)
    ).all()
    claims: dict[str, set[tuple[int, int]]] = {}
    for worker, delivery, fence in expired:
        claims.setdefault(worker, set()).add((delivery, fence))
    found: dict[str, list[Outcome]] = {}
    for worker, held in claims.items():
        begun = {item for started in _of(connection, worker).values() for item in started}
        found[worker] = [
            Outcome(delivery, fence, Result.UNKNOWN, reply="the worker was lost before it could tell")
            for delivery, fence in sorted(held & begun)
        ]
    return found


def forget(connection: Connection, *workers: str, older_than: datetime | None = None) -> None:
    """Removes these workers' sub-batches of which nothing is claimed any more, and whatever is older than that."""
    for worker in workers:
        claimed = connection.execute(
            select(deliveries.c.id, deliveries.c.fence).where(
                OUTSTANDING, deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.worker == worker
            )
        )
        held = {(delivery, fence) for delivery, fence in claimed}
        over = [number for number, started in _of(connection, worker).items() if held.isdisjoint(started)]
        for start in range(0, len(over), 500):
            connection.execute(delete(sub_batches).where(sub_batches.c.id.in_(over[start : start + 500])))
    if older_than is not None:
        connection.execute(delete(sub_batches).where(sub_batches.c.at < older_than))


def _of(connection: Connection, worker: str) -> dict[int, list[tuple[int, int]]]:
    """The worker's sub-batches: number → (delivery, fence)."""
    rows = connection.execute(
        select(sub_batches.c.id, sub_batches.c.deliveries).where(sub_batches.c.worker == worker)
    ).all()
    return {number: [(delivery, fence) for delivery, fence in json.loads(started)] for number, started in rows}
