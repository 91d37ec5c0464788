"""How a delivery gets on: a line that lives on a terminal, a line a minute in cron."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session

if TYPE_CHECKING:
    from publisher.delivery.delivered import Delivered

__all__ = ["Pace", "Progress", "progress_text"]

A_MINUTE = timedelta(minutes=1)
OFTEN = timedelta(milliseconds=100)
WINDOW = timedelta(seconds=20)
"""The rate is that of the last so many seconds."""


class Pace:
    """Messages a second, of late. Touches nothing; `at` is told the time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[datetime, int]] = deque()

    def at(self, now: datetime, attempts: int) -> float:
        """The rate at ``now``, when so many attempts were made; 0 before it is known."""
        self._seen.append((now, attempts))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()
        began, first = self._seen[0]
        seconds = (now - began).total_seconds()
        return (attempts - first) / seconds if seconds > 0 else 0.0


def progress_text(delivered: Delivered, *, expected: int, rate: float) -> str:
    """``delivering: 1,204 of 3,000 accepted, 2 deferred, 1 failed; 310 a second, 6 seconds left``. Pure."""
    total = max(expected, delivered.attempts)
    parts = [f"{delivered.accepted:,} of {total:,} accepted", f"{delivered.deferred:,} deferred"]
    parts.append(f"{delivered.failed:,} failed")
    parts += [f"{number:,} {name}" for name in ("refused", "unknown") if (number := getattr(delivered, name))]
    text = f"delivering: {', '.join(parts)}"
    if rate > 0:
        speed = f"{rate:,.0f} a second" if rate >= 1 else f"{rate * 60:,.0f} a minute"
        text += f"; {speed}, {_span((total - delivered.attempts) / rate)} left"
    return text


def _span(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {name}s"
    whole = round(seconds)
    return f"{whole} second{'' if whole == 1 else 's'}"


class Progress:
    """Shows it. ``expect`` is asked once, when the first message has gone out: how many there are to deliver.

    Not with --quiet or --json.
    """

    def __init__(self, session: Session, expect: Callable[[], int]) -> None:
        self._session = session
        self._expect = expect
        self._expected: int | None = None
        self._pace = Pace()
        self._pace.at(session.now(), 0)
        self._last = session.now()
        self._shown = False

    def __call__(self, delivered: Delivered) -> None:
        session, now = self._session, self._session.now()
        if session.quiet or session.as_json:
            return
        if self._expected is None:
            self._expected = self._expect()
        rate = self._pace.at(now, delivered.attempts)
        if now - self._last < (OFTEN if session.terminal else A_MINUTE):
            return
        self._last = now
        text = progress_text(delivered, expected=self._expected, rate=rate)
        if session.terminal:
            self._shown = True
            # A line that wraps would not be written over.
            click.echo(f"\r{text[: shutil.get_terminal_size().columns - 1]}\033[K", nl=False)
        else:
            click.echo(text)

    def end(self) -> None:
        """Takes the living line away."""
        if self._shown:
            click.echo("\r\033[K", nl=False)
            self._shown = False
