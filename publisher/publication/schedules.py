"""Schedules written for people (``mon-fri 07:00``) or as cron lines, and durations (``3 weeks``).

A schedule becomes five cron fields in the rules of Debian's cron, which cronsim follows; what it means in a
time zone, through changes of clock, is `publisher.editions.slots`' affair.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from cronsim import CronSim, CronSimError

__all__ = ["parse_days", "parse_duration", "parse_schedule"]

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_TIME = re.compile(r"^(\d{1,2}):(\d{2})$")
_ORDINALS = {"1st": 1, "first": 1, "2nd": 2, "second": 2, "3rd": 3, "third": 3, "4th": 4, "fourth": 4}
_UNITS = {"minute": 1, "hour": 60, "day": 60 * 24, "week": 60 * 24 * 7}


def parse_schedule(written: str) -> str:
    """The cron line of a schedule, ``""`` for ``on publish``. Pure. Raises ValueError with a cause a person can act on.

    Accepts ``07:00`` and ``daily 07:00``, ``mon-fri 07:00``, ``tue,thu 18:30``, ``1st 09:00``, ``15th 09:00``,
    ``1st monday 09:00``, ``last friday 09:00``, ``last day 18:00``, and five cron fields.
    """
    words = written.strip().lower().split()
    if words == ["on", "publish"]:
        return ""
    cron = _from_words(words) if words and _TIME.match(words[-1]) else " ".join(words)
    if len(cron.split()) != 5:
        raise ValueError('not a schedule: write for example "mon-fri 07:00" or a cron line "0 7 * * mon-fri"')
    try:
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(
            f"not a cron line ({str(error).lower()}): five fields, minute hour day month weekday"
        ) from error
    except StopIteration:
        raise ValueError("this schedule never fires: no such day exists") from None
    return cron


def _from_words(words: list[str]) -> str:
    found = _TIME.match(words[-1])
    assert found
    hour, minute = int(found[1]), int(found[2])
    if hour > 23 or minute > 59:
        raise ValueError(f"{words[-1]} is not a time of day")
    at = f"{minute} {hour}"
    match words[:-1]:
        case [] | ["daily"] | ["every", "day"]:
            return f"{at} * * *"
        case ["last", "day"]:
            return f"{at} L * *"
        case ["last", day]:
            return f"{at} * * {_day(day)}L"
        case [ordinal, day] if ordinal in _ORDINALS and ordinal != day:
            return f"{at} * * {_day(day)}#{_ORDINALS[ordinal]}"
        case [ordinal] if re.fullmatch(r"\d{1,2}(st|nd|rd|th)", ordinal):
            return f"{at} {int(ordinal[:-2])} * *"
        case [days]:
            return f"{at} * * {','.join(_range(part) for part in days.split(','))}"
    raise ValueError(f'cannot read the days in "{" ".join(words)}": write for example "mon-fri 07:00"')


def _range(part: str) -> str:
    """``fri-mon`` wraps around the week's end, which cron's own ranges cannot."""
    first, dash, last = part.partition("-")
    if not dash:
        return str(_day(first))
    start, length = _day(first), (_day(last) - _day(first)) % 7
    return ",".join(str((start + step) % 7) for step in range(length + 1))


def _day(word: str) -> int:
    if word[:3] in _DAYS and len(word) >= 3 and (len(word) == 3 or word.endswith("day")):
        return _DAYS.index(word[:3])
    raise ValueError(f'"{word}" is not a day of the week: write mon, tue, wed, thu, fri, sat or sun')


def parse_duration(written: str) -> timedelta:
    """``12 hours``, ``3 weeks``, ``90 minutes``. Pure. Raises ValueError."""
    found = re.fullmatch(r"(\d+)\s*(minute|hour|day|week)s?", written.strip().lower())
    if not found or int(found[1]) == 0:
        raise ValueError('not a length of time: write for example "6 hours", "2 days" or "3 weeks"')
    try:
        return timedelta(minutes=int(found[1]) * _UNITS[found[2]])
    except OverflowError:
        raise ValueError("longer than any calendar") from None


def parse_days(written: str) -> tuple[date, date]:
    """The first and the last day of ``2026-12-24/2026-12-26``, or of one day. Pure. Raises ValueError."""
    first, slash, last = (part.strip() for part in written.partition("/"))
    try:
        days = date.fromisoformat(first), date.fromisoformat(last if slash else first)
    except ValueError:
        raise ValueError(f'"{written}" is no day: write for example "2026-12-24" or "2026-12-24/2026-12-26"') from None
    if days[1] < days[0]:
        raise ValueError(f'"{written}" ends before it begins')
    if (days[1] - days[0]).days > 366:
        raise ValueError(f'"{written}" is longer than a year: a newsletter that is at rest has no cadences')
    return days
