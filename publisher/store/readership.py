"""How many people read the feeds through aggregators, a document, day and aggregator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, case, func, select

from publisher.store.inserting import inserting
from publisher.store.schema import readership

__all__ = ["add", "by_day", "newest"]


def add(connection: Connection, announced: Mapping[tuple[date, str, str], int]) -> None:
    """What aggregators announced: (day, document, aggregator) → subscribers. Of a day the greatest number stays."""
    rows = [
        {"day": day, "document": document, "aggregator": aggregator, "subscribers": subscribers}
        for (day, document, aggregator), subscribers in sorted(announced.items())
    ]
    statement = inserting(connection, readership)
    new, old = statement.excluded.subscribers, readership.c.subscribers
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "document", "aggregator"],
            set_={"subscribers": case((new > old, new), else_=old)},
        ),
        rows,
    )


def by_day(connection: Connection, since: date) -> list[tuple[date, str, int]]:
    """Day, document and the sum of its aggregators' subscribers, from ``since`` on, the newest day first."""
    found = connection.execute(
        select(readership.c.day, readership.c.document, func.sum(readership.c.subscribers))
        .where(readership.c.day >= since)
        .group_by(readership.c.day, readership.c.document)
        .order_by(readership.c.day.desc(), readership.c.document)
    )
    return [(day, document, int(subscribers)) for day, document, subscribers in found]


def newest(connection: Connection, since: date) -> dict[str, int]:
    """Document → subscribers: of each aggregator what it announced last, from ``since`` on."""
    last = (
        select(
            readership.c.document,
            readership.c.subscribers,
            func.row_number()
            .over(
                partition_by=(readership.c.document, readership.c.aggregator),
                order_by=readership.c.day.desc(),
            )
            .label("age"),
        )
        .where(readership.c.day >= since)
        .subquery()
    )
    found = connection.execute(
        select(last.c.document, func.sum(last.c.subscribers)).where(last.c.age == 1).group_by(last.c.document)
    )
    return {document: int(subscribers) for document, subscribers in found}
