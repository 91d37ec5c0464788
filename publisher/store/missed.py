"""What readers have missed: articles behind their cursor that no delivery has for them.

Guarantees: recorded once a reader and article; never for an article that a delivery which is outstanding, accepted or
unknown lists, nor for one from before the subscription began. No loop over readers in Python.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, literal, or_, select, update

from publisher.model.delivery import DeliveryState
from publisher.store.editions import OUTSTANDING
from publisher.store.inserting import inserting
from publisher.store.schema import articles, deliveries, folded, missed, subscriptions, variants

__all__ = ["add", "forget", "passed_by", "read_marks", "save_marks", "topics_behind"]


def read_marks(connection: Connection, newest: int) -> dict[str, str | None]:
    """What was last known of each article up to the number that selections and topics go by; None: nothing yet."""
    rows = connection.execute(select(articles.c.id, articles.c.marks).where(articles.c.sequence <= newest))
    return dict(rows.all())


def save_marks(connection: Connection, marks: Mapping[str, str]) -> None:
    """Remembers them."""
    for article, value in marks.items():
        connection.execute(update(articles).where(articles.c.id == article).values(marks=value))


def topics_behind(connection: Connection, newsletter: str, sequence: int) -> list[str]:
    """The different topics of the newsletter's readers whose cursor has passed the number."""
    return list(connection.scalars(select(subscriptions.c.topics).where(_passed(newsletter, sequence)).distinct()))


def passed_by(
    connection: Connection, newsletter: str, *, article: str, sequence: int, topics: Collection[str], now: datetime
) -> None:
    """Records it for the readers with these topics whose cursor has passed the article without its reaching them."""
    written = json.dumps(article)
    listing = [
        variant
        for (variant,) in connection.execute(
            select(variants.c.id).where(
                or_(
                    variants.c.articles.contains(written, autoescape=True),
                    variants.c.rest.contains(written, autoescape=True),
                )
            )
        )
    ]
    if connection.execute(select(folded.c.variant_id).where(folded.c.variant_id.in_(listing)).limit(1)).first():
        return  # who had it then is no longer in the database
    has_it = exists().where(
        deliveries.c.subscription_id == subscriptions.c.id,
        deliveries.c.variant_id.in_(listing),
        or_(deliveries.c.state.in_((*OUTSTANDING, DeliveryState.ACCEPTED)), deliveries.c.was_unknown),
    )
    known = exists().where(missed.c.subscription_id == subscriptions.c.id, missed.c.sequence == sequence)
    rows = select(
        subscriptions.c.id,
        literal(sequence, missed.c.sequence.type),
        literal("it came after this reader had been served"),
        literal(now, missed.c.at.type),
    ).where(
        _passed(newsletter, sequence),
        subscriptions.c.topics.in_(topics),
        ~has_it.correlate(subscriptions),
        ~known.correlate(subscriptions),
    )
    add(connection, ["subscription_id", "sequence", "reason", "at"], rows)


def add(connection: Connection, names: Sequence[str], rows: Select[Any]) -> None:
    """Records these, but for what is recorded: a delivery that fails and a run may come to it at once."""
    connection.execute(inserting(connection, missed).from_select(names, rows).on_conflict_do_nothing())


def forget(connection: Connection, sequences: Iterable[int]) -> None:
    """Numbers that articles no longer have: with their new ones they are ahead of everybody."""
    connection.execute(delete(missed).where(missed.c.sequence.in_(list(sequences))))


def _passed(newsletter: str, sequence: int) -> ColumnElement[bool]:
    return and_(
        subscriptions.c.newsletter == newsletter,
        subscriptions.c.state == "active",
        subscriptions.c.cursor >= sequence,
        subscriptions.c.began < sequence,
    )
