"""How a command speaks: steps, answers, tables, failures."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.cli.session import Session, plain_table
from publisher.model.delivery import DeliveryState
from publisher.model.errors import ConfigurationError, PublisherError


def test_steps_are_not_told_when_quiet_or_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("quiet", "as_json"):
        session = Session()
        setattr(session, name, True)
        session.say("a step")
        session.show("the answer")
        assert capsys.readouterr().out == "the answer\n"


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    rows = [("all", 7, None), ("science", 1204, "x")]
    assert list(plain_table(("name", "accepted", "note"), rows)) == [
        "name     accepted  note",
        "all             7",
        "science      1204  x",
    ]


def test_other_peoples_text_cannot_steer_the_terminal() -> None:
    assert list(plain_table(("name",), [("a\x1b[2Jb\nc",)])) == ["name", "a [2Jb c"]


def test_json_has_times_in_utc_and_values_by_their_fields(capsys: pytest.CaptureFixture[str]) -> None:
    Session().answer(
        {"at": datetime(2026, 1, 1, tzinfo=UTC), "in": Path("a/b"), "state": DeliveryState.QUEUED, "größe": 1}
    )
    out = capsys.readouterr().out
    assert json.loads(out) == {"at": "2026-01-01T00:00:00Z", "in": "a/b", "state": "queued", "größe": 1}
    assert "größe" in out


def test_a_failure_and_its_companions_are_a_line_each_and_decide_the_exit_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = Session()
    first = ConfigurationError("wrong", where="a.toml", line=3, remedy="mend it")
    first.also = (ConfigurationError("worse", where="b.toml"),)
    session.failed(first)
    session.failed(PublisherError("later"))
    assert capsys.readouterr().err == (
        "publisher: a.toml:3: wrong; mend it\npublisher: b.toml: worse\npublisher: later\n"
    )
    assert session.status == 2
