"""Slots: the due times of a cadence, on the wall clock of the newsletter's time zone, or its articles.

cronsim follows Debian's cron: one slot a local day through both changes of clock (02:30 in the gap is 03:00, in
the fold it comes once). A slot on a quiet day moves to the next day that is not quiet, at the same hour, unless that
day has one already, or is dropped. Everything here is deciding: `now` comes in, nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from publisher.model.feed import Cadence, Newsletter

__all__ = [
    "Due",
    "Slot",
    "due",
    "due_for_approval",
    "due_on_publish",
    "due_slot",
    "first_moment",
    "lateness",
    "local_due",
    "slots",
    "slots_after",
]

_LOOK_BACK = (
    timedelta(days=1),
    timedelta(days=8),
    timedelta(days=32),
    timedelta(days=370),
    timedelta(days=370 * 9),
)
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A due time, aware UTC. ``quiet``: the quiet days whose slots were moved here, or dropped since the one before."""

    at: datetime
    quiet: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A slot to open now. ``missed``: earlier slots that nothing opened; they become one edition with it.

    ``cutoff``: the newest number that it may carry; None: the newest there is.
    """

    slot: datetime
    missed: bool
    cutoff: int | None = None


def slots_after(cadence: Cadence, timezone: str, moment: datetime) -> Iterator[datetime]:
    """The slots later than ``moment``, aware UTC, without end (until no such day exists; none, if on publish)."""
    for slot in slots(cadence, timezone, moment):
        yield slot.at


def slots(cadence: Cadence, timezone: str, moment: datetime) -> Iterator[Slot]:
    """The slots later than ``moment``, with the quiet days that they follow. Pure."""
    if cadence.on_publish:
        return
    zone = ZoneInfo(timezone)
    local = moment.astimezone(zone)
    if not cadence.quiet:
        for fire in CronSim(cadence.cron, local):
            yield Slot(fire.astimezone(UTC))
        return
    for slot in _around_quiet_days(cadence, zone, _before_quiet_days(cadence, local)):
        if slot.at > moment:
            yield slot


def _before_quiet_days(cadence: Cadence, local: datetime) -> datetime:
    """Where to look from: slots of quiet days that end at ``local`` or the day before may have been moved behind it."""
    day = local.date() if cadence.is_quiet(local.date()) else local.date() - _A_DAY
    if not cadence.is_quiet(day):
        return local
    while cadence.is_quiet(day):
        day -= _A_DAY
    return datetime.combine(day + _A_DAY, time(), tzinfo=local.tzinfo) - timedelta(seconds=1)


def _around_quiet_days(cadence: Cadence, zone: ZoneInfo, start: datetime) -> Iterator[Slot]:
    moved: datetime | None = None
    quiet: list[date] = []
    for fire in CronSim(cadence.cron, start):
        day = fire.astimezone(zone).date()
        if moved is not None and moved.astimezone(zone).date() < day:
            yield Slot(moved.astimezone(UTC), tuple(quiet))
            moved, quiet = None, []
        if cadence.is_quiet(day):
            if day not in quiet:
                quiet.append(day)
            if cadence.on_quiet == "move" and moved is None:
                moved = _on_the_next_day(cadence, zone, fire)
            continue
        # A slot that was moved to a day that has one of its own is that one.
        yield Slot(fire.astimezone(UTC), tuple(quiet))
        moved, quiet = None, []


def _on_the_next_day(cadence: Cadence, zone: ZoneInfo, fire: datetime) -> datetime:
    """The same hour of the wall clock on the first day that is not quiet."""
    local = fire.astimezone(zone)
    day = local.date()
    while cadence.is_quiet(day):
        day += _A_DAY
    # cronsim knows what to do with an hour that does not exist on that day.
    midnight = datetime.combine(day, time(), tzinfo=zone) - timedelta(seconds=1)
    return next(CronSim(f"{local.minute} {local.hour} * * *", midnight))


@lru_cache(maxsize=1024)
def local_due(slot: datetime, timezone: str, readers: str) -> datetime:
    """When the clock in the zone ``readers`` next shows the hour that ``slot`` has in ``timezone``; aware UTC. Pure.

    From the slot on, so at most a day later. A reader who says no zone, or one that nobody knows, has the newsletter's.
    """
    try:
        zone = ZoneInfo(readers)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return slot
    wall = slot.astimezone(ZoneInfo(timezone))
    just_before = (slot - timedelta(seconds=1)).astimezone(zone)
    return next(CronSim(f"{wall.minute} {wall.hour} * * *", just_before)).astimezone(UTC)


def first_moment(newsletter: Newsletter) -> datetime | None:
    """Slots count from the newsletter's ``since`` (midnight in its zone); None where nothing is said. Pure."""
    if newsletter.since is None:
        return None
    midnight = datetime.combine(newsletter.since, time(), tzinfo=ZoneInfo(newsletter.timezone))
    return midnight.astimezone(UTC) - timedelta(seconds=1)


