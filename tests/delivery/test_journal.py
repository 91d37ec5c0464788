"""The delivery journal: what a dead worker leaves, after a kill and after a power failure."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.delivery import journal as journals
from publisher.delivery.journal import Journal, left_behind
from publisher.model.delivery import Outcome, Result
from publisher.model.errors import OutputError
from tests.delivery.attempts import outgoing


def accepted(delivery: int) -> Outcome:
    return Outcome(delivery=delivery, fence=7, result=Result.ACCEPTED, code=250, reply="2.0.0 Ok", relay="relay:25")


def killed(state: Path, scene: Callable[[Journal], object], *, boot: str | None = None) -> dict[int, Result]:
    """What the next run finds after the scene, if the worker dies there and its file stays as it is."""

    async def play() -> None:
        with Journal(state, boot=boot) as journal:
            await scene(journal)  # type: ignore[misc]
            journal._open[0] = 0  # so that the file stays

    asyncio.run(play())
    return {outcome.delivery: outcome.result for _, _, found in left_behind(state) for outcome in found}


async def three_messages(journal: Journal) -> None:
    """One replied, one in the air, one announced."""
    journal.announce([outgoing(1), outgoing(2), outgoing(3)])
    await journal.started(outgoing(1))
    journal.replied(accepted(1))
    await journal.started(outgoing(2))


def test_after_a_kill_only_what_was_in_the_air_is_unknown(tmp_path: Path) -> None:
    assert killed(tmp_path, three_messages) == {1: Result.ACCEPTED, 2: Result.UNKNOWN}


def test_a_reply_and_the_next_dot_may_be_told_at_once(tmp_path: Path) -> None:
    async def at_once(journal: Journal) -> None:
        journal.announce([outgoing(1), outgoing(2)])
        await journal.started(outgoing(1))
        assert journal.turn(accepted(1), outgoing(2))

    assert killed(tmp_path, at_once) == {1: Result.ACCEPTED, 2: Result.UNKNOWN}


def test_nothing_is_told_where_the_next_message_is_held_or_not_yet_on_the_disk(tmp_path: Path) -> None:
    async def held(journal: Journal) -> None:
        journal.announce([outgoing(1), outgoing(2, edition=5)])
        await journal.started(outgoing(1))
        journal.held = {5}
        assert not journal.turn(accepted(1), outgoing(2, edition=5))
        assert not journal.turn(accepted(1), outgoing(3))

    assert killed(tmp_path, held) == {1: Result.UNKNOWN}


def test_after_a_power_failure_whatever_was_announced_may_have_left(tmp_path: Path) -> None:
    found = killed(tmp_path, three_messages, boot="another start of the machine")
    assert found == {1: Result.ACCEPTED, 2: Result.UNKNOWN, 3: Result.UNKNOWN}


def test_a_message_that_nobody_announced_is_announced_before_its_dot(tmp_path: Path) -> None:
    async def one(journal: Journal) -> None:
        await journal.started(outgoing(4))
        assert b"S\t4\t7\nD\t4\t7\n" in journal._path.read_bytes()

    killed(tmp_path, one)


def test_a_torn_line_and_whatever_is_no_line_of_ours_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "journal-x.log").write_bytes(
        f"W\tx\t{journals.this_boot()}\nD\t1\t7\nD\t2\nR\t1\t7\tacce\nD\t3\tx\n\nR\t1\t7\taccepted\t250\t0.1\trelay\t2".encode()
    )
    ((_, worker, outcomes),) = left_behind(tmp_path)
    assert worker == "x"
    assert [(outcome.delivery, outcome.result) for outcome in outcomes] == [(1, Result.UNKNOWN)]


def test_a_journal_with_nothing_open_is_removed(tmp_path: Path) -> None:
    async def play() -> None:
        with Journal(tmp_path) as journal:
            await three_messages(journal)
            journal.replied(accepted(2))
            untouched = Outcome(delivery=3, fence=7, result=Result.UNTOUCHED)
            journal.recorded([accepted(1), accepted(2), untouched])

    asyncio.run(play())
    assert list(tmp_path.glob("journal-*")) == []


def test_compacting_keeps_what_the_database_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "COMPACT_AT", 2000)

    async def many(journal: Journal) -> None:
        for number in range(1, 101):
            await journal.started(outgoing(number))
            journal.replied(accepted(number))
            if number < 100:
                journal.recorded([accepted(number)])
        await journal.started(outgoing(101))
        assert len(journal._path.read_bytes().rstrip(b"\0")) < 4000

    found = killed(tmp_path, many)
    assert found[100] is Result.ACCEPTED
    assert [number for number, result in found.items() if result is Result.UNKNOWN] == [101]


def test_a_journal_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "journal-host-1-ab.log"
    if os.geteuid() == 0:  # root reads anything, but not a folder
        path.mkdir()
    else:
        path.touch(mode=0)
    with pytest.raises(OutputError, match=r"a delivery journal cannot be read \(.+\); let one user run publisher"):
        list(left_behind(tmp_path))


async def many_started(journal: Journal) -> None:
    for number in range(1, 40_001):
        await journal.started(outgoing(number))


def test_a_journal_grows_beyond_its_first_room(tmp_path: Path) -> None:
    async def play() -> None:
        with Journal(tmp_path, durable=False) as journal:
            await many_started(journal)

    asyncio.run(play())
    ((_, _, outcomes),) = left_behind(tmp_path)
    assert [outcome.delivery for outcome in outcomes] == list(range(1, 40_001))


def test_a_line_that_ends_in_zeros_was_torn(tmp_path: Path) -> None:
    (tmp_path / "journal-x.log").write_bytes(
        f"W\tx\t{journals.this_boot()}\nD\t1\t7\n".encode()
        + b"R\t1\t7\taccepted\t250\t0.1\trelay\t2.0.0\0\0\0D\t2\t7\n\0"
    )
    ((_, _, outcomes),) = left_behind(tmp_path)
    assert {outcome.delivery: outcome.result for outcome in outcomes} == {1: Result.UNKNOWN, 2: Result.UNKNOWN}


def test_a_full_disk_keeps_the_dot_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        with Journal(tmp_path, durable=False) as journal:

            def full(*_: int) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr("os.posix_fallocate", full)
            with pytest.raises(OutputError, match="cannot be written \\(No space left on device\\)"):
                await many_started(journal)
            monkeypatch.undo()

    asyncio.run(play())
    ((_, _, outcomes),) = left_behind(tmp_path)
    assert 1000 < len(outcomes) < 40_000


def test_what_must_be_told_to_the_database_is_told_before_the_dot(tmp_path: Path) -> None:
    told: list[int] = []

    async def play() -> None:
        with Journal(tmp_path, also=lambda messages: told.extend(one.delivery for one in messages)) as journal:
            journal.announce([outgoing(1), outgoing(2)])
            assert not journal.begin(outgoing(3))
            await journal.started(outgoing(2))
            assert told == [1, 2]

    asyncio.run(play())
