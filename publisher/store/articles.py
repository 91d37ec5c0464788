"""What the database remembers of articles: identity, dates, numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, exists, insert, or_, select, update

from publisher.model.article import Record
from publisher.model.delivery import DeliveryState
from publisher.model.edition import EditionState
from publisher.store.editions import OUTSTANDING
from publisher.store.schema import articles, counters, deliveries, editions, folded, variants

__all__ = ["counter", "had", "lock_counter", "numbered_after", "numbers", "records", "save", "take_numbers"]

_COLUMNS = tuple(field.name for field in fields(Record))


def records(connection: Connection) -> dict[str, Record]:
    """Every article ever seen, by id."""
    rows = connection.execute(select(*(articles.c[name] for name in _COLUMNS)))
    return {row[0]: Record(**dict(zip(_COLUMNS, row, strict=True))) for row in rows}  # the id comes first


def save(connection: Connection, changed: Iterable[Record], known: Iterable[str]) -> None:
    """Writes records; ``known`` are the ids that have a row already."""
    known = set(known)
    rows = [{name: getattr(record, name) for name in _COLUMNS} for record in changed]
    if fresh := [row for row in rows if row["id"] not in known]:
        connection.execute(insert(articles), fresh)
    for row in rows:
        if row["id"] in known:
            connection.execute(update(articles).where(articles.c.id == row["id"]).values(row))


def had(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of these articles that some reader has, may have, or is about to get."""
    live = exists().where(
        deliveries.c.variant_id == variants.c.id,
        or_(deliveries.c.state.in_((*OUTSTANDING, DeliveryState.ACCEPTED)), deliveries.c.was_unknown),
    )
    left = exists().where(
        folded.c.variant_id == variants.c.id, or_(folded.c.state == DeliveryState.ACCEPTED, folded.c.was_unknown)
    )
    opening = exists().where(editions.c.id == variants.c.edition_id, editions.c.state == EditionState.OPENING)
    found = set()
    for identity in ids:
        written = json.dumps(identity)
        listed = or_(
            variants.c.articles.contains(written, autoescape=True), variants.c.rest.contains(written, autoescape=True)
        )
        if connection.execute(select(variants.c.id).where(listed, or_(opening, live, left)).limit(1)).first():
            found.add(identity)
    return found


def counter(connection: Connection) -> int:
    """The newest sequence number that is committed."""
    return int(connection.execute(select(counters.c.value).where(counters.c.name == "sequence")).scalar_one())


def lock_counter(connection: Connection) -> int:
    """The newest sequence number; nobody else can take one until this transaction ends."""
    statement = select(counters.c.value).where(counters.c.name == "sequence").with_for_update()
    return int(connection.execute(statement).scalar_one())


def take_numbers(connection: Connection, newest: int) -> None:
    """Moves the counter, which `lock_counter` holds, to ``newest``."""
    connection.execute(update(counters).where(counters.c.name == "sequence").values(value=newest))


def numbered_after(connection: Connection, number: int, *, newest: int | None = None) -> dict[int, datetime]:
    """When each number above ``number``, and not above ``newest``, was taken."""
    rows = connection.execute(
        select(articles.c.sequence, articles.c.numbered_at).where(
            articles.c.sequence > number,
            articles.c.numbered_at.is_not(None),
            *([] if newest is None else [articles.c.sequence <= newest]),
        )
    )
    return dict(rows.all())


def numbers(connection: Connection) -> dict[str, Record]:
    """The records that have a number, by article id."""
    rows = connection.execute(select(*(articles.c[name] for name in _COLUMNS)).where(articles.c.sequence.is_not(None)))
    return {row.id: Record(**row._mapping) for row in rows}
