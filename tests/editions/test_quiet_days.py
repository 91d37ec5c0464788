"""Quiet days: a slot moves to the next allowed day at the same hour, or is dropped."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.editions.schedule import upcoming
from publisher.editions.slots import due, slots, slots_after
from publisher.model.errors import ConfigurationError
from publisher.model.feed import Cadence
from publisher.publication import load
from publisher.publication.schedules import parse_days, parse_schedule
from tests.cli.conftest import program
from tests.editions.test_slots import newsletter, utc
from tests.relay import Relay
from tests.test_pipeline import MONDAY, Road

__all__ = ["program"]

CHRISTMAS = (parse_days("2026-12-24/2026-12-26"),)


def quiet(schedule: str, *, days: tuple[tuple[date, date], ...] = CHRISTMAS, drop: bool = False) -> Cadence:
    return Cadence("daily", schedule, parse_schedule(schedule), quiet=days, on_quiet="drop" if drop else "move")


def first(cadence: Cadence, zone: str, after: str, count: int) -> list[str]:
    found = islice(slots_after(cadence, zone, utc(after)), count)
    return [slot.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M") for slot in found]


def test_slots_that_are_moved_to_a_day_that_has_one_are_that_one() -> None:
    assert first(quiet("07:00"), "Europe/Berlin", "2026-12-22T12:00", 3) == [
        "12-23 07:00",
        "12-27 07:00",
        "12-28 07:00",
    ]


def test_a_weekly_slot_moves_to_the_day_after() -> None:
    weekly = quiet("thu 08:30")  # the 24th
    assert first(weekly, "Europe/Berlin", "2026-12-20T12:00", 2) == ["12-27 08:30", "12-31 08:30"]
    [moved] = islice(slots(weekly, "Europe/Berlin", utc("2026-12-20T12:00")), 1)
    assert moved.quiet == (date(2026, 12, 24),)


def test_two_slots_moved_to_one_day_are_one_edition() -> None:
    assert first(quiet("thu,fri 08:30"), "UTC", "2026-12-20T12:00", 2) == ["12-27 08:30", "12-31 08:30"]
    assert first(quiet("0 8,18 * * thu"), "UTC", "2026-12-20T12:00", 2) == ["12-27 08:00", "12-31 08:00"]


def test_dropped_slots_are_nobodys() -> None:
    assert first(quiet("07:00", drop=True), "UTC", "2026-12-22T12:00", 2) == ["12-23 07:00", "12-27 07:00"]
    assert first(quiet("thu 08:30", drop=True), "UTC", "2026-12-20T12:00", 2) == ["12-31 08:30", "01-07 08:30"]


def test_a_moved_slot_is_found_from_any_moment_before_it() -> None:
    weekly = quiet("thu 08:30")
    for after in ("2026-12-24T00:00", "2026-12-24T12:00", "2026-12-26T23:59", "2026-12-27T08:29"):
        assert first(weekly, "UTC", after, 1) == ["12-27 08:30"]
    assert first(weekly, "UTC", "2026-12-27T08:30", 1) == ["12-31 08:30"]


def test_a_moved_slot_is_due_on_its_new_day_and_not_before() -> None:
    weekly = quiet("thu 08:30")
    letter = newsletter(timezone="UTC", cadences=(weekly,))
    last = utc("2026-12-17T08:30")
    assert due(letter, weekly, last=last, now=utc("2026-12-25T10:00")) is None
    found = due(letter, weekly, last=last, now=utc("2026-12-27T08:30"))
    assert found is not None
    assert found.slot == utc("2026-12-27T08:30")
    assert due(letter, weekly, last=found.slot, now=utc("2026-12-30T08:30")) is None


def test_an_hour_that_does_not_exist_on_the_new_day_is_the_one_after_it() -> None:
    nightly = quiet("sat 02:30", days=(parse_days("2026-03-28"),))
    assert first(nightly, "Europe/Berlin", "2026-03-26T00:00", 1) == ["03-29 03:00"]


@settings(max_examples=60, deadline=None)
@given(
    days=st.lists(st.integers(0, 40), max_size=12),
    schedule=st.sampled_from(["07:00", "mon 00:00", "tue,fri 23:45", "0 7,19 * * *", "1st 09:00", "02:30"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"]),
    after=st.integers(0, 40 * 24 * 60),
)
def test_no_slot_is_on_a_quiet_day_and_the_slots_are_the_same_from_wherever_one_looks(
    days: list[int], schedule: str, zone: str, after: int
) -> None:
    start = utc("2026-03-10T00:00")
    stretches = tuple((day, day) for day in sorted({(start + timedelta(days=number)).date() for number in days}))
    cadence = quiet(schedule, days=stretches)
    end = start + timedelta(days=70)
    every = list(_until(cadence, zone, start - timedelta(days=1), end))
    assert every == sorted(set(every))
    assert not any(cadence.is_quiet(slot.astimezone(ZoneInfo(zone)).date()) for slot in every)
    moment = start + timedelta(minutes=after)
    assert list(_until(cadence, zone, moment, end)) == [slot for slot in every if slot > moment]


def _until(cadence: Cadence, zone: str, moment: datetime, end: datetime) -> list[datetime]:
    found = []
    for slot in slots_after(cadence, zone, moment):
        if slot > end:
            break
        found.append(slot)
    return found


def test_on_a_quiet_day_nothing_opens_and_after_it_one_edition_has_all(folder: Path, sqlite_database: str) -> None:
    with Relay() as relay:
        road = Road(folder, relay.url)
        rest = 'quiet = ["2026-03-03/2026-03-04"]\n[newsletter.cadences]'
        road.set("[newsletter.cadences]", rest, "feeds/world.toml")
        road.import_readers()
        road.walk(MONDAY)
        for day in (1, 2, 3):
            road.article(f"day{day}", "News.", date=MONDAY + timedelta(days=day - 1, hours=6))
            road.walk(MONDAY + timedelta(days=day))
            assert relay.counts["ana@example.com"] == (1 if day < 3 else 2)
        assert relay.accepted[-1].message["Subject"] == "day3 and 2 more"
        road.store.close()


def test_the_schedule_says_which_slots_came_there() -> None:
    for drop, note in (
        (False, "with what was due on the quiet days 2026-12-24, 2026-12-25, 2026-12-26"),
        (True, "none on the quiet days 2026-12-24, 2026-12-25, 2026-12-26"),
    ):
        daily = quiet("07:00", drop=drop)
        letter = newsletter(cadences=(daily,))
        now = utc("2026-12-23T12:00")
        lines = upcoming(letter, daily, count=2, groups=[], articles=[], newest=0, numbered_at={}, now=now)
        assert [line.note for line in lines] == [note, ""]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("2026-12-32", '"2026-12-32" is no day'),
        ("2026-12-24/2026-12-20", "ends before it begins"),
        ("2026-01-01/2028-01-01", "longer than a year"),
    ],
)
def test_days_that_are_none_are_refused_with_the_line(folder: Path, written: str, says: str) -> None:
    file = folder / "feeds/world.toml"
    text = file.read_text("utf-8").replace("[newsletter.cadences]", f'quiet = ["{written}"]\n[newsletter.cadences]')
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=says) as caught:
        load(folder)
    assert caught.value.line == text.split("\n").index(f'quiet = ["{written}"]') + 1
