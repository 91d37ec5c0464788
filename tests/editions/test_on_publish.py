"""Cadences on publish: each article is a slot, once it has settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.editions.slots import due_on_publish, slots_after
from publisher.model.feed import Cadence
from publisher.store import editions as edition_store
from publisher.store import subscriptions
from tests.editions.test_slots import newsletter, utc
from tests.relay import Relay
from tests.test_pipeline import MONDAY, Road, part

INSTANT = Cadence("instant", "on publish", "")
LETTER = newsletter(timezone="UTC", cadences=(INSTANT,))
NINE = utc("2026-03-02T09:00")


@pytest.fixture
def road(folder: Path, sqlite_database: str, relay: Relay) -> Iterator[Road]:
    """Ana and Jürgen read the world as it happens; the first article has gone out."""
    road = Road(folder, relay.url)
    road.set('daily = "mon-fri 07:00"', 'daily = "on publish"', "feeds/world.toml")
    road.import_readers()
    road.walk(MONDAY)
    road.walk(MONDAY + timedelta(minutes=10))
    yield road
    road.store.close()


def subjects(relay: Relay) -> list[str]:
    return [item.message["Subject"] for item in relay.accepted if item.recipient == "ana@example.com"]


def slot_due(numbered: dict[int, datetime], *, decided: int = 0, last: datetime = NINE, now: datetime):  # type: ignore[no-untyped-def]
    return due_on_publish(LETTER, INSTANT, numbered_at=numbered, decided=decided, last=last, now=now)


def test_the_clock_makes_no_slots() -> None:
    assert list(slots_after(INSTANT, "UTC", NINE)) == []


def test_an_article_is_a_slot_once_it_has_settled() -> None:
    at = NINE + timedelta(minutes=1)
    assert slot_due({7: at}, decided=6, now=at + timedelta(minutes=9, seconds=59)) is None
    found = slot_due({7: at}, decided=6, now=at + timedelta(minutes=10))
    assert (found.cutoff, found.slot) == (7, at + timedelta(microseconds=7))
    assert slot_due({}, decided=7, now=at + timedelta(minutes=11)) is None


def test_articles_settle_in_the_order_of_their_numbers_and_a_backlog_is_one_edition() -> None:
    """The clock was set back before 9 was numbered: 9 must not overtake 8, nor be passed by."""
    numbered = {7: NINE, 8: NINE + timedelta(minutes=30), 9: NINE + timedelta(minutes=5)}
    assert slot_due(numbered, decided=6, now=NINE + timedelta(minutes=20)).cutoff == 7
    del numbered[7]
    found = slot_due(numbered, decided=7, now=NINE + timedelta(minutes=40))
    assert (found.cutoff, found.slot) == (9, NINE + timedelta(minutes=30, microseconds=9))


def test_a_slot_is_never_before_the_one_that_was_decided_last() -> None:
    last = NINE + timedelta(hours=1)
    found = slot_due({7: NINE}, decided=6, last=last, now=NINE + timedelta(hours=2))
    assert found.slot == last + timedelta(microseconds=1)


def test_leftovers_go_out_once_a_day_unless_something_is_about_to_settle() -> None:
    assert slot_due({}, decided=7, now=NINE + timedelta(hours=23)) is None
    found = slot_due({}, decided=7, now=NINE + timedelta(hours=50))
    assert (found.slot, found.cutoff) == (NINE + timedelta(hours=48), None)
    fresh = {8: NINE + timedelta(hours=49, minutes=55)}
    assert slot_due(fresh, decided=7, now=NINE + timedelta(hours=50)) is None


def test_nothing_opens_on_a_quiet_day() -> None:
    resting = Cadence("instant", "on publish", "", quiet=((NINE.date(), NINE.date()),))
    for hours, opens in ((1, False), (15, True)):
        now = NINE + timedelta(hours=hours)
        found = due_on_publish(LETTER, resting, numbered_at={7: NINE}, decided=6, last=NINE, now=now)
        assert (found is not None) == opens


def test_an_article_goes_out_ten_minutes_after_it_was_published(road: Road, relay: Relay) -> None:
    assert subjects(relay) == ["The ferry has a new name"]
    at = MONDAY + timedelta(hours=1)
    road.article("quay", "A quay is built.", date=at)
    road.walk(at)
    road.walk(at + timedelta(minutes=9))
    assert len(subjects(relay)) == 1
    road.walk(at + timedelta(minutes=10))
    assert subjects(relay)[1:] == ["quay"]
    road.walk(at + timedelta(minutes=11))
    assert len(subjects(relay)) == 2


def test_while_it_settles_an_edit_counts_and_a_withdrawal_too(road: Road, relay: Relay) -> None:
    at = MONDAY + timedelta(hours=1)
    road.article("quay", "A key is built.", date=at)
    road.article("oops", "Too early.", date=at)
    road.walk(at)
    road.article("quay", "A quay is built.", date=at)
    (road.folder / "articles/oops.md").unlink()
    road.walk(at + timedelta(minutes=5))
    road.walk(at + timedelta(minutes=10))
    message = next(item.message for item in reversed(relay.accepted) if item.recipient == "ana@example.com")
    assert message["Subject"] == "quay"
    assert "A quay is built." in part(message, "plain")


def test_a_backlog_is_one_digest(road: Road, relay: Relay) -> None:
    at = MONDAY + timedelta(hours=1)
    for number in range(3):
        road.article(f"a{number}", "News.", date=at + timedelta(minutes=number))
        road.walk(at + timedelta(minutes=number))
    road.walk(at + timedelta(hours=3))
    assert len(subjects(relay)) == 2
    assert subjects(relay)[-1] == "a2 and 2 more"


def test_who_came_back_from_a_snooze_gets_what_is_left_over_within_a_day(road: Road, relay: Relay) -> None:
    from sqlalchemy import select, update

    from publisher.store.schema import subscribers
    from publisher.store.schema import subscriptions as rows

    at = MONDAY + timedelta(hours=1)
    ana = select(subscribers.c.id).where(subscribers.c.address == "ana@example.com").scalar_subquery()
    with road.store.writing() as connection:
        connection.execute(
            update(rows).where(rows.c.subscriber_id == ana).values(snoozed_until=at + timedelta(hours=3))
        )
    road.article("quay", "A quay is built.", date=at)
    road.walk(at)
    road.walk(at + timedelta(minutes=10))
    assert len(subjects(relay)) == 1, "Ana is away"
    road.walk(at + timedelta(hours=4))
    assert len(subjects(relay)) == 1
    road.walk(at + timedelta(hours=25))
    assert subjects(relay)[1:] == ["quay"]
    assert relay.counts["juergen@example.com"] == 2


def test_articles_of_other_newsletters_are_passed_without_an_edition(road: Road) -> None:
    at = MONDAY + timedelta(hours=1)
    road.set('description = "The world, every morning"', 'select = { sections = ["world"] }', "feeds/world.toml")
    road.article("atom", "Physics.", date=at, head='section = "science"')
    road.walk(at)
    road.walk(at + timedelta(minutes=10))
    with road.store.reading() as connection:
        assert len(edition_store.listing(connection, newsletter="world")) == 1
        assert edition_store.decided_number(connection, "world", "daily") == 2
        assert subscriptions.starting_cursor(connection, "world", "daily") == 1


def test_years_of_articles_are_looked_through_quickly() -> None:
    numbered = {number: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(1, 50_000)}
    found = slot_due(numbered, decided=0, last=datetime(2019, 1, 1, tzinfo=UTC), now=datetime(2026, 1, 1, tzinfo=UTC))
    assert found.cutoff == 49_999


def test_the_schedule_shows_when_what_waits_has_settled() -> None:
    from publisher.editions.schedule import upcoming
    from publisher.model.edition import Group
    from tests.editions.test_schedule import _article

    arguments = {"count": 3, "groups": [Group(0, "*", "", 5)], "newest": 1, "now": NINE}
    numbered = {"a1": NINE - timedelta(minutes=4)}
    lines = upcoming(LETTER, INSTANT, articles=[_article(1)], numbered_at=numbered, **arguments)  # type: ignore[arg-type]
    assert [(line.slot, line.articles, line.recipients) for line in lines] == [
        (NINE + timedelta(minutes=6), ("a1",), (5,))
    ]
    assert upcoming(LETTER, INSTANT, articles=[], numbered_at={}, **arguments) == []  # type: ignore[arg-type]
