"""deliver = "reader-local": each reader is mailed when their own clock next shows the slot's hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from publisher.audience.admitting import candidate_of, import_rows
from publisher.audience.csvfile import read_csv
from publisher.editions.slots import local_due
from publisher.model.edition import EditionState
from publisher.model.errors import UsageError
from publisher.store import editions as edition_store
from publisher.store.schema import deliveries, subscribers
from tests.editions.test_slots import utc
from tests.relay import Relay
from tests.test_pipeline import MONDAY, Road

SLOT = datetime(2026, 3, 2, 6, tzinfo=UTC)  # 07:00 in Berlin
READERS = """\
address,newsletter,cadence,timezone
ana@example.com,world,daily,America/New_York
kiran@example.com,world,daily,Asia/Kathmandu
juergen@example.com,world,daily,
lost@example.com,world,daily,Atlantis/Central
"""


@pytest.fixture
def road(folder: Path, sqlite_database: str, relay: Relay) -> Iterator[Road]:
    road = Road(folder, relay.url)
    road.set('default_cadence = "daily"', 'default_cadence = "daily"\ndeliver = "reader-local"', "feeds/world.toml")
    yield road
    road.store.close()


@pytest.mark.parametrize(
    ("slot", "reader", "expected"),
    [
        ("2026-03-02T06:00", "Europe/Berlin", "2026-03-02T07:00+01:00"),
        ("2026-03-02T06:00", "America/New_York", "2026-03-02T07:00-05:00"),
        # Where 07:00 is over already it is tomorrow's.
        ("2026-03-02T06:00", "Asia/Kathmandu", "2026-03-03T07:00+05:45"),
        ("2026-03-02T06:00", "Pacific/Kiritimati", "2026-03-03T07:00+14:00"),
        # The clock goes forward between the slot and the reader's hour.
        ("2026-03-07T06:00", "America/New_York", "2026-03-07T07:00-05:00"),
        ("2026-03-08T06:00", "America/New_York", "2026-03-08T07:00-04:00"),
        ("2026-04-04T05:00", "Australia/Lord_Howe", "2026-04-05T07:00+10:30"),
    ],
)
def test_it_is_due_when_the_readers_clock_next_shows_the_hour(slot: str, reader: str, expected: str) -> None:
    assert local_due(utc(slot), "Europe/Berlin", reader) == datetime.fromisoformat(expected)


def test_an_hour_that_the_readers_clock_leaves_out_is_the_one_after_it() -> None:
    # 02:30 in Berlin; New York has none on 8 March.
    found = local_due(utc("2026-03-08T01:30"), "Europe/Berlin", "America/New_York")
    assert found.astimezone(ZoneInfo("America/New_York")).isoformat() == "2026-03-08T03:00:00-04:00"


@pytest.mark.parametrize("reader", ["", "Atlantis/Central", "../etc/passwd", "\0"])
def test_a_reader_in_no_zone_that_anybody_knows_is_in_the_newsletters(reader: str) -> None:
    assert local_due(SLOT, "Europe/Berlin", reader) == SLOT


@pytest.mark.parametrize("minute", range(0, 24 * 60, 30))
def test_nobody_waits_for_more_than_a_day_and_the_change_of_clock(minute: int) -> None:
    for zone in ("America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia"):
        for day in range(0, 365, 13):
            slot = utc("2026-01-01T00:00") + timedelta(days=day, minutes=minute)
            assert timedelta() <= local_due(slot, "UTC", zone) - slot <= timedelta(hours=25)


def test_one_edition_reaches_each_reader_at_their_own_hour(road: Road, relay: Relay) -> None:
    admitted = import_rows(
        road.store,
        road.publication,
        read_csv(READERS.encode(), file="readers.csv"),
        file="readers.csv",
        keys=road.secrets.signing,
        now=MONDAY - timedelta(days=1),
    )
    assert [str(error) for error in admitted.errors] == [
        'readers.csv:5: "Atlantis/Central" is not a time zone; write for example "Europe/Berlin"'
    ]
    road.walk(MONDAY)
    assert set(relay.counts) == {"juergen@example.com"}
    road.walk(SLOT + timedelta(hours=6))
    assert set(relay.counts) == {"juergen@example.com", "ana@example.com"}
    with road.store.reading() as connection:
        [edition] = edition_store.listing(connection)
        assert edition.state is EditionState.GOING_OUT
        assert edition.slot == SLOT
    road.walk(SLOT + timedelta(hours=19, minutes=15))
    assert relay.counts == {"juergen@example.com": 1, "ana@example.com": 1, "kiran@example.com": 1}
    dates = {item.recipient: item.message["Date"].datetime for item in relay.accepted}
    assert dates["kiran@example.com"] == SLOT + timedelta(hours=19, minutes=15)
    with road.store.reading() as connection:
        assert edition_store.listing(connection)[0].state is EditionState.FINISHED


def test_who_has_not_got_yesterdays_at_the_next_slot_gets_one_digest_at_the_earlier_hour(
    road: Road, relay: Relay
) -> None:
    road.import_readers()
    road.set('daily = "mon-fri 07:00"', 'daily = "0 7,19 * * *"', "feeds/world.toml")
    with road.store.writing() as connection:
        connection.execute(
            update(subscribers).where(subscribers.c.address == "ana@example.com").values(timezone="Asia/Kathmandu")
        )
    road.walk(MONDAY)
    road.article("quay", "A quay is built.", date=MONDAY + timedelta(hours=1))
    road.walk(SLOT + timedelta(hours=12))
    assert "ana@example.com" not in relay.counts
    with road.store.reading() as connection:
        ana = select(subscribers.c.id).where(subscribers.c.address == "ana@example.com").scalar_subquery()
        rows = connection.execute(
            select(deliveries.c.state, deliveries.c.due_at)
            .where(deliveries.c.subscriber_id == ana)
            .order_by(deliveries.c.id)
        ).all()
    assert [row.state for row in rows] == ["withdrawn", "queued"]
    assert rows[1].due_at == rows[0].due_at == SLOT + timedelta(hours=19, minutes=15)


def test_a_zone_that_nobody_knows_is_refused_when_somebody_is_subscribed(road: Road) -> None:
    with pytest.raises(UsageError, match='"Berlin" is not a time zone'):
        candidate_of(road.publication, address="ana@example.com", newsletter="world", timezone="Berlin")
