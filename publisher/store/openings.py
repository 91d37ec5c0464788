"""Opening an edition in the database: groups of readers, frozen variants, deliveries and cursors chunk by chunk.

Guarantees: each function is one step of one transaction, and a killed opening resumes: variants and groups are
inserted if missing, and chunks go on after the edition's ``progress``. No loop over readers in Python.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from publisher.model.delivery import DeliveryState
from publisher.model.edition import Decision, Digest, Edition, EditionState, Group
from publisher.store.editions import OUTSTANDING
from publisher.store.inserting import insert_missing
from publisher.store.schema import (
    deliveries,
    editions,
    exclusions,
    groups,
    subscribers,
    subscriptions,
    suppressions,
    variants,
)

__all__ = [
    "CHUNK",
    "decide_group",
    "freeze_variant",
    "open_chunk",
    "progress_of",
    "read_groups",
    "variant_id",
]

CHUNK = 20_000
"""Subscriptions a transaction: other writers wait for less than half a second."""

PRIORITY = 1
"""Notices are 0 and go ahead of editions."""

_SUPPRESSED = exists().where(
    and_(
        subscribers.c.id == subscriptions.c.subscriber_id,
        or_(
            subscribers.c.address.is_(None),
            exists().where(suppressions.c.address_hash == subscribers.c.address_hash),
        ),
    )
)


def _readers(newsletter: str, cadence: str) -> ColumnElement[bool]:
    """The candidates: active subscriptions of the cadence."""
    return and_(
        subscriptions.c.newsletter == newsletter,
        subscriptions.c.cadence == cadence,
        subscriptions.c.state == "active",
    )


def _snoozed(slot: datetime) -> ColumnElement[bool]:
    return and_(subscriptions.c.snoozed_until.is_not(None), subscriptions.c.snoozed_until > slot)


def read_groups(
    connection: Connection, *, newsletter: str, cadence: str, slot: datetime, after: int = 0
) -> list[Group]:
    """The readers who may be mailed, grouped by what can make their lists differ; ids above ``after``."""
    rows = connection.execute(
        select(
            subscriptions.c.cursor,
            subscriptions.c.topics,
            subscriptions.c.language,
            func.count().label("count"),
        )
        .where(_readers(newsletter, cadence), ~_SUPPRESSED, ~_snoozed_or_never(slot), subscriptions.c.id > after)
        .group_by(subscriptions.c.cursor, subscriptions.c.topics, subscriptions.c.language)
        .order_by(subscriptions.c.cursor, subscriptions.c.topics, subscriptions.c.language)
    )
    return [Group(row.cursor, row.topics, row.language, row._mapping["count"]) for row in rows]


def progress_of(connection: Connection, edition: int) -> int:
    """The last subscription that the opening has dealt with; 0 before the first chunk."""
    return connection.execute(select(editions.c.progress).where(editions.c.id == edition)).scalar() or 0


def _snoozed_or_never(slot: datetime) -> ColumnElement[bool]:
    """SQL's NOT of NULL is NULL: the snooze is turned into a plain truth first."""
    return func.coalesce(_snoozed(slot), literal(False))


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
    row = {
        "edition_id": edition,
        "cursor": decision.group.cursor,
        "topics": decision.group.topics,
        "language": decision.group.language,
        "variant_id": variant,
        "cursor_to": decision.to,
    }
    insert_missing(connection, groups, [row], "edition_id", "cursor", "topics", "language")


def open_chunk(connection: Connection, edition: Edition, *, due_at: datetime, size: int = CHUNK) -> bool:
    """Gives the next ``size`` subscriptions their delivery and moves their cursors; False when none are left.

    One transaction. A second process that opens the same edition finds ``progress`` moved and goes on behind it.
    """
    progress = connection.execute(
        select(editions.c.progress)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.OPENING)
        .with_for_update()
    ).scalar()
    if progress is None:
        return False
    readers = _readers(edition.newsletter, edition.cadence)
    upper = connection.execute(
        select(func.max(select(subscriptions.c.id).where(readers, subscriptions.c.id > progress)
            .order_by(subscriptions.c.id).limit(size).subquery().c.id))
    ).scalar()  # fmt: skip
    if upper is None:
        return False
    chunk = and_(readers, subscriptions.c.id > progress, subscriptions.c.id <= upper)
    _count(connection, edition, chunk)
    connection.execute(
        insert(deliveries).from_select(
            [
                "edition_id",
                "variant_id",
                "subscriber_id",
                "subscription_id",
                "generation",
                "cursor_from",
                "cursor_to",
                "state",
                "priority",
                "due_at",
                "try_at",
            ],
            _decided(edition, chunk).with_only_columns(
                literal(edition.id),
                groups.c.variant_id,
                subscriptions.c.subscriber_id,
                subscriptions.c.id,
                subscriptions.c.generation,
                subscriptions.c.cursor,
                groups.c.cursor_to,
                literal(DeliveryState.QUEUED.value),
                literal(PRIORITY),
                literal(due_at, deliveries.c.due_at.type),
                literal(due_at, deliveries.c.try_at.type),
            ).where(groups.c.variant_id.is_not(None)).order_by(subscriptions.c.id),
        )
    )  # fmt: skip
    _move_cursors(connection, edition, chunk)
    connection.execute(update(editions).where(editions.c.id == edition.id).values(progress=upper))
    return True


