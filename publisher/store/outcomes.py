"""Outcomes: what became of attempts, with their lines in the ledger.

Guarantees: outcomes and their ledger lines are one transaction; an outcome changes its delivery only while the fence
still holds; the ledger is only ever appended to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Update, and_, bindparam, case, or_, select, update

from publisher.model.delivery import DeliveryState, Outcome, Result
from publisher.model.subscriber import Suppression
from publisher.store import returns, suppressions
from publisher.store.choosing import among, as_bound, chosen
from publisher.store.schema import UtcDateTime, attempts, deliveries, subscribers

__all__ = ["editions_of", "record"]

# Ledger lines of one statement on SQLite, which takes 999 parameters wherever it is.
_LINES = 25
_KEEPS_CURSOR = (Result.ACCEPTED, Result.UNTOUCHED, Result.REFUSED)
_GOES_BACK = (Result.UNTOUCHED, Result.REFUSED, Result.DEFERRED, Result.UNKNOWN)


def record(
    connection: Connection,
    outcomes: Sequence[Outcome],
    *,
    worker: str,
    now: datetime,
    retry_at: Callable[[Result, int, datetime], datetime | None],
    again_at: datetime | None = None,
    gone: Collection[int] = (),
) -> None:
    """Writes outcomes: a ledger line for each attempt, and the delivery's new state while its fence holds.

    ``retry_at(result, attempts, first_tried_at)`` says when to try a deferred or unknown one again, or None to give
    up. Untouched ones go back to the queue and leave no line; refused ones go back until ``again_at`` and do not
    count as tries. What belongs to a cancelled edition and goes back is withdrawn. ``gone``: failed deliveries
    whose address is no more; it is suppressed.
    """
    if returning := [outcome.delivery for outcome in outcomes if outcome.result not in _KEEPS_CURSOR]:
        returns.lock_readers(connection, among(connection, returning))
    attempted = [outcome for outcome in outcomes if outcome.result is not Result.UNTOUCHED]
    at_once = connection.dialect.name == "postgresql"
    if at_once and attempted:
        connection.exec_driver_sql(
            _ENDING, {"ended": json.dumps(attempted), "now": _as_stored(now, connection.dialect), "worker": worker}
        )
    elif attempted:
        _append(connection, attempted, worker, now)
    by_result: dict[Result, list[Outcome]] = {}
    for outcome in outcomes:
        by_result.setdefault(outcome.result, []).append(outcome)
    if (accepted := by_result.get(Result.ACCEPTED)) and not at_once:
        _accept(connection, accepted, now)
    if untouched := by_result.get(Result.UNTOUCHED):
        connection.execute(
            update(deliveries)
            .where(_held(connection, untouched))
            .values(
                state=DeliveryState.QUEUED,
                first_tried_at=case((deliveries.c.attempts > 0, deliveries.c.first_tried_at)),
                lease_until=None,
                worker="",
            )
        )
    if refused := by_result.get(Result.REFUSED):
        _refuse(connection, refused, again_at or now)
    for outcome in by_result.get(Result.FAILED, []):
        if outcome.delivery in gone:
            _suppress(connection, outcome, now)
        _attempted(connection, outcome)
        returns.end(connection, _held(connection, [outcome]), DeliveryState.FAILED, reason=_reason(outcome), now=now)
    for result in (Result.DEFERRED, Result.UNKNOWN):
        for outcome in by_result.get(result, []):
            _defer(connection, outcome, now, retry_at)
    if back := [outcome.delivery for outcome in outcomes if outcome.result in _GOES_BACK]:
        returns.withdraw_cancelled(connection, now, among(connection, back))


# On PostgreSQL the ledger's lines and what was accepted are one statement, and one trip to the server.
_ENDING = """
WITH ended AS (
    SELECT (e ->> 0)::bigint AS delivery, (e ->> 1)::integer AS fence, e ->> 2 AS result, (e ->> 3)::integer AS code,
        e ->> 4 AS reply, e ->> 5 AS relay, (e ->> 6)::float8 AS seconds
    FROM json_array_elements(%(ended)s::json) AS e
), ledger AS (
    INSERT INTO attempts (delivery_id, at, worker, relay, result, code, reply, seconds)
    SELECT delivery, %(now)s, %(worker)s, relay, result, code, reply, seconds FROM ended
)
UPDATE deliveries
SET state = 'accepted', ended_at = %(now)s, lease_until = NULL, attempts = attempts + 1, reply = ''
FROM ended
WHERE ended.result = 'accepted' AND deliveries.id = ended.delivery AND deliveries.fence = ended.fence
    AND deliveries.state = 'claimed'
