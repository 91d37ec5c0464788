"""Deliveries and attempts of an edition as blocks: the form that they have in its file, too.

Moments are ISO 8601 in UTC, seconds whole ten-thousandths; addresses in replies are left out, since readers are
numbers there and erasing one must leave nothing behind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, select, type_coerce

from publisher.store.ledger_file import Block
from publisher.store.schema import attempts, deliveries

__all__ = ["BLOCK", "iso", "read_block", "without_addresses"]

BLOCK = 5000
"""Deliveries a block and a transaction: other writers wait for less than half a second."""

_ADDRESS = re.compile(r"<?[^\s<>@,;:()]+@[^\s<>@,;:()]+>?")
_MOMENTS = ("due_at", "first_tried_at", "ended_at", "at")
_DELIVERY = {
    "id": deliveries.c.id,
    "subscriber": deliveries.c.subscriber_id,
    "subscription": deliveries.c.subscription_id,
    "generation": deliveries.c.generation,
    "variant": deliveries.c.variant_id,
    "from": deliveries.c.cursor_from,
    "to": deliveries.c.cursor_to,
    "state": deliveries.c.state,
    "was_unknown": deliveries.c.was_unknown,
    "due_at": deliveries.c.due_at,
    "first_tried_at": deliveries.c.first_tried_at,
    "ended_at": deliveries.c.ended_at,
    "tries": deliveries.c.attempts,
    "reply": deliveries.c.reply,
}
_ATTEMPT = {
    "delivery": attempts.c.delivery_id,
    "at": attempts.c.at,
    "worker": attempts.c.worker,
    "relay": attempts.c.relay,
    "result": attempts.c.result,
    "code": attempts.c.code,
    "reply": attempts.c.reply,
    "seconds": attempts.c.seconds,
}


def read_block(connection: Connection, edition: int, *, after: int = 0, last: int | None = None) -> Block | None:
    """The deliveries behind subscription ``after``: the next BLOCK, or all as far as ``last``; None: none are left."""
    chosen = and_(deliveries.c.edition_id == edition, deliveries.c.subscription_id > after)
    if last is not None:
        chosen = and_(chosen, deliveries.c.subscription_id <= last)
    statement = select(*_raw(_DELIVERY)).where(chosen).order_by(deliveries.c.subscription_id)
    rows = connection.execute(statement.limit(BLOCK) if last is None else statement).all()
    if not rows:
        return None
    of = _columns(_DELIVERY, rows)
    of["was_unknown"] = list(map(bool, of["was_unknown"]))
    tried = connection.execute(
        select(*_raw(_ATTEMPT))
        .join_from(attempts, deliveries, attempts.c.delivery_id == deliveries.c.id)
        .where(chosen, deliveries.c.subscription_id <= of["subscription"][-1])
        .order_by(deliveries.c.subscription_id, attempts.c.id)
    ).all()
    at = _columns(_ATTEMPT, tried)
    place = {number: index for index, number in enumerate(of["id"])}
    at["delivery"] = list(map(place.__getitem__, at["delivery"]))
    at["seconds"] = [round(seconds * 10_000) for seconds in at["seconds"]]
    return Block(of, at)


def _raw(columns: dict[str, Any]) -> list[ColumnElement[Any]]:
    """Moments as they are stored: a block has few different ones, and each is read once."""
    return [type_coerce(column, Text) if name in _MOMENTS else column for name, column in columns.items()]


def _columns(names: dict[str, Any], rows: Any) -> dict[str, list[Any]]:
    columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)} if rows else {}
    for name in names:
        column = columns.setdefault(name, [])
        if name in _MOMENTS:
            known = {moment: iso(moment) for moment in dict.fromkeys(column)}
            columns[name] = list(map(known.__getitem__, column))
        elif name == "reply":
            columns[name] = list(map(without_addresses, column))
    return columns


def without_addresses(reply: str) -> str:
    """A server's reply without the addresses that it repeats. Pure."""
    return _ADDRESS.sub("…", reply) if "@" in reply else reply


def iso(moment: str | datetime | None) -> str | None:
    if moment is None:
        return None
    stored = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    aware = stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")
