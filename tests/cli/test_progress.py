"""How a delivery gets on, as a person and as cron see it."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest

from publisher.cli.progress import Pace, Progress, progress_text
from publisher.cli.session import Session
from publisher.delivery.delivered import Delivered

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)


class Standing(Session):
    """A session whose clock is moved by hand."""

    moment = NOW

    def now(self) -> datetime:
        return self.moment


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_line_says_how_many_how_fast_and_how_long_still() -> None:
    delivered = Delivered(accepted=1204, deferred=2, failed=1)
    assert progress_text(delivered, expected=3000, rate=310) == (
        "delivering: 1,204 of 3,000 accepted, 2 deferred, 1 failed; 310 a second, 6 seconds left"
    )
    assert progress_text(delivered, expected=1_000_000, rate=0.5).endswith("; 30 a minute, 23 days left")
    assert progress_text(Delivered(accepted=5), expected=3, rate=0) == (
        "delivering: 5 of 5 accepted, 0 deferred, 0 failed"
    )


def test_the_rate_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.at(NOW, 0) == 0
    assert pace.at(NOW + timedelta(seconds=10), 1000) == 100
    for second in range(11, 60):
        rate = pace.at(NOW + timedelta(seconds=second), 1000 + 10 * (second - 10))
    assert rate == pytest.approx(10, rel=0.01)


def test_a_terminal_has_a_living_line_which_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    session = Standing()
    progress = Progress(session, lambda: 4)
    for number in (1, 2):
        session.moment += timedelta(seconds=1)
        progress(Delivered(accepted=number))
    progress.end()
    assert out.getvalue() == (
        "\rdelivering: 1 of 4 accepted, 0 deferred, 0 failed; 1 a second, 3 seconds left\033[K"
        "\rdelivering: 2 of 4 accepted, 0 deferred, 0 failed; 1 a second, 2 seconds left\033[K"
        "\r\033[K"
    )


def test_elsewhere_it_is_a_line_a_minute_and_none_with_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    session = Standing()
    for quiet in (False, True):
        session.quiet = quiet
        progress = Progress(session, lambda: 600)
        for number in range(1, 301):
            session.moment += timedelta(seconds=1)
            progress(Delivered(accepted=number))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0] == "delivering: 60 of 600 accepted, 0 deferred, 0 failed; 1 a second, 9 minutes left"
