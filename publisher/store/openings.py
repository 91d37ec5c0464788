"""Opening an edition in the database: deliveries and cursors, a chunk of subscriptions a transaction.

Guarantees: a chunk is all or nothing, and a killed opening goes on after the edition's ``progress``; every candidate
is counted, with a delivery or with the reason why not. No loop over readers in Python: each chunk's readers are put
into a temporary table once, and everything is done to that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from publisher.model.correction import Correction
from publisher.model.delivery import DeliveryState
from publisher.model.edition import Edition, EditionState
from publisher.store.corrections import still_owed
from publisher.store.editions import OUTSTANDING
from publisher.store.groups import is_by_feed, is_snoozed, is_suppressed, readers_of, superseded, was_snoozed
from publisher.store.schema import (
    UtcDateTime,
    deliveries,
    editions,
    exclusions,
    groups,
    missed,
    subscribers,
    subscriptions,
)

__all__ = ["CHUNK", "PAUSE", "next_chunk", "open_chunk", "progress_of"]

CHUNK = 4_000
"""Subscriptions of a first transaction; those of the next depend on how long it took (`next_chunk`)."""

HOLD = 0.15
"""Seconds that a transaction is to take: other writers wait for it, half a second at most on a machine that is busy."""

PAUSE = 0.03
"""Seconds between two chunks on SQLite, whose waiting writers only look now and then whether it is their turn."""

# Planning its statements costs PostgreSQL as much as some hundred readers.
_LEAST, _MOST = 2_000, 20_000

DEFAULT_CACHE = 2000
OPENING_CACHE = 32768
"""Kilobytes of SQLite's page cache. With its own 2 MB the pages that a chunk changes would go to the disk and come back
in each transaction; a process that delivers to a million readers has no use for more, and would fill it.
"""

PRIORITY = 1
"""Notices are 0 and go ahead of editions."""

MAILED, NOTHING, WAITING = "mailed", "nothing new for them", "waiting for more articles"
SUPPRESSED, BY_FEED, SNOOZED, CHANGED = "suppressed", "by feed", "snoozed", "changed while it opened"

# The readers of the chunk in hand, and what becomes of each.
_chunk = Table(
    "opening_chunk",
    MetaData(),
    Column("subscription_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subscriber_id", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("cursor_to", BigInteger),
    Column("variant_id", BigInteger),
    Column("supersedes", BigInteger),
    Column("due_at", UtcDateTime, nullable=False),
    Column("fate", Text, nullable=False),
    prefixes=["TEMPORARY"],
)


def progress_of(connection: Connection, edition: int) -> int:
    """The last subscription that the opening has dealt with; 0 before the first chunk."""
    return connection.execute(select(editions.c.progress).where(editions.c.id == edition)).scalar() or 0


def next_chunk(size: int, seconds: float) -> int:
    """How many subscriptions the next transaction takes, if ``size`` took so many seconds. Pure.

    By time and not by number: a reader costs more the larger the database is, and on a machine that is busy.
    """
    wanted = int(size * HOLD / max(seconds, 0.001))
    return min(max(wanted, _LEAST, size // 4), _MOST, size * 2)


def open_chunk(
    connection: Connection,
    edition: Edition,
    *,
    due: Callable[[str], datetime] | None = None,
    pending: Sequence[Correction] = (),
    size: int = CHUNK,
) -> bool:
    """Gives the next ``size`` subscriptions their delivery and moves their cursors; False when none are left.

    One transaction. A second process that opens the same edition finds ``progress`` moved and goes on behind it.
    ``pending``: the corrections that the groups were read with.
    ``due``: when a reader in that time zone (``""``: none said) is to be mailed; otherwise at the slot.
    """
    progress = connection.execute(
        select(editions.c.progress)
        .where(editions.c.id == edition.id, editions.c.state == EditionState.OPENING)
        .with_for_update()
    ).scalar()
    if progress is None:
        return False
    readers = and_(readers_of(edition.newsletter, edition.cadence), subscriptions.c.id > progress)
    window = select(subscriptions.c.id).where(readers).order_by(subscriptions.c.id).limit(size).subquery()
    upper = connection.execute(select(func.max(window.c.id))).scalar()
    if upper is None:
        _cache(connection, DEFAULT_CACHE)
        return False
    _cache(connection, OPENING_CACHE)
    chunk = and_(readers, subscriptions.c.id <= upper)
    if connection.dialect.name == "postgresql":
        # Nobody claims, unsubscribes or changes topics between the steps of this transaction.
        connection.execute(
            select(subscriptions.c.id).where(chunk).order_by(subscriptions.c.id).with_for_update(key_share=True)
        )
        connection.execute(
            select(deliveries.c.id)
            .where(deliveries.c.id.in_(select(superseded()).where(chunk)))
            .order_by(deliveries.c.id)
            .with_for_update(of=deliveries, key_share=True)
        )
    _chunk.create(connection)
    _gather(connection, edition, chunk, due, pending)
    _count(connection, edition)
    _insert_deliveries(connection, edition)
    _move_cursors(connection)
    _chunk.drop(connection)
    connection.execute(update(editions).where(editions.c.id == edition.id).values(progress=upper))
    return True


def _cache(connection: Connection, kilobytes: int) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size = -{kilobytes}")


def _gather(
    connection: Connection,
    edition: Edition,
    chunk: ColumnElement[bool],
    due: Callable[[str], datetime] | None,
    pending: Sequence[Correction],
) -> None:
    """Fills the temporary table: each reader's group, and with it the fate."""
    earlier = deliveries.alias("earlier")
    start = func.coalesce(earlier.c.cursor_from, subscriptions.c.cursor)
    decision = and_(
        groups.c.edition_id == edition.id,
        groups.c.cursor == subscriptions.c.cursor,
        groups.c.start == start,
        groups.c.topics == subscriptions.c.topics,
        groups.c.language == subscriptions.c.language,
        groups.c.snoozed == was_snoozed(edition.slot),
        groups.c.corrections == still_owed(edition.newsletter, pending, start),
    )
    fate = case(
        (is_suppressed(), SUPPRESSED),
        (is_by_feed(), BY_FEED),
        (is_snoozed(edition.slot), SNOOZED),
        # Whoever changed cadence, topics or cursor since the groups were read waits for the next edition.
        (groups.c.edition_id.is_(None), CHANGED),
        (groups.c.variant_id.is_not(None), MAILED),
        (groups.c.cursor_to < edition.cutoff, WAITING),
        else_=NOTHING,
    )
    due_at = _due(connection, edition, chunk, due)
    rows = (
        select(
            subscriptions.c.id,
            subscriptions.c.subscriber_id,
            subscriptions.c.generation,
            case((groups.c.takes_over, start), else_=subscriptions.c.cursor),
            groups.c.cursor_to,
            groups.c.variant_id,
            case((groups.c.takes_over, earlier.c.id)),
            # What is taken over goes out no later than it would have.
            case((and_(groups.c.takes_over, earlier.c.due_at < due_at), earlier.c.due_at), else_=due_at),
            fate,
        )
        .select_from(
            subscriptions.join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
            .outerjoin(earlier, earlier.c.id == superseded())
            .outerjoin(groups, decision)
        )
        .where(chunk)
    )
    connection.execute(insert(_chunk).from_select([column.name for column in _chunk.c], rows))


