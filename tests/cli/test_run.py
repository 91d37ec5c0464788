"""`publisher run` at the command line: odd times, and being told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "yesterday", ""])
def test_a_time_that_is_none_is_wrong_usage(publication: Path, program: Program, moment: str) -> None:
    answer = program("run", "--now", moment)
    assert answer.status == 2
    assert answer.err.startswith(f'publisher: --now "{moment}" is not a time;')


def test_a_length_of_time_beyond_all_reason_is_no_fault(publication: Path, program: Program) -> None:
    assert program("run", "--max-time", "99999999 weeks").status == 0
    assert program("run", "--max-time", f"{10**30} weeks").err == "publisher: --max-time: longer than any calendar\n"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_told_to_stop_while_the_relay_is_silent_it_says_what_waits(
    publication: Path, program: Program, number: signal.Signals, status: int
) -> None:
    """The first signal is enough; Ctrl-C ends with 130."""
    settings = publication / "feeds" / "all.toml"
    newsletter = 'title = "All"\n[newsletter]\nsender = "Desk <desk@example.org>"\nsince = 2026-01-01\n'
    settings.write_text(newsletter + '[newsletter.cadences]\ndaily = "07:00"\n', "utf-8")
    for other in publication.glob("feeds/*.toml"):
        if other != settings:
            other.unlink()
    article = '+++\ntitle = "Fog"\ndate = 2026-03-02T05:00:00\n+++\nFog.\n'
    (publication / "articles" / "fog.md").write_text(article, "utf-8")
    assert program("subscribers", "add", "ana@example.com").status == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        relay = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        assert program("config", "set", "delivery.transport", relay).status == 0
        running = subprocess.Popen(
            [sys.executable, "-m", "publisher", "run", "--now", "2026-03-02T07:05"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
        connection.close()
    assert (running.returncode, err) == (status, "")
    assert out.splitlines()[-1] == "delivered: nothing; what is due waits for the next run"
