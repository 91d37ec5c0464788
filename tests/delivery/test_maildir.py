"""Messages in a Maildir."""

from __future__ import annotations

import asyncio
import mailbox
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.delivery.maildir import Maildir, file_name
from publisher.model.delivery import Outgoing, Result
from publisher.model.errors import PublisherError, TransportError
from tests.delivery.attempts import RememberingLog, deliver, outgoing


def test_a_message_is_a_file_that_mail_programs_read(tmp_path: Path) -> None:
    log = RememberingLog()
    run = asyncio.run(deliver(Maildir(tmp_path / "mail"), [outgoing(1)], log=log))
    assert run.error is None
    assert run.results() == {1: Result.ACCEPTED}
    (message,) = mailbox.Maildir(tmp_path / "mail", create=False)
    assert message["Subject"] == "number 1"
    content = (tmp_path / "mail" / "new" / file_name("<d1.k@example.org>")).read_bytes()
    assert content == (
        b"Return-Path: <bounces+k@example.org>\nDelivered-To: reader1@example.com\nSubject: number 1\n\nHello\n"
    )
    assert log.events == [("started", 1), ("replied", 1)]
    assert not list((tmp_path / "mail" / "tmp").iterdir())


def test_delivering_again_doubles_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    asyncio.run(deliver(Maildir(folder), [outgoing(1), outgoing(2)]))
    read = folder / "new" / file_name("<d1.k@example.org>")
    read.rename(folder / "cur" / f"{read.name}:2,S")
    run = asyncio.run(deliver(Maildir(folder), [outgoing(1), outgoing(2), outgoing(3)]))
    assert set(run.results().values()) == {Result.ACCEPTED}
    assert len(list((folder / "new").iterdir())) == 2
    assert len(list((folder / "cur").iterdir())) == 1


def test_a_message_that_was_read_meanwhile_is_still_known(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    transport = Maildir(folder)
    asyncio.run(deliver(transport, [outgoing(1)]))
    read = folder / "new" / file_name("<d1.k@example.org>")
    os.utime(folder / "cur", ns=(1, 1))
    read.rename(folder / "cur" / f"{read.name}:2,RS")
    asyncio.run(deliver(transport, [outgoing(1)]))
    assert not list((folder / "new").iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file, not a folder")
    run = asyncio.run(deliver(Maildir(tmp_path / "mail"), map(outgoing, range(100))))
    assert isinstance(run.error, TransportError)
    assert str(tmp_path / "mail") in str(run.error)
    assert "\n" not in str(run.error)
    assert set(run.results().values()) == {Result.UNTOUCHED}
    assert len(run.taken) < 20


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir(mode=0o500)
    run = asyncio.run(deliver(Maildir(tmp_path / "mail"), [outgoing(1)]))
    assert isinstance(run.error, TransportError)
    assert "Permission denied" in str(run.error)


def test_a_folder_that_goes_away_stops_the_run_and_loses_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "mail"

    def messages() -> Iterator[Outgoing]:
        for number in range(40):
            if number == 20:
                (folder / "tmp").rmdir()
            yield outgoing(number)

    run = asyncio.run(deliver(Maildir(folder), messages()))
    assert isinstance(run.error, TransportError)
    results = list(run.results().values())
    assert results.count(Result.ACCEPTED) == len(list((folder / "new").iterdir()))
    assert set(results) == {Result.ACCEPTED, Result.UNTOUCHED}


def test_a_full_disk_defers_the_message_and_leaves_no_half_file(tmp_path: Path) -> None:
    # A limit on the size of files (EFBIG) stands for the full disk; it holds for a whole process.
    program = textwrap.dedent(
        f"""
        import asyncio, resource, signal
        from pathlib import Path
        from publisher.delivery.maildir import Maildir
        from tests.delivery.attempts import deliver, outgoing
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        large = outgoing(2, buffers=(b"Subject: large\\r\\n\\r\\n", b"x" * 70 + b"\\r\\n") * 100)
        run = asyncio.run(deliver(Maildir(Path({str(tmp_path)!r})), [outgoing(1), large, outgoing(3)]))
        print(run.error, [run.results()[number].value for number in (1, 2, 3)], run.outcome(2).reply)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert "None ['accepted', 'deferred', 'accepted']" in done.stdout
    assert "File too large" in done.stdout
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096
    assert len(list((tmp_path / "new").iterdir())) == 2
    assert not list((tmp_path / "tmp").iterdir())


def test_stop_leaves_the_rest_where_it_is(tmp_path: Path) -> None:
    run = asyncio.run(deliver(Maildir(tmp_path), map(outgoing, range(1000)), stop_after=1))
    assert run.error is None
    assert len(run.taken) < 50
    assert len(list((tmp_path / "new").iterdir())) == len(run.taken)


def test_an_error_of_the_messages_comes_out_after_the_outcomes(tmp_path: Path) -> None:
    def messages() -> Iterator[Outgoing]:
        yield outgoing(1)
        raise PublisherError("the digest is gone")

    run = asyncio.run(deliver(Maildir(tmp_path), messages()))
    assert run.results() == {1: Result.ACCEPTED}
    assert "the digest is gone" in str(run.error)


def test_a_log_that_cannot_write_keeps_every_message_back(tmp_path: Path) -> None:
    class FullLog(RememberingLog):
        async def started(self, outgoing: Outgoing) -> None:
            raise PublisherError("the journal's disk is full")

    run = asyncio.run(deliver(Maildir(tmp_path), [outgoing(1)], log=FullLog()))
    assert run.results() == {1: Result.UNTOUCHED}
    assert not list((tmp_path / "new").iterdir())
    assert "journal" in str(run.error)


def test_an_address_with_a_line_break_fails_for_itself(tmp_path: Path) -> None:
    run = asyncio.run(deliver(Maildir(tmp_path), [outgoing(1, recipient="a@b\nX: y"), outgoing(2)]))
    assert run.results() == {1: Result.FAILED, 2: Result.ACCEPTED}