def _due(
    connection: Connection, edition: Edition, chunk: ColumnElement[bool], due: Callable[[str], datetime] | None
) -> ColumnElement[datetime]:
    """The due time as an expression over the reader's time zone: a chunk has far fewer zones than readers."""
    at_the_slot = literal(edition.slot, _chunk.c.due_at.type)
    if due is None:
        return at_the_slot
    zones = connection.scalars(
        select(subscribers.c.timezone)
        .distinct()
        .where(subscribers.c.id.in_(select(subscriptions.c.subscriber_id).where(chunk)))
    ).all()
    if not zones:
        return at_the_slot
    whens = [(subscribers.c.timezone == zone, literal(due(zone), _chunk.c.due_at.type)) for zone in zones]
    return case(*whens, else_=at_the_slot)


def _count(connection: Connection, edition: Edition) -> None:
    """The chunk's candidates, and those who get nothing, by reason."""
    fates = connection.execute(select(_chunk.c.fate, func.count().label("readers")).group_by(_chunk.c.fate)).all()
    for fate, readers in fates:
        if fate == MAILED:
            continue
        same = and_(exclusions.c.edition_id == edition.id, exclusions.c.reason == fate)
        if connection.execute(update(exclusions).where(same).values(count=exclusions.c.count + readers)).rowcount == 0:
            connection.execute(insert(exclusions).values(edition_id=edition.id, reason=fate, count=readers))
    total = sum(readers for _fate, readers in fates)
    connection.execute(
        update(editions).where(editions.c.id == edition.id).values(candidates=editions.c.candidates + total)
    )


