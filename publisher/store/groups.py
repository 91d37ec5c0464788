"""Groups of readers that an edition decides alike, and the variants frozen for them.

Guarantees: what was frozen or decided stays; a second process, or a resumed opening, inserts only what is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
)

from publisher.model.correction import Correction
from publisher.model.delivery import DeliveryState
from publisher.model.edition import Decision, Digest, Group
from publisher.model.subscriber import BY_FEED
from publisher.store.corrections import still_owed
from publisher.store.inserting import insert_missing
from publisher.store.schema import deliveries, groups, subscribers, subscriptions, suppressions, variants

__all__ = [
    "decide_group",
    "freeze_variant",
    "group_of",
    "is_by_feed",
    "is_snoozed",
    "is_suppressed",
    "read_groups",
    "readers_of",
    "superseded",
    "variant_id",
    "was_snoozed",
]


def readers_of(newsletter: str, cadence: str) -> ColumnElement[bool]:
    """The candidates of an edition: active subscriptions of the cadence."""
    return and_(
        subscriptions.c.newsletter == newsletter,
        subscriptions.c.cadence == cadence,
        subscriptions.c.state == "active",
    )


def is_suppressed() -> ColumnElement[bool]:
    """The reader must not be mailed, or was erased."""
    person = subscribers.alias("person")
    barred = exists().where(suppressions.c.address_hash == person.c.address_hash)
    return (
        exists()
        .where(person.c.id == subscriptions.c.subscriber_id, or_(person.c.address.is_(None), barred))
        .correlate(subscriptions)
    )


def is_by_feed() -> ColumnElement[bool]:
    """The reader has a private feed instead of mail: a snooze without an end."""
    return func.coalesce(subscriptions.c.snoozed_until == BY_FEED, literal(False))


def is_snoozed(slot: datetime) -> ColumnElement[bool]:
    """The reader wants nothing before a date that is later than the slot."""
    # SQL's NOT of NULL is NULL: the comparison is turned into a plain truth first.
    return func.coalesce(subscriptions.c.snoozed_until > slot, literal(False))


def was_snoozed(slot: datetime) -> ColumnElement[bool]:
    """The reader's snooze has ended, and nothing was delivered since."""
    return func.coalesce(subscriptions.c.snoozed_until <= slot, literal(False))


def superseded() -> ScalarSelect[int]:
    """The reader's delivery that ends at the cursor and was never claimed: a new delivery takes its articles over."""
    waiting = deliveries.alias("waiting")
    return (
        select(func.max(waiting.c.id))
        .where(
            waiting.c.subscription_id == subscriptions.c.id,
            waiting.c.state == DeliveryState.QUEUED,
            waiting.c.fence == 0,
            waiting.c.edition_id.is_not(None),
            waiting.c.generation == subscriptions.c.generation,
            waiting.c.cursor_to == subscriptions.c.cursor,
        )
        .correlate(subscriptions)
        .scalar_subquery()
    )


def read_groups(
    connection: Connection,
    *,
    newsletter: str,
    cadence: str,
    slot: datetime,
    after: int = 0,
    pending: Sequence[Correction] = (),
) -> list[Group]:
    """The readers who may be mailed, grouped by what can make their lists differ; subscriptions above ``after``.

    ``pending``: corrections that some of them may be owed.
    """
    readers = _apart(slot, newsletter, pending).where(
        readers_of(newsletter, cadence), ~is_suppressed(), ~is_snoozed(slot), subscriptions.c.id > after
    )
    each = readers.subquery()
    columns = list(each.c)
    rows = connection.execute(select(*columns, func.count().label("readers")).group_by(*columns).order_by(*columns))
    return [_group(row, row.readers) for row in rows]


def group_of(
    connection: Connection,
    subscription: int,
    *,
    slot: datetime,
    newsletter: str = "",
    pending: Sequence[Correction] = (),
) -> Group | None:
    """The group of one reader alone, whatever the cadence; None for one who gets nothing at that slot."""
    row = connection.execute(
        _apart(slot, newsletter, pending).where(
            subscriptions.c.id == subscription,
            subscriptions.c.state == "active",
            ~is_suppressed(),
            ~is_snoozed(slot),
        )
    ).first()
    return _group(row, 1) if row else None


def _apart(
    slot: datetime, newsletter: str, pending: Sequence[Correction]
) -> Select[tuple[int, int, str, str, bool, str]]:
    """What can make readers' lists differ."""
    earlier = deliveries.alias("earlier")
    start = func.coalesce(earlier.c.cursor_from, subscriptions.c.cursor)
    return select(
        subscriptions.c.cursor,
        start.label("start"),
        subscriptions.c.topics,
        subscriptions.c.language,
        was_snoozed(slot).label("snoozed"),
        still_owed(newsletter, pending, start).label("corrections"),
    ).select_from(subscriptions.outerjoin(earlier, earlier.c.id == superseded()))


def _group(row: Row[*tuple[Any, ...]], count: int) -> Group:
    return Group(
        cursor=row.cursor,
        topics=row.topics,
        language=row.language,
        count=count,
        start=row.start,
        snoozed=bool(row.snoozed),
        corrections=tuple(int(number) for number in row.corrections.split(",") if number),
    )


def variant_id(connection: Connection, edition: int, key: str) -> int | None:
    """The frozen variant of that key, if it was rendered before."""
    return connection.execute(
        select(variants.c.id).where(variants.c.edition_id == edition, variants.c.key == _hashed(key))
    ).scalar()


def freeze_variant(connection: Connection, edition: int, decision: Decision, digest: Digest) -> int:
    """Stores a digest for good and gives its id; one that is already there stays as it is."""
    row = {
        "edition_id": edition,
        "key": _hashed(decision.key),
        "language": decision.group.language,
        "articles": json.dumps(decision.articles),
        "rest": json.dumps(decision.rest),
        "corrections": json.dumps(decision.corrections),
        "subject": digest.subject,
        "preheader": digest.preheader,
        "html": digest.html,
        "text": digest.text,
    }
    insert_missing(connection, variants, [row], "edition_id", "key")
    frozen = variant_id(connection, edition, decision.key)
    assert frozen is not None
    return frozen


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def decide_group(connection: Connection, edition: int, decision: Decision, variant: int | None) -> None:
    """Records what the edition does with a group; a decision that is already there stays."""
    group = decision.group
    row = {
        "edition_id": edition,
        "cursor": group.cursor,
        "start": group.start,
        "topics": group.topics,
        "language": group.language,
        "snoozed": group.snoozed,
        "corrections": "".join(f"{number}," for number in group.corrections),
        "variant_id": variant,
        "cursor_to": decision.to,
        "takes_over": decision.takes_over,
    }
    insert_missing(
        connection, groups, [row], "edition_id", "cursor", "start", "topics", "language", "snoozed", "corrections"
    )
