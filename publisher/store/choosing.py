"""Deliveries by their ids, many at once."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from publisher.store.schema import deliveries

__all__ = ["among"]


def among(connection: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """The deliveries of these ids, as one bound value.

    A plain ``IN`` of 500 has 500 parameters, which SQLAlchemy writes out anew for every statement: 30 us a
    delivery, more than everything else that is done with it in the database.
    """
    if connection.dialect.name == "sqlite":
        values = func.json_each(json.dumps(ids if isinstance(ids, list) else list(ids))).table_valued("value")
        return deliveries.c.id.in_(select(values.c.value))
    return deliveries.c.id == any_(literal(list(ids), ARRAY(BigInteger)))