def _insert_deliveries(connection: Connection, edition: Edition) -> None:
    """New deliveries; the ones that they supersede end, and return nothing: their articles are taken over."""
    rows = (
        select(
            literal(edition.id),
            _chunk.c.variant_id,
            _chunk.c.subscriber_id,
            _chunk.c.subscription_id,
            _chunk.c.generation,
            _chunk.c.start,
            _chunk.c.cursor_to,
            literal(DeliveryState.QUEUED.value),
            literal(PRIORITY),
            _chunk.c.due_at,
            _chunk.c.due_at,
        )
        .where(_chunk.c.fate == MAILED)
        .order_by(_chunk.c.subscription_id)
    )
    names = ("edition_id", "variant_id", "subscriber_id", "subscription_id", "generation", "cursor_from", "cursor_to")
    connection.execute(insert(deliveries).from_select([*names, "state", "priority", "due_at", "try_at"], rows))
    taken_over = select(_chunk.c.supersedes).where(_chunk.c.fate == MAILED, _chunk.c.supersedes.is_not(None))
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(taken_over))
        .values(state=DeliveryState.WITHDRAWN, ended_at=edition.opened_at, reply=f"superseded by edition {edition.id}")
    )
    # One that was edited into a topic since, and so recorded as missed, is in the new list: it starts before it.
    begins = exists().where(_chunk.c.subscription_id == missed.c.subscription_id, missed.c.sequence > _chunk.c.start)
    theirs = select(_chunk.c.subscription_id).where(_chunk.c.fate == MAILED, _chunk.c.supersedes.is_not(None))
    connection.execute(delete(missed).where(missed.c.subscription_id.in_(theirs), begins.correlate(missed)))


def _move_cursors(connection: Connection) -> None:
    """To where the group's decision says; a snooze that has ended with a delivery is over.

    A reader with nothing to read stays while a live delivery ends at the cursor: if that one fails, the cursor
    must be able to go back over its articles.
    """
    target = select(_chunk.c.cursor_to).where(_chunk.c.subscription_id == subscriptions.c.id).scalar_subquery()
    mailed = select(_chunk.c.subscription_id).where(_chunk.c.fate == MAILED)
    connection.execute(
        update(subscriptions).where(subscriptions.c.id.in_(mailed)).values(cursor=target, snoozed_until=None)
    )
    live = exists().where(
        deliveries.c.subscription_id == subscriptions.c.id,
        deliveries.c.state.in_(OUTSTANDING),
        deliveries.c.cursor_to == subscriptions.c.cursor,
    )
    idle = select(_chunk.c.subscription_id).where(_chunk.c.fate == NOTHING)
    connection.execute(update(subscriptions).where(subscriptions.c.id.in_(idle), ~live).values(cursor=target))