def _decided(edition: Edition, chunk: ColumnElement[bool]) -> Select[tuple[int]]:
    """The chunk's readers who may be mailed, each with its group's decision."""
    joined = subscriptions.join(
        groups,
        and_(
            groups.c.edition_id == edition.id,
            groups.c.cursor == subscriptions.c.cursor,
            groups.c.topics == subscriptions.c.topics,
            groups.c.language == subscriptions.c.language,
        ),
    )
    return select(subscriptions.c.id).select_from(joined).where(chunk, ~_SUPPRESSED, ~_snoozed_or_never(edition.slot))


def _count(connection: Connection, edition: Edition, chunk: ColumnElement[bool]) -> None:
    """Counts the chunk's candidates and those who get nothing, by reason, before anything moves."""

    def size(statement: Select[tuple[int]]) -> int:
        return connection.execute(select(func.count()).select_from(statement.subquery())).scalar_one()

    everyone = select(subscriptions.c.id).where(chunk)
    total = size(everyone)
    suppressed = size(everyone.where(_SUPPRESSED))
    snoozed = size(everyone.where(~_SUPPRESSED, _snoozed_or_never(edition.slot)))
    decided = _decided(edition, chunk)
    mailed = size(decided.where(groups.c.variant_id.is_not(None)))
    waiting = size(decided.where(groups.c.variant_id.is_(None), groups.c.cursor_to < edition.cutoff))
    nothing = size(decided.where(groups.c.variant_id.is_(None), groups.c.cursor_to >= edition.cutoff))
    # Whoever changed cadence, topics or cursor since the groups were read waits for the next edition.
    changed = total - suppressed - snoozed - mailed - waiting - nothing
    reasons = {
        "suppressed": suppressed,
        "snoozed": snoozed,
        "waiting for more articles": waiting,
        "nothing new for them": nothing,
        "changed while it opened": changed,
    }
    for reason, count in reasons.items():
        if count:
            _add_exclusion(connection, edition.id, reason, count)
    connection.execute(
        update(editions).where(editions.c.id == edition.id).values(candidates=editions.c.candidates + total)
    )


def _add_exclusion(connection: Connection, edition: int, reason: str, count: int) -> None:
    same = and_(exclusions.c.edition_id == edition, exclusions.c.reason == reason)
    changed = connection.execute(update(exclusions).where(same).values(count=exclusions.c.count + count))
    if changed.rowcount == 0:
        connection.execute(insert(exclusions).values(edition_id=edition, reason=reason, count=count))


def _move_cursors(connection: Connection, edition: Edition, chunk: ColumnElement[bool]) -> None:
    """To where the group's decision says.

    A reader with nothing to read stays while a live delivery ends at the cursor: if that one fails, the cursor
    must be able to go back over its articles.
    """
    target = (
        select(groups.c.cursor_to)
        .where(
            groups.c.edition_id == edition.id,
            groups.c.cursor == subscriptions.c.cursor,
            groups.c.topics == subscriptions.c.topics,
            groups.c.language == subscriptions.c.language,
        )
        .scalar_subquery()
    )
    live = exists().where(
        and_(
            deliveries.c.subscription_id == subscriptions.c.id,
            deliveries.c.edition_id != edition.id,
            deliveries.c.state.in_(OUTSTANDING),
            deliveries.c.cursor_to == subscriptions.c.cursor,
        )
    )
    mailed = exists().where(
        and_(deliveries.c.edition_id == edition.id, deliveries.c.subscription_id == subscriptions.c.id)
    )
    in_group = subscriptions.c.id.in_(_decided(edition, chunk))
    connection.execute(update(subscriptions).where(chunk, in_group, or_(mailed, ~live)).values(cursor=target))
