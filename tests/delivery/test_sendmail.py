"""A sendmail command, and a folder of .eml files, as transports."""

from __future__ import annotations

import stat
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from publisher.delivery.eml import EmlFolder
from publisher.delivery.sendmail import Sendmail
from publisher.model.delivery import Result
from publisher.model.errors import TransportError
from publisher.model.rate import Limits, parse_rate
from publisher.store import Store
from tests.delivery import going_out
from tests.delivery.attempts import RememberingLog, deliver, outgoing, run


def command(folder: Path, script: str, limits: Limits | None = None) -> Sendmail:
    """A command of that shell script; ``$5`` is the recipient."""
    program = folder / "sendmail"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Sendmail([str(program)], limits=limits or Limits(lanes=3), seconds=1)


def test_the_command_gets_the_message_and_the_envelope_as_arguments(tmp_path: Path) -> None:
    async def scene() -> None:
        log = RememberingLog()
        transport = command(tmp_path, f'echo "$@" > {tmp_path}/"$5".args; cat > {tmp_path}/"$5".msg')
        ran = await deliver(transport, map(outgoing, range(1, 9)), log=log)
        assert set(ran.results().values()) == {Result.ACCEPTED}
        assert log.started_ids == set(range(1, 9))

    run(scene)
    for number in range(1, 9):
        reader = f"reader{number}@example.com"
        assert (tmp_path / f"{reader}.args").read_text() == f"-i -f bounces+k@example.org -- {reader}\n"
        assert (tmp_path / f"{reader}.msg").read_bytes() == f"Subject: number {number}\n\nHello\n".encode()


@pytest.mark.parametrize(
    ("script", "result", "reply"),
    [
        ("cat >/dev/null; exit 67", Result.FAILED, "exit status 67"),
        ("cat >/dev/null; echo busy >&2; exit 75", Result.DEFERRED, "exit status 75: busy"),
        ("cat >/dev/null; exit 1", Result.DEFERRED, "exit status 1"),
        ("exit 75", Result.DEFERRED, "exit status 75"),
        ("kill -9 $$", Result.UNKNOWN, "ended by SIGKILL"),
        ("exec sleep 30", Result.UNKNOWN, "no end within 1 s"),
    ],
)
def test_its_exit_status_is_the_outcome(tmp_path: Path, script: str, result: Result, reply: str) -> None:
    async def scene() -> None:
        ran = await deliver(command(tmp_path, script), [outgoing(1)])
        assert ran.error is None
        assert (ran.outcome(1).result, ran.outcome(1).reply) == (result, reply)

    run(scene)


def test_a_command_that_cannot_be_used_touches_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        for transport in (Sendmail([str(tmp_path / "none")]), command(tmp_path, "cat >/dev/null; exit 64")):
            ran = await deliver(transport, map(outgoing, range(20)))
            assert isinstance(ran.error, TransportError)
            assert "/usr/sbin/sendmail" in str(ran.error)
            assert set(ran.results().values()) == {Result.UNTOUCHED}

    run(scene)


def test_no_address_can_be_an_option_of_the_command(tmp_path: Path) -> None:
    async def scene() -> None:
        ran = await deliver(command(tmp_path, "exit 0"), [outgoing(1, recipient="-Xlog@example.com")])
        assert ran.results() == {1: Result.FAILED}

    run(scene)


def test_a_folder_of_eml_files_has_each_message_once_as_on_the_wire(tmp_path: Path) -> None:
    async def scene() -> None:
        for _ in range(2):
            ran = await deliver(EmlFolder(tmp_path / "out"), map(outgoing, range(20)))
            assert set(ran.results().values()) == {Result.ACCEPTED}

    run(scene)
    files = list((tmp_path / "out").iterdir())
    assert len(files) == 20
    assert {file.suffix for file in files} == {".eml"}
    parsed = [BytesParser(policy=policy.default).parsebytes(file.read_bytes()) for file in files]
    assert {message["Subject"] for message in parsed} == {f"number {number}" for number in range(20)}
    assert all(b"\r\n" in file.read_bytes() for file in files)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def scene() -> None:
        ran = await deliver(EmlFolder(tmp_path / "file" / "out"), [outgoing(1)])
        assert isinstance(ran.error, TransportError)
        assert ran.results() == {1: Result.UNTOUCHED}

    run(scene)


def test_the_command_is_given_no_more_than_its_rate(folder: Path, store: Store) -> None:
    going_out.edition_for(store, 9)
    transport = command(folder, "cat >/dev/null", Limits(lanes=3, rates=(parse_rate("5/hour"),)))
    delivered = going_out.deliver(folder, store, transport)
    assert (delivered.accepted, delivered.waiting) == (5, 4)
    assert "5/hour" in delivered.waits_for
