"""Rows that the tests of editions and deliveries start from."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from publisher.model.edition import Decision, Digest, Edition, Group
from publisher.store import editions as edition_store
from publisher.store import groups, openings
from publisher.store.schema import articles, counters, deliveries, subscribers, subscriptions, suppressions

SLOT = datetime(2026, 3, 2, 6, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)
DIGEST = Digest(subject="News", preheader="", html="<p>News</p>", text="News")


def add_reader(connection: Connection, number: int, **more: object) -> int:
    """A subscriber with an active subscription to ``world``, daily; the subscription's id is the number."""
    connection.execute(
        insert(subscribers).values(
            id=number, address=f"reader{number}@example.org", address_hash=f"hash{number}", created_at=SLOT
        )
    )
    values = {
        "id": number,
        "subscriber_id": number,
        "newsletter": "world",
        "cadence": "daily",
        "state": "active",
        "cursor": 0,
        "created_at": SLOT,
        **more,
    }
    connection.execute(insert(subscriptions).values(**values))
    return number


def add_readers(connection: Connection, count: int) -> None:
    """Readers 1 to ``count``, as `add_reader` makes them, all at once."""
    numbers = range(1, count + 1)
    people = [
        {"id": n, "address": f"reader{n}@example.org", "address_hash": f"hash{n}", "created_at": SLOT} for n in numbers
    ]
    connection.execute(insert(subscribers), people)
    usual = {"newsletter": "world", "cadence": "daily", "state": "active", "cursor": 0, "created_at": SLOT}
    connection.execute(insert(subscriptions), [{"id": n, "subscriber_id": n, **usual} for n in numbers])


def number_articles(connection: Connection, count: int) -> list[str]:
    """Articles a1, a2, … with the numbers 1, 2, …; their ids."""
    ids = [f"a{number}" for number in range(1, count + 1)]
    connection.execute(
        insert(articles),
        [
            {
                "id": article,
                "path": f"articles/{article}.md",
                "title": article,
                "content_hash": article,
                "published": SLOT,
                "updated": SLOT,
                "first_seen": SLOT,
                "public_since": SLOT,
                "sequence": number,
                "numbered_at": SLOT,
                "left_out": "",
            }
            for number, article in enumerate(ids, start=1)
        ],
    )
    connection.execute(update(counters).values(value=count))
    return ids


def suppress(connection: Connection, number: int) -> None:
    """The reader of that number must not be mailed any more."""
    connection.execute(
        insert(suppressions).values(address_hash=f"hash{number}", reason="hard bounce", at=NOW, source="")
    )


def begin(connection: Connection, *, slot: datetime = SLOT, cutoff: int = 2, cadence: str = "daily") -> Edition:
    """An edition of ``world`` that is opening."""
    edition_store.pass_slot(connection, "world", cadence, slot)
    number = edition_store.insert_edition(
        connection, newsletter="world", cadence=cadence, slot=slot, cutoff=cutoff, now=slot
    )
    edition = edition_store.get(connection, number)
    assert edition is not None
    return edition


def decide_all(connection: Connection, edition: Edition, listed: tuple[str, ...] = ("a2", "a1")) -> None:
    """Every group gets the same list and moves to the cut-off; nothing, where the list is empty."""
    found = groups.read_groups(connection, newsletter=edition.newsletter, cadence=edition.cadence, slot=edition.slot)
    for group in found:
        decision = Decision(group=group, articles=listed, to=edition.cutoff)
        variant = groups.freeze_variant(connection, edition.id, decision, DIGEST) if listed else None
        groups.decide_group(connection, edition.id, decision, variant)


def open_edition(connection: Connection, **more: object) -> Edition:
    """An edition of ``world`` that is going out to everybody."""
    from publisher.model.edition import EditionState

    edition = begin(connection, **more)  # type: ignore[arg-type]
    decide_all(connection, edition)
    while openings.open_chunk(connection, edition):
        pass
    edition_store.set_state(connection, edition.id, EditionState.GOING_OUT, came_from=EditionState.OPENING)
    return edition


def cursors(connection: Connection) -> dict[int, int]:
    """Each subscription's cursor."""
    rows = connection.execute(select(subscriptions.c.id, subscriptions.c.cursor).order_by(subscriptions.c.id))
    return dict(rows.all())


def states(connection: Connection) -> dict[int, str]:
    """Each delivery's state, by subscription."""
    rows = connection.execute(
        select(deliveries.c.subscription_id, deliveries.c.state).order_by(deliveries.c.subscription_id)
    )
    return dict(rows.all())


def group_of(cursor: int, count: int = 1, topics: str = "*") -> Group:
    """A group of readers."""
    return Group(cursor, topics, "", count)
