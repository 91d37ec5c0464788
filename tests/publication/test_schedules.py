"""Schedules for people, and what is said about those that cannot be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.publication.schedules import parse_duration, parse_schedule


@pytest.mark.parametrize(
    ("written", "cron"),
    [
        ("07:00", "0 7 * * *"),
        ("daily 7:05", "5 7 * * *"),
        ("every day 07:00", "0 7 * * *"),
        ("mon-fri 07:00", "0 7 * * 1,2,3,4,5"),
        ("fri-mon 07:00", "0 7 * * 5,6,0,1"),
        ("tue,thu 18:30", "30 18 * * 2,4"),
        ("Sunday 08:00", "0 8 * * 0"),
        ("15th 09:00", "0 9 15 * *"),
        ("1st monday 09:00", "0 9 * * 1#1"),
        ("last friday 09:00", "0 9 * * 5L"),
        ("last day 18:00", "0 18 L * *"),
        ("0 7 * * mon-fri", "0 7 * * mon-fri"),
    ],
)
def test_a_schedule_becomes_the_cron_line_it_means(written: str, cron: str) -> None:
    assert parse_schedule(written) == cron


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "not a schedule"),
        ("at dawn", "not a schedule"),
        ("25:00", "not a time of day"),
        ("moonday 07:00", '"moonday" is not a day of the week'),
        ("1st of may 09:00", "cannot read the days"),
        ("0 7 * * monday-", "not a cron line"),
        ("61 7 * * *", "not a cron line"),
        ("0 0 31 2 *", "not a cron line"),
    ],
)
def test_what_is_no_schedule_is_refused_with_an_example(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_schedule(written)


@pytest.mark.parametrize(
    ("written", "length"),
    [("12 hours", timedelta(hours=12)), ("3 weeks", timedelta(weeks=3)), ("1 day", timedelta(days=1))],
)
def test_a_length_of_time_is_written_in_words(written: str, length: timedelta) -> None:
    assert parse_duration(written) == length


@pytest.mark.parametrize("written", ["", "soon", "0 days", "-1 day", "3", "3 months"])
def test_what_is_no_length_of_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a length of time"):
        parse_duration(written)
