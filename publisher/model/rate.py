"""A relay's rates: how many messages it may be given, and what is granted to whom. Pure, all of it.

Rates a second or a minute are held by spacing: each message has a moment of its own, and nobody is granted a moment
twice. Rates an hour or a day are counted as the providers count them, over the last 60 minutes or 24 hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import ceil

__all__ = [
    "AHEAD",
    "LEAST",
    "SKEW",
    "Counted",
    "Grant",
    "Limits",
    "Rate",
    "RelayState",
    "WarmUp",
    "claim_size",
    "grant",
    "halved",
    "parse_rate",
    "share_of",
]

SECONDS = {"s": 1, "min": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|min|hour|day)")

AHEAD = 1.0
"""Seconds of moments that are granted at once: what a process that dies leaves unused."""
SKEW = 60.0
"""Seconds by which the clocks of two machines may differ. What lies further ahead was written by a wrong clock."""
LEAST = 1 / 16
"""The smallest share of its rate and its lanes that a slow relay is left with."""
_MOST = 999_999_999
_RECOVERY = 600.0
_CALM = 10.0


@dataclass(frozen=True, slots=True)
class Rate:
    """So many ``messages`` in so many ``seconds``."""

    messages: int
    seconds: int

    @property
    def spaced(self) -> bool:
        """Held by a moment for each message; the others are counted."""
        return self.seconds <= 60

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    def __str__(self) -> str:
        return f"{self.messages}/{next(name for name, seconds in SECONDS.items() if seconds == self.seconds)}"


def parse_rate(written: str) -> Rate:
    """``14/s``, ``300/min``, ``500/hour``, ``10000/day``. Raises ValueError with what to write. Pure."""
    match = _RATE.fullmatch(written.replace(" ", ""))
    if match is None:
        raise ValueError(f'"{written}" is not a rate: write for example "14/s", "300/min", "500/hour" or "10000/day"')
    return Rate(int(match[1]), SECONDS[match[2]])


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """A relay that is new to us: ``first`` messages on the day ``since``, each day ``factor`` times as many."""

    since: date
    first: int
    factor: float = 2.0

    def rate(self, day: date) -> Rate:
        """The day's rate. Pure."""
        days = min(max(0, (day - self.since).days), 60)
        return Rate(int(min(_MOST, self.first * self.factor**days)), 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a relay takes. ``messages`` and ``age`` (seconds) are of one connection; 0: no limit is known."""

    rates: tuple[Rate, ...] = ()
    lanes: int = 8
    messages: int = 0
    age: float = 0.0
    warm_up: WarmUp | None = None

    def rates_at(self, now: datetime) -> tuple[Rate, ...]:
        """Its rates, that of the warm-up's day (UTC) among them. Pure."""
        return self.rates if self.warm_up is None else (*self.rates, self.warm_up.rate(now.date()))

    @property
    def useful_lanes(self) -> int:
        """Lanes that its rate can keep busy: an idle session is one that the relay ends."""
        return max(1, min([self.lanes, *(ceil(rate.per_second * 4) for rate in self.rates if rate.spaced)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """What all processes know about a relay. Times are seconds since 1970.

    ``next_at``      the first moment that nobody has been granted
    ``share``        of its rates and lanes, as of ``share_at``; it grows by itself (`share_of`)
    ``aside_until``  nothing is given to it before that, for ``reason``
    """

    next_at: float = 0.0
    share: float = 1.0
    share_at: float = 0.0
    aside_until: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """Messages given in the window of a counted rate, and when the oldest of them leaves it (seconds since 1970)."""

    messages: int
    free_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """``count`` moments: the first at ``start``, the others ``spacing`` seconds apart. Seconds since 1970.

    With ``count`` 0: ``again_at`` says when to ask again, and ``reason`` what stands against it.
    """

    count: int
    start: float = 0.0
    spacing: float = 0.0
    share: float = 1.0
    again_at: float = 0.0
    reason: str = ""


def share_of(state: RelayState, now: float) -> float:
    """The relay's share now: it grows steadily, from nothing to all in ten minutes. Pure."""
    return min(1.0, state.share + max(0.0, now - state.share_at) / _RECOVERY)


def halved(state: RelayState, now: float) -> RelayState:
    """The relay's state after it slowed down; what several lanes notice within ten seconds counts once. Pure."""
    if 0 <= now - state.share_at < _CALM and state.share < 1:
        return state
    return replace(state, share=max(LEAST, share_of(state, now) / 2), share_at=now)


def grant(
    state: RelayState, rates: Sequence[Rate], counted: Mapping[int, Counted], *, want: int, now: float
) -> tuple[Grant, RelayState]:
    """Up to ``want`` moments for one process, and the relay's state after that. Pure.

    ``counted``  by the seconds of each counted rate: what was given in its window
    """
    share = share_of(state, now)
    if now < state.aside_until <= now + 86400 + SKEW:
        return Grant(count=0, share=share, again_at=state.aside_until, reason=state.reason), state
    for rate in rates:
        if not rate.spaced:
            known = counted[rate.seconds]
            if known.messages >= rate.messages:
                return Grant(count=0, share=share, again_at=known.free_at, reason=f"its rate is {rate}"), state
            want = min(want, rate.messages - known.messages)
    spaced = [rate for rate in rates if rate.spaced]
    if not spaced:
        return Grant(count=want, start=now, share=share), state
    slowest = min(spaced, key=lambda rate: rate.per_second)
    spacing = 1 / (slowest.per_second * share)
    start = max(now, state.next_at)
    if start > now + AHEAD + SKEW + 1 / (slowest.per_second * LEAST):
        start = now  # the clock was set back
    room = now + AHEAD - start
    if room < 0:
        return Grant(count=0, share=share, again_at=start - AHEAD, reason=f"its rate is {slowest}"), state
    count = min(want, max(1, int(room / spacing)))
    return (
        Grant(count=count, start=start, spacing=spacing, share=share),
        replace(state, next_at=start + count * spacing),
    )


def claim_size(rates: Sequence[Rate], most: int) -> int:
    """The messages of a claim, at most ``most``: half a minute's work, since one is in hand and one ahead. Pure."""
    return max(1, min([most, *(ceil(rate.per_second * 30) for rate in rates if rate.spaced)]))
