"""Slots: the due times of a cadence, on the wall clock of the newsletter's time zone.

cronsim follows Debian's cron: one slot a local day through both changes of clock (02:30 in the gap is 03:00, in
the fold it comes once). Everything here is deciding: `now` comes in, nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from publisher.model.feed import Cadence, Newsletter

__all__ = ["Due", "due", "due_for_approval", "first_moment", "slots_after"]

_LOOK_BACK = (
    timedelta(days=1),
    timedelta(days=8),
    timedelta(days=32),
    timedelta(days=370),
    timedelta(days=370 * 9),
)


@dataclass(frozen=True, slots=True)
class Due:
    """A slot to open now. ``missed``: earlier slots that nothing opened; they become one edition with it."""

    slot: datetime
    missed: bool


def slots_after(cadence: Cadence, timezone: str, moment: datetime) -> Iterator[datetime]:
    """The slots later than ``moment``, aware UTC, without end (until no such day exists)."""
    for fire in CronSim(cadence.cron, moment.astimezone(ZoneInfo(timezone))):
        yield fire.astimezone(UTC)


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
    slot = _newest(cadence, newsletter.timezone, last=last, now=now)
    if slot is None:
        return None
    following = next(slots_after(cadence, newsletter.timezone, slot), None)
    late = newsletter.late
    if late is None:
        late = (following - slot) / 4 if following else timedelta(days=1)
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


def _newest(cadence: Cadence, timezone: str, *, last: datetime, now: datetime) -> datetime | None:
    """The newest slot in (last, now]."""
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