def due(newsletter: Newsletter, cadence: Cadence, *, last: datetime, now: datetime) -> Due | None:
    """The slot to open at ``now``; ``last`` is the newest slot decided, or where slots begin to count. Pure.

    Within ``late`` of its slot an edition opens. Later its articles join the next slot, unless a whole period was
    missed: then it opens at once. Several missed slots are one edition.
    """
    slot = due_slot(cadence, newsletter.timezone, last=last, now=now)
    if slot is None:
        return None
    late = lateness(newsletter, cadence, slot)
    first = next(slots_after(cadence, newsletter.timezone, last))
    missed = first < slot
    return Due(slot, missed) if now - slot <= late or missed else None


def due_for_approval(newsletter: Newsletter, cadence: Cadence, *, last: datetime, now: datetime) -> Due | None:
    """The slot whose edition is to be composed at ``now``, for somebody to approve it before the slot comes. Pure."""
    if newsletter.approval is None:
        return None
    following = next(slots_after(cadence, newsletter.timezone, max(last, now)), None)
    if following is None or following - newsletter.approval > now:
        return None
    return Due(following, missed=False)


def due_on_publish(
    newsletter: Newsletter,
    cadence: Cadence,
    *,
    numbered_at: Mapping[int, datetime],
    decided: int,
    last: datetime,
    now: datetime,
) -> Due | None:
    """The slot to open at ``now`` where articles are the slots. Pure.

    ``decided``      the newest number that an edition was opened for, or nobody wanted; ``last`` its slot
    ``numbered_at``  when each later number was taken, as far as what they stand for was read

    An article has settled ``settle`` after it was numbered, and not before those with smaller numbers: the newest that
    has is the slot, and all behind it are one edition. When nothing new has come for a day, what is left over (for
    readers who came back, waited for more, or are owed a correction) is an edition. On a quiet day nothing opens,
    whatever becomes of other slots.
    """
    if cadence.is_quiet(now.astimezone(ZoneInfo(newsletter.timezone)).date()):
        return None
    settled, moment = decided, last
    for number, at in sorted(numbered_at.items()):
        if at + newsletter.settle > now:
            break
        settled, moment = number, at if settled == decided else max(moment, at)
    if settled > decided:
        # The number stands in the microseconds: two articles that were numbered in one second are two slots.
        slot = moment.replace(microsecond=0) + timedelta(microseconds=settled)
        return Due(max(slot, last + timedelta(microseconds=1)), missed=False, cutoff=settled)
    if not numbered_at and now - last >= _A_DAY:
        return Due(last + (now - last) // _A_DAY * _A_DAY, missed=False)
    return None


def lateness(newsletter: Newsletter, cadence: Cadence, slot: datetime) -> timedelta:
    """How long after its slot an edition may still open. Pure."""
    if newsletter.late is not None:
        return newsletter.late
    following = next(slots_after(cadence, newsletter.timezone, slot), None)
    return (following - slot) / 4 if following else timedelta(days=1)


def due_slot(cadence: Cadence, timezone: str, *, last: datetime, now: datetime) -> datetime | None:
    """The newest slot in (last, now]. Pure."""
    for back in _LOOK_BACK:
        start = max(last, now - back)
        newest = None
        for slot in slots_after(cadence, timezone, start):
            if slot > now:
                break
            newest = slot
        if newest is not None or start == last:
            return newest
    return None
