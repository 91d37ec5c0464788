"""`publisher schedule`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import time_machine

from tests.cli.conftest import Program


@pytest.fixture(autouse=True)
def here(folder: Path, sqlite_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@time_machine.travel("2026-03-27T12:00Z")
def test_the_next_slots_are_listed_with_the_change_of_clock(program: Program) -> None:
    answer = program("schedule", "world", "--next", "2")
    assert answer.status == 0
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert lines[0] == "cadence local time UTC articles readers note"
    assert "weekly Sun 29 Mar 2026 08:00 2026-03-29 06:00 the clock goes forward 1 h on 2026-03-29" in lines
    assert "daily Mon 30 Mar 2026 07:00 2026-03-30 05:00 the clock goes forward 1 h on 2026-03-29" in lines


@time_machine.travel("2026-03-02T09:00Z")
def test_json_says_articles_and_recipients_as_of_now(program: Program) -> None:
    assert program("subscribers", "add", "ana@example.com", "--newsletter", "world").status == 0
    slots = json.loads(program("schedule", "world", "--next", "1", "--json").out)
    assert [(slot["cadence"], slot["local"], slot["recipients"]) for slot in slots] == [
        ("daily", "2026-03-03T07:00:00+01:00", [1]),
        ("weekly", "2026-03-08T08:00:00+01:00", []),
    ]
    assert len(slots[0]["articles"]) == 1


def test_a_newsletter_that_is_not_there_is_told(program: Program) -> None:
    answer = program("schedule", "wrld")
    assert answer.status == 2
    assert "world" in answer.err
