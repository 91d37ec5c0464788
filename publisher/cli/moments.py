"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from publisher.model.errors import UsageError

__all__ = ["read_moment"]


def read_moment(text: str, *, zone: str, option: str) -> datetime:
    """``2026-11-20``, ``2026-11-20T08:10`` or with a zone of its own, as aware UTC. Pure. Raises UsageError.

    Without a zone it is in ``zone``, without a time it is midnight there.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if not 1000 <= moment.year <= 9998:  # what lies at the ends of the calendar has no time in other zones
            raise ValueError
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f'{option} "{text}" is not a time', remedy="write for example 2026-11-20 or 2026-11-20T08:10"
        ) from None
