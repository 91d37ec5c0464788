"""Slots: the wall clock of the newsletter's zone, once a local day, through both changes of clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from publisher.editions.slots import due, first_moment, slots_after
from publisher.model.feed import Cadence, Newsletter
from publisher.publication.schedules import parse_schedule

ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"]


def cadence(schedule: str) -> Cadence:
    return Cadence("daily", schedule, parse_schedule(schedule))


def newsletter(schedule: str = "07:00", timezone: str = "Europe/Berlin", **more: object) -> Newsletter:
    values = {
        "name": "all",
        "title": "All",
        "description": "",
        "sender_name": "Desk",
        "sender_address": "desk@example.org",
        "subject": "",
        "timezone": timezone,
        "language": "en",
        "cadences": (cadence(schedule),),
        "default_cadence": "daily",
    }
    return Newsletter(**{**values, **more})  # type: ignore[arg-type]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("minute", range(0, 24 * 60, 15))
def test_a_daily_slot_comes_once_a_local_day_at_every_quarter_of_an_hour(zone: str, minute: int) -> None:
    """buttondown/roadmap#2536, Rock#6560: skipped or doubled slots at the changes of clock."""
    daily = cadence(f"{minute // 60:02}:{minute % 60:02}")
    start, end = utc("2025-12-31T00:00"), utc("2027-01-02T00:00")
    local = [
        slot.astimezone(ZoneInfo(zone)).date()
        for slot in takewhile(lambda slot: slot < end, slots_after(daily, zone, start))
    ]
    days = [local[0] + timedelta(days=number) for number in range(len(local))]
    assert local == days
    assert len(local) >= 366


def test_a_slot_in_the_hour_that_does_not_exist_comes_just_after_it() -> None:
    slot = next(slots_after(cadence("02:30"), "Europe/Berlin", utc("2026-03-28T12:00")))
    assert slot == utc("2026-03-29T01:00")  # 03:00 summer time


def test_a_slot_in_the_hour_that_comes_twice_comes_once() -> None:
    slots = slots_after(cadence("01:30"), "America/New_York", utc("2026-10-31T12:00"))
    assert [slot.date() for slot in (next(slots), next(slots))] == [date(2026, 11, 1), date(2026, 11, 2)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("last day 18:00", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("1st monday 09:00", ["2026-01-05", "2026-02-02", "2026-03-02"]),
        ("31st 09:00", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("0 9 * * 0", ["2026-01-04", "2026-01-11", "2026-01-18"]),
        ("0 9 * * 7", ["2026-01-04", "2026-01-11", "2026-01-18"]),
    ],
)
def test_month_ends_and_weekday_numbers_are_as_in_cron(schedule: str, expected: list[str]) -> None:
    slots = slots_after(cadence(schedule), "UTC", utc("2026-01-01T00:00"))
    assert [next(slots).date().isoformat() for _ in expected] == expected


def test_a_slot_is_due_once_it_has_come_and_not_before() -> None:
    letter = newsletter()
    last = utc("2026-01-13T06:00")
    assert due(letter, letter.cadences[0], last=last, now=utc("2026-01-14T05:59")) is None
    found = due(letter, letter.cadences[0], last=last, now=utc("2026-01-14T06:00"))
    assert found is not None
    assert found.slot == utc("2026-01-14T06:00")
    assert not found.missed


def test_a_slot_that_was_decided_is_not_due_again_whatever_the_clock_does() -> None:
    letter = newsletter()
    last = utc("2026-01-14T06:00")
    for now in ("2026-01-14T06:00", "2026-01-14T06:05", "2026-01-14T05:00", "2025-06-01T00:00"):
        assert due(letter, letter.cadences[0], last=last, now=utc(now)) is None


def test_past_late_the_articles_join_the_next_slot() -> None:
    letter = newsletter(late=timedelta(hours=2))
    last = utc("2026-01-13T06:00")
    assert due(letter, letter.cadences[0], last=last, now=utc("2026-01-14T08:00")) is not None
    assert due(letter, letter.cadences[0], last=last, now=utc("2026-01-14T08:01")) is None
    following = due(letter, letter.cadences[0], last=last, now=utc("2026-01-15T06:00"))
    assert following is not None
    assert following.slot == utc("2026-01-15T06:00")


def test_late_is_a_quarter_of_the_time_to_the_next_slot_if_nothing_is_said() -> None:
    letter = newsletter()
    last = utc("2026-01-13T06:00")
    assert due(letter, letter.cadences[0], last=last, now=utc("2026-01-14T12:00")) is not None
    assert due(letter, letter.cadences[0], last=last, now=utc("2026-01-14T12:01")) is None


def test_many_missed_slots_are_one_edition_and_it_opens_at_once() -> None:
    """apscheduler#463: replays of every missed firing."""
    letter = newsletter(late=timedelta(minutes=1))
    found = due(letter, letter.cadences[0], last=utc("2026-01-01T06:00"), now=utc("2026-01-14T15:00"))
    assert found is not None
    assert found.slot == utc("2026-01-14T06:00")
    assert found.missed


def test_slots_count_from_midnight_of_since_in_the_newsletters_zone() -> None:
    letter = newsletter("00:00", since=date(2026, 1, 14))
    start = first_moment(letter)
    assert start is not None
    found = due(letter, letter.cadences[0], last=start, now=utc("2026-01-13T23:00"))
    assert found is not None
    assert found.slot == utc("2026-01-13T23:00")  # midnight in Berlin


def test_years_without_a_run_are_looked_through_quickly() -> None:
    letter = newsletter("*/5 * * * *")
    found = due(letter, letter.cadences[0], last=utc("2016-01-01T00:00"), now=utc("2026-01-14T15:03"))
    assert found is not None
    assert found.slot == utc("2026-01-14T15:00")