"""


def editions_of(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """The editions of these deliveries, by delivery; notices have none."""
    rows = connection.execute(
        select(deliveries.c.id, deliveries.c.edition_id).where(
            among(connection, ids), deliveries.c.edition_id.is_not(None)
        )
    )
    return dict(rows.all())


def _refuse(connection: Connection, refused: Sequence[Outcome], again_at: datetime) -> None:
    """Back to the queue; a first try that was nobody's fault does not start the clock of giving up."""
    connection.execute(
        update(deliveries)
        .where(_held(connection, refused))
        .values(
            state=DeliveryState.QUEUED,
            try_at=again_at,
            first_tried_at=case((deliveries.c.attempts > 0, deliveries.c.first_tried_at)),
            lease_until=None,
            worker="",
        )
    )


def _suppress(connection: Connection, outcome: Outcome, now: datetime) -> None:
    hashed = connection.execute(
        select(subscribers.c.address_hash)
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .where(_held(connection, [outcome]))
    ).scalar()
    if hashed is not None:
        suppression = Suppression(address_hash=hashed, reason="hard bounce", at=now, source=f"reply of {outcome.relay}")
        suppressions.suppress(connection, suppression)


def _append(connection: Connection, attempted: Sequence[Outcome], worker: str, now: datetime) -> None:
    """The ledger's lines.

    Below SQLAlchemy: its executemany makes a dictionary of each row and converts the same moment every time, 10 us
    a line. Many lines a statement: the driver's executemany lets go of the interpreter at each, and the lanes want it.
    """
    at = _as_stored(now, connection.dialect)
    names = "delivery_id, at, worker, relay, result, code, reply, seconds"
    start = 0
    while start < len(attempted):
        # Of two lengths only: SQLite keeps what it makes of each statement, and of a hundred lengths that is megabytes.
        count = _LINES if len(attempted) - start >= _LINES else 1
        values: list[Any] = [at, worker]
        for outcome in attempted[start : start + count]:
            values += (
                outcome.delivery, outcome.relay, outcome.result._value_, outcome.code, outcome.reply, outcome.seconds,
            )  # fmt: skip
        connection.exec_driver_sql(f"INSERT INTO attempts ({names}) VALUES {_lines(count)}", tuple(values))
        start += count


@lru_cache(maxsize=2)
def _lines(count: int) -> str:
    """Parameters of so many lines, of which all have the first two in common."""
    firsts = range(3, 3 + 6 * count, 6)
    return ", ".join(
        f"(?{first}, ?1, ?2, ?{first + 1}, ?{first + 2}, ?{first + 3}, ?{first + 4}, ?{first + 5})" for first in firsts
    )


def _as_stored(moment: datetime, dialect: Dialect) -> Any:
    as_stored = attempts.c.at.type.dialect_impl(dialect).bind_processor(dialect)
    return as_stored(moment) if as_stored is not None else moment


def _held(connection: Connection, outcomes: Sequence[Outcome]) -> ColumnElement[bool]:
    """The deliveries of these outcomes that are still claimed under the fence of the attempt."""
    return and_(
        deliveries.c.state == DeliveryState.CLAIMED,
        or_(*(and_(deliveries.c.fence == fence, among(connection, ids)) for fence, ids in _by_fence(outcomes).items())),
    )


def _by_fence(outcomes: Sequence[Outcome]) -> dict[int, list[int]]:
    by_fence: dict[int, list[int]] = {}
    for outcome in outcomes:
        by_fence.setdefault(outcome.fence, []).append(outcome.delivery)
    return by_fence


def _accept(connection: Connection, accepted: Sequence[Outcome], now: datetime) -> None:
    dialect = connection.dialect.name
    for fence, ids in _by_fence(accepted).items():
        connection.execute(_accepting(dialect), {"ids": as_bound(dialect, ids), "held": fence, "now": now})


@lru_cache(maxsize=2)
def _accepting(dialect: str) -> Update:
    """Made once, for it is what is done to nearly all of them."""
    return (
        update(deliveries)
        .where(deliveries.c.state == DeliveryState.CLAIMED, deliveries.c.fence == bindparam("held"), chosen(dialect))
        .values(
            state=DeliveryState.ACCEPTED,
            ended_at=bindparam("now", type_=UtcDateTime),
            lease_until=None,
            attempts=deliveries.c.attempts + 1,
            reply="",
        )
    )


def _attempted(connection: Connection, outcome: Outcome) -> None:
    connection.execute(
        update(deliveries)
        .where(_held(connection, [outcome]))
        .values(attempts=deliveries.c.attempts + 1, reply=_reason(outcome))
    )


def _defer(
    connection: Connection,
    outcome: Outcome,
    now: datetime,
    retry_at: Callable[[Result, int, datetime], datetime | None],
) -> None:
    held = _held(connection, [outcome])
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
