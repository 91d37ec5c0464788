"""When a deferred delivery is tried again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

__all__ = ["retry_at"]

_STEPS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
)


def retry_at(
    attempts: int, first_tried_at: datetime, *, now: datetime, give_up_after: timedelta, jitter: random.Random
) -> datetime | None:
    """5 min, 15 min, 1 h, 4 h, then every 8 h, each up to a fifth later; None once ``give_up_after`` has passed. Pure.

    RFC 5321 section 4.5.4.1 asks for 30 minutes between tries and 4 to 5 days; greylisting is over in 5 minutes,
    and a newsletter four days late is no news.
    """
    if now - first_tried_at >= give_up_after:
        return None
    step = _STEPS[min(max(attempts, 1), len(_STEPS)) - 1]
    again = now + step * (1 + jitter.random() / 5)
    # The last try comes when the time is up, not hours after.
    return min(again, max(first_tried_at + give_up_after, now + _STEPS[0]))
