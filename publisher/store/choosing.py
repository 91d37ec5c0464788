"""Deliveries by their ids, many at once."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, any_, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from publisher.store.schema import deliveries

__all__ = ["among", "as_array", "as_bound", "chosen"]


def among(connection: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """The deliveries of these ids, as one bound value.

    A plain ``IN`` of 500 has 500 parameters, which SQLAlchemy writes out anew for every statement: 30 us a
    delivery, more than everything else that is done with it in the database.
    """
    if connection.dialect.name == "sqlite":
        values = func.json_each(as_bound("sqlite", ids)).table_valued("value")
        return deliveries.c.id.in_(select(values.c.value))
    return deliveries.c.id == any_(literal(list(ids), ARRAY(BigInteger)))


def chosen(dialect: str) -> ColumnElement[bool]:
    """The same for a statement that is made once: the ids come as its parameter ``ids``, see `as_bound`."""
    if dialect == "sqlite":
        values = func.json_each(bindparam("ids")).table_valued("value")
        return deliveries.c.id.in_(select(values.c.value))
    return deliveries.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))


def as_bound(dialect: str, ids: Sequence[int]) -> str | list[int]:
    """Ids as the one value that is bound."""
    numbers = ids if isinstance(ids, list) else list(ids)
    return json.dumps(numbers) if dialect == "sqlite" else numbers


def as_array(ids: Sequence[int]) -> str:
    """Ids as PostgreSQL writes an array: the driver has nothing to do with it."""
    return f"{{{','.join(map(str, ids))}}}"
